"""What two near terms leave: words for small differences, and the rewrites that find them in plain formulas."""

from __future__ import annotations

import math
from collections.abc import Callable

import sympy as sp

from lossmith.symbolic.algebra import HALF, RELATIONS, Abs, Max, Min, Tree, Where, Word
from lossmith.symbolic.smooth import (
    COMPOSITES,
    Atan,
    Cos,
    Exp,
    Expm1,
    Fade,
    Hypot1,
    Log,
    Log1p,
    Sech2,
    Serpentine,
    Sigmoid,
    Sin,
    Softplus,
)


class Expm1mx(Word):
    """eˣ − 1 − x."""

    word = "expm1mx"
    slope = staticmethod(lambda x: Expm1(x))


class Log1pmx(Word):
    """log(1 + x) − x."""

    word = "log1pmx"
    slope = staticmethod(lambda x: -Share(x))


class Share(Word):
    """x/(1 + x), a name that keeps its derivative (1 + x)⁻² free of cancellation."""

    word = "share"
    slope = staticmethod(lambda x: (1 + x) ** -2)


class Asinh(Word):
    word = "asinh"
    parity = -1
    slope = staticmethod(lambda x: 1 / Hypot1(x))


class Rise(Word):
    """x + √(1 + x²), the exponential of asinh(x)."""

    word = "rise"
    slope = staticmethod(lambda x: Rise(x) / Hypot1(x))


class LogCloglog(Word):
    """log(1 − exp(−eˣ))."""

    word = "log_cloglog"
    slope = staticmethod(lambda x: CloglogSlope(x))


class CloglogSlope(Word):
    word = "cloglog_slope"
    slope = staticmethod(lambda x: -CloglogBend(x))


class CloglogBend(Word):
    word = "cloglog_bend"


class LogCauchit(Word):
    """log(½ + atan(x)/π)."""

    word = "log_cauchit"
    slope = staticmethod(lambda x: CauchitSlope(x))


class CauchitSlope(Word):
    word = "cauchit_slope"
    slope = staticmethod(lambda x: -CauchitSlope(x) * (2 * Serpentine(x) + CauchitSlope(x)))


class Onset(Word):
    """1 − (1 + x)e⁻ˣ for x ≥ 0, which begins like x²/2."""

    word = "onset"
    slope = staticmethod(lambda x: Fade(x))


class Bennett(Word):
    """(1 + x)·log(1 + x) − x, which begins like x²/2."""

    word = "bennett"
    slope = staticmethod(lambda x: Log1p(x))


class Log1mexp(Word):
    """log(1 − eˣ) for x < 0."""

    word = "log1mexp"
    slope = staticmethod(lambda x: Exp(x) / Expm1(x))


class SoftplusRise(Word):
    """softplus(b + d) − softplus(b), with its derivative in d only: b does not move."""

    word = "softplus_rise"

    def _eval_derivative(self, t: Tree) -> Tree:
        b, d = self.args
        return Sigmoid(b + d) * d.diff(t)


class ExpRise(Word):
    """log(exp(eˣ) − 1), whose zero where eˣ = log 2 is no difference."""

    word = "exp_rise"
    slope = staticmethod(lambda x: Exp(x) + CloglogSlope(x))


def _unit(x: Tree) -> Tree:
    """x within ±1: beyond, where another form serves, this one shall not overflow."""
    return Max(Min(x, sp.S.One), -sp.S.One)


def _below(x: Tree, edge: Tree, near: Tree, far: Tree) -> Tree:
    return Where(RELATIONS["lt"](x, edge), near, far)


COMPOSITES |= {
    "share": lambda x: x / (1 + x),
    "rise": lambda x: _below(x, sp.S.Zero, 1 / (Hypot1(x) - x), x + Hypot1(x)),
    "onset": lambda x: _below(x, sp.S.One, Exp(-x) * Expm1mx(x), 1 - Exp(-x) - Fade(x)),
    "bennett": lambda x: _below(x, sp.S.One, x**2 + (1 + x) * Log1pmx(x), (1 + x) * Log1p(x) - x),
    "exp_rise": lambda x: _below(Abs(x), sp.S.One, Log(Expm1(Exp(_unit(x)))), Exp(x) + LogCloglog(x)),
    "log1mexp": lambda x: _below(x, -sp.Rational(7, 10), Log1p(-Exp(x)), Log(-Expm1(x))),
    "softplus_rise": lambda b, d: _below(
        Abs(d), sp.S.One, Log1p(Sigmoid(b) * Expm1(_unit(d))), Softplus(b + d) - Softplus(b)
    ),
}


def calls(e: Tree, kind: type[Word]) -> list[tuple[Tree, Tree, Tree]]:
    """(term, factor, x) for every term factor·kind(x) of a sum."""
    found = []
    for term in e.args if e.is_Add else ():
        calls = [f for f in sp.Mul.make_args(term) if f.func is kind]
        if len(calls) == 1:
            found.append((term, term / calls[0], calls[0].args[0]))
    return found


def paired(e: Tree, term: Tree, other: Tree, better: Tree) -> Tree | None:
    """The sum with term + other replaced, if it holds both."""
    if other not in e.args:
        return None
    return sp.Add(*(a for a in e.args if a is not term and a != other), better)


