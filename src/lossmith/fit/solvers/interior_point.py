"""The exact solver for losses of straight pieces: an interior point on the few rows that matter.

Rows far from their kinks only add a constant slope. The loss with rounded corners tells roughly where the optimum is;
rows outside a band around it are folded into that slope, the rest is solved exactly, and folded rows that turn out on
the wrong side come back (the preprocessing of Portnoy & Koenker 1997). What ends it is a certificate over all rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lossmith.fit.polyhedral import Hinges, Solved, certificate, minimise
from lossmith.fit.solvers import Evaluation, Option, State, Vector
from lossmith.fit.solvers.smoothing import near

SMALL = 1500
"""Rows that are solved whole."""


@dataclass(frozen=True, slots=True)
class Band:
    """The rows that are kept whole, as a mask, and the size of the objective where the solver started."""

    kept: NDArray[np.bool_]
    size: float


@dataclass(frozen=True, slots=True)
class InteriorPoint:
    """Solve the rows near a kink exactly, check the others, repeat until none is on the wrong side."""

    name: ClassVar[str] = "interior-point"
    needs: ClassVar[tuple[str, ...]] = ("polyhedral", "one output", "no concomitant scale")
    options: ClassVar[Mapping[str, Option]] = {}

    def start(self, objective: Any, w0: Vector) -> State:
        """Near the optimum of a long table, by rounded corners, and the band of rows around it."""
        n, here = objective.rows_count, objective.at(w0)
        few = max(SMALL, 8 * objective.size, n // 40)
        if n <= 2 * few:
            return State(w0, here, memory=Band(np.ones(n, dtype=bool), abs(here.value)), measured=np.inf)
        w = near(objective, w0)
        return State(w, objective.at(w), memory=Band(_nearest(objective, w, few), abs(here.value)), measured=np.inf)

    def step(self, objective: Any, state: State) -> State:
        """One exact solution on the band, and the rows that it shows to be on the wrong side."""
        kept: NDArray[np.bool_] = state.memory.kept
        here, before = state.evaluation, objective.predictions(state.w)
        problem = objective.hinges(kept, before)
        found = minimise(problem, state.w)
        evaluation = objective.at(found.w)
        crossed = objective.crossed(before, objective.predictions(found.w))
        if not kept.all() and not evaluation.value <= here.value + 0.5 * max(abs(here.value), state.memory.size):
            # no minimum on the band: a column that none of its rows has is pulled to infinity by those folded away
            band = Band(_wider(objective, state.w, kept), state.memory.size)
            return State(state.w, here, memory=band, measured=np.inf)
        if not kept.all() and (crossed & ~kept).any():
            band = Band(_wider(objective, found.w, kept | crossed), state.memory.size)
            return State(found.w, evaluation, memory=band, measured=np.inf)
        shown = Evaluation(evaluation.value, _best_slope(objective, problem, found))
        measured, gap = objective.optimality(found.w, shown), found.gap / objective.mass
        # An optimum of 0 has no size of its own: the gap is then held against the value at the start.
        size = max(abs(evaluation.value), 1e-6 * state.memory.size)
        if gap <= 1e-10 * size:
            measured = min(measured, gap / size)
        return State(
            found.w, shown, "the interior point has come as near as rounding allows", state.memory, gap, measured
        )


def _best_slope(objective: Any, problem: Hinges, found: Solved) -> Vector:
    """The gradient of the part without l1 whose distance from optimality is that of the smallest subgradient found."""
    touch = 1e-9 * max(float(np.abs(problem.b).max(initial=0.0)), float(np.abs(found.w).max(initial=0.0)))
    left = certificate(problem, found, touch) / objective.mass
    if objective.l1 is None:
        return np.asarray(left)
    return np.asarray(left - objective.l1 * np.where(found.w == 0.0, -np.sign(left), np.sign(found.w)))


def _nearest(objective: Any, w: Vector, count: int) -> NDArray[np.bool_]:
    """The rows nearest to a kink at w."""
    far = objective.clearance(objective.predictions(w))
    kept = np.zeros(len(far), dtype=bool)
    kept[np.argpartition(far, count)[:count]] = True
    return kept


def _wider(objective: Any, w: Vector, kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The band around a better point, half as many rows again, and no row of the last one lost."""
    count = int(1.5 * kept.sum())
    return np.ones_like(kept) if 2 * count > len(kept) else kept | _nearest(objective, w, count)
