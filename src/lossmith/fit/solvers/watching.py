"""What a stochastic run is judged by: its best epoch so far, when it makes no progress, and why it stops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.errors import ParameterError
from lossmith.fit.solvers import Evaluation, Objective, Vector

Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Best:
    """The best epoch so far: its point, the whole objective there, and the number that was watched."""

    w: Vector
    evaluation: Evaluation
    watched: float
    epoch: int


@dataclass(frozen=True, slots=True)
class Watch:
    """How a run has gone: its best epoch, and for how many epochs there was no progress, or the objective rose.

    `began` is the watched number at the start, `first` the objective there and `last` the objective after the last
    epoch. `held` are the rows held out; without any, the objective is watched. `broken` says how a run diverged.
    """

    held: Indices
    best: Best
    began: float
    first: float
    last: float
    stale: int = 0
    rising: int = 0
    broken: str = ""

    @classmethod
    def begin(cls, objective: Objective, w: Vector, evaluation: Evaluation, held: Indices) -> Watch:
        """The watch before the first epoch."""
        watched = look(objective, w, evaluation, held)
        return cls(held, Best(w, evaluation, watched, 0), watched, evaluation.value, evaluation.value)


LOST = 1e100
"""Times the objective of the start from which a run does not come back: what follows is rounding."""


def split(count: int, settings: Mapping[str, Any]) -> tuple[Indices, Indices]:
    """The rows to train on and those held out: none unless early stopping watches some."""
    everything = np.arange(count)
    if settings["early_stopping"] not in (True, "validation"):
        return everything, everything[:0]
    size = max(1, round(settings["validation_fraction"] * count))
    if size >= count:
        raise ParameterError(f"early_stopping='validation' leaves no row to train on out of {count}; watch 'training'")
    order = np.random.default_rng([int(settings["seed"]), 1]).permutation(count)
    return np.sort(order[size:]), np.sort(order[:size])


def look(objective: Objective, w: Vector, evaluation: Evaluation, held: Indices) -> float:
    """The number that is watched: the loss on the rows held out, or the whole objective."""
    if not len(held):
        return evaluation.value
    return objective.batch(w, held).value - penalty(objective, w)


def penalty(objective: Objective, w: Vector) -> float:
    """The penalty's part of the objective's value."""
    l1 = 0.0 if objective.l1 is None else float(objective.l1 @ np.abs(w))
    return l1 + 0.5 * float(objective.l2 @ (w * w))


def judge(
    objective: Objective, watch: Watch, w: Vector, evaluation: Evaluation, epoch: int, settings: Mapping[str, Any]
) -> Watch:
    """The watch after an epoch that ended at w, with the whole objective evaluated there."""
    if watch.broken:
        return watch
    watched = look(objective, w, evaluation, watch.held)
    lost = abs(evaluation.value) > LOST * max(abs(watch.first), 1.0)
    if lost or not np.isfinite([watched, evaluation.value]).all():
        return replace(watch, broken=f"the objective was {evaluation.value:g} after epoch {epoch}")
    best = watch.best
    progress = best.watched - watched > settings["min_delta"] * (watch.began - best.watched)
    rising = watch.rising + 1 if evaluation.value > max(watch.first, watch.last) else 0
    many = f"the objective rose for {rising} epochs in a row, above where it began"
    return replace(
        watch,
        best=Best(w, evaluation, watched, epoch) if watched <= best.watched else best,
        last=evaluation.value,
        stale=0 if progress else watch.stale + 1,
        rising=rising,
        broken=many if rising >= settings["patience"] else "",
    )


def halt(watch: Watch, epoch: int, rate: float, settings: Mapping[str, Any]) -> str:
    """Why the run cannot or should not go on; nothing while it can."""
    best, rows, patience = watch.best.epoch, len(watch.held), settings["patience"]
    place = f"epoch {best}" if best else "the start"
    kept = f"the weights are those of {place}" if settings["restore_best"] else f"{place} was the best"
    if watch.broken:
        advice = f"a learning_rate well below {rate:.3g}, or clip_norm, would help"
        return f"diverged: {watch.broken}; the weights are those of {place}; {advice}"
    if settings["early_stopping"] and watch.stale >= patience:
        what = f"the loss on {rows} rows held out" if rows else "the objective"
        return f"stopped early after {epoch} epochs: {what} made no progress for {patience}; {kept}"
    limit = f"stopped after {epoch} epochs, the limit, at learning_rate {rate:.3g}; {kept}"
    return limit if epoch >= settings["epochs"] else ""
