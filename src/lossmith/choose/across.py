"""The same losses on several data sets: ranks, Friedman's test, and each loss against the default by signed ranks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lossmith.choose.compare import holm
from lossmith.errors import DataError

if TYPE_CHECKING:
    from lossmith.choose.choice import Choice

Array = NDArray[Any]

FEWEST = 5
"""Data sets without which no test of ranks can tell anything."""


@dataclass(frozen=True, slots=True)
class Across:
    """Mean ranks (1 is best), Friedman's χ², the F of Iman and Davenport with its p, and for each loss Wilcoxon's p of
    its difference to the first, with Holm's adjustment (None for the first)."""

    names: tuple[str, ...]
    ranks: tuple[float, ...]
    chi2: float
    f: float
    p: float
    p_holm: tuple[float | None, ...]


def across(choices: Sequence[Choice]) -> Across:
    """Compare the losses that all choices have in common, the default first (Demšar 2006).

    Scores are taken as shares of each data set's default, so that their differences can be ranked. Raises DataError for
    fewer than five choices, and where less than two losses are common to all.
    """
    plain = {choice.lines[0].name for choice in choices}
    common = (
        [x.name for x in choices[0].lines if all(x.name in {o.name for o in c.lines} for c in choices)]
        if choices
        else []
    )
    if len(choices) < FEWEST or len(common) < 2 or len(plain) > 1:
        raise DataError(
            f"{len(choices)} data sets with {len(common)} losses and {len(plain)} defaults in common; at least {FEWEST}"
            " data sets, two losses and one default are needed"
        )
    means = [{line.name: line.mean for line in choice.lines} for choice in choices]
    return ranked(tuple(common), np.array([[m[name] / abs(m[common[0]]) for name in common] for m in means]))


def ranked(names: tuple[str, ...], scores: Array) -> Across:
    """The tests for scores (data sets, losses), of which lower is better."""
    from scipy.special import fdtrc
    from scipy.stats import rankdata, wilcoxon

    n, k = scores.shape
    ranks = np.array([rankdata(row) for row in scores]).mean(axis=0)
    chi2 = 12 * n / (k * (k + 1)) * (float(ranks @ ranks) - k * (k + 1) ** 2 / 4)
    left = n * (k - 1) - chi2
    f = (n - 1) * chi2 / left if left > 0 else float("inf")
    p = float(fdtrc(k - 1, (k - 1) * (n - 1), f)) if left > 0 else 0.0
    apart = [scores[:, j] - scores[:, 0] for j in range(1, k)]
    signed = [float(wilcoxon(d, zero_method="zsplit").pvalue) if d.any() else 1.0 for d in apart]
    return Across(names, tuple(ranks.tolist()), chi2, f, p, (None, *holm(signed)))
