"""A table for trees: numbers and times with NaN where missing, categories as codes that trees split by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from lossmith.choose.encode import Known, coded
from lossmith.choose.sparse import columns_of
from lossmith.choose.transformers import WEEKDAYS, YEAR
from lossmith.choose.unseen import Seen
from lossmith.rows.tables import Column, Table

Matrix = NDArray[np.float64]

MOST_LEVELS = 200
"""Levels of a category that are told apart: scikit-learn's trees carry 255. Rarer ones are as if missing."""

PLACES = ("place in the year", "time of day", "weekday")
"""What trees are told of a time beside its days since 1970."""


@dataclass(frozen=True, slots=True, eq=False)
class TreeEncoder:
    """What was learned from the columns of a training table: the levels of its categories, and nothing else."""

    columns: tuple[Known, ...]

    @classmethod
    def applied(cls, table: Table) -> tuple[TreeEncoder, Matrix]:
        """The encoder of a training table, and the matrix of that table."""
        made = cls(tuple(Known(c.name, c.kind, _common(c)) for c in table.columns))
        return made, made.matrix(table)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of the matrix: those of the table, and then the places of each time."""
        own = [c.name for c in self.columns]
        return (*own, *(f"{self.columns[j].name}: {place}" for j in self._times for place in PLACES))

    @property
    def categorical(self) -> tuple[int, ...]:
        """The columns of the matrix that hold codes."""
        return tuple(j for j, c in enumerate(self.columns) if c.kind == "category")

    @property
    def _times(self) -> list[int]:
        return [j for j, c in enumerate(self.columns) if c.kind == "time"]

    def matrix(self, table: Table) -> Matrix:
        """The (n, p) matrix for a table that has the columns learned; NaN for what is missing or was never learned."""
        X = coded(table, self.columns)
        for j in self.categorical:
            X[X[:, j] < 0, j] = np.nan
        return np.ascontiguousarray(np.column_stack([X, *(place for j in self._times for place in _places(X[:, j]))]))

    @property
    def seen(self) -> Seen:
        """The texts learned in each category, but where there are so many that the rarer ones are not told apart."""
        kept = [c for c in self.columns if c.levels is not None and len(c.levels) < MOST_LEVELS]
        return {c.name: frozenset(str(text) for text in c.levels) for c in kept if c.levels is not None}

    def to_json(self) -> dict[str, Any]:
        """What was learned as a plain structure for JSON; `from_json` is its inverse."""
        levels = [None if c.levels is None else [str(text) for text in c.levels] for c in self.columns]
        return {"trees": True, "columns": [[c.name, c.kind] for c in self.columns], "levels": levels}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> TreeEncoder | SparseColumns:
        """The encoder that `to_json` wrote, there or in `SparseColumns`."""
        if "width" in body:
            return SparseColumns(int(body["width"]))
        pairs = zip(body["columns"], body["levels"], strict=True)
        return cls(tuple(Known(name, kind, _texts(levels)) for (name, kind), levels in pairs))


@dataclass(frozen=True, slots=True)
class SparseColumns:
    """A sparse matrix for trees: as it is, and of as many columns as in training."""

    width: int

    @classmethod
    def applied(cls, table: Table) -> tuple[SparseColumns, Any]:
        """The encoder of a training table, and its CSR matrix."""
        made = cls(table.columns[0].values.shape[1])
        return made, made.matrix(table)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns by their numbers."""
        return tuple(f"x{j}" for j in range(self.width))

    @property
    def categorical(self) -> tuple[int, ...]:
        """None."""
        return ()

    @property
    def seen(self) -> Seen:
        """A sparse matrix has no categories."""
        return {}

    def matrix(self, table: Table) -> Any:
        """The CSR matrix (n, p) of a table that is a sparse matrix of as many columns."""
        return csr_matrix(columns_of(table, self.width))  # not csr_array, which LightGBM does not know

    def to_json(self) -> dict[str, Any]:
        """The number of columns; `from_json` is its inverse."""
        return {"trees": True, "width": self.width}


def _texts(levels: list[str] | None) -> NDArray[Any] | None:
    return None if levels is None else np.array(levels, dtype=object)


def _common(column: Column) -> NDArray[Any] | None:
    """The texts that occur most often among the rows of a category, sorted; None for other columns."""
    if column.levels is None:
        return None
    counts = np.bincount(column.values[column.values >= 0], minlength=len(column.levels))
    often = np.argsort(-counts, kind="stable")[:MOST_LEVELS]
    return np.array(sorted(str(column.levels[j]) for j in often if counts[j]), dtype=object)


def _places(days: Matrix) -> list[Matrix]:
    """In the order of PLACES; the weekday is a number, Monday 0."""
    weekday = np.mod(np.floor(days) + 3, len(WEEKDAYS))  # 1970-01-01 was a Thursday
    return [np.mod(days, YEAR) / YEAR, np.mod(days, 1.0), weekday]
