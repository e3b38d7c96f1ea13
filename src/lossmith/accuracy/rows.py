"""Rows of several raw outputs at which kernels are measured: scores of classes, and outputs of distributions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.accuracy.points import EDGES, RANGES, exponents, line, truths
from lossmith.accuracy.scores import ROWS, SHARED
from lossmith.loss import Loss

Array = NDArray[Any]
Points = tuple[Array, Array]
"""Truths as `Loss.evaluate` takes them, and raw outputs (n, m)."""


def _bounded(rng: np.random.Generator, n: int, m: int) -> Array:
    """Rows that are wholly within one range."""
    return np.asarray(rng.uniform(-1, 1, (n, m)) * rng.choice(RANGES, n)[:, None])


def _wide(rng: np.random.Generator, n: int, m: int) -> Array:
    """Rows over all exponents, and rows of edges: zeros of both signs, the least, the largest."""
    kind = np.float32 if rng.random() < 0.5 else np.float64
    wide = exponents(rng, n * m, kind).reshape(n, m)
    edges = rng.choice(EDGES, (n, m)) * rng.choice([-1.0, 1.0], (n, m))
    return np.asarray(np.where(rng.random(n)[:, None] < 0.3, edges, wide))


def _shifted(rng: np.random.Generator, n: int, m: int) -> Array:
    """Rows far from 0 whose scores are near each other, some of them equal, some but an ulp apart."""
    base = rng.choice([-1.0, 1.0], n) * np.exp2(rng.uniform(-4, 40, n))
    near = base[:, None] + np.exp2(rng.uniform(-40, 5, (n, m))) * rng.choice([-1.0, 0.0, 1.0], (n, m))
    ties = np.where(rng.random((n, m)) < 0.3, near[:, :1], near)
    return np.asarray(np.where(rng.random((n, m)) < 0.1, np.nextafter(ties, np.inf), ties))


def _led(rng: np.random.Generator, n: int, m: int) -> Array:
    """Rows in which one score is far ahead: probabilities that are all but 0 and 1."""
    z = _bounded(rng, n, m)
    z[np.arange(n), rng.integers(0, m, n)] += rng.uniform(0, 800, n)
    return z


def scores(rng: np.random.Generator, n: int, m: int) -> Array:
    """About n rows of m scores, half of them exact in float32."""
    parts = [_bounded(rng, n // 3, m), _led(rng, n // 6, m), _shifted(rng, n // 4, m), _wide(rng, n // 4, m)]
    z = rng.permutation(np.concatenate(parts))
    with np.errstate(all="ignore"):
        single = z.astype(np.float32).astype(np.float64)
    half = (np.arange(len(z)) % 2 == 0)[:, None] & np.isfinite(single)
    return np.where(half, single, z)


def shares(rng: np.random.Generator, n: int, m: int) -> Array:
    """Shares of classes that are exact in float32, 0 among them, and sum to 1 exactly."""
    cuts = np.sort(rng.integers(0, 257, (n, m - 1)), axis=1)
    ends = np.column_stack([np.zeros(n, int), cuts, np.full(n, 256)])
    return np.asarray(np.diff(ends, axis=1) / 256.0)


def _classes(loss: Loss, rng: np.random.Generator, n: int, m: int) -> Points:
    """Scores with the class of each row, or for a third of the lifts' rows its shares."""
    z = scores(rng, n, m)
    if loss.lift.name == "all_threshold":
        z[:, 1:] = np.sort(z[:, 1:], axis=1)
    y = np.arange(len(z)) % m
    if loss.lift.name not in SHARED:
        return y.astype(float), z
    mixed, share = rng.random(len(z)) < 0.35, shares(rng, len(z), m)
    met = mixed & (rng.random(len(z)) < 0.2) & (share > 0).all(axis=1)
    z[met] = np.log(share[met]).astype(np.float32)  # probabilities that are all but the shares
    return np.where(mixed[:, None], share, np.eye(m)[y]), z


LOGS = 300.0
"""How large a raw output may be that is a logarithm: beyond, what it stands for, or its square, is no float."""


