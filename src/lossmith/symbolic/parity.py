"""Is a program even or odd in one input, by its form alone? Each word says what it makes of even and odd arguments."""

from __future__ import annotations

from lossmith.program import Arg, Program, Step

EVEN, ODD = 1, -1
Parity = int | None
"""`EVEN`, `ODD`, or None where the form does not tell; what does not depend on the input is even."""

OF_ODD: dict[str, int] = {
    **dict.fromkeys(("neg", "sign", "tanh", "atan", "sin", "erf", "asinh", "serpentine"), ODD),
    **dict.fromkeys(("abs", "cos", "sech2", "logcosh", "hypot1", "log1psq", "witch"), EVEN),
}
"""What a word of one argument is of an odd one; of an even one every word is even."""


def parity(program: Program, variable: str, output: str) -> Parity:
    """The parity of an output in one input."""
    known: dict[Arg, Parity] = {variable: ODD}

    def of(a: Arg) -> Parity:
        return known.get(a, EVEN)

    for step in program.only(output).steps:
        known[step.name] = _step(step, [of(a) for a in step.args])
    return of(dict(program.outputs)[output])


def _step(step: Step, args: list[Parity]) -> Parity:
    if None in args:
        return None
    if all(a == EVEN for a in args):
        return EVEN
    if len(args) == 1:
        return OF_ODD.get(step.word)
    if step.word in ("mul", "div"):
        return EVEN if args[0] == args[1] else ODD
    if step.word in ("add", "sub"):
        return ODD if args[0] == args[1] else None
    if step.word == "pow":
        return _power(step.args[1]) if args[1] == EVEN else None
    return ODD if step.word == "where" and args == [EVEN, ODD, ODD] else None


def _power(exponent: Arg) -> Parity:
    if not isinstance(exponent, float) or exponent != int(exponent):
        return None
    return ODD if int(exponent) % 2 else EVEN
