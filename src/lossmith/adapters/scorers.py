"""Any loss as a scorer of scikit-learn: `cross_val_score(model, X, y, scoring=lossmith.scorer("huber", delta=1))`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.catalogue import loss as loss_of
from lossmith.errors import DataError, ParameterError, UnsupportedError
from lossmith.loss import Loss

Array = NDArray[Any]

ASKS = {"residual": "predict", "score": "predict", "margin": "decision_function", "softmax": "decision_function"}
"""The method that gives a loss what it speaks of: predictions on the scale of y, or raw scores."""

SPREAD = 1e-300
"""A probability of 0 is taken for this, so that its logarithm is a number."""


@dataclass(frozen=True)
class Scorer:
    """`scorer(estimator, X, y, sample_weight=None)`: minus the mean loss Σwℓ/Σw, so that more is better.

    A residual loss is given `predict`; a likelihood with a link the raw score whose mean is `predict` (of a classifier,
    the probability of the second class); a loss of labels is given `decision_function`, or the log-odds of
    `predict_proba` where the estimator has no scores, or where `response` says so.
    """

    loss: Loss
    response: str = ""

    def __call__(self, estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
        truth, raw = self.rows(estimator, X, np.asarray(y))
        return -float(self.loss(truth, raw, sample_weight))

    def rows(self, estimator: Any, X: Any, y: Array) -> tuple[Array, Array]:
        """Truths as the loss takes them, and raw predictions."""
        from sklearn.base import is_classifier

        lift = self.loss.lift.name
        if lift not in ASKS:
            raise UnsupportedError(f"{self.loss!r} has several outputs a row, which no scikit-learn method predicts")
        if not is_classifier(estimator):
            if ASKS[lift] != "predict":
                raise UnsupportedError(f"{self.loss!r} judges classifiers, and {type(estimator).__name__} is none")
            return y.astype(float), self.linked(np.asarray(estimator.predict(X), float))
        truth = known(np.asarray(estimator.classes_), y)
        scores = getattr(estimator, "decision_function", None)
        if self.response != "predict_proba" and ASKS[lift] != "predict" and scores is not None:
            return truth, np.asarray(scores(X), float)
        p = np.asarray(estimator.predict_proba(X), float)
        return truth, self.linked(p[:, 1]) if lift == "score" else self.log_odds(p)

    def log_odds(self, p: Array) -> Array:
        """Raw scores whose softmax is p: (n,) for two classes, else (n, K)."""
        logs = np.log(np.maximum(p, SPREAD))
        if p.shape[1] == 2:
            return np.asarray(logs[:, 1] - logs[:, 0])
        if not self.loss.lift.multiclass:
            raise UnsupportedError(f"{self.loss!r} is for two classes, and there are {p.shape[1]}")
        return np.asarray(logs)

    def linked(self, mean: Array) -> Array:
        """The raw predictions whose inverse link is this prediction."""
        if self.loss.lift.name == "residual":
            return mean
        formula = type(self.loss).mean_formula
        if formula not in LINKS:
            raise UnsupportedError(f"the link of {self.loss!r} is not known here; pass raw scores to the loss itself")
        with np.errstate(all="ignore"):
            return np.asarray(LINKS[formula](mean))


def known(classes: Array, y: Array) -> Array:
    """Which of the classes each label is: 0, 1, 2 …"""
    found = np.minimum(np.searchsorted(classes, y), len(classes) - 1)
    if not np.array_equal(classes[found], y):
        raise DataError(f"y has labels that the estimator never saw; it knows {list(classes)}")
    return found.astype(float)


LINKS = {
    "exp(z)": lambda mean: np.log(np.maximum(mean, SPREAD)),
    "sigmoid(z)": lambda mean: np.log(np.maximum(mean, SPREAD)) - np.log(np.maximum(1 - mean, SPREAD)),
    "expm1(z)": lambda mean: np.log1p(mean),
    "1 - exp(-exp(z))": lambda mean: np.log(-np.log1p(-mean)),
    "exp(-exp(-z))": lambda mean: -np.log(-np.log(mean)),
    "1/2 + atan(z)/pi": lambda mean: np.tan(np.pi * (mean - 0.5)),
    "z": lambda mean: mean,
}
"""Links by the inverse that a loss declares."""


def scorer(loss: str | Loss | type[Loss], response: str = "", **params: float) -> Scorer:
    """A loss as a scorer of scikit-learn, for `scoring=`: minus the mean loss, with `sample_weight`.

    response: "predict_proba" or "decision_function", for losses of labels; chosen by what the estimator has if "".
    """
    if response not in ("", "predict_proba", "decision_function"):
        raise ParameterError(f"response={response!r}: it is predict_proba or decision_function")
    return Scorer(loss_of(loss, None, **params), response)
