"""Measuring losses of several raw outputs a row: value, gradient, diagonal and block of the Hessian, in true ulps.

An ulp of an output is the spacing of floats at its true value. Where addends cancel there is more to say. Losses of K
scores are sums, over the classes that have a share and over the slots of their formula: an ulp of such a sum is one of
its largest addend; and where a choice hangs on scores, which jumps where they are some number apart, an answer counts
as right that is between those for scores of which one is an ulp away, or an ulp of 1 where they are turned into
probabilities: a point at a join takes either side. Where a formula changes its sign within a factor
of two of its slot, what an ulp of the slot changes counts as an addend. For likelihoods of several outputs the unit is,
if that is more, what one ulp of the truth changes; and, where the output (for a value also a slope) changes its sign
within a factor of two of one argument, what one ulp of an argument changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.accuracy.measure import KINDS, USUAL, Accuracy, Bound
from lossmith.accuracy.rows import rows
from lossmith.accuracy.scores import ROWS, SHARED
from lossmith.accuracy.ulps import errors, unit
from lossmith.lifts.ordinal import CORE, Between
from lossmith.lifts.several import Several
from lossmith.loss import Loss
from lossmith.symbolic.truth import Exact, certain
from lossmith.words import COMPARISONS

Array = NDArray[Any]
JUMPS = (COMPARISONS - {"and"}) | {"min", "max", "abs", "sign"}
WANTS = ("value", "gradient", "hessian", "block")
Cell = tuple[int, ...]
"""What a column of the truth is: () the value, (a,) a slope, (a, b) a second derivative."""


def cells(m: int) -> list[Cell]:
    """The value, every slope, and of the second derivatives all of three outputs, the diagonal and a row of more."""
    pairs = [p for p in combinations_with_replacement(range(m), 2) if m <= 3 or p[0] in (0, p[1])]
    return [(), *((a,) for a in range(m)), *pairs]


def output(cell: Cell) -> str:
    """The name under which a cell is measured."""
    return "hessian" if len(cell) == 2 and cell[0] == cell[1] else ("value", "gradient", "block")[len(cell)]


def picked(found: dict[str, Array], cell: Cell) -> Array:
    """A cell of what a lift has found, (n,)."""
    if output(cell) == "hessian":
        return np.asarray(found["hessian"][:, cell[0]])
    values = np.moveaxis(found[output(cell)], 0, -1)
    return np.asarray(values[cell])


@dataclass(frozen=True)
class SeveralTruth:
    """Rows with the true outputs of a loss; columns in the order of `cells`."""

    loss: Loss
    y: Array
    z: Array
    high: Array
    low: Array
    size: Array
    """The largest addend of each, 0 where none is counted."""

    @classmethod
    def of(cls, loss: Loss, n: int, m: int, seed: int = 0) -> SeveralTruth:
        """The truth at about n rows of m outputs, without those (the report counts them) that no precision decides."""
        y, z = rows(loss, n, m, seed)
        high, low, size = exact_rows(loss, y, z)
        return cls(loss, y, z, high, low, size)

    @property
    def cells(self) -> list[Cell]:
        """What the columns are."""
        return cells(self.z.shape[1])

    @cached_property
    def narrow(self) -> NDArray[np.bool_]:
        """The rows whose arguments are float32 numbers."""
        with np.errstate(all="ignore"):
            same = [np.asarray(a.astype(np.float32) == a) for a in (self.y, self.z)]
        whole = np.column_stack([a.reshape(len(self.z), -1) for a in same])
        return np.asarray(whole.all(axis=1), bool)

    def found(self, kind: str, backend: str) -> dict[str, Array]:
        """What the loss gives: small arrays for NumPy, one large one for compiled kernels."""
        kept = self.narrow if kind == "float32" else np.ones(len(self.z), bool)
        y, z = self.y[kept].astype(kind), self.z[kept].astype(kind)
        state = replace(self.loss.state, backend=backend)
        with np.errstate(all="ignore"):
            return self.loss.lift.finely(state, y, z, WANTS)

    def bounds(self, backend: str, found: dict[str, Array] | None = None, kind: str = "float64") -> list[Bound]:
        """The errors of every output."""
        kept = self.narrow if kind == "float32" else np.ones(len(self.z), bool)
        found = self.found(kind, backend) if found is None else found
        names = sorted({output(c) for c in self.cells}, key=WANTS.index)
        made = []
        for name in names:
            chosen = [i for i, c in enumerate(self.cells) if output(c) == name]
            off = np.column_stack([self.errors(kind, i, picked(found, self.cells[i]), kept) for i in chosen])
            row, column = np.unravel_index(int(np.argmax(off)), off.shape)
            got = picked(found, self.cells[chosen[column]])[row]
            made.append(self._bound(name, backend, kind, off, np.flatnonzero(kept)[row], float(got), chosen[column]))
        return made

    def _bound(self, name: str, backend: str, kind: str, off: Array, row: int, got: float, i: int) -> Bound:
        lost = np.isinf(off)
        at = self.y[row].tolist(), tuple(self.z[row].tolist())
        worst, usual = float(np.max(off[~lost], initial=0.0)), float(np.quantile(off, 0.99, method="higher"))
        true = float(self.high[row, i])
        return Bound(name, backend, kind, worst, usual, int(lost.sum()), at, got, true, off.size)

    def errors(self, kind: str, i: int, got: Array, kept: NDArray[np.bool_]) -> Array:
        """The errors of one cell in its units."""
        high, low, size = (part[kept, i] for part in (self.high, self.low, self.size))
        units = np.maximum(unit(high, low, kind), _unit_of(size, kind))
        off = errors(got, high, low, units)
        where = np.flatnonzero(off > USUAL)
        doubtful = np.flatnonzero(kept)[where]
        if len(doubtful) and self.loss.lift.name not in ROWS:
            units[where] = np.maximum(units[where], self.changes(kind, i, doubtful))
            off = errors(got, high, low, units)
        elif len(doubtful):
            size = exact_rows(self.loss, self.y[doubtful], self.z[doubtful], near=float(np.finfo(kind).eps))[2][:, i]
            units[where] = np.maximum(units[where], _unit_of(size, kind))
            off = errors(got, high, low, units)
        where = np.flatnonzero(off > USUAL)
        doubtful = np.flatnonzero(kept)[where]
        if len(doubtful) and _jumps(self.loss):
            off[where] = np.minimum(off[where], self.beside(kind, i, doubtful, got[where], units[where]))
        return off

    def beside(self, kind: str, i: int, chosen: NDArray[np.intp], got: Array, units: Array) -> Array:
        """The error beside the nearest number between the truths where one score is an ulp away, to either side.

        Of scores that are turned into probabilities it is at least an ulp of 1: that changes a probability by an ulp.
        """
        step = float(np.finfo(kind).eps)
        y, z, sides = self.y[chosen], self.z[chosen], [self.high[chosen, i]]
        for k in range(z.shape[1]):
            for end in (-np.inf, np.inf):
                moved = _stepped(z, k, kind, end)
                if self.loss.lift.name in SHARED:  # what is compared is a probability, known to an ulp of its own
                    moved[:, k] = (np.maximum if end > 0 else np.minimum)(moved[:, k], z[:, k] + np.sign(end) * step)
                sides.append(exact_rows(self.loss, y, moved)[0][:, i])
        with np.errstate(all="ignore"):
            nearest = np.clip(got, np.nanmin(sides, axis=0), np.nanmax(sides, axis=0))
        return np.asarray(errors(got, np.asarray(nearest, float), np.zeros(len(got)), units))

    def changes(self, kind: str, i: int, chosen: NDArray[np.intp]) -> Array:
        """By how much an ulp of an argument changes a cell, where that counts: of the truth, and near a sign change."""
        y, z = self.y[chosen], self.z[chosen]
        most = np.zeros(len(chosen))
        near = self._turns(i, chosen)
        for k, real in enumerate(_real(self.loss, y)):
            if real:
                most = np.maximum(most, self._moved(kind, i, chosen, lambda e, k=k: (_stepped(y, k, kind, e), z)))
        for k in range(z.shape[1]):
            by = self._moved(kind, i, chosen, lambda e, k=k: (y, _stepped(z, k, kind, e)))
            most = np.where(near, np.maximum(most, by), most)
        return most

    def _moved(self, kind: str, i: int, chosen: NDArray[np.intp], there: Any) -> Array:
        """The change to the lesser side."""
        sides = []
        for end in (-np.inf, np.inf):
            high, low, _ = exact_rows(self.loss, *there(end))
            with np.errstate(all="ignore"):
                sides.append(np.abs((high[:, i] - self.high[chosen, i]) + (low[:, i] - self.low[chosen, i])))
        return np.asarray(np.nan_to_num(np.minimum(*sides), nan=0.0, posinf=0.0))

    def _turns(self, i: int, chosen: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Does the cell, or for a value one of its slopes, change its sign within a factor of two of an argument?"""
        y, z, m = self.y[chosen], self.z[chosen], self.z.shape[1]
        looked = [i] if i else list(range(m + 1))
        near = np.zeros(len(chosen), bool)
        for k in range(m):
            for factor in (0.5, 2.0):
                moved = z.copy()
                with np.errstate(over="ignore"):
                    moved[:, k] *= factor
                high = exact_rows(self.loss, y, np.where(np.isfinite(moved), moved, z))[0]
                near |= (np.sign(high[:, looked]) != np.sign(self.high[chosen][:, looked])).any(axis=1)
        return near


