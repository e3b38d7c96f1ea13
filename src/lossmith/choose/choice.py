"""Running a plan, and what comes of it: a verdict, a table, a report, and a model that is fitted to all rows."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lossmith.choose.compare import chosen_inside, corrected, honest
from lossmith.choose.contaminate import Scenario, contaminate
from lossmith.choose.decide import Verdict, decide
from lossmith.choose.learners import Setting
from lossmith.choose.plan import Plan
from lossmith.choose.rowwise import by_rows
from lossmith.choose.summary import Line, compare, gather, standings
from lossmith.choose.tablemodel import TableModel
from lossmith.choose.train import FoldResult, tune_all, with_setting
from lossmith.choose.work import LEAST, Progress, Work
from lossmith.errors import DataError

if TYPE_CHECKING:
    from lossmith.loss import Loss

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """The answer of `choose`: `verdict.answer` and `.sentence`, the `best` loss as tuned, and the fitted `model`.

    `lines` has one entry per candidate; `honest` and `nested` estimate the score of the whole procedure on new rows, by
    bootstrap and by choosing anew inside each training fold; `constant` is that of the best constant prediction;
    `setting` has the winner's penalty strength, or how its trees are grown; `scale` is the residual scale.
    """

    plan: Plan
    lines: tuple[Line, ...]
    verdict: Verdict
    margin: float
    honest: float
    nested: float
    constant: float
    scale: float
    columns: int
    best: Loss
    setting: Setting
    model: TableModel
    notes: tuple[str, ...]
    seconds: float
    scenarios: tuple[Scenario, ...] = ()

    @property
    def alpha(self) -> float | None:
        """The strength of the winner's penalty; None for trees."""
        return None if self.setting.growth else self.setting.alpha

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

        with _one_thread():
            return document(self)

    def report(self, path: str | os.PathLike[str], force: bool = False, command: str = "") -> Path:
        """Write one self-contained HTML file; raises FileError where it exists and `force` is not given."""
        from lossmith.choose.report import html
        from lossmith.choose.write import write_text

        with _one_thread():
            return write_text(path, html(self, command), force, "force=True")

    def __repr__(self) -> str:
        return f"Choice({self.verdict.sentence})"


def run(plan: Plan, progress: Progress = lambda done, total, what: None, workers: int | None = None) -> Choice:
    """Train every candidate in every fold, compare, decide, and fit the winner to all rows."""
    began = time.perf_counter()
    workers = workers or os.cpu_count() or 1
    results, plan = _all_folds(plan, progress, workers)
    lines, notes = gather(plan, results)
    if not lines or not lines[0].default:
        raise DataError(f"the default loss failed, so nothing can be compared: {'; '.join(notes)}")
    differences, margin = compare(plan, lines)
    tests = zip(lines[1:], differences, by_rows(plan, lines), strict=True)
    lines = [lines[0], *(replace(line, versus=d, by_rows=r) for line, d, r in tests)]
    order = _order(lines)
    verdict = decide(standings(lines), order, 0, margin, plan.score.label, _apart(plan, lines, margin))
    kept = [k for k, c in enumerate(plan.candidates) if c.name in {line.name for line in lines}]
    progress(0, 1, "spoiling training rows" if plan.scenarios else "fitting the winner to all rows")
    scenarios = contaminate(plan, results, kept, plan.scenarios, plan.draws, workers) if plan.scenarios else []
    progress(1, 1, "fitting the winner to all rows")
    setting, scale, model = _final(plan, lines[verdict.winner])
    best = with_setting(lines[verdict.winner].loss, setting)
    return Choice(
        plan=plan,
        lines=tuple(lines),
        verdict=verdict,
        margin=margin,
        honest=_honest(plan, lines, order),
        nested=_nested(results, kept),
        constant=float(np.mean([r.constant for r in results])),
        scale=scale,
        columns=len(model.encoder.names),
        best=best,
        setting=setting,
        model=model,
        notes=(*plan.notes, *notes),
        seconds=time.perf_counter() - began,
        scenarios=tuple(scenarios),
    )


def _all_folds(plan: Plan, progress: Progress, workers: int) -> tuple[list[FoldResult], Plan]:
    """Every fold, several at a time, and the plan; the order and the threads change nothing in the results.

    When the time budget is spent no more folds begin (but three are always finished), and the plan that comes back has
    the finished ones only, and a note. An interruption ends with a message of what was finished.
    """
    work = Work(plan, progress)
    try:
        results = work.run(workers)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_so_far(plan, work.results)) from None
    if len(results) == len(plan.folds):
        return results, plan
    note = f"the time budget of {plan.budget:g} s was spent after {len(results)} of {len(plan.folds)} folds"
    return results, replace(plan, folds=tuple(r.fold for r in results), notes=(*plan.notes, note))


def _so_far(plan: Plan, results: Sequence[FoldResult]) -> str:
    """What an interrupted run had finished, and how the losses stood."""
    said = f"{len(results)} of {len(plan.folds)} folds were finished"
    if len(results) < LEAST:
        return said
    short = replace(plan, folds=tuple(r.fold for r in results))
    lines, _ = gather(short, results)
    standing = ", ".join(f"{x.name} {plan.score.shown(x.mean):.5g}" for x in sorted(lines, key=lambda x: x.mean))
    return f"{said}; {plan.score.label} so far: {standing}"


def _order(lines: Sequence[Line]) -> list[int]:
    """Simplest first: the default, linear before boosted, convex before the rest, fewer tuned parameters first."""

    def key(k: int) -> tuple[bool, int, bool, int, int]:
        line = lines[k]
        return not line.default, line.learner.rank, not line.convex, len(type(line.loss).declared), k

    return sorted(range(len(lines)), key=key)


def _apart(plan: Plan, lines: Sequence[Line], margin: float) -> Callable[[int, int], Any]:
    return lambda i, j: corrected(lines[i].folds - lines[j].folds, plan.ratio, margin)


def _one_thread() -> Any:
    """Short products of long vectors are not worth waking threads for, which then wait for more at full speed."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)


def _honest(plan: Plan, lines: Sequence[Line], order: list[int]) -> float:
    rows = np.column_stack([line.rows for line in lines])
    seen = ~np.isnan(rows).any(axis=1)
    weight = None if plan.job.weight is None else plan.job.weight[seen]
    with _one_thread():
        return honest(rows[seen], weight, order, plan.seed)


def _nested(results: Sequence[FoldResult], kept: Sequence[int]) -> float:
    found = [[o for k in kept if (o := result.outcomes[k]) is not None] for result in results]
    inner, outer = (np.array([[getattr(o, name) for o in row] for row in found]) for name in ("inner", "score"))
    return chosen_inside(inner, outer)


def _final(plan: Plan, line: Line) -> tuple[Setting, float, TableModel]:
    """Tune the winner on all rows as it was tuned in the folds, and fit it."""
    candidate = next(c for c in plan.candidates if c.name == line.name)
    setting, scale = tune_all(plan.job, candidate)
    loss = with_setting(candidate.loss, setting)
    job, learner = plan.job, candidate.learner
    model = learner.estimator(loss, setting, scale, job.table)
    fitted = TableModel.fit(job.table, plan.target, model, job.weight, encode=learner.encode, shift=job.shift)
    return setting, scale, fitted
