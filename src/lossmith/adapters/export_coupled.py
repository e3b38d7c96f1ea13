"""Losses of K scores in NumPy that look at more than the probability of the true class: z (n, K).

y (n,) holds class indices, or (n, K) the shares of the classes; z (n,) is the score of class 1 of two.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from lossmith.lifts.probabilities import Array, Probabilities, counted, towards_each

Function = Callable[..., Any]


class Coupled:
    """What these losses share: value, gradient and the whole Hessian of each row."""

    def __init__(self, value: Function, slope: Function, bend: Function, *more: Any) -> None:
        self._value, self._slope, self._bend, self._more = value, slope, bend, more

    def value(self, y: Any, z: Any) -> Array:
        """The loss of each row."""
        return self._asked("_values", y, z)

    def gradient(self, y: Any, z: Any) -> Array:
        """Its derivatives, of the shape of z."""
        found = self._asked("_slopes", y, z)
        return found if np.ndim(z) > 1 else found[:, 1]

    def hessian(self, y: Any, z: Any) -> Array:
        """Its second derivatives, (n, K, K); (n,) for one score a row."""
        found = self._asked("_bends", y, z)
        return found if np.ndim(z) > 1 else found[:, 1, 1]

    def _asked(self, what: str, y: Any, z: Any) -> Array:
        y, z = np.asarray(y), np.asarray(z, float)
        if y.shape != z.shape and y.shape != z.shape[:1]:
            raise ValueError(
                f"y has shape {y.shape} and z {z.shape}; z must be (n, K), y (n,) classes or (n, K) shares"
            )
        if z.ndim == 1:
            y, z = np.stack([1 - y, y], axis=1), np.stack([0 * z, z], axis=1)
        with np.errstate(all="ignore"):
            return np.asarray(getattr(self, what)(y, z))


def tuple_of(found: Any) -> tuple[Array, ...]:
    """One result, or several."""
    return found if isinstance(found, tuple) else (found,)


class Slots(Coupled):
    """Losses f of several numbers t that all scores of a row make together: ∇ = Σ f_a ∇t_a."""

    def _each(self, one: Callable[[Any, list[Array]], Array], y: Array, z: Array) -> Array:
        """Summed over the classes by their shares."""
        if y.ndim == 1:
            return self._of_class(one, y.astype(int), z)
        found = [self._of_class(one, np.full(len(z), k), z) for k in range(z.shape[1])]
        shares = [share.reshape(-1, *[1] * (found[0].ndim - 1)) for share in y.T]
        # a class without a share adds nothing, even where its own loss is infinite
        parts = [np.where(s == 0, 0, s * f) for s, f in zip(shares, found, strict=True)]
        return np.asarray(np.sum(parts, axis=0))

    def _of_class(self, one: Callable[[Any, list[Array]], Array], index: Array, z: Array) -> Array:
        slots = [slot(self._rows(z, index)) for slot in self._more]
        return one(slots, [np.ascontiguousarray(values) for values, _, _ in slots])

    def _rows(self, z: Array, index: Array) -> Probabilities:
        """What the slots look at."""
        return Probabilities(z, index, counted(z))

    def _values(self, y: Array, z: Array) -> Array:
        """The loss of each row (n,)."""
        return self._each(lambda slots, at: self._value(*at), y, z)

    def _slopes(self, y: Array, z: Array) -> Array:
        """Its derivatives in the scores (n, K)."""
        return self._each(self._gradient, y, z)

    def _gradient(self, slots: Any, at: list[Array]) -> Array:
        parts = zip(tuple_of(self._slope(*at)), slots, strict=True)
        return np.asarray(np.sum([f[:, None] * slope for f, (_, slope, _) in parts], axis=0))

    def _bends(self, y: Array, z: Array) -> Array:
        """Its second derivatives (n, K, K)."""
        return self._each(self._hessian, y, z)

    def _hessian(self, slots: Any, at: list[Array]) -> Array:
        parts = zip(tuple_of(self._slope(*at)), slots, strict=True)
        whole = np.sum([f[:, None, None] * bent for f, (_, _, bent) in parts], axis=0)
        pairs = combinations_with_replacement([slope for _, slope, _ in slots], 2)
        for f, (a, b) in zip(tuple_of(self._bend(*at)), pairs, strict=True):
            outer = a[:, :, None] * b[:, None, :]
            whole = whole + f[:, None, None] * (outer if a is b else outer + outer.swapaxes(1, 2))
        return np.asarray(whole)


class Distribution(Coupled):
    """Divergences Σ_k f(y_k, log p_k), with ∂log p_k/∂z = e_k − p."""

    def shares(self, y: Array, z: Array) -> Array:
        """Class indices as shares."""
        return y.astype(float) if y.ndim == 2 else np.eye(z.shape[1])[y.astype(int)]

    def _values(self, y: Array, z: Array) -> Array:
        return np.asarray(self._value(self.shares(y, z), counted(z)[0]).sum(axis=1))

    def _slopes(self, y: Array, z: Array) -> Array:
        logp, p, rest = counted(z)
        slope = self._slope(self.shares(y, z), logp)
        return np.asarray(slope * rest - (slope.sum(axis=1, keepdims=True) - slope) * p)

    def _bends(self, y: Array, z: Array) -> Array:
        y, (logp, p, rest) = self.shares(y, z), counted(z)
        jacobian = towards_each(p, rest)
        curved = jacobian.swapaxes(1, 2) @ (self._bend(y, logp)[:, :, None] * jacobian)
        return np.asarray(curved - self._slope(y, logp).sum(axis=1)[:, None, None] * p[:, :, None] * jacobian)


class Adjusted(Slots):
    """Losses of scores that are shifted by what is known of the classes' frequencies, after a factor for each; and
    margins by which a class must be ahead where it is the true one."""

    def __init__(self, numbers: tuple[tuple[float, ...], ...], *more: Any) -> None:
        super().__init__(*more)
        shift, factors, margins = numbers
        self._shift, self._factor = np.asarray(shift if shift else 0.0), np.asarray(factors if factors else 1.0)
        self._margins = np.asarray(margins) if margins else None

    def _of_class(self, one: Callable[[Any, list[Array]], Array], index: Array, z: Array) -> Array:
        found = super()._of_class(one, index, self._factor * z + self._shift)
        steep = (1.0, self._factor, self._factor * np.expand_dims(self._factor, -1))
        return np.asarray(found * steep[found.ndim - 1])

    def _rows(self, z: Array, index: Array) -> Probabilities:
        return Probabilities(z, index, counted(z), self._margins)


class Costs(Distribution):
    """What predictions cost, by a row of costs for each true class; without one each error costs 1."""

    def __init__(self, table: tuple[tuple[float, ...], ...], *more: Any) -> None:
        super().__init__(*more)
        self._table = table

    def shares(self, y: Array, z: Array) -> Array:
        """The cost of each class."""
        return np.asarray(super().shares(y, z) @ (np.asarray(self._table) if self._table else 1 - np.eye(z.shape[1])))


STEPS = 50
"""Newton steps from above to the level; they fall without end, as probabilities are convex in the scores."""


class Normalised(Distribution):
    """Σ_k f(y_k, u_k), u = z − λ, with the level λ at which the probabilities link(u) sum to 1.

    With s = link′(u), w = s / Σs and P = I − 1wᵀ: ∇ = Pᵀ f_u and H = Pᵀ diag(f_uu − (Σf_u / Σs) link″) P.
    """

    def _above(self, z: Array) -> tuple[Array, Array]:
        sure, link, slope = self._more[:3]
        below = np.maximum(z - z.max(axis=1, keepdims=True), -1e300)
        top = np.full((len(z), 1), sure)
        for _ in range(STEPS):
            over = link(below + top).sum(axis=1, keepdims=True) - 1
            top = top - np.maximum(over, 0) / slope(below + top).sum(axis=1, keepdims=True)
        return below + top, slope(below + top)

    def _values(self, y: Array, z: Array) -> Array:
        return np.asarray(self._value(self.shares(y, z), self._above(z)[0]).sum(axis=1))

    def _slopes(self, y: Array, z: Array) -> Array:
        u, s = self._above(z)
        slope = self._slope(self.shares(y, z), u)
        return np.asarray(slope - s / s.sum(axis=1, keepdims=True) * slope.sum(axis=1, keepdims=True))

    def _bends(self, y: Array, z: Array) -> Array:
        y, (u, s) = self.shares(y, z), self._above(z)
        total = s.sum(axis=1, keepdims=True)
        inner = self._bend(y, u)
        for bend in self._more[3:]:
            inner = inner - self._slope(y, u).sum(axis=1, keepdims=True) / total * bend(u)
        shift = np.eye(z.shape[1]) - (s / total)[:, None, :]
        return np.asarray(shift.swapaxes(1, 2) @ (inner[:, :, None] * shift))


def against_rest(index: Array, z: Array) -> Array:
    """Signs (n, J, K) of the margins: each class against zero, the true one above, every other below."""
    K = z.shape[1]
    return np.asarray((2 * np.eye(K)[index] - 1)[:, :, None] * np.eye(K))


def against_each(index: Array, z: Array) -> Array:
    """The true class against every other."""
    K = z.shape[1]
    others = np.array([[j for j in range(K) if j != k] for k in range(K)], int)[index]
    return np.asarray(np.eye(K)[index][:, None, :] - np.eye(K)[others])


def against_best(index: Array, z: Array) -> Array:
    """The true class against the best of the others; of equals the first."""
    own = np.eye(z.shape[1])[index]
    best = np.where(own > 0, -np.inf, z).argmax(axis=1)
    return np.asarray((own - np.eye(z.shape[1])[best])[:, None, :])


class Rivals(Coupled):
    """Margin losses of the true class against others: margins are signs (n, J, K) times scores."""

    def _margins(self, y: Array, z: Array) -> tuple[Array, Array]:
        if y.ndim == 2 and not ((y == 0) | (y == 1)).all():
            raise ValueError("this loss takes class indices, y (n,), not shares of the classes")
        signs = self._more[0](y.argmax(axis=1) if y.ndim == 2 else y.astype(int), z)
        return signs, (signs @ z[:, :, None])[:, :, 0]

    def _values(self, y: Array, z: Array) -> Array:
        return np.asarray(self._value(self._margins(y, z)[1]).sum(axis=1))

    def _slopes(self, y: Array, z: Array) -> Array:
        signs, m = self._margins(y, z)
        return np.asarray((self._slope(m)[:, None, :] @ signs)[:, 0])

    def _bends(self, y: Array, z: Array) -> Array:
        signs, m = self._margins(y, z)
        return np.asarray(signs.swapaxes(1, 2) @ (self._bend(m)[:, :, None] * signs))
