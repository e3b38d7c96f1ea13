"""The command line. This file knows names and options only; the work is imported when a command runs."""

from __future__ import annotations

import io
import os
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

from lossmith.errors import LossmithError

EXAMPLES = """
Examples:

  lossmith choose flights.parquet --target arr_delay --out report.html

  lossmith choose claims.csv --target amount --save model.lossmith

  lossmith predict model.lossmith new.csv --out predictions.csv

  lossmith fit flights.parquet --target arr_delay --loss "abs(r)**1.5"

  lossmith show Huber
"""

app = typer.Typer(
    name="lossmith",
    help="Choose, fit and inspect loss functions." + EXAMPLES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)

USAGE: Any = typer.BadParameter.__base__
"""The exception of an option or argument that is missing, unknown or malformed."""

TableFile = Annotated[Path, typer.Argument(metavar="TABLE", help="Parquet, CSV, TSV, Feather or JSON Lines")]
Target = Annotated[str, typer.Option(help="the column to predict")]
Weight = Annotated[str | None, typer.Option(metavar="COLUMN", help="row weights, >= 0")]
Exposure = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="predictions are rates times it, > 0; for losses with a log link")
]
Offset = Annotated[str | None, typer.Option(metavar="COLUMN", help="is added to the raw prediction")]
Drop = Annotated[str | None, typer.Option(metavar="A,B", help="columns not to use as features")]
Engine = Annotated[
    str | None, typer.Option(help="who grows trees: lightgbm, xgboost, catboost or sklearn; LightGBM where installed")
]
Save = Annotated[Path | None, typer.Option(metavar="FILE", help="save the fitted model here")]
Force = Annotated[bool, typer.Option("--force", help="replace files that exist")]
Name = Annotated[str, typer.Argument(metavar="LOSS", help='a name, "Huber(delta=2)", or a formula: "abs(r)**1.5"')]


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; a mistake of the user's ends in one line on stderr and exit code 2."""
    warnings.formatwarning = _one_line
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without Greek letters shows "?"
    try:
        sys.exit(app(arguments, prog_name="lossmith", standalone_mode=False) or 0)
    except USAGE as error:
        typer.echo(_usage(error), err=True)
        sys.exit(2)
    except LossmithError as error:
        typer.echo(f"lossmith: {error}", err=True)
        sys.exit(2)
    except MemoryError:
        typer.echo("lossmith: the encoded table does not fit in memory; --drop columns, or sample its rows", err=True)
        sys.exit(2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _usage(error: Any) -> str:
    """What is wrong with the words of a command line, in one line; or the help, where nothing was asked."""
    said = str(error.format_message())
    if "Usage:" in said:
        return said
    path = error.ctx.command_path if error.ctx is not None else "lossmith"
    short = said.startswith("No such option: -") and not said.startswith("No such option: --")
    formulas = " (a formula that begins with - goes after --)" if short else ""
    return f"lossmith: {' '.join(said.split()).rstrip('.')}; `{path} -h` says what there is{formulas}"


def _one_line(message: Warning | str, *where: Any, **more: Any) -> str:
    return f"lossmith: {' '.join(str(message).split())}\n"


@app.callback(invoke_without_command=True)
def _start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="print the version and leave")] = False,
) -> None:
    if version:
        from lossmith import __version__

        typer.echo(f"lossmith {__version__}")
        raise typer.Exit()


@app.command()
def choose(
    table: TableFile,
    target: Target,
    score: Annotated[
        str | None, typer.Option(help="the judge: squared, absolute, pinball:0.9, poisson, gamma, log, brier, …")
    ] = None,
    losses: Annotated[str | None, typer.Option(metavar="A,B", help="losses to compare with the default")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="write the report (HTML) here")] = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="write the results (JSON) here")] = None,
    save: Save = None,
    weight: Weight = None,
    group: Annotated[str | None, typer.Option(metavar="COLUMN", help="rows with equal entries stay together")] = None,
    time: Annotated[str | None, typer.Option(metavar="COLUMN", help="train on earlier rows, test on later")] = None,
    drop: Drop = None,
    folds: Annotated[str | None, typer.Option(help="5, or 3x5 for repeats; by size if not given")] = None,
    margin: Annotated[float, typer.Option(help="what counts as equal, as a share of the default's score")] = 0.01,
    seed: Annotated[int, typer.Option(help="of the folds")] = 0,
    contaminate: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="also spoil training rows: outliers, one-sided, heavy, leverage, flips, …"),
    ] = None,
    draws: Annotated[int | None, typer.Option(help="how often bad rows are drawn for each fold")] = None,
    functional: Annotated[
        str | None, typer.Option(help="what is predicted: mean, median, 0.9-quantile, 0.7-expectile, probability")
    ] = None,
    by: Annotated[str | None, typer.Option(metavar="COLUMN", help="say which of its values is served worst")] = None,
    threshold: Annotated[float | None, typer.Option(help="two classes: the probability from which one acts")] = None,
    gap: Annotated[float, typer.Option(help="with --time: how long before each test block training ends")] = 0.0,
    exposure: Exposure = None,
    offset: Offset = None,
    time_budget: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="begin no further fold after so long")
    ] = None,
    learner: Annotated[
        str, typer.Option(metavar="A,B", help="what every loss trains: linear, boosted, or both")
    ] = "linear",
    engine: Engine = None,
    rounds: Annotated[int, typer.Option(help="trees of a trial, at most, with --learner boosted")] = 200,
    force: Force = False,
) -> None:
    """Compare losses on a table, say which to use, and fit it.

    Examples:

      lossmith choose flights.parquet --target arr_delay --out report.html

      lossmith choose flights.parquet --target arr_delay --losses "Huber, Tukey"

      lossmith choose claims.csv --target amount --score gamma --folds 5
    """
    from lossmith.cli import choosing

    choosing.choose(**_given(locals()))


