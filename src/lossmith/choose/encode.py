"""A table into a matrix: missing values filled, numbers scaled, categories one-hot, times unfolded.

What is learned (medians, means, levels) is learned from the rows that `learn` is given and from no others, so that a
fold never sees its test rows. It is plain numbers and text, saved as JSON. The result equals that of scikit-learn's
SimpleImputer(median, add_indicator) → StandardScaler and OneHotEncoder(handle_unknown="ignore"), which is tested.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lossmith.errors import DataError
from lossmith.rows.tables import Column, Table, check_finite

MAX_LEVELS = 100
"""The most columns that one category may become; rarer levels share one."""

RARE = 0.0005
"""Levels with a smaller share of the training rows (or fewer than 5 of them) share one column."""

FLAT = 1e-13
"""A standard deviation below this share of the largest entry is rounding, not information."""

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class NumberCode:
    """A number: the median where missing, then (x/unit − mean)/sd, and a column that says where it was missing."""

    kind: ClassVar[str] = "number"
    name: str
    median: float
    unit: float
    mean: float
    sd: float
    indicator: bool

    @classmethod
    def learn(cls, column: Column) -> NumberCode:
        """Median, mean and deviation of the entries, in units of the largest, so that 1e300 does not overflow."""
        gone = np.isnan(column.values)
        median = float(np.median(column.values[~gone])) if not gone.all() else 0.0
        filled = np.where(gone, median, column.values)
        unit = float(np.abs(filled).max(initial=0.0)) or 1.0
        scaled = filled / unit
        mean, sd = float(scaled.mean()), float(scaled.std())
        return cls(column.name, median, unit, mean, sd if sd > FLAT else 0.0, bool(gone.any()))

    @property
    def outputs(self) -> list[str]:
        """The names of the columns that it becomes; none for a constant."""
        return ([self.name] if self.sd else []) + ([f"{self.name} is missing"] if self.indicator else [])

    def write(self, column: Column, out: Matrix) -> None:
        """Fill its columns of the matrix."""
        gone = np.isnan(column.values)
        if self.sd:
            out[:, 0] = (np.where(gone, self.median, column.values) / self.unit - self.mean) / self.sd
        if self.indicator:
            out[:, -1] = gone


@dataclass(frozen=True, slots=True)
class CategoryCode:
    """A category: one 0/1 column per frequent level, one for the rare, one for the missing; zeros for the unseen."""

    kind: ClassVar[str] = "category"
    name: str
    levels: tuple[str, ...]
    rare: tuple[str, ...]
    indicator: bool

    @classmethod
    def learn(cls, column: Column) -> CategoryCode:
        """The levels with at least RARE of the rows, at most MAX_LEVELS of them."""
        assert column.levels is not None
        counts = np.bincount(column.values[column.values >= 0], minlength=len(column.levels))
        least = max(5, int(np.ceil(RARE * len(column.values)))) if len(column.values) >= 100 else 1
        order = np.lexsort((np.arange(len(counts)), -counts))
        kept = np.sort([i for i in order[:MAX_LEVELS] if counts[i] >= least]).astype(int)
        rare = np.setdiff1d(np.flatnonzero(counts), kept)
        pick = [tuple(str(column.levels[i]) for i in some) for some in (kept, rare)]
        return cls(column.name, pick[0], pick[1][: 50 * MAX_LEVELS], bool((column.values < 0).any()))

    @property
    def outputs(self) -> list[str]:
        """The names of the columns that it becomes."""
        extra = ["(rare)"] * bool(self.rare) + ["(missing)"] * self.indicator
        return [f"{self.name}={level}" for level in (*self.levels, *extra)]

    def write(self, column: Column, out: Matrix) -> None:
        """Set the ones in its (zero) columns of the matrix."""
        place = {level: j for j, level in enumerate(self.levels)}
        place.update(dict.fromkeys(self.rare, len(self.levels)))
        levels = column.levels if column.levels is not None else np.empty(0, dtype=object)
        target = np.array([place.get(level, -1) for level in levels] + [-1], dtype=np.int64)
        if self.indicator:
            target[-1] = out.shape[1] - 1  # code -1, the missing, is the last entry
        chosen = target[column.values]
        rows = np.flatnonzero(chosen >= 0)
        out[rows, chosen[rows]] = 1.0


@dataclass(frozen=True, slots=True)
class TimeCode:
    """A time: a trend, the place in the year, the day of the week and, where times of day differ, the hour."""

    kind: ClassVar[str] = "time"
    name: str
    trend: NumberCode
    clock: bool

    @classmethod
    def learn(cls, column: Column) -> TimeCode:
        """The trend's scale, and whether the time of day says anything."""
        days = _days(column)
        clock = bool(np.any(np.mod(days[~np.isnan(days)], 1.0) > 0))
        return cls(column.name, NumberCode.learn(Column(column.name, "number", days)), clock)

    @property
    def outputs(self) -> list[str]:
        """The names of the columns that it becomes."""
        waves = ["year sin", "year cos"] + ["day sin", "day cos"] * self.clock
        return [f"{self.name} {part}" for part in (*waves, *_WEEKDAYS)] + self.trend.outputs

    def write(self, column: Column, out: Matrix) -> None:
        """Fill its columns of the matrix; a missing time is all zeros beside its indicator."""
        days = _days(column)
        gone = np.isnan(days)
        safe = np.where(gone, 0.0, days)
        turns = [safe / 365.2425] + [np.mod(safe, 1.0)] * self.clock
        for j, turn in enumerate(turns):
            out[:, 2 * j] = np.sin(2 * np.pi * turn)
            out[:, 2 * j + 1] = np.cos(2 * np.pi * turn)
        weekday = np.mod(np.floor(safe).astype(np.int64) + 3, 7)  # 1970-01-01 was a Thursday
        first = 2 * len(turns)
        out[np.arange(len(days)), first + weekday] = 1.0
        out[gone, : first + 7] = 0.0
        self.trend.write(Column(self.name, "number", days), out[:, first + 7 :])


