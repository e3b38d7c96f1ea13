"""What rounding took from log Γ and its slopes: the same once more in two doubles, by Stirling's series from 8 on.

Below 8 the argument goes eight steps to the right; what these add is a product, or sums of quotients, in two doubles
too. Where a result is near its zero its own polynomial is the better one, and nothing is said.
"""

from __future__ import annotations

from lossmith.backends.llvm_core import absolute
from lossmith.backends.llvm_power import Pair, log_pair
from lossmith.backends.llvm_rests import lost
from lossmith.backends.llvm_values import Value, worded

STEPS = 8
CONSTANT, CONSTANT_REST = 0.4189385332046727, 1.6728209650585413e-17
"""log √(2π) − ½."""
NEAR = 0.0625
"""Results that are smaller are left as they are."""


def added(total: Pair, a: Value, rest: Value | float = 0.0) -> Pair:
    """(total + a) with what that lacks."""
    whole = total[0] + a
    return whole, (total[1] + lost(total[0], a, whole)) + rest


@worded
def moved(x: Value) -> tuple[Value, Value, Value]:
    """Where x < 8; x there moved eight steps to the right; and what rounding took from that."""
    small = x < float(STEPS)
    far = x + float(STEPS)
    return small, small.where(far, x), small.where(x - (far - float(STEPS)), 0.0)


@worded
def inverse(x: Value, dx: Value) -> Pair:
    """1/(x + dx) as a sum of two doubles."""
    q = 1.0 / x
    return q, (x.emitter.fma(-q, x, 1.0) - q * dx) * q


@worded
def step(x: Value, i: int) -> Pair:
    """x + i as a sum of two doubles, for a small x > 0."""
    t = x + float(i)
    return t, lost(x.emitter.lift(float(i), "real"), x, t)


@worded
def product(x: Value) -> Pair:
    """log(x(x + 1)…(x + 7)) as a sum of two doubles."""
    e, (p, dp) = x.emitter, (x, x.emitter.lift(0.0, "real"))
    for i in range(1, STEPS):
        t, dt = step(x, i)
        whole = p * t
        p, dp = whole, e.fma(p, t, -whole) + (p * dt + dp * t)
    high, low = log_pair(p)
    return high, low + dp / p


@worded
def quotients(x: Value, power: int) -> Pair:
    """Σ 1/(x + i)^power over the steps, the smallest first."""
    e = x.emitter
    total: Pair = (e.lift(0.0, "real"), e.lift(0.0, "real"))
    for i in reversed(range(STEPS)):
        q, dq = inverse(*step(x, i))
        if power == 2:
            square = q * q
            q, dq = square, e.fma(q, q, -square) + q * dq * 2.0
        total = added(total, q, dq)
    return total


def beyond(total: Pair, y: Value, x: Value, small: Value, less: Pair, near: float) -> Value:
    """What y lacks of total, or of total − less where x is small."""
    whole, rest = added(total, small.where(-less[0], 0.0), small.where(-less[1], 0.0))
    return ((x > 0.0) & (absolute(y) >= near)).where((whole - y) + rest, 0.0)


@worded
def lgamma_rest(x: Value, y: Value) -> Value:
    """Of log Γ(x) for x > 0: (X − ½)(log X − 1) + log √(2π) − ½ + …"""
    e = x.emitter
    small, at, dx = moved(x)
    high, low = log_pair(at)
    by, less = at - 0.5, high - 1.0
    p = by * less
    by_lost, less_lost = (at - by) - 0.5, lost(high, e.lift(-1.0, "real"), less) + low
    v = 1.0 / at
    total: Pair = (p, e.fma(by, less, -p) + (by * less_lost + by_lost * less))
    total = added(total, e.lift(CONSTANT, "real"), CONSTANT_REST)
    total = added(total, v * e.polynomial("STIRLING", v * v), dx * (high - v * 0.5))
    return beyond(total, y, x, small, product(small.where(x, 1.0)), NEAR)


@worded
def digamma_rest(x: Value, y: Value) -> Value:
    """Of (log Γ)′(x) for x > 0: log X − 1/(2X) − …"""
    e = x.emitter
    small, at, dx = moved(x)
    high, low = log_pair(at)
    v, dv = inverse(at, e.lift(0.0, "real"))
    z = v * v
    total = added((high, low + dx * v), v * -0.5, dv * -0.5)
    total = added(total, z * e.polynomial("DIGAMMA_FAR", z))
    return beyond(total, y, x, small, quotients(small.where(x, 1.0), 1), NEAR)


@worded
def trigamma_rest(x: Value, y: Value) -> Value:
    """Of (log Γ)″(x) for x > 0: 1/X + 1/(2X²) + …"""
    e = x.emitter
    small, at, dx = moved(x)
    v, dv = inverse(at, dx)
    z = v * v
    total = added((v, dv), z * 0.5, e.fma(v, v, -z) * 0.5 + v * dv)
    total = added(total, v * z * e.polynomial("TRIGAMMA_FAR", z))
    less, less_rest = quotients(small.where(x, 1.0), 2)
    return beyond(total, y, x, small, (-less, -less_rest), 0.0)


RESTS = {"lgamma": lgamma_rest, "digamma": digamma_rest, "trigamma": trigamma_rest}
"""By word: from its argument and its result, what rounding took."""
