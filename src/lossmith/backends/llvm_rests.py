"""What rounding took from a word's result, as vector arithmetic: a first-order account of its last few operations.

`rest(x, y)` for y = word(x) is word(x) − y to some ten bits, so that y + rest is off by half a unit instead of 1.
Lines that the word itself has printed are not printed again.
"""

from __future__ import annotations

from collections.abc import Callable

from lossmith.backends.llvm_core import (
    LN2,
    LN2_HIGH,
    LN2_REST,
    PI_4,
    RAISE,
    absolute,
    atan_argument,
    atan_tail,
    clamp,
    decay,
    expm1,
    expm1_reduced,
    log1p_parts,
    log1p_unit,
    log_rest_part,
    lowered,
    power_of_two,
    raised_decay,
    reduced,
    scaled,
)
from lossmith.backends.llvm_power import log_pair
from lossmith.backends.llvm_values import Value, worded


def lost(a: Value, b: Value, s: Value) -> Value:
    """a + b − s for s the rounded sum (Knuth)."""
    back = s - a
    return (a - (s - back)) + (b - back)


@worded
def reduced_rest(x: Value) -> Value:
    """What e^r − 1 lacks, for the r of x = n·ln 2 + r, and for its own last rounding."""
    e = x.emitter
    _, n, r = reduced(x)
    first = e.fma(n, -LN2, x)
    p = expm1_reduced(r)
    low = e.fma(n, -LN2_REST, first - r)
    return e.fma(r * r, e.polynomial("EXP", r), r - p) + low * (p + 1.0)


@worded
def decay_rest(x: Value) -> Value:
    """exp(x) − decay(x) for x <= 0."""
    x = (x < -790.0).where(-790.0, x)
    shifted, _, r = reduced(x)
    p = expm1_reduced(r)
    return lowered((((1.0 - (p + 1.0)) + p) + reduced_rest(x)) * power_of_two(shifted, RAISE))


@worded
def exp_rest(x: Value, y: Value) -> Value:
    """Of eˣ."""
    x = clamp(x, -746.0, 710.0)
    _, n, r = reduced(x)
    p = expm1_reduced(r)
    return scaled(((1.0 - (p + 1.0)) + p) + reduced_rest(x), n)


@worded
def expm1_rest(x: Value, y: Value) -> Value:
    """Of eˣ − 1."""
    e, x = x.emitter, clamp(x, -40.0, 710.0)
    shifted, _, r = reduced(x)
    half, p = power_of_two(shifted, -1), expm1_reduced(r)
    step, base = half * p, half - 0.5
    rest = (lost(base, step, e.fma(half, p, base)) + half * reduced_rest(x)) * 2.0
    return (absolute(x) < 2.0**-54).where(0.0, rest)


@worded
def log_joined_rest(f: Value, k: Value) -> Value:
    """Of k·ln 2 + log(1 + f)."""
    e = f.emitter
    rest = log_rest_part(f, k)
    u = rest + f
    high = k * LN2_HIGH
    return lost(high, u, e.fma(k, LN2_HIGH, u)) + (rest - (u - f))


@worded
def log_rest(x: Value, y: Value) -> Value:
    """Of log(x)."""
    high, low = log_pair(x)
    return (high - y) + low


@worded
def log1p_rest(x: Value, y: Value) -> Value:
    """Of log(1 + x)."""
    inside, f, k, first, more = log1p_parts(x)
    low = inside.where(0.0, more - (f - first))
    return log_joined_rest(f, k) + low / (f + 1.0)


@worded
def log1p_unit_rest(t: Value, dt: Value) -> Value:
    """Of log(1 + t) for 0 <= t <= 1, t itself lacking dt."""
    e = t.emitter
    d = t + 2.0
    s, half = t / d, t * t * 0.5
    z = s * s
    w = half - s * e.fma(z, e.polynomial("LOG_UNIT", z), half)
    return ((t - (t - w)) - w) + dt / (t + 1.0)


