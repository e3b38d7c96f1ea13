"""One pass over a dense X in memory: value, gradient and Hessian of a linear model under any compiled loss.

The code is printed by `passes_dense.py`, once for all losses; it is compiled on first use and kept in the user's cache.
Rows are divided into chunks by their number alone, each chunk's sums are kept, and they are added in the order of the
chunks: a result has the same bits whatever the number of threads.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lossmith import cache
from lossmith.backends import llvm, passes_single
from lossmith.backends.passes_block import LANES, LONGEST, MOST, SUMS
from lossmith.backends.passes_dense import FIELDS, print_module
from lossmith.backends.threads import run_chunks

Array = NDArray[np.float64]
NEAR = {True: 16 << 10, False: 2 << 20}
"""Bytes of X in a block: with rows as lines little, to stay near; with columns as lines more, for lines to be long."""
SHORTEST = 64
"""The fewest rows of a block with columns as lines."""
DEEP = 128
"""Rows of a block that a Hessian is added from: packed, 4 strips of them stay in the first-level cache."""
PIECE = 1 << 20
"""The fewest bytes of X that are worth a turn of a thread."""
TURNS = 64
"""The most chunks of a pass."""
LONG = 1 << 10
"""The fewest rows that are worth a chunk with a Hessian of its own, which must be cleared and added."""
SQUARES = 1 << 26
"""Bytes that the sums of a Hessian may take, all chunks together."""

TYPES: Mapping[str, Any] = {"ptr": ctypes.c_void_p, "i64": ctypes.c_int64, "double": ctypes.c_double}
SWEEP = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)
CURVE = ctypes.CFUNCTYPE(None, ctypes.c_int64, *[ctypes.c_void_p] * 4)


class Job(ctypes.Structure):
    """What a pass is told."""

    _fields_ = [(name, TYPES[kind]) for name, kind in FIELDS.items()]


class Frame(NamedTuple):
    """Coordinates for a Hessian: (x − centre)·factor of each column, and 1 for an intercept."""

    centre: Array
    factor: Array
    intercept: bool


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """X with the rows to be walked: all of them, or runs of `run` rows that begin at `starts`.

    X (n, p) has cells of float32 or float64 next to each other in a row or in a column; y, weight and offset are
    contiguous float64 (n,). With `edge`, y − z is one more coordinate, the last of the Hessian.
    """

    X: NDArray[Any]
    y: Array
    weight: Array | None = None
    offset: Array | None = None
    edge: bool = False
    starts: NDArray[np.int64] | None = None
    run: int = 64
    rough: bool = False
    """Need a Hessian have no more than the digits of single precision?"""

    curves: ClassVar[bool] = True
    """A pass can give a Hessian."""
    bends: ClassVar[bool] = False
    """A pass can give the diagonal of one alone."""

    def swept(
        self, kernel: llvm.LlvmKernel, params: Sequence[float], coef: Array, last: float, frame: Frame | None = None
    ) -> Swept:
        """Sums over the rows at z = X coef + last + offset, with a Hessian where a frame is given.

        The kernel takes (y, z) and gives value and gradient, and a curvature for the Hessian.
        """
        return sweep(self, kernel, params, coef, last, frame)

    @property
    def by_row(self) -> bool:
        """Do the cells of a row lie side by side?"""
        return self.X.strides[1] == self.X.itemsize

    def blocks(self, curved: bool) -> tuple[NDArray[np.int64], int]:
        """The first row of each block, and how many rows a block has."""
        if self.starts is not None:
            return self.starts, self.run
        n, p = self.X.shape
        fit = NEAR[self.by_row] // (p * self.X.itemsize) // 16 * 16
        least, most = (16, MOST) if self.by_row else (SHORTEST, LONGEST)
        rows = DEEP if curved else min(max(fit, least), most)
        return np.arange(0, n, rows, dtype=np.int64), rows


class Swept(NamedTuple):
    """Sums over rows: w ℓ, w r, w r x (p,), w h and w r (y − z), and w h x xᵀ in the coordinates of a frame."""

    value: float
    slope: float
    pull: Array
    bend: float
    edge: float
    hessian: Array | None = None


def covers(X: Any) -> bool:
    """Can X be walked where it lies?"""
    if not isinstance(X, np.ndarray) or X.dtype not in llvm.ELEMENTS or 0 in X.shape:
        return False
    unit = [s == X.itemsize for s in X.strides]
    return X.dtype.isnative and any(unit) and all(s % X.itemsize == 0 and s > 0 for s in X.strides)


def sweep(
    table: Table,
    kernel: llvm.LlvmKernel,
    params: Sequence[float],
    coef: Array,
    last: float,
    frame: Frame | None = None,
) -> Swept:
    """Sums over the rows at z = X coef + last + offset, with a Hessian where a frame is given.

    The kernel takes (y, z) and gives value and gradient, and a curvature for the Hessian.
    """
    X, starts = table.X, table.blocks(frame is not None)
    held = _Held(table, starts, coef, params, frame)
    size = len(frame.factor) + frame.intercept + table.edge if frame else 0
    chunk = _chunk(starts, X.shape[1] * X.itemsize, size)
    job = held.job(kernel.entry, float(last), chunk)
    count = -(-len(starts[0]) // chunk)
    code = guesses(X.dtype) if frame is not None and table.rough else passes(X.dtype)
    room = np.empty((count, padded(X.shape[1]) + LANES))
    place = ctypes.addressof(job)
    if frame is None:
        run_chunks(lambda i, _: code.sweep(i, place, llvm.address(room[i])), 0, count, 1)
        return summed(room.sum(axis=0), X.shape[1])
    kept = Squares(held.strips, llvm.lanes(llvm.host()[1]))
    deep = passes_single.depth(starts[1]) if table.rough else starts[1]
    packing = (2 * deep * held.strips * kept.width,), np.dtype(np.float32 if table.rough else np.float64)

    def work(i: int, _: int) -> None:
        tiles, packed = kept.zeros(), llvm.room(*packing)
        code.curve(i, place, llvm.address(room[i]), llvm.address(tiles), llvm.address(packed))
        kept.put(i, tiles)

    run_chunks(work, 0, count, 1)
    return summed(room.sum(axis=0), X.shape[1], kept.matrix(size))


def summed(sums: Array, p: int, hessian: Array | None = None) -> Swept:
    """The sums that lie behind those of the columns, by name."""
    named = dict(zip(SUMS, sums[padded(p) : padded(p) + len(SUMS)].tolist(), strict=True))
    return Swept(**named, pull=sums[:p], hessian=hessian)


def padded(p: int) -> int:
    """A number of columns, rounded up to whole LANES."""
    return -(-p // LANES) * LANES


def _chunk(blocks: tuple[NDArray[np.int64], int], width: int, size: int) -> int:
    """Blocks of a chunk; it depends on the shape of X alone, so that sums do not depend on threads."""
    count, rows = len(blocks[0]), blocks[1]
    turns = TURNS
    if size:
        turns = min(max(SQUARES // (8 * size * size), 4), max(count * rows // LONG, 2), TURNS // 2)
    return max(-(-count // turns), -(-PIECE // (rows * width)))


class _Held:
    """Arrays that must live as long as a job points to them."""

    def __init__(
        self,
        table: Table,
        blocks: tuple[NDArray[np.int64], int],
        coef: Array,
        params: Sequence[float],
        frame: Frame | None,
    ) -> None:
        self.table, self.blocks, self.frame = table, blocks, frame
        self.coef = fill(coef, (), len(coef))
        self.params = np.array([*params, 0.0])
        width = llvm.lanes(llvm.host()[1])
        self.strips = -(-(len(frame.factor) + frame.intercept + table.edge) // width) if frame else 0
        self.strips += self.strips % 2 if table.rough else 0
        one = [1.0] if frame and frame.intercept else []
        self.centre = fill(frame.centre, [-v for v in one], self.strips * width) if frame else self.params
        self.factor = fill(frame.factor, one, self.strips * width) if frame else self.params

    def job(self, kernel: int, last: float, chunk: int) -> Job:
        """The job that points to the arrays."""
        table, (starts, rows), frame, X = self.table, self.blocks, self.frame, self.table.X
        line = X.strides[0] if table.by_row else X.strides[1]
        return Job(
            x=llvm.address(X),
            stride=line // X.itemsize,
            byrow=int(table.by_row),
            n=X.shape[0],
            p=X.shape[1],
            starts=llvm.address(starts),
            block=rows,
            blocks=len(starts),
            chunk=chunk,
            w=llvm.address(self.coef),
            last=last,
            offset=0 if table.offset is None else llvm.address(table.offset),
            y=llvm.address(table.y),
            weight=0 if table.weight is None else llvm.address(table.weight),
            kernel=kernel,
            params=llvm.address(self.params),
            centre=llvm.address(self.centre),
            factor=llvm.address(self.factor),
            strips=self.strips,
            extra=X.shape[1] + (frame.intercept if frame else 0) if table.edge else -1,
        )


def fill(values: Array, more: Sequence[float], size: int) -> Array:
    """The values and a few more, then zeros to a whole number of LANES."""
    out = np.zeros(padded(max(size, len(values) + len(more))))
    out[: len(values)] = values
    out[len(values) : len(values) + len(more)] = more
    return out


class Squares:
    """The sum of the chunks' tiles, added in the order of the chunks whatever order they come in."""

    def __init__(self, strips: int, width: int) -> None:
        self.shape, self.width = (strips, strips * width, width), width
        self.waiting: dict[int, NDArray[Any]] = {}
        self.total, self.turn, self.lock = np.zeros(self.shape), 0, threading.Lock()

    def zeros(self) -> NDArray[Any]:
        """Tiles to add to."""
        return np.zeros(self.shape)

    def put(self, turn: int, tiles: NDArray[Any]) -> None:
        """Take a chunk's tiles."""
        with self.lock:
            self.waiting[turn] = tiles
            while self.turn in self.waiting:
                self.total += self.waiting.pop(self.turn)
                self.turn += 1

    def matrix(self, size: int) -> Array:
        """The whole symmetric matrix."""
        side = self.shape[1]
        square = np.ascontiguousarray(self.total.transpose(1, 0, 2).reshape(side, side)[:size, :size])
        for a in range(0, size, 64):  # by blocks: a transposed matrix is slow to read whole
            corner = square[a : a + 64, a : a + 64]
            corner[...] = np.triu(corner) + np.triu(corner, 1).T
            square[a + 64 :, a : a + 64] = square[a : a + 64, a + 64 :].T
        return square


