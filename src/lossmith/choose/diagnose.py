"""Behind the score: calibration, the score in parts, and how large the errors are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lossmith.choose import isotonic
from lossmith.choose.isotonic import increasing, increasing_in

if TYPE_CHECKING:
    from lossmith.choose.plan import Plan
    from lossmith.choose.score import Score
    from lossmith.choose.summary import Line

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Parts:
    """A mean score in parts: miscalibration − discrimination + uncertainty (Dimitriadis, Gneiting & Jordan 2021)."""

    name: str
    miscalibration: float
    discrimination: float
    uncertainty: float


@dataclass(frozen=True, slots=True)
class Errors:
    """The size of a loss's errors: mean prediction minus target, the share of targets at or below the prediction (its
    coverage), and the 50, 90 and 99 % points of |y − ŷ|."""

    name: str
    bias: float
    below: float
    half: float
    most: float
    extreme: float


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """What is predicted and what came, per row that was tested: a number, or a class against the rest as 0 and 1."""

    aim: Array
    guess: Array
    weight: Array


def seen(plan: Plan, line: Line) -> tuple[Array, Array, Array]:
    """Targets, out-of-fold predictions and weights of the rows that were tested."""
    known = ~np.isnan(line.rows)
    weight = np.ones(int(known.sum())) if plan.job.weight is None else plan.job.weight[known]
    return plan.target.y[known], line.predictions[known], weight


def sides(plan: Plan, line: Line) -> list[Side]:
    """One side for numbers, the second class's for two classes, one for each of more."""
    y, p, w = seen(plan, line)
    if not plan.target.labels:
        return [Side(y.astype(np.float64), p, w)]
    columns = [1] if len(plan.target.labels) == 2 else range(len(plan.target.labels))
    return [Side((y == k).astype(np.float64), p[:, k], w) for k in columns]


def errors(plan: Plan, lines: Sequence[Line]) -> list[Errors]:
    """One row for each loss; empty for classes."""
    if plan.target.labels:
        return []
    out = []
    for line in lines:
        y, p, w = seen(plan, line)
        size = np.quantile(np.abs(y - p), (0.5, 0.9, 0.99))
        out.append(Errors(line.name, line.bias, float(np.average(y <= p, weights=w)), *map(float, size)))
    return out


_CENTRES: Mapping[str, Callable[[float], isotonic.Centre]] = {
    "median": lambda _: isotonic.quantile(0.5),
    "quantile": isotonic.quantile,
    "expectile": isotonic.expectile,
    "Huber": isotonic.huber,
}


def recalibrated(score: Score, side: Side) -> tuple[Array, Array]:
    """The order of the predictions, and for each the functional of what came, by isotonic regression."""
    word = next((w for w in _CENTRES if w in score.functional), None)
    if word is None:
        return increasing(side.guess, side.aim, side.weight)
    return increasing_in(_CENTRES[word](score.level or 0.5), side.guess, side.aim, side.weight)


def parts(plan: Plan, lines: Sequence[Line]) -> list[Parts]:
    """The mean score of each loss in three parts; of more than two classes the Brier score's, class by class."""
    return [_parts(plan, line) for line in lines]


def parts_of(plan: Plan) -> str:
    """Which score `parts` takes apart."""
    return "Brier score, each class against the rest" if len(plan.target.labels) > 2 else plan.score.label


def _parts(plan: Plan, line: Line) -> Parts:
    found = [_of_side(plan, side) for side in sides(plan, line)]
    whole, best, least = (float(sum(column)) for column in zip(*found, strict=True))
    return Parts(line.name, whole - best, least - best, least)


def _of_side(plan: Plan, side: Side) -> tuple[float, float, float]:
    """The score as predicted, recalibrated, and of the best constant."""
    order, fitted = recalibrated(plan.score, side)
    again = np.empty_like(fitted)
    again[order] = fitted
    none = Side(side.aim, np.zeros_like(side.aim), side.weight)
    constant = recalibrated(plan.score, none)[1]
    whole, best, least = (_mean(plan, side, q) for q in (side.guess, again, constant))
    return whole, best, least


def _mean(plan: Plan, side: Side, p: Array) -> float:
    if len(plan.target.labels) > 2:
        return float(np.average((p - side.aim) ** 2, weights=side.weight))
    if plan.target.labels:
        rows = plan.score.rows(side.aim.astype(np.intp), np.column_stack([1 - p, p]))
        return float(np.average(rows, weights=side.weight))
    if plan.score.positive:
        p = np.maximum(p, 1e-6 * float(np.average(side.aim, weights=side.weight)))
    return float(np.average(plan.score.rows(side.aim, p), weights=side.weight))


def reliability(plan: Plan, line: Line) -> tuple[Array, Array, Array]:
    """Predictions in order, what came of them by isotonic regression, and all predictions.

    Two classes: the second one's probability; more: of all classes together; numbers: the functional that is judged.
    """
    each = sides(plan, line)
    aim, guess, weight = (np.concatenate([getattr(s, name) for s in each]) for name in ("aim", "guess", "weight"))
    order, fitted = recalibrated(plan.score, Side(aim, guess, weight))
    return guess[order], fitted, guess
