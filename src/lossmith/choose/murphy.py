"""Murphy diagrams: what every consistent score would say, one elementary score for each threshold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lossmith.choose.diagnose import sides

if TYPE_CHECKING:
    from lossmith.choose.plan import Plan
    from lossmith.choose.summary import Line

Array = NDArray[Any]
POINTS = 72
"""Thresholds of a Murphy diagram."""
LEAST = 12
"""Thresholds that there are however many classes share the work."""


@dataclass(frozen=True, slots=True, eq=False)
class Murphy:
    """Elementary scores at thresholds (t,): for each loss the mean difference to the default, and its standard error.

    Every consistent score is a mixture of elementary ones (Ehm et al. 2016): a loss below 0 everywhere is better under
    all of them. For more than two classes they are those of each class against the rest, summed.
    """

    thresholds: Array
    lines: tuple[tuple[Line, Array, Array], ...]

    def says(self) -> list[str]:
        """A sentence for all losses whose curves say the same."""
        found: dict[str, list[str]] = {}
        for line, mean, error in self.lines:
            found.setdefault(dominance(mean, error), []).append(line.name)
        return [f"{', '.join(names)}: {said}" for said, names in found.items() if said]


def murphy(plan: Plan, lines: Sequence[Line]) -> Murphy | None:
    """Elementary scores for means, quantiles, expectiles and classes; None for other functionals."""
    kind = _kind(plan)
    if kind is None:
        return None
    elementary, level = kind
    every = [sides(plan, line) for line in sorted(lines, key=lambda line: not line.default)]
    weight = every[0][0].weight
    share = weight / weight.sum()
    thresholds = _thresholds([side.guess for each in every for side in each], len(every[0]))
    mean, error = np.empty((2, len(lines) - 1, len(thresholds)))
    for i, t in enumerate(thresholds):
        plain, *others = (sum(elementary(s.aim, s.guess, t, level) for s in each) for each in every)
        for k, other in enumerate(others):
            apart = other - plain
            mean[k, i] = share @ apart
            error[k, i] = np.sqrt(share**2 @ (apart - mean[k, i]) ** 2)
    return Murphy(thresholds, tuple(zip([line for line in lines if not line.default], mean, error, strict=True)))


def _thresholds(guesses: Sequence[Array], columns: int) -> Array:
    pool = np.concatenate(guesses)
    count = max(POINTS // columns, LEAST)
    return np.unique(np.quantile(pool, np.linspace(0.005, 0.995, count)))


Elementary = Callable[[Array, Array, float, float], Array]


def _kind(plan: Plan) -> tuple[Elementary, float] | None:
    """The elementary scores of the functional that is judged, and its level."""
    level = 0.5 if plan.score.level is None else plan.score.level
    if plan.score.functional in ("mean", "probability"):
        return of_expectiles, 0.5
    word = next((word for word in _ELEMENTARY if word in plan.score.functional), None)
    return None if word is None else (_ELEMENTARY[word], level)


def of_expectiles(y: Array, x: Array, t: float, level: float) -> Array:
    """The elementary score of an expectile at threshold t; at level ½, that of the mean: 2·|½ − …| is 1."""
    over, under = (y <= t) & (t < x), (x <= t) & (t < y)
    return 2.0 * ((1.0 - level) * over + level * under) * np.abs(y - t)


def of_quantiles(y: Array, x: Array, t: float, level: float) -> Array:
    """The elementary score of a quantile at threshold t."""
    over, under = (y <= t) & (t < x), (x <= t) & (t < y)
    return (1 - level) * over + level * under


_ELEMENTARY: Mapping[str, Elementary] = {
    "median": of_quantiles,
    "quantile": of_quantiles,
    "expectile": of_expectiles,
}


def dominance(mean: Array, error: Array) -> str:
    """What a curve of differences says, in words; nothing where its errors leave that open."""
    low, high = mean - 1.96 * error, mean + 1.96 * error
    if (mean <= 0).all() and (high < 0).any():
        return "at least as good at every threshold, so that no consistent score prefers the default."
    if (mean >= 0).all() and (low > 0).any():
        return "better at no threshold, so that no consistent score prefers it to the default."
    if (high < 0).any() and (low > 0).any():
        return "better at some thresholds and worse at others, so that the score decides."
    return ""
