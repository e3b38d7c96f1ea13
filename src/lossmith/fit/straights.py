"""Fits of losses of straight pieces that differ in a parameter, side by side: several quantiles of the same rows.

Each goes the way that `smoothing.py` and `interior_point.py` go with one, and all go together: corners are rounded on
the same sample, whose products of columns stand for every fit's curvature but for a factor, a walk over X serves all
fits, and one product gives the predictions of all. Only the few rows near a kink are solved for each fit alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lossmith.fit.drive import Limits, Run, drive
from lossmith.fit.objective import Objective
from lossmith.fit.sampled import sampled
from lossmith.fit.separable import separation
from lossmith.fit.solvers import Evaluation, Option, State, Vector
from lossmith.fit.solvers.interior_point import InteriorPoint, begun, few_of, judged, solved
from lossmith.fit.solvers.lbfgs import Memory
from lossmith.fit.solvers.smoothing import ENOUGH, TIGHT, Near, at_width, width_of
from lossmith.fit.walkers import Side, Stuck, Walker, descend
from lossmith.fit.walkers import begun as side_by_side

Array = NDArray[np.float64]
MEASURED = 4096
"""Rows that the products of columns are measured on."""
FIRST, LOOSE = 0.2, 1e-2
"""The share of a sample's rows that stand on a rounded corner there, and the relative residual that ends it."""
STEPS = 12
"""Walks on one level, at most."""


@dataclass(frozen=True, slots=True)
class Told:
    """An interior point whose first states are known."""

    states: Sequence[State]

    name: ClassVar[str] = "interior-point"
    needs: ClassVar[tuple[str, ...]] = ()
    options: ClassVar[Mapping[str, Option]] = {}

    def start(self, objective: Any, w0: Vector) -> State:
        """The first."""
        return self.states[0]

    def step(self, objective: Any, state: State) -> State:
        """The second, or a step of its own."""
        known = state is self.states[0] and len(self.states) > 1
        return self.states[1] if known else InteriorPoint().step(objective, state)


def ended(each: Sequence[Objective], w: Sequence[Array], limits: Limits) -> list[Run]:
    """The fits from these points to their ends."""
    found = nears(each, w, few_of(each[0]) / each[0].rows_count)
    z = scores(each, [one.w for one in found])
    states = [begun(*some) for some in zip(each, found, z, strict=True)]
    going = [k for k, state in enumerate(states) if not float(state.measured or 0.0) <= limits.tol]
    exact = [solved(each[k], states[k]) for k in going]
    z = scores([each[k] for k in going], [one.w for _, one in exact])
    ends = {k: judged(each[k], states[k], *pair, some) for k, pair, some in zip(going, exact, z, strict=True)}
    told = [Told((state, ends[k]) if k in ends else (state,)) for k, state in enumerate(states)]
    return [drive(o, t, t.states[0].w, limits, trouble=separation(o, o.loss)) for o, t in zip(each, told, strict=True)]


def scores(each: Sequence[Objective], w: Sequence[Array]) -> list[Array]:
    """The raw predictions of each fit at its own point, offset included, by one product."""
    if not each:
        return []
    first = each[0]
    z = np.ascontiguousarray(first.design.times(np.stack(w, axis=1)).T)
    for o in each:
        o.meter.passes += o.share / len(each)
    return list(z if first.offset is None else z + first.offset)


def nears(each: Sequence[Objective], w: Sequence[Array], share: float) -> list[Near]:
    """A point near each optimum, by rounding corners of some rows of a sample, then of that share of all rows."""
    rows, first = each[0].rows_count, each[0]
    some = first.only(sampled(rows, ENOUGH, 0)) if rows > 2 * ENOUGH else first
    seen = [replace(some, loss=o.loss, slope=o.slope, meter=o.meter, kernels={}) for o in each]
    z = scores(seen, w)
    sizes = [abs(o.value_at(*at)) for o, *at in zip(seen, w, z, strict=True)]
    widths, gram = [width_of(o, s, FIRST) for o, s in zip(seen, z, strict=True)], _gram(some)
    bends = [bend_of(*some) * gram for some in zip(seen, z, widths, strict=True)]
    w = [walker.w for walker in _level(seen, w, widths, bends, LOOSE)[1]]
    z = scores(seen, w)
    bends = [_bent(o, s, width_of(o, s, FIRST)) for o, s in zip(seen, z, strict=True)]
    widths = [width_of(o, s, share) for o, s in zip(seen, z, strict=True)]
    levels, walkers = _level(each, w, widths, bends, TIGHT)
    return [
        Near(walker.w, level, Evaluation(walker.value, walker.gradient), width, size)
        for walker, level, width, size in zip(walkers, levels, widths, sizes, strict=True)
    ]


def _level(
    each: Sequence[Objective], w: Sequence[Array], widths: Sequence[float], bends: Sequence[Array], tol: float
) -> tuple[list[Objective], list[Walker]]:
    """The objectives with corners so rounded, and the fits walked to their optima."""
    levels, first = [at_width(o, width) for o, width in zip(each, widths, strict=True)], each[0]
    side = Side.of(levels, (first.y, first.weight, first.offset))
    memory = [Memory.of(bend + np.diag(o.l2), first.rows_count) for o, bend in zip(each, bends, strict=True)]
    walkers = side_by_side(side, w, memory)
    with contextlib.suppress(Stuck):  # the exact solution goes on from wherever this ends
        descend(side, walkers, tol, STEPS)
    return levels, walkers


def _gram(objective: Objective) -> Array:
    """The mean product of columns, on some of the rows."""
    part = slice(0, None, max(1, objective.rows_count // MEASURED))
    weight = objective.shares[part]
    return objective.design.gram_of(part, weight / max(float(weight.sum()), 1e-300))


def _curvature(objective: Objective, z: Array, width: float) -> Array:
    """How much the rounded loss bends at each row, by its share of the mean."""
    pieces = objective.pieces
    near = np.abs(z[:, None] - pieces.place) < width
    return np.asarray((pieces.jump * near).sum(axis=1) * (0.5 / width) * objective.shares)


def bend_of(objective: Objective, z: Array, width: float) -> float:
    """The mean curvature of the rounded loss."""
    return float(_curvature(objective, z, width).sum())


def _bent(objective: Objective, z: Array, width: float) -> Array:
    """The Hessian of the rounded loss, from the rows on its corners."""
    h = _curvature(objective, z, width)
    index = np.flatnonzero(h)
    return objective.design.gram_of(index, h[index])
