"""How a loss is bent and how steep it is: strict and strong convexity, Lipschitz, falling margins, rejection."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from lossmith.domain import Interval
from lossmith.facts import Fact
from lossmith.symbolic import binding, classes
from lossmith.symbolic.bounds import FAR, fades, smallest
from lossmith.symbolic.case import Case, once
from lossmith.symbolic.cover import Region, cover
from lossmith.symbolic.exact import Value
from lossmith.symbolic.pieces import between
from lossmith.symbolic.signs import exactly_at, nonnegative
from lossmith.symbolic.strict import ends, examples, fixed, negated, positive, positive_by_algebra, vanishes

SHIFT = "a number added to all scores changes nothing"
"""Why no softmax loss is strictly convex in its scores."""


def convex_of(case: Case) -> Fact:
    """The verdict on convexity that belongs to the lift."""
    return classes.convex(case) if case.lift == "softmax" else binding.convex(case)


def influence_of(case: Case) -> Fact:
    """The verdict on the boundedness of the slope that belongs to the lift."""
    return classes.bounded_influence(case) if case.lift == "softmax" else binding.bounded_influence(case)


def inside(region: Region) -> float:
    """A point of a piece, not far out."""
    return float(between(region.low, region.high))


@once
def strictly_convex(case: Case) -> Fact:
    """f lies below each of its chords: f″ > 0 but for isolated points."""
    name = "strictly convex"
    bent = convex_of(case)
    if bent.holds is False:
        return Fact(name, False, f"not convex: {bent.because}", bent.witness)
    if case.lift == "softmax":
        return Fact(name, False, SHIFT, {"scores": [0.0, 0.0], "and": [1.0, 1.0]})
    straight = _straight(case)
    if straight is not None:
        at = {case.variable: inside(straight)}
        return Fact(name, False, f"a straight piece around {case.variable} = {at[case.variable]:.6g}", at)
    if bent.holds and _bends(case):
        return Fact(name, True, "the second derivative is > 0 on every piece, but for isolated points")
    return Fact(name, None, "the second derivative could not be shown to be > 0")


def _straight(case: Case) -> Region | None:
    return next((r for one in examples(case) for r in one.regions if vanishes(r, "d2")), None)


def _bends(case: Case) -> bool:
    if all(positive(r, "d2") for r in case.regions):
        return True
    if case.limits and all(positive(r, "d2") for r in case.tame.regions):
        return True
    both = ends(case)
    return both is not None and all(positive(r, "d2") for one in both for r in one.regions)


def strongly_convex(case: Case) -> Fact:
    """f″ ≥ μ > 0 everywhere; the constant is μ."""
    name = "strongly convex"
    strict = strictly_convex(case)
    if strict.holds is False:
        return Fact(name, False, f"not strictly convex: {strict.because}", strict.witness)
    flat = next(_flattening(case), None)
    if flat is not None:
        return Fact(name, False, flat[0], flat[1])
    least = smallest(case.regions, "d2").value
    if strict.holds and least is not None and least > 0:
        return Fact(name, True, f"the second derivative is never below {least:.6g}", constant=least)
    return Fact(name, None, "no positive bound below the second derivative could be shown")


def _flattening(case: Case) -> Iterator[tuple[str, dict[str, float]]]:
    """Where the second derivative is 0 or tends to it."""
    for name in case.limits:
        region, point = case.regions[0], next(iter(case.regions[0].points(few=True)))
        for side in (s for n, s in region.directions() if n == name):
            if any(x.power < 0 and x.high < math.inf for x in region.tail("d2", side, FAR, name, point)):
                yield f"the second derivative tends to 0 as {name} grows", {name: side * math.inf}
    for one in (*examples(case), *_at_zero(case)):
        for side, region in ((-1, one.regions[0]), (1, one.regions[-1])):
            if (region.low if side < 0 else region.high) is None and fades(region, side, "d2"):
                end = "−∞" if side < 0 else "+∞"
                given = {n: v for n, v in one.params.items() if n in case.limits}
                where = "".join(f", {n} = {v:g}" for n, v in given.items())
                yield f"the second derivative tends to 0 at {end}{where}", {case.variable: side * math.inf, **given}
        for join in one.joins:
            if any(constant(exactly_at(r, "d2", join.at)) == 0 for r in (join.left, join.right)):
                yield f"the second derivative is 0 at {float(join.at):.6g}", {case.variable: float(join.at)}


def _at_zero(case: Case) -> Iterator[Case]:
    """The loss at y = 0 where y > 0 comes as near to it as it likes, and the second derivative is continuous there."""
    y = case.target
    if not (case.limits and y.open_low and y.low == 0):
        return
    whole = replace(case, target=Interval(0.0, 1.0), made={})
    if all(cover(r, lambda s: True if s["d2"].low == s["d2"].low else None).holds for r in whole.regions):
        yield from (fixed(case, **{n: 0.0}) for n in case.limits)


def constant(value: Value | None) -> Fraction | None:
    """The rational number that an exact value is, if it is one."""
    return None if value is None else value.constant()


def lipschitz(case: Case) -> Fact:
    """|f(s) − f(t)| ≤ L·|s − t|; the constant is L (of K scores: in the Euclidean norm)."""
    name = "Lipschitz"
    slope = influence_of(case)
    if slope.holds is False:
        return Fact(name, False, f"the slope is unbounded: {slope.because}", slope.witness)
    if case.continuous is False:
        at = {case.variable: float(next(j.at for j in case.joins if _apart(case, j)))}
        return Fact(name, False, f"the value jumps at {case.variable} = {at[case.variable]:.6g}", at)
    if slope.holds and slope.constant is not None and case.continuous:
        most = slope.constant * (math.nextafter(math.sqrt(2), 2) if case.lift == "softmax" else 1.0)
        return Fact(name, True, f"continuous, with slopes within {most:.6g}", constant=most)
    return Fact(name, None, f"no bound of the slope: {slope.because}")


def _apart(case: Case, join: object) -> bool:
    jump = case.jump(join, "value")  # type: ignore[arg-type]
    return jump.low > 0 or jump.high < 0


def monotone(case: Case) -> Fact:
    """A larger margin (a larger probability of the true class) never costs more."""
    name = "monotone margin"
    if case.lift == "softmax" and classes.coupled(case):
        return classes.monotone(case)
    found = case.every([nonnegative(negated(r, "d1"), "minus d1") for r in case.regions])
    if found.holds is False and found.witness is not None:
        at, slope = case.confirmed("d1", found.witness)
        shown = ", ".join(f"{n} = {v:.6g}" for n, v in at.items())
        return Fact(name, False, f"it rises, with slope {slope:.4g}, at {shown}", at | {"d1": slope})
    falls = all(case.jump(j, "value").high <= 0 for j in case.joins)
    if found.holds and falls:
        return Fact(name, True, "the slope is <= 0 on every piece and the value never jumps up")
    return Fact(name, None, "the sign of the slope could not be decided")


def rejection(case: Case) -> Fact:
    """Beyond some residual f′ is exactly 0; the constant is that residual."""
    name = "rejection point"
    if case.period is not None:
        return binding.comes_back(case, name, "residuals of every size pull again and again")
    left, right = _edge(case.regions), _edge(case.regions[::-1])
    if left is not None and right is not None:
        most = float(max(abs(left), abs(right)))
        return Fact(name, True, f"residuals beyond {most:.6g} do not pull at all", constant=most)
    for side in (-1, 1):
        one = next((c for c in examples(case) if _pulls(c.regions[0 if side < 0 else -1], side)), None)
        if one is not None:
            at, slope = _pull(one, side)
            return Fact(name, False, f"far residuals pull: {slope:.4g} at {at[case.variable]:g}", at | {"d1": slope})
    return Fact(name, None, "whether far residuals pull could not be decided")


def _edge(regions: tuple[Region, ...]) -> Fraction | None:
    """The inner end of the outermost pieces without slope, from the first on; None if that pulls."""
    edge: Fraction | None = None
    inwards = regions[0].low is None
    for region in regions:
        if not vanishes(region, "d1"):
            return edge
        edge = region.high if inwards else region.low
    return Fraction(0)


def _pull(case: Case, side: int) -> tuple[dict[str, float], float]:
    """A far residual that pulls by a number that a double can show."""
    far = [case.confirmed("d1", {"": side * t}) for t in (1024.0, 64.0, 16.0, 4.0)]
    at, slope = next((found for found in far if found[1] != 0), far[-1])
    return at | {n: v for n, v in case.params.items() if n == "y"}, slope


def _pulls(region: Region, side: int) -> bool:
    """Is the slope surely not 0 far out?"""
    if positive_by_algebra(region, "d1") or positive_by_algebra(negated(region, "d1"), "minus d1"):
        return True
    return any(x.low > 0 or x.high < 0 for x in region.tail("d1", side, FAR))
