"""Rows that float64 cannot walk through: where a factor may overflow, or fall among the subnormal numbers, on the way.

Such rows are computed again with more digits and far larger exponents (NumPy's `longdouble`, where it has them: 64 bits
and 2^±16383 on x86-64). A Program's watches say which rows: those whose inputs are beyond 2^±100, and those where an
exponential all but leaves the range of float64. Programs that nothing can happen to have none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lossmith.program import Arg, Program, Step
from lossmith.words import COMPARISONS

WIDE = np.finfo(np.longdouble).nmant >= 63 and np.finfo(np.longdouble).maxexp > 16000
"""Does this machine's `longdouble` hold more than a float64?"""

Range = tuple[float, float]

SIZES: tuple[Range, ...] = ((0.0, 2.0**-100), (2.0**100, math.inf))
"""Sizes of an input from which products of up to ten factors may leave the range of float64."""

_FADES: tuple[Range, ...] = ((-1500.0, -300.0),)
_POWERS: tuple[Range, ...] = ((-1500.0, -200.0), (200.0, math.inf))
_SIDES: tuple[Range, ...] = ((-1500.0, -300.0), (300.0, 1500.0))
_NORMAL: tuple[Range, ...] = ((-56.0, -24.0), (24.0, 56.0))
_GUMBEL: tuple[Range, ...] = ((-1500.0, -300.0), (4.0, 8.0))

WINDOWS: dict[str, tuple[Range, ...]] = {
    "exp": _POWERS, "expm1": ((300.0, math.inf),), "sigmoid": _SIDES, "softplus": _FADES,
    "sech2": ((-750.0, -150.0), (150.0, 750.0)), "log_ndtr": _NORMAL, "mills": _NORMAL, "mills_slope": _NORMAL,
    "log_cloglog": _GUMBEL, "cloglog_slope": _GUMBEL, "cloglog_bend": _GUMBEL,
}  # fmt: skip
"""By word: where its result is a number, but its square may not be; on the far side it is 0, whatever multiplies it."""

QUIET = COMPARISONS | {"add", "sub", "neg", "abs", "sign", "min", "max", "where"}
"""Words that do not change the scale."""

SCALED = frozenset({"mul", "div", "pow", "sqrt", "log", "xlogy"})
"""Words that pass on what their argument lost."""


TURNS: Range = (2.0**30, math.inf)
"""Angles of which float64 keeps their sine, but not what rounding took from it."""

CLOSE: Range = (-(2.0**-12), 2.0**-12)
"""A difference from a number with rounded digits: so small, it is computed with more of them."""


class Watch(NamedTuple):
    """A value of a Program, and the open ranges of its size, and of itself, where a row is hard."""

    name: str
    sizes: tuple[Range, ...]
    ranges: tuple[Range, ...]


def _unit(a: Arg, steps: dict[str, Step]) -> bool:
    """A power of two, or a choice between such."""
    if not isinstance(a, str):
        return a != 0 and abs(math.frexp(a)[0]) == 0.5
    step = steps.get(a)
    return step is not None and step.word == "where" and all(_unit(x, {}) for x in step.args[1:] if x != a)


def _fragile(program: Program) -> bool:
    """Is what one step may lose to its range passed on by another?"""
    steps = {s.name: s for s in program.steps}
    varies, loud = set(program.inputs), set[str]()
    for step in program.steps:
        names = [a for a in step.args if isinstance(a, str)]
        if not varies.intersection(names):
            continue
        varies.add(step.name)
        units = [_unit(a, steps) for a in step.args]
        changes = step.word not in QUIET and not (step.word == "mul" and any(units)) and not _halved(step, units)
        if changes and step.word in SCALED and loud.intersection(names):
            return True
        if changes or loud.intersection(names):
            loud.add(step.name)
    return False


def _halved(step: Step, units: Sequence[bool]) -> bool:
    return step.word == "div" and units[1]


def _leaves(program: Program) -> list[str]:
    """Inputs, or the difference of two that are used for nothing else; not what is only compared."""
    found: dict[str, None] = {}
    for step in program.steps:
        names = [a for a in step.args if isinstance(a, str)]
        if step.word == "sub" and len(names) == 2 and set(names) <= set(program.inputs):
            found[step.name] = None
        elif step.word not in COMPARISONS:
            found.update(dict.fromkeys(a for a in names if a in program.inputs))
    return list(found)


@lru_cache(maxsize=4096)
def watches(program: Program) -> tuple[Watch, ...]:
    """What to look at; nothing where no row can be hard, or where nothing wider is to be had."""
    if not WIDE or not _fragile(program):
        return ()
    found = {name: Watch(name, SIZES, ()) for name in _leaves(program)}
    for name, sizes, ranges in (*_windows(program), *_crossings(program)):
        before = found.get(name, Watch(name, (), ()))
        sizes, ranges = (*before.sizes, *sizes), (*before.ranges, *ranges)
        found[name] = Watch(name, tuple(dict.fromkeys(sizes)), tuple(dict.fromkeys(ranges)))
    return tuple(found.values())


def _windows(program: Program) -> list[Watch]:
    """The arguments of words that may leave the range, and of waves, and where."""
    named = [(s.args[0], s.word) for s in program.steps if isinstance(s.args[0], str)]
    far = [Watch(a, (TURNS,), ()) for a, word in named if word in ("sin", "cos")]
    return [Watch(a, (), WINDOWS[word]) for a, word in named if word in WINDOWS] + far


def _crossings(program: Program) -> list[Watch]:
    """The differences of a row's value and a parameter's logarithm whose smallest size shows: where a word begins."""
    logs = {s.name for s in program.steps if s.word == "log" and not _varying(program).intersection(s.args)}
    ends = {s.args[0] for s in program.steps if s.word in ("expm1", "sign")}
    near = [s.name for s in program.steps if s.name in ends and s.word == "sub" and logs.intersection(s.args)]
    return [Watch(name, (), (CLOSE,)) for name in near]


def _varying(program: Program) -> set[Arg]:
    """What depends on the row."""
    varies: set[Arg] = set(program.inputs)
    for step in program.steps:
        if varies.intersection(step.args):
            varies.add(step.name)
    return varies


@lru_cache(maxsize=1024)
def watching(program: Program) -> Program:
    """The Program that computes the watched values."""
    names = [w.name for w in watches(program)]
    return replace(program, outputs=tuple((n, n) for n in names)).only(*names)


def hard(program: Program, values: Sequence[NDArray[Any]]) -> NDArray[np.bool_]:
    """The rows to be computed again, from the watched values."""
    found = np.zeros(values[0].shape, bool)
    for watch, value in zip(watches(program), values, strict=True):
        size = np.abs(value)
        for low, high in watch.sizes:
            found |= (size > low) & (size < high)
        for low, high in watch.ranges:
            found |= (value > low) & (value < high)
    return found