Code = NumberCode | CategoryCode | TimeCode
_CODES: dict[str, type[Any]] = {c.kind: c for c in (NumberCode, CategoryCode, TimeCode)}
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class TableEncoder:
    """What was learned from the columns of a training table; `matrix` applies it to any table that has them."""

    codes: tuple[Code, ...]

    @classmethod
    def learn(cls, table: Table) -> TableEncoder:
        """Learn every column of the table; raises DataError for an infinite entry or if nothing varies."""
        for column in table.columns:
            check_finite(column)
        encoder = cls(tuple(_CODES[c.kind].learn(c) for c in table.columns))
        if not encoder.names:
            raise DataError("no column varies over the training rows; there is nothing to learn from")
        return encoder

    @property
    def names(self) -> list[str]:
        """The names of the columns of the matrix."""
        return [name for code in self.codes for name in code.outputs]

    def matrix(self, table: Table) -> Matrix:
        """The (n, p) matrix, C order, for a table that has the columns learned; others are ignored."""
        out = np.zeros((table.n, len(self.names)))
        at = 0
        for code in self.codes:
            column = _matching(table, code)
            check_finite(column)
            width = len(code.outputs)
            code.write(column, out[:, at : at + width])
            at += width
        return out

    def to_json(self) -> list[dict[str, Any]]:
        """A plain structure for JSON; `from_json` is its inverse."""
        return [{"kind": code.kind, **asdict(code)} for code in self.codes]

    @classmethod
    def from_json(cls, body: list[Mapping[str, Any]]) -> TableEncoder:
        """The encoder that `to_json` wrote."""
        return cls(tuple(_restored(part) for part in body))


def survey(table: Table) -> tuple[Table, list[str]]:
    """The columns that can serve as features, and a note on each that cannot. Looks at no target.

    Raises DataError for an infinite entry, by its row in this table, and if no column is left.
    """
    for column in table.columns:
        check_finite(column)
    notes = {c.name: reason for c in table.columns if (reason := _useless(c))}
    kept = table.without(notes)
    if not kept.columns:
        why = "; ".join(f"{name!r} {reason}" for name, reason in notes.items()) or "none given"
        raise DataError(f"no usable feature column: {why}")
    return kept, [f"column {name!r} is left out: it {reason}" for name, reason in notes.items()]


def _useless(column: Column) -> str | None:
    """Why a column cannot be a feature, or None."""
    if column.kind == "other":
        return f"holds {column.was}"
    present = column.values[~column.missing]
    if not len(present):
        return "is empty"
    if len(present) == len(column.values) and bool((present == present[0]).all()):
        return "is constant"
    if column.kind == "category":
        distinct = len(np.unique(present))
        if distinct > 50 and distinct > 0.5 * len(present):
            return f"looks like an identifier ({distinct:,} different texts in {len(present):,} rows)"
    return None


def _matching(table: Table, code: Code) -> Column:
    """The table's column for a code, of the kind that was learned."""
    column = table.column(code.name)
    if column.kind == code.kind:
        return column
    if column.kind == "number" and np.isnan(column.values).all():
        return _all_missing(column, code.kind)
    if code.kind == "category" and column.kind == "number":
        return _as_category(column)
    raise DataError(f"column {code.name!r} holds {column.was}; the model was trained on a {code.kind} column there")


def _all_missing(column: Column, kind: str) -> Column:
    n = len(column.values)
    if kind == "time":
        return Column(column.name, kind, np.full(n, np.datetime64("NaT"), dtype="M8[us]"))
    return Column(column.name, kind, np.full(n, -1, dtype=np.int32), np.empty(0, dtype=object))


def _as_category(column: Column) -> Column:
    texts = np.array(["" if t is None else t for t in column.texts()], dtype=object)
    levels, codes = np.unique(texts, return_inverse=True)
    return Column(column.name, "category", np.where(column.missing, -1, codes), levels)


def _days(column: Column) -> Matrix:
    """Days since 1970, with fractions; NaN where missing."""
    micro = column.values.astype("M8[us]").astype(np.int64)
    return np.where(np.isnat(column.values), np.nan, micro / 86_400e6)


def _restored(part: Mapping[str, Any]) -> Code:
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in part.items() if k != "kind"}
    if part["kind"] == "time":
        fields["trend"] = NumberCode(**fields["trend"])
    code: Code = _CODES[part["kind"]](**fields)
    return code
