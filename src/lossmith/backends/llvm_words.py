"""The machine's words as branch-free vector arithmetic; `WORDS` is the table over exactly `lossmith.words.WORDS`.

Every word is written once, on float64 lanes, with errors below 4 units in the last place (most below 1.5); float32
kernels compute on float64 lanes too, with shorter polynomials.
"""

from __future__ import annotations

from collections.abc import Callable

from lossmith.backends import llvm_remainders as remainders
from lossmith.backends import llvm_special as special
from lossmith.backends.llvm_core import (
    LN2,
    LN2_REST,
    absolute,
    atan,
    cosine_parts,
    decay,
    exp,
    expm1,
    log,
    log1p,
    log1p_unit,
    lowered,
    mended,
    quarter_turns,
    raised_decay,
    sine_parts,
    with_sign,
)
from lossmith.backends.llvm_gamma_rests import RESTS as GAMMA_RESTS
from lossmith.backends.llvm_power import power
from lossmith.backends.llvm_rests import RESTS
from lossmith.backends.llvm_values import Value, worded


@worded
def tanh(x: Value) -> Value:
    """(1 − t)/(1 + t) with t = e^(−2|x|): 1 − 2t/(1 + t), or by e^(−2|x|) − 1 below ½; with x's sign."""
    size = absolute(x)
    lost, t = expm1(size * -2.0), decay(size * -2.0)
    return with_sign((size < 0.5).where(lost / (lost + 2.0), 1.0 - t * 2.0 / (t + 1.0)), x)


@worded
def sech2(x: Value) -> Value:
    """1/cosh(x)² = 4t/(1 + t(2 + t)) with t = e^(−2|x|)."""
    high = raised_decay(absolute(x) * -2.0)
    t = lowered(high)
    return lowered(high * 4.0 / x.emitter.fma(t, t + 2.0, 1.0))


@worded
def logcosh(x: Value) -> Value:
    """log(cosh(x)): a polynomial near 0, |x| − ln 2 + log1p(e^(−2|x|)) beyond."""
    e, size = x.emitter, absolute(x)
    z = x * x
    near = e.fma(z * z, e.polynomial("LOGCOSH", (size < 0.8).where(z, 0.0)), z * 0.5)
    far = (size - LN2) + (log1p_unit(decay(size * -2.0)) - LN2_REST)
    return (size < 0.8).where(near, far)


@worded
def softplus(x: Value) -> Value:
    """log(1 + e^x) = max(x, 0) + log1p(e^(−|x|))."""
    return (x > 0.0).where(x, 0.0) + log1p_unit(decay(-absolute(x)))


@worded
def sigmoid(x: Value) -> Value:
    """1/(1 + e^(−x)), from e^(−|x|)."""
    t = decay(-absolute(x))
    return (x > 0.0).where(1.0, t) / (t + 1.0)


@worded
def wave(x: Value, ahead: int, name: str) -> Value:
    """sin(x + ahead·π/2); the C library serves |x| >= 2^30."""
    shifted, r, rest = quarter_turns(x)
    (sine, more), (cosine, less) = sine_parts(r, rest), cosine_parts(r, rest)
    turn = shifted.bits() + ahead
    size = (turn << 63).negative().where(cosine + less, sine + more)
    near = (size.bits() ^ ((turn >> 1) << 63)).real()
    return x.emitter.rarely(name, near, x, absolute(x) >= 2.0**30)


@worded
def one_plus_square(x: Value) -> tuple[Value, Value]:
    """Where |x| > 2^60, so that 1 + x² = x² to every digit: (that truth, 1 + x²)."""
    return absolute(x) > 2.0**60, x.emitter.fma(x, x, 1.0)


@worded
def hypot1(x: Value) -> Value:
    """√(1 + x²)."""
    far, square = one_plus_square(x)
    return far.where(absolute(x), x.emitter.call("sqrt", square))


