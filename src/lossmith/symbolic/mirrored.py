"""Is a program the same at −t as at t, step by step? The second routine's own way to see that a loss is even.

Every step is made for t and for −t at once, as a sign and what it is before: steps that do the same to the same are the
same. A minus sign is carried through products and odd words, and lost in even ones, so that r² or |r| at −t is found to
be what it is at t.
"""

from __future__ import annotations

from lossmith.program import Arg, Program, Step

LOSE = frozenset({"abs", "cos", "sech2", "logcosh", "hypot1", "log1psq", "witch"})
"""Words of which the definition is the same at −x."""
CARRY = frozenset({"sign", "tanh", "atan", "sin", "erf", "asinh", "serpentine"})
"""Words of which the definition at −x is the negative of that at x."""
Signed = tuple[int, object]
"""±1 and what it is before."""


def mirrored(program: Program, variable: str, output: str = "value") -> bool:
    """Is the output at −t found to be the one at t?"""
    kept = program.only(output)
    here: dict[str, Signed] = {variable: (1, "t")}
    there: dict[str, Signed] = {variable: (-1, "t")}
    for step in kept.steps:
        for table in (here, there):
            table[step.name] = _step(step, [_known(table, a) for a in step.args])
    end = dict(kept.outputs)[output]
    return _known(here, end) == _known(there, end)


def _known(table: dict[str, Signed], a: Arg) -> Signed:
    if isinstance(a, str):
        return table.get(a, (1, ("input", a)))
    return (-1, ("number", -a)) if a < 0 else (1, ("number", a))


def _step(step: Step, args: list[Signed]) -> Signed:
    word, (sign, first) = step.word, args[0]
    if word == "neg":
        return -sign, first
    if word in LOSE:
        return 1, (word, first)
    if word in CARRY:
        return sign, (word, first)
    if word in ("mul", "div"):
        return sign * args[1][0], (word, first, args[1][1])
    if word in ("add", "sub"):  # a sum whose first part is negative is the negative of another
        return sign, (word, first, (sign * args[1][0], args[1][1]))
    if word == "pow" and isinstance(step.args[1], float) and step.args[1] == int(step.args[1]):
        return sign ** int(step.args[1] % 2), (word, first, args[1])
    return 1, (word, *args)
