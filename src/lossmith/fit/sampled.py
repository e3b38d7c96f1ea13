"""An objective over runs of rows that are read where they lie, without a copy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.fit.solvers import Evaluation

RUN = 64
"""Rows of a run: enough to be read at the speed of memory, few enough to be spread over the table."""


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """What solvers ask of an objective, for the mean over some of its rows.

    `walk(table, w, want, mass)` evaluates it over the runs of rows in `table`, whose weights sum to `mass`; everything
    that does not depend on rows is the whole objective's.
    """

    whole: Any
    table: Any
    mass: float
    walk: Callable[[Any, NDArray[np.float64], tuple[str, ...], float], Evaluation]

    def __getattr__(self, name: str) -> Any:
        if name not in SHARED:
            raise AttributeError(f"a sample of an objective has no {name}")
        return getattr(self.whole, name)

    def at(self, w: NDArray[np.float64], want: tuple[str, ...] = ("value", "gradient")) -> Evaluation:
        """Value and gradient over the sample in one pass; a Hessian where `want` names it."""
        self.whole.meter.passes += self.whole.share * self.rows_count / self.whole.rows_count
        return self.walk(self.table, w, want, self.mass)

    @property
    def rows_count(self) -> int:
        """How many rows there are."""
        return RUN * len(self.table.starts)


SHARED = frozenset({"size", "outputs", "design", "l1", "l2", "meter", "prox", "l1_value", "optimality", "intercepts"})
"""What a sample has of the whole."""


@lru_cache(maxsize=64)
def runs(n: int, count: int, seed: int) -> NDArray[np.int64]:
    """Where runs of RUN rows begin, about `count` rows in all: one per stretch of the table, at a hashed place."""
    edges = np.linspace(0, n, max(1, min(n, count) // RUN) + 1)
    room = np.maximum(np.diff(edges) - float(RUN), 0.0)
    starts = (edges[:-1] + room * np.random.default_rng([seed, n]).random(len(room))).astype(np.int64)
    starts.flags.writeable = False  # fits of one length share them
    return starts


def sampled(n: int, count: int, seed: int) -> NDArray[np.intp]:
    """The numbers of the rows of such runs; all rows where so many are asked for."""
    if count >= n or n < 2 * RUN:
        return np.arange(n)
    return (runs(n, count, seed)[:, None] + np.arange(RUN)).ravel()
