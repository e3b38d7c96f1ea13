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
    mended,
    raised_decay_of_pair,
    with_sign,
)
from lossmith.backends.llvm_power import Pair, log_pair, quotient_pair
from lossmith.backends.llvm_rests import atan_rest, exp_rest, log1p_rest, log_rest
from lossmith.backends.llvm_values import Value, worded

INVERSE_PI, INVERSE_PI_REST = 1 / math.pi, -1.9678676675182486e-17


@worded
def exp_ratio(x: Value) -> Value:
    """(e^x − 1 − x)/x² for |x| <= 1.386."""
    return x.emitter.fma(x, x.emitter.polynomial("EXP_LONG", x, heads=2), 0.5)


@worded
def exp_ratio_rest(x: Value) -> Value:
    """What the last rounding of `exp_ratio` took."""
    e, ratio = x.emitter, exp_ratio(x)
    return e.fma(x, e.polynomial("EXP_LONG", x, heads=2), 0.5 - ratio)


@worded
def expm1mx(x: Value) -> Value:
    """e^x − 1 − x; near 0 the square's own rounding is made good."""
    e, near = x.emitter, absolute(x) < 1.386
    inside = near.where(x, 0.0)
    square = inside * inside
    rest = e.fma(square * inside, e.polynomial("EXP_LONG", inside, heads=2), e.fma(inside, inside, -square) * 0.5)
    return near.where(e.fma(square, 0.5, rest), (x < math.inf).where(expm1(x) - x, x))


@worded
def log1pmx(x: Value) -> Value:
    """log(1 + x) − x; near 0 by atanh in s = x/(2 + x), with what rounding took from s and the products."""
    e, near = x.emitter, (x >= -0.5) & (x < 1.0)
    inside = near.where(x, 0.0)
    whole = inside + 2.0
    s = inside / whole
    s_rest = (e.fma(-s, whole, inside) - s * (inside - (whole - 2.0))) / whole
    z = s * s
    bend = z * e.polynomial("LOG_UNIT", z, heads=1)
    line = bend - inside
    line_rest = bend - (line + inside)
    close = s * line
    rest = e.fma(s, line, -close) + e.fma(s, line_rest, s_rest * line)
    return near.where(close + rest, (x < math.inf).where(log1p(x) - x, -x))


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
    """u/(e^u − 1) with u = e^x, and what rounding took from the quotient."""
    e, inside = x.emitter, clamp(x, -800.0, 0.0)
    one, zero, low = e.lift(1.0, "real"), e.lift(0.0, "real"), exp(inside)
    up = exp_ratio(low)
    more = low * up
    a = more + 1.0
    a_lost = ((1.0 - a) + more) + (e.fma(low, up, -more) + exp_rest(inside, low) * up)
    high, (u, u_rest) = raised_gumbel(x), exp_pair(x)
    lost = lowered(high)
    c = 1.0 - lost
    far = lowered(high * quotient(u, u_rest, c, (1.0 - c) - lost, one, zero))
    return (x > 0.0).where(far, quotient(one, zero, a, a_lost, one, zero))


@worded
def cloglog_bend(x: Value) -> Value:
    """Minus the second derivative of `log_cloglog`: its slope times (e^−u − 1 + u)/(1 − e^−u), u = e^x."""
    return (x > 0.0).where(late_bend(x), early_bend(x))


@worded
def early_bend(x: Value) -> Value:
    """r/((1 + u·ratio(u))(1 − r)) with r = u·ratio(−u), for u = e^x <= 1, and what rounding took from it."""
    e, x = x.emitter, clamp(x, -800.0, 0.0)
    low = exp(x)
    down, up = exp_ratio(-low), exp_ratio(low)
    rest, more = low * down, low * up
    rest_lost = e.fma(low, down, -rest) + exp_rest(x, low) * down
    a, c = more + 1.0, 1.0 - rest
    a_lost = ((1.0 - a) + more) + e.fma(low, up, -more)
    c_lost = ((1.0 - c) - rest) - rest_lost
    return quotient(rest, rest_lost, a, a_lost, c, c_lost)