class Compiled(NamedTuple):
    """The entries of a module, and the engine that must live as long as they."""

    sweep: Callable[[int, int, int], None]
    curve: Callable[[int, int, int, int, int], None]
    engine: Any


@functools.cache
def passes(dtype: Any) -> Compiled:
    """The passes over an X of float32 or float64, compiled for this machine."""
    target = llvm.target_of(np.float64)._replace(element=llvm.ELEMENTS[np.dtype(dtype)])
    key = cache.key("passes", target, *llvm.host(), printer())
    code = cache.data("o", key, lambda: llvm.compile_text(print_module(target)))
    engine, (first, second) = llvm.link(code, ("sweep", "curve"))
    return Compiled(SWEEP(first), CURVE(second), engine)


@functools.cache
def guesses(dtype: Any) -> Compiled:
    """The same with Hessians in single precision."""
    target = llvm.target_of(np.float64)._replace(element=llvm.ELEMENTS[np.dtype(dtype)])
    key = cache.key("guesses", target, *llvm.host(), printer())
    code = cache.data("o", key, lambda: llvm.compile_text(passes_single.print_module(target)))
    engine, (entry,) = llvm.link(code, ("guess",))
    return Compiled(passes(dtype).sweep, CURVE(entry), engine)


@functools.cache
def printer() -> str:
    """A hash of the code that prints passes, so that none outlives a change of it."""
    files = [*sorted(Path(__file__).parent.glob("passes*.py")), Path(__file__).parent / "llvm_values.py"]
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()
