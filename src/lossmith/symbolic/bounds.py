"""How large and how small an output can get over all pieces of a loss, and what it does at the ends of the line."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from lossmith.program import Program, Step
from lossmith.symbolic.cover import Region, cover, exact_inputs
from lossmith.symbolic.exact import Exact, NotExact
from lossmith.symbolic.ledger import AT_LEAST, WITHIN, note
from lossmith.symbolic.slopes import NoSlope, differentiate
from lossmith.symbolic.spans import Span, plain

SLACK = 0.001
"""A proved bound is at most this much (relatively) above what was seen."""
LOOSE = 2.0
"""Where no bound so close can be shown, one this many times as large may be."""
HUGE = 1e150
"""What is larger than this is not called bounded."""
MOST_CLIMBS = 40
FAR, VERY_FAR = 64, 400
"""Binary exponents from which the ends of the line are judged."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The proved bound (None if there is none), and where the output runs off, if it does."""

    value: float | None
    runs_off: dict[str, float] | None = None


def defined(x: Span) -> bool:
    """Is this a proper interval?"""
    return x.low == x.low


def size(x: Span) -> Span:
    """|x|."""
    return x if x.low >= 0 else Span(0, max(-x.high, 0.0), max(-x.low, x.high))


def sampled(region: Region, name: str) -> Iterator[tuple[dict[str, float], Span]]:
    """The output at points spread over a region, those near its ends included."""
    for point in region.points():
        x = region.point(point, strict=False)[name]
        if defined(x):
            yield point, x


def corners(region: Region, name: str) -> tuple[Region, ...]:
    """The region at both ends of an input in which the output is affine: what bounds it there, bounds it between."""
    ends = ((n, a, b) for n, (a, b) in region.limits.items() if math.isfinite(b - a) and affine(region, n, name))
    found = next(ends, None)
    if found is None:
        return (region,)
    other, *places = found
    return tuple(c for v in places for c in corners(_fixed(region, other, v), name))


def _kept(region: Region, inputs: list[str]) -> dict[str, float]:
    """The inputs that a corner has one value of."""
    return {n: region.params[n] for n in inputs if n not in region.limits}


def _fixed(region: Region, other: str, value: float) -> Region:
    """The region at one value of another input."""
    p = region.program
    program = replace(p, inputs=tuple(n for n in p.inputs if n != other), params=(*p.params, other))
    limits = {n: ends for n, ends in region.limits.items() if n != other}
    params = {**region.params, other: value}
    return Region(program, params, region.variable, region.low, region.high, limits, None)


def affine(region: Region, other: str, name: str) -> bool:
    """Is an output affine in this input?"""
    field = Exact()
    try:
        slope = differentiate(differentiate(region.program, other, name), other, name)
        return not field.run(slope, exact_inputs(region, field))[name].top
    except (NoSlope, NotExact):
        return False


def largest(regions: tuple[Region, ...], name: str, *, smooth: bool, strict: bool = True) -> Bound:
    """The supremum of |output|, bounded from above within `SLACK`."""
    inputs = [n for r in regions[:1] for n in r.limits]
    regions = tuple(c for r in regions for c in corners(r, name))
    runs_off = next((w | _kept(r, inputs) for r in regions if (w := unbounded(r, name, 0)) is not None), None)
    if runs_off is None and all(_known(r, name) for r in regions):
        regions = tuple(r.alone(name) for r in regions)
    if runs_off is not None:
        return Bound(None, runs_off)
    best = max((_summit(r, name) for r in regions), default=0.0)
    for _ in range(MOST_CLIMBS):
        if best > HUGE:
            return Bound(None)
        ceiling, reached = best * (1 + SLACK), [0.0]
        witness = _climb(regions, name, ceiling, reached, smooth, strict)
        if witness is None:
            ceiling, reached = ceiling * LOOSE, [0.0]
            best = ceiling / (1 + SLACK)
            witness = _climb(regions, name, ceiling, reached, smooth, strict)
        if witness is None:
            return Bound(None)
        if witness == best:
            for region in regions:
                note(region, name, WITHIN, reached[0])
            return Bound(reached[0])
        best = witness
    return Bound(None)


def _known(region: Region, name: str) -> bool:
    """Is the output defined throughout? Only then may its twin stand for it."""
    return cover(region, lambda s: True if defined(s[name]) else None).holds is True


def _summit(region: Region, name: str) -> float:
    """A large value of |output|: the largest of some points, and what thirds of its neighbourhood lead to."""
    seen = sorted((point[""], size(x).low, i, point) for i, (point, x) in enumerate(sampled(region, name)))
    if not seen:
        return 0.0
    k = max(range(len(seen)), key=lambda i: seen[i][1])
    low, high, others, best = seen[max(k - 1, 0)][0], seen[min(k + 1, len(seen) - 1)][0], seen[k][3], seen[k][1]

    def at(t: float) -> float:
        x = size(region.point(others | {"": t}, strict=False)[name]).low
        return x if x == x else 0.0

    for _ in range(18):
        a, b = low + (high - low) * 0.382, low + (high - low) * 0.618
        left, right = at(a), at(b)
        best = max(best, left, right)
        low, high = (low, b) if left > right else (a, high)
    return best


def _climb(
    regions: tuple[Region, ...], name: str, ceiling: float, reached: list[float], smooth: bool, strict: bool
) -> float | None:
    """The best again if |output| ≤ ceiling everywhere, a larger value that was met, or None."""

    def claim(spans: dict[str, Span]) -> bool | None:
        x = size(spans[name])
        if x.high <= ceiling:
            reached[0] = max(reached[0], x.high)
            return True
        return False if x.low > ceiling else None

    for region in regions:
        outcome = cover(region, claim, smooth=smooth, strict=strict, name=name)
        if outcome.holds is False and outcome.witness is not None:
            return size(region.point(outcome.witness)[name]).low
        if outcome.holds is None:
            return None
    return ceiling / (1 + SLACK)


