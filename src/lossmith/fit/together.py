"""Fits of losses of several raw outputs a row: which outputs follow the columns, and which are constants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.backends.threads import in_order
from lossmith.errors import ShapeError
from lossmith.fit.design import Array, Design
from lossmith.fit.drive import Limits, Step, drive
from lossmith.fit.fitting import Solution
from lossmith.fit.measure import distance, optimality
from lossmith.fit.objective import Meter, strengths
from lossmith.fit.penalty import Penalty
from lossmith.fit.sampled import sampled
from lossmith.fit.solvers import Evaluation, make_solver
from lossmith.loss import Loss
from lossmith.rows.memory import Rows, blocks

LONG = 4096
"""Rows beyond which the best constants are found on a sample; they are only where a fit starts."""
NEWTON_COST = 5e7
"""n·size² up to which a full Hessian each step is cheaper than being clever."""


@dataclass(frozen=True, slots=True, eq=False)
class Together:
    """F(w) = Σ wᵢ ℓ(yᵢ, zᵢ) / Σ wᵢ + l1·|w| + ½ l2·w² for z (n, m), in the standardised coordinates of its design.

    w holds those entries of the (size of the design, m) coefficients that `keep` names; the others are 0.
    """

    design: Design
    loss: Loss
    y: Array
    share: Array
    offset: Array | None
    outputs: int
    keep: NDArray[np.intp]
    l1: Array | None
    l2: Array
    meter: Meter = field(default_factory=Meter)
    slope: float = 1.0

    @property
    def size(self) -> int:
        """How many numbers w has."""
        return len(self.keep)

    @property
    def rows_count(self) -> int:
        """How many rows there are."""
        return len(self.y)

    @property
    def intercepts(self) -> NDArray[np.bool_]:
        """Which coordinates are constants."""
        return np.asarray(self.keep >= len(self.design.factor) * self.outputs)

    def full(self, w: Array) -> Array:
        """All coefficients, (size of the design, m)."""
        whole = np.zeros(self.design.size * self.outputs)
        whole[self.keep] = w
        return whole.reshape(-1, self.outputs)

    def predictions(self, w: Array, rows: Any = slice(None)) -> Array:
        """The raw outputs of some rows, (rows, m); an offset belongs to the first."""
        coef, last = self.design.user(self.full(w))
        z: Array = np.asarray(self.design.X[rows] @ coef, dtype=np.float64) + last
        if self.offset is not None:
            z[:, 0] += self.offset[rows]
        return z

    def at(self, w: Array, want: tuple[str, ...] = ("value", "gradient")) -> Evaluation:
        """Value and gradient over all rows, and the exact Hessian where `want` names it."""
        self.meter.passes += 1.0
        value, whole, bent = 0.0, np.zeros((self.design.size, self.outputs)), "hessian" in want
        hessian = np.zeros((whole.size, whole.size) if bent else (0, 0))
        for found in in_order(lambda rows: self._part(w, rows, bent), blocks(self.design.X, 4096)):
            value, whole = value + found.value, whole + found.gradient
            hessian = hessian if found.hessian is None else hessian + found.hessian
        square = hessian[np.ix_(self.keep, self.keep)] + np.diag(self.l2) if bent else None
        value += 0.5 * float(self.l2 @ (w * w)) + self.l1_value(w)
        return Evaluation(value, whole.ravel()[self.keep] + self.l2 * w, square)

    def _part(self, w: Array, rows: slice, bent: bool) -> Evaluation:
        lift, z = self.loss.lift, self.predictions(w, rows)
        with np.errstate(all="ignore"):
            want = ("value", "gradient", "block") if bent else ("value", "gradient")
            found = lift.evaluate(self.loss.state, self.y[rows], z, want)
        r = found["gradient"] * self.share[rows, None]
        slope = self.design.pulled(np.asarray(self.design.X[rows].T @ r), r.sum(axis=0))
        h = self.design.gram_of(rows, found["block"] * self.share[rows, None, None]) if bent else None
        return Evaluation(float(self.share[rows] @ found["value"]), slope, h)

    def diagonal(self, w: Array) -> Array:
        """The diagonal of the Hessian, for problems too wide for the whole."""
        h = self.loss.lift.evaluate(self.loss.state, self.y, self.predictions(w), ("hessian",))["hessian"]
        columns = [self.design.squares(c * self.share) for c in h.T]
        return np.asarray(np.column_stack(columns).ravel()[self.keep] + self.l2)

    def l1_value(self, w: Array) -> float:
        """l1·|w|."""
        return 0.0 if self.l1 is None else float(self.l1 @ np.abs(w))

    def prox(self, w: Array, rate: float | Array) -> Array:
        """The proximal map of rate·l1."""
        return w if self.l1 is None else np.asarray(np.sign(w) * np.maximum(np.abs(w) - rate * self.l1, 0.0))

    def optimality(self, w: Array, evaluation: Evaluation) -> float:
        """The relative distance from 0 to the subdifferential."""
        return optimality(w, evaluation.gradient, self.l1, self.slope)

    def sample(self, count: int, seed: int = 0) -> Together:
        """The objective over about `count` rows."""
        index = sampled(self.rows_count, count, seed)
        share = self.share[index] / self.share[index].sum()
        offset = None if self.offset is None else self.offset[index]
        return replace(self, design=self.design.only(index), y=self.y[index], share=share, offset=offset)


def fit_together(
    rows: Rows,
    y: Array,
    loss: Loss,
    penalty: Penalty,
    *,
    outputs: int,
    reach: Sequence[bool] | None = None,
    constants: Sequence[bool] | None = None,
    solver: str = "auto",
    tol: float = 1e-8,
    max_steps: int | None = None,
    on_step: Callable[[Step], None] | None = None,
) -> Solution:
    """Minimise the weighted mean of a loss of several outputs plus a penalty; coef is (p, m) and intercept (m,).

    y: the truths as the loss takes them. reach: which outputs follow the columns of X (all); constants: which have a
    constant of their own (all). Raises DomainError, ShapeError.
    """
    if len(y) != rows.n:
        raise ShapeError(f"X has {rows.n} rows but y has {len(y)}; they must be the same")
    loss.lift.match(y, np.zeros((rows.n, outputs)))
    loss.check(y)
    every = [True] * outputs
    w0, made = objective(rows, y, loss, penalty, outputs, reach or every, constants or every)
    return run(made, w0, solver, Limits(tol, max_steps or 1000), on_step)


def objective(
    rows: Rows, y: Array, loss: Loss, penalty: Penalty, outputs: int, reach: Sequence[bool], constants: Sequence[bool]
) -> tuple[Array, Together]:
    """Where to start, and the objective."""
    design = Design.of(rows, True).eased(penalty.l2)
    follows = np.vstack([np.tile(np.asarray(reach), (len(design.factor), 1)), np.asarray(constants)])
    keep = np.flatnonzero(follows.ravel())
    l1, l2 = strengths(design, penalty.l1, penalty.l2, outputs)
    weight = np.ones(rows.n) if rows.weight is None else rows.weight
    first = sampled(rows.n, LONG, 1) if rows.n > LONG else np.arange(rows.n)
    best = loss.start(y[first], weight[first] + 1e-12 * weight.max(), outputs)
    start = np.zeros((design.size, outputs))
    start[-1] = best
    made = Together(
        design, loss, y, weight / weight.sum(), rows.offset, outputs, keep, None if l1 is None else l1[keep], l2[keep]
    )
    w0 = start.ravel()[keep]
    return w0, replace(made, slope=natural_slope(made, w0))


def natural_slope(made: Together, w0: Array) -> float:
    """The root mean square slope of the rows where the fit starts."""
    found = made.loss.lift.evaluate(made.loss.state, made.y, made.predictions(w0), ("gradient",))["gradient"]
    with np.errstate(all="ignore"):
        size = float(np.sqrt(made.share @ (found**2).sum(axis=1)))
    return size if np.isfinite(size) and size > 0.0 else 1.0


def run(made: Any, w0: Array, solver: str, limits: Limits, on_step: Callable[[Step], None] | None = None) -> Solution:
    """Drive a solver over an objective of this kind."""
    name, why = (solver, f"{solver} was asked for") if solver != "auto" else picked(made)
    run = drive(made, make_solver(name, {}), w0, limits, on_step=on_step)
    w, evaluation = run.state.w, run.state.evaluation
    coef, last = made.design.user(made.full(w))
    return Solution(
        coef=coef,
        intercept=last,
        value=evaluation.value,
        gradient_norm=float(np.abs(distance(w, evaluation.gradient, made.l1)).max(initial=0.0)),
        optimality=run.optimality,
        gap=None,
        steps=len(run.trace) - 1,
        passes=made.meter.passes,
        seconds=run.seconds,
        solver=name,
        converged=run.converged,
        reason=run.reason,
        why=why,
        trace=run.trace,
    )


def picked(made: Any) -> tuple[str, str]:
    """(solver, why) for solver="auto"."""
    if made.l1 is not None:
        return "proximal-newton", f"an l1 penalty on {made.size} coordinates: a Newton model that keeps zeros exact"
    if made.rows_count * float(made.size) ** 2 <= NEWTON_COST:
        return "newton", f"{made.rows_count} rows × {made.size} coordinates are few: exact Hessians"
    return "lbfgs", f"{made.rows_count} rows × {made.size} coordinates: quasi-Newton steps"
