"""Rows in memory: arrays, sparse matrices and tables, checked once and copied only where they must be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.errors import DataError, ShapeError, shown
from lossmith.rows.moments import MANY, Moments, moments

Array = NDArray[Any]
FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
LONG = 1 << 25
"""Cells from which a look at all of them takes a good part of a fit, and may be left to it."""
CELLS = 1 << 17
"""Elements of X looked at together: a megabyte of float64, which stays in the second-level cache."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """A table X with its targets, weights and offsets; make one with `Rows.of`, which checks everything.

    X is (n, p): a float32 or float64 array in C or F order, or a CSR matrix. y is (n,) or (n, K); weight and offset
    are (n,) or None (the offset (n, K) for K outputs); names are the columns' names where the table had any.
    """

    X: Any
    y: Array
    weight: NDArray[np.float64] | None = None
    offset: NDArray[np.float64] | None = None
    names: tuple[str, ...] | None = None
    unread: bool = False
    """Was it left to a fit to look at every cell of X? See `read`."""
    notes: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)
    """What fits have measured of X and may use again: it must not be changed once rows are made."""

    @classmethod
    def of(
        cls, X: Any, y: Any, weight: Any = None, offset: Any = None, *, dtype: Any = None, later: bool = False
    ) -> Rows:
        """Check a table and its targets, and keep them without a copy where the layout allows it.

        With `later` the cells of a long dense X are left to `fit`, whose own passes over all rows show them finite.
        Raises DataError naming the row and column that cannot be used (NaN, infinity, text, negative weight, …), and
        ShapeError naming both shapes that do not match.
        """
        matrix, names = _matrix(X, dtype)
        _demand_cells(matrix)
        left = later and is_long(matrix)
        seen = None if left else _demand_finite(matrix, names)
        n = matrix.shape[0]
        target = _target(y, n)
        made = cls(matrix, target, _weight(weight, n), _offset(offset, n, target), names, left)
        return made._noted(seen)

    @property
    def unseen(self) -> bool:
        """Has nobody looked at every cell of X yet?"""
        return self.unread and READ not in self.notes

    def read(self) -> None:
        """Look at the cells that were left for later; DataError names the first that is not finite."""
        if self.unseen:
            self.notes.clear()
            self._noted(_demand_finite(self.X, self.names)).notes[READ] = True

    def _noted(self, seen: Moments | None) -> Rows:
        if seen is not None:
            self.notes[Moments] = seen
        return self

    @property
    def n(self) -> int:
        """The number of rows."""
        return int(self.X.shape[0])

    @property
    def p(self) -> int:
        """The number of columns."""
        return int(self.X.shape[1])

    @property
    def sparse(self) -> bool:
        """Is X a sparse matrix?"""
        return not isinstance(self.X, np.ndarray)

    def take(self, index: slice | NDArray[Any]) -> Rows:
        """Some of the rows, by slice, index or mask; they are not checked again."""
        weight = None if self.weight is None else self.weight[index]
        offset = None if self.offset is None else self.offset[index]
        return replace(self, X=self.X[index], y=self.y[index], weight=weight, offset=offset)

    def blocks(self) -> Iterator[slice]:
        """Consecutive slices of rows that each hold about a megabyte of X."""
        return blocks(self.X)


READ = "read"
"""The note of rows that were unread once."""


def is_long(X: Any) -> bool:
    """Is X a dense array of so many cells that a look at all of them may be left to a fit?"""
    return isinstance(X, np.ndarray) and X.size >= LONG


def blocks(X: Any, least: int = 64) -> Iterator[slice]:
    """Slices of rows that each hold about a megabyte; longer ones in F order, where a row is scattered."""
    n, p = X.shape
    if isinstance(X, np.ndarray) and not X.flags.c_contiguous and X.flags.f_contiguous:
        least = max(least, 4096)
    step = n if not isinstance(X, np.ndarray) else max(least, CELLS // max(p, 1) // 8 * 8)
    return (slice(a, min(a + step, n)) for a in range(0, n, step))


def table(X: Any, dtype: Any = None, *, later: bool = False) -> tuple[Any, tuple[str, ...] | None]:
    """X as a finite float matrix, and its column names if it has any; DataError names what cannot be used.

    With `later` the cells of a long array are not looked at: `Rows.of` is made of it next.
    """
    matrix, names = _matrix(X, dtype)
    _demand_cells(matrix)
    if not (later and names is None and is_long(matrix)):
        _demand_finite(matrix, names)
    return matrix, names


def _matrix(X: Any, dtype: Any) -> tuple[Any, tuple[str, ...] | None]:
    if isinstance(X, np.ndarray):
        return _dense(X, dtype), None
    if type(X).__module__.startswith("scipy.sparse"):
        return _sparse(X, dtype), None
    if isinstance(X, (list, tuple)):
        return _dense(_asarray(X, "X"), dtype), None
    return _frame(X, dtype)


def _dense(X: Array, dtype: Any) -> Array:
    if X.ndim != 2:
        hint = "; one column is X.reshape(-1, 1), one row is X.reshape(1, -1)" if X.ndim == 1 else ""
        raise ShapeError(f"X must have shape (rows, columns), not {X.shape}. Reshape your data{hint}")
    kept = np.dtype(dtype) if dtype is not None else (X.dtype if X.dtype in FLOATS else np.dtype(np.float64))
    if X.dtype == kept:
        return np.asarray(X)
    if X.dtype.kind in "biuf":
        return X.astype(kept)
    return _objects(X, kept)


def _objects(X: Array, dtype: Any) -> Array:
    """An array of Python objects as floats, or a DataError that names the first that is no number."""
    if X.dtype.kind == "c":
        raise DataError("X holds complex numbers. Complex data not supported; pass real and imaginary parts as columns")
    if X.dtype.kind not in "OUST":
        raise DataError(f"X has dtype {X.dtype}; convert it to numbers first")
    try:
        return X.astype(dtype)
    except (TypeError, ValueError) as why:
        row, column, value = next(_not_numbers(X), (0, 0, X.flat[0] if X.size else ""))
        kind = TypeError if "argument must be" in str(why) else DataError
        raise kind(
            f"X holds {shown(value)} in row {row}, column {column}, which is no number (argument must be a string or a "
            "number); encode or drop it"
        ) from None


def _not_numbers(X: Array) -> Iterator[tuple[int, int, Any]]:
    for (row, column), value in np.ndenumerate(X):
        try:
            float(value)
        except (TypeError, ValueError):
            yield row, column, value


def _sparse(X: Any, dtype: Any) -> Any:
    if X.dtype.kind not in "biuf":
        raise DataError(f"X is sparse with dtype {X.dtype}. Complex data not supported; convert it to floats first")
    kept = np.dtype(dtype) if dtype is not None else (X.dtype if X.dtype in FLOATS else np.dtype(np.float64))
    rows = X.tocsr()
    return rows if rows.dtype == kept else rows.astype(kept)


def _frame(X: Any, dtype: Any) -> tuple[Array, tuple[str, ...] | None]:
    import narwhals as nw

    try:
        frame = nw.from_native(X, eager_only=True, pass_through=True)
    except nw.exceptions.DuplicateError as why:
        raise DataError(f"X has two columns of one name ({' '.join(str(why).split())}); rename one") from None
    if not isinstance(frame, nw.DataFrame):
        return _dense(_asarray(X, "X"), dtype), None
    names = tuple(map(str, frame.columns))
    _demand_names(names)
    kept = np.dtype(dtype) if dtype is not None else np.dtype(np.float64)
    matrix = np.empty((len(frame), len(names)), dtype=kept)
    for j, column in enumerate(frame.iter_columns()):
        matrix[:, j] = _column(column, names[j], nw)
    return matrix, names


def _column(column: Any, name: str, nw: Any) -> Array:
    if column.dtype.is_numeric() or column.dtype == nw.Boolean:
        return np.asarray(column.cast(nw.Float64).to_numpy(), dtype=np.float64)
    raise DataError(f"column {name!r} holds {column.dtype}, not numbers; encode it (for example one-hot) or drop it")


def _demand_names(names: Sequence[str]) -> None:
    if any(not name.strip() for name in names):
        raise DataError(
            f"column {next(j for j, s in enumerate(names) if not s.strip())} has no name; name every column"
        )
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"{Counter(names)[twice[0]]} columns are named {twice[0]!r}; names must differ")


def _demand_cells(X: Any) -> None:
    if X.shape[0] == 0:
        raise DataError("X has no rows; give at least one")
    if X.shape[1] == 0:
        raise DataError(f"X has 0 feature(s) (shape={X.shape}) while a minimum of 1 is required.")


def _demand_finite(X: Any, names: tuple[str, ...] | None) -> Moments | None:
    """Nothing but finite cells; the moments where they were what showed it."""
    seen = moments(X) if isinstance(X, np.ndarray) and X.size >= MANY else None
    if seen is not None and seen.finite:
        return seen
    _search(X, names)
    return None


def _search(X: Any, names: tuple[str, ...] | None) -> None:
    """DataError for the first cell that is not finite."""
    if not isinstance(X, np.ndarray):
        bad = ~np.isfinite(X.data)
        if bad.any():
            at = int(np.flatnonzero(bad)[0])
            row = int(np.searchsorted(X.indptr, at, side="right")) - 1
            raise _not_finite(X.data[at], row, int(X.indices[at]), int(bad.sum()), names)
        return
    for part in blocks(X):
        # A finite sum proves every cell finite at the speed of memory; an infinite one may be mere overflow.
        with np.errstate(over="ignore", invalid="ignore"):
            total = X[part].sum()
        if not np.isfinite(total) and not np.isfinite(X[part]).all():
            bad = ~np.isfinite(X)
            row, column = (int(i) for i in np.argwhere(bad)[0])
            raise _not_finite(X[row, column], row, column, int(bad.sum()), names)


def _not_finite(value: Any, row: int, column: int, count: int, names: tuple[str, ...] | None) -> DataError:
    what = "NaN" if np.isnan(value) else "infinity"
    where = f"column {column}" if names is None else f"column {names[column]!r}"
    more = f" ({count} such cells)" if count > 1 else ""
    return DataError(f"X holds {what} in row {row}, {where}{more}; impute or drop it")


def _asarray(values: Any, what: str) -> Array:
    try:
        return np.asarray(values)
    except ValueError:
        raise ShapeError(f"{what} is ragged: its rows have different lengths") from None


def _numbers(values: Any, what: str) -> Array:
    """A float array of any shape (float32 is kept), finite, or a DataError that names the row."""
    array = values if isinstance(values, np.ndarray) else _asarray(values, what)
    if array.dtype not in FLOATS:
        if array.dtype.kind not in "biufO":
            raise DataError(f"{what} has dtype {array.dtype}, which is not numbers; encode it first")
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError):
            raise DataError(f"{what} holds values that are not numbers; encode or drop them") from None
    bad = ~np.isfinite(array)
    if bad.any():
        row = int(np.argwhere(bad)[0][0])
        kind = "NaN" if np.isnan(array[bad][0]) else "infinity"
        count = int(bad.sum())
        more = f" ({count} such rows)" if count > 1 else ""
        raise DataError(f"{what} holds {kind} in row {row}{more}; drop the row or fill it in")
    return array


def _target(y: Any, n: int) -> Array:
    if y is None:
        raise DataError(
            "y is None; a fit needs a target for every row (requires y to be passed, but the target y is None)"
        )
    raw = y if isinstance(y, np.ndarray) else _asarray(y, "y")
    if raw.ndim not in (1, 2):
        raise ShapeError(f"y must have shape ({n},), not {raw.shape}")
    if raw.ndim == 2 and raw.shape[1] == 1:
        raise ShapeError(f"y has shape {raw.shape} but X has {n} rows: y must be ({raw.shape[0]},); pass y.ravel()")
    _demand_length(raw, n, "y")
    return _numbers(raw, "y")


def _demand_length(values: Array, n: int, what: str) -> None:
    if values.shape[0] != n:
        raise ShapeError(f"X has {n} rows but {what} has {values.shape[0]}; they must be the same")


def _weight(weight: Any, n: int) -> NDArray[np.float64] | None:
    if weight is None:
        return None
    values = np.asarray(_numbers(weight, "weight"), dtype=np.float64)
    if values.ndim != 1:
        raise ShapeError(f"weight must have shape ({n},), not {values.shape}")
    _demand_length(values, n, "weight")
    if values.min() < 0:
        row = int(np.argmax(values < 0))
        raise DataError(f"weight is negative in row {row} ({values[row]:.6g}); weights must be >= 0")
    if not values.sum() > 0:
        raise DataError("the weights sum to zero; at least one row needs a positive weight")
    return values


def _offset(offset: Any, n: int, y: Array) -> NDArray[np.float64] | None:
    if offset is None:
        return None
    values = np.asarray(_numbers(offset, "offset"), dtype=np.float64)
    if values.ndim not in (1, 2) or (values.ndim == 2 and values.shape[1] == 1):
        raise ShapeError(f"offset has shape {values.shape} but y has {y.shape}; pass ({n},)")
    _demand_length(values, n, "offset")
    return values
