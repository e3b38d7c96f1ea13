"""The objective: the weighted mean of a loss over rows, plus a penalty; all that a solver gets to see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.errors import ShapeError
from lossmith.fit.design import Array, Design
from lossmith.fit.measure import natural_slope, optimality
from lossmith.fit.penalty import Penalty
from lossmith.fit.pieces import Pieces
from lossmith.fit.polyhedral import Hinges
from lossmith.fit.solvers import Evaluation
from lossmith.rows.memory import Rows, blocks
from lossmith.total import Total

LONG = 32768
"""Rows beyond which the best constant is found on a sample; it is only where a fit starts."""
CURVATURES = frozenset({"hessian", "majorant"})


@dataclass(slots=True)
class Meter:
    """How many passes over all rows were made; the one thing that an objective changes."""

    passes: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Objective:
    """F(w) = Σ wᵢ ℓ(yᵢ, zᵢ) / Σ wᵢ + l1·|w| + ½ l2·w², in the standardised coordinates of its design.

    For K outputs w is the flattened (size of the design, K). Rows come in blocks that stay in the second-level cache
    and are added in their order, so a result does not depend on how many threads work.
    """

    design: Design
    loss: Any
    y: NDArray[Any]
    weight: Array | None
    offset: Array | None
    outputs: int
    l1: Array | None
    l2: Array
    mass: float
    meter: Meter = field(default_factory=Meter)
    share: float = 1.0
    slope: float = 1.0
    best: Any = 0.0

    @classmethod
    def of(
        cls, rows: Rows, loss: Any, penalty: Penalty, *, intercept: bool = True, outputs: int = 1, scale: float = 1.0
    ) -> Objective:
        """The objective of a fit; with a scale s the targets and offsets are y/s, and coefficients come out over s."""
        design = Design.of(rows.X, intercept)
        y = rows.y if scale == 1.0 else rows.y / scale
        best = constant(loss, y, rows.weight, outputs) if intercept else 0.0
        offset = rows.offset if rows.offset is None or scale == 1.0 else rows.offset / scale
        mass = float(rows.n if rows.weight is None else rows.weight.sum())
        l1, l2 = strengths(design, penalty.l1 / scale, penalty.l2, outputs)
        made = cls(design, loss, y, rows.weight, offset, outputs, l1, l2, mass, best=best)
        return replace(made, slope=natural_slope(made))

    @property
    def size(self) -> int:
        """How many numbers w has."""
        return self.design.size * self.outputs

    @property
    def rows_count(self) -> int:
        """How many rows there are."""
        return int(self.y.shape[0])

    @property
    def intercepts(self) -> NDArray[np.bool_]:
        """Which coordinates are intercepts: those that nothing may shrink."""
        p = len(self.design.factor) * self.outputs
        return np.arange(self.size) >= p

    @property
    def intercepts(self) -> NDArray[np.bool_]:
        """Which coordinates are intercepts."""
        return np.arange(self.size) >= len(self.design.factor) * self.outputs

    def evaluate(self, y: NDArray[Any], z: Array, want: tuple[str, ...]) -> Mapping[str, Array]:
        """The loss on some rows; the targets were checked when the fit began, so they are not checked again."""
        found: Mapping[str, Array] = self.loss.lift.evaluate(self.loss.state, *self.loss.lift.arrays(y, z), want)
        return found

    def shaped(self, w: Array) -> Array:
        """w as (size of the design,) or (size of the design, K)."""
        return w if self.outputs == 1 else w.reshape(-1, self.outputs)

    def at(self, w: Array, want: tuple[str, ...] = ("value", "gradient")) -> Evaluation:
        """Value and gradient over all rows in one pass; a Hessian (exact, or majorant) where `want` names it."""
        self.meter.passes += self.share
        coef, last = self.design.user(self.shaped(w))
        bent = next((c for c in want if c in CURVATURES), None)
        asked = ("value", "gradient") if bent is None else ("value", "gradient", bent)
        curvature = np.empty(self.y.shape[0] if self.outputs == 1 else (self.y.shape[0], self.outputs)) if bent else None
        parts = [self._part(q, coef, last, asked, curvature) for q in blocks(self.design.X)]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        hessian = None if curvature is None else self._hessian(curvature)
        return self._finish(w, total.mean() if self.mass == total.weight else _over(total, self.mass), hessian)

    def batch(self, w: Array, rows: slice | NDArray[np.intp]) -> Evaluation:
        """The same from some of the rows: unbiased estimates of value and gradient, with the whole penalty."""
        coef, last = self.design.user(self.shaped(w))
        total = self._part(rows, coef, last, ("value", "gradient"), None)
        count = len(range(*rows.indices(self.rows_count))) if isinstance(rows, slice) else len(rows)
        self.meter.passes += self.share * count / self.rows_count
        return self._finish(w, _over(total, self.mass * count / self.rows_count), None)

    def _part(self, rows: Any, coef: Array, last: Any, want: tuple[str, ...], curvature: Array | None) -> Total:
        """Sums over some rows: predictions, the loss's kernel, and the gradient, while the rows are in the cache."""
        block = self.design.X[rows]
        if block.dtype != np.float64:
            block = block.astype(np.float64)
        z = np.asarray(block @ coef)
        z += last
        if self.offset is not None:
            z += self.offset[rows] if self.offset.ndim == z.ndim else self.offset[rows, None]
        found = self.evaluate(self.y[rows], z, want)
        value, r = found["value"], found["gradient"]
        if self.weight is None:
            total, mass = float(value.sum()), float(len(value))
        else:
            w = self.weight[rows]
            total, mass = float(w @ value), float(w.sum())
            r = (r.T * w).T
        if curvature is not None:
            curvature[rows] = found[want[-1]]
        return Total(total, mass, self.design.pulled(np.asarray(block.T @ r), r.sum(axis=0)))

    def _finish(self, w: Array, mean: Total, hessian: Array | None) -> Evaluation:
        with np.errstate(over="ignore", invalid="ignore"):
            value = mean.value + 0.5 * float(self.l2 @ (w * w)) + self.l1_value(w)
            gradient = np.ravel(mean.gradient) + self.l2 * w  # type: ignore[arg-type]
        return Evaluation(value, gradient, hessian)

    def _hessian(self, curvature: Array) -> Array:
        """(size, size), or for K outputs the K diagonal blocks (K, size of the design, same)."""
        h = curvature if self.weight is None else (curvature.T * self.weight).T
        h = h / self.mass
        m = self.design.size
        if self.outputs == 1:
            hessian = self.design.gram(h)
            hessian[np.diag_indices(m)] += self.l2
            return hessian
        l2 = self.l2.reshape(m, self.outputs)
        return np.stack([self.design.gram(h[:, k]) + np.diag(l2[:, k]) for k in range(self.outputs)])

    def diagonal(self, w: Array) -> Array:
        """The diagonal of the Hessian, for problems too wide for the whole."""
        self.meter.passes += self.share
        z = self.predictions(w)
        h = self.evaluate(self.y, z, ("hessian",))["hessian"]
        h = (h if self.weight is None else (h.T * self.weight).T) / self.mass
        columns = [self.design.squares(c) for c in np.atleast_2d(h.T)]
        return np.column_stack(columns).ravel() + self.l2

    def predictions(self, w: Array) -> Array:
        """The raw predictions of all rows, offset included."""
        z = self.design.times(self.shaped(w))
        if self.offset is not None:
            z += self.offset if self.offset.ndim == z.ndim else self.offset[:, None]
        return z

    def origin(self) -> Array:
        """Where a fit starts: coefficients 0, and the best constant as intercept."""
        w = np.zeros((self.design.size, self.outputs))
        if self.design.intercept:
            w[-1] = self.best
        return w.ravel()

    def standard(self, coef: Array, intercept: Any) -> Array:
        """The flat w of coefficients (p,) or (p, K) and intercept(s) in the units of this objective's targets."""
        shape = (len(self.design.factor),) if self.outputs == 1 else (len(self.design.factor), self.outputs)
        if np.shape(coef) != shape:
            raise ShapeError(f"start has coefficients of shape {np.shape(coef)}; this fit needs {shape}")
        return self.design.standard(coef, intercept).ravel()

    def optimality(self, w: Array, evaluation: Evaluation) -> float:
        """The relative distance from 0 to the subdifferential; no change of units alters it."""
        return optimality(w, evaluation.gradient, self.l1, self.slope)

    @property
    def pieces(self) -> Pieces:
        """The loss as hinges, for one of straight pieces."""
        return Pieces.of(self.loss, self.y)

    def clearance(self, z: Array) -> Array:
        """How far each prediction is from the nearest kink of the loss."""
        return self.pieces.clearance(z)

    def crossed(self, before: Array, after: Array) -> NDArray[np.bool_]:
        """Which predictions have a kink between `before` and `after`."""
        return self.pieces.crossed(before, after)

    def hinges(self, kept: NDArray[np.bool_] | None = None, z: Array | None = None) -> Hinges:
        """The objective times the weight of all rows, as a sum of hinges.

        Rows outside `kept` are folded into the linear part with the slope they have at the predictions z.
        """
        pieces = self.pieces
        weight = np.ones(self.rows_count) if self.weight is None else self.weight
        index = np.arange(self.rows_count) if kept is None else np.flatnonzero(kept & (weight > 0.0))
        index = index[weight[index] > 0.0]
        slope = pieces.lowest if kept is None or z is None else np.where(kept, pieces.lowest, pieces.slope(z))
        offset = 0.0 if self.offset is None else self.offset[index, None]
        corners = pieces.place[index] - offset
        return Hinges(
            a=self.design.rows(index),
            row=np.repeat(np.arange(len(index)), corners.shape[1]),
            b=corners.ravel(),
            c=(pieces.jump[index] * weight[index, None]).ravel(),
            q=self.design.pull(weight * slope),
            quadratic=self.l2 * self.mass,
            l1=np.zeros(self.size) if self.l1 is None else self.l1 * self.mass,
        )

    def l1_value(self, w: Array) -> float:
        """l1·|w|."""
        return 0.0 if self.l1 is None else float(self.l1 @ np.abs(w))

    def prox(self, w: Array, rate: float | Array) -> Array:
        """The proximal map of rate·l1: every coordinate moves to 0 by rate·l1, and stays there."""
        if self.l1 is None:
            return w
        return np.sign(w) * np.maximum(np.abs(w) - rate * self.l1, 0.0)

    @property
    def shares(self) -> Array:
        """Each row's share of the mean."""
        n = self.rows_count
        return np.full(n, 1.0 / self.mass) if self.weight is None else self.weight / self.mass

    def only(self, index: slice | NDArray[Any]) -> Objective:
        """The objective over some of the rows, in the same coordinates."""
        y, weight = self.y[index], None if self.weight is None else self.weight[index]
        return replace(
            self,
            design=self.design.only(index),
            y=y,
            weight=weight,
            offset=None if self.offset is None else self.offset[index],
            mass=float(len(y) if weight is None else max(weight.sum(), np.finfo(np.float64).tiny)),
            share=self.share * len(y) / self.rows_count,
        )

    def sample(self, count: int, seed: int = 0) -> Objective:
        """The objective over about `count` rows: runs of 64 at hashed places, so that a sorted table does no harm."""
        return self.only(sampled(self.rows_count, count, seed))


