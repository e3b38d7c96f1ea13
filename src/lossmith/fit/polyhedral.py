"""Sums of hinges: min q·w + ½ w·diag(Q)·w + Σ c·max(0, a·w − b), by a primal-dual interior point, ended exactly.

Every convex loss of straight pieces is such a sum (absolute, quantile, hinge, ε-insensitive), and an l1 penalty adds
one hinge per coordinate. The method is Mehrotra's predictor–corrector (for quantiles: Portnoy & Koenker 1997);
afterwards the hinges that the optimum touches are known, and a linear system puts the point on them to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from lossmith.fit.factor import Factor

Array = NDArray[np.float64]
INSIDE = 0.49
"""How far from the middle of its range a slope may begin, as a share of the range."""


@dataclass(frozen=True, slots=True, eq=False)
class Hinges:
    """q·w + ½ Q·w² + Σ_m c_m·max(0, a_row(m)·w − b_m) + Σ_j l_j·|w_j|; several hinges may share a row of a."""

    a: Array
    row: NDArray[np.intp]
    b: Array
    c: Array
    q: Array
    quadratic: Array
    l1: Array
    bent: NDArray[np.intp] = field(init=False)
    """The coordinates that the l1 penalty bends."""
    alone: bool = field(init=False)
    """Has every row one hinge?"""

    def __post_init__(self) -> None:
        object.__setattr__(self, "bent", np.flatnonzero(self.l1))
        object.__setattr__(self, "alone", len(self.row) == len(self.a))

    def value(self, w: Array) -> float:
        """The sum at w."""
        z = self._spread(self.a @ w) - self.b
        smooth = float(self.q @ w) + 0.5 * float(self.quadratic @ (w * w))
        return smooth + float(self.c @ np.maximum(z, 0.0)) + float(self.l1 @ np.abs(w))

    def times(self, w: Array) -> Array:
        """a·w per hinge, those of the l1 penalty last."""
        z = self._spread(self.a @ w)
        return np.concatenate([z, w[self.bent]]) if len(self.bent) else z

    def pull(self, x: Array) -> Array:
        """The transpose of `times`."""
        out = np.asarray(self._gathered(x) @ self.a)
        out[self.bent] += x[len(self.row) :]
        return out

    def faces(self, index: NDArray[np.intp]) -> Array:
        """The vectors a of some hinges, (hinges, size)."""
        m = len(self.row)
        plain = index < m
        out = np.zeros((len(index), self.a.shape[1]))
        out[plain] = self.a[self.row[index[plain]]]
        out[~plain, self.bent[index[~plain] - m]] = 1.0
        return out

    def gram(self, d: Array) -> Array:
        """Σ d·a aᵀ + diag(Q)."""
        scaled = self.a * np.sqrt(self._gathered(d))[:, None]
        total = np.asarray(scaled.T @ scaled)
        total.flat[:: len(total) + 1] += self.quadratic
        total[self.bent, self.bent] += d[len(self.row) :]
        return total

    def _spread(self, z: Array) -> Array:
        """From rows to their hinges."""
        return z if self.alone else z[self.row]

    def _gathered(self, x: Array) -> Array:
        """Sums over the hinges of each row."""
        own = x[: len(self.row)]
        return own if self.alone else np.asarray(np.bincount(self.row, own, len(self.a)), dtype=np.float64)

    @property
    def ends(self) -> tuple[Array, Array, Array]:
        """b, c and q with the hinges of the l1 penalty written out: l·|w| = −l·w + 2l·max(0, w)."""
        bent = self.bent
        b = np.concatenate([self.b, np.zeros(len(bent))])
        return b, np.concatenate([self.c, 2.0 * self.l1[bent]]), self.q - self.l1


@dataclass(frozen=True, slots=True, eq=False)
class Iterate:
    """The point, how far each hinge is above (p) and below (n) its corner, and its slope λ in (0, c)."""

    w: Array
    p: Array
    n: Array
    slope: Array


@dataclass(frozen=True, slots=True, eq=False)
class Solved:
    """The minimiser, each hinge's slope there, and the complementarity gap."""

    w: Array
    slope: Array
    gap: float


def minimise(problem: Hinges, w: Array, *, width: float = 0.0, tol: float = 1e-11, most: int = 80) -> Solved:
    """Interior-point steps until the gap is `tol` of the value, then the exact corner.

    Where w is the optimum for corners rounded over `width`, the slopes there say where to begin.
    """
    b, c, q = problem.ends
    it = _beside(problem, w, b, c, width) if width > 0.0 else _centre(problem, w, b, c)
    gap = np.inf
    for _ in range(most):
        gap = float(it.p @ (c - it.slope) + it.n @ it.slope)
        dual = q + problem.quadratic * it.w + problem.pull(it.slope)
        size = float(c @ (it.p + it.n)) / max(len(c), 1) * len(c)
        if gap <= tol * size and np.abs(dual).max(initial=0.0) <= 1e-9 * float(c.sum()) / max(len(w), 1):
            break
        following = _predict_correct(problem, it, b, c, dual, gap)
        if following is None:
            break
        it = following
    return _corner(problem, Solved(it.w, it.slope, gap), b, c, q)


def _centre(problem: Hinges, w: Array, b: Array, c: Array) -> Iterate:
    z = problem.times(w) - b
    room = max(0.1 * float(np.abs(z).mean()) if len(z) else 1.0, 1e-8 * float(np.abs(b).max(initial=0.0)), 1e-290)
    return Iterate(w, np.maximum(z, 0.0) + room, np.maximum(-z, 0.0) + room, 0.5 * c)


