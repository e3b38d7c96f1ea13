"""Limited-memory BFGS, preconditioned by the Hessian of a sample of the rows.

It is the curvature that saves the time, not the start: with the Cholesky factor of a sample's Hessian as the first
guess, three to five exact passes over all rows end at rounding. Where the sample misleads (a table of clusters), the
factor is taken anew from eight times as many rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol

import numpy as np

from lossmith.domain import Interval, Param
from lossmith.fit.factor import Factor
from lossmith.fit.search import downhill
from lossmith.fit.solvers import CURVED, ROUGH, Evaluation, Option, State, Vector

WIDEST = 2500
"""Coordinates beyond which a Hessian costs more than it saves."""
PASS = 20
"""Multiplications for a Hessian, per cell of X, that take as long as reading the cell."""
WARM = 2e-2
"""A relative residual that the solution on a sample hardly beats on all rows."""
SOUND = 1e-4
"""The least part of a coordinate that the others leave unexplained of which single precision keeps enough digits."""
AMPLE = 150, 1000
"""Rows for each coordinate beyond which a sample's solution, and its Hessian, need not be any nearer."""
COARSE = 30
"""Steps on a part of the rows, at most."""
SLOW = 4
"""So many steps that each less than halve the residual, or what a factor costs in passes: it is refreshed."""


class Preconditioner(Protocol):
    """The inverse of a guess at the Hessian."""

    def solve(self, g: Vector) -> Vector: ...


@dataclass(frozen=True, slots=True)
class Diagonal:
    """One curvature per coordinate."""

    curvature: Vector

    def solve(self, g: Vector) -> Vector:
        """g over the curvature."""
        return g / self.curvature


@dataclass(frozen=True, slots=True)
class Memory:
    """The last secant pairs, the preconditioner, what it was made of and from how many rows, and slow steps so far."""

    pairs: tuple[tuple[Vector, Vector], ...]
    guess: Preconditioner
    curvature: Vector
    rows: int
    slow: int = 0

    @classmethod
    def of(cls, curvature: Vector, rows: int, pairs: tuple[tuple[Vector, Vector], ...] = ()) -> Memory:
        """Nothing walked yet, with a matrix (size, size) or a diagonal (size,) that stands for the Hessian."""
        guess = Factor.of(curvature) if curvature.ndim == 2 else Diagonal(curvature)
        return cls(pairs, guess, curvature, rows)

    @classmethod
    def at(cls, some: Any, w: Vector, rows: int) -> tuple[Memory, Evaluation]:
        """What a look at the curvature tells; in double where its factor shows that single precision is too little."""
        here = some.at(w, ROUGH)
        factor = Factor.of(np.asarray(here.hessian))
        if here.rough and not factor.weakest > SOUND:
            here = some.at(w, CURVED)
            factor = Factor.of(np.asarray(here.hessian))
        return cls((), factor, np.asarray(here.hessian), rows), here

    @classmethod
    def measured(cls, objective: Any, w: Vector, rows: int) -> Memory:
        """The curvature of so many rows at w, or its diagonal for what is too wide."""
        if not _dense(objective):
            diagonal = objective.diagonal(w)
            return cls.of(np.maximum(diagonal, 1e-8 * max(float(diagonal.max()), 1e-280)), rows)
        some = objective if rows >= objective.rows_count else objective.sample(rows)
        return cls.at(some, w, rows)[0]

    def shifted(self, l2: Vector) -> Memory:
        """The same for an objective with ½ Σ l2·w² more: secant pairs and curvature are known without a look at it."""
        bent = self.curvature + (np.diag(l2) if self.curvature.ndim == 2 else l2)
        return Memory.of(bent, self.rows, tuple((s, y + l2 * s) for s, y in self.pairs))

    def renewed(self, objective: Any, w: Vector) -> Memory:
        """The curvature measured anew at w."""
        return Memory.measured(objective, w, self.rows)

    def widened(self, objective: Any, w: Vector, times: int) -> Memory:
        """The curvature at w of so many times the rows, as far as there are more."""
        rows = min(times * self.rows, objective.rows_count)
        return self if rows <= self.rows else replace(self, rows=rows).renewed(objective, w)

    def walked(self, s: Vector, y: Vector, most: int = 12) -> Memory:
        """One secant pair more, the change y of the gradient along s, if it bends upwards; the last `most` stay."""
        curved = float(s @ y) > 1e-14 * float(np.sqrt((s @ s) * (y @ y)))
        return replace(self, pairs=(*self.pairs, (s, y))[-most:]) if curved else self


