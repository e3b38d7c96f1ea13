"""Pairs of rows of which one is preferred: what a ranking learns from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.errors import DataError, ShapeError

Index = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Rows `first`, each preferred to the row of `second` in the same place; `X` holds the differences of the two."""

    X: Any
    first: Index
    second: Index

    @property
    def n(self) -> int:
        """How many pairs there are."""
        return len(self.first)


def pairs(X: Any, y: Any, group: Any = None, *, at_most: int | None = None, random_state: int | None = None) -> Pairs:
    """All pairs of rows of one group of which the first has the larger y, with the differences of their columns.

    X: (n, p), an array or a sparse matrix; y: (n,), larger is better; group: (n,) of any kind of label, or None for one
    group of all. at_most: a random sample of that many pairs, without replacement, if there are more.
    Raises ShapeError, DataError (no two rows of a group differ in y).
    """
    first, second = preferred(y, group, X.shape[0])
    if at_most is not None and len(first) > at_most:
        chosen = np.sort(np.random.default_rng(random_state).choice(len(first), at_most, replace=False))
        first, second = first[chosen], second[chosen]
    return Pairs(X[first] - X[second], first, second)


def preferred(y: Any, group: Any, n: int) -> tuple[Index, Index]:
    """The rows of each pair of a group: the one of larger y, and the other."""
    y = np.asarray(y, np.float64)
    if y.shape != (n,):
        raise ShapeError(f"y has shape {y.shape} but X has {n} rows; y must be ({n},)")
    if not np.isfinite(y).all():
        bad = int(np.flatnonzero(~np.isfinite(y))[0])
        raise DataError(f"y must be finite; row {bad} has {y[bad]:g} (NaN or inf): leave such rows out")
    labels = np.zeros(n, np.intp) if group is None else np.unique(np.asarray(group), return_inverse=True)[1]
    if labels.shape != (n,):
        raise ShapeError(f"group has shape {np.shape(group)} but X has {n} rows; it must be ({n},)")
    order = np.argsort(labels, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
    found = [_within(rows, y[rows]) for rows in parts]
    first, second = (np.concatenate(side) for side in zip(*found, strict=True))
    if not len(first):
        why = "there is one sample only" if n == 1 else "no two rows of a group differ in y"
        raise DataError(f"{why}, so there is nothing to rank")
    return first, second


def _within(rows: Index, y: NDArray[np.float64]) -> tuple[Index, Index]:
    better, worse = np.nonzero(y[:, None] > y[None, :])
    return rows[better], rows[worse]
