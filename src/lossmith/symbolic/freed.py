"""Terms of several outputs made simpler: truths by the branch that they lead to, and parts of a term as one unknown.

What holds whatever value a part takes, holds for the values that it does take.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any, ClassVar, Protocol, TypeVar

from lossmith.formula import Expr, name
from lossmith.symbolic.ledger import AT_LEAST, Claim, add
from lossmith.symbolic.literal import literal
from lossmith.symbolic.ranges import Ranges
from lossmith.symbolic.spans import Span

Limits = Mapping[str, tuple[float, float]]


class Known(Protocol):
    """What is needed of a loss of several outputs: a dataclass with these."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def truths(self) -> Limits:
        """Where the truths lie."""

    @property
    def params(self) -> Mapping[str, float]:
        """Parameters by name."""


L = TypeVar("L", bound=Known)


def exchanged(e: Expr, part: Expr, by: Expr) -> Expr:
    """The expression with a part of it replaced wherever it occurs."""
    return by if e == part else replace(e, args=tuple(exchanged(a, part, by) for a in e.args))


Ends = tuple[float, float]
UPPER = frozenset({("gt", True), ("ge", True), ("lt", False), ("le", False)})
"""Comparisons with a number, and how they come out, that leave the upper part of a range; others leave the lower."""
OPEN = frozenset({("gt", True), ("lt", True), ("ge", False), ("le", False)})
"""Those that leave the number itself out."""


def _cut(ends: Ends, level: float, word: str, holds: bool) -> Ends:
    low, high = ends
    if (word, holds) in UPPER:
        return max(low, math.nextafter(level, math.inf) if (word, holds) in OPEN else level), high
    return low, min(high, math.nextafter(level, -math.inf) if (word, holds) in OPEN else level)


def narrowed(loss: L, condition: Expr, holds: bool) -> L:
    """The loss with the truths for which a condition comes out so; as it is where that is not simple."""
    simple = condition.word in ("gt", "ge", "lt", "le") and condition.args[1].word == "number"
    if not simple or condition.args[0].name not in loss.truths:
        return loss
    truth, level = condition.args[0].name, condition.args[1].value
    low, high = _cut(loss.truths[truth], level, condition.word, holds)
    return replace(loss, truths={**loss.truths, truth: (low, high)}) if low <= high else loss


def freed(loss: Known, e: Expr, slot: str) -> tuple[Expr, Limits] | None:
    """The expression with each largest function of truths alone as a truth of its own; None if there is none."""
    truths: dict[str, tuple[float, float]] = {}
    for k, part in enumerate(sorted(set(_alone(e, slot, frozenset(loss.truths))), key=repr)):
        x = enclosed(loss, part)
        if x.low == x.low:
            truths[f"part{k}"] = (x.low, x.high)
            e = exchanged(e, part, name(f"part{k}"))
    return (e, {**loss.truths, **truths}) if truths else None


def _alone(e: Expr, slot: str, truths: frozenset[str]) -> Iterator[Expr]:
    if slot in e.names:
        for a in e.args:
            yield from _alone(a, slot, truths)
    elif e.args and e.names & truths:
        yield e


def enclosed(loss: Known, e: Expr) -> Span:
    """What a function of truths can be."""
    inputs = tuple(n for n in loss.truths if n in e.names)
    program = literal(e, inputs, tuple(loss.params))
    if program is None or e.truth:
        return Span(0, math.nan, math.nan)
    cell = {n: Span(0, *loss.truths[n]) for n in inputs}
    return Ranges(program.only("value"), loss.params).at(cell)[0]["value"]


def inner(e: Expr, outputs: frozenset[str]) -> set[Expr]:
    """The largest part of a term that all outputs enter by, if there is one: of one unknown then, whatever it is."""
    names = e.names & outputs
    found = [p for p in e.walk() if p != e and p.args and p.names & outputs == names]
    whole = [p for p in found if not exchanged(e, p, name("x")).names & outputs]
    return set(whole[:1])


def never_negative(loss: Known, e: Expr, outputs: tuple[str, ...]) -> bool:
    """Is it a size, an exponential, or the larger of something and a number that is not below 0?"""
    found = e.word in ("abs", "exp", "softplus") or (
        e.word == "max" and any(a.word == "number" and a.value >= 0 for a in e.args)
    )
    inputs = tuple(n for n in (*outputs, *loss.truths) if n in e.names)
    program = literal(e, inputs, tuple(loss.params)) if found and inputs else None
    if program is not None:
        program = replace(program, outputs=(("term", dict(program.outputs)["value"]),))
        first, *others = (loss.truths.get(n, (-math.inf, math.inf)) for n in inputs)
        ends = [None if math.isinf(x) else Fraction(x) for x in first]
        rest = dict(zip(inputs[1:], others, strict=True))
        add(Claim("term", AT_LEAST, 0.0, program, dict(loss.params), inputs[0], ends[0], ends[1], rest))
    return found


SEAMLESS = frozenset({
    "add", "sub", "mul", "neg", "abs", "max", "min", "exp", "softplus", "sigmoid", "tanh", "atan", "name", "number",
})  # fmt: skip
"""Words that are continuous everywhere in all their arguments."""


def seamless(e: Expr, params: Mapping[str, float]) -> bool:
    """Is it continuous, being made of such words, and divided by constants only?"""
    if e.word == "div":
        return seamless(e.args[0], params) and e.args[1].names <= set(params)
    return e.word in SEAMLESS and all(seamless(a, params) for a in e.args)
