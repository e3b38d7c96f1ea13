"""A loss in NumPy, around its printed functions: value, gradient, Hessian, curvature and the best constant.

Everything below is also what `lossmith export` writes into files for NumPy, scikit-learn and the boosters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Function = Callable[..., Any]
FARTHEST = 64.0


class Point:
    """One raw prediction z a row, of the shape of y; z is on the scale on which a model is linear."""

    residual = False
    scores = 0.0

    def __init__(self, value: Function, slope: Function, bend: Function, majorant: Function | None = None) -> None:
        self._value, self._slope, self._bend, self._majorant = value, slope, bend, majorant

    def _ask(self, function: Function, y: Any, z: Any) -> Array:
        y, z = np.asarray(y, float), np.asarray(z, float)
        if y.shape != z.shape:
            raise ValueError(f"y has shape {y.shape} and z has shape {z.shape}; they must be the same")
        with np.errstate(all="ignore"):
            return np.asarray(function(y, z))

    def value(self, y: Any, z: Any) -> Array:
        """The loss of each row."""
        return self._ask(self._value, y, z)

    def gradient(self, y: Any, z: Any) -> Array:
        """Its derivative in z."""
        return self._ask(self._slope, y, z)

    def hessian(self, y: Any, z: Any) -> Array:
        """Its second derivative in z, almost everywhere."""
        return self._ask(self._bend, y, z)

    def curvature(self, y: Any, z: Any, rule: str, floor: float = 1e-6) -> Array:
        """A curvature by name: "exact", "majorant", "gradient" (its absolute value) or "floor"; at least `floor`."""
        table = {"exact": self._bend, "floor": self._bend, "gradient": self._slope, "majorant": self._majorant}
        asked = table[rule]
        if asked is None:
            raise ValueError("this loss has no majorant")
        found = self._ask(asked, y, z)
        return np.asarray(np.maximum(np.abs(found) if rule == "gradient" else found, floor))

    def start(self, y: Any, weight: Any = None) -> float:
        """The constant z with the least Σwℓ: the lowest of a grid, then bisection of the slope around it."""
        y, w = summary(y, weight)
        grid = self.grid(y)
        heights = [float(w @ self.value(y, np.full(len(y), z))) for z in grid]
        best = int(np.argmin(heights))
        ends = float(grid[max(0, best - 1)]), float(grid[min(len(grid) - 1, best + 1)])
        low, high = (self._crossing(y, w, *ends, strict) for strict in (False, True))
        middle = low + (high - low) / 2
        return min((middle, float(grid[best])), key=lambda z: float(w @ self.value(y, np.full(len(y), z))))

    def grid(self, y: Array) -> Array:
        """Where the best constant is looked for first."""
        if self.residual:
            return np.unique(np.concatenate([np.quantile(y, np.linspace(0, 1, 65)), np.linspace(y.min(), y.max(), 65)]))
        return np.concatenate([[-FARTHEST, -32.0], np.linspace(-16, 16, 129), [32.0, FARTHEST]])

    def _crossing(self, y: Array, w: Array, low: float, high: float, strict: bool) -> float:
        for _ in range(100):
            middle = low + (high - low) / 2
            slope = float(w @ self.gradient(y, np.full(len(y), middle)))
            over = slope > 1e-15 if strict else slope >= -1e-15
            low, high = (low, middle) if over else (middle, high)
        return high


class Residual(Point):
    """A loss of r = y − z alone."""

    residual = True

    def __init__(self, value: Function, slope: Function, bend: Function, majorant: Function | None = None) -> None:
        super().__init__(lambda y, z: value(y - z), lambda y, z: -slope(y - z), lambda y, z: bend(y - z), majorant)


def summary(y: Any, weight: Any, most: int = 10_000) -> tuple[Array, Array]:
    """Distinct values of y with weights that sum to 1; of very many, as many quantiles."""
    y = np.asarray(y, float)
    w = np.ones(len(y)) if weight is None else np.asarray(weight, float)
    if not len(y) or not np.isfinite(y).all():
        raise ValueError("y must have at least one row, and finite numbers only")
    if w.shape != y.shape or not (w >= 0).all() or not w.sum() > 0:
        raise ValueError("weights must be numbers >= 0, one for each row, and not all of them 0")
    values, where = np.unique(y, return_inverse=True)
    mass = np.bincount(where, w) / w.sum()
    if len(values) <= most:
        return values[mass > 0], mass[mass > 0]
    at = np.searchsorted(np.cumsum(mass), (np.arange(most) + 0.5) / most)
    return values[np.minimum(at, len(values) - 1)], np.full(most, 1 / most)
