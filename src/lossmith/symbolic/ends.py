"""Ends of pieces that are no rational numbers, p ± √q and log q: a close fraction that knows what it stands for."""

from __future__ import annotations

import math
from abc import abstractmethod
from fractions import Fraction
from typing import Self

from lossmith.symbolic.exact import Exact, Value, number
from lossmith.symbolic.spans import above, below

BITS = 400


class Irrational(Fraction):
    """A fraction within 2⁻³⁰⁰ of an irrational number; no double lies between the two."""

    @abstractmethod
    def exact(self, field: Exact) -> Value:
        """The number itself, in a field of exact values."""


class Surd(Irrational):
    """offset + sign·√inside."""

    offset: Fraction
    inside: Fraction
    sign: int

    @classmethod
    def of(cls, offset: Fraction, inside: Fraction, sign: int) -> Self | None:
        """None where it lies too near to a double to be told apart from it."""
        low = Fraction(math.isqrt(int(inside * 4**BITS)), 2**BITS)
        low, high = sorted((offset + sign * low, offset + sign * (low + Fraction(1, 2**BITS))))
        if not _clear(low, high):
            return None
        made = super().__new__(cls, low)
        made.offset, made.inside, made.sign = offset, inside, sign
        return made

    def exact(self, field: Exact) -> Value:
        root = field.root(number(self.inside), 2)
        return field.add(number(self.offset), root if self.sign > 0 else field.neg(root))


class Logarithm(Irrational):
    """log(of)."""

    argument: Fraction

    @classmethod
    def of(cls, argument: Fraction) -> Self | None:
        """None where it lies too near to a double to be told apart from it."""
        low, high = _log(argument)
        if not _clear(low, high):
            return None
        made = super().__new__(cls, low)
        made.argument = argument
        return made

    def exact(self, field: Exact) -> Value:
        return field.log(number(self.argument))


def _clear(low: Fraction, high: Fraction) -> bool:
    """Do both bounds lie strictly between the same two doubles?"""
    return below(low) == below(high) < low and above(low) == above(high) > high


def _log(q: Fraction) -> tuple[Fraction, Fraction]:
    """Bounds of a logarithm by interval arithmetic."""
    from mpmath import iv

    kept, iv.prec = iv.prec, BITS
    try:
        ends = iv.log(iv.mpf(q.numerator) / iv.mpf(q.denominator))._mpi_
        return _fraction(ends[0]), _fraction(ends[1])
    finally:
        iv.prec = kept


def _fraction(parts: tuple[int, int, int, int]) -> Fraction:
    """A number of mpmath, whose bits are taken as they are: nothing is rounded."""
    sign, mantissa, exponent, _ = parts
    size = Fraction(mantissa * 2**exponent) if exponent >= 0 else Fraction(mantissa, 2**-exponent)
    return -size if sign else size


def exactly(field: Exact, point: Fraction) -> Value:
    """An end of a piece as an exact value."""
    return point.exact(field) if isinstance(point, Irrational) else number(point)