@app.command()
def fit(
    table: TableFile,
    target: Target,
    loss: Annotated[str | None, typer.Option(help="a name or a formula; the plain default if not given")] = None,
    penalty: Annotated[str, typer.Option(help="none, l2, l1 or elasticnet")] = "l2",
    alpha: Annotated[float, typer.Option(help="strength of the penalty")] = 1e-4,
    scale: Annotated[str | None, typer.Option(help='unit of residuals: a number, "mad" or "concomitant"')] = None,
    quantiles: Annotated[
        str | None, typer.Option(metavar="LEVELS", help="several quantiles at once: 0.1,0.5,0.9; or --loss Expectile")
    ] = None,
    weight: Weight = None,
    exposure: Exposure = None,
    offset: Offset = None,
    drop: Drop = None,
    learner: Annotated[str, typer.Option(help="linear or boosted")] = "linear",
    engine: Engine = None,
    rounds: Annotated[
        int | None, typer.Option(help="with --learner boosted; where a tenth of the rows is served best if not given")
    ] = None,
    save: Save = None,
    force: Force = False,
) -> None:
    """Fit a linear model or boosted trees with one loss to a table.

    Examples:

      lossmith fit flights.parquet --target arr_delay --loss "abs(r)**1.5"

      lossmith fit flights.parquet --target arr_delay --quantiles 0.1,0.5,0.9

      lossmith fit claims.csv --target amount --loss Gamma --save gamma.lossmith
    """
    from lossmith.cli import fitting

    fitting.fit(**_given(locals()))


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="a file written by --save")],
    table: TableFile,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="write here; to the terminal if not given")] = None,
    unseen: Annotated[
        str, typer.Option(help="a category that was not in training: error, or ignore (predicted with none)")
    ] = "error",
    force: Force = False,
) -> None:
    """Apply a saved model to a table.

    Examples:

      lossmith predict model.lossmith new.csv

      lossmith predict model.lossmith new.csv --out predictions.parquet
    """
    from lossmith.cli import fitting

    fitting.predict(**_given(locals()))


@app.command(name="list")
def list_(
    lift: Annotated[
        str | None, typer.Option(help="only residual, margin, score, softmax, several, ordinal, … losses")
    ] = None,
) -> None:
    """List every loss.

    Example:

      lossmith list --lift residual
    """
    from lossmith.cli import showing

    showing.list_losses(lift)


@app.command()
def show(loss: Name) -> None:
    """Show a loss: formula, parameters, facts, and its curves.

    Examples:

      lossmith show Huber

      lossmith show "Huber(delta=2)"

      lossmith show "abs(r)**1.5"
    """
    from lossmith.cli import showing

    showing.show(loss)


@app.command()
def prove(
    loss: Annotated[str | None, typer.Argument(metavar="LOSS", help='a name, "Huber(delta=2)", or a formula')] = None,
    param: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="a parameter: delta=2, or a range: epsilon=-1..1")
    ] = None,
    lift: Annotated[str | None, typer.Option(help="of a formula: residual, margin, score or softmax")] = None,
    fact: Annotated[str | None, typer.Option(help="only this fact: convex, calibrated, …")] = None,
    recheck: Annotated[bool, typer.Option("--recheck", help="check each proof by a second routine")] = False,
    json: Annotated[bool, typer.Option("--json", help="print JSON, with certificates where rechecked")] = False,
    whole: Annotated[bool, typer.Option("--all", help="every loss of the catalogue")] = False,
) -> None:
    """Prove or refute what can be said of a loss.

    Examples:

      lossmith prove Huber

      lossmith prove "abs(r)**1.5" --fact convex --recheck

      lossmith prove Poly1 --param epsilon=-1..1 --fact convex

      lossmith prove --all
    """
    from lossmith.cli import proving

    proving.prove(loss, param or [], lift, fact, recheck, json, whole)


@app.command()
def source(
    loss: Name,
    backend: Annotated[str, typer.Option(help="numpy or llvm")] = "numpy",
) -> None:
    """Print the code that is generated for a loss.

    Examples:

      lossmith source Huber

      lossmith source "abs(r)**1.5" --backend llvm
    """
    from lossmith.cli import showing

    showing.source(loss, backend)


@app.command()
def translate(
    loss: Annotated[str, typer.Argument(metavar="LOSS", help='"sklearn:HuberRegressor(epsilon=1.35)", or one of ours')],
    to: Annotated[str | None, typer.Option(metavar="LIBRARY", help="say it for this library; all if not given")] = None,
) -> None:
    """Say what another library's loss is, and what it is called elsewhere.

    Examples:

      lossmith translate "sklearn:HuberRegressor(epsilon=1.35)"

      lossmith translate Huber --to lightgbm
    """
    from lossmith.cli import translating

    translating.translate(loss, to)


@app.command()
def export(
    loss: Name,
    to: Annotated[
        str, typer.Option(metavar="HOST", help="numpy, sklearn, lightgbm, xgboost, catboost, torch, jax or keras")
    ] = "numpy",
    param: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="a parameter: gamma=2")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="write here; to the terminal if not given")] = None,
    force: Force = False,
) -> None:
    """Write a loss as a Python file that needs its host and nothing of lossmith.

    Examples:

      lossmith export Focal --to torch --param gamma=3 --out focal.py

      lossmith export "abs(r)**1.5" --to lightgbm
    """
    from lossmith.cli import exporting

    exporting.export(loss, to, param or [], out, force)


def _given(values: dict[str, Any]) -> dict[str, Any]:
    """The options of a command, without what it imported."""
    return {k: v for k, v in values.items() if k not in ("choosing", "fitting", "showing")}
