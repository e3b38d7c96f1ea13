"""One fold: learn the encoding, tune every candidate at the same budget, fit, predict the rows left out, judge."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lossmith.choose.encode import TableEncoder
from lossmith.choose.folds import Fold, Splitting, inner_splits
from lossmith.choose.score import Score
from lossmith.choose.shortlist import Candidate
from lossmith.errors import LossmithError
from lossmith.rows.tables import Table

if TYPE_CHECKING:
    from lossmith.loss import Loss

Array = NDArray[Any]

TRIALS = 8
"""Settings tried for every loss in every fold: the same number, whether it has parameters of its own or not."""

STRENGTHS = (1e-1, 1e-3, 1e-5)
"""The penalty strengths tried first, strong to weak, each started from the one before."""

MOST_ROWS = 8_000
"""Rows used for tuning, at most. The fit afterwards uses all n of them, with the strength found times (rows)/n, because
a penalty is worth a fixed number of rows."""

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


@dataclass(frozen=True, slots=True)
class Setting:
    """The strength of the l2 penalty, and values for a loss's own parameters."""

    alpha: float
    params: tuple[tuple[str, float], ...] = ()


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
class Centre:
    """A robust first fit to the training rows: the unit of residuals, and where losses that are not convex begin."""

    scale: float = 1.0
    solution: Any = None


@dataclass(slots=True, eq=False)
class Part:
    """Encoded rows to train on, rows to predict, and the floor under predictions that must be positive."""

    rows: Any
    X: Array
    y: Array
    weight: Array | None
    floor: float
    centre: Centre
    starts: dict[int, Any] = field(default_factory=dict)


def run_fold(job: Job, fold: Fold, tick: Callable[[], None] = lambda: None) -> FoldResult:
    """Everything for one fold; nothing here has seen its test rows before they are predicted."""
    encoder = TableEncoder.learn(job.table.take(fold.train))
    X = encoder.matrix(job.table.take(fold.train))
    rows = _rows(job, X, fold.train)
    centre = Centre() if job.score.classes else robust_centre(rows)
    Z = encoder.matrix(job.table.take(fold.test))
    test = Part(rows, Z, job.y[fold.test], _of(job.weight, fold.test), _floor(job, rows), centre)
    inner = list(_inner_parts(job, fold, rows, X, centre))
    failures: dict[int, str] = {}
    outcomes = []
    for k, candidate in enumerate(job.candidates):
        outcomes.append(_attempt(job, candidate, inner, test, failures, k))
        tick()
    return FoldResult(fold, tuple(outcomes), failures, centre.scale, _constant(job, test), X.shape[1])


def tune_all(job: Job, candidate: Candidate) -> tuple[Setting, float]:
    """The setting for one candidate, tuned in the same way on all rows, and the robust scale there."""
    everything = np.arange(job.table.n)
    X = TableEncoder.learn(job.table).matrix(job.table)
    rows = _rows(job, X, everything)
    centre = Centre() if job.score.classes else robust_centre(rows)
    inner = list(_inner_parts(job, Fold(0, 0, everything, everything[:0]), rows, X, centre))
    return tune(job, candidate, inner, rows.n), centre.scale


