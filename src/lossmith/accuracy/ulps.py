"""Errors in units of the last place, and what a unit is where an output changes its sign."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def unit(high: Array, low: Array, kind: Any) -> Array:
    """The spacing of a dtype's numbers at the true value high + low; below the least normal it stays the same."""
    limits = np.finfo(kind)
    size = np.abs(np.where(np.isfinite(high), high, 1.0))
    power = np.frexp(size)[1] - 1
    power = power - ((np.frexp(size)[0] == 0.5) & (np.sign(low) == -np.sign(high)))
    power = np.where(size == 0, limits.minexp, power)
    return np.asarray(np.ldexp(1.0, np.maximum(power, limits.minexp) - limits.nmant))


def errors(got: Array, high: Array, low: Array, units: Array) -> Array:
    """|got − true| in the given units, ∞ where one is finite and the other not."""
    limit = float(np.finfo(got.dtype).max)
    with np.errstate(all="ignore"):
        near = np.abs((got.astype(np.float64) - high) - low) / units
        beyond = np.abs(high) > limit
    edge = np.abs(high) >= limit * (1 - 4 * float(np.finfo(got.dtype).eps))
    overflow = ~np.isfinite(got) & (np.isnan(got) | (np.signbit(got) == np.signbit(high))) & (beyond | edge)
    kept = beyond & (np.abs(got) == limit) & (np.signbit(got) == np.signbit(high)) & edge & np.isfinite(high)
    right = overflow | kept | np.isnan(high)
    return np.where(right, 0.0, np.where(np.isfinite(got) & ~beyond, near, np.inf))


def turning(slot: Array, high: Array) -> NDArray[np.bool_]:
    """Which rows lie within a factor of two of a place where the output changes its sign."""
    near = np.zeros(slot.size, bool)
    for side in (slot > 0, slot < 0):
        order = np.flatnonzero(side & np.isfinite(high) & (high != 0))
        order = order[np.argsort(np.abs(slot[order]))]
        signs = np.signbit(high[order])
        sizes = np.abs(slot[order])
        for place in sizes[:-1][signs[:-1] != signs[1:]]:
            near[order] |= (sizes >= place / 2) & (sizes <= place * 2)
    return near
