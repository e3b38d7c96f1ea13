"""What predictions cost when they are acted on: two classes, a threshold, and errors that cost differently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lossmith.choose.diagnose import sides
from lossmith.choose.murphy import of_expectiles
from lossmith.choose.rowwise import ByRows, row_test
from lossmith.errors import ParameterError, UnsupportedError

if TYPE_CHECKING:
    from lossmith.choose.plan import Plan
    from lossmith.choose.profile import Target
    from lossmith.choose.summary import Line

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Decided:
    """One loss, acted on where its probability of the second class is above the threshold t.

    `cost` per row: t for acting in vain, 1 − t for not acting where it was needed, so that t is just where both weigh
    the same; `vain` and `missed` are shares of the rows; `versus` the difference of costs to the default's.
    """

    name: str
    cost: float
    vain: float
    missed: float
    versus: ByRows | None


def demand_threshold(threshold: float | None, target: Target) -> float | None:
    """The threshold, if it is one for this target; raises ParameterError or UnsupportedError."""
    if threshold is None:
        return None
    if len(target.labels) != 2:
        raise UnsupportedError(f"threshold {threshold:g}: {target.name!r} has not two classes; leave it out")
    if not 0 < threshold < 1:
        raise ParameterError(
            f"threshold {threshold:g}: give a probability in (0, 1): cost in vain / (in vain + missed)"
        )
    return threshold


def decided(plan: Plan, lines: Sequence[Line]) -> list[Decided]:
    """One entry for each loss; empty where no threshold was named."""
    if plan.threshold is None:
        return []
    costs = {line.name: _costs(plan, line, plan.threshold) for line in lines}
    plain = costs[next(line.name for line in lines if line.default)]
    return [_decided(plan, line, costs[line.name], None if line.default else plain) for line in lines]


def _costs(plan: Plan, line: Line, threshold: float) -> Array:
    """The elementary score of the mean at the threshold, which is just this cost (Ehm et al. 2016)."""
    (side,) = sides(plan, line)
    return of_expectiles(side.aim, side.guess, threshold, 0.5)


def _decided(plan: Plan, line: Line, cost: Array, plain: Array | None) -> Decided:
    (side,) = sides(plan, line)
    w = side.weight / side.weight.sum()
    acted = side.guess > plan.threshold
    known = np.flatnonzero(~np.isnan(line.rows))
    test = None if plain is None else row_test(cost - plain, side.weight, plan.job.splitting.take(known))
    vain, missed = float(w @ (acted & (side.aim == 0))), float(w @ (~acted & (side.aim == 1)))
    return Decided(line.name, float(w @ cost), vain, missed, test)
