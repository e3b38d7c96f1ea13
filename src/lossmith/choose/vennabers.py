"""Inductive Venn–Abers predictors: two isotonic fits for every row, one for each label that it might have."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Point = tuple[float, float]


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

    Value is the slope of the greatest convex minorant of cumulated ones over cumulated mass; adding a row at a level
    shifts all points before it by (−1, −1). Going up the levels, `hull` keeps the corner from which the minorant
    passes over the new row on top, and the corners to its right below.
    """
    x, z = np.concatenate([[0.0], np.cumsum(mass)]), np.concatenate([[0.0], np.cumsum(ones)])
    points = list(zip(x.tolist(), z.tolist(), strict=True))
    hull = _right_hull([(-1.0, -1.0), *points])
    out = np.empty(len(mass))
    for i, (a, b) in enumerate(points[1:]):
        (x0, z0), (x1, z1) = hull[-1], hull[-2]
        out[i] = (z1 - z0) / (x1 - x0)
        new = (a - 1.0, b - 1.0)
        if _turn(hull[-1], new, hull[-2]) > 0:
            hull.pop()
            _push(hull, new)
    return out


def _right_hull(points: list[Point]) -> list[Point]:
    """The corners of the greatest convex minorant, the leftmost last."""
    hull: list[Point] = []
    for point in reversed(points):
        _push(hull, point)
    return hull


def _push(hull: list[Point], new: Point) -> None:
    """Add a point to the left of all others, and drop those that it hides."""
    x, z = new
    while len(hull) > 1:
        (x0, z0), (x1, z1) = hull[-1], hull[-2]
        if (x0 - x) * (z1 - z) > (z0 - z) * (x1 - x):  # `_turn`, written out: most of the time goes here
            break
        hull.pop()
    hull.append(new)


def _turn(a: Point, b: Point, c: Point) -> float:
    """Positive where b lies below the line from a to c."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
