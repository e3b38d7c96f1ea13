"""What of a Program decides how it is mended: what is magnified, wanted finely, or the same for all rows."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

from lossmith.program import Arg, Program, Step

FINE = ("exp_fine", "expm1_fine")
"""The same, to more digits: for an exponential of an exponential, and a logarithm of such a thing less 1."""

MAGNIFYING = frozenset({"exp", "expm1", "sech2"})
"""Words before which no rest is too dear."""

PLAIN = frozenset({"add", "sub", "mul", "div", "neg", "where", "min", "max", "abs"})


def magnified(program: Program) -> set[str]:
    """The values that reach a magnifying word by plain arithmetic."""
    found: set[str] = set()
    for step in reversed(program.steps):
        if step.word in MAGNIFYING or (step.name in found and step.word in PLAIN):
            found.update(a for a in step.args if isinstance(a, str))
    return found


def power_of_two(a: Arg) -> bool:
    """A constant ± 2ⁿ."""
    return not isinstance(a, str) and a != 0 and abs(math.frexp(a)[0]) == 0.5


def halved_first(program: Program) -> Program:
    """c·(x·x) → (c·x)·x for c = ½, ¼, … where the square serves nothing else: x² may overflow where x²/2 does not."""
    uses = Counter(a for s in program.steps for a in s.args) + Counter(a for _, a in program.outputs)
    squares = {s.name: s.args[0] for s in program.steps if s.word == "mul" and s.args[0] == s.args[1]}
    steps: list[Step] = []
    for step in program.steps:
        square, c = sorted(step.args, key=lambda a: not isinstance(a, str))[:2] if step.word == "mul" else ("", 1.0)
        x = squares.get(str(square)) if uses[square] == 1 else None
        if x is not None and not isinstance(c, str) and power_of_two(c) and abs(c) < 1:
            steps = [Step(s.name, "mul", (c, x)) if s.name == square else s for s in steps]
            step = Step(step.name, "mul", (square, x))
        steps.append(step)
    return replace(program, steps=tuple(steps))


def finely(program: Program) -> frozenset[str]:
    """The exponentials that the argument of another, or of a logarithm, is made of alone."""
    inside = {s.args[0] for s in program.steps if s.word in ("expm1", "log")}
    return frozenset(s.name for s in program.steps if f"{s.word}_fine" in FINE and s.name in inside)


def still(program: Program, words: frozenset[str]) -> frozenset[str]:
    """The steps of such words that depend on parameters only."""
    moved = set(program.inputs)
    for step in program.steps:
        if moved.intersection(a for a in step.args if isinstance(a, str)):
            moved.add(step.name)
    return frozenset(s.name for s in program.steps if s.word in words and s.name not in moved)
