"""Losses as JAX functions: `loss(predictions, targets, weights=None)`, as in optax; jit, grad, vmap, hessian work.

Everything below is also what `lossmith export --to jax` writes into a file that stands alone.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations_with_replacement
from typing import Any

import jax
import jax.numpy as jnp

from lossmith.errors import DomainError, ParameterError, ShapeError

REDUCTIONS = ("none", "mean", "sum", "total")


def differentiable(value: Any, slope: Any, bend: Any, truths: int) -> Callable[..., Any]:
    """`value(*truths, *outputs)` with `slope` as its gradient and `bend` as its Hessian; none flows to the truths."""

    @jax.custom_jvp
    def slopes(*columns: Any) -> Any:
        found = slope(*columns)
        return found if isinstance(found, tuple) else (found,)

    @slopes.defjvp
    def _(columns: Any, tangents: Any) -> Any:
        found = bend(*columns)
        bends = found if isinstance(found, tuple) else (found,)
        sides = tangents[truths:]
        pairs = dict(zip(combinations_with_replacement(range(len(sides)), 2), bends, strict=True))
        rows = range(len(sides))
        return slopes(*columns), tuple(sum(pairs[min(i, j), max(i, j)] * sides[j] for j in rows) for i in rows)

    @jax.custom_jvp
    def term(*columns: Any) -> Any:
        return value(*columns)

    @term.defjvp
    def _(columns: Any, tangents: Any) -> Any:
        along = sum(s * t for s, t in zip(slopes(*columns), tangents[truths:], strict=True))
        return term(*columns), along

    return term


FAR = 1e18
"""Where a loss is asked in place of infinity."""

within_reach = differentiable(lambda z: z.clip(-FAR, FAR), jnp.ones_like, jnp.zeros_like, 0)
"""Infinite scores made large ones; slopes pass as they are."""


def unreached(loss: Any, z: Any) -> Any:
    """The loss of rows z that were brought within reach, where what has grown large by then is infinite."""
    fixed = jax.lax.stop_gradient(loss)
    grown = (jnp.abs(z) == jnp.inf).any(axis=-1) & (jnp.abs(fixed) > 1e9)
    return loss + jnp.where(grown, jnp.sign(fixed) * jnp.inf, 0)


class Objective:
    """A loss: `loss(predictions, targets, weights=None)`.

    reduction: "none" is wℓ for each row, as in optax; "mean" is Σwℓ/Σw, "sum" Σwℓ, "total" the pair (Σwℓ, Σw), which
    adds up over micro-batches and machines. float16 and bfloat16 are computed, and returned, in float32. Targets are
    looked at where they are numbers already (not inside jit); no derivative flows to them.
    """

    name = "loss"
    legal: Callable[..., Any]
    says = "a legal target"
    outputs: tuple[str, ...] = ()
    term: Callable[..., Any]
    shown = ""
    """The loss with its parameters, as `print` shows it."""

    def __init__(self, reduction: str = "none", check: bool = True) -> None:
        if reduction not in REDUCTIONS:
            raise ParameterError(f"unknown reduction {reduction!r}; there are {', '.join(REDUCTIONS)}")
        self.reduction, self.check = reduction, check

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.shown or self.name}, reduction={self.reduction!r})"

    def __call__(self, predictions: Any, targets: Any, weights: Any = None) -> Any:
        z, y = wide(jnp.asarray(predictions)), jnp.asarray(targets)
        if self.check and not isinstance(y, jax.core.Tracer):
            self.refuse(z, y)
        if self.check and weights is not None:
            w = jnp.asarray(weights)
            if not isinstance(w, jax.core.Tracer) and bool((~(w >= 0)).any()):
                raise DomainError(f"{self.name} needs weights >= 0; one is {float(w[~(w >= 0)][0]):.6g}")
        loss, share = self.terms(z, jax.lax.stop_gradient(y))
        return reduced(loss, share, weights, self.reduction)

    def refuse(self, z: Any, y: Any) -> None:
        """Raise for the first illegal target."""
        self.stop(~self.legal(y), y, self.says)

    def within(self, y: Any, count: int) -> None:
        """Refuse what is no index of so many classes."""
        self.stop(~((y >= 0) & (y < count) & (y % 1 == 0)), y, f"class indices 0 … {count - 1} for {count} scores")

    def stop(self, bad: Any, numbers: Any, needs: str, has: str = "has", then: str = "") -> None:
        """Raise if any of them is bad."""
        if bool(bad.any()):
            row = int(jnp.argmax(bad.ravel()))
            number, count = float(numbers.ravel()[row]), int(bad.sum())
            raise DomainError(f"{self.name} needs {needs}; element {row} {has} {number:.6g} ({count} such){then}")

    def terms(self, z: Any, y: Any) -> tuple[Any, Any]:
        """The loss of each row, and what each counts in a mean (None: 1)."""
        same_shape(z, y)
        return self.term(y.astype(z.dtype), z), None


def wide(z: Any) -> Any:
    """At least float32."""
    return z.astype(jnp.promote_types(z.dtype, jnp.float32))


def same_shape(z: Any, y: Any) -> None:
    """Nothing is ever broadcast."""
    if z.shape != y.shape:
        raise ShapeError(f"predictions have shape {z.shape} and targets {y.shape}; they must be the same")


def reduced(loss: Any, share: Any, weights: Any, reduction: str) -> Any:
    """Σwℓ, Σw and what is made of them. A row of weight 0 counts for nothing, even where its loss is infinite."""
    if weights is not None:
        w = jnp.asarray(weights, loss.dtype)
        if w.shape != loss.shape:
            raise ShapeError(f"weights have shape {w.shape} and the rows {loss.shape}; they must be the same")
        loss = jnp.where(w == 0, 0, w * loss)
        share = w if share is None else share * w
    if reduction == "none":
        return loss
    if reduction == "sum":
        return loss.sum()
    whole = jnp.asarray(loss.size, loss.dtype) if share is None else share.sum()
    return (loss.sum(), whole) if reduction == "total" else loss.sum() / whole


class Point(Objective):
    """One raw prediction a row."""


class Residual(Objective):
    """Losses of targets − predictions alone."""

    def terms(self, z: Any, y: Any) -> tuple[Any, Any]:
        same_shape(z, y)
        return self.term(y.astype(z.dtype) - z), None


class Thresholds(Objective):
    """The sum of a margin loss over thresholds: predictions (…, K) hold a score, then K − 1 thresholds."""

    def refuse(self, z: Any, y: Any) -> None:
        self.within(y, z.shape[-1])

    def terms(self, z: Any, y: Any) -> tuple[Any, Any]:
        if z.shape[:-1] != y.shape:
            raise ShapeError(f"predictions have shape {z.shape} and targets {y.shape}; wanted are (…, K) and (…)")
        distance = z[..., :1] - z[..., 1:]
        above = y[..., None] > jnp.arange(z.shape[-1] - 1)
        return self.term(jnp.where(above, distance, -distance)).sum(axis=-1), None
