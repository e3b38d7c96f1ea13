"""Fits in bulk: the parts of several folds, small ones side by side, large ones one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lossmith.choose.score import Score
from lossmith.errors import LossmithError

if TYPE_CHECKING:
    from lossmith.choose.learners import Growth
    from lossmith.loss import Loss
    from lossmith.rows.memory import Rows

Array = NDArray[Any]

MOST_ROWS = 8_000
"""Rows used for tuning, at most. The fit afterwards uses all n of them, with the strength found times (rows)/n, because
a penalty is worth a fixed number of rows."""

ELEMENTS = 400_000
"""Numbers in the matrices that are worked on side by side, at most: they should stay in the cache."""


@dataclass(frozen=True, slots=True, eq=False)
class Centre:
    """A robust first fit to the training rows: the unit of residuals, and where losses that are not convex begin."""

    scale: float = 1.0
    solution: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class ForTrees:
    """The same rows for trees: to train on, to predict, and which columns hold codes of categories."""

    X: Array
    held: Array
    categorical: tuple[int, ...]


@dataclass(slots=True, eq=False)
class Part:
    """Encoded rows to train on, rows to predict, the floor under predictions that must be positive, and what is added
    to raw predictions (a number each, or one for every row).

    `starts` has the last solution for each loss by its name; those for classes begin at that of `first`. `native` has
    the rows for trees, `boostings` each loss over the training rows as boosters ask for it, and `tables` what the
    library that grows trees made of the rows.
    """

    rows: Rows
    X: Any
    y: Array
    weight: Array | None
    floor: Any
    centre: Centre
    shift: Any = 0.0
    starts: dict[str, Any] = field(default_factory=dict)
    native: ForTrees | None = None
    boostings: dict[Loss, Any] = field(default_factory=dict)
    tables: dict[str, Any] = field(default_factory=dict)
    thinned: Any = None
    """The rows to predict as `seen` gives them, once it was asked."""

    def seen(self) -> Any:
        """The rows to predict, for a linear model: without their zeros where many are most of it."""
        if self.thinned is None:
            from lossmith.fit.design import LARGE
            from lossmith.fit.many_losses import cells

            large = isinstance(self.X, np.ndarray) and self.X.size >= LARGE
            fewer = cells(self.X) if large else None
            self.thinned = self.X if fewer is None else fewer
        return self.thinned

    def trees_in(self) -> ForTrees:
        """The rows for trees; those encoded for a linear model where there are no others."""
        return self.native or ForTrees(np.asarray(self.rows.X), np.asarray(self.X), ())

    def start(self, loss: Loss, name: str) -> Any:
        """Where a fit of this loss begins; None for the best constant."""
        if name in self.starts:
            return self.starts[name]
        return self.centre.solution if loss.lift.name == "residual" else self.starts.get(FIRST)


FIRST = "the first for classes"
"""Losses for classes agree about directions: all begin where the first of them ended."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a fit among many found; the same names as in a `Solution`."""

    coef: Array
    intercept: Any
    converged: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Task:
    """One fit that is wanted: the part by its number, the loss with its parameters, and the strength of its penalty or
    how its trees are grown."""

    part: int
    loss: Loss
    alpha: float
    growth: Growth | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Bench:
    """Parts, and the stack of them where all are small; `classes` as in a Job (0 for numbers)."""

    parts: tuple[Part, ...]
    stack: Any
    classes: int

    @classmethod
    def of(cls, parts: Sequence[Part], classes: int) -> Bench:
        """Parts on the bench: one beside the other if they are small."""
        from lossmith.fit.many import Stack, is_small

        small = len(parts) > 0 and all(
            part.rows.offset is None and is_small(part.rows, max(classes, 1)) for part in parts
        )
        return cls(tuple(parts), Stack.of([part.rows for part in parts]) if small else None, classes)

    def fit(self, tasks: Sequence[Task], name: str, tol: float) -> list[Any]:
        """A solution for every task, or the error that stopped it; a part's later fits begin where the last ended."""
        found: list[Any] = [None] * len(tasks)
        for loss, places in _grouped(tasks):
            for i, solution in zip(places, self._together(loss, [tasks[i] for i in places], name, tol), strict=True):
                found[i] = solution
        for i, task in enumerate(tasks):
            if found[i] is None:
                found[i] = self._alone(task, name, tol)
            if not isinstance(found[i], Exception):
                self.parts[task.part].starts[name] = found[i]
        return found

    def _together(self, loss: Loss, tasks: Sequence[Task], name: str, tol: float) -> list[Any]:
        """The fits of one loss side by side; None for each that did not end at the tolerance."""
        from lossmith.fit.many import fit_many, stands_here

        outputs = _outputs(loss, self.classes)
        if self.stack is None or not stands_here(loss):
            return [None] * len(tasks)
        index = np.array([task.part for task in tasks])
        parts = [self.parts[i] for i in index]
        stack = self.stack.take(index)
        scale = np.array([part.centre.scale for part in parts]) if loss.lift.name == "residual" else None
        start = _starts([part.start(loss, name) for part in parts], stack.factor.shape[1], outputs)
        alpha = np.array([task.alpha for task in tasks])
        many = fit_many(stack, loss, alpha, scale=scale, outputs=outputs, start=start, tol=tol)
        reason = f"optimal: relative residual <= {tol:g}"
        return [
            Found(*many.of(b, part.rows.p, outputs), True, reason) if many.converged[b] else None
            for b, part in enumerate(parts)
        ]

    def _alone(self, task: Task, name: str, tol: float) -> Any:
        """One fit; residual losses are measured in units of the robust scale, so that alpha means the same for all."""
        from lossmith.fit import Penalty, fit
        from lossmith.fit.many_losses import fit_again, stands_here

        part, loss = self.parts[task.part], task.loss
        scale = part.centre.scale if loss.lift.name == "residual" else 1.0
        outputs, start = _outputs(loss, self.classes), part.start(loss, name)
        try:
            if outputs == 1 and stands_here(part.rows, loss, tol):
                again = fit_again(part.rows, loss, task.alpha, scale=scale, start=start, tol=tol)
                if again is not None:
                    return Found(*again, True, f"optimal: relative residual <= {tol:g}")
            return fit(part.rows, loss, Penalty("l2", task.alpha), scale=scale, outputs=outputs, start=start, tol=tol)
        except (LossmithError, ArithmeticError, np.linalg.LinAlgError) as error:
            return error


