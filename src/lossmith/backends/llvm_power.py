"""x^y as vector arithmetic: products for small constant exponents, else exp(y·log x) with log x in two doubles."""

from __future__ import annotations

import math
from collections.abc import Callable

from lossmith.backends.llvm_core import (
    LEAST_NORMAL,
    LN2_HIGH,
    LN2_LOW,
    absolute,
    as_real,
    clamp,
    expm1_reduced,
    log_split,
    reduced,
    scaled,
)
from lossmith.backends.llvm_values import Value, worded

TWO_THIRDS, TWO_THIRDS_REST = 0.6666666666666666, 3.700743415417188e-17
Pair = tuple[Value, Value]


def root(x: Value) -> Value:
    """√x."""
    return x.emitter.call("sqrt", x)


def inverse_square(x: Value) -> Value:
    """1/x², right also where x² overflows."""
    inverse = 1.0 / x
    return inverse * inverse


PRODUCTS: dict[float, Callable[[Value], Value]] = {
    -2.0: inverse_square,
    -1.0: lambda x: 1.0 / x,
    -0.5: lambda x: 1.0 / root(x),
    0.5: root,
    1.0: lambda x: x,
    1.5: lambda x: x * root(x),
    2.0: lambda x: x * x,
    3.0: lambda x: x * x * x,
    4.0: lambda x: (x * x) * (x * x),
}
"""Exponents whose power takes few roundings as a product."""


@worded
def power(x: Value, y: Value) -> Value:
    """x^y; NaN for x < 0 unless y is whole."""
    if y.constant in PRODUCTS:
        return PRODUCTS[y.constant](x)
    size = absolute(x)
    usual = exp_of_product(y, *log_pair(size))
    large = size > 1.0
    ends = ((y < 0.0) ^ large).where(math.inf, 0.0)  # |x| is 0 or ∞
    usual = ((size > 0.0) & (size < math.inf)).where(usual, ends)
    usual = (y.same(0.0) | size.same(1.0)).where(1.0, usual)
    signed = (x < 0.0).where(for_negative(usual, y), usual)
    return (x.same(x) & y.same(y)).where(signed, math.nan)


@worded
def for_negative(size: Value, y: Value) -> Value:
    """(−x)^y from x^y: the sign of an odd y, NaN unless y is whole."""
    floor = y.emitter.call("floor", y)
    half = y * 0.5
    odd = y.emitter.call("floor", half) < half
    return floor.same(y).where(odd.where(-size, size), math.nan)


@worded
def log_pair(x: Value) -> Pair:
    """log(x) for positive x as a sum of two doubles, right to about 2^-66."""
    tiny = x < LEAST_NORMAL
    k, m = log_split(tiny.where(x * 2.0**54, x).bits())
    exponent = as_real(k) - tiny.where(54.0, 0.0)
    s, s_rest = atanh_argument(m)
    cube, cube_rest = atanh_rest(s, s_rest)
    first, lost = grown(exponent * LN2_HIGH, s * 2.0)
    second, lost_more = grown(first, cube)
    low = (lost + lost_more) + (exponent * LN2_LOW + (s_rest * 2.0 + cube_rest))
    return grown(second, low)


@worded
def grown(a: Value, b: Value) -> Pair:
    """a + b and its rounding error, for |a| >= |b| or a = 0 (Dekker 1971)."""
    total = a + b
    return total, b - (total - a)


@worded
def quotient_pair(top: Value, top_lost: Value, a: Value, a_lost: Value, c: Value, c_lost: Value) -> Pair:
    """top/(a·c), all three with what they lack, as a sum of two doubles."""
    e, product = top.emitter, a * c
    q = top / product
    less = e.fma(a, c, -product) + (a_lost * c + a * c_lost)
    return q, ((e.fma(-q, product, top) + top_lost) - q * less) / product


@worded
def atanh_argument(m: Value) -> Pair:
    """(m − 1)/(m + 1) as a sum of two doubles."""
    e, f, d = m.emitter, m - 1.0, m + 1.0
    inverse = 1.0 / d
    s = f * inverse
    left = e.fma(-s, d, f) - s * (m - (d - 1.0))
    return s, left * inverse


@worded
def atanh_rest(s: Value, s_rest: Value) -> Pair:
    """2 atanh(s) − 2s as a sum of two doubles: ⅔s³ carefully, the rest by a polynomial."""
    e = s.emitter
    z = s * s
    z_rest = e.fma(s, s, -z) + s * s_rest * 2.0
    p = z * TWO_THIRDS
    p_rest = e.fma(z, TWO_THIRDS, -p) + e.fma(z, TWO_THIRDS_REST, z_rest * TWO_THIRDS)
    p_rest = e.fma(z * z, e.polynomial("LOG_LONG", z), p_rest)
    whole = s * p
    return whole, e.fma(s, p, -whole) + e.fma(s, p_rest, s_rest * p)


@worded
def exp_of_product(y: Value, high: Value, low: Value) -> Value:
    """exp(y·(high + low))."""
    e = y.emitter
    product = y * high
    lost = e.fma(y, high, -product) + y * low
    lost = (absolute(product) < 800.0).where(lost, 0.0)
    _, n, r = reduced(clamp(product, -746.0, 710.0))
    return scaled(expm1_reduced(r + lost) + 1.0, n)
