"""Weighted sums that add: the only contract between losses and data.

A `Total` carries the weight it was summed over, so that parts from blocks, files or machines add up to the whole and
the mean is taken once, at the end: Σwℓ / Σw.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.errors import DataError


@dataclass(frozen=True, slots=True)
class Total:
    """Σwℓ with Σw, and, where they were asked for, the summed gradient and Hessian over the same rows."""

    value: float
    weight: float
    gradient: NDArray[Any] | None = None
    hessian: NDArray[Any] | None = None

    def __add__(self, other: Total) -> Total:
        return Total(
            self.value + other.value,
            self.weight + other.weight,
            _plus(self.gradient, other.gradient),
            _plus(self.hessian, other.hessian),
        )

    def mean(self) -> Total:
        """The same per unit of weight: value Σwℓ/Σw, weight 1."""
        if not self.weight > 0:
            raise DataError(f"the weights sum to {self.weight:g}; a mean needs a positive sum")
        w = self.weight
        return Total(self.value / w, 1.0, _over(self.gradient, w), _over(self.hessian, w))


def _plus(a: NDArray[Any] | None, b: NDArray[Any] | None) -> NDArray[Any] | None:
    if a is None or b is None:
        return None
    return np.asarray(a + b)


def _over(a: NDArray[Any] | None, w: float) -> NDArray[Any] | None:
    return None if a is None else np.asarray(a / w)


def check_weight(weight: Any, count: int) -> NDArray[np.float64]:
    """Weights as (count,) finite nonnegative float64 with a positive sum; ones for None. DataError names the row."""
    if weight is None:
        return np.ones(count)
    w = np.asarray(weight, np.float64)
    if w.shape != (count,):
        raise DataError(f"weight has shape {w.shape}; it must be ({count},), one per row")
    bad = np.flatnonzero(~(np.isfinite(w) & (w >= 0)))
    if len(bad):
        raise DataError(f"weights must be finite and >= 0; row {bad[0]} has {w[bad[0]]:g} ({len(bad)} such rows)")
    if not w.sum() > 0:
        raise DataError("the weights sum to 0; at least one row needs a positive weight")
    return w
