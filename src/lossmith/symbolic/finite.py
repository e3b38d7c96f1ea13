"""Where a loss and its slope are numbers that float64 and float32 can hold: balls, whose exponents know no end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import cache
from typing import Any

from lossmith.facts import Fact
from lossmith.symbolic.case import Case
from lossmith.symbolic.cover import Region
from lossmith.symbolic.ledger import WITHIN, note
from lossmith.symbolic.slopes import CONDITIONS
from lossmith.symbolic.spans import MAX, Span
from lossmith.symbolic.strict import fixed
from lossmith.symbolic.truth import words

BITS, MOST_CELLS = (96, 2200), 500
"""Working precisions, one after the other: what cancels may need as many bits as a double has exponents."""
LARGEST = {"float64": (MAX, 970, 1024), "float32": (3.4028234663852886e38, 103, 128)}
"""The largest number of a format, and (a, b) with 2ᵇ − 2ᵃ the least number that is rounded to infinity."""
OUTPUTS = ("value", "d1")
SHY = 1 - 1e-6
"""A proved limit is this much inside of where the first value is too large."""


def finite64(case: Case) -> Fact:
    """Every float64 gives a loss and a slope that float64 holds."""
    return finite(case, "float64")


def finite32(case: Case) -> Fact:
    """Every float32 gives a loss and a slope that float32 holds."""
    return finite(case, "float32")


def finite(case: Case, kind: str) -> Fact:
    """Value and slope stay within the format; else the interval on which they do (likelihoods: at y = 1)."""
    name = f"finite in {kind}"
    try:
        from flint import ctx
    except ImportError:
        return Fact(name, None, "python-flint is not installed, whose balls decide this")
    one = fixed(case, **{n: usual(a, b) for n, (a, b) in case.limits.items()})
    at = "".join(f", {n} = {one.params[n]:g}" for n in case.limits)
    for bits in BITS:
        with ctx.workprec(bits):
            found = _verdict(one, name, kind, at)
        if found.holds is not None:
            return found
    return found


def usual(low: float, high: float) -> float:
    """1 where that is allowed, ½ where y lies strictly between 0 and 1."""
    return 0.5 if low > 0 and high < 1 else min(max(1.0, low), high)


def _verdict(case: Case, name: str, kind: str, at: str) -> Fact:
    most, limit = LARGEST[kind][0], _limit(kind)
    ends = [_end(case, side, most, limit) for side in (-1, 1)]
    low, high = (s * most if e is None else e for e, s in zip(ends, (-1, 1), strict=True))
    if low != low or high != high or not all(_holds(r, low, high, limit) for r in case.regions):
        pole = next(_poles(case), None)
        if pole is not None:
            shown = f"{case.variable} = {pole[case.variable]:g}"
            return Fact(name, False, f"the value is not finite at {shown}{at}", pole)
        return Fact(name, None, "no bound on the size of the value and its slope could be shown")
    if ends == [None, None]:
        for region in case.regions:
            _noted(region, most)
        return Fact(name, True, f"value and slope are finite for every {kind}{at}")
    says = f"finite for {case.variable} from {low:.6g} to {high:.6g}{at}, and too large just beyond"
    return Fact(name, False, says, [low, high], constant=min(-low, high))


def _noted(region: Region, most: float) -> None:
    """Note that the outputs stay within a format on what it holds of a piece."""
    low = -Fraction(most) if region.low is None else region.low
    high = Fraction(most) if region.high is None else region.high
    for output in OUTPUTS if low < high else ():
        note(region, output, WITHIN, most, (max(low, -Fraction(most)), min(high, Fraction(most))))


def _poles(case: Case) -> Iterator[dict[str, float]]:
    """Finite ends of pieces at which the loss is infinite by its definition."""
    for end in {float(e) for r in case.regions for e in (r.low, r.high) if e is not None}:
        at, value = case.confirmed("value", {"": end})
        if math.isinf(value):
            yield {case.variable: at[case.variable], "value": value}


def _limit(kind: str) -> Any:
    from flint import arb

    _, a, b = LARGEST[kind]
    return arb(2) ** b - arb(2) ** a


def _end(case: Case, side: int, most: float, limit: Any) -> float | None:
    """How far the outputs stay within the format on one side; None if to its end."""
    region = case.regions[0 if side < 0 else -1]
    if (region.low if side < 0 else region.high) is not None:
        return None
    low = abs(float((region.high if side < 0 else region.low) or 0)) or 2.0**-60
    places = [x for k in range(1, 150) if (x := low * 2.0 ** min(8 * k, 1020)) < most] + [most]
    high = next((x for x in places if _within(region, side * x, side * x, limit) is False), None)
    if high is None:
        return None
    while high > low * (1 + 1e-12):
        middle = math.sqrt(low) * math.sqrt(high)
        inside = _within(region, side * middle, side * middle, limit)
        low, high = (middle, high) if inside else (low, middle)
    return side * low * SHY if _within(region, side * high, side * high, limit) is False else math.nan


def _within(region: Region, low: float, high: float, limit: Any) -> bool | None:
    """Are all outputs within the limit on [low, high] (True), or is one nowhere (False)? By spans, else by balls."""
    most = float(limit * SHY) if limit < MAX else MAX
    spans = region.ranges.at({region.variable: Span(0, low, high)}, strict=False)[0]
    left = [n for n in OUTPUTS if not max(-spans[n].low, spans[n].high) <= most]
    found = [abs(x) for x in _balls(region, low, high, left)]
    if all(x.is_finite() and x < limit for x in found):
        return True
    return False if any(x > limit for x in found) else None


def _balls(region: Region, low: float, high: float, names: list[str]) -> Iterator[Any]:
    if not names:
        return
    from flint import arb

    table: dict[Any, Any] = {n: arb(v) for n, v in region.params.items()}
    a, b = arb(low), arb(high)
    table[region.variable] = a if low == high else arb((a + b) / 2, ((b - a) / 2).upper())
    known = _words()
    for step in region.program.only(*names).steps:
        if step.word not in known:  # a choice that the piece has left open
            yield arb("nan")
            return
        table[step.name] = known[step.word](*[table[x] if isinstance(x, str) else arb(x) for x in step.args])
    outputs = dict(region.program.outputs)
    yield from (table[x] if isinstance(x, str) else arb(x) for x in (outputs[n] for n in names))


@cache
def _words() -> Mapping[str, Callable[..., Any]]:
    """The words over balls, but for choices."""
    return {word: f for word, f in words().items() if word not in CONDITIONS | {"where", "sign"}}


def _holds(region: Region, low: float, high: float, limit: Any) -> bool:
    """Are the outputs within the limit on the part of a piece that lies in [low, high]?"""
    a = low if region.low is None else max(low, float(region.low))
    b = high if region.high is None else min(high, float(region.high))
    todo, budget = list(_cells(a, b)), MOST_CELLS
    while todo and budget:
        low, high = todo.pop()
        inside = _within(region, low, high, limit)
        if inside is False:
            return False
        if inside is None:
            middle = low / 2 + high / 2
            todo += [(low, middle), (middle, high)] if low < middle < high else []
            budget = budget - 1 if low < middle < high else 0
    return not todo and budget > 0


def _cells(a: float, b: float) -> Iterator[tuple[float, float]]:
    """[a, b], which does not hold 0 inside, cut where its numbers double."""
    if a >= b:
        return
    if b <= 0:
        yield from ((-y, -x) for x, y in _cells(-b, -a))
        return
    x = a
    while x < b:
        y = min(b, max(2 * x, 2.0**-8))
        yield x, y
        x = y
