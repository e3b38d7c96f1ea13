"""Probabilities of K classes from K scores a row, and the numbers that losses look at, with their derivatives.

By NumPy alone: exported files have this text too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Slot = tuple[Array, Array, Array]
"""A slot at n rows: its values (n,), its slopes (n, K) and its Hessians (n, K, K)."""


def counted(z: Array) -> tuple[Array, Array, Array]:
    """(log p, p, 1 − p), rowwise, by NumPy.

    Without overflow, and each with its own digits: of a class that is all but sure, 1 − p is what the others have.
    A row of equal infinities has no answer and is NaN.
    """
    with np.errstate(all="ignore"):
        top = z.argmax(axis=1)[:, None]
        shifted, lost = difference(z, np.take_along_axis(z, top, axis=1))
        odds = np.exp(shifted)
        odds += odds * lost
        own = np.take_along_axis(odds, top, axis=1)
        np.put_along_axis(odds, top, 0, axis=1)
        rest = odds.sum(axis=1, keepdims=True)
        whole = 1 + rest
        np.put_along_axis(odds, top, own, axis=1)
        p = odds / whole
        beside = 1 - p
        np.put_along_axis(beside, top, rest / whole, axis=1)
        return shifted - np.log1p(rest), p, beside


def difference(a: Array, b: Array) -> tuple[Array, Array]:
    """a − b and what rounding took from it, 0 where that is not finite (Knuth's two-sum)."""
    apart = a - b
    back = apart - a
    lost = (a - (apart - back)) - (b + back)
    return apart, np.where(np.isfinite(lost), lost, 0)


def others(values: Array) -> Array:
    """What all other entries of a row add up to, without a difference: those before it and those behind it."""
    ahead, behind = np.zeros_like(values), np.zeros_like(values)
    np.cumsum(values[:, :-1], axis=1, out=ahead[:, 1:])
    np.cumsum(values[:, :0:-1], axis=1, out=behind[:, -2::-1])
    return ahead + behind


def towards_each(p: Array, rest: Array) -> Array:
    """e_k − p for every class k, (n, K, K): the slopes of all log-probabilities."""
    jacobian = np.broadcast_to(-p[:, None, :], (len(p), p.shape[1], p.shape[1])).copy()
    np.einsum("nkk->nk", jacobian)[...] = rest
    return jacobian


FEW = 30.0
"""A lead up to which its exponential times what the others have stays in float32."""


def behind(logp: Array, rest: Array, lead: Array) -> Array:
    """log p of a class whose score is lowered by `lead`, from its own log p and 1 − p, to the last digits."""
    far = lead - logp
    near = np.log1p(rest * np.exp(np.minimum(far, FEW)))
    return np.asarray(-np.where(far < FEW, near, far + np.log(rest + np.exp(-far))))


class Probabilities:
    """Rows of K scores, and slots of theirs with slopes and Hessians. J = diag p − ppᵀ is the Jacobian of p."""

    def __init__(
        self, z: Array, index: NDArray[np.intp], made: tuple[Array, Array, Array], ahead: Array | None = None
    ) -> None:
        self.z, (self.logp, self.p, self.rest) = z, made
        self.index, self.row, self.ahead = index, np.arange(len(z)), ahead
        self.K = z.shape[1]

    @property
    def spread(self) -> Array:
        """diag p − ppᵀ."""
        return np.asarray(self.p[:, :, None] * towards_each(self.p, self.rest))

    def towards(self, index: NDArray[np.intp]) -> Array:
        """e_k − p: the slope of log p_k."""
        slope: Array = -self.p
        slope[self.row, index] = self.rest[self.row, index]
        return slope

    def log_true(self) -> Slot:
        """log p of the true class; with `ahead` (K,), by which each must be ahead if it is the true one, as if it lay
        so much lower."""
        logp, slope, bent = self.logp[self.row, self.index], self.towards(self.index), -self.spread
        if self.ahead is None:
            return logp, slope, bent
        lead, rest = self.ahead[self.index].astype(logp.dtype), self.rest[self.row, self.index]
        steep = 1 / (rest + np.exp(logp - lead))
        curved = np.exp(logp) * -np.expm1(-lead) * steep * steep
        outer = slope[:, :, None] * slope[:, None, :]
        return (
            behind(logp, rest, lead),
            steep[:, None] * slope,
            steep[:, None, None] * bent + curved[:, None, None] * outer,
        )

    def log_mean(self) -> Slot:
        """The mean of log p over the classes."""
        return self.logp.mean(axis=1), 1 / self.K - self.p, -self.spread

    def log_sum(self) -> Slot:
        """log Σ exp(z): the score of any class less its log p, taken where that is the largest."""
        top = self.z.max(axis=1)
        return top - self.logp.max(axis=1), self.p, self.spread

    def square(self) -> Slot:
        """Σ p²."""
        square = self.p * self.p
        return self.summed(square, 2 * square, 4 * square)

    def entropy(self) -> Slot:
        """−Σ p log p."""
        p, log = self.p, np.where(self.p > 0, self.logp, 0)
        return self.summed(-p * log, -p * (log + 1), -p * (log + 2))

    def summed(self, f: Array, d1: Array, d2: Array) -> Slot:
        """Σ f(log p) over the classes, from what f and its derivatives are at each."""
        jacobian = towards_each(self.p, self.rest)
        curved = jacobian.swapaxes(1, 2) @ (d2[:, :, None] * jacobian)
        slope = d1 * self.rest - others(d1) * self.p
        return f.sum(axis=1), slope, curved - d1.sum(axis=1)[:, None, None] * self.spread

    def rival(self) -> Slot:
        """The largest probability below that of the true class; 0 if there is none."""
        lower = self.z < self.z[self.row, self.index][:, None]
        least = np.finfo(self.z.dtype).min
        index = np.where(lower, np.maximum(self.z, least), -np.inf).argmax(axis=1)
        top = np.where(lower.any(axis=1), self.p[self.row, index], 0)
        slope = self.towards(index)
        bent = slope[:, :, None] * slope[:, None, :] - self.spread
        return top, top[:, None] * slope, top[:, None, None] * bent
