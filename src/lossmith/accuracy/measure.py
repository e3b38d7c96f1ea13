"""Measuring kernels: every output of a loss, on a backend, in float64 and float32, against ball arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.accuracy.points import PAIRS, at_slot, points
from lossmith.accuracy.ulps import errors, turning, unit
from lossmith.backends import load
from lossmith.errors import UnsupportedError
from lossmith.loss import Loss
from lossmith.program import Program

Array = NDArray[Any]
OUTPUTS = ("value", "gradient", "hessian")
LIMITS = {"float64": 4.0, "float32": 2.0}
"""The contract: the largest error of any output, in ulp."""

USUAL = 1.5
"""The contract: the 99th percentile of the errors, in ulp."""

POOR = 16.0
"""From this many units on a user is warned."""

KINDS = {"float64": np.float64, "float32": np.float32}


@dataclass(frozen=True, slots=True)
class Bound:
    """What was measured of one output on one backend in one dtype."""

    output: str
    backend: str
    dtype: str
    worst: float
    """The largest error, in ulp, of those that are finite."""
    usual: float
    """The 99th percentile."""
    lost: int
    """How many rows are infinite or NaN where the true value is finite, or the reverse."""
    at: tuple[Any, Any]
    """(y, z) of the largest error; of several outputs z is a tuple, and y may be one."""
    got: float
    true: float
    rows: int

    def __str__(self) -> str:
        where = f"at y = {self.at[0]!r}, z = {self.at[1]!r}: {self.got!r}, not {self.true!r}"
        said = f"{self.output} on {self.backend} in {self.dtype}: at most {self.worst:.3g} ulp, 99 % within"
        lost = f"; {self.lost} of {self.rows} rows lost to overflow" if self.lost else ""
        return f"{said} {self.usual:.2g}{lost}" + (f" ({where})" if self.worst > 0 or self.lost else "")

    @property
    def holds(self) -> bool:
        """Does it keep the contract?"""
        return self.worst <= LIMITS[self.dtype] and self.usual <= USUAL and not self.lost


@dataclass(frozen=True, slots=True)
class Truth:
    """Rows with the true outputs of a loss, and where an argument's own rounding sets the unit."""

    loss: Loss
    slot: Array
    y: Array
    z: Array
    program: Program
    exact: Mapping[str, tuple[Array, Array]]

    @classmethod
    def of(cls, loss: Loss, rows: int, seed: int = 0) -> Truth:
        """The truth of a loss at about so many rows."""
        from lossmith.symbolic.truth import exact

        if loss.lift.name not in PAIRS:
            raise UnsupportedError(f"{loss!r}: accuracy is measured for losses of one raw prediction")
        slot, y, z = points(loss, rows, seed)
        program = loss.program.only(*OUTPUTS)
        return cls(loss, slot, y, z, program, exact(program, (y, z), loss.state.params))

    def changes(self, kind: str, name: str, rows: NDArray[np.bool_]) -> Array:
        """What one ulp of y (likelihoods), or of the slot (near a sign change), changes, to the lesser side."""
        from lossmith.symbolic.truth import exact

        size = np.zeros(self.slot.size)
        rows = rows & self.narrow(kind)
        if rows.any():
            rows &= self.sensitive(name)
        if not rows.any():
            return size
        high, low = (part[rows] for part in self.exact[name])
        sides = []
        for end in (-np.inf, np.inf):
            there = exact(self.program.only(name), self.moved(kind, rows, end), self.loss.state.params)[name]
            with np.errstate(all="ignore"):
                sides.append(np.abs((there[0] - high) + (there[1] - low)))
        size[rows] = np.nan_to_num(np.minimum(*sides), nan=0.0, posinf=0.0)
        return size

    def errors(self, kind: str, name: str, got: Array) -> Array:
        """The errors of an output at the rows of `narrow(kind)`; where it counts, in what an argument's ulp changes."""
        rows = self.narrow(kind)
        high, low = (part[rows] for part in self.exact[name])
        units = unit(high, low, kind)
        off = errors(got, high, low, units)
        doubtful = np.zeros(rows.size, bool)
        doubtful[np.flatnonzero(rows)[off > USUAL]] = True
        return errors(got, high, low, np.maximum(units, self.changes(kind, name, doubtful)[rows]))

    def moved(self, kind: str, rows: NDArray[np.bool_], end: float) -> tuple[Array, Array]:
        """Those rows with one argument moved by an ulp towards an end of the line."""
        if self.loss.lift.name == "score":
            return np.nextafter(self.y[rows].astype(kind), np.dtype(kind).type(end)).astype(float), self.z[rows]
        moved = np.nextafter(self.slot[rows].astype(kind), np.dtype(kind).type(end)).astype(float)
        if self.loss.lift.name == "residual":
            return at_slot(self.loss, moved)
        return self.y[rows], np.where(self.y[rows] > 0, moved, -moved)

    def sensitive(self, name: str) -> NDArray[np.bool_]:
        """The rows where the unit is not simply an ulp of the true value."""
        if self.loss.lift.name == "score":
            return np.ones(self.slot.size, bool)
        near = np.zeros(self.slot.size, bool)
        for turn in (0, 1):
            rows = np.flatnonzero(np.arange(self.slot.size) % 2 == turn)
            for output in {name, "gradient"} if name == "value" else {name}:  # a value may touch 0 without crossing
                near[rows] |= turning(self.slot[rows], self.exact[output][0][rows])
        return near

    def narrow(self, kind: str) -> NDArray[np.bool_]:
        """The rows whose arguments are numbers of a dtype."""
        with np.errstate(all="ignore"):
            return np.asarray((self.y == self.y.astype(kind)) & (self.z == self.z.astype(kind)))

    def bounds(self, backend: str) -> list[Bound]:
        """The errors of every output on one backend, in both dtypes."""
        return [bound for kind in KINDS for bound in self.bounds_in(backend, kind)]

    def bounds_in(self, backend: str, kind: str) -> list[Bound]:
        """The errors of every output on one backend in one dtype."""
        rows = self.narrow(kind)
        given = [self.y[rows].astype(kind), self.z[rows].astype(kind)]
        results = load(self.program, kind, backend)(given, self.loss.state.params)
        return [self.bound(name, backend, kind, got) for name, got in zip(self.program.wants, results, strict=True)]

    def bound(self, name: str, backend: str, kind: str, got: Array) -> Bound:
        """The errors of one output, summed up."""
        rows, off = self.narrow(kind), self.errors(kind, name, got)
        high = self.exact[name][0][rows]
        lost = np.isinf(off)
        i = int(np.argmax(off))
        at = float(self.y[rows][i]), float(self.z[rows][i])
        worst, usual = float(np.max(off[~lost], initial=0.0)), float(np.quantile(off, 0.99, method="higher"))
        return Bound(name, backend, kind, worst, usual, int(lost.sum()), at, float(got[i]), float(high[i]), off.size)


