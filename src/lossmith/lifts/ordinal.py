"""Lifts for ordered classes: a score and K − 1 thresholds, of which a row of class k lies between the kth and the next.

z of shape (n, K) holds the score in column 0 and the thresholds, ascending, in the others; y the class index (n,).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.domain import classes
from lossmith.errors import DomainError, ShapeError, UnsupportedError
from lossmith.formula import Expr
from lossmith.lifts.base import Derived, Lift, State, floating
from lossmith.lifts.several import Columns, Several, demand, joined

CORE = Several(
    "ordinal",
    ("score", "low", "high"),
    truths={"kind": "1 in the lowest class, 2 in the highest, 3 between"},
    slots={
        "u": ("low - score", "the threshold minus the score, in the lowest and the highest class"),
        "a": ("low - score", "the lower threshold minus the score"),
        "b": ("high - score", "the upper threshold minus the score"),
        "h": ("(high - low)/2", "half the distance of the two, which is known better than b − a"),
    },
    target=classes,
)
"""One row: the score and the thresholds on either side of it (both the same one at an end)."""


class Thresholds(Lift):
    """What both lifts share: the shapes, and what a prediction is."""

    target = classes

    @property
    def joint(self) -> bool:
        return True

    def match(self, y: NDArray[Any], z: NDArray[Any]) -> None:
        if z.ndim != 2 or z.shape[1] < 2 or y.shape != (len(z),):
            raise ShapeError(
                f"y has shape {y.shape} and z has shape {z.shape}; y must be (n,) class indices and z "
                "(n, K): the score, then K − 1 thresholds"
            )


class Between(Thresholds):
    """Formulas of the probability between two thresholds."""

    name = "ordinal"
    slots = CORE.slots
    main = CORE.main

    def derive(self, tree: Expr, params: Mapping[str, bool], mean: Expr | None, note: str) -> Derived:
        return CORE.derive(tree, params, mean, note)

    def evaluate(self, state: State, y: NDArray[Any], z: NDArray[Any], want: Sequence[str]) -> dict[str, NDArray[Any]]:
        demand(want, state.who)
        index = _indices(y, z.shape[1], state.who)
        last = z.shape[1] - 1
        at = np.column_stack([np.zeros_like(index), np.maximum(index, 1), np.minimum(index + 1, last)])
        parts = tuple(np.ascontiguousarray(np.take_along_axis(z, at[:, k : k + 1], 1)[:, 0]) for k in range(3))
        wanted = tuple("block" if w == "hessian" else w for w in want)
        found = joined(state, CORE.outputs, (_kind(index, last, z.dtype),), parts, wanted)
        bad = np.asarray(~(np.diff(z[:, 1:], axis=1) > 0).all(axis=1))
        return {w: _lost(SPREAD[w](found["block" if w == "hessian" else w], at, z.shape, bad), z) for w in want}

    def mean(self, state: State, z: NDArray[Any]) -> NDArray[Any]:
        """The probability of each class, (n, K)."""
        z = floating(z)
        each = (np.full(len(z), k, z.dtype) for k in range(z.shape[1]))
        return np.stack([np.exp(-self.evaluate(state, y, z, ("value",))["value"]) for y in each], axis=1)


def _lost(values: NDArray[Any], z: NDArray[Any]) -> NDArray[Any]:
    """NaN in, NaN out, also where a class does not look at that threshold."""
    values[np.isnan(z).any(axis=1)] = np.nan
    return values


def _kind(index: NDArray[np.intp], last: int, dtype: Any) -> NDArray[Any]:
    return np.where(index == 0, 1, np.where(index == last, 2, 3)).astype(dtype)


def _value(values: NDArray[Any], at: NDArray[np.intp], shape: tuple[int, ...], bad: NDArray[np.bool_]) -> NDArray[Any]:
    """Thresholds out of order leave some class without room: its probability is none."""
    return np.where(bad, np.inf, values)


def _slopes(values: NDArray[Any], at: NDArray[np.intp], shape: tuple[int, ...], bad: NDArray[np.bool_]) -> NDArray[Any]:
    full: NDArray[Any] = np.zeros(shape, values.dtype)
    row = np.arange(len(at))
    for k in range(3):
        full[row, at[:, k]] += values[:, k]
    return full


def _blocks(values: NDArray[Any], at: NDArray[np.intp], shape: tuple[int, ...], bad: NDArray[np.bool_]) -> NDArray[Any]:
    full: NDArray[Any] = np.zeros((*shape, shape[1]), values.dtype)
    row = np.arange(len(at))
    for a in range(3):
        for b in range(3):
            full[row, at[:, a], at[:, b]] += values[:, a, b]
    return full


def _diagonals(v: NDArray[Any], at: NDArray[np.intp], shape: tuple[int, ...], bad: NDArray[np.bool_]) -> NDArray[Any]:
    return np.array(np.einsum("nkk->nk", _blocks(v, at, shape, bad)))


SPREAD = {"value": _value, "gradient": _slopes, "hessian": _diagonals, "block": _blocks}
"""What is wanted, from the derivatives by score, low and high to all columns of z."""


class AllThreshold(Thresholds):
    """The sum of a margin loss over all thresholds, each of which y lies above or below (Rennie and Srebro 2005)."""

    name = "all_threshold"
    assembled = True
    slots = {"m": "the distance of the score from a threshold, positive on the right side of it"}
    main = ("m",)

    def derive(self, tree: Expr, params: Mapping[str, bool], mean: Expr | None, note: str) -> Derived:
        from lossmith.symbolic import derive

        program = derive.slotwise(tree, ["m"], params, note)
        return Derived(program, program, None)

    def evaluate(self, state: State, y: NDArray[Any], z: NDArray[Any], want: Sequence[str]) -> dict[str, NDArray[Any]]:
        demand(want, state.who)
        index = _indices(y, z.shape[1], state.who)
        side = np.where(index[:, None] > np.arange(z.shape[1] - 1), 1, -1).astype(z.dtype)
        found = state.run(state.derived.slot, (np.ascontiguousarray(side * (z[:, :1] - z[:, 1:])),))
        parts: Columns = (found["value"], side * found["d1"], found["d2"])
        return {w: _lost(SUMS[w](*parts), z) for w in want}

    def mean(self, state: State, z: NDArray[Any]) -> NDArray[Any]:
        raise UnsupportedError(
            f"{state.who} trains thresholds, not probabilities; use CumulativeLogit where those are wanted"
        )


def _sum_gradient(value: NDArray[Any], d1: NDArray[Any], d2: NDArray[Any]) -> NDArray[Any]:
    return np.column_stack([d1.sum(axis=1), -d1])


def _sum_block(value: NDArray[Any], d1: NDArray[Any], d2: NDArray[Any]) -> NDArray[Any]:
    """Each threshold is coupled with the score alone."""
    n, k = d2.shape
    full: NDArray[Any] = np.zeros((n, k + 1, k + 1), d2.dtype)
    full[:, 0, 0] = d2.sum(axis=1)
    full[:, 0, 1:] = full[:, 1:, 0] = -d2
    full[:, np.arange(1, k + 1), np.arange(1, k + 1)] = d2
    return full


SUMS = {
    "value": lambda value, d1, d2: value.sum(axis=1),
    "gradient": _sum_gradient,
    "hessian": lambda value, d1, d2: np.column_stack([d2.sum(axis=1), d2]),
    "block": _sum_block,
}
"""What is wanted, from the margin loss at every threshold."""


def _indices(y: NDArray[Any], count: int, who: str) -> NDArray[np.intp]:
    bad = np.flatnonzero(~((y >= 0) & (y < count) & (y == np.floor(y))))
    if len(bad):
        raise DomainError(
            f"{who} needs class indices 0 … {count - 1} for {count - 1} thresholds; row {bad[0]} has {y[bad[0]]:.6g}"
        )
    return y.astype(np.intp)


ordinal = Between()
all_threshold = AllThreshold()
