"""The smooth words as sympy functions, with derivative rules that keep the digits."""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from lossmith.symbolic.algebra import HALF, RELATIONS, Abs, Min, Tree, Where, Word


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
    slope = staticmethod(lambda x: Sech2(x / 2) / 4)


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
    slope = staticmethod(lambda x: Witch(x) ** sp.Rational(3, 2))


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


class Quotient(Word):
    """a/b as one division, kept apart from the product around it (which would overflow first)."""

    word = "div"


COMPOSITES: dict[str, Callable[..., Tree]] = {
    "tilt": lambda x: x / Hypot1(x),
    "hypot1m1": lambda x: x * Quotient(x, 1 + Hypot1(x)),
    "saturation": lambda x: Where(RELATIONS["lt"](Abs(x), sp.S.One), x * Serpentine(x), 1 - Witch(x)),
    "fade": lambda x: Min(x, sp.Integer(1000)) * Exp(-x),
    "cosh": lambda x: HALF * (Exp(x) + Exp(-x)),
}
"""Functions that no machine knows, in terms of words."""
