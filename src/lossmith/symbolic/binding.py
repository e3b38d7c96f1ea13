"""Provers for a loss of one real slot (residual, margin or score): one small function a fact."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import product

from lossmith.domain import Interval
from lossmith.facts import Fact
from lossmith.program import Program
from lossmith.symbolic.bounds import FAR, VERY_FAR, Bound, beyond, defined, fades, largest, size, smallest
from lossmith.symbolic.case import Case, Join, once, one_sided
from lossmith.symbolic.cover import Outcome, Region, cover, exact_inputs
from lossmith.symbolic.exact import Exact, NotExact
from lossmith.symbolic.ledger import DEFINED, note
from lossmith.symbolic.parity import EVEN, parity
from lossmith.symbolic.signs import nonnegative
from lossmith.symbolic.spans import ZERO, Span, div, mul
from lossmith.symbolic.strict import ends
from lossmith.symbolic.whole import whole

Test = Callable[[Span], bool]


def _shown(point: dict[str, float]) -> str:
    return ", ".join(f"{n} = {v:.6g}" for n, v in point.items())


def _refuted(case: Case, name: str, output: str, witness: dict[str, float], says: str) -> Fact:
    at, value = case.confirmed(output, witness)
    return Fact(name, False, f"{says.format(value)} at {_shown(at)}", at | {output: value})


def at_join(case: Case, name: str, joins: list[Join], says: str) -> Fact:
    """A refutation at the first of some joins."""
    at = {case.variable: float(joins[0].at)}
    return Fact(name, False, f"{says} at {_shown(at)}", at)


def _jumping(case: Case, output: str, test: Test) -> list[Join]:
    found = [j for j in case.joins if test(case.jump(j, output))]
    return found or [j for j in case.joins if case.limits and test(case.jump_for_one(j, output))]


def _apart(x: Span) -> bool:
    return x.low > 0 or x.high < 0


def _far_apart(x: Span) -> bool:
    """Is a jump more than what a constant that was rounded to a double (pi) can make?"""
    return x.low > ROUNDED or x.high < -ROUNDED


ROUNDED = 1e-15


def everywhere(case: Case, *outputs: str) -> bool:
    """Are the outputs defined, and free of undecided kinks, on every piece?"""

    def claim(s: dict[str, Span]) -> bool | None:
        return True if all(defined(s[n]) for n in outputs) else None

    found = all(cover(r, claim).holds or all(whole(r, n) for n in outputs) for r in case.regions)
    for region, output in product(case.regions if found else (), outputs):
        note(region, output, DEFINED)
    return found


@once
def convex(case: Case) -> Fact:
    """f″ ≥ 0 on every piece, f continuous, f′ never falls at a join."""
    curved = case.every([nonnegative(r, "d2", strict=False) for r in case.regions])
    if curved.holds is False and curved.witness is not None:
        return _refuted(case, "convex", "d2", curved.witness, "the second derivative is {:.4g}")
    falls = _jumping(case, "d1", lambda x: x.high < 0)
    if falls:
        return at_join(case, "convex", falls, "the slope falls")
    if case.continuous is False:
        return at_join(case, "convex", _jumping(case, "value", _apart), "the value jumps")
    rises = all(case.jump(j, "d1").low >= 0 for j in case.joins)
    if curved.holds and case.continuous and rises and everywhere(case, "d1"):
        return Fact("convex", True, "the second derivative is >= 0 on every piece and the slope never falls at a join")
    both = ends(case)
    if both is not None and all(convex(one).holds for one in both):
        return Fact("convex", True, "a mixture of two convex losses: those at both ends of the truths")
    return Fact("convex", None, _why(curved, "the sign of the second derivative"))


def _why(outcome: Outcome, what: str) -> str:
    cell = outcome.stuck
    if cell is None:
        return "a join could not be decided exactly"
    return f"{what} could not be decided " + ("far out" if cell.tail else f"near {cell.low:.6g}")


def twice(case: Case) -> Fact:
    """f, f′ and f″ are continuous everywhere."""
    for output, says in (("value", "the value jumps"), ("d1", "the slope jumps"), ("d2", "the curvature jumps")):
        found = _jumping(case, output, _apart)
        if found:
            return at_join(case, "twice", found, says)
    blown = [j for j in case.joins if not defined(case.jump(j, "d2")) and _infinite(case, j)]
    if blown:
        return at_join(case, "twice", blown, "the second derivative is infinite")
    flat = all(case.jump(j, n) == ZERO for j in case.joins for n in ("d1", "d2"))
    if case.continuous and flat and everywhere(case, "d1", "d2"):
        return Fact("twice", True, "slope and second derivative are continuous on every piece and at every join")
    return Fact("twice", None, "continuity at a join or on a piece could not be shown")


def _infinite(case: Case, join: Join) -> bool:
    """Is f″ infinite at a join, by definition and by how it grows towards it?"""
    if case.limits:
        return False
    _, here = case.confirmed("d2", {"": float(join.at)})
    near = join.right.point({"": float(join.at) + 2.0**-300}, strict=False)["d2"]
    return math.isinf(here) and near.low > 1e15


@once
def smooth(case: Case) -> Fact:
    """f′ is continuous and |f″| bounded; the constant bounds it."""
    jumps = _jumping(case, "value", _apart) or _jumping(case, "d1", _far_apart)
    if jumps:
        return at_join(case, "smooth", jumps, "the slope jumps")
    bound = largest(case.regions, "d2", smooth=True)
    if bound.runs_off is not None:
        return _refuted(case, "smooth", "d2", bound.runs_off, "the second derivative is unbounded: {:.4g}")
    blown = [j for j in case.joins if bound.value is None and _infinite(case, j)]
    if blown:
        return at_join(case, "smooth", blown, "the second derivative is infinite")
    flat = all(case.jump(j, "d1") == ZERO for j in case.joins)
    if bound.value is not None and case.continuous and flat and everywhere(case, "d1"):
        because = f"the slope is continuous and the second derivative within ±{bound.value:.6g}"
        return Fact("smooth", True, because, constant=bound.value)
    return Fact("smooth", None, "no bound of the second derivative could be shown")


def bounded_influence(case: Case) -> Fact:
    """|f′| is bounded; the constant bounds it."""
    bound = _limits_of_slope(case) if convex(case).holds and not case.limits else None
    bound = bound or largest(case.regions, "d1", smooth=False)
    return _bounded(case, "bounded influence", bound, "d1", "the slope stays within")


def _limits_of_slope(case: Case) -> Bound | None:
    """The larger of the limits of |f′| at both ends, which bound it where f′ is monotone."""
    ends = [case.regions[0].tail("d1", -1, VERY_FAR), case.regions[-1].tail("d1", 1, VERY_FAR)]
    sizes = [min((size(x).high for x in found if x.power <= 0 and defined(x)), default=math.inf) for found in ends]
    return Bound(max(sizes)) if all(x < math.inf for x in sizes) else None


def _bounded(case: Case, name: str, bound: Bound, output: str, says: str) -> Fact:
    if bound.runs_off is not None:
        return _refuted(case, name, output, bound.runs_off, "unbounded: {:.4g}")
    if bound.value is None:
        return Fact(name, None, "no bound could be shown")
    return Fact(name, True, f"{says} {bound.value:.6g}", constant=bound.value)


@once
def bounded_below(case: Case) -> Fact:
    """f ≥ some constant."""
    bound = smallest(case.regions, "value")
    if bound.value is not None and -1e-300 < bound.value < 0 and nonnegative_value(case).holds:
        bound = Bound(0.0)
    return _bounded(case, "bounded below", bound, "value", "the value is never below")


@once
def nonnegative_value(case: Case) -> Fact:
    """f ≥ 0."""
    found = case.every([nonnegative(r, "value", smooth=False) for r in case.regions])
    if found.holds is False and found.witness is not None:
        return _refuted(case, "nonnegative", "value", found.witness, "the value is {:.4g}")
    if found.holds:
        return Fact("nonnegative", True, "the value is >= 0 on every piece")
    lowest = next((j for j in case.joins if _lowest(case, j)), None)
    if lowest is not None and convex(case).holds:
        return Fact("nonnegative", True, f"convex, with its minimum >= 0 at {float(lowest.at):.6g}")
    inner = through_one(case.spelled or case) if case.limits else None
    if inner is not None and nonnegative_value(inner).holds:
        return Fact("nonnegative", True, "a function of one combination of all inputs, which is >= 0 whatever that is")
    return Fact("nonnegative", None, _why(found, "the sign of the value"))


def through_one(case: Case) -> Case | None:
    """The loss as one of the one number by which all inputs enter it, any real number; None if there is none such."""
    program = case.program.only("value")
    for k in range(1, len(program.steps)):
        rest = program.steps[k:]
        made = {s.name for s in rest} | set(program.params) | {program.steps[k - 1].name}
        used = {a for s in rest for a in s.args if isinstance(a, str)}
        if used <= made:
            outputs = (*program.outputs, ("d1", math.nan), ("d2", math.nan))
            inner = Program((program.steps[k - 1].name,), program.params, rest, outputs)
            return Case(inner, case.params, "score", Interval())
    return None


def _lowest(case: Case, join: Join) -> bool:
    """Is f ≥ 0 with 0 among the slopes here? (Of a convex loss this is the minimum.)"""
    try:
        field = Exact()
        value, left = (one_sided(field, join.left, n, join.at).constant() for n in ("value", "d1"))
        right = one_sided(field, join.right, "d1", join.at).constant()
    except NotExact:
        return False
    if value is None or left is None or right is None:
        return False
    return value >= 0 and left <= 0 <= right


ENDS = {"margin": (-1,), "softmax": (-1,)}


def redescending(case: Case) -> Fact:
    """f′ → 0 far out: at both ends for residuals, for very wrong labels where there is a margin."""
    if case.period is not None:
        return comes_back(case, "redescending", "the slope comes back in every period")
    sides = ENDS.get(case.lift, (-1, 1))
    answers = [fades(case.regions[0 if s < 0 else -1], s, "d1") for s in sides]
    if all(answers):
        for s in sides:
            beyond(case.regions[0 if s < 0 else -1], s, "d1", FAR)
        return Fact("redescending", True, "the slope tends to 0 far out")
    if False in answers:
        side = "−∞" if sides[answers.index(False)] < 0 else "+∞"
        return Fact("redescending", False, f"the slope does not tend to 0 at {side}")
    if case.limits and all(fades(case.tame.regions[0 if s < 0 else -1], s, "d1", VERY_FAR) for s in sides):
        for s in sides:
            beyond(case.tame.regions[0 if s < 0 else -1], s, "d1", VERY_FAR)
        return Fact("redescending", True, "the slope tends to 0 far out, for each y up to 1e100")
    return Fact("redescending", None, "the limit of the slope could not be found")


def comes_back(case: Case, name: str, says: str) -> Fact:
    """A refutation at a place where the slope of a loss that repeats is not 0."""
    for region in case.regions:
        for point in region.points():
            slope = region.point(point)["d1"]
            if slope.low > 0 or slope.high < 0:
                return _refuted(case, name, "d1", point, says + ": {:.4g}")
    return Fact(name, None, "no place was found at which the slope is not 0")


@once
def even(case: Case) -> Fact:
    """f(−t) = f(t)."""
    if parity(case.program, case.variable, "value") == EVEN:
        return Fact("even", True, "the residual enters by even words only")
    for region in case.regions[len(case.regions) // 2 :]:
        for point in region.points():
            here, there = (_value_at(case, sign, point) for sign in (1, -1))
            if here.high < there.low or here.low > there.high:
                return _refuted(case, "even", "value", point, "the value differs from its mirror image's: {:.6g}")
    if all(_mirrors(case, a, b) for a, b in pairs(case)) and symmetric(case):
        return Fact("even", True, "the two halves are identical expressions")
    return Fact("even", None, "the two halves agree where tried, but were not shown identical")


def _value_at(case: Case, sign: int, point: dict[str, float]) -> Span:
    region = Region(case.program, case.params, case.variable, None, None, case.limits)
    return region.point(point | {"": sign * point[""]})["value"]


def pairs(case: Case) -> list[tuple[Region, Region]]:
    """The pieces right of 0, each with its mirror image."""
    n = len(case.regions)
    return [(case.regions[n - 1 - i], case.regions[i]) for i in range(n // 2)]


def symmetric(case: Case) -> bool:
    """Do the pieces end at mirrored places?"""
    n = len(case.regions)
    return n % 2 == 0 and all(a.low == (None if b.high is None else -b.high) for a, b in pairs(case))


def _mirrors(case: Case, right: Region, left: Region) -> bool:
    """Is f(t) on the right identically f(−t) on the left?"""
    field = Exact()
    inputs = exact_inputs(right, field)
    mirrored = inputs | {case.variable: field.neg(inputs[case.variable])}
    try:
        a = field.run(right.program.only("value"), inputs)["value"]
        b = field.run(left.program.only("value"), mirrored)["value"]
        return not field.add(a, field.neg(b)).top
    except NotExact:
        return False


def scalable(case: Case) -> Fact:
    """Does s²ρ(r/s) differ from ρ(r) by more than a factor? Not for a power of |r|."""
    if case.lift != "residual":
        return Fact("scalable", False, "only residual losses have a scale")
    kinks = [j for j in case.joins if j.at != 0 and _apart(case.jump(j, "d1"))]
    if kinks:
        return Fact("scalable", True, f"the slope jumps at r = {float(kinks[0].at):.6g}, a place that a scale moves")
    seen = [d for r in case.regions for d in _degrees(case, r)]
    least, most = min(seen, key=lambda d: d[1].high, default=None), max(seen, key=lambda d: d[1].low, default=None)
    if least is not None and most is not None and least[1].high < most[1].low:
        at = [{case.variable: d[0][""]} for d in (least, most)]
        says = f"r·psi'/psi is {least[1].high:.6g} at {_shown(at[0])} and {most[1].low:.6g} at {_shown(at[1])}"
        return Fact("scalable", True, says, at)
    degrees = {d for r in case.regions for d in [_degree(r)] if d != ANY}
    if len(degrees) == 1 and None not in degrees and all(j.at == 0 for j in case.joins):
        (power,) = degrees
        return Fact("scalable", False, f"homogeneous of degree {float(power or 0) + 1:g}: a scale is only a factor")
    return Fact("scalable", None, "neither homogeneous nor shown to be otherwise")


def _degrees(case: Case, region: Region) -> Iterator[tuple[dict[str, float], Span]]:
    """Points with enclosures of t·f″/f′ there."""
    for point in region.points():
        x = region.point(point)
        t = Span(0, point[""], point[""])
        degree = div(mul(t, x["d2"]), x["d1"], True)
        if defined(degree):
            yield point, degree


ANY = Fraction(-1, 7)
"""Stands for the degree of 0, which every scale leaves alone."""


def _degree(region: Region) -> Fraction | None:
    """The constant t·f″/f′ of a piece, `ANY` where f′ is 0 throughout, None if it is not known."""
    for name, answer in (("d1", ANY), ("d2", Fraction(0))):
        if cover(region, lambda x, n=name: True if x[n].low == x[n].high == 0 else None).holds:  # type: ignore[misc]
            return answer
    field = Exact()
    try:
        inputs = exact_inputs(region, field)
        x = field.run(region.program.only("d1", "d2"), inputs)
        return field.div(field.mul(inputs[region.variable], x["d2"]), x["d1"]).constant()
    except NotExact:
        return None
