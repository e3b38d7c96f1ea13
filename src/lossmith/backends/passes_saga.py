"""SAGA over a dense X in rows, compiled: one step for each row, against a gradient that remembers all other rows'.

    void saga(i64 from, i64 to, ptr job)           the rows order[from] … order[to − 1], in their order

A row a in standardised coordinates moves w to soft(w − rate·(Δ·a + mean), edge)·shrink, where Δ is how much the row's
slope has changed since it was seen last, and mean the mean gradient of the remembered slopes; it then takes up Δ·a/n.
(Defazio, Bach & Lacoste-Julien 2014, arXiv:1407.0202.)
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from lossmith.backends import llvm
from lossmith.backends.llvm_core import absolute, with_sign
from lossmith.backends.passes import TYPES, Frame, Table, fill, padded
from lossmith.backends.passes_sgd import FIELDS, Epoch, compiled
from lossmith.backends.passes_text import load, splat, store

Array = NDArray[np.float64]

MEMORY = {
    "slopes": "ptr",  # of every row of the table
    "average": "ptr",  # their mean gradient
    "edge": "ptr",  # rate·l1
    "shrink": "ptr",  # 1 / (1 + rate·l2)
    "rate": "double",
    "part": "double",  # one over the number of rows
}
"""What SAGA is told beside what plain descent is told."""


class Job(ctypes.Structure):
    """What an epoch is told."""

    _fields_ = [(name, TYPES[kind]) for name, kind in (FIELDS | MEMORY).items()]


def descend(
    table: Table,
    kernel: llvm.LlvmKernel,
    params: Sequence[float],
    frame: Frame,
    penalty: tuple[Array, Array],
    unit: float,
    point: tuple[Array, Array, Array],
    rows: NDArray[np.int64],
    rate: float,
) -> tuple[Array, Array, Array]:
    """(w, mean, slopes) after one step for each row, from `point`; `penalty` is (l1, l2) in the frame's coordinates."""
    X, (w, mean, slopes), size = table.X, point, len(point[0])
    room, one = padded(size), [1.0] if frame.intercept else []
    moved, average, kept = fill(w, (), room), fill(mean, (), room), slopes.copy()
    held = {
        "order": np.ascontiguousarray(rows, np.int64), "y": table.y, "weight": table.weight, "offset": table.offset,
        "centre": fill(frame.centre, [-v for v in one], room), "factor": fill(frame.factor, one, room),
        "w": moved, "average": average, "slopes": kept,
        "edge": fill(rate * penalty[0], (), room), "shrink": fill(1.0 / (1.0 + rate * penalty[1]), (), room),
        "params": np.array([*params, 0.0]), "scratch": llvm.room((room,), np.dtype(np.float64)),
    }  # fmt: skip
    places = {name: 0 if array is None else llvm.address(array) for name, array in held.items()}
    job = Job(
        x=llvm.address(X), stride=X.strides[0] // X.itemsize, p=X.shape[1], size=room, count=len(rows), batch=1,
        unit=unit, kernel=kernel.entry, rate=rate, part=1.0 / len(rows), **places,
    )  # fmt: skip
    compiled(Saga, X.dtype)[1](0, len(rows), ctypes.addressof(job))
    return moved[:size], average[:size], kept


class Saga(Epoch):
    """Prints the function."""

    name: ClassVar[str] = "saga"
    fields: ClassVar[Mapping[str, str]] = FIELDS | MEMORY

    def batch(self, k: str) -> None:
        """One step: the row, its slope, what has changed in it, and the move."""
        code = self.code
        self.row(k, "0")
        code.do("call void %kernel(i64 0, i64 1, ptr %table, ptr %params)")
        row = code.read("i64", "%order", k, "row")
        weight = code.let("weight", f"fmul double %unit, {self.optional('%weight', row, '1.0')}")
        slope = code.let("slope", f"fmul double {weight}, {code.read('double', '%own.r', 0, 'r')}")
        at = code.at("%slopes", row)
        change = code.let("change", f"fsub double {slope}, {code.let('before', f'load double, ptr {at}')}")
        code.do(f"store double {slope}, ptr {at}")
        share = code.let("share", f"fmul double {change}, %part")
        code.each("j", 0, "%size", code.width, lambda j: self.turn(j, change, share))

    def turn(self, j: str, change: str, share: str) -> None:
        """A vector of coefficients: against the gradient, then to zero by l1, then shrunk by l2."""
        code = self.code
        e, at, mean = code.vectors("turn"), code.at("%w", j), code.at("%average", j)
        a, whole = load(e, code.at("%scratch", j)), load(e, mean)
        moved = load(e, at) - splat(code, e, "%rate") * e.fma(splat(code, e, change), a, whole)
        size = absolute(moved) - load(e, code.at("%edge", j))
        kept = with_sign((size < 0.0).where(0.0, size), moved)
        store(code, kept * load(e, code.at("%shrink", j)), at)
        store(code, e.fma(splat(code, e, share), a, whole), mean)
