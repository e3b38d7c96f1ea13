"""Tables for boosters: numbers as they are, missing ones as NaN, categories as codes that trees split natively."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.errors import DataError, ParameterError, UnsupportedError
from lossmith.models.boosted_task import SPARSE

Array = NDArray[Any]
CATEGORICAL = ("Categorical", "Enum", "String", "Object")
"""The types of columns that are categories by themselves, as narwhals calls them."""


@dataclass(frozen=True)
class Encoder:
    """For each column its categories in order, or None for numbers."""

    levels: tuple[tuple[Any, ...] | None, ...]

    @property
    def categorical(self) -> tuple[int, ...]:
        """The indices of the categorical columns."""
        return tuple(i for i, known in enumerate(self.levels) if known is not None)


def read(model: Any, X: Any, categorical: Any, encoder: Encoder | None = None) -> tuple[Any, Encoder]:
    """X as floats (n, p) with NaN where a value is missing or a category unknown, and how its categories are coded.

    A sparse X becomes a CSR matrix, for a model whose engine takes one.

    Without an encoder one is learned, and columns are remembered on the model (n_features_in_, feature_names_in_).
    Raises DataError for a column that is neither numbers nor categories, UnsupportedError for a sparse X where the
    engine takes none.
    """
    import narwhals.stable.v2 as nw
    from sklearn.utils.validation import validate_data

    reset = encoder is None
    frame = _frame(X, nw)
    if isinstance(frame, nw.DataFrame):
        validate_data(model, X, reset=reset, skip_check_array=True)
        if not all(frame.shape):
            raise DataError(f"X has no {'columns' if len(frame) else 'rows'}; give at least one")
        given = {name: i for i, name in enumerate(frame.columns)}
        chosen = _chosen(categorical, frame.shape[1], given)
        columns = [(_values(one, nw), str(one.dtype).split("(")[0]) for one in frame.iter_columns()]
        return _encoded(columns, chosen, encoder, list(map(str, frame.columns)))
    if type(X).__module__.startswith("scipy.sparse"):
        matrix = _sparse(model, X, categorical, reset)
        return matrix, encoder or Encoder((None,) * matrix.shape[1])
    if not encoder.categorical if encoder is not None else _none(categorical):
        if isinstance(X, np.ndarray) and X.dtype.kind in "US":
            raise DataError("X is an array of text; name its categories in categorical_features, or pass a table")
        matrix = validate_data(model, X, reset=reset, dtype=[np.float64, np.float32], ensure_all_finite="allow-nan")
        return matrix, encoder or Encoder((None,) * matrix.shape[1])
    whole = validate_data(model, X, reset=reset, dtype=None, ensure_all_finite=False)
    chosen = _chosen(categorical, whole.shape[1], {})
    columns = [(whole[:, i], "Float64") for i in range(whole.shape[1])]
    return _encoded(columns, chosen, encoder, [f"column {i}" for i in range(whole.shape[1])])


def _frame(X: Any, nw: Any) -> Any:
    """A table of any library as narwhals sees it, anything else as it is; DataError for columns of one name."""
    try:
        return nw.from_native(X, eager_only=True, pass_through=True)
    except nw.exceptions.DuplicateError:
        names = list(map(str, X.columns))
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"X has {names.count(twice)} columns named {twice!r}; give each a name of its own") from None


def single(X: Any, host: str) -> Any:
    """X, for hosts that keep cells in float32; DataError for one that has no place there."""
    cells = X if isinstance(X, np.ndarray) else X.data
    with np.errstate(invalid="ignore"):
        beyond = np.flatnonzero(np.abs(cells) > np.finfo(np.float32).max)
    if len(beyond):
        found = cells.reshape(-1)[beyond[0]]
        raise DataError(f"X holds {found:.6g}, which {host} cannot keep in float32; divide the column by its size")
    return X


def _sparse(model: Any, X: Any, categorical: Any, reset: bool) -> Any:
    """X as a CSR matrix of floats."""
    from scipy.sparse import csr_matrix
    from sklearn.utils.validation import validate_data

    if model.engine not in SPARSE:
        raise UnsupportedError(
            f"engine={model.engine!r} takes no sparse X; use lightgbm, xgboost or catboost, or pass X.toarray()"
        )
    if not _none(categorical):
        raise UnsupportedError("categorical_features of a sparse X cannot be told from numbers; pass X.toarray()")
    kinds = [np.float64, np.float32]
    checked = validate_data(model, X, reset=reset, accept_sparse="csr", dtype=kinds, ensure_all_finite="allow-nan")
    return csr_matrix(checked)  # LightGBM knows no csr_array


def as_trained(X: Any, sparse: bool) -> Any:
    """X as a CSR matrix or as an array, for trees that tell them apart: what a CSR matrix does not store is missing."""
    dense = isinstance(X, np.ndarray)
    if dense and sparse:
        from scipy.sparse import csr_matrix

        return csr_matrix(X)
    return X if dense or sparse else X.toarray()


def _none(categorical: Any) -> bool:
    return categorical is None or (isinstance(categorical, str) and categorical == "auto")


def _values(series: Any, nw: Any) -> Any:
    """Numbers as an array, anything else as a list."""
    return series.cast(nw.Float64).to_numpy() if series.dtype.is_numeric() else series.to_list()


def _chosen(categorical: Any, count: int, names: dict[str, int]) -> set[int]:
    """The columns that the caller says are categories."""
    if _none(categorical):
        return set()
    if isinstance(categorical, str) or not isinstance(categorical, Sequence | np.ndarray):
        raise ParameterError(f"categorical_features={categorical!r}: it must be 'auto', None or a list of columns")
    marks = np.asarray(categorical)
    if marks.dtype == np.bool_:
        return set(np.flatnonzero(marks).tolist())
    found = {names.get(c, c) for c in marks.tolist()}
    strange = [c for c in found if not isinstance(c, int) or not 0 <= c < count]
    if strange:
        raise ParameterError(f"categorical_features names {strange[0]!r}, but X has {count} columns{_of(names)}")
    return found


def _of(names: dict[str, int]) -> str:
    return f" ({', '.join(map(str, list(names)[:8]))}{', …' if len(names) > 8 else ''})" if names else ""


def _encoded(
    columns: list[tuple[Any, str]], chosen: set[int], encoder: Encoder | None, names: list[str]
) -> tuple[Array, Encoder]:
    levels = encoder.levels if encoder is not None else tuple(_levels(c, i in chosen) for i, c in enumerate(columns))
    pairs = zip(columns, levels, names, strict=True)
    matrix = np.column_stack(
        [_codes(v, known) if known is not None else _floats(v, name) for (v, _), known, name in pairs]
    )
    return matrix, Encoder(levels)


def _levels(column: tuple[Any, str], chosen: bool) -> tuple[Any, ...] | None:
    values, kind = column
    if not chosen and kind not in CATEGORICAL:
        return None
    return tuple(sorted({_plain(v) for v in values if not _gone(v)}, key=lambda v: (str(type(v)), v)))


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _gone(value: Any) -> bool:
    return value is None or value != value


def _codes(values: Any, known: tuple[Any, ...]) -> Array:
    table = {level: float(i) for i, level in enumerate(known)}
    return np.array([np.nan if _gone(v) else table.get(_plain(v), np.nan) for v in values])


def _floats(values: Any, name: str) -> Array:
    try:
        plain = isinstance(values, np.ndarray) and values.dtype.kind == "f"
        found = values if plain else np.array([np.nan if v is None else float(v) for v in values])
    except (TypeError, ValueError):
        raise DataError(f"X: {name} holds what is no number; name it in categorical_features, or drop it") from None
    if np.isinf(found).any():
        raise DataError(f"X: {name} is infinite in row {int(np.flatnonzero(np.isinf(found))[0])}; leave it missing")
    return found
