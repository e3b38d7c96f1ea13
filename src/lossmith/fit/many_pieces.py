"""Many small fits of a loss of straight pieces side by side: a primal-dual interior point on a stack of problems."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

STEPS = 40
GAP = 1e-5
"""The largest relative duality gap at which a problem may be called done."""
NEAR_EDGE = 0.995
"""How much of the way to the nearest bound a step goes."""


def between(X: Array, place: Array, jump: Array, lowest: Array, l2: Array, w: Array, tol: float) -> tuple[Array, Array]:
    """Minimise Σ lowest·z + Σ jump·max(0, z − place) + ½ l2·w², z = Xw, for B problems: w (B, m) and gaps (B,).

    X (B, n, m), place and jump (B, n, kinks), lowest (B, n), l2 (B, m). Every hinge t = z − place is split as
    above − below, and its slope λ lies in (0, jump): above·(jump − λ) and below·λ are driven to 0 together
    (Portnoy & Koenker 1997, with Mehrotra's corrector).
    """
    jump = np.where(jump > 0.0, jump, 1e-300)
    t = X @ w[..., None] - place
    room = 0.1 * np.abs(t).mean(axis=(1, 2), keepdims=True) + 1e-12
    state = _State(w, np.maximum(t, 0.0) + room, np.maximum(-t, 0.0) + room, 0.5 * jump)
    problem = _Hinges(X, place, jump, _pull(X, lowest), l2)
    best, gap = w, np.full(len(w), np.inf)
    for _ in range(STEPS):
        steep, now = problem.look(state)
        better = now < gap
        best, gap = np.where(better[:, None], state.w, best), np.where(better, now, gap)
        if (gap <= min(tol, GAP)).all():
            break
        state = problem.step(state, steep)
    return best[..., None], gap


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """w (B, m); above, below and slope (B, n, kinks), all positive, the slope below the jump."""

    w: Array
    above: Array
    below: Array
    slope: Array

    def moved(self, d: _State, s: Array) -> _State:
        """A step of length s (B,) along d."""
        t = s[:, None, None]
        return _State(
            self.w + s[:, None] * d.w, self.above + t * d.above, self.below + t * d.below, self.slope + t * d.slope
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Hinges:
    """Problems as `between` takes them; q (B, m) is the linear part."""

    X: Array
    place: Array
    jump: Array
    q: Array
    l2: Array

    def look(self, at: _State) -> tuple[Array, Array]:
        """The slope of the Lagrangian (B, m), and how far from optimal: the larger of relative gap and slope (B,)."""
        t = self.X @ at.w[..., None] - self.place
        steep = self.q + self.l2 * at.w + _pull(self.X, at.slope.sum(axis=2))
        gap = (self.jump * np.maximum(t, 0.0) - at.slope * t).sum(axis=(1, 2))
        size = (self.jump * np.abs(t)).sum(axis=(1, 2))
        far = np.maximum(gap / np.maximum(size, 1e-300), np.abs(steep).max(axis=1) / self.jump.sum(axis=(1, 2)))
        return steep, np.where(np.isfinite(far), far, np.inf)

    def step(self, at: _State, steep: Array) -> _State:
        """Predict how far the products can fall, then aim there."""
        high, low = at.above * (self.jump - at.slope), at.below * at.slope
        theta = 1.0 / (at.above / (self.jump - at.slope) + at.below / at.slope)
        H = (self.X * theta.sum(axis=2, keepdims=True)).swapaxes(1, 2) @ self.X
        diagonal = np.arange(H.shape[1])
        H[:, diagonal, diagonal] += self.l2 + 1e-13 * np.trace(H, axis1=1, axis2=2)[:, None]
        H[~np.isfinite(H).all(axis=(1, 2))] = np.eye(H.shape[1])
        first = self._direction(at, steep, H, theta, -high, -low)
        ahead = at.moved(first, self._reach(at, first))
        now = (high + low).sum(axis=(1, 2))
        left = (ahead.above * (self.jump - ahead.slope) + ahead.below * ahead.slope).sum(axis=(1, 2))
        aim = now / (2 * high[0].size) * np.minimum(left / np.maximum(now, 1e-300), 1.0) ** 3
        up = aim[:, None, None] - high + first.above * first.slope
        down = aim[:, None, None] - low - first.below * first.slope
        second = self._direction(at, steep, H, theta, up, down)
        return at.moved(second, np.minimum(NEAR_EDGE * self._reach(at, second), 1.0))

    def _direction(self, at: _State, steep: Array, H: Array, theta: Array, up: Array, down: Array) -> _State:
        """Newton's step for changes `up` of above·(jump − slope) and `down` of below·slope."""
        room = self.jump - at.slope
        shift = self.X @ at.w[..., None] - self.place - at.above + at.below - up / room + down / at.slope
        right = steep + _pull(self.X, (theta * shift).sum(axis=2))
        d = -np.asarray(np.linalg.solve(H, right[..., None]), dtype=np.float64)
        slope = theta * (self.X @ d + shift)
        return _State(d[..., 0], (up + at.above * slope) / room, (down - at.below * slope) / at.slope, slope)

    def _reach(self, at: _State, d: _State) -> Array:
        """The longest step (B,), at most 1/NEAR_EDGE, that keeps everything positive."""
        pairs = ((at.above, d.above), (at.below, d.below), (at.slope, d.slope), (self.jump - at.slope, -d.slope))
        far = [np.where(change < 0.0, -value / change, np.inf).min(axis=(1, 2)) for value, change in pairs]
        return np.asarray(np.minimum(np.min(far, axis=0), 1.0 / NEAR_EDGE))


def _pull(X: Array, r: Array) -> Array:
    return np.asarray((r[:, None] @ X)[:, 0])
