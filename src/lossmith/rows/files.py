"""Tables from files: Parquet, CSV, TSV, Feather and JSON Lines. Lines of a text file are counted from 1."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lossmith.errors import FileError, nearest
from lossmith.rows.tables import Table, from_arrow, said


def read_table(path: str | Path) -> Table:
    """Read a Parquet, CSV, TSV, Feather or JSON Lines file; errors name the file and the line or column."""
    path = Path(path)
    if not path.exists():
        raise FileError(f"{path}: no such file; {_beside(path)}")
    if path.is_dir():
        raise FileError(f"{path}: is a folder; give one file")
    reader = _READERS.get(_suffix(path))
    if reader is None:
        raise FileError(f"{path}: what kind of table is this? lossmith reads {', '.join(sorted(_READERS))}")
    import pyarrow as pa

    try:
        return from_arrow(reader(path), str(path))
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise FileError(f"{path}: {said(error)}; {_remedy(said(error), _suffix(path)[1:])}") from None


def _beside(path: Path) -> str:
    """The table in the same folder that may have been meant."""
    here = path.parent.glob("*") if path.parent.is_dir() else ()
    near = nearest(path.name, sorted(p.name for p in here if _suffix(p) in _READERS))
    return f"did you mean {path.with_name(near)}?" if near else "give the path of a table"


def _remedy(says: str, kind: str) -> str:
    """What to do about a file that arrow cannot read: a line that it names can be corrected."""
    line = re.search(r"\bline (\d+)", says)
    if "codec" in says:
        return "write the file again as UTF-8"
    return f"correct line {line[1]}" if line else f"the file is damaged, or not {kind}; write the file again"


def _parquet(path: Path) -> Any:
    import pyarrow.parquet as pq

    return pq.ParquetFile(path).read()


def _feather(path: Path) -> Any:
    import pyarrow.feather as pf

    return pf.read_table(path)


def _json(path: Path) -> Any:
    import pyarrow.json as pj

    return pj.read_json(path)


def _csv(delimiter: str) -> Callable[[Path], Any]:
    def read(path: Path) -> Any:
        import pyarrow as pa
        import pyarrow.csv as pc

        def once(threads: bool) -> Any:
            return pc.read_csv(
                path,
                read_options=pc.ReadOptions(use_threads=threads),
                parse_options=pc.ParseOptions(delimiter=delimiter),
                convert_options=pc.ConvertOptions(strings_can_be_null=True),
            )

        try:
            return once(True)
        except pa.ArrowInvalid:
            return once(False)  # only the single-threaded reader knows the number of a ragged line

    return read


_READERS: dict[str, Callable[[Path], Any]] = {
    ".parquet": _parquet,
    ".csv": _csv(","),
    ".tsv": _csv("\t"),
    ".feather": _feather,
    ".arrow": _feather,
    ".jsonl": _json,
    ".ndjson": _json,
}


def _suffix(path: Path) -> str:
    parts = [s.lower() for s in path.suffixes if s.lower() != ".gz"]
    return parts[-1] if parts else ""
