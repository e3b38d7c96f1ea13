"""Linear regression and classification with any loss, as scikit-learn estimators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if

from lossmith.loss import Loss
from lossmith.models import inputs
from lossmith.models.base import Linear, columns
from lossmith.rows.memory import Rows

Array = NDArray[Any]
RANGES = frozenset({"real", "halfline", "positive_line", "unit_interval", "open_interval"})


class LinearRegressor(RegressorMixin, Linear):  # type: ignore[misc]
    """Linear regression with any loss, for one target or several.

    It minimises the weighted mean of loss(y, z), z = X·coef + intercept + offset, plus alpha times the penalty; several
    targets are several fits. Predictions are the mean that the loss declares (z for residuals, exp(z) for counts), and
    z itself where a formula declares none.

    loss : a name ("huber"), a Loss (`lossmith.Huber(delta=2)`), or a formula in r = y − z, or in y and z
    penalty : "none", "l2" (½‖coef‖²), "l1" (‖coef‖₁) or "elasticnet"; the intercept is never penalised
    alpha, l1_ratio : strength of the penalty, and its share of l1 for "elasticnet"
    scale : a number s fits s²·ρ(r/s); "mad" estimates s once from a robust start; "concomitant" together with coef
    solver, tol, max_iter, options : how to minimise; "auto" decides from what is known of the loss (`solution_.why`)
    warm_start : begin at the solution of the fit before
    random_state : a seed for the stochastic solvers

    Learned: coef_ (p,) and intercept_, or (K, p) and (K,) for y (n, K); scale_, n_iter_, loss_, solution_ (a tuple
    with one for each target where there are several), n_features_in_, feature_names_in_.
    """

    kind = "linear-regressor"
    fits = dict.fromkeys(("residual", "score"), RANGES)
    other = "LinearClassifier"

    def fit(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None, exposure: Any = None) -> Self:
        """Fit to X (n, p) and y (n,) or (n, K).

        sample_weight (n,) multiplies each row's loss; offset (n,) or (n, K) is added to z; exposure (n,), for a loss
        with a log link, adds its logarithm. Errors name the row or column that cannot be used.
        """
        loss = self._loss()
        matrix = inputs.features(self, X, reset=True)
        rows = Rows.of(matrix, inputs.targets(y), sample_weight, inputs.shift(loss, offset, exposure))
        solutions = self._solve(columns(rows), loss)
        return self._keep(solutions, loss, matrix.dtype, flat=rows.y.ndim == 1)

    def predict(self, X: Any, offset: Any = None, exposure: Any = None) -> Array:
        """The predicted mean for X (n, p): (n,), or (n, K) for several targets."""
        z = self._raw(X, offset, exposure)
        mean: Array = self.loss_.mean(z) if inputs.has_link(self.loss_) else z
        return mean

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        # Several targets of a restricted range are fitted too, but who reads the tag may then pass any real numbers.
        tags.target_tags.multi_output = inputs.target_name(self) == "real"
        tags.target_tags.positive_only = inputs.target_name(self) in ("halfline", "positive_line")
        return tags


def _linked(model: LinearClassifier) -> bool:
    """Has the classifier's loss a mean, so that there are probabilities?"""
    return inputs.has_link(model._loss())


