"""The best constant prediction: argmin over z of Σ w ℓ(y, z), found as a 1-D problem over the distinct values of y."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lossmith.errors import DataError, DomainError
from lossmith.total import check_weight

if TYPE_CHECKING:
    from lossmith.loss import Loss

FARTHEST = 64.0
"""Scores of links are kept within ±64: beyond e⁶⁴ odds a boundary optimum (all labels equal) is only a direction."""

VALLEYS = 12
"""How many of the lowest points of the grid are followed down where the loss is not convex."""

Sample = tuple[NDArray[Any], NDArray[Any]]
"""Distinct values of y, ascending, and the weight of each (summing to 1)."""


def best_constant(loss: Loss, y: Any, weight: Any = None, classes: int | None = None) -> Any:
    """argmin over a constant z of Σ w ℓ(y, z): a float, or an array (K,) for softmax losses with K > 2 classes.

    Losses of several outputs get one number for each, (m,).

    y: (n,), weight: (n,) or None. A flat minimum (the median of an even sample) gives its midpoint. Raises DataError
    for an empty y, DomainError where y is outside the loss's domain.
    """
    y = np.asarray(y)
    if y.size == 0:
        raise DataError("y is empty; a starting value needs at least one row")
    loss.check(y)
    w = check_weight(weight, len(y))
    one_score = loss.lift.multiclass and y.ndim == 1 and (classes or int(y.max()) + 1) <= 2
    if loss.lift.joint and not one_score:
        from lossmith.startjoint import best_outputs

        return best_outputs(loss, y, w, classes)
    if loss.lift.multiclass and not one_score:
        return _class_scores(loss, y, w, classes)
    if y.ndim != 1:
        raise DataError(f"y has shape {y.shape}; a starting value needs (n,)")
    values, where = np.unique(y.astype(np.float64), return_inverse=True)
    mass = np.bincount(where, w, len(values))
    sample = values[mass > 0], mass[mass > 0] / w.sum()
    return _scalar(loss, sample)


def _slope(loss: Loss, sample: Sample, z: float) -> float:
    y, w = sample
    with np.errstate(all="ignore"):
        return float(w @ loss.gradient(y, np.full(len(y), z)))


def _height(loss: Loss, sample: Sample, z: float) -> float:
    y, w = sample
    with np.errstate(all="ignore"):
        return float(w @ loss.value(y, np.full(len(y), z)))


def _scalar(loss: Loss, sample: Sample) -> float:
    low, high = _bracket(loss, sample)
    if loss.facts()["convex"].holds:
        return _root(loss, sample, low, high)
    grid = np.unique(np.concatenate([_guesses(loss, sample), np.linspace(low, high, 65)]))
    for _ in range(2):
        lowest = _lowest(loss, sample, grid)
        grid = np.unique(np.concatenate([np.linspace(*_beside(grid, i), 33) for i in lowest]))
    found = [z for i in _lowest(loss, sample, grid) for z in _valley(loss, sample, grid, i)]
    return min(found, key=lambda z: _height(loss, sample, z))


def _lowest(loss: Loss, sample: Sample, grid: NDArray[Any]) -> list[int]:
    heights = np.array([_height(loss, sample, z) for z in grid])
    return [int(i) for i in np.argsort(heights)[:VALLEYS]]


def _beside(grid: NDArray[Any], i: int) -> tuple[float, float]:
    return float(grid[max(0, i - 1)]), float(grid[min(len(grid) - 1, i + 1)])


def _valley(loss: Loss, sample: Sample, grid: NDArray[Any], i: int) -> tuple[float, ...]:
    """A point of the grid, and the stationary points on either side of it."""
    left, right = _beside(grid, i)
    return float(grid[i]), _root(loss, sample, left, grid[i]), _root(loss, sample, grid[i], right)


def _guesses(loss: Loss, sample: Sample) -> NDArray[Any]:
    """For residual losses the quantiles of y, where the modes of a non-convex sum lie."""
    y, w = sample
    if loss.lift.name != "residual":
        return np.zeros(1)
    at = np.searchsorted(np.cumsum(w), np.linspace(0, 1, 129)[1:-1])
    return np.asarray(y[np.minimum(at, len(y) - 1)])


def _bracket(loss: Loss, sample: Sample) -> tuple[float, float]:
    """An interval whose left end slopes down and whose right end slopes up, or the farthest that is looked at."""
    y = sample[0]
    raw = loss.lift.name == "residual"
    low, high = (float(y[0]), float(y[-1])) if raw else (-1.0, 1.0)
    reach = max(high - low, 1e-3 * max(abs(low), abs(high)), 1e-300)
    most = 2.0**40 * reach if raw else FARTHEST
    step = reach
    while _slope(loss, sample, low) > 0 and step < most:
        low, step = low - step, 2 * step
    step = reach
    while _slope(loss, sample, high) < 0 and step < most:
        high, step = high + step, 2 * step
    return max(low, -FARTHEST) if not raw else low, min(high, FARTHEST) if not raw else high


def _root(loss: Loss, sample: Sample, low: float, high: float) -> float:
    """Where the slope of the sum changes sign: the midpoint if it is zero on an interval."""
    left = _edge(loss, sample, low, high, strict=False)
    right = _edge(loss, sample, left, high, strict=True)
    return _snapped(sample[0], left, loss) if right - left <= _ulps(left) else _middle(sample[0], left, right, loss)


def _edge(loss: Loss, sample: Sample, low: float, high: float, *, strict: bool) -> float:
    """The smallest z with slope ≥ 0 (or, strict, > 0), by bisection to the last digits."""
    y, w = sample
    noise = 4e-16 * float(w @ np.abs(loss.gradient(y, np.full(len(y), low)))) if strict else 0.0
    for _ in range(200):
        middle = low + (high - low) / 2
        if high - low <= _ulps(middle) / 4 or middle in (low, high):
            break
        slope = _slope(loss, sample, middle)
        over = slope > noise if strict else slope >= -_tiny(sample)
        low, high = (low, middle) if over else (middle, high)
    return high


def _tiny(sample: Sample) -> float:
    return 2e-16 * min(1.0, 64 / len(sample[0]))


def _ulps(z: float) -> float:
    return 8 * float(np.spacing(abs(z)))


def _snapped(y: NDArray[Any], z: float, loss: Loss) -> float:
    """z, or the value of y that it was bisected towards."""
    nearest = float(y[np.argmin(np.abs(y - z))])
    return nearest if loss.lift.name == "residual" and abs(nearest - z) <= _ulps(z) else z


def _middle(y: NDArray[Any], left: float, right: float, loss: Loss) -> float:
    a, b = _snapped(y, left, loss), _snapped(y, right, loss)
    return a + (b - a) / 2


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
