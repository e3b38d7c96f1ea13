"""Steps that remember the slope of every row: what SAGA asks of an objective, by compiled code or by NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.fit.design import Array
from lossmith.fit.solvers import BASIC
from lossmith.fit.walk import compiled, serves
from lossmith.rows.memory import blocks

Point = tuple[Array, Array, Array]
"""w, the mean gradient of the remembered slopes, and the slopes (n,), or (n, K) for K outputs."""
FEW = 256
"""Rows that are brought into standardised coordinates together."""


def slopes(objective: Any, w: Array) -> Array:
    """How the loss of each row changes with its prediction, its weight included; their mean gradient is that of F."""
    r = objective.evaluate(objective.y, objective.predictions(w), ("gradient",))["gradient"]
    return np.ascontiguousarray((r.T * _units(objective)).T)


def steepest(objective: Any, w: Array) -> float:
    """The largest curvature of a row along itself: by the proved bound of ℓ″, or as it is at w where there is none."""
    fact = objective.loss.facts().get("smooth")
    if fact is not None and fact.constant is not None:
        h = np.full(objective.rows_count, fact.constant)
    else:
        h = np.abs(objective.evaluate(objective.y, objective.predictions(w), ("hessian",))["hessian"])
        h = h.reshape(len(h), -1).max(axis=1)
    h = h * _units(objective)
    most = 0.0
    for part in blocks(objective.design.X):
        block = objective.design.rows(part)
        most = max(most, float((h[part] * np.einsum("ij,ij->i", block, block)).max()))
    return most


def turned(objective: Any, point: Point, rows: NDArray[np.intp], rate: float) -> Point:
    """The point after one step for each of the rows, in their order."""
    objective.meter.passes += objective.share * len(rows) / objective.rows_count
    table, loss, design = objective.table, objective.loss, objective.design
    l1 = np.zeros(objective.size) if objective.l1 is None else objective.l1
    if objective.outputs == 1 and serves(table, loss, BASIC):
        from lossmith.backends import passes, passes_saga, passes_sgd

        if passes_sgd.covers(table, 1):
            frame = passes.Frame(design.centre, design.factor, design.intercept)
            kernel, unit = compiled(loss, BASIC), objective.rows_count / objective.mass
            rest = loss.state.params, frame, (l1, objective.l2), unit
            return passes_saga.descend(table, kernel, *rest, point, rows, rate)
    return _plainly(objective, point, rows, rate, l1)


def _plainly(objective: Any, point: Point, rows: NDArray[np.intp], rate: float, l1: Array) -> Point:
    """The same in NumPy."""
    w, mean, kept = point[0], point[1].copy(), point[2].copy()
    unit, edge, shrink = _units(objective), rate * l1, 1.0 / (1.0 + rate * objective.l2)
    offset = np.zeros(objective.rows_count) if objective.offset is None else objective.offset
    for k in range(0, len(rows), FEW):
        some = rows[k : k + FEW]
        for i, a in zip(some.tolist(), objective.design.rows(some), strict=True):
            z = a @ objective.shaped(w) + offset[i]
            r = objective.evaluate(objective.y[i : i + 1], np.asarray(z)[None], ("gradient",))["gradient"][0] * unit[i]
            change = np.multiply.outer(a, r - kept[i]).ravel()
            moved = w - rate * (change + mean)
            w = np.sign(moved) * np.maximum(np.abs(moved) - edge, 0.0) * shrink
            mean += change / len(rows)
            kept[i] = r
    return w, mean, kept


def _units(objective: Any) -> Array:
    """The weight of each row over their mean."""
    if objective.weight is None:
        return np.ones(objective.rows_count)
    return np.asarray(objective.weight * (objective.rows_count / objective.mass))
