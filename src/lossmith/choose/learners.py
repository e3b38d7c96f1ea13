"""What a loss may train: a linear model, or boosted trees. A candidate of `choose` is a learner and a loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lossmith.choose.encode import encoded
from lossmith.errors import LossmithError, ParameterError

if TYPE_CHECKING:
    from lossmith.choose.bench import Bench, Part, Task
    from lossmith.choose.profile import Target
    from lossmith.choose.score import Score
    from lossmith.loss import Loss
    from lossmith.rows.tables import Table

Array = NDArray[Any]
Grid = Mapping[str, tuple[float, ...]]

STRENGTHS = (1e-1, 1e-3, 1e-5)
"""The penalty strengths tried first, strong to weak, each started from the one before."""

ROUNDS, PATIENCE, WAY = 200, 20, 2.0
"""Rounds of a trial, at most; and rounds without a better score of the rows held out after which it ends: so many, or
fewer whose steps add up to that way."""

LEAVES, SLOWER_FASTER, ROWS = (31, 8), (0.3, 3.0), (60, 5)
"""Sizes of a tree, other steps, and other fewest rows of a leaf, all tried before and after a loss's own parameters."""

FEW, BINS, QUICK = 2_000, 63, 0.2
"""Training rows below which trials are short: the smaller size of a tree is tried first; columns have so many bins,
unless some hold categories; and steps begin at this length."""


@dataclass(frozen=True, slots=True)
class Growth:
    """How trees are grown: the length of a step, leaves of a tree, fewest rows of a leaf, rounds (at most that many
    in a trial; in a setting that was chosen, as many as served the rows held out best), and bins of a column, if not as
    many as the engine takes."""

    learning_rate: float = 0.1
    leaves: int = 31
    leaf_rows: int = 20
    rounds: int = ROUNDS
    bins: int | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """The strength of the l2 penalty or how trees are grown, and values for a loss's own parameters."""

    alpha: float
    params: tuple[tuple[str, float], ...] = ()
    growth: Growth | None = None

    def with_param(self, name: str, value: float) -> Setting:
        """The same with one parameter of the loss changed."""
        return replace(self, params=(*(p for p in self.params if p[0] != name), (name, value)))