def robust_centre(rows: Any) -> Centre:
    """An absolute-loss fit, and 1.4826 × its median absolute residual: the unit in which robust losses measure."""
    from lossmith.catalogue import loss
    from lossmith.fit import Penalty, fit
    from lossmith.fit.scale import mad

    some = rows if rows.n <= MOST_ROWS else rows.take(np.arange(0, rows.n, -(-rows.n // MOST_ROWS)))
    rough = mad(some.y, some.weight)
    found = fit(some, loss("Absolute"), Penalty("l2", 1e-3), scale=rough, tol=1e-3)
    return Centre(mad(some.y - _linear(some.X, found), some.weight), found)


def tune(job: Job, candidate: Candidate, inner: Sequence[Part], total: int) -> Setting:
    """The best of `job.trials` settings: strengths first, then the loss's own parameters, then strengths again.

    `total` is the number of rows that the setting is for.
    """
    seen: dict[Setting, float] = {}

    def best() -> Setting:
        return min(seen, key=lambda s: seen[s])

    for setting in _proposals(candidate, best):
        if setting not in seen:
            seen[setting] = float(np.mean([_trial(job, candidate, part, setting) for part in inner]))
        if len(seen) >= job.trials:
            break
    found = best()
    return Setting(found.alpha * inner[0].rows.n / total, found.params)


def _proposals(candidate: Candidate, best: Callable[[], Setting]) -> Iterator[Setting]:
    for alpha in STRENGTHS:
        yield Setting(alpha)
    for name, values in candidate.grid.items():
        for value in values:
            now = best()
            yield Setting(now.alpha, (*(p for p in now.params if p[0] != name), (name, value)))
    for factor in (10.0, 0.1, 3.0, 0.3, 1.7, 0.6):
        now = best()
        yield Setting(now.alpha * factor, now.params)


def _trial(job: Job, candidate: Candidate, part: Part, setting: Setting) -> float:
    """The mean score of a setting on the rows held out; infinite where the fit fails."""
    loss = candidate.loss.with_params(**dict(setting.params)) if setting.params else candidate.loss
    try:
        solution = _fit(job, loss, part, setting.alpha, 1e-4, part.starts.get(id(candidate)))
    except (LossmithError, ArithmeticError):
        return float("inf")
    part.starts[id(candidate)] = solution
    predicted, _ = predict(loss, _linear(part.X, solution), job.score, part.floor, job.classes)
    score = float(np.average(job.score.rows(part.y, predicted), weights=part.weight))
    return score if np.isfinite(score) else float("inf")


def _attempt(
    job: Job, candidate: Candidate, inner: Sequence[Part], test: Part, failures: dict[int, str], k: int
) -> Outcome | None:
    began = time.perf_counter()
    try:
        setting = tune(job, candidate, inner, test.rows.n)
        return _outcome(job, candidate, setting, test, inner[0].starts.get(id(candidate)), began)
    except (LossmithError, ArithmeticError, np.linalg.LinAlgError) as error:
        failures[k] = str(error)
        return None


def _outcome(job: Job, candidate: Candidate, setting: Setting, test: Part, start: Any, began: float) -> Outcome:
    loss = candidate.loss.with_params(**dict(setting.params)) if setting.params else candidate.loss
    solution = _fit(job, loss, test, setting.alpha, 1e-6, start)
    predicted, raised = predict(loss, _linear(test.X, solution), job.score, test.floor, job.classes)
    rows = job.score.rows(test.y, predicted)
    score = float(np.average(rows, weights=test.weight))
    if not np.isfinite(score):
        raise ArithmeticError("its predictions overflow, so that its score is infinite")
    seconds = time.perf_counter() - began
    return Outcome(setting, score, rows, predicted, solution.converged, solution.reason, seconds, raised)


def _fit(job: Job, loss: Loss, part: Part, alpha: float, tol: float, start: Any) -> Any:
    """One fit; residual losses are measured in units of the robust scale, so that alpha means the same for all."""
    from lossmith.fit import Penalty, fit

    residual = loss.lift.name == "residual"
    outputs = job.classes if loss.lift.multiclass and job.classes > 2 else 1
    return fit(
        part.rows,
        loss,
        Penalty("l2", alpha),
        scale=part.centre.scale if residual else 1.0,
        outputs=outputs,
        start=part.centre.solution if start is None and residual else start,
        tol=tol,
    )


def predict(loss: Loss, z: Array, score: Score, floor: float, classes: int) -> tuple[Array, int]:
    """The functional that is judged, from raw predictions, and how many predictions were raised to the floor."""
    with np.errstate(over="ignore", invalid="ignore"):
        mean = np.asarray(loss.mean(z)) if loss.lift.name != "residual" else z
    if score.classes:
        return (mean if mean.ndim == 2 else np.column_stack([1.0 - mean, mean])), 0
    if not score.positive:
        return mean, 0
    low = mean < floor
    return np.where(low, floor, mean), int(low.sum())


def _linear(X: Array, solution: Any) -> Array:
    return np.asarray(X @ solution.coef + solution.intercept)


def _inner_parts(job: Job, fold: Fold, rows: Any, X: Array, centre: Centre) -> Iterator[Part]:
    splitting = job.splitting.take(fold.train)
    for train, held in inner_splits(splitting, job.seed, MOST_ROWS):
        some = rows.take(train)
        where = fold.train[held]
        yield Part(some, X[held], job.y[where], _of(job.weight, where), _floor(job, some), centre)


def _rows(job: Job, X: Array, index: Array) -> Any:
    from lossmith.rows.memory import Rows

    return Rows.of(X, job.y[index].astype(np.float64), _of(job.weight, index))


def _of(weight: Array | None, index: Array) -> Array | None:
    return None if weight is None else weight[index]


def _floor(job: Job, rows: Any) -> float:
    return FLOOR * float(np.average(rows.y, weights=rows.weight)) if job.score.positive else 0.0


def _constant(job: Job, test: Part) -> float:
    """The score of the best constant: what a model without any feature would get."""
    loss = job.candidates[0].loss
    multi = loss.lift.multiclass and job.classes > 2
    y = test.rows.y
    start = loss.start(y, test.rows.weight, classes=job.classes) if multi else loss.start(y, test.rows.weight)
    z = np.tile(start, (len(test.y), 1)) if multi else np.full(len(test.y), float(start))
    predicted, _ = predict(loss, z, job.score, test.floor, job.classes)
    return float(np.average(job.score.rows(test.y, predicted), weights=test.weight))
