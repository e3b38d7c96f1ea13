"""Paired comparison over shared folds: corrected intervals, many candidates, an honest figure for the choice itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """A candidate's mean score minus the reference's (negative is better), with its corrected uncertainty.

    `low`, `high` bound the 95 % interval, `p` is two-sided, `p_holm` allows for the number of candidates; `better`,
    `same`, `worse` are posterior probabilities of lying below, within and above the margin of practical equivalence.
    """

    mean: float
    se: float
    low: float
    high: float
    p: float
    better: float
    same: float
    worse: float
    p_holm: float = 1.0


def corrected(differences: Array, ratio: float, margin: float, level: float = 0.95) -> Difference:
    """Nadeau & Bengio's corrected resampled t for fold differences (J,); `ratio` is n_test/n_train.

    The variance of the mean is (1/J + ratio)·s² instead of s²/J, because training sets overlap. The probabilities are
    those of the correlated Bayesian t (Benavoli et al. 2017), which has the same centre and spread.
    """
    from scipy.special import stdtr, stdtrit  # scipy.stats takes a second to import

    J = len(differences)
    mean = float(np.mean(differences))
    unit = float(np.abs(differences).max()) or 1.0  # squares of the differences themselves may overflow
    se = unit * float(np.sqrt((1.0 / J + ratio) * np.var(differences / unit, ddof=1)))
    if se == 0.0:
        return _exact(mean, margin)
    half = float(stdtrit(J - 1, 0.5 + level / 2)) * se
    better, not_worse = (float(stdtr(J - 1, (edge - mean) / se)) for edge in (-margin, margin))
    p = float(2.0 * stdtr(J - 1, -abs(mean) / se))
    return Difference(mean, se, mean - half, mean + half, p, better, not_worse - better, 1.0 - not_worse)


def _exact(mean: float, margin: float) -> Difference:
    """Differences that do not vary at all: certain."""
    better, worse = float(mean < -margin), float(mean > margin)
    return Difference(mean, 0.0, mean, mean, float(mean == 0.0), better, 1.0 - better - worse, worse)


def holm(p: list[float]) -> list[float]:
    """Holm's step-down adjustment: the chance of one false alarm among all stays below the level."""
    order = np.argsort(p, kind="stable")
    steps = np.array([(len(p) - i) * p[k] for i, k in enumerate(order)], dtype=float)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return [float(v) for v in adjusted]


def with_holm(differences: list[Difference]) -> list[Difference]:
    """The differences with `p_holm` filled in."""
    return [replace(d, p_holm=q) for d, q in zip(differences, holm([d.p for d in differences]), strict=True)]


def honest(rows: Array, weight: Array | None, order: list[int], seed: int, draws: int = 200) -> float:
    """The score to expect of the whole procedure "choose, then use": bootstrap bias-corrected cross-validation.

    `rows` (n, L) are out-of-fold scores of each candidate. In every draw the choice is made again, by the
    one-standard-error rule in the `order` of simplicity, on the rows drawn, and scored on the rows left out
    (Tsamardinos et al. 2018). The winner's own cross-validated score is too good; this is not.
    """
    rng = np.random.default_rng([seed, 7])
    n = len(rows)
    w = np.ones(n) if weight is None else weight
    drawn = np.array([np.bincount(rng.integers(n, size=n), minlength=n) for _ in range(draws)], dtype=np.uint16)
    inside, (outside, left) = Moments.of(rows, w, drawn), _means(lambda part: rows[part], w, drawn == 0)
    sound = np.flatnonzero((inside.mass > 0.0) & (left > 0.0)).tolist()
    scores = [outside[d, inside.chosen(d, order)] for d in sound]
    return float(np.mean(scores)) if scores else float("nan")


def chosen_inside(inner: Array, outer: Array) -> float:
    """The score to expect of "tune and choose by the training rows alone, then use": nested cross-validation.

    inner, outer : scores (J, L) of each candidate in each fold: on rows held out of its training fold, and on its test
        rows. What the first choose is judged by the second (Varma & Simon 2006; Cawley & Talbot 2010).
    """
    return float(outer[np.arange(len(outer)), inner.argmin(axis=1)].mean())


def within_one_error(rows: Array, weight: Array, order: list[int]) -> int:
    """The first candidate in `order` whose mean score is within one standard error of the best candidate's."""
    return Moments.of(rows, weight, np.ones((1, len(rows)))).chosen(0, order)


BLOCK = 2048
"""Rows whose products are in memory at once."""


def _means(columns: Callable[[slice], Array], weight: Array, times: Array) -> tuple[Array, Array]:
    """Means (D, c) of the columns of some rows at a time, and the weight (D,), of rows that count `times` (D, n)."""
    sums: Any = 0.0
    mass = np.zeros(len(times))
    for a in range(0, len(weight), BLOCK):
        part = slice(a, a + BLOCK)
        use = times[:, part] * weight[part]
        sums, mass = sums + use @ columns(part), mass + use.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums / mass[:, None]), mass


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Of each of D weightings of the same rows: weight (D,), rows that count (D,), means (D, L) of the L candidates,
    and mean products (D, L, L) of their scores less `middle`, in units of `unit`, for neither to overflow."""

    mass: Array
    count: Array
    mean: Array
    products: Array
    middle: Array
    unit: float

    @classmethod
    def of(cls, rows: Array, weight: Array, times: Array) -> Moments:
        """Of rows (n, L) with weight (n,), each counted so many times (D, n)."""
        L = rows.shape[1]
        apart = rows - rows.mean(axis=1, keepdims=True)  # what all candidates share says nothing of differences
        middle = apart.mean(axis=0)
        unit = float(np.abs(apart - middle).max()) or 1.0
        a, b = np.triu_indices(L)

        def columns(part: slice) -> Array:
            d = (apart[part] - middle) / unit
            return np.concatenate([rows[part], d[:, a] * d[:, b]], axis=1)

        mean, mass = _means(columns, weight, times)
        products = np.empty((len(times), L, L))
        products[:, a, b] = products[:, b, a] = mean[:, L:]
        return cls(mass, np.count_nonzero(times[:, weight > 0.0], axis=1), mean[:, :L], products, middle, unit)

    def chosen(self, d: int, order: list[int]) -> int:
        """The first candidate in `order` within one standard error of the best, by one of the weightings."""
        mean, own = self.mean[d], self.products[d]
        best = order[int(np.argmin(mean[order]))]
        behind = mean - mean[best]
        shift = (behind - (self.middle - self.middle[best])) / self.unit
        spread = np.diag(own) - 2.0 * own[best] + own[best, best] - shift * shift
        error = self.unit * np.sqrt(np.maximum(spread, 0.0) / self.count[d])
        return next(k for k in order if behind[k] <= error[k])
