"""JAX losses of several raw outputs a row, predictions (…, m): distributions, intervals, pairs, ordered classes."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from lossmith.adapters.jax_base import Objective, unreached, within_reach
from lossmith.errors import ShapeError


class Outputs(Objective):
    """A likelihood of m raw outputs."""

    width = 0
    """How many numbers a target has; 0 for one without an axis of its own."""

    def terms(self, z: Any, y: Any) -> tuple[Any, Any]:
        rows = y.shape[:-1] if self.width else y.shape
        if z.shape != (*rows, len(self.outputs)):
            raise ShapeError(
                f"predictions have shape {z.shape} and targets {y.shape}; predictions must be "
                f"(…, {len(self.outputs)}): {', '.join(self.outputs)}"
            )
        return self.term(*self.read(y.astype(z.dtype)), *jnp.moveaxis(z, -1, 0)), None

    def read(self, y: Any) -> tuple[Any, ...]:
        """The columns of truth that the formula speaks of."""
        return (y,)


class Pair(Outputs):
    """Two scores; the target is 1 where the first is preferred."""

    def read(self, y: Any) -> tuple[Any, ...]:
        return (jnp.where(y > 0, jnp.ones_like(y), -1),)


class Interval(Outputs):
    """Targets (low, high) with ±inf for an end that nobody saw; equal ends are an exact value."""

    width = 2

    def refuse(self, z: Any, y: Any) -> None:
        self.stop(~self.legal(y), y[..., 0], self.says, "begins at")

    def read(self, y: Any) -> tuple[Any, ...]:
        low, high = y[..., 0], y[..., 1]
        left, right = low == -jnp.inf, high == jnp.inf
        kind = jnp.where(left, 1.0, jnp.where(right, 2.0, jnp.where(low == high, 0.0, 3.0)))
        return kind.astype(y.dtype), jnp.where(left, high, low), jnp.where(right, low, high)


class Ordinal(Outputs):
    """A score and K − 1 rising thresholds; the target is the class, which lies between two of them."""

    def refuse(self, z: Any, y: Any) -> None:
        self.within(y, z.shape[-1])

    def terms(self, z: Any, y: Any) -> tuple[Any, Any]:
        if z.shape[:-1] != y.shape:
            raise ShapeError(f"predictions have shape {z.shape} and targets {y.shape}; wanted are (…, K) and (…)")
        last = z.shape[-1] - 1
        at = y.astype(int)
        near = within_reach(z)
        low = jnp.take_along_axis(near, at.clip(1)[..., None], axis=-1)[..., 0]
        high = jnp.take_along_axis(near, (at + 1).clip(None, last)[..., None], axis=-1)[..., 0]
        kind = jnp.where(at == 0, 1.0, jnp.where(at == last, 2.0, 3.0)).astype(z.dtype)
        rising = (z[..., 2:] > z[..., 1:-1]).all(axis=-1)
        loss = unreached(self.term(kind, near[..., 0], low, high), z)
        return jnp.where(rising, loss, jnp.inf), None
