"""The two steps that scikit-learn's encoders lack: units for columns of any size, and the parts of a time."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

Matrix = NDArray[np.float64]
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
YEAR = 365.2425


class Unit(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Columns in units of their largest entry, so that the squares of 1e300 and of 1e-300 are numbers.

    `unit_` (p,) holds the largest absolute value that each column had in training, 1 where there was none but 0.
    """

    def fit(self, X: Matrix, y: Any = None) -> Self:
        """Learn the units of the columns (n, p); NaN counts for nothing."""
        largest = np.fmax.reduce(np.abs(X), axis=0, initial=0.0)
        self.unit_ = np.where(largest > 0, largest, 1.0)
        return self

    def transform(self, X: Matrix) -> Matrix:
        """The columns in their units."""
        return np.asarray(X / self.unit_)


class TimeParts(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Days since 1970, with fractions, as places in the year, in the day and in the week; all zeros where missing.

    `clock_` says in which columns times of day differed from midnight in training: only those get two for the day.
    """

    def fit(self, X: Matrix, y: Any = None) -> Self:
        """Learn whether times of day say anything, for each column (n, p)."""
        with np.errstate(invalid="ignore"):
            self.clock_ = [bool((np.mod(days, 1.0) > 0).any()) for days in X.T]
        return self

    def transform(self, X: Matrix) -> Matrix:
        """Sine and cosine of the turns, and a 0/1 column for each day of the week; one time column after the other."""
        return np.hstack([_unfolded(days, clock) for days, clock in zip(X.T, self.clock_, strict=True)])

    def names(self, columns: list[str]) -> list[str]:
        """The names of what `transform` gives, for the names of what it takes."""
        pairs = zip(columns, self.clock_, strict=True)
        return [f"{name} {part}" for name, clock in pairs for part in (*_waves(clock), *WEEKDAYS)]


def _waves(clock: bool) -> list[str]:
    return ["year sin", "year cos"] + ["day sin", "day cos"] * clock


def _unfolded(days: Matrix, clock: bool) -> Matrix:
    gone = np.isnan(days)
    safe = np.where(gone, 0.0, days)
    turns = [safe / YEAR] + [np.mod(safe, 1.0)] * clock
    waves = [wave(2 * np.pi * turn) for turn in turns for wave in (np.sin, np.cos)]
    weekday = np.mod(np.floor(safe).astype(np.int64) + 3, len(WEEKDAYS))  # 1970-01-01 was a Thursday
    out = np.column_stack([*waves, np.eye(len(WEEKDAYS))[weekday]])
    out[gone] = 0.0
    return out
