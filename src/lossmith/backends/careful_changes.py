"""By how much a word's result changes when its argument does: what `careful` adds for the rest of an argument."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from lossmith.program import Arg


class Steps(Protocol):
    """What collects the steps of a plan."""

    def step(self, name: str, word: str, *args: Arg) -> str:
        """The name of a step, new unless the same stands there already."""


Change = Callable[[Steps, Sequence[Arg], Arg, Arg], Arg]


def _times(factor: Callable[[Steps, Sequence[Arg], Arg], Arg]) -> Change:
    return lambda w, x, y, d: w.step("change", "mul", factor(w, x, y), d)


def _slope(w: Steps, word: str, *args: Arg) -> Arg:
    return w.step("slope", word, *args)


def _product(w: Steps, *factors: Arg) -> Arg:
    product = factors[0]
    for f in factors[1:]:
        product = _slope(w, "mul", product, f)
    return product


def _clamped(w: Steps, x: Arg) -> Arg:
    """About tanh(x)."""
    return _slope(w, "max", _slope(w, "min", x, 1.0), -1.0)


def _serpentine_slope(w: Steps, x: Sequence[Arg], y: Arg) -> Arg:
    witch = _slope(w, "witch", x[0])
    return _slope(w, "sub", _product(w, witch, witch), _product(w, y, y))


def _atan_change(w: Steps, x: Sequence[Arg], y: Arg, d: Arg) -> Arg:
    return w.step("change", "div", d, _slope(w, "add", 1.0, _product(w, x[0], x[0])))


def _tetragamma(w: Steps, x: Arg) -> Arg:
    """About (log Γ)‴(x) = −(1 + 1/x + …)/x², to a few per cent for x > 0."""
    bent = _slope(w, "div", 1.0, _slope(w, "add", x, _product(w, 1.5, x, x)))
    whole = _slope(w, "add", _slope(w, "add", 1.0, _slope(w, "div", 1.0, x)), bent)
    return _slope(w, "neg", _slope(w, "div", whole, _product(w, x, x)))


CHANGES: dict[str, Change] = {
    "exp": _times(lambda w, x, y: y),
    "expm1": _times(lambda w, x, y: _slope(w, "add", y, 1.0)),
    "log": lambda w, x, y, d: w.step("change", "div", d, x[0]),
    "log1p": lambda w, x, y, d: w.step("change", "div", d, _slope(w, "add", x[0], 1.0)),
    "expm1mx": _times(lambda w, x, y: _slope(w, "expm1", x[0])),
    "log1pmx": _times(lambda w, x, y: _slope(w, "neg", _slope(w, "div", x[0], _slope(w, "add", x[0], 1.0)))),
    "sqrt": lambda w, x, y, d: w.step("change", "div", w.step("change", "mul", 0.5, d), y),
    "pow": lambda w, x, y, d: w.step("change", "mul", _product(w, y, x[1]), w.step("change", "div", d, x[0])),
    "tanh": _times(lambda w, x, y: _slope(w, "sub", 1.0, _product(w, y, y))),
    "sech2": _times(lambda w, x, y: _product(w, _clamped(w, x[0]), -2.0, y)),
    "logcosh": _times(lambda w, x, y: _clamped(w, x[0])),
    "atan": _atan_change,
    "sin": _times(lambda w, x, y: _slope(w, "cos", x[0])),
    "cos": _times(lambda w, x, y: _slope(w, "neg", _slope(w, "sin", x[0]))),
    "sigmoid": _times(lambda w, x, y: _slope(w, "sub", y, _product(w, y, y))),
    "softplus": _times(lambda w, x, y: _slope(w, "sigmoid", x[0])),
    "hypot1": _times(lambda w, x, y: _slope(w, "div", x[0], y)),
    "log1psq": _times(lambda w, x, y: _product(w, 2.0, _slope(w, "serpentine", x[0]))),
    "witch": _times(lambda w, x, y: _product(w, -2.0, x[0], y, y)),
    "serpentine": _times(_serpentine_slope),
    "log_ndtr": _times(lambda w, x, y: _slope(w, "mills", x[0])),
    "lgamma": _times(lambda w, x, y: _slope(w, "digamma", x[0])),
    "digamma": _times(lambda w, x, y: _slope(w, "trigamma", x[0])),
    "trigamma": _times(lambda w, x, y: _tetragamma(w, x[0])),
    "mills": _times(lambda w, x, y: _slope(w, "neg", _slope(w, "mills_slope", x[0]))),
}
"""By word: by how much y = word(x) changes, to first order, when its argument does by d."""