def _jumps(loss: Loss) -> bool:
    """Does a choice hang on the scores, so that an output may jump where two of them are some number apart?"""
    program = loss.derived.slot
    truths = {"y", "kind"}
    chosen = [s for s in program.steps if s.word in JUMPS and not {a for a in s.args if isinstance(a, str)} <= truths]
    return bool(chosen) or "rival" in program.inputs


def _unit_of(size: Array, kind: str) -> Array:
    """An ulp of the largest addend; of one that is beyond the range no digit is asked."""
    units = np.where(size > 0, unit(size, np.zeros(len(size)), kind), 0.0)
    return np.where(size > float(np.finfo(kind).max), np.inf, units)


def _real(loss: Loss, y: Array) -> Sequence[bool]:
    """Which columns of the truth are numbers that are measured, not classes."""
    whole = loss.target.name in ("binary", "classes")
    return [not whole] * (y.shape[1] if y.ndim == 2 else 1)


def _stepped(a: Array, k: int, kind: str, end: float) -> Array:
    """One column moved by an ulp towards an end of the line."""
    moved = a.copy()
    column = moved[:, k] if a.ndim == 2 else moved
    with np.errstate(over="ignore"):
        column[:] = np.nextafter(column.astype(kind), np.dtype(kind).type(end)).astype(float)
    return moved


