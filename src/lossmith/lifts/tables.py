"""Lifts of K coupled scores with a number for each class, or for each pair of classes: priors, and costs of errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.errors import ParameterError, ShapeError, UnsupportedError
from lossmith.formula import Expr, name, substitute
from lossmith.lifts.base import Derived, State
from lossmith.lifts.probabilities import Probabilities
from lossmith.lifts.scores import Divergence, Simplex
from lossmith.lifts.softmax import _indices, probabilities

Array = NDArray[Any]
Numbers = tuple[float, ...]


class Adjusted(Simplex):
    """Slots as of the simplex lift, seen at scores a_k z_k + log π_k, of which the true class's is lowered by a margin.

    The priors π are what is known of the classes' frequencies. What is left for the scores themselves is what the
    priors do not say: their largest is the class of the least balanced error (Menon et al. 2021). Factors a that are
    small for rare classes ask of them a larger margin (Kini et al. 2021), and so do margins that are large for them
    (Cao et al. 2019). Without numbers all classes are alike.
    """

    name = "adjusted"

    def __init__(self, priors: Numbers = (), factors: Numbers = (), margins: Numbers = ()) -> None:
        K = len(priors)
        if not all(0 < p < np.inf for p in priors) or K == 1:
            raise ParameterError(f"adjusted{priors}: a prior > 0 for each of two classes or more")
        if not all(0 < a < np.inf for a in factors) or len(factors) not in (0, K):
            raise ParameterError(f"adjusted: a factor > 0 for each of {K} classes, not {factors}")
        if not all(0 <= m < np.inf for m in margins) or len(margins) not in (0, K):
            raise ParameterError(f"adjusted: a margin >= 0 for each of {K} classes, not {margins}")
        self.priors, self.factors, self.margins = priors, factors, margins
        self.probe, self.stretch = (1, K) if priors else (1,), max(factors, default=1.0)

    @property
    def spelling(self) -> str:
        tables = (self.priors, self.factors, self.margins) if self.factors or self.margins else (self.priors,)
        rows = "; ".join(", ".join(map(repr, row)) for row in tables)
        return f"{self.name}({rows})" if self.priors else self.name

    @property
    def recipe(self) -> str:
        return self.name

    def __call__(
        self, counts: Sequence[float], tau: float = 1.0, *, gamma: float = 0.0, margin: float = 0.0, scale: float = 1.0
    ) -> Adjusted:
        """The lift for classes of these frequencies (K,), counts or shares.

        tau: the power of the frequencies that is taken as prior; 0 for none. gamma: the power of a frequency, relative
        to the largest, by which its score is multiplied (VS loss). margin: by how much the rarest class must be ahead
        where it is true, the others by the fourth root of their rarity (LDAM). scale: a factor on scores and margins.
        """
        n = np.asarray(counts, float)
        if not ((n > 0) & (n < np.inf)).all() or n.ndim != 1 or len(n) < 2:
            raise ParameterError(f"adjusted({counts}): a prior > 0 for each of two classes or more")
        if not (0 < scale < np.inf and 0 <= margin < np.inf):
            raise ParameterError(f"adjusted: scale must be > 0 and margin >= 0, not {scale} and {margin}")
        factors, margins = scale * (n / n.max()) ** gamma, scale * margin * (n.min() / n) ** 0.25
        return Adjusted(
            tuple((n**tau).tolist()),
            tuple(factors.tolist()) if (factors != 1).any() else (),
            tuple(margins.tolist()) if margins.any() else (),
        )

    @property
    def shift(self) -> Numbers:
        """What is added to the score of each class."""
        return tuple(float(v) for v in np.log(self.priors) - np.log(sum(self.priors)))

    @property
    def numbers(self) -> tuple[Numbers, Numbers, Numbers]:
        """What is added to each score, by what it is multiplied before, and the margins; empty where there are none."""
        return (self.shift if self.priors else ()), self.factors, self.margins

    def rows(self, z: Array, index: NDArray[np.intp]) -> Probabilities:
        """What the slots look at."""
        return Probabilities(z, index, probabilities(z), np.asarray(self.margins) if self.margins else None)

    def parts(self, state: State, y: Array, z: Array, want: frozenset[str]) -> dict[str, Array]:
        if not self.priors:
            return super().parts(state, y, z, want)
        factors = np.asarray(self.factors or np.ones(len(self.priors)), z.dtype)
        moved = z * _fitting(factors, z, state.who) + np.asarray(self.shift, z.dtype)
        found = super().parts(state, y, moved, want)
        steep = {"value": 1.0, "gradient": factors, "block": factors[:, None] * factors}
        return {name: values * steep[name] for name, values in found.items()} if self.factors else found


class Costs(Divergence):
    """Σ_k f(cost_k, log p_k): what it costs to predict class k where the truth is another, 1 unless a table says so."""

    name = "costs"
    slots = {
        "cost": "what predicting a class costs, given the truth",
        "p": "its probability",
        "logp": "the logarithm of its probability",
    }

    def __init__(self, table: tuple[Numbers, ...] = ()) -> None:
        square = all(len(row) == len(table) for row in table) and len(table) != 1
        if not square or not all(0 <= c < np.inf for row in table for c in row):
            raise ParameterError(f"costs{table}: a row of numbers >= 0 for each true class, one for each predicted one")
        self.table = table
        self.probe = (1, len(table)) if table else (1,)

    @property
    def spelling(self) -> str:
        rows = "; ".join(", ".join(map(repr, row)) for row in self.table)
        return f"{self.name}({rows})" if self.table else self.name

    @property
    def recipe(self) -> str:
        return self.name

    def __call__(self, table: Sequence[Sequence[float]]) -> Costs:
        """The lift with these costs (K, K): a row for each true class, a column for each that is predicted."""
        return Costs(tuple(tuple(float(c) for c in row) for row in table))

    def derive(self, tree: Expr, params: Mapping[str, bool], mean: Expr | None, note: str) -> Derived:
        return super().derive(substitute(tree, {"cost": name("y")}), params, mean, note)

    def matrix(self, count: int) -> Array:
        """The costs (K, K): a row for each true class."""
        return np.asarray(self.table) if self.table else 1 - np.eye(count)

    def parts(self, state: State, y: Array, z: Array, want: frozenset[str]) -> dict[str, Array]:
        K = z.shape[1]
        shares = y if y.ndim == 2 else np.eye(K, dtype=z.dtype)[_indices(y, K, state.who)]
        return super().parts(state, np.asarray(shares @ _fitting(self.matrix(K), z, state.who), z.dtype), z, want)

    def mean(self, state: State, z: Array) -> Array:
        """None: the scores tell which class is the cheapest, not how likely each is."""
        raise UnsupportedError(f"{state.who} has no link: its scores tell the cheapest class, not probabilities")


def _fitting(table: Any, z: Array, who: str) -> Any:
    if len(table) != z.shape[1]:
        raise ShapeError(f"{who} is for {len(table)} classes; z has {z.shape[1]} columns of scores")
    return table


def _numbers(text: str, whole: str) -> Numbers:
    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise ParameterError(f"unknown lift {whole!r}: between the parentheses there are numbers") from None


@lru_cache(maxsize=256)
def tabled(spelling: str) -> Adjusted | Costs | None:
    """The lift that is spelled so, adjusted(0.7, 0.3) or costs(0, 1; 5, 0); None for another spelling."""
    head, _, rest = spelling.partition("(")
    body = rest.rstrip(")")
    if head == "adjusted":
        return Adjusted(*(_numbers(row, spelling) for row in body.split(";")))
    return Costs(tuple(_numbers(row, spelling) for row in body.split(";"))) if head == "costs" else None


adjusted = Adjusted()
costs = Costs()