def constant(loss: Any, y: NDArray[Any], weight: Array | None, outputs: int) -> Any:
    """The loss's best constant prediction (on a long table, that of a sample), or 0 where that is not finite."""
    if len(y) > LONG:
        index = sampled(len(y), LONG, 1)
        y, weight = y[index], None if weight is None else weight[index] + 1e-12 * weight.max()
    best = loss.start(y, weight) if outputs == 1 else loss.start(y, weight, classes=outputs)
    return np.where(np.isfinite(best), best, 0.0)


def strengths(design: Design, l1: float, l2: float, outputs: int) -> tuple[Array | None, Array]:
    """The penalty per coordinate; a column that says nothing gets an l2 of 1, which keeps Hessians regular."""
    idle = (design.factor == 0.0).astype(np.float64)
    tail = np.zeros(int(design.intercept))
    first = np.concatenate([l1 * design.factor, tail])
    second = np.concatenate([l2 * design.factor**2 + idle, tail])
    return (np.repeat(first, outputs) if l1 > 0.0 else None), np.repeat(second, outputs)


def sampled(n: int, count: int, seed: int) -> NDArray[np.intp]:
    """Row numbers of one run of 64 rows per stretch of the table, at a place in it that is hashed."""
    runs = max(1, min(n, count) // 64)
    if count >= n or n < 128:
        return np.arange(n)
    edges = np.linspace(0, n, runs + 1)
    room = np.maximum(np.diff(edges) - 64.0, 0.0)
    starts = edges[:-1] + room * np.random.default_rng([seed, n]).random(runs)
    return np.unique((starts.astype(np.intp)[:, None] + np.arange(64)).ravel().clip(0, n - 1))


def _over(total: Total, mass: float) -> Total:
    gradient = None if total.gradient is None else total.gradient / mass
    return Total(total.value / mass, 1.0, gradient)
