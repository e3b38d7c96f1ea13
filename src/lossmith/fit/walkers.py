"""Fits side by side: a walk over X gives value and gradient of each at its own point, and each keeps its own memory.

The walk is that of `passes_several.py`: it computes the scores of all fits that are not done yet. They are fits of one
formula, each with parameters of its own, or each without the rows of its own fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.backends import load
from lossmith.fit.objective import Objective, strengths
from lossmith.fit.penalty import Penalty
from lossmith.fit.search import NOISE, SLOPE
from lossmith.fit.solvers import BASIC
from lossmith.fit.solvers.lbfgs import Memory, two_loop

Array = NDArray[np.float64]
KEPT = 12
"""Secant pairs of each fit."""
MOST = 60
"""Steps, and cuts of a step, after which the fits are left to who makes them one by one."""


class Stuck(Exception):
    """A fit does not come to its end this way."""


@dataclass(frozen=True, slots=True, eq=False)
class Walker:
    """Where a fit stands: w, its value and gradient, and what it knows of the curvature."""

    w: Array
    value: float
    gradient: Array
    memory: Memory


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """An objective for each fit, and the table that serves them together; `fold` where each leaves out a fold."""

    each: tuple[Objective, ...]
    table: Any
    kernel: Any
    fold: NDArray[np.int64] | None = None

    @classmethod
    def of(cls, each: Sequence[Objective], rest: tuple[Any, Any, Any], fold: NDArray[np.int64] | None = None) -> Side:
        """Objectives over the same X, with the targets, weights and offsets of all of its rows."""
        from lossmith.backends import passes_several

        first, plain = each[0], (None if v is None else np.ascontiguousarray(v, np.float64) for v in rest)
        table = passes_several.Outputs(first.design.X, len(each), fold, *plain)
        return cls(tuple(each), table, load(first.loss.program.only(*BASIC), np.float64, "llvm"), fold)

    def at(self, which: Sequence[int], w: Sequence[Array]) -> list[tuple[float, Array]]:
        """Value and gradient of some of the fits, each at its own point."""
        first = self.each[0]
        table = replace(self.table, outputs=len(which), truth=self._left_out(which))
        coef, last = first.design.user(np.stack(w, axis=1))
        params = [self.each[k].loss.state.params for k in which]
        sums = table.apart(self.kernel, params, coef, np.asarray(last, dtype=np.float64))
        for k in which:
            self.each[k].meter.passes += self.each[k].share / len(which)
        pull = first.design.pulled(sums.pull, sums.slope)
        return [self._finish(self.each[k], w[i], sums.value[i], pull[:, i]) for i, k in enumerate(which)]

    def _left_out(self, which: Sequence[int]) -> NDArray[np.int64] | None:
        if self.fold is None:
            return None
        places = np.full(len(self.each) + 1, len(self.each), np.int64)
        places[list(which)] = np.arange(len(which))
        return places[self.fold]

    @staticmethod
    def _finish(o: Objective, w: Array, value: float, pull: Array) -> tuple[float, Array]:
        return float(value) / o.mass + 0.5 * float(o.l2 @ (w * w)), pull / o.mass + o.l2 * w

    def under(self, penalty: Penalty) -> Side:
        """The same fits at another strength."""
        _, l2 = strengths(self.each[0].design, 0.0, penalty.l2, 1)
        return replace(self, each=tuple(replace(o, l2=l2) for o in self.each))

    def far(self, k: int, walker: Walker) -> float:
        """How far a fit is from optimal."""
        return float(np.abs(walker.gradient).max()) / self.each[k].slope


def begun(side: Side, w: Sequence[Array], memory: Sequence[Memory]) -> list[Walker]:
    """Every fit at its point."""
    found = side.at(range(len(w)), w)
    return [Walker(a, *pair, m) for a, pair, m in zip(w, found, memory, strict=True)]


def descend(side: Side, walkers: list[Walker], tol: float, most: int | None = None) -> int:
    """Walk on until every fit is optimal; how many steps that took. Raises Stuck after `most`."""
    for step in range(MOST if most is None else most):
        going = [k for k, walker in enumerate(walkers) if not side.far(k, walker) <= tol]
        if not going:
            return step
        directions = {k: -two_loop(walkers[k].memory, walkers[k].gradient) for k in going}
        _search(side, walkers, directions)
    raise Stuck


def _search(side: Side, walkers: list[Walker], directions: dict[int, Array]) -> None:
    """A step for each fit along its direction, by Armijo's rule; those that must be cut are tried again together."""
    rates = dict.fromkeys(directions, 1.0)
    for _ in range(MOST):
        if not rates:
            return
        which = list(rates)
        points = [walkers[k].w + rates[k] * directions[k] for k in which]
        for k, w, (value, gradient) in zip(which, points, side.at(which, points), strict=True):
            old = walkers[k]
            promise = rates[k] * float(old.gradient @ directions[k])
            there = Walker(w, value, gradient, old.memory)
            if _accepted(side, k, old, there, promise):
                walkers[k] = _learned(old, there)
                del rates[k]
            else:
                rates[k] *= 0.25
    raise Stuck


def _accepted(side: Side, k: int, old: Walker, new: Walker, promise: float) -> bool:
    """Does the value fall enough, or, where it drowns in rounding, the residual?"""
    if not np.isfinite(new.value) or not promise < 0.0:
        return False
    if new.value <= old.value + SLOPE * promise and new.value < old.value:
        return True
    noise = NOISE * abs(old.value)
    level = -promise <= noise and new.value <= old.value + noise
    return level and side.far(k, new) < 0.9 * side.far(k, old)


def _learned(old: Walker, new: Walker) -> Walker:
    """The new point with one more secant pair."""
    s, y = new.w - old.w, new.gradient - old.gradient
    if not float(s @ y) > 1e-14 * float(np.sqrt((s @ s) * (y @ y))):
        return new
    return replace(new, memory=replace(old.memory, pairs=(*old.memory.pairs, (s, y))[-KEPT:]))
