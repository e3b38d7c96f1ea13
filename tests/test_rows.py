"""Rows in memory: what is accepted, what is refused and in which words, and that nothing is copied without need."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp

from lossmith.errors import DataError, ShapeError
from lossmith.fit.design import Design
from lossmith.rows.memory import Rows, blocks
from lossmith.rows.moments import Moments

X = np.arange(12.0).reshape(6, 2) - 3.0
Y = np.array([1.0, -1.0, 2.0, 0.5, 0.0, 3.0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_float_arrays_are_kept_without_a_copy(dtype: Any, order: Any) -> None:
    x = np.asarray(X, dtype=dtype, order=order)
    rows = Rows.of(x, Y)
    assert rows.X is x and rows.y is Y
    assert (rows.n, rows.p, rows.sparse, rows.names) == (6, 2, False, None)


def test_strided_arrays_and_readonly_ones_are_accepted() -> None:
    x = np.repeat(X, 2, axis=0)[::2]
    x.flags.writeable = False
    np.testing.assert_array_equal(Rows.of(x, Y).X, X)


@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.csc_matrix, sp.csr_array, sp.csc_array, sp.coo_array])
def test_sparse_matrices_become_csr(kind: Any) -> None:
    rows = Rows.of(kind(X), Y)
    assert rows.sparse and rows.X.format == "csr"
    np.testing.assert_array_equal(rows.X.toarray(), X)


def test_csr_is_kept_without_a_copy() -> None:
    x = sp.csr_array(X)
    assert np.shares_memory(Rows.of(x, Y).X.data, x.data)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame, pa.table])
def test_tables_bring_their_names_and_convert_ints_and_bools(frame: Any) -> None:
    rows = Rows.of(frame({"a": [1, 2, 3], "b": [True, False, True], "c": [0.5, 1.5, 2.5]}), [1, 2, 3])
    assert rows.names == ("a", "b", "c")
    np.testing.assert_array_equal(rows.X, [[1, 1, 0.5], [2, 0, 1.5], [3, 1, 2.5]])


@pytest.mark.parametrize("column", [pd.Series, pl.Series, pa.array, list, tuple])
def test_targets_and_weights_may_be_columns_of_any_library(column: Any) -> None:
    rows = Rows.of(X, column(Y.tolist()), weight=column([1, 2, 3, 4, 5, 6]))
    np.testing.assert_array_equal(rows.y, Y)
    assert rows.weight is not None and rows.weight.dtype == np.float64


def spoiled(row: int, column: int, value: float) -> Any:
    x = X.copy()
    x[row, column] = value
    return x


def weights(*values: float) -> Any:
    return np.array([*values, *[1.0] * (6 - len(values))])


REFUSED: dict[str, tuple[dict[str, Any], type[Exception], tuple[str, ...]]] = {
    "NaN in X": ({"X": spoiled(4, 1, np.nan)}, DataError, ("NaN", "row 4", "column 1")),
    "infinity in X": ({"X": spoiled(2, 0, -np.inf)}, DataError, ("infinity", "row 2", "column 0")),
    "two infinities that cancel": (
        {"X": np.where(np.eye(6, 2) > 0, [np.inf, -np.inf], X)}, DataError, ("infinity", "2 such cells")),
    "NaN in float32": ({"X": spoiled(0, 0, np.nan).astype(np.float32)}, DataError, ("NaN", "row 0")),
    "NaN in F order": ({"X": np.asfortranarray(spoiled(5, 1, np.nan))}, DataError, ("row 5", "column 1")),
    "NaN in a sparse X": ({"X": sp.csr_array(spoiled(3, 1, np.nan))}, DataError, ("NaN", "row 3", "column 1")),
    "missing in a table": (
        {"X": pl.DataFrame({"a": [1.0, None, 3.0, 4.0, 5.0, 6.0]})}, DataError, ("NaN", "row 1", "column 'a'")),
    "text in a table": ({"X": pd.DataFrame({"a": list("uvwxyz")})}, DataError, ("'a'", "not numbers", "encode")),
    "text in an array": ({"X": np.array([["1", "u"]] * 6)}, DataError, ("'u'", "row 0", "column 1")),
    "complex": ({"X": X + 1j}, DataError, ("Complex",)),
    "dates": ({"X": np.full((6, 2), np.datetime64("2020-01-01"))}, DataError, ("datetime64",)),
    "no rows": ({"X": np.empty((0, 2)), "y": np.empty(0)}, DataError, ("no rows",)),
    "no columns": ({"X": np.empty((6, 0))}, DataError, ("X has",)),
    "one dimension": ({"X": X[:, 0]}, ShapeError, ("(6,)", "reshape(-1, 1)")),
    "three dimensions": ({"X": X[None]}, ShapeError, ("(1, 6, 2)",)),
    "ragged rows": ({"X": [[1.0, 2.0], [3.0]], "y": [1, 2]}, ShapeError, ("ragged",)),
    "equal names": ({"X": pa.table([[1.0] * 6, [2.0] * 6], names=["a", "a"])}, DataError, ("'a'", "2 times")),
    "empty name": ({"X": pl.DataFrame({"a": Y, " ": Y})}, DataError, ("column 1", "no name")),
    "y is a column": ({"y": Y[:, None]}, ShapeError, ("(6, 1)", "(6,)", "ravel")),
    "y is short": ({"y": Y[:5]}, ShapeError, ("6 rows", "5")),
    "y is None": ({"y": None}, DataError, ("y is None",)),
    "NaN in y": ({"y": weights(1.0, np.nan)}, DataError, ("y holds NaN", "row 1")),
    "infinity in y": ({"y": weights(np.inf)}, DataError, ("y holds infinity", "row 0")),
    "text in y": ({"y": list("uvwxyz")}, DataError, ("y", "not numbers")),
    "negative weight": ({"weight": weights(1, 1, -0.5)}, DataError, ("negative", "row 2", "-0.5")),
    "weights of 0": ({"weight": np.zeros(6)}, DataError, ("sum to",)),
    "NaN weight": ({"weight": weights(np.nan)}, DataError, ("weight holds NaN", "row 0")),
    "weights of another length": ({"weight": np.ones(4)}, ShapeError, ("6 rows", "weight has 4")),
    "weights as a column": ({"weight": np.ones((6, 1))}, ShapeError, ("(6,)", "(6, 1)")),
    "offset of another length": ({"offset": np.ones(7)}, ShapeError, ("offset has 7",)),
    "offset as a column": ({"offset": np.ones((6, 1))}, ShapeError, ("(6, 1)",)),
    "infinite offset": ({"offset": weights(np.inf)}, DataError, ("offset holds infinity", "row 0")),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_is_refused_in_one_line_that_says_where(case: str) -> None:
    change, error, words = REFUSED[case]
    with pytest.raises(error) as refusal:
        Rows.of(**{"X": X, "y": Y, **change})
    text = str(refusal.value)
    assert "\n" not in text
    for word in words:
        assert word in text


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_one_pass_over_a_large_table_measures_it_and_finds_what_cannot_be_used(order: str, dtype: Any) -> None:
    X = np.asarray(np.random.default_rng(0).normal(3.0, 2.0, size=(60_000, 20)), dtype=dtype, order=order)
    rows = Rows.of(X, np.zeros(len(X)))
    seen = rows.notes[Moments]
    np.testing.assert_allclose(seen.shift + seen.one / len(X), X.mean(axis=0, dtype=np.float64), rtol=1e-12)
    design = Design.of(rows, True)
    np.testing.assert_allclose(design.factor, 1.0 / X.std(axis=0, dtype=np.float64), rtol=1e-12)
    assert Design.of(rows, True) is design
    assert not rows.take(slice(0, 30_000)).notes
    for value, word in ((np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")):
        X[59_999, 19] = value
        with pytest.raises(DataError, match=f"X holds {word} in row 59999, column 19"):
            Rows.of(X, np.zeros(len(X)))
    X[59_999, 19] = np.finfo(dtype).max  # its square is beyond float64, but it is a number
    assert Rows.of(X, np.zeros(len(X))).n == len(X)


def test_extreme_magnitudes_are_data_and_not_infinities() -> None:
    x = np.array([[1e300, 1e-300], [1.7e308, 2e-308], [1.7e308, -1e-300]])
    assert Rows.of(x, [1e300, -1e300, 1e-300]).n == 3


def test_take_keeps_everything_in_step() -> None:
    rows = Rows.of(pd.DataFrame(X, columns=["a", "b"]), Y, weight=np.arange(1.0, 7.0), offset=-Y)
    some = rows.take(np.array([4, 0]))
    np.testing.assert_array_equal(some.X, X[[4, 0]])
    assert some.weight is not None and some.offset is not None
    assert (some.y.tolist(), some.weight.tolist(), some.offset.tolist(), some.names) == (
        [0.0, 1.0], [5.0, 1.0], [0.0, -1.0], ("a", "b"))  # fmt: skip


@pytest.mark.parametrize("order", ["C", "F"])
def test_blocks_cover_every_row_once_and_stay_small(order: Any) -> None:
    x = np.zeros((50_000, 30), order=order)
    parts = list(blocks(x))
    assert [row for q in parts for row in range(q.start, q.stop)] == list(range(50_000))
    assert len(parts) > 5 and max(q.stop - q.start for q in parts) * 30 * 8 <= 2**20
