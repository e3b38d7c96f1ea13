"""How large and how small an output can get over all pieces of a loss, and what it does at the ends of the line."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from lossmith.symbolic.cover import Region, cover
from lossmith.symbolic.ledger import AT_LEAST, WITHIN, note
from lossmith.symbolic.spans import Span

SLACK = 0.001
"""A proved bound is at most this much (relatively) above what was seen."""
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


def largest(regions: tuple[Region, ...], name: str, *, smooth: bool, strict: bool = True) -> Bound:
    """The supremum of |output|, bounded from above within `SLACK`."""
    runs_off = next((w for r in regions if (w := unbounded(r, name, 0)) is not None), None)
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
            return Bound(reached[0])
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
    return None


def fades(region: Region, side: int, name: str) -> bool | None:
    """Does the output tend to 0 at this end?"""
    for x in region.tail(name, side, FAR):
        if x.low == x.high == 0 or (x.power < 0 and math.isfinite(x.low) and math.isfinite(x.high)):
            return True
    for point in region.points(few=True):
        if any(x.power >= 0 and (x.low > 0 or x.high < 0) for x in region.tail(name, side, FAR, "", point)):
            return False
    return None
