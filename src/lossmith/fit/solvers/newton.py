"""Newton's method, damped: few steps, each as dear as XᵀWX; the solver for certificates and for small problems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from lossmith.fit.factor import Factor
from lossmith.fit.search import downhill
from lossmith.fit.solvers import BASIC, Option, State, Vector

FEW = 64
"""Coordinates up to which a pass with the Hessian costs less than two passes without."""


@dataclass(frozen=True, slots=True)
class Newton:
    """Solve with the exact Hessian, shifted where it is not positive definite, and search along the step.

    Where the slope has corners, as Huber's, the Hessian of the pieces that the rows lie on does as well: a convex loss
    of parabolas and lines ends in a few steps (Qi & Sun 1993).
    """

    curvature: ClassVar[str] = "hessian"
    name: ClassVar[str] = "newton"
    needs: ClassVar[tuple[str, ...]] = ("differentiable", "no l1")
    options: ClassVar[Mapping[str, Option]] = {}

    def start(self, objective: Any, w0: Vector) -> State:
        """The state at w0."""
        return State(w0, objective.at(w0, self._want(objective)))

    def step(self, objective: Any, state: State) -> State:
        """One damped step."""
        hessian = state.evaluation.hessian
        if hessian is None:
            hessian = objective.at(state.w, (*BASIC, self.curvature)).hessian
        direction = -Factor.of(hessian).solve(state.evaluation.gradient)
        found = downhill(objective, state, direction, self._want(objective))
        if found is None:
            return State(state.w, state.evaluation, "no step downhill decreases the value any further")
        return State(found.w, found.evaluation)

    def _want(self, objective: Any) -> tuple[str, ...]:
        """What a line search asks for: of a few columns also the curvature, which costs less than to come again."""
        return (*BASIC, self.curvature) if objective.size <= FEW else BASIC
