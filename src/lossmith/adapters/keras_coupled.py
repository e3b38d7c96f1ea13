"""Keras losses of K scores y_pred (…, K) that look at more than the probability of the true class.

The formula's slopes are the derived ones; those of what it looks at (log p, Σp², the entropy, margins between scores)
are those of Keras' backend.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from keras import ops

from lossmith.adapters.keras_base import (
    Derived,
    alike,
    as_tuple,
    log_softmax,
    matched,
    mislabelled,
    one_hot,
    shared,
    sloped,
)
from lossmith.errors import UnsupportedError


def log_true(z: Any, logp: Any) -> Any:
    """log p of each class, were it the true one."""
    return logp


def log_mean(z: Any, logp: Any) -> Any:
    """The mean of log p over the classes."""
    return ops.sum(logp, axis=-1, keepdims=True) / z.shape[-1]


def log_sum(z: Any, logp: Any) -> Any:
    """log Σ exp(z)."""
    return ops.logsumexp(z, axis=-1, keepdims=True)


def square(z: Any, logp: Any) -> Any:
    """Σ p²."""
    return ops.sum(ops.exp(2 * logp), axis=-1, keepdims=True)


def entropy(z: Any, logp: Any) -> Any:
    """−Σ p log p; an impossible class adds nothing."""
    finite = ops.where(logp > -1e4, logp, ops.zeros_like(logp))
    return -ops.sum(ops.exp(logp) * finite, axis=-1, keepdims=True)


def rival(z: Any, logp: Any) -> Any:
    """The largest probability below that of each class; 0 if there is none."""
    p = ops.exp(logp)
    each = p[..., None, :] + ops.zeros_like(p[..., None])
    below = ops.where(each < p[..., None], each, ops.zeros_like(each))
    return ops.take_along_axis(below, ops.argmax(below, axis=-1)[..., None], axis=-1)[..., 0]


def against_rest(z: Any, true: Any) -> Any:
    """Each class against zero: the true one should be above, every other below."""
    return ops.where(true == ops.arange(z.shape[-1]), z, -z)


def others(z: Any, true: Any) -> Any:
    """The scores of the other classes, (…, K − 1)."""
    steps = ops.arange(z.shape[-1] - 1)
    return ops.take_along_axis(z, steps + ops.cast(steps >= true, steps.dtype), axis=-1)


def against_each(z: Any, true: Any) -> Any:
    """The true class against every other."""
    return ops.take_along_axis(z, true, axis=-1) - others(z, true)


def against_best(z: Any, true: Any) -> Any:
    """The true class against the best of the others; of equals the first."""
    rest = others(z, true)
    best = ops.take_along_axis(rest, ops.argmax(rest, axis=-1)[..., None], axis=-1)
    return ops.take_along_axis(z, true, axis=-1) - best


class Coupled(Derived, ABC):
    """y_true: class indices (…) or (…, 1), or shares (…, K); for one score (…, 1) labels, or the share of class 1."""

    def bad(self, y: Any, z: Any) -> Any:
        return mislabelled(y, z)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of each row."""
        y, z = self.both(y_true, y_pred)
        if len(z.shape) < 2 or z.shape[-1] == 1:
            y, z = ops.reshape(matched(y, z), (-1,)), ops.reshape(z, (-1,))
            return self.found(ops.stack([1 - y, y], axis=-1), ops.stack([ops.zeros_like(z), z], axis=-1))
        return self.soft(y, z) if alike(y.shape, z.shape) else self.found(one_hot(y, z), z)

    def soft(self, y: Any, z: Any) -> Any:
        """The loss of shares y."""
        return self.found(y, z)

    @abstractmethod
    def found(self, y: Any, z: Any) -> Any:
        """The loss of shares y (…, K) that may be those of one class."""


