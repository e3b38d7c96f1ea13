"""Fits that each leave out a fold, side by side: a walk over X serves all of them, at every strength of an l2 penalty.

The fits differ by a tenth of their rows, and so hardly in their curvature: all begin at the fit to all rows, with its
Hessian, and each keeps secant pairs of its own from strength to strength. A walk computes the scores of all that are
not done yet (`passes_several.py`); a row counts in every fit but that of its own fold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.backends import load
from lossmith.fit import design as designs
from lossmith.fit.drive import one_thread
from lossmith.fit.fitting import Solution, fit
from lossmith.fit.objective import Objective, strengths
from lossmith.fit.penalty import Penalty
from lossmith.fit.search import NOISE, SLOPE
from lossmith.fit.separable import separation
from lossmith.fit.solvers import BASIC, CURVED
from lossmith.fit.solvers.lbfgs import Memory, two_loop
from lossmith.loss import Loss
from lossmith.rows.memory import Rows

Array = NDArray[np.float64]
KEPT = 12
"""Secant pairs of each fit."""
STALE = 5
"""Steps at one strength beyond which the curvature is measured anew before the next."""
MOST = 60
"""Steps at one strength, and MOST cuts of a step, after which the fits are left to who makes them one by one."""


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
    """The fits to all rows but one fold each: an objective for each, and the table that serves them together."""

    each: tuple[Objective, ...]
    table: Any
    kernel: Any
    fold: NDArray[np.int64]

    def at(self, which: Sequence[int], w: Sequence[Array]) -> list[tuple[float, Array]]:
        """Value and gradient of some of the fits, each at its own point."""
        first = self.each[0]
        places = np.full(len(self.each) + 1, len(self.each), np.int64)
        places[list(which)] = np.arange(len(which))
        table = replace(self.table, outputs=len(which), truth=places[self.fold])
        coef, last = first.design.user(np.stack(w, axis=1))
        sums = table.apart(self.kernel, first.loss.state.params, coef, np.asarray(last, dtype=np.float64))
        pull = first.design.pulled(sums.pull, sums.slope)
        return [self._finish(self.each[k], w[i], sums.value[i], pull[:, i]) for i, k in enumerate(which)]

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


def serves(
    rows: Rows, loss: Loss, chain: Sequence[Penalty], folds: Sequence[NDArray[Any]], asked: Mapping[str, Any]
) -> bool:
    """Is this a convex problem of one output under l2 penalties, with rows that compiled code can walk?"""
    from lossmith.backends import passes

    if not chain or len(folds) < 2 or any(p.l1 > 0.0 or not p.l2 > 0.0 for p in chain):
        return False
    if asked.get("scale", 1.0) != 1.0 or asked.get("outputs", 1) != 1 or asked.get("max_steps") is not None:
        return False
    plain = rows.y.ndim == 1 and (rows.offset is None or rows.offset.ndim == 1) and not loss.lift.multiclass
    if not plain or not passes.covers(rows.X) or rows.X.size < designs.LARGE:
        return False
    convex = loss.facts().get("convex")
    return convex is not None and bool(convex.holds) and loss.program.inputs == ("y", "z")


def numbered(n: int, folds: Sequence[NDArray[Any]]) -> NDArray[np.int64] | None:
    """The fold of each row, `len(folds)` for rows of none; None where folds overlap."""
    from lossmith.backends.passes_block import LANES

    fold, seen = np.full(n + LANES, len(folds), np.int64), np.zeros(n, np.int64)
    for k, rows in enumerate(folds):
        fold[:n][rows] = k
        seen[rows] += 1
    return None if (seen > 1).any() else fold


def beside(
    rows: Rows,
    every: Sequence[Rows],
    loss: Loss,
    chain: Sequence[Penalty],
    folds: Sequence[NDArray[Any]],
    asked: Mapping[str, Any],
) -> list[list[tuple[Array, float, float]]] | None:
    """(coef, intercept, 1) of every fit at each strength, from the strongest down; None where one gets stuck.

    `every` are the rows of each fit, those of its fold with weight 0.
    """
    fold = numbered(rows.n, folds)
    first = None if fold is None else fit(rows, loss, chain[0], **asked)
    if fold is None or first is None or first.solver not in ("newton", "lbfgs"):
        return None
    intercept, tol = bool(asked.get("intercept", True)), float(asked.get("tol", 1e-8))
    with one_thread(), np.errstate(all="ignore"):
        whole = Objective.of(rows, loss, chain[0], intercept=intercept)
        made = tuple(Objective.of(some, loss, chain[0], intercept=intercept) for some in every)
        if any(separation(o, loss) is not None for o in made):
            return None
        try:
            found = list(_chained(_side(rows, loss, made, fold), whole, chain, first, tol))
        except Stuck:
            return None
    return [[(*whole.design.user(w[k]), 1.0) for w in found] for k in range(len(folds))]


def _side(rows: Rows, loss: Loss, made: tuple[Objective, ...], fold: NDArray[np.int64]) -> Side:
    from lossmith.backends import passes_several

    plain = (None if v is None else np.ascontiguousarray(v, np.float64) for v in (rows.y, rows.weight, rows.offset))
    table = passes_several.Outputs(rows.X, len(made), fold, *plain)
    return Side(made, table, load(loss.program.only(*BASIC), np.float64, "llvm"), fold)


def _chained(side: Side, whole: Objective, chain: Sequence[Penalty], first: Solution, tol: float) -> Iterator[Array]:
    w = whole.standard(first.coef, np.asarray(first.intercept))
    memory = Memory.of(np.asarray(whole.at(w, CURVED).hessian), whole.rows_count)
    every = range(len(side.each))
    found = side.at(every, [w] * len(side.each))
    walkers = [Walker(w, value, gradient, memory) for value, gradient in found]
    for penalty in chain:
        following = side.under(penalty)
        walkers = [_moved(walker, *pair) for walker, *pair in zip(walkers, side.each, following.each, strict=True)]
        side = following
        steps = _descend(side, walkers, tol)
        yield np.stack([walker.w for walker in walkers])
        if steps > STALE and penalty is not chain[-1]:
            w = np.mean([walker.w for walker in walkers], axis=0)
            memory = Memory.of(np.asarray(replace(whole, l2=side.each[0].l2).at(w, CURVED).hessian), whole.rows_count)
            walkers = [replace(walker, memory=memory) for walker in walkers]


def _moved(walker: Walker, old: Objective, new: Objective) -> Walker:
    """The point under another l2: value, gradient and curvature follow from those at hand."""
    l2 = new.l2 - old.l2
    if not l2.any():
        return walker
    value = walker.value + 0.5 * float(l2 @ (walker.w * walker.w))
    return Walker(walker.w, value, walker.gradient + l2 * walker.w, walker.memory.shifted(l2))


def _descend(side: Side, walkers: list[Walker], tol: float) -> int:
    """Walk on until every fit is optimal; how many steps that took."""
    for step in range(MOST):
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
