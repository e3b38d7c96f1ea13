"""Is a loss the same at every scale? Dimensional analysis of its Program: f(kt; kᵉδ) = kᵈ f(t; δ) for every k > 0."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

from lossmith.program import Arg, Program, Step

Degree = Fraction | None
"""The power of k that a step scales with; None for a constant 0, which has every dimension."""
EXPONENTS = (1, 2, -1, -2)


class Mixed(Exception):
    """Things of different dimensions are added, compared, or put into a function."""


def scaling(program: Program, variable: str, names: tuple[str, ...]) -> dict[str, int] | None:
    """The exponents with which these parameters scale beside the variable, if the value then scales as a whole."""
    for powers in product(EXPONENTS, repeat=len(names)):
        try:
            known: dict[Arg, Fraction] = {n: Fraction(k) for n, k in zip(names, powers, strict=True)}
            _degree(program.only("value"), known | {variable: Fraction(1)})
        except Mixed:
            continue
        return dict(zip(names, powers, strict=True))
    return None


def _degree(program: Program, known: dict[Arg, Fraction]) -> Degree:
    table: dict[Arg, Degree] = dict(known)

    def of(a: Arg) -> Degree:
        return None if a == 0.0 else table.get(a, Fraction(0))

    for step in program.steps:
        table[step.name] = _step(step, [of(a) for a in step.args])
    return of(program.outputs[0][1])


def _equal(args: list[Degree]) -> Degree:
    found = {a for a in args if a is not None}
    if len(found) > 1:
        raise Mixed
    return found.pop() if found else None


def _step(step: Step, args: list[Degree]) -> Degree:
    if step.word in ("add", "sub", "min", "max"):
        return _equal(args)
    if step.word == "where":
        return _equal(args[1:])
    if step.word in ("lt", "le", "gt", "ge", "eq", "ne"):
        _equal(args)
        return Fraction(0)
    if step.word in ("neg", "abs"):
        return args[0]
    if step.word in ("mul", "div"):
        return _product(args, -1 if step.word == "div" else 1)
    if step.word == "pow":
        return _power(step.args[1], *args)
    if step.word == "sqrt":
        return None if args[0] is None else args[0] / 2
    if any(a for a in args if a is not None) and step.word not in ("sign", "and"):
        raise Mixed
    return Fraction(0)


def _product(args: list[Degree], sign: int) -> Degree:
    if args[0] is None:
        return None
    if args[1] is None:
        raise Mixed
    return args[0] + sign * args[1]


def _power(exponent: Arg, base: Degree, above: Degree) -> Degree:
    if above:
        raise Mixed
    if base is None or (not isinstance(exponent, str) and exponent == 0):
        return base
    if isinstance(exponent, str):
        if base:
            raise Mixed
        return Fraction(0)
    return base * Fraction(exponent)
