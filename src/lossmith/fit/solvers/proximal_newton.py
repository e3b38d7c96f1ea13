"""Proximal Newton for l1: a quadratic model with the penalty kept whole, solved by coordinate descent on an active set.

The model's Hessian is exact where that is cheap; otherwise it comes from a sample of the rows and is corrected from
exact gradients by dense BFGS updates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from lossmith.fit.measure import distance
from lossmith.fit.search import downhill
from lossmith.fit.solvers import CURVED, Option, State, Vector
from lossmith.fit.solvers.lbfgs import WARM, sample_sizes

CHEAP = 3e7
"""Multiplications that one Hessian may cost before a sample stands in for it."""


@dataclass(frozen=True, slots=True)
class Model:
    """The model's Hessian, the rows that it saw, and whether it is exact."""

    hessian: Vector
    rows: int
    exact: bool

    def shifted(self, l2: Vector) -> Model:
        """The model of an objective with ½ Σ l2·w² more."""
        return replace(self, hessian=self.hessian + np.diag(l2))

    def renewed(self, objective: Any, w: Vector) -> Model:
        """The curvature measured anew at w."""
        return replace(self, hessian=curvature(objective, w, self.rows))

    def widened(self, objective: Any, w: Vector, times: int) -> Model:
        """The curvature at w of so many times the rows, as far as there are more."""
        rows = min(times * self.rows, objective.rows_count)
        return self if rows <= self.rows else replace(self, rows=rows).renewed(objective, w)


@dataclass(frozen=True, slots=True)
class ProximalNewton:
    """Minimise the model with its penalty, then search along the step; zeros are exact."""

    hessian: str = "auto"

    name: ClassVar[str] = "proximal-newton"
    needs: ClassVar[tuple[str, ...]] = ("differentiable", "narrow")
    options: ClassVar[Mapping[str, Option]] = {"hessian": ("auto", "exact", "sample")}

    def start(self, objective: Any, w0: Vector) -> State:
        """The state at w0, with a first model."""
        exact = self.hessian == "exact" or (
            self.hessian == "auto" and objective.rows_count * objective.size**2 <= CHEAP
        )
        rows = objective.rows_count if exact else sample_sizes(objective)[1]
        w, here = w0, objective.at(w0)
        if rows < objective.rows_count and objective.optimality(w0, here) > WARM:
            w = roughly(objective.sample(rows), w0)
            evaluation = objective.at(w)
            w, here = (w, evaluation) if evaluation.value < here.value else (w0, here)
        return State(w, here, memory=Model(curvature(objective, w, rows), rows, exact))

    def step(self, objective: Any, state: State) -> State:
        """One proximal step with a line search on the whole objective."""
        model: Model = state.memory
        goal = minimise(model.hessian, state.evaluation.gradient, state.w, penalty(objective))
        found = downhill(objective, state, goal - state.w)
        if found is None:
            return self._again(objective, state)
        following = State(found.w, found.evaluation, memory=model)
        if model.exact:
            return replace(following, memory=replace(model, hessian=curvature(objective, found.w, model.rows)))
        s, y = found.w - state.w, found.evaluation.gradient - state.evaluation.gradient
        return replace(following, memory=replace(model, hessian=bfgs(model.hessian, s, y)))

    def _again(self, objective: Any, state: State) -> State:
        """A model from more rows, once it leads nowhere; nothing is left after one from all."""
        model: Model = state.memory
        if model.exact or model.rows >= objective.rows_count:
            return replace(state, halt="no step downhill decreases the value any further")
        rows = min(objective.rows_count, 8 * model.rows)
        return replace(state, memory=replace(model, hessian=curvature(objective, state.w, rows), rows=rows))


def penalty(objective: Any) -> Vector:
    """The l1 strength per coordinate."""
    return np.zeros(objective.size) if objective.l1 is None else np.asarray(objective.l1)


