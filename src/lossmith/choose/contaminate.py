"""What becomes of each loss when training rows are spoiled and test rows are not: curves over the share of bad rows."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lossmith.choose.bench import MOST_ROWS, Bench, Centre, Judged, Part, judge, linear, robust_centres
from lossmith.choose.folds import Fold
from lossmith.choose.spoil import Draw, Wanted
from lossmith.choose.train import FoldResult, Stage, constant_score, floor_of, stages_of, task_of

if TYPE_CHECKING:
    from lossmith.choose.learners import Setting
    from lossmith.choose.plan import Plan

Array = NDArray[Any]

RATES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3)
"""The shares of spoiled training rows."""
FLAG, DOUBTED, DIRTY = 5.0, 0.01, 0.005
"""Test rows so many robust deviations off are flagged, and labels less probable than that under the default loss; with
a larger share of them, a second panel leaves them out."""
TOGETHER = 2
"""Draws whose training sets are in memory at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Scenario:
    """One family, and what every loss scores under it, as a share of the best constant's score: 1 is useless.

    `scores` and `trimmed` are (losses, rates, draws); trimmed leaves out test rows that a robust fit flags.
    """

    name: str
    says: str
    expected: float
    scores: Array
    trimmed: Array
    flagged: float
    strength: float = 1.0

    @property
    def dirty(self) -> bool:
        """Do the test rows look spoiled themselves?"""
        return self.flagged > DIRTY

    def curve(self, trimmed: bool = False) -> tuple[Array, Array]:
        """Mean (losses, rates) over folds and draws, and the standard error of its difference to the default with no
        bad row in the same fold."""
        values = self.trimmed if trimmed else self.scores
        with np.errstate(invalid="ignore"):
            apart = values - values[:1, :1]
            return values.mean(axis=2), apart.std(axis=2, ddof=1) / np.sqrt(values.shape[2])

    def records(self, trimmed: bool = False) -> list[dict[str, float]]:
        """For each loss price and slope at 0, area, breakdown, expected regret, as shares of the default's score."""
        curve, rates = self.curve(trimmed)[0], np.array(RATES)
        plain, best = curve[0, 0], curve.min(axis=0)
        prior = _prior_weights(rates, self.expected)
        return [
            {
                "price": float((c[0] - plain) / plain),
                "slope": float((c[1] - c[0]) / (rates[1] * c[0])),
                "area": _area(rates, c - c[0]) / (rates[-1] * float(c[0])),
                "breakdown": _breakdown(rates, c),
                "regret": float(prior @ (c - best) / plain),
            }
            for c in curve
        ]


def contaminate(
    plan: Plan, results: Sequence[FoldResult], kept: Sequence[int], wanted: Sequence[Wanted], draws: int, workers: int
) -> list[Scenario]:
    """Spoil the training rows of the first repeat's folds, with the settings that the clean folds found.

    `kept` are the candidates compared. At most MOST_ROWS training rows of a fold are used; `draws` draws for each fold.
    """
    first = [result for result in results if result.fold.repeat == 0]
    with ThreadPoolExecutor(min(workers, len(first))) as pool:
        parts = list(pool.map(lambda result: _fold(plan, result, kept, wanted, draws), first))
    flagged = float(np.average([p[2] for p in parts], weights=[len(r.fold.test) for r in first]))
    scenarios = []
    for i, one in enumerate(wanted):
        whole = np.concatenate([p[0][i] for p in parts], axis=2)
        trimmed = np.concatenate([p[1][i] for p in parts], axis=2)
        scenarios.append(Scenario(one.name, one.family.says, one.expected, whole, trimmed, flagged, one.strength))
    return scenarios