class Slots(Coupled):
    """Losses of several numbers that all scores of a row make together: Σ_k y_k f(slots of class k)."""

    slots: tuple[Callable[..., Any], ...] = ()

    def found(self, y: Any, z: Any) -> Any:
        logp = log_softmax(z)
        at = tuple(self.seen(slot, z, logp) + ops.zeros_like(z) for slot in self.slots)
        each = sloped(self.value(*at), as_tuple(self.slope(*at)), at)
        return ops.sum(shared(y, each), axis=-1)

    def seen(self, slot: Callable[..., Any], z: Any, logp: Any) -> Any:
        """What the formula looks at."""
        return slot(z, logp)


class Distribution(Coupled):
    """Divergences: Σ_k f(y_k, log p_k)."""

    def found(self, y: Any, z: Any) -> Any:
        logp = log_softmax(z)
        return ops.sum(sloped(self.value(y, logp), as_tuple(self.slope(y, logp)), (logp,)), axis=-1)


FEW = 30.0
"""A lead up to which its exponential times what the others have stays in float32."""


class Adjusted(Slots):
    """Losses of scores that are shifted by what is known of the classes' frequencies, after a factor for each; and
    margins by which a class must be ahead where it is the true one."""

    numbers: tuple[tuple[float, ...], ...] = ((), (), ())

    def found(self, y: Any, z: Any) -> Any:
        shift, factors, _ = self.numbers
        scaled = z * ops.convert_to_tensor(factors, dtype=z.dtype) if factors else z
        return super().found(y, scaled + ops.convert_to_tensor(shift, dtype=z.dtype) if shift else scaled)

    def seen(self, slot: Callable[..., Any], z: Any, logp: Any) -> Any:
        at, lead = slot(z, logp), self.numbers[2]
        if not lead or slot is not log_true:
            return at
        far, rest = ops.convert_to_tensor(lead, dtype=z.dtype) - at, -ops.expm1(at)
        near = ops.log1p(rest * ops.exp(ops.where(far < FEW, far, ops.full_like(far, FEW))))
        return -ops.where(far < FEW, near, far + ops.log(rest + ops.exp(-far)))


class Costs(Distribution):
    """What predictions cost, by a row of costs for each true class; without one each error costs 1."""

    numbers: tuple[tuple[float, ...], ...] = ()

    def found(self, y: Any, z: Any) -> Any:
        table = self.numbers or tuple(tuple(float(j != k) for j in range(z.shape[-1])) for k in range(z.shape[-1]))
        return super().found(ops.matmul(y, ops.convert_to_tensor(table, dtype=z.dtype)), z)


STEPS = 50
"""Newton steps from above to the level; they fall without end, as probabilities are convex in the scores."""


class Normalised(Coupled):
    """Σ_k f(y_k, u_k), u = z − λ, with the level λ at which the probabilities link(u) sum to 1."""

    sure: float
    link: Callable[..., Any]
    link_slope: Callable[..., Any]

    def found(self, y: Any, z: Any) -> Any:
        below = ops.clip(z - ops.stop_gradient(ops.max(z, axis=-1, keepdims=True)), -1e30, float("inf"))
        far = ops.stop_gradient(below)
        top = ops.zeros_like(far[..., :1]) + self.sure
        for _ in range(STEPS):
            over = ops.sum(self.link(far + top), axis=-1, keepdims=True) - 1
            top = top - ops.relu(over) / ops.sum(self.link_slope(far + top), axis=-1, keepdims=True)
        u, top = below + ops.stop_gradient(top), ops.stop_gradient(top)
        slopes = self.link_slope(u)
        p = ops.sum(sloped(self.link(u), (slopes,), (u,)), axis=-1, keepdims=True)
        u = below + top - (p - 1) / ops.stop_gradient(ops.sum(slopes, axis=-1, keepdims=True))
        return ops.sum(sloped(self.value(y, u), as_tuple(self.slope(y, u)), (u,)), axis=-1)


class Rivals(Coupled):
    """Margin losses of the true class against others."""

    margins: Callable[..., Any]

    def soft(self, y: Any, z: Any) -> Any:
        raise UnsupportedError("this loss takes class indices, not shares of the classes")

    def found(self, y: Any, z: Any) -> Any:
        m = self.margins(z, ops.argmax(y, axis=-1)[..., None])
        return ops.sum(sloped(self.value(m), as_tuple(self.slope(m)), (m,)), axis=-1)
