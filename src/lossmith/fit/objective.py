"""The objective: the weighted mean of a loss over rows, plus a penalty; all that a solver gets to see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.backends import load
from lossmith.backends.threads import in_order
from lossmith.curvature import fixed_majorant
from lossmith.errors import ShapeError
from lossmith.fit.begin import constant
from lossmith.fit.design import ALL, Array, Design
from lossmith.fit.measure import natural_slope, optimality
from lossmith.fit.penalty import Penalty
from lossmith.fit.pieces import Pieces
from lossmith.fit.polyhedral import Hinges
from lossmith.fit.sampled import RUN, Sampled, runs, sampled
from lossmith.fit.scores import blind
from lossmith.fit.solvers import BASIC, CURVED, Evaluation
from lossmith.fit.walk import classes_of, classes_swept, descended, diagonal, roughened, serves, swept, table_of
from lossmith.rows.memory import Rows, blocks
from lossmith.total import Total

Kernel = Callable[[NDArray[Any], Array], Mapping[str, Array]]
TINY = float(np.finfo(np.float64).tiny)
CURVATURES = frozenset({"hessian", "majorant"})
BLOCKED: Mapping[str | None, str] = {"hessian": "block"}
"""What a loss of K scores calls its whole Hessian per row, (n, K, K)."""


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
    kernels: dict[tuple[str, ...], Kernel] = field(default_factory=dict)
    table: Any = None
    classes: Any = None
    blind: bool = False

    @classmethod
    def of(
        cls, rows: Rows, loss: Any, penalty: Penalty, *, intercept: bool = True, outputs: int = 1, scale: float = 1.0
    ) -> Objective:
        """The objective of a fit; with a scale s the targets and offsets are y/s, and coefficients come out over s."""
        design = Design.of(rows, intercept).eased(penalty.l2)
        y = rows.y if scale == 1.0 else rows.y / scale
        best = constant(loss, y, rows.weight, outputs) if intercept else 0.0
        offset = rows.offset if rows.offset is None or scale == 1.0 else rows.offset / scale
        mass = float(rows.n if rows.weight is None else rows.weight.sum())
        l1, l2 = strengths(design, penalty.l1 / scale, penalty.l2, outputs)
        table = table_of(design.X, loss, y, rows.weight, offset)
        classes = classes_of(design.X, loss, y, (rows.weight, offset), outputs)
        made = cls(design, loss, y, rows.weight, offset, outputs, l1, l2, mass, best=best, table=table, classes=classes)
        made = replace(made, blind=outputs > 1 and blind(loss))
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

    def evaluate(self, y: NDArray[Any], z: Array, want: tuple[str, ...]) -> Mapping[str, Array]:
        """The loss on some rows; the targets were checked when the fit began, so they are not checked again."""
        if want not in self.kernels:
            self.kernels[want] = bound(self.loss, want)
        return self.kernels[want](y, z)

    def shaped(self, w: Array) -> Array:
        """w as (size of the design,) or (size of the design, K)."""
        return w if self.outputs == 1 else w.reshape(-1, self.outputs)

    def at(self, w: Array, want: tuple[str, ...] = BASIC) -> Evaluation:
        """Value and gradient over all rows in one pass; a Hessian (exact, or majorant) where `want` names it."""
        self.meter.passes += self.share
        bent = next((c for c in want if c in CURVATURES), None)
        if serves(self.table, self.loss, (*BASIC, bent) if bent else BASIC):
            return self._walked(self.table, w, want, self.mass)
        if self.classes is not None and bent != "majorant":
            coef, last = self.design.user(self.shaped(w))
            sums = classes_swept(self.classes, self.design, self.loss, coef, last, bent is not None)
            pull = self.design.pulled(sums.pull, sums.slope)
            return self._finish(w, Total(float(sums.value[0]), self.mass, pull, sums.hessian), self.mass)
        if self.design.whole is not None:
            return self._finish(w, self._part(ALL, w, bent), self.mass)
        parts = blocks(self.design.X, self.size if bent else 64)
        return self._finish(w, reduce(Total.__add__, in_order(lambda q: self._part(q, w, bent), parts)), self.mass)

    def batch(self, w: Array, rows: slice | NDArray[np.intp]) -> Evaluation:
        """The same from some of the rows: unbiased estimates of value and gradient, with the whole penalty."""
        total = self._part(rows, w, None)
        count = len(range(*rows.indices(self.rows_count))) if isinstance(rows, slice) else len(rows)
        self.meter.passes += self.share * count / self.rows_count
        return self._finish(w, total, self.mass * count / self.rows_count)

    def descend(
        self, point: tuple[Array, Array], rows: NDArray[np.intp], batch: int, rates: Array, shares: Array | None
    ) -> tuple[Array, Array] | None:
        """(w, mean of iterates) after plain stochastic steps, a batch of rows each; None where no code is compiled."""
        found: tuple[Array, Array] | None = descended(self, point, (rows, batch, rates, shares))
        if found is not None:
            self.meter.passes += self.share * len(rows) / self.rows_count
        return found

    def _part(self, rows: Any, w: Array, bent: str | None) -> Total:
        """Sums over some rows: predictions, the loss's kernel, and the gradient, while the rows are in the cache."""
        z = self.design.times(self.shaped(w), rows)
        if self.offset is not None:
            z += self.offset[rows] if self.offset.ndim == z.ndim else self.offset[rows, None]
        curvature = BLOCKED.get(bent, bent) if self.outputs > 1 else bent
        found = self.evaluate(self.y[rows], z, (*BASIC, *([curvature] if curvature else [])))
        value, r, h = found["value"], found["gradient"], found[curvature] if curvature else None
        mass = float(len(value))
        if self.weight is not None:
            share = self.weight[rows]
            value, r, mass = share * value, (r.T * share).T, float(share.sum())
            h = None if h is None else (h.T * share).T
        hessian = None if h is None else self.design.gram_of(rows, h)
        return Total(float(value.sum()), mass, self.design.pull(r, rows), hessian)

    def _finish(self, w: Array, total: Total, mass: float) -> Evaluation:
        """The sums per unit of a weight that is known beforehand, and the penalty."""
        hessian, gradient, pulled = None, np.asarray(total.gradient) / mass, self.l2 * w
        if total.hessian is not None:
            hessian = total.hessian / mass
            np.einsum("ii->i", hessian)[...] += self.l2
        if self.blind:  # a shift common to all scores changes nothing: what rounding leaves along it would drift
            gradient -= gradient.mean(axis=1, keepdims=True)
        value = total.value / mass + 0.5 * float(pulled @ w) + self.l1_value(w)
        return Evaluation(value, gradient.ravel() + pulled, hessian)

    def diagonal(self, w: Array) -> Array:
        """The diagonal of the Hessian, for problems too wide for the whole."""
        self.meter.passes += self.share
        swept = None if self.table is None else diagonal(self.table, self.design, self.loss, *self.design.user(w))
        if swept is not None:
            return swept / self.mass + self.l2
        z = self.predictions(w)
        h = self.evaluate(self.y, z, ("hessian",))["hessian"]
        h = (h if self.weight is None else (h.T * self.weight).T) / self.mass
        columns = [self.design.squares(c) for c in np.atleast_2d(h.T)]
        return np.column_stack(columns).ravel() + self.l2

    def predictions(self, w: Array) -> Array:
        """The raw predictions of all rows, offset included."""
        self.meter.passes += self.share
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

    def value_at(self, w: Array, z: Array) -> float:
        """The whole value at w, whose raw predictions z are known."""
        value = self.evaluate(self.y, z, BASIC)["value"]
        total = float(value.sum() if self.weight is None else self.weight @ value)
        return total / self.mass + 0.5 * float(self.l2 @ (w * w)) + self.l1_value(w)

    @property
    def pieces(self) -> Pieces:
        """The loss as hinges, for one of straight pieces."""
        return Pieces.of(self.loss, self.y)

    def folded(self, kept: NDArray[np.bool_], z: Array) -> Array:
        """Σ w·slope·x over the rows outside `kept`, at raw predictions z."""
        self.meter.passes += self.share
        slope = np.where(kept, 0.0, self.pieces.slope(z))
        return self.design.pull(slope if self.weight is None else self.weight * slope)

    def hinges(self, kept: NDArray[np.bool_], folded: Array) -> Hinges:
        """The objective times the weight of all rows, as a sum of hinges.

        Rows outside `kept` are a linear part: `folded` is what they pull.
        """
        index = np.flatnonzero(kept if self.weight is None else kept & (self.weight > 0.0))
        weight = np.ones(len(index)) if self.weight is None else self.weight[index]
        pieces, a = Pieces.of(self.loss, self.y[index]), self.design.rows(index)
        corners = pieces.place - (0.0 if self.offset is None else self.offset[index, None])
        return Hinges(
            a=a,
            row=np.repeat(np.arange(len(index)), corners.shape[1]),
            b=corners.ravel(),
            c=(pieces.jump * weight[:, None]).ravel(),
            q=folded + (weight * pieces.lowest) @ a,
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
        design, offset = self.design.only(index), None if self.offset is None else self.offset[index]
        return replace(
            self,
            design=design,
            y=y,
            weight=weight,
            offset=offset,
            table=table_of(design.X, self.loss, y, weight, offset),
            classes=classes_of(design.X, self.loss, y, (weight, offset), self.outputs),
            mass=float(len(y) if weight is None else max(weight.sum(), TINY)),
            share=self.share * len(y) / self.rows_count,
        )

    def coordinates(self, columns: NDArray[np.intp]) -> NDArray[np.intp]:
        """Where in w the coefficients of some columns lie, and the intercepts behind them."""
        places = np.append(columns, len(self.design.factor)) if self.design.intercept else columns
        return np.asarray((places[:, None] * self.outputs + np.arange(self.outputs)).ravel())

    def narrow(self, columns: NDArray[np.intp]) -> Objective:
        """The objective over all rows with some of the columns, the coefficients of the others being 0."""
        design, where = self.design.narrow(columns), self.coordinates(columns)
        return replace(
            self,
            design=design,
            l1=None if self.l1 is None else self.l1[where],
            l2=self.l2[where],
            table=table_of(design.X, self.loss, self.y, self.weight, self.offset),
            classes=classes_of(design.X, self.loss, self.y, (self.weight, self.offset), self.outputs),
            share=self.share * len(columns) / max(len(self.design.factor), 1),
        )

    def sample(self, count: int, seed: int = 0) -> Objective | Sampled:
        """The objective over about `count` rows: runs of 64 at hashed places, so that a sorted table does no harm."""
        n = self.rows_count
        if not n > count or n < 2 * RUN or not serves(self.table, self.loss, CURVED):
            return self.only(sampled(n, count, seed))
        starts = runs(n, count, seed)
        table = replace(self.table, starts=starts, run=RUN)
        rows = (starts[:, None] + np.arange(RUN)).ravel()
        mass = float(len(rows)) if self.weight is None else max(float(self.weight[rows].sum()), TINY)
        return Sampled(self, table, mass, self._walked)

    def _walked(self, table: Any, w: Array, want: tuple[str, ...], mass: float) -> Evaluation:
        """Value, gradient and curvature by a compiled pass."""
        coef, last = self.design.user(w)
        bent = [c for c in want if c in CURVATURES][:1]
        sums = swept(roughened(table, want), self.design, self.loss, coef, last, (*BASIC, *bent))
        total = Total(sums.value, mass, self.design.pulled(sums.pull, sums.slope), sums.hessian)
        found = self._finish(w, total, mass)
        return replace(found, rough=True) if "rough" in want else found


def bound(loss: Any, want: tuple[str, ...]) -> Kernel:
    """A loss made ready for one set of wants: its compiled kernel, or its lift where scores are coupled."""
    least = fixed_majorant(loss) if "majorant" in want else None
    if least is not None:  # what the kernel has for one is not proved
        rest = bound(loss, tuple(w for w in want if w != "majorant"))
        return lambda y, z: {**rest(y, z), "majorant": np.full_like(z, least)}
    if loss.lift.multiclass or not set(want) <= set(loss.program.wants):
        return lambda y, z: loss.lift.evaluate(loss.state, *loss.lift.arrays(y, z), want)
    kernel, params = load(loss.program.only(*want), np.float64), loss.state.params
    return lambda y, z: dict(zip(want, kernel((np.asarray(y, dtype=np.float64), z), params), strict=True))


def strengths(design: Design, l1: float, l2: float, outputs: int) -> tuple[Array | None, Array]:
    """The penalty per coordinate; a column that says nothing gets an l2 of 1, which keeps Hessians regular."""
    idle = (design.factor == 0.0).astype(np.float64)
    tail = np.zeros(int(design.intercept))
    first = np.concatenate([l1 * design.factor, tail])
    # Beyond 1e150 the square overflows, and any such strength holds the coordinate at 0.
    second = np.concatenate([l2 * np.minimum(design.factor, 1e150) ** 2 + idle, tail])
    return (np.repeat(first, outputs) if l1 > 0.0 else None), np.repeat(second, outputs)
