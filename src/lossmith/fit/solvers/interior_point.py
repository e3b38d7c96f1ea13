"""The exact solver for losses of straight pieces: an interior point on the few rows that matter.

Rows far from their kinks only add a constant slope. The loss with rounded corners tells roughly where the optimum is;
rows outside a band around it are folded into that slope, the rest is solved exactly, and folded rows that turn out on
the wrong side come back (the preprocessing of Portnoy & Koenker 1997). What ends it is a certificate over all rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lossmith.fit.pieces import Pieces
from lossmith.fit.polyhedral import Hinges, Solved, certificate, minimise
from lossmith.fit.solvers import Evaluation, Option, State, Vector
from lossmith.fit.solvers.smoothing import Near, near

FEWEST = 1000
"""The fewest rows of a band."""


@dataclass(frozen=True, slots=True)
class Band:
    """The rows that are kept whole, as a mask; the size of the objective where the solver started; all predictions.

    `folded` is Σ w·slope·x over the other rows, and `width` how far the corners were rounded to get here (0: not).
    """

    kept: NDArray[np.bool_]
    size: float
    z: Vector
    folded: Vector
    width: float = 0.0


@dataclass(frozen=True, slots=True)
class InteriorPoint:
    """Solve the rows near a kink exactly, check the others, repeat until none is on the wrong side."""

    name: ClassVar[str] = "interior-point"
    needs: ClassVar[tuple[str, ...]] = ("polyhedral", "one output", "no concomitant scale")
    options: ClassVar[Mapping[str, Option]] = {}

    def start(self, objective: Any, w0: Vector) -> State:
        """Near the optimum of a long table, by rounded corners, and the band of rows around it."""
        if is_short(objective):
            here, z = objective.at(w0), objective.predictions(w0)
            band = Band(np.ones(len(z), dtype=bool), abs(here.value), z, np.zeros(objective.size))
            return State(w0, here, memory=band, measured=np.inf)
        found = near(objective, w0, few_of(objective) / objective.rows_count)
        return begun(objective, found, objective.predictions(found.w))

    def step(self, objective: Any, state: State) -> State:
        """One exact solution on the band, and the rows that it shows to be on the wrong side."""
        problem, found = solved(objective, state)
        return judged(objective, state, problem, found, objective.predictions(found.w))


def few_of(objective: Any) -> int:
    """How many rows a band has: of the order that hardly ever leaves out one that matters (Portnoy & Koenker 1997)."""
    return max(FEWEST, 8 * int(objective.size), int(0.5 * float(objective.rows_count) ** (2 / 3)))


def is_short(objective: Any) -> bool:
    """Is the table so short that it is solved whole?"""
    return bool(objective.rows_count <= 3 * few_of(objective))


def begun(objective: Any, found: Near, z: Vector) -> State:
    """The state at a point that rounded corners led to, with predictions z, and how far it is off.

    The slope of a rounded corner is an ε-subgradient, ε = jump·width/8 a row that stands on one: their sum is held
    against the tolerance beside the gradient (`rounding.py`).
    """
    far = objective.pieces.clearance(z)
    kept = far <= found.width
    if kept.sum() < few_of(objective) // 2:  # the sample misled
        kept[_nearest(far, few_of(objective))] = True
    index = np.flatnonzero(kept)
    weight = np.ones(len(index)) if objective.weight is None else objective.weight[index]
    value = objective.value_at(found.w, z)
    jumps = Pieces.of(objective.loss, objective.y[index]).jump.sum(axis=1)
    epsilon = float(weight @ jumps) * found.width / 8.0 / objective.mass
    measured = max(objective.optimality(found.w, found.evaluation), epsilon / max(abs(value), 1e-300))
    soft = weight * found.level.evaluate(objective.y[index], z[index], ("gradient",))["gradient"]
    whole = objective.mass * (found.evaluation.gradient - objective.l2 * found.w)
    folded = whole - objective.design.rows(index).T @ soft
    band = Band(kept, found.size, z, folded, found.width)
    return State(found.w, Evaluation(value, found.evaluation.gradient), memory=band, measured=measured)


def solved(objective: Any, state: State) -> tuple[Hinges, Solved]:
    """The problem of the band, and its solution."""
    band: Band = state.memory
    problem = objective.hinges(band.kept, band.folded)
    return problem, minimise(problem, state.w, width=band.width)


def judged(objective: Any, state: State, problem: Hinges, found: Solved, z: Vector) -> State:
    """What comes of a solution that has these predictions: a wider band, or its distance from optimality."""
    band: Band = state.memory
    kept, here, value = band.kept, state.evaluation, objective.value_at(found.w, z)
    if not kept.all() and not value <= here.value + 0.5 * max(abs(here.value), band.size):
        # no minimum on the band: a column that none of its rows has is pulled to infinity by those folded away
        return _wider(objective, State(state.w, here, memory=band), kept, band.z)
    crossed = objective.pieces.crossed(band.z, z) & ~kept
    if crossed.any():
        return _wider(objective, State(found.w, replace(here, value=value), memory=band), kept | crossed, z)
    shown = Evaluation(value, _best_slope(objective, problem, found))
    measured, gap = objective.optimality(found.w, shown), found.gap / objective.mass
    # An optimum of 0 has no size of its own: the gap is then held against the value at the start.
    size = max(abs(value), 1e-6 * band.size)
    if gap <= 1e-10 * size:
        measured = min(measured, gap / size)
    return State(found.w, shown, "the interior point has come as near as rounding allows", band, gap, measured)


def _best_slope(objective: Any, problem: Hinges, found: Solved) -> Vector:
    """The gradient of the part without l1 whose distance from optimality is that of the smallest subgradient found."""
    touch = 1e-9 * max(float(np.abs(problem.b).max(initial=0.0)), float(np.abs(found.w).max(initial=0.0)))
    left = certificate(problem, found, touch) / objective.mass
    if objective.l1 is None:
        return np.asarray(left)
    return np.asarray(left - objective.l1 * np.where(found.w == 0.0, -np.sign(left), np.sign(found.w)))


def _nearest(far: Vector, count: int) -> NDArray[np.intp]:
    return np.argpartition(far, count)[:count]


def _wider(objective: Any, state: State, kept: NDArray[np.bool_], z: Vector) -> State:
    """The band around a better point, half as many rows again, and no row of the last one lost."""
    count = int(1.5 * kept.sum())
    wide = kept | (2 * count > len(kept))
    if not wide.all():
        wide[_nearest(objective.pieces.clearance(z), count)] = True
    band = Band(wide, state.memory.size, z, objective.folded(wide, z))
    return replace(state, memory=band, measured=np.inf)