@worded
def log1psq(x: Value) -> Value:
    """log(1 + x²)."""
    far, _ = one_plus_square(x)
    return log1p(far.where(absolute(x), x * x)) * far.where(2.0, 1.0)


@worded
def witch(x: Value) -> Value:
    """1/(1 + x²), named after Agnesi's curve."""
    far, square = one_plus_square(x)
    value = 1.0 / far.where(x, square)
    return far.where(value * value, value)


@worded
def serpentine(x: Value) -> Value:
    """x/(1 + x²), named after Newton's curve."""
    far, square = one_plus_square(x)
    return far.where(1.0, x) / far.where(x, square)


@worded
def sin(x: Value) -> Value:
    """The sine."""
    return with_zero(x, wave(x, 0, "sin"))


@worded
def cos(x: Value) -> Value:
    """The cosine."""
    return wave(x, 1, "cos")


def with_zero(x: Value, value: Value) -> Value:
    """`value`, but x itself where |x| is so small that the word is the identity there (signed zeros included)."""
    return (absolute(x) < 2.0**-30).where(x, value)


def xlogy(x: Value, y: Value) -> Value:
    """x·log(y), and 0 where x = 0."""
    return (x.same(0.0) & y.same(y)).where(0.0, x * log(y))


def sign(x: Value) -> Value:
    """−1, 0 or 1; NaN stays."""
    return (x > 0.0).where(1.0, (x < 0.0).where(-1.0, x))


def compared(how: str) -> Callable[[Value, Value], Value]:
    """A comparison word."""
    return lambda a, b: a.compare(how, b)


WORDS: dict[str, Callable[..., Value]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda a: -a,
    "pow": power,
    "sqrt": lambda a: a.emitter.call("sqrt", a),
    "lt": compared("olt"),
    "le": compared("ole"),
    "gt": compared("ogt"),
    "ge": compared("oge"),
    "eq": compared("oeq"),
    "ne": compared("une"),
    "and": lambda a, b: a & b,
    "where": lambda c, a, b: c.where(a, b),
    "abs": absolute,
    "sign": sign,
    "min": lambda a, b: a.emitter.call("minimum", a, b),
    "max": lambda a, b: a.emitter.call("maximum", a, b),
    "exp": exp,
    "expm1": expm1,
    "log": log,
    "log1p": log1p,
    "tanh": tanh,
    "sech2": sech2,
    "logcosh": logcosh,
    "atan": atan,
    "sin": sin,
    "cos": cos,
    "hypot1": hypot1,
    "log1psq": log1psq,
    "witch": witch,
    "serpentine": serpentine,
    "expm1mx": remainders.expm1mx,
    "log1pmx": remainders.log1pmx,
    "asinh": remainders.asinh,
    "log_cloglog": remainders.log_cloglog,
    "cloglog_slope": remainders.cloglog_slope,
    "cloglog_bend": remainders.cloglog_bend,
    "log_cauchit": remainders.log_cauchit,
    "cauchit_slope": remainders.cauchit_slope,
    "erf": special.erf,
    "lgamma": special.lgamma,
    "digamma": special.digamma,
    "trigamma": special.trigamma,
    "softplus": softplus,
    "sigmoid": sigmoid,
    "xlogy": xlogy,
    "log_ndtr": special.log_ndtr,
    "mills": special.mills,
    "mills_slope": special.mills_slope,
}
"""Each word as a function of values; the arguments of a step are values already, constants lifted."""

REST_WORDS: dict[str, Callable[..., Value]] = {
    "left_mul": lambda a, b, p: a.emitter.fma(a, b, -p),
    "left_div": lambda a, b, q: a.emitter.fma(-q, b, a),
    "mend": mended,
    "log_cloglog_rest": remainders.log_cloglog_rest,
    "cauchit_slope_rest": remainders.cauchit_slope_rest,
    **{f"{word}_rest": rest for word, rest in {**RESTS, **GAMMA_RESTS}.items()},
}
"""The words of `careful`."""
