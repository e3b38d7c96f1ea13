"""fit: rows, a loss and a penalty in; a `Solution` that says how good it is and why it stopped out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.catalogue import loss as make_loss
from lossmith.domain import Interval, Param
from lossmith.errors import DataError, ShapeError, UnsupportedError
from lossmith.fit.concomitant import Concomitant
from lossmith.fit.drive import Limits, Run, Step, drive, one_thread
from lossmith.fit.kinks import kinks_of
from lossmith.fit.measure import gradient_norm, lasso_gap
from lossmith.fit.objective import Objective
from lossmith.fit.penalty import Penalty
from lossmith.fit.pick import Problem, demand, pick
from lossmith.fit.sampled import sampled
from lossmith.fit.scale import check_scale, mad
from lossmith.fit.separable import separation
from lossmith.fit.solvers import STOCHASTIC, State, make_solver
from lossmith.fit.solvers.smoothing import ENOUGH, near
from lossmith.loss import Loss
from lossmith.rows.memory import Rows

Array = NDArray[np.float64]
DEFAULT = Penalty()
TOL = Param(1e-8, Interval(0.0, 1.0, open_low=True), "relative residual at which a fit is optimal")
DEAR = 20_000_000
"""Cells of X beyond which the fit behind a MAD stops before its corner: the MAD then differs in the fifth digit."""
STEPS = Param(1000, Interval(1, whole=True), "the most steps")


@dataclass(frozen=True, slots=True)
class Solution:
    """The outcome of a fit.

    coef is (p,) or (p, K) and intercept a float or (K,), in the user's units. value is the whole objective;
    gradient_norm the largest coordinate of the distance from 0 to its subdifferential in the user's coordinates;
    optimality the same free of units, which `tol` was held against; gap a bound on value minus optimum, or None.
    `reason` says why it stopped, `why` why this solver was taken. `scale` is the unit of residuals that was used.
    """

    coef: Array
    intercept: Any
    value: float
    gradient_norm: float
    optimality: float
    gap: float | None
    steps: int
    passes: float
    seconds: float
    solver: str
    converged: bool
    reason: str
    why: str
    scale: float = 1.0
    trace: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """What one fit was asked for."""

    penalty: Penalty
    solver: str
    intercept: bool
    outputs: int
    limits: Limits
    random_state: int | None
    options: Mapping[str, Any]
    on_step: Callable[[Step], None] | None
    epochs: int | None = None

    def settings(self, solver: str) -> Mapping[str, Any]:
        """The options; a stochastic solver is told of max_steps, for it plans its learning rate over all epochs."""
        planned = solver in STOCHASTIC and self.epochs is not None
        return {"epochs": self.epochs, **self.options} if planned else self.options


def fit(
    rows: Rows,
    loss: Loss,
    penalty: Penalty = DEFAULT,
    *,
    solver: str = "auto",
    intercept: bool = True,
    scale: float | str = 1.0,
    outputs: int = 1,
    start: Any = None,
    tol: float = 1e-8,
    max_steps: int | None = None,
    max_seconds: float = float("inf"),
    random_state: int | None = None,
    options: Mapping[str, Any] | None = None,
    on_step: Callable[[Step], None] | None = None,
) -> Solution:
    """Minimise (Σ w·loss)/(Σ w) + penalty over the coefficients of a linear model.

    rows from `Rows.of`; outputs: 1, the number of classes for a softmax loss, or the columns of y; scale: a number,
    "mad" or "concomitant", for residual losses; start: an earlier Solution, or (coef, intercept); tol: relative
    residual (see `Solution.optimality`). Raises DomainError, ShapeError, ParameterError, UnsupportedError, DataError.
    """
    unit = check_scale(scale, loss)
    _match(rows, loss, outputs)
    steps = int(STEPS.check(max_steps if max_steps is not None else STEPS.default, "fit", "max_steps"))
    limits = Limits(TOL.check(tol, "fit", "tol"), steps, max_seconds)
    job = Job(penalty, solver, intercept, outputs, limits, random_state, options or {}, on_step, max_steps)
    try:
        return _whole(rows, loss, job, unit, start)
    except (DataError, np.linalg.LinAlgError):
        rows.read()  # a cell that nobody has looked at yet may be the cause, and is named
        raise


def _whole(rows: Rows, loss: Loss, job: Job, unit: float | str, start: Any) -> Solution:
    """A fit of all outputs: together, or one by one where the loss takes one."""
    outputs = job.outputs
    if outputs > 1 and not loss.lift.multiclass:
        return _stack(
            [_one(_column(rows, k), loss, replace(job, outputs=1), unit, _start(start, k)) for k in range(outputs)]
        )
    return _one(rows, loss, job, unit, _start(start))


def _match(rows: Rows, loss: Loss, outputs: int) -> None:
    """Do targets, loss and outputs belong together?"""
    columns = 1 if rows.y.ndim == 1 else rows.y.shape[1]
    if columns != outputs and not (loss.lift.multiclass and columns == 1):
        raise ShapeError(f"y has shape {rows.y.shape} but outputs={outputs}; they must agree")
    loss.check(rows.y)
    if loss.lift.multiclass and columns == 1 and rows.y.max() >= max(outputs, 2):
        raise ShapeError(f"y holds class {int(rows.y.max())} but outputs={outputs}; pass outputs = number of classes")


def _column(rows: Rows, k: int) -> Rows:
    offset = rows.offset if rows.offset is None or rows.offset.ndim == 1 else rows.offset[:, k]
    return replace(rows, y=np.ascontiguousarray(rows.y[:, k]), offset=offset)


def _start(start: Any, k: int | None = None) -> tuple[Array, Any] | None:
    """(coef, intercept) of an earlier solution or pair, of one of its outputs if asked."""
    if start is None:
        return None
    coef, last = start if isinstance(start, tuple) else (start.coef, start.intercept)
    coef = np.asarray(coef, dtype=np.float64)
    return (coef, last) if k is None else (coef[:, k], np.asarray(last)[k])


def _one(rows: Rows, loss: Loss, job: Job, unit: float | str, start: tuple[Array, Any] | None) -> Solution:
    """A fit with one scale rule."""
    if unit == "concomitant":
        return _jointly(rows, loss, job, start)
    s = _mad(rows, job) if unit == "mad" else float(unit)
    if start is None and job.solver == "auto":
        start = _convex_start(rows, loss, job)
    if start is None and loss.lift.name == "residual" and not kinks_of(loss).any:
        start = _narrowed(rows, loss, job, s)
    objective = _objective(rows, loss, job, s)
    w0 = objective.origin() if start is None else objective.standard(start[0] / s, np.asarray(start[1]) / s)
    run, why = _run(objective, objective, loss, job, w0, separation(objective, loss))
    return solution_of(objective, run, loss, why, s, s * s)


def _objective(rows: Rows, loss: Loss, job: Job, s: float, *, concomitant: bool = False) -> Objective:
    """The objective in units of s; cells that nobody has looked at are read where its solver will not see them all."""
    made = Objective.of(rows, loss, job.penalty, intercept=job.intercept, outputs=job.outputs, scale=s)
    if rows.unseen and _solver(made, loss, job, concomitant)[0] != "lbfgs":
        rows.read()
        return _objective(rows, loss, job, s)
    return made


CONVEX = {"residual": "Huber", "margin": "Logistic", "softmax": "CrossEntropy"}
"""What stands in for a loss that is not convex, to tell in which valley to start."""


def _convex_start(rows: Rows, loss: Loss, job: Job) -> tuple[Array, Any] | None:
    """For a loss that is not convex, where a convex one ends: Huber in units of the MAD, logistic, cross-entropy."""
    known, name = loss.facts().get("convex"), CONVEX.get(loss.lift.name)
    if name is None or (known is not None and known.holds):
        return None
    if loss.lift.name == "residual":
        penalty, unit = job.penalty, _mad(rows, job, exact=False)
    else:
        penalty, unit = Penalty("l2", max(job.penalty.alpha, 1e-3)), 1.0
    quick = replace(job, penalty=penalty, limits=Limits(1e-4, 100), on_step=None, options={})
    found = _one(rows, make_loss(name), quick, unit, None)
    return found.coef, found.intercept


def _narrowed(rows: Rows, loss: Loss, job: Job, s: float) -> tuple[Array, Any] | None:
    """A start for a unit far below the spread of y, where a robust loss is flat: fits at units that shrink tenfold."""
    wide = _roughly(np.asarray(rows.y, dtype=np.float64), rows.weight)
    if not wide > 30.0 * s or not _flattens(loss, wide / s):
        return None
    start, quick = None, replace(job, limits=Limits(1e-7, 200), on_step=None)
    while wide > 5.0 * s:
        found = _one(rows, loss, quick, wide, start)
        start, wide = (found.coef, found.intercept), 0.1 * wide
    return start


def _flattens(loss: Loss, u: float) -> bool:
    """Is the loss bent much less at a residual of u than at 0?"""
    with np.errstate(all="ignore"):
        near, far = np.abs(loss.evaluate(np.array([1e-3, u]), np.zeros(2), ("hessian",)).hessian)
    return bool(far < 0.1 * near)


def _mad(rows: Rows, job: Job, *, exact: bool = True) -> float:
    """1.4826 × the MAD of the residuals of an absolute-loss fit without penalty, noted with the rows.

    Where it only says how wide to begin, the absolute loss with rounded corners will do.
    """
    key = "mad", job.intercept, exact or ("mad", job.intercept, True) in rows.notes
    if key not in rows.notes:
        rows.read()
        centred = np.asarray(rows.y if rows.offset is None else rows.y - rows.offset, dtype=np.float64)
        rough = _roughly(centred, rows.weight)
        coef, last = _absolute(rows, job, rough) if exact else _nearly_absolute(rows, job, rough)
        fine = mad(centred - (rows.X @ coef + last), rows.weight)
        # where a plane meets the rows, what is left is rounding, not a scale
        rows.notes[key] = fine if fine > 1e-9 * rough else mad(centred, rows.weight)
    return float(rows.notes[key])


def _roughly(y: Array, weight: Array | None) -> float:
    """The MAD of the targets, told by a sample of a long table."""
    if len(y) <= 2 * ENOUGH:
        return mad(y, weight)
    some = sampled(len(y), ENOUGH, 0)
    return mad(y[some], None if weight is None else weight[some] + 1e-12 * weight.max())


def _absolute(rows: Rows, job: Job, unit: float) -> tuple[Array, Any]:
    limits = Limits(1e-8 if rows.n * rows.p <= DEAR else 1e-4)
    plain = Job(Penalty("none"), "auto", job.intercept, 1, limits, job.random_state, {}, None)
    found = _one(rows, make_loss("Absolute"), plain, unit, None)
    return found.coef, found.intercept


def _nearly_absolute(rows: Rows, job: Job, unit: float) -> tuple[Array, Any]:
    objective = Objective.of(rows, make_loss("Absolute"), Penalty("none"), intercept=job.intercept, scale=unit)
    with one_thread():
        coef, last = objective.design.user(near(objective, objective.origin(), 0.01).w)
    return coef * unit, last * unit


def _jointly(rows: Rows, loss: Loss, job: Job, start: tuple[Array, Any] | None) -> Solution:
    """Coefficients and scale together, in units of a first scale of the targets."""
    if kinks_of(loss).any:
        raise UnsupportedError(f"{loss.name} cannot set its own scale: it is the same at every scale; use Huber")
    s = _roughly(np.asarray(rows.y if rows.offset is None else rows.y - rows.offset, dtype=np.float64), rows.weight)
    # F(w, σ) = s·F(w/s, σ/s) with l2·s and l1 as it was; Objective.of divides l1 by s.
    scaled = replace(job, penalty=replace(job.penalty, alpha=job.penalty.alpha * s))
    inner = _objective(rows, loss, scaled, s, concomitant=True)
    w0 = inner.origin() if start is None else inner.standard(start[0] / s, np.asarray(start[1]) / s)
    objective = Concomitant(inner)
    run, why = _run(objective, inner, loss, job, np.append(w0, 1.0), objective.trouble)
    sigma = s * float(run.state.w[-1])
    plain = replace(run, state=replace(run.state, w=run.state.w[:-1], evaluation=_short(run.state)))
    return replace(solution_of(inner, plain, loss, why, s, s), scale=sigma)


def _short(state: State) -> Any:
    return replace(state.evaluation, gradient=state.evaluation.gradient[:-1])


def _run(
    objective: Any, inner: Objective, loss: Loss, job: Job, w0: Array, trouble: Any
) -> tuple[Run, tuple[str, str]]:
    """Drive the solver of a fit."""
    name, why = _solver(inner, loss, job, objective is not inner)
    solver = make_solver(name, job.settings(name), job.random_state)
    return drive(objective, solver, w0, job.limits, on_step=job.on_step, trouble=trouble), (name, why)


def _solver(objective: Objective, loss: Loss, job: Job, concomitant: bool) -> tuple[str, str]:
    """The solver that is picked, or the one asked for, and why it may be."""
    problem = Problem.of(objective, loss, kinks_of(loss), concomitant)
    return pick(problem) if job.solver == "auto" else (job.solver, demand(job.solver, problem))


def _honest(reason: str, loss: Loss) -> str:
    """Where the loss is not convex, a zero gradient makes a point stationary and no more; a jump has none."""
    fact = loss.facts().get("convex")
    convex = fact.holds if fact else None
    if kinks_of(loss).rivals == "jump":
        reason = f"{reason}; {loss.name} jumps where scores tie, and no slope tells an optimum there"
    if convex or not reason.startswith("optimal:"):
        return reason
    known = "not convex" if convex is False else "not known to be convex"
    return f"stationary:{reason.removeprefix('optimal:')}; {loss.name} is {known}: another start may end lower"


def solution_of(
    objective: Objective, run: Run, loss: Loss, why: tuple[str, str], unit: float, factor: float
) -> Solution:
    """Back to the user's units: coefficients times the unit of y, values times the factor that scaled them."""
    w, evaluation = run.state.w, run.state.evaluation
    coef, last = objective.design.user(objective.shaped(w))
    norm = gradient_norm(objective, w, evaluation.gradient)
    gap = run.state.gap
    if gap is None and objective.l1 is not None and objective.loss.formula == SQUARED:
        gap = lasso_gap(objective, w, evaluation)
    return Solution(
        coef=coef * unit,
        intercept=last * unit if objective.outputs > 1 else float(last * unit),
        value=evaluation.value * factor,
        gradient_norm=norm * factor / unit,
        optimality=run.optimality,
        gap=None if gap is None else gap * factor,
        steps=len(run.trace) - 1,
        passes=objective.meter.passes,
        seconds=run.seconds,
        solver=why[0],
        converged=run.converged,
        reason=_honest(run.reason, loss),
        why=why[1],
        scale=unit,
        trace=run.trace if factor == 1.0 else tuple(replace(t, value=t.value * factor) for t in run.trace),
    )


SQUARED = make_loss("Squared").formula


def _stack(parts: list[Solution]) -> Solution:
    """Several outputs, each solved on its own, as one solution; its reason is that of the worst."""
    worst = max(parts, key=lambda s: (not s.converged, s.optimality))
    gaps = [s.gap for s in parts]
    return replace(
        worst,
        coef=np.column_stack([s.coef for s in parts]),
        intercept=np.array([s.intercept for s in parts]),
        value=sum(s.value for s in parts),
        gradient_norm=max(s.gradient_norm for s in parts),
        gap=None if None in gaps else sum(g for g in gaps if g is not None),
        steps=max(s.steps for s in parts),
        passes=sum(s.passes for s in parts),
        seconds=sum(s.seconds for s in parts),
    )


__all__ = ["DataError", "Solution", "fit"]
