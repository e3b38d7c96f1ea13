"""What a booster's rounds are judged by: the loss itself in its first unit, or another consistent score of the mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.catalogue import loss as make_loss
from lossmith.errors import ParameterError, UnsupportedError
from lossmith.loss import Loss
from lossmith.models.boosted_loss import Boosting

Array = NDArray[Any]
Judge = Callable[[Array, Array, Array | None], float]
"""(truth, F, weight or None) → the score of some rows; lower is better."""


def mean_loss(loss: Loss, y: Array, z: Array, weight: Array | None = None, sigma: float = 1.0) -> float:
    """Σ w σ²·ρ(y/σ, z/σ) / Σ w; lower is better. y (n,), z (n,) or (n, K)."""
    y, z = (y, z) if sigma == 1.0 else (y / sigma, z / sigma)
    z = np.ascontiguousarray(z)
    with np.errstate(all="ignore"):
        rows = loss.lift.evaluate(loss.state, np.asarray(y, z.dtype), z, ("value",))["value"]
        return sigma**2 * float(np.average(rows.astype(np.float64), weights=weight))


def log_rows(y: Array, p: Array) -> Array:
    """−log p of the class that came; p (n, K)."""
    own = np.take_along_axis(p, y.astype(np.intp)[:, None], axis=1)[:, 0]
    return np.asarray(-np.log(np.maximum(own, 1e-15)))


def brier_rows(y: Array, p: Array) -> Array:
    """Σ (p − 1[class])²; p (n, K)."""
    own = np.take_along_axis(p, y.astype(np.intp)[:, None], axis=1)[:, 0]
    return np.asarray((p**2).sum(axis=1) - 2 * own + 1)


OF_PROBABILITIES: Mapping[str, Callable[[Array, Array], Array]] = {"log": log_rows, "brier": brier_rows}


def judge_of(boosting: Boosting, score: Any, *, classes: bool) -> Judge:
    """(truth, F, weight) → the score.

    score: None for the loss itself; for regression a residual loss of prediction and y ("squared", "absolute",
    Quantile(0.9)); for classification "log" or "brier". Raises ParameterError or UnsupportedError for another.
    """
    loss = boosting.loss
    if score is None:
        return lambda truth, raw, weight: mean_loss(loss, *boosting.inner(truth, raw), weight)
    rows = _of_probabilities(loss, score) if classes else _of_means(loss, score)

    def judge(truth: Array, raw: Array, weight: Array | None) -> float:
        with np.errstate(all="ignore"):
            return float(np.average(rows(*boosting.outer(truth, raw)), weights=weight))

    return judge


def _of_probabilities(loss: Loss, score: Any) -> Callable[[Array, Array], Array]:
    if score not in OF_PROBABILITIES:
        raise ParameterError(
            f"score={score!r} is not known for classes; there are {', '.join(OF_PROBABILITIES)}, or None"
        )
    chosen = OF_PROBABILITIES[score]
    _must_have_a_link(loss, score)
    return lambda y, z: chosen(y, columns_of(loss.mean(z)))


def _of_means(loss: Loss, score: Any) -> Callable[[Array, Array], Array]:
    chosen = make_loss(score)
    if chosen.lift.name != "residual":
        raise UnsupportedError(f"score={score!r} is no loss of y − prediction; use squared, absolute, Quantile(0.9), …")
    _must_have_a_link(loss, score)
    return lambda y, z: chosen.value(y, loss.mean(z))


def _must_have_a_link(loss: Loss, score: Any) -> None:
    try:
        loss.mean(np.zeros(1))
    except UnsupportedError as error:
        raise UnsupportedError(f"score={score!r} judges predictions, but {error}; use score=None") from None


def columns_of(mean: Array) -> Array:
    """Probabilities as columns: (n,) of the second class → (n, 2)."""
    return np.column_stack([1 - mean, mean]) if mean.ndim == 1 else mean
