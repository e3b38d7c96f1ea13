"""Losses with kinks and bends: corners rounded less and less, each level solved from the one before.

The slope of a rounded corner at a distance t·w from it, |t| < 1, is an ε-subgradient of the corner with
ε = jump·w·|t|(1 − |t|)/2 <= jump·w/8. So Σ jump·w/8 over the rows on rounded corners bounds how far a convex objective
is above its optimum, beside the gradient of the rounded one, which is driven to 0: the larger is held against `tol`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from lossmith.fit.kinks import kinks_of
from lossmith.fit.search import downhill
from lossmith.fit.solvers import Evaluation, Option, State, Vector
from lossmith.fit.solvers.proximal_newton import curvature, minimise, penalty
from lossmith.fit.solvers.smoothing import Softened

SHRINK = 0.2
"""How much narrower the corners get from level to level."""
INNER = 30
"""The most steps on one level."""


@dataclass(frozen=True, slots=True)
class Rounding:
    """Proximal Newton steps on a loss whose corners are rounded, at widths that shrink to rounding error."""

    name: ClassVar[str] = "rounding"
    needs: ClassVar[tuple[str, ...]] = ("kinked", "one output", "narrow", "no concomitant scale")
    options: ClassVar[Mapping[str, Option]] = {}

    def start(self, objective: Any, w0: Vector) -> State:
        """The state at w0, with corners as wide as the typical distance to them."""
        far = _distances(objective, w0).min(axis=1)
        width = float(np.median(far)) or float(far.mean()) or 1.0
        return State(w0, objective.at(w0), memory=width, measured=np.inf)

    def step(self, objective: Any, state: State) -> State:
        """One level: solve it, and measure how far its rounding may mislead."""
        width: float = state.memory
        loss = Softened(objective.loss, kinks_of(objective.loss), width)
        level = replace(objective, loss=loss, kernels={})
        w, soft = solved(level, state.w)
        here = objective.at(w)
        gap = _epsilon(objective, w, width)
        measured = max(level.optimality(w, soft), gap / max(abs(here.value), 1e-300))
        spent = width < 1e-13 * max(float(np.abs(objective.predictions(w)).max()), 1e-300)
        halt = "the corners cannot be rounded any less" if spent else ""
        shown = Evaluation(here.value, soft.gradient)
        convex = bool(objective.loss.facts()["convex"].holds)
        return State(w, shown, halt, SHRINK * width, gap if convex else None, measured)


def _distances(objective: Any, w: Vector) -> Vector:
    """From every row's residual or margin to every kink, (rows, kinks)."""
    z, y = objective.predictions(w), objective.y
    u = y - z if objective.loss.lift.name == "residual" else np.where(y > 0, z, -z)
    return np.asarray(np.abs(u[:, None] - np.array(kinks_of(objective.loss).places)))


def _epsilon(objective: Any, w: Vector, width: float) -> float:
    """The share-weighted sum of jump·width/8 over the rows on rounded corners."""
    jumps = np.abs(np.array(kinks_of(objective.loss).jumps))
    return float(objective.shares @ (_distances(objective, w) < width) @ jumps) * width / 8.0


def solved(level: Any, w: Vector) -> tuple[Vector, Evaluation]:
    """Proximal Newton on one level, until its gradient is negligible or nothing improves."""
    state = State(w, level.at(w))
    for _ in range(INNER):
        if level.optimality(state.w, state.evaluation) <= 1e-10:
            break
        model = curvature(level, state.w, level.rows_count)
        goal = minimise(model, state.evaluation.gradient, state.w, penalty(level))
        found = downhill(level, state, goal - state.w)
        if found is None:
            break
        state = State(found.w, found.evaluation)
    return state.w, state.evaluation
