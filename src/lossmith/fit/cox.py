"""Cox's partial likelihood: rows are coupled through who was still at risk; ties by Efron or by Breslow.

With the rows in order of time, S(t) the sum of w·exp(z) over those at risk at t, D the same over the d who fail at t
and w̄ their mean weight, the negative log-likelihood is Σ_t [ −Σ_failed w·z + w̄ Σ_{k<d} log(S − k/d·D) ] (Efron 1977;
without the k/d it is Breslow's). Sums over risk sets are cumulative sums of logarithms: no exponential overflows.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.errors import DataError, ParameterError, ShapeError
from lossmith.fit.design import Array, Design
from lossmith.fit.entering import Entering
from lossmith.fit.measure import optimality
from lossmith.fit.objective import Meter, strengths
from lossmith.fit.penalty import Penalty
from lossmith.fit.solvers import Evaluation
from lossmith.rows.memory import Rows

TIES = ("efron", "breslow")


@dataclass(frozen=True, slots=True, eq=False)
class Risks:
    """Who is at risk when: rows in descending order of time, and the failures, one entry each, in that order.

    `last` is for each failure the position of the last row at risk (all before it are), `first` that of the first row
    of its tie, `part` its share k/d, `mean` the mean weight of its tie; `group` numbers the ties.
    """

    order: NDArray[np.intp]
    weight: Array
    failed: NDArray[np.bool_]
    last: NDArray[np.intp]
    group: NDArray[np.intp]
    part: Array
    mean: Array
    member: NDArray[np.intp]
    """For each row in order, the number of its tie of failures where it failed, else −1."""

    @classmethod
    def of(cls, time: Any, event: Any, weight: Any = None, ties: str = "efron") -> Risks:
        """Order the rows; time (n,) finite, event (n,) true where the time is a failure, weight (n,) or None."""
        if ties not in TIES:
            raise ParameterError(f"ties={ties!r} is not known; there are {', '.join(TIES)}")
        time, event = np.asarray(time, np.float64), np.asarray(event).astype(bool)
        w = np.ones(len(time)) if weight is None else np.asarray(weight, np.float64)
        event = event & (w > 0)
        if not event.any():
            raise DataError("no row has an event; a partial likelihood needs at least one failure")
        order = np.lexsort((event, -time))
        t, failed, w = time[order], event[order], w[order]
        moments, member = np.unique(-t[failed], return_inverse=True)
        last = np.searchsorted(-t, moments, side="right") - 1
        count = np.bincount(member)
        rank = np.arange(len(member)) - np.concatenate([[0], np.cumsum(count)[:-1]])[member]
        part = rank / count[member] if ties == "efron" else np.zeros(len(member))
        mean = (np.bincount(member, w[failed]) / count)[member]
        whole = np.full(len(t), -1)
        whole[failed] = member
        return cls(order, w, failed, last[member], member, part, mean, whole)

    def logs(self, z: Array) -> tuple[Array, Array, Array]:
        """For z in this order: log(w·eᶻ), and for each failure log(S − k/d·D) and log D."""
        with np.errstate(divide="ignore"):
            each = np.log(self.weight) + z
        risk = np.logaddexp.accumulate(each)[self.last]
        top = np.full(self.group.max() + 1, -np.inf)
        np.maximum.at(top, self.group, each[self.failed])
        dead = top + np.log(np.bincount(self.group, np.exp(each[self.failed] - top[self.group])))
        dead = dead[self.group]
        return each, risk + np.log1p(-self.part * np.exp(np.minimum(dead - risk, 0.0))), dead

    def value(self, z: Array) -> float:
        """The negative log partial likelihood, for z in the caller's order."""
        z = z[self.order]
        return float(self.mean @ self.logs(z)[1] - self.weight[self.failed] @ z[self.failed])

    def hazards(self, z: Array) -> Array:
        """For each row in order, w·eᶻ times the hazard it lived through: what it was expected to fail."""
        each, logs, _ = self.logs(z)
        steps = np.log(self.mean) - logs
        # from early to late: every failure adds to all rows whose time is not before it
        past = np.logaddexp.accumulate(steps[::-1])[::-1]
        entry = np.searchsorted(self.last, np.arange(len(z)))
        before = np.append(past, -np.inf)[entry]
        own = self.member >= 0
        if own.any() and self.part.any():
            before[own] = self._tied(steps, past)[self.member[own]]
        return np.asarray(np.exp(each + before))

    def _tied(self, steps: Array, past: Array) -> Array:
        """The hazard that those of each tie lived through: all before, and of their own the part 1 − k/d."""
        ends = np.searchsorted(self.group, np.arange(self.group.max() + 1), side="right")
        earlier = np.append(past, -np.inf)[ends]
        own = np.full(len(ends), -np.inf)
        np.logaddexp.at(own, self.group, steps + np.log1p(-self.part))
        return np.asarray(np.logaddexp(earlier, own))

    def gradient(self, z: Array) -> Array:
        """The derivative of `value` by each z, in the caller's order."""
        found = self.hazards(z[self.order]) - np.where(self.failed, self.weight, 0.0)
        out = np.empty_like(found)
        out[self.order] = found
        return out

    def hessian(self, z: Array, X: Array) -> Array:
        """Xᵀ (∂² value) X, (p, p), from the moments of X over the risk sets; X (n, p) in the caller's order."""
        z, X = z[self.order], X[self.order]
        each, logs, dead = self.logs(z)
        top = np.maximum.accumulate(each)[self.last]
        moments = np.empty((len(logs), X.shape[1]))
        for j in range(X.shape[1]):
            moments[:, j] = self._first_moment(each, X[:, j], logs, dead, top)
        curved = X.T @ (X * self.hazards(z)[:, None])
        return np.asarray(curved - moments.T @ (moments * self.mean[:, None]))

    def _first_moment(self, each: Array, x: Array, logs: Array, dead: Array, top: Array) -> Array:
        """(Σ_risk w·eᶻx − k/d Σ_tie w·eᶻx) / (S − k/d·D) for each failure; x added by sign, in logarithms."""
        with np.errstate(divide="ignore"):
            plus, minus = (np.logaddexp.accumulate(each + np.log(np.maximum(s * x, 0.0))) for s in (1.0, -1.0))
        risk = np.exp(plus[self.last] - logs) - np.exp(minus[self.last] - logs)
        tied = np.bincount(self.group, np.exp(each[self.failed] - dead) * x[self.failed])[self.group]
        return np.asarray(risk - self.part * tied * np.exp(dead - logs))

    def baseline(self, z: Array) -> tuple[NDArray[np.intp], Array]:
        """(positions, steps): the jumps of Breslow's cumulative hazard at z = 0, one for each failure."""
        return self.last, self.mean * np.exp(-self.logs(z[self.order])[1])