def _beside(problem: Hinges, w: Array, b: Array, c: Array, width: float) -> Iterate:
    """On a rounded corner of slope λ, z = width·(2λ/c − 1): with p = width·λ/c the slopes keep their balance."""
    z = problem.times(w) - b
    rise = 0.5 + np.clip(0.5 * z / width, -INSIDE, INSIDE)
    room = width * np.minimum(rise, 1.0 - rise)
    return Iterate(w, np.maximum(z, 0.0) + room, np.maximum(-z, 0.0) + room, c * rise)


def _predict_correct(problem: Hinges, it: Iterate, b: Array, c: Array, dual: Array, gap: float) -> Iterate | None:
    """One step of Mehrotra: aim at 0, see how far that gets, then aim at as much centring as was needed."""
    primal = problem.times(it.w) - b - it.p + it.n
    room = c - it.slope
    d = 1.0 / (it.p / room + it.n / it.slope)
    factor = Factor.of(problem.gram(d))

    def toward(above: Array | float, below: Array | float) -> Iterate:
        rest = primal + it.p - it.n - above / room + below / it.slope
        w = factor.solve(-dual - problem.pull(d * rest))
        slope = d * (problem.times(w) + rest)
        return Iterate(w, (above + it.p * slope) / room - it.p, (below - it.n * slope) / it.slope - it.n, slope)

    guess = toward(0.0, 0.0)
    ahead = _along(it, guess, *_reach(it, guess, c, 1.0, problem))
    left = float(ahead.p @ (c - ahead.slope) + ahead.n @ ahead.slope)
    mean = (left / gap) ** 3 * gap / (2 * len(c)) if gap > 0.0 else 0.0
    step = toward(mean + guess.p * guess.slope, mean - guess.n * guess.slope)
    following = _along(it, step, *_reach(it, step, c, 0.9995, problem))
    sound = np.isfinite(following.w).all() and np.isfinite(following.slope).all()
    return following if sound else None


def _reach(it: Iterate, step: Iterate, c: Array, keep: float, problem: Hinges) -> tuple[float, float]:
    """How far the point and the slopes may go and stay inside; together where a quadratic ties them."""

    def far(value: Array, change: Array) -> float:
        most = float(np.fmin.reduce(change / value, initial=0.0))
        return -1.0 / most if most < 0.0 else np.inf

    primal = min(1.0, keep * min(far(it.p, step.p), far(it.n, step.n)))
    dual = min(1.0, keep * min(far(it.slope, step.slope), far(c - it.slope, -step.slope)))
    return (min(primal, dual),) * 2 if problem.quadratic.any() else (primal, dual)


def _along(it: Iterate, step: Iterate, primal: float, dual: float) -> Iterate:
    return Iterate(
        it.w + primal * step.w,
        it.p + primal * step.p,
        it.n + primal * step.n,
        it.slope + dual * step.slope,
    )


def _corner(problem: Hinges, found: Solved, b: Array, c: Array, q: Array) -> Solved:
    """Put the point exactly on the hinges whose slope is strictly inside; keep the better of the two points."""
    share = found.slope / c
    touched = np.flatnonzero((share > 1e-5) & (share < 1.0 - 1e-5))
    size = len(found.w)
    if not len(touched):
        return found
    a = problem.faces(touched)
    if len(touched) > 4 * size + 50:  # many rows alike: only the point is moved, the slopes stay
        w = found.w + np.linalg.lstsq(a, b[touched] - a @ found.w, rcond=1e-12)[0]
        return _settled(problem, found, w, found.slope, touched)
    fixed = np.where(share >= 0.5, c, 0.0)
    fixed[touched] = 0.0
    force = -(q + problem.quadratic * found.w + problem.pull(fixed))
    system = np.block([[np.diag(problem.quadratic), a.T], [a, np.zeros((len(a), len(a)))]])
    answer = np.linalg.lstsq(system, np.concatenate([force, b[touched] - a @ found.w]), rcond=1e-12)[0]
    slope = fixed
    slope[touched] = np.clip(answer[size:], 0.0, c[touched])
    return _settled(problem, found, found.w + answer[:size], slope, touched)


def _settled(problem: Hinges, found: Solved, w: Array, slope: Array, touched: NDArray[np.intp]) -> Solved:
    """The corner with its zeros exact, unless it turns out worse than the interior point."""
    w[problem.bent[touched[touched >= len(problem.row)] - len(problem.row)]] = 0.0
    before = problem.value(found.w)
    return replace(found, w=w, slope=slope) if problem.value(w) <= before + 1e-12 * abs(before) else found


def certificate(problem: Hinges, found: Solved, near: float) -> Array:
    """The smallest subgradient at the point that is easily found; 0 proves the point optimal.

    A hinge within `near` of its corner may take any slope in [0, c]; which slopes serve best is a small bounded
    least-squares problem, tried first with the solver's own.
    """
    b, c, q = problem.ends
    z = problem.times(found.w) - b
    free = np.abs(z) <= near
    slope = np.where(z > 0.0, c, 0.0)
    slope[free] = np.clip(found.slope[free], 0.0, c[free])
    left = q + problem.quadratic * found.w + problem.pull(slope)
    live = np.flatnonzero(free)
    if np.abs(left).max(initial=0.0) <= 1e-12 * float(c.sum()) or not 0 < len(live) <= 2000:
        return left
    other = _bounded(problem, slope, left, live, c)
    return other if np.abs(other).max() < np.abs(left).max() else left


def _bounded(problem: Hinges, slope: Array, left: Array, live: NDArray[np.intp], c: Array) -> Array:
    from scipy.optimize import lsq_linear

    columns = problem.faces(live).T
    answer = lsq_linear(columns, -left, bounds=(-slope[live] - 1e-300, c[live] - slope[live] + 1e-300), tol=1e-14)
    return np.asarray(left + columns @ answer.x)
