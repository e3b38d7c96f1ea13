"""What rounding took from a word's result, as vector arithmetic: a first-order account of its last few operations.

`rest(x, y)` for y = word(x) is word(x) − y to some ten bits, so that y + rest is off by half a unit instead of 1.
Lines that the word itself has printed are not printed again.
"""

from __future__ import annotations

from collections.abc import Callable

from lossmith.backends.llvm_core import (
    LN2_HIGH,
    LN2_LOW,
    PI_4,
    PI_4_REST,
    RAISE,
    absolute,
    atan_argument,
    atan_tail,
    clamp,
    cosine_parts,
    decay,
    expm1,
    expm1_reduced,
    log1p_parts,
    log1p_unit,
    log_rest_part,
    lowered,
    power_of_two,
    quarter_turns,
    raised_decay,
    reduced,
    scaled,
    sine_parts,
)
from lossmith.backends.llvm_power import log_pair
from lossmith.backends.llvm_values import Value, worded

THIRD, THIRD_REST = 0.3333333333333333, 1.850371707708594e-17
SIXTH, SIXTH_REST = 0.16666666666666666, 9.25185853854297e-18
FIFTH, FIFTH_REST = 0.2, -1.1102230246251566e-17


def lost(a: Value, b: Value, s: Value) -> Value:
    """a + b − s for s the rounded sum (Knuth)."""
    back = s - a
    return (a - (s - back)) + (b - back)


@worded
def reduced_low(x: Value) -> Value:
    """What the r of x = n·ln 2 + r lacks."""
    e = x.emitter
    _, n, r = reduced(x)
    return e.fma(n, -LN2_LOW, e.fma(n, -LN2_HIGH, x) - r)  # both differences are exact


@worded
def reduced_rest(x: Value) -> Value:
    """What e^r − 1 lacks, for the r of x = n·ln 2 + r, and for its own last rounding."""
    e = x.emitter
    _, _, r = reduced(x)
    p = expm1_reduced(r)
    return e.fma(r * r, e.polynomial("EXP", r), r - p) + reduced_low(x) * (p + 1.0)


@worded
def reduced_rest_finely(x: Value) -> Value:
    """The same to ten more bits: the terms up to r⁴ with what rounding took from them."""
    e = x.emitter
    _, _, r = reduced(x)
    p, square = expm1_reduced(r), r * r
    square_lost, cube, line = e.fma(r, r, -square), r * square, e.fma(r, 1 / 24, SIXTH)
    cube_lost = e.fma(r, square, -cube) + r * square_lost
    line_lost = e.fma(r, 1 / 24, SIXTH - line) + e.fma(r, SIXTH_REST * 0.25, SIXTH_REST)
    term = cube * line
    term_lost = e.fma(cube, line, -term) + e.fma(cube, line_lost, cube_lost * line)
    bend = e.fma(square * cube, e.polynomial("EXP_FIFTH", r), square_lost * 0.5 + term_lost)
    return (((r - p) + square * 0.5) + term) + (bend + reduced_low(x) * (p + 1.0))


@worded
def decay_rest(x: Value) -> Value:
    """exp(x) − decay(x) for x <= 0."""
    x = (x < -790.0).where(-790.0, x)
    shifted, _, r = reduced(x)
    p = expm1_reduced(r)
    return lowered((((1.0 - (p + 1.0)) + p) + reduced_rest(x)) * power_of_two(shifted, RAISE))


def exp_rests(x: Value, rest: Callable[[Value], Value]) -> Value:
    """Of eˣ, from what e^r − 1 lacks."""
    x = clamp(x, -746.0, 710.0)
    _, n, r = reduced(x)
    p = expm1_reduced(r)
    return scaled(((1.0 - (p + 1.0)) + p) + rest(x), n)


@worded
def exp_rest(x: Value, y: Value) -> Value:
    """Of eˣ."""
    return exp_rests(x, reduced_rest)


