"""What a lift is: slots for formulas, and value, gradient and curvature on the raw scale z."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.backends import COMPILED_FROM, load
from lossmith.backends.threads import run_chunks
from lossmith.backends.wide import WIDE
from lossmith.domain import Target
from lossmith.errors import DataError, ShapeError, UnsupportedError
from lossmith.formula import Expr
from lossmith.program import Program


@dataclass(frozen=True, slots=True)
class Derived:
    """The Programs that were derived from one formula."""

    pointwise: Program
    """(y, z) → value, gradient, hessian[, majorant]."""
    slot: Program
    """(slots) → value, d1, d2[, d_…]."""
    mean: Program | None
    """z → the prediction on the scale of y, where there is one."""

    def to_json(self) -> dict[str, Any]:
        """A plain structure; `from_json` is its inverse."""
        return {
            "pointwise": self.pointwise.to_json(),
            "slot": self.slot.to_json(),
            "mean": self.mean.to_json() if self.mean else None,
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Derived:
        """What `to_json` wrote."""
        mean = Program.from_json(body["mean"]) if body["mean"] else None
        return cls(Program.from_json(body["pointwise"]), Program.from_json(body["slot"]), mean)


@dataclass(frozen=True, slots=True)
class State:
    """What a lift needs of a loss to compute: who asks, its Programs, and the values of its parameters in order."""

    who: str
    derived: Derived
    params: tuple[float, ...]
    backend: str = "auto"

    def __hash__(self) -> int:
        return hash((self.who, self.params, self.backend))

    def run(self, program: Program, arrays: Sequence[NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """The outputs of a Program by name, in the dtype of the last array."""
        results = load(program, arrays[-1].dtype, self.backend)(arrays, self.params)
        return dict(zip(program.wants, results, strict=True))


WIDER: dict[str, type[np.floating[Any]]] = {
    "f": np.float64,
    "d": np.longdouble if WIDE else np.float64,
    "g": np.longdouble,
}
"""By dtype: one with more digits and exponents, if there is one."""

APART = 200.0
"""Scores that are farther apart may be lost: products of a few of their exponentials are beyond float64."""

PIECE = 8192
"""Scores at a time: what is computed of them stays in a core's own cache."""