@worded
def late_bend(x: Value) -> Value:
    """exp(−u)·u·(u − 1 + e^−u)/(1 − e^−u)² for u = e^x >= 1, and what rounding took from the quotient."""
    e, high, (u, u_rest) = x.emitter, raised_gumbel(x), exp_pair(x)
    lost = lowered(high)
    less, c = u - 1.0, 1.0 - lost
    top = less + lost
    q = quotient(top, ((less - top) + lost) + u_rest, c, (1.0 - c) - lost, c, (1.0 - c) - lost)
    whole = u * q
    return lowered(e.fma(high, e.fma(u, q, -whole) + u_rest * q, high * whole))


@worded
def quotient(top: Value, top_lost: Value, a: Value, a_lost: Value, c: Value, c_lost: Value) -> Value:
    """top/(a·c), all three with what they lack."""
    q, rest = quotient_pair(top, top_lost, a, a_lost, c, c_lost)
    return q + rest


@worded
def cauchy_angle(x: Value) -> Pair:
    """π(½ + atan(x)/π), the angle from the negative axis, as a sum of two doubles."""
    e, size = x.emitter, absolute(x)
    steep, up = size > 1.0, x > 0.0
    inverse = 1.0 / size
    argument = steep.where(inverse, size)
    turn = atan(argument)
    bent = steep.where(e.fma(-inverse, size, 1.0) * inverse, 0.0) / e.fma(argument, argument, 1.0)
    rest = atan_rest(argument, turn) + (size < 1e300).where(bent, 0.0)
    base = steep.where(up.where(math.pi, 0.0), math.pi / 2)
    sign = (up ^ steep).where(1.0, -1.0)
    sign = (steep & (x < 0.0)).where(1.0, sign)
    angle = e.fma(sign, turn, base)
    small = steep.where(up.where(1.2246467991473532e-16, 0.0), 6.123233995736766e-17)
    return angle, ((base - angle) + sign * turn) + e.fma(sign, rest, small)


@worded
def log_cauchit(x: Value) -> Value:
    """log(½ + atan(x)/π), by the smaller of the two angles."""
    e = x.emitter
    angle, rest = cauchy_angle(-absolute(x))
    tail = angle * INVERSE_PI
    less = e.fma(angle, INVERSE_PI, -tail) + e.fma(rest, INVERSE_PI, angle * INVERSE_PI_REST)
    low, high = log(tail), log1p(-tail)
    below = mended(low, log_rest(tail, low) + less / tail)
    above = mended(high, log1p_rest(-tail, high) - less / (1.0 - tail))
    return (x < 0.0).where(below, above)


@worded
def cauchit_slope(x: Value) -> Value:
    """The derivative of `log_cauchit`: 1/((1 + x²)·angle)."""
    size, (near, rest) = absolute(x), cauchit_slope_pair(x)
    steep = (x < 0.0).where(1.0 / size, (1.0 / size) / size * INVERSE_PI)
    return (size > 2.0**60).where(steep, near + rest)


@worded
def cauchit_slope_pair(x: Value) -> Pair:
    """The same for |x| <= 2⁶⁰ as a sum of two doubles."""
    e, (angle, rest) = x.emitter, cauchy_angle(x)
    square = (absolute(x) > 2.0**60).where(1.0, x * x)
    one = square + 1.0
    large = square > 1.0
    lost = ((large.where(square, 1.0) - one) + large.where(1.0, square)) + e.fma(x, x, -square)
    return quotient_pair(e.lift(1.0, "real"), e.lift(0.0, "real"), one, lost, angle, rest)


@worded
def cauchit_slope_rest(x: Value, y: Value) -> Value:
    """What rounding took from `cauchit_slope`."""
    near, rest = cauchit_slope_pair(x)
    return (absolute(x) > 2.0**60).where(0.0, (near - y) + rest)


@worded
def log_cloglog_rest(x: Value, y: Value) -> Value:
    """What rounding took from `log_cloglog` below 0, and from its logarithm above."""
    e, low = x.emitter, exp(clamp(x, -800.0, 0.0))
    down = exp_ratio(-low)
    lost = low * down
    line = log1p(-lost)
    taken = e.fma(low, down, -lost) + (exp_rest(x, low) * (down - low * down) + low * exp_ratio_rest(-low))
    more = log1p_rest(-lost, line) - taken / (1.0 - lost)
    high = lowered(raised_gumbel(x))
    return (x > 0.0).where(log1p_rest(-high, y), ((x - y) + line) + more)
