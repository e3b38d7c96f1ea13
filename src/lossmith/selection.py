"""Weighted quantiles by selection: the sample is halved until little is left to sort, never sorted as a whole."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SMALL = 1 << 10
"""Rows that are sorted rather than halved again."""

EQUAL = 1e-14
"""How near a share of the weight counts as met exactly: what rounding leaves of a sum over many rows."""


def median(values: Array) -> float:
    """The middle of values (n,), n > 0, or the mean of the two middles; NaN if one is. NumPy's, and sooner for few."""
    high = len(values) // 2
    low = high - (len(values) + 1) % 2
    parted = np.partition(values, (low, high, -1))
    if parted[-1] != parted[-1]:
        return float("nan")
    return float(parted[low] + parted[high]) / 2


def weighted_quantile(values: Array, weight: Array, level: float) -> float:
    """The z from which on at least that share of the weight lies at or below z; the midpoint where two values share it.

    values (n,) finite, weight (n,) ≥ 0 with a positive sum, level in (0, 1).
    """
    total = float(weight.sum())
    target, slack = level * total, EQUAL * total
    low = _lowest(values, weight, target - slack)
    if float(weight[values <= low].sum()) > target + slack:
        return low
    above = values[(values > low) & (weight > 0)]
    return low + (float(above.min()) - low) / 2 if len(above) else low


def _lowest(values: Array, weight: Array, target: float) -> float:
    """The smallest value such that those up to it weigh `target` or more."""
    below = 0.0
    while len(values) > SMALL:
        half = len(values) // 2
        order = np.argpartition(values, half)
        left, right = order[: half + 1], order[half + 1 :]
        mass = float(weight[left].sum())
        kept, below = (left, below) if below + mass >= target else (right, below + mass)
        values, weight = values[kept], weight[kept]
    order = np.argsort(values)
    mass_up_to = below + np.cumsum(weight[order])
    place = min(int(np.searchsorted(mass_up_to, target)), len(order) - 1)
    return float(values[order[place]])