@worded
def exp_fine_rest(x: Value, y: Value) -> Value:
    """Of eˣ, to ten more bits."""
    return exp_rests(x, reduced_rest_finely)


def expm1_rests(x: Value, rest: Callable[[Value], Value]) -> Value:
    """Of eˣ − 1, from what e^r − 1 lacks."""
    e, x = x.emitter, clamp(x, -40.0, 710.0)
    shifted, _, r = reduced(x)
    half, p = power_of_two(shifted, -1), expm1_reduced(r)
    step, base = half * p, half - 0.5
    whole = (lost(base, step, e.fma(half, p, base)) + half * rest(x)) * 2.0
    return (absolute(x) < 2.0**-54).where(0.0, whole)


@worded
def expm1_rest(x: Value, y: Value) -> Value:
    """Of eˣ − 1."""
    return expm1_rests(x, reduced_rest)


@worded
def expm1_fine_rest(x: Value, y: Value) -> Value:
    """Of eˣ − 1, to ten more bits."""
    return expm1_rests(x, reduced_rest_finely)


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
    c, product = 1.0 - up, up * t
    far = ((c - t) - product) + (((1.0 - c) - up) - e.fma(up, t, -product)) - decay_rest(minus) * (up + 1.0)
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
    inner, high = atan_tail(w, turns) + w, turns * PI_4
    whole = high + inner
    argument = ((e.fma(-w, bottom, top) + top_lost) - w * bottom_lost) / bottom
    third, fifth, more = atan_parts(w)
    tail = e.fma(w, fifth, e.fma(-w, third, -(inner - w))) + e.fma(turns, PI_4_REST, w * more)
    rest = (inner - (whole - high)) + (tail + argument / e.fma(w, w, 1.0))
    return (x < 0.0).where(-rest, rest)


@worded
def atan_parts(w: Value) -> tuple[Value, Value, Value]:
    """w²/3, w⁴/5, and what is to be added to 1 − the one + the other for atan(w)/w."""
    e, z = w.emitter, w * w
    z_lost, third, fourth = e.fma(w, w, -z), z * THIRD, z * z
    third_lost = e.fma(z, THIRD, -third) + e.fma(z, THIRD_REST, z_lost * THIRD)
    fifth = fourth * FIFTH
    fourth_lost = e.fma(z, z, -fourth) + z_lost * z * 2.0
    fifth_lost = e.fma(fourth, FIFTH, -fifth) + e.fma(fourth, FIFTH_REST, fourth_lost * FIFTH)
    return third, fifth, e.fma(fourth * z, e.polynomial("ATAN_LONG", z), fifth_lost - third_lost)


@worded
def wave_rest(x: Value, ahead: int) -> Value:
    """Of sin(x + ahead·π/2), where that is reduced here."""
    shifted, r, rest = quarter_turns(x)
    (sine, more), (cosine, less) = sine_parts(r, rest), cosine_parts(r, rest)
    z_lost = x.emitter.fma(r, r, -(r * r))
    turn = shifted.bits() + ahead
    odd = (turn << 63).negative()
    left = odd.where((cosine - (cosine + less)) + (less - z_lost * 0.5), (sine - (sine + more)) + more)
    near = (left.bits() ^ ((turn >> 1) << 63)).real()
    return (absolute(x) < 2.0**30).where(near, 0.0)


@worded
def sin_rest(x: Value, y: Value) -> Value:
    """Of the sine."""
    return (absolute(x) < 2.0**-30).where(0.0, wave_rest(x, 0))


@worded
def cos_rest(x: Value, y: Value) -> Value:
    """Of the cosine."""
    return wave_rest(x, 1)


RESTS: dict[str, Callable[..., Value]] = {
    "exp": exp_rest,
    "expm1": expm1_rest,
    "exp_fine": exp_fine_rest,
    "expm1_fine": expm1_fine_rest,
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
    "sin": sin_rest,
    "cos": cos_rest,
}
"""By word: from its argument and its result, what rounding took."""
