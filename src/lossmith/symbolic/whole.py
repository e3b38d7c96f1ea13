"""Is an output a finite number wherever its inputs are? By the words that make it, where enclosures say too little.

Between real numbers the words of a program give real numbers, but for those that have a pole or an edge: it is enough
that the arguments of these stay away from there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

from lossmith.program import Arg, Step
from lossmith.symbolic.cover import Region, cover
from lossmith.symbolic.pieces import CHOICES
from lossmith.symbolic.spans import Span

TOTAL = frozenset({
    "add", "sub", "mul", "neg", "exp", "expm1", "softplus", "sigmoid", "tanh", "sech2", "atan", "sin", "cos", "erf",
    "asinh", "logcosh", "hypot1", "log1psq", "witch", "serpentine", "expm1mx", "log_ndtr", "mills", "mills_slope",
    "log_cauchit", "cauchit_slope", "log_cloglog", "cloglog_slope", "cloglog_bend",
})  # fmt: skip
"""Words that are finite and smooth wherever their arguments are finite."""
AWAY: Mapping[str, tuple[int, Callable[[Span], bool]]] = {
    "div": (1, lambda x: x.low > 0 or x.high < 0), "log": (0, lambda x: x.low > 0), "log1p": (0, lambda x: x.low > -1),
    "lgamma": (0, lambda x: x.low > 0), "digamma": (0, lambda x: x.low > 0), "trigamma": (0, lambda x: x.low > 0),
    "sqrt": (0, lambda x: x.low > 0), "pow": (0, lambda x: x.low > 0),
}  # fmt: skip
"""Of words with a pole or an edge: which argument must stay away from it, and what is away."""


def whole(region: Region, name: str) -> bool:
    """Is the output finite, and smooth in all inputs, everywhere on the piece?"""
    end = dict(region.program.outputs)[name]
    if isinstance(end, float) and not math.isfinite(end):
        return False
    steps = [s for s in region.program.only(name).steps if s.word not in TOTAL and not _plain_power(s)]
    if any(s.word not in AWAY or s.word in CHOICES for s in steps):
        return False
    made = {step.name: step for step in region.program.steps}
    wanted: dict[str, tuple[Arg, Callable[[Span], bool]]] = {}
    for s in steps:
        place, away = AWAY[s.word]
        arg = s.args[place]
        rest = None if s.word == "log1p" else _beside_a_number(made.get(str(arg)))
        if rest is not None:
            wanted[f"{s.name} of"] = rest, lambda x: x.low >= 0
        elif isinstance(arg, str):
            wanted[f"{s.name} of"] = arg, away
        elif not away(Span(0, arg, arg)):
            return False
    return all(_stays(region, output, arg, away) for output, (arg, away) in wanted.items())


def _beside_a_number(s: Step | None) -> Arg | None:
    """What is added to a number above 0: a sum that is > 0 where this is not below 0, however large it grows."""
    if s is None or s.word != "add":
        return None
    sides = zip(s.args, s.args[::-1], strict=True)
    return next((rest for one, rest in sides if isinstance(one, float) and one > 0), None)


def _plain_power(s: Step) -> bool:
    """Is it a power with a whole exponent that is not below 0?"""
    return s.word == "pow" and isinstance(s.args[1], float) and s.args[1] >= 0 and s.args[1] == int(s.args[1])


def _stays(region: Region, output: str, arg: Arg, away: Callable[[Span], bool]) -> bool:
    program = replace(region.program, outputs=((output, arg),)).only(output)
    alone = Region(program, region.params, region.variable, region.low, region.high, region.limits, True)
    return cover(alone, lambda spans: True if away(spans[output]) else None).holds is True
