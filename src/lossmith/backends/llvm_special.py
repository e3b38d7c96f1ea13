"""The normal distribution and the gamma function as vector arithmetic.

Φ rests on R(u) = (1 − Φ(u))/φ(u), which is smooth on [0, ∞) in t = (u − 5)/(u + 5) (after Shepherd & Laframboise 1981,
doi:10.1090/S0025-5718-1981-0595058-X). lgamma and digamma are polynomials with their zeros taken out on a short
interval, reached by their recurrences; Stirling's series serves x >= 8. Below 0 they are reflected, and there their
error is relative to max(1, |value|), not to their zeros.
"""

from __future__ import annotations

import math

from lossmith.backends.llvm_core import absolute, clamp, decay, log, log1p, lowered, raised_decay_of_pair, with_sign
from lossmith.backends.llvm_values import Value, worded

ROOT_2PI = math.sqrt(2 * math.pi)
LIFT = 1.2  # the polynomial TAIL is (u + LIFT)·R(u)/√(2π)
DIGAMMA_ROOT, DIGAMMA_ROOT_REST = 1.4616321449683622, 9.549995429965697e-17


@worded
def raised_bell(u: Value) -> Value:
    """exp(−u²/2)·2^128, with the rounding error of u² made good."""
    u = clamp(u, 0.0, 40.0)
    square = u * u
    return raised_decay_of_pair(square * -0.5, u.emitter.fma(u, u, -square) * -0.5)


def finite(u: Value) -> Value:
    """u >= 0 kept finite."""
    return clamp(u, 0.0, 1e300)


@worded
def tail_variable(u: Value) -> Value:
    """t = (u − 5)/(u + 5)."""
    return (finite(u) - 5.0) / (finite(u) + 5.0)


@worded
def tail(u: Value) -> tuple[Value, Value]:
    """(1 − Φ(u))·exp(u²/2) for u >= 0, as a numerator and a denominator."""
    return u.emitter.polynomial("TAIL", tail_variable(u), heads=4), finite(u) + LIFT


@worded
def erf(x: Value) -> Value:
    """The error function: a polynomial on [−1, 1], 1 − 2Φ(−√2|x|) beyond."""
    e, size = x.emitter, absolute(x)
    z = (size < 1.0).where(x * x, 0.0)
    near = e.fma(size, e.polynomial("ERF", z), size)
    top, bottom = tail(size * math.sqrt(2))
    far = e.fma(decay(-(size * size)) * (top / bottom), -2.0, 1.0)
    return with_sign((size < 1.0).where(near, far), x)


@worded
def log_ndtr(x: Value) -> Value:
    """log Φ(x): the tail's logarithm − x²/2 below 0, log1p(−Φ(−x)) above."""
    e, u = x.emitter, absolute(x)
    top, bottom = tail(u)
    ratio = top / bottom
    below = e.fma(u * -0.5, u, log(ratio))
    return (x > 0.0).where(log1p(-lowered(raised_bell(u) * ratio)), below)


@worded
def raised_mills(x: Value) -> Value:
    """φ(x)/Φ(x)·2^128 for x >= 0; 0 beyond 40."""
    e, x = x.emitter, clamp(x, 0.0, 40.0)
    top, bottom = tail(x)
    high = raised_bell(x)
    return high * (1 / ROOT_2PI) / e.fma(-lowered(high), top / bottom, 1.0)


@worded
def mills(x: Value) -> Value:
    """φ(x)/Φ(x); about −x for x → −∞."""
    u = absolute(x)
    top, bottom = tail(u)
    below = (x < -1e200).where(u, bottom * (1 / ROOT_2PI) / top)
    return (x > 0.0).where(lowered(raised_mills(u)), below)


@worded
def mills_slope(x: Value) -> Value:
    """m(m + x) with m = φ/Φ; below 1 from polynomials of its own, because there m + x cancels."""
    e, u = x.emitter, absolute(x)
    top, _ = tail(u)
    below = e.polynomial("TAIL_SLOPE", tail_variable(u), heads=4) / (top * top)
    m = raised_mills(u)
    above = lowered(m * (lowered(m) + clamp(u, 0.0, 40.0)))
    middle = e.polynomial("MILLS_SLOPE", clamp(x, 0.0, 1.0), heads=1)
    return (x > 1.0).where(above, (x > 0.0).where(middle, below))


