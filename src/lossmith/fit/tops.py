"""Sums over rows of the largest of affine functions of the scores, and one step of a primal-dual interior point.

With ξ the tops, t = ξ − (slope·z + level) >= 0 and λ >= 0 the weight of each piece (Σ λ = share in every group):
λt is driven to 0 while the tops stay above and the weights add up (Mehrotra 1992). Eliminating ξ, t and λ leaves one
system in the coefficients, whose matrix is that of a Hessian of rows, Σ D (slope − mean slope)², D = λ/t.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.fit.factor import Factor
from lossmith.fit.kinks import Kinks, kinks_of

Array = NDArray[np.float64]
NEAR_EDGE = 0.995
"""How much of the way to the nearest bound a step goes."""


@dataclass(frozen=True, slots=True, eq=False)
class Tops:
    """Σ_i share_i Σ_g max_p (slope_igp·z_i + level_igp): slope (n, G, P, K), level (n, G, P), share (n,).

    `times` makes scores (n, K) of coefficients, `pull` is its transpose, `gram` sums blocks (n, K, K) over rows.
    """

    slope: Array
    level: Array
    share: Array
    base: Array
    times: Callable[[Array], Array]
    pull: Callable[[Array], Array]
    gram: Callable[[Array], Array]

    def pieces(self, w: Array) -> Array:
        """slope·z + level, (n, G, P); z is what `times` makes, and the base."""
        return np.asarray(np.einsum("ngpk,nk->ngp", self.slope, self.times(w) + self.base) + self.level)

    def drawn(self, weights: Array) -> Array:
        """The gradient in the coefficients that weights (n, G, P) on the pieces give."""
        return self.pull(np.einsum("ngp,ngpk->nk", weights, self.slope))


def rows_of(objective: Any) -> Tops:
    """The rows of a loss of margins against rivals that is made of straight pieces."""
    K = max(objective.outputs, 2)
    slopes, levels = pieces_of(objective.loss, K)
    y = np.asarray(objective.y, dtype=np.intp)
    narrow = objective.outputs == 1  # the scores are (0, z)
    design, shape = objective.design, (-1, objective.outputs)
    base = np.zeros((len(y), objective.outputs))
    if objective.offset is not None:
        base += objective.offset.reshape(len(y), -1)
    return Tops(
        (slopes[..., 1:] if narrow else slopes)[y],
        np.broadcast_to(levels, (len(y), *levels.shape)),
        objective.shares,
        base,
        lambda w: design.times(w.reshape(shape)),
        lambda r: design.pull(r).ravel(),
        lambda h: design.gram(h[:, 0, 0] if narrow else h),
    )


def penalty_of(l1: Array) -> Tops:
    """l1·|w| as the larger of w and −w."""
    bent = np.flatnonzero(l1)
    sides = np.broadcast_to(np.array([1.0, -1.0])[:, None], (len(bent), 1, 2, 1))

    def spread(r: Array) -> Array:
        out = np.zeros(len(l1))
        out[bent] = r[:, 0]
        return out

    return Tops(
        sides, np.zeros((len(bent), 1, 2)), l1[bent], np.zeros((len(bent), 1)),
        lambda w: w[bent, None], spread, lambda h: np.diag(spread(h[:, :, 0])),
    )  # fmt: skip


def pieces_of(loss: Any, K: int) -> tuple[Array, Array]:
    """(slopes (K, G, P, K) for each true class, levels (G, P)): a group for each margin, or one for the least."""
    kinks, lift = kinks_of(loss), loss.lift
    signs = lift.every(np.arange(K), np.zeros((K, K)))
    bends, levels = straight(kinks)
    slopes = bends[:, None] * signs[:, :, None, :]
    levels = np.broadcast_to(levels, slopes.shape[1:3])
    if not lift.least:
        return slopes, levels
    # φ falls, so that φ of the least margin is the largest φ; a flat piece is the same for all of them
    steep = np.flatnonzero(np.abs(bends) > 1e-12)
    flat = np.setdiff1d(np.arange(len(bends)), steep)
    slopes = np.concatenate(
        [slopes[:, :, steep].reshape(K, 1, -1, K), slopes[:, :1, flat].reshape(K, 1, -1, K)], axis=2
    )
    return slopes, np.concatenate([levels[:, steep].reshape(1, -1), levels[:1, flat].reshape(1, -1)], axis=1)


def straight(kinks: Kinks) -> tuple[Array, Array]:
    """The slopes and levels of the lines of which a convex function of straight pieces is the largest."""
    jumps, places = np.array(kinks.jumps), np.array(kinks.places)
    bends = kinks.first + np.append(0.0, np.cumsum(jumps))
    bends[np.abs(bends) < 1e-9 * np.abs(bends).max()] = 0.0
    return bends, kinks.level - np.append(0.0, np.cumsum(jumps * places))


@dataclass(frozen=True, slots=True, eq=False)
class Inside:
    """A point strictly inside: the coefficients, and for every part the room t and the weights λ of its pieces."""

    w: Array
    room: tuple[Array, ...]
    weight: tuple[Array, ...]

    @property
    def products(self) -> float:
        """Σ λt."""
        return sum(float((t * v).sum()) for t, v in zip(self.room, self.weight, strict=True))

    @property
    def count(self) -> int:
        """How many pieces there are."""
        return sum(t.size for t in self.room)


def inside(parts: tuple[Tops, ...], w: Array) -> Inside:
    """Begin with room for every piece, and weights that make all products of a group alike."""
    rooms, weights = [], []
    for part in parts:
        v = part.pieces(w)
        below = v.max(axis=2, keepdims=True) - v
        t = below + max(float(below.mean()), 1e-8 * float(np.abs(v).max(initial=0.0)), 1e-290)
        rooms.append(t)
        weights.append(part.share[:, None, None] / t / (1.0 / t).sum(axis=2, keepdims=True))
    return Inside(w, tuple(rooms), tuple(weights))


def duals(parts: tuple[Tops, ...], quadratic: Array, at: Inside) -> Array:
    """The gradient of the quadratic part plus that which the weights on the pieces give; 0 at the optimum."""
    drawn = [p.drawn(v) for p, v in zip(parts, at.weight, strict=True)]
    return np.asarray(quadratic * at.w + np.sum(drawn, axis=0))


def gap(parts: tuple[Tops, ...], at: Inside) -> float:
    """Σ λ (top − piece): how far the value may be above the optimum, where `duals` is 0."""
    total = 0.0
    for part, v in zip(parts, at.weight, strict=True):
        pieces = part.pieces(at.w)
        total += float((v * (pieces.max(axis=2, keepdims=True) - pieces)).sum())
    return total


def advance(parts: tuple[Tops, ...], quadratic: Array, ridge: Array, at: Inside) -> Inside | None:
    """One predictor-corrector step; None where rounding leaves no way."""
    means = [_mean(p, t, v) for p, t, v in zip(parts, at.room, at.weight, strict=True)]
    matrix = np.diag(quadratic) + ridge
    for part, (d, centred) in zip(parts, means, strict=True):
        matrix += part.gram(np.einsum("ngp,ngpk,ngpl->nkl", d, centred, centred))
    factor, dual = Factor.of(matrix), duals(parts, quadratic, at)

    def toward(aims: list[Array]) -> Inside:
        return _direction(parts, at, means, factor, dual, aims)

    guess = toward([-t * v for t, v in zip(at.room, at.weight, strict=True)])
    ahead = _along(at, guess, _reach(at, guess, 1.0))
    mean = (ahead.products / at.products) ** 3 * at.products / at.count
    aims = [mean - t * v - dt * dv for t, v, dt, dv in zip(at.room, at.weight, guess.room, guess.weight, strict=True)]
    step = toward(aims)
    following = _along(at, step, _reach(at, step, NEAR_EDGE))
    sound = np.isfinite(following.w).all() and all(np.isfinite(v).all() for v in (*following.room, *following.weight))
    return following if sound else None


def _mean(part: Tops, t: Array, v: Array) -> tuple[Array, Array]:
    """D = λ/t, and the slopes of a group less their mean under D."""
    d = v / t
    mean = np.einsum("ngp,ngpk->ngk", d, part.slope) / d.sum(axis=2)[..., None]
    return d, part.slope - mean[:, :, None, :]


def _direction(
    parts: tuple[Tops, ...],
    at: Inside,
    means: list[tuple[Array, Array]],
    factor: Factor,
    dual: Array,
    aims: list[Array],
) -> Inside:
    """The Newton step at which λt changes by the aims."""
    q = [a / t for a, t in zip(aims, at.room, strict=True)]
    top = [a.sum(axis=2, keepdims=True) / d.sum(axis=2, keepdims=True) for a, (d, _) in zip(q, means, strict=True)]
    own = [a - d * up for a, (d, _), up in zip(q, means, top, strict=True)]
    drawn = [p.pull(np.einsum("ngp,ngpk->nk", o, c)) for p, o, (_, c) in zip(parts, own, means, strict=True)]
    w = factor.solve(-dual - np.sum(drawn, axis=0))
    moved = [np.einsum("ngpk,nk->ngp", c, p.times(w)) for p, (_, c) in zip(parts, means, strict=True)]
    rooms = tuple(up - m for up, m in zip(top, moved, strict=True))
    weights = tuple(o + d * m for o, (d, _), m in zip(own, means, moved, strict=True))
    return Inside(w, rooms, weights)


def _reach(at: Inside, step: Inside, keep: float) -> float:
    """How far all rooms and weights may go and stay above 0."""
    rate = 1.0
    for now, change in zip((*at.room, *at.weight), (*step.room, *step.weight), strict=True):
        shrinks = change < 0.0
        rate = min(rate, keep * float(np.min(-now[shrinks] / change[shrinks], initial=np.inf)))
    return rate


def _along(at: Inside, step: Inside, rate: float) -> Inside:
    return Inside(
        at.w + rate * step.w,
        tuple(t + rate * d for t, d in zip(at.room, step.room, strict=True)),
        tuple(v + rate * d for v, d in zip(at.weight, step.weight, strict=True)),
    )
