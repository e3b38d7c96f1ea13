"""What the folds say about each candidate, gathered into one line each, and the rows that fit worst."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lossmith.choose.compare import Difference, corrected, with_holm
from lossmith.choose.decide import Standing
from lossmith.choose.learners import Growth, Learner
from lossmith.choose.plan import Plan
from lossmith.choose.rowwise import ByRows
from lossmith.choose.train import FoldResult, Outcome

if TYPE_CHECKING:
    from lossmith.loss import Loss

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One candidate: scores per fold (J,), out-of-fold score (n,) and prediction (n,) or (n, K), and how fits went.

    `alpha` is the usual strength of a linear model's penalty, `growth` how trees were usually grown.
    `recalibrated`, for classes: the mean score after a sigmoid (or temperature), and after isotonic regression.
    """

    name: str
    loss: Loss
    learner: Learner
    default: bool
    convex: bool | None
    folds: Array
    rows: Array
    predictions: Array
    alpha: float | None
    growth: Growth | None
    params: tuple[tuple[str, float], ...]
    bias: float
    converged: int
    fits: int
    seconds: float
    raised: int
    recalibrated: tuple[float, ...] = ()
    versus: Difference | None = None
    by_rows: ByRows | None = None

    @property
    def mean(self) -> float:
        """The mean score over folds."""
        return float(self.folds.mean())


@dataclass(frozen=True, slots=True)
class Worst:
    """A row that the winner predicts badly: its number in the table, and its weights under two losses."""

    row: int
    actual: str
    predicted: str
    residual: float
    weight: float | None
    robust: float | None


def gather(plan: Plan, results: Sequence[FoldResult]) -> tuple[list[Line], list[str]]:
    """A line for every candidate that finished all folds, and notes on those that did not."""
    notes, lines = [], []
    for k, candidate in enumerate(plan.candidates):
        done = [r.outcomes[k] for r in results]
        whole = [o for o in done if o is not None]
        if len(whole) < len(done):
            why = next(r.failures[k] for r in results if k in r.failures)
            notes.append(f"{candidate.name} is not compared: in {len(done) - len(whole)} folds it failed ({why})")
            continue
        lines.append(_line(plan, k, results, whole))
    return lines, notes


def compare(plan: Plan, lines: Sequence[Line]) -> tuple[list[Difference], float]:
    """The differences to the default, with Holm's adjustment, and the margin in units of the score."""
    plain = next(line for line in lines if line.default)
    margin = plan.margin * abs(plain.mean)
    rivals = [line for line in lines if not line.default]
    return with_holm([corrected(line.folds - plain.folds, plan.ratio, margin) for line in rivals]), margin


def standings(lines: Sequence[Line]) -> list[Standing]:
    """What the decision needs to know."""
    return [Standing(line.name, line.mean, line.versus) for line in lines]


def worst(plan: Plan, line: Line, robust: Line | None, scale: float, count: int = 10) -> list[Worst]:
    """The rows with the largest out-of-fold score under the winner."""
    known = ~np.isnan(line.rows)
    index = np.flatnonzero(known)[np.argsort(-line.rows[known], kind="stable")[:count]]
    return [_worst(plan, line, robust, scale, int(i)) for i in index]


def weights(loss: Loss, r: Array, scale: float) -> Array | None:
    """ψ(r/s)/(r/s) over its value at 0 where that is finite: the weight of a row with that residual under a residual
    loss; None for other losses."""
    if loss.lift.name != "residual":
        return None
    u = np.append(np.asarray(r, dtype=np.float64) / scale, 1e-6)
    u = np.where(u == 0, 1e-6, u)
    found: Array = -loss.gradient(np.ones_like(u), 1.0 - u) / u  # y = 1: percentages are of it
    unit = float(found[-1]) if 0 < found[-1] < 1e3 else 1.0
    return np.asarray(found[:-1] / unit)


def most_robust(lines: Sequence[Line]) -> Line | None:
    """The candidate that would ignore outliers most: the one with the least weight at ten scales."""
    ten = np.array([10.0])
    found = [(float(w[0]), line) for line in lines if (w := weights(line.loss, ten, 1.0)) is not None]
    return min(found, key=lambda pair: pair[0])[1] if found else None


