"""A loss in scikit-learn: a linear model of one raw prediction a row that trains it, and a scorer."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

Array = NDArray[Any]


class Linear(BaseEstimator):
    """z = X·coef_ + intercept_ with the least mean loss + alpha/2·|coef_|², by L-BFGS (Newton's method it is not).

    alpha: the strength of the penalty, 1/(units of X)². scale: the unit of residuals, a number or "mad".
    """

    loss: Any
    targets: Any
    mean: Any = None

    def __init__(self, alpha: float = 1e-4, scale: float | str = 1.0, max_iter: int = 1000) -> None:
        self.alpha, self.scale, self.max_iter = alpha, scale, max_iter

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit to X (n, d) and y (n,), with weights (n,) >= 0."""
        X, y = validate_data(self, X, y, y_numeric=True, dtype=float)
        self.targets.refuse(y)
        w = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, float)
        self.unit_ = mad(y) if self.scale == "mad" else float(self.scale)
        y, w = y / self.unit_, w / w.sum()
        start = np.append(np.zeros(X.shape[1]), self.loss.start(y, w))

        def height(at: Array) -> tuple[float, Array]:
            z = X @ at[:-1] + at[-1]
            slope = w * self.loss.gradient(y, z)
            value = w @ self.loss.value(y, z) + self.alpha / 2 * at[:-1] @ at[:-1]
            return float(value), np.append(X.T @ slope + self.alpha * at[:-1], slope.sum())

        found = minimize(height, start, jac=True, method="L-BFGS-B", options={"maxiter": self.max_iter})
        self.coef_, self.intercept_, self.n_iter_ = found.x[:-1], found.x[-1], found.nit
        return self

    def decision_function(self, X: Any) -> Array:
        """The raw predictions, in units of the scale."""
        check_is_fitted(self)
        return np.asarray(validate_data(self, X, reset=False, dtype=float) @ self.coef_ + self.intercept_)

    def predict(self, X: Any) -> Array:
        """The prediction on the scale of y: a probability for labels, the raw score where the loss has no link."""
        z = self.decision_function(X)
        return np.asarray(z * self.unit_ if self.mean is None else self.mean(z))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Minus the mean loss: more is better, as scikit-learn wants it."""
        values = self.loss.value(np.asarray(y, float) / self.unit_, self.decision_function(X))
        return -float(np.average(values, weights=sample_weight))


def mad(y: Array) -> float:
    """1.4826 times the median distance from the median; the mean distance where that is 0."""
    distance = np.abs(y - np.median(y))
    return float(1.482602218505602 * np.median(distance) or distance.mean() or 1.0)
