"""Stochastic gradient descent over a dense X in rows, compiled: one small step for each batch, for any compiled loss.

    void epoch(i64 from, i64 to, ptr job)          the batches from `from` to `to` (exclusive), in their order

A batch's rows are brought into standardised coordinates a = (x − centre)·factor (an intercept is a column of ones), the
loss is asked at z = a·w + offset, and w moves to soft(w − rate·g, rate·l1) / (1 + rate·l2) with g = Σ share·w r a.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lossmith import cache
from lossmith.backends import llvm
from lossmith.backends.llvm_core import absolute, with_sign
from lossmith.backends.llvm_print import Target
from lossmith.backends.passes import TYPES, Frame, Table, fill, padded, printer
from lossmith.backends.passes_block import LANES, MOST
from lossmith.backends.passes_text import Code, Module, cells, load, splat, store

Array = NDArray[np.float64]

AHEAD = 4
"""Rows between the one that is walked and the one that is fetched: no hardware guesses the order of a shuffle."""

FIELDS = {
    "x": "ptr",
    "stride": "i64",  # cells from one row to the next
    "p": "i64",
    "size": "i64",  # coordinates, rounded up to whole LANES
    "order": "ptr",  # the rows of all batches, one after another
    "count": "i64",
    "batch": "i64",
    "y": "ptr",
    "weight": "ptr",  # or null
    "offset": "ptr",  # or null
    "centre": "ptr",
    "factor": "ptr",
    "w": "ptr",
    "mean": "ptr",  # the mean of all iterates, or null
    "shares": "ptr",  # how far the mean moves to the iterate, batch by batch
    "rates": "ptr",  # the learning rate, batch by batch
    "l1": "ptr",
    "l2": "ptr",
    "unit": "double",  # one over the mean weight of a row
    "kernel": "ptr",
    "params": "ptr",
    "scratch": "ptr",  # a batch in standardised coordinates
}
"""What an epoch is told, in the order in which it lies in memory, eight bytes each."""

ENTRY = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)


class Job(ctypes.Structure):
    """What an epoch is told."""

    _fields_ = [(name, TYPES[kind]) for name, kind in FIELDS.items()]


class Walk(NamedTuple):
    """An epoch: rows (count,) in their order, the rows of a batch, and per batch the rate and the mean's share."""

    rows: NDArray[np.int64]
    batch: int
    rates: Array
    shares: Array | None


def covers(table: Any, batch: int) -> bool:
    """Does X lie in rows, and is a batch small enough for the stack?"""
    return isinstance(table, Table) and table.by_row and table.starts is None and batch <= MOST


