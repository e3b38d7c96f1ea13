"""Slopes for K raw scores a row: the chain rule through the softmax, with a diagonal that trees may divide by.

The Hessian of h(log p_y) is h″·aaᵀ − h′·(diag p − ppᵀ) with a = e_y − p. Trees fit each score by itself and need one
number for each: its diagonal ("exact") is too small where scores move together; the sums of |row| ("gershgorin":
|h″||a_k|·2(1 − p_y) + |h′|·2p_k(1 − p_k), for cross-entropy 2p(1 − p)) lie above the whole block.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.lifts.softmax import log_softmax, slot_values
from lossmith.loss import Loss
from lossmith.models.boosted_rule import LEAST, Rule

Array = NDArray[Any]
CHUNK = 1 << 13
"""Rows at a time: their K scores stay in the cache."""


def curves(
    loss: Loss, rule: Rule, y: Array, raw: Array, weight: Array | None, start: Array, out: tuple[Array, Array]
) -> None:
    """Fill gradient and curvature (n, K) at the scores start + raw (n, K); y (n,) holds class indices."""
    for a in range(0, len(raw), CHUNK):
        part = slice(a, a + CHUNK)
        piece = piece_of(loss, y[part], raw[part].astype(np.float64) + start)
        w = 1.0 if weight is None else weight[part, None]
        out[0][part] = piece.gradient() * w
        out[1][part] = RULES[rule.name](piece, rule) * (rule.factor * w)


@dataclass(frozen=True)
class Piece:
    """Some rows: p (n, K), a = e_y − p (n, K), and the slopes of the formula (n, 1)."""

    p: Array
    a: Array
    first: Array
    second: Array
    spread: Array
    """The slope in the mean of all log-probabilities."""

    def gradient(self) -> Array:
        """The chain rule, once."""
        return np.asarray(self.first * self.a + self.spread * (1 / self.p.shape[1] - self.p))

    def diagonal(self) -> Array:
        """The diagonal of each row's Hessian."""
        return np.asarray(self.second * self.a**2 - (self.first + self.spread) * self.p * (1 - self.p))

    def sums(self) -> Array:
        """A bound of Σ_j |H_kj|."""
        size = np.abs(self.a)
        both = np.abs(self.second) * size * size.sum(axis=1, keepdims=True)
        return np.asarray(both + 2 * np.abs(self.first + self.spread) * self.p * (1 - self.p))


def piece_of(loss: Loss, y: Array, z: Array) -> Piece:
    """The rows with classes y (n,) at scores z (n, K)."""
    logp = log_softmax(z)
    p = np.exp(logp)
    index = y.astype(np.intp)[:, None]
    at = slot_values(loss.state, np.take_along_axis(logp, index, axis=1), logp.mean(axis=1, keepdims=True))
    a = -p
    np.put_along_axis(a, index, 1 - np.take_along_axis(p, index, axis=1), axis=1)
    return Piece(p, a, at["d1"], at["d2"], at["d_mean_logp"])


RULES: Mapping[str, Callable[[Piece, Rule], Array]] = {
    "exact": lambda piece, rule: piece.diagonal(),
    "gershgorin": lambda piece, rule: np.maximum(piece.sums(), LEAST * LEAST),
    "gradient": lambda piece, rule: np.maximum(np.abs(piece.gradient()), LEAST),
    "majorant": lambda piece, rule: np.full_like(piece.p, rule.bound or 0.0),
}
"""Each rule as an array (n, K), before weights."""
