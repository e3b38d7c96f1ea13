"""Refutations at points and along curves: where a loss of several outputs sinks or steepens as two of them move."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import permutations
from typing import Protocol

from lossmith.domain import Interval
from lossmith.facts import Fact
from lossmith.program import Arg, Program, Step
from lossmith.symbolic.bounds import FAR
from lossmith.symbolic.case import Case
from lossmith.symbolic.cover import Region
from lossmith.symbolic.strict import replaced

PLACES = (4.0, 8.0, 16.0, 32.0)
"""Where along a curve the certificate looks: from the first to the last it must go on."""
ALONG: Mapping[str, tuple[str, ...]] = {"exp(s)": ("exp",), "exp(-s)": ("neg", "exp"), "s": (), "-s": ("neg",)}
"""What the second input is while the first one is s, and the words that make it."""


class Joint(Protocol):
    """What is needed of a loss of several outputs."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """Their names."""

    @property
    def truths(self) -> Mapping[str, tuple[float, float]]:
        """Where the truths lie."""

    @property
    def params(self) -> Mapping[str, float]:
        """Parameters by name."""

    @property
    def program(self) -> Program:
        """(truths, outputs) → value and slopes."""


Curve = tuple[str, str, str]
"""The input that is s, the input that goes with it, and how."""


def curves(loss: Joint) -> Iterator[Curve]:
    """Every pair of outputs, in every way: truths stay, as what is asked is asked for each of them."""
    for a, b in permutations(loss.outputs, 2):
        yield from ((a, b, how) for how in ALONG)


def fixed(loss: Joint, truth: float) -> dict[str, float]:
    """Every input where a curve does not move it: outputs at 0, truths as near to a number as they come."""
    return {**dict.fromkeys(loss.outputs, 0.0), **{n: min(max(truth, a), b) for n, (a, b) in loss.truths.items()}}


def along(loss: Joint, curve: Curve, truth: float, output: str) -> tuple[Region, Region]:
    """One output of the loss at both ends of a curve."""
    first, second, how = curve
    p = loss.program.only(output)
    steps: list[Step] = []
    last = "s"
    for k, word in enumerate(ALONG[how]):
        steps.append(Step(f"way{k}", word, (last,)))
        last = steps[-1].name
    names: dict[str, Arg] = {n: v for n, v in fixed(loss, truth).items() if n in p.inputs}
    names |= {first: "s", second: last}
    ((_, value),) = p.outputs
    outputs = (("value", names.get(str(value), value)), ("d1", math.nan), ("d2", math.nan))
    program = Program(("s",), p.params, (*steps, *replaced(p, names)), outputs)
    found = Case(program, dict(loss.params), "score", Interval()).pieces
    low, high = (Region(q.program, loss.params, "s", q.low, q.high) for q in (found[0], found[-1]))
    return low, high


Found = tuple[Curve, float, int]
"""A curve, the truth beside it, and the end to which it is followed."""


def _found(loss: Joint, output: str, sign: int) -> Found | None:
    """A curve along which an output runs off."""
    for truth in (1.0, 0.0):
        for curve in curves(loss):
            for side, region in zip((-1, 1), along(loss, curve, truth, output), strict=True):
                far = [x for x in region.tail("value", side, FAR) if x.power > 0 and (x.low > 0 or x.high < 0)]
                if any(sign == 0 or x.high < 0 for x in far):
                    return curve, truth, side
    return None


def _told(loss: Joint, found: Found, of: str) -> tuple[str, dict[str, object]]:
    """Where it goes, in words, and places on the way."""
    (first, second, how), truth, side = found
    places = [fixed(loss, truth) | {first: side * s, second: _second(how, side * s)} for s in PLACES]
    return f"{first} = s goes to {'+' if side > 0 else '−'}∞ with {second} = {how}", {"along": places, "of": of}


def _second(how: str, s: float) -> float:
    """The second input of a curve."""
    s = -s if "-" in how else s
    return math.exp(s) if "exp" in how else s


def sinking(loss: Joint) -> Fact | None:
    """The value has no bound below, along a curve."""
    found = _found(loss, "value", -1)
    if found is None:
        return None
    says, witness = _told(loss, found, "value")
    return Fact("bounded below", False, f"it sinks without end as {says}", witness)


def steepening(loss: Joint) -> Fact | None:
    """A slope has no bound, along a curve."""
    for output in loss.outputs:
        found = _found(loss, f"d_{output}", 0)
        if found is not None:
            says, witness = _told(loss, found, output)
            return Fact("Lipschitz", False, f"the slope in {output} grows without end as {says}", witness)
    return None


def roughening(loss: Joint) -> Fact | None:
    """A second derivative has no bound, along a curve."""
    for output in loss.outputs:
        found = _found(loss, f"d_{output}_{output}", 0)
        if found is not None:
            says, witness = _told(loss, found, output)
            because = f"the second derivative in {output} grows without end as {says}"
            return Fact("smooth", False, because, witness | {"order": 2})
    return None


def bent_at_a_point(loss: Joint, output: str, places: Iterable[dict[str, float]]) -> Fact | None:
    """A refutation at one of a few points, by the definitions."""
    second = f"d_{output}_{output}"
    program = loss.program.only(second)
    for at in places:
        value = program.run({**loss.params, **at})[second]
        if value < -LITTLE and program.run({**loss.params, **_beside(loss, at)})[second] < -LITTLE:
            shown = ", ".join(f"{n} = {v:g}" for n, v in at.items())
            says = f"the second derivative is {float(value):.4g} at {shown}"
            return Fact(f"convex in {output}", False, says, {output: at[output], **at, "d2": float(value)})
    return None


def _beside(loss: Joint, at: Mapping[str, float]) -> dict[str, float]:
    """A place nearby where no kink is met by chance."""
    return dict(at) | {n: at[n] + 2.0**-20 * (k + 1) for k, n in enumerate(loss.outputs)}


LITTLE = 1e-9
"""What is nearer to 0 is left to those who enclose it."""
