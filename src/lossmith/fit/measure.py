"""How far a point is from optimal: the distance from 0 to the subdifferential, in the solver's and the user's units."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from lossmith.errors import DataError
from lossmith.fit.design import Array
from lossmith.fit.sampled import sampled
from lossmith.fit.solvers import BASIC

PART = 65_536
"""Rows looked at together: their temporaries stay small beside X."""
SMALLEST = 1e-140
"""A natural slope below this has a square near the smallest double."""


def distance(w: Array, gradient: Array, l1: Array | None) -> Array:
    """Per coordinate, the distance from 0 to gradient + l1·∂|w|; the gradient itself without an l1 penalty."""
    if l1 is None:
        return gradient
    at_zero = np.sign(gradient) * np.maximum(np.abs(gradient) - l1, 0.0)
    return np.where(w == 0.0, at_zero, gradient + l1 * np.sign(w))


def optimality(w: Array, gradient: Array, l1: Array | None, slope: float) -> float:
    """The largest distance per coordinate, over the natural slope of the loss.

    Columns have unit spread in these coordinates, so this is a correlation between slopes and columns: a number that
    no change of the units of X or y alters.
    """
    return float(np.abs(distance(w, gradient, l1)).max(initial=0.0)) / slope


def natural_slope(objective: Any) -> float:
    """The root mean square slope of the loss at the best constant, kept off 0 by a trace of that at 0."""
    last = objective.shaped(objective.origin())[-1] if objective.design.intercept else 0.0

    def rms(last: Any, shifted: bool) -> float:
        found = [_size(objective, *some, last) for some in _alike(objective, shifted)]
        most = max(size for size, _ in found)
        if not 0.0 < most < np.inf:
            return 0.0
        mass = sum(m for _, m in found)
        return most * float(np.sqrt(sum(m / mass * (size / most) ** 2 for size, m in found)))

    slope = max(rms(last, True), 1e-8 * rms(0.0, False))
    if 0.0 < slope < SMALLEST:
        raise DataError("y holds numbers so small that the loss underflows; divide them by their largest magnitude")
    return slope or 1.0


def _alike(objective: Any, shifted: bool) -> Iterator[tuple[Any, Array | None, Any]]:
    """(targets, weights, offset) of all rows, a part at a time.

    A row of each class stands for all rows of it, and a part for all rows of a long table that weigh the same.
    """
    y, weight, n = objective.y, objective.weight, len(objective.y)
    offset = objective.offset if shifted else None
    if objective.classes is not None and offset is None:
        counts = np.bincount(objective.classes.truth[:n], weight, objective.outputs)
        there = np.flatnonzero(counts)
        yield there.astype(np.float64), counts[there].astype(np.float64), None
        return
    long = weight is None and n > 4 * PART
    for part in [sampled(n, PART, 2)] if long else [slice(a, a + PART) for a in range(0, n, PART)]:
        yield y[part], None if weight is None else weight[part], None if offset is None else offset[part]


def _constant(count: int, last: Any, offset: Any, outputs: int) -> Array:
    """Raw predictions that are the same for some rows, but for their offsets."""
    z = np.zeros(count if outputs == 1 else (count, outputs)) + last
    if offset is not None:
        z += offset if offset.ndim == z.ndim else offset[:, None]
    return np.asarray(z)


def _size(objective: Any, y: Any, weight: Array | None, offset: Any, last: Any) -> tuple[float, float]:
    """(root mean square slope, weight) of some rows; infinite where a slope is not a number that can be squared."""
    mass = float(len(y) if weight is None else weight.sum())
    z = _constant(len(y), last, offset, objective.outputs)
    with np.errstate(all="ignore"):
        r = np.abs(objective.evaluate(y, z, BASIC)["gradient"])
        most = float(r.max(initial=0.0))
        if not most > 0.0 or mass == 0.0:
            return 0.0, mass
        unit = r / most
        total = np.vdot(unit, unit) if weight is None else (weight @ (unit * unit)).sum()
        size = most * float(np.sqrt(total / mass))
    return (size if np.isfinite(size) else np.inf), mass


def gradient_norm(objective: Any, w: Array, gradient: Array) -> float:
    """The ∞-norm of the distance from 0 to the subdifferential, in the user's own coordinates.

    An intercept there belongs to uncentred columns, so that the gradient of a coefficient takes up a part of it.
    """
    design = objective.design
    p, far = len(design.factor), objective.shaped(distance(w, gradient, objective.l1))
    live = design.factor > 0.0
    norm = np.abs((far[:p][live].T / design.factor[live]).T)
    if design.intercept:
        shift = np.multiply.outer(design.centre[live], far[p])
        norm = np.abs((far[:p][live].T / design.factor[live]).T + shift)
        return float(max(norm.max(initial=0.0), np.abs(far[p]).max()))
    return float(norm.max(initial=0.0))


def lasso_gap(objective: Any, w: Array, evaluation: Any) -> float | None:
    """The duality gap of ½ squared loss with l1 and l2, in the objective's own units, from value and gradient alone.

    The dual point is the residual scaled into the feasible set of the l1 part; the l2 part is carried as rows of an
    enlarged least-squares problem (Zou & Hastie 2005). None where a coordinate without penalty leaves a slope.
    """
    if objective.l1 is None or objective.outputs != 1:
        return None
    free, bent = objective.l1 == 0.0, float(objective.l2 @ (w * w))
    energy = 2.0 * (evaluation.value - objective.l1_value(w)) - bent  # the mean of r², and of r·y below
    pulled = -evaluation.gradient
    along = energy + float(w @ (pulled + objective.l2 * w))
    if free.any():  # a free coordinate must see no slope at all: take out of r what it still explains
        if objective.design.intercept:
            mean, ones = float(pulled[-1]), _ones(objective)
            pulled, energy = pulled - mean * ones, energy - mean * mean
            along -= mean * (mean + float(w @ ones))
        pulled = np.where(free, 0.0, pulled)
    worst = float(np.max(np.abs(pulled) / np.where(free, 1.0, objective.l1), initial=0.0))
    s = 1.0 if worst <= 1.0 else 1.0 / worst
    primal = evaluation.value
    dual = s * along - 0.5 * s * s * (energy + bent)
    return float(max(primal - dual, 0.0))


def _ones(objective: Any) -> Array:
    """The mean of each coordinate: 0, but for the intercept, where no weights move it from the columns' centres."""
    if objective.weight is not None:
        return np.asarray(objective.design.pull(objective.shares))
    return np.asarray(objective.intercepts, dtype=np.float64)
