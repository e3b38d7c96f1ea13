"""Fits at many strengths of a penalty: each begins where the last one ended, with what it learned of the curvature."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lossmith.errors import DataError, ParameterError
from lossmith.fit.drive import Limits, drive, one_thread
from lossmith.fit.fitting import Solution, fit, solution_of
from lossmith.fit.folds import beside, serves
from lossmith.fit.objective import Meter, Objective, strengths
from lossmith.fit.penalty import Penalty
from lossmith.fit.separable import separation
from lossmith.fit.solvers import Evaluation, Option, Solver, State, Vector, make_solver
from lossmith.loss import Loss
from lossmith.rows.memory import Rows

Array = NDArray[np.float64]

Fitted = tuple[Array, Any, float]
"""coef, intercept and scale."""
CARRIED = ("newton", "working-set", "lbfgs", "proximal-newton")
"""Solvers that can go on at another strength."""
LEARNING = frozenset({"lbfgs", "proximal-newton"})
"""Those that remember curvature."""
STALE = 5
"""Steps at one strength beyond which the curvature is measured anew before the next."""
SERVED = 8
"""For many strengths the curvature is measured on so many times the rows that one fit would spend on it."""
KNOWN = 4
"""The last points that tell where the next one may lie: a cubic in the logarithm of the strength."""


def path(
    rows: Rows,
    loss: Loss,
    penalty: Penalty,
    alphas: Sequence[float],
    *,
    solver: str = "auto",
    intercept: bool = True,
    scale: float | str = 1.0,
    outputs: int = 1,
    tol: float = 1e-8,
    max_steps: int | None = None,
) -> tuple[Solution, ...]:
    """The fits at these strengths of a penalty (whose own alpha is not used), in the order of `alphas`.

    They are made from the strongest penalty down to the weakest. Each is as good as `fit` alone would be: held against
    the same `tol`, and with a reason of its own. Raises what `fit` raises, and ParameterError without any strength.
    """
    if not len(alphas):
        raise ParameterError("path: alphas is empty; give at least one strength")
    order = sorted(range(len(alphas)), key=lambda i: -float(alphas[i]))
    chain = [replace(penalty, alpha=float(alphas[i])) for i in order]
    asked: dict[str, Any] = {"intercept": intercept, "outputs": outputs, "tol": tol, "max_steps": max_steps}
    first = fit(rows, loss, chain[0], solver=solver, scale=scale, **asked)
    apart = outputs > 1 and not loss.lift.multiclass
    if scale == "concomitant" or apart or first.solver not in CARRIED:
        rest = list(_one_by_one(rows, loss, chain[1:], first, {"solver": solver, "scale": scale, **asked}))
    else:
        limits = Limits(tol, first.steps + 1000 if max_steps is None else max_steps)
        with one_thread():
            rest = list(_carried(rows, loss, chain, first, limits, intercept=intercept, outputs=outputs))
    found = dict(zip(order, (first, *rest), strict=True))
    return tuple(found[i] for i in range(len(alphas)))


def _one_by_one(
    rows: Rows, loss: Loss, chain: Sequence[Penalty], last: Solution, asked: Mapping[str, Any]
) -> Iterator[Solution]:
    for penalty in chain:
        last = fit(rows, loss, penalty, start=last, **asked)
        yield last


def _carried(
    rows: Rows, loss: Loss, chain: Sequence[Penalty], first: Solution, limits: Limits, **asked: Any
) -> Iterator[Solution]:
    """The fits after the first: one objective whose strengths change under a solver that remembers."""
    s, learns = first.scale, first.solver in LEARNING
    objective = Objective.of(rows, loss, chain[0], scale=s, **asked)
    solver = make_solver(first.solver, {})
    state = solver.start(objective, objective.standard(first.coef / s, np.asarray(first.intercept) / s))
    if learns:
        state = replace(state, memory=state.memory.widened(objective, state.w, min(SERVED, len(chain))))
    seen = [(chain[0].alpha, state.w)]
    for penalty in chain[1:]:
        l1, l2 = strengths(objective.design, penalty.l1 / s, penalty.l2, objective.outputs)
        following = replace(objective, l1=l1, l2=l2, meter=Meter())
        memory = state.memory.shifted(following.l2 - objective.l2) if learns else state.memory
        state = replace(moved(state, objective, following), memory=memory)
        if learns and objective.l1 is None:
            state = foreseen(following, state, seen, penalty.alpha)
        run = drive(following, Resumed(solver, state), state.w, limits, trouble=separation(following, loss))
        yield solution_of(following, run, loss, (first.solver, first.why), s, s * s)
        objective, state = following, replace(run.state, halt="")
        seen = [*seen, (penalty.alpha, state.w)][-KNOWN:]
        if learns and len(run.trace) > STALE + 1:
            state = replace(state, memory=state.memory.renewed(objective, state.w))


def moved(state: State, old: Objective, new: Objective) -> State:
    """The point for other strengths: value and gradient follow from those at hand, without a look at any row."""
    w, l2 = state.w, new.l2 - old.l2
    value = state.evaluation.value + 0.5 * float(l2 @ (w * w)) + new.l1_value(w) - old.l1_value(w)
    return State(w, Evaluation(value, state.evaluation.gradient + l2 * w))


def foreseen(objective: Any, state: State, seen: Sequence[tuple[float, Vector]], alpha: float) -> State:
    """The state, or a better one where the path leads by the polynomial through the points `seen`, (strength, w) each.

    Not for l1, whose path has corners. The way there is no secant pair: over so long a step curvature changes.
    """
    places = [a for a, _ in seen]
    if len(seen) < 2 or not alpha > 0.0 or len({*places, alpha}) <= len(seen):
        return state
    weights = lagrange(np.log(places), float(np.log(alpha)))
    w = weights @ np.array([point for _, point in seen])
    found = objective.at(w)
    if not found.value < state.evaluation.value:
        return state
    return State(w, found, memory=state.memory)


def lagrange(places: Array, at: float) -> Array:
    """The weights with which a polynomial's values at distinct places give that at another."""
    gaps = places[:, None] - places
    np.fill_diagonal(gaps, 1.0)
    shares = (at - places) / gaps
    np.fill_diagonal(shares, 1.0)
    return np.asarray(shares.prod(axis=1))


