"""The best constant prediction: argmin over z of Σ w ℓ(y, z), one number for most losses, one a class for softmax."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lossmith.errors import DataError, DomainError, ShapeError
from lossmith.startscalar import FARTHEST, best_scalar
from lossmith.total import check_weight

if TYPE_CHECKING:
    from lossmith.loss import Loss


def best_constant(loss: Loss, y: Any, weight: Any = None, classes: int | None = None, offset: Any = None) -> Any:
    """argmin over a constant z of Σ w ℓ(y, z): a float, or an array (K,) for softmax losses with K > 2 classes.

    Losses of several outputs get one number for each, (m,).

    y: (n,), weight: (n,) or None; offset: (n,) added to a z of one score, or None. A flat minimum (the median of an
    even sample) gives its midpoint. Raises DataError for an empty y, ShapeError for an offset that does not fit,
    DomainError where y is outside the loss's domain.
    """
    y = np.asarray(y)
    if y.size == 0:
        raise DataError("y is empty; a starting value needs at least one row")
    loss.check(y)
    w = check_weight(weight, len(y))
    one_score = loss.lift.multiclass and y.ndim == 1 and (classes or int(y.max()) + 1) <= 2
    if offset is not None and (loss.lift.joint or loss.lift.multiclass) and not one_score:
        raise DataError(f"{loss.name} has several raw outputs a row here; an offset is for losses of one")
    if loss.lift.joint and not one_score:
        from lossmith.startjoint import best_outputs

        return best_outputs(loss, y, w, classes)
    if loss.lift.multiclass and not one_score:
        return _class_scores(loss, y, w, classes)
    if y.ndim != 1:
        raise DataError(f"y has shape {y.shape}; a starting value needs (n,)")
    return best_scalar(loss, y.astype(np.float64), w, _checked(offset, len(y)))


def _checked(offset: Any, count: int) -> NDArray[np.float64] | None:
    if offset is None:
        return None
    values = np.asarray(offset, np.float64)
    if values.shape != (count,):
        raise ShapeError(f"offset has shape {values.shape}; it must be ({count},), one per row")
    return values


def _class_scores(loss: Loss, y: NDArray[Any], w: NDArray[Any], classes: int | None) -> NDArray[Any]:
    """K scores, summing to 0, that minimise the loss of a constant: from the log-priors, improved if need be."""
    share = _shares(y, w, classes)
    count = len(share)
    truth = np.eye(count)
    z = np.log(np.maximum(share, 1e-300))
    z = np.maximum(z, z.max() - FARTHEST)

    def slope(z: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(share @ loss.gradient(truth, np.tile(z, (count, 1))))

    if np.abs(slope(z)).max() > 1e-12:
        from scipy.optimize import minimize

        def height(z: NDArray[Any]) -> float:
            return float(share @ loss.value(truth, np.tile(z, (count, 1))))

        z = minimize(height, z, jac=slope, method="BFGS", options={"gtol": 1e-12}).x
    return np.asarray(z - z.mean())


def _shares(y: NDArray[Any], w: NDArray[Any], classes: int | None) -> NDArray[Any]:
    if y.ndim == 2:
        return np.asarray(w @ y / (w @ y).sum())
    count = classes or int(y.max()) + 1
    if y.max() >= count:
        raise DomainError(f"class index {int(y.max())} with classes={count}; indices go from 0 to {count - 1}")
    return np.asarray(np.bincount(y.astype(np.intp), w, count) / w.sum())