def exact_rows(loss: Loss, y: Array, z: Array, near: float = 0.0) -> tuple[Array, Array, Array]:
    """Every cell at every row as a sum of two doubles, and its largest addend; NaN where no precision decides."""
    keys = [(loss, a.tobytes(), b.tobytes(), near) for a, b in zip(y, z, strict=True)]
    new = [i for i, key in enumerate(keys) if key not in _known]
    if len(_known) > MOST:
        _known.clear()
        new = list(range(len(keys)))
    if new:
        found = of_scores(loss, y[new], z[new], near) if loss.lift.name in ROWS else of_outputs(loss, y[new], z[new])
        _known.update(zip((keys[i] for i in new), found, strict=True))
    table = np.array([_known[key] for key in keys]).reshape(len(keys), -1, 3)
    with np.errstate(all="ignore"):
        high = table[..., 0] + table[..., 1]
        low = np.where(np.isfinite(high), (table[..., 0] - high) + table[..., 1], 0.0)
    return high, low, table[..., 2]


MOST = 200_000
"""Rows that are remembered: those beside a doubtful one are asked for again and again, for each of its cells."""
_known: dict[Any, Array] = {}

UNDECIDED = (np.nan, 0.0, 0.0)


def of_scores(loss: Loss, y: Array, z: Array, near: float) -> Array:
    """Of a loss of K scores."""
    m = z.shape[1]
    at, wanted = ROWS[loss.lift.name](loss), cells(m)
    share = (y if y.ndim == 2 else np.eye(m)[y.astype(int)]).tolist()
    made = []
    for truth, scores in zip(share, z.tolist(), strict=True):
        sizes: list[float] = []

        def compute(truth: Any = truth, scores: Any = scores, sizes: Any = sizes) -> list[Any]:
            slot = at(truth, scores, near)
            sums = [slot.value, *slot.slope, *(slot.bend(*c) for c in wanted if len(c) == 2)]
            sizes[:] = [float(s.size) for s in sums]
            return [s.value for s in sums]

        pairs = certain(compute)
        made.append([(*p, s) for p, s in zip(pairs, sizes, strict=True)] if pairs else [UNDECIDED] * len(wanted))
    return np.array(made).reshape(len(z), len(wanted), 3)


