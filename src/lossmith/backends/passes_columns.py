"""Sums of x − shift and of its square for each column of a dense X, in one pass: where it lies and how wide it is.

    void moments(i64 chunk, ptr job, ptr out)

`out` takes the sums over a chunk of rows, then the sums of squares, each padded to whole LANES.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lossmith import cache
from lossmith.backends import llvm
from lossmith.backends.llvm_print import Target
from lossmith.backends.llvm_values import Value
from lossmith.backends.passes import NEAR, SHORTEST, SWEEP, TYPES, fill, padded, printer
from lossmith.backends.passes_block import LANES
from lossmith.backends.passes_dense import fetch, heads
from lossmith.backends.passes_text import Code, Module, cells, load, splat, store, totals
from lossmith.backends.threads import run_chunks

Array = NDArray[np.float64]
PIECE = 1 << 20
"""The fewest bytes of X that are worth a turn of a thread."""
TURNS = 64
"""The most chunks of a pass."""

AHEAD = 16
"""Rows that are asked for before they are needed."""

FIELDS = {
    "all": "ptr",  # the first cell
    "stride": "i64",  # cells from one line to the next
    "byrow": "i64",  # 1: the lines are rows, 0: columns
    "n": "i64",
    "p": "i64",
    "chunk": "i64",  # rows of a chunk
    "shift": "ptr",  # of each column, zeros to a multiple of LANES
}
"""What a pass is told, in the order in which it lies in memory, eight bytes each."""


class Job(ctypes.Structure):
    """What a pass is told."""

    _fields_ = [(name, TYPES[kind]) for name, kind in FIELDS.items()]


def print_moments(target: Target) -> str:
    """The text of the module."""
    module = Module(target)
    code = Code(module, "define void @moments(i64 %turn, ptr %job, ptr %out)")
    code.told(FIELDS)
    more = code.let("more", f"add i64 %p, {LANES - 1}")
    code.do(f"%padded = and i64 {more}, -{LANES}")
    code.do("%squares = getelementptr double, ptr %out, i64 %padded")
    code.do("%flat = icmp ne i64 %byrow, 0")
    both = code.let("both", "shl i64 %padded, 1")
    code.each("k", 0, both, 1, lambda k: code.do(f"store double 0.0, ptr {code.at('%out', k)}"))
    code.do("%first = mul i64 %turn, %chunk")
    code.do(f"%rows = sub i64 {code.least(code.let('stop', 'add i64 %first, %chunk'), '%n')}, %first")
    skip = code.let("skip", "mul i64 %first, %stride")
    cell = code.let("cell", f"select i1 %flat, i64 {skip}, i64 %first")
    code.do(f"%x = getelementptr {target.element}, ptr %all, i64 {cell}")
    code.when("%flat", lambda: _by_row(code), lambda: _by_column(code))
    code.done()
    return module.text((__doc__ or "").split("\n\n")[0], [])


def _by_row(code: Code) -> None:
    """Eight rows at once, then one at a time."""
    span, element = code.span("%p"), code.module.target.element
    code.do(f"%ahead = mul i64 %stride, {AHEAD * code.module.target.bytes}")

    def group(count: int) -> Callable[[str], None]:
        def lines(line: str) -> None:
            first = heads(code, line, code.let("last", "sub i64 %rows, 1"), count)

            def step(j: str, _: Sequence[str], mask: str | None) -> Sequence[str]:
                places, at = (
                    [code.at(head, j, element) for head in first],
                    [code.at(a, j) for a in ("%out", "%squares")],
                )
                fetch(code, places)
                e = code.vectors("moment")
                shift, one, two = load(e, code.at("%shift", j)), load(e, at[0]), load(e, at[1])
                for place in places:
                    d = cells(code, e, place, mask) - shift
                    one, two = one + d, e.fma(d, d, two)
                store(code, one, at[0])
                store(code, two, at[1])
                return ()

            code.along(span, (), step)

        return lines

    whole = code.let("whole", "and i64 %rows, -8")
    code.each("line", 0, whole, 8, group(8))
    code.each("line", whole, "%rows", 1, group(1))


def _by_column(code: Code) -> None:
    """A vector's worth of columns at once; past the end, the last column again."""
    span, last, width = code.span("%rows"), code.let("last", "sub i64 %p, 1"), code.width

    def columns(line: str) -> None:
        first = heads(code, line, last, width)
        at = [code.least(code.let("column", f"add i64 {line}, {k}"), last) for k in range(width)]
        numbers = [code.read("double", "%shift", k, "shift") for k in at]
        e = code.vectors("shift")
        shifts = [splat(code, e, number).text[1:] for number in numbers]

        def step(j: str, sums: Sequence[str], mask: str | None) -> Sequence[str]:
            places = [code.at(head, j, code.module.target.element) for head in first]
            e = code.vectors("moment")
            ones, twos = [], []
            for k, place in enumerate(places):
                d = cells(code, e, place, mask) - e.named(shifts[k], varies=True)
                d = d if mask is None else Value(e, "truth", mask, varies=True).where(d, 0.0)
                ones.append((e.named(sums[k][1:], varies=True) + d).text)
                twos.append(e.fma(d, d, e.named(sums[width + k][1:], varies=True)).text)
            return [*ones, *twos]

        sums = code.along(span, ["zeroinitializer"] * (2 * width), step)
        e = code.vectors("sum")
        for array, some in (("%out", sums[:width]), ("%squares", sums[width:])):
            store(code, totals(e, [e.named(s[1:], varies=True) for s in some]), code.at(array, line))

    code.each("line", 0, "%p", width, columns)


