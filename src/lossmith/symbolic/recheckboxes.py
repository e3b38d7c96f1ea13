"""What a program is on a box, by intervals of mpmath numbers: its output, the size of its terms, is it a number."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import mpmath
from mpmath import mpf

from lossmith.program import Program, Step
from lossmith.symbolic.recheckwords import INF, WORDS, Range, squared

Table = dict[Any, Any]
"""What every name of a program is on a box: an interval, or whether a condition holds."""


def square(step: Step) -> bool:
    """Is it a number times itself, and so never negative?"""
    return step.word == "mul" and step.args[0] == step.args[1]


def unknown(*args: Range) -> Range:
    """What is known of a word without an entry: nothing."""
    return -INF, INF


class Boxes:
    """The first output of a program whose parameters are numbers, ready to be enclosed on one box after the other."""

    def __init__(self, program: Program, params: Mapping[str, float]) -> None:
        self.program, self.end = program, program.outputs[0][1]
        numbers = {a for s in program.steps for a in s.args} | {self.end}
        self._known: Table = {n: (mpf(v), mpf(v)) for n, v in params.items()}
        self._known |= {a: (mpf(a), mpf(a)) for a in numbers if not isinstance(a, str)}
        self._steps = [(s.name, _word(s), s.args[:1] if square(s) else s.args) for s in program.steps]

    def table(self, box: Mapping[str, Range]) -> Table:
        """Everything on a box."""
        found = self._known | dict(box)
        for name, word, args in self._steps:
            found[name] = word(*[found[a] for a in args])
        return found

    def at(self, box: Mapping[str, Range]) -> Range:
        """The output on a box."""
        found: Range = self.table(box)[self.end]
        return found

    def terms(self, table: Table) -> Any:
        """The size of the terms of which the output is a sum (of sums, of products)."""
        sizes: Table = {}
        for step in self.program.steps:
            if step.word in SIZES:
                parts = [sizes[a] if a in sizes else _most(table[a]) for a in step.args]
                most = SIZES[step.word](*parts)
                if mpmath.isfinite(most):
                    sizes[step.name] = max(most, _most(table[step.name]))
        return sizes.get(self.end, _most(table[self.end]))

    def is_number(self, table: Table) -> bool:
        """Is the output a number by the words that make it, also where it is too large to be enclosed?"""
        good = all(_stays(step, [table[a] for a in step.args]) for step in self.program.steps)
        return good and (isinstance(self.end, str) or math.isfinite(self.end))


def _word(step: Step) -> Callable[..., Any]:
    return squared if square(step) else WORDS.get(step.word, unknown)


def _most(x: Any) -> Any:
    """The largest size in an interval; 0 of what has none."""
    known = isinstance(x, tuple) and mpmath.isfinite(x[0]) and mpmath.isfinite(x[1])
    return max(abs(x[0]), abs(x[1])) if known else mpf(0)


SIZES: Mapping[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a + b, "mul": lambda a, b: a * b, "neg": lambda a: a,
    "where": lambda c, a, b: max(a, b), "min": max, "max": max,
}  # fmt: skip
"""How large the terms of a sum, a product or a choice are, by those of its parts; other words have only their value."""
EDGES: Mapping[str, tuple[int, float]] = {
    "log": (0, 0.0), "log1p": (0, -1.0), "sqrt": (0, 0.0), "lgamma": (0, 0.0), "digamma": (0, 0.0),
    "trigamma": (0, 0.0), "xlogy": (1, 0.0), "pow": (0, 0.0),
}  # fmt: skip
"""Words that are numbers where one of their arguments is above an edge."""
TOTAL = frozenset({
    "add", "sub", "mul", "neg", "abs", "min", "max", "where", "exp", "expm1", "softplus", "sigmoid", "tanh", "sech2",
    "atan", "erf", "logcosh", "hypot1", "log_ndtr", "mills", "mills_slope", "lt", "le", "gt", "ge", "eq", "ne", "and",
    "sign",
})  # fmt: skip
"""Words that are numbers wherever their arguments are, however large."""


def _stays(step: Step, args: list[Any]) -> bool:
    """Does a word give a number for all that its arguments may be?"""
    if step.word == "div":
        return bool(args[1][0] > 0 or args[1][1] < 0)
    if step.word in EDGES:
        place, edge = EDGES[step.word]
        return bool(args[place][0] > edge)
    return step.word in TOTAL


def uncancelled(program: Program) -> Program:
    """The same with 1 − eˣ and eˣ − 1 by expm1, which keeps its sign where eˣ is 1 to all digits."""
    steps, exps = [], {s.name: s.args[0] for s in program.steps if s.word == "exp"}
    for step in program.steps:
        a, b = step.args if step.word == "sub" else (None, None)
        if b == 1.0 and a in exps:
            steps.append(Step(step.name, "expm1", (exps[str(a)],)))
        elif a == 1.0 and b in exps:
            steps += [Step(f"{step.name}'", "expm1", (exps[str(b)],)), Step(step.name, "neg", (f"{step.name}'",))]
        else:
            steps.append(step)
    return replace(program, steps=tuple(steps))
