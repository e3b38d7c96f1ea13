"""Where a fit begins: a good constant prediction, cheaply found; the optimum does not depend on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.fit.design import Array
from lossmith.fit.sampled import sampled
from lossmith.fit.scale import weighted_median

LONG = 4096
"""Rows beyond which the best constant is found on a sample."""


def constant(loss: Any, y: NDArray[Any], weight: Array | None, outputs: int) -> Any:
    """A good constant prediction to start from, cheaply: the median, the log-odds, or the loss's own best constant."""
    if len(y) > LONG:
        index = sampled(len(y), LONG, 1)
        y, weight = y[index], None if weight is None else weight[index] + 1e-12 * weight.max()
    best = STARTS.get(loss.lift.name, _best)(loss, y, weight, outputs)
    return np.where(np.isfinite(best), best, 0.0)


def _best(loss: Any, y: NDArray[Any], weight: Array | None, outputs: int) -> Any:
    return loss.start(y, weight) if outputs == 1 else loss.start(y, weight, classes=outputs)


def _linked(loss: Any, y: NDArray[Any], weight: Array | None, outputs: int) -> Any:
    """Where the mean of a constant is that of y, to six decimals: for a likelihood that is its best constant."""
    if outputs > 1 or loss.averages != "y" or loss.derived.mean is None:
        return _best(loss, y, weight, outputs)
    wanted = y.mean() if weight is None else np.average(y, weights=weight)
    low, high = -FAR, FAR
    for _ in range(3):
        grid = low + (high - low) * GRID
        with np.errstate(all="ignore"):
            reached = loss.mean(grid)
        k = int(np.searchsorted(reached, wanted))
        if not 0 < k < len(grid):
            return _best(loss, y, weight, outputs)
        low, high = grid[k - 1 : k + 1].tolist()
    return np.interp(wanted, reached[k - 1 : k + 1], (low, high))


def _log_odds(loss: Any, y: NDArray[Any], weight: Array | None, outputs: int) -> Any:
    if y.ndim == 2:
        share = np.average(y, axis=0, weights=weight)
        return np.log(np.maximum(share / max(float(share.sum()), 1e-300), 1e-3))
    if outputs > 1:
        share = np.bincount(y.astype(np.intp), weight, outputs)
        return np.log(np.maximum(share / share.sum(), 1e-3))
    ones = (y > 0).mean() if weight is None else np.average(y > 0, weights=weight)
    positive = min(max(float(ones), 1e-3), 1.0 - 1e-3)
    return np.log(positive) - np.log1p(-positive)


FAR = 60.0
"""How far from 0 a link is looked at."""
GRID = np.linspace(0.0, 1.0, 129)
STARTS: Mapping[str, Callable[[Any, NDArray[Any], Array | None, int], Any]] = {
    "residual": lambda loss, y, weight, outputs: weighted_median(y, weight),
    "margin": _log_odds,
    "score": _linked,
    **dict.fromkeys(("softmax", "normalised", "adjusted", "costs"), _log_odds),
}
"""Where to start for each lift, without a search."""
