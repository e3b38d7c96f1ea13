"""A curvature that lies above a loss of one slot: psi(r)/r where that falls, else a bound of the second derivative."""

from __future__ import annotations

from fractions import Fraction

from lossmith.facts import Fact
from lossmith.symbolic.binding import at_join, everywhere, pairs, smooth, symmetric
from lossmith.symbolic.bounds import largest
from lossmith.symbolic.case import Case, Join
from lossmith.symbolic.cover import Region, exact_inputs
from lossmith.symbolic.exact import Exact, NotExact
from lossmith.symbolic.signs import extended, nonnegative
from lossmith.symbolic.spans import add
from lossmith.symbolic.strict import like


def majorant(case: Case) -> Fact:
    """A curvature w(t) is known with f(s) ≤ f(t) + f′(t)(s − t) + w(t)(s − t)²/2 for all s."""
    if case.continuous and symmetric(case):
        middle = _middle_slope(case)
        if middle is not None and _falls(case.tame if case.limits else case, middle):
            line = "rho is concave in r²" if middle == 0 else "linear plus an even part that is concave in t²"
            return Fact("majorant", True, f"psi(r)/r: {line}")
    bound = smooth(case)
    if bound.holds:
        return Fact("majorant", True, "curvature bound", constant=bound.constant)
    above = largest(case.regions, "d2", smooth=True).value if case.continuous and _only_falls(case) else None
    if above is not None and everywhere(case, "d1"):
        return Fact("majorant", True, "curvature bound; where the slope jumps, it falls", constant=above)
    rises = [j for j in case.joins if (j.at != 0 or _lopsided(case)) and _rises_at(case, j)]
    if rises:
        return at_join(case, "majorant", rises, "no finite curvature majorises where the slope rises at once,")
    if bound.holds is False and "unbounded" in bound.because:
        return Fact("majorant", False, bound.because, bound.witness)
    return Fact("majorant", None, f"no majorising curvature is known: {bound.because}")


def _rises_at(case: Case, join: Join) -> bool:
    """Does the slope rise at once, for every value of the other inputs, or for one of them?"""
    return case.jump(join, "d1").low > 0 or bool(case.limits and case.jump_for_one(join, "d1").low > 0)


def _only_falls(case: Case) -> bool:
    return all(case.jump(j, "d1").high <= 0 for j in case.joins)


def _lopsided(case: Case) -> bool:
    """Is f′(t) + f′(−t) surely not the same for all t > 0, so that psi(r)/r, endless at a kink, is none either?"""
    sums = []
    for t in (0.37, 1.9, 7.7):
        at = dict(next(iter(case.regions[0].points(few=True))))
        sides = [next(r for r in case.regions if r.high is None or s * t <= r.high) for s in (-1, 1)]
        left, right = (r.point(at | {"": s * t})["d1"] for r, s in zip(sides, (-1, 1), strict=True))
        sums.append(add(left, right, 1.0))
    return max(x.low for x in sums) > min(x.high for x in sums)


def _middle_slope(case: Case) -> Fraction | None:
    """The κ with f′(t) + f′(−t) = 2κ for all t > 0, if there is one and it is rational."""
    found: set[Fraction | None] = set()
    for right, left in pairs(case):
        field = Exact()
        inputs = exact_inputs(right, field)
        mirrored = inputs | {case.variable: field.neg(inputs[case.variable])}
        try:
            a = field.run(right.program.only("d1"), inputs)["d1"]
            b = field.run(left.program.only("d1"), mirrored)["d1"]
            found.add(field.add(a, b).constant())
        except NotExact:
            return None
    twice_middle = found.pop() if len(found) == 1 else None
    return None if twice_middle is None else twice_middle / 2


def _falls(case: Case, middle: Fraction) -> bool:
    """Is (f′(t) − κ)/t ≥ 0 and falling in t > 0? On pieces t·f″ ≤ f′ − κ; at joins the slope must not rise."""
    kappa = float(middle)
    if Fraction(kappa) != middle:
        return False
    right = [j for j in case.joins if j.at > 0]
    if any(not case.jump(j, "d1").high <= 0 for j in right) or not everywhere(case, "d1"):
        return False
    return all(_claims(case, r, kappa) for r in case.regions[len(case.regions) // 2 :])


def _claims(case: Case, region: Region, kappa: float) -> bool:
    t, outputs = case.variable, dict(region.program.outputs)
    slope: tuple[str, str, tuple[str | float, ...]] = ("slope", "sub", (outputs["d1"], kappa))
    gap = extended(
        region.program,
        [slope, ("rise", "mul", (t, outputs["d2"])), ("gap", "sub", ("x'slope", "x'rise"))],
        "gap",
    )
    parts = ((extended(region.program, [slope], "slope"), "slope"), (gap, "gap"))
    return all(nonnegative(like(region, p), n, strict=False).holds for p, n in parts)
