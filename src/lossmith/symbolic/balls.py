"""Elementary functions of one double, enclosed in two: ball arithmetic, rounded outwards.

python-flint's `arb` does the work. Without it mpmath's interval type does what it can (exp, log and what is made of
them); for the other words the known range is returned, so that a proof becomes "unknown", never wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from lossmith.symbolic.spans import INF, MAX, down, up

HALF_PI = 1.5707963267948968  # the double above π/2

RANGES: dict[str, tuple[float, float]] = {
    "exp": (0.0, INF), "expm1": (-1.0, INF), "log": (-INF, INF), "log1p": (-INF, INF), "tanh": (-1.0, 1.0),
    "sech2": (0.0, 1.0), "logcosh": (0.0, INF), "atan": (-HALF_PI, HALF_PI), "erf": (-1.0, 1.0),
    "lgamma": (-0.1214862905358497, INF), "digamma": (-INF, INF), "trigamma": (0.0, INF), "softplus": (0.0, INF),
    "sigmoid": (0.0, 1.0), "log_ndtr": (-INF, 0.0), "mills": (0.0, INF), "mills_slope": (0.0, 1.0),
    "hypot1": (1.0, INF), "log1psq": (0.0, INF), "witch": (0.0, 1.0), "serpentine": (-0.5, 0.5),
    "expm1mx": (0.0, INF), "log1pmx": (-INF, 0.0), "asinh": (-INF, INF), "log_cloglog": (-INF, 0.0),
    "cloglog_slope": (0.0, 1.0), "cloglog_turn": (0.0, INF), "log_cauchit": (-INF, 0.0), "cauchy_cdf": (0.0, 1.0),
}  # fmt: skip
"""What a word can take at all; a bound is never looser than this."""

LIMITS: dict[str, tuple[float, float]] = {
    "exp": (0.0, INF), "expm1": (-1.0, INF), "log": (-INF, INF), "log1p": (-INF, INF), "tanh": (-1.0, 1.0),
    "sech2": (0.0, 0.0), "logcosh": (INF, INF), "erf": (-1.0, 1.0), "digamma": (-INF, INF), "trigamma": (INF, 0.0),
    "softplus": (0.0, INF), "sigmoid": (0.0, 1.0), "log_ndtr": (-INF, 0.0), "mills": (INF, 0.0),
    "mills_slope": (1.0, 0.0), "hypot1": (INF, INF), "log1psq": (INF, INF), "witch": (0.0, 0.0),
    "expm1mx": (INF, INF), "log1pmx": (-INF, -INF), "asinh": (-INF, INF), "log_cloglog": (-INF, 0.0),
    "cloglog_slope": (1.0, 0.0), "cloglog_turn": (0.0, INF), "log_cauchit": (-INF, 0.0), "cauchy_cdf": (0.0, 1.0),
    "serpentine": (0.0, 0.0), "atan": (-1.5707963267948966, 1.5707963267948966),
}  # fmt: skip
"""The limits at −∞ and +∞, to within one double."""


AT_ZERO = {
    "exp": 1.0, "expm1": 0.0, "log1p": 0.0, "tanh": 0.0, "sech2": 1.0, "logcosh": 0.0, "atan": 0.0, "erf": 0.0,
    "sigmoid": 0.5, "hypot1": 1.0, "log1psq": 0.0, "witch": 1.0, "serpentine": 0.0, "expm1mx": 0.0, "log1pmx": 0.0,
    "asinh": 0.0,
}  # fmt: skip
"""Values at 0 that are doubles: a bound that is attained stays exact."""


def low(word: str, x: float) -> float:
    """A lower bound of word(x)."""
    return _enclose(word, x)[0]


def high(word: str, x: float) -> float:
    """An upper bound of word(x)."""
    return _enclose(word, x)[1]


@lru_cache(maxsize=16384)
def _enclose(word: str, x: float) -> tuple[float, float]:
    floor, ceiling = RANGES[word]
    if math.isinf(x):
        at = LIMITS[word][x > 0]
        return max(floor, down(at)), min(ceiling, up(at))
    if x == 0 and word in AT_ZERO:
        return AT_ZERO[word], AT_ZERO[word]
    if x == 1 and word == "log":
        return 0.0, 0.0
    a, b = _words()[word](x)
    return (max(a, floor), min(b, ceiling)) if a == a and b == b else (floor, ceiling)


def power_low(x: float, p: float) -> float:
    """A lower bound of xᵖ for x ≥ 0 (x > 0 where p < 0)."""
    return _power(x, p)[0]


def power_high(x: float, p: float) -> float:
    """An upper bound of xᵖ for x ≥ 0 (x > 0 where p < 0)."""
    return _power(x, p)[1]


@lru_cache(maxsize=16384)
def _power(x: float, p: float) -> tuple[float, float]:
    if x == 0 or math.isinf(x):
        end = 0.0 if (x == 0) == (p > 0) else INF
        return end, end
    if x == 1:
        return 1.0, 1.0
    return _powers()(x, p)


def wave(word: str, a: float, b: float) -> tuple[float, float]:
    """Bounds of sin or cos over [a, b]."""
    if not b - a < 3.2:
        return -1.0, 1.0
    low, high = _waves()(word, a, b)
    return max(low, -1.0), min(high, 1.0)


Point = Callable[[float], tuple[float, float]]


@lru_cache(maxsize=1)
def _words() -> dict[str, Point]:
    try:
        return _flint_words()
    except ImportError:
        return _mpmath_words()


def _ends(ball: Any) -> tuple[float, float]:
    """A finite ball as two doubles, rounded outwards."""
    if not ball.is_finite():
        return math.nan, math.nan
    return down(_double(ball.lower())), up(_double(ball.upper()))


def _double(x: Any) -> float:
    try:
        value = float(x)
    except OverflowError:
        return INF if x > 0 else -INF
    return math.copysign(MAX, value) if math.isinf(value) else value


def _flint_words() -> dict[str, Point]:
    from flint import arb, ctx

    return {word: _clamped(word, f, arb, ctx) for word, f in ball_words().items() if word in RANGES}


@lru_cache(maxsize=1)
def ball_words() -> dict[str, Callable[[Any], Any]]:
    """The smooth words of one argument over python-flint's balls, at its working precision."""
    from flint import arb

    def log_ndtr(x: Any) -> Any:
        tail = (-x / arb(2).sqrt()).erfc() / 2
        return tail.log() if x < 3 else (-((x / arb(2).sqrt()).erfc() / 2)).log1p()

    def mills(x: Any) -> Any:
        return (-x * x / 2).exp() / ((2 * arb.pi()).sqrt() * ((-x / arb(2).sqrt()).erfc() / 2))

    def logcosh(x: Any) -> Any:
        s = abs(x)
        return (x.sinh() ** 2).log1p() / 2 if s < 1 else s + (-2 * s).exp().log1p() - arb(2).log()

    def turn(x: Any) -> Any:
        u = x.exp()
        return ((-u).expm1() + u) / -(-u).expm1()

    def cauchy_cdf(x: Any) -> Any:
        return (1 / -x).atan() / arb.pi() if x < -1 else arb(0.5) + x.atan() / arb.pi()

    return {
        "expm1mx": lambda x: x.expm1() - x, "log1pmx": lambda x: x.log1p() - x, "asinh": lambda x: x.asinh(),
        "log_cloglog": lambda x: (-(-x.exp()).expm1()).log() if x < 1 else (-(-x.exp()).exp()).log1p(),
        "cloglog_slope": lambda x: x.exp() / x.exp().expm1(), "cloglog_turn": turn,
        "cloglog_bend": lambda x: x.exp() / x.exp().expm1() * turn(x),
        "log_cauchit": lambda x: cauchy_cdf(x).log(), "cauchy_cdf": cauchy_cdf,
        "cauchit_slope": lambda x: 1 / (arb.pi() * (1 + x * x) * cauchy_cdf(x)),
        "exp": lambda x: x.exp(), "expm1": lambda x: x.expm1(), "log": lambda x: x.log(), "log1p": lambda x: x.log1p(),
        "tanh": lambda x: x.tanh(), "sech2": lambda x: x.sech() ** 2, "logcosh": logcosh, "atan": lambda x: x.atan(),
        "erf": lambda x: x.erf(), "lgamma": lambda x: x.lgamma(), "digamma": lambda x: x.digamma(),
        "trigamma": lambda x: arb(2).zeta(x),
        "softplus": lambda x: x + (-x).exp().log1p() if x > 0 else x.exp().log1p(),
        "sigmoid": lambda x: 1 / (1 + (-x).exp()) if x > -1 else x.exp() / (1 + x.exp()),
        "log_ndtr": log_ndtr, "mills": mills,
        "mills_slope": lambda x: mills(x) * (mills(x) + x), "hypot1": lambda x: (1 + x * x).sqrt(),
        "log1psq": lambda x: (x * x).log1p(), "witch": lambda x: 1 / (1 + x * x),
        "serpentine": lambda x: x / (1 + x * x),
    }  # fmt: skip


