"""More than zero: is an output positive on a whole open piece, but for isolated points?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import chain
from typing import Any

from lossmith.program import Arg, Program, Step
from lossmith.symbolic import bounds
from lossmith.symbolic.case import Case, kinked
from lossmith.symbolic.cover import Region, cover, exact_inputs
from lossmith.symbolic.exact import Exact, Monomial, NotExact, Poly, Value
from lossmith.symbolic.ledger import AT_LEAST, ZERO, note
from lossmith.symbolic.signs import extended, nonnegative
from lossmith.symbolic.slack import spread

POSITIVE = frozenset({"exp term", "exp", "mills", "softplus", "trigamma", "positive max", "expm1mx"})
"""Atoms of `Exact` that are more than 0 everywhere (expm1mx is made for positive arguments only)."""


def positive(region: Region, name: str) -> bool:
    """Is the output > 0 on the open piece, but for isolated points?

    By algebra, for every value of the other inputs; or else because a function that is analytic, nowhere negative and
    somewhere positive has isolated zeros only.
    """
    if positive_by_algebra(region, name):
        note(region, name, AT_LEAST)
        return True
    region = region.alone(name)
    if region.limits and cover(region, lambda s: True if s[name].low > 0 else None).holds:
        note(region, name, AT_LEAST)
        return True
    if region.limits or not analytic(region, name) or not nonnegative(region, name, strict=False).holds:
        return False
    return any(region.point(p, strict=False)[name].low > 0 for p in region.points())


def negated(region: Region, name: str) -> Region:
    """The same piece with the output's negative as its one output, named "minus …"."""
    output = dict(region.program.outputs)[name]
    return like(region, extended(region.program, [(f"minus {name}", "neg", (output,))], f"minus {name}"))


def like(region: Region, program: Program) -> Region:
    """Another program on the same piece."""
    return Region(program, region.params, region.variable, region.low, region.high, region.limits, region.settled)


def positive_by_algebra(region: Region, name: str) -> bool:
    """Are all coefficients of a quotient of polynomials of one sign, with a term that cannot be 0?"""
    if region.settled is False:
        return False
    field = Exact()
    try:
        value = field.run(region.program.only(name), exact_inputs(region, field))[name]
    except NotExact:
        return False
    shown = any(above_zero(region, field, f) for f in chain((value,), spread(field, value)))
    return shown and defined_throughout(region, name)


def above_zero(region: Region, field: Exact, value: Value) -> bool:
    """Is it a quotient of two polynomials that surely have the same sign?"""
    keys = {i: key for key, i in field.atoms.items()}
    signs = [_sign(region, p, keys) for p in (value.top, value.bottom)]
    return None not in signs and signs[0] == signs[1]


def _sign(region: Region, p: Poly, keys: Mapping[int, tuple[object, ...]]) -> int | None:
    """±1 where the polynomial surely has this sign, else None."""
    signs = {c > 0 for c in p.values()}
    atoms = {a for m in p for a, n in m if n % 2}
    tame = all(_never_negative(region, keys[a]) for a in atoms)
    if len(signs) != 1 or not tame or not any(_never_zero(region, m, keys) for m in p):
        return None
    return 1 if signs.pop() else -1


def _never_negative(region: Region, key: tuple[object, ...]) -> bool:
    return key[0] in POSITIVE or key[0] in ("half line", "root", "pow", "logcosh", "abs")


def _never_zero(region: Region, m: Monomial, keys: Mapping[int, tuple[object, ...]]) -> bool:
    return all(_positive(region, keys[a], keys) for a, _ in m)


def _positive(region: Region, key: tuple[Any, ...], keys: Mapping[int, tuple[object, ...]]) -> bool:
    """Is an atom never 0? A root or power is not, of one product of such atoms."""
    if key[0] in ("root", "pow"):
        tops, bottoms = key[2]
        return len(tops) == 1 and len(bottoms) == 1 and all(_never_zero(region, m, keys) for m, _ in (*tops, *bottoms))
    return key[0] in POSITIVE or (key[0] == "half line" and _open(region, key[1]))


def _open(region: Region, name: object) -> bool:
    """Is this input of a half line never 0? The main one is not: its piece is open."""
    return name == "" or region.limits[str(name)][0] > 0


