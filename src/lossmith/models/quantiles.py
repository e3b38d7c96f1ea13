"""A linear model of several quantiles (or expectiles, or M-quantiles) at once, as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin

from lossmith.domain import Interval, Param
from lossmith.errors import ParameterError, UnsupportedError
from lossmith.fit import Penalty, fit_each
from lossmith.loss import Loss
from lossmith.models import inputs
from lossmith.models.base import Linear, warn_unless_converged
from lossmith.rows.memory import Rows

Array = NDArray[Any]
LEVEL = Param(0.5, Interval(0.0, 1.0, open_low=True, open_high=True), "the level of a quantile")
CROSSING = ("rearrange", "keep")


class QuantileRegressor(RegressorMixin, Linear):  # type: ignore[misc]
    """Linear quantile regression at several levels at once: one fit for all, and predictions that do not cross.

    For each level τ it minimises the weighted mean of loss(y, z; tau=τ), z = X·coef + intercept + offset, plus alpha
    times the penalty. The fits share their walks over X, and each ends at the optimum that it would reach alone.

    levels : ascending levels in (0, 1), a column of predictions for each
    loss : "quantile", "expectile", "mquantile", "smooth_quantile", "quantile_huber", or any residual loss with a
        parameter tau (`lossmith.MQuantile(delta=2)`); its own tau is not used
    crossing : "rearrange" sorts the predictions of each row, which never takes them farther from the true quantiles
        (Chernozhukov, Fernández-Val & Galichon 2010, doi:10.3982/ECTA7880); "keep" leaves them as fitted
    penalty, alpha, l1_ratio, scale, solver, fit_intercept, tol, max_iter : as in `LinearRegressor`

    Learned: coef_ (K, p), intercept_ (K,), scale_, n_iter_, loss_, solution_ (a tuple), n_features_in_,
    feature_names_in_.
    """

    kind = "quantile-regressor"
    fits: ClassVar = {"residual": frozenset({"real", "halfline", "positive_line", "unit_interval", "open_interval"})}
    other = "LinearRegressor"

    def __init__(
        self,
        levels: Sequence[float] = (0.1, 0.25, 0.5, 0.75, 0.9),
        *,
        loss: str | Loss = "quantile",
        crossing: str = "rearrange",
        penalty: str = "l2",
        alpha: float = 1e-4,
        l1_ratio: float = 0.5,
        scale: float | str = 1.0,
        solver: str = "auto",
        fit_intercept: bool = True,
        tol: float = 1e-8,
        max_iter: int | None = None,
    ) -> None:
        self.levels = levels
        self.loss = loss
        self.crossing = crossing
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.scale = scale
        self.solver = solver
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_iter = max_iter

    def fit(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> Self:
        """Fit to X (n, p) and y (n,); sample_weight (n,) multiplies each row's loss, offset (n,) is added to z."""
        if self.crossing not in CROSSING:
            raise ParameterError(
                f"crossing={self.crossing!r} is not known; it may be {' or '.join(map(repr, CROSSING))}"
            )
        losses = self._losses()
        matrix = inputs.features(self, X, reset=True)
        rows = Rows.of(matrix, inputs.numbers(y, type(self).__name__), sample_weight, offset)
        solutions = fit_each(
            rows,
            losses,
            Penalty(self.penalty, alpha=self.alpha, l1_ratio=self.l1_ratio),
            solver=self.solver,
            intercept=self.fit_intercept,
            scale=self.scale,
            tol=self.tol,
            max_steps=self.max_iter,
        )
        for solution, loss in zip(solutions, losses, strict=True):
            warn_unless_converged(solution, repr(loss), 3)
        return self._keep(solutions, losses[0], matrix.dtype, flat=False)

    def _losses(self) -> list[Loss]:
        """The loss at each level."""
        loss = self._loss()
        if "tau" not in loss.params:
            raise UnsupportedError(f"{loss.name} has no parameter tau; use Quantile, Expectile or MQuantile")
        levels = [LEVEL.check(level, type(self).__name__, "levels") for level in self.levels]
        if not levels or any(b <= a for a, b in pairwise(levels)):
            raise ParameterError(f"levels={self.levels!r} must be ascending, and at least one")
        return [loss.with_params(tau=level) for level in levels]

    def predict(self, X: Any, offset: Any = None) -> Array:
        """The quantiles for X (n, p): (n, K), a column for each level."""
        z = self._raw(X, offset, None)
        return np.sort(z, axis=1) if self.crossing == "rearrange" else z

    def score(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> float:
        """The mean over levels of D² = 1 − loss of the predictions / loss of the best constant, 1 at best."""
        z, y = self.predict(X, offset), np.asarray(y, dtype=np.float64)

        def ratio(loss: Loss, z: Array) -> float:
            best = np.full(len(y), loss.start(y, sample_weight))
            return float(loss(y, z, weight=sample_weight)) / float(loss(y, best, weight=sample_weight))

        return 1.0 - float(np.mean([ratio(*pair) for pair in zip(self._losses(), z.T, strict=True)]))
