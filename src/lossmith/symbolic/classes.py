"""Provers for losses h(log p_y) of K scores through softmax, for every K at once.

With u = log p_y the gradient is h′(e_y − p) and the Hessian h″(e_y − p)(e_y − p)ᵀ − h′(diag p − ppᵀ). Along v, with
d = v_y − p·v, the variance of v under p is at least p_y d²/(1 − p_y), and for K ≥ 3 it can be positive where d = 0.
So the loss is convex in the scores exactly if h′ ≤ 0 and (1 − p_y) h″ − p_y h′ ≥ 0 for all p_y.
"""

from __future__ import annotations

import math
from fractions import Fraction

from lossmith.facts import Fact
from lossmith.symbolic import binding
from lossmith.symbolic.bounds import largest
from lossmith.symbolic.case import Case, once
from lossmith.symbolic.cover import Region, exact_inputs
from lossmith.symbolic.exact import Exact, NotExact
from lossmith.symbolic.signs import extended, nonnegative
from lossmith.symbolic.spans import ZERO
from lossmith.symbolic.strict import note_form

Steps = list[tuple[str, str, tuple[str | float, ...]]]


def with_steps(case: Case, steps: Steps) -> tuple[Region, ...]:
    """The pieces with more steps; `d1` and `d2` in them stand for the derivatives; the last step is the output."""
    return tuple(_one(case, r, steps) for r in case.regions)


def _one(case: Case, region: Region, steps: Steps) -> Region:
    names = dict(region.program.outputs) | {"u": case.variable} | {n: f"x'{n}" for n, _, _ in steps}
    new: Steps = [(n, w, tuple(names.get(a, a) if isinstance(a, str) else a for a in args)) for n, w, args in steps]
    program = extended(region.program, new, steps[-1][0])
    return Region(program, region.params, region.variable, region.low, region.high, region.limits, region.settled)


P: Steps = [("p", "exp", ("u",)), ("q0", "expm1", ("u",)), ("q", "neg", ("q0",))]
"""p and q = 1 − p."""
FALL: Steps = [("fall", "neg", ("d1",))]
CURVE: Steps = [*P, ("a", "mul", ("q", "d2")), ("b", "mul", ("p", "d1")), ("curve", "sub", ("a", "b"))]


def coupled(case: Case) -> bool:
    """Does the loss look at the other classes too?"""
    return "mean_logp" in case.limits


def linear(case: Case) -> tuple[Fraction, ...] | None:
    """The constant slopes in every slot, if the loss is linear in them."""
    if len(case.regions) != 1:
        return None
    field, region = Exact(), case.regions[0]
    try:
        found = field.run(region.program, exact_inputs(region, field))
    except NotExact:
        return None
    slopes = {n: v.constant() for n, v in found.items() if n == "d1" or n.startswith("d_")}
    if None in slopes.values():
        return None
    for name, slope in slopes.items():
        note_form(region, name, "constant", slope or Fraction(0))
    return tuple(s for s in slopes.values() if s is not None)


@once
def convex(case: Case) -> Fact:
    """Convex in the scores, for every number of classes."""
    slopes = linear(case)
    if slopes is not None and all(s <= 0 for s in slopes):
        return Fact("convex", True, "a nonnegative sum of negative log-probabilities, each convex in the scores")
    if coupled(case):
        return Fact("convex", None, "not linear in the log-probabilities")
    falls = case.every([nonnegative(r, "fall") for r in with_steps(case, FALL)])
    curve = case.every([nonnegative(r, "curve") for r in with_steps(case, CURVE)])
    for found, says in ((curve, "two scores curve downwards"), (falls, "the loss rises with p, so three scores do")):
        if found.holds is False and found.witness is not None:
            return _refuted(case, found.witness[""], says)
    rises = all(case.jump(j, "d1").low >= 0 for j in case.joins)
    if falls.holds and curve.holds and rises and case.continuous:
        return Fact("convex", True, "h' <= 0 and (1 - p)h'' >= p h' for every p")
    return Fact("convex", None, "(1 - p)h'' >= p h' could not be decided")


def _refuted(case: Case, u: float, says: str) -> Fact:
    at, slope = case.confirmed("d1", {"": u})
    p, bend = math.exp(u), case.confirmed("d2", {"": u})[1]
    curve = -math.expm1(u) * bend - p * slope
    return Fact("convex", False, f"{says}: (1 - p)h'' - p h' = {curve:.4g} at p = {p:.6g}", {"p": p, **at})