class Lift(ABC):
    """A change of variables; final subclasses only."""

    name: str
    slots: Mapping[str, str]
    """Names that a formula may use, each with its meaning."""
    main: tuple[str, ...]
    """The slots of which a formula must use at least one."""
    target: Target
    multiclass = False
    assembled = False
    """Does NumPy put together what several columns of z give, so that roundings add up?"""
    probe: tuple[int, ...] = (1,)
    """A shape of z to try something with."""
    stretch: float = 1.0
    """By how much scores are multiplied, at most, before the formula sees them."""
    outputs: tuple[str, ...] = ()
    """The raw outputs by name, where a row has several of them: the columns of z."""

    @property
    def joint(self) -> bool:
        """Does a row have several raw outputs, z (n, m), of which only all together say how likely y is?"""
        return bool(self.outputs)

    @property
    def spelling(self) -> str:
        """The text that `lift_of` reads back."""
        return self.name

    @property
    def recipe(self) -> str:
        """The spelling, but for numbers in it of which the derivation knows nothing."""
        return self.spelling

    @abstractmethod
    def derive(self, tree: Expr, params: Mapping[str, bool], mean: Expr | None, note: str) -> Derived:
        """Every Program of a formula in these slots."""

    @abstractmethod
    def evaluate(self, state: State, y: NDArray[Any], z: NDArray[Any], want: Sequence[str]) -> dict[str, NDArray[Any]]:
        """What is wanted, per row (value) and per entry of z (the others)."""

    @abstractmethod
    def mean(self, state: State, z: NDArray[Any]) -> NDArray[Any]:
        """The prediction on the scale of y."""

    def finely(self, state: State, y: NDArray[Any], z: NDArray[Any], want: Sequence[str]) -> dict[str, NDArray[Any]]:
        """What `evaluate` gives, to the last digits also where NumPy puts it together: with more of them, rounded once.

        Where `longdouble` is no more than float64, it is what `evaluate` gives.
        """
        wider = WIDER[z.dtype.char]
        if not self.assembled or not (self.joint or z.ndim == 2) or z.dtype == wider or not z.size or z.ndim == 0:
            return self.evaluate(state, y, z, want)
        made: dict[str, NDArray[Any]] = {}

        def part(a: int, b: int) -> None:
            found = self._widely(state, y[a:b], z[a:b], want, wider)
            for name, values in found.items():
                made.setdefault(name, np.empty((len(z), *values.shape[1:]), z.dtype))
                with np.errstate(over="ignore", under="ignore"):
                    made[name][a:b] = values

        first = min(len(z), max(PIECE // z.shape[-1] if z.ndim == 2 else PIECE, COMPILED_FROM))
        part(0, first)  # it makes room for all
        run_chunks(part, first, len(z), first)
        return {w: made[w] for w in want}

    def _widely(
        self, state: State, y: NDArray[Any], z: NDArray[Any], want: Sequence[str], kind: type[np.floating[Any]]
    ) -> dict[str, NDArray[Any]]:
        """What `evaluate` gives in another dtype; rows that leave its range, or come near that, with more exponents."""
        found = self.evaluate(state, y.astype(kind), z.astype(kind), want)
        if kind == np.longdouble:
            return found
        with np.errstate(all="ignore"):
            lost = ~(np.ptp(z.reshape(len(z), -1), axis=1) < APART)
        for values in found.values():
            lost |= ~np.isfinite(values).reshape(len(z), -1).all(axis=1)
        if lost.any():
            again = self.evaluate(state, y[lost].astype(np.longdouble), z[lost].astype(np.longdouble), want)
            for name, values in again.items():
                found[name][lost] = values
        return found

    def arrays(self, y: Any, z: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        """y and z as arrays of one floating dtype (float32 where z is, else float64) and of matching shapes."""
        try:
            z = floating(z)
            y = np.asarray(_real(y, "y"), z.dtype)
        except DataError:
            raise
        except (TypeError, ValueError) as error:
            raise DataError(f"y and z must be arrays of numbers: {error}") from None
        self.match(y, z)
        return y, z

    def check(self, target: Target, y: NDArray[Any], who: str) -> None:
        """Raise a DomainError that names the first row of y that is not legal."""
        target.check(y, who)

    def match(self, y: NDArray[Any], z: NDArray[Any]) -> None:
        """Raise a ShapeError unless the shapes are the same."""
        if y.shape != z.shape:
            raise ShapeError(f"y has shape {y.shape} and z has shape {z.shape}; they must be the same")


def floating(z: Any) -> NDArray[Any]:
    """z as float32 where it is, else as float64."""
    z = _real(z, "z")
    return np.asarray(z if z.dtype in (np.float32, np.float64) else z.astype(np.float64))


NOT_NUMBERS = {"c": "complex numbers", "M": "times", "m": "durations", "S": "text", "U": "text", "T": "text"}
"""Kinds of NumPy that a cast to floats would take without a word, or with half of what they say."""


def _real(values: Any, what: str) -> NDArray[Any]:
    """The values as an array, or a DataError where casting them to floats would lose what they say."""
    if isinstance(values, np.ma.MaskedArray):
        raise DataError(f"{what} is a masked array, whose mask would be lost; drop its masked rows or fill them in")
    array = np.asarray(values)
    if array.dtype.kind in NOT_NUMBERS:
        raise DataError(f"{what} holds {NOT_NUMBERS[array.dtype.kind]} ({array.dtype}); convert it to floats first")
    return array


def only(program: Program, want: Sequence[str], who: str) -> Program:
    """The part of a Program that computes what is wanted, or an UnsupportedError that names what there is."""
    missing = [w for w in want if w not in program.wants]
    if missing:
        raise UnsupportedError(f"{who} has no derived {missing[0]}; it has {', '.join(program.wants)}")
    return program.only(*want)