@dataclass(frozen=True, slots=True)
class Accuracy:
    """The measured bounds of one loss; as text, one line for each."""

    loss: str
    bounds: tuple[Bound, ...]

    @property
    def worst(self) -> Mapping[str, float]:
        """The largest error by dtype, in ulp."""
        return {kind: max(b.worst for b in self.bounds if b.dtype == kind) for kind in KINDS}

    @property
    def holds(self) -> bool:
        """Does every output keep the contract everywhere?"""
        return all(b.holds for b in self.bounds)

    @property
    def lost(self) -> int:
        """The rows that are infinite or NaN where the true value is finite, or the reverse, over all outputs."""
        return sum(b.lost for b in self.bounds)

    @property
    def poor(self) -> Bound | None:
        """The worst bound, if any output is off by more than POOR units or lost to overflow."""
        worst = max(self.bounds, key=lambda b: (b.worst > POOR, b.lost, b.worst))
        return worst if worst.worst > POOR or worst.lost else None

    def __str__(self) -> str:
        lines = [self.loss, *(f"  {b}" for b in self.bounds)]
        if self.poor is not None:
            lines.append(f"  warning: more than {POOR:g} ulp, or rows lost: {self.poor.output} on {self.poor.backend}")
        return "\n".join(lines)


def measure(loss: Loss, rows: int = 20_000, backends: Sequence[str] = ("numpy", "llvm"), seed: int = 0) -> Accuracy:
    """The errors of every kernel of a loss, in units of the last place.

    rows: about how many (y, z) are tried: all exponents, both signs, the joins ± 4 ulp. Each takes some 50 µs.
    Raises UnsupportedError for a loss of several raw predictions.
    """
    truth = Truth.of(loss, rows, seed)
    return Accuracy(repr(loss), tuple(bound for backend in backends for bound in truth.bounds(backend)))