class LinearClassifier(ClassifierMixin, Linear):  # type: ignore[misc]
    """Linear classification with any loss, for two classes or more.

    It minimises the weighted mean of the loss, z = X·coef + intercept + offset, plus alpha times the penalty. With more
    than two classes a softmax loss is fitted as one problem; a margin loss is fitted one class against the rest, and
    its probabilities are divided by their sum.

    loss : a name ("logistic"), a Loss (`lossmith.Focal(gamma=1)`), or a formula in m, in y and z, or in p and logp
    class_weight : None, "balanced" (every class the same total weight), or a dict from class to weight
    and penalty, alpha, l1_ratio, scale, solver, fit_intercept, tol, max_iter, warm_start, random_state, options as in
    `LinearRegressor`.

    Learned: classes_, coef_ (1, p) and intercept_ (1,) for two classes, (K, p) and (K,) for K; scale_, n_iter_, loss_,
    solution_ (a tuple with one for each class where they are several), n_features_in_, feature_names_in_.
    """

    kind = "linear-classifier"
    fits: ClassVar[Mapping[str, frozenset[str]]] = {
        "margin": frozenset({"binary", "unit_interval"}),
        "score": frozenset({"binary", "unit_interval", "real"}),
        "softmax": frozenset({"classes"}),
    }
    other = "LinearRegressor"
    classes_: Array

    def __init__(
        self,
        loss: str | Loss = "logistic",
        *,
        penalty: str = "l2",
        alpha: float = 1e-4,
        l1_ratio: float = 0.5,
        scale: float | str = 1.0,
        solver: str = "auto",
        fit_intercept: bool = True,
        tol: float = 1e-8,
        max_iter: int | None = None,
        warm_start: bool = False,
        random_state: Any = None,
        options: Mapping[str, Any] | None = None,
        class_weight: Any = None,
    ) -> None:
        super().__init__(
            loss,
            penalty=penalty,
            alpha=alpha,
            l1_ratio=l1_ratio,
            scale=scale,
            solver=solver,
            fit_intercept=fit_intercept,
            tol=tol,
            max_iter=max_iter,
            warm_start=warm_start,
            random_state=random_state,
            options=options,
        )
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> Self:
        """Fit to X (n, p) and labels y (n,) of any type; sample_weight and offset are (n,)."""
        loss = self._loss()
        matrix = inputs.features(self, X, reset=True)
        classes, codes = inputs.labels(y, type(self).__name__)
        weight = inputs.class_weights(self.class_weight, classes, codes, sample_weight)
        rows = Rows.of(matrix, codes.astype(np.float64), weight, inputs.shift(loss, offset, None))
        several = len(classes) > 2
        together = several and loss.lift.multiclass
        problems = one_against_rest(rows, len(classes)) if several and not together else [rows]
        solutions = self._solve(problems, loss, len(classes) if together else 1)
        self.classes_ = classes
        return self._keep(solutions, loss, matrix.dtype, flat=False)

    def decision_function(self, X: Any, offset: Any = None) -> Array:
        """The raw scores z for X (n, p): (n,) for two classes, positive for the second; (n, K) for K."""
        z = self._raw(X, offset, None)
        return z[:, 0] if z.shape[1] == 1 else z

    def predict(self, X: Any, offset: Any = None) -> Array:
        """The class of each row: the one of the largest score, or of probability above one half."""
        z = self.decision_function(X, offset)
        codes = z.argmax(axis=1) if z.ndim == 2 else (z > 0).astype(np.intp)
        chosen: Array = self.classes_[codes]
        return chosen

    @available_if(_linked)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any, offset: Any = None) -> Array:
        """The probability of each class, (n, K) in the order of classes_; only where the loss has a link."""
        z = self.decision_function(X, offset)
        if z.ndim == 1:
            second = self.loss_.mean(z)
            return np.column_stack([1 - second, second])
        p: Array = self.loss_.mean(z)
        return p if self.loss_.lift.multiclass else shares(p)

    @available_if(_linked)  # type: ignore[untyped-decorator]
    def predict_log_proba(self, X: Any, offset: Any = None) -> Array:
        """The logarithm of `predict_proba`."""
        with np.errstate(divide="ignore"):
            logs: Array = np.log(self.predict_proba(X, offset))
        return logs


def one_against_rest(rows: Rows, classes: int) -> list[Rows]:
    """One problem for each class: is a row of this class?"""
    return columns(replace(rows, y=(rows.y[:, None] == np.arange(classes)).astype(np.float64)))


def shares(p: Array) -> Array:
    """Each row divided by its sum; a row of zeros says nothing, and becomes equal shares."""
    total = p.sum(axis=1, keepdims=True)
    equal = np.full_like(p, 1 / p.shape[1])
    divided: Array = np.divide(p, total, out=equal, where=total > 0)
    return divided
