"""Tables from files and from memory, and their encoding, held against scikit-learn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.feather as pf
import pyarrow.parquet as pq
import pytest

from lossmith.choose.encode import TableEncoder, survey
from lossmith.choose.steps import MAX_LEVELS
from lossmith.errors import DataError, FileError
from lossmith.rows.files import read_table
from lossmith.rows.tables import Table, numbers


def _frame(n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "size": rng.normal(5, 3, size=n),
            "count": rng.integers(0, 9, size=n),
            "kind": rng.choice(["red", "green", "blue"], n),
            "ok": rng.random(n) < 0.3,
            "when": pd.Timestamp("2023-12-30 05:00") + pd.to_timedelta(rng.integers(0, 9000, n), unit="h"),
        }
    )
    frame.loc[[3, 5], "size"] = np.nan
    frame.loc[7, "kind"] = None
    return frame


def _same(a: Table, b: Table) -> None:
    assert a.names == b.names
    for x, y in zip(a.columns, b.columns, strict=True):
        assert (x.kind, x.texts()) == (y.kind, y.texts())


def test_every_kind_of_file_gives_the_same_table(tmp_path: Path) -> None:
    table = pa.Table.from_pandas(_frame(), preserve_index=False)
    pq.write_table(table, tmp_path / "t.parquet")
    pf.write_feather(table, str(tmp_path / "t.feather"))
    pc.write_csv(table, tmp_path / "t.csv")
    pc.write_csv(table, tmp_path / "t.tsv", pc.WriteOptions(delimiter="\t"))
    _frame().to_json(tmp_path / "t.jsonl", orient="records", lines=True, date_format="iso")
    whole = read_table(tmp_path / "t.parquet")
    assert [c.kind for c in whole.columns] == ["number", "number", "category", "number", "time"]
    for name in ("t.feather", "t.csv", "t.tsv"):
        _same(read_table(tmp_path / name), whole)
    assert read_table(tmp_path / "t.jsonl").names == whole.names


def test_every_kind_of_frame_gives_the_same_table() -> None:
    frame = _frame()
    for other in (pl.from_pandas(frame), pa.Table.from_pandas(frame), frame.astype({"kind": "category"})):
        _same(Table.of(other), Table.of(frame))
    assert Table.of(np.eye(3)).names == ("x0", "x1", "x2")
    assert Table.of(Table.of(frame)).n == 400


def _write(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", "a,b\n1,2\n3\n", "line 3: Expected 2 columns, got 1"),
        ("a.csv", "", "Empty CSV"),
        ("a.csv", 'a,b\n"x,1\n', "Expected 2 columns"),
        ("a.jsonl", '{"a": 1}\n{"a": \n', "damaged"),
        ("a.parquet", b"PAR1 and nothing else", "damaged"),
        ("a.parquet", b"", "0 bytes"),
        ("a.feather", b"nonsense", "damaged"),
        ("a.xls", "a", "what kind of table"),
    ],
)
def test_damaged_files_are_explained(tmp_path: Path, name: str, content: Any, says: str) -> None:
    with pytest.raises(FileError, match=says) as caught:
        read_table(_write(tmp_path / name, content))
    assert "\n" not in str(caught.value) and name in str(caught.value)


def test_a_truncated_parquet_is_explained(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pandas(_frame()), tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    for part in (len(whole) // 2, len(whole) - 3):
        with pytest.raises(FileError, match="damaged"):
            read_table(_write(tmp_path / "part.parquet", whole[:part]))


def test_missing_files_and_folders_are_explained(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no such file"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(FileError, match="folder"):
        read_table(tmp_path)


@pytest.mark.parametrize(
    ("X", "says"),
    [
        (pd.DataFrame(np.ones((2, 2)), columns=["a", "a"]), "both named 'a'"),
        (pd.DataFrame(np.ones((2, 2)), columns=["a", " "]), "column 1 has an empty name"),
        (pa.table([[1], [2]], names=["a", "a"]), "both named 'a'"),
        ({"a": [1, 2], "b": [1]}, "different lengths"),
        (np.ones(3), r"shape \(3,\)"),
        (np.ones((2, 2), dtype=complex), "complex"),
        (7, "int"),
        (pd.DataFrame({"a": [1, "x"]}), "one type"),
        (pa.table({}), "no columns"),
    ],
)
def test_unusable_frames_are_explained(X: Any, says: str) -> None:
    with pytest.raises(DataError, match=says) as caught:
        Table.of(X)
    assert "\n" not in str(caught.value)


def test_columns_are_found_or_suggested() -> None:
    table = Table.of(_frame())
    with pytest.raises(DataError, match="did you mean 'count'"):
        table.column("cuont")
    with pytest.raises(DataError, match="there are: size, count"):
        table.column("zzz")
    assert table.without(["size"]).names[0] == "count"
    assert table.take(np.array([7])).column("kind").texts() == [None]


def test_numbers_written_as_text_are_numbers_and_the_first_that_is_not_is_named() -> None:
    good, bad = Table.of({"a": ["1", "2.5", None]}), Table.of({"a": ["1", "two", "3"]})
    np.testing.assert_array_equal(numbers(good.column("a"), "target"), [1, 2.5, np.nan])
    with pytest.raises(DataError, match="row 1 has 'two'"):
        numbers(bad.column("a"), "target")


# Encoding


def test_encoding_equals_scikit_learn() -> None:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    frame = _frame()[["size", "count", "kind"]].fillna({"kind": "none"})
    train, test = frame[:300], frame[300:].copy()
    test.loc[301, "kind"] = "never seen"
    number = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    level = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    theirs = ColumnTransformer([("n", number, ["size", "count"]), ("c", level, ["kind"])]).fit(train)
    # "none" is rarer than we keep as a level of its own, in both
    encoder = TableEncoder.learn(Table.of(train))
    ours = encoder.matrix(Table.of(test))
    names = encoder.names
    wanted = theirs.transform(test)
    for j, name in enumerate(theirs.get_feature_names_out()):
        own = name.split("__")[1].replace("kind_", "kind=").replace("=none", "=(rare)")
        np.testing.assert_allclose(ours[:, names.index(own)], wanted[:, j], atol=1e-12)
    assert ours[1, [names.index(f"kind={k}") for k in ("red", "green", "blue", "(rare)")]].sum() == 0
    assert "size is missing" in names and ours[:, names.index("size is missing")].sum() == 0


def test_encoding_learns_from_its_rows_only() -> None:
    table = Table.of(_frame())
    some = np.arange(100)
    assert TableEncoder.learn(table.take(some)) != TableEncoder.learn(table)
    spoiled = _frame()
    spoiled.loc[100:, "size"] = 1e9
    assert TableEncoder.learn(Table.of(spoiled).take(some)) == TableEncoder.learn(table.take(some))


def test_encoder_survives_json_and_other_levels() -> None:
    encoder = TableEncoder.learn(Table.of(_frame()))
    again = TableEncoder.from_json(json.loads(json.dumps(encoder.to_json())))
    assert again == encoder
    np.testing.assert_array_equal(again.matrix(Table.of(_frame())), encoder.matrix(Table.of(_frame())))
    few = _frame().iloc[[0, 7]]
    np.testing.assert_array_equal(encoder.matrix(Table.of(few)), encoder.matrix(Table.of(_frame()))[[0, 7]])


def test_times_unfold() -> None:
    when = pd.to_datetime(["2024-01-01 00:00", "2024-01-06 18:00", None, "2024-07-02 00:00"])
    encoder = TableEncoder.learn(Table.of(pd.DataFrame({"t": when})))
    rows = dict(zip(encoder.names, encoder.matrix(Table.of(pd.DataFrame({"t": when}))).T, strict=True))
    assert list(rows["t Monday"]) == [1, 0, 0, 0] and list(rows["t Saturday"]) == [0, 1, 0, 0]
    assert rows["t day sin"][1] == pytest.approx(-1.0) and rows["t year cos"][3] == pytest.approx(-1.0, abs=0.01)
    assert list(rows["t is missing"]) == [0, 0, 1, 0]
    assert rows["t day cos"][2] == 0


def test_many_levels_are_capped_and_identifiers_left_out() -> None:
    rng = np.random.default_rng(0)
    n = 20_000
    levels = np.array([f"v{i}" for i in range(5000)])[np.minimum(rng.zipf(1.3, n) - 1, 4999)]
    table = Table.of({"level": levels, "id": [f"id{i}" for i in range(n)], "x": rng.normal(size=n)})
    kept, notes = survey(table)
    assert kept.names == ("level", "x")
    assert "'id'" in notes[0] and "identifier" in notes[0]
    names = TableEncoder.learn(kept).names
    assert sum(name.startswith("level=") for name in names) <= MAX_LEVELS + 1
    assert "level=(rare)" in names


def test_a_million_levels_stay_small() -> None:
    n = 1_000_000
    codes = pa.array(np.arange(n) // 3)
    table = Table.of(pa.table({"level": codes.cast(pa.string()), "x": np.arange(n, dtype=float)}))
    encoder = TableEncoder.learn(survey(table)[0])
    assert len(encoder.names) <= 3
    assert len(json.dumps(encoder.to_json())) < 200_000


def test_useless_columns_are_named() -> None:
    table = Table.of(pa.table({"k": [1, 1, 1], "e": pa.nulls(3), "l": [[1], [2], [3]], "x": [1, 2, 3]}))
    kept, notes = survey(table)
    assert kept.names == ("x",)
    assert [n.split("it ")[1] for n in notes] == ["is constant", "is empty", "holds list<item: int64>"]
    with pytest.raises(DataError, match="no usable feature"):
        survey(table.without(["x"]))


def test_infinite_entries_and_changed_kinds_are_named() -> None:
    frame = _frame()
    frame.loc[9, "size"] = np.inf
    with pytest.raises(DataError, match="'size': row 9 is infinite"):
        TableEncoder.learn(Table.of(frame))
    encoder = TableEncoder.learn(Table.of(_frame()))
    with pytest.raises(DataError, match="'size' holds"):
        encoder.matrix(Table.of(_frame().assign(size="x")))
    with pytest.raises(DataError, match="no column 'size'"):
        encoder.matrix(Table.of(_frame().drop(columns="size")))
    coded = TableEncoder.learn(Table.of({"k": ["1", "2", "1", "2"]}))
    np.testing.assert_array_equal(coded.matrix(Table.of({"k": [2.0, 1.0]})), coded.matrix(Table.of({"k": ["2", "1"]})))
    gone = encoder.matrix(
        Table.of(
            pa.table(
                {
                    **{c: _frame()[c] for c in ("count", "ok")},
                    "size": pa.nulls(400),
                    "kind": pa.nulls(400),
                    "when": pa.nulls(400),
                }
            )
        )
    )
    assert np.isfinite(gone).all()


def test_a_slip_in_a_column_of_numbers_is_named_and_a_code_is_none() -> None:
    # catches: the column dropped as an identifier; a category of numbers and codes refused
    rng = np.random.default_rng(0)
    cells = [f"{v:.5f}" for v in rng.normal(size=120)]
    good = Table.of({"x1": rng.normal(size=120), "x2": rng.normal(size=120)})
    bad = Table.of({"x1": np.array([*cells[:38], "oops", *cells[39:]]), "x2": rng.normal(size=120)})
    with pytest.raises(DataError, match="'x1': row 38 has 'oops' while 119 of 120 cells are numbers; correct it, "):
        survey(bad)
    with pytest.raises(DataError, match=r"'x1' holds .*: row 38 has 'oops'; the model was trained on numbers"):
        TableEncoder.learn(good).matrix(bad)
    ages = np.array([*(str(20 + i % 40) for i in range(399)), "3o"])
    with pytest.raises(DataError, match="row 399 has '3o'"):
        survey(Table.of({"age": ages}))
    rooms = Table.of({"rooms": np.array(["1", "2", "3", "4", *"123456", "5+"] * 20)})
    assert survey(rooms)[0].names == ("rooms",)


def test_complex_columns_are_refused() -> None:
    # catches: the error of arrow, which is none of ours
    with pytest.raises(DataError, match="'y' holds complex numbers"):
        Table.of({"y": np.ones(3) + 0j})
    words = Table.of({"y": np.array(["1", "two"])}).column("y")
    with pytest.raises(
        DataError, match="row 1 has 'two', not a number, as a target must be; correct it or drop the row"
    ):
        numbers(words, "target")
