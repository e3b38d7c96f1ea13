"""Losses that repeat: made of sines and cosines of the slot, and of nothing else of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

from lossmith.program import Arg, Program, Step

Speed = Fraction | None
"""How fast a step that is linear in the slot grows; None for what repeats."""
LONGEST = 1000


def period(program: Program, params: Mapping[str, float], variable: str) -> Fraction | None:
    """A whole number of periods of the value, a little more: None if it does not repeat, or seldom."""
    known: dict[Arg, Speed] = {variable: Fraction(1)}
    speeds: list[Fraction] = []
    for step in program.only("value").steps:
        if not any(a in known for a in step.args):
            continue
        if not _walk(step, params, known, speeds):
            return None
    if not speeds or known.get(dict(program.outputs)["value"], Fraction(1)) is not None:
        return None
    slowest = min(speeds)
    if any((s / slowest).denominator != 1 for s in speeds) or slowest * LONGEST < 7:
        return None
    return Fraction(math.ceil(Fraction(63, 10) / slowest) + 1)


def _walk(step: Step, params: Mapping[str, float], known: dict[Arg, Speed], speeds: list[Fraction]) -> bool:
    """Notes what a step is; False where it is neither linear in the slot nor something that repeats."""
    linear = [known[a] for a in step.args if known.get(a) is not None]
    if not linear:
        known[step.name] = None
        return True
    if step.word in ("sin", "cos"):
        speeds.append(abs(linear[0]))  # type: ignore[arg-type]
        known[step.name] = None
        return True
    known[step.name] = _speed(step, params, known)
    return known[step.name] is not None


def _speed(step: Step, params: Mapping[str, float], known: Mapping[Arg, Speed]) -> Speed:
    """The speed of a multiple of the slot."""
    if step.word == "neg":
        return known[step.args[0]]
    a, b = (*step.args, 0.0)[:2]
    if step.word == "mul":
        slot, factor = (a, b) if a in known else (b, a)
        k, speed = _number(factor, params), known[slot]
        return None if k is None or speed is None or not k else speed * k
    if step.word == "div" and a in known:
        k, speed = _number(b, params), known[a]
        return None if not k or speed is None else speed / k
    return None


def _number(a: Arg, params: Mapping[str, float]) -> Fraction | None:
    value = params.get(a) if isinstance(a, str) else a
    return None if value is None or not math.isfinite(value) else Fraction(value)
