"""One pass over a sparse X in memory (CSR): value, gradient, and the diagonal of the Hessian, for any compiled loss."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lossmith import cache
from lossmith.backends import llvm
from lossmith.backends.passes import SWEEP, TYPES, Frame, Swept, fill, padded, printer, summed
from lossmith.backends.passes_block import LANES, MOST
from lossmith.backends.passes_csr import FIELDS, print_csr
from lossmith.backends.threads import run_chunks
from lossmith.errors import UnsupportedError

Array = NDArray[np.float64]
INDICES: Mapping[Any, str] = {np.dtype(np.int32): "i32", np.dtype(np.int64): "i64"}
NEAR = 1 << 12
"""Cells of a block: they stay in the caches between their two uses."""
PIECE = 1 << 16
"""The fewest cells that are worth a turn of a thread."""
TURNS = 8
"""The most chunks of a pass; each has sums for all columns."""


class Job(ctypes.Structure):
    """What a pass is told."""

    _fields_ = [(name, TYPES[kind]) for name, kind in FIELDS.items()]


@dataclass(frozen=True, slots=True, eq=False)
class SparseTable:
    """A CSR matrix X (n, p) of float32 or float64; y, weight and offset are contiguous float64 (n,).

    With `edge`, Σ w r (y − z) is summed too.
    """

    X: Any
    y: Array
    weight: Array | None = None
    offset: Array | None = None
    edge: bool = False

    curves: ClassVar[bool] = False
    bends: ClassVar[bool] = True
    """A pass gives no Hessian, only its diagonal."""

    def swept(
        self, kernel: llvm.LlvmKernel, params: Sequence[float], coef: Array, last: float, frame: Frame | None = None
    ) -> Swept:
        """Sums over the rows at z = X coef + last + offset, by a kernel of value and gradient."""
        if frame is not None:
            raise UnsupportedError("a pass over a sparse X gives no Hessian; ask for its diagonal")
        return sweep(self, kernel, params, coef, last, bent=False).sums

    def squares(self, kernel: llvm.LlvmKernel, params: Sequence[float], coef: Array, last: float) -> Bent:
        """The same, and Σ w h x² of each column, by a kernel of value, gradient and curvature.

        X must hold no cell twice.
        """
        return sweep(self, kernel, params, coef, last, bent=True)


class Bent(NamedTuple):
    """Sums over rows, and Σ w h x² of each column (p,) where a curvature was asked for."""

    sums: Swept
    squares: Array | None


def covers(X: Any) -> bool:
    """Is X a CSR matrix of a kind that can be walked?"""
    if getattr(X, "format", "") != "csr" or 0 in X.shape or X.dtype not in llvm.ELEMENTS:
        return False
    return X.indices.dtype in INDICES and X.indptr.dtype == X.indices.dtype


def sweep(
    table: SparseTable, kernel: llvm.LlvmKernel, params: Sequence[float], coef: Array, last: float, *, bent: bool
) -> Bent:
    """Sums over the rows at z = X coef + last + offset; with `bent`, for a kernel that gives a curvature too."""
    X = table.X
    n, p = X.shape
    rows = int(min(max(NEAR * n // max(X.nnz, 1), 8), MOST))
    starts = np.arange(0, n, rows, dtype=np.int64)
    chunk = _chunk(len(starts), X.nnz, p)
    kept = (fill(coef, (), p), np.array([*params, 0.0]), starts)
    job = _job(table, kernel.entry, float(last), kept, (rows, chunk))
    room = np.empty((-(-len(starts) // chunk), padded(p) * (1 + bent) + LANES))
    code = passes(X.dtype, X.indices.dtype)
    entry, place = code.bent if bent else code.sparse, ctypes.addressof(job)
    run_chunks(lambda i, _: entry(i, place, llvm.address(room[i])), 0, len(room), 1)
    return _bent(room.sum(axis=0), p, bent)


def _bent(total: Array, p: int, bent: bool) -> Bent:
    return Bent(summed(total, p), total[padded(p) + LANES :][:p] if bent else None)


def _chunk(blocks: int, cells: int, p: int) -> int:
    """Blocks of a chunk: few enough chunks that clearing and adding their sums costs little beside the cells."""
    turns = max(1, min(TURNS, cells // (8 * p), cells // PIECE))
    return -(-blocks // turns)


def _job(
    table: SparseTable, kernel: int, last: float, kept: tuple[Array, Array, NDArray[np.int64]], size: tuple[int, int]
) -> Job:
    X, (coef, params, starts) = table.X, kept
    return Job(
        n=X.shape[0],
        p=X.shape[1],
        starts=llvm.address(starts),
        block=size[0],
        blocks=len(starts),
        chunk=size[1],
        w=llvm.address(coef),
        last=last,
        offset=0 if table.offset is None else llvm.address(table.offset),
        y=llvm.address(table.y),
        weight=0 if table.weight is None else llvm.address(table.weight),
        kernel=kernel,
        params=llvm.address(params),
        extra=0 if table.edge else -1,
        x=llvm.address(X.data),
        column=llvm.address(X.indices),
        **{"from": llvm.address(X.indptr)},
    )


class Compiled(NamedTuple):
    """The entries of a module, and the engine that must live as long as they."""

    sparse: Callable[[int, int, int], None]
    bent: Callable[[int, int, int], None]
    engine: Any


@functools.cache
def passes(dtype: Any, index: Any) -> Compiled:
    """The passes over cells of float32 or float64 numbered by int32 or int64, compiled for this machine."""
    target = llvm.target_of(np.float64)._replace(element=llvm.ELEMENTS[np.dtype(dtype)])
    key = cache.key("csr", target, INDICES[index], *llvm.host(), printer())
    code = cache.data("o", key, lambda: llvm.compile_text(print_csr(target, INDICES[index])))
    engine, (first, second) = llvm.link(code, ("sparse", "bent"))
    return Compiled(SWEEP(first), SWEEP(second), engine)