def _without_line(e: Tree, kind: type[Word], whole: type[Word]) -> Tree | None:
    found = (paired(e, term, -c * x, c * whole(x)) for term, c, x in calls(e, kind))
    return next((better for better in found if better is not None), None)


def exp_without_line(e: Tree) -> Tree | None:
    """expm1(x) − x → expm1mx(x)."""
    return _without_line(e, Expm1, Expm1mx)


def log_without_line(e: Tree) -> Tree | None:
    """log1p(x) − x → log1pmx(x)."""
    return _without_line(e, Log1p, Log1pmx)


LONG = 64
"""Operations beyond which nobody wrote the line of an exponential by hand."""


def _vanishes(e: Tree) -> bool:
    """Is a short sum zero once multiplied out? A long one never is, and would take seconds to expand."""
    return bool(e.count_ops() <= LONG and sp.expand(e) == 0)


def exp_onset(e: Tree) -> Tree | None:
    """1 − (1 + x)·e⁻ˣ → onset(x)."""
    for term, factor, x in calls(e, Exp):
        for c in e.args:
            if c is not term and _vanishes(factor + c * (1 - x)):
                return paired(e, term, c, c * Onset(-x))
    return None


def log_onset(e: Tree) -> Tree | None:
    """(1 + x)·log1p(x) − x → bennett(x)."""
    for term, factor, x in calls(e, Log1p):
        for line in e.args:
            c = -line / x
            if line is not term and _vanishes(factor - c * (1 + x)):
                return paired(e, term, line, c * Bennett(x))
    return None


def one_minus_cos(e: Tree) -> Tree | None:
    """1 − cos(x) → 2 sin²(x/2)."""
    found = (paired(e, term, -c, -2 * c * Sin(x / 2) ** 2) for term, c, x in calls(e, Cos))
    return next((better for better in found if better is not None), None)


def log_one_minus_exp(e: Tree) -> Tree | None:
    """log(1 − eˣ) → log1mexp(x), and log(1 − exp(−eˣ)) → log_cloglog(x)."""
    inner = -e.args[0] if e.func is Log else None
    if inner is None or inner.func is not Expm1:
        return None
    x = inner.args[0]
    return LogCloglog((-x).args[0]) if (-x).func is Exp else Log1mexp(x)


def log_of_cauchy(e: Tree) -> Tree | None:
    """log(½ + atan(x)/π) → log_cauchit(x)."""
    if e.func is not Log or not e.args[0].is_Add or len(e.args[0].args) != 2 or HALF not in e.args[0].args:
        return None
    for _, c, x in calls(e.args[0], Atan):
        if c.is_number and abs(abs(float(c)) * math.pi - 1) < 1e-14:
            return LogCauchit(x if c > 0 else -x)
    return None


def softplus_of_asinh(e: Tree) -> Tree | None:
    """log(1 + exp(±asinh(x))) → log1p(rise(±x)): no digits are lost to a logarithm and back."""
    for sign in (1, -1) if e.func is Softplus else ():
        if (sign * e.args[0]).func is Asinh:
            return Log1p(Rise(sign * (sign * e.args[0]).args[0]))
    return None


def log_of_hypot(e: Tree) -> Tree | None:
    """log(x + √(1 + x²)) → asinh(x)."""
    if e.func is not Log or not e.args[0].is_Add:
        return None
    for term in e.args[0].args:
        rest = e.args[0] - term
        if term.func is Hypot1 and term.args[0] in (rest, -rest):
            return Asinh(rest)
    return None


def softplus_difference(e: Tree) -> Tree | None:
    """softplus(a) − softplus(b) with b constant → softplus_rise(b, a − b)."""
    found = calls(e, Softplus)
    for low, c, b in found:
        for high, opposite, a in found:
            if opposite == -c and still(b) and not still(a):
                kept = (t for t in e.args if t is not low and t is not high)
                return sp.Add(*kept, opposite * SoftplusRise(b, sp.expand(a - b)))
    return None


def exp_rise(e: Tree) -> Tree | None:
    """eˣ + log_cloglog(x) → exp_rise(x)."""
    found = (paired(e, term, c * Exp(x), c * ExpRise(x)) for term, c, x in calls(e, LogCloglog) if c.is_number)
    return next((better for better in found if better is not None), None)


FARTHEST = sp.Integer(10) ** 300


def fading_square(e: Tree) -> Tree | None:
    """r²·sech²(u) → min(r², 10³⁰⁰)·sech²(u), which is 0, not NaN, where u is far out."""
    faded = (f.func is Sech2 or (f.func is Sigmoid and Sigmoid(-f.args[0]) in e.args) for f in e.args)
    if not e.is_Mul or not any(faded):
        return None
    high = [f for f in e.args if f.is_Pow and f.base.is_Symbol and not f.base.is_positive and f.exp == 2]
    return sp.Mul(*(Min(f, FARTHEST) if f in high else f for f in e.args)) if high else None


def still(e: Tree) -> bool:
    """Are all its symbols positive parameters?"""
    return all(s.is_positive for s in e.free_symbols)


REWRITES: dict[str, Callable[[Tree], Tree | None]] = {
    f.__name__: f
    for f in (
        exp_without_line,
        log_without_line,
        exp_onset,
        log_onset,
        one_minus_cos,
        log_one_minus_exp,
        log_of_cauchy,
        log_of_hypot,
        softplus_of_asinh,
        softplus_difference,
        fading_square,
        exp_rise,
    )
}
