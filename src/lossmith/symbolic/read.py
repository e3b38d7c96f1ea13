"""Formula trees → sympy expressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

import sympy as sp

from lossmith.formula import Expr
from lossmith.symbolic import between, counts, gammas, remainders, smooth
from lossmith.symbolic.algebra import HALF, RELATIONS, Abs, Max, Min, Sign, Tree, Where, Word

FUNCTIONS: dict[str, type[Word]] = {
    f.word: f
    for f in (
        Abs, Sign, Max, Min, Where, smooth.Exp, smooth.Expm1, smooth.Log, smooth.Log1p, smooth.Tanh, smooth.Cosh,
        smooth.Atan, smooth.Sin, smooth.Cos, smooth.Erf, smooth.LogNdtr, between.LogNdtrGap, smooth.Lgamma,
        smooth.Softplus, smooth.Sigmoid, smooth.Xlogy, remainders.Asinh, gammas.Binet, counts.NegBin,
        counts.Inflated,
    )
}  # fmt: skip
"""The words of the formula language."""

ARITHMETIC: dict[str, Callable[..., Tree]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda a: -a,
    "pow": lambda a, b: a**b,
    "sqrt": lambda a: a**HALF,
}


def number(value: float) -> Tree:
    """A literal as an exact rational: the decimal number that was written (0.1 is 1/10)."""
    short = Fraction(repr(value)) if abs(value) < 1e22 else Fraction(value)
    return sp.Rational(short.numerator, short.denominator)


def to_sympy(tree: Expr, names: Mapping[str, Tree]) -> Tree:
    """The sympy expression of a tree; `names` gives the symbol or number for each free name."""
    if tree.word == "number":
        return number(tree.value)
    if tree.word == "name":
        return names[tree.name]
    if tree.word == "where":
        condition = to_sympy(tree.args[0], names)
        if condition.is_number:  # decided already: the other branch may not even be defined
            return to_sympy(tree.args[1 if condition == 1 else 2], names)
        return Where(condition, *(to_sympy(a, names) for a in tree.args[1:]))
    make = ARITHMETIC.get(tree.word) or RELATIONS.get(tree.word) or FUNCTIONS[tree.word]
    return make(*(to_sympy(a, names) for a in tree.args))
