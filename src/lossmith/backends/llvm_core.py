"""Building blocks of the compiled words: reductions by powers of two, exp and log, on vectors of doubles.

Reductions follow Cody & Waite (1980) and fdlibm (Sun Microsystems, 1993); the polynomials are our own
(tools/minimax.py).
"""

from __future__ import annotations

import math
import struct

from lossmith.backends.llvm_values import Value, worded

MAGIC = 6755399441055744.0  # 1.5·2^52: adding it rounds to an integer and leaves that integer in the low bits
RAISE = 128
LN2, LN2_REST = 0.6931471805599453, 2.3190468138462996e-17
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10  # k·LN2_HIGH is exact for |k| < 2^20
LEAST_NORMAL = 2.2250738585072014e-308
PI_2 = (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591833e-33)
PI_4, PI_4_REST = 0.7853981633974483, 3.061616997868383e-17


def bits_of(x: float) -> int:
    """The bit pattern of a double as a signed integer."""
    return int(struct.unpack("<q", struct.pack("<d", x))[0])


ONE = bits_of(1.0)
ROOT_HALF = bits_of(math.sqrt(0.5))


def absolute(x: Value) -> Value:
    """|x|."""
    rest, factor = x.parts()
    size = x.emitter.call("fabs", rest)
    return size if abs(factor) == 1.0 else size * abs(factor)


def with_sign(size: Value, x: Value) -> Value:
    """`size` with the sign of x."""
    return x.emitter.call("copysign", size, x)


def clamp(x: Value, low: float, high: float) -> Value:
    """x kept within [low, high]; NaN stays."""
    return (x > high).where(high, (x < low).where(low, x))


def mended(v: Value, rest: Value) -> Value:
    """v + rest, where the rest is a number."""
    return v + (absolute(rest) < math.inf).where(rest, 0.0)


@worded
def reduced(x: Value) -> tuple[Value, Value, Value]:
    """x = n·ln 2 + r with |r| <= ½ ln 2: (n plus MAGIC, n, r)."""
    e = x.emitter
    shifted = e.fma(x, 1 / math.log(2), MAGIC)
    n = shifted - MAGIC
    return shifted, n, e.fma(n, -LN2_REST, e.fma(n, -LN2, x))


@worded
def expm1_reduced(r: Value) -> Value:
    """e^r − 1 for |r| <= ½ ln 2."""
    e = r.emitter
    return e.fma(r * r, e.polynomial("EXP", r), r)


@worded
def power_of_two(shifted: Value, offset: int = 0) -> Value:
    """2^(n + offset) from n plus MAGIC, where n + offset is the exponent of a normal number."""
    return ((shifted.bits() << 52) + bits_of(2.0**offset)).real()


@worded
def scaled(x: Value, n: Value) -> Value:
    """x·2^n for a whole n within ±1100 or so, by two factors, so that subnormal results are rounded once."""
    half = x.emitter.fma(n, 0.5, MAGIC)
    rest = (n - (half - MAGIC)) + MAGIC
    return x * power_of_two(half) * power_of_two(rest)


@worded
def raised_decay(x: Value) -> Value:
    """exp(x)·2^128 for x <= 0 (−∞ and NaN included), which is never subnormal: `lowered` takes it back."""
    shifted, _, r = reduced((x < -790.0).where(-790.0, x))
    return (expm1_reduced(r) + 1.0) * power_of_two(shifted, RAISE)


@worded
def raised_decay_of_pair(x: Value, rest: Value) -> Value:
    """exp(x + rest)·2^128 for x <= 0, with 1 + r kept exact on the way: 0.6 instead of 1 unit of error."""
    e = x.emitter
    shifted, _, first = reduced((x < -790.0).where(-790.0, x))
    r = first + rest
    one = r + 1.0
    low = e.fma(r * r, e.polynomial("EXP", r), (r - (one - 1.0)) + ((first - r) + rest))
    return (one + low) * power_of_two(shifted, RAISE)


@worded
def lowered(x: Value) -> Value:
    """x·2^-128."""
    return x * 2.0**-RAISE


@worded
def decay(x: Value) -> Value:
    """exp(x) for x <= 0."""
    return lowered(raised_decay(x))


@worded
def as_real(k: Value) -> Value:
    """A small integer as a double."""
    return (k + bits_of(MAGIC)).real() - MAGIC


@worded
def log_split(bits: Value) -> tuple[Value, Value]:
    """x = 2^k·m with ½√2 <= m < √2, from the bits of a positive normal x: (k as an integer, m)."""
    k = (bits - ROOT_HALF) >> 52
    return k, (bits - (k << 52)).real()


@worded
def log_joined(f: Value, k: Value) -> Value:
    """k·ln 2 + log(1 + f), by atanh(f/(2 + f)), with f itself added last."""
    return f.emitter.fma(k, LN2_HIGH, log_rest_part(f, k) + f)


@worded
def log_rest_part(f: Value, k: Value) -> Value:
    """What `log_joined` adds to k·ln 2 and f."""
    e = f.emitter
    s, half = f / (f + 2.0), f * f * 0.5
    z = s * s
    return e.fma(s, e.fma(z, e.polynomial("LOG", z), half), k * LN2_LOW) - half


