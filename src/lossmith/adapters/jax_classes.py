"""JAX losses of class probabilities: K scores (…, K) through softmax, or one score (…) for two classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from lossmith.adapters.jax_base import Objective, same_shape, wide
from lossmith.errors import ShapeError


def log_softmax(z: Any) -> Any:
    """log p over the last axis; what the others have is added up apart, so that a sure class keeps its digits."""
    top = jax.nn.one_hot(z.argmax(axis=-1), z.shape[-1], dtype=bool)
    most = jnp.where(top, z, 0).sum(axis=-1, keepdims=True)  # of equals one, for its slope's sake
    shifted = jnp.where(top, 0, z - most)
    odds = jnp.where(top, 0, jnp.exp(shifted))
    return shifted - jnp.log1p(odds.sum(axis=-1, keepdims=True))


def softmax_loss(value: Any, slope: Any, bend: Any, mean_slope: Any) -> Callable[..., Any]:
    """Σ_k t_k f(log p_k) for shares t (…, K), with gradient and Hessian by ∂log p/∂z = e_k − p."""

    def given(logp: Any) -> tuple[Any, ...]:
        mean = jnp.broadcast_to(logp.mean(axis=-1, keepdims=True), logp.shape)
        return (logp, mean) if mean_slope is not None else (logp,)

    def weighted(function: Any, t: Any, logp: Any) -> Any:
        return jnp.where(t == 0, 0, t * function(*given(logp)))

    def inside(logp: Any) -> Any:
        """The same where there are slopes, which end at a probability of 1."""
        return logp.clip(None, -jnp.finfo(logp.dtype).tiny)

    def whole(t: Any, logp: Any) -> tuple[Any, Any, Any]:
        logp = inside(logp)
        d1 = weighted(slope, t, logp)
        dm = 0.0 if mean_slope is None else weighted(mean_slope, t, logp).sum(axis=-1, keepdims=True)
        return d1, dm, d1.sum(axis=-1, keepdims=True) + dm

    @jax.custom_jvp
    def slopes(t: Any, z: Any) -> Any:
        logp = log_softmax(z)
        d1, dm, total = whole(t, logp)
        rest = -jnp.expm1(inside(logp))  # 1 − p has more digits than 1 less p
        return d1 * rest + dm / z.shape[-1] - (total - d1) * jnp.exp(logp)

    @slopes.defjvp
    def _(given: Any, tangents: Any) -> Any:
        (t, z), side = given, tangents[1]
        logp = log_softmax(z)
        p, total = jnp.exp(logp), whole(t, logp)[2]
        across = side - (p * side).sum(axis=-1, keepdims=True)
        own = weighted(bend, t, inside(logp)) * across
        return slopes(t, z), own - p * own.sum(axis=-1, keepdims=True) - total * p * across

    @jax.custom_jvp
    def term(t: Any, z: Any) -> Any:
        return weighted(value, t, log_softmax(z)).sum(axis=-1)

    @term.defjvp
    def _(given: Any, tangents: Any) -> Any:
        return term(*given), (slopes(*given) * tangents[1]).sum(axis=-1)

    return term


class Classes(Objective):
    """targets: class indices (…) or shares (…, K) for predictions (…, K); labels or shares for one score a row.

    class_weight: (K,); a mean divides by the weights of the true classes, so that hard and one-hot targets agree.
    """

    binary: Callable[..., Any]

    def __init__(self, reduction: str = "none", check: bool = True, class_weight: Any = None) -> None:
        super().__init__(reduction, check)
        self.class_weight = class_weight

    def refuse(self, z: Any, y: Any) -> None:
        if one_score(z, y):
            self.stop(~((y >= 0) & (y <= 1)), y, "labels 0 and 1, or shares of class 1, of one score")
        elif z.ndim == y.ndim:
            self.refuse_shares(y)
        else:
            self.within(y, z.shape[-1])

    def refuse_shares(self, y: Any) -> None:
        """Raise for the first row that is no distribution over the classes."""
        self.stop(~(y >= 0), y, "shares >= 0 of the classes")
        near, total = max(WHOLE, 4 * float(jnp.finfo(y.dtype).eps)), wide(y).sum(axis=-1)
        then = "; divide by that; where labels do not exclude each other, ravel predictions and targets"
        self.stop(~(jnp.abs(total - 1) <= near), total, "shares of the classes that sum to 1", "sums to", then)

    def terms(self, z: Any, y: Any) -> tuple[Any, Any]:
        if one_score(z, y):
            return self.two(z, y)
        shares = z.ndim == y.ndim
        if y.shape != (z.shape if shares else z.shape[:-1]):
            raise ShapeError(f"predictions have shape {z.shape} and targets {y.shape}; wanted are (…, K) and (…)")
        t = y.astype(z.dtype) if shares else jax.nn.one_hot(y, z.shape[-1], dtype=z.dtype)
        if self.class_weight is not None:
            t = t * jnp.asarray(self.class_weight, z.dtype)
        return self.term(t, z), t.sum(axis=-1)

    def two(self, z: Any, y: Any) -> tuple[Any, Any]:
        """One score a row, of class 1."""
        same_shape(z, y)
        t = y.astype(z.dtype)
        up, down = self.binary(jnp.ones_like(t), z), self.binary(jnp.zeros_like(t), z)
        return jnp.where(t == 0, 0, t * up) + jnp.where(t == 1, 0, (1 - t) * down), None


WHOLE = 1e-3
"""How far from 1 the shares of a row may add up to, in types that resolve it."""


def one_score(z: Any, y: Any) -> bool:
    """Is there one score of two classes for each target, and not one of each class?"""
    return z.ndim == y.ndim and not (jnp.issubdtype(y.dtype, jnp.floating) and z.ndim > 1 and z.shape[-1] != 1)