BITS = 160
"""The working precision: enough for what cancels near 0."""


FAR_OUT = frozenset({"log", "log1p", "log_cauchit", "cauchy_cdf"})
"""Words that go on far out: their balls are tight as far as doubles reach."""


def _clamped(word: str, f: Callable[[Any], Any], ball: Any, ctx: Any) -> Point:
    """Far out the word is known only by its range (exp, which overflows there anyway, by its value at ±2000)."""

    def point(x: float) -> tuple[float, float]:
        if word in ("exp", "expm1"):
            x = min(max(x, -2000.0), 2000.0)
        if abs(x) >= 1e150 and word not in FAR_OUT:
            return RANGES[word]
        with ctx.workprec(BITS):
            return _ends(f(ball(x)))

    return point


def _mpmath_words() -> dict[str, Point]:
    from mpmath import iv

    def guarded(f: Callable[[Any], Any]) -> Point:
        def point(x: float) -> tuple[float, float]:
            if abs(x) > 700:
                return math.nan, math.nan
            y = f(iv.mpf(x))
            return down(float(y.a)), up(float(y.b))

        return point

    known: dict[str, Callable[[Any], Any]] = {
        "exp": iv.exp, "expm1": lambda x: iv.exp(x) - 1, "log": iv.log, "log1p": lambda x: iv.log(1 + x),
        "tanh": lambda x: 1 - 2 / (iv.exp(2 * x) + 1), "softplus": lambda x: iv.log(1 + iv.exp(x)),
        "sech2": lambda x: 4 / (iv.exp(x) + iv.exp(-x)) ** 2, "sigmoid": lambda x: 1 / (1 + iv.exp(-x)),
        "logcosh": lambda x: iv.log((iv.exp(x) + iv.exp(-x)) / 2), "hypot1": lambda x: iv.sqrt(1 + x * x),
        "log1psq": lambda x: iv.log(1 + x * x), "witch": lambda x: 1 / (1 + x * x),
        "serpentine": lambda x: x / (1 + x * x),
    }  # fmt: skip
    unknown: Point = lambda x: (math.nan, math.nan)  # noqa: E731
    return {word: guarded(known[word]) if word in known else unknown for word in RANGES}


@lru_cache(maxsize=1)
def _powers() -> Callable[[float, float], tuple[float, float]]:
    try:
        from flint import arb
    except ImportError:
        from mpmath import iv

        def by_log(x: float, p: float) -> tuple[float, float]:
            y = iv.exp(iv.log(iv.mpf(x)) * iv.mpf(p)) if abs(p * math.log(x)) < 700 else iv.mpf([0, "inf"])
            return max(down(float(y.a)), 0.0), up(float(y.b))

        return by_log
    return lambda x, p: _nonnegative(_ends(arb(x) ** arb(p)))


def _nonnegative(ends: tuple[float, float]) -> tuple[float, float]:
    return (max(ends[0], 0.0), ends[1]) if ends[0] == ends[0] else (0.0, INF)


@lru_cache(maxsize=1)
def _waves() -> Callable[[str, float, float], tuple[float, float]]:
    try:
        from flint import arb
    except ImportError:
        return lambda word, a, b: (-1.0, 1.0)

    def over(word: str, a: float, b: float) -> tuple[float, float]:
        ball = arb(a).union(arb(b))
        low, high = _ends(ball.sin() if word == "sin" else ball.cos())
        return (low, high) if low == low else (-1.0, 1.0)

    return over
