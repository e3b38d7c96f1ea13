"""How large the outputs of a loss of several may be, all at once, while value and slopes stay within a format.

The loss is enclosed over the whole box of outputs at once, in the numbers that its formula is made of: of K scores
within ±B log-probabilities lie between −2B − log K and 0, and so on, for every K up to `MOST_CLASSES`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any, Protocol

import mpmath
from mpmath import mpf

from lossmith.facts import Fact
from lossmith.formula import parse
from lossmith.program import Program, Step
from lossmith.symbolic.finite import LARGEST, usual
from lossmith.symbolic.ledger import WITHIN, Claim, add
from lossmith.symbolic.literal import literal
from lossmith.symbolic.ranges import Ranges
from lossmith.symbolic.slopes import NoSlope, differentiate
from lossmith.symbolic.spans import MAX, Span, plain
from lossmith.symbolic.strict import replaced

MOST_CLASSES = 2**20
SHARE = 2.0**-24
"""Of the largest number: what each part of a sum over so many classes may be."""
BITS = 1600
APART = 2.0**-10
"""How far thresholds must be apart."""
Ends = tuple[float, float]
Cell = Mapping[str, Ends]


class Loss(Protocol):
    """What is needed of a loss of several outputs."""

    @property
    def lift(self) -> Any:
        """Its name, and the names of its outputs."""

    @property
    def derived(self) -> Any:
        """`pointwise` and `slot` Programs, and `mean` where the lift has a link."""

    @property
    def params(self) -> Mapping[str, float]:
        """Parameters by name."""

    @property
    def tree(self) -> Any:
        """The formula."""


def _of_scores(B: float) -> dict[str, Ends]:
    """What K scores within ±B make of the slots of a formula."""
    low, many = -2 * B - math.log(MOST_CLASSES), math.log(MOST_CLASSES)
    return {
        "logp": (low, 0.0), "mean_logp": (low, -math.log(2) / 2), "entropy": (0.0, many), "rival": (0.0, 1.0),
        "sum_p2": (1 / MOST_CLASSES, 1.0), "logsumexp": (-B, B + many),
    }  # fmt: skip


def _cells(loss: Loss, program: Program, B: float) -> Iterator[Cell]:
    """The boxes that truths and outputs within ±B make of the inputs of a program."""
    wide = (-2 * B, 2 * B)
    if "u" in program.inputs and loss.lift.name == "normalised":
        low, high = _between(loss)
        yield from ({"y": (y, y), "u": (low - 2 * B, high)} for y in (0.0, 1.0))
    elif loss.lift.name == "ordinal":
        yield from ({"kind": (k, k), **dict.fromkeys("uab", wide), "h": (APART / 2, 2 * B)} for k in (1.0, 2.0, 3.0))
    elif program.inputs == ("m",):
        yield {"m": wide}
    else:
        labels = (0.0, 1.0) if "y" in program.inputs else (1.0,)
        yield from ({**_of_scores(_reach(loss, B)), "y": (y, y), "cost": (0.0, 1.0)} for y in labels)


def _reach(loss: Loss, B: float) -> float:
    """How large scores within ±B become before their softmax is taken: multiplied, shifted, lowered by margins."""
    if loss.lift.name != "adjusted":
        return B
    shifts, _, margins = loss.lift.numbers
    return float(B * loss.lift.stretch + max(map(abs, shifts), default=0.0) + max(margins, default=0.0))


def _between(loss: Loss) -> Ends:
    """Numbers between which the largest score of a normalised loss lies above its level, for few and many classes."""
    link = loss.derived.mean.only("e")

    def share(u: float) -> Any:
        return link.run({**_own(loss, link), "u": u})["e"]

    sizes = [0.0, *(2.0**k for k in range(13))]
    low = next((-u for u in sizes if share(-u) * MOST_CLASSES < 1), -math.inf)
    return low, next((u for u in sizes if share(u) >= 1), math.inf)


def _own(loss: Loss, program: Program) -> dict[str, float]:
    return {n: v for n, v in loss.params.items() if n in program.params}


def _programs(loss: Loss) -> Iterator[Program]:
    """The value and its slopes in everything that the outputs enter by."""
    if loss.lift.name == "ordinal":
        found = literal(loss.tree, ("kind", "u", "a", "b", "h"), tuple(loss.params))
        value = None if found is None else found.only("value")
        if value is not None:
            yield value
            yield from (differentiate(value, n, "value") for n in ("u", "a", "b", "h"))
        return
    slot = loss.derived.slot
    slopes = {"value", "d1", *(f"d_{n}" for n in slot.inputs)}
    yield slot.only(*(n for n in slot.wants if n in slopes))


def _stays(loss: Loss, programs: list[Program], B: float, most: float) -> bool:
    """Are value and slopes within the limit over all boxes?"""
    for program in programs:
        ranges = Ranges(program, _own(loss, program))
        for cell in _cells(loss, program, B):
            spans = ranges.at({n: Span(0, *cell[n]) for n in program.inputs}, strict=False)[0]
            if not all(-most <= x.low and x.high <= most for x in spans.values()):
                return False
    return True


FAR = 2.0**20
"""Where the tail of a log-probability begins."""
BEYOND = {"logp": Span(1, -1.0, -1.0), "mean_logp": Span(1, -math.inf, -1 / MOST_CLASSES)}
"""There logp is −T, and of K log-probabilities, none above 0, the mean is at most −T/K."""


def _everywhere(loss: Loss, programs: list[Program], most: float, B: float) -> bool:
    """Are value and slopes within the limit for scores within ±B, log-probabilities far out looked at as they fade?"""
    parts = [(program, part) for program in programs for cell in _cells(loss, program, B) for part in _split(cell)]
    if not all(_inside(loss, program, part, most) for program, part in parts):
        return False
    for program, part in parts:
        _noted(loss, program, part, most)
    return True


Part = tuple[Cell, bool]
"""A box, and whether it is a tail of log-probabilities."""


def _split(cell: Cell) -> Iterator[Part]:
    """A box near 0, and where it has one the tail of its log-probabilities."""
    if "logp" in cell:
        yield {**cell, "logp": (cell["logp"][0], -FAR)}, True
        yield {**cell, "logp": (-FAR, 0.0)}, False
    else:
        yield cell, False


def _inside(loss: Loss, program: Program, part: Part, most: float) -> bool:
    """Are value and slopes within the limit on a part?"""
    (cell, tail), ranges = part, Ranges(program, _own(loss, program))
    spans = {n: BEYOND[n] if tail and n in BEYOND else Span(0, *cell[n]) for n in program.inputs}
    found = ranges.at(spans, start=FAR, strict=False)[0]
    return all(-most <= x.low and x.high <= most for x in (plain(x, FAR) for x in found.values()))


def _noted(loss: Loss, program: Program, part: Part, most: float) -> None:
    """Note that value and slopes stay within the limit on a part, in a tail by what share of logp the mean is."""
    cell, tail = part
    slot = next((n for n in ("logp", "u", "m") if n in program.inputs), program.inputs[0])
    if tail and "mean_logp" in program.inputs:
        steps = (Step("mean'", "mul", ("logp", "share")), *replaced(program, {"mean_logp": "mean'"}))
        inputs = tuple("share" if n == "mean_logp" else n for n in program.inputs)
        program, cell = replace(program, inputs=inputs, steps=steps), {**cell, "share": (1 / MOST_CLASSES, math.inf)}
    low, high = (Fraction(max(min(e, MAX), -MAX)) for e in cell[slot])
    others = {n: cell[n] for n in program.inputs if n != slot}
    for output in program.wants:
        own, alone = _own(loss, program), program.only(output)
        add(Claim(output, WITHIN, most, alone, own, slot, low, high, others))


FIRST = frozenset({"pairwise", "all_threshold"})
"""Margin lifts in which the label 0 is against the first score being the larger."""


def _at_ends(loss: Loss, most: float) -> Iterator[tuple[list[float], float, list[dict[str, Any]]]]:
    """Scores as far apart as can be, a label, and what they make of the inputs of the formula for each of its terms."""
    with mpmath.workprec(BITS):
        a, name = mpf(most), loss.lift.name
        if name == "adjusted":
            yield _adjusted_ends(loss, most)
        elif name == "ordinal":
            yield [most, -most, -most / 2], 0.0, [{"kind": 1, "score": a, "low": -a, "high": -a / 2}]
        elif loss.derived.slot.inputs == ("m",):
            yield [most, -most], 0.0 if name in FIRST else 1.0, [{"m": -2 * a}]
        elif name == "normalised":
            yield [most, -most], 1.0, [{"y": 1, "u": -2 * a}, {"y": 0, "u": mpf(0)}]
        else:
            known = {"mean_logp": -a, "entropy": 0, "rival": 0, "sum_p2": 1, "logsumexp": a, "cost": 0}
            terms = [{"y": 1, "logp": -2 * a, **known}]
            yield [most, -most], 1.0, [*terms, {"y": 0, "logp": mpf(0), **known}] if name == "divergence" else terms


def _adjusted_ends(loss: Loss, most: float) -> tuple[list[float], float, list[dict[str, Any]]]:
    """The two classes whose scores are multiplied most, as far apart as can be, and the first of them the true one."""
    _, factors, _ = loss.lift.numbers
    factors = factors or (1.0,) * max(2, len(loss.lift.priors))
    label, other = sorted(range(len(factors)), key=lambda k: -factors[k])[:2]
    scores = [-most if k == label else most if k == other else 0.0 for k in range(len(factors))]
    return scores, float(label), [{"logp": -mpf(most) * (mpf(factors[label]) + factors[other])}]


def _too_large(loss: Loss, most: float) -> dict[str, Any] | None:
    """Two scores, as far apart as can be, and a label at which the value is too large for the format."""
    value = loss.derived.slot.only("value")
    own = {n: mpf(v) for n, v in _own(loss, value).items()}
    for scores, label, terms in _at_ends(loss, most):
        with mpmath.workprec(BITS):
            total = sum(value._run_once({**own, **{n: mpf(t[n]) for n in value.inputs}})["value"] for t in terms)
            if abs(total) > mpf(most) * (1 + SHARE):
                return {"scores": scores, "label": label}
    return None


def largest_box(stays: Callable[[float], bool], most: float) -> float:
    """The largest B, but for a millionth, for which something was shown of all outputs within ±B; 0 if for none."""
    if stays(most):
        return most
    low, high = 2.0**-20, most
    if not stays(low):
        return 0.0
    while high > low * (1 + 1e-6):
        middle = math.sqrt(low) * math.sqrt(high)
        low, high = (middle, high) if stays(middle) else (low, middle)
    return low


PLAIN = parse("-logp")
"""Where scores are adjusted, the one formula whose share of the largest number leaves room for that."""


def of_scores(loss: Loss, kind: str) -> Fact:
    """Of a loss of K scores: every number of the format gives a finite loss, or those within a box do."""
    name, most = f"finite in {kind}", LARGEST[kind][0]
    if loss.lift.name == "adjusted" and loss.tree != PLAIN:
        return Fact(name, None, "scores that are multiplied first have a box of their own")
    try:
        programs = list(_programs(loss))
    except NoSlope:
        return Fact(name, None, "a word of the formula has no slope in words")
    limit = most * SHARE / max(1.0, loss.lift.stretch)  # slopes are multiplied as scores are
    if loss.lift.name != "ordinal" and _everywhere(loss, programs, limit, most):
        return Fact(
            name, True, f"value and slopes are finite for all scores of {kind} and any label, up to a million classes"
        )
    B = largest_box(lambda B: _stays(loss, programs, B, limit), most / 4) if programs else 0.0
    apart = f", thresholds {APART:g} apart" if loss.lift.name == "ordinal" else ""
    shown = f"finite for all scores within ±{B:.6g}{apart}, up to a million classes" if B else ""
    place = _too_large(loss, most)
    if place is None:
        return Fact(name, None, shown or "no box of scores was shown to keep value and slopes finite")
    at = ", ".join(f"{v:g}" for v in place["scores"])
    says = f"too large a value at scores {at} of label {place['label']:g}"
    return Fact(name, False, f"{shown}; {says}" if shown else says, place, constant=B or None)


def of_outputs(loss: Any, kind: str, found: Fact) -> Fact:
    """Of a formula of several outputs that was refuted: the box of outputs in which it is finite, at a usual truth."""
    most = LARGEST[kind][0]
    program = loss.program.only("value", *(f"d_{o}" for o in loss.outputs))
    truths = {n: usual(a, b) for n, (a, b) in loss.truths.items()}
    ranges = Ranges(program, _own(loss, program))

    def stays(B: float) -> bool:
        cell = {n: Span(0, -B, B) for n in loss.outputs} | {n: Span(0, v, v) for n, v in truths.items()}
        spans = ranges.at({n: cell[n] for n in program.inputs}, strict=False)[0]
        return all(-most <= x.low and x.high <= most for x in spans.values())

    B = largest_box(stays, most / 4)
    at = ", ".join(f"{n} = {v:g}" for n, v in truths.items())
    if not B or found.holds is None:
        return found
    return replace(found, because=f"finite for all outputs within ±{B:.6g}, {at}; {found.because}", constant=B)
