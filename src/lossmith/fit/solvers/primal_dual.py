"""The solver for losses of K scores that are the largest of straight pieces: hinges against one rival or all of them.

Primal and dual steps of an interior point (`fit/tops.py`); what ends them is a bound on how far the value is above the
optimum: the gap between each row's top and its pieces under their weights, beside what is left of the dual equation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from lossmith.fit import tops
from lossmith.fit.solvers import Evaluation, Option, State, Vector


@dataclass(frozen=True, slots=True)
class Memory:
    """The parts of the objective, the point inside, what keeps the system regular, and the size of the value."""

    parts: tuple[tops.Tops, ...]
    at: tops.Inside
    ridge: Vector
    size: float


@dataclass(frozen=True, slots=True)
class PrimalDual:
    """Predictor-corrector steps; each costs a Hessian over all rows."""

    name: ClassVar[str] = "primal-dual"
    needs: ClassVar[tuple[str, ...]] = ("rivals", "polyhedral", "narrow", "no concomitant scale")
    options: ClassVar[Mapping[str, Option]] = {}

    def start(self, objective: Any, w0: Vector) -> State:
        """Room for every piece around w0."""
        live = objective.only(np.flatnonzero(objective.shares > 0.0))
        parts = (tops.rows_of(live), *([] if live.l1 is None else [tops.penalty_of(live.l1)]))
        here = objective.at(w0)
        memory = Memory(parts, tops.inside(parts, w0), _ridge(objective), abs(here.value))
        return State(w0, here, memory=memory, measured=np.inf)

    def step(self, objective: Any, state: State) -> State:
        """One step, and how far its point may be from the optimum."""
        memory: Memory = state.memory
        at = tops.advance(memory.parts, objective.l2, memory.ridge, memory.at)
        if at is None:
            return State(state.w, state.evaluation, "rounding leaves no step", memory, state.gap, state.measured)
        w = at.w if objective.l1 is None else _zeros(objective, memory.parts, at)
        here, left, gap = objective.at(w), tops.duals(memory.parts, objective.l2, at), tops.gap(memory.parts, at)
        # at a zero that was set exactly, the value says how much that cost
        gap = max(gap + here.value - objective.at(at.w).value, 0.0) if w is not at.w else gap
        size = max(abs(here.value), 1e-6 * memory.size)
        measured = max(float(np.abs(left).max(initial=0.0)) / objective.slope, gap / size)
        following = Memory(memory.parts, at, memory.ridge, memory.size)
        return State(w, Evaluation(here.value, _shown(objective, w, left)), "", following, gap, measured)


def _ridge(objective: Any) -> Vector:
    """A curvature along what is added to all scores alike, which no row sees, for columns without a penalty."""
    K, size = objective.outputs, objective.size
    matrix = np.zeros((size, size))
    if not objective.blind:
        return matrix
    penalised = objective.l2 > 0.0 if objective.l1 is None else (objective.l2 > 0.0) | (objective.l1 > 0.0)
    for j in np.flatnonzero(~penalised.reshape(-1, K).any(axis=1)):
        matrix[j * K : (j + 1) * K, j * K : (j + 1) * K] = 1.0 / K
    return matrix


def _zeros(objective: Any, parts: tuple[tops.Tops, ...], at: tops.Inside) -> Vector:
    """The point with those coefficients at 0 whose penalty pulls from both sides, if the value does not mind."""
    bent, share = np.flatnonzero(objective.l1), parts[-1].share
    both = at.weight[-1][:, 0].min(axis=1) > 1e-6 * share
    w = at.w.copy()
    w[bent[both]] = 0.0
    before, after = objective.at(at.w).value, objective.at(w).value
    return w if after <= before + 1e-9 * abs(before) else at.w


def _shown(objective: Any, w: Vector, left: Vector) -> Vector:
    """The gradient of the part without l1 whose distance from optimality is what is left of the dual equation."""
    if objective.l1 is None:
        return left
    return np.asarray(left - objective.l1 * np.where(w == 0.0, -np.sign(left), np.sign(w)))
