"""The words over exact values: rational where they can be, one atom where they cannot."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from lossmith.symbolic.exact import Exact, NotExact, Value, number


def _choice(decide: Callable[..., Any]) -> Callable[..., Any]:
    """A kinked word: only constants can be compared."""

    def apply(field: Exact, *args: Value) -> Any:
        numbers = [a.constant() for a in args]
        if None in numbers:
            raise NotExact("a choice that is not between constants")
        found = decide(*numbers)
        return found if isinstance(found, bool) else number(found)

    return apply


def _opaque_choice(word: str, decide: Callable[..., Any]) -> Callable[..., Any]:
    """A kinked word of what is not constant: one atom. The larger of a positive number and any other is positive."""
    known = _choice(decide)

    def apply(field: Exact, *args: Value) -> Value:
        numbers = [a.constant() for a in args]
        if None not in numbers:
            return known(field, *args)  # type: ignore[no-any-return]
        positive = word == "max" and any(c is not None and c > 0 for c in numbers)
        return field.atom("positive max" if positive else word, *(a.key for a in args))

    return apply


def _pow(f: Exact, a: Value, b: Value) -> Value:
    q = b.constant()
    return f.exp(f.mul(b, f.log(a))) if q is None else f.real_power(a, q)


def _sigmoid(f: Exact, a: Value) -> Value:
    e = f.exp(a)
    return f.div(e, f.add(number(1), e))


def _tanh(f: Exact, a: Value) -> Value:
    e = f.exp(f.add(a, a))
    return f.div(f.add(e, number(-1)), f.add(e, number(1)))


def _sech2(f: Exact, a: Value) -> Value:
    e = f.exp(f.add(a, a))
    return f.div(f.mul(number(4), e), f.power(f.add(e, number(1)), 2))


def _softplus(f: Exact, a: Value) -> Value:
    """log(1 + eᵃ), whose exponential is known to be 1 + eᵃ; for a < 0 as a + softplus(−a)."""
    if a.top and a.top[min(a.top)] < 0:
        return f.add(a, _softplus(f, f.neg(a)))
    out = f.opaque("softplus", a)
    f.logs[f.atoms["softplus", a.key]] = f.add(number(1), f.exp(a))
    return out


def _plus_square(f: Exact, a: Value) -> Value:
    return f.add(number(1), f.mul(a, a))


def _mills_slope(f: Exact, a: Value) -> Value:
    m = f.opaque("mills", a)
    return f.mul(m, f.add(m, a))


def _cloglog_slope(f: Exact, a: Value) -> Value:
    u = f.exp(a)
    return f.div(u, f.add(f.exp(u), number(-1)))


def _cloglog_bend(f: Exact, a: Value) -> Value:
    u = f.exp(a)
    fade = f.exp(f.neg(u))
    turn = f.div(f.add(f.add(fade, u), number(-1)), f.add(number(1), f.neg(fade)))
    return f.mul(_cloglog_slope(f, a), turn)


QUARTER = Fraction(math.pi) / 2
"""The double that stands for π/2: a formula's π is π, and what is a whole number of quarters of it is taken as that."""


def _wave(word: str, quarters: tuple[int, ...]) -> Callable[[Exact, Value], Value]:
    """A sine or cosine: a whole number at whole quarters of a turn, else one atom."""

    def apply(field: Exact, a: Value) -> Value:
        turned = a.constant()
        whole = None if turned is None else turned / QUARTER
        if whole is not None and whole.denominator == 1:
            return number(quarters[whole.numerator % 4])
        return field.opaque(word, a)

    return apply


def _opaque(word: str) -> Callable[[Exact, Value], Value]:
    return lambda f, a: f.opaque(word, a)


OPAQUE = (
    "logcosh", "atan", "asinh", "erf", "lgamma", "digamma", "trigamma", "log_ndtr", "mills",
    "log_cloglog", "log_cauchit", "cauchit_slope",
)  # fmt: skip
"""Words that are one atom each."""

WORDS_EXACT: dict[str, Callable[..., Any]] = {
    "add": Exact.add, "sub": lambda f, a, b: f.add(a, f.neg(b)), "mul": Exact.mul, "div": Exact.div, "neg": Exact.neg,
    "pow": _pow, "sqrt": lambda f, a: f.root(a, 2),
    "lt": _choice(lambda a, b: a < b), "le": _choice(lambda a, b: a <= b), "gt": _choice(lambda a, b: a > b),
    "ge": _choice(lambda a, b: a >= b), "eq": _choice(lambda a, b: a == b), "ne": _choice(lambda a, b: a != b),
    "and": lambda f, a, b: a and b, "where": lambda f, c, a, b: a if c else b,
    "abs": _opaque_choice("abs", abs), "sign": _opaque_choice("sign", lambda a: (a > 0) - (a < 0)),
    "min": _opaque_choice("min", min), "max": _opaque_choice("max", max),
    "exp": Exact.exp, "expm1": lambda f, a: f.add(f.exp(a), number(-1)), "log": Exact.log,
    "log1p": lambda f, a: f.log(f.add(number(1), a)), "log1psq": lambda f, a: f.log(_plus_square(f, a)),
    "expm1mx": lambda f, a: f.add(f.exp(a), f.neg(f.add(a, number(1)))),
    "log1pmx": lambda f, a: f.add(f.log(f.add(number(1), a)), f.neg(a)),
    "cloglog_slope": _cloglog_slope, "cloglog_bend": _cloglog_bend,
    "tanh": _tanh, "sech2": _sech2, "sigmoid": _sigmoid, "softplus": _softplus,
    "hypot1": lambda f, a: f.root(_plus_square(f, a), 2), "witch": lambda f, a: f.div(number(1), _plus_square(f, a)),
    "serpentine": lambda f, a: f.div(a, _plus_square(f, a)),
    "xlogy": lambda f, a, b: f.mul(a, f.log(b)) if a.top else number(0), "mills_slope": _mills_slope,
    "sin": _wave("sin", (0, 1, 0, -1)), "cos": _wave("cos", (1, 0, -1, 0)),
    **{w: _opaque(w) for w in OPAQUE},
}  # fmt: skip
"""Each word of `lossmith.words` over exact values."""