class Learner(Protocol):
    """What a candidate's loss trains."""

    @property
    def name(self) -> str:
        """As it is asked for and shown."""

    @property
    def rank(self) -> int:
        """The place in the order of simplicity."""

    @property
    def package(self) -> str:
        """The distribution beside ours that decides the numbers; empty if none does."""

    @property
    def native(self) -> bool:
        """Does it take a table for trees (see `native`), rather than the encoded matrix?"""

    @property
    def rounds(self) -> int:
        """Rounds of a trial, at most; 0 if it has none."""

    @property
    def halves(self) -> bool:
        """Are settings tried on a fold's first part only, and the better half of them on each that follows?"""

    def refusal(self, loss: Loss, target: Target) -> LossmithError | None:
        """Why this loss cannot train it, or None."""

    def demand_sparse(self) -> None:
        """Raise an UnsupportedError where it takes no sparse matrix."""

    def proposals(self, grid: Grid, best: Callable[[], Setting], part: Part) -> Iterator[Setting]:
        """The settings to try on a part, and on others as large, in order; `best()` is the best so far."""

    def trials(self, bench: Bench, tasks: Sequence[Task], name: str, score: Score, tol: float) -> list[Any]:
        """Fits in the tuning, which may watch the rows that their parts hold out; a solution or an error for each."""

    def fits(self, bench: Bench, tasks: Sequence[Task], name: str, tol: float) -> list[Any]:
        """Fits with settings that are settled, which see training rows only."""

    def raw(self, part: Part, solution: Any) -> Array:
        """The raw predictions (m,) or (m, K) of a solution for the rows that the part holds out."""

    def settled(self, setting: Setting, solutions: Sequence[Any], share: float) -> Setting:
        """The setting for all rows, where a `share` of them was used in the tuning that gave these solutions."""

    def encode(self, table: Table) -> tuple[Any, Any]:
        """The encoder of a training table, and its matrix."""

    def estimator(self, loss: Loss, setting: Setting, scale: float, table: Table) -> Any:
        """The model that fits the loss to all rows."""

    def code(self, loss: Loss, setting: Setting, scale: float) -> str:
        """Python that makes that model."""


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear model with an l2 penalty."""

    name: str = "linear"
    rank: int = 0
    package: str = ""
    native: bool = False
    rounds: int = 0
    halves: bool = False

    def refusal(self, loss: Loss, target: Target) -> LossmithError | None:
        """None: all that choose compares has a linear model."""
        return None

    def demand_sparse(self) -> None:
        """It takes one."""

    def proposals(self, grid: Grid, best: Callable[[], Setting], part: Part) -> Iterator[Setting]:
        """Strengths first, then the loss's own parameters, then strengths again."""
        yield from map(Setting, STRENGTHS)
        yield from own_parameters(grid, best)
        for factor in (10.0, 0.1, 3.0, 0.3, 1.7, 0.6):
            now = best()
            yield replace(now, alpha=now.alpha * factor)

    def trials(self, bench: Bench, tasks: Sequence[Task], name: str, score: Score, tol: float) -> list[Any]:
        """As `fits`; the first for classes is where the others begin."""
        from lossmith.choose.bench import FIRST

        found = bench.fit(tasks, name, tol)
        for task, solution in zip(tasks, found, strict=True):
            if score.classes and not isinstance(solution, Exception):
                bench.parts[task.part].starts.setdefault(FIRST, solution)
        return found

    def fits(self, bench: Bench, tasks: Sequence[Task], name: str, tol: float) -> list[Any]:
        """All on the bench."""
        return bench.fit(tasks, name, tol)

    def raw(self, part: Part, solution: Any) -> Array:
        """X·coef + intercept."""
        return np.asarray(part.seen() @ solution.coef + solution.intercept)

    def settled(self, setting: Setting, solutions: Sequence[Any], share: float) -> Setting:
        """A penalty is worth a fixed number of rows."""
        return replace(setting, alpha=setting.alpha * share)

    def encode(self, table: Table) -> tuple[Any, Any]:
        """Imputed, scaled, one-hot."""
        return encoded(table)

    def estimator(self, loss: Loss, setting: Setting, scale: float, table: Table) -> Any:
        """Residual losses measure residuals in units of `scale`."""
        from lossmith.choose.shortlist import is_for_classes
        from lossmith.models import LinearClassifier, LinearRegressor

        if is_for_classes(loss):
            return LinearClassifier(loss, alpha=setting.alpha)
        return LinearRegressor(loss, alpha=setting.alpha, scale=scale if loss.lift.name == "residual" else 1.0)

    def code(self, loss: Loss, setting: Setting, scale: float) -> str:
        """With the strength and the unit that were found."""
        from lossmith.choose.shortlist import is_for_classes

        kind = "LinearClassifier" if is_for_classes(loss) else "LinearRegressor"
        unit = f", scale={scale:.6g}" if loss.lift.name == "residual" else ""
        return f"lossmith.{kind}(lossmith.{loss!r}, alpha={setting.alpha:.3g}{unit})"


LINEAR = Linear()


def own_parameters(grid: Grid, best: Callable[[], Setting]) -> Iterator[Setting]:
    """One parameter of the loss after the other, each at the best setting so far."""
    for name, values in grid.items():
        for value in values:
            yield best().with_param(name, value)


def grown(best: Callable[[], Setting], changes: Sequence[Mapping[str, Any]]) -> Iterator[Setting]:
    """The best setting so far, with something changed in how trees are grown; `faster` multiplies the step."""
    for change in changes:
        now = best()
        assert now.growth is not None
        rest = {name: value for name, value in change.items() if name != "faster"}
        step = now.growth.learning_rate * change.get("faster", 1.0)
        yield replace(now, growth=replace(now.growth, learning_rate=step, **rest))


def learners(asked: str | Sequence[str], engine: str | None, rounds: int, seed: int) -> tuple[Learner, ...]:
    """The learners of these names, in order.

    Raises ParameterError for an unknown name or engine, MissingExtra for an engine that is not installed.
    """
    names = [str(part).strip() for part in (asked.split(",") if isinstance(asked, str) else asked)]
    strange = [name for name in names if name not in LEARNERS]
    if strange or not names:
        wrong = strange[0] if strange else ""
        raise ParameterError(f"learner {wrong!r} is not known; there are {', '.join(LEARNERS)}, or both with a comma")
    if engine is not None and "boosted" not in names:
        raise ParameterError(
            f"engine {engine!r} grows trees, and no boosted learner is asked for; add --learner boosted"
        )
    if rounds != ROUNDS and "boosted" not in names:
        raise ParameterError(f"rounds {rounds!r} are of trees, and none are asked for; add --learner boosted")
    return tuple(LEARNERS[name](engine, rounds, seed) for name in dict.fromkeys(names))


def _boosted(engine: str | None, rounds: int, seed: int) -> Learner:
    from lossmith.choose.boosters import Boosted

    return Boosted.of(engine, rounds, seed)


LEARNERS: Mapping[str, Callable[[str | None, int, int], Learner]] = {
    "linear": lambda engine, rounds, seed: LINEAR,
    "boosted": _boosted,
}
