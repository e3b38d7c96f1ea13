"""Fits that each leave out a fold, side by side: a walk over X serves all of them, at every strength of an l2 penalty.

The fits differ by a tenth of their rows, and so hardly in their curvature: all begin at the fit to all rows, with its
Hessian, and each keeps secant pairs of its own from strength to strength. A walk computes the scores of all that are
not done yet (`passes_several.py`); a row counts in every fit but that of its own fold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.fit import design as designs
from lossmith.fit.drive import one_thread
from lossmith.fit.fitting import Solution, fit
from lossmith.fit.objective import Objective
from lossmith.fit.penalty import Penalty
from lossmith.fit.separable import separation
from lossmith.fit.solvers import CURVED
from lossmith.fit.solvers.lbfgs import Memory
from lossmith.fit.walkers import Side, Stuck, Walker, begun, descend
from lossmith.loss import Loss
from lossmith.rows.memory import Rows

Array = NDArray[np.float64]
STALE = 5
"""Steps at one strength beyond which the curvature is measured anew before the next."""


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
            found = list(_chained(Side.of(made, (rows.y, rows.weight, rows.offset), fold), whole, chain, first, tol))
        except Stuck:
            return None
    return [[(*whole.design.user(w[k]), 1.0) for w in found] for k in range(len(folds))]


def _chained(side: Side, whole: Objective, chain: Sequence[Penalty], first: Solution, tol: float) -> Iterator[Array]:
    w = whole.standard(first.coef, np.asarray(first.intercept))
    memory = Memory.of(np.asarray(whole.at(w, CURVED).hessian), whole.rows_count)
    walkers = begun(side, [w] * len(side.each), [memory] * len(side.each))
    for penalty in chain:
        following = side.under(penalty)
        walkers = [_moved(walker, *pair) for walker, *pair in zip(walkers, side.each, following.each, strict=True)]
        side = following
        steps = descend(side, walkers, tol)
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