def defined_throughout(region: Region, name: str) -> bool:
    """Is the output defined on every cell?"""
    return cover(region, lambda s: True if s[name].low == s[name].low else None, strict=False).holds is True


def note_form(region: Region, name: str, form: str, share: Fraction) -> None:
    """Note that an output is a constant on a piece, or a line through 0: that what is left of it then is 0."""
    steps: list[tuple[str, str, tuple[str | float, ...]]] = []
    last: str | float = dict(region.program.outputs)[name]
    for k in range(MOST_PARTS):  # the share as a sum of doubles
        part = float(share)
        share -= Fraction(part)
        steps.append((f"part {k}", "mul", (region.variable if form == "line" else 1.0, part)))
        steps.append((f"{name} less {k}", "sub", (last, f"x'part {k}")))
        last = f"x'{steps[-1][0]}"
        if share == 0:
            note(like(region, extended(region.program, steps, steps[-1][0])), steps[-1][0], ZERO)
            return


MOST_PARTS = 4


def vanishes(region: Region, name: str) -> bool:
    """Is the output 0 throughout?"""
    found = _vanishes(region, name)
    if found:
        note(region, name, ZERO)
    return found


def _vanishes(region: Region, name: str) -> bool:
    if cover(region, lambda s: True if s[name].low == s[name].high == 0 else None, strict=False).holds:
        return True
    field = Exact()
    try:
        value = field.run(region.program.only(name), exact_inputs(region, field))[name]
    except NotExact:
        return False
    return not value.top and defined_throughout(region, name)


def analytic(region: Region, name: str) -> bool:
    """Is the output analytic on the open piece: free of choices, and of roots and broken powers of what may be 0?"""
    program = region.program.only(name)
    if kinked(program, region.variable) or not defined_throughout(region, name):
        return False
    return all(_smooth_base(region, program, s) for s in program.steps if s.word in ("sqrt", "pow"))


def _smooth_base(region: Region, program: Program, step: Step) -> bool:
    power = step.args[1] if step.word == "pow" else 0.5
    if isinstance(power, float) and power >= 0 and power == int(power):
        return True
    base = like(region, Program(program.inputs, program.params, program.steps, (("base", step.args[0]),)).only("base"))
    return positive_by_algebra(base, "base") or cover(base, lambda s: True if s["base"].low > 0 else None).holds is True


def fixed(case: Case, **values: float) -> Case:
    """The same loss at given values of other inputs."""
    p = case.program
    inputs = tuple(n for n in p.inputs if n not in values)
    program = replace(p, inputs=inputs, params=(*p.params, *values))
    return Case(program, {**case.params, **values}, case.lift, case.target, case.ranges)


def examples(case: Case) -> Iterator[Case]:
    """The loss at a few values of its other inputs, to look for a witness at; the loss itself where it has none."""
    if not case.limits:
        yield case
        return
    for v in (1.0, 0.25, 8.0, -math.inf, math.inf):
        if math.isfinite(v) or all(math.isfinite(a if v < 0 else b) for a, b in case.limits.values()):
            yield fixed(case, **{n: min(max(v, a), b) for n, (a, b) in case.limits.items()})


def ends(case: Case) -> list[Case] | None:
    """The loss at both ends of its one other input, if it is affine in that: what a sum keeps, these two prove."""
    if len(case.limits) != 1:
        return None
    ((name, (a, b)),) = case.limits.items()
    if abs(a) == float("inf") or abs(b) == float("inf") or not affine(case, name):
        return None
    return [fixed(case, **{name: v}) for v in (a, b)]


def affine(case: Case, name: str, output: str = "value") -> bool:
    """Is the value (or another output) affine in this input, on every piece?"""
    return all(not kinked(r.program.only(output), name) and bounds.affine(r, name, output) for r in case.regions)


def replaced(program: Program, values: Mapping[str, Arg], prefix: str = "") -> tuple[Step, ...]:
    """The steps with some names replaced, and with new names of their own if a prefix is given."""
    names: dict[Arg, Arg] = dict(values.items())
    names |= {s.name: prefix + s.name for s in program.steps} if prefix else {}
    return tuple(Step(prefix + s.name, s.word, tuple(names.get(a, a) for a in s.args)) for s in program.steps)
