"""SAGA: single-sample steps that end at the optimum, because every row's last slope is remembered.

A plain stochastic step is as noisy at the optimum as anywhere, and must shrink. Here a row's slope is held against the
one remembered, and the mean of those remembered makes good for all other rows: the noise fades, and the steps keep
their length (Defazio, Bach & Lacoste-Julien 2014). Epochs walk over a fresh shuffle; penalties enter every step whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from lossmith.domain import Interval
from lossmith.fit.remembered import Point, slopes, steepest, turned
from lossmith.fit.solvers import State, Vector
from lossmith.fit.solvers.settings import OneOf, Setting, whole

CURVATURES = 2.0
"""A step is one over so many times the largest curvature of a row, unless a learning rate is given."""


@dataclass(frozen=True, slots=True)
class Memory:
    """The point with the slopes of all rows and their mean gradient; the learning rate; and how many epochs passed."""

    point: Point
    rate: float
    epoch: int = 0


class Saga:
    """Single-sample steps that remember every row's slope: for smooth losses, with l1 and l2, over dense rows."""

    name: ClassVar[str] = "saga"
    needs: ClassVar[tuple[str, ...]] = ("differentiable", "no concomitant scale")
    options: ClassVar[Mapping[str, Setting]] = {
        "learning_rate": OneOf(("auto",), Interval(0.0, open_low=True)),
        "seed": whole(0, 0, "of the shuffles"),
    }

    def __init__(self, learning_rate: Any = "auto", seed: float = 0) -> None:
        self.learning_rate, self.seed = learning_rate, int(seed)

    def start(self, objective: Any, w0: Vector) -> State:
        """The state at w0, with every row's slope there."""
        rate = self.learning_rate
        if rate == "auto":
            rate = 1.0 / max(CURVATURES * steepest(objective, w0), 1e-280)
        return _remembering(objective, State(w0, objective.at(w0)), rate, 0)

    def step(self, objective: Any, state: State) -> State:
        """One epoch, and a look at the whole objective; a quarter of the rate after one that ended far too high."""
        memory: Memory = state.memory
        order = np.random.default_rng([self.seed, 2, memory.epoch]).permutation(objective.rows_count)
        point = turned(objective, memory.point, order, memory.rate)
        evaluation = objective.at(point[0])
        following = State(point[0], evaluation, memory=Memory(point, memory.rate, memory.epoch + 1))
        if self.learning_rate == "auto" and not _fell(objective, state, following):
            return _remembering(objective, state, memory.rate / 4.0, memory.epoch + 1)
        return following


def _remembering(objective: Any, state: State, rate: float, epoch: int) -> State:
    mean = state.evaluation.gradient - objective.l2 * state.w
    return replace(state, memory=Memory((state.w, mean, slopes(objective, state.w)), rate, epoch))


def _fell(objective: Any, before: State, after: State) -> bool:
    """Is the objective, or else how far it is from optimal, no higher than before?"""
    if not np.isfinite(after.evaluation.value) or not np.isfinite(after.evaluation.gradient).all():
        return False
    if after.evaluation.value <= before.evaluation.value:
        return True
    far = [objective.optimality(s.w, s.evaluation) for s in (before, after)]
    return bool(far[1] <= 10.0 * far[0])