@dataclass(frozen=True, slots=True)
class Resumed:
    """A solver that goes on from a state instead of a point."""

    solver: Solver
    state: State

    name: ClassVar[str] = "resumed"
    needs: ClassVar[tuple[str, ...]] = ()
    options: ClassVar[Mapping[str, Option]] = {}

    def start(self, objective: Any, w0: Vector) -> State:
        """The state."""
        return self.state

    def step(self, objective: Any, state: State) -> State:
        """One step of the solver."""
        return self.solver.step(objective, state)


def held_out(
    rows: Rows, loss: Loss, penalty: Penalty, alphas: Sequence[float], folds: Sequence[NDArray[Any]], **asked: Any
) -> Array:
    """The mean loss of each fold's rows under fits to the other rows, (folds, alphas); `asked` goes to `path`.

    Folds are index arrays or masks. No copy of X is made: the rows of a fold have weight 0 while the others are fitted.
    A loss of a scale is measured in the unit that the fit used. Raises DataError for a fold that leaves no weight.
    """
    weight = np.ones(rows.n) if rows.weight is None else rows.weight
    every = [_without(rows, weight, fold, k) for k, fold in enumerate(folds)]
    found = _together(rows, every, loss, penalty, alphas, folds, asked)
    if found is None:
        paths = (path(rest, loss, penalty, alphas, **asked) for rest in every)
        found = ([(s.coef, s.intercept, s.scale) for s in one] for one in paths)
    judged = [_judged(rows, loss, f, weight[f], fits) for f, fits in zip(folds, found, strict=True)]
    return np.array(judged, dtype=np.float64).reshape(len(folds), len(alphas))


def _without(rows: Rows, weight: Array, fold: NDArray[Any], k: int) -> Rows:
    """The same rows, those of a fold with weight 0; what was measured of X alone is kept."""
    rest = weight.copy()
    rest[fold] = 0.0
    if not rest.any() or not weight[fold].any():
        raise DataError(f"fold {k} holds all of the weight or none; give every fold rows, and leave some")
    other = replace(rows, weight=rest)
    other.notes.update({key: value for key, value in rows.notes.items() if isinstance(key, bool)})
    return other


def _together(
    rows: Rows,
    every: Sequence[Rows],
    loss: Loss,
    penalty: Penalty,
    alphas: Sequence[float],
    folds: Sequence[NDArray[Any]],
    asked: Mapping[str, Any],
) -> Iterable[list[Fitted]] | None:
    """The fits of every fold, all side by side; None where they must be made one by one."""
    order = sorted(range(len(alphas)), key=lambda i: -float(alphas[i]))
    chain = [replace(penalty, alpha=float(alphas[i])) for i in order]
    if not serves(rows, loss, chain, folds, asked):
        return None
    found = beside(rows, every, loss, chain, folds, asked)
    if found is None:
        return None
    return ([fits[order.index(i)] for i in range(len(alphas))] for fits in found)


def _judged(rows: Rows, loss: Loss, fold: NDArray[Any], weight: Array, fits: Sequence[Fitted]) -> list[float]:
    X, y = rows.X[fold], rows.y[fold]
    offset = np.zeros(len(y)) if rows.offset is None else rows.offset[fold]
    means = []
    for coef, last, scale in fits:
        z = np.asarray(X @ coef) + last
        z += offset if offset.ndim == z.ndim else offset[:, None]
        means.append(scale**2 * float(loss(y / scale if scale != 1.0 else y, z / scale, weight=weight)))
    return means