def smallest(regions: tuple[Region, ...], name: str) -> Bound:
    """The infimum of an output, bounded from below within `SLACK` (of its size, or of 1 if that is less)."""
    runs_off = next((w for r in regions if (w := unbounded(r, name, -1)) is not None), None)
    if runs_off is not None:
        return Bound(None, runs_off)
    best = min((x.high for r in regions for _, x in sampled(r, name)), default=0.0)
    for _ in range(MOST_CLIMBS):
        if best < -HUGE:
            return Bound(None)
        floor, reached = best - SLACK * max(abs(best), 1.0), [math.inf]
        lower = _descend(regions, name, floor, reached)
        if lower is None:
            return Bound(None)
        if lower >= best:
            for region in regions:
                note(region, name, AT_LEAST, reached[0])
            return Bound(reached[0] + 0.0)
        best = lower
    return Bound(None)


def _descend(regions: tuple[Region, ...], name: str, floor: float, reached: list[float]) -> float | None:
    """+∞ if output ≥ floor everywhere, a smaller value that was met, or None."""

    def claim(spans: dict[str, Span]) -> bool | None:
        x = spans[name]
        if x.low >= floor:
            reached[0] = min(reached[0], x.low)
            return True
        return False if x.high < floor else None

    for region in regions:
        outcome = cover(region, claim, smooth=False, name=name)
        if outcome.holds is False and outcome.witness is not None:
            return region.point(outcome.witness)[name].high
        if outcome.holds is None:
            return None
    return math.inf


def unbounded(region: Region, name: str, sign: int) -> dict[str, float] | None:
    """A far point in a direction in which the output surely runs to ∞ (sign 1), −∞ (−1) or either (0)."""
    for point in region.points(few=True):
        for axis, side in region.directions() if sign >= 0 else region.directions()[:2]:
            if sign < 0 and axis:
                continue
            found = [x for x in region.tail(name, side, FAR, axis, point) if x.power > 0]
            ways = [1 if x.low > 0 else -1 for x in found if x.low > 0 or x.high < 0]
            if any(sign in (0, w) for w in ways):
                return point | {axis: side * 1024.0}
        near = None if sign < 0 else _near_open_end(region, name, point)
        if near is not None:
            return near
    return None


OPEN_ENDS: Mapping[tuple[int, float], tuple[str, float]] = {
    (0, 5e-324): ("exp", 1e-300), (1, 1 - 2.0**-53): ("one minus exp", 1 - 2.0**-53),
}  # fmt: skip
"""An end that an input never takes, by the double next to it: what runs there as s grows, and a number near it."""


def _near_open_end(region: Region, name: str, point: dict[str, float]) -> dict[str, float] | None:
    """A point near an open end of another input, towards which the output surely runs off."""
    for other, ends in region.limits.items():
        for k, end in enumerate(ends):
            if (k, end) not in OPEN_ENDS:
                continue
            how, near = OPEN_ENDS[k, end]
            x = _towards(_approached(region, other, how), name, {n: v for n, v in point.items() if n != other})
            if x is not None and x.power > 0 and (x.low > 0 or x.high < 0):
                return point | {other: near}
    return None


def _towards(region: Region, name: str, point: dict[str, float]) -> Span | None:
    """How the output grows with s, as algebra leaves it (the logarithm of e⁻ˢ is −s), at fixed other inputs."""
    twin = region.long_twin(name)
    fixed = {(n or region.variable): Span(0, v, v) for n, v in point.items()}
    return None if twin is None else twin.at(fixed | {"s": Span(1, 1.0, 1.0)}, start=2.0**FAR)[0][name]


def _approached(region: Region, other: str, how: str) -> Region:
    """The region with e⁻ˢ or 1 − e⁻ˢ in place of an input, so that s → ∞ leads to its open end."""
    p = region.program
    new = [Step("s'minus", "neg", ("s",)), Step("s'gone", "exp", ("s'minus",)), Step("s'left", "sub", (1.0, "s'gone"))]
    by = "s'gone" if how == "exp" else "s'left"
    steps = tuple(replace(s, args=tuple(by if a == other else a for a in s.args)) for s in p.steps)
    inputs = tuple("s" if n == other else n for n in p.inputs)
    outputs = tuple((n, by if a == other else a) for n, a in p.outputs)
    program = Program(inputs, p.params, (*new, *steps), outputs).only(*p.wants)
    limits = {("s" if n == other else n): ((0.0, math.inf) if n == other else e) for n, e in region.limits.items()}
    return Region(program, region.params, region.variable, region.low, region.high, limits, region.settled)


def beyond(region: Region, side: int, name: str, exponent: int) -> None:
    """Note how small an output that fades is beyond two places of its tail, the second by far the further."""
    last = Fraction(2) ** LAST
    for k in (exponent, 2 * exponent):
        most = min(size(plain(x, 2.0**k)).high for x in region.tail(name, side, k) if defined(x))
        start = Fraction(2) ** k
        note(region, name, WITHIN, most, (-last, -start) if side < 0 else (start, last))


LAST = 1000
"""Binary exponent up to which a tail is checked again."""


def fades(region: Region, side: int, name: str, exponent: int = FAR) -> bool | None:
    """Does the output tend to 0 at this end?"""
    for x in region.tail(name, side, exponent):
        if x.low == x.high == 0 or (x.power < 0 and math.isfinite(x.low) and math.isfinite(x.high)):
            return True
    for point in region.points(few=True):
        if any(x.power >= 0 and (x.low > 0 or x.high < 0) for x in region.tail(name, side, exponent, "", point)):
            return False
    return None
