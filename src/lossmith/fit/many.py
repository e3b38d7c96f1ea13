"""Many small fits of one loss side by side: damped Newton steps on a stack of problems, an array operation for all.

A fit of two hundred rows costs a millisecond, most of it spent between array operations. Comparing losses takes tens of
thousands of such fits, alike in all but rows and penalty; stacked, they share the way between operations. What does
not end at the tolerance here is left to `fit`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.fit.begin import constant
from lossmith.fit.design import Design
from lossmith.fit.drive import one_thread
from lossmith.fit.kinks import kinks_of
from lossmith.fit.many_pieces import between
from lossmith.fit.objective import Kernel, bound
from lossmith.fit.pieces import Pieces
from lossmith.fit.scores import blind, is_printed, of_classes, pairs
from lossmith.loss import Loss
from lossmith.rows.memory import Rows

Array = NDArray[np.float64]

COST = 4e6
"""n·size² of one problem up to which it is small: beyond it, `fit` is as quick."""
STEPS = 60
FLOOR = 1e-3
"""The least curvature of a row, as a share of the mean curvature: keeps steps finite where a loss is flat or bent."""
DAMPING = (1e-3, 1e8)
"""The first damping after a step that failed, and the one at which a problem is given up."""


def is_small(rows: Rows, outputs: int = 1) -> bool:
    """Is this problem one of those that are quicker side by side?"""
    return not rows.sparse and rows.n * float((rows.p + 1) * outputs) ** 2 <= COST


def stands_here(loss: Loss) -> bool:
    """Can such a loss be fitted here: is it smooth, or made of straight pieces?"""
    kinks = kinks_of(loss)
    return not kinks.any or (kinks.linear and not kinks.rivals)


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """B problems of at most n rows: X (B, n, m) standardised, with the intercept's ones last; y and share (B, n).

    `share` sums to 1 over the rows of a problem and is 0 where shorter ones were filled up. Narrower ones have zero
    columns. `centre` and `factor` (B, m − 1) lead back to the user's columns.
    """

    X: Array
    y: Array
    share: Array
    centre: Array
    factor: Array
    rows: tuple[Rows, ...]
    notes: dict[Any, Array] = field(default_factory=dict)

    @classmethod
    def of(cls, problems: Sequence[Rows]) -> Stack:
        """Stack dense problems."""
        count, n, p = len(problems), max(r.n for r in problems), max(r.p for r in problems)
        X, y, share = np.zeros((count, n, p + 1)), np.empty((count, n)), np.zeros((count, n))
        centre, factor = np.zeros((count, p)), np.zeros((count, p))
        for b, rows in enumerate(problems):
            design = Design.of(rows, True)
            X[b, : rows.n, : rows.p] = (rows.X - design.centre) * design.factor
            X[b, : rows.n, -1] = 1.0
            y[b, : rows.n], y[b, rows.n :] = rows.y, rows.y[0]
            weight = np.ones(rows.n) if rows.weight is None else rows.weight
            share[b, : rows.n] = weight / weight.sum()
            centre[b, : rows.p], factor[b, : rows.p] = design.centre, design.factor
        return cls(X, y, share, centre, factor, tuple(problems))

    def take(self, index: NDArray[np.intp]) -> Stack:
        """Some of the problems."""
        if len(index) == len(self.y):
            return self
        X, y, share = self.X[index], self.y[index], self.share[index]
        notes = {key: values[index] for key, values in self.notes.items()}
        return Stack(X, y, share, self.centre[index], self.factor[index], tuple(self.rows[b] for b in index), notes)

    def best(self, loss: Loss, outputs: int) -> Array:
        """The best constant of each problem (B, K), in units of y; looked for once a kind of loss."""
        key = (type(loss), outputs) if loss.lift.name == "score" else (loss.lift.name, outputs)
        if key not in self.notes:
            found = [constant(loss, rows.y, rows.weight, outputs) for rows in self.rows]
            self.notes[key] = np.array(found, dtype=np.float64).reshape(len(found), outputs)
        return self.notes[key]

    def classes(self, count: int) -> Array:
        """The share of each class in each problem (B, K)."""
        key = ("classes", count)
        if key not in self.notes:
            parts = [(self.share * (self.y == k)).sum(axis=1) for k in range(count)]
            self.notes[key] = np.stack(parts, axis=1)
        return self.notes[key]

    def standard(self, coef: Array, last: Array) -> Array:
        """Coefficients (B, p, K) and intercepts (B, K) of the user's columns as w (B, m, K)."""
        inverse = np.divide(1.0, self.factor, out=np.zeros_like(self.factor), where=self.factor > 0.0)
        tail = last + np.einsum("bp,bpk->bk", self.centre, coef)
        return np.concatenate([coef * inverse[..., None], tail[:, None]], axis=1)

    def user(self, w: Array) -> tuple[Array, Array]:
        """The inverse of `standard`."""
        coef = w[:, :-1] * self.factor[..., None]
        return coef, w[:, -1] - np.einsum("bp,bpk->bk", self.centre, coef)


