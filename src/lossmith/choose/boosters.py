"""Boosted trees as a learner of `choose`: rounds stop by the score that judges, on rows held out inside a fold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lossmith.choose.learners import (
    BINS,
    FEW,
    LEAVES,
    PATIENCE,
    QUICK,
    ROUNDS,
    ROWS,
    SLOWER_FASTER,
    WAY,
    Grid,
    Growth,
    Setting,
    grown,
    own_parameters,
)
from lossmith.choose.sparse import is_sparse
from lossmith.errors import LossmithError, MissingExtra, ParameterError, UnsupportedError

if TYPE_CHECKING:
    from lossmith.choose.bench import Bench, Part, Task
    from lossmith.choose.profile import Target
    from lossmith.choose.score import Score
    from lossmith.loss import Loss
    from lossmith.rows.tables import Table

Array = NDArray[Any]
Judge = Callable[[Array, Array, Array | None], float]
Judges = Callable[[Array, Sequence[Array], Array | None], list[float]]
PREFERRED, ALWAYS = "lightgbm", "sklearn"
PACKAGES = {"sklearn": "scikit-learn"}


@dataclass(frozen=True, slots=True, eq=False)
class Grown:
    """What trees left: how many rounds are in use."""

    rounds: int
    converged: bool = field(default=True, init=False)

    @property
    def reason(self) -> str:
        """How it ended, in words."""
        return f"{self.rounds} rounds"


@dataclass(frozen=True, slots=True, eq=False)
class Forest(Grown):
    """Trees: the part of a booster with its start and unit."""

    part: Any

    def raw(self, part: Part) -> Array:
        """z of the rows that a part holds out."""
        return np.asarray(self.part.raw(part.trees_in().held))


@dataclass(frozen=True, slots=True, eq=False)
class Tried(Grown):
    """A trial: its trees are gone, but z of the rows held out is known where they were best."""

    held: Array

    def raw(self, part: Part) -> Array:
        """z of the rows that the part of the trial holds out."""
        return self.held


@dataclass(frozen=True, slots=True)
class Boosted:
    """Boosted trees of one engine; `rounds` is the most that any trial may take."""

    engine: str
    rounds: int = ROUNDS
    seed: int = 0
    name: str = "boosted"
    rank: int = 1
    native: bool = True
    halves: bool = True

    @classmethod
    def of(cls, engine: str | None, rounds: int, seed: int) -> Boosted:
        """With the engine asked for, or else LightGBM if it is there, or else scikit-learn."""
        if isinstance(rounds, bool) or not isinstance(rounds, int | np.integer) or rounds < 1:
            raise ParameterError(f"rounds {rounds!r}: give a whole number >= 1, such as {ROUNDS}")
        return cls(engine_of(engine), int(rounds), seed)

    @property
    def package(self) -> str:
        """The engine's distribution."""
        return PACKAGES.get(self.engine, self.engine)

    def refusal(self, loss: Loss, target: Target) -> LossmithError | None:
        """What the booster says when it is made for this target."""
        try:
            _boosting(loss, target.y.astype(np.float64), None, len(target.labels))
        except LossmithError as error:
            return error
        return None

    def demand_sparse(self) -> None:
        """Raise an UnsupportedError for an engine that takes none."""
        from lossmith.models.boosted_task import SPARSE

        if self.engine not in SPARSE:
            others = ", ".join(sorted(SPARSE))
            raise UnsupportedError(
                f"engine {self.engine!r} takes no sparse matrix; take one of {others}, pass X.toarray(), or stay linear"
            )

    def proposals(self, grid: Grid, best: Callable[[], Setting], part: Part) -> Iterator[Setting]:
        """Leaves and steps first, then the loss's own parameters, then the rows of a leaf, and finer steps. The smaller
        trees come first where there are few rows."""
        few = part.rows.n < FEW
        first, *others = sorted(LEAVES, reverse=not few)
        bins = BINS if few and not part.trees_in().categorical else None
        yield Setting(0.0, (), Growth(QUICK if few else 0.1, leaves=first, bins=bins, rounds=self.rounds))
        yield from grown(best, [{"leaves": leaves} for leaves in others])
        yield from grown(best, [{"faster": factor} for factor in SLOWER_FASTER])
        yield from own_parameters(grid, best)
        yield from grown(best, [{"leaf_rows": rows} for rows in ROWS])
        yield from grown(best, [{"leaves": 15}, {"leaves": 63}, {"faster": 0.5}, {"faster": 2.0}, {"leaf_rows": 10}])

    def trials(self, bench: Bench, tasks: Sequence[Task], name: str, score: Score, tol: float) -> list[Any]:
        """Each stops where the score of the rows held out is best: the score that judges, never the loss."""
        return self._each(bench, tasks, lambda part, task: self._tried(part, task, bench.classes, score))

    def fits(self, bench: Bench, tasks: Sequence[Task], name: str, tol: float) -> list[Any]:
        """As many rounds as are settled; no row but those of training is looked at."""
        return self._each(bench, tasks, lambda part, task: self._forest(part, task, bench.classes))

    def raw(self, part: Part, solution: Any) -> Array:
        """z, with start and unit."""
        return np.asarray(solution.raw(part))

    def settled(self, setting: Setting, solutions: Sequence[Any], share: float) -> Setting:
        """With the rounds that served best, on the average; they stay as they are for more rows."""
        used = [s.rounds for s in solutions if not isinstance(s, Exception)]
        if setting.growth is None or not used:
            return setting
        return replace(setting, growth=replace(setting.growth, rounds=max(1, round(float(np.mean(used))))))

    def encode(self, table: Table) -> tuple[Any, Any]:
        """NaN for what is missing, codes for categories; a sparse matrix as it is."""
        from lossmith.choose.native import SparseColumns, TreeEncoder

        return SparseColumns.applied(table) if is_sparse(table) else TreeEncoder.applied(table)

    def estimator(self, loss: Loss, setting: Setting, scale: float, table: Table) -> Any:
        """With the rounds that were found, and no early stopping."""
        kind, words = self._words(loss, setting)
        codes = [j for j, column in enumerate(table.columns) if column.kind == "category"]
        return kind(loss, **words, categorical_features=codes or "auto")

    def code(self, loss: Loss, setting: Setting, scale: float) -> str:
        """The estimator with the settings found."""
        kind, words = self._words(loss, setting)
        said = ", ".join(f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value!r}"
                         for name, value in words.items())  # fmt: skip
        return f"lossmith.{kind.__name__}(lossmith.{loss!r}, {said})"

    def _words(self, loss: Loss, setting: Setting) -> tuple[Any, dict[str, Any]]:
        from lossmith.choose.shortlist import is_for_classes
        from lossmith.models import BoostedClassifier, BoostedRegressor

        growth = setting.growth or Growth()
        return (BoostedClassifier if is_for_classes(loss) else BoostedRegressor), {
            "engine": self.engine,
            "max_iter": growth.rounds,
            "learning_rate": growth.learning_rate,
            "max_leaf_nodes": growth.leaves,
            "min_samples_leaf": growth.leaf_rows,
            "max_bins": growth.bins,
            "random_state": self.seed,
        }

    def _each(self, bench: Bench, tasks: Sequence[Task], train: Callable[[Part, Task], Any]) -> list[Any]:
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1, "openmp"):  # folds are side by side already, and one thread gives the same digits
            return [_or_error(train, bench.parts[task.part], task) for task in tasks]

    def _tried(self, part: Part, task: Task, classes: int, score: Score) -> Tried:
        from lossmith.models.boosted_task import Check, engine

        rows, made = part.trees_in(), _made(part, task.loss, classes)
        beside = None if part.rows.offset is None else part.shift / made.unit
        truth = made.truth_of(part.y.astype(np.float64))
        check = Check(rows.held, truth, part.weight, *_judging(part, task.loss, made, score), beside)
        best = engine(self.engine).watch(self._task(part, task, made, check))
        return Tried(best.best + 1, made.start + made.unit * best.raw)

    def _forest(self, part: Part, task: Task, classes: int) -> Forest:
        from lossmith.models.boosted_fit import Part as Booster
        from lossmith.models.boosted_task import engine

        made = _made(part, task.loss, classes)
        trees = engine(self.engine).grow(self._task(part, task, made, None))
        return Forest(trees.rounds, Booster(trees, made.start, made.unit, str(made.rule)))

    def _task(self, part: Part, task: Task, made: Any, check: Any) -> Any:
        from lossmith.models.boosted_task import Settings
        from lossmith.models.boosted_task import Task as Wanted

        growth, rows = task.growth or Growth(), part.trees_in()
        patience = min(PATIENCE, max(1, round(WAY / growth.learning_rate)))
        settings = Settings(growth.rounds, growth.learning_rate, growth.leaves, None, growth.leaf_rows,
                            patience=patience, seed=self.seed, threads=1, bins=growth.bins)  # fmt: skip
        return Wanted(rows.X, rows.categorical, made, settings, check, part.tables)