def descend(
    table: Table,
    kernel: llvm.LlvmKernel,
    params: Sequence[float],
    frame: Frame,
    penalty: tuple[Array, Array],
    unit: float,
    point: tuple[Array, Array],
    walk: Walk,
) -> tuple[Array, Array]:
    """(w, mean) after a walk's batches from `point`, in the coordinates of a frame; `penalty` is (l1, l2) there."""
    X, size = table.X, len(point[0])
    room = padded(size)
    one = [1.0] if frame.intercept else []
    centre, factor = fill(frame.centre, [-v for v in one], room), fill(frame.factor, one, room)
    w, mean, l1, l2 = (fill(v, (), room) for v in (*point, *penalty))
    numbers, scratch = np.array([*params, 0.0]), llvm.room((walk.batch * room,), np.dtype(np.float64))
    rows, rates = np.ascontiguousarray(walk.rows, np.int64), np.ascontiguousarray(walk.rates)
    shares = None if walk.shares is None else np.ascontiguousarray(walk.shares)
    held = {"order": rows, "y": table.y, "weight": table.weight, "offset": table.offset, "centre": centre,
            "factor": factor, "w": w, "mean": None if shares is None else mean, "shares": shares, "rates": rates,
            "l1": l1, "l2": l2, "params": numbers, "scratch": scratch}  # fmt: skip
    places = {name: 0 if array is None else llvm.address(array) for name, array in held.items()}
    job = Job(
        x=llvm.address(X), stride=X.strides[0] // X.itemsize, p=X.shape[1], size=room, count=len(rows),
        batch=walk.batch, unit=unit, kernel=kernel.entry, **places,
    )  # fmt: skip
    _, entry = compiled(Epoch, X.dtype)
    entry(0, -(-len(rows) // walk.batch), ctypes.addressof(job))
    return w[:size], w[:size] if shares is None else mean[:size]


@functools.cache
def compiled(epoch: type[Epoch], dtype: Any) -> tuple[Any, Any]:
    """(engine, function) of a kind of epoch, for an X of float32 or float64."""
    target = llvm.target_of(np.float64)._replace(element=llvm.ELEMENTS[np.dtype(dtype)])
    key = cache.key(epoch.name, target, *llvm.host(), printer())
    code = cache.data("o", key, lambda: llvm.compile_text(source(epoch, target)))
    engine, (address,) = llvm.link(code, (epoch.name,))
    return engine, ENTRY(address)


def source(epoch: type[Epoch], target: Target) -> str:
    """The LLVM IR for one element of X and one width."""
    module = Module(target)
    epoch(module).print()
    return module.text((sys.modules[epoch.__module__].__doc__ or "").split("\n\n")[0], [])


class Epoch:
    """Prints the function."""

    OWN = ("y", "z", "value", "r")
    name: ClassVar[str] = "epoch"
    fields: ClassVar[Mapping[str, str]] = FIELDS

    def __init__(self, module: Module) -> None:
        self.code = Code(module, f"define void @{self.name}(i64 %from, i64 %to, ptr %job)")

    def print(self) -> None:
        """The whole function."""
        code = self.code
        code.told(self.fields)
        code.do("%table = alloca [4 x ptr], align 64")
        for i, name in enumerate(self.OWN):
            code.do(f"%own.{name} = alloca [{MOST + LANES} x double], align 64")
            code.do(f"store ptr %own.{name}, ptr {code.at('%table', i, 'ptr')}")
        code.do(f"%whole = and i64 %p, -{code.width}")
        code.do("%latest = sub i64 %count, 1")
        code.each("k", "%from", "%to", 1, self.batch)
        code.done()

    def batch(self, k: str) -> None:
        """One step."""
        code = self.code
        first = code.let("first", f"mul i64 {k}, %batch")
        rows = code.least("%batch", code.let("left", f"sub i64 %count, {first}"))
        code.each("i", 0, rows, 1, lambda i: self.row(first, i))
        code.do(f"call void %kernel(i64 0, i64 {rows}, ptr %table, ptr %params)")
        number = code.let("number", f"sitofp i64 {rows} to double")
        share = code.let("share", f"fdiv double %unit, {number}")
        code.each("i", 0, rows, 1, lambda i: self.weigh(first, i, share))
        rate = code.read("double", "%rates", k, "rate")
        code.each("j", 0, "%size", code.width, lambda j: self.move(j, rows, rate))
        code.when(code.given("%mean"), lambda: self.average(k))

    def row(self, first: str, i: str) -> None:
        """A row in standardised coordinates, and its z."""
        code = self.code
        place = code.let("place", f"add i64 {first}, {i}")
        row, later = code.read("i64", "%order", place, "row"), self.later(place)
        cell = code.at("%x", code.let("start", f"mul i64 {row}, %stride"), code.module.target.element)
        mine = code.at("%scratch", code.let("start", f"mul i64 {i}, %size"))
        fetch = code.module.declare("void", "llvm.prefetch.p0", "ptr", "i32", "i32", "i32")

        def part(j: str, sums: Sequence[str], mask: str | None) -> list[str]:
            e = code.vectors("row")
            x = cells(code, e, code.at(cell, j, code.module.target.element), mask)
            code.do(f"call void {fetch}(ptr {code.at(later, j, code.module.target.element)}, i32 0, i32 3, i32 1)")
            a = (x - load(e, code.at("%centre", j))) * load(e, code.at("%factor", j))
            store(code, a, code.at(mine, j))
            return [e.fma(a, load(e, code.at("%w", j)), e.named(sums[0][1:], varies=True)).text]

        def tail(j: str, sums: Sequence[str]) -> list[str]:
            return part(j, sums, code.mask(code.let("rest", f"sub i64 %p, {j}")))

        width = code.width
        sums = code.loop("j", 0, "%whole", width, ["zeroinitializer"], lambda j, c: part(j, c, None), "%reals")
        (total,) = code.loop("j", "%whole", "%size", width, sums, tail, "%reals")
        name = code.module.declare("double", f"llvm.vector.reduce.fadd.v{width}f64", "double", "%reals")
        begin = self.optional("%offset", row, "0.0")
        z = code.let("z", f"call reassoc double {name}(double {begin}, %reals {total})")
        code.do(f"store double {z}, ptr {code.at('%own.z', i)}")
        code.do(f"store double {code.read('double', '%y', row)}, ptr {code.at('%own.y', i)}")

    def later(self, place: str) -> str:
        """The first cell of a row that comes a few rows later, to be fetched."""
        code = self.code
        ahead = code.least(code.let("ahead", f"add i64 {place}, {AHEAD}"), "%latest")
        row = code.read("i64", "%order", ahead, "row")
        return code.at("%x", code.let("start", f"mul i64 {row}, %stride"), code.module.target.element)

    def optional(self, array: str, index: str, instead: str) -> str:
        """An element of an array that may be null."""
        code = self.code
        code.do(f"store double {instead}, ptr %own.value")
        at = code.at(array, index)
        there = code.let("there", f"select i1 {code.given(array)}, ptr {at}, ptr %own.value")
        return code.let("element", f"load double, ptr {there}")

    def weigh(self, first: str, i: str, share: str) -> None:
        """r times its weight and its share of the batch."""
        code = self.code
        row = code.read("i64", "%order", code.let("place", f"add i64 {first}, {i}"), "row")
        weight = self.optional("%weight", row, "1.0")
        part = code.let("part", f"fmul double {weight}, {share}")
        at = code.at("%own.r", i)
        slope = code.let("slope", f"load double, ptr {at}")
        code.do(f"store double {code.let('r', f'fmul double {part}, {slope}')}, ptr {at}")

    def move(self, j: str, rows: str, rate: str) -> None:
        """A vector of coefficients: against the gradient, then to zero by l1, then shrunk by l2."""
        code = self.code

        def add(i: str, sums: Sequence[str]) -> list[str]:
            e = code.vectors("pull")
            mine = code.at("%scratch", code.let("place", f"add i64 {code.let('start', f'mul i64 {i}, %size')}, {j}"))
            r = splat(code, e, code.read("double", "%own.r", i))
            return [e.fma(r, load(e, mine), e.named(sums[0][1:], varies=True)).text]

        (pull,) = code.loop("i", 0, rows, 1, ["zeroinitializer"], add, "%reals")
        e, at = code.vectors("move"), code.at("%w", j)
        step = splat(code, e, rate)
        moved = load(e, at) - step * e.named(pull[1:], varies=True)
        size = absolute(moved) - step * load(e, code.at("%l1", j))
        kept = with_sign((size < 0.0).where(0.0, size), moved)
        store(code, kept / (step * load(e, code.at("%l2", j)) + 1.0), at)

    def average(self, k: str) -> None:
        """The mean, a share nearer to the iterate."""
        code = self.code
        share = code.read("double", "%shares", k, "share")

        def nearer(j: str) -> None:
            e, at = code.vectors("mean"), code.at("%mean", j)
            before = load(e, at)
            store(code, e.fma(splat(code, e, share), load(e, code.at("%w", j)) - before, before), at)

        code.each("j", 0, "%size", code.width, nearer)
