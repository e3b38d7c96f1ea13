"""What the commands share: reading a table and its columns, and showing how far a long job is."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lossmith.errors import FileError, ParameterError
from lossmith.rows.files import read_table
from lossmith.rows.tables import Table

if TYPE_CHECKING:
    from rich.console import Console

    from lossmith.choose.work import Progress

PATIENCE = 1.0
"""Seconds of silence before a progress bar appears."""


def opened(path: Path, drop: str | None, **named: str | None) -> Table:
    """The table of a file, without the columns that the user does not want; those named for a purpose are wanted."""
    table = read_table(path)
    unwanted = [name.strip() for name in (drop or "").split(",") if name.strip()]
    for name in unwanted:
        table.column(name)
        purposes = [f"--{role}" for role, used in named.items() if used == name]
        if purposes:
            raise ParameterError(f"--drop {name}: is named by {purposes[0]} too; take it out of one of them")
    return table.without(unwanted)


def demand_suffix(option: str, path: Path | None, *suffixes: str) -> None:
    """Raise a FileError for a file whose name promises another kind than is written; no suffix promises nothing."""
    if path is not None and path.suffix and path.suffix.lower() not in suffixes:
        raise FileError(f"{path}: {option} writes {suffixes[0]}, not {path.suffix}; give it a name with {suffixes[0]}")


def demand_apart(table: Path, *outputs: Path | None) -> None:
    """Raise a FileError if two of the files of a command are one and the same."""
    taken = {table.resolve(): "a file that is read"}
    for path in outputs:
        if path is None:
            continue
        if path.resolve() in taken:
            raise FileError(f"{path}: is {taken[path.resolve()]}; give the output another name")
        taken[path.resolve()] = "named for another output"


@contextmanager
def interrupted(then: str) -> Iterator[None]:
    """Turn ctrl-C into one line that says what was finished, and exit code 130."""
    import typer

    try:
        yield
    except KeyboardInterrupt as stop:
        said = "; ".join(part for part in (str(stop), then) if part)
        typer.echo(f"lossmith: interrupted: {said}", err=True)
        raise typer.Exit(130) from None


def console() -> Console:
    """Where results are printed; wide enough for a table where the output is no terminal."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 110, highlight=False)


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A function to report progress to; a bar on stderr after a second, none where stderr is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    if not sys.stderr.isatty():
        yield lambda done, total, what: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    bar = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
    task, began = bar.add_task("starting", total=None), time.monotonic()

    def report(done: int, total: int, what: str) -> None:
        if time.monotonic() - began > PATIENCE and not bar.live.is_started:
            bar.start()
        bar.update(task, completed=done, total=total, description=what)

    try:
        yield report
    finally:
        bar.stop()
