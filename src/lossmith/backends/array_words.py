"""The machine's words in operations that all array libraries share: `xp` is NumPy, PyTorch, jax.numpy or keras.ops.

Their text goes, with the library's own name for `xp`, into the code that `arrays.py` prints. So there is no branch on
data, no constant beyond float32, and `xp.where` always has an array among its values.
"""

from __future__ import annotations

import math
from typing import Any

import numpy

from lossmith.backends.llvm_polynomials import POLYNOMIALS

xp: Any = numpy


def softplus(x: Any) -> Any:
    """log(1 + exp(x))."""
    return xp.clip(x, 0.0, math.inf) + xp.log1p(xp.exp(-xp.abs(x)))


def sigmoid(x: Any) -> Any:
    t = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, 1 / (1 + t), t / (1 + t))


def sech2(x: Any) -> Any:
    """1/cosh(x)²."""
    t = xp.exp(-2 * xp.abs(x))
    return 4 * t / (1 + t * (2 + t))


def logcosh(x: Any) -> Any:
    """near 0 as log(1 + 2 sinh²(x/2))."""
    a = xp.abs(x)
    e = xp.expm1(xp.clip(a, 0.0, 1.0) / 2)
    s = (e + e / (1 + e)) / 2
    return xp.where(a < 1, xp.log1p(2 * s * s), a - math.log(2) + xp.log1p(xp.exp(-2 * a)))


def hypot1(x: Any) -> Any:
    """√(1 + x²) without overflow."""
    a = xp.abs(x)
    low, inverse = xp.clip(a, 0.0, 1.0), 1 / xp.clip(a, 1.0, math.inf)
    return xp.where(a <= 1, xp.sqrt(1 + low * low), a * xp.sqrt(1 + inverse * inverse))


def log1psq(x: Any) -> Any:
    """log(1 + x²) without overflow."""
    a = xp.abs(x)
    low, high = xp.clip(a, 0.0, 1.0), xp.clip(a, 1.0, math.inf)
    return xp.where(a <= 1, xp.log1p(low * low), 2 * xp.log(high) + xp.log1p(1 / high / high))


def witch(x: Any) -> Any:
    """1/(1 + x²) without overflow."""
    a = xp.abs(x)
    low, inverse = xp.clip(a, 0.0, 1.0), 1 / xp.clip(a, 1.0, math.inf)
    return xp.where(a <= 1, 1 / (1 + low * low), inverse * (inverse / (1 + inverse * inverse)))


def serpentine(x: Any) -> Any:
    """x/(1 + x²) without overflow."""
    a, low = xp.abs(x), xp.clip(x, -1.0, 1.0)
    inverse = 1 / xp.clip(a, 1.0, math.inf)
    return xp.where(a <= 1, low / (1 + low * low), xp.sign(x) * inverse / (1 + inverse * inverse))


def xlogy(x: Any, y: Any) -> Any:
    return xp.where(x == 0, xp.full_like(y, 0.0), x * xp.log(xp.where(x == 0, xp.full_like(y, 1.0), y)))


def share_of(share: Any, x: Any) -> Any:
    """share·x; a share of 0 has nothing even of what is infinite."""
    return xp.where(share == 0, xp.full_like(x, 0.0), share * x)


def horner(x: Any, coefficients: tuple[float, ...]) -> Any:
    """coefficients by rising power."""
    total = xp.full_like(x, coefficients[-1])
    for k in range(len(coefficients) - 2, -1, -1):
        total = total * x + coefficients[k]
    return total


EXP_SERIES = tuple(1 / math.factorial(k) for k in range(2, 22))
ATANH_SERIES = (0.0, *(2 / (2 * k + 1) for k in range(1, 20)))


def expm1mx(x: Any) -> Any:
    """eˣ − 1 − x."""
    near = xp.clip(x, -1.0, 1.0)
    return xp.where(xp.abs(x) <= 1, near * near * horner(near, EXP_SERIES), xp.expm1(x) - xp.clip(x, -math.inf, 1e30))


def log1pmx(x: Any) -> Any:
    """log(1 + x) − x."""
    near = xp.clip(x, -0.5, 1.0)
    s = near / (2 + near)
    inside = (x >= -0.5) & (x <= 1)
    far = xp.clip(x, -1.0, 1e30)
    return xp.where(inside, s * (horner(s * s, ATANH_SERIES) - near), xp.log1p(far) - xp.clip(x, -1.0, math.inf))


def log_cloglog(x: Any) -> Any:
    """log(1 − exp(−eˣ))."""
    u = xp.exp(xp.clip(x, -math.inf, 7.0))
    low = xp.clip(u, 0.0, 1.0)
    return xp.where(x > 0, xp.log1p(-xp.exp(-u)), x + xp.log1p(-low * horner(-low, EXP_SERIES)))


def cloglog_slope(x: Any) -> Any:
    """u/(eᵘ − 1) with u = eˣ."""
    u = xp.exp(xp.clip(x, -math.inf, 7.0))
    low = xp.clip(u, 0.0, 1.0)
    high = xp.clip(u, 1.0, math.inf)
    return xp.where(x > 0, high * xp.exp(-high) / -xp.expm1(-high), 1 / (1 + low * horner(low, EXP_SERIES)))


def cloglog_bend(x: Any) -> Any:
    """minus the second derivative of log_cloglog."""
    u = xp.exp(xp.clip(x, -math.inf, 7.0))
    low = xp.clip(u, 0.0, 1.0)
    high = xp.clip(u, 1.0, math.inf)
    near = low * horner(-low, EXP_SERIES)
    return cloglog_slope(x) * xp.where(x > 0, (high + xp.expm1(-high)) / -xp.expm1(-high), near / (1 - near))


