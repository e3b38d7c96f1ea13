"""Rows that the tests of the models share, and how far two fits are apart."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def numbers(n: int = 300, p: int = 4, seed: int = 0) -> tuple[Array, Array]:
    """Rows with columns of different units, and a target with heavy tails and an intercept."""
    draw = np.random.default_rng(seed)
    X = draw.normal(size=(n, p)) * 10.0 ** np.arange(-1, p - 1) * 0.5 + np.arange(p)
    y = 3 + X @ (draw.normal(size=p) / 10.0 ** np.arange(-1, p - 1)) + 0.5 * draw.standard_t(2, size=n)
    return X, y


def counts(n: int = 300, seed: int = 0) -> tuple[Array, Array]:
    draw = np.random.default_rng(seed)
    X = draw.normal(size=(n, 3))
    return X, draw.poisson(np.exp(0.3 + X @ [0.5, -0.3, 0.1])).astype(float)


def labelled(n: int = 300, classes: int = 2, seed: int = 0) -> tuple[Array, Array]:
    draw = np.random.default_rng(seed)
    X = draw.normal(size=(n, 3))
    z = X @ draw.normal(size=(3, classes)) + [0.3 * k for k in range(classes)] + draw.gumbel(size=(n, classes))
    return X, z.argmax(axis=1)


WEIGHT = np.random.default_rng(9).integers(0, 4, size=300).astype(float)


def apart(a: Any, b: Any) -> float:
    """The largest difference relative to the size of the whole."""
    a, b = np.ravel(a), np.ravel(b)
    assert a.shape == b.shape
    return float(np.abs(a - b).max() / np.abs(b).max())
