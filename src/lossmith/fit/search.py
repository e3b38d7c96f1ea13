"""The line search that every descent shares: Armijo's rule, with a gradient test where values drown in rounding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lossmith.fit.solvers import BASIC, Evaluation, State, Vector

SLOPE = 1e-4
"""The share of the promised decrease that a step must deliver."""
NOISE = 1e-11
"""Relative changes of the value below this may be rounding: there the residual decides, if it falls."""


@dataclass(frozen=True, slots=True)
class Found:
    """An accepted step: the new point, the objective there, and the rate that led to it."""

    w: Vector
    evaluation: Evaluation
    rate: float


def descend(
    objective: Any,
    state: State,
    direction: Vector,
    *,
    first: float = 1.0,
    want: tuple[str, ...] = BASIC,
    most: int = 40,
) -> Found | None:
    """The first rate in first, first/2, … that decreases the objective enough; None where none does."""
    f0, g0 = state.evaluation.value, state.evaluation.gradient
    promise = slope(objective, state.w, g0, direction)
    if not promise < 0.0:
        return None
    noise = NOISE * abs(f0)
    rate = first
    for _ in range(most):
        w = state.w + rate * direction
        with np.errstate(all="ignore"):
            evaluation = objective.at(w, want)
        if np.isfinite(evaluation.value) and np.isfinite(evaluation.gradient).all():
            if evaluation.value <= f0 + SLOPE * rate * promise and evaluation.value < f0:
                return Found(w, evaluation, rate)
            level = -rate * promise <= noise and evaluation.value <= f0 + noise
            if level and _flatter(objective, state, w, evaluation):
                return Found(w, evaluation, rate)
            rate *= _shrink(f0, evaluation.value, promise * rate)
        else:
            rate *= 0.1
    return None


def downhill(objective: Any, state: State, direction: Vector, want: tuple[str, ...] = BASIC) -> Found | None:
    """Along the direction, or, where that leads nowhere (no curvature to go by), along the proximal gradient."""
    found = descend(objective, state, direction, want=want)
    if found is not None:
        return found
    uphill = state.w - objective.prox(state.w - state.evaluation.gradient, 1.0)
    return descend(objective, state, -uphill, want=want)


def slope(objective: Any, w: Vector, gradient: Vector, direction: Vector) -> float:
    """The derivative along the direction, or, with an l1 penalty, the bound of Tseng & Yun that replaces it."""
    smooth = float(gradient @ direction)
    return smooth if objective.l1 is None else smooth + objective.l1_value(w + direction) - objective.l1_value(w)


def _flatter(objective: Any, state: State, w: Vector, evaluation: Evaluation) -> bool:
    """Has the point become more nearly optimal? Decides where the values themselves are equal to rounding."""
    return bool(objective.optimality(w, evaluation) < 0.9 * objective.optimality(state.w, state.evaluation))


def _shrink(f0: float, f1: float, promise: float) -> float:
    """The minimum of the parabola through both values and the slope, kept in [0.1, 0.5]."""
    bend = f1 - f0 - promise
    return float(np.clip(-0.5 * promise / bend, 0.1, 0.5)) if bend > 0.0 else 0.5
