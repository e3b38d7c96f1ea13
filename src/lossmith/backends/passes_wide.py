"""Passes over a dense X in columns whose rows are too long for the caches: predictions first, then the gradient.

Each column is read where it lies, once for the predictions if its coefficient is not 0, and once for the gradient. The
columns are divided into slabs by their number alone, so that a result has the same bits whatever the number of threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lossmith.backends import llvm, passes
from lossmith.backends.passes import Frame, Swept
from lossmith.backends.passes_columns import columns_of, scattered
from lossmith.backends.threads import in_order, run_chunks
from lossmith.errors import UnsupportedError

Array = NDArray[np.float64]
FEW = 0.25
"""The share of coefficients that are not 0 below which their columns are gathered."""


@dataclass(frozen=True, slots=True, eq=False)
class WideTable:
    """X (n, p) of float32 or float64 with the cells of a column next to each other; y, weight and offset (n,)."""

    X: NDArray[Any]
    y: Array
    weight: Array | None = None
    offset: Array | None = None
    edge: bool = False

    curves: ClassVar[bool] = False
    bends: ClassVar[bool] = False
    """A pass gives neither a Hessian nor its diagonal."""

    def swept(
        self, kernel: llvm.LlvmKernel, params: Sequence[float], coef: Array, last: float, frame: Frame | None = None
    ) -> Swept:
        """Sums over the rows at z = X coef + last + offset, by a kernel of value and gradient."""
        if frame is not None:
            raise UnsupportedError("a pass over columns gives no Hessian; ask for value and gradient")
        z = times(self.X, coef)
        z += last if self.offset is None else last + self.offset
        value, r = kernel((self.y, z), params)
        if self.weight is not None:
            value, r = self.weight * value, self.weight * r
        edge = float(r @ (self.y - z)) if self.edge else 0.0
        return Swept(float(value.sum()), float(r.sum()), pulled(self.X, r), 0.0, edge)


def covers(X: Any) -> bool:
    """Is X of this kind?"""
    return passes.covers(X) and scattered(X)


def times(X: NDArray[Any], coef: Array) -> Array:
    """X coef, (n,), by slabs of columns; only of columns in use where they are few."""
    live = np.flatnonzero(coef)
    if len(live) < FEW * len(coef):
        X, coef = X.T[live].T, coef[live]
    width = columns_of(X)
    slabs = [slice(a, a + width) for a in range(0, len(coef), width)]
    return reduce(np.add, in_order(lambda s: X[:, s] @ coef[s], slabs), np.zeros(len(X)))


def pulled(X: NDArray[Any], r: Array) -> Array:
    """Xᵀ r, (p,), by slabs of columns."""
    out = np.empty(X.shape[1])

    def work(a: int, b: int) -> None:
        out[a:b] = X[:, a:b].T @ r

    run_chunks(work, 0, len(out), columns_of(X))
    return out
