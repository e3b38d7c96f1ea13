"""Losses as `keras.losses.Loss`: they run on every backend of Keras 3, and travel with a saved model.

Everything below is also what `lossmith export --to keras` writes into a file that stands alone. Gradients are those
that were derived: each loss is given to Keras as a number plus slopes times predictions that cancel in value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from lossmith.errors import DomainError, ShapeError


def sloped(value: Any, slopes: Sequence[Any], outputs: Sequence[Any]) -> Any:
    """`value`, whose derivatives in the outputs are `slopes`; infinite outputs are constants here."""
    result = ops.stop_gradient(value)
    for slope, z in zip(slopes, outputs, strict=True):
        finite = ops.where(ops.isfinite(z), z, ops.zeros_like(z))
        fixed = ops.stop_gradient(ops.where(ops.isfinite(slope), slope, ops.zeros_like(slope)))
        result = result + fixed * (finite - ops.stop_gradient(finite))
    return result


def wide(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Both as tensors of one type, at least float32."""
    z = ops.convert_to_tensor(y_pred)
    if keras.backend.standardize_dtype(z.dtype) in ("float16", "bfloat16"):
        z = ops.cast(z, "float32")
    return ops.cast(ops.convert_to_tensor(y_true), z.dtype), z


def as_tuple(found: Any) -> tuple[Any, ...]:
    """One result, or several."""
    return found if isinstance(found, tuple) else (found,)


class Derived(keras.losses.Loss):
    """A loss of raw predictions (logits, not probabilities) by Keras' order of arguments: `loss(y_true, y_pred)`.

    `sample_weight` and `reduction` are Keras' own; "mean_with_sample_weight" is Σwℓ/Σw. Predictions with more than one
    dimension are averaged over the last one, as Keras does. Illegal targets are refused where they are numbers already
    (not inside jit).
    """

    legal: Any = None
    says = "a legal target"
    value: Callable[..., Any]
    slope: Callable[..., Any]
    mean_slope: Any = None
    outputs: tuple[str, ...] = ()

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of each row."""
        y, z = self.both(y_true, y_pred)
        y = matched(y, z)
        loss = sloped(self.value(y, z), as_tuple(self.slope(y, z)), (z,))
        return ops.mean(loss, axis=-1) if len(z.shape) > 1 else loss

    def both(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        """Both as tensors of one type, the truths looked at."""
        y, z = wide(y_true, y_pred)
        refuse(self.bad(y, z), y, type(self).__name__, self.says)
        return y, z

    def bad(self, y: Any, z: Any) -> Any:
        """Which targets are illegal."""
        return ops.logical_not(self.legal(y))


def refuse(bad: Any, y: Any, who: str, says: str) -> None:
    """Raise for the first illegal target, where there are numbers to look at."""
    try:
        if not bool(ops.any(bad)):
            return
    except (TypeError, RuntimeError):  # traced by JAX, TensorFlow or Keras; by PyTorch
        return
    wrong = ops.convert_to_numpy(bad).ravel()
    row = int(wrong.argmax())
    value = ops.convert_to_numpy(y).reshape(len(wrong), -1)[row].tolist()
    raise DomainError(f"{who} needs {says}; element {row} has {value[0] if len(value) == 1 else value}")


def mislabelled(y: Any, z: Any) -> Any:
    """Which are neither class indices, nor shares of K classes, nor of class 1 where there is one score."""
    count = z.shape[-1] if len(z.shape) > 1 else 1
    legal = (y >= 0) & ops.isfinite(y)
    if count == 1:
        legal = legal & (y <= 1)
    elif not alike(y.shape, z.shape):
        legal = legal & (y < count) & (y % 1 == 0)
    return ops.logical_not(legal)


def alike(one: Any, other: Any) -> bool:
    """Are two shapes the same, as far as they are known? TensorFlow traces batches of any size, with None for it."""
    return len(one) == len(other) and all(a == b or None in (a, b) for a, b in zip(one, other, strict=True))


def by_row(y: Any, z: Any) -> Any:
    """y in the shape that the rows of z have."""
    return ops.reshape(y, ops.shape(z)[:-1])


def one_hot(y: Any, z: Any) -> Any:
    """Class indices as shares of the classes, of the shape of z."""
    return ops.one_hot(ops.cast(by_row(y, z), "int32"), z.shape[-1], dtype=z.dtype)


def matched(y: Any, z: Any) -> Any:
    """y in the shape of z, where they differ by a last dimension of 1."""
    if alike(y.shape, z.shape):
        return y
    if alike(y.shape, (*z.shape, 1)) or (z.shape[-1:] == (1,) and alike(y.shape, z.shape[:-1])):
        return ops.reshape(y, ops.shape(z))
    raise ShapeError(f"y_true has shape {tuple(y.shape)} and y_pred {tuple(z.shape)}; they must be the same")


class Point(Derived):
    """One raw prediction a row."""


class Residual(Derived):
    """Losses of y_true − y_pred alone."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        y, z = self.both(y_true, y_pred)
        r = matched(y, z) - z
        loss = sloped(self.value(r), as_tuple(self.slope(r)), (r,))
        return ops.mean(loss, axis=-1) if len(z.shape) > 1 else loss


class Thresholds(Derived):
    """The sum of a margin loss over thresholds: y_pred (…, K) holds a score, then K − 1 thresholds."""

    def bad(self, y: Any, z: Any) -> Any:
        return mislabelled(y, z)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        y, z = self.both(y_true, y_pred)
        y = by_row(y, z)[..., None]
        distance = z[..., :1] - z[..., 1:]
        m = ops.where(y > ops.cast(ops.arange(z.shape[-1] - 1), z.dtype), distance, -distance)
        return ops.sum(sloped(self.value(m), as_tuple(self.slope(m)), (m,)), axis=-1)


