"""What values can a program take when its inputs lie in a cell?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lossmith.program import Arg, Program
from lossmith.symbolic.spans import UNSURE, Span, square
from lossmith.symbolic.spanwords import SPANS, State


class Ranges:
    """A program at given parameters, ready to be enclosed over cells."""

    def __init__(self, program: Program, params: Mapping[str, float]) -> None:
        self.program, self.outputs = program, program.outputs
        self._known: dict[Arg, Any] = {k: Span(0, float(v), float(v)) for k, v in params.items()}
        self._steps = [(s.name, _word(s.word, s.args), s.args) for s in program.steps]
        constants = {a for s in program.steps for a in s.args} | {a for _, a in program.outputs}
        self._known |= {a: Span(0, float(a), float(a)) for a in constants if not isinstance(a, str)}

    def at(self, cell: Mapping[str, Span], *, start: float = 1.0, strict: bool = True) -> tuple[dict[str, Span], bool]:
        """An enclosure of every output over the cell, and whether a kink was left undecided in it.

        With `strict`, whatever touches a pole is `UNSURE`; otherwise its one-sided limit counts.
        """
        state = State(start, strict)
        table = self._known | dict(cell)
        for name, word, args in self._steps:
            table[name] = word(state, *[table[a] for a in args])
        return {name: _whole(table[a]) for name, a in self.outputs}, state.kinked


def _whole(x: Span) -> Span:
    """The span, which is unsure where one of its ends is not a number."""
    return x if x.low == x.low and x.high == x.high else UNSURE


def _word(word: str, args: tuple[Arg, ...]) -> Callable[..., Any]:
    if word == "mul" and args[0] == args[1]:
        return lambda m, x, _: square(x)
    return SPANS[word]
