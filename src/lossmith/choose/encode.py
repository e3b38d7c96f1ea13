"""A table into a matrix, by scikit-learn: missing values imputed, numbers scaled, categories one-hot, times unfolded.

What is learned (units, medians, means, deviations, levels) is learned by the steps of `steps.py` from the rows that
`learn` is given and from no others, so that a fold never sees its test rows. Before that nothing is learned: texts are
codes into the levels of their column, times are days, and all columns are one array of floats.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lossmith.choose.sparse import SparseEncoder, is_sparse
from lossmith.choose.steps import KEPT_RARE, Steps, learned, levels, parts, restored
from lossmith.choose.unseen import Seen
from lossmith.errors import DataError
from lossmith.rows.tables import Column, Table, check_finite, is_number

if TYPE_CHECKING:
    from sklearn.compose import ColumnTransformer

    from lossmith.choose.native import SparseColumns, TreeEncoder

MISSING, UNSEEN = -1, -2
"""Codes of a category beside those of its levels: an entry that is missing, and a text that nobody has learned."""

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Known:
    """A column as it was in training: `levels` are the texts that the codes of a category stand for, else None."""

    name: str
    kind: str
    levels: NDArray[Any] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class TableEncoder:
    """What was learned from the columns of a training table; `matrix` applies it to any table that has them.

    `columns` are those of the table, `steps` the fitted transformer of their array, `names` the columns of the matrix.
    """

    columns: tuple[Known, ...]
    steps: ColumnTransformer
    names: tuple[str, ...]

    @classmethod
    def learn(cls, table: Table) -> TableEncoder:
        """Learn every column of the table; raises DataError for an infinite entry or if nothing varies."""
        return cls.applied(table)[0]

    @classmethod
    def applied(cls, table: Table) -> tuple[TableEncoder, Matrix]:
        """The encoder of a training table, and the matrix of that table."""
        columns = tuple(Known(c.name, c.kind, c.levels) for c in table.columns)
        X = coded(table, columns)
        steps = Steps.of(X, [c.kind for c in columns])
        if not steps:
            raise DataError("no column varies over the training rows; there is nothing to learn from")
        fitted = steps.transformer()
        encoded = _plain(fitted.fit_transform(X))
        return cls(columns, fitted, tuple(_names(columns, fitted))), encoded

    def matrix(self, table: Table) -> Matrix:
        """The (n, p) matrix, C order, for a table that has the columns learned; others are ignored."""
        X = coded(table, self.columns)
        return _plain(self.steps.transform(X)) if table.n else np.zeros((0, len(self.names)))

    @property
    def seen(self) -> Seen:
        """The texts learned in each category, but where they are so many that a saved encoder does not keep all."""
        found = {}
        for part, step, (j, *_) in parts(self.steps):
            own, rare = levels(step) if part.startswith("category") else ([], [0] * KEPT_RARE)
            if len(rare) < KEPT_RARE:
                found[self.columns[j].name] = frozenset(
                    t for t in _texts(self.columns[j], [*own, *rare]) if t is not None
                )
        return found

    def to_json(self) -> dict[str, Any]:
        """What was learned as a plain structure for JSON, categories by their texts; `from_json` is its inverse."""
        state = learned(self.steps)
        for one in state["categories"]:
            own, rare = one["own"], one["rare"][:KEPT_RARE]
            one["own"], one["rare"] = (_texts(self.columns[one["column"]], codes) for codes in (own, rare))
        return {"columns": [[c.name, c.kind] for c in self.columns], **state}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> TableEncoder:
        """The encoder that `to_json` wrote."""
        columns = [Known(name, kind) for name, kind in body["columns"]]
        categories = []
        for one in body["categories"]:
            name, j = columns[one["column"]].name, one["column"]
            texts = np.array(sorted(t for t in (*one["own"], *one["rare"]) if t is not None), dtype=object)
            columns[j] = Known(name, "category", texts)
            place = _places(texts)
            categories.append({"column": j, **{part: [place[t] for t in one[part]] for part in ("own", "rare")}})
        steps = restored({**body, "categories": categories}, [c.kind for c in columns])
        return cls(tuple(columns), steps, tuple(_names(tuple(columns), steps)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TableEncoder) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.names)


Encoder = TableEncoder | SparseEncoder


def encoded(table: Table) -> tuple[Encoder, Any]:
    """The encoder of a training table, and its matrix: a sparse matrix is not taken apart into columns."""
    return SparseEncoder.applied(table) if is_sparse(table) else TableEncoder.applied(table)


def read_encoder(body: Mapping[str, Any]) -> Encoder | TreeEncoder | SparseColumns:
    """The encoder whose `to_json` this is."""
    if "trees" in body:
        from lossmith.choose.native import TreeEncoder

        return TreeEncoder.from_json(body)
    return SparseEncoder.from_json(body) if "sparse" in body else TableEncoder.from_json(body)


def _plain(X: Any) -> Matrix:
    return np.ascontiguousarray(X, dtype=np.float64)


def coded(table: Table, columns: tuple[Known, ...]) -> Matrix:
    """The columns as floats (n, p), NaN where numbers and times are missing: a change of form, nothing learned."""
    X = np.empty((table.n, len(columns)), order="F")
    for j, known in enumerate(columns):
        column = _matching(table, known)
        check_finite(column)
        X[:, j] = _FLOATS[known.kind](column, known)
    return X


def _number(column: Column, known: Known) -> NDArray[Any]:
    return column.values


def _codes(column: Column, known: Known) -> NDArray[Any]:
    if column.levels is known.levels:
        return column.values
    assert column.levels is not None and known.levels is not None
    place = _places(known.levels)
    target = np.array([*(place.get(text, UNSEEN) for text in column.levels), MISSING])
    return np.asarray(target[column.values])


def _places(texts: NDArray[Any]) -> dict[Any, int]:
    return {None: MISSING, **{text: i for i, text in enumerate(texts)}}


def _days(column: Column, known: Known) -> NDArray[Any]:
    """Days since 1970, with fractions; NaN where missing."""
    micro = column.values.astype("M8[us]").astype(np.int64)
    return np.where(np.isnat(column.values), np.nan, micro / 86_400e6)


_FLOATS = {"number": _number, "category": _codes, "time": _days}


def _texts(known: Known, codes: list[int]) -> list[str | None]:
    assert known.levels is not None
    return [None if code == MISSING else str(known.levels[code]) for code in codes]


def _names(columns: tuple[Known, ...], steps: ColumnTransformer) -> Iterator[str]:
    """The names of the columns of the matrix, in the order in which the steps write them."""
    for part, step, places in parts(steps):
        known = [columns[j] for j in places]
        yield from _NAMES[part.split()[0]](step, known)


def _level_names(step: Any, known: list[Known]) -> list[str]:
    own, rare = levels(step)
    shown = ["(missing)" if text is None else text for text in _texts(known[0], own)] + ["(rare)"] * bool(rare)
    return [f"{known[0].name}={text}" for text in shown]


_NAMES: dict[str, Any] = {
    "numbers": lambda step, known: [c.name for c in known],
    "gaps": lambda step, known: [f"{c.name} is missing" for c in known],
    "category": _level_names,
    "times": lambda step, known: step.names([c.name for c in known]),
}


def survey(table: Table) -> tuple[Table, list[str]]:
    """The columns that can serve as features, and a note on each that cannot. Looks at no target.

    Raises DataError for an infinite entry, by its row in this table, and if no column is left.
    """
    for column in table.columns:
        check_finite(column)
    notes = {c.name: reason for c in table.columns if (reason := _useless(c))}
    kept = table.without(notes)
    if not kept.columns:
        why = "; ".join(f"{name!r} {reason}" for name, reason in notes.items()) or "none is left"
        raise DataError(
            f"no usable feature column: {why}; give at least one besides those that are named for a purpose"
        )
    return kept, [f"column {name!r} is left out: it {reason}" for name, reason in notes.items()]


def _useless(column: Column) -> str | None:
    """Why a column cannot be a feature, or None."""
    if column.kind == "sparse":
        return None
    if column.kind == "other":
        return f"holds {column.was}"
    present = column.values[~column.missing]
    if not len(present):
        return "is empty"
    if len(present) == len(column.values) and bool((present == present[0]).all()):
        return "is constant"
    if column.kind == "category":
        distinct = len(np.unique(present))
        _demand_no_slip(column, distinct)
        if distinct > 50 and distinct > 0.5 * len(present):
            return f"looks like an identifier ({distinct:,} different texts in {len(present):,} rows)"
    return None


def _demand_no_slip(column: Column, distinct: int) -> None:
    """Raise a DataError for a column of numbers but for a few cells, which made it text when it was read.

    A code such as "2A" or "5+" that comes again and again among fewer levels is a category, and no slip.
    """
    assert column.levels is not None
    present = column.values[~column.missing]
    odd = np.array([not is_number(str(text)) for text in column.levels], dtype=bool)
    slips = int(odd[present].sum())
    many = distinct > 0.5 * len(present) or slips == len(np.unique(present[odd[present]]))
    if slips and slips <= 0.1 * len(present) and many:
        row, text = _first_odd(column)
        raise DataError(
            f"column {column.name!r}: row {row} has {text!r} while {len(present) - slips:,} of {len(present):,} cells "
            "are numbers; correct it, leave it empty, or leave the column out"
        )


def _first_odd(column: Column) -> tuple[int, str | None]:
    """The first row of a category that is no number, and its text; (-1, None) where every text is one."""
    rows = enumerate(column.texts())
    return next(((row, text) for row, text in rows if text is not None and not is_number(text)), (-1, None))


def _matching(table: Table, known: Known) -> Column:
    """The table's column for one that was learned, of the same kind."""
    column = table.column(known.name)
    if column.kind == known.kind:
        return column
    if column.kind == "number" and np.isnan(column.values).all():
        return _all_missing(column, known.kind)
    if known.kind == "category" and column.kind == "number":
        return _as_category(column)
    if known.kind == "number" and column.kind == "category":
        row, text = _first_odd(column)
        if text is not None:
            raise DataError(
                f"column {known.name!r} holds {column.was}: row {row} has {text!r}; the model was trained on numbers "
                "there; correct it or leave it empty"
            )
    raise DataError(f"column {known.name!r} holds {column.was}; the model was trained on a {known.kind} column there")


def _all_missing(column: Column, kind: str) -> Column:
    n = len(column.values)
    if kind == "time":
        return Column(column.name, kind, np.full(n, np.datetime64("NaT"), dtype="M8[us]"))
    return Column(column.name, kind, np.full(n, -1, dtype=np.int32), np.empty(0, dtype=object))


def _as_category(column: Column) -> Column:
    texts = np.array(["" if t is None else t for t in column.texts()], dtype=object)
    levels, codes = np.unique(texts, return_inverse=True)
    return Column(column.name, "category", np.where(column.missing, -1, codes), levels)
