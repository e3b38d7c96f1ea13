"""What a booster is asked to do, and what it gives back: the only words between the estimators and the hosts."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
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


BLOCK = 10
"""Rounds that are judged at once."""


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
    bins: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Check:
    """Rows held back, on which rounds are judged."""

    X: Any
    truth: Array
    weight: Array | None
    judge: Judge
    judges: Callable[[Array, Sequence[Array], Array | None], list[float]] | None = None
    """The same as `judge` for several rounds at once, where that is sooner."""
    offset: Array | None = None
    """What stands beside F, (n,) in units of F."""

    def score(self, raw: Array) -> float:
        """The score of the rows at F; for hosts that do not add the offset themselves."""
        return self.judge(self.truth, self._beside(raw), self.weight)

    def scores(self, raws: Sequence[Array]) -> list[float]:
        """The score after each of several rounds."""
        if self.judges is None or not raws:
            return [self.score(raw) for raw in raws]
        return self.judges(self.truth, [self._beside(raw) for raw in raws], self.weight)

    def _beside(self, raw: Array) -> Array:
        return raw if self.offset is None else raw + self.offset


class Rounds:
    """What a host tells how its rounds do, and what came of them; it says when to stop.

    best, raw: the number of the best round, from 0, and F (m,) or (m, K) of the rows held back there. A few rounds are
    judged at once if the check can; where a host stops by itself, patience is infinite, and it is told each score.
    """

    def __init__(self, check: Check | None, patience: float = math.inf) -> None:
        self.check, self.patience = check, patience
        self.best, self.raw = 0, np.zeros(0)
        self._block = 1 if check is None or check.judges is None or patience == math.inf else BLOCK
        self._scores: list[float] = []
        self._waiting: list[Array] = []

    @property
    def history(self) -> Array:
        """The score after each round that counts."""
        return np.array(self._scores)

    def used(self, grown: int) -> int:
        """The rounds to keep of so many: up to the best one, or all where none were judged."""
        return self.best + 1 if self._scores else grown

    def see(self, raw: Array) -> float:
        """F of the rows held back after one more round; the last score that is known, infinite if none is."""
        self._waiting.append(np.array(raw, np.float64))
        if len(self._waiting) >= self._block:
            self._judge()
        return self._scores[-1] if self._scores else math.inf

    def over(self, last: bool = False) -> bool:
        """Has there been no better score for as long as one waits, or was this the last round?"""
        if last:
            self._judge()
        return last or len(self._scores) > self.best + self.patience

    def _judge(self) -> None:
        waiting, self._waiting = self._waiting, []
        for score, raw in zip(self.check.scores(waiting) if self.check else (), waiting, strict=True):
            if self.over():
                return
            self._scores.append(score)
            if len(self._scores) == 1 or score < self._scores[self.best]:
                self.best, self.raw = len(self._scores) - 1, raw


@dataclass(frozen=True, slots=True)
class Task:
    """A table X (n, p) of floats with NaN where a value is missing, or a CSR matrix; the columns `categorical` hold
    whole codes."""

    X: Any
    categorical: tuple[int, ...]
    boosting: Boosting
    settings: Settings
    check: Check | None = None
    kept: dict[str, Any] | None = None
    """What a host has made of X, or of the rows held back, for other tasks on them; None where there are none."""

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """What `make` gives: kept under a name, if other tasks may want it."""
        if self.kept is None:
            return make()
        if name not in self.kept:
            self.kept[name] = make()
        return self.kept[name]


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

    def watch(self, task: Task) -> Rounds:
        """Train as `grow` does, on a task with a check, and keep no trees."""

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
