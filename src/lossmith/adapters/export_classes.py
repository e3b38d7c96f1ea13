"""A loss of class probabilities in NumPy: any function of the log-probability of the true class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lossmith.lifts.probabilities import Array, counted

Function = Callable[..., Any]


class Classes:
    """K scores z (n, K) and class indices y (n,), or shares of the classes (n, K)."""

    residual = False
    scores = np.inf

    def __init__(self, value: Function, slope: Function, bend: Function, mean_slope: Function | None = None) -> None:
        self._value, self._slope, self._bend, self._mean_slope = value, slope, bend, mean_slope

    def _at(self, y: Any, z: Any) -> tuple[Array, Array, Array, list[Array]]:
        """Shares, p, 1 − p, and the log-probabilities of all classes beside their mean where it is needed."""
        y, z = np.asarray(y), np.asarray(z, float)
        if z.ndim != 2 or (y.shape != z.shape and y.shape != z.shape[:1]):
            raise ValueError(
                f"y has shape {y.shape} and z {z.shape}; z must be (n, K), y (n,) classes or (n, K) shares"
            )
        logp, p, rest = counted(z)
        shares = y.astype(float) if y.ndim == 2 else np.eye(z.shape[1])[y.astype(int)]
        mean = np.broadcast_to(logp.mean(axis=1, keepdims=True), logp.shape)
        return shares, p, rest, [logp, mean] if self._mean_slope else [logp]

    def _share(self, shares: Array, function: Function, at: list[Array]) -> Array:
        return np.where(shares == 0, 0.0, shares * function(*at))

    def value(self, y: Any, z: Any) -> Array:
        """The loss of each row."""
        with np.errstate(all="ignore"):
            shares, _, _, at = self._at(y, z)
            return np.asarray(self._share(shares, self._value, at).sum(axis=1))

    def gradient(self, y: Any, z: Any) -> Array:
        """Its derivative in each score, by ∂log p/∂z = e − p."""
        with np.errstate(all="ignore"):
            shares, p, rest, at = self._at(y, z)
            d1, dm = self._slopes(shares, at)
            return np.asarray(d1 * rest + dm / p.shape[1] - (d1.sum(axis=1, keepdims=True) - d1 + dm) * p)

    def _slopes(self, shares: Array, at: list[Array]) -> tuple[Array, Any]:
        d1 = self._share(shares, self._slope, at)
        dm = self._share(shares, self._mean_slope, at).sum(axis=1, keepdims=True) if self._mean_slope else 0.0
        return d1, dm

    def hessian(self, y: Any, z: Any) -> Array:
        """Its second derivative in each score: the diagonal of the Hessian."""
        with np.errstate(all="ignore"):
            shares, p, rest, at = self._at(y, z)
            d1, dm = self._slopes(shares, at)
            d2 = self._share(shares, self._bend, at)
            whole = d2.sum(axis=1, keepdims=True)
            return np.asarray(d2 * rest**2 + (whole - d2) * p**2 - (d1.sum(axis=1, keepdims=True) + dm) * p * rest)

    def curvature(self, y: Any, z: Any, rule: str, floor: float = 1e-6) -> Array:
        """A curvature by name: "exact" or "floor" (the diagonal), "gradient" (its absolute value, as |p − y|)."""
        found = np.abs(self.gradient(y, z)) if rule == "gradient" else self.hessian(y, z)
        return np.asarray(np.maximum(found, floor))

    def mean(self, z: Any) -> Array:
        """The class probabilities that these scores were trained for: η_k f′(log p_k) is proportional to p_k."""
        z = np.asarray(z, float)
        with np.errstate(all="ignore"):
            _, p, _, at = self._at(np.zeros(len(z)), z)
            slope = self._slope(*at)
            share = self._mean_slope(*at) / p.shape[1] if self._mean_slope else np.zeros_like(p)
            whole = (1 + (share / slope).sum(axis=1, keepdims=True)) / (p / slope).sum(axis=1, keepdims=True)
            eta = np.clip((p * whole - share) / slope, 0, 1)
            sure = np.isnan(eta).any(axis=1, keepdims=True)
            eta = np.where(sure, p == p.max(axis=1, keepdims=True), eta)
            return np.asarray(eta / eta.sum(axis=1, keepdims=True))

    def start(self, y: Any, weight: Any = None, classes: int | None = None) -> Array:
        """The constant scores with the least Σwℓ, by descent from the logarithms of the classes' shares."""
        y = np.asarray(y).astype(int)
        count = classes or int(y.max()) + 1
        mass = np.bincount(y, weight, count) / (len(y) if weight is None else np.sum(weight))
        rows = np.arange(count)
        z = np.log(np.maximum(mass, 1e-9))
        step = 1.0
        for _ in range(500):
            slope = mass @ self.gradient(rows, np.tile(z, (count, 1)))
            height = mass @ self.value(rows, np.tile(z, (count, 1)))
            while step > 1e-12 and mass @ self.value(rows, np.tile(z - step * slope, (count, 1))) > height:
                step /= 2
            z, step = z - step * slope, min(2 * step, 1e3)
        return np.asarray(z - z.mean())
