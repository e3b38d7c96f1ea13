"""Fits of many losses to the same rows: what does not depend on the loss is measured once.

Along the columns any smooth loss bends nearly like a multiple of squared error. With XᵀX in the place of the Hessian,
measured once, and from a point nearby, a few quasi-Newton steps end a fit. What does not end at the tolerance here is
left to `fit`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.backends import COMPILED_FROM
from lossmith.backends.passes_sparse import SparseTable
from lossmith.catalogue import loss as make_loss
from lossmith.fit import design as designs
from lossmith.fit.design import Design
from lossmith.fit.drive import Limits, drive
from lossmith.fit.kinks import kinks_of
from lossmith.fit.many_corners import ended
from lossmith.fit.objective import Meter, Objective, strengths
from lossmith.fit.path import Resumed
from lossmith.fit.penalty import Penalty
from lossmith.fit.sampled import sampled
from lossmith.fit.separable import separation
from lossmith.fit.solvers import CURVED, State
from lossmith.fit.solvers.lbfgs import Lbfgs, Memory
from lossmith.loss import Loss
from lossmith.rows.memory import Rows

Array = NDArray[np.float64]

STEPS = 40
"""Steps after which a fit is left to `fit`."""
MEASURED = 16_384
"""Rows that the products of columns are measured on, at most."""
ROUGH = 1e-6
"""The least tolerance of a loss of straight pieces: below it the exact solver is quicker."""
FULL = 0.25
"""The share of cells that are not 0 below which passes leave out the zeros."""
FLAT = 1e-3
"""The least curvature of a loss that is tried, where it is flat or bent down."""


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """Rows, the mean products of their standardised columns (size, size), and the objectives made so far."""

    rows: Rows
    design: Design
    gram: Array
    cells: Any
    """X without its zeros, where they are most of it."""
    units: dict[float, Rows] = field(default_factory=dict)
    made: dict[tuple[Any, float], Objective] = field(default_factory=dict)
    bends: dict[Any, float] = field(default_factory=dict)
    """By kind of loss, how it bent where a fit ended last, beside squared error."""

    @classmethod
    def of(cls, rows: Rows) -> Shared:
        """What the fits to these rows share, noted with them."""
        if Shared not in rows.notes:
            design = Design.of(rows, True)
            rows.notes[Shared] = cls(rows, design, _gram(rows, design), cells(rows.X))
        found: Shared = rows.notes[Shared]
        return found

    def objective(self, loss: Loss, alpha: float, scale: float) -> Objective:
        """The mean of a loss of y/scale plus an l2 penalty; with the coordinates of `design`, whatever the penalty."""
        key: Any = (loss, scale)
        if key not in self.made:
            made = Objective.of(self._unit(scale), loss, Penalty("none"))
            if self.cells is not None and made.table is not None:
                table = SparseTable(self.cells, made.table.y, made.table.weight, made.table.offset)
                made = replace(made, table=table, design=replace(self.design, X=self.cells))
            self.made[key] = made
        return replace(self.made[key], l2=strengths(self.design, 0.0, alpha, 1)[1], meter=Meter())

    def _unit(self, scale: float) -> Rows:
        """The rows with targets and offsets over a scale."""
        if scale not in self.units:
            rows = self.rows
            offset = None if rows.offset is None else rows.offset / scale
            self.units[scale] = replace(rows, y=rows.y / scale, offset=offset)
            self.units[scale].notes[True] = self.design
        return self.units[scale]


def stands_here(rows: Rows, loss: Loss, tol: float) -> bool:
    """Is such a fit for here: smooth, or roughly one of straight pieces; of one output; over rows for compiled code?"""
    from lossmith.backends import passes

    plain = rows.y.ndim == 1 and (rows.offset is None or rows.offset.ndim == 1) and not loss.lift.multiclass
    if not plain or not passes.covers(rows.X) or rows.X.size < designs.LARGE or rows.p > rows.n:
        return False
    kind = straight(_kind(loss))
    return loss.program.inputs == ("y", "z") and (kind is False or bool(kind and tol >= ROUGH))


def _kind(loss: Loss) -> Any:
    return type(loss)


@lru_cache(maxsize=512)
def straight(kind: Any) -> bool | None:
    """Is a loss made of straight pieces (True), or without kinks (False), at its default parameters?

    At others the tolerance tells.
    """
    kinks = kinks_of(kind())
    return kinks.linear if kinks.linear or not kinks.any else None


def fit_again(
    rows: Rows, loss: Loss, alpha: float, *, scale: float = 1.0, start: Any = None, tol: float = 1e-6
) -> tuple[Array, float] | None:
    """(coef, intercept) of a fit with an l2 penalty and an intercept, from an earlier solution or the best constant.

    None where it does not end at the tolerance (as in `fit`).
    """
    shared = Shared.of(rows)
    objective = shared.objective(loss, alpha, scale)
    w = objective.origin() if start is None else objective.standard(start.coef / scale, start.intercept / scale)
    if not straight(_kind(loss)):
        found = _descended(shared, objective, w, tol)
    else:
        found = ended(objective, w, tol) if kinks_of(loss).linear else None
    if found is None:
        return None
    coef, last = objective.design.user(found)
    return coef * scale, float(last * scale)


def _descended(shared: Shared, objective: Objective, w: Array, tol: float) -> Array | None:
    """The optimum of a smooth loss."""
    kind = _kind(objective.loss)
    bent = shared.bends.get(kind) or _bend(objective, w)
    curvature = bent * shared.gram
    curvature[np.diag_indices(len(curvature))] += objective.l2
    state = State(w, objective.at(w), memory=Memory.of(curvature, objective.rows_count))
    trouble = separation(objective, objective.loss)
    run = drive(objective, Resumed(Lbfgs(), state), w, Limits(tol, STEPS), trouble=trouble)
    shared.bends[kind] = _learned(shared, objective, run.state.memory) or bent
    return run.state.w if run.converged else None


def _learned(shared: Shared, objective: Objective, memory: Memory) -> float:
    """What the last step says of the loss's curvature beside that of squared error; 0 for nothing."""
    if not memory.pairs:
        return 0.0
    s, y = memory.pairs[-1]
    plain = float(s @ shared.gram @ s)
    return max(float(s @ (y - objective.l2 * s)) / plain, 0.0) if plain > 0.0 else 0.0