def of_outputs(loss: Loss, y: Array, z: Array) -> Array:
    """Of a loss whose Program knows its outputs by name."""
    lift = loss.lift
    if isinstance(lift, Between):
        return of_ordered(loss, y, z)
    assert isinstance(lift, Several)
    at = Exact(loss.program.only(*_names(lift, z.shape[1])), loss.state.params)
    given = [c.tolist() for c in (*lift.read(y), *z.T)]
    return np.array([[(*p, 0.0) for p in at.pairs(row)] for row in zip(*given, strict=True)])


def _names(lift: Several, m: int) -> list[str]:
    return [f"d_{'_'.join(lift.outputs[k] for k in c)}" if c else "value" for c in cells(m)]


def of_ordered(loss: Loss, y: Array, z: Array) -> Array:
    """Of ordered classes: the two thresholds beside the class, and 0 for all others."""
    at, last = Exact(loss.program.only(*_names(CORE, 3)), loss.state.params), z.shape[1] - 1
    made = []
    for k, row in zip(y.astype(int).tolist(), z.tolist(), strict=True):
        kind, places = (1 if k == 0 else 2 if k == last else 3), (0, max(k, 1), min(k + 1, last))
        found = dict(zip(cells(3), at.pairs([kind, *(row[p] for p in places)]), strict=True))
        made.append([_ordered(cell, places, found) for cell in cells(z.shape[1])])
    return np.array(made)


def _ordered(cell: Cell, places: Cell, found: dict[Cell, tuple[float, float]]) -> tuple[float, float, float]:
    """A cell from those of the three outputs that a class looks at; at an end one threshold stands in both places."""
    total = (0.0, 0.0)
    for core, pair in found.items():
        mirrored = core[::-1] if len(core) == 2 and core[0] != core[1] else None
        for c in (core, *([mirrored] if mirrored else [])):
            if tuple(places[a] for a in c) == cell and pair != (0.0, 0.0):
                total = pair
    return (*total, 0.0)


def measure_several(loss: Loss, n: int, m: int, seed: int = 0) -> Accuracy:
    """The errors of all outputs of a loss with m raw outputs a row, in units of the last place."""
    truth = SeveralTruth.of(loss, n, m, seed)
    backends = ("auto",) if loss.lift.name in ROWS else ("numpy", "llvm")
    made = [b for name in backends for kind in KINDS for b in truth.bounds(name, None, kind)]
    return Accuracy(f"{loss!r}, {m} outputs", tuple(made))