SQUARE: Steps = [
    *P, ("qq", "mul", ("q", "q")), ("two", "mul", (2.0, "qq")), ("bend", "mul", ("two", "d2")),
]  # fmt: skip
HALF: Steps = [("half", "mul", (0.5, "d1"))]
REST: Steps = [("twice", "mul", (2.0, "q")), ("half", "mul", ("twice", "d1"))]
"""|h″|·2(1 − p)² + |h′|·min(½, 2(1 − p)) bounds the norm of the Hessian.

‖e_y − p‖² ≤ 2(1 − p)², and ‖diag p − ppᵀ‖ is the largest variance under p of a v with ‖v‖ = 1: at most ½, and at most
E(v − v_y)² ≤ (1 − p)·max(v_k − v_y)² ≤ 2(1 − p).
"""


def _norm(case: Case) -> float | None:
    return min((b for rest in (HALF, REST) if (b := _norm_by(case, rest)) is not None), default=None)


def _norm_by(case: Case, rest: Steps) -> float | None:
    both = ([*SQUARE, *rest, ("norm", word, ("bend", "half"))] for word in ("add", "sub"))
    bounds = [largest(with_steps(case, steps), "norm", smooth=False).value for steps in both]
    return None if None in bounds else max(b for b in bounds if b is not None)


@once
def smooth(case: Case) -> Fact:
    """The gradient in the scores is Lipschitz, for every number of classes; the constant bounds the Hessian's norm."""
    slopes = linear(case)
    if slopes is not None:
        half = float(abs(sum(slopes, Fraction(0))) / 2)
        return Fact("smooth", True, f"linear in log-probabilities: the Hessian stays within {half:.6g}", constant=half)
    jumps = [j for j in case.joins if case.jump(j, "d1").low > 0 or case.jump(j, "d1").high < 0]
    if jumps:
        return Fact("smooth", False, f"the slope jumps at p = {math.exp(float(jumps[0].at)):.6g}", float(jumps[0].at))
    flat = all(case.jump(j, "d1") == ZERO for j in case.joins)
    bound: float | None = None if coupled(case) or not flat else _norm(case)
    if bound is not None and case.continuous:
        return Fact("smooth", True, f"the Hessian's norm stays within {bound:.6g}", constant=bound)
    return Fact("smooth", None, "no bound of the Hessian could be shown")


def majorant(case: Case) -> Fact:
    """A fixed curvature majorises (Böhning 1992 for cross-entropy)."""
    bound = smooth(case)
    if bound.holds:
        return Fact("majorant", True, "curvature bound", constant=bound.constant)
    falls = all(case.jump(j, "d1").high <= 0 for j in case.joins)
    above = _norm(case) if falls and case.joins and case.continuous and not coupled(case) else None
    if above is not None:
        return Fact("majorant", True, "curvature bound; where the slope jumps, it falls", constant=above)
    rises = [j for j in case.joins if case.jump(j, "d1").low > 0]
    if rises:
        at = math.exp(float(rises[0].at))
        return Fact("majorant", False, f"no finite curvature majorises where the slope rises at once, p = {at:.6g}", at)
    return Fact("majorant", None, f"no majorising curvature is known: {bound.because}")


PULL: Steps = [*P, ("pull", "mul", ("q", "d1"))]


def bounded_influence(case: Case) -> Fact:
    """The derivative in each score is bounded; the constant bounds it."""
    slopes = linear(case)
    if slopes is not None:
        bound = float(sum(abs(s) for s in slopes))
        return Fact("bounded influence", True, f"each score's derivative stays within {bound:.6g}", constant=bound)
    if coupled(case):
        return Fact("bounded influence", None, "no bound could be shown")
    found = largest(with_steps(case, PULL), "pull", smooth=False)
    if found.value is None:
        return Fact("bounded influence", None, "no bound could be shown")
    says = f"(1 - p)|h'| stays within {found.value:.6g}"
    return Fact("bounded influence", True, says, constant=found.value)


def monotone(case: Case) -> Fact:
    """Of losses with a slope a in log p_y and b in the mean of all log-probabilities: a larger score of the true class
    never costs more.

    Of two scores, with p = p_y, the slope is a·(1 − p) + b·(1/2 − p): for b < 0 it is positive where p is near 1.
    """
    name, slopes = "monotone margin", linear(case)
    if slopes is None:
        return Fact(name, None, "it looks at the other classes too, and is not linear in the log-probabilities")
    own, mean = (float(s) for s in slopes)
    if own <= 0.0 and mean == 0.0:
        return Fact(name, True, "it falls in the log-probability of the true class, and looks at no other")
    if own + mean >= 0.0 or mean > 0.0:
        return Fact(name, None, "the sign of the slope could not be decided")
    rest = 0.25 * mean / (own + mean)  # half of the 1 − p at which the slope is 0
    margin = math.log1p(-rest) - math.log(rest)
    slope = own * rest + mean * (rest - 0.5)
    return Fact(
        name,
        False,
        "a mean of all log-probabilities falls where the others lose: of two scores it rises, with slope"
        f" {slope:.4g}, at the margin {margin:.6g}",
        {"margin": margin, "d1": slope},
    )


redescending = binding.redescending
