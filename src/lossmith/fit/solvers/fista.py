"""Accelerated proximal gradient with restarts: cheap steps for l1 problems too wide for a Hessian."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from lossmith.domain import positive
from lossmith.fit.solvers import Evaluation, Option, State, Vector

ROUNDING = 1e-12
"""Relative changes of the value that may be rounding."""


@dataclass(frozen=True, slots=True)
class Momentum:
    """The extrapolated point, its weight in the sequence of Nesterov, and the step that was right last."""

    ahead: Vector
    age: float
    rate: float


@dataclass(frozen=True, slots=True)
class Fista:
    """Beck & Teboulle 2009, with backtracking and the adaptive restart of O'Donoghue & Candès 2015."""

    rate: float = 1.0

    name: ClassVar[str] = "fista"
    needs: ClassVar[tuple[str, ...]] = ("differentiable",)
    options: ClassVar[Mapping[str, Option]] = {"rate": positive(1.0, "the first step tried")}

    def start(self, objective: Any, w0: Vector) -> State:
        """The state at w0."""
        return State(w0, objective.at(w0), memory=Momentum(w0, 1.0, self.rate))

    def step(self, objective: Any, state: State) -> State:
        """One proximal step from the extrapolated point; back to the last point where that went uphill."""
        memory: Momentum = state.memory
        base = state.evaluation if memory.ahead is state.w else objective.at(memory.ahead)
        w, evaluation, rate = _forward(objective, memory.ahead, base, memory.rate)
        if evaluation.value > state.evaluation.value + ROUNDING * abs(state.evaluation.value):
            if memory.ahead is state.w:
                return State(state.w, state.evaluation, "no step decreases the value any further", memory)
            return State(state.w, state.evaluation, memory=Momentum(state.w, 1.0, rate))
        uphill = float((memory.ahead - w) @ (w - state.w)) > 0.0
        age = 1.0 if uphill else 0.5 + np.sqrt(0.25 + memory.age**2)
        ahead = w if uphill else w + (memory.age - 1.0) / age * (w - state.w)
        return State(w, evaluation, memory=Momentum(ahead, age, 1.1 * rate))


def _forward(objective: Any, at: Vector, base: Evaluation, rate: float) -> tuple[Vector, Evaluation, float]:
    """A proximal step whose quadratic model lies above the objective, found by halving the rate."""
    smooth = base.value - objective.l1_value(at)
    for _ in range(60):
        w = objective.prox(at - rate * base.gradient, rate)
        evaluation = objective.at(w)
        d = w - at
        bound = smooth + float(base.gradient @ d) + float(d @ d) / (2.0 * rate)
        value = evaluation.value - objective.l1_value(w)
        if np.isfinite(value) and value <= bound + ROUNDING * abs(bound):
            break
        rate *= 0.5
    return w, evaluation, rate
