"""Which values are legal: intervals, targets and parameters. Said once, checked once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.errors import DomainError, ParameterError, shown


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval of the line, ends included unless `open_low` or `open_high`; `whole` admits integers only."""

    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False
    whole: bool = False

    def __contains__(self, value: object) -> bool:
        if not isinstance(value, (int, float, np.integer, np.floating)) or isinstance(value, bool):
            return False
        return bool(self.holds(np.float64(value)))

    def holds(self, values: NDArray[Any] | np.float64) -> NDArray[np.bool_]:
        """Elementwise: is the value finite and inside?"""
        above = values > self.low if self.open_low else values >= self.low
        below = values < self.high if self.open_high else values <= self.high
        inside: NDArray[np.bool_] = above & below & np.isfinite(values)
        return inside & (values == np.floor(values)) if self.whole else inside

    def __str__(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        if self.low == -math.inf and self.high == math.inf:
            return f"{kind}, finite"
        if self.high == math.inf:
            return f"{kind} {'>' if self.open_low else '>='} {self.low:g}"
        if self.low == -math.inf:
            return f"{kind} {'<' if self.open_high else '<='} {self.high:g}"
        left, right = "(" if self.open_low else "[", ")" if self.open_high else "]"
        return f"{kind} in {left}{self.low:g}, {self.high:g}{right}"


@dataclass(frozen=True, slots=True)
class Target:
    """What a loss accepts as truth: a name, and the interval that every y must lie in."""

    name: str
    interval: Interval
    says: str

    def check(self, y: NDArray[Any], who: str, hint: str = "") -> None:
        """Raise a DomainError that names the first offending row and how many there are."""
        inside = self.holds(y)
        if inside.all():
            return
        bad = np.flatnonzero(~inside.reshape(len(inside), -1).all(axis=1)) if inside.ndim else np.array([0])
        row, count = int(bad[0]), len(bad)
        value = np.asarray(y).reshape(max(1, len(inside) if inside.ndim else 1), -1)[row][0]
        more = f" ({count} such rows)" if count > 1 else ""
        what = hint or _HINTS.get(self.name, "correct it or drop the row")
        what = what if np.isfinite(value) or hint else "drop the row or fill it in"
        raise DomainError(f"{who} needs {self.says}; row {row} has {value:.6g}{more}; {what}")

    def holds(self, y: NDArray[Any]) -> NDArray[np.bool_]:
        """Elementwise: is y legal?"""
        if self.name == "binary":
            return np.isin(y, (0, 1)) if not np.any(y == -1) else np.isin(y, (-1, 1))
        return _ends_hold(np.asarray(y)) if self.name == "bounds" else self.interval.holds(np.asarray(y))


_HINTS = {
    "halfline": "Squared or Huber accept any y",
    "positive_line": "Squared or Huber accept any y",
    "unit_interval": "Squared or Huber accept any y",
    "open_interval": "Squared or Huber accept any y",
    "binary": "code the two classes as 0 and 1",
    "classes": "number the classes from 0",
}
"""What to do about a finite y that a target does not admit."""


def _ends_hold(y: NDArray[Any]) -> NDArray[np.bool_]:
    """Rows of (low, high): are they in order, with at least one end finite?"""
    if y.shape[-1:] != (2,):
        return np.zeros(y.shape, np.bool_)
    low, high = y[..., :1], y[..., 1:]
    one: NDArray[np.bool_] = np.isfinite(low) | np.isfinite(high)
    legal: NDArray[np.bool_] = one & (low <= high) & (low < np.inf) & (high > -np.inf)
    return np.broadcast_to(legal, y.shape)


real = Target("real", Interval(), "finite y")
halfline = Target("halfline", Interval(0.0), "y >= 0")
positive_line = Target("positive_line", Interval(0.0, open_low=True), "y > 0")
unit_interval = Target("unit_interval", Interval(0.0, 1.0), "y in [0, 1]")
open_interval = Target("open_interval", Interval(0.0, 1.0, open_low=True, open_high=True), "0 < y < 1")
binary = Target("binary", Interval(-1.0, 1.0, whole=True), "labels 0 and 1, or -1 and +1")
bounds = Target("bounds", Interval(), "rows (low, high) with low <= high, one of them finite")
classes = Target("classes", Interval(0.0, whole=True), "class indices 0, 1, 2, …")


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter of a loss: its default, its domain, what it means and in which unit.

    A `static` parameter is substituted before deriving, because its limits matter (Tweedie's power, Barron's α);
    any other is passed to the kernel, so that `Huber(1.5)` and `Huber(2)` share one.
    """

    default: float
    domain: Interval
    doc: str
    static: bool = False

    def check(self, value: object, who: str, name: str) -> float:
        """The value as a float, or a ParameterError that states the domain."""
        if value not in self.domain:
            raise ParameterError(f"{who}({name}={shown(value)}): {name} must be {self.domain} ({self.doc})")
        return float(value)  # type: ignore[arg-type]


def positive(default: float, doc: str, *, static: bool = False) -> Any:
    """A parameter > 0."""
    return Param(default, Interval(0.0, open_low=True), doc, static)


def nonnegative(default: float, doc: str, *, static: bool = False) -> Any:
    """A parameter >= 0."""
    return Param(default, Interval(0.0), doc, static)


def fraction(default: float, doc: str, *, static: bool = False) -> Any:
    """A parameter strictly between 0 and 1."""
    return Param(default, Interval(0.0, 1.0, open_low=True, open_high=True), doc, static)


def between(low: float, high: float, default: float, doc: str, *, ends: str = "[]", static: bool = False) -> Any:
    """A parameter between two numbers; `ends` says which are included: "[]", "()", "[)" or "(]"."""
    interval = Interval(low, high, open_low=ends[0] == "(", open_high=ends[1] == ")")
    return Param(default, interval, doc, static)


def anynumber(default: float, doc: str, *, static: bool = False) -> Any:
    """A parameter that may be any finite number."""
    return Param(default, Interval(), doc, static)
