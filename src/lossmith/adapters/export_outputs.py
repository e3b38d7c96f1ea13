"""Losses of several raw outputs a row in NumPy: distributions, intervals, pairs, ordered classes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Function = Callable[..., Any]
Columns = tuple[Array, ...]


class Outputs:
    """z (n, m): a column for each raw output; y (n,)."""

    def __init__(self, value: Function, slope: Function, bend: Function, outputs: tuple[str, ...] = ()) -> None:
        self._value, self._slope, self._bend, self.outputs = value, slope, bend, outputs

    def read(self, y: Array) -> Columns:
        """The columns of truth that the formula speaks of."""
        return (y,)

    def columns(self, y: Any, z: Any) -> Columns:
        """All arguments of the functions."""
        y, z = np.asarray(y, float), np.asarray(z, float)
        if z.ndim != 2 or z.shape[1] != len(self.outputs) or len(y) != len(z):
            raise ValueError(
                f"y has shape {y.shape} and z {z.shape}; z must be (n, {len(self.outputs)}): {self.outputs}"
            )
        return (*self.read(y), *z.T)

    def value(self, y: Any, z: Any) -> Array:
        """The loss of each row."""
        with np.errstate(all="ignore"):
            return np.asarray(self._value(*self.columns(y, z)))

    def gradient(self, y: Any, z: Any) -> Array:
        """Its derivatives, (n, m)."""
        with np.errstate(all="ignore"):
            return np.stack(self._slope(*self.columns(y, z)), axis=1)

    def hessian(self, y: Any, z: Any) -> Array:
        """Its second derivatives, (n, m, m)."""
        with np.errstate(all="ignore"):
            found = self._bend(*self.columns(y, z))
        m = len(self.outputs)
        full = np.zeros((len(found[0]), m, m))
        for (a, b), values in zip(combinations_with_replacement(range(m), 2), found, strict=True):
            full[:, a, b] = full[:, b, a] = values
        return full


class Pair(Outputs):
    """Two scores; y is 1 where the first is preferred, else 0 or −1."""

    def read(self, y: Array) -> Columns:
        return (np.where(y > 0, 1.0, -1.0),)


class Interval(Outputs):
    """y (n, 2) is (low, high), with ±inf for an end that nobody saw; equal ends are an exact value."""

    def read(self, y: Array) -> Columns:
        low, high = y.T
        left, right = np.isneginf(low), np.isposinf(high)
        kind = np.where(left, 1.0, np.where(right, 2.0, np.where(low == high, 0.0, 3.0)))
        return kind, np.where(left, high, low), np.where(right, low, high)


class Ordinal(Outputs):
    """z (n, K): a score, then K − 1 rising thresholds; y (n,) the class, which lies between two of them."""

    def columns(self, y: Any, z: Any) -> Columns:
        z, last = np.asarray(z, float), np.asarray(z).shape[1] - 1
        low, high = np.take_along_axis(z, self.places(y, z)[:, 1:], axis=1).T
        at = np.asarray(y)
        return np.where(at == 0, 1.0, np.where(at == last, 2.0, 3.0)), z[:, 0], low, high

    def places(self, y: Any, z: Any) -> Array:
        """The columns of z that a row looks at."""
        at, last = np.asarray(y).astype(int), np.asarray(z).shape[1] - 1
        return np.column_stack([0 * at, np.maximum(at, 1), np.minimum(at + 1, last)])

    def value(self, y: Any, z: Any) -> Array:
        rising = (np.diff(np.asarray(z, float)[:, 1:], axis=1) > 0).all(axis=1)
        return np.where(rising, super().value(y, z), np.inf)

    def gradient(self, y: Any, z: Any) -> Array:
        full = np.zeros(np.shape(z))
        parts, at, row = super().gradient(y, z), self.places(y, z), np.arange(len(full))
        for k in range(3):
            full[row, at[:, k]] += parts[:, k]
        return full

    def hessian(self, y: Any, z: Any) -> Array:
        n, m = np.shape(z)
        full = np.zeros((n, m, m))
        parts, at, row = super().hessian(np.asarray(y), z), self.places(y, z), np.arange(n)
        for a in range(3):
            for b in range(3):
                full[row, at[:, a], at[:, b]] += parts[:, a, b]
        return full


class Thresholds:
    """The sum of a margin loss over all thresholds: z (n, K) is a score, then K − 1 thresholds; y (n,) the class."""

    def __init__(self, value: Function, slope: Function, bend: Function, outputs: tuple[str, ...] = ()) -> None:
        self._value, self._slope, self._bend = value, slope, bend

    def _margins(self, y: Any, z: Any) -> tuple[Array, Array]:
        z = np.asarray(z, float)
        side = np.where(np.asarray(y)[:, None] > np.arange(z.shape[1] - 1), 1.0, -1.0)
        return side, side * (z[:, :1] - z[:, 1:])

    def value(self, y: Any, z: Any) -> Array:
        """The loss of each row."""
        with np.errstate(all="ignore"):
            return np.asarray(self._value(self._margins(y, z)[1]).sum(axis=1))

    def gradient(self, y: Any, z: Any) -> Array:
        """Its derivatives, (n, K)."""
        side, m = self._margins(y, z)
        d1 = side * self._slope(m)
        return np.column_stack([d1.sum(axis=1), -d1])

    def hessian(self, y: Any, z: Any) -> Array:
        """Its second derivatives, (n, K, K)."""
        d2 = self._bend(self._margins(y, z)[1])
        n, k = d2.shape
        full = np.zeros((n, k + 1, k + 1))
        full[:, 0, 0] = d2.sum(axis=1)
        full[:, 0, 1:] = full[:, 1:, 0] = -d2
        full[:, np.arange(1, k + 1), np.arange(1, k + 1)] = d2
        return full
