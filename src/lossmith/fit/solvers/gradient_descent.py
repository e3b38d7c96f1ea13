"""Steepest descent with a backtracking line search: the plainest solver, and the one to compare others with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from lossmith.domain import positive
from lossmith.fit.search import descend
from lossmith.fit.solvers import Option, State, Vector


@dataclass(frozen=True, slots=True)
class GradientDescent:
    """Walk against the gradient, with steps that double after a success and halve until Armijo's rule holds."""

    rate: float = 1.0

    name: ClassVar[str] = "gradient-descent"
    needs: ClassVar[tuple[str, ...]] = ("differentiable", "no l1")
    options: ClassVar[Mapping[str, Option]] = {"rate": positive(1.0, "the first step tried")}

    def start(self, objective: Any, w0: Vector) -> State:
        """The state at w0; its memory is the step to try next."""
        return State(w0, objective.at(w0), memory=self.rate)

    def step(self, objective: Any, state: State) -> State:
        """One step downhill."""
        g = state.evaluation.gradient
        found = descend(objective, state, -g, first=state.memory)
        if found is None:
            return State(state.w, state.evaluation, "no step downhill decreases the value any further", state.memory)
        return State(found.w, found.evaluation, memory=2.0 * found.rate)
