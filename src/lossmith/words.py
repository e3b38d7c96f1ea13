"""The machine's words: how many arguments each takes, and its definition in mpmath."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

WORDS: dict[str, int] = {
    # arithmetic
    "add": 2, "sub": 2, "mul": 2, "div": 2, "neg": 1, "pow": 2, "sqrt": 1,
    # comparisons (their result is a truth value, used only by `where` and `and`)
    "lt": 2, "le": 2, "gt": 2, "ge": 2, "eq": 2, "ne": 2, "and": 2, "where": 3,
    # kinked words
    "abs": 1, "sign": 1, "min": 2, "max": 2,
    # smooth words
    "exp": 1, "expm1": 1, "log": 1, "log1p": 1, "tanh": 1, "sech2": 1, "logcosh": 1, "atan": 1, "sin": 1, "cos": 1,
    "erf": 1, "lgamma": 1, "digamma": 1, "trigamma": 1, "softplus": 1, "sigmoid": 1, "xlogy": 2,
    # x ↦ √(1+x²), log(1+x²), 1/(1+x²) and x/(1+x²), right also where x² overflows or underflows
    "hypot1": 1, "log1psq": 1, "witch": 1, "serpentine": 1,
    # what is left of eˣ and log(1 + x) without their straight part: eˣ − 1 − x and log(1 + x) − x; and asinh
    "expm1mx": 1, "log1pmx": 1, "asinh": 1,
    # log(1 − exp(−eˣ)), its slope and minus its second derivative; log(½ + atan(x)/π) and its slope
    "log_cloglog": 1, "cloglog_slope": 1, "cloglog_bend": 1, "log_cauchit": 1, "cauchit_slope": 1,
    # the normal distribution: log Φ, φ/Φ, and −(log Φ)″ = m(m + x) with m = φ/Φ
    "log_ndtr": 1, "mills": 1, "mills_slope": 1,
}  # fmt: skip
"""The machine's words and how many arguments each takes; every backend has a table over exactly these."""

COMPARISONS = frozenset({"lt", "le", "gt", "ge", "eq", "ne", "and"})

FAR_TAIL = -1e5
"""Below this the normal tail is exp(−5·10⁹) and less, and mpmath's own functions overflow or lose it."""


