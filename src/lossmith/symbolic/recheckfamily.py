"""What lets some members of a family stand for all: linear in a parameter, or a parameter that is a unit; by values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mpmath
from mpmath import mpf

from lossmith.symbolic.case import Case
from lossmith.symbolic.recheck import Checked
from lossmith.symbolic.structural import BITS, Seen

Ranges = Mapping[str, tuple[float, float]]


def mixture(case: Case, ranges: Ranges) -> Checked:
    """Does the loss between the ends of each range lie on the line between them, at places of every size?"""
    low = {n: a for n, (a, _) in ranges.items()}
    worst = max(_bent(case, low, n, b, k / 16) for n, (_, b) in ranges.items() for k in range(1, 16))
    return Checked("the loss is linear in each parameter", bool(worst < mpf(10) ** -40), 15 * len(ranges))


def _bent(case: Case, low: Mapping[str, float], name: str, high: float, share: float) -> Any:
    with mpmath.workprec(BITS):
        first, last, between = Seen(case, **low), Seen(case, **{**low, name: high}), Seen(case, **low)
        between.known[name] = (1 - mpf(share)) * low[name] + mpf(share) * high
        rows = ((first.value(t), between.value(t), last.value(t)) for t in first.places())
        return max(abs((1 - mpf(share)) * a - m + mpf(share) * b) / (1 + abs(a) + abs(b)) for a, m, b in rows)


def unit(case: Case, ranges: Ranges) -> Checked:
    """Is f(2t; 2ᵉa)/f(t; a) one number, for some e and every a that is tried?"""
    ((name, (low, high)),) = ranges.items()
    values = [low + (high - low) * k / 16 for k in range(1, 16)]
    spread = min(max(_spread(case, name, a, e) for a in values) for e in (1, 2, -1, -2))
    return Checked(f"{name} only sets the unit", bool(spread < mpf(10) ** -40), 60)


def _spread(case: Case, name: str, value: float, e: int) -> Any:
    with mpmath.workprec(BITS):
        one, other = Seen(case, **{name: value}), Seen(case, **{name: value * 2.0**e})
        ratios = [other.value(2 * t) / one.value(t) for t in one.places() if one.value(t) != 0]
        return max(ratios) - min(ratios)