@worded
def softplus_rest(x: Value, y: Value) -> Value:
    """Of log(1 + eˣ)."""
    size = -absolute(x)
    t, top = decay(size), (x > 0.0).where(x, 0.0)
    small = log1p_unit(t)
    return lost(top, small, top + small) + log1p_unit_rest(t, decay_rest(size))


@worded
def sigmoid_rest(x: Value, y: Value) -> Value:
    """Of 1/(1 + e⁻ˣ)."""
    e, size, up = x.emitter, -absolute(x), x > 0.0
    t, dt = lowered(raised_decay(size)), decay_rest(size)
    whole = t + 1.0
    less = (t - (whole - 1.0)) + dt
    left = e.fma(-y, whole, up.where(1.0, t)) + (up.where(0.0, dt) - y * less)
    return left * up.where(y, 1.0 - y)


@worded
def sech2_rest(x: Value, y: Value) -> Value:
    """Of 4t/(1 + t(2 + t)), t = e^(−2|x|)."""
    e, size = x.emitter, absolute(x) * -2.0
    t, dt = lowered(raised_decay(size)), decay_rest(size)
    two = t + 2.0
    whole, product = e.fma(t, two, 1.0), t * two
    less = ((1.0 - whole) + product) + (e.fma(t, two, -product) + t * (t - (two - 2.0)))
    less = less + dt * 2.0 * (t + 1.0)
    return ((e.fma(-y, whole, t * 4.0) + dt * 4.0) - y * less) / whole


@worded
def tanh_rest(x: Value, y: Value) -> Value:
    """Of tanh(x), from the equation y(1 + t) = 1 − t."""
    e, size, up = x.emitter, absolute(x), absolute(y)
    minus = size * -2.0
    L, t = expm1(minus), decay(minus)
    d = L + 2.0
    near = e.fma(-up, d, -L) - (expm1_rest(minus, L) * (up + 1.0) + up * (L - (d - 2.0)))
    far = (e.fma(-up, t, 1.0 - up) - t) - decay_rest(minus) * (up + 1.0)
    rest = (size < 0.5).where(near, far) * ((up + 1.0) * 0.5)
    return (x < 0.0).where(-rest, rest)


@worded
def sqrt_rest(x: Value, y: Value) -> Value:
    """Of √x."""
    return x.emitter.fma(-y, y, x) / (y * 2.0)


@worded
def hypot1_rest(x: Value, y: Value) -> Value:
    """Of √(1 + x²)."""
    e = x.emitter
    p, whole = x * x, e.fma(x, x, 1.0)
    large = p > 1.0
    less = ((large.where(p, 1.0) - whole) + large.where(1.0, p)) + e.fma(x, x, -p)
    return (e.fma(-y, y, whole) + less) / (y * 2.0)


@worded
def log1psq_rest(x: Value, y: Value) -> Value:
    """Of log(1 + x²), where x² is a number."""
    e, p = x.emitter, x * x
    near = log1p_rest(p, y) + e.fma(x, x, -p) / (p + 1.0)
    return (absolute(x) > 2.0**60).where(0.0, near)


@worded
def atan_rest(x: Value, y: Value) -> Value:
    """Of the arc tangent: its last sums, and its division."""
    e = x.emitter
    top, bottom, turns, top_lost, bottom_lost = atan_argument(x)
    w = top / bottom
    tail = atan_tail(w, turns)
    inner, high = tail + w, turns * PI_4
    whole = high + inner
    argument = ((e.fma(-w, bottom, top) + top_lost) - w * bottom_lost) / bottom
    rest = (inner - (whole - high)) + (tail - (inner - w)) + argument / e.fma(w, w, 1.0)
    return (x < 0.0).where(-rest, rest)


RESTS: dict[str, Callable[..., Value]] = {
    "exp": exp_rest,
    "expm1": expm1_rest,
    "log": log_rest,
    "log1p": log1p_rest,
    "softplus": softplus_rest,
    "sigmoid": sigmoid_rest,
    "sech2": sech2_rest,
    "tanh": tanh_rest,
    "sqrt": sqrt_rest,
    "hypot1": hypot1_rest,
    "log1psq": log1psq_rest,
    "atan": atan_rest,
}
"""By word: from its argument and its result, what rounding took."""
