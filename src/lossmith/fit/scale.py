"""The unit in which a robust loss measures residuals: a number, the MAD of a robust start, or fitted jointly."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.domain import Interval, Param
from lossmith.errors import ParameterError, UnsupportedError
from lossmith.selection import median, weighted_quantile

Array = NDArray[np.float64]
NORMAL = 1.482602218505602
"""MAD to standard deviation for a normal sample."""
NUMBER = Param(1.0, Interval(0.0, open_low=True), 'the unit of residuals; or "mad", or "concomitant"')
WORDS = ("mad", "concomitant")


def check_scale(scale: Any, loss: Any) -> float | str:
    """A number > 0, "mad" or "concomitant"; anything but 1 needs a residual loss."""
    word = scale if isinstance(scale, str) else None
    if word is not None and word not in WORDS:
        raise ParameterError(f"scale={scale!r} is not known; it may be a number > 0, {' or '.join(map(repr, WORDS))}")
    checked: float | str = word if word is not None else NUMBER.check(scale, "fit", "scale")
    if checked != 1.0 and loss.lift.name != "residual":
        raise UnsupportedError(f"{loss.name} has no scale: scale={scale!r} needs a loss of the residual; use scale=1")
    return checked


def weighted_median(values: Array, weight: Array | None) -> float:
    """The middle of a sample by weight; the midpoint where two values share it."""
    if weight is None:
        return median(values)
    return weighted_quantile(values, weight, 0.5)


def mad(residuals: Array, weight: Array | None = None) -> float:
    """1.4826 × the median absolute deviation from the median; the mean one where that is 0, 1 where all are equal."""
    deviation = np.abs(residuals - weighted_median(residuals, weight))
    spread = NORMAL * weighted_median(deviation, weight)
    size = float(deviation.max(initial=0.0))
    if spread > 1e-9 * size:
        return spread
    return 1.2533141373155 * float(np.average(deviation, weights=weight)) if size > 0.0 else 1.0
