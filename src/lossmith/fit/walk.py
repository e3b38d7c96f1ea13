"""Passes over X by the compiled code of `backends/passes.py`, where X and the loss are of a kind that it covers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lossmith.backends import load
from lossmith.curvature import fixed_majorant
from lossmith.fit import design as designs
from lossmith.fit.design import Array, Design
from lossmith.fit.solvers import BASIC, CURVED

if TYPE_CHECKING:
    from lossmith.backends.passes import Swept, Table
    from lossmith.backends.passes_several import Outputs, Sums
    from lossmith.backends.passes_sparse import SparseTable
    from lossmith.backends.passes_wide import WideTable

SLOTS = ("value", "d1", "d_mean_logp", "d2")
"""What a pass takes of the kernel of a loss of log-probabilities, in this order."""


def table_of(
    X: Any, loss: Any, y: NDArray[Any], weight: Array | None, offset: Array | None
) -> Table | SparseTable | WideTable | None:
    """X and what belongs to its rows as the compiled passes take them; None where they do not serve."""
    one = y.ndim == 1 and (offset is None or offset.ndim == 1) and not loss.lift.multiclass
    if not one or getattr(X, "nnz", X.size) < designs.LARGE or loss.program.inputs != ("y", "z"):
        return None
    from lossmith.backends import passes, passes_sparse, passes_wide

    rest = _plain(y), _plain(weight), _plain(offset)
    if passes_wide.covers(X):
        return passes_wide.WideTable(X, *rest)
    if passes.covers(X):
        return passes.Table(X, *rest)
    return passes_sparse.SparseTable(X, *rest) if passes_sparse.covers(X) else None


def classes_of(X: Any, loss: Any, y: NDArray[Any], rest: tuple[Any, Any], outputs: int) -> Outputs | None:
    """X and what belongs to its rows (weight and offset) for a loss of K classes; None where no compiled pass serves.

    It serves softmax losses of known classes over a dense X. Classes that are no whole numbers below K are left to
    those who refuse them.
    """
    plain = all(v is None or v.ndim == 1 for v in (y, *rest))
    if outputs < 2 or not plain or loss.lift.name != "softmax" or X.size < designs.LARGE:
        return None
    from lossmith.backends import passes, passes_several

    truth = passes_several.numbered(y, outputs) if passes.covers(X) else None
    return None if truth is None else passes_several.Outputs(X, outputs, truth, None, *map(_plain, rest))


def classes_swept(table: Outputs, design: Design, loss: Any, coef: Array, last: Array, bent: bool) -> Sums:
    """Sums over the rows at z = X coef + last, coef (p, K); with the Hessian of all coordinates where it is wanted."""
    from lossmith.backends import passes

    slot, frame = loss.state.derived.slot, passes.Frame(design.centre, design.factor, design.intercept)
    names = [name for name in SLOTS[: 4 if bent else 3] if name in dict(slot.outputs)]
    kernel = load(slot.only(*names), np.float64, "llvm")
    return table.classes(kernel, loss.state.params, coef, last, frame if bent else None)


def serves(table: Table | SparseTable | WideTable | None, loss: Any, want: tuple[str, ...]) -> bool:
    """Can compiled code compute what is wanted of this loss?"""
    if table is None or loss.lift.multiclass or (len(want) > 2 and not table.curves):
        return False
    if "majorant" in want and fixed_majorant(loss) is not None:
        return False
    return set(want) <= set(loss.program.wants)


def roughened(table: Any, want: tuple[str, ...]) -> Any:
    """The table, whose Hessian need have no more digits than single precision where `want` says so."""
    return replace(table, rough=True) if "rough" in want else table


def _plain(values: Any) -> Any:
    return None if values is None else np.ascontiguousarray(values, dtype=np.float64)


def swept(
    table: Table | SparseTable | WideTable,
    design: Design,
    loss: Any,
    coef: Array,
    last: float,
    want: tuple[str, ...],
) -> Swept:
    """Sums over the rows at z = X coef + last: value, gradient, and a Hessian where `want` names a curvature third."""
    from lossmith.backends import passes

    frame = passes.Frame(design.centre, design.factor, design.intercept) if len(want) > 2 else None
    return table.swept(compiled(loss, want), loss.state.params, coef, last, frame)


def diagonal(table: Any, design: Design, loss: Any, coef: Array, last: float) -> Array | None:
    """The diagonal of Σ h x xᵀ over a sparse X; None where the compiled passes give none."""
    want = CURVED
    if (
        table is None
        or not table.bends
        or not set(want) <= set(loss.program.wants)
        or not design.X.has_canonical_format
    ):
        return None
    sums, squares = table.squares(compiled(loss, want), loss.state.params, coef, last)
    inner = design.factor * (design.factor * squares)
    return np.append(inner, sums.bend) if design.intercept else inner


def descended(objective: Any, point: tuple[Array, Array], walk: tuple[Any, int, Array, Array | None]) -> Any:
    """(w, mean) after plain stochastic steps over (rows, batch, rates, shares); None where no compiled code serves."""
    table, loss, design = objective.table, objective.loss, objective.design
    if objective.outputs > 1 or not serves(table, loss, BASIC):
        return None
    from lossmith.backends import passes, passes_sgd

    if not passes_sgd.covers(table, walk[1]):
        return None
    frame = passes.Frame(design.centre, design.factor, design.intercept)
    penalty = np.zeros(objective.size) if objective.l1 is None else objective.l1, objective.l2
    kernel, unit = compiled(loss, BASIC), objective.rows_count / objective.mass
    steps = passes_sgd.Walk(*walk)
    return passes_sgd.descend(table, kernel, loss.state.params, frame, penalty, unit, point, steps)


def compiled(loss: Any, want: tuple[str, ...]) -> Any:
    """The kernel of a loss whose address the passes are given."""
    return load(loss.program.only(*want), np.float64, "llvm")