def robust_centres(rows: Sequence[Rows]) -> list[Centre]:
    """For each of several training sets an absolute-loss fit, and 1.4826 × its median absolute residual: the unit in
    which robust losses measure."""
    from lossmith.catalogue import loss
    from lossmith.fit.scale import mad

    some = [r if r.n <= MOST_ROWS else r.take(np.arange(0, r.n, -(-r.n // MOST_ROWS))) for r in rows]
    parts = [Part(r, None, r.y, r.weight, 0.0, Centre(mad(_shifted(r), r.weight))) for r in some]
    found = Bench.of(parts, 0).fit([Task(i, loss("Absolute"), 1e-3) for i in range(len(parts))], "centre", 1e-5)
    return [
        Centre(mad(_shifted(r) - linear(r.X, s), r.weight), s) for r, s in zip(some, map(_sound, found), strict=True)
    ]


def _shifted(rows: Rows) -> Array:
    return rows.y if rows.offset is None else rows.y - rows.offset


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A fit on the rows that its part holds out: score (infinite if it failed), and per row score and predictions."""

    solution: Any
    score: float
    rows: Array
    predictions: Array
    raw: Array
    raised: int = 0
    failure: str = ""


def judge(
    bench: Bench, tasks: Sequence[Task], solutions: Sequence[Any], score: Score, raw_of: Callable[[Part, Any], Array]
) -> list[Judged]:
    """Judge every fit on its held-out rows, by the raw predictions of `raw_of`; the fits of one loss at once."""
    none = np.empty(0)
    failures = [str(s) if isinstance(s, Exception) else "" for s in solutions]
    out = [Judged(s, float("inf"), none, none, none, 0, why) for s, why in zip(solutions, failures, strict=True)]
    for loss, places in _grouped(tasks):
        sound = [i for i in places if not isinstance(solutions[i], Exception)]
        parts = [bench.parts[tasks[i].part] for i in sound]
        if not parts:
            continue
        raw = [raw_of(part, solutions[i]) + part.shift for part, i in zip(parts, sound, strict=True)]
        sizes = [len(part.y) for part in parts]
        floor = np.concatenate([np.broadcast_to(part.floor, len(part.y)) for part in parts])
        predicted, raised = predict(loss, np.concatenate(raw), score, floor)
        rows = score.rows(np.concatenate([part.y for part in parts]), predicted)
        ends = np.cumsum(sizes).tolist()
        for i, part, z, end in zip(sound, parts, raw, ends, strict=True):
            own = slice(end - len(part.y), end)
            r, p, low = rows[own], predicted[own], raised[own]
            mean = float(r.mean() if part.weight is None else np.average(r, weights=part.weight))
            out[i] = Judged(solutions[i], mean if np.isfinite(mean) else float("inf"), r, p, z, int(low.sum()))
    return out


def predict(loss: Loss, z: Array, score: Score, floor: Any) -> tuple[Array, Array]:
    """The functional that is judged, from raw predictions, and which predictions were raised to the floor."""
    with np.errstate(over="ignore", invalid="ignore"):
        mean = np.asarray(loss.mean(z)) if loss.lift.name != "residual" else z
    none = np.zeros(len(z), dtype=bool)
    if score.classes:
        return (mean if mean.ndim == 2 else np.column_stack([1.0 - mean, mean])), none
    if not score.positive:
        return mean, none
    low = mean < floor
    return np.where(low, floor, mean), low


def linear(X: Any, solution: Any) -> Array:
    """The raw predictions of a solution."""
    return np.asarray(X @ solution.coef + solution.intercept)


def _sound(found: Any) -> Any:
    if isinstance(found, Exception):
        raise found
    return found


def _outputs(loss: Loss, classes: int) -> int:
    return classes if loss.lift.multiclass and classes > 2 else 1


def _grouped(tasks: Sequence[Task]) -> Iterator[tuple[Loss, list[int]]]:
    """The tasks by their loss: those with the same parameters share a kernel."""
    groups: dict[Loss, list[int]] = {}
    for i, task in enumerate(tasks):
        groups.setdefault(task.loss, []).append(i)
    yield from groups.items()


def _starts(solutions: Sequence[Any], width: int, outputs: int) -> tuple[Array, Array] | None:
    """Coefficients (B, width, K) and intercepts (B, K); None unless every part has its own."""
    if any(s is None for s in solutions):
        return None
    coef, last = np.zeros((len(solutions), width, outputs)), np.empty((len(solutions), outputs))
    for b, s in enumerate(solutions):
        own = np.reshape(s.coef, (-1, outputs))
        coef[b, : len(own)], last[b] = own, s.intercept
    return coef, last