def _worst(plan: Plan, line: Line, robust: Line | None, scale: float, i: int) -> Worst:
    target = plan.target
    row = int(target.rows[i])
    if target.labels:
        p = line.predictions[i]
        label = target.labels[int(target.y[i])]
        guess = target.labels[int(np.argmax(p))]
        return Worst(row, label, f"{guess} ({p.max():.1%})", float(p[target.y[i]]), None, None)
    y, z = float(target.y[i]), float(line.predictions[i])
    pair = [_weight_of(one, y - z, scale) for one in (line, robust)]
    return Worst(row, f"{y:,.5g}", f"{z:,.5g}", y - z, *pair)


def _weight_of(line: Line | None, residual: float, scale: float) -> float | None:
    if line is None:
        return None
    found = weights(line.loss, np.array([residual]), scale)
    return None if found is None else float(found[0])


def _line(plan: Plan, k: int, results: Sequence[FoldResult], outcomes: Sequence[Outcome]) -> Line:
    candidate = plan.candidates[k]
    rows, predictions = _pooled(plan, results, outcomes)
    params = _typical(outcomes)
    convex = candidate.loss.facts().get("convex")
    return Line(
        candidate.name,
        candidate.loss.with_params(**dict(params)) if params else candidate.loss,
        candidate.learner,
        candidate.default,
        None if convex is None else convex.holds,
        np.array([o.score for o in outcomes]),
        rows,
        predictions,
        *_usual(outcomes),
        params,
        _bias(plan, predictions),
        sum(o.converged for o in outcomes),
        len(outcomes),
        sum(o.seconds for o in outcomes),
        sum(o.raised for o in outcomes),
        tuple(np.mean([o.recalibrated for o in outcomes], axis=0).tolist()) if outcomes[0].recalibrated else (),
    )


def _usual(outcomes: Sequence[Outcome]) -> tuple[float | None, Growth | None]:
    """The median strength of the penalty, or medians of how trees were grown."""
    grown = [g for o in outcomes if (g := o.setting.growth) is not None]
    if not grown:
        return float(np.exp(np.median(np.log([o.setting.alpha for o in outcomes])))), None
    leaves, rows, rounds = (
        int(np.median([getattr(g, name) for g in grown])) for name in ("leaves", "leaf_rows", "rounds")
    )
    return None, Growth(float(np.median([g.learning_rate for g in grown])), leaves, rows, rounds)


def _typical(outcomes: Sequence[Outcome]) -> tuple[tuple[str, float], ...]:
    """The setting chosen most often, of those that set any parameter of the loss."""
    chosen = [o.setting.params for o in outcomes]
    return max(sorted(set(chosen)), key=chosen.count)


def _pooled(plan: Plan, results: Sequence[FoldResult], outcomes: Sequence[Outcome]) -> tuple[Array, Array]:
    """Means over repeats of score and prediction per row; NaN for rows that no fold tested."""
    n = len(plan.target.y)
    shape = outcomes[0].predictions.shape[1:]
    count, rows, predictions = np.zeros(n), np.zeros(n), np.zeros((n, *shape))
    for result, outcome in zip(results, outcomes, strict=True):
        test = result.fold.test
        count[test] += 1
        rows[test] += outcome.rows
        predictions[test] += outcome.predictions
    with np.errstate(invalid="ignore", divide="ignore"):
        return rows / count, (predictions.T / count).T


def _bias(plan: Plan, predictions: Array) -> float:
    """Mean prediction minus mean target; for classes the largest such gap of any class."""
    y = plan.target.y
    seen = ~np.isnan(predictions.reshape(len(y), -1)[:, 0])
    weight = None if plan.job.weight is None else plan.job.weight[seen]
    if not plan.target.labels:
        return float(np.average(predictions[seen] - y[seen], weights=weight))
    actual = np.eye(len(plan.target.labels))[y[seen]]
    gaps = np.average(predictions[seen] - actual, axis=0, weights=weight)
    return float(gaps[np.argmax(np.abs(gaps))])
