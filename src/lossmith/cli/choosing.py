"""`lossmith choose`: read, compare, print, and write what was asked for."""

from __future__ import annotations

import json as jsonlib
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lossmith.choose import choose as choose_loss
from lossmith.choose.caveats import bad_rows
from lossmith.choose.write import demand_free, write_text
from lossmith.cli.common import console, demand_apart, demand_suffix, interrupted, opened, progress_bar

if TYPE_CHECKING:
    from lossmith.choose.choice import Choice

_COLUMNS = ("weight", "time", "by", "exposure", "offset")
"""Options that name a column, besides the target and the group."""
_WIDEST = 40
"""Characters of a loss in a line of the table: a long formula goes on in the next and pushes no figure out."""
_COLOURS = {"prefer": "green", "equivalent": "blue", "undecided": "yellow"}


def choose(
    table: Path,
    target: str,
    losses: str | None,
    out: Path | None,
    json: Path | None,
    save: Path | None,
    drop: str | None,
    force: bool,
    group: str | None,
    **asked: Any,
) -> None:
    """Everything is checked before the work starts; nothing is written before it has ended.

    `asked` are arguments of `lossmith.choose`, by their own names.
    """
    demand_apart(table, out, json, save)
    demand_suffix("--out", out, ".html", ".htm")
    demand_suffix("--json", json, ".json")
    for path in (out, json, save):
        if path is not None:
            demand_free(path, force)
    data = opened(table, drop, target=target, group=group, **{role: asked[role] for role in _COLUMNS})
    with (
        interrupted("nothing was written; --time-budget SECONDS makes a verdict of what fits"),
        progress_bar() as progress,
    ):
        choice = choose_loss(data, target, losses=losses, groups=group, progress=progress, **asked)
    _print(choice)
    _write(choice, out, json, save, force)


def _write(choice: Choice, out: Path | None, json: Path | None, save: Path | None, force: bool) -> None:
    screen = console()
    if out is not None:
        screen.print(f"report: {choice.report(out, force, command=_command())}", markup=False, soft_wrap=True)
    if json is not None:
        text = jsonlib.dumps(choice.to_json(), indent=2, ensure_ascii=False, default=float)
        screen.print(f"results: {write_text(json, text, force)}", markup=False, soft_wrap=True)
    if save is not None:
        choice.model.save(save, force=force)
        screen.print(f"model: {save}", markup=False, soft_wrap=True)


def _command() -> str:
    return shlex.join(["lossmith", *sys.argv[1:]])


def _print(choice: Choice) -> None:
    from rich.table import Table
    from rich.text import Text

    screen, plan = console(), choice.plan
    screen.print(Text(choice.verdict.sentence, style=f"bold {_COLOURS[choice.verdict.answer]}"))
    judged = f"the {plan.score.functional} of {plan.target.name}, judged by {plan.score.label}: {plan.reason}"
    screen.print(Text(judged))
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("loss", overflow="fold", max_width=_WIDEST)
    grown = any(record["trees"] for record in choice.table)
    cost = ("rounds", "seconds") if grown else ()
    for name in (plan.score.label, "to default", "95 % interval", "p (Holm)", *cost):
        table.add_column(name, justify="right", no_wrap=True)
    for record in choice.table:
        table.add_row(*_cells(record), *_cost(record)[: len(cost)], style="bold" if record["chosen"] else "")
    screen.print(table)
    for said in bad_rows(choice):
        screen.print(Text(said))
    for note in choice.notes:
        screen.print(Text(note, style="dim"))
    shown = plan.score.shown
    screen.print(
        f"expected of the whole procedure {shown(choice.honest):.5g}, best constant {shown(choice.constant):.5g}; "
        f"{len(plan.target.y):,} rows, {choice.columns} columns, {len(plan.folds)} folds, {choice.seconds:.1f} s"
    )


def _cost(record: dict[str, Any]) -> tuple[str, str]:
    return str(record["trees"]["rounds"]) if record["trees"] else "", f"{record['seconds']:.1f}"


def _cells(record: dict[str, Any]) -> list[Any]:
    from rich.text import Text

    params = ", ".join(f"{k}={v:.4g}" for k, v in record["parameters"].items())
    failed = record["fits"] - record["converged"]
    name = record["loss"] + (f"({params})" if params else "") + (f" {failed} not converged" if failed else "")
    cells = [Text(name), f"{record['score']:.5g}"]
    if record["difference"] is None:
        return [*cells, "default", "", ""]
    interval = f"{record['low']:+.3g}, {record['high']:+.3g}"
    return [*cells, f"{record['difference']:+.3g}", interval, f"{record['p']:.2g}"]
