"""A sparse matrix as it is: its columns in units of their deviation, zeros kept, small ones laid out in full."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler

from lossmith.choose.unseen import Seen
from lossmith.errors import DataError, ShapeError
from lossmith.rows.tables import Table

SMALL = 2_000_000
"""Cells of a training matrix up to which it is laid out in full: fits of small dense rows are quicker."""


def is_sparse(table: Table) -> bool:
    """Is the table one sparse matrix?"""
    return table.columns[:1] != () and table.columns[0].kind == "sparse"


def columns_of(table: Table, width: int) -> Any:
    """The matrix that a table is; DataError where it is none, ShapeError where it has not as many columns."""
    if not is_sparse(table):
        raise DataError("the model was trained on a sparse matrix; pass one, such as scipy.sparse.csr_array(X)")
    X = table.columns[0].values
    if X.shape[1] != width:
        raise ShapeError(f"X has {X.shape[1]} columns, but the model was trained on {width}")
    return X


@dataclass(frozen=True, slots=True, eq=False)
class SparseEncoder:
    """What was learned of a sparse training matrix: a scale for each of its columns, by scikit-learn's scalers."""

    steps: Pipeline
    width: int
    dense: bool

    @classmethod
    def applied(cls, table: Table) -> tuple[SparseEncoder, Any]:
        """The encoder of a training matrix, and that matrix encoded; raises DataError where nothing varies."""
        X: Any = table.columns[0].values
        if not X.nnz or not (X.max(axis=0) - X.min(axis=0)).nnz:
            raise DataError("no column varies over the training rows; there is nothing to learn from")
        steps = make_pipeline(MaxAbsScaler(), StandardScaler(with_mean=False))
        encoder = cls(steps, X.shape[1], X.shape[0] * X.shape[1] <= SMALL)
        return encoder, encoder._laid(steps.fit_transform(X))

    @property
    def names(self) -> tuple[str, ...]:
        """The columns by their numbers."""
        return tuple(f"x{j}" for j in range(self.width))

    @property
    def seen(self) -> Seen:
        """A sparse matrix has no categories."""
        return {}

    def matrix(self, table: Table) -> Any:
        """The matrix (n, p) of a table that is a sparse matrix of as many columns."""
        X = columns_of(table, self.width)
        return self._laid(self.steps.transform(X) if X.shape[0] else X)

    def _laid(self, X: Any) -> Any:
        return X.toarray() if self.dense else X

    def to_json(self) -> dict[str, Any]:
        """What was learned as a plain structure for JSON; `from_json` is its inverse."""
        unit, scale = (step for _, step in self.steps.steps)
        learned = {"unit": unit.scale_.tolist(), "deviation": scale.scale_.tolist()}
        return {"sparse": {"dense": self.dense, **learned}}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> SparseEncoder:
        """The encoder that `to_json` wrote: the steps take their shape from zeros, then the scales are put in place."""
        learned, width = body["sparse"], len(body["sparse"]["unit"])
        steps = make_pipeline(MaxAbsScaler(), StandardScaler(with_mean=False)).fit(csr_array((2, width)))
        unit, scale = (step for _, step in steps.steps)
        unit.scale_, scale.scale_ = np.array(learned["unit"]), np.array(learned["deviation"])
        return cls(steps, width, bool(learned["dense"]))
