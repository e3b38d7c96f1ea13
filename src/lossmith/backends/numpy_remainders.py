"""What two near numbers leave, in NumPy: eˣ − 1 − x, log(1 + x) − x, and the tails of two links."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

EXP = tuple(np.longdouble(1) / math.factorial(k) for k in range(2, 22))
"""(eˣ − 1 − x)/x² in powers of x."""
ATANH: tuple[Any, ...] = (0.0, *(np.longdouble(2) / (2 * k + 1) for k in range(1, 20)))
"""(2 atanh(s) − 2s)/s in powers of s²."""


def _horner(x: Any, coefficients: Sequence[Any]) -> Any:
    kind = np.asarray(x).dtype.type
    total = 0 * x + kind(coefficients[-1])
    for c in reversed(coefficients[:-1]):
        total = total * x + kind(c)
    return total


def expm1mx(x: Any) -> Any:
    """eˣ − 1 − x."""
    near = np.abs(x) <= 1
    inside = np.where(near, x, np.asarray(x).dtype.type(0))
    return np.where(near, inside * inside * _horner(inside, EXP), np.where(np.isposinf(x), x, np.expm1(x) - x))


def log1pmx(x: Any) -> Any:
    """log(1 + x) − x; near 0 by atanh's series in s = x/(2 + x)."""
    x = np.asarray(x)
    near = (x >= -0.5) & (x <= 1)
    inside = np.where(near, x, x.dtype.type(0))
    s = inside / (2 + inside)
    return np.where(near, s * (_horner(s * s, ATANH) - inside), np.where(np.isposinf(x), -x, np.log1p(x) - x))


def log_cloglog(x: Any) -> Any:
    """log(1 − exp(−eˣ))."""
    u, low = _powers(x)
    return np.where(np.greater(x, 0), np.log1p(-np.exp(-u)), x + np.log1p(-low * _horner(-low, EXP)))


def cloglog_slope(x: Any) -> Any:
    """u/(eᵘ − 1) with u = eˣ."""
    u, low = _powers(x)
    return np.where(np.greater(x, 0), u * np.exp(-u) / -np.expm1(-u), 1 / (1 + low * _horner(low, EXP)))


def cloglog_bend(x: Any) -> Any:
    """Minus the second derivative of `log_cloglog`."""
    u, low = _powers(x)
    near = low * _horner(-low, EXP)
    return cloglog_slope(x) * np.where(np.greater(x, 0), (u + np.expm1(-u)) / -np.expm1(-u), near / (1 - near))


def _powers(x: Any) -> tuple[Any, Any]:
    """eˣ as far as exp(−eˣ) is a number, and at most 1."""
    u = np.exp(np.minimum(x, 7))
    return u, np.minimum(u, 1)


def _pi(x: Any) -> Any:
    """π with the digits of x."""
    return PI if np.asarray(x).dtype == np.longdouble else math.pi


PI = np.longdouble("3.14159265358979323846264338327950288")


def _tail(x: Any) -> Any:
    """½ − atan|x|/π."""
    size, pi = np.abs(x), _pi(x)
    return np.where(size > 1, np.arctan(1 / size), pi / 2 - np.arctan(size)) / pi


def log_cauchit(x: Any) -> Any:
    """log(½ + atan(x)/π)."""
    tail = _tail(x)
    return np.where(np.less(x, 0), np.log(tail), np.log1p(-tail))


def cauchit_slope(x: Any) -> Any:
    """The derivative of `log_cauchit`; on the far left v/(1 + v²)·v/atan(v) with v = 1/|x|."""
    size = np.abs(x)
    v = 1 / np.maximum(size, 1)
    bell = np.where(size > 1, v * v / (1 + v * v), 1 / (1 + np.minimum(size, 1) ** 2))
    ratio = np.where(v < 1e-9, 1, v / np.arctan(np.maximum(v, 1e-30)))
    whole = np.where(np.less(x, 0), _pi(x) * _tail(np.minimum(size, 1)), _pi(x) * (1 - _tail(x)))
    return np.where(np.less(x, -1), v / (1 + v * v) * ratio, bell / whole)


WORDS = {
    f.__name__: f for f in (expm1mx, log1pmx, log_cloglog, cloglog_slope, cloglog_bend, log_cauchit, cauchit_slope)
}
