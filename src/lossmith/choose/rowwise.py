"""Paired comparison row by row: errors that allow for rows that belong together, and for rows that follow in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lossmith.choose.compare import holm

if TYPE_CHECKING:
    from lossmith.choose.folds import Splitting
    from lossmith.choose.plan import Plan
    from lossmith.choose.summary import Line

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class ByRows:
    """The mean difference of row scores to the default's, its standard error, 95 % interval and p (with Holm's too).

    `kind` says what the error allows for. It takes the fitted models as they are: unlike the interval over folds it
    knows nothing of how much another training set would change them.
    """

    kind: str
    mean: float
    se: float
    low: float
    high: float
    p: float
    p_holm: float = 1.0


def by_rows(plan: Plan, lines: Sequence[Line]) -> list[ByRows]:
    """One test for every line but the default, on the rows that all of them predicted."""
    plain = next(line for line in lines if line.default)
    rivals = [line for line in lines if not line.default]
    seen = ~np.isnan(np.column_stack([line.rows for line in lines])).any(axis=1)
    weight = np.ones(int(seen.sum())) if plan.job.weight is None else plan.job.weight[seen]
    splitting = plan.job.splitting.take(np.flatnonzero(seen))
    found = [row_test(line.rows[seen] - plain.rows[seen], weight, splitting) for line in rivals]
    return [replace(d, p_holm=q) for d, q in zip(found, holm([d.p for d in found]), strict=True)]


def row_test(d: Array, weight: Array, splitting: Splitting) -> ByRows:
    """The test of a mean of differences d (n,): Diebold and Mariano's where there is a time, clustered where there
    are groups, else that of independent rows."""
    mean = float(weight @ d / weight.sum())
    unit = float(np.abs(d).max()) or 1.0  # squares of the differences themselves may overflow
    pull = weight * ((d - mean) / unit) / weight.sum()
    if splitting.time is not None:
        _, moment = np.unique(splitting.time, return_inverse=True)
        return _result(mean, unit, *over_time(np.bincount(moment, pull)))
    if splitting.groups is not None:
        _, group = np.unique(splitting.groups, return_inverse=True)
        return _result(mean, unit, *clustered(np.bincount(group, pull)))
    return _result(mean, unit, *clustered(pull), "independent rows")


def clustered(sums: Array) -> tuple[float, int, str]:
    """The variance of the total of independent sums (G,), of mean 0, with the factor G/(G − 1)."""
    G = len(sums)
    return float(sums @ sums) * G / (G - 1), G, f"{G:,} groups"


def over_time(sums: Array) -> tuple[float, int, str]:
    """The variance of the total of sums in order of time (T,), of mean 0, that are correlated with those before.

    Newey and West's (1987) estimate with 4(T/100)^(2/9) lags, enlarged by the small-sample correction of Harvey,
    Leybourne and Newbold (1997). Rows of the same moment are summed first, so that they may depend on each other
    in any way (Driscoll and Kraay 1998).
    """
    T = len(sums)
    lags = newey_west_lags(T)
    shares = [1.0] + [2.0 * (1.0 - k / (lags + 1)) for k in range(1, lags + 1)]
    total = sum(share * float(sums[k:] @ sums[: T - k]) for k, share in enumerate(shares))
    h = lags + 1
    small = (T + 1 - 2 * h + h * (h - 1) / T) / T
    return max(total, 0.0) / small, T, f"{T:,} moments, {lags} lags"


def newey_west_lags(T: int) -> int:
    """How many earlier moments are allowed for, of T (Newey & West 1994)."""
    return min(int(4.0 * (T / 100.0) ** (2.0 / 9.0)), (T - 1) // 3)


def _result(mean: float, unit: float, variance: float, units: int, *kind: str) -> ByRows:
    from scipy.special import stdtr, stdtrit  # scipy.stats takes a second to import

    se = float(np.sqrt(variance)) * unit
    if se == 0.0:
        return ByRows(kind[-1], mean, 0.0, mean, mean, float(mean == 0.0))
    half = float(stdtrit(units - 1, 0.975)) * se
    return ByRows(kind[-1], mean, se, mean - half, mean + half, float(2.0 * stdtr(units - 1, -abs(mean) / se)))


def neighbours(residuals: Array) -> float:
    """The correlation of each residual (n,) with the one before."""
    r = residuals - residuals.mean()
    square = float(r @ r)
    return float(r[1:] @ r[:-1]) / square if square > 0 else 0.0
