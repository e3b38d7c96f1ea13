"""Cox's partial likelihood for rows that come under observation late: left truncation.

A row is at risk at t where entry < t ≤ time. Risk sets then grow and shrink, and what is left of two nearly equal sums
would have no digits; so every risk set is added up for itself, in time rows × distinct failures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.errors import DataError, ParameterError
from lossmith.fit.design import Array

CELLS = 1 << 21
"""Entries of a block of risk sets."""


@dataclass(frozen=True, slots=True, eq=False)
class Entering:
    """Who is at risk when; the methods are those of `Risks`, in the caller's order of rows."""

    time: Array
    entry: Array
    failed: NDArray[np.bool_]
    weight: Array
    moments: Array
    """The distinct times of failures, ascending."""
    group: NDArray[np.intp]
    """For each failure, in order of time, the number of its moment."""
    part: Array
    mean: Array
    last: NDArray[np.intp]
    """For each failure a row that fails at its time."""

    @classmethod
    def of(cls, time: Any, event: Any, entry: Any, weight: Any, ties: str) -> Entering:
        """time, entry (n,) with entry < time; event (n,) true where the time is a failure; weight (n,)."""
        time, entry = np.asarray(time, np.float64), np.asarray(entry, np.float64)
        weight = np.asarray(weight, np.float64)
        if ties not in ("efron", "breslow"):
            raise ParameterError(f"ties={ties!r} is not known; there are efron, breslow")
        bad = np.flatnonzero(~(entry < time))
        if len(bad):
            row = bad[0]
            raise DataError(f"a row must enter before its time; row {row} enters at {entry[row]:g}, time {time[row]:g}")
        failed = np.asarray(event).astype(bool) & (weight > 0)
        rows = np.flatnonzero(failed)[np.argsort(time[failed], kind="stable")]
        moments, group, count = np.unique(time[rows], return_inverse=True, return_counts=True)
        rank = np.arange(len(rows)) - (np.cumsum(count) - count)[group]
        part = rank / count[group] if ties == "efron" else np.zeros(len(rows))
        mean = (np.bincount(group, weight[rows]) / count)[group]
        return cls(time, entry, failed, weight, moments, group, part, mean, rows)

    @property
    def order(self) -> NDArray[np.intp]:
        """The rows as they are."""
        return np.arange(len(self.time))

    def blocks(self, z: Array) -> Iterator[tuple[slice, Array, Array, Array, Array]]:
        """Some failures at a time: which; log of each risk set's scale; w·eᶻ in it; the same of its tie; S − k/d·D."""
        step = max(1, CELLS // max(1, len(z)))
        with np.errstate(divide="ignore"):
            each = np.log(self.weight) + z
        for start in range(0, len(self.moments), step):
            t = self.moments[start : start + step, None]
            logs = np.where((self.entry < t) & (t <= self.time), each, -np.inf)
            top = logs.max(axis=1, keepdims=True)
            risk = np.exp(logs - top)
            tied = np.where(self.failed & (self.time == t), risk, 0.0)
            f = slice(*np.searchsorted(self.group, [start, start + len(t)]))
            own = self.group[f] - start
            yield f, top[own, 0], risk, tied, risk.sum(axis=1)[own] - self.part[f] * tied.sum(axis=1)[own]

    def value(self, z: Array) -> float:
        """The negative log partial likelihood."""
        logs = sum(float(self.mean[f] @ (top + np.log(left))) for f, top, _, _, left in self.blocks(z))
        return logs - float(self.weight[self.failed] @ z[self.failed])

    def hazards(self, z: Array) -> Array:
        """For each row w·eᶻ times the hazard it lived through."""
        total = np.zeros(len(z))
        for f, _, risk, tied, left in self.blocks(z):
            own = self.group[f] - self.group[f.start]
            whole = np.bincount(own, self.mean[f] / left)
            ties = np.bincount(own, self.mean[f] * self.part[f] / left)
            total += whole @ risk - ties @ tied
        return total

    def gradient(self, z: Array) -> Array:
        """The derivative of `value` by each z."""
        return np.asarray(self.hazards(z) - np.where(self.failed, self.weight, 0.0))

    def hessian(self, z: Array, X: Array) -> Array:
        """Xᵀ (∂² value) X, (p, p)."""
        total = X.T @ (X * self.hazards(z)[:, None])
        for f, _, risk, tied, left in self.blocks(z):
            own = self.group[f] - self.group[f.start]
            means = ((risk @ X)[own] - self.part[f, None] * (tied @ X)[own]) / left[:, None]
            total -= means.T @ (means * self.mean[f, None])
        return np.asarray(total)

    def baseline(self, z: Array) -> tuple[NDArray[np.intp], Array]:
        """(positions, steps): the jumps of the cumulative hazard at z = 0, one for each failure."""
        steps = [self.mean[f] * np.exp(-top) / left for f, top, _, _, left in self.blocks(z)]
        return self.last, np.concatenate(steps)
