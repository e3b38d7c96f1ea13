"""Our own sympy functions for the words, with our own derivative rules; and both ways between trees and sympy.

Kinks take the midpoint subgradient and the almost-everywhere second derivative: |x|′ = sign(x) with sign(0) = 0,
sign′ = 0, max(a, b)′ = ½(1 + sign(a − b))a′ + ½(1 − sign(a − b))b′, where(c, a, b)′ = where(c, a′, b′).
sympy's own Abs, Piecewise, exp and log are avoided: their automatic rules leave `zoo` and DiracDelta behind, and
undo the stable forms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import sympy as sp

from lossmith.formula import Expr

Tree = Any
"""A sympy expression (sympy is untyped)."""

HALF = sp.Rational(1, 2)


class Word(sp.Function):  # type: ignore[misc]
    """A word: a function that sympy leaves alone unless `eval` says otherwise."""

    word = ""
    parity = 0  # +1 for an even function of one argument, −1 for an odd one
    slope: Callable[..., Tree] | None = None

    @classmethod
    def eval(cls, *args: Tree) -> Tree:
        if cls.parity and args[0].could_extract_minus_sign():
            return cls.parity * cls(-args[0])
        return None

    def fdiff(self, argindex: int = 1) -> Tree:
        slope = type(self).slope
        if slope is None:
            raise NotImplementedError(f"no derivative of {self.word}")
        return slope(*self.args)

    def _eval_is_commutative(self) -> bool:
        return True


class Abs(Word):
    word = "abs"
    slope = staticmethod(lambda x: Sign(x))

    @classmethod
    def eval(cls, x: Tree) -> Tree:
        if x.is_number:
            return abs(x)
        if x.func is Abs:
            return x
        return cls(-x) if x.could_extract_minus_sign() else None

    def _eval_power(self, n: Tree) -> Tree:
        return self.args[0] ** n if n.is_integer and n.is_even else None


class Sign(Word):
    word = "sign"
    slope = staticmethod(lambda x: sp.S.Zero)

    @classmethod
    def eval(cls, x: Tree) -> Tree:
        if x.is_number:
            return sp.sign(x)
        return -cls(-x) if x.could_extract_minus_sign() else None


class Max(Word):
    word = "max"

    def _eval_derivative(self, t: Tree) -> Tree:
        a, b = self.args
        side = Sign(a - b)
        return HALF * (1 + side) * a.diff(t) + HALF * (1 - side) * b.diff(t)

    @classmethod
    def eval(cls, a: Tree, b: Tree) -> Tree:
        return max(a, b) if a.is_number and b.is_number else None


class Min(Word):
    word = "min"

    def _eval_derivative(self, t: Tree) -> Tree:
        a, b = self.args
        side = Sign(b - a)
        return HALF * (1 + side) * a.diff(t) + HALF * (1 - side) * b.diff(t)

    @classmethod
    def eval(cls, a: Tree, b: Tree) -> Tree:
        return min(a, b) if a.is_number and b.is_number else None


def _negative(e: Tree) -> bool:
    return bool(e is sp.S.Zero or e.could_extract_minus_sign())


class Where(Word):
    word = "where"

    @classmethod
    def eval(cls, c: Tree, a: Tree, b: Tree) -> Tree:
        if c is sp.S.One or a == b:
            return a
        if c is sp.S.Zero:
            return b
        return -cls(c, -a, -b) if _negative(a) and _negative(b) else None

    def _eval_derivative(self, t: Tree) -> Tree:
        c, a, b = self.args
        return Where(c, a.diff(t), b.diff(t))


class Relation(Word):
    """A condition: 1 or 0 where both sides are numbers."""

    holds: Callable[[Tree, Tree], bool]

    @classmethod
    def eval(cls, a: Tree, b: Tree) -> Tree:
        return sp.Integer(bool(cls.holds(a, b))) if a.is_number and b.is_number else None

    def _eval_derivative(self, t: Tree) -> Tree:
        return sp.S.Zero


class And(Word):
    word = "and"

    @classmethod
    def eval(cls, a: Tree, b: Tree) -> Tree:
        if a is sp.S.Zero or b is sp.S.Zero:
            return sp.S.Zero
        if a is sp.S.One:
            return b
        return a if b is sp.S.One else None

    def _eval_derivative(self, t: Tree) -> Tree:
        return sp.S.Zero


def _relation(title: str, word: str, holds: Callable[[Tree, Tree], bool]) -> type[Relation]:
    return type(title, (Relation,), {"word": word, "holds": staticmethod(holds)})


RELATIONS: dict[str, type[Word]] = {
    "lt": _relation("Lt", "lt", lambda a, b: a < b),
    "le": _relation("Le", "le", lambda a, b: a <= b),
    "gt": _relation("Gt", "gt", lambda a, b: a > b),
    "ge": _relation("Ge", "ge", lambda a, b: a >= b),
    "eq": _relation("Eq", "eq", lambda a, b: a == b),
    "ne": _relation("Ne", "ne", lambda a, b: a != b),
    "and": And,
}


class Exp(Word):
    word = "exp"
    slope = staticmethod(lambda x: Exp(x))

    @classmethod
    def eval(cls, x: Tree) -> Tree:
        return sp.S.One if x is sp.S.Zero else None


class Expm1(Word):
    word = "expm1"
    slope = staticmethod(lambda x: Exp(x))

    @classmethod
    def eval(cls, x: Tree) -> Tree:
        return sp.S.Zero if x is sp.S.Zero else None


class Log(Word):
    word = "log"
    slope = staticmethod(lambda x: 1 / x)

    @classmethod
    def eval(cls, x: Tree) -> Tree:
        if x.func is Exp:
            return x.args[0]
        return sp.S.Zero if x is sp.S.One else None


class Log1p(Word):
    word = "log1p"
    slope = staticmethod(lambda x: 1 / (1 + x))

    @classmethod
    def eval(cls, x: Tree) -> Tree:
        return sp.S.Zero if x is sp.S.Zero else None


class Tanh(Word):
    word = "tanh"
    parity = -1
    slope = staticmethod(lambda x: Sech2(x))


class Sech2(Word):
    word = "sech2"
    parity = 1
    slope = staticmethod(lambda x: -2 * Tanh(x) * Sech2(x))


class Cosh(Word):
    """cosh, which no backend has: log(cosh(x)) becomes `logcosh`, any other use (eˣ + e⁻ˣ)/2."""

    word = "cosh"
    parity = 1
    slope = staticmethod(lambda x: HALF * (Exp(x) - Exp(-x)))


class Logcosh(Word):
    word = "logcosh"
    parity = 1
    slope = staticmethod(lambda x: Tanh(x))


class Atan(Word):
    word = "atan"
    parity = -1
    slope = staticmethod(lambda x: Witch(x))


class Sin(Word):
    word = "sin"
    parity = -1
    slope = staticmethod(lambda x: Cos(x))


class Cos(Word):
    word = "cos"
    parity = 1
    slope = staticmethod(lambda x: -Sin(x))


class Erf(Word):
    word = "erf"
    parity = -1
    slope = staticmethod(lambda x: sp.Float(1.1283791670955126) * Exp(-(x**2)))


class LogNdtr(Word):
    word = "log_ndtr"
    slope = staticmethod(lambda x: Mills(x))


class Mills(Word):
    word = "mills"
    slope = staticmethod(lambda x: -MillsSlope(x))


class MillsSlope(Word):
    word = "mills_slope"
    slope = staticmethod(lambda x: Mills(x) * (1 - MillsSlope(x)) - MillsSlope(x) * (Mills(x) + x))


class Lgamma(Word):
    word = "lgamma"
    slope = staticmethod(lambda x: Digamma(x))


class Digamma(Word):
    word = "digamma"
    slope = staticmethod(lambda x: Trigamma(x))


class Trigamma(Word):
    word = "trigamma"


class Softplus(Word):
    word = "softplus"
    slope = staticmethod(lambda x: Sigmoid(x))


class Sigmoid(Word):
    word = "sigmoid"
    slope = staticmethod(lambda x: Sigmoid(x) * Sigmoid(-x))


class Xlogy(Word):
    word = "xlogy"

    def fdiff(self, argindex: int = 1) -> Tree:
        x, y = self.args
        return Log(y) if argindex == 1 else x / y


class Hypot1(Word):
    """√(1 + x²)."""

    word = "hypot1"
    parity = 1
    slope = staticmethod(lambda x: Tilt(x))


class Tilt(Word):
    """x/√(1 + x²), a name that keeps its derivative (1 + x²)^(−3/2) free of cancellation."""

    word = "tilt"
    parity = -1
    slope = staticmethod(lambda x: Hypot1(x) ** -3)


class Hypot1m1(Word):
    """√(1 + x²) − 1, computed as x·x/(1 + √(1 + x²))."""

    word = "hypot1m1"
    parity = 1
    slope = staticmethod(lambda x: Tilt(x))


class Log1psq(Word):
    word = "log1psq"
    parity = 1
    slope = staticmethod(lambda x: 2 * Serpentine(x))


class Witch(Word):
    word = "witch"
    parity = 1
    slope = staticmethod(lambda x: -2 * Serpentine(x) * Witch(x))


class Serpentine(Word):
    word = "serpentine"
    parity = -1
    slope = staticmethod(lambda x: Witch(x) - 2 * Serpentine(x) ** 2)


class Saturation(Word):
    """x²/(1 + x²), computed as x·serpentine(x) or 1 − witch(x)."""

    word = "saturation"
    parity = 1
    slope = staticmethod(lambda x: 2 * Serpentine(x) * Witch(x))


class Fade(Word):
    """x·e⁻ˣ for x ≥ 0, computed so that it is 0, not NaN, at infinity (beyond 1000 no float can tell)."""

    word = "fade"
    slope = staticmethod(lambda x: Exp(-x) - Fade(x))


FUNCTIONS: dict[str, type[Word]] = {
    f.word: f
    for f in (
        Abs, Sign, Max, Min, Where, Exp, Expm1, Log, Log1p, Tanh, Cosh, Atan, Sin, Cos, Erf, LogNdtr, Lgamma,
        Softplus, Sigmoid, Xlogy,
    )
}  # fmt: skip
"""The words of the formula language."""

ARITHMETIC: dict[str, Callable[..., Tree]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda a: -a,
    "pow": lambda a, b: a**b,
    "sqrt": lambda a: a**HALF,
}

COMPOSITES: dict[str, Callable[[Tree], Tree]] = {
    "tilt": lambda x: x / Hypot1(x),
    "hypot1m1": lambda x: x * Quotient(x, 1 + Hypot1(x)),
    "saturation": lambda x: Where(RELATIONS["lt"](Abs(x), sp.S.One), x * Serpentine(x), 1 - Witch(x)),
    "fade": lambda x: Min(x, sp.Integer(1000)) * Exp(-x),
    "cosh": lambda x: HALF * (Exp(x) + Exp(-x)),
}
"""Functions that no machine knows, in terms of words."""


class Quotient(Word):
    """a/b as one division, kept apart from the product around it (which would overflow first)."""

    word = "div"


def number(value: float) -> Tree:
    """A literal as an exact rational: the decimal number that was written (0.1 is 1/10)."""
    short = Fraction(repr(value)) if abs(value) < 1e22 else Fraction(value)
    return sp.Rational(short.numerator, short.denominator)


def to_sympy(tree: Expr, names: Mapping[str, Tree]) -> Tree:
    """The sympy expression of a tree; `names` gives the symbol or number for each free name."""
    if tree.word == "number":
        return number(tree.value)
    if tree.word == "name":
        return names[tree.name]
    if tree.word == "where":
        condition = to_sympy(tree.args[0], names)
        if condition.is_number:  # decided already: the other branch may not even be defined
            return to_sympy(tree.args[1 if condition == 1 else 2], names)
        return Where(condition, *(to_sympy(a, names) for a in tree.args[1:]))
    make = ARITHMETIC.get(tree.word) or RELATIONS.get(tree.word) or FUNCTIONS[tree.word]
    return make(*(to_sympy(a, names) for a in tree.args))
