"""A loss of straight pieces with its corners rounded: smooth enough for quasi-Newton steps to come near the optimum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lossmith.fit.kinks import Kinks, kinks_of
from lossmith.fit.sampled import sampled
from lossmith.fit.solvers import CURVED, Evaluation, State, Vector
from lossmith.fit.solvers.lbfgs import Lbfgs
from lossmith.fit.solvers.proximal_newton import ProximalNewton
from lossmith.fit.solvers.stand_in import StandIn
from lossmith.program import Arg, Program, Step

LEVELS = (0.5, 0.15)
"""The shares of the rows that stand on a rounded corner, from level to level, on a sample."""
ENOUGH = 20_000
"""Rows of the sample: they tell how wide that is, and lead as near as a first step on all rows needs."""
LOOSE, TIGHT = 1e-3, 3e-4
"""Relative residuals of the rounded objective at which a level ends: on the sample, and on all rows."""


class Near(NamedTuple):
    """A point near the optimum; the objective with rounded corners that led there, its evaluation, and their width.

    `size` is that of the value where the way began.
    """

    w: Vector
    level: Any
    evaluation: Evaluation
    width: float
    size: float


@dataclass(frozen=True, slots=True)
class Rounded(StandIn):
    """A loss of straight pieces that differ from row to row: every corner c·max(0, t) becomes the parabola
    c·(t + width)²/(4·width) where |t| < width.
    """

    loss: Any
    width: float

    def evaluate(self, state: None, y: NDArray[Any], z: Vector, want: Sequence[str]) -> dict[str, Vector]:
        """Value (but for a constant), gradient and Hessian."""
        from lossmith.fit.pieces import Pieces

        pieces = Pieces.of(self.loss, y)
        t = (z[:, None] - pieces.place) / self.width
        rise = np.clip(0.5 * (t + 1.0), 0.0, 1.0)
        bent = np.where(np.abs(t) < 1.0, 0.5 / self.width, 0.0)
        level = self.width * (rise * rise + np.maximum(t - 1.0, 0.0))
        return {
            "value": pieces.lowest * z + (pieces.jump * level).sum(axis=1),
            "gradient": pieces.lowest + (pieces.jump * rise).sum(axis=1),
            "hessian": (pieces.jump * bent).sum(axis=1),
        }


@dataclass(frozen=True, slots=True)
class Bound:
    """What a compiled kernel is given besides arrays."""

    params: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Softened:
    """Any loss with kinks, with each corner rounded over `width` on either side, and everything else as it is."""

    loss: Any
    kinks: Kinks
    width: float

    @property
    def lift(self) -> Any:
        """That of the loss."""
        return self.loss.lift

    @property
    def program(self) -> Program:
        """Value, gradient and Hessian."""
        return softened(self.loss.program, self.loss.lift.name, len(self.kinks.places))

    @property
    def state(self) -> Bound:
        """The parameters of the loss, the width, and where and how high the corners are."""
        return Bound((*self.loss.state.params, self.width, *self.kinks.places, *self.kinks.jumps))


@lru_cache(maxsize=64)
def softened(program: Program, lift: str, corners: int) -> Program:
    """A loss of a residual or a margin u, plus at each corner c·max(0, t) the parabola's excess over it.

    Within |t| < 1, t = (u − place)/width, that is c·width·(((t + 1)/2)² − max(0, t)), with its slopes along z.
    """
    plain = program.only(*CURVED)
    steps = list(plain.steps)

    def say(word: str, *args: Arg) -> str:
        steps.append(Step(f"soft{len(steps)}", word, args))
        return steps[-1].name

    if lift == "residual":
        sign: Arg = -1.0
        u = say("sub", "y", "z")
    else:
        sign = say("where", say("gt", "y", 0.0), 1.0, -1.0)
        u = say("mul", sign, "z")
    totals = dict(plain.outputs)
    places, jumps = ([f"{name}{k}" for k in range(corners)] for name in ("place", "jump"))
    for place, jump in zip(places, jumps, strict=True):
        t = say("div", say("sub", u, place), "width")
        near = say("lt", say("abs", t), 1.0)
        rise = say("mul", 0.5, say("add", t, 1.0))
        step = say("mul", 0.5, say("add", say("sign", t), 1.0))
        excess = {
            "value": say("mul", "width", say("sub", say("mul", rise, rise), say("max", t, 0.0))),
            "gradient": say("mul", sign, say("sub", rise, step)),
            "hessian": say("div", 0.5, "width"),
        }
        for name, more in excess.items():
            totals[name] = say("add", totals[name], say("where", near, say("mul", jump, more), 0.0))
    return Program(plain.inputs, (*plain.params, "width", *places, *jumps), tuple(steps), tuple(totals.items()))


@dataclass(frozen=True, slots=True)
class Straight(Softened):
    """The same of a loss of straight pieces, which its kinks tell all of."""

    @property
    def program(self) -> Program:
        """Value, gradient and Hessian."""
        return straight(self.loss.lift.name, len(self.kinks.places))

    @property
    def state(self) -> Bound:
        """The width and how many there are to the unit, the leftmost piece, and where and how high the corners are."""
        kinks, width = self.kinks, self.width
        return Bound((width, 1.0 / width, kinks.first, kinks.level, *kinks.places, *kinks.jumps))


@lru_cache(maxsize=64)
def straight(lift: str, corners: int) -> Program:
    """level + first·u + Σ jump·width·(rise² + max(0, t − 1)): t = (u − place)/width, rise = (t + 1)/2 within [0, 1]."""
    steps: list[Step] = []

    def say(word: str, *args: Arg) -> str:
        steps.append(Step(f"soft{len(steps)}", word, args))
        return steps[-1].name

    sign: Arg = -1.0 if lift == "residual" else say("where", say("gt", "y", 0.0), 1.0, -1.0)
    u = say("sub", "y", "z") if lift == "residual" else say("mul", sign, "z")
    value, slope, bend = say("add", "level", say("mul", "first", u)), "first", ""
    places, jumps = ([f"{name}{k}" for k in range(corners)] for name in ("place", "jump"))
    for place, jump in zip(places, jumps, strict=True):
        t = say("mul", say("sub", u, place), "sharp")
        rise = say("min", say("max", say("add", say("mul", 0.5, t), 0.5), 0.0), 1.0)
        height = say("add", say("mul", rise, rise), say("max", say("sub", t, 1.0), 0.0))
        value = say("add", value, say("mul", say("mul", jump, "width"), height))
        slope = say("add", slope, say("mul", jump, rise))
        bent = say("where", say("lt", say("abs", t), 1.0), say("mul", say("mul", 0.5, jump), "sharp"), 0.0)
        bend = say("add", bend, bent) if bend else bent
    outputs = (("value", value), ("gradient", say("mul", sign, slope)), ("hessian", bend))
    return Program(("y", "z"), ("width", "sharp", "first", "level", *places, *jumps), tuple(steps), outputs)


def near(objective: Any, w: Vector, share: float) -> Near:
    """A point near the optimum, by rounding the corners less and less, at last of so many of all rows."""
    solver = Lbfgs() if objective.l1 is None else ProximalNewton()
    rows = objective.rows_count
    seen = objective.only(sampled(rows, ENOUGH, 0)) if rows > 2 * ENOUGH else objective
    z = seen.predictions(w)
    size = abs(seen.value_at(w, z))
    for some in LEVELS:
        w = _descend(at_width(seen, width_of(seen, z, some)), solver, w, LOOSE).w
        z = seen.predictions(w)
    width = width_of(seen, z, share)
    level = at_width(objective, width)
    state = _descend(level, solver, w, TIGHT)
    return Near(state.w, level, state.evaluation, width, size)


def width_of(objective: Any, z: Vector, share: float) -> float:
    """How far from their corners that share of the rows is, at predictions z; or a little more than nothing."""
    far = objective.pieces.clearance(z)
    least = 4.0 * objective.size / len(far)
    place = int(min(max(share, least), 0.9) * len(far))
    return float(np.partition(far, place)[place]) or 0.5 * float(far.mean()) or 1e-290


def at_width(objective: Any, width: float) -> Any:
    """The objective with rounded corners: compiled, where all rows have the same corners."""
    loss, kinks = objective.loss, kinks_of(objective.loss)
    soft = Rounded(loss, width) if kinks.by_row else Straight(loss, kinks, width)
    return replace(objective, loss=soft, kernels={})


def _descend(objective: Any, solver: Any, w: Vector, tol: float, steps: int = 12) -> State:
    state: State = solver.start(objective, w)
    for _ in range(steps):
        if state.halt or objective.optimality(state.w, state.evaluation) <= tol:
            break
        state = solver.step(objective, state)
    return state