@dataclass(frozen=True, slots=True, eq=False)
class Many:
    """The outcome for each problem: coef (B, p, K), intercept (B, K), and whether it ended at the tolerance (B,)."""

    coef: Array
    intercept: Array
    converged: NDArray[np.bool_]
    optimality: Array

    def of(self, b: int, width: int, outputs: int) -> tuple[Array, Any]:
        """(coef, intercept) of one problem with so many columns, shaped as those of a `Solution`."""
        coef, last = self.coef[b, :width], self.intercept[b]
        return (coef[:, 0], float(last[0])) if outputs == 1 else (coef, last)


def fit_many(
    stack: Stack,
    loss: Loss,
    alpha: Array,
    *,
    scale: Array | None = None,
    outputs: int = 1,
    start: tuple[Array, Array] | None = None,
    tol: float = 1e-6,
) -> Many:
    """Fit one loss to every problem of a stack, with l2 penalties alpha (B,) and scales (B,) of its residuals.

    start: coefficients (B, p, K) and intercepts (B, K) in the user's units. The optimality of a loss of straight
    pieces is its duality gap, relative to the value.
    """
    s = np.ones(len(stack.y)) if scale is None else scale
    unit = replace(stack, y=stack.y / s[:, None], rows=stack.rows) if scale is not None else stack
    best = stack.best(loss, outputs) / s[:, None]
    w = np.zeros((*unit.factor.shape, outputs))
    w = np.concatenate([w, best[:, None]], axis=1)
    if start is not None:
        w = stack.standard(*start) / s[:, None, None]
    with one_thread(), np.errstate(all="ignore"):
        problem = _Problem.of(unit, loss, alpha, outputs, best)
        w, far = problem.straight(w, tol) if kinks_of(loss).any else _descend(problem, w, tol)
    coef, last = stack.user(w * s[:, None, None])
    return Many(coef, last, far <= tol, far)


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """A stack with its loss and penalties; `slope` (B,) is the natural slope that optimality is relative to."""

    stack: Stack
    loss: Any
    l2: Array
    outputs: int
    kernel: Kernel
    slope: Array

    @classmethod
    def of(cls, stack: Stack, loss: Loss, alpha: Array, outputs: int, best: Array) -> _Problem:
        idle = (stack.factor == 0.0).astype(np.float64)
        l2 = np.concatenate([alpha[:, None] * stack.factor**2 + idle, np.zeros((len(alpha), 1))], axis=1)
        kernel = bound(loss, ("value", "gradient", "hessian" if outputs == 1 else "block"))
        made = cls(stack, loss, l2, outputs, kernel, np.ones(len(alpha)))
        return replace(made, slope=made._slope(best))

    def _slope(self, best: Array) -> Array:
        """The root mean square slope of the loss at the best constant, kept off 0 by that at 0."""
        size = self._slope_of_classes if self.outputs > 1 else self._slope_of_rows
        sizes = [size(z) for z in (best, np.zeros_like(best))]
        sizes = [np.where(np.isfinite(size), size, 0.0) for size in sizes]
        found = np.maximum(sizes[0], 1e-8 * sizes[1])
        return np.where(found > 0.0, found, 1.0)

    def _slope_of_rows(self, z: Array) -> Array:
        r = self._rows(np.broadcast_to(z, self.stack.y.shape)[:, None])[1]
        return np.asarray(np.sqrt((self.stack.share * r[:, 0] ** 2).sum(axis=1)))

    def _slope_of_classes(self, z: Array) -> Array:
        """At equal scores the rows of a class have one slope: K of them stand for all rows of a problem."""
        K = self.outputs
        at = np.broadcast_to(z[:, :, None], (len(z), K, K))
        r = self._rows(at, np.broadcast_to(np.arange(float(K)), (len(z), K)))[1]
        return np.asarray(np.sqrt((self.stack.classes(K) * (r**2).sum(axis=1)).sum(axis=1)))

    def take(self, index: NDArray[np.intp]) -> _Problem:
        if len(index) == len(self.slope):
            return self
        return replace(self, stack=self.stack.take(index), l2=self.l2[index], slope=self.slope[index])

    def _rows(self, z: Array, y: Array | None = None) -> tuple[Array, Array, Array]:
        """Value (B, n), slopes (B, K, n) and curvatures (B, K(K+1)/2, n) of the loss at scores (B, K, n)."""
        (B, K, n), y = z.shape, self.stack.y if y is None else y
        if is_printed(self.loss, K):
            value, slopes, bends = of_classes(self.loss, y, np.ascontiguousarray(z.swapaxes(0, 1)))
            return value, slopes.swapaxes(0, 1), bends.swapaxes(0, 1)
        rows = z.swapaxes(1, 2).reshape(-1, K)
        found = self.kernel(y.reshape(-1), rows[:, 0] if K == 1 else rows)
        gradient = found["gradient"].reshape(B, n, K).swapaxes(1, 2)
        if K == 1:
            return found["value"].reshape(B, n), gradient, found["hessian"].reshape(B, 1, n)
        block = np.stack([found["block"][:, a, b].reshape(B, n) for a, b in pairs(K)], axis=1)
        return found["value"].reshape(B, n), gradient, block

    def at(self, w: Array) -> tuple[Array, Array, Array]:
        """Objective (B,), its gradient (B, m, K) and the curvatures of the rows, times their shares."""
        X = self.stack.X
        value, r, h = self._rows(w.swapaxes(1, 2) @ X.swapaxes(1, 2))
        share, l2 = self.stack.share, self.l2[..., None]
        gradient = ((share[:, None] * r) @ X).swapaxes(1, 2) + l2 * w
        if self.outputs > 1 and blind(self.loss):  # a shift common to all scores changes nothing
            gradient -= gradient.mean(axis=2, keepdims=True)
        total = (share * value).sum(axis=1) + 0.5 * (l2 * w * w).sum(axis=(1, 2))
        return total, gradient, h * share[:, None]

    def straight(self, w: Array, tol: float) -> tuple[Array, Array]:
        """The optimum of a loss of straight pieces, and its relative gap (B,)."""
        shape = *self.stack.y.shape, -1
        pieces = Pieces.of(self.loss, self.stack.y.ravel())
        place, jump = pieces.place.reshape(shape), pieces.jump.reshape(shape) * self.stack.share[..., None]
        lowest = pieces.lowest.reshape(shape[:2]) * self.stack.share
        return between(self.stack.X, place, jump, lowest, self.l2, w[..., 0], tol)

    def direction(self, gradient: Array, h: Array, damping: Array) -> Array:
        """The damped Newton step (B, m, K)."""
        X, (B, m, K) = self.stack.X, gradient.shape
        own = [i for i, (a, b) in enumerate(pairs(K)) if a == b]
        mean = np.abs(h[:, own]).sum(axis=(1, 2)) / K + FLOOR * self.slope
        if K == 1:
            h = np.maximum(h, FLOOR * mean[:, None, None] * self.stack.share[:, None])
        H = _coupled(X, h, K)
        l2 = np.repeat(self.l2, K, axis=1)
        H[:, np.arange(m * K), np.arange(m * K)] += l2 + ((1e-10 + damping) * np.maximum(mean, 1e-300))[:, None]
        H[~np.isfinite(H).all(axis=(1, 2))] = np.eye(m * K)
        step = np.linalg.solve(H, gradient.reshape(B, -1, 1)).reshape(B, m, K)
        return -np.asarray(step, dtype=np.float64)


