"""What two near numbers leave, as vector arithmetic: eˣ − 1 − x, log(1 + x) − x, asinh, and the tails of two links."""

from __future__ import annotations

import math

from lossmith.backends.llvm_core import (
    absolute,
    atan,
    clamp,
    exp,
    expm1,
    log,
    log1p,
    lowered,
    raised_decay_of_pair,
    with_sign,
)
from lossmith.backends.llvm_power import Pair, log_pair
from lossmith.backends.llvm_values import Value, worded

INVERSE_PI = 1 / math.pi


@worded
def exp_ratio(x: Value) -> Value:
    """(e^x − 1 − x)/x² for |x| <= 1.386: a polynomial at x/4, doubled twice without a subtraction."""
    e, r = x.emitter, x * 0.25
    q = e.polynomial("EXP", r)
    for _ in range(2):
        grown = e.fma(r, q, 1.0)
        q, r = e.fma(grown * 0.25, grown, q * 0.5), r * 2.0
    return q


@worded
def expm1mx(x: Value) -> Value:
    """e^x − 1 − x."""
    near = absolute(x) < 1.386
    inside = near.where(x, 0.0)
    return near.where(inside * inside * exp_ratio(inside), (x < math.inf).where(expm1(x) - x, x))


@worded
def log1pmx(x: Value) -> Value:
    """log(1 + x) − x; near 0 by atanh in s = x/(2 + x)."""
    e, near = x.emitter, (x >= -0.5) & (x < 1.0)
    inside = near.where(x, 0.0)
    s = inside / (inside + 2.0)
    z = s * s
    close = s * e.fma(z, e.polynomial("LOG_UNIT", z), -inside)
    return near.where(close, (x < math.inf).where(log1p(x) - x, -x))


@worded
def asinh(x: Value) -> Value:
    """log(x + √(1 + x²)), from log1p of what is beyond 1."""
    e, size = x.emitter, absolute(x)
    far = size > 2.0**60
    square = far.where(1.0, size * size)
    near = log1p(size + square / (e.call("sqrt", square + 1.0) + 1.0))
    value = far.where(log(size) + math.log(2), near)
    return with_sign((size < 2.0**-28).where(size, value), x)


@worded
def exp_pair(x: Value) -> Pair:
    """e^x for −1 <= x <= 7 as a sum of two doubles, by one step of Newton's on its logarithm."""
    x = clamp(x, -1.0, 7.0)
    u = exp(x)
    high, low = log_pair(u)
    return u, u * ((x - high) - low)


@worded
def raised_gumbel(x: Value) -> Value:
    """exp(−e^x)·2^128 for x >= 0."""
    u, rest = exp_pair(x)
    return raised_decay_of_pair(-u, -rest)


@worded
def log_cloglog(x: Value) -> Value:
    """log(1 − exp(−e^x))."""
    low = exp(clamp(x, -800.0, 0.0))
    near = x + log1p(-(low * exp_ratio(-low)))
    return (x > 0.0).where(log1p(-lowered(raised_gumbel(x))), near)


@worded
def cloglog_slope(x: Value) -> Value:
    """u/(e^u − 1) with u = e^x."""
    low = exp(clamp(x, -800.0, 0.0))
    high, (u, _) = raised_gumbel(x), exp_pair(x)
    far = lowered(high * u / (1.0 - lowered(high)))
    return (x > 0.0).where(far, 1.0 / x.emitter.fma(low, exp_ratio(low), 1.0))


@worded
def cloglog_bend(x: Value) -> Value:
    """Minus the second derivative of `log_cloglog`: its slope times (e^−u − 1 + u)/(1 − e^−u)."""
    e, low = x.emitter, exp(clamp(x, -800.0, 0.0))
    rest = low * exp_ratio(-low)
    near = rest / (e.fma(low, exp_ratio(low), 1.0) * (1.0 - rest))
    high, (u, _) = raised_gumbel(x), exp_pair(x)
    lost = lowered(high)
    far = lowered(high * (u * ((u - 1.0) + lost) / ((1.0 - lost) * (1.0 - lost))))
    return (x > 0.0).where(far, near)


@worded
def cauchy_tail(x: Value) -> Value:
    """½ − atan|x|/π."""
    size = absolute(x)
    steep = size > 1.0
    turn = atan(steep.where(1.0 / size, size)) * INVERSE_PI
    return steep.where(turn, 0.5 - turn)


@worded
def log_cauchit(x: Value) -> Value:
    """log(½ + atan(x)/π)."""
    tail = cauchy_tail(x)
    return (x < 0.0).where(log(tail), log1p(-tail))


@worded
def cauchit_slope(x: Value) -> Value:
    """The derivative of `log_cauchit`; on the far left v/(1 + v²)·v/atan(v) with v = 1/|x|."""
    e, size, tail = x.emitter, absolute(x), cauchy_tail(x)
    steep = size > 1.0
    v = 1.0 / steep.where(size, 1.0)
    w = steep.where(v, size)
    bell = steep.where(v * v, 1.0) / e.fma(w, w, 1.0)
    far = (v < 2.0**-30).where(v, bell / (tail * math.pi))
    return (x < 0.0).where(far, bell / ((1.0 - tail) * math.pi))
