"""Is a program the same at −t as at t, step by step? The second routine's own way to see that a loss is even.

Every step is made for t and for −t at once, as a sign and what it is before: steps that do the same to the same are the
same. A minus sign is carried through products and odd words, and lost in even ones, so that r² or |r| at −t is found to
be what it is at t; numbers are computed, and sums and products are put in one order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from lossmith.program import Arg, Program

LOSE = frozenset({"abs", "cos", "sech2", "logcosh", "hypot1", "log1psq", "witch"})
"""Words of which the definition is the same at −x."""
CARRY = frozenset({"sign", "tanh", "atan", "sin", "erf", "asinh", "serpentine"})
"""Words of which the definition at −x is the negative of that at x."""
Signed = tuple[int, object]
"""±1 and what it is before."""


def mirrored(program: Program, variable: str, params: Mapping[str, float], output: str = "value") -> bool:
    """Is the output at −t found to be the one at t?"""
    kept = program.only(output)
    known = {n: _number(Fraction(v)) for n, v in params.items()}
    here: dict[str, Signed] = {**known, variable: (1, "t")}
    there: dict[str, Signed] = {**known, variable: (-1, "t")}
    for step in kept.steps:
        for table in (here, there):
            table[step.name] = _step(step.word, [_known(table, a) for a in step.args])
    end = dict(kept.outputs)[output]
    return _known(here, end) == _known(there, end)


def _known(table: dict[str, Signed], a: Arg) -> Signed:
    if isinstance(a, str):
        return table.get(a, (1, ("input", a)))
    return _number(Fraction(a)) if a - a == 0 else (1, ("endless", a))


def _number(q: Fraction) -> Signed:
    return (-1, ("number", -q)) if q < 0 else (1, ("number", q))


def _value(x: Signed) -> Fraction | None:
    """The number that it is, if it is one."""
    sign, what = x
    return sign * what[1] if isinstance(what, tuple) and what[0] == "number" else None


FOLD: Mapping[str, Callable[[Fraction, Fraction], Fraction]] = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b,
}  # fmt: skip
ENDS = {"max": "min", "min": "max"}
"""The larger of −x and 0 is the negative of the smaller of x and 0."""


def _step(word: str, args: list[Signed]) -> Signed:
    sign, first = args[0]
    if word == "neg":
        return -sign, first
    if word in LOSE:
        return 1, (word, first)
    if word in CARRY:
        return sign, (word, first)
    if word == "where" and args[1] == args[2]:
        return args[1]
    if word in ENDS and ZERO in args:
        return _from_zero(word, args[1] if args[0] == ZERO else args[0])
    if word in FOLD:
        return _folded(word, args[0], args[1])
    if word == "div":
        return sign * args[1][0], (word, first, args[1][1])
    if word == "pow" and (n := _value(args[1])) is not None and n.denominator == 1:
        return sign ** int(n % 2), (word, first, args[1])
    return 1, (word, *args)


ZERO = _number(Fraction(0))


def _from_zero(word: str, x: Signed) -> Signed:
    sign, what = x
    return (1, (word, what, "0")) if sign > 0 else (-1, (ENDS[word], what, "0"))


def _folded(word: str, x: Signed, y: Signed) -> Signed:
    """A sum or product: of two numbers a number, with 0 what that leaves, else its parts in an order of their own."""
    a, b = _value(x), _value(y)
    if a is not None and b is not None:
        return _number(FOLD[word](a, b))
    if word == "mul":
        return ZERO if 0 in (a, b) else (x[0] * y[0], (word, *sorted((x[1], y[1]), key=repr)))
    y = y if word == "add" else (-y[0], y[1])
    if 0 in (a, b):
        return y if a == 0 else x
    (sign, first), (other, second) = sorted((x, y), key=lambda part: repr(part[1]))
    return sign, ("add", first, (sign * other, second))
