"""The words over intervals of mpmath numbers: the second routine's own table, from the living definitions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import mpmath
from mpmath import mpf

from lossmith.words import definitions

BITS = 120
INF = mpf("inf")
SLACK = mpf(2) ** (20 - BITS)
Range = tuple[Any, Any]


def _out(low: Any, high: Any) -> Range:
    """An interval, rounded outwards; the whole line where an end is not a number."""
    if mpmath.isnan(low) or mpmath.isnan(high):
        return -INF, INF
    return low - abs(low) * SLACK if mpmath.isfinite(low) else low, (
        high + abs(high) * SLACK if mpmath.isfinite(high) else high
    )


def _corner(a: Any, b: Any) -> Any:
    return mpf(0) if a == 0 or b == 0 else a * b


def times(x: Range, y: Range) -> Range:
    """The product of two intervals."""
    corners = [_corner(a, b) for a in x for b in y]
    return _out(min(corners), max(corners))


def squared(x: Range) -> Range:
    """x·x for one and the same x."""
    return times(_size(x), _size(x))


def _div(x: Range, y: Range) -> Range:
    if y[0] < 0 < y[1] or y == (0, 0):
        return -INF, INF
    above = y[1] > 0
    ends = tuple((INF if above else -INF) if e == 0 else (mpf(0) if mpmath.isinf(e) else 1 / e) for e in y)
    return times(x, (min(ends), max(ends)))


def _sum(x: Range, y: Range) -> Range:
    """The sum of two intervals; of whole numbers it is exact, so that an exponent made of some stays a number."""
    low, high = x[0] + y[0], x[1] + y[1]
    whole = all(mpmath.isint(e) and abs(e) < 2**60 for e in (*x, *y))
    return (low, high) if whole else _out(low, high)


def _rising(word: str) -> Callable[..., Range]:
    return lambda x: _out(_at(word, x[0]), _at(word, x[1]))


def _falling(word: str) -> Callable[..., Range]:
    return lambda x: _out(_at(word, x[1]), _at(word, x[0]))


def _at(word: str, x: Any) -> Any:
    if word in LIMITS and (mpmath.isinf(x) or (word == "tanh" and abs(x) > SURE)):
        return LIMITS[word][x > 0]
    return definitions()[word](x)


SURE = mpf(2) ** 40
"""Beyond this tanh is ±1 to more digits than are kept, and would be computed with more than there is memory for."""
LIMITS: Mapping[str, tuple[Any, Any]] = {
    "exp": (mpf(0), INF), "expm1": (mpf(-1), INF), "tanh": (mpf(-1), mpf(1)), "softplus": (mpf(0), INF),
    "sigmoid": (mpf(0), mpf(1)), "mills": (INF, mpf(0)), "mills_slope": (mpf(1), mpf(0)), "sech2": (mpf(0), mpf(0)),
    "log_cloglog": (-INF, mpf(0)), "cloglog_slope": (mpf(1), mpf(0)), "log_cauchit": (-INF, mpf(0)),
    "witch": (mpf(0), mpf(0)), "cauchit_slope": (mpf(0), mpf(0)), "lgamma": (INF, INF),
    "digamma": (-INF, INF), "trigamma": (INF, mpf(0)), "erf": (mpf(-1), mpf(1)),
}  # fmt: skip


def _size(x: Range) -> Range:
    if x[0] >= 0:
        return x
    return (-x[1], -x[0]) if x[1] <= 0 else (mpf(0), max(-x[0], x[1]))


def _turning(word: str, *places: float) -> Callable[..., Range]:
    """A word that is monotone between these places."""

    def over(x: Range) -> Range:
        seen = [_at(word, e) for e in (*x, *(mpf(p) for p in places if x[0] < p < x[1]))]
        return _out(min(seen), max(seen)) if not any(map(mpmath.isnan, seen)) else (-INF, INF)

    return over


def _peaked(word: str, near: float, sign: int) -> Callable[..., Range]:
    """A word with one peak (sign = 1) or one pit (−1), which lies within 1e-9 of a place."""

    def over(x: Range) -> Range:
        ends = [_at(word, e) for e in x]
        seen = (
            [*ends, _at(word, mpf(near)) + sign * mpf(10) ** -12] if x[0] < near + 1e-9 and x[1] > near - 1e-9 else ends
        )
        return _out(min(seen), max(seen)) if not any(map(mpmath.isnan, seen)) else (-INF, INF)

    return over


def _lgamma(x: Range) -> Range:
    return _peaked("lgamma", PIT, -1)(x) if x[0] > 0 else (-INF, INF)


def _cloglog_bend(x: Range) -> Range:
    """u/(eᵘ − 1), which falls, times u/(1 − e⁻ᵘ) − 1 >= 0, which rises in u = eˣ."""
    slopes = [_at("cloglog_slope", e) for e in x]
    rests = [_rest(e) for e in x]
    high = slopes[0] * rests[1] if mpmath.isfinite(rests[1]) else INF
    return _out(slopes[1] * rests[0] if mpmath.isfinite(rests[0]) else mpf(0), high)


def _rest(x: Any) -> Any:
    u = _at("exp", x)
    if u == 0 or mpmath.isinf(u) or mpmath.mag(u) < -BITS:
        return u / 2
    return definitions()["expm1mx"](-u) / (-mpmath.expm1(-u) if u < 1 else 1 - _at("exp", -u))


def _wave(word: str) -> Callable[..., Range]:
    def over(x: Range) -> Range:
        if not x[1] - x[0] < 3:
            return mpf(-1), mpf(1)
        start = mpmath.pi / 2 if word == "sin" else mpf(0)
        first = mpmath.ceil((x[0] - start) / mpmath.pi)
        turns = [start + (first + k) * mpmath.pi for k in range(2)]
        seen = [_at(word, e) for e in (*x, *(t for t in turns if x[0] < t < x[1]))]
        return _out(min(seen), max(seen))

    return over


def _pow(x: Range, y: Range) -> Range:
    if y[0] != y[1]:
        return -INF, INF
    p = y[0]
    if p == mpmath.floor(p) and p % 2 == 0:
        x = _size(x)
    if x[0] < 0 and (p != mpmath.floor(p) or p < 0):
        return -INF, INF
    ends = [_power(e, p) for e in x]
    return _out(min(ends), max(ends))


def _power(x: Any, p: Any) -> Any:
    if mpmath.isinf(x):
        return INF if p > 0 else mpf(0)
    return definitions()["pow"](x, p)


def _less(x: Range, y: Range, equal: bool) -> bool | None:
    if x[1] < y[0] or (equal and x[1] <= y[0]):
        return True
    return False if x[0] > y[1] or (not equal and x[0] >= y[1]) else None


def _same(x: Range, y: Range) -> bool | None:
    return (x == y and x[0] == x[1]) or (None if not (x[1] < y[0] or y[1] < x[0]) else False)


def _not(a: bool | None) -> bool | None:
    return None if a is None else not a


def _where(c: bool | None, x: Range, y: Range) -> Range:
    return (min(x[0], y[0]), max(x[1], y[1])) if c is None else (x if c else y)


def _both(a: bool | None, b: bool | None) -> bool | None:
    return False if a is False or b is False else (True if a and b else None)


PEAK, PIT = -0.42897790896417926, 1.4616321449683623
"""Where the slope of log(½ + atan(x)/π) is largest, and log Γ least."""
RISING = ("exp", "expm1", "log", "log1p", "tanh", "atan", "asinh", "erf", "softplus", "sigmoid", "log_ndtr", "sqrt",
          "digamma", "log_cloglog", "log_cauchit")  # fmt: skip
FALLING = ("mills", "mills_slope", "trigamma", "cloglog_slope")
WORDS: Mapping[str, Callable[..., Any]] = {
    **{w: _rising(w) for w in RISING}, **{w: _falling(w) for w in FALLING},
    "add": lambda x, y: _sum(x, y), "sub": lambda x, y: _sum(x, (-y[1], -y[0])),
    "mul": times, "div": _div, "neg": lambda x: (-x[1], -x[0]), "pow": _pow, "abs": _size,
    "sign": lambda x: (mpmath.sign(x[0]), mpmath.sign(x[1])),
    "min": lambda x, y: (min(x[0], y[0]), min(x[1], y[1])), "max": lambda x, y: (max(x[0], y[0]), max(x[1], y[1])),
    "sech2": lambda x: _falling("sech2")(_size(x)), "witch": lambda x: _falling("witch")(_size(x)),
    "logcosh": lambda x: _rising("logcosh")(_size(x)), "hypot1": lambda x: _rising("hypot1")(_size(x)),
    "log1psq": lambda x: _rising("log1psq")(_size(x)), "serpentine": _turning("serpentine", -1, 1),
    "cauchit_slope": _peaked("cauchit_slope", PEAK, 1), "lgamma": _lgamma, "cloglog_bend": _cloglog_bend,
    "expm1mx": _turning("expm1mx", 0), "log1pmx": _turning("log1pmx", 0), "sin": _wave("sin"), "cos": _wave("cos"),
    "xlogy": lambda x, y: (mpf(0), mpf(0)) if x == (0, 0) else times(x, _rising("log")(y)),
    "lt": lambda x, y: _less(x, y, False), "le": lambda x, y: _less(x, y, True),
    "gt": lambda x, y: _less(y, x, False), "ge": lambda x, y: _less(y, x, True),
    "eq": lambda x, y: _same(x, y),
    "ne": lambda x, y: _not(_same(x, y)), "and": _both, "where": _where,
}  # fmt: skip
"""Words over intervals of mpmath numbers; a word that is not here decides nothing."""
