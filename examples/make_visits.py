"""Make visits.parquet: how often 20,190 person-years of the RAND Health Insurance Experiment saw a doctor.

    python examples/make_visits.py [OUT]

Source: statsmodels.datasets.randhie (public domain), a subset of the data of Cameron and Trivedi, Microeconometrics,
2005. The task is a count: the target is `mdvis`, the outpatient visits to a physician in a year.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

OUT = Path(__file__).with_name("visits.parquet")
SCHEMA = pa.schema(
    {
        "mdvis": pa.int16(),  # outpatient visits to a physician
        "lncoins": pa.float64(),  # log(1 + coinsurance in per cent)
        "idp": pa.int16(),  # 1: individual deductible plan
        "lpi": pa.float64(),  # log(max(1, yearly participation incentive))
        "fmde": pa.float64(),  # log(max(1, maximum expenditure / (0.01 coinsurance))), 0 where idp is 1
        "physlm": pa.float64(),  # 1: a physical limitation; some rows hold a fraction
        "disea": pa.float64(),  # chronic diseases, as an index: not a whole number
        "hlthg": pa.int16(),  # self-rated health: good
        "hlthf": pa.int16(),  # … fair
        "hlthp": pa.int16(),  # … poor (excellent where all three are 0)
    },
    metadata={
        "source": "statsmodels.datasets.randhie, after the RAND Health Insurance Experiment",
        "licence": "public domain",
        "made_by": "examples/make_visits.py",
    },
)


def table() -> pa.Table:
    """All rows, in the order of the source."""
    from statsmodels.datasets import randhie

    data = randhie.load_pandas().data[SCHEMA.names]
    return pa.Table.from_pandas(data, preserve_index=False).cast(SCHEMA.remove_metadata()).cast(SCHEMA)


def main(out: Path = OUT) -> None:
    """Write the table, compressed, without anything that changes from run to run."""
    made = table()
    pq.write_table(made, out, compression="zstd", compression_level=19)
    print(f"{out}: {made.num_rows:,} rows, {out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
