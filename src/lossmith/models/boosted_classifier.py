"""Boosted trees for classes with any loss; probabilities through the loss's own link."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin

from lossmith.errors import DataError, UnsupportedError, shown
from lossmith.loss import Loss
from lossmith.models import inputs
from lossmith.models.boosted import Boosted
from lossmith.models.boosted_fit import Data, Part
from lossmith.models.boosted_task import Engine, engine
from lossmith.models.linear import shares, unweighted
from lossmith.models.offers import offered_unless

Array = NDArray[Any]


def _untold(model: BoostedClassifier) -> str:
    """Why the classifier has no probabilities; "" where its loss tells them."""
    loss = model._loss()
    if inputs.has_link(loss):
        return ""
    return (
        f"BoostedClassifier(loss={loss!r}) has no probabilities: the scores of {loss.name} do not tell them. Wrap it in"
        " sklearn.calibration.CalibratedClassifierCV, or take a loss with a link: logistic, squared_hinge, focal, …"
    )


class BoostedClassifier(ClassifierMixin, Boosted):  # type: ignore[misc]
    """Boosted trees for two classes or more, with any loss.

    With more than two classes a softmax loss grows K trees a round, each score divided by the row sums of the block's
    absolute values ("gershgorin": 2p(1 − p) for cross-entropy), unless `curvature` says "exact", "gradient" or
    "majorant"; a margin loss is fitted one class against the rest, and its probabilities are divided by their sum.

    loss : a name ("logistic", "focal"), a Loss (`lossmith.Focal(gamma=1)`), or a formula in m, in p and logp
    class_weight : None, "balanced", or a dict from class to weight. Weights move the boundary that `predict` draws;
        `predict_proba` takes them out again, unless prior_correction is False
    scoring : for the rows held back: None (the loss itself), "log" or "brier"
    and engine, max_iter, learning_rate, max_leaf_nodes, max_depth, min_samples_leaf, l2_regularization, max_bins,
    curvature, early_stopping, validation_fraction, n_iter_no_change, categorical_features, random_state, n_jobs,
    options as in `BoostedRegressor`.

    Learned: classes_, class_weight_ (K,), loss_, parts_, n_iter_, curvature_, feature_importances_,
    validation_scores_, n_features_in_, feature_names_in_.
    """

    kind = "boosted-classifier"
    fits: ClassVar[Mapping[str, frozenset[str]]] = {
        "margin": frozenset({"binary", "unit_interval"}),
        "score": frozenset({"binary", "unit_interval", "real"}),
        "softmax": frozenset({"classes"}),
    }
    other = "BoostedRegressor"
    classes = True
    classes_: Array
    class_weight_: Array

    def __init__(
        self,
        loss: str | Loss = "logistic",
        *,
        engine: str = "lightgbm",
        max_iter: int = 100,
        learning_rate: float = 0.1,
        max_leaf_nodes: int | None = 31,
        max_depth: int | None = None,
        min_samples_leaf: int = 20,
        l2_regularization: float | None = None,
        max_bins: int | None = None,
        curvature: str = "auto",
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        scoring: Any = None,
        categorical_features: Any = "auto",
        class_weight: Any = None,
        prior_correction: bool = True,
        random_state: Any = None,
        n_jobs: int | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(
            loss, engine=engine, max_iter=max_iter, learning_rate=learning_rate, max_leaf_nodes=max_leaf_nodes,
            max_depth=max_depth, min_samples_leaf=min_samples_leaf, l2_regularization=l2_regularization,
            max_bins=max_bins, curvature=curvature, early_stopping=early_stopping,
            validation_fraction=validation_fraction, n_iter_no_change=n_iter_no_change, scoring=scoring,
            categorical_features=categorical_features, random_state=random_state, n_jobs=n_jobs, options=options,
        )  # fmt: skip
        self.class_weight = class_weight
        self.prior_correction = prior_correction

    def fit(self, X: Any, y: Any, sample_weight: Any = None, eval_set: Any = None, offset: Any = None) -> Self:
        """Fit to X (n, p) and labels y (n,) of any type; sample_weight (n,) multiplies each row's loss.

        X may be a table, an array or, but for engine="sklearn", a sparse matrix. offset (n,) is added to z, for two
        classes. eval_set: (X, y), (X, y, weight) or (X, y, weight, offset), judged in place of rows held back. Errors
        come before anything is trained.
        """
        loss, host = self._loss(), engine(self.engine)
        self._settings()
        matrix = self._learned(X)
        classes, codes = inputs.labels(y, type(self).__name__)
        each = inputs.class_weights(self.class_weight, classes, codes, sample_weight)
        weight = sample_weight if self.class_weight is None else inputs.weighted(each, codes, sample_weight)
        self.classes_, self.class_weight_ = classes, each
        if offset is not None and len(classes) > 2:
            raise UnsupportedError(f"offset is for two classes, and y has {len(classes)}; leave it out")
        data = self._checked(matrix, codes.astype(np.float64), weight, eval_set, offset)
        self.parts_ = self._parts(host, loss, data, len(classes))
        self.loss_ = loss
        return self

    def _parts(self, host: Engine, loss: Loss, data: Data, count: int) -> tuple[Part, ...]:
        """One booster; for a margin loss of K > 2 classes one for each, against the rest."""
        if count == 2 or loss.lift.multiclass:
            return (self._grow(host, loss, data, count if count > 2 else 1),)
        held = data.held.y if data.held is not None else None
        each = [(data.y == k, None if held is None else held == k) for k in range(count)]
        truths = [(y.astype(np.float64), None if h is None else h.astype(np.float64)) for y, h in each]
        return tuple(self._grow(host, loss, data.with_y(y, h)) for y, h in truths)

    def _held_target(self, y: Any) -> Array:
        labels = np.asarray(y)
        strange = ~np.isin(labels, self.classes_)
        if strange.any():
            row = int(np.flatnonzero(strange)[0])
            raise DataError(f"eval_set: row {row} has the label {shown(labels[row])}, which the training rows have not")
        return np.searchsorted(self.classes_, labels).astype(np.float64)

    def decision_function(self, X: Any, offset: Any = None) -> Array:
        """The raw scores z for X (n, p): (n,) for two classes, positive for the second; (n, K) for K."""
        return self._raw(X, offset)

    def predict(self, X: Any, offset: Any = None) -> Array:
        """The class of each row: the one of the largest score."""
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

        Calibrated without a second fit: the loss's own link is undone (focal, …), and so are class weights.
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
