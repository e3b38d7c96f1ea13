"""Fits of losses of straight pieces, one after another from a point nearby: corners are rounded ever less.

A rounded corner bends over its rows alone, and these are few: Newton's step costs a product of them, and two walks over
X. The slopes of the rounded loss are a point of the dual problem, so that their gap says how near the optimum is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.fit.drive import one_thread
from lossmith.fit.factor import Factor
from lossmith.fit.pieces import Pieces

Array = NDArray[np.float64]

STEPS = 60
"""Looks at X after which a fit is left to `fit`."""
FIRST, NARROWER = 0.2, 0.35
"""The share of the rows that stand on a corner at first, and how much narrower corners get at a time."""
CUTS = 30
"""Looks along a step, at most."""
ENOUGH = 4096
"""So many rows on corners tell how the loss bends, while there are many."""


@dataclass(frozen=True, slots=True, eq=False)
class Corners:
    """Σ lowest·z + Σ jump·max(0, z − place) + ½ l2·w²; lowest and jump are times the shares of the rows."""

    objective: Any
    lowest: Array
    place: Array
    jump: Array

    @classmethod
    def of(cls, objective: Any) -> Corners:
        """The loss of an objective as its pieces."""
        pieces, share = Pieces.of(objective.loss, objective.y), objective.shares
        return cls(objective, pieces.lowest * share, pieces.place, pieces.jump * share[:, None])

    def look(self, w: Array, z: Array, width: float) -> tuple[Array, Array, float]:
        """The gradient, the curvature of each row, and the duality gap as a share of the sum of all corners."""
        t = z[:, None] - self.place
        rise = np.clip(0.5 * (t / width + 1.0), 0.0, 1.0)
        slope = self.lowest + (self.jump * rise).sum(axis=1)
        bend = (0.5 / width * self.jump * (np.abs(t) < width)).sum(axis=1)
        gap = float((self.jump * (np.maximum(t, 0.0) - rise * t)).sum())
        size = float((self.jump * np.abs(t)).sum())
        return self.objective.design.pull(slope) + self.objective.l2 * w, bend, gap / max(size, 1e-300)

    def step(self, gradient: Array, bend: Array) -> Array:
        """Newton's step, from the rows that stand on a corner."""
        live = np.flatnonzero(bend)
        every = max(1, -(-len(live) // ENOUGH))
        live = live[::every]
        half = self.objective.design.rows(live) * np.sqrt(every * bend[live])[:, None]
        H = half.T @ half
        H[np.diag_indices(len(H))] += self.objective.l2
        return -Factor.of(H).solve(gradient)

    def along(self, w: Array, z: Array, d: Array, dz: Array, width: float) -> float:
        """How far along d, whose predictions are dz, the rounded objective is least: where its slope is nearly 0."""
        steady = float(self.lowest @ dz) + float(self.objective.l2 @ (d * w))
        bent = float(self.objective.l2 @ (d * d))

        def slope(rate: float) -> float:
            rise = np.clip(0.5 * (((z + rate * dz)[:, None] - self.place) / width + 1.0), 0.0, 1.0)
            return steady + rate * bent + float((self.jump * rise).sum(axis=1) @ dz)

        return _root(slope, CUTS)


def ended(objective: Any, w: Array, tol: float) -> Array | None:
    """The optimum of a convex loss of straight pieces with an l2 penalty, from w; None where it is not reached."""
    with one_thread(), np.errstate(all="ignore"):
        return _descend(Corners.of(objective), w, tol)


def _descend(corners: Corners, w: Array, tol: float) -> Array | None:
    objective = corners.objective
    z = objective.predictions(w)
    width = float(np.quantile(np.abs(z[:, None] - corners.place), FIRST))
    for _ in range(STEPS):
        gradient, bend, gap = corners.look(w, z, width)
        if not width > 0.0 or not np.isfinite(gradient).all():
            return None
        steep = float(np.abs(gradient).max()) / objective.slope
        if steep <= tol and gap <= tol:
            return w
        if steep <= max(gap, tol):
            width *= NARROWER
            continue
        d = corners.step(gradient, bend)
        dz = objective.design.times(d)
        rate = corners.along(w, z, d, dz, width)
        w, z = w + rate * d, z + rate * dz
    return None


def _root(slope: Callable[[float], float], most: int) -> float:
    """Where an increasing function that begins below 0 comes near 0: by false position, kept off the ends."""
    low, left, high, right = 0.0, slope(0.0), np.inf, np.inf
    level, rate = 0.1 * abs(left), 1.0
    for _ in range(most):
        here = slope(rate)
        if abs(here) <= level:
            break
        low, left, high, right = (rate, here, high, right) if here < 0.0 else (low, left, rate, here)
        room = high - low
        rate = 2.0 * low if np.isinf(room) else low + room * min(max(-left / (right - left), 0.1), 0.9)
    return rate
