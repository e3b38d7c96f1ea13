"""The best constant outputs of a loss of several: Newton steps from the best of a few guesses at each output."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lossmith.lifts.normalised import inverse

if TYPE_CHECKING:
    from lossmith.loss import Loss

Array = NDArray[np.float64]
FARTHEST = 64.0
"""How far from the guesses an output may run: beyond, a boundary optimum (no zeros at all) is only a direction."""


def best_outputs(loss: Loss, y: Array, weight: Array, classes: int | None = None) -> Array:
    """argmin over z (m,) of Σ w ℓ(y, z); of equally good ones (a score beside thresholds) the shortest.

    y: (n,), (n, 2), or shares of K classes (n, K); weight: (n,). Of a loss with many local minima the best of those
    that the guesses lead to.
    """
    rows, where = np.unique(y.astype(np.float64), axis=0, return_inverse=True)
    mass = np.bincount(where.ravel(), weight, len(rows)) / weight.sum()
    rows, mass = rows[mass > 0], mass[mass > 0]
    starts = guesses(loss, rows, mass, classes)
    with np.errstate(all="ignore"):
        heights = np.array([_height(loss, rows, mass, z) for z in starts])
        order = np.argsort(np.where(np.isfinite(heights), heights, np.inf))[:3]
        found = [settled(loss, rows, mass, starts[i]) for i in order]
        best = min(found, key=lambda z: _height(loss, rows, mass, z))
        return _polished(loss, rows, mass, best, _height(loss, rows, mass, best))


def guesses(loss: Loss, rows: Array, mass: Array, classes: int | None) -> Array:
    """Where to begin, a row each."""
    if loss.lift.multiclass:
        count = classes or (rows.shape[1] if rows.ndim == 2 else int(rows.max()) + 1)
        share = mass @ rows if rows.ndim == 2 else np.bincount(rows.astype(np.intp), mass, count)
        share = np.maximum(share / max(float(share.sum()), 1e-300), 1e-6)
        logs = np.log(share)
        if loss.lift.name == "normalised":  # of a loss that has a link this is the optimum
            return inverse(loss.state, share)[None]
        return np.stack([logs - logs.mean(), logs])
    if loss.target.name == "classes":
        count = classes or int(rows.max()) + 1
        share = np.bincount(rows.astype(np.intp), mass, count)
        below = np.clip(np.cumsum(share)[:-1], 1e-6, 1 - 1e-6)
        logits = np.log(below) - np.log1p(-below) + 1e-6 * np.arange(count - 1)
        return np.append(0.0, logits)[None, :]
    seen = np.where(np.isfinite(rows), rows, np.nan).reshape(len(rows), -1)
    values = np.nanmean(seen, axis=1)
    centre, spread = float(mass @ values), float(np.sqrt(mass @ (values - mass @ values) ** 2))
    tiny = 1e-3 * abs(centre) + 1e-9
    each = sorted({0.0, centre, *(float(np.log(max(abs(v), tiny))) for v in (centre, spread))})
    return np.array(list(product(each, repeat=len(loss.lift.outputs))))


def settled(loss: Loss, rows: Array, mass: Array, z: Array, steps: int = 200) -> Array:
    """Newton's method with a shifted Hessian where it bends down, and a step that is halved until it helps."""
    low, high = z.min() - FARTHEST, z.max() + FARTHEST
    height = _height(loss, rows, mass, z)
    for _ in range(steps):
        found = loss.evaluate(rows, np.tile(z, (len(rows), 1)), ("gradient", "block"))
        slope, block = mass @ found.gradient, np.einsum("n,nab->ab", mass, found.block)
        if not (np.isfinite(slope).all() and np.isfinite(block).all()):
            break
        for step in (_newton(slope, block), -slope):
            following, lower = _shortened(loss, rows, mass, z, height, step, (low, high))
            if lower < height:
                break
        if not lower < height:
            break
        done = height - lower <= 1e-16 * abs(height)
        z, height = following, lower
        if done:
            break
    return z


def _newton(slope: Array, block: Array) -> Array:
    values, vectors = np.linalg.eigh(block)
    least = 1e-10 * max(float(np.abs(values).max()), 1e-280)
    step = np.where(np.abs(values) > least, (vectors.T @ slope) / np.maximum(np.abs(values), least), 0.0)
    return np.asarray(-vectors @ step)


def _shortened(
    loss: Loss, rows: Array, mass: Array, z: Array, height: float, step: Array, ends: tuple[float, float]
) -> tuple[Array, float]:
    rate = 1.0
    for _ in range(50):
        there = np.clip(z + rate * step, *ends)
        lower = _height(loss, rows, mass, there)
        if lower < height:
            return there, lower
        rate /= 2
    return z, height


def _polished(loss: Loss, rows: Array, mass: Array, z: Array, height: float) -> Array:
    """A kink stops Newton's method; random steps, longer after one that helps and shorter after one that does not."""
    from lossmith.knowledge import of_scores

    smooth = of_scores(loss).get("smooth") if loss.lift.multiclass else None
    if not any(e.word in KINKED for e in loss.tree.walk()) or (smooth and smooth.holds):
        return z
    rng = np.random.default_rng(0)
    for size in (1.0, 0.1, 1.0, 0.1):
        while size > 1e-8:
            there = z + size * rng.normal(size=len(z))
            lower = _height(loss, rows, mass, there)
            z, height, size = (there, lower, 1.6 * size) if lower < height else (z, height, 0.95 * size)
    return z


KINKED = frozenset({"abs", "max", "min", "sign"})


def _height(loss: Loss, rows: Array, mass: Array, z: Array) -> float:
    return float(mass @ loss.value(rows, np.tile(z, (len(rows), 1))))