@dataclass(frozen=True, slots=True)
class Lbfgs:
    """Quasi-Newton steps from exact gradients; `memory` secant pairs, Armijo's rule."""

    memory: int = 12
    sample: int = 0

    name: ClassVar[str] = "lbfgs"
    needs: ClassVar[tuple[str, ...]] = ("differentiable", "no l1")
    options: ClassVar[Mapping[str, Option]] = {
        "memory": Param(12, Interval(1, 200, whole=True), "secant pairs kept"),
        "sample": Param(0, Interval(0, whole=True), "rows whose Hessian preconditions; 0 chooses"),
    }

    def start(self, objective: Any, w0: Vector) -> State:
        """The better of w0 and the solution on a sample, with the curvature there."""
        few, count = (int(self.sample),) * 2 if self.sample else sample_sizes(objective)
        if not 0 < few < objective.rows_count or not _dense(objective):
            found = _coarse(objective, w0, count) if few == 0 and objective.outputs > 1 else State(w0, objective.at(w0))
            return replace(found, memory=Memory.measured(objective, found.w, count))
        some = objective.sample(count) if count < objective.rows_count else objective
        given = bool(w0[~objective.intercepts].any())
        w, first = _near(some, objective.sample(few), w0, given)
        w, memory, here = _improved(some, w, w0, first.value if given else np.inf, count)
        evaluation = here if some is objective else objective.at(w)
        if w is not w0 and not evaluation.value < first.value and evaluation.value > (before := objective.at(w0)).value:
            w, evaluation = w0, before  # the sample misled
        return State(w, evaluation, memory=memory)

    def step(self, objective: Any, state: State) -> State:
        """One step along the two-loop direction; a refreshed curvature where it leads nowhere or slowly."""
        memory: Memory = state.memory
        g = state.evaluation.gradient
        found = downhill(objective, state, -two_loop(memory, g))
        if found is None:
            return self._anew(objective, state)
        following = memory.walked(found.w - state.w, found.evaluation.gradient - g, int(self.memory))
        before, now = (objective.optimality(*p) for p in ((state.w, state.evaluation), (found.w, found.evaluation)))
        slow = memory.slow + 1 if now > 0.5 * before else 0
        state = State(found.w, found.evaluation, memory=replace(following, slow=slow))
        patience = max(SLOW, memory.rows * objective.size // (PASS * objective.rows_count))
        return self._refreshed(objective, state) if slow >= patience and _dense(objective) else state

    def _refreshed(self, objective: Any, state: State) -> State:
        rows = min(objective.rows_count, 8 * state.memory.rows)
        return replace(state, memory=Memory.measured(objective, state.w, rows))

    def _anew(self, objective: Any, state: State) -> State:
        if not state.memory.pairs:
            return replace(state, halt="no step downhill decreases the value any further")
        return self._refreshed(objective, state)


def sample_sizes(objective: Any) -> tuple[int, int]:
    """Rows for a first solution (six per coordinate, a 64th of the table), and for the Hessian that preconditions.

    A Hessian from m rows takes about as long as m·size/(20 n) passes over the table. The second sample may cost half a
    pass; it and the first end at what AMPLE rows for each coordinate tell, from which three passes lead to the tenth
    digit. Where columns are so many that even four rows for each cost more, that is what it has, and there is no first
    solution (0): it would cost more passes than it saves.
    """
    n, size = int(objective.rows_count), int(objective.size)
    enough, most = (each * size for each in AMPLE)
    few = max(6 * size, min(enough, n // 64), 512)
    if few * size > PASS * n:
        return 0, (n if 8 * size > n else 4 * size)
    count = max(2 * few, min(most, PASS // 2 * n // size))
    return (n if 3 * few > n else few), (n if 2 * count > n else count)


def _dense(objective: Any) -> bool:
    return bool(objective.size <= (WIDEST if isinstance(objective.design.X, np.ndarray) else 200))


def _coarse(objective: Any, w0: Vector, count: int) -> State:
    """The better of w0 and the solution on a part of the rows, walked to by the curvature of a sample at w0.

    Several outputs make a pass dear beside a Hessian: it pays to measure the curvature twice, the second time nearby.
    """
    some, solver = objective.sample(max(objective.rows_count // 8, 2 * count)), Lbfgs()
    state = State(w0, before := some.at(w0))
    if some.optimality(w0, before) > WARM:
        state = replace(state, memory=Memory.measured(objective, w0, count))
    for _ in range(COARSE):
        if some.optimality(state.w, state.evaluation) <= 0.25 * WARM or state.halt or state.memory is None:
            break
        state = solver.step(some, state)
    found = State(state.w, objective.at(state.w))
    if state.w is w0 or found.evaluation.value < before.value:
        return found
    there = State(w0, objective.at(w0))
    return found if found.evaluation.value <= there.evaluation.value else there


def _near(some: Any, small: Any, w0: Vector, given: bool) -> tuple[Vector, Evaluation]:
    """w0 if it is near already, else a solution on the small sample; and what w0 is worth.

    Only a start that someone gave can be near; one without coefficients is not looked at on the larger sample.
    """
    if not given:
        first = small.at(w0, ROUGH)
        return roughly(small, State(w0, first)), first
    first = some.at(w0)
    near = some.optimality(w0, first) <= WARM
    return (w0 if near else roughly(small, State(w0, small.at(w0, ROUGH)))), first


def _improved(some: Any, w: Vector, w0: Vector, before: float, rows: int) -> tuple[Vector, Memory, Evaluation]:
    """One Newton step from w on a sample, or w0 where that is better there; the curvature before, the value after."""
    memory, here = Memory.at(some, w, rows)
    if w is not w0 and not here.value < before:
        w = w0
        memory, here = Memory.at(some, w0, rows)
    found = None if w is w0 else downhill(some, State(w, here), -memory.guess.solve(here.gradient))
    return (w, memory, here) if found is None else (found.w, memory, found.evaluation)


def roughly(objective: Any, state: State, steps: int = 8) -> Vector:
    """Where a few Newton steps on a small objective lead, from a state with its Hessian."""
    for _ in range(steps):
        if objective.optimality(state.w, state.evaluation) <= WARM:
            break
        step = -Factor.of(np.asarray(state.evaluation.hessian)).solve(state.evaluation.gradient)
        found = downhill(objective, state, step, ROUGH)
        if found is None:
            break
        state = State(found.w, found.evaluation)
    return state.w


def two_loop(memory: Memory, g: Vector) -> Vector:
    """The inverse Hessian times g: the preconditioner, scaled by the last pair, corrected by all (Nocedal 1980)."""
    q, back = g.copy(), []
    for s, y in reversed(memory.pairs):
        a = float(s @ q) / float(s @ y)
        back.append(a)
        q -= a * y
    d = memory.guess.solve(q)
    if memory.pairs:
        s, y = memory.pairs[-1]
        d *= float(s @ y) / float(y @ memory.guess.solve(y))
    for (s, y), a in zip(memory.pairs, reversed(back), strict=True):
        d += s * (a - float(y @ d) / float(s @ y))
    return d
