"""Shared by tests of compiled kernels: one-word programs, points over all exponents, errors in last places."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import mpmath
import numpy as np
from numpy.typing import NDArray

from lossmith.backends import llvm
from lossmith.program import Program, Step
from lossmith.words import WORDS, definitions

Array = NDArray[Any]
POSITIVE = {"lgamma", "digamma", "trigamma"}


def one_word(word: str) -> Program:
    """The program of one word, on as many inputs as it has arguments."""
    inputs = tuple("xyw"[: WORDS[word]])
    return Program(inputs, (), (Step("value_of", word, inputs),), (("value", "value_of"),), note=word)


def fresh(program: Program, dtype: Any = np.float64, text: str | None = None) -> llvm.LlvmKernel:
    """A kernel compiled anew, past every cache."""
    return llvm.LlvmKernel(program, dtype, text=text or llvm.source(program, dtype))


def points(word: str, count: int, dtype: Any, seed: int = 0) -> list[Array]:
    """Arguments of a word: every exponent from subnormal to huge, and the places where words are delicate."""
    rng, limits = np.random.default_rng(seed), np.finfo(dtype)
    exponents = rng.integers(limits.minexp - limits.nmant, limits.maxexp, count)
    wide = np.ldexp(rng.uniform(1, 2, count), exponents) * rng.choice([-1, 1], count)
    close = [
        c + rng.uniform(-1, 1, count // 4) * np.exp2(rng.uniform(-40, 0, count // 4)) for c in (1, 2, 1.4616321449)
    ]
    ranges = [rng.uniform(-r, r, count // 4) for r in (1, 3, 10, 40, 750)]
    with np.errstate(all="ignore"):
        x = np.concatenate([wide, *close, *ranges]).astype(dtype)
    x = x[np.isfinite(x)]
    x = np.abs(x) if word in POSITIVE else x
    return [x] if WORDS[word] == 1 else [x, second(word, x, rng)]


def second(word: str, x: Array, rng: np.random.Generator) -> Array:
    """The second argument; an exponent is mostly chosen so that the power is a number."""
    y = rng.permutation(x)
    if word != "pow":
        return y
    with np.errstate(all="ignore"):
        tame = rng.uniform(-745, 710, x.size) / np.log(np.abs(x))
        y = np.where(rng.random(x.size) < 0.6, tame, np.where(rng.random(x.size) < 0.5, np.round(tame), y))
        y = y.astype(x.dtype)
    return np.where(np.isfinite(y), y, x.dtype.type(2.5))


def ulps(got: float, exact: Any, dtype: Any) -> float:
    """The error in units of the last place of the exact value; a subnormal's unit is the least number."""
    limits = np.finfo(dtype)
    if mpmath.isnan(exact) or math.isnan(got):
        return 0.0 if mpmath.isnan(exact) and math.isnan(got) else math.inf
    if abs(exact) > mpmath.mpf(float(limits.max)) * (1 + mpmath.mpf(2) ** -(limits.nmant + 2)) or math.isinf(got):
        overflows = abs(exact) > float(limits.max) and math.isinf(got) and (got > 0) == (exact > 0)
        return 0.0 if overflows else math.inf
    exponent = limits.minexp if exact == 0 else max(mpmath.mag(exact) - 1, limits.minexp)
    return float(abs(mpmath.mpf(got) - exact) / mpmath.ldexp(1, exponent - limits.nmant))


def exact(word: str, row: Iterable[Any]) -> Any:
    """The definition at exact arguments, with digits to spare where it cancels."""
    arguments = [mpmath.mpf(float(v)) for v in row]
    spare = 4 * max(0, mpmath.mag(arguments[0])) if word == "mills_slope" and arguments[0] < 0 else 0
    with mpmath.workprec(250 + spare):
        return definitions()[word](*arguments)


def worst(word: str, arguments: list[Array], got: Array) -> tuple[float, tuple[float, ...]]:
    """The largest error over the points, and where."""
    rows = list(zip(*(a.tolist() for a in arguments), strict=True))
    errors = [ulps(float(g), exact(word, row), got.dtype) for g, row in zip(got, rows, strict=True)]
    i = int(np.argmax(errors))
    return errors[i], rows[i]
