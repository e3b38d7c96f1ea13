"""From a checked table to grown trees: the rows held back, the task for the host, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.errors import DataError
from lossmith.loss import Loss
from lossmith.models.boosted_loss import Boosting, Many, Single
from lossmith.models.boosted_score import judge_of
from lossmith.models.boosted_task import Check, Engine, Settings, Task, Trees

Array = NDArray[Any]


@dataclass(frozen=True)
class Part:
    """Trees, and what turns their F into z = start + unit·F."""

    trees: Trees
    start: Any
    unit: float
    rule: str

    def raw(self, X: Any) -> Array:
        """z for an encoded table, without any offset: (n,), or (n, K)."""
        return np.asarray(self.start + self.unit * self.trees.raw(X))


@dataclass(frozen=True)
class Data:
    """Encoded rows: X (n, p), y (n,) float64, weight (n,) or None; rows held back for early stopping, or None; and an
    offset (n,) that is added to z, or None."""

    X: Any
    y: Array
    weight: Array | None
    categorical: tuple[int, ...]
    held: Data | None = None
    offset: Array | None = None

    def take(self, rows: NDArray[np.intp]) -> Data:
        """Some rows."""
        weight, offset = (None if values is None else values[rows] for values in (self.weight, self.offset))
        return replace(self, X=self.X[rows], y=self.y[rows], weight=weight, offset=offset, held=None)

    def weighing(self) -> Data:
        """Without rows of weight 0, which must not count anywhere, unless a class were lost."""
        if self.weight is None or self.weight.all():
            return self
        kept = self.take(np.flatnonzero(self.weight))
        return kept if len(np.unique(kept.y)) > 1 else self

    def with_y(self, y: Array, held: Array | None) -> Data:
        """Other targets for the same rows."""
        return replace(self, y=y, held=None if self.held is None or held is None else replace(self.held, y=held))


def split(data: Data, share: float, seed: int, *, classes: bool) -> Data:
    """Hold back a share of the rows: of classes the same share of each, but never the last row of one.

    Raises DataError where nothing, or nothing of weight, is left on either side.
    """
    rng = np.random.default_rng(seed)
    groups = [np.flatnonzero(data.y == c) for c in np.unique(data.y)] if classes else [np.arange(len(data.y))]
    held = np.concatenate([rng.permutation(g)[: min(int(np.ceil(share * len(g))), len(g) - 1)] for g in groups])
    rest = np.setdiff1d(np.arange(len(data.y)), held)
    parts = {"to train on": data.take(rest), "to judge rounds by": data.take(np.sort(held))}
    for purpose, part in parts.items():
        if not len(part.y) or (part.weight is not None and not part.weight.sum() > 0):
            few = "rows" if not len(part.y) else "rows of weight > 0"
            raise DataError(
                f"early_stopping leaves no {few} {purpose}, of {len(data.y)} in all; leave it out, pass eval_set, or"
                " take more rows"
            )
    return replace(parts["to train on"], held=parts["to judge rounds by"])


def boosted(
    engine: Engine,
    loss: Loss,
    data: Data,
    settings: Settings,
    *,
    outputs: int = 1,
    scale: Any = "auto",
    curvature: str = "auto",
    scoring: Any = None,
    classes: bool = False,
) -> Part:
    """Train one booster."""
    made: Boosting = (
        Many(loss, data.y, data.weight, outputs=outputs, rule=curvature)
        if outputs > 1
        else Single(loss, data.y, data.weight, scale=scale, rule=curvature, offset=data.offset)
    )
    check = None
    if data.held is not None:
        judge = judge_of(made, scoring, classes=classes)
        loss.check(data.held.y)
        beside = None if data.held.offset is None else data.held.offset / made.unit
        check = Check(data.held.X, made.truth_of(data.held.y), data.held.weight, judge, offset=beside)
    trees = engine.grow(Task(data.X, data.categorical, made, settings, check))
    return Part(trees, made.start, made.unit, str(made.rule))
