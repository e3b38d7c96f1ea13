"""Inductive Venn–Abers predictors: two isotonic fits for every row, one for each label that it might have."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def venn_abers(held: Array, y: Array, weight: Array, test: Array) -> tuple[Array, Array]:
    """Two probabilities (m,) of label 1 for scores `test`: had the row label 0, and had it label 1.

    held, y, weight : scores, labels 0 and 1, and weights > 0 (n,) of rows held out from training
    test : scores (m,); a test row weighs as much as an average row

    Each is the isotonic regression of label on score with the test row added (Vovk & Petej 2012): p0 <= p1, and one of
    them is calibrated whatever the scores are. Computed for all scores at once (Vovk, Petej & Fedorova 2015).
    """
    levels, mass, ones = _levels(held, y, weight)
    if_one = np.append(_with_a_one(mass, ones), 1.0)
    if_zero = np.append(1.0 - _with_a_one(mass[::-1], (mass - ones)[::-1])[::-1], 0.0)
    above = np.searchsorted(levels, test, side="left")
    below = np.searchsorted(levels, test, side="right") - 1
    return if_zero[below], if_one[above]


def merged(if_zero: Array, if_one: Array) -> Array:
    """One probability from two: that whose regret under the log score is least in the worst case."""
    return np.asarray(if_one / (1.0 - if_zero + if_one))


def _levels(held: Array, y: Array, weight: Array) -> tuple[Array, Array, Array]:
    """The distinct scores, their weight, and the weight of label 1 among them; an average row weighs 1."""
    counts = weight > 0
    levels, place = np.unique(held[counts], return_inverse=True)
    own = weight[counts] / weight[counts].mean()
    return levels, np.bincount(place, own), np.bincount(place, own * y[counts])


def _with_a_one(mass: Array, ones: Array) -> Array:
    """The isotonic value at each level (K,) when a row with label 1 is added there.

    Where all rows of some neighbouring levels have label 1 it is the same at each of them: they are taken together.
    """
    full = ones == mass
    first = np.flatnonzero(~(full & np.append(False, full[:-1])))
    found = _swept(np.add.reduceat(mass, first), np.add.reduceat(ones, first))
    return np.repeat(found, np.diff(np.append(first, len(mass))))


def _swept(mass: Array, ones: Array) -> Array:
    """The isotonic value at each level (K,) when a row with label 1 is added there.

    Value is the slope of the greatest convex minorant of cumulated ones over cumulated mass; adding a row at a level
    shifts all points before it by (−1, −1). Going up the levels, (hx, hz) keeps the corner from which the minorant
    passes over the new row last, and the corners to its right before. Most levels leave the corners as they are.
    """
    x, z = [-1.0, 0.0, *np.cumsum(mass).tolist()], [-1.0, 0.0, *np.cumsum(ones).tolist()]
    hx, hz = [x[-1]], [z[-1]]
    for a, b in zip(x[-2::-1], z[-2::-1], strict=True):
        _push(hx, hz, a, b)
    out = []
    wide, high, slope = _last(hx, hz)
    for a, b in zip(x[2:], z[2:], strict=True):
        out.append(slope)
        if (a - 1.0 - hx[-1]) * high > (b - 1.0 - hz[-1]) * wide:
            hx.pop()
            hz.pop()
            _push(hx, hz, a - 1.0, b - 1.0)
            wide, high, slope = _last(hx, hz)
    return np.array(out)


def _push(hx: list[float], hz: list[float], x: float, z: float) -> None:
    """Add a point to the left of all others, and drop those that it hides."""
    while len(hx) > 1 and (hx[-1] - x) * (hz[-2] - z) <= (hz[-1] - z) * (hx[-2] - x):
        hx.pop()
        hz.pop()
    hx.append(x)
    hz.append(z)


def _last(hx: list[float], hz: list[float]) -> tuple[float, float, float]:
    """Width, height and slope of the leftmost piece."""
    wide, high = hx[-2] - hx[-1], hz[-2] - hz[-1]
    return wide, high, high / wide