def moments(X: NDArray[Any], shift: Array) -> tuple[Array, Array]:
    """Σ (x − shift) and Σ (x − shift)² over the rows of an X that `passes.covers`, each (p,).

    Rows are divided among threads, but where they are so long that a few would fill the caches, columns.
    """
    if not scattered(X):
        return _moments(X, shift)
    room = np.empty((2, X.shape[1]))

    def work(a: int, b: int) -> None:
        room[0, a:b], room[1, a:b] = _moments(X[:, a:b], shift[a:b])

    run_chunks(work, 0, X.shape[1], columns_of(X))
    return room[0], room[1]


def scattered(X: NDArray[Any]) -> bool:
    """Do the cells of a row lie so far apart, and are they so many, that no block of rows stays in the caches?"""
    return bool(X.strides[1] != X.itemsize) and NEAR[False] < SHORTEST * X.shape[1] * X.itemsize


def columns_of(X: NDArray[Any]) -> int:
    """How many columns are worth a turn of a thread."""
    return max(int(PIECE // (X.shape[0] * X.itemsize)), LANES)


def _moments(X: NDArray[Any], shift: Array) -> tuple[Array, Array]:
    """The same by chunks of rows."""
    n, p = X.shape
    by_row, held = X.strides[1] == X.itemsize, fill(shift, (), p)
    chunk = max(-(-n // TURNS), -(-PIECE // (p * X.itemsize)))
    line = X.strides[0] if by_row else X.strides[1]
    job = Job(llvm.address(X), line // X.itemsize, int(by_row), n, p, chunk, llvm.address(held))
    room = np.empty((-(-n // chunk), 2, padded(p)))
    code, place = compiled(X.dtype), ctypes.addressof(job)
    run_chunks(lambda i, _: code.moments(i, place, llvm.address(room[i])), 0, len(room), 1)
    total = room.sum(axis=0)
    return total[0, :p], total[1, :p]


class Compiled(NamedTuple):
    """The entry of the module, and the engine that must live as long."""

    moments: Callable[[int, int, int], None]
    engine: Any


@functools.cache
def compiled(dtype: Any) -> Compiled:
    """The pass over an X of float32 or float64, compiled for this machine."""
    target = llvm.target_of(np.float64)._replace(element=llvm.ELEMENTS[np.dtype(dtype)])
    key = cache.key("columns", target, *llvm.host(), printer())
    code = cache.data("o", key, lambda: llvm.compile_text(print_moments(target)))
    engine, (entry,) = llvm.link(code, ("moments",))
    return Compiled(SWEEP(entry), engine)
