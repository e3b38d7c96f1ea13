"""`lossmith fit` and `lossmith predict`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lossmith.catalogue import loss as named
from lossmith.choose import demand_different
from lossmith.choose.learners import LINEAR, PATIENCE, ROUNDS, Growth, Learner, Setting, learners
from lossmith.choose.plan import weight_of as checked_weight
from lossmith.choose.profile import default_score, profile, target_of
from lossmith.choose.shift import Shift, shift_for
from lossmith.choose.shortlist import first_loss, is_for_classes, several
from lossmith.choose.tablemodel import TableModel, features
from lossmith.choose.write import demand_free, write_with
from lossmith.cli.common import console, demand_apart, opened
from lossmith.errors import FileError, ParameterError, UnsupportedError
from lossmith.rows.files import read_table

if TYPE_CHECKING:
    from lossmith.choose.profile import Target
    from lossmith.loss import Loss
    from lossmith.rows.tables import Table


def fit(
    table: Path,
    target: str,
    loss: str | None,
    penalty: str,
    alpha: float,
    scale: str | None,
    quantiles: str | None,
    weight: str | None,
    exposure: str | None,
    offset: str | None,
    drop: str | None,
    learner: str,
    engine: str | None,
    rounds: int | None,
    save: Path | None,
    force: bool,
) -> None:
    """Encode the table, fit one loss, say how it went, and save it if asked."""
    demand_apart(table, save)
    if save is not None:
        demand_free(save, force)
    train = _learner(
        learner, engine, rounds, {"penalty": penalty, "alpha": alpha, "scale": scale, "quantiles": quantiles}
    )
    levels = None if quantiles is None else _levels(quantiles)
    loss = "Quantile" if loss is None and levels is not None else loss
    chosen = None if loss is None else named(loss)
    if chosen is not None and chosen.lift.joint:
        raise UnsupportedError(
            f"{chosen.name} {several(chosen)}; `lossmith fit` takes losses of one score, or of softmax"
        )
    for line in _warnings(chosen):
        console().print(line, markup=False, style="yellow")
    data = opened(table, drop, target=target, weight=weight, exposure=exposure, offset=offset)
    aim = target_of(data.column(target), None if chosen is None else _judge(chosen))
    own = {"target": target, "weight": weight, "exposure": exposure, "offset": offset}
    demand_different([name for name in own.values() if name])
    special = {role: None if name is None else data.column(name) for role, name in own.items()}
    judge = default_score(aim, profile(aim))[0]
    shift = shift_for(chosen, judge, aim, special["exposure"], special["offset"])
    chosen = chosen or first_loss(judge, aim, shift)
    chosen.check(aim.y)
    kept, notes = features(data, [name for name in own.values() if name])
    weights = None if special["weight"] is None else checked_weight(special["weight"], aim.rows)
    rows = kept.take(aim.rows)
    if train.native:
        model = _grown(train, chosen, rows, aim, weights, rounds, shift)
        _print_trees(model, notes, aim.missing)
    else:
        estimator = _estimator(chosen, penalty, alpha, scale, levels)
        model = TableModel.fit(rows, aim, estimator, weights, shift=shift)
        _print(model, notes, aim.missing)
    if save is not None:
        model.save(save, force=force)
        console().print(f"model: {save}", markup=False, soft_wrap=True)


def predict(model: Path, table: Path, out: Path | None, unseen: str, force: bool) -> None:
    """Write one line of predictions for every row of the table."""
    from lossmith.models import load

    demand_apart(table, out)
    demand_apart(model, out)
    if out is not None:
        _writer(out)
        demand_free(out, force)
    fitted = load(model)
    if not isinstance(fitted, TableModel):
        raise FileError(f"{model}: holds a {type(fitted).__name__} without the encoding of a table; load it in Python")
    columns = fitted.columns(read_table(table), unseen)
    if out is None:
        _to_screen(columns)
    else:
        write_with(out, lambda path: _writer(out)(columns, path), force)
        rows = len(next(iter(columns.values())))
        console().print(f"{rows:,} predictions: {out}", markup=False, soft_wrap=True)


def _warnings(loss: Loss | None) -> list[str]:
    """For a formula of the user's own: a warning where its numbers are poor."""
    from lossmith.cli.showing import digits
    from lossmith.loss import Formula

    return [line for line in digits(loss) if line.startswith("warning")] if isinstance(loss, Formula) else []


def _judge(loss: Loss) -> Any:
    """A score of the kind that the loss is for, which decides whether the target is classes or numbers."""
    from lossmith.choose.score import score

    return score("log" if is_for_classes(loss) else "squared")


def _levels(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(level) for level in text.split(","))
    except ValueError:
        raise ParameterError(f"--quantiles {text}: levels are numbers between commas, as in 0.1,0.5,0.9") from None


def _estimator(
    loss: Loss, penalty: str, alpha: float, scale: str | None, levels: tuple[float, ...] | None = None
) -> Any:
    from lossmith.models import LinearClassifier, LinearRegressor, QuantileRegressor

    if levels is not None:
        unit = 1.0 if scale is None else _scale(scale, loss)
        return QuantileRegressor(levels, loss=loss, penalty=penalty, alpha=alpha, scale=unit)
    if is_for_classes(loss):
        if scale is not None:
            raise ParameterError(f"--scale {scale}: {loss.name} has no residuals to measure; leave it out")
        return LinearClassifier(loss, penalty=penalty, alpha=alpha)
    return LinearRegressor(loss, penalty=penalty, alpha=alpha, scale=_scale(scale, loss))


