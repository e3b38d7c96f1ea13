"""Probabilities repaired in one line: Platt's sigmoid (a temperature for more classes), isotonic, Venn–Abers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.choose.isotonic import increasing
from lossmith.choose.vennabers import merged, venn_abers

Array = NDArray[Any]
TINY = 1e-12


def recalibrated(held: Array, y: Array, weight: Array | None, test: Array) -> tuple[Array, ...]:
    """Probabilities (m, K) for test rows, repaired by what rows held out from training (n, K) with classes y (n,) say.

    The first by a sigmoid of the log-odds, or for more than two classes a power of the probabilities (a temperature);
    the second by isotonic regression, the third by Venn–Abers predictors: those two for each class against the rest,
    and summing to 1 again.
    """
    w = np.ones(len(y)) if weight is None else weight
    smooth = _platt if held.shape[1] == 2 else _temperature
    return smooth(held, y, w, test), _isotonic(held, y, w, test), _venn_abers(held, y, w, test)


def _log_odds(p: Array) -> Array:
    q = np.clip(p[:, 1], TINY, 1 - TINY)
    return np.asarray(np.log(q) - np.log1p(-q))


def _platt(held: Array, y: Array, w: Array, test: Array) -> Array:
    """Newton's method on slope and shift, started at no change and held there by a trace of a penalty."""
    X = np.column_stack([_log_odds(held), np.ones(len(y))])
    at, start, share = np.array([1.0, 0.0]), np.array([1.0, 0.0]), w / w.sum()
    for _ in range(20):
        p = 1 / (1 + np.exp(-np.clip(X @ at, -50, 50)))
        gradient = X.T @ (share * (p - y)) + 1e-3 * (at - start)
        hessian = (X.T * (share * p * (1 - p))) @ X + 1e-3 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        at = at - step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-6:
            break
    p = 1 / (1 + np.exp(-np.clip(at[0] * _log_odds(test) + at[1], -50, 50)))
    return np.column_stack([1 - p, p])


def _temperature(held: Array, y: Array, w: Array, test: Array) -> Array:
    """The power of the probabilities that suits the rows held out best: Newton's method on it, between e⁻² and e²."""
    logs, share = np.log(np.maximum(held, TINY)), w / w.sum()
    true = float(share @ logs[np.arange(len(y)), y])
    power, low, high = 1.0, float(np.exp(-2.0)), float(np.exp(2.0))
    for _ in range(20):
        p = _powered(logs, power)
        mean = (p * logs).sum(axis=1)
        slope, bend = float(share @ mean) - true, float(share @ ((p * logs * logs).sum(axis=1) - mean * mean))
        low, high = (low, power) if slope > 0 else (power, high)  # the log score is convex in the power
        step = power - slope / max(bend, TINY)
        before, power = power, step if low < step < high else (low + high) / 2
        if abs(power - before) < 1e-6 * power:
            break
    return _powered(np.log(np.maximum(test, TINY)), power)


def _powered(logs: Array, power: float) -> Array:
    q = power * logs
    p = np.exp(q - q.max(axis=1, keepdims=True))
    return np.asarray(p / p.sum(axis=1, keepdims=True))


def _isotonic(held: Array, y: Array, w: Array, test: Array) -> Array:
    """Each class against the rest; half a row is added on either side, so that no probability is 0 or 1."""
    out = np.empty_like(test)
    least = 0.5 / (len(y) + 1)
    for k in range(held.shape[1]):
        order, fitted = increasing(held[:, k], (y == k).astype(float), w)
        out[:, k] = np.interp(test[:, k], held[order, k], fitted)
    out = np.clip(out, least, 1 - least)
    return np.asarray(out / out.sum(axis=1, keepdims=True))


def _venn_abers(held: Array, y: Array, w: Array, test: Array) -> Array:
    """Two classes need one predictor, more need one for each."""
    if held.shape[1] == 2:
        p = merged(*venn_abers(held[:, 1], (y == 1).astype(float), w, test[:, 1]))
        return np.column_stack([1 - p, p])
    columns = range(held.shape[1])
    out = np.column_stack([merged(*venn_abers(held[:, k], (y == k).astype(float), w, test[:, k])) for k in columns])
    return np.asarray(out / out.sum(axis=1, keepdims=True))
