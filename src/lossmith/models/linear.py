"""Linear regression and classification with any loss, as scikit-learn estimators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, RegressorMixin

from lossmith.lifts import COUPLED
from lossmith.loss import Loss
from lossmith.models import inputs
from lossmith.models.base import Linear, columns
from lossmith.models.offers import offered_unless
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
        matrix = inputs.features(self, X, reset=True, later=True)
        rows = Rows.of(matrix, inputs.targets(y), sample_weight, inputs.shift(loss, offset, exposure), later=True)
        solutions = self._solve(columns(rows), loss)
        return self._keep(solutions, loss, matrix.dtype, flat=rows.y.ndim == 1)

    def predict(self, X: Any, offset: Any = None, exposure: Any = None) -> Array:
        """The predicted mean for X (n, p): (n,), or (n, K) for several targets."""
        z = self._raw(X, offset, exposure)
        mean: Array = self.loss_.mean(z) if inputs.has_link(self.loss_) else z
        return mean

    def score(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None, exposure: Any = None) -> float:
        """R² of the predictions: 1 − Σ w (y − ŷ)² / Σ w (y − ȳ)², averaged over several targets."""
        from sklearn.metrics import r2_score

        return float(r2_score(y, self.predict(X, offset, exposure), sample_weight=sample_weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        # Several targets of a restricted range are fitted too, but who reads the tag may then pass any real numbers.
        tags.target_tags.multi_output = inputs.target_name(self) == "real"
        tags.target_tags.positive_only = inputs.target_name(self) in ("halfline", "positive_line")
        return tags


def _untold(model: LinearClassifier) -> str:
    """Why the classifier has no probabilities; "" where its loss tells them."""
    loss = model._loss()
    if inputs.has_link(loss):
        return ""
    shown = " ".join(repr(model).split())
    return (
        f"LinearClassifier(loss={loss!r}) has no probabilities: the scores of {loss.name} do not tell them."
        f" `sklearn.calibration.CalibratedClassifierCV({shown}, method='isotonic').fit(X, y)` learns them"
        " (method='sigmoid' for Platt's); or fit a loss that has a link: logistic, squared_hinge, modified_huber, …"
    )


class LinearClassifier(ClassifierMixin, Linear):  # type: ignore[misc]
    """Linear classification with any loss, for two classes or more.

    It minimises the weighted mean of the loss, z = X·coef + intercept + offset, plus alpha times the penalty. With more
    than two classes a softmax loss is fitted as one problem; a margin loss is fitted one class against the rest, and
    its probabilities are divided by their sum.

    loss : a name ("logistic"), a Loss (`lossmith.Focal(gamma=1)`), or a formula in m, in y and z, or in p and logp
    class_weight : None, "balanced" (every class the same total weight), or a dict from class to weight. Weights move
        the boundary that `predict` draws; `predict_proba` takes them out again (p_k/w_k, divided by their sum), so that
        its probabilities are those of the data
    prior_correction : False leaves the weights in `predict_proba`, as scikit-learn does
    and penalty, alpha, l1_ratio, scale, solver, fit_intercept, tol, max_iter, warm_start, random_state, options as in
    `LinearRegressor`.

    Learned: classes_, coef_ (1, p) and intercept_ (1,) for two classes, (K, p) and (K,) for K; scale_, n_iter_, loss_,
    class_weight_ (K,), solution_ (a tuple with one for each class where they are several), n_features_in_,
    feature_names_in_.
    """

    kind = "linear-classifier"
    fits: ClassVar[Mapping[str, frozenset[str]]] = {
        "margin": frozenset({"binary", "unit_interval"}),
        "score": frozenset({"binary", "unit_interval", "real"}),
        **dict.fromkeys(("softmax", *(COUPLED.keys() - {"one_against_rest"})), frozenset({"classes"})),
    }
    other = "LinearRegressor"
    classes_: Array
    class_weight_: Array

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
        prior_correction: bool = True,
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
        self.prior_correction = prior_correction

    def fit(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> Self:
        """Fit to X (n, p) and labels y (n,) of any type; sample_weight and offset are (n,)."""
        loss = self._loss()
        matrix = inputs.features(self, X, reset=True, later=True)
        classes, codes = inputs.labels(y, type(self).__name__)
        each = inputs.class_weights(self.class_weight, classes, codes, sample_weight)
        weight = sample_weight if self.class_weight is None else inputs.weighted(each, codes, sample_weight)
        rows = Rows.of(matrix, codes.astype(np.float64), weight, inputs.shift(loss, offset, None), later=True)
        several = len(classes) > 2
        together = several and loss.lift.multiclass
        problems = one_against_rest(rows, len(classes)) if several and not together else [rows]
        solutions = self._solve(problems, loss, len(classes) if together else 1)
        self.classes_, self.class_weight_ = classes, each
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

    def score(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> float:
        """The share of rows, by weight, whose class is predicted."""
        from sklearn.metrics import accuracy_score

        return float(accuracy_score(y, self.predict(X, offset), sample_weight=sample_weight))

    @offered_unless(_untold)
    def predict_proba(self, X: Any, offset: Any = None) -> Array:
        """The probability of each class, (n, K) in the order of classes_; only where the loss has a link.

        It is calibrated without a second fit: the loss's own link is undone (focal, label smoothing, …), and so are
        class weights, unless `prior_correction` is off. `predict` keeps the weights: it need not be the likeliest.
        """
        z = self.decision_function(X, offset)
        mean: Array = self.loss_.mean(z)
        p = np.column_stack([1 - mean, mean]) if z.ndim == 1 else mean
        p = p if z.ndim == 1 or self.loss_.lift.multiclass else shares(p)
        return unweighted(p, self.class_weight_) if self.prior_correction and self.class_weight is not None else p

    @offered_unless(_untold)
    def predict_log_proba(self, X: Any, offset: Any = None) -> Array:
        """The logarithm of `predict_proba`."""
        with np.errstate(divide="ignore"):
            logs: Array = np.log(self.predict_proba(X, offset))
        return logs


def one_against_rest(rows: Rows, classes: int) -> list[Rows]:
    """One problem for each class: is a row of this class?"""
    return columns(replace(rows, y=(rows.y[:, None] == np.arange(classes)).astype(np.float64)))


def unweighted(p: Array, weight: Array) -> Array:
    """The probabilities of the data from those of weighted classes: p_k/w_k, divided by their sum; 0 for weight 0."""
    divided: Array = np.divide(p, weight.astype(p.dtype), out=np.zeros_like(p), where=weight > 0)
    return shares(divided)


def shares(p: Array) -> Array:
    """Each row divided by its sum; a row of zeros says nothing, and becomes equal shares."""
    total = p.sum(axis=1, keepdims=True)
    equal = np.full_like(p, 1 / p.shape[1])
    divided: Array = np.divide(p, total, out=equal, where=total > 0)
    return divided
