"""Our own sympy functions: what a word is, and the kinked words with their derivative rules.

Kinks take the midpoint subgradient and the almost-everywhere second derivative: |x|′ = sign(x) with sign(0) = 0,
sign′ = 0, max(a, b)′ = ½(1 + sign(a − b))a′ + ½(1 − sign(a − b))b′, where(c, a, b)′ = where(c, a′, b′).
sympy's own Abs, Piecewise, exp and log are avoided: their automatic rules leave `zoo` and DiracDelta behind, and
undo the stable forms.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

Tree = Any
"""A sympy expression (sympy is untyped)."""

HALF = sp.Rational(1, 2)


class Word(sp.Function):  # type: ignore[misc]
    """A word: a function that sympy leaves alone unless `eval` says otherwise."""

    word = ""
    parity = 0  # +1 for an even function of one argument, −1 for an odd one
    slope: Callable[..., Tree] | None = None

    @classmethod
    def eval(cls, *args: Tree) -> Tree:
        if cls.parity and args[0].could_extract_minus_sign():
            return cls.parity * cls(-args[0])
        return None

    def fdiff(self, argindex: int = 1) -> Tree:
        slope = type(self).slope
        if slope is None:
            raise NotImplementedError(f"no derivative of {self.word}")
        return slope(*self.args)

    def _eval_is_commutative(self) -> bool:
        return True


class Abs(Word):
    word = "abs"
    slope = staticmethod(lambda x: Sign(x))

    @classmethod
    def eval(cls, x: Tree) -> Tree:
        if x.is_number:
            return abs(x)
        if x.func is Abs:
            return x
        return cls(-x) if x.could_extract_minus_sign() else None

    def _eval_power(self, n: Tree) -> Tree:
        return self.args[0] ** n if n.is_integer and n.is_even else None


class Sign(Word):
    word = "sign"
    slope = staticmethod(lambda x: sp.S.Zero)

    @classmethod
    def eval(cls, x: Tree) -> Tree:
        if x.is_number:
            return sp.sign(x)
        if x.is_positive:
            return sp.S.One
        for side in (1, -1):
            for term in sp.Add.make_args(side * x):
                if (-term).func is Max and term != side * x:  # sign(c − max(a, b)): neither difference rounds twice
                    rest = side * x - term
                    return side * Min(*(cls(rest - a) for a in (-term).args))
        return -cls(-x) if x.could_extract_minus_sign() else None


class Max(Word):
    word = "max"

    def _eval_derivative(self, t: Tree) -> Tree:
        a, b = self.args
        side = Sign(a - b)
        return HALF * (1 + side) * a.diff(t) + HALF * (1 - side) * b.diff(t)

    @classmethod
    def eval(cls, a: Tree, b: Tree) -> Tree:
        return max(a, b) if a.is_number and b.is_number else None


class Min(Word):
    word = "min"

    def _eval_derivative(self, t: Tree) -> Tree:
        a, b = self.args
        side = Sign(b - a)
        return HALF * (1 + side) * a.diff(t) + HALF * (1 - side) * b.diff(t)

    @classmethod
    def eval(cls, a: Tree, b: Tree) -> Tree:
        return min(a, b) if a.is_number and b.is_number else None


def _negative(e: Tree) -> bool:
    return bool(e is sp.S.Zero or e.could_extract_minus_sign())


class Where(Word):
    word = "where"

    @classmethod
    def eval(cls, c: Tree, a: Tree, b: Tree) -> Tree:
        if c is sp.S.One or a == b:
            return a
        if c is sp.S.Zero:
            return b
        return -cls(c, -a, -b) if _negative(a) and _negative(b) else None

    def _eval_derivative(self, t: Tree) -> Tree:
        c, a, b = self.args
        return Where(c, a.diff(t), b.diff(t))


class Relation(Word):
    """A condition: 1 or 0 where both sides are numbers."""

    holds: Callable[[Tree, Tree], bool]

    @classmethod
    def eval(cls, a: Tree, b: Tree) -> Tree:
        return sp.Integer(bool(cls.holds(a, b))) if a.is_number and b.is_number else None

    def _eval_derivative(self, t: Tree) -> Tree:
        return sp.S.Zero


class And(Word):
    word = "and"

    @classmethod
    def eval(cls, a: Tree, b: Tree) -> Tree:
        if a is sp.S.Zero or b is sp.S.Zero:
            return sp.S.Zero
        if a is sp.S.One:
            return b
        return a if b is sp.S.One else None

    def _eval_derivative(self, t: Tree) -> Tree:
        return sp.S.Zero


def _relation(title: str, word: str, holds: Callable[[Tree, Tree], bool]) -> type[Relation]:
    return type(title, (Relation,), {"word": word, "holds": staticmethod(holds)})


RELATIONS: dict[str, type[Word]] = {
    "lt": _relation("Lt", "lt", lambda a, b: a < b),
    "le": _relation("Le", "le", lambda a, b: a <= b),
    "gt": _relation("Gt", "gt", lambda a, b: a > b),
    "ge": _relation("Ge", "ge", lambda a, b: a >= b),
    "eq": _relation("Eq", "eq", lambda a, b: a == b),
    "ne": _relation("Ne", "ne", lambda a, b: a != b),
    "and": And,
}
