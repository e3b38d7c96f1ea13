"""What a booster is asked to do, and what it gives back: the only words between the estimators and the hosts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from lossmith.errors import ParameterError
from lossmith.models.boosted_loss import Boosting
from lossmith.models.boosted_score import Judge
from lossmith.models.store import State

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Settings:
    """How trees are grown, in words that all hosts understand; `options` are the host's own and have the last word."""

    rounds: int = 100
    learning_rate: float = 0.1
    leaves: int | None = 31
    depth: int | None = None
    leaf_rows: int = 20
    l2: float | None = None
    patience: int = 10
    seed: int = 0
    threads: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Check:
    """Rows held back, on which rounds are judged."""

    X: Any
    truth: Array
    weight: Array | None
    judge: Judge
    offset: Array | None = None
    """What stands beside F, (n,) in units of F."""

    def score(self, raw: Array) -> float:
        """The score of the rows at F; for hosts that do not add the offset themselves."""
        return self.judge(self.truth, raw if self.offset is None else raw + self.offset, self.weight)


@dataclass(frozen=True, slots=True)
class Task:
    """A table X (n, p) of floats with NaN where a value is missing, or a CSR matrix; the columns `categorical` hold
    whole codes."""

    X: Any
    categorical: tuple[int, ...]
    boosting: Boosting
    settings: Settings
    check: Check | None = None


class Trees(ABC):
    """Trees that a host has grown; they pickle and are saved as the host's own text or as arrays."""

    rounds: int
    history: Array
    """The score of the rows held back after each round; empty without early stopping."""

    @abstractmethod
    def raw(self, X: Any) -> Array:
        """F for X (n, p): (n,), or (n, K)."""

    @abstractmethod
    def importances(self) -> Array:
        """The gain that each column brought, (p,), not normalised."""

    @abstractmethod
    def dump(self) -> State:
        """Plain values and arrays."""

    @classmethod
    @abstractmethod
    def restore(cls, state: State) -> Self:
        """The inverse of `dump`."""

    def __getstate__(self) -> State:
        return self.dump()

    def __setstate__(self, state: State) -> None:
        vars(self).update(vars(self.restore(state)))


class Engine(Protocol):
    """A module of `lossmith.adapters` that grows trees."""

    TREES: type[Trees]

    def grow(self, task: Task) -> Trees:
        """Train."""

    def ready(self) -> Any:
        """The host, imported; MissingExtra or UnsupportedError where it is missing or of an untested version."""


ENGINES: Mapping[str, str] = {
    "lightgbm": "lossmith.adapters.lightgbm",
    "xgboost": "lossmith.adapters.xgboost",
    "catboost": "lossmith.adapters.catboost",
    "sklearn": "lossmith.adapters.hist",
}
"""Every engine and the home of its adapter, imported when first asked for."""

SPARSE = frozenset({"lightgbm", "xgboost", "catboost"})
"""The engines that take CSR matrices as they are."""


def engine(name: str) -> Engine:
    """The adapter of a host that is installed and of a tested version."""
    if name not in ENGINES:
        raise ParameterError(f"engine={name!r} is not known; there are {', '.join(ENGINES)}")
    found: Engine = import_module(ENGINES[name])
    found.ready()
    return found


def importance_of(columns: Array, gains: Array, count: int) -> Array:
    """Σ gain for each of `count` columns."""
    return np.bincount(columns.astype(np.intp), gains, count)