LINEAR_ONLY: Mapping[str, Any] = {"penalty": "l2", "alpha": 1e-4, "scale": None, "quantiles": None}
"""Options that trees have no use for, as they are when nobody gives them."""

MOST_ROUNDS = 1000
"""Rounds, at most, where none are asked for."""


def _learner(name: str, engine: str | None, rounds: int | None, given: Mapping[str, Any]) -> Learner:
    """One learner; refused with options that are for the other."""
    if "," in name:
        raise ParameterError(f"--learner {name}: fit takes one; lossmith choose compares both")
    if rounds is not None and name == LINEAR.name:
        raise ParameterError(f"--rounds {rounds}: is for --learner boosted")
    most = ROUNDS if name == LINEAR.name else MOST_ROUNDS if rounds is None else rounds
    (train,) = learners(name, engine, most, 0)
    for option, value in given.items() if train.native else ():
        if value != LINEAR_ONLY[option]:
            raise ParameterError(f"--{option} {value}: is for the linear learner; trees have --rounds")
    return train


def _grown(
    train: Learner, loss: Loss, rows: Table, aim: Target, weights: Any, rounds: int | None, shift: Shift | None
) -> TableModel:
    """Trees on all rows: as many rounds as asked for, or as serve a tenth of the rows best that is held back first."""
    why = train.refusal(loss, aim)
    if why is not None:
        raise why
    most = Growth(rounds=train.rounds)
    estimator = train.estimator(loss, Setting(0.0, (), most), 1.0, rows)
    if rounds is None:
        estimator.set_params(early_stopping=True, n_iter_no_change=PATIENCE)
        first = TableModel.fit(rows, aim, estimator, weights, encode=train.encode, shift=shift).model
        estimator.set_params(max_iter=first.n_iter_, early_stopping=False)
    return TableModel.fit(rows, aim, estimator, weights, encode=train.encode, shift=shift)


def _print_trees(model: TableModel, notes: list[str], missing: int, most: int = 12) -> None:
    from rich.table import Table
    from rich.text import Text

    screen, fitted = console(), model.model
    head = f"{fitted.loss_!r} for {model.target}: {fitted.n_iter_} rounds of {fitted.engine}"
    screen.print(Text(head, style="bold"))
    screen.print(Text(f"curvature {fitted.curvature_}", style="dim"))
    for note in [*notes, *([f"{missing:,} rows without a target were left out"] if missing else [])]:
        screen.print(Text(note, style="dim"))
    gains = fitted.feature_importances_
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(f"largest of {len(gains)} columns")
    table.add_column("share of the gain", justify="right")
    for j in np.argsort(-gains, kind="stable")[:most]:
        table.add_row(Text(model.encoder.names[j]), f"{gains[j]:.1%}")
    screen.print(table)


def _scale(scale: str | None, loss: Loss) -> float | str:
    if scale is None:
        fact = loss.facts().get("scalable")
        return "mad" if fact is not None and fact.holds else 1.0
    try:
        return float(scale)
    except ValueError:
        return scale


def _print(model: TableModel, notes: list[str], missing: int, most: int = 12) -> None:
    from rich.table import Table
    from rich.text import Text

    screen, found = console(), model.model.solution_
    solution = max(found, key=lambda s: (not s.converged, s.optimality)) if isinstance(found, tuple) else found
    screen.print(Text(f"{model.model.loss_!r} for {model.target}: {solution.reason}", style="bold"))
    screen.print(Text(f"solver {solution.solver}: {solution.why}", style="dim"))
    for note in [*notes, *([f"{missing:,} rows without a target were left out"] if missing else [])]:
        screen.print(Text(note, style="dim"))
    coef = np.atleast_2d(model.model.coef_)
    order = np.argsort(-np.abs(coef).max(axis=0), kind="stable")[:most]
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(f"largest of {coef.shape[1]} coefficients (columns scaled)")
    labels = (model.labels or model.levels) if coef.shape[0] > 1 else ("",)
    for label in labels:
        table.add_column(Text(label or "coefficient"), justify="right")
    for j in order:
        table.add_row(Text(model.encoder.names[j]), *[f"{v:.5g}" for v in coef[:, j]])
    screen.print(table)


def _to_screen(columns: dict[str, Any]) -> None:
    names = list(columns)
    sys.stdout.write(",".join(names) + "\n")
    for values in zip(*columns.values(), strict=True):
        sys.stdout.write(",".join(str(v) for v in values) + "\n")


def _writer(path: Path) -> Any:
    suffix = path.suffix.lower()
    if suffix not in _WRITERS:
        raise FileError(f"{path}: predictions are written as {', '.join(_WRITERS)}")
    return _WRITERS[suffix]


def _csv(columns: dict[str, Any], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.csv as pc

    pc.write_csv(pa.table(columns), path)


def _parquet(columns: dict[str, Any], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table(columns), path)


def _feather(columns: dict[str, Any], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.feather as pf

    pf.write_feather(pa.table(columns), str(path))


_WRITERS = {".csv": _csv, ".parquet": _parquet, ".feather": _feather}
