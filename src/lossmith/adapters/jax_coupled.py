"""JAX losses of K scores (…, K) that look at more than the probability of the true class.

The formula's derivatives are the derived ones; those of what it looks at (log p, Σp², the entropy, margins between
scores) are JAX's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from lossmith.adapters.jax_base import differentiable, same_shape, unreached, within_reach
from lossmith.adapters.jax_classes import Classes, log_softmax, one_score
from lossmith.errors import ParameterError, UnsupportedError


def log_true(z: Any, logp: Any) -> Any:
    """log p of each class, were it the true one."""
    return logp


def log_mean(z: Any, logp: Any) -> Any:
    """The mean of log p over the classes."""
    return logp.mean(axis=-1, keepdims=True)


def log_sum(z: Any, logp: Any) -> Any:
    """log Σ exp(z)."""
    return jax.nn.logsumexp(z, axis=-1, keepdims=True)


def square(z: Any, logp: Any) -> Any:
    """Σ p²."""
    return (jnp.exp(logp) ** 2).sum(axis=-1, keepdims=True)


def entropy(z: Any, logp: Any) -> Any:
    """−Σ p log p; an impossible class adds nothing."""
    return -(jnp.exp(logp) * logp.clip(-1e4)).sum(axis=-1, keepdims=True)


def rival(z: Any, logp: Any) -> Any:
    """The largest probability below that of each class; 0 if there is none."""
    p = jnp.exp(logp)
    below = jnp.where(p[..., None, :] < p[..., None], p[..., None, :], 0)
    return jnp.take_along_axis(below, below.argmax(axis=-1)[..., None], axis=-1)[..., 0]


def finite(slope: Callable[..., Any]) -> Callable[..., Any]:
    """The slopes of a formula without infinities, which times a probability of 0 are no numbers."""

    def bounded(*at: Any) -> Any:
        found = slope(*at)
        several = found if isinstance(found, tuple) else (found,)
        return tuple(jnp.nan_to_num(s, nan=jnp.nan, posinf=1e37, neginf=-1e37) for s in several)

    return bounded


def slots_loss(value: Any, slope: Any, bend: Any, *slots: Callable[..., Any]) -> Callable[..., Any]:
    """Σ_k t_k f(slots of class k) for shares t (…, K)."""
    f = differentiable(value, finite(slope), bend, 0)

    def term(t: Any, z: Any, margins: tuple[float, ...] = ()) -> Any:
        near = within_reach(z)
        logp = log_softmax(near)
        at = [jnp.broadcast_to(slot(near, logp), z.shape) for slot in slots]
        if margins:
            at = [behind(v, margins) if slot is log_true else v for slot, v in zip(slots, at, strict=True)]
        # a class without a share adds nothing, even where its own loss is infinite
        each = f(*(jnp.where(t == 0, slot.clip(-50, 50), slot) for slot in at))
        return unreached(jnp.where(t == 0, 0, t * each).sum(axis=-1), z)

    return term


def distribution_loss(value: Any, slope: Any, bend: Any) -> Callable[..., Any]:
    """Σ_k f(t_k, log p_k) for shares t (…, K)."""
    f = differentiable(value, finite(slope), bend, 1)
    return lambda t, z: f(t, log_softmax(z)).sum(axis=-1)


FEW = 30.0
"""A lead up to which its exponential times what the others have stays in float32."""


def behind(logp: Any, lead: tuple[float, ...]) -> Any:
    """log p of classes whose scores are lowered by `lead`, from their own; a sure class keeps its digits."""
    far, rest = jnp.asarray(lead, logp.dtype) - logp, -jnp.expm1(logp)
    near = jnp.log1p(rest * jnp.exp(far.clip(None, FEW)))
    return -jnp.where(far < FEW, near, far + jnp.log(rest + jnp.exp(-far)))


def adjusted(term: Callable[..., Any], numbers: tuple[tuple[float, ...], ...]) -> Callable[..., Any]:
    """The loss of scores that are shifted by what is known of the classes' frequencies, after a factor for each; and
    margins by which a class must be ahead where it is the true one."""
    shift, factors, margins = numbers

    def of_moved(t: Any, z: Any) -> Any:
        scaled = z * jnp.asarray(factors, z.dtype) if factors else z
        return term(t, scaled + jnp.asarray(shift, z.dtype) if shift else scaled, margins)

    return of_moved


def costs(term: Callable[..., Any], table: tuple[tuple[float, ...], ...]) -> Callable[..., Any]:
    """The loss of what each prediction costs, by a row of costs for each true class; without one each error costs 1."""

    def of_costs(t: Any, z: Any) -> Any:
        matrix = jnp.asarray(table, z.dtype) if table else 1 - jnp.eye(z.shape[-1], dtype=z.dtype)
        return term(jnp.matmul(t, matrix, precision="highest"), z)

    return of_costs


STEPS = 50
"""Newton steps from above to the level; they fall without end, as probabilities are convex in the scores."""


def normalised_loss(
    value: Any, slope: Any, bend: Any, sure: float, link: Any, link_slope: Any, link_bend: Any = jnp.zeros_like
) -> Callable[..., Any]:
    """Σ_k f(t_k, u_k) for shares t (…, K), u = z − λ, with the level λ at which the probabilities link(u) sum to 1.

    Without `link_bend` the slopes of f sum to 0 and it is not needed (a Fenchel–Young loss).
    """
    f, p = differentiable(value, slope, bend, 1), differentiable(link, link_slope, link_bend, 0)

    def excess(made: Any, below: Any, top: Any) -> Any:
        return made(below + top).sum(axis=-1, keepdims=True)

    def term(t: Any, z: Any) -> Any:
        below = (z - jax.lax.stop_gradient(z).max(axis=-1, keepdims=True)).clip(-1e30)
        far = jax.lax.stop_gradient(below)

        def lowered(_: int, top: Any) -> Any:
            return top - (excess(link, far, top) - 1).clip(0) / excess(link_slope, far, top)

        top = jax.lax.fori_loop(0, STEPS, lowered, jnp.full_like(far[..., :1], sure))
        steep = excess(link_slope, far, top)
        for _ in range(2):  # once more for each derivative
            top = top - (excess(p, below, top) - 1) / steep
        return f(t, below + top).sum(axis=-1)

    return term


def rivals_loss(value: Any, slope: Any, bend: Any, margins: Callable[..., Any]) -> Callable[..., Any]:
    """The sum of f over the margins of the true class, at which t (…, K) has its weight."""
    f = differentiable(value, slope, bend, 0)
    return lambda t, z: t.sum(axis=-1) * f(margins(z, t.argmax(axis=-1)[..., None])).sum(axis=-1)


def against_rest(z: Any, true: Any) -> Any:
    """Each class against zero: the true one should be above, every other below."""
    return jnp.where(true == jnp.arange(z.shape[-1]), z, -z)


def others(z: Any, true: Any) -> Any:
    """The scores of the other classes, (…, K − 1)."""
    steps = jnp.arange(z.shape[-1] - 1)
    return jnp.take_along_axis(z, steps + (steps >= true), axis=-1)


def against_each(z: Any, true: Any) -> Any:
    """The true class against every other."""
    return jnp.take_along_axis(z, true, axis=-1) - others(z, true)


def against_best(z: Any, true: Any) -> Any:
    """The true class against the best of the others; of equals the first."""
    rest = others(z, true)
    best = jnp.take_along_axis(rest, rest.argmax(axis=-1)[..., None], axis=-1)
    return jnp.take_along_axis(z, true, axis=-1) - best


class Slots(Classes):
    """Losses of several numbers that all scores of a row make together."""

    def refuse_shares(self, y: Any) -> None:
        self.stop(~((y >= 0) & (y < jnp.inf)), y, "shares >= 0 of the classes")

    def two(self, z: Any, y: Any) -> tuple[Any, Any]:
        """One score a row, of class 1: the scores (0, z)."""
        same_shape(z, y)
        t = y.astype(z.dtype)
        return self.term(jnp.stack([1 - t, t], axis=-1), jnp.stack([jnp.zeros_like(z), z], axis=-1)), None


class Distribution(Slots):
    """Divergences: targets hold the classes' shares (…, K), or class indices; of two classes the share of class 1."""

    def __init__(self, reduction: str = "none", check: bool = True, class_weight: Any = None) -> None:
        if class_weight is not None:
            raise ParameterError(f"{self.name} compares whole distributions: class_weight has no meaning; give weights")
        super().__init__(reduction, check)

    def terms(self, z: Any, y: Any) -> tuple[Any, Any]:
        return super().terms(z, y)[0], None


class Adjusted(Slots):
    """Losses of scores beside which the classes' frequencies are known."""


class Costs(Distribution):
    """What predictions cost; targets hold class indices, or the classes' shares."""


class Normalised(Distribution):
    """Losses with another way from scores to probabilities; targets hold class indices, or the classes' shares."""


class Rivals(Slots):
    """Margin losses of the true class against others; targets hold class indices."""

    def refuse(self, z: Any, y: Any) -> None:
        if one_score(z, y):
            self.within(y, 2)
        else:
            super().refuse(z, y)

    def refuse_shares(self, y: Any) -> None:
        raise UnsupportedError(f"{self.name} takes class indices, not shares of the classes")

    def terms(self, z: Any, y: Any) -> tuple[Any, Any]:
        if z.ndim == y.ndim and not one_score(z, y):
            self.refuse_shares(y)
        return super().terms(z, y)
