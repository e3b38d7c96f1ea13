"""Fits of several losses to the same rows: side by side where they differ in a parameter only."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.errors import ParameterError
from lossmith.fit import design as designs
from lossmith.fit import straights
from lossmith.fit.drive import Limits, Run, drive, one_thread
from lossmith.fit.fitting import DEFAULT, STEPS, TOL, Solution, fit, solution_of
from lossmith.fit.kinks import kinks_of
from lossmith.fit.objective import Objective
from lossmith.fit.path import Resumed
from lossmith.fit.penalty import Penalty
from lossmith.fit.pick import Problem, pick
from lossmith.fit.scale import check_scale
from lossmith.fit.separable import separation
from lossmith.fit.solvers import CURVED, Evaluation, State
from lossmith.fit.solvers.interior_point import is_short
from lossmith.fit.solvers.lbfgs import Lbfgs, Memory
from lossmith.fit.solvers.smoothing import ENOUGH
from lossmith.fit.walkers import Side, Stuck, begun, descend
from lossmith.loss import Loss
from lossmith.rows.memory import Rows

Array = NDArray[np.float64]


def fit_each(
    rows: Rows,
    losses: Sequence[Loss],
    penalty: Penalty = DEFAULT,
    *,
    solver: str = "auto",
    intercept: bool = True,
    scale: float | str = 1.0,
    tol: float = 1e-8,
    max_steps: int | None = None,
) -> tuple[Solution, ...]:
    """The fits of several losses to the same rows, in the order of `losses`: quantiles at several levels, say.

    Each is as good as `fit` alone would be: held against the same `tol`, and with a reason of its own. Convex losses of
    one formula that differ in parameters are fitted side by side over a long dense X, each walk serving all of them;
    `Solution.passes` and `seconds` are each fit's share. Raises what `fit` raises, and ParameterError without a loss.
    """
    if not len(losses):
        raise ParameterError("fit_each: losses is empty; give at least one loss")
    asked: dict[str, Any] = {"solver": solver, "intercept": intercept, "scale": scale, "tol": tol}
    if _serves(rows, losses, penalty, asked, max_steps):
        with one_thread(), np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
            found = _together(rows, losses, penalty, asked, max_steps)
        if found is not None:
            return found
    return tuple(fit(rows, loss, penalty, max_steps=max_steps, **asked) for loss in losses)


def _serves(rows: Rows, losses: Sequence[Loss], penalty: Penalty, asked: dict[str, Any], max_steps: int | None) -> bool:
    """Are these convex losses of one output and one formula, and rows that compiled code can walk?"""
    from lossmith.backends import passes

    first = losses[0]
    if len(losses) < 2 or penalty.l1 > 0.0 or asked["solver"] != "auto" or isinstance(asked["scale"], str):
        return False
    plain = rows.y.ndim == 1 and (rows.offset is None or rows.offset.ndim == 1) and not first.lift.multiclass
    if not plain or not passes.covers(rows.X) or rows.X.size < designs.LARGE or first.program.inputs != ("y", "z"):
        return False
    alike = all(loss.lift == first.lift and loss.program == first.program for loss in losses)
    return alike and all(_stands(loss) for loss in losses)


def _stands(loss: Loss) -> bool:
    """Is a loss convex, and either smooth or made of straight pieces that are the same for every row?"""
    convex, kinks = loss.facts().get("convex"), kinks_of(loss)
    shaped = not kinks.any or (kinks.linear and not kinks.by_row)
    return convex is not None and bool(convex.holds) and shaped


def _together(
    rows: Rows, losses: Sequence[Loss], penalty: Penalty, asked: dict[str, Any], max_steps: int | None
) -> tuple[Solution, ...] | None:
    """The fits side by side; None where they are to be made one by one."""
    started, s = time.perf_counter(), float(check_scale(asked["scale"], losses[0]))
    for loss in losses:
        loss.check(rows.y)
    steps = int(STEPS.check(max_steps if max_steps is not None else STEPS.default, "fit", "max_steps"))
    limits = Limits(TOL.check(asked["tol"], "fit", "tol"), steps)
    each = [Objective.of(rows, loss, penalty, intercept=asked["intercept"], scale=s) for loss in losses]
    corners = {len(kinks_of(loss).places) for loss in losses}
    if len(corners) > 1:
        return None
    runs = _straight(each, limits) if corners != {0} else _smooth(each, limits)
    if runs is None:
        return None
    spent = (time.perf_counter() - started) / len(losses)
    return tuple(
        solution_of(o, replace(run, seconds=spent), loss, _why(o, loss, len(losses)), s, s * s)
        for o, run, loss in zip(each, runs, losses, strict=True)
    )


def _why(objective: Objective, loss: Loss, count: int) -> tuple[str, str]:
    kinks = kinks_of(loss)
    name, why = pick(Problem.of(objective, loss, kinks, False))
    return name if kinks.any else "lbfgs", f"{why}; {count} losses side by side"


def _straight(each: Sequence[Objective], limits: Limits) -> list[Run] | None:
    return None if is_short(each[0]) else straights.ended(each, [o.origin() for o in each], limits)


def _smooth(each: Sequence[Objective], limits: Limits) -> list[Run] | None:
    """The one in the middle first; the others from there, with its curvature."""
    middle = each[len(each) // 2]
    if any(separation(o, o.loss) is not None for o in each):
        return None
    first = drive(middle, Lbfgs(), middle.origin(), limits)
    w = first.state.w
    some = middle.sample(ENOUGH) if middle.rows_count > 2 * ENOUGH else middle
    memory = Memory.of(np.asarray(some.at(w, CURVED).hessian), some.rows_count)
    side = Side.of(each, (middle.y, middle.weight, middle.offset))
    walkers = begun(side, [w] * len(each), [memory] * len(each))
    try:
        descend(side, walkers, limits.tol, limits.steps)
    except Stuck:
        return None
    ends = [State(a.w, Evaluation(a.value, a.gradient), memory=a.memory) for a in walkers]
    return [drive(o, Resumed(Lbfgs(), end), end.w, limits) for o, end in zip(each, ends, strict=True)]
