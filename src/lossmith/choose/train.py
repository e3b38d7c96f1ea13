"""Folds: learn the encoding, tune every candidate at the same budget, fit, predict the rows left out, judge."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lossmith.choose.bench import (
    ELEMENTS,
    MOST_ROWS,
    Bench,
    Centre,
    ForTrees,
    Judged,
    Part,
    Task,
    judge,
    predict,
    robust_centres,
)
from lossmith.choose.encode import encoded
from lossmith.choose.folds import Fold, Splitting, inner_splits
from lossmith.choose.learners import Learner, Setting
from lossmith.choose.recalibrate import recalibrated
from lossmith.choose.score import Score
from lossmith.choose.shift import Shift, bare
from lossmith.choose.shortlist import Candidate
from lossmith.choose.trials import Trials
from lossmith.rows.tables import Table

if TYPE_CHECKING:
    from lossmith.loss import Loss

Array = NDArray[Any]

TRIALS = 8
"""Settings tried for every loss in every fold: the same number, whether it has parameters of its own or not."""

GROUPS = 4
"""At least so many groups of folds, if there are as many, which threads may share."""

FLOOR = 0.01
"""Where a score needs positive predictions, this share of the mean of the training target is the least."""


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """What every fold works on: features, the target `y`, weights, the judge and the candidates."""

    table: Table
    y: Array
    weight: Array | None
    classes: int
    score: Score
    candidates: Sequence[Candidate]
    splitting: Splitting
    seed: int
    trials: int = TRIALS
    shift: Shift | None = None

    @property
    def offset(self) -> Array | None:
        """What is added to the raw predictions (n,)."""
        return None if self.shift is None else self.shift.values

    @property
    def native(self) -> Learner | None:
        """A learner that takes a table for trees, if there is one."""
        return next((c.learner for c in self.candidates if c.learner.native), None)


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a candidate did in a fold: its setting, the score and predictions per test row, how the fit ended."""

    setting: Setting
    score: float
    rows: Array
    predictions: Array
    converged: bool
    reason: str
    seconds: float
    raised: int = 0
    recalibrated: tuple[float, ...] = ()
    """For classes: the score after a sigmoid (a temperature), isotonic regression, and Venn–Abers."""
    inner: float = float("inf")
    """The score of its setting in the tuning, on rows held out of the training fold."""


@dataclass(frozen=True, slots=True, eq=False)
class FoldResult:
    """The outcomes of all candidates in one fold (None for one that failed, with the reason in `failures`)."""

    fold: Fold
    outcomes: tuple[Outcome | None, ...]
    failures: Mapping[int, str]
    scale: float
    constant: float
    columns: int


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """A fold made ready: what its test rows are predicted from, and the parts that its tuning trains on."""

    fold: Fold
    test: Part
    inner: tuple[Part, ...]
    columns: int


def run_folds(
    job: Job, folds: Sequence[Fold], tick: Callable[[str, int], None] = lambda name, done: None
) -> list[FoldResult]:
    """Everything for some folds; nothing here has seen a fold's test rows before they are predicted.

    `tick` is told which candidate begins, with 0, and then in how many folds it is done.
    """
    stages = stages_of(job, folds)
    inner = Bench.of([part for stage in stages for part in stage.inner], job.classes)
    outer = Bench.of([stage.test for stage in stages], job.classes)
    failures: list[dict[int, str]] = [{} for _ in stages]
    columns = []
    for k, candidate in enumerate(job.candidates):
        tick(candidate.name, 0)
        columns.append(_attempts(job, candidate, stages, inner, outer, [f.setdefault for f in failures], k))
        tick(candidate.name, len(stages))
    return [
        FoldResult(
            stage.fold,
            tuple(own),
            failed,
            stage.test.centre.scale,
            constant_score(job, stage.test, stage.test.weight),
            stage.columns,
        )
        for stage, failed, *own in zip(stages, failures, *columns, strict=True)
    ]


