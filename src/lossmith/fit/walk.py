"""Passes over X by the compiled code of `backends/passes.py`, where X and the loss are of a kind that it covers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lossmith.backends import load
from lossmith.fit.design import Array, Design
from lossmith.total import Total

if TYPE_CHECKING:
    from lossmith.backends.passes import Table

LARGE = 100_000
"""Cells of X from which compiled passes are used: below, NumPy is as fast, and nothing must be compiled."""


def table_of(X: Any, loss: Any, y: NDArray[Any], weight: Array | None, offset: Array | None) -> Table | None:
    """X and what belongs to its rows as the compiled passes take them; None where they do not serve."""
    one = y.ndim == 1 and (offset is None or offset.ndim == 1) and not loss.lift.multiclass
    if not one or np.prod(X.shape, dtype=float) < LARGE or loss.program.inputs != ("y", "z"):
        return None
    from lossmith.backends import passes

    return passes.Table(X, _plain(y), _plain(weight), _plain(offset)) if passes.covers(X) else None


def serves(table: Table | None, loss: Any, want: tuple[str, ...]) -> bool:
    """Can compiled code compute what is wanted of this loss?"""
    return table is not None and not loss.lift.multiclass and set(want) <= set(loss.program.wants)


def _plain(values: Any) -> Any:
    return None if values is None else np.ascontiguousarray(values, dtype=np.float64)


def walk(table: Table, design: Design, loss: Any, coef: Array, last: float, want: tuple[str, ...]) -> Total:
    """Sums over the rows at z = X coef + last: value, gradient, and a Hessian where `want` names a curvature third."""
    from lossmith.backends import passes

    kernel = load(loss.program.only(*want), np.float64, "llvm")
    frame = passes.Frame(design.centre, design.factor, design.intercept) if len(want) > 2 else None
    sums = passes.sweep(table, kernel, loss.state.params, coef, last, frame)  # type: ignore[arg-type]
    return Total(sums.value, 0.0, design.pulled(sums.pull, sums.slope), sums.hessian)