@dataclass(frozen=True, slots=True, eq=False)
class Cox:
    """The partial likelihood per unit of weight over the strata, plus a penalty, in standardised coordinates."""

    design: Design
    X: Array
    strata: tuple[tuple[NDArray[np.intp], Risks | Entering], ...]
    mass: float
    offset: Array | None
    l1: Array | None
    l2: Array
    meter: Meter = field(default_factory=Meter)
    slope: float = 1.0
    outputs: int = 1

    @property
    def size(self) -> int:
        """How many coefficients there are."""
        return self.design.size

    @property
    def rows_count(self) -> int:
        """How many rows there are."""
        return len(self.X)

    def full(self, w: Array) -> Array:
        """w itself: every coefficient is free."""
        return w

    def at(self, w: Array, want: tuple[str, ...] = ("value", "gradient")) -> Evaluation:
        """Value and gradient, and the exact Hessian where `want` names it."""
        self.meter.passes += 1.0
        z = self.X @ w + (0.0 if self.offset is None else self.offset)
        r, value, hessian = np.zeros(len(z)), 0.0, np.diag(self.l2) if "hessian" in want else None
        for index, risks in self.strata:
            value += risks.value(z[index]) / self.mass
            r[index] = risks.gradient(z[index]) / self.mass
            if hessian is not None:
                hessian = hessian + risks.hessian(z[index], self.X[index]) / self.mass
        value += 0.5 * float(self.l2 @ (w * w)) + self.l1_value(w)
        return Evaluation(value, self.X.T @ r + self.l2 * w, hessian)

    def l1_value(self, w: Array) -> float:
        """l1·|w|."""
        return 0.0 if self.l1 is None else float(self.l1 @ np.abs(w))

    def prox(self, w: Array, rate: float | Array) -> Array:
        """The proximal map of rate·l1."""
        return w if self.l1 is None else np.sign(w) * np.maximum(np.abs(w) - rate * self.l1, 0.0)

    def optimality(self, w: Array, evaluation: Evaluation) -> float:
        """The relative distance from 0 to the subdifferential."""
        return optimality(w, evaluation.gradient, self.l1, self.slope)


def cox(
    rows: Rows,
    time: Any,
    event: Any,
    penalty: Penalty,
    *,
    ties: str = "efron",
    strata: Any = None,
    entry: Any = None,
) -> tuple[Array, Cox]:
    """Where to start, and the objective; the mean is over the weight of all rows. entry (n,): at risk only after it."""
    whole = Design.of(rows, True).eased(penalty.l2)
    design = replace(whole, intercept=False)
    X = replace(whole, intercept=False).rows(slice(None))
    design = replace(design, centre=np.zeros_like(design.centre))  # a shift of all z changes nothing
    weight = np.ones(rows.n) if rows.weight is None else rows.weight
    labels = np.zeros(rows.n) if strata is None else np.unique(np.asarray(strata), return_inverse=True)[1]
    groups = [np.flatnonzero(labels == k) for k in np.unique(labels)]
    event = np.asarray(event).astype(bool)
    time = np.asarray(time, np.float64)
    live = [g for g in groups if (event[g] & (weight[g] > 0)).any()]
    parts = tuple((g, _at_risk(time, event, weight, entry, g, ties)) for g in live)
    if not parts:
        raise DataError("no row has an event; a partial likelihood needs at least one failure")
    l1, l2 = strengths(design, penalty.l1, penalty.l2, 1)
    made = Cox(design, X, parts, float(weight.sum()), rows.offset, l1, l2)
    slope = float(np.sqrt((event * weight).sum() / weight.sum()))
    return np.zeros(made.size), replace(made, slope=slope)


def _at_risk(time: Array, event: Array, weight: Array, entry: Any, g: NDArray[np.intp], ties: str) -> Risks | Entering:
    if entry is None:
        return Risks.of(time[g], event[g], weight[g], ties)
    late = np.asarray(entry, np.float64)
    if late.shape != time.shape:
        raise ShapeError(f"entry has shape {late.shape} but the times have {time.shape}; they must be the same")
    return Entering.of(time[g], event[g], late[g], weight[g], ties)
