"""What a classifier's loss tells: the likelier label (calibrated), and its probability (a proper composite loss).

With φ the loss of a margin, the mean loss at z when +1 has probability η is C(z) = ηφ(z) + (1 − η)φ(−z), and
C′(z) = D(z)·(η(z) − η) with D(z) = −φ′(z) − φ′(−z) and η(z) = φ′(−z)/(φ′(z) + φ′(−z)).

- If φ is convex, it is calibrated exactly if it is differentiable at 0 with φ′(0) < 0 (Bartlett, Jordan, McAuliffe
  2006). In general φ′(0) < 0 and D ≥ 0 suffice: then φ(−t) − φ(t) rises, so no wrong sign is as good as its mirror.
  So do φ′(0) < 0, φ(−t) > φ(t) for t > 0, and limits of φ at both ends above φ(0): no mean loss is least far out then.
- If D > 0 and η(z) rises strictly, z has its one valley where η(z) = η: the score tells the probability.

With h the loss of u = log p_y of K classes and g(p) = h(log p): a likelier class gets the larger p if g falls (else two
classes could change places) strictly with kinks that bend down only (so a tie can be improved), also where g is
constant below some p (then a minimum has its largest p above that: all mass on the likeliest class is better than
none there). p tells the probabilities if g is strictly convex with an infinite slope at 0.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

from lossmith.facts import Fact
from lossmith.program import Arg, Program, Step
from lossmith.symbolic.binding import convex
from lossmith.symbolic.bounds import FAR
from lossmith.symbolic.case import Case, Join, once
from lossmith.symbolic.classes import FALL, P, Steps, coupled, linear, with_steps
from lossmith.symbolic.cover import Region
from lossmith.symbolic.pieces import between, pieces
from lossmith.symbolic.signs import enclosed_at, extended, nonnegative
from lossmith.symbolic.slopes import NoSlope, differentiate
from lossmith.symbolic.spans import ZERO, Span, add, div, mul, neg, plain
from lossmith.symbolic.strict import like, positive, replaced, vanishes

CALIBRATED, PROPER = "calibrated", "proper composite"


@once
def calibrated(case: Case) -> Fact:
    """Whoever minimises this loss finds the likelier label."""
    start = next((j for j in case.joins if j.at == 0), None)
    jump = ZERO if start is None else case.jump(start, "d1")
    bent = convex(case)
    if bent.holds and (jump.low > 0 or jump.high < 0):
        return Fact(CALIBRATED, False, "convex with a kink at 0: there a likelier label changes nothing", {"m": 0.0})
    slope = _slope_at_zero(case)
    if slope is None or jump != ZERO:
        return Fact(CALIBRATED, None, "the slope at 0 could not be decided")
    if bent.holds and slope >= 0:
        return Fact(CALIBRATED, False, f"convex with slope {slope:.4g} >= 0 at 0, the wrong way", {"m": 0.0})
    if bent.holds and slope < 0:
        return Fact(CALIBRATED, True, f"convex, with slope {slope:.4g} < 0 at 0")
    both = mirrored_pieces(case)
    rises = both and all(nonnegative(r, "D", strict=False).holds for r in both)
    if slope < 0 and case.continuous and rises:
        return Fact(CALIBRATED, True, f"slope {slope:.4g} < 0 at 0, and a wrong sign always costs more than its mirror")
    if slope < 0 and case.continuous and both and all(_dearer(r) for r in both) and _far_is_dear(case):
        says = f"slope {slope:.4g} < 0 at 0, a wrong sign costs more than its mirror, and far scores more than 0"
        return Fact(CALIBRATED, True, says)
    return Fact(CALIBRATED, None, "neither convex, nor was a wrong sign shown to cost more than its mirror image")


def _dearer(region: Region) -> bool:
    """Is φ(−t) > φ(t) on this piece of t > 0, but for isolated points?"""
    gap: Steps = [("gap", "sub", ("b", "a"))]
    names = dict(region.program.outputs)
    steps = [(n, w, tuple(names.get(str(a), a) for a in args)) for n, w, args in gap]
    return positive(like(region, extended(region.program, steps, "gap")), "gap")


def _far_is_dear(case: Case) -> bool:
    """Do both ends of the line cost more than 0 does? Then no mean loss is least far out."""
    here = case.regions[0].point({"": 0.0}, strict=False)["value"]
    ends = [(case.regions[0], -1), (case.regions[-1], 1)]
    found = [[plain(x, 2.0**FAR) for x in far(region, "value", side)] for region, side in ends]
    return all(any(x.low > here.high for x in spans) for spans in found)


def _slope_at_zero(case: Case) -> float | None:
    """φ′(0) where its sign is sure."""
    ends = [r.point({"": 0.0}, strict=False)["d1"] for r in case.regions if 0 in (r.low, r.high)]
    if not ends or any(x.low != x.low or x.low <= 0 <= x.high != x.low for x in ends):
        return None
    return ends[0].low if ends[0].low == ends[0].high else (ends[0].low + ends[0].high) / 2


@lru_cache(maxsize=64)
def _mirror_program(program: Program) -> Program:
    """t → a = φ(t), b = φ(−t)."""
    variable, value = program.inputs[0], dict(program.outputs)["value"]
    back = replaced(program, {variable: "m'x"}, "m'")
    steps = (*program.steps, Step("m'x", "neg", (variable,)), *back)
    known: dict[Arg, Arg] = {variable: "m'x", **{s.name: f"m'{s.name}" for s in program.steps}}
    mirror = known.get(value, value)
    return Program(program.inputs, program.params, steps, (("a", value), ("b", mirror)))


def grown(program: Program, variable: str, lower: str, output: str) -> Program:
    """A program with one more output: the derivative of one that it has."""
    own = differentiate(program, variable, lower)
    known = {s.name: s for s in (*program.steps, *own.steps)}
    return replace(program, steps=tuple(known.values()), outputs=(*program.outputs, (output, dict(own.outputs)[lower])))


EXTRA: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("D", "sub", ("b1", "a1")), ("x", "mul", ("b2", "a1")), ("y", "mul", ("b1", "a2")), ("W", "sub", ("y", "x")),
)  # fmt: skip
"""a₁ = φ′(t), b₁ = −φ′(−t), a₂ = φ″(t), b₂ = φ″(−t): D as above, and W = b₁a₂ − b₂a₁, the sign of η′(t)."""


def mirrored_pieces(case: Case) -> tuple[Region, ...]:
    """Pieces of t > 0 with the outputs a, b, a1, b1, a2, b2, D and W; nothing where a word has no derivative."""
    found = pieces(_mirror_program(case.program.only("value")), case.params, case.variable, Fraction(0), None)
    try:
        programs = [(p, _with_slopes(p.program, case.variable)) for p in found]
    except NoSlope:
        return ()
    return tuple(Region(q, case.params, case.variable, p.low, p.high, {}, None) for p, q in programs)


def _with_slopes(program: Program, variable: str) -> Program:
    for lower, output in (("a", "a1"), ("b", "b1"), ("a1", "a2"), ("b1", "b2")):
        program = grown(program, variable, lower, output)
    names = dict(program.outputs)
    steps = list(program.steps)
    for name, word, args in EXTRA:
        steps.append(Step(f"e'{name}", word, tuple(names[a] for a in args)))
        names[name] = f"e'{name}"
    return replace(program, steps=tuple(steps), outputs=tuple(names.items()))


@once
def proper(case: Case) -> Fact:
    """The score tells the probability, by η(z) = φ′(−z)/(φ′(z) + φ′(−z))."""
    kinked = next((j for j in case.joins if _tells_nothing(case, j)), None)
    if kinked is not None:
        at = float(kinked.at)
        return Fact(PROPER, False, f"the slope jumps at m = {at:.6g}: one score for many probabilities", {"m": at})
    both = mirrored_pieces(case)
    stuck = next((r for r in both if vanishes(r, "W") and not vanishes(r, "a1")), None)
    if stuck is not None:
        return _stuck(case, stuck)
    falling = next((p for r in both for p in r.points() if r.point(p)["W"].high < 0 < r.point(p)["D"].low), None)
    if falling is not None:
        t = falling[""]
        return Fact(PROPER, False, f"a larger score means a smaller probability around m = {t:.6g}", {"m": t})
    smooth = case.continuous and all(case.jump(j, "d1") == ZERO for j in case.joins)
    slope = _slope_at_zero(case)
    pulled = slope is not None and slope < 0 and all(_pulled(r) for r in both)
    if both and smooth and pulled and all(_tells(r) for r in both):
        return Fact(PROPER, True, "the score tells the probability phi'(-z)/(phi'(z) + phi'(-z)), which rises strictly")
    return Fact(PROPER, None, "whether the probability rises strictly with the score could not be decided")


def _tells(region: Region) -> bool:
    """Does η rise strictly on this piece (or is it 1 already), with D > 0?"""
    sure = vanishes(region, "a1")
    return positive(region, "D") and (sure or positive(region, "W"))


def _pulled(region: Region) -> bool:
    """Is D > 0 at the end of the piece too, so that η does not jump there?"""
    return region.high is None or enclosed_at(region, region.high)["D"].low > 0


def _tells_nothing(case: Case, join: Join) -> bool:
    """Does φ′ jump here, while its mirror image still pulls?"""
    jump = case.jump(join, "d1")
    if not (jump.low > 0 or jump.high < 0):
        return False
    at = -join.at
    there = [r for r in case.regions if (r.low is None or r.low <= at) and (r.high is None or at <= r.high)]
    slopes = [enclosed_at(r, at)["d1"] for r in there]
    return any(x.low > 0 or x.high < 0 for x in slopes)


def _stuck(case: Case, region: Region) -> Fact:
    """η stays where it is over a whole piece."""
    t = float(between(region.low, region.high))
    at = region.point({"": t})
    eta = at["b1"].low / at["D"].low if at["D"].low else float("nan")
    says = f"the probability stays at {eta:.4g} around m = {t:.6g} while the score changes"
    return Fact(PROPER, False, says, {"m": t})


def far(region: Region, name: str, side: int) -> list[Span]:
    """An output at an end of the line, as written and as algebra leaves it; its divisors are known not to be 0."""
    forms = [f for f in (region.ranges, region.twin(name)) if f is not None]
    rest = {n: Span(0, a, b) for n, a, b in region.others()}
    cell = {region.variable: Span(1, float(side), float(side)), **rest}
    found = [f.at(cell, start=2.0**FAR)[0][name] for f in forms]
    return [x for x in found if x.low == x.low]


def _endless(case: Case) -> bool:
    """Does |g′(p)| grow like a power of 1/p, or at least of log(1/p), towards p = 0?"""
    if any(x.power >= 0 and x.low > 0 for x in far(with_steps(case, RATIO)[0], "ratio", -1)):
        return True
    return any(x.power > 0 and x.low > 0 for x in far(with_steps(case, STEEP)[0], "steep", -1))


# ------------------------------------------------------------------------------------------------- many classes

BEND: Steps = [("bend", "sub", ("d2", "d1"))]
"""h″ − h′ = p²g″(p)."""
RATIO: Steps = [*BEND, ("fall", "neg", ("d1",)), ("ratio", "div", ("bend", "fall"))]
"""1 − h″/h′: while it stays above 0 towards p = 0, |g′| grows like a power of 1/p."""
STEEP: Steps = [*P, ("fall", "neg", ("d1",)), ("steep", "div", ("fall", "p"))]
"""|g′(p)|."""


def _turned(case: Case) -> float | None:
    """A p at which the probability η that two classes p and 1 − p are trained for falls as p rises.

    With g the loss in p, η = g′(1 − p)/(g′(p) + g′(1 − p)), and where g falls η′ has the sign of
    −g′(p)·g″(1 − p) − g′(1 − p)·g″(p).
    """
    for p in (0.5, 0.375, 0.25, 0.125, 0.0625):
        (fall, bend), (fall_q, bend_q) = (_in_share(case, q) for q in (p, 1 - p))
        if add(mul(fall, bend_q), mul(fall_q, bend), 1.0).high < 0 < min(fall.low, fall_q.low):
            return p
    return None


def _in_share(case: Case, p: float) -> tuple[Span, Span]:
    """−g′(p) and g″(p), from the slopes in log p: −g′ = −h′/p and g″ = (h″ − h′)/p²."""
    u = math.log(p)
    at = Span(0, math.nextafter(u, -math.inf), math.nextafter(u, math.inf))
    region = next(r for r in case.regions if r.high is None or u <= r.high)
    found = region.ranges.at({region.variable: at})[0]
    slope, second, share = found["d1"], found["d2"], Span(0, p, p)
    return div(neg(slope), share, True), div(add(second, neg(slope), 1.0), mul(share, share), True)


@once
def calibrated_classes(case: Case) -> Fact:
    """Whoever minimises this loss finds the likeliest class."""
    slopes = linear(case)
    if slopes is not None and slopes[0] < 0 and all(s <= 0 for s in slopes):
        return Fact(CALIBRATED, True, "it falls in every log-probability, most in that of the true class")
    if coupled(case):
        return Fact(CALIBRATED, None, "not a function of the true class's probability alone")
    if case.continuous and all(positive(r, "d1") for r in case.regions):
        return Fact(CALIBRATED, False, "it rises in p: the likelier class gets the smaller p", {"p": 0.5})
    concave = case.continuous and all(case.jump(j, "d1").high <= 0 for j in case.joins)
    flat = [vanishes(r, "d1") for r in case.regions]
    falling = [r for r, still in zip(with_steps(case, FALL), flat, strict=True) if not still]
    if concave and sorted(flat, reverse=True) == flat and falling and all(positive(r, "fall") for r in falling):
        low = "it falls strictly in p from some p on, and not before," if any(flat) else "it falls strictly in p,"
        return Fact(CALIBRATED, True, f"{low} so a likelier class gets the larger p")
    return Fact(CALIBRATED, None, "it was not shown to fall strictly in p")


@once
def proper_classes(case: Case) -> Fact:
    """The scores tell the probabilities of all classes."""
    slopes = linear(case)
    if slopes is not None and slopes[0] < 0 and all(s <= 0 for s in slopes):
        return Fact(PROPER, True, "cross-entropy towards labels that are mixed with equal shares: the mixing is undone")
    if calibrated_classes(case).holds is False:
        return Fact(PROPER, False, f"not calibrated: {calibrated_classes(case).because}", {"p": 0.5})
    if any(vanishes(r, "d1") for r in case.regions):
        return Fact(PROPER, False, "flat in p on a whole piece: probabilities there are all the same to it", {"p": 0.0})
    if coupled(case) or calibrated_classes(case).holds is not True:
        return Fact(PROPER, None, f"calibration first: {calibrated_classes(case).because}")
    bends = with_steps(case, BEND)
    if any(vanishes(r, "bend") for r in bends):
        return Fact(PROPER, False, "straight in p: the likeliest class takes all, however likely it is", {"p": 0.5})
    turned = _turned(case)
    if turned is not None:
        says = f"of two classes a larger p = {turned:.6g} means a smaller probability"
        return Fact(PROPER, False, says, {"p": turned})
    if _endless(case) and all(positive(r, "bend") for r in bends):
        return Fact(PROPER, True, "strictly convex in p with an endless slope at 0: every probability has its scores")
    if any(x.power <= 0 and x.high < math.inf for x in far(with_steps(case, STEEP)[0], "steep", -1)):
        return Fact(PROPER, False, "its slope in p stays finite at 0: rare classes are all sent to p = 0", {"p": 0.0})
    return Fact(PROPER, None, "strict convexity in p could not be shown")