def together(job: Job, folds: Sequence[Fold]) -> list[Sequence[Fold]]:
    """The folds in groups that are worked on side by side: small ones share their array operations. The groups depend
    on the data alone, so that the number of threads changes no digit."""
    some = np.arange(0, job.table.n, -(-job.table.n // MOST_ROWS))
    width = len(encoded(job.table.take(some))[0].names) + 1
    most = max(1, ELEMENTS // (3 * max(len(fold.train) for fold in folds) * width))
    size = min(most, -(-len(folds) // GROUPS))
    return [folds[i : i + size] for i in range(0, len(folds), size)]


def tune_all(job: Job, candidate: Candidate) -> tuple[Setting, float]:
    """The setting for one candidate, tuned in the same way on all rows, and the robust scale there."""
    everything = np.arange(job.table.n)
    (stage,) = stages_of(job, [Fold(0, 0, everything, everything[:0])])
    (trials,) = tune(job, candidate, [stage], Bench.of(stage.inner, job.classes))
    return trials.chosen(), stage.test.centre.scale


def tune(job: Job, candidate: Candidate, stages: Sequence[Stage], bench: Bench) -> list[Trials]:
    """`job.trials` settings in every fold, as the learner proposes them; as many fits for one loss as for another.

    Where a learner halves, they are tried on the first part of a fold, and the better half again on each that follows.
    """
    ends = list(accumulate((len(stage.inner) for stage in stages), initial=0))
    spans = [range(a, b) for a, b in pairwise(ends)]
    every = [Trials(candidate, s.test.rows.n, s.inner[0], job.trials) for s in stages]

    def ask(wanted: Sequence[tuple[int, Setting]], parts: slice) -> None:
        tasks = [task_of(i, candidate, s) for f, s in wanted for i in spans[f][parts]]
        found = iter(trial(job, bench, tasks, candidate))
        for f, setting in wanted:
            every[f].note(setting, [next(found) for _ in spans[f][parts]])

    first = slice(0, 1 if candidate.learner.halves else None)
    while wanted := [(f, setting) for f, trials in enumerate(every) if (setting := trials.next()) is not None]:
        ask(wanted, first)
    for k in range(1, max(map(len, spans))) if candidate.learner.halves else ():
        ask([(f, s) for f, trials in enumerate(every) if k < len(spans[f]) for s in trials.half()], slice(k, k + 1))
    return every


@lru_cache(maxsize=1024)
def with_setting(loss: Loss, setting: Setting) -> Loss:
    """The loss with the parameters of a setting."""
    return loss.with_params(**dict(setting.params)) if setting.params else loss


def task_of(part: int, candidate: Candidate, setting: Setting) -> Task:
    """The fit of a candidate to a part."""
    return Task(part, with_setting(candidate.loss, setting), setting.alpha, setting.growth)


def trial(job: Job, bench: Bench, tasks: Sequence[Task], candidate: Candidate, tol: float = 1e-4) -> list[Judged]:
    """Fit every task and judge it on the rows that its part holds out."""
    found = candidate.learner.trials(bench, tasks, candidate.name, job.score, tol)
    return judge(bench, tasks, found, job.score, candidate.learner.raw)


def _attempts(
    job: Job, candidate: Candidate, stages: Sequence[Stage], inner: Bench, outer: Bench, fail: Sequence[Any], k: int
) -> list[Outcome | None]:
    """What a candidate did in each fold; None where it failed, with the reason told to `fail`."""
    began = time.perf_counter()
    every = tune(job, candidate, stages, inner)
    settings = [trials.chosen() for trials in every]
    tasks = [task_of(f, candidate, s) for f, s in enumerate(settings)]
    for stage in stages:
        if candidate.name in stage.inner[0].starts:
            stage.test.starts[candidate.name] = stage.inner[0].starts[candidate.name]
    found = candidate.learner.fits(outer, tasks, candidate.name, 1e-6)
    seconds = (time.perf_counter() - began) / len(stages)
    judged = judge(outer, tasks, found, job.score, candidate.learner.raw)
    repaired = [_recalibrated(job, *three) for three in zip(judged, every, stages, strict=True)]
    outcomes = [_outcome(*four, seconds) for four in zip(judged, settings, every, repaired, strict=True)]
    for f, (one, outcome) in enumerate(zip(judged, outcomes, strict=True)):
        if outcome is None:
            fail[f](k, one.failure or "its predictions overflow, so that its score is infinite")
    return outcomes


def _recalibrated(job: Job, one: Judged, trials: Trials, stage: Stage) -> tuple[float, ...]:
    """For classes, the scores after repairing the probabilities by what the rows held out in tuning say."""
    held = trials.held()
    if not job.score.classes or one.failure or not all(map(len, held)):
        return ()
    y = np.concatenate([part.y for part in stage.inner])
    weight = None if job.weight is None else np.concatenate([part.weight for part in stage.inner])
    repaired = recalibrated(np.concatenate(held), y, weight, one.predictions)
    return tuple(float(np.average(job.score.rows(stage.test.y, p), weights=stage.test.weight)) for p in repaired)


def _outcome(
    one: Judged, setting: Setting, trials: Trials, repaired: tuple[float, ...], seconds: float
) -> Outcome | None:
    if not np.isfinite(one.score):
        return None
    reason, converged = one.solution.reason, one.solution.converged
    inner = trials.score(trials.best())
    return Outcome(
        setting, one.score, one.rows, one.predictions, converged, reason, seconds, one.raised, repaired, inner
    )


def stages_of(job: Job, folds: Sequence[Fold], tuned: bool = True) -> list[Stage]:
    """The folds encoded, with the robust centre of each, and with parts to tune on if that is wanted."""
    encoders, matrices = zip(*(encoded(job.table.take(fold.train)) for fold in folds), strict=True)
    rows = [_rows(job, X, f.train) for X, f in zip(matrices, folds, strict=True)]
    plain = [replace(r, offset=None) for r in rows] if job.shift and job.shift.log else rows
    centres = [Centre()] * len(rows) if job.score.classes else robust_centres(plain)
    stages = []
    for encoder, fold, own, centre in zip(encoders, folds, rows, centres, strict=True):
        Z = encoder.matrix(job.table.take(fold.test))
        test = _part(job, own, Z, fold.test, centre)
        test.native = _for_trees(job, fold) if tuned else None
        inner = tuple(_inner_parts(job, fold, test)) if tuned else ()
        stages.append(Stage(fold, test, inner, own.p))
    return stages


def _for_trees(job: Job, fold: Fold) -> ForTrees | None:
    """A fold's rows for trees, learned from those of training, if any learner wants them."""
    if job.native is None:
        return None
    encoder, X = job.native.encode(job.table.take(fold.train))
    return ForTrees(X, encoder.matrix(job.table.take(fold.test)), encoder.categorical)


def _inner_parts(job: Job, fold: Fold, whole: Part) -> Iterator[Part]:
    rows, trees = whole.rows, whole.native
    splitting = job.splitting.take(fold.train)
    for train, held in inner_splits(splitting, job.seed, MOST_ROWS):
        some = rows.take(train)
        where = fold.train[held]
        part = _part(job, some, rows.X[held], where, whole.centre)
        part.native = None if trees is None else ForTrees(trees.X[train], trees.X[held], trees.categorical)
        yield part


def _part(job: Job, rows: Any, X: Any, held: Array, centre: Centre) -> Part:
    shift = _of(job.offset, held)
    floor = floor_of(job, rows) * (1.0 if shift is None else np.exp(shift))
    return Part(rows, X, job.y[held], _of(job.weight, held), floor, centre, 0.0 if shift is None else shift)


def _rows(job: Job, X: Array, index: Array) -> Any:
    from lossmith.rows.memory import Rows

    return Rows.of(X, job.y[index].astype(np.float64), _of(job.weight, index), _of(job.offset, index))


def _of(weight: Array | None, index: Array) -> Array | None:
    return None if weight is None else weight[index]


def floor_of(job: Job, rows: Any) -> float:
    """The least prediction, where the score needs positive ones; with an exposure that of one unit."""
    if not job.score.positive:
        return 0.0
    unit = 1.0 if rows.offset is None else float(np.average(np.exp(rows.offset), weights=rows.weight))
    return FLOOR * float(np.average(rows.y, weights=rows.weight)) / unit


def constant_score(job: Job, test: Part, judging: Array | None) -> float:
    """The score of the best constant, what a model without any feature would get; `judging` weights the test rows."""
    y, weight = test.rows.y, test.rows.weight
    if job.shift is not None:
        best = bare(test.rows, job.candidates[0].loss) + test.shift
        predicted, _ = predict(job.candidates[0].loss, best, job.score, test.floor)
    elif job.classes:
        share = np.bincount(y.astype(np.intp), weight, job.classes)
        predicted = np.tile(share / share.sum(), (len(test.y), 1))
    else:
        loss, mean = job.candidates[0].loss, job.score.functional == "mean"
        best = np.full(len(test.y), np.average(y, weights=weight) if mean else loss.start(y, weight))
        predicted, _ = predict(loss, best, job.score, test.floor)
    return float(np.average(job.score.rows(test.y, predicted), weights=judging))