def cauchy_tail(x: Any) -> Any:
    """½ − atan|x|/π."""
    a = xp.abs(x)
    return xp.where(a > 1, xp.arctan(1 / xp.clip(a, 1.0, math.inf)), math.pi / 2 - xp.arctan(a)) / math.pi


def log_cauchit(x: Any) -> Any:
    """log(½ + atan(x)/π)."""
    tail = cauchy_tail(x)
    return xp.where(x < 0, xp.log(tail), xp.log1p(-tail))


def cauchit_slope(x: Any) -> Any:
    """the derivative of log_cauchit."""
    a = xp.abs(x)
    v = 1 / xp.clip(a, 1.0, math.inf)
    low = xp.clip(a, 0.0, 1.0)
    bell = xp.where(a > 1, v * v / (1 + v * v), 1 / (1 + low * low))
    ratio = xp.where(v < 1e-9, xp.full_like(v, 1.0), v / xp.arctan(xp.clip(v, 1e-30, math.inf)))
    whole = xp.where(x < 0, math.pi * cauchy_tail(low), math.pi * (1 - cauchy_tail(x)))
    return xp.where(x < -1, v / (1 + v * v) * ratio, bell / whole)


TAIL, TAIL_SLOPE, MILLS_SLOPE = (POLYNOMIALS[name] for name in ("TAIL", "TAIL_SLOPE", "MILLS_SLOPE"))
TAIL_LIFT = 1.2
ROOT_2PI = math.sqrt(2 * math.pi)


def normal_tail(u: Any) -> Any:
    """(1 − Φ(u))·exp(u²/2) for u ≥ 0."""
    u = xp.clip(u, 0.0, 1e15)
    return horner((u - 5) / (u + 5), TAIL) / (u + TAIL_LIFT)


def half_bell(u: Any) -> Any:
    """exp(−u²/4), u² not rounded as a whole."""
    head = xp.clip(u, 0.0, 50.0)
    head = xp.round(head * 1024) / 1024
    rest = xp.clip(u, 0.0, 50.0) - head
    return xp.exp(-head * head / 4) * xp.exp(-rest * (2 * head + rest) / 4)


def log_ndtr(x: Any) -> Any:
    """log Φ."""
    u = xp.abs(x)
    root = half_bell(u)
    return xp.where(x > 0, xp.log1p(-root * root * normal_tail(u)), xp.log(normal_tail(u)) - u * 0.5 * u)


def mills(x: Any) -> Any:
    """φ/Φ."""
    u = xp.abs(x)
    root = half_bell(u)
    left = xp.where(u > 1e15, u, 1 / (normal_tail(u) * ROOT_2PI))
    right = root * (1 / ROOT_2PI / (1 - root * root * normal_tail(u))) * root
    return xp.where(x > 0, right, left)


def mills_slope(x: Any) -> Any:
    """m(m + x) with m = φ/Φ; below 0, where m + x cancels, from a polynomial of its own."""
    u = xp.clip(xp.abs(x), 0.0, 1e15)
    t = (u - 5) / (u + 5)
    m = mills(xp.clip(x, 0.0, math.inf))
    right = xp.where(x > 1, m * (m + xp.clip(x, 0.0, 50.0)), horner(xp.clip(x, 0.0, 1.0), MILLS_SLOPE))
    top = horner(t, TAIL)
    return xp.where(x > 0, right, horner(t, TAIL_SLOPE) / (top * top))


STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400)
BERNOULLI = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12, -3617 / 8160)
TRIGAMMA_SERIES = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)


def lgamma(x: Any) -> Any:
    """log Γ for x > 0: Stirling's series, after eight steps upwards where x is small."""
    low = xp.clip(x, 0.0, 8.0)
    product = low
    for k in range(1, 8):
        product = product * (low + k)
    u = xp.where(x < 8, low + 8, x)
    series = (u - 0.5) * xp.log(u) - u + math.log(2 * math.pi) / 2 + horner(1 / u / u, STIRLING) / u
    return series - xp.where(x < 8, xp.log(product), 0 * low)


def digamma(x: Any) -> Any:
    """(log Γ)′ for x > 0."""
    low = xp.clip(x, 0.0, 8.0)
    shift = 0 * low
    for k in range(8):
        shift = shift + 1 / (low + k)
    u = xp.where(x < 8, low + 8, x)
    series = xp.log(u) - 0.5 / u - horner(1 / u / u, BERNOULLI) / u / u
    return series - xp.where(x < 8, shift, 0 * low)


def trigamma(x: Any) -> Any:
    """(log Γ)″ for x > 0."""
    low = xp.clip(x, 0.0, 8.0)
    shift = 0 * low
    for k in range(8):
        shift = shift + 1 / (low + k) / (low + k)
    u = xp.where(x < 8, low + 8, x)
    series = 1 / u + 0.5 / u / u + horner(1 / u / u, TRIGAMMA_SERIES) / u / u / u
    return series + xp.where(x < 8, shift, 0 * low)


ERF_SERIES = tuple((-1) ** k / (math.factorial(k) * (2 * k + 1)) * 2 / math.sqrt(math.pi) for k in range(30))


def erf(x: Any) -> Any:
    near = xp.clip(x, -1.5, 1.5)
    u = math.sqrt(2) * xp.abs(x)
    root = half_bell(u)
    far = xp.sign(x) * (1 - 2 * root * root * normal_tail(u))
    return xp.where(xp.abs(x) < 1.5, near * horner(near * near, ERF_SERIES), far)
