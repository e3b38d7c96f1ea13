"""Behind the score: calibration, what every consistent score would say, and how large the errors are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lossmith.choose.isotonic import increasing

if TYPE_CHECKING:
    from lossmith.choose.plan import Plan
    from lossmith.choose.summary import Line

Array = NDArray[Any]
POINTS = 72
"""Thresholds of a Murphy diagram."""


@dataclass(frozen=True, slots=True, eq=False)
class Murphy:
    """Elementary scores at thresholds (t,): for each loss the mean difference to the default, and its standard error.

    Every consistent score is a mixture of elementary ones (Ehm et al. 2016): a loss below 0 everywhere is better under
    all of them.
    """

    thresholds: Array
    lines: tuple[tuple[Line, Array, Array], ...]

    def says(self) -> list[str]:
        """A sentence for all losses whose curves say the same."""
        found: dict[str, list[str]] = {}
        for line, mean, error in self.lines:
            found.setdefault(_dominance(mean, error), []).append(line.name)
        return [f"{', '.join(names)}: {said}" for said, names in found.items() if said]


@dataclass(frozen=True, slots=True)
class Parts:
    """A mean score in parts: miscalibration − discrimination + uncertainty (Dimitriadis, Gneiting & Jordan 2021)."""

    name: str
    miscalibration: float
    discrimination: float
    uncertainty: float


@dataclass(frozen=True, slots=True)
class Errors:
    """The size of a loss's errors: mean prediction minus target, the share of targets at or below the prediction, and
    the 50, 90 and 99 % points of |y − ŷ|."""

    name: str
    bias: float
    below: float
    half: float
    most: float
    extreme: float


def seen(plan: Plan, line: Line) -> tuple[Array, Array, Array]:
    """Targets, out-of-fold predictions and weights of the rows that were tested."""
    known = ~np.isnan(line.rows)
    weight = np.ones(int(known.sum())) if plan.job.weight is None else plan.job.weight[known]
    return plan.target.y[known], line.predictions[known], weight


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


def parts(plan: Plan, lines: Sequence[Line]) -> list[Parts]:
    """The mean score of each loss in three parts; empty where the functional is neither a mean nor two classes."""
    if not _is_mean(plan):
        return []
    return [_parts(plan, line) for line in lines]


def _parts(plan: Plan, line: Line) -> Parts:
    y, p, w = seen(plan, line)
    aim, guess = (y.astype(float), p[:, 1]) if plan.target.labels else (y, p)
    order, fitted = increasing(guess, aim, w)
    recalibrated = np.empty_like(fitted)
    recalibrated[order] = fitted
    constant = np.full(len(y), float(np.average(aim, weights=w)))
    whole, best, least = (_mean(plan, y, q, w) for q in (guess, recalibrated, constant))
    return Parts(line.name, whole - best, least - best, least)


def _mean(plan: Plan, y: Array, p: Array, w: Array) -> float:
    if plan.target.labels:
        p = np.column_stack([1 - p, p])
    elif plan.score.positive:
        p = np.maximum(p, 1e-6 * float(np.average(y, weights=w)))
    return float(np.average(plan.score.rows(y, p), weights=w))


def _is_mean(plan: Plan) -> bool:
    return plan.score.functional == "mean" or len(plan.target.labels) == 2


def murphy(plan: Plan, lines: Sequence[Line]) -> Murphy | None:
    """Elementary scores for means, quantiles and two classes; None for other functionals."""
    level = plan.score.level if plan.score.functional.endswith("quantile") else None
    level = 0.5 if plan.score.functional == "median" else level
    if level is None and not _is_mean(plan):
        return None
    plain = next(line for line in lines if line.default)
    y, base, w = _single(plan, plain)
    pool = np.concatenate([_single(plan, line)[1] for line in lines])
    thresholds = np.unique(np.quantile(pool, np.linspace(0.005, 0.995, POINTS)))
    share = w / w.sum()
    out = []
    for line in lines:
        if line.default:
            continue
        apart = [_elementary(y, _single(plan, line)[1], t, level) - _elementary(y, base, t, level) for t in thresholds]
        mean = np.array([share @ d for d in apart])
        spread = [np.sqrt(share**2 @ (d - m) ** 2) for d, m in zip(apart, mean, strict=True)]
        out.append((line, mean, np.array(spread)))
    return Murphy(thresholds, tuple(out))


def _single(plan: Plan, line: Line) -> tuple[Array, Array, Array]:
    y, p, w = seen(plan, line)
    return y.astype(float), (p[:, 1] if plan.target.labels else p), w


def _elementary(y: Array, x: Array, t: float, level: float | None) -> Array:
    """The elementary score of a mean (level None) or a quantile at threshold t."""
    over, under = (y <= t) & (t < x), (x <= t) & (t < y)
    if level is None:
        return np.where(over | under, np.abs(y - t), 0.0)
    return (1 - level) * over + level * under


def _dominance(mean: Array, error: Array) -> str:
    low, high = mean - 1.96 * error, mean + 1.96 * error
    if (mean <= 0).all() and (high < 0).any():
        return "at least as good at every threshold, so that no consistent score prefers the default."
    if (mean >= 0).all() and (low > 0).any():
        return "better at no threshold, so that no consistent score prefers it to the default."
    if (high < 0).any() and (low > 0).any():
        return "better at some thresholds and worse at others, so that the score decides."
    return ""


def reliability(plan: Plan, line: Line) -> tuple[Array, Array, Array]:
    """Predicted probability, the share of cases where it came true by isotonic regression, and all probabilities.

    Two classes: the second one's; more: of all classes together.
    """
    y, p, w = seen(plan, line)
    count = len(plan.target.labels)
    columns = [1] if count == 2 else list(range(count))
    guess = np.concatenate([p[:, k] for k in columns])
    came = np.concatenate([(y == k).astype(float) for k in columns])
    order, fitted = increasing(guess, came, np.tile(w, len(columns)))
    return guess[order], fitted, guess
