"""Every float32 there is: kernels of one argument against the float64 kernel of the same Program, block by block.

The judge's own error is within 4 ulp of float64 (`measure` tests that), some 10⁻⁸ of what is asked here. A result that
is the judge's, rounded, is off by half an ulp at most; only the others are looked at closely.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.accuracy.measure import LIMITS, OUTPUTS
from lossmith.accuracy.points import at_slot, slots
from lossmith.accuracy.ulps import errors, unit
from lossmith.backends import load
from lossmith.loss import Loss
from lossmith.program import Program

Array = NDArray[Any]
EVERY = 2**32
BLOCK = 2**15
"""Numbers at a time: what is computed of them stays in a core's own cache. No block has finite numbers and others."""

COUNT = np.arange(BLOCK, dtype=np.uint32)

ONE_ARGUMENT = ("residual", "margin", "softmax")
"""Lifts whose slot is all that a row is, to most of their losses."""


@dataclass(slots=True)
class Worst:
    """The largest error of one output, in ulp of float32, and the slot where it was met."""

    output: str
    ulps: float = 0.5
    at: float = 0.0
    got: float = 0.0
    true: float = 0.0
    off: int = 0
    """How many results are not the true one, rounded."""

    @property
    def holds(self) -> bool:
        """Does it keep the contract?"""
        return self.ulps <= LIMITS["float32"]

    def __str__(self) -> str:
        where = f" (at {self.at!r}: {self.got!r}, not {self.true!r})" if self.off else ""
        return f"{self.output}: at most {self.ulps:.3g} ulp, {self.off} not rounded rightly{where}"


def one_argument(loss: Loss) -> bool:
    """Is a row of this loss one number, whatever its truth?"""
    slot = {"y", "z", "up", "s"}
    rest = [s for s in loss.program.steps if not set(s.args) <= {"y", "z", 0.0} and s.name not in slot]
    return loss.lift.name in ONE_ARGUMENT and all("y" not in s.args for s in rest)


def judge(program: Program) -> Any:
    """The float64 kernel of a Program; like that of float32 it takes no float32 for too large or too small."""
    from lossmith.backends import llvm
    from lossmith.backends.llvm_print import Printer

    class Judge(Printer):
        @cached_property
        def watched(self) -> Any:
            return tuple(w._replace(sizes=()) for w in super().watched if w.ranges)

    return llvm.LlvmKernel(program, np.float64, text=Judge(program, llvm.target_of(np.float64)).module())


class Everywhere:
    """A loss of one argument under test: `look` at as many of the 2³² numbers as you like."""

    def __init__(self, loss: Loss) -> None:
        self.loss, self.program = loss, loss.program.only(*(o for o in OUTPUTS if o in loss.program.wants))
        self.kernel, self.judge = load(self.program, np.float32, "llvm"), judge(self.program)
        self.worst = {name: Worst(name) for name in self.program.wants}
        self.rows, self.wide = self._room(np.float32), self._room(np.float64)
        self.near, self.differ = np.empty(BLOCK, np.float32), np.empty(BLOCK, bool)

    def _room(self, kind: Any) -> tuple[Array, list[Array], list[Array]]:
        """Where a block is computed, again and again: its slots, the inputs with them, and the outputs."""
        slot = np.empty(BLOCK, kind)
        inputs = [slot if a is slot else np.asarray(a) for a in at_slot(self.loss, slot)]
        return slot, inputs, [np.empty(BLOCK, kind) for _ in self.program.wants]

    def true(self, x: Array) -> dict[str, Array]:
        """Every output at slots, in float64."""
        found = self.judge(list(at_slot(self.loss, x.astype(np.float64))), self.loss.state.params)
        return dict(zip(self.program.wants, found, strict=True))

    @cached_property
    def turns(self) -> dict[str, Array]:
        """Where outputs change their sign, to within a few per cent; a value may also touch 0 where its slope turns."""
        x = np.unique(slots(np.random.default_rng(0), 200_000))
        with np.errstate(all="ignore"):
            places = {name: crossings(x, v) for name, v in self.true(x).items()}
        return places | {"value": np.concatenate([places["value"], places["gradient"]])}

    def look(self, numbers: Iterable[tuple[int, int]], planted: float = 0.0) -> dict[str, Worst]:
        """Look at the numbers with bits in [start, stop), whole blocks; `planted`: a relative error to be found."""
        for start, stop in numbers:
            for at in range(start // BLOCK, -(-stop // BLOCK)):
                self._block(at * BLOCK, planted)
        return self.worst

    def _block(self, start: int, planted: float) -> None:
        x, inputs, got = self.rows
        slot, given, true = self.wide
        np.add(COUNT, np.uint32(start), out=x.view(np.uint32))
        if not np.isfinite(x[0]):
            return
        slot[:] = x
        self.kernel(inputs, self.loss.state.params, got)
        self.judge(given, self.loss.state.params, true)
        with np.errstate(all="ignore"):
            for name, g, t in zip(self.program.wants, got, true, strict=True):
                g = g * np.float32(1 + planted) if planted else g
                np.copyto(self.near, t, casting="same_kind")
                if np.not_equal(g, self.near, out=self.differ).any():
                    rows = np.flatnonzero(self.differ & ~(np.isnan(g) & np.isnan(self.near)))
                    self._closely(name, x[rows], g[rows], t[rows])

    def _closely(self, name: str, x: Array, got: Array, true: Array) -> None:
        """The errors where the result is not the true one, rounded."""
        if not x.size:
            return
        zero = np.zeros(x.size)
        units = unit(true, zero, np.float32)
        off = errors(got, true, zero, units)
        doubtful = np.flatnonzero(off > LIMITS["float32"])
        if doubtful.size:
            units[doubtful] = np.maximum(units[doubtful], self._changes(name, x[doubtful], true[doubtful]))
            off = errors(got, true, zero, units)
        i, worst = int(np.argmax(off)), self.worst[name]
        worst.off += x.size
        if off[i] > worst.ulps:
            worst.ulps, worst.at, worst.got, worst.true = float(off[i]), float(x[i]), float(got[i]), float(true[i])

    def _changes(self, name: str, x: Array, true: Array) -> Array:
        """What an ulp of the slot changes, within a factor of two of where the output changes its sign; else 0."""
        near = beside(x, self.turns[name])
        sides = [np.abs(self.true(np.nextafter(x, np.float32(end)))[name] - true) for end in (-np.inf, np.inf)]
        return np.where(near, np.nan_to_num(np.minimum(*sides), nan=0.0, posinf=0.0), 0.0)


def beside(x: Array, places: Array) -> NDArray[np.bool_]:
    """Which numbers lie within a factor of two of one of the places, on its side of 0."""
    found = np.zeros(x.size, bool)
    for side in (1.0, -1.0):
        at, size = np.sort(side * places[side * places > 0]), side * x.astype(np.float64)
        found |= (size > 0) & (np.searchsorted(at, size / 2) < np.searchsorted(at, size * 2, side="right"))
    return found


def crossings(x: Array, values: Array) -> Array:
    """The numbers, of ascending ones, before which values change their sign."""
    known = np.abs(values) > 0
    x, signs = x[known], np.sign(values[known])
    return np.asarray(x[1:][signs[1:] != signs[:-1]])