def _bend(objective: Objective, w: Array) -> float:
    """The mean curvature of the loss over a few rows: so few that nothing need be compiled."""
    index = sampled(objective.rows_count, COMPILED_FROM - 64, 1)
    coef, last = objective.design.user(w)
    z = objective.design.X[index] @ coef + last
    z += 0.0 if objective.offset is None else objective.offset[index]
    h = np.maximum(objective.evaluate(objective.y[index], z, ("hessian",))["hessian"], 0.0)
    mean = float(np.average(h, weights=None if objective.weight is None else objective.weight[index] + 1e-300))
    return max(mean, FLAT) if np.isfinite(mean) else 1.0


def _gram(rows: Rows, design: Design) -> Array:
    """Σ w x xᵀ / Σ w in standardised coordinates, of a sample; a level that it lacks is given its mean square of 1."""
    squared = Objective.of(rows, make_loss("Squared"), Penalty("none"))
    some = squared.sample(MEASURED) if rows.n > 2 * MEASURED else squared
    gram = np.asarray(some.at(squared.origin(), CURVED).hessian)
    at = np.diag_indices(len(gram))
    gram[at] = np.maximum(gram[at] - squared.l2, np.append(design.factor > 0.0, True))
    return gram


def cells(X: Any) -> Any:
    """X without its zeros where they are most of it, as CSR; None where they are not."""
    from scipy.sparse import csr_matrix

    step = max(1, len(X) // 512)
    return csr_matrix(X) if np.count_nonzero(X[::step]) < FULL * X[::step].size else None