def _or_error(train: Callable[[Part, Task], Any], part: Part, task: Task) -> Any:
    """What becomes of a task, or what stopped it."""
    try:
        return train(part, task)
    except (LossmithError, ArithmeticError) as error:
        return error


def engine_of(asked: str | None) -> str:
    """The engine asked for, if it is there, else the default."""
    from lossmith.models.boosted_task import engine

    try:
        engine(asked or PREFERRED)
    except (MissingExtra, UnsupportedError):
        if asked is not None:
            raise
        return ALWAYS
    return asked or PREFERRED


def _boosting(loss: Loss, y: Array, weight: Array | None, classes: int, offset: Array | None = None) -> Any:
    from lossmith.models.boosted_loss import Many, Single

    if loss.lift.multiclass and classes > 2:
        return Many(loss, y, weight, outputs=classes, rule="auto", backend="llvm")
    return Single(loss, y, weight, scale="auto", rule="auto", offset=offset, backend="llvm")


def _made(part: Part, loss: Loss, classes: int) -> Any:
    """The loss over the training rows of a part, begun once: some losses look long for their best constant."""
    if loss not in part.boostings:
        rows = part.rows
        part.boostings[loss] = _boosting(loss, np.asarray(rows.y, np.float64), rows.weight, classes, rows.offset)
    return part.boostings[loss]


def _judging(part: Part, loss: Loss, made: Any, score: Score) -> tuple[Judge, Judges]:
    """The score of the rows that a part holds out, at F after one round, and at once after several."""
    from lossmith.choose.bench import predict

    def several(truth: Array, raws: Sequence[Array], weight: Array | None) -> list[float]:
        count, rows = len(raws), len(part.y)
        floor = np.tile(np.broadcast_to(part.floor, rows), count)
        predicted, _ = predict(loss, np.concatenate([made.outer(truth, raw)[1] for raw in raws]), score, floor)
        lost = score.rows(np.tile(part.y, count), predicted).reshape(count, rows)
        means = np.average(lost, axis=1, weights=weight)
        return [float(mean) if np.isfinite(mean) else float(np.finfo(np.float64).max) for mean in means]

    def one(truth: Array, raw: Array, weight: Array | None) -> float:
        return several(truth, [raw], weight)[0]

    return one, several