def _outputs(loss: Loss, rng: np.random.Generator, n: int) -> Array:
    """Outputs of a distribution: together within one range, or each from all of the line; logarithms up to LOGS."""
    names = loss.lift.outputs
    alone = np.column_stack([rng.permutation(line(rng, 10 * (n // 20), np.float64)) for _ in names])
    z = np.concatenate([_bounded(rng, n - len(alone), len(names)), alone])
    for k in (k for k, name in enumerate(names) if name.startswith("log_")):
        z[:, k] = np.where(np.abs(z[:, k]) > LOGS, rng.uniform(-LOGS, LOGS, len(z)), z[:, k])
    with np.errstate(all="ignore"):
        single = z.astype(np.float32).astype(np.float64)
    return np.where((np.arange(len(z)) % 2 == 0)[:, None] & np.isfinite(single), single, z)


MANY = 2.0**20
"""Below it truths of a count are whole numbers; of a part of one, 0.3 say, gamma functions are subtracted."""


def _several(loss: Loss, rng: np.random.Generator, n: int, m: int) -> Points:
    """Truths of the loss's own domain; for a third of the rows the first output is all but the truth."""
    z = _outputs(loss, rng, n)
    y = truths(loss, rng, len(z))
    if "negbin" in {e.word for e in loss.tree.walk()}:
        y = np.where(y < MANY, np.round(y), y)
    near = y * (1 + rng.choice([-1.0, 0.0, 1.0], len(z)) * np.exp2(rng.uniform(-30, 0, len(z))))
    place = near if loss.target.interval.low < 0 else np.log(np.maximum(near, 1e-300))
    z[::3, 0] = place[::3].astype(np.float32)
    return y, z


def _pairs(loss: Loss, rng: np.random.Generator, n: int, m: int) -> Points:
    z = scores(rng, n, m)
    return np.arange(len(z)) % 2 * 1.0, z


def _intervals(loss: Loss, rng: np.random.Generator, n: int, m: int) -> Points:
    """Exact values, open ends on either side, and intervals from narrow to wide."""
    z = _outputs(loss, rng, n)
    low = rng.permutation(_outputs(loss, rng, n)[:, 0])
    low[::3] = (z[:, 0] + np.exp(np.clip(z[:, 1], -300, 300)) * rng.normal(size=len(z)))[::3]
    high = low + np.abs(np.spacing(low)) * np.exp2(rng.uniform(0, 60, len(z)))
    turn = np.arange(len(z)) % 4
    y = np.column_stack([np.where(turn == 1, -np.inf, low), np.where(turn == 2, np.inf, np.where(turn, high, low))])
    with np.errstate(all="ignore"):
        single = y.astype(np.float32).astype(np.float64)
    whole = np.isfinite(single) == np.isfinite(y)
    y = np.where((np.arange(len(z)) % 2 == 0)[:, None] & whole.all(axis=1)[:, None], single, y)
    y[(turn == 3) & ~(y[:, 0] < y[:, 1]), 1] = np.inf
    return y, z


def _ordered(loss: Loss, rng: np.random.Generator, n: int, m: int) -> Points:
    """A score and thresholds that ascend."""
    z = scores(rng, n, m)
    z[:, 1:] = np.sort(z[:, 1:], axis=1)
    z = z[(np.diff(z[:, 1:], axis=1) > 0).all(axis=1)]
    return np.arange(len(z)) % m * 1.0, z


POINTS: Mapping[str, Callable[[Loss, np.random.Generator, int, int], Points]] = {
    **dict.fromkeys(ROWS, _classes),
    "pairwise": _pairs,
    "censored": _intervals,
    "ordinal": _ordered,
}
"""By lift; a lift of named outputs is `several(…)`."""


def rows(loss: Loss, n: int, m: int, seed: int = 0) -> Points:
    """About n rows of m outputs; all that is finite."""
    y, z = POINTS.get(loss.lift.name, _several)(loss, np.random.default_rng(seed), n, m)
    kept = np.isfinite(z).all(axis=1)
    return y[kept], z[kept]