@worded
def log1p_unit(t: Value) -> Value:
    """log(1 + t) for 0 <= t <= 1."""
    e = t.emitter
    s, half = t / (t + 2.0), t * t * 0.5
    z = s * s
    return t - (half - s * e.fma(z, e.polynomial("LOG_UNIT", z), half))


@worded
def exp(x: Value) -> Value:
    """e^x, subnormal results included; 0 and ∞ beyond."""
    _, n, r = reduced(clamp(x, -746.0, 710.0))
    return scaled(expm1_reduced(r) + 1.0, n)


@worded
def expm1(x: Value) -> Value:
    """e^x − 1 = 2^n(e^r − 1) + (2^n − 1), doubled last so that 2^n cannot overflow."""
    shifted, _, r = reduced(clamp(x, -40.0, 710.0))
    half = power_of_two(shifted, -1)
    sure = x.emitter.fma(half, expm1_reduced(r), half - 0.5) * 2.0
    return (absolute(x) < 2.0**-54).where(x, sure)


@worded
def atan(x: Value) -> Value:
    """The arc tangent, reduced to |w| <= tan(π/8) by one division."""
    top, bottom, turns, _, _ = atan_argument(x)
    w = top / bottom
    return with_sign(turns * PI_4 + (atan_tail(w, turns) + w), x)


@worded
def atan_argument(x: Value) -> tuple[Value, Value, Value, Value, Value]:
    """|x| = tan(atan(top/bottom) + turns·π/4), and what rounding took from top and bottom."""
    size = absolute(x)
    steep, middle = size > 2.414213562373095, size > 0.4142135623730951
    less, more = size - 1.0, size + 1.0
    top = steep.where(-1.0, middle.where(less, size))
    bottom = steep.where(size, middle.where(more, 1.0))
    turns = steep.where(2.0, middle.where(1.0, 0.0))
    back = more - size
    rounded = steep.where(0.0, middle.where((size - (more - back)) + (1.0 - back), 0.0))
    exact = steep.where(0.0, middle.where((size - (less + 1.0)), 0.0))
    return top, bottom, turns, exact, rounded


@worded
def atan_tail(w: Value, turns: Value) -> Value:
    """What `atan` adds to turns·π/4 and w."""
    z = w * w
    return w.emitter.fma(w * z, w.emitter.polynomial("ATAN", z), turns * PI_4_REST)


@worded
def log_split_any(x: Value) -> tuple[Value, Value]:
    """x = 2^k·m with ½√2 <= m < √2, for any positive x: (k, m)."""
    tiny = x < LEAST_NORMAL
    k, m = log_split(tiny.where(x * 2.0**54, x).bits())
    return as_real(k) - tiny.where(54.0, 0.0), m


@worded
def log(x: Value) -> Value:
    """The natural logarithm; −∞ at 0, NaN below."""
    k, m = log_split_any(x)
    return log_ends(x, log_joined(m - 1.0, k))


@worded
def log_ends(x: Value, value: Value) -> Value:
    """`value`, with the logarithm's limits where x is not positive and finite."""
    value = (x < math.inf).where(value, x)
    return (x > 0.0).where(value, x.same(0.0).where(-math.inf, math.nan))


@worded
def log1p(x: Value) -> Value:
    """log(1 + x), the rounding error of 1 + x carried along."""
    _, f, k, _, _ = log1p_parts(x)
    return log_ends(x + 1.0, log_joined(f, k))


@worded
def log1p_parts(x: Value) -> tuple[Value, Value, Value, Value, Value]:
    """1 + x = 2^k·(1 + f): where f is x itself, f, k, and the two terms of f elsewhere."""
    u = x + 1.0
    back = u - 1.0
    lost = (1.0 - (u - back)) + (x - back)
    k, m = log_split(u.bits())
    first, more = m - 1.0, (x > 2.0**60).where(0.0, lost * (ONE - (k << 52)).real())  # lost·2^-k
    inside = (u > 0.7072) & (u < 1.4141)
    return inside, inside.where(x, first + more), inside.where(0.0, as_real(k)), first, more


@worded
def quarter_turns(x: Value) -> tuple[Value, Value, Value]:
    """x = n·π/2 + r + rest with |r| <= π/4: (n plus MAGIC, r, rest), for |x| < 2^30."""
    e = x.emitter
    shifted = e.fma(x, 2 / math.pi, MAGIC)
    n = shifted - MAGIC
    first = e.fma(n, -PI_2[0], x)  # exact
    second = n * PI_2[1]
    r = first - second
    given = first - r
    rest = (first - (r + given)) + (given - second) - e.fma(n, PI_2[2], e.fma(n, PI_2[1], -second))
    return shifted, r, rest


@worded
def sine_parts(r: Value, rest: Value) -> tuple[Value, Value]:
    """sin(r + rest) for |r| <= π/4 as r and what is added to it."""
    e, z = r.emitter, r * r
    return r, e.fma(r * z, e.polynomial("SIN", z), rest * e.fma(z, -0.5, 1.0))


@worded
def cosine_parts(r: Value, rest: Value) -> tuple[Value, Value]:
    """cos(r + rest) for |r| <= π/4 as 1 − r²/2, rounded, and what is added to it."""
    e, z = r.emitter, r * r
    half = z * 0.5
    one = 1.0 - half
    return one, ((1.0 - one) - half) + e.fma(z * z, e.polynomial("COS", z), -(r * rest))
