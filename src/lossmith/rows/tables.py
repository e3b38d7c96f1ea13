"""Tables as columns of numbers, categories and times, from a file or from memory.

A `Table` is what `choose` and the command line work on. It is made by `lossmith.rows.files.read_table` or by `Table.of`
(pandas, polars, pyarrow, a mapping of columns, a 2-D array). Rows are counted from 0, as in Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.errors import DataError, nearest
from lossmith.rows.memory import table as checked


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `kind` is number (float64, NaN missing), category (codes into `levels`, -1 missing),
    time (datetime64[us], NaT missing), sparse (all columns of a sparse matrix at once) or other (not usable)."""

    name: str
    kind: str
    values: NDArray[Any]
    levels: NDArray[Any] | None = None
    was: str = ""

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Elementwise: is the value missing?"""
        return _MISSING[self.kind](self.values)

    def take(self, rows: NDArray[Any]) -> Column:
        """The same column for some rows, given as indices or a mask."""
        return replace(self, values=self.values[rows])

    def texts(self) -> list[str | None]:
        """The values as text, None where missing."""
        if self.levels is not None:
            levels = self.levels
            return [None if c < 0 else str(levels[c]) for c in self.values]
        gone = self.missing
        return [None if gone[i] else _shown(v) for i, v in enumerate(self.values)]


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of equal length; `n` rows."""

    columns: tuple[Column, ...]
    n: int

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(c.name for c in self.columns)

    def column(self, name: str) -> Column:
        """The column of that name, or a DataError that suggests a near one."""
        for column in self.columns:
            if column.name == name:
                return column
        near = nearest(name, self.names)
        hint = f"did you mean {near!r}?" if near else f"there are: {_listed(self.names)}"
        raise DataError(f"no column {name!r}; {hint}")

    def without(self, names: Iterable[str]) -> Table:
        """The table without some columns."""
        gone = set(names)
        return replace(self, columns=tuple(c for c in self.columns if c.name not in gone))

    def take(self, rows: NDArray[Any]) -> Table:
        """The table for some rows, given as indices or a mask."""
        count = int(rows.sum()) if rows.dtype == np.bool_ else len(rows)
        return Table(tuple(c.take(rows) for c in self.columns), count)

    @classmethod
    def of(cls, X: Any, what: str = "X") -> Table:
        """A table from pandas, polars, pyarrow, a dict of columns, a 2-D array or a sparse matrix; else a DataError."""
        if isinstance(X, Table):
            return X
        if type(X).__module__.startswith("scipy.sparse"):
            return _from_sparse(X, what)
        return from_arrow(_arrow(X, what), what)


def from_arrow(table: Any, where: str) -> Table:
    """A Table from a pyarrow Table; `where` names it in errors."""
    names = [str(name) for name in table.column_names]
    _check_names(names, where)
    if not names:
        raise DataError(f"{where}: the table has no columns")
    return Table(tuple(_column(n, table.column(i)) for i, n in enumerate(names)), int(table.num_rows))


def numbers(column: Column, role: str) -> NDArray[np.float64]:
    """The values of a number column, or a DataError that names the first row that is text."""
    if column.kind == "number":
        return np.asarray(column.values, dtype=np.float64)
    if column.kind != "category":
        raise DataError(f"column {column.name!r} holds {column.was}; {_one(role)} must be numbers{_as_numbers(column)}")
    for row, text in enumerate(column.texts()):
        if text is not None and not is_number(text):
            raise DataError(
                f"column {column.name!r}: row {row} has {text!r}, not a number, as {_one(role)} must be; "
                "correct it or drop the row"
            )
    return np.array([np.nan if t is None else float(t) for t in column.texts()])


def _one(role: str) -> str:
    return f"an {role}" if role[0] in "aeiou" else f"a {role}"


def _as_numbers(column: Column) -> str:
    return ", such as days since the first date" if column.kind == "time" else "; give another column"


def check_finite(column: Column) -> None:
    """Raise a DataError that names the first infinite entry of a number column."""
    if column.kind == "number" and np.isinf(column.values).any():
        row = int(np.flatnonzero(np.isinf(column.values))[0])
        raise DataError(f"column {column.name!r}: row {row} is infinite; leave it empty (missing) or drop the row")


def _pyarrow() -> Any:
    import pyarrow

    return pyarrow