class Classes(Derived):
    """y_pred (…, K) scores with y_true class indices (…) or (…, 1), or shares (…, K); y_pred (…, 1): of two classes."""

    binary_value: Callable[..., Any]
    binary_slope: Callable[..., Any]

    def bad(self, y: Any, z: Any) -> Any:
        return mislabelled(y, z)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        y, z = self.both(y_true, y_pred)
        if len(z.shape) < 2 or z.shape[-1] == 1:
            return self.two(matched(y, z), z)
        count = z.shape[-1]
        if not alike(y.shape, z.shape):
            y = one_hot(y, z)
        logp = log_softmax(z)
        mean = ops.sum(logp, axis=-1, keepdims=True) / count + ops.zeros_like(logp)
        at = (logp,) if self.mean_slope is None else (logp, mean)
        loss = ops.sum(shared(y, self.value(*at)), axis=-1)
        d1, dm = shared(y, self.slope(*at)), ops.zeros_like(loss)[..., None]
        if self.mean_slope is not None:
            dm = ops.sum(shared(y, self.mean_slope(*at)), axis=-1, keepdims=True)
        slope = d1 + dm / count - (ops.sum(d1, axis=-1, keepdims=True) + dm) * ops.exp(logp)
        along = sloped(ops.zeros_like(z), (slope,), (z,))
        return ops.stop_gradient(loss) + ops.sum(along, axis=-1)

    def two(self, y: Any, z: Any) -> Any:
        """One score a row, of class 1."""
        ones, zeros = ops.ones_like(y), ops.zeros_like(y)
        value = shared(y, self.binary_value(ones, z)) + shared(1 - y, self.binary_value(zeros, z))
        slope = shared(y, self.binary_slope(ones, z)) + shared(1 - y, self.binary_slope(zeros, z))
        loss = sloped(value, (slope,), (z,))
        return ops.mean(loss, axis=-1) if len(z.shape) > 1 else loss


def log_softmax(z: Any) -> Any:
    """log p over the last axis; what the others have is added up apart, so that a sure class keeps its digits."""
    top = ops.one_hot(ops.argmax(z, axis=-1), z.shape[-1], dtype="bool")
    most = ops.sum(ops.where(top, z, ops.zeros_like(z)), axis=-1, keepdims=True)  # of equals one, for its slope's sake
    shifted = ops.where(top, ops.zeros_like(z), z - most)
    odds = ops.where(top, ops.zeros_like(z), ops.exp(shifted))
    return shifted - ops.log1p(ops.sum(odds, axis=-1, keepdims=True))


def shared(share: Any, values: Any) -> Any:
    """share·values; no share adds nothing, even of what is infinite."""
    return ops.where(share == 0, ops.zeros_like(values), share * values)


class Outputs(Derived):
    """A likelihood of m raw outputs y_pred (…, m)."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        y, z = self.both(y_true, y_pred)
        if z.shape[-1] != len(self.outputs):
            raise ShapeError(f"y_pred has shape {tuple(z.shape)}; its last dimension must be {', '.join(self.outputs)}")
        columns = tuple(z[..., k] for k in range(z.shape[-1]))
        truths = self.read(y, z)
        return sloped(self.value(*truths, *columns), as_tuple(self.slope(*truths, *columns)), columns)

    def read(self, y: Any, z: Any) -> tuple[Any, ...]:
        """The columns of truth that the formula speaks of."""
        return (by_row(y, z),)


class Pair(Outputs):
    """Two scores; y_true is 1 where the first is preferred."""

    def read(self, y: Any, z: Any) -> tuple[Any, ...]:
        y = by_row(y, z)
        return (ops.where(y > 0, ops.ones_like(y), -ops.ones_like(y)),)


class Interval(Outputs):
    """y_true (…, 2) is (low, high), with ±inf for an end that nobody saw; equal ends are an exact value."""

    def read(self, y: Any, z: Any) -> tuple[Any, ...]:
        low, high = y[..., 0], y[..., 1]
        left, right = low == -float("inf"), high == float("inf")
        exact = ops.where(low == high, ops.zeros_like(z[..., 0]), ops.full_like(z[..., 0], 3))
        kind = ops.where(left, ops.ones_like(exact), ops.where(right, ops.full_like(exact, 2), exact))
        return kind, ops.where(left, high, low), ops.where(right, low, high)


class Ordinal(Outputs):
    """A score and K − 1 rising thresholds; y_true is the class, which lies between two of them."""

    def bad(self, y: Any, z: Any) -> Any:
        return mislabelled(y, z)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        y, z = self.both(y_true, y_pred)
        last = z.shape[-1] - 1
        at = ops.cast(by_row(y, z), "int32")
        low = ops.take_along_axis(z, ops.maximum(at, 1)[..., None], axis=-1)[..., 0]
        high = ops.take_along_axis(z, ops.minimum(at + 1, last)[..., None], axis=-1)[..., 0]
        between = ops.where(at == last, ops.full_like(low, 2), ops.full_like(low, 3))
        kind = ops.where(at == 0, ops.ones_like(low), between)
        columns = (z[..., 0], low, high)
        loss = sloped(self.value(kind, *columns), as_tuple(self.slope(kind, *columns)), columns)
        rising = ops.all(z[..., 2:] > z[..., 1:-1], axis=-1)
        return ops.where(rising, loss, ops.full_like(loss, float("inf")))
