"""Facts of a whole family: for every value that some parameters can take in given ranges."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise, product

from lossmith.facts import Fact
from lossmith.program import Program
from lossmith.symbolic.case import Case
from lossmith.symbolic.dimension import scaling
from lossmith.symbolic.provers import answer
from lossmith.symbolic.slopes import CONDITIONS
from lossmith.symbolic.strict import affine

MIXES = frozenset(
    {"convex", "nonnegative", "monotone margin", "even", "bounded below", "Lipschitz", "bounded influence", "smooth",
     "majorant", "finite in float64", "finite in float32"}
)  # fmt: skip
"""What holds of two losses and then of every mixture of them (constants: the larger of the two)."""
SCALES = frozenset({
    "convex", "strictly convex", "twice", "nonnegative", "even", "monotone margin", "redescending", "scalable",
    "majorant", "calibrated", "proper composite",
})  # fmt: skip
"""What does not change when the slot and the loss are measured in other units."""
UNIVERSAL = frozenset({
    "convex", "strictly convex", "strongly convex", "twice", "smooth", "nonnegative", "monotone margin", "redescending",
    "bounded below", "bounded influence", "Lipschitz", "majorant", "even",
})  # fmt: skip
"""What the provers show for every value of the other inputs, a parameter among them."""
OF_CLASSES = frozenset({"calibrated"})
"""What the provers of losses of classes show so, too."""
Ranges = Mapping[str, tuple[float, float]]


def fact_over(case: Case, ranges: Ranges, name: str) -> Fact:
    """A fact for every value of the ranged parameters, whatever they are in the case: proved, refuted, or unknown."""
    for values in corners(ranges):
        found = _at(case, values, name)
        if found.holds is False:
            where = ", ".join(f"{n} = {v:g}" for n, v in values.items())
            witness = {"parameters": dict(values), "witness": found.witness}
            return Fact(name, False, f"at {where}: {found.because}", witness)
    by = shown(case, ranges, name)
    if by is not None:
        return by[1]
    return Fact(name, None, f"true wherever it was tried in {_named(ranges)}, but not shown for all of it")


def shown(case: Case, ranges: Ranges, name: str) -> tuple[str, Fact] | None:
    """What proves a fact over the ranges, by its name in `ROUTES`; None for a fact that nothing here proves."""
    for route, prover in ROUTES.items():
        found = prover(case, ranges, name)
        if found is not None:
            return route, found
    return None


def between_choices(program: Program, ranges: Ranges) -> tuple[list[dict[str, float]], list[Ranges]]:
    """The values at which the formula compares one ranged parameter with a number, and the ranges between them."""
    if len(ranges) != 1:
        return [], [ranges]
    ((name, (low, high)),) = ranges.items()
    compared = {a for s in program.steps if s.word in CONDITIONS and name in s.args for a in s.args}
    places = sorted({float(a) for a in compared if not isinstance(a, str) and low <= a <= high})
    ends = [low, *places, high]
    parts = [(_after(a, places), _before(b, places)) for a, b in pairwise(ends)]
    return [{name: v} for v in places], [{name: part} for part in parts if part[0] <= part[1]]


def _after(a: float, places: list[float]) -> float:
    return math.nextafter(a, math.inf) if a in places else a


def _before(b: float, places: list[float]) -> float:
    return math.nextafter(b, -math.inf) if b in places else b


def _named(ranges: Ranges) -> str:
    return ", ".join(f"{n} = {a:g}..{b:g}" for n, (a, b) in ranges.items())


def corners(ranges: Ranges) -> Iterator[dict[str, float]]:
    """The corners of the ranges, and some values between."""
    spots = [[a, b, *(_between(a, b, k) for k in (0.5, 0.25, 0.75, 0.97))] for a, b in ranges.values()]
    return (dict(zip(ranges, values, strict=True)) for values in product(*spots))


def _between(a: float, b: float, share: float) -> float:
    return a ** (1 - share) * b**share if a > 0 and b > 16 * a else a + (b - a) * share


def _at(case: Case, values: Mapping[str, float], name: str) -> Fact:
    return answer(replace(case, params={**case.params, **values}, made={}), name)


def as_inputs(case: Case, ranges: Ranges) -> Case:
    """The loss with its ranged parameters as inputs, whose every value counts."""
    params = {n: v for n, v in case.params.items() if n not in ranges}
    spelled = None if case.literal is None else _with_inputs(case.literal, ranges)
    return Case(_with_inputs(case.program, ranges), params, case.lift, case.target, dict(ranges), spelled)


def _with_inputs(p: Program, ranges: Ranges) -> Program:
    return replace(p, inputs=(*p.inputs, *ranges), params=tuple(n for n in p.params if n not in ranges))


def _by_mixture(case: Case, ranges: Ranges, name: str) -> Fact | None:
    """Where the loss is affine in each parameter alone, it is a mixture of the losses at the corners."""
    if name not in MIXES or not all(affine(as_inputs(case, ranges), n) for n in ranges):
        return None
    ends = [_at(case, dict(zip(ranges, v, strict=True)), name) for v in product(*ranges.values())]
    if not all(f.holds for f in ends):
        return None
    constants = [f.constant for f in ends if f.constant is not None]
    most = (min if name == "bounded below" else max)(constants) if len(constants) == len(ends) else None
    return Fact(name, True, f"a mixture of the losses at the ends of {_named(ranges)}, which have it", constant=most)


def _by_scale(case: Case, ranges: Ranges, name: str) -> Fact | None:
    """Where a parameter only sets the unit of the slot, one value stands for all."""
    alone = name in SCALES and len(ranges) == 1 and all(a > 0 for a, _ in ranges.values()) and not case.limits
    if not alone or case.lift not in ("residual", "margin"):
        return None
    ((n, (a, b)),) = ranges.items()
    if scaling(case.program, case.variable, (n,)) is None:
        return None
    one = _at(case, {n: math.sqrt(a) * math.sqrt(b)}, name)
    says = f"{n} only sets the unit of {case.variable}, and at one value: {one.because}"
    return replace(one, because=says, constant=None) if one.holds else None


def _as_whole(case: Case, ranges: Ranges, name: str) -> Fact | None:
    """The provers of one loss, with the parameters among the inputs whose every value counts."""
    if not (name in UNIVERSAL or (name in OF_CLASSES and case.lift == "softmax")):
        return None
    found = answer(as_inputs(case, ranges), name)
    return replace(found, because=f"{found.because}, for all of {_named(ranges)}") if found.holds else None


ROUTES: Mapping[str, Callable[[Case, Ranges, str], Fact | None]] = {
    "mixture": _by_mixture,
    "unit": _by_scale,
    "whole": _as_whole,
}
"""What can show a fact for every value of some parameters, in the order in which they are asked."""
