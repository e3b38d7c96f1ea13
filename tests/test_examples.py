"""The example tables are what their scripts make, say where they come from, and hold nothing from the future."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
TABLES = {"flights": 60_000, "visits": 20_190}


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"make_{name}", EXAMPLES / f"make_{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def committed(name: str) -> pa.Table:
    return pq.read_table(EXAMPLES / f"{name}.parquet")


@pytest.mark.parametrize(("name", "rows"), TABLES.items())
def test_the_committed_table_is_what_the_script_makes(name: str, rows: int) -> None:
    module, table = script(name), committed(name)
    assert table.num_rows == rows
    assert table.schema.equals(module.SCHEMA, check_metadata=True)
    assert table.equals(module.table())


def test_another_seed_would_be_noticed() -> None:
    assert not committed("flights").equals(script("flights").table(seed=2014))


@pytest.mark.parametrize("name", TABLES)
def test_writing_twice_gives_the_same_bytes(name: str, tmp_path: Path) -> None:
    module = script(name)
    first, second = tmp_path / "first.parquet", tmp_path / "second.parquet"
    module.main(first)
    module.main(second)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(("name", "licence"), [("flights", b"CC0-1.0"), ("visits", b"public domain")])
def test_source_and_licence_travel_with_the_file(name: str, licence: bytes) -> None:
    metadata: dict[bytes, Any] = committed(name).schema.metadata
    assert metadata[b"licence"] == licence
    assert metadata[b"source"]
    assert f"make_{name}.py".encode() in metadata[b"made_by"]
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    row = next(line for line in readme.splitlines() if line.startswith(f"| `{name}.parquet`"))
    assert licence.decode() in row
    assert f"{TABLES[name]:,}" in row


@pytest.mark.parametrize("name", TABLES)
def test_the_file_is_small(name: str) -> None:
    assert (EXAMPLES / f"{name}.parquet").stat().st_size < 1_000_000


def test_flights_know_only_what_is_known_at_departure_and_keep_missing_values() -> None:
    table = committed("flights")
    assert set(table.column_names) == {
        "month", "hour", "carrier", "origin", "dest", "distance", "dep_delay", "arr_delay",
    }  # fmt: skip
    assert table["arr_delay"].null_count == 1_737
    assert table["dep_delay"].null_count == 1_519


def test_the_sample_is_spread_over_the_year() -> None:
    months = committed("flights")["month"].to_pylist()
    counts = [months.count(month) for month in range(1, 13)]
    assert min(counts) > 60_000 / 12 * 0.85


def test_visits_are_counts_with_many_zeros() -> None:
    visits = committed("visits")["mdvis"].to_pylist()
    assert min(visits) == 0
    assert max(visits) == 77
    assert 0.31 < visits.count(0) / len(visits) < 0.32
