"""Working sets for l1 problems with very many columns: solve on the few that matter, look at all, take in the worst."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lossmith.domain import Interval, Param
from lossmith.fit.measure import distance
from lossmith.fit.solvers import Option, Solver, State, Vector
from lossmith.fit.solvers.fista import Fista
from lossmith.fit.solvers.proximal_newton import ProximalNewton

DENSE = 3000
"""Coordinates up to which the small problems are solved with a model of their Hessian."""
INNER = 200
"""The most steps on one set; the next look at all columns is worth more."""
FINEST = 1e-11
"""The residual below which a small problem is never pressed: rounding."""


@dataclass(frozen=True, slots=True)
class WorkingSet:
    """Each step solves the problem on a set of columns, far more finely than the whole is solved, and enlarges it."""

    columns: int = 100

    name: ClassVar[str] = "working-set"
    needs: ClassVar[tuple[str, ...]] = ("differentiable",)
    options: ClassVar[Mapping[str, Option]] = {"columns": Param(100, Interval(1, whole=True), "columns to begin with")}

    def start(self, objective: Any, w0: Vector) -> State:
        """The state at w0; its memory is how many columns the next set has room for."""
        return State(w0, objective.at(w0), memory=int(self.columns))

    def step(self, objective: Any, state: State) -> State:
        """The nonzero columns and the worst of the others, solved for; then the gradient of all."""
        far = np.abs(distance(state.w, state.evaluation.gradient, objective.l1))
        chosen = worst(objective, state.w, far, state.memory)
        where = objective.coordinates(chosen)
        small = objective.narrow(chosen)
        aim = max(0.01 * objective.optimality(state.w, state.evaluation), FINEST)
        w = state.w.copy()
        w[where] = solved(small, state.w[where], aim)
        room = 2 * max(state.memory, int(np.count_nonzero(w)))
        if np.array_equal(w, state.w) and state.memory >= len(objective.design.factor):
            return replace(state, halt="no step downhill decreases the value any further")
        return State(w, objective.at(w), memory=room)


def worst(objective: Any, w: Vector, far: Vector, room: int) -> NDArray[np.intp]:
    """The columns in use, and up to `room` more: those furthest from optimal."""
    p = len(objective.design.factor)
    used = (w.reshape(-1, objective.outputs)[:p] != 0.0).any(axis=1)
    far = far.reshape(-1, objective.outputs)[:p].max(axis=1)
    rest = np.flatnonzero(~used & (far > 0.0))
    if len(rest) > room:
        rest = rest[np.argpartition(far[rest], -room)[-room:]]
    return np.union1d(np.flatnonzero(used), rest)


def solved(objective: Any, w: Vector, tol: float) -> Vector:
    """A small problem's solution, to a tolerance or as near as steps lead."""
    solver: Solver = ProximalNewton() if objective.size <= DENSE else Fista()
    state = solver.start(objective, w)
    for _ in range(INNER):
        if state.halt or objective.optimality(state.w, state.evaluation) <= tol:
            break
        state = solver.step(objective, state)
    return state.w
