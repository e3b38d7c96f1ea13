"""One pass over a dense X for several outputs: value, gradient and Hessian of a loss of K classes, or of K fits.

The code is printed by `passes_outputs.py`; chunks are divided and added as in `passes.py`, so that a result has the
same bits whatever the number of threads.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lossmith import cache
from lossmith.backends import llvm, passes_outputs
from lossmith.backends.llvm_print import Target
from lossmith.backends.llvm_softmax import print_softmax
from lossmith.backends.passes import PIECE, SQUARES, TURNS, TYPES, Frame, Squares, fill, padded, printer
from lossmith.backends.passes_block import LANES, MOST, print_weigh
from lossmith.backends.passes_classes import Classes, print_scale
from lossmith.backends.passes_outputs import FIELDS, Apart
from lossmith.backends.passes_rank import print_pack, print_rank, print_tiles
from lossmith.backends.passes_scores import PITCH, print_pulls, print_scores
from lossmith.backends.passes_text import Module
from lossmith.backends.threads import run_chunks

Array = NDArray[np.float64]
NEAR = 192 << 10
"""Bytes of X in a block: its rows are read once for the scores and once for the gradients."""
BESIDE = 16 << 10
"""Scores in a block: with log p, p and 1 − p they stay beside it."""
FEW = 4
"""Chunks of a pass with a Hessian: each has sums of its own, which must be cleared and added."""
SUMS = ctypes.CFUNCTYPE(None, ctypes.c_int64, *[ctypes.c_void_p] * 3)
BENDS = ctypes.CFUNCTYPE(None, ctypes.c_int64, *[ctypes.c_void_p] * 5)


class Job(ctypes.Structure):
    """What a pass is told."""

    _fields_ = [(name, TYPES[kind]) for name, kind in FIELDS.items()]


class Sums(NamedTuple):
    """Sums over rows: w ℓ of each fit (one, for a loss of K classes), w r of each output (K,), and w x rᵀ (p, K)."""

    value: Array
    slope: Array
    pull: Array
    hessian: Array | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Outputs:
    """X (n, p) with what belongs to its rows; cells lie next to each other in a row, or else in a column.

    `truth` (n + LANES,) is the class of each row, or its fold where there are `outputs` fits of one loss of y; None
    where no fit leaves out any row. y, weight and offset are contiguous float64 (n,).
    """

    X: NDArray[Any]
    outputs: int
    truth: NDArray[np.int64] | None
    y: Array | None = None
    weight: Array | None = None
    offset: Array | None = None

    curves: ClassVar[bool] = True
    """A pass can give a Hessian."""

    def classes(
        self, kernel: Any, params: Sequence[float], coef: Array, last: Array, frame: Frame | None = None
    ) -> Sums:
        """Sums at z = X coef + last + offset, coef (p, K), with a Hessian (mK, mK) where a frame of m is given.

        The kernel takes log p of the true class (and the mean of all) and gives value, d1 (and d_mean_logp, and d2).
        """
        sums = _swept(self, kernel, params, coef, last, frame)
        return sums._replace(value=sums.value[:1])

    def apart(self, kernel: Any, params: Any, coef: Array, last: Array) -> Sums:
        """Sums of K fits at z = X coef + last + offset, coef (p, K); fit k leaves out the rows of fold k.

        The kernel takes (y, z) and gives value and gradient; params are (m,) for all fits, or (K, m).
        """
        return _swept(self, kernel, params, coef, last, None)


def numbered(index: NDArray[Any], count: int) -> NDArray[np.int64] | None:
    """Whole numbers below `count` as the passes read them, or None where some are none."""
    if not ((index >= 0) & (index < count)).all():
        return None
    out = np.zeros(len(index) + LANES, np.int64)
    out[: len(index)] = index
    return out if (out[: len(index)] == index).all() else None


def _swept(table: Outputs, kernel: Any, params: Any, coef: Array, last: Array, frame: Frame | None) -> Sums:
    (n, p), K, line = table.X.shape, table.outputs, padded(table.X.shape[1])
    size = len(frame.factor) + frame.intercept if frame else 0
    fit = min(NEAR // (p * table.X.itemsize), BESIDE // K) // 16 * 16
    rows = MOST if frame else min(max(fit, 16), MOST)
    blocks = -(-n // rows)
    turns = FEW if frame else min(TURNS, max(SQUARES // (8 * K * line), 4))
    chunk = max(-(-blocks // turns), 1 if frame else -(-PIECE // (rows * p * table.X.itemsize)))
    held = _Held(table, kernel, coef, last, params, frame)
    job, count = held.job(kernel.entry, rows, blocks, chunk), -(-blocks // chunk)
    code, room = passes(table.X.dtype), np.empty((count, K * (line + 2)))
    kept = _Pairs(K, held.strips) if frame else None
    double, by_row = np.dtype(np.float64), table.X.strides[1] == table.X.itemsize

    def work(i: int, _: int) -> None:
        scratch = llvm.room((4 * K * PITCH,), double)
        turn, own, _block = (i, job, None) if by_row else held.turned(job, i)
        place = ctypes.addressof(own)
        if kept is None:
            code.sums[table.y is not None](turn, place, llvm.address(room[i]), llvm.address(scratch))
            return
        tiles, packed = kept.zeros(), llvm.room((2 * rows * held.strips * kept.width,), double)
        code.bends(turn, place, *map(llvm.address, (room[i], scratch, tiles, packed)))
        kept.put(i, tiles)

    run_chunks(work, 0, count, 1)
    total = room.sum(axis=0)
    pull, slope, value = total[: K * line].reshape(K, line)[:, :p].T, total[K * line :][:K], total[K * (line + 1) :]
    return Sums(value, slope, np.ascontiguousarray(pull), kept.matrix(size) if kept else None)


class _Held:
    """Arrays that must live as long as a job points to them."""

    def __init__(self, table: Outputs, kernel: Any, coef: Array, last: Array, params: Any, frame: Frame | None) -> None:
        self.table, self.mean = table, int("mean_logp" in kernel.program.inputs)
        self.coef = np.zeros((table.outputs, padded(len(coef))))
        self.coef[:, : len(coef)] = coef.T
        self.last = np.ascontiguousarray(last, np.float64)
        self.each = np.shape(params)[1] if np.ndim(params) == 2 else 0
        self.params = np.append(np.asarray(params, np.float64), 0.0)
        width = llvm.lanes(llvm.host()[1])
        self.strips = -(-(len(frame.factor) + frame.intercept) // width) if frame else 0
        one = [1.0] if frame and frame.intercept else []
        self.centre = fill(frame.centre, [-v for v in one], self.strips * width) if frame else self.params
        self.factor = fill(frame.factor, one, self.strips * width) if frame else self.params

    def job(self, kernel: int, rows: int, blocks: int, chunk: int) -> Job:
        """The job that points to the arrays."""
        table, X = self.table, self.table.X
        arrays = {
            "x": X, "w": self.coef, "last": self.last, "offset": table.offset, "y": table.y, "truth": table.truth,
            "weight": table.weight, "params": self.params, "centre": self.centre, "factor": self.factor,
        }  # fmt: skip
        places = {name: 0 if array is None else llvm.address(array) for name, array in arrays.items()}
        return Job(
            stride=X.strides[0] // X.itemsize, n=X.shape[0], p=X.shape[1], outputs=table.outputs, block=rows,
            blocks=blocks, chunk=chunk, kernel=kernel, each=self.each, mean=self.mean, strips=self.strips, **places,
        )  # fmt: skip

    def turned(self, job: Job, turn: int) -> tuple[int, Job, NDArray[Any]]:
        """A job for one chunk alone, whose cells are copied into rows; and the copy, which must live as long."""
        first = turn * job.chunk * job.block
        block = np.ascontiguousarray(self.table.X[first : first + job.chunk * job.block])
        own, n = Job.from_buffer_copy(job), len(block)
        own.x, own.stride, own.n, own.blocks = llvm.address(block), block.shape[1], n, -(-n // job.block)
        for name in ("offset", "y", "truth", "weight"):
            setattr(own, name, getattr(job, name) and getattr(job, name) + 8 * first)
        return 0, own, block


class _Pairs:
    """The sums of the chunks' tiles for every pair of classes."""

    def __init__(self, outputs: int, strips: int) -> None:
        self.outputs, self.width = outputs, llvm.lanes(llvm.host()[1])
        self.each = [Squares(strips, self.width) for _ in range(outputs * (outputs + 1) // 2)]

    def zeros(self) -> NDArray[Any]:
        """Tiles to add to."""
        return np.zeros((len(self.each), *self.each[0].shape))

    def put(self, turn: int, tiles: NDArray[Any]) -> None:
        """Take a chunk's tiles."""
        for pair, own in zip(self.each, tiles, strict=True):
            pair.put(turn, own)

    def matrix(self, size: int) -> Array:
        """The whole symmetric matrix, the outputs of a coordinate beside each other."""
        K = self.outputs
        out = np.empty((size, K, size, K))
        for (a, b), pair in zip(combinations_with_replacement(range(K), 2), self.each, strict=True):
            out[:, a, :, b] = out[:, b, :, a] = pair.matrix(size)
        return out.reshape(size * K, size * K)


class Compiled(NamedTuple):
    """The entries of a module (of a loss of classes, and of fits apart), and the engine that must live as long."""

    sums: tuple[Any, Any]
    bends: Any
    engine: Any


@functools.cache
def passes(dtype: Any) -> Compiled:
    """The passes over an X of float32 or float64, compiled for this machine."""
    target = llvm.target_of(np.float64)._replace(element=llvm.ELEMENTS[np.dtype(dtype)])
    key = cache.key("outputs", target, *llvm.host(), printer(), llvm.printer())
    code = cache.data("o", key, lambda: llvm.compile_text(print_outputs(target)))
    engine, (first, second, third) = llvm.link(code, ("classes", "apart", "curves"))
    return Compiled((SUMS(first), SUMS(second)), BENDS(third), engine)


def print_outputs(target: Target) -> str:
    """The text of the module for one element of X and one width."""
    module = Module(target)
    for part in (
        print_scores,
        print_pulls,
        print_weigh,
        print_softmax,
        print_tiles,
        print_rank,
        print_pack,
        print_scale,
    ):
        part(module)
    for walk in (Classes(module, False), Classes(module, True), Apart(module)):
        walk.print()
    return module.text((passes_outputs.__doc__ or "").split("\n\n")[0], [])
