"""Running a plan, and what comes of it: a verdict, a table, a report, and a model that is fitted to all rows."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lossmith.choose.compare import corrected, honest
from lossmith.choose.decide import Verdict, decide
from lossmith.choose.plan import Plan
from lossmith.choose.shortlist import is_for_classes
from lossmith.choose.summary import Line, compare, gather, standings
from lossmith.choose.tablemodel import TableModel
from lossmith.choose.train import FoldResult, Setting, run_folds, together, tune_all, with_setting
from lossmith.errors import DataError

if TYPE_CHECKING:
    from lossmith.loss import Loss

Array = NDArray[Any]
Progress = Callable[[int, int, str], None]
"""Called with (done, total, what) as the work goes on."""


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """The answer of `choose`: `verdict.answer` and `.sentence`, the `best` loss as tuned, and the fitted `model`.

    `lines` has one entry per candidate; `honest` estimates the score of the whole procedure on new rows; `constant` is
    that of the best constant prediction; `alpha`, `scale` are the winner's penalty strength and residual scale.
    """

    plan: Plan
    lines: tuple[Line, ...]
    verdict: Verdict
    margin: float
    honest: float
    constant: float
    scale: float
    columns: int
    best: Loss
    alpha: float
    model: TableModel
    notes: tuple[str, ...]
    seconds: float

    @property
    def winner(self) -> Line:
        """The line of the loss that is recommended."""
        return self.lines[self.verdict.winner]

    @property
    def table(self) -> list[dict[str, Any]]:
        """One dict per candidate, best score first: loss, score, difference to the default with its interval, …"""
        from lossmith.choose.report import records

        return records(self)

    def to_json(self) -> dict[str, Any]:
        """Everything that the report says, as plain values."""
        from lossmith.choose.report import document

        return document(self)

    def report(self, path: str | os.PathLike[str], force: bool = False, command: str = "") -> Path:
        """Write one self-contained HTML file; raises FileError where it exists and `force` is not given."""
        from lossmith.choose.report import html
        from lossmith.choose.write import write_text

        return write_text(path, html(self, command), force)

    def __repr__(self) -> str:
        return f"Choice({self.verdict.sentence})"


def run(plan: Plan, progress: Progress = lambda done, total, what: None, workers: int | None = None) -> Choice:
    """Train every candidate in every fold, compare, decide, and fit the winner to all rows."""
    began = time.perf_counter()
    results = _all_folds(plan, progress, workers or os.cpu_count() or 1)
    lines, notes = gather(plan, results)
    if not lines or not lines[0].default:
        raise DataError(f"the default loss failed, so nothing can be compared: {'; '.join(notes)}")
    differences, margin = compare(plan, lines)
    lines = [lines[0], *(replace(line, versus=d) for line, d in zip(lines[1:], differences, strict=True))]
    order = _order(lines)
    verdict = decide(standings(lines), order, 0, margin, plan.score.label, _apart(plan, lines, margin))
    progress(1, 1, "fitting the winner to all rows")
    setting, scale, model = _final(plan, lines[verdict.winner])
    best = with_setting(lines[verdict.winner].loss, setting)
    return Choice(
        plan=plan,
        lines=tuple(lines),
        verdict=verdict,
        margin=margin,
        honest=_honest(plan, lines, order),
        constant=float(np.mean([r.constant for r in results])),
        scale=scale,
        columns=len(model.encoder.names),
        best=best,
        alpha=setting.alpha,
        model=model,
        notes=(*plan.notes, *notes),
        seconds=time.perf_counter() - began,
    )


def _all_folds(plan: Plan, progress: Progress, workers: int) -> list[FoldResult]:
    """Every fold, several at a time; the order and the threads change nothing in the results."""
    from threadpoolctl import threadpool_limits

    total = len(plan.folds) * len(plan.candidates)
    done: list[int] = []

    def tick() -> None:
        done.append(1)
        progress(len(done), total, "comparing")

    groups = together(plan.job, plan.folds)
    pool = ThreadPoolExecutor(min(workers, len(groups)))
    try:
        with threadpool_limits(1):
            return [r for group in pool.map(lambda folds: run_folds(plan.job, folds, tick), groups) for r in group]
    finally:
        pool.shutdown(cancel_futures=True)  # an error, or ctrl-C, should not wait for every fold


def _order(lines: Sequence[Line]) -> list[int]:
    """Simplest first: the default, convex before the rest, fewer tuned parameters first."""

    def key(k: int) -> tuple[bool, bool, int, int]:
        line = lines[k]
        return not line.default, not line.convex, len(type(line.loss).declared), k

    return sorted(range(len(lines)), key=key)


def _apart(plan: Plan, lines: Sequence[Line], margin: float) -> Callable[[int, int], Any]:
    return lambda i, j: corrected(lines[i].folds - lines[j].folds, plan.ratio, margin)


def _honest(plan: Plan, lines: Sequence[Line], order: list[int]) -> float:
    rows = np.column_stack([line.rows for line in lines])
    seen = ~np.isnan(rows).any(axis=1)
    weight = None if plan.job.weight is None else plan.job.weight[seen]
    return honest(rows[seen], weight, order, plan.seed)


def _final(plan: Plan, line: Line) -> tuple[Setting, float, TableModel]:
    """Tune the winner on all rows as it was tuned in the folds, and fit it."""
    candidate = next(c for c in plan.candidates if c.name == line.name)
    setting, scale = tune_all(plan.job, candidate)
    loss = with_setting(candidate.loss, setting)
    model = TableModel.fit(plan.job.table, plan.target, estimator(loss, setting.alpha, scale), plan.job.weight)
    return setting, scale, model


def estimator(loss: Loss, alpha: float, scale: float | str) -> Any:
    """The linear model that fits a loss; residual losses measure residuals in units of `scale`."""
    from lossmith.models import LinearClassifier, LinearRegressor

    if is_for_classes(loss):
        return LinearClassifier(loss, alpha=alpha)
    return LinearRegressor(loss, alpha=alpha, scale=scale if loss.lift.name == "residual" else 1.0)
