"""The same repeated folds for every loss: stratified for classes, whole groups, or a rolling origin in time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.errors import DataError, ParameterError

Index = NDArray[np.int64]
MOST = 1000
"""Folds in all, at most."""


@dataclass(frozen=True, slots=True)
class Fold:
    """One split: indices of the training and of the test rows."""

    repeat: int
    number: int
    train: Index
    test: Index


@dataclass(frozen=True, slots=True)
class Splitting:
    """How rows are split: `strata` (n,) class indices, `groups` (n,) codes, `time` (n,) order; any may be None.
    Training rows less than `gap` before the first test row are left out, in units of the time."""

    n: int
    strata: NDArray[Any] | None = None
    groups: NDArray[Any] | None = None
    time: NDArray[Any] | None = None
    gap: Any = 0

    def take(self, rows: Index) -> Splitting:
        """The same for some of the rows."""
        strata, groups, time = (None if p is None else p[rows] for p in (self.strata, self.groups, self.time))
        return Splitting(len(rows), strata, groups, time, self.gap)

    @property
    def says(self) -> str:
        """The kind of folds, in words."""
        if self.time is not None:
            return "rolling origin in time"
        kind = "whole groups" if self.groups is not None else "stratified by class" if self.strata is not None else ""
        return kind or "random"


def default_folds(split: Splitting) -> tuple[int, int]:
    """(repeats, folds) by size: 10 × 10 below 500 rows, 3 × 5 below 10,000, 2 × 5 above; 1 × 8 in time."""
    if split.time is not None:
        return 1, 8
    return (10, 10) if split.n < 500 else (3, 5) if split.n < 10_000 else (2, 5)


def parse_folds(text: str) -> tuple[int, int]:
    """`3x5` is three repeats of five folds; `5` is one repeat."""
    parts = text.lower().replace("×", "x").split("x")
    if not all(p.strip().isdigit() for p in parts) or len(parts) > 2:
        raise ParameterError(f"folds {text!r}: write for example 5, or 3x5 for three repeats of five folds")
    repeats, folds = ([1] + [int(p) for p in parts])[-2:]
    if repeats < 1 or folds < 2 or repeats * folds < 3:
        raise ParameterError(f"folds {text!r}: at least 2 folds, and at least 3 in all, are needed for an interval")
    if repeats * folds > MOST:
        raise ParameterError(f"folds {text!r}: {repeats * folds:,} folds are too many; at most {MOST:,} in all")
    return repeats, folds


def plan_folds(split: Splitting, repeats: int, folds: int, seed: int) -> list[Fold]:
    """All folds, in order; the same seed gives the same folds. Raises DataError where too few rows or groups exist."""
    if split.time is not None:
        return list(_rolling(split.time, folds, split.gap))
    units = split.n if split.groups is None else len(np.unique(split.groups))
    if units < max(2 * folds, 10):
        what = "rows" if split.groups is None else "groups"
        raise DataError(
            f"{units} {what} are too few for {folds} folds; at least {max(2 * folds, 10)} are needed, or fewer folds"
        )
    _demand_classes(split, folds)
    return [fold for r in range(repeats) for fold in _shuffled(split, r, folds, np.random.default_rng([seed, r]))]


def inner_splits(split: Splitting, seed: int, most: int) -> list[tuple[Index, Index]]:
    """Splits of a training fold for tuning: three folds below 1,000 rows, else one holdout of a quarter, of at most
    `most` rows in all. Later rows are held out where there is a time."""
    rng = np.random.default_rng([seed, 1])
    rows = np.arange(split.n)
    if split.n > most:
        rows = np.sort(rng.choice(split.n, most, replace=False))
    part = split.take(rows)
    if part.time is not None:
        order = np.argsort(part.time, kind="stable")
        cut = int(0.75 * len(order))
        early = _before(part.time, order[:cut], order[cut:], part.gap)
        return [(rows[np.sort(early)], rows[np.sort(order[cut:])])]
    count = 3 if split.n < 1000 else 4
    place = _places(part, count, rng)
    used = range(count) if count == 3 else range(1)
    return [(rows[place != k], rows[place == k]) for k in used if (place == k).any() and (place != k).any()]


def _demand_classes(split: Splitting, folds: int) -> None:
    if split.strata is None:
        return
    counts = np.bincount(split.strata)
    if counts.min() < folds:
        raise DataError(
            f"a class has only {counts.min()} row(s); {folds} folds need at least {folds}: "
            "use fewer folds, or merge rare classes"
        )


def _shuffled(split: Splitting, repeat: int, folds: int, rng: np.random.Generator) -> Iterator[Fold]:
    place = _places(split, folds, rng)
    for k in range(folds):
        yield Fold(repeat, k, np.flatnonzero(place != k), np.flatnonzero(place == k))


def _places(split: Splitting, folds: int, rng: np.random.Generator) -> Index:
    """The fold of every row."""
    if split.groups is not None:
        return _places_of_groups(split.groups, folds, rng)
    order = rng.permutation(split.n)
    if split.strata is not None:
        order = order[np.argsort(split.strata[order], kind="stable")]
    place = np.empty(split.n, dtype=np.int64)
    place[order] = np.arange(split.n) % folds
    return place


def _places_of_groups(groups: NDArray[Any], folds: int, rng: np.random.Generator) -> Index:
    """Whole groups, the largest first into the smallest fold; ties are broken at random."""
    _, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = rng.permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    load = np.zeros(folds)
    where = np.empty(len(sizes), dtype=np.int64)
    for g in order:
        where[g] = int(load.argmin())
        load[where[g]] += sizes[g]
    return where[codes]


def _before(time: NDArray[Any], train: Index, test: Index, gap: Any) -> Index:
    """The training rows that lie at least the gap before all test rows."""
    if not gap:
        return train
    kept: Index = train[time[train] <= time[test].min() - gap]
    if len(kept) < 2:
        raise DataError(f"a gap of {gap} leaves {len(kept)} rows to train on; make it shorter, or the folds fewer")
    return kept


def _rolling(time: NDArray[Any], folds: int, gap: Any) -> Iterator[Fold]:
    """Train on all that is strictly before, less the gap, test on the next block; equal times are never split."""
    moments, order = np.unique(time, return_inverse=True)
    if len(moments) < 2 * (folds + 1):
        raise DataError(f"the time column has {len(moments)} different values; {folds} folds need {2 * (folds + 1)}")
    share = np.cumsum(np.bincount(order)) / len(time)
    block = np.minimum((share * (folds + 1) - 1e-9).astype(np.int64), folds)
    for k in range(1, folds + 1):
        train, test = np.flatnonzero(block[order] < k), np.flatnonzero(block[order] == k)
        if len(train) and len(test):
            yield Fold(0, k - 1, _before(time, train, test, gap), test)
