"""Classes that a plane separates: without a penalty no finite coefficients are best, and a fit must say so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SAYS = (
    "no finite optimum exists: a plane separates the classes, and the coefficients grow without bound; "
    "add a penalty (penalty='l2')"
)
PARTLY = (
    "no finite optimum exists: some rows can be moved away from the boundary without end at no other row's cost "
    "(a column that is all of one class); add a penalty (penalty='l2')"
)
ALONE = "no finite optimum exists: all targets are of one class, and the intercept grows without bound"
LIFTS: Mapping[str, Callable[[Array, Array], Array]] = {
    "margin": lambda y, z: np.where(y > 0, z, -z),
    "softmax": lambda y, z: _lead(y, z) if z.ndim == 2 else np.where(y > 0, z, -z),
}


def separation(objective: Any, loss: Any) -> Callable[[Array], str] | None:
    """A check for points that classify every row rightly; None where a penalty or the loss makes that harmless."""
    lead = LIFTS.get(loss.lift.name)
    live = np.repeat(objective.design.factor > 0.0, objective.outputs)
    penalised = objective.l1 is not None or bool(np.any(objective.l2[: len(live)][live] > 0.0))
    if lead is None or objective.y.ndim != 1 or _stops(loss):
        return None
    if objective.design.intercept and _alone(objective.y, objective.weight):
        return lambda w: ALONE
    if penalised:
        return None

    return Watch(objective, lead)


@dataclass(slots=True)
class Watch:
    """Looks at one point after another: does it classify every row rightly, or walk on without hurting any row?

    The second is how rows that a plane separates only in part (a category that is all of one class) show: the last
    step moved some margins much, and none backwards.
    """

    objective: Any
    lead: Callable[[Array, Array], Array]
    before: Array | None = None

    def __call__(self, w: Array) -> str:
        """What is wrong, or nothing."""
        last, self.before = self.before, w
        if self._ahead(w).min() > 0.0:
            return SAYS
        if last is None:
            return ""
        moved = self._ahead(w) - self._ahead(last) if self.objective.outputs == 1 else np.zeros(1)
        return PARTLY if moved.max() > 0.05 and moved.min() > -1e-5 * moved.max() else ""

    def _ahead(self, w: Array) -> Array:
        seen = self.objective.shares > 0.0
        return self.lead(self.objective.y[seen], self.objective.predictions(w)[seen])


def _alone(y: NDArray[Any], weight: Array | None) -> bool:
    """Are all rows that count of one class?"""
    seen = y if weight is None else y[weight > 0.0]
    return bool((seen == seen[0]).all())


@lru_cache(maxsize=512)
def _stops(loss: Any) -> bool:
    """Does the loss reach its minimum at a finite margin (as hinges do), so that separation is no trouble?"""
    with np.errstate(all="ignore"):
        slope = loss.evaluate(np.ones(2), np.array([4.0, 30.0]), ("value", "gradient")).gradient
    return bool((slope >= 0.0).all()) if loss.lift.name == "margin" else False


def _lead(y: Array, z: Array) -> Array:
    """By how much the true class leads."""
    at = np.arange(len(y)), y.astype(np.intp)
    rest = z.copy()
    rest[at] = -np.inf
    return np.asarray(z[at] - rest.max(axis=1))
