"""The words over spans: a third table beside their definition and the backends' code."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from lossmith.symbolic import balls, spanlinks
from lossmith.symbolic.spans import INF, ONE, UNSURE, ZERO, Span, add, div, hull, mul, neg, plain, square, up

FAST = 16
"""Exponential growth and decay are recorded as this power of T (or less, where that is all that can be shown)."""
HALF = Span(0, 0.5, 0.5)
Truth = bool | None


@dataclass(slots=True)
class State:
    """How one evaluation goes: where the tail starts, whether touching a pole counts, whether a kink was met."""

    start: float = 1.0
    strict: bool = True
    kinked: bool = False


def _lost(*xs: Span) -> bool:
    return any(x.low != x.low for x in xs)


def rising(word: str) -> Callable[[State, Span], Span]:
    """A word that increases on the whole line."""

    def apply(m: State, x: Span) -> Span:
        x = plain(x, m.start)
        return UNSURE if _lost(x) else Span(0, balls.low(word, x.low), balls.high(word, x.high))

    return apply


def falling(word: str) -> Callable[[State, Span], Span]:
    """A word that decreases on the whole line."""

    def apply(m: State, x: Span) -> Span:
        x = plain(x, m.start)
        return UNSURE if _lost(x) else Span(0, balls.low(word, x.high), balls.high(word, x.low))

    return apply


def positive(word: str, edge: float, at_edge: float) -> Callable[[State, Span], Span]:
    """A monotone word defined to the right of `edge`, where it tends to `at_edge` (−∞ or +∞)."""

    def apply(m: State, x: Span) -> Span:
        x = plain(x, m.start)
        if _lost(x) or x.low < edge or (m.strict and x.low == edge) or x.high <= edge:
            return UNSURE
        left, right = (x.low, x.high) if at_edge < 0 else (x.high, x.low)
        low = at_edge if left == edge else balls.low(word, left)
        return Span(0, low, at_edge if right == edge else balls.high(word, right))

    return apply


def _size(x: Span) -> Span:
    """|x|, without a word about the kink."""
    if x.low >= 0:
        return x
    return neg(x) if x.high <= 0 else Span(x.power, 0.0, max(-x.low, x.high))


def even(of_size: Callable[[State, Span], Span]) -> Callable[[State, Span], Span]:
    """A smooth even word, from its monotone half."""
    return lambda m, x: UNSURE if _lost(x) else of_size(m, _size(x))


def grows(x: Span) -> int:
    """+1 or −1 where the span runs off to +∞ or −∞ with T, else 0."""
    if x.power <= 0:
        return 0
    return 1 if x.low > 0 else (-1 if x.high < 0 else 0)


def _exp(m: State, x: Span) -> Span:
    sign = grows(x)
    found = _fast(x.low if sign > 0 else -x.high, float(x.power), math.frexp(m.start)[1] - 1) if sign else None
    if found is None:
        return rising("exp")(m, x)
    power, low, high = found
    return Span(power, low, INF) if sign > 0 else Span(-power, 0.0, high)


@lru_cache(maxsize=256)
def _fast(rate: float, power: float, log2_start: int) -> tuple[int, float, float] | None:
    """K, c and C with exp(rate·Tᵖ) ≥ c·Tᴷ and exp(−rate·Tᵖ) ≤ C·T⁻ᴷ: true from where rate·p·Tᵖ ≥ K on."""
    grown = min(rate * 2.0 ** min(log2_start * power, 900.0), 1e300)
    k = min(FAST, math.floor(min(0.999 * grown * power, 1e6)))
    if k < 1:
        return None
    log = k * log2_start * 0.6931471805599453
    least = grown - log - 1e-9 * (grown + log)
    return k, math.exp(min(least, 700.0)), up(math.exp(-min(least, 700.0)))


def _sqrt(m: State, x: Span) -> Span:
    return _power(m, x, 0.5)


def _pow(m: State, x: Span, y: Span) -> Span:
    if _lost(x, y) or y.power or (y.low != y.high and not (x.low >= 0 < y.low)):
        return _exp(m, mul(y, SPANS["log"](m, x)))
    return _power(m, x, y.low) if y.low == y.high else _powers(plain(x, m.start), y)


def _powers(x: Span, p: Span) -> Span:
    """xᵖ for x ≥ 0 and a range of p > 0: it falls in p below x = 1, and rises above."""
    low = balls.power_low(x.low, p.high if x.low < 1 else p.low)
    return Span(0, low, balls.power_high(x.high, p.low if x.high < 1 else p.high))


def _power(m: State, x: Span, p: float) -> Span:
    if _lost(x):
        return UNSURE
    if p == 0:
        return ONE
    if p == math.floor(p) and abs(p) <= 64:
        return _whole_power(m, x, int(p))
    if x.low < 0 or (p < 0 and x.high == 0):
        return UNSURE
    return _real_power(m, x, p)


def _whole_power(m: State, x: Span, n: int) -> Span:
    if n < 0:
        return div(ONE, _whole_power(m, x, -n), m.strict)
    if n == 1:
        return x
    if n % 2 == 0:
        return square(_whole_power(m, x, n // 2))
    y = _size(x)
    return mul(x, _whole_power(m, y, n - 1)) if y is x or x.high <= 0 else _odd_power(m, x, n)


def _odd_power(m: State, x: Span, n: int) -> Span:
    low, high = Span(x.power, x.low, x.low), Span(x.power, x.high, x.high)
    a, b = mul(low, _whole_power(m, _size(low), n - 1)), mul(high, _whole_power(m, high, n - 1))
    return Span(a.power, a.low, b.high)


def _real_power(m: State, x: Span, p: float) -> Span:
    if p < 0 and x.low == 0 and m.strict:
        return UNSURE
    left, right = (x.low, x.high) if p > 0 else (x.high, x.low)
    power = Fraction(p) * x.power if x.power else 0
    return Span(power, balls.power_low(left, p), balls.power_high(right, p))


def _log(m: State, x: Span) -> Span:
    return positive("log", 0.0, -INF)(m, x)


def _softplus(m: State, x: Span) -> Span:
    if grows(x) > 0:
        rest = plain(SPANS["softplus"](m, plain(neg(x), m.start)), m.start)
        return add(x, rest, m.start)
    return _decays(m, x, rising("softplus"))


def _decays(m: State, x: Span, otherwise: Callable[[State, Span], Span]) -> Span:
    """A word that lies in [0, exp(x)]."""
    if grows(x) < 0:
        e = _exp(m, x)
        return Span(e.power, 0.0, e.high) if e.power else otherwise(m, x)
    return otherwise(m, x)


def _gaussian(m: State, x: Span, factor: float) -> Span:
    """[0, factor·exp(−x²/2)], for x that runs off."""
    e = _exp(m, neg(mul(HALF, square(x))))
    return mul(Span(e.power, 0.0, e.high), Span(0, 0.0, factor))


def _sech2(m: State, x: Span) -> Span:
    if grows(x):
        e = _exp(m, mul(Span(0, -2.0, -2.0), _size(x)))
        return mul(Span(e.power, 0.0, e.high), Span(0, 0.0, 4.0))
    return even(falling("sech2"))(m, x)


def _logcosh(m: State, x: Span) -> Span:
    if grows(x):
        return add(_size(x), Span(0, -0.6931471805599454, 0.0), m.start)
    return even(rising("logcosh"))(m, x)


def _hypot1(m: State, x: Span) -> Span:
    return _sqrt(m, add(ONE, square(x), m.start)) if grows(x) else even(rising("hypot1"))(m, x)


def _witch(m: State, x: Span) -> Span:
    return div(ONE, add(ONE, square(x), m.start), True) if grows(x) else even(falling("witch"))(m, x)


def _serpentine(m: State, x: Span) -> Span:
    if _lost(x):
        return UNSURE
    if grows(x):
        return mul(x, _witch(m, x))
    x = plain(x, m.start)
    ends = [(balls.low("serpentine", e), balls.high("serpentine", e)) for e in (x.low, x.high)]
    low, high = min(e[0] for e in ends), max(e[1] for e in ends)
    return Span(0, -0.5 if x.low <= -1 <= x.high else low, 0.5 if x.low <= 1 <= x.high else high)


def _mills(m: State, x: Span) -> Span:
    sign = grows(x)
    if sign > 0:
        return _gaussian(m, x, 0.8)
    if sign < 0:  # |x| < m(x) < |x| + 1/|x|
        size = _size(x)
        far = div(ONE, size, True)
        return add(size, Span(far.power, 0.0, far.high), m.start)
    return falling("mills")(m, x)


def _mills_slope(m: State, x: Span) -> Span:
    if grows(x) > 0:
        return mul(_mills(m, x), add(_mills(m, x), x, m.start))
    return falling("mills_slope")(m, x)


def _log_ndtr(m: State, x: Span) -> Span:
    sign = grows(x)
    if sign < 0:  # log Φ(−s) = −s²/2 − log √(2π) − log m, and 0 ≤ log m ≤ s for s ≥ 1
        size = _size(x)
        rest = add(Span(0, 0.0, 0.9189385332046728), Span(size.power, 0.0, size.high), m.start)
        return neg(add(mul(HALF, square(x)), rest, m.start))
    if sign > 0:
        return neg(_gaussian(m, x, 0.8))
    return rising("log_ndtr")(m, x)


def _link(word: Callable[..., Span], *more: Any) -> Callable[[State, Span], Span]:
    return lambda m, x: UNSURE if _lost(x) else word(m, _exp, x, grows(x), *more)


def _wave(word: str) -> Callable[[State, Span], Span]:
    def apply(m: State, x: Span) -> Span:
        x = plain(x, m.start)
        return UNSURE if _lost(x) else Span(0, *balls.wave(word, x.low, x.high))

    return apply


def _lgamma(m: State, x: Span) -> Span:
    x = plain(x, m.start)
    if _lost(x) or x.low < 0 or (m.strict and x.low == 0):
        return UNSURE
    ends = [INF if e in (0.0, INF) else balls.high("lgamma", e) for e in (x.low, x.high)]
    low = min(INF if e in (0.0, INF) else balls.low("lgamma", e) for e in (x.low, x.high))
    return Span(0, balls.RANGES["lgamma"][0] if x.low < 1.47 and x.high > 1.46 else low, max(ends))


def _xlogy(m: State, x: Span, y: Span) -> Span:
    return ZERO if x[1:] == (0.0, 0.0) else mul(x, _log(m, y))


def _abs(m: State, x: Span) -> Span:
    m.kinked = m.kinked or x.low < 0 < x.high
    return UNSURE if _lost(x) else _size(x)


def _sign(m: State, x: Span) -> Span:
    if _lost(x):
        return UNSURE
    m.kinked = m.kinked or x.low <= 0 <= x.high != x.low
    return Span(0, float((x.low > 0) - (x.low < 0)), float((x.high > 0) - (x.high < 0)))


def _same_power(m: State, x: Span, y: Span) -> tuple[Span, Span]:
    return (x, y) if x.power == y.power else (plain(x, m.start), plain(y, m.start))


def _min(m: State, x: Span, y: Span) -> Span:
    if x.power != y.power:
        below, above = plain(x, m.start), plain(y, m.start)
        if below.high <= above.low:
            return x
        if above.high <= below.low:
            return y
    x, y = _same_power(m, x, y)
    if _lost(x, y):
        return UNSURE
    m.kinked = m.kinked or not (x.high <= y.low or y.high <= x.low)
    return Span(x.power, min(x.low, y.low), min(x.high, y.high))


def _less(m: State, x: Span, y: Span, equal: bool) -> Truth:
    x, y = _same_power(m, x, y)
    if x.high < y.low or (equal and x.high <= y.low):
        return True
    return False if x.low > y.high or (not equal and x.low >= y.high) else None


def _equal(m: State, x: Span, y: Span) -> Truth:
    x, y = _same_power(m, x, y)
    if x.high < y.low or y.high < x.low:
        return False
    return True if x == y and x.low == x.high else None


def _not(truth: Truth) -> Truth:
    return None if truth is None else not truth


def _and(m: State, a: Truth, b: Truth) -> Truth:
    return False if a is False or b is False else (True if a and b else None)


def _where(m: State, condition: Truth, x: Span, y: Span) -> Span:
    if condition is None:
        m.kinked = True
        return hull(x, y, m.start)
    return x if condition else y


SPANS: dict[str, Callable[..., Any]] = {
    "add": lambda m, x, y: add(x, y, m.start), "sub": lambda m, x, y: add(x, neg(y), m.start),
    "mul": lambda m, x, y: mul(x, y), "div": lambda m, x, y: div(x, y, m.strict), "neg": lambda m, x: neg(x),
    "pow": _pow, "sqrt": _sqrt,
    "lt": lambda m, x, y: _less(m, x, y, False), "le": lambda m, x, y: _less(m, x, y, True),
    "gt": lambda m, x, y: _less(m, y, x, False), "ge": lambda m, x, y: _less(m, y, x, True),
    "eq": _equal, "ne": lambda m, x, y: _not(_equal(m, x, y)), "and": _and, "where": _where,
    "abs": _abs, "sign": _sign, "min": _min, "max": lambda m, x, y: neg(_min(m, neg(x), neg(y))),
    "exp": _exp, "expm1": rising("expm1"), "log": _log, "log1p": positive("log1p", -1.0, -INF),
    "tanh": rising("tanh"), "sech2": _sech2, "logcosh": _logcosh, "atan": rising("atan"),
    "sin": _wave("sin"), "cos": _wave("cos"), "erf": rising("erf"),
    "lgamma": _lgamma, "digamma": positive("digamma", 0.0, -INF), "trigamma": positive("trigamma", 0.0, INF),
    "softplus": _softplus, "sigmoid": lambda m, x: _decays(m, x, rising("sigmoid")), "xlogy": _xlogy,
    "hypot1": _hypot1, "log1psq": even(rising("log1psq")), "witch": _witch, "serpentine": _serpentine,
    "expm1mx": _link(spanlinks.valley), "log1pmx": _link(spanlinks.hill), "asinh": rising("asinh"),
    "log_cloglog": _link(spanlinks.log_cloglog), "cloglog_slope": _link(spanlinks.cloglog_slope),
    "cloglog_bend": _link(spanlinks.cloglog_bend), "log_cauchit": _link(spanlinks.log_cauchit),
    "cauchit_slope": _link(spanlinks.cauchit_slope, _witch),
    "log_ndtr": _log_ndtr, "mills": _mills, "mills_slope": _mills_slope,
}  # fmt: skip
"""Each word of `lossmith.words` over spans; conditions have three values: True, False and None (cannot tell)."""