def _coupled(X: Array, h: Array, K: int) -> Array:
    """Σ X hᵃᵇ Xᵀ for outputs coupled by h (B, K(K+1)/2, n): (B, mK, mK), the outputs of a column beside each other."""
    B, _, m = X.shape
    H = np.empty((B, m, K, m, K))
    for i, (a, b) in enumerate(pairs(K)):
        H[:, :, a, :, b] = (X * h[:, i, :, None]).swapaxes(1, 2) @ X
        H[:, :, b, :, a] = H[:, :, a, :, b]
    return H.reshape(B, m * K, m * K)


def _descend(problem: _Problem, w: Array, tol: float) -> tuple[Array, Array]:
    """Levenberg–Marquardt on all problems; those that are done leave the stack. Returns w and the optimality (B,)."""
    out, far = w.copy(), np.full(len(w), np.inf)
    index, damping = np.arange(len(w)), np.zeros(len(w))
    value, gradient, h = problem.at(w)
    for _ in range(STEPS):
        now = np.abs(gradient).max(axis=(1, 2)) / problem.slope
        out[index], far[index] = w, np.where(np.isfinite(value), now, np.inf)
        going = np.flatnonzero((now > tol) & (damping < DAMPING[1]) & np.isfinite(value))
        if not len(going):
            break
        if len(going) < len(index):
            problem, index = problem.take(going), index[going]
            w, value, gradient, h, damping = w[going], value[going], gradient[going], h[going], damping[going]
        step = problem.direction(gradient, h, damping)
        there = problem.at(w + step)
        slope = (gradient * step).sum(axis=(1, 2))
        slack = 1e-13 * np.abs(value)
        good = (slope < 0) & (there[0] <= value + 1e-4 * slope + slack)
        less, more = np.where(damping > DAMPING[0], 0.1 * damping, 0.0), np.maximum(10.0 * damping, DAMPING[0])
        damping = np.where(good, less, more)
        w, value = np.where(good[:, None, None], w + step, w), np.where(good, there[0], value)
        gradient, h = _where(good, there[1], gradient), _where(good, there[2], h)
    return out, far


def _where(good: NDArray[np.bool_], a: Array, b: Array) -> Array:
    return a if good.all() else np.where(good.reshape(-1, *[1] * (a.ndim - 1)), a, b)
