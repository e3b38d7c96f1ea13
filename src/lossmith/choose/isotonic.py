"""Isotonic regression of any functional that has an identification function: a mean, a quantile, an expectile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Centre:
    """A functional of weighted values: `of(y, w)` is its value.

    `pull(c, y)` rises in c and has weighted mean 0 at the functional; where it jumps, `low` and `high` are its limits
    from the left and from the right.
    """

    of: Callable[[Array, Array], float]
    low: Callable[[float, Array], Array]
    high: Callable[[float, Array], Array]


def mean() -> Centre:
    """The weighted mean."""
    return Centre(lambda y, w: float(w @ y / w.sum()), lambda c, y: c - y, lambda c, y: c - y)


def quantile(tau: float) -> Centre:
    """The lower τ-quantile: the least value with at least the share τ of the weight at or below it."""
    return Centre(lambda y, w: _quantile(y, w, tau), lambda c, y: (y < c) - tau, lambda c, y: (y <= c) - tau)


def expectile(tau: float) -> Centre:
    """The τ-expectile, by reweighted means until the weights stay."""

    def pull(c: float, y: Array) -> Array:
        return np.where(y < c, 1.0 - tau, tau) * (c - y)

    return Centre(lambda y, w: _expectile(y, w, tau), pull, pull)


def huber(delta: float) -> Centre:
    """Huber's functional: where residuals, cut at ±δ, have mean 0; by bisection."""

    def pull(c: float, y: Array) -> Array:
        return np.clip(c - y, -delta, delta)

    return Centre(lambda y, w: _root(pull, y, w), pull, pull)


def increasing(x: Array, y: Array, w: Array) -> tuple[Array, Array]:
    """The order of x, and the isotonic regression of the mean of y on x in that order; equal x share one value."""
    from scipy.optimize import isotonic_regression

    order = np.argsort(x, kind="stable")
    group = _groups(x[order])
    mass = np.bincount(group, w[order])
    middle = np.bincount(group, w[order] * y[order]) / np.maximum(mass, 1e-300)
    found = isotonic_regression(middle, weights=np.maximum(mass, 1e-12)).x
    return order, np.asarray(found[group])


def increasing_in(centre: Centre, x: Array, y: Array, w: Array) -> tuple[Array, Array]:
    """The same for any functional, by dividing rows in two where both sides gain (Spouge, Wan & Wilbur 2003)."""
    order = np.argsort(x, kind="stable")
    group, y, w = _groups(x[order]), y[order].astype(float), w[order]
    last = np.flatnonzero(np.diff(group, append=group[-1] + 1))  # a cut may only lie behind the last of equal x
    fitted = np.empty(len(y))
    open_ = [(0, len(y))]
    while open_:
        a, b = open_.pop()
        value = centre.of(y[a:b], w[a:b])
        ends = last[np.searchsorted(last, a) : np.searchsorted(last, b - 1)] - a
        cut = _cut(centre, value, y[a:b], w[a:b], ends)
        if cut:
            open_ += [(a, a + cut), (a + cut, b)]
        else:
            fitted[a:b] = value
    return order, fitted


def _groups(x: Array) -> Array:
    """The number of the run of equal values that each entry belongs to."""
    return np.concatenate([[0], np.cumsum(np.diff(x) > 0)])


def _cut(centre: Centre, value: float, y: Array, w: Array, ends: Array) -> int:
    """Where to divide so that the left side wants less than `value`, or the right side more; 0 if neither does.

    Of several such places the last, so that lower quantiles, which are not the only ones, stay in order.
    """
    if not len(ends):
        return 0
    tiny = 1e-12 * float(w.sum()) * (float(np.abs(y).max()) + 1.0)
    left = np.cumsum(w * centre.low(value, y))[ends]
    if left.max() > tiny:
        return int(ends[np.flatnonzero(left >= left.max() - tiny)[-1]]) + 1
    pulls = w * centre.high(value, y)
    right = float(pulls.sum()) - np.cumsum(pulls)[ends]
    return int(ends[np.flatnonzero(right <= right.min() + tiny)[-1]]) + 1 if right.min() < -tiny else 0


def _quantile(y: Array, w: Array, tau: float) -> float:
    order = np.argsort(y, kind="stable")
    reached = np.cumsum(w[order])
    return float(y[order[min(int(np.searchsorted(reached, tau * reached[-1] * (1 - 1e-12))), len(y) - 1)]])


def _expectile(y: Array, w: Array, tau: float) -> float:
    c = float(w @ y / w.sum())
    for _ in range(100):
        share = w * np.where(y < c, 1.0 - tau, tau)
        new = float(share @ y / share.sum())
        if new == c:
            break
        c = new
    return c


def _root(pull: Callable[[float, Array], Array], y: Array, w: Array) -> float:
    low, high = float(y.min()), float(y.max())
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if w @ pull(middle, y) > 0 else (middle, high)
    return (low + high) / 2