def _fold(
    plan: Plan, result: FoldResult, kept: Sequence[int], wanted: Sequence[Wanted], draws: int
) -> tuple[list[Array], list[Array], float]:
    """For one fold, scores (losses, rates, draws) of every family, the same trimmed, and the share flagged."""
    job, train = plan.job, result.fold.train
    some = train if len(train) <= MOST_ROWS else train[:: -(-len(train) // MOST_ROWS)]
    (stage,) = stages_of(job, [Fold(0, result.fold.number, some, result.fold.test)], tuned=False)
    behind, ahead = _clean(plan, result, stage, len(train) / len(some))
    flags = _flags(stage.test, ahead, plan)
    weight = np.ones(len(flags)) if stage.test.weight is None else stage.test.weight
    trusted = np.where(flags, 0.0, weight) if (weight[~flags] > 0).any() else weight
    unit = [constant_score(job, stage.test, w) for w in (weight, trusted)]
    target, scale = plan.target, stage.test.centre.scale
    seeds = [[plan.seed, 11, result.fold.number, d] for d in range(draws)]
    noise = [Draw.of(len(some), scale, target.kind, behind, len(target.labels), seed) for seed in seeds]
    whole: list[Array] = []
    trimmed: list[Array] = []
    for one in wanted:
        rows = [
            _scores(plan, result, kept, _bench(plan, stage, one, noise[d : d + TOGETHER]), len(train) / len(some))
            for d in range(0, draws, TOGETHER)
        ]
        for side, w, u in zip((whole, trimmed), (weight, trusted), unit, strict=True):
            side.append(np.concatenate([_by_rate(np.average(r, axis=2, weights=w) / u) for r in rows], axis=2))
    return whole, trimmed, float(flags.mean())


def _clean(plan: Plan, result: FoldResult, stage: Stage, factor: float) -> tuple[Array, Array]:
    """What a fit to the clean training rows says of them and of the test rows: the robust fit for numbers, the
    probabilities of the default loss for classes."""
    own = stage.test.rows
    if not plan.target.labels:
        return linear(own.X, stage.test.centre.solution), linear(stage.test.X, stage.test.centre.solution)
    outcome = result.outcomes[0]
    assert outcome is not None
    sides = [Part(own, own.X, plan.job.y[stage.fold.train], own.weight, 0.0, Centre()), stage.test]
    found = []
    for part in sides:
        bench = Bench.of([part], len(plan.target.labels))
        (one,) = _judged(plan, 0, outcome.setting, bench, factor)
        found.append(one.predictions)
    return found[0], found[1]


def _by_rate(values: Array) -> Array:
    """(losses, 1 + rates·draws), the clean fit first, as (losses, rates, draws)."""
    spoiled = values[:, 1:].reshape(len(values), len(RATES) - 1, -1)
    clean = np.repeat(values[:, :1, None], spoiled.shape[2], axis=2)
    return np.concatenate([clean, spoiled], axis=1)


def _bench(plan: Plan, stage: Stage, wanted: Wanted, noise: Sequence[Draw]) -> Bench:
    """The clean training set, and every share and draw of spoiled ones."""
    from lossmith.rows.memory import Rows

    clean, test = stage.test.rows, stage.test
    sets = [clean]
    for rate in RATES[1:]:
        sets += [Rows(*wanted.spoiled(draw, clean.X, clean.y, rate), clean.weight) for draw in noise]
    centres = [Centre()] * len(sets) if plan.target.labels else robust_centres(sets)
    parts = [
        Part(rows, test.X, test.y, test.weight, floor_of(plan.job, rows), centre)
        for rows, centre in zip(sets, centres, strict=True)
    ]
    return Bench.of(parts, len(plan.target.labels))


def _scores(plan: Plan, result: FoldResult, kept: Sequence[int], bench: Bench, factor: float) -> Array:
    """The score of every test row (losses, training sets, rows); infinite where a fit failed."""
    out = []
    for k in kept:
        outcome = result.outcomes[k]
        assert outcome is not None
        judged = _judged(plan, k, outcome.setting, bench, factor)
        none = np.full(len(result.fold.test), np.inf)
        out.append([one.rows if len(one.rows) else none for one in judged])
    return np.array(out)


def _judged(plan: Plan, k: int, setting: Setting, bench: Bench, factor: float) -> list[Judged]:
    """A candidate on every part, with the setting of a fold that had `factor` times their training rows."""
    candidate = plan.candidates[k]
    own = replace(setting, alpha=setting.alpha * factor)
    tasks = [task_of(i, candidate, own) for i in range(len(bench.parts))]
    found = candidate.learner.fits(bench, tasks, candidate.name, 1e-4)
    return judge(bench, tasks, found, plan.score, candidate.learner.raw)


def _flags(test: Part, ahead: Array, plan: Plan) -> NDArray[np.bool_]:
    """Test rows far from the robust fit to the clean training rows, or labels that the default all but excludes."""
    if plan.target.labels:
        return np.asarray(ahead[np.arange(len(test.y)), test.y] < DOUBTED)
    return np.asarray(np.abs(test.y - ahead) > FLAG * test.centre.scale)


def _prior_weights(rates: Array, mean: float) -> Array:
    """The exponential prior on the grid, each point with the width that it stands for."""
    width = np.gradient(rates)
    weight = np.exp(-rates / mean) * width
    return np.asarray(weight / weight.sum())


def _area(x: Array, y: Array) -> float:
    return float(np.sum((y[1:] + y[:-1]) / 2 * np.diff(x)))


def _breakdown(rates: Array, curve: Array) -> float:
    """The share of bad rows at which the curve reaches the constant's score of 1; infinite if it never does."""
    over = np.flatnonzero(curve >= 1.0)
    if not len(over):
        return float("inf")
    k = int(over[0])
    if k == 0 or not np.isfinite(curve[k]):
        return float(rates[k])
    return float(np.interp(1.0, curve[k - 1 : k + 1], rates[k - 1 : k + 1]))