def curvature(objective: Any, w: Vector, rows: int) -> Vector:
    """A positive definite Hessian (size, size) at w, from all rows or a sample."""
    some = objective if rows >= objective.rows_count else objective.sample(rows)
    hessian = some.at(w, CURVED).hessian
    diagonal = np.diagonal(hessian)
    ridge = 1e-10 * max(float(diagonal.max()), 1e-280)
    return _positive(hessian + np.diag(np.where(diagonal < ridge, ridge, 1e-12 * np.abs(diagonal))))


def _positive(hessian: Vector) -> Vector:
    """The matrix with its negative eigenvalues turned over, which only a loss that is not convex can have."""
    try:
        np.linalg.cholesky(hessian)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(hessian)
        values = np.maximum(np.abs(values), 1e-10 * np.abs(values).max())
        return np.asarray((vectors * values) @ vectors.T)
    return hessian


def bfgs(b: Vector, s: Vector, y: Vector) -> Vector:
    """The matrix nearest b that maps s to y (Broyden, Fletcher, Goldfarb, Shanno); b itself where y bends no way up."""
    bs = b @ s
    sbs, sy = float(s @ bs), float(s @ y)
    if not sy > 1e-10 * sbs or not sbs > 0.0:
        return b
    return np.asarray(b - np.outer(bs, bs) / sbs + np.outer(y, y) / sy)


def roughly(objective: Any, w: Vector, steps: int = 6, tol: float = 1e-3) -> Vector:
    """A few proximal Newton steps on a small objective."""
    state = State(w, objective.at(w))
    for _ in range(steps):
        if objective.optimality(state.w, state.evaluation) <= tol:
            break
        model = curvature(objective, state.w, objective.rows_count)
        goal = minimise(model, state.evaluation.gradient, state.w, penalty(objective))
        found = downhill(objective, state, goal - state.w)
        if found is None:
            break
        state = State(found.w, found.evaluation)
    return state.w


def minimise(b: Vector, g: Vector, w: Vector, l1: Vector, *, cycles: int = 60) -> Vector:
    """The v that minimises g·(v − w) + ½ (v − w)ᵀ b (v − w) + l1·|v|.

    Sweeps of coordinate descent over the nonzero and the violating coordinates find signs; a Newton step on those signs
    then lands on the solution.
    """
    v, q = w.copy(), g.copy()
    goal = 1e-12 * max(float(np.abs(g).max(initial=0.0)), 1e-280)
    for _ in range(cycles):
        if float(np.abs(distance(v, q, l1)).max(initial=0.0)) <= goal:
            break
        v, q = _sweep(b, v, q, l1)
        v, q = _newton(b, v, q, l1)
    return v


def _sweep(b: Vector, v: Vector, q: Vector, l1: Vector) -> tuple[Vector, Vector]:
    """Coordinate descent, once over the coordinates that are nonzero or want to be; q is the model's gradient."""
    v, q = v.copy(), q.copy()
    for j in np.flatnonzero((v != 0.0) | (np.abs(q) > l1)).tolist():
        a, old = b[j, j], v[j]
        t = old - q[j] / a
        edge = l1[j] / a
        new = t - edge if t > edge else t + edge if t < -edge else 0.0
        if new != old:
            v[j] = new
            q += (new - old) * b[j]
    return v, q


def _newton(b: Vector, v: Vector, q: Vector, l1: Vector) -> tuple[Vector, Vector]:
    """The minimum over the present signs, or the way to it up to the first coordinate that would change sign."""
    live = np.flatnonzero(v)
    if not len(live):
        return v, q
    signs = np.sign(v[live])
    d = -np.linalg.solve(b[np.ix_(live, live)], q[live] + l1[live] * signs)
    free = l1[live] == 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.where((signs * (v[live] + d) < 0.0) & ~free, -v[live] / d, 1.0)
    rate = float(reach.min(initial=1.0))
    new = v.copy()
    new[live] += rate * d
    new[live[(reach <= rate) & (rate < 1.0)]] = 0.0
    return new, q + b[:, live] @ (new[live] - v[live])
