"""The normal distribution and the gamma function as vector arithmetic.

Φ rests on R(u) = (1 − Φ(u))/φ(u), which is smooth on [0, ∞) in t = (u − 5)/(u + 5) (after Shepherd & Laframboise 1981,
doi:10.1090/S0025-5718-1981-0595058-X). lgamma and digamma are polynomials with their zeros taken out on a short
interval, reached by their recurrences; Stirling's series serves x >= 8. Below 0 they are reflected, and there their
error is relative to max(1, |value|), not to their zeros.
"""

from __future__ import annotations

import math

from lossmith.backends.llvm_core import absolute, clamp, decay, log, log1p, lowered, raised_decay_of_pair, with_sign
from lossmith.backends.llvm_polynomials import POLYNOMIALS
from lossmith.backends.llvm_power import Pair, quotient_pair
from lossmith.backends.llvm_rests import log1p_rest, log_rest, lost
from lossmith.backends.llvm_values import Value, worded

ROOT_2PI, ROOT_2PI_REST = 2.5066282746310007, -1.8328579980459167e-16
LIFT, LIFT_REST = 1.2, 4.4408920985006264e-17  # the polynomial TAIL is (u + LIFT)·R(u)/√(2π)
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
def headed(x: Value, name: str, low: float) -> Pair:
    """A polynomial of the table as a sum of two doubles; `low` is what its first coefficient lost."""
    e, (first, *heads) = x.emitter, POLYNOMIALS[name][:4]
    q = e.estrin(x, POLYNOMIALS[name][4:])
    for c in reversed(heads):
        q = e.fma(x, q, c)
    value = e.fma(x, q, first)
    return value, e.fma(x, q, (first - value)) + low


@worded
def ratio_pair(u: Value) -> tuple[Pair, Pair, Pair]:
    """`tail`'s numerator and denominator, and their quotient, each as a sum of two doubles."""
    e, size = u.emitter, finite(u)
    top, top_lost = headed(tail_variable(u), "TAIL", 9.071548043906614e-18)
    bottom = size + LIFT
    bottom_lost = lost(size, e.lift(LIFT, "real"), bottom) + LIFT_REST
    ratio = top / bottom
    rest = ((e.fma(-ratio, bottom, top) + top_lost) - ratio * bottom_lost) / bottom
    return (top, top_lost), (bottom, bottom_lost), (ratio, rest)


@worded
def upper(u: Value) -> tuple[Value, Value, Value]:
    """1 − Φ(u) for u >= 0 as a sum of two doubles, and exp(−u²/2)·2^128."""
    high, (_, _, (ratio, rest)) = raised_bell(u), ratio_pair(u)
    low = lowered(high)
    q = low * ratio
    return q, u.emitter.fma(low, ratio, -q) + low * rest, high


@worded
def log_ndtr(x: Value) -> Value:
    """log Φ(x): the tail's logarithm − x²/2 below 0, log1p(−Φ(−x)) above."""
    e, u = x.emitter, absolute(x)
    _, _, (ratio, ratio_lost) = ratio_pair(u)
    first, square = log(ratio), (u * -0.5) * u
    below = first + square
    rest = lost(square, first, below) + (e.fma(u * -0.5, u, -square) + (log_rest(ratio, first) + ratio_lost / ratio))
    q, q_lost, _ = upper(u)
    above = log1p(-q)
    more = log1p_rest(-q, above) - q_lost / (1.0 - q)
    return (x > 0.0).where(above + more, below + (u < 1e150).where(rest, 0.0))


@worded
def raised_mills(x: Value) -> Pair:
    """φ(x)/Φ(x)·2^128 for x >= 0 as a sum of two doubles; 0 beyond 40."""
    e, x = x.emitter, clamp(x, 0.0, 40.0)
    q, q_lost, high = upper(x)
    c = 1.0 - q
    root = e.lift(ROOT_2PI, "real"), e.lift(ROOT_2PI_REST, "real")
    return quotient_pair(high, e.lift(0.0, "real"), *root, c, ((1.0 - c) - q) - q_lost)


@worded
def mills(x: Value) -> Value:
    """φ(x)/Φ(x); about −x for x → −∞."""
    e, u = x.emitter, absolute(x)
    top, bottom, _ = ratio_pair(u)
    left, left_rest = quotient_pair(*bottom, e.lift(ROOT_2PI, "real"), e.lift(ROOT_2PI_REST, "real"), *top)
    below = (x < -1e200).where(u, left + left_rest)
    right, right_rest = raised_mills(u)
    return (x > 0.0).where(lowered(right + right_rest), below)


@worded
def mills_slope(x: Value) -> Value:
    """m(m + x) with m = φ/Φ; below 1 from polynomials of its own, because there m + x cancels."""
    e, u = x.emitter, absolute(x)
    top, _, _ = ratio_pair(u)
    below, below_rest = quotient_pair(*headed(tail_variable(u), "TAIL_SLOPE", -1.1918107352775471e-18), *top, *top)
    (m, m_rest), near = raised_mills(u), clamp(u, 0.0, 40.0)
    small = lowered(m)
    whole = near + small
    product = m * whole
    above = lowered(product + (e.fma(m, whole, -product) + (m_rest * whole + m * lost(near, small, whole))))
    middle, middle_rest = headed(clamp(x, 0.0, 1.0), "MILLS_SLOPE", -4.728080797753322e-17)
    return (x > 1.0).where(above, (x > 0.0).where(middle + middle_rest, below + below_rest))


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