def said(error: Exception) -> str:
    """The first line of an error of arrow, with rows called lines."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).replace("Row #", "line ")[:200].rstrip(".")


def _check_names(names: list[str], where: str) -> None:
    for i, name in enumerate(names):
        if not name.strip():
            raise DataError(f"{where}: column {i} has an empty name; give every column a name")
        if name in names[:i]:
            raise DataError(f"{where}: columns {names.index(name)} and {i} are both named {name!r}; rename one")


def _arrow(X: Any, what: str) -> Any:
    """Whatever it is, as a pyarrow Table."""
    pa = _pyarrow()
    if isinstance(X, pa.Table):
        return X
    if isinstance(X, Mapping):
        _same_length(X, what)
        return pa.table({str(k): _plain(np.asarray(v), str(k)) for k, v in X.items()})
    if isinstance(X, (np.ndarray, list, tuple)):
        return _from_array(np.asarray(X), what)
    return _from_frame(X, what)


def _same_length(X: Mapping[Any, Any], what: str) -> None:
    lengths = {str(k): len(v) for k, v in X.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(f"{what}: columns of different lengths ({_listed(f'{k}: {v}' for k, v in lengths.items())})")


def _from_array(X: NDArray[Any], what: str) -> Any:
    pa = _pyarrow()
    if X.ndim != 2:
        raise DataError(f"{what} has shape {X.shape}; rows and columns are needed, (n, p)")
    if X.dtype.kind not in "biufO":
        raise DataError(f"{what} has dtype {X.dtype}; give numbers, or a data frame with named columns")
    return pa.table({f"x{j}": _plain(X[:, j], f"x{j}") for j in range(X.shape[1])})


def _from_sparse(X: Any, what: str) -> Table:
    """A sparse matrix stays one, by rows; its entries are checked like those of any other."""
    if X.ndim != 2:
        raise DataError(f"{what} has shape {X.shape}; rows and columns are needed, (n, p)")
    matrix, _ = checked(X, np.float64)
    return Table((Column(what, "sparse", matrix, None, "a sparse matrix"),), int(matrix.shape[0]))


def _plain(values: NDArray[Any], name: str) -> Any:
    pa = _pyarrow()
    if values.dtype.kind == "c":
        raise DataError(f"column {name!r} holds complex numbers; give real and imaginary parts as columns of their own")
    if values.dtype.kind != "O":
        return pa.array(np.ascontiguousarray(values))
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowException, TypeError) as error:
        raise DataError(f"column {name!r}: {said(error)}; every column needs one type") from None


def _from_frame(X: Any, what: str) -> Any:
    import narwhals as nw

    pa = _pyarrow()
    _check_names([str(c) for c in getattr(X, "columns", ())], what)
    try:
        frame = nw.from_native(X, eager_only=True)
    except TypeError:
        raise DataError(f"{what} is a {type(X).__name__}; give a data frame, an arrow table or a 2-D array") from None
    try:
        return frame.to_arrow()
    except (pa.ArrowException, TypeError) as error:
        raise DataError(f"{what}: {said(error)}; every column needs one type") from None


def _column(name: str, data: Any) -> Column:
    """One arrow column in our own form; what cannot be used becomes kind "other"."""
    pa = _pyarrow()
    kinds, typ = pa.types, data.type
    if kinds.is_dictionary(typ):
        data = data.cast(typ.value_type)
        typ = data.type
    for test, convert in _CONVERTERS:
        if any(getattr(kinds, f"is_{word}")(typ) for word in test.split()):
            return convert(name, data, str(typ))
    return Column(name, "other", np.zeros(len(data)), None, str(typ))


def _number(name: str, data: Any, was: str) -> Column:
    pa = _pyarrow()
    return Column(name, "number", _floats(data.cast(pa.float64(), safe=False)), None, was)


def _span(name: str, data: Any, was: str) -> Column:
    """Durations and times of day, as a number of their own unit."""
    pa = _pyarrow()
    whole = pa.int32() if data.type.bit_width == 32 else pa.int64()
    return _number(name, data.cast(whole), was)


def _blank(name: str, data: Any, was: str) -> Column:
    return Column(name, "number", np.full(len(data), np.nan), None, "empty")


def _time(name: str, data: Any, was: str) -> Column:
    pa = _pyarrow()
    stamps = data.cast(pa.timestamp("us", tz=getattr(data.type, "tz", None)), safe=False)
    values = np.concatenate([c.to_numpy(zero_copy_only=False) for c in stamps.chunks] or [np.empty(0, "M8[us]")])
    return Column(name, "time", values.astype("M8[us]"), None, was)


def _category(name: str, data: Any, was: str) -> Column:
    """Codes into sorted levels, so that the order of the rows changes nothing."""
    pa = _pyarrow()
    coded = data.cast(pa.large_string()).combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    levels = np.array(coded.dictionary.to_pylist(), dtype=object)
    order = np.argsort(levels, kind="stable") if len(levels) else np.empty(0, dtype=np.int64)
    place = np.empty(len(levels) + 1, dtype=np.int32)
    place[order] = np.arange(len(levels), dtype=np.int32)
    place[-1] = -1
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return Column(name, "category", place[codes], levels[order], was)


_CONVERTERS: tuple[tuple[str, Callable[[str, Any, str], Column]], ...] = (
    ("null", _blank),
    ("boolean integer floating decimal", _number),
    ("duration time", _span),
    ("date timestamp", _time),
    ("string large_string string_view", _category),
)


def _floats(data: Any) -> NDArray[np.float64]:
    parts = [chunk.to_numpy(zero_copy_only=False) for chunk in data.chunks]
    return np.concatenate(parts).astype(np.float64, copy=False) if parts else np.empty(0)


def is_number(text: str) -> bool:
    """Does the text of a cell read as a number?"""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _listed(names: Iterable[str], most: int = 8) -> str:
    names = list(names)
    return ", ".join(names[:most]) + (f" … ({len(names)} in all)" if len(names) > most else "")


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


_MISSING: dict[str, Callable[[NDArray[Any]], NDArray[np.bool_]]] = {
    "number": np.isnan,
    "category": lambda codes: codes < 0,
    "time": np.isnat,
    "other": lambda values: np.zeros(len(values), dtype=bool),
    "sparse": lambda matrix: np.zeros(matrix.shape[0], dtype=bool),
}