@worded
def reflected(x: Value) -> tuple[Value, Value]:
    """Where x < 0: 1 − x instead of x, and the truth value that says so."""
    below = x < 0.0
    return below, below.where(1.0 - x, x)


@worded
def turn(x: Value) -> tuple[Value, Value]:
    """|sin(πx)| and cos(πx)·sign(sin(πx)), by x's distance d from the nearest whole number."""
    e = x.emitter
    d = x - e.call("rint", x)
    size = absolute(d)
    swap = size > 0.25
    b = swap.where(0.5 - size, size) * math.pi
    z = b * b
    sine = e.fma(b * z, e.polynomial("SIN", z), b)
    cosine = e.fma(z * z, e.polynomial("COS", z), 1.0 - z * 0.5)
    return swap.where(cosine, sine), with_sign(swap.where(sine, cosine), d)


@worded
def lgamma(x: Value) -> Value:
    """log|Γ(x)|."""
    below, y = reflected(x)
    value = lgamma_right(y)
    sine, _ = turn(x)
    return below.where(log(math.pi / sine) - value, value)


@worded
def lgamma_right(x: Value) -> Value:
    """lgamma for x >= 0."""
    e = x.emitter
    big, small = x >= 8.0, x < 0.75
    y, product = big.where(2.0, x), e.lift(1.0, "real")
    for _ in range(6):
        more = y > 2.75
        less = y - 1.0
        product, y = more.where(product * less, product), more.where(less, y)
    one, two = small.where(x, y - 1.0), small.where(x - 1.0, y - 2.0)
    y = small.where(x + 1.0, y)
    base = one * two * e.polynomial("LGAMMA", (y - 1.4375) / (y + 1.4375), heads=1)
    logarithm = log(big.where(x, small.where(x, product)))
    v = 1.0 / x
    series = e.fma(v, e.polynomial("STIRLING", big.where(v * v, 0.0)), 0.5 * math.log(2 * math.pi) - 0.5)
    stirling = e.fma(x - 0.5, logarithm - 1.0, series)
    return big.where(stirling, small.where(base - logarithm, base + logarithm))


@worded
def digamma(x: Value) -> Value:
    """(log Γ)′."""
    below, y = reflected(x)
    value = digamma_right(y)
    sine, cosine = turn(x)
    return below.where(value - cosine / sine * math.pi, value)


@worded
def digamma_right(x: Value) -> Value:
    """digamma for x >= 0: ψ(x) = ψ(y) + Σ 1/(y + i), the sum kept as one fraction."""
    e = x.emitter
    big, small = x >= 8.0, x < 1.0
    y, top, bottom = big.where(2.0, x), e.lift(0.0, "real"), e.lift(1.0, "real")
    for _ in range(6):
        more = y > 2.5
        less = y - 1.0
        top = more.where(e.fma(top, less, bottom), top)
        bottom, y = more.where(bottom * less, bottom), more.where(less, y)
    y = small.where(x + 1.0, y)
    steps = small.where(-1.0, top) / small.where(x, bottom)
    away = (y - DIGAMMA_ROOT) - DIGAMMA_ROOT_REST
    base = e.fma(away, e.polynomial("DIGAMMA", (y - 1.578125) / (y + 1.578125), heads=1), steps)
    v = 1.0 / x
    z = big.where(v * v, 0.0)
    return big.where(log(x) + e.fma(z, e.polynomial("DIGAMMA_FAR", z), v * -0.5), base)


@worded
def trigamma(x: Value) -> Value:
    """(log Γ)″."""
    below, y = reflected(x)
    value = trigamma_right(y)
    sine, _ = turn(x)
    pole = math.pi / sine
    return below.where(pole * pole - value, value)


@worded
def trigamma_right(x: Value) -> Value:
    """trigamma for x >= 0: Stirling's series, eight steps to the right below 8."""
    e, big = x.emitter, x >= 8.0
    v = 1.0 / big.where(x, x + 8.0)
    z = v * v
    far = v * e.fma(z, e.polynomial("TRIGAMMA_FAR", z), e.fma(v, 0.5, 1.0))
    near = far
    for i in reversed(range(8)):
        step = 1.0 / (x + float(i))
        near = e.fma(step, step, near)
    return big.where(far, near)