@cache
def definitions() -> Mapping[str, Callable[..., Any]]:
    """The definition of each word, computed at mpmath's working precision."""
    import mpmath
    from mpmath import mp, mpf

    nan = mpf("nan")

    def guard(f: Callable[..., Any]) -> Callable[..., Any]:
        """NaN in, NaN out."""
        return lambda *a: nan if any(isinstance(x, mpf) and mpmath.isnan(x) for x in a) else f(*a)

    def exp(x: Any) -> Any:
        if mpmath.isfinite(x) and mpmath.mag(x) > 2200:  # beyond any double composed with any double
            return mpf("inf") if x > 0 else mpf(0)
        return mp.exp(x)

    def log1p(x: Any) -> Any:
        return mp.log1p(x) if x > -1 else (mpf("-inf") if x == -1 else nan)

    def log(x: Any) -> Any:
        return mp.log(x) if x > 0 else (mpf("-inf") if x == 0 else nan)

    def div(a: Any, b: Any) -> Any:
        if b == 0:
            return nan if a == 0 else mp.sign(a) * mpf("inf")
        return a / b

    def power(a: Any, b: Any) -> Any:
        if a == 0 and b < 0:
            return mpf("inf")
        if a < 0 and b != mp.floor(b):
            return nan
        return mp.power(a, b)

    def expm1mx(x: Any) -> Any:
        return beyond_line(mp.expm1, x, 1) if abs(x) < 1 else (exp(x) - 1 - x if mpmath.isfinite(x) else abs(x))

    def log1pmx(x: Any) -> Any:
        return beyond_line(mp.log1p, x, -1) if abs(x) < 0.5 else (log1p(x) - x if mpmath.isfinite(x) else -x)

    def beyond_line(f: Callable[..., Any], x: Any, sign: int) -> Any:
        """f(x) − x = ±x²/2 + …, with as many more digits as the subtraction takes."""
        if x == 0 or mpmath.mag(x) < -mp.prec - 8:
            return sign * x * x / 2
        with mp.workprec(mp.prec + 2 * max(0, -mpmath.mag(x)) + 8):
            left = f(x) - x
        return +left

    def log_cloglog(x: Any) -> Any:
        u = exp(x)
        if x > 0:
            return log1p(-exp(-u))
        return x + log1p(-expm1mx(-u) / u) if u > 0 else x

    def lost(u: Any) -> Any:
        return -mp.expm1(-u) if u < 1 else 1 - exp(-u)

    def cloglog_slope(x: Any) -> Any:
        u = exp(x)
        if u == 0 or mpmath.isinf(u) or mpmath.mag(u) < -mp.prec - 8:
            return mpf(0) if u > 1 else 1 - u / 2
        return u * exp(-u) / lost(u)

    def cloglog_bend(x: Any) -> Any:
        u = exp(x)
        if u == 0 or mpmath.isinf(u) or mpmath.mag(u) < -mp.prec - 8:
            return mpf(0) if u > 1 else u / 2
        return cloglog_slope(x) * expm1mx(-u) / lost(u)

    def cauchy_tail(x: Any) -> Any:
        """½ − atan(x)/π for x >= 0."""
        return (mp.atan(1 / x) if x > 1 else mp.pi / 2 - mp.atan(x)) / mp.pi

    def log_cauchit(x: Any) -> Any:
        return log(cauchy_tail(-x)) if x < 0 else log1p(-cauchy_tail(x))

    def cauchit_slope(x: Any) -> Any:
        if mpmath.isinf(x):
            return mpf(0)
        return 1 / (mp.pi * (1 + x * x)) / (cauchy_tail(-x) if x < 0 else 1 - cauchy_tail(x))

    def softplus(x: Any) -> Any:
        return x + log1p(exp(-x)) if x > 0 else log1p(exp(x))

    def sigmoid(x: Any) -> Any:
        return 1 / (1 + exp(-x)) if x > 0 else exp(x) / (1 + exp(x))

    def logcosh(x: Any) -> Any:
        return -log1p(-(mp.tanh(x) ** 2)) / 2 if abs(x) < 1 else abs(x) + log1p(exp(-2 * abs(x))) - mp.ln2

    def sech2(x: Any) -> Any:
        t = exp(-2 * abs(x))
        return 4 * t / (1 + t) ** 2

    def normal_tail(x: Any) -> Any:
        """Φ(x) without cancellation; a tiny number stays a number in mpmath."""
        return mp.erfc(-x / mp.sqrt(2)) / 2

    def log_ndtr(x: Any) -> Any:
        if mpmath.isinf(x):
            return min(x, mpf(0))
        if x < FAR_TAIL:
            return mp.log(far_ratio(-x) / mp.sqrt(2 * mp.pi)) - x * x / 2
        return mp.log(normal_tail(x)) if x < 3 else log1p(-(mpf(0) if x > -FAR_TAIL else normal_tail(-x)))

    def far_ratio(u: Any) -> Any:
        """(1 − Φ(u))/φ(u) by its asymptotic series, which for u > 1e5 is good for 7·10⁹ bits."""
        total = term = 1 / u
        for k in itertools.count(1, 2):
            term *= -k / (u * u)
            total += term
            if abs(term) <= mpmath.ldexp(abs(total), -mp.prec):
                return total

    def mills(x: Any) -> Any:
        if x == mpf("-inf"):
            return mpf("inf")
        if abs(x) > -FAR_TAIL:
            return mpf(0) if x > 0 else 1 / far_ratio(-x)
        return mp.npdf(x) / normal_tail(x)

    def mills_slope(x: Any) -> Any:
        m = mills(x)
        return m * (m + x)

    table: dict[str, Callable[..., Any]] = {
        "add": lambda a, b: a + b,
        "sub": lambda a, b: a - b,
        "mul": lambda a, b: a * b,
        "div": div,
        "neg": lambda a: -a,
        "pow": power,
        "sqrt": lambda a: mp.sqrt(a) if a >= 0 else nan,
        "abs": abs,
        "sign": mp.sign,
        "min": min,
        "max": max,
        "exp": exp,
        "expm1": lambda x: mp.expm1(x) if abs(x) < 1 else exp(x) - 1,
        "log": log,
        "log1p": log1p,
        "tanh": mp.tanh,
        "sech2": sech2,
        "logcosh": logcosh,
        "atan": mp.atan,
        "sin": mp.sin,
        "cos": mp.cos,
        "erf": lambda x: mp.sign(x) if mp.mag(x) > 60 else mp.erf(x),  # beyond, mpmath overflows
        "lgamma": mp.loggamma,
        "digamma": mp.digamma,
        "trigamma": lambda x: mp.psi(1, x),
        "softplus": softplus,
        "sigmoid": sigmoid,
        "xlogy": lambda x, y: mpf(0) if x == 0 else x * log(y),
        "hypot1": lambda x: mp.sqrt(1 + x * x),
        "log1psq": lambda x: log1p(x * x),
        "witch": lambda x: 1 / (1 + x * x),
        "serpentine": lambda x: x / (1 + x * x),
        "expm1mx": expm1mx,
        "log1pmx": log1pmx,
        "asinh": mp.asinh,
        "log_cloglog": log_cloglog,
        "cloglog_slope": cloglog_slope,
        "cloglog_bend": cloglog_bend,
        "log_cauchit": log_cauchit,
        "cauchit_slope": cauchit_slope,
        "log_ndtr": log_ndtr,
        "mills": mills,
        "mills_slope": mills_slope,
    }
    choices: dict[str, Callable[..., Any]] = {
        "lt": lambda a, b: a < b,
        "le": lambda a, b: a <= b,
        "gt": lambda a, b: a > b,
        "ge": lambda a, b: a >= b,
        "eq": lambda a, b: a == b,
        "ne": lambda a, b: a != b,
        "and": lambda a, b: a and b,
        "where": lambda c, a, b: a if c else b,
    }
    return {name: guard(f) for name, f in table.items()} | choices
