"""The plan of a comparison: everything that is fixed before a single model is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.choose.decisions import demand_threshold
from lossmith.choose.folds import Fold, Splitting, default_folds, parse_folds, plan_folds
from lossmith.choose.learners import ROUNDS, learners
from lossmith.choose.profile import Profile, Target, default_score, profile, target_of
from lossmith.choose.score import Score, judge_for
from lossmith.choose.shift import demand_sense, is_log, shift_of
from lossmith.choose.shortlist import Candidate, paired, shortlist
from lossmith.choose.sparse import is_sparse
from lossmith.choose.spoil import Wanted, parse
from lossmith.choose.subgroups import Groups, groups_of
from lossmith.choose.tablemodel import features
from lossmith.choose.train import TRIALS, Job
from lossmith.errors import DataError, ParameterError, UnsupportedError
from lossmith.rows.tables import Column, Table, check_finite, numbers

Array = NDArray[Any]
MARGIN = 0.01
"""What counts as equal: this share of the default's score."""


@dataclass(frozen=True, slots=True, eq=False)
class Options:
    """What a user may ask for; every field has a default that is stated in the report.

    `score`, `folds` are texts as on the command line; `losses` names, formulas or Loss objects; `weight`, `groups` and
    `time` columns of the table's length; `margin` is the share of the default's score that counts as equal;
    `contaminate` a text such as `outliers,leverage:0.1`, `draws` how often it is drawn for each fold; `budget` seconds
    for the folds; `functional` what is asked of a prediction, as `0.9-quantile`; `by` a column whose values part the
    rows into groups that are looked at one by one; `threshold` the probability from which one would act; `gap` the time
    left out before each test block, in units of the time column, or days; `exposure` and `offset` columns that multiply
    the prediction, or are added to the raw one; `learner` names what the losses train, `engine` what grows trees,
    and `rounds` the most that a trial of theirs may take.
    """

    score: str | None = None
    losses: Sequence[Any] | None = None
    weight: Column | None = None
    groups: Column | None = None
    time: Column | None = None
    folds: str | None = None
    margin: float = MARGIN
    seed: int = 0
    trials: int = TRIALS
    contaminate: str | None = None
    budget: float | None = None
    draws: int | None = None
    functional: str | None = None
    by: Column | None = None
    threshold: float | None = None
    gap: float = 0.0
    exposure: Column | None = None
    offset: Column | None = None
    learner: str | Sequence[str] = "linear"
    engine: str | None = None
    rounds: int = ROUNDS


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Target, judge, candidates and folds, with the reasons and notes that the report repeats."""

    job: Job
    target: Target
    profile: Profile
    reason: str
    folds: tuple[Fold, ...]
    shape: tuple[int, int]
    margin: float
    notes: tuple[str, ...]
    seed: int
    scenarios: tuple[Wanted, ...] = ()
    budget: float = float("inf")
    draws: int = 1
    by: Groups | None = None
    threshold: float | None = None
    asked: tuple[tuple[str, str | float], ...] = ()
    """Arguments of `choose` beyond those that a plan holds otherwise, to write them down again."""

    @property
    def score(self) -> Score:
        """The judge."""
        return self.job.score

    @property
    def candidates(self) -> Sequence[Candidate]:
        """The losses compared, the default first."""
        return self.job.candidates

    @property
    def ratio(self) -> float:
        """n_test/n_train, averaged over the folds."""
        return float(np.mean([len(f.test) / len(f.train) for f in self.folds]))


def make_plan(table: Table, column: Column, options: Options) -> Plan:
    """Fix everything: target, functional and score, candidates, folds. Raises DataError, ParameterError and others."""
    _demand_kinds(options)
    _demand_legal(options)
    asked = judge_for(options.score, options.functional)
    target, silent = _heard(target_of(column, asked), options.weight)
    shape = profile(target)
    judge, reason = (asked, "as asked for") if asked else default_score(target, shape)
    if options.functional and not asked:
        reason = _for_the_mean(target, reason)
    judge.target.check(target.y, f"score {judge.name}", f"ask for another score for {target.name!r}")
    kept, notes = features(table, [])
    if options.contaminate and is_sparse(kept):
        raise UnsupportedError("contaminate spoils columns laid out in full, not a sparse matrix; pass X.toarray()")
    demand_sense(options.exposure, options.offset, judge, target)
    shift = shift_of(options.exposure, options.offset, target.rows, is_log(options.exposure, options.offset, judge))
    if options.contaminate and shift is not None:
        raise UnsupportedError("contaminate does not know what becomes of an exposure or offset; leave one of them out")
    train = learners(options.learner, options.engine, options.rounds, options.seed)
    for learner in train if is_sparse(kept) else ():
        learner.demand_sparse()
    candidates = paired(shortlist(judge, target, options.losses, shift), train, target, options.losses is not None)
    scenarios = parse(options.contaminate, bool(target.labels)) if options.contaminate else []
    rows = target.rows
    splitting = _splitting(target, options)
    repeats, folds = parse_folds(options.folds) if options.folds else default_folds(splitting)
    job = Job(
        kept.take(rows),
        target.y,
        None if options.weight is None else weight_of(options.weight, rows),
        len(target.labels),
        judge,
        candidates,
        splitting,
        options.seed,
        options.trials,
        shift,
    )
    planned = plan_folds(splitting, repeats, folds, options.seed)
    said = _dropped(target) + silent + notes
    return Plan(
        job,
        target,
        shape,
        reason,
        tuple(planned),
        (repeats, folds),
        options.margin,
        tuple(said),
        options.seed,
        tuple(scenarios),
        _budget(options.budget),
        _draws(options.draws, len(target.y)),
        _groups(options, rows),
        demand_threshold(options.threshold, target),
        _asked(options),
    )


def _asked(options: Options) -> tuple[tuple[str, str | float], ...]:
    """What differs from the defaults: columns by name, texts and numbers as they were given."""
    plain = Options()
    columns = {name: getattr(options, name) for name in ("weight", "groups", "time", "by", "exposure", "offset")}
    said = {name: getattr(options, name) for name in _SAID}
    named = tuple((name, column.name) for name, column in columns.items() if column is not None)
    return named + tuple((name, value) for name, value in said.items() if value != getattr(plain, name))


def _for_the_mean(target: Target, reason: str) -> str:
    if target.labels:
        raise UnsupportedError(f"functional 'mean': {target.name!r} holds classes; ask for the probability")
    return f"the mean was asked for, and {reason}"


_SAID = ("functional", "margin", "contaminate", "draws", "threshold", "gap", "learner", "engine", "rounds")


def _groups(options: Options, rows: Array) -> Groups | None:
    """Groups to look at: those asked for, or those that stay together in the folds where they are large enough."""
    if options.by is not None:
        return groups_of(options.by, rows)
    try:
        return groups_of(options.groups, rows, cut=False) if options.groups is not None else None
    except DataError:
        return None


def _draws(asked: int | None, n: int) -> int:
    """How often bad rows are drawn for each fold: twice below 10,000 rows, else once."""
    if asked is not None and not 1 <= asked <= 100:
        raise ParameterError(f"draws {asked}: give a whole number from 1 to 100")
    return asked or (2 if n < 10_000 else 1)


def _demand_kinds(options: Options) -> None:
    """Raise a ParameterError for an option of the wrong kind, before any is used."""
    for name, kind, says in _OPTION_KINDS:
        value = getattr(options, name)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ParameterError(f"{name}={value!r}: give {says}")


_OPTION_KINDS: tuple[tuple[str, Any, str], ...] = (
    ("score", str | None, "a text, such as 'absolute'"),
    ("margin", float | int | np.number, "a share of the default's score, such as 0.01"),
    ("seed", int | np.integer, "a whole number >= 0"),
    ("trials", int | np.integer, "a whole number >= 1"),
    ("learner", str | list | tuple, "'linear', 'boosted', or both with a comma"),
    ("engine", str | None, "a text, such as 'lightgbm'"),
    ("rounds", int | np.integer, "a whole number >= 1"),
)


def _demand_legal(options: Options) -> None:
    """Raise a ParameterError for a number out of its range."""
    if not 0 <= options.margin < 1:
        raise ParameterError(f"margin {options.margin:g}: give a share of the default's score, such as 0.01")
    if options.seed < 0:
        raise ParameterError(f"seed {options.seed}: give a whole number >= 0")
    if options.trials < 1:
        raise ParameterError(f"trials {options.trials}: give a whole number >= 1, such as {TRIALS}")


def _budget(seconds: float | None) -> float:
    if seconds is not None and not seconds > 0:
        raise ParameterError(f"time budget {seconds:g}: give a number of seconds > 0")
    return float("inf") if seconds is None else float(seconds)


def _heard(target: Target, weight: Column | None) -> tuple[Target, list[str]]:
    """The target without rows of weight 0, which are as if they were not there, and a note on them."""
    if weight is None:
        return target, []
    counts = weight_of(weight, target.rows) > 0
    if counts.all():
        return target, []
    y = target.y[counts]
    if len(np.unique(y)) < 2 or (target.labels and len(np.unique(y)) < len(target.labels)):
        raise DataError(
            f"weight column {weight.name!r}: the rows of {target.name!r} with a positive weight are too alike"
        )
    kept = replace(target, y=y, rows=target.rows[counts])
    return kept, [f"{int((~counts).sum()):,} rows of weight 0 were left out"]


def _dropped(target: Target) -> list[str]:
    if not target.missing:
        return []
    return [f"{target.missing:,} rows without a value of {target.name!r} were left out"]


def _splitting(target: Target, options: Options) -> Splitting:
    strata = target.y if target.labels else None
    groups, time = _keys(options.groups, target.rows, "group"), _keys(options.time, target.rows, "time")
    return Splitting(len(target.y), strata, groups, time, _gap(options))


def _gap(options: Options) -> Any:
    """The gap in units of the time column: a number, or days of a time."""
    if not options.gap:
        return 0
    if options.time is None or options.time.kind not in ("number", "time") or not options.gap > 0:
        raise ParameterError(f"gap {options.gap:g}: give a number > 0, and a time column of numbers or times")
    return np.timedelta64(round(options.gap * 86_400e6), "us") if options.time.kind == "time" else options.gap


def _keys(column: Column | None, rows: Array, role: str) -> Array | None:
    """A column as sortable keys without gaps."""
    if column is None:
        return None
    gone = column.missing[rows]
    if gone.any():
        row = int(rows[np.argmax(gone)])
        raise DataError(f"{role} column {column.name!r}: row {row} is empty; fill it or drop the row")
    values: Array = column.values[rows]
    return values


def weight_of(column: Column, rows: Array) -> Array:
    """The weights of some rows (n,), the largest being 1: their unit changes no mean.

    Raises DataError for an empty, infinite or negative one, or if all are 0.
    """
    check_finite(column)
    values = numbers(column, "weight")[rows]
    for bad, what in ((np.isnan(values), "is empty"), (values < 0, "is negative")):
        if bad.any():
            row = int(rows[np.argmax(bad)])
            raise DataError(f"weight column {column.name!r}: row {row} {what}; weights must be >= 0")
    if not values.max(initial=0.0) > 0:
        raise DataError(f"weight column {column.name!r} sums to 0; at least one row needs a positive weight")
    return np.asarray(values / values.max())
