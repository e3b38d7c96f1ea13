"""Linear models of the time until an event, of which perhaps only bounds are known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import check_is_fitted

from lossmith.catalogue import loss as make_loss
from lossmith.errors import DataError, ParameterError, ShapeError, UnsupportedError
from lossmith.fit import Penalty, Solution
from lossmith.fit.cox import cox
from lossmith.fit.drive import Limits
from lossmith.fit.together import fit_together, run
from lossmith.models import inputs
from lossmith.models.together import Kept
from lossmith.rows.memory import Rows

Array = NDArray[Any]

ACCELERATED: Mapping[str, str] = {
    "weibull": "CensoredExtreme",
    "lognormal": "CensoredNormal",
    "loglogistic": "CensoredLogistic",
}
"""The distribution of the logarithm of time, by the name of the model."""


class SurvivalRegressor(Kept):
    """The time until an event: Cox's proportional hazards, or an accelerated failure time model.

    model : "cox"; or "weibull", "lognormal", "loglogistic": the logarithm of time is linear in X, with one spread
    ties : "efron" or "breslow", for "cox"
    penalty, alpha, l1_ratio, solver, tol, max_iter : as in `LinearRegressor`; the mean is over the weight of all rows

    Learned: coef_ (p,); for "cox" baseline_times_ and baseline_hazard_ (Breslow's cumulative hazard at z = 0), else
    intercept_ and scale_; n_iter_, solution_, n_features_in_, feature_names_in_.
    """

    kind: ClassVar[str] = "survival-regressor"

    def __init__(
        self,
        model: str = "cox",
        *,
        ties: str = "efron",
        penalty: str = "l2",
        alpha: float = 1e-4,
        l1_ratio: float = 0.5,
        solver: str = "auto",
        tol: float = 1e-8,
        max_iter: int | None = None,
    ) -> None:
        self.model = model
        self.ties = ties
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter

    def fit(
        self,
        X: Any,
        y: Any,
        event: Any = None,
        sample_weight: Any = None,
        offset: Any = None,
        strata: Any = None,
        entry: Any = None,
    ) -> Self:
        """Fit to X (n, p) and times y.

        y: (n,) times > 0, with event (n,) true where the time is that of the event and false where observation ended
        before it (None: all are events); a structured array with a truth value and a number per row; or, but for
        "cox", (n, 2): the time lies between, 0 or inf where an end is not known. strata (n,), for "cox": each has a
        hazard of its own. entry (n,), for "cox": a row is
        at risk only after it (left truncation). Raises DataError, ShapeError.
        """
        matrix = inputs.features(self, X, reset=True)
        rows = Rows.of(matrix, np.zeros(matrix.shape[0]), sample_weight, offset)
        penalty = Penalty(self.penalty, alpha=self.alpha, l1_ratio=self.l1_ratio)
        if y is None:
            raise DataError(f"{type(self).__name__} requires y to be passed, but the target y is None; pass times")
        low, high = bounds_of(inputs.targets(y), event, rows.n)
        if self.model == "cox":
            return self._proportional(rows, low, high, penalty, strata, entry)
        if entry is not None:
            raise UnsupportedError(f'model={self.model!r} does not take entry times; model="cox" does')
        if self.model not in ACCELERATED:
            raise ParameterError(f"model={self.model!r} is not known; there are cox, {', '.join(ACCELERATED)}")
        return self._accelerated(rows, low, high, penalty)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required, tags.target_tags.positive_only = True, True
        return tags

    def _proportional(self, rows: Rows, low: Array, high: Array, penalty: Penalty, strata: Any, entry: Any) -> Self:
        event = low == high
        if not (event | (high == np.inf)).all():
            raise UnsupportedError('model="cox" takes times and events, not intervals; model="weibull" takes those')
        w0, made = cox(rows, low, event, penalty, ties=self.ties, strata=strata, entry=entry)
        solution = run(made, w0, self.solver, Limits(self.tol, self.max_iter or 1000))
        self._learned(solution, solution.coef)
        z = safe_sparse_dot(rows.X, self.coef_, dense_output=True) + (0.0 if rows.offset is None else rows.offset)
        if len(made.strata) == 1:
            index, risks = made.strata[0]
            last, steps = risks.baseline(z[index])
            self.baseline_times_, where = np.unique(low[index][risks.order][last], return_inverse=True)
            self.baseline_hazard_ = np.cumsum(np.bincount(where, steps))
        return self

    def _accelerated(self, rows: Rows, low: Array, high: Array, penalty: Penalty) -> Self:
        loss = make_loss(ACCELERATED[self.model])
        with np.errstate(divide="ignore"):
            y = np.column_stack([np.log(low), np.log(high)])
        solution = fit_together(
            rows,
            y,
            loss,
            penalty,
            outputs=2,
            reach=[True, False],
            solver=self.solver,
            tol=self.tol,
            max_steps=self.max_iter,
        )
        self._learned(solution, solution.coef[:, 0])
        self.intercept_, self.scale_ = float(solution.intercept[0]), float(np.exp(solution.intercept[1]))
        return self

    def _learned(self, solution: Solution, coef: Array) -> None:
        self._note(solution)
        self.coef_ = np.ascontiguousarray(coef)

    def decision_function(self, X: Any, offset: Any = None) -> Array:
        """z, (n,): for "cox" the logarithm of the relative hazard, else the location of the logarithm of time."""
        check_is_fitted(self)
        z: Array = safe_sparse_dot(inputs.features(self, X, reset=False), self.coef_, dense_output=True)
        z = z if self.model == "cox" else z + self.intercept_
        return z if offset is None else z + np.asarray(offset, np.float64)

    def predict(self, X: Any, offset: Any = None) -> Array:
        """For "cox" the logarithm of the relative hazard (higher: sooner), else the median time, (n,)."""
        z = self.decision_function(X, offset)
        if self.model == "cox":
            return z
        middle = np.log(np.log(2.0)) if self.model == "weibull" else 0.0
        return np.asarray(np.exp(z + self.scale_ * middle))

    def predict_survival(self, X: Any, times: Any, offset: Any = None) -> Array:
        """The probability of no event up to each of `times` (k,), as (n, k)."""
        z, times = self.decision_function(X, offset), np.asarray(times, np.float64)
        if self.model != "cox":
            loss = make_loss(ACCELERATED[self.model])
            log = np.log(times)
            rows = np.column_stack([np.tile(log, len(z)), np.full(len(z) * len(log), np.inf)])
            outputs = np.column_stack([np.repeat(z, len(log)), np.full(len(rows), np.log(self.scale_))])
            return np.asarray(np.exp(-loss.value(rows, outputs)).reshape(len(z), len(log)))
        if not hasattr(self, "baseline_times_"):
            raise UnsupportedError(
                "there is one baseline hazard for each stratum; fit the strata apart for survival curves"
            )
        at = np.searchsorted(self.baseline_times_, times, side="right")
        return np.asarray(np.exp(-np.outer(np.exp(z), np.append(0.0, self.baseline_hazard_)[at])))

    def score(self, X: Any, y: Any, event: Any = None) -> float:
        """Harrell's concordance: the share of comparable pairs whose order is predicted right; ties count one half."""
        low, high = bounds_of(y, event, len(np.asarray(y)))
        risk = self.predict(X) if self.model == "cox" else -self.predict(X)
        return concordance(low, low == high, risk)


def concordance(time: Array, event: Array, risk: Array) -> float:
    """Harrell's C: over pairs of which the earlier is an event, how often has it the higher risk?"""
    right = comparable = 0.0
    for i in np.flatnonzero(event):
        later = (time > time[i]) | ((time == time[i]) & ~event)
        comparable += later.sum()
        right += (risk[i] > risk[later]).sum() + 0.5 * (risk[i] == risk[later]).sum()
    if not comparable:
        raise DataError("no pair of rows can be compared; a score needs an event that others outlived")
    return float(right / comparable)


def bounds_of(y: Any, event: Any, n: int) -> tuple[Array, Array]:
    """The earliest and the latest possible time of each row's event."""
    y = np.asarray(y)
    if y.dtype.names is not None:
        fields = {y.dtype[name].kind: y[name] for name in y.dtype.names}
        if len(y.dtype.names) != 2 or "b" not in fields:
            raise DataError(f"y has the fields {', '.join(y.dtype.names)}; it needs a truth value (event) and a time")
        event, y = fields.pop("b"), next(iter(fields.values()))
    y = y.astype(np.float64)
    if y.shape == (n, 2):
        low, high = y[:, 0], y[:, 1]
    elif y.shape == (n,):
        seen = np.ones(n, bool) if event is None else np.asarray(event).astype(bool)
        if seen.shape != (n,):
            raise ShapeError(f"event has shape {seen.shape} but y has {y.shape}; they must be the same")
        low, high = y, np.where(seen, y, np.inf)
    else:
        raise ShapeError(f"y has shape {y.shape} but X has {n} rows; y must be ({n},) times, or ({n}, 2) bounds")
    bad = np.flatnonzero(~((low >= 0) & (low <= high) & (high > 0) & (low < np.inf) & ((low > 0) | (high < np.inf))))
    if len(bad):
        raise DataError(f"times must be positive and in order; row {bad[0]} has {low[bad[0]]:g} to {high[bad[0]]:g}")
    return low, high


__all__ = ["SurvivalRegressor", "concordance"]
