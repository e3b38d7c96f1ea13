"""Words of odd shapes over spans: eˣ − 1 − x and log(1 + x) − x, and two links.

Each is given how to take exp, and whether x runs off to +∞ (sign 1) or −∞ (−1). For the complementary log-log, with
u = eˣ, the slope of log(1 − e⁻ᵘ) is u/(eᵘ − 1), which falls in x, and its bend is that times (e⁻ᵘ − 1 + u)/(1 − e⁻ᵘ),
which rises from 0 and is at most u.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from lossmith.symbolic import balls
from lossmith.symbolic.spans import INF, ONE, UNSURE, Span, add, div, mul, neg, plain

Exp = Callable[[Any, Span], Span]


def _fading(m: Any, exp: Exp, x: Span, factor: float) -> Span:
    """[0, factor·eˣ] for x that runs off to −∞."""
    e = exp(m, x)
    return mul(Span(e.power, 0.0, e.high), Span(0, 0.0, factor))


def valley(m: Any, exp: Exp, x: Span, sign: int) -> Span:
    """eˣ − 1 − x: falls to 0 at 0, then rises."""
    if sign:
        return add(add(exp(m, x), neg(ONE), m.start), neg(x), m.start)
    x = plain(x, m.start)
    low, high = _ends("expm1mx", x)
    return Span(0, 0.0 if x.low <= 0 <= x.high else low, high)


def hill(m: Any, exp: Exp, x: Span, sign: int) -> Span:
    """log(1 + x) − x: rises to 0 at 0, then falls; 0 ≤ log(1 + x) ≤ √x far out."""
    if sign > 0:
        return add(neg(x), Span(Fraction(x.power) / 2, 0.0, balls.power_high(x.high, 0.5)), m.start)
    x = plain(x, m.start)
    if x.low < -1 or x.high <= -1 or (m.strict and x.low == -1):
        return UNSURE
    low, high = _ends("log1pmx", x)
    return Span(0, -INF if x.low == -1 else low, 0.0 if x.low <= 0 <= x.high else high)


def _ends(word: str, x: Span) -> tuple[float, float]:
    return min(balls.low(word, e) for e in x[1:]), max(balls.high(word, e) for e in x[1:])


def log_cloglog(m: Any, exp: Exp, x: Span, sign: int) -> Span:
    """log(1 − exp(−eˣ)): x itself less at most eˣ far left, within −2e⁻ˣ of 0 far right."""
    if sign > 0:
        return neg(_fading(m, exp, neg(x), 2.0))
    if sign < 0:
        return add(x, neg(_fading(m, exp, x, 1.0)), m.start)
    return _monotone("log_cloglog", plain(x, m.start))


def cloglog_slope(m: Any, exp: Exp, x: Span, sign: int) -> Span:
    """u/(eᵘ − 1) ≤ 2/u."""
    return _fading(m, exp, neg(x), 2.0) if sign > 0 else _monotone("cloglog_slope", plain(x, m.start), -1)


def cloglog_bend(m: Any, exp: Exp, x: Span, sign: int) -> Span:
    """At most u far left and 6/u far right; between, a falling factor times a rising one."""
    if sign:
        return _fading(m, exp, neg(x) if sign > 0 else x, 6.0 if sign > 0 else 1.0)
    x = plain(x, m.start)
    slope, turn = _monotone("cloglog_slope", x, -1), _monotone("cloglog_turn", x)
    return mul(slope, turn)


def log_cauchit(m: Any, exp: Exp, x: Span, sign: int) -> Span:
    """log of the Cauchy distribution function F: within −2/(πx) of 0 far right."""
    if sign > 0:
        return neg(div(Span(0, 0.0, 0.6366197723675815), x, True))
    return _monotone("log_cauchit", plain(x, m.start))


VERY_FAR = 1e100
"""Where 1 + x² may overflow before it is multiplied by a tail."""


def cauchit_slope(m: Any, exp: Exp, x: Span, sign: int, witch: Callable[[Any, Span], Span]) -> Span:
    """1/(π(1 + x²)F(x)); F(−s) = atan(1/s)/π lies between 1/(1.1πs) and 1/(πs) for s ≥ 2."""
    if sign > 0:
        return mul(witch(m, x), Span(0, 0.3183098861837906, 0.6366197723675815))
    if plain(x, m.start).high <= (-2 if sign < 0 else -VERY_FAR):
        return mul(mul(witch(m, x), neg(x)), Span(0, 1.0, 1.1))
    cdf = _monotone("cauchy_cdf", plain(x, m.start))
    return div(div(witch(m, plain(x, m.start)), Span(0, 3.141592653589793, 3.1415926535897936), True), cdf, True)


def _monotone(word: str, x: Span, way: int = 1) -> Span:
    if x.low != x.low:
        return UNSURE
    a, b = (x.low, x.high) if way > 0 else (x.high, x.low)
    return Span(0, balls.low(word, a), balls.high(word, b))
