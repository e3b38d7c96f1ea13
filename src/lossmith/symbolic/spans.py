"""Spans: intervals that may grow like a power, so that a tail [R, ∞) is enclosed as tightly as a point.

`Span(power, low, high)` stands for every value c·Tᵖ with low ≤ c ≤ high and T ≥ `start`. With power 0 it is an
ordinary closed interval (T plays no part). Every bound is rounded outwards; `UNSURE` marks what may be undefined.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

INF = math.inf
MAX, TINY = 1.7976931348623157e308, 5e-324


class Span(NamedTuple):
    """All c·Tᵖ with low ≤ c ≤ high and T ≥ start; with power 0, the interval [low, high]."""

    power: Fraction | int
    low: float
    high: float


UNSURE = Span(0, math.nan, math.nan)
WHOLE = Span(0, -INF, INF)
ZERO, ONE = Span(0, 0.0, 0.0), Span(0, 1.0, 1.0)


def down(x: float) -> float:
    """The double below."""
    return math.nextafter(x, -INF)


def up(x: float) -> float:
    """The double above."""
    return math.nextafter(x, INF)


def add_low(a: float, b: float) -> float:
    """A lower bound of a + b, tight when the sum is exact."""
    s = a + b
    if not math.isfinite(s):
        if math.isnan(s):
            return -INF
        return s if math.isinf(a) or math.isinf(b) or s < 0 else MAX
    t = s - a
    error = (a - (s - t)) + (b - t)
    return s if error >= 0 else down(s)


def mul_low(a: float, b: float) -> float:
    """A lower bound of a·b; 0·∞ is 0, as in a set of finite numbers."""
    if a == 0 or b == 0:
        return 0.0
    p = a * b
    if math.isinf(a) or math.isinf(b) or abs(a) == 1 or abs(b) == 1:
        return p
    return max(down(p), 0.0) if (a > 0) == (b > 0) else down(p)


def div_low(a: float, b: float) -> float:
    """A lower bound of a/b for b ≠ 0; a/∞ is 0 (the corner ∞/∞ is left to the other corners)."""
    if a == 0 or math.isinf(b):
        return 0.0
    q = a / b
    if math.isinf(a) or abs(b) == 1:
        return q
    return max(down(q), 0.0) if (a > 0) == (b > 0) else down(q)


def add_high(a: float, b: float) -> float:
    """An upper bound of a + b."""
    return -add_low(-a, -b)


def mul_high(a: float, b: float) -> float:
    """An upper bound of a·b."""
    return -mul_low(-a, b)


def div_high(a: float, b: float) -> float:
    """An upper bound of a/b for b ≠ 0."""
    return -div_low(-a, b)


def below(q: Fraction) -> float:
    """The largest double not above a rational, or the one below it."""
    x = float(q)
    return x if Fraction(x) <= q else down(x)


def above(q: Fraction) -> float:
    """The smallest double not below a rational, or the one above it."""
    return -below(-q)


@lru_cache(maxsize=4096)
def two_to(exponent: Fraction) -> tuple[float, float]:
    """Bounds of 2**exponent; the exponent is split exactly into an integer and a fraction in [0, 1)."""
    whole = math.floor(exponent)
    part = exponent - whole
    if whole > 1020:
        return MAX, INF
    if whole < -1020:
        return 0.0, 2.0**-1020
    if part == 0:
        return 2.0**whole, 2.0**whole
    steps = int(part * 2**40)  # 2**part lies between its neighbours on a grid of exact square roots
    low = high = 1.0
    root = Fraction(2)
    for i in range(1, 41):
        root = _root(root)
        if steps >> (40 - i) & 1:
            low = mul_low(low, below(root))
            high = mul_high(high, above(root + Fraction(1, 2**70)))
    high = mul_high(high, 1.0 + 2.0**-39)  # the part cut off from the exponent is worth less than this
    return math.ldexp(low, whole), math.ldexp(high, whole)


@lru_cache(maxsize=64)
def _root(q: Fraction) -> Fraction:
    """√q rounded down to 80 bits."""
    return Fraction(math.isqrt(int(q * 2**160)), 2**80)


def hull(x: Span, y: Span, start: float) -> Span:
    """The smallest span that holds both."""
    if x.power != y.power and (x == ZERO or y == ZERO):  # 0 is 0·Tᵖ, whatever p is
        power = y.power if x == ZERO else x.power
        x, y = Span(power, x.low, x.high), Span(power, y.low, y.high)
    if x.power != y.power:
        x, y = plain(x, start), plain(y, start)
    if x.low != x.low or y.low != y.low:
        return UNSURE
    return Span(x.power, min(x.low, y.low), max(x.high, y.high))


def scale(power: Fraction | int, start: float) -> tuple[float, float]:
    """The range of Tᵖ over T ≥ start, where start is a power of two."""
    if power == 0:
        return 1.0, 1.0
    low, high = two_to(Fraction(power) * (math.frexp(start)[1] - 1))
    return (low, INF) if power > 0 else (0.0, high)


def plain(x: Span, start: float) -> Span:
    """The same as an ordinary interval."""
    if x.power == 0:
        return x
    low, high = scale(x.power, start)
    return _times(0, x.low, x.high, low, high)


def _times(power: Fraction | int, a: float, b: float, c: float, d: float) -> Span:
    """[a, b]·[c, d]: which corners matter follows from the signs."""
    if d <= 0:
        a, b, c, d = -b, -a, -d, -c
    if c >= 0:
        return Span(power, mul_low(a, c if a >= 0 else d), mul_high(b, d if b >= 0 else c))
    if a >= 0 or b <= 0:
        far = b if a >= 0 else a
        return Span(power, mul_low(far, c if far >= 0 else d), mul_high(far, d if far >= 0 else c))
    return Span(power, min(mul_low(a, d), mul_low(b, c)), max(mul_high(a, c), mul_high(b, d)))


def neg(x: Span) -> Span:
    """−x."""
    return Span(x.power, -x.high, -x.low)


def add(x: Span, y: Span, start: float) -> Span:
    """x + y; the smaller power is absorbed into the larger one."""
    if x.power != y.power:
        if x == ZERO:
            return y
        if y == ZERO:
            return x
        if x.power < y.power:
            x, y = y, x
        low, high = scale(y.power - x.power, start)
        y = _times(x.power, y.low, y.high, low, high)
    if x.low != x.low or y.low != y.low:
        return UNSURE
    return Span(x.power, add_low(x.low, y.low), add_high(x.high, y.high))


def mul(x: Span, y: Span) -> Span:
    """x·y."""
    if x.low != x.low or y.low != y.low:
        return UNSURE
    if x[1:] == (0.0, 0.0) or y[1:] == (0.0, 0.0):
        return ZERO
    return _times(x.power + y.power, x.low, x.high, y.low, y.high)


def square(x: Span) -> Span:
    """x², never negative."""
    if x.low != x.low:
        return UNSURE
    small = 0.0 if x.low <= 0 <= x.high else min(abs(x.low), abs(x.high))
    large = max(abs(x.low), abs(x.high))
    return Span(2 * x.power, mul_low(small, small), mul_high(large, large))


def div(x: Span, y: Span, strict: bool) -> Span:
    """x/y. A divisor that touches 0 from one side gives an unbounded span, or `UNSURE` when strict."""
    if x.low != x.low or y.low != y.low:
        return UNSURE
    if y.high <= 0:
        x, y = neg(x), neg(y)
    if y.low < 0 or y.high == 0 or (strict and y.low == 0):
        return UNSURE
    if x[1:] == (0.0, 0.0):
        return ZERO
    low = div_low(x.low, y.high if x.low >= 0 else y.low) if y.low or x.low >= 0 else -INF
    high = div_high(x.high, y.low if x.high >= 0 else y.high) if y.low or x.high <= 0 else INF
    return Span(x.power - y.power, low, high)
