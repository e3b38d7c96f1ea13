"""Facts without a claim about one output on one piece, looked at again by another route: from values of the loss alone.

Nothing here uses spans, balls, exact algebra or derived programs. The loss is computed by the definitions of its words
in 500 bits; slopes are difference quotients; laws of a few points stand for all laws. What is said to hold is tried
where it would show; what is said to fail must be seen to fail.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from itertools import pairwise
from typing import Any

import mpmath
from mpmath import mpf

from lossmith.facts import Fact
from lossmith.symbolic.case import Case
from lossmith.symbolic.recheck import PLACE, VALUES, Checked
from lossmith.symbolic.spans import MAX

BITS = 500
STEP = mpf(2) ** -90
PLACES = tuple(s * 1.37**k for k in range(-24, 25, 3) for s in (-1, 1))
ENDS = (-math.inf, math.inf)
FAR = (2.0**40, 2.0**80, 2.0**160)


class Seen:
    """A loss by its values, at fixed other inputs."""

    def __init__(self, case: Case, **others: float) -> None:
        self.variable, self.program = case.variable, case.program.only("value")
        usual = {n: 0.6 if a > 0 and b < 1 else min(max(0.7, a), b) for n, (a, b) in case.limits.items()}
        self.known = {n: mpf(v) for n, v in {**case.params, **usual, **others}.items()}
        self.one_sided, self.bits = case.lift == "softmax", BITS

    def value(self, t: Any) -> Any:
        """f(t)."""
        with mpmath.workprec(self.bits):
            return self.program._run_once({**self.known, self.variable: mpf(t)})["value"]

    def slope(self, t: Any, side: int = 0) -> Any:
        """f′(t), from one side or from both."""
        with mpmath.workprec(BITS):
            h = STEP * max(abs(mpf(t)), mpf(2) ** -20)
            a, b = (t - h if side <= 0 else mpf(t)), (t + h if side >= 0 else mpf(t))
            return (self.value(b) - self.value(a)) / (b - a)

    def bend(self, t: Any) -> Any:
        """f″(t)."""
        with mpmath.workprec(BITS):
            h = STEP * max(abs(mpf(t)), mpf(2) ** -20)
            return (self.value(t + h) - 2 * self.value(t) + self.value(t - h)) / h**2

    def places(self) -> tuple[float, ...]:
        """Places of every size at which the loss has a value."""
        return tuple(t for t in PLACES if t < 0) if self.one_sided else PLACES


def place(at: Fraction) -> Any:
    """A join, with all its digits."""
    with mpmath.workprec(BITS):
        return mpf(at.numerator) / at.denominator


Check = Callable[[Case, Fact], list[Checked]]


def one(says: str, holds: bool | None, count: int, note: str = "", by: str = VALUES) -> list[Checked]:
    """A single answer."""
    return [Checked(says, holds, count, note, by)]


def several(case: Case, *more: float) -> Iterator[Seen]:
    """The loss at a few values of its other inputs."""
    if not case.limits:
        yield Seen(case)
        return
    for v in (0.3, 1.0, 4.0, *more):
        ends = {n: (a if v < 0 else b) if math.isinf(v) else min(max(v, a), b) for n, (a, b) in case.limits.items()}
        if all(math.isfinite(x) for x in ends.values()):
            yield Seen(case, **ends)


# ------------------------------------------------------------------------------------------------ shape, far and near


def convexity(case: Case, fact: Fact) -> list[Checked]:
    """A chord below its arc refutes; for strict convexity also one that touches it, for strong a flat place."""
    if fact.holds:
        good = all(_arc(f, t, t * 1.1) > 0 for f in several(case) for t in f.places() if abs(t) < 40)
        return one("every arc lies below its chord", good, len(PLACES))
    if case.lift == "softmax":
        return _classes(case, fact)
    least = min(
        _flatness(f, t) for f in several(case, *ENDS, 1e12) for t in (*f.places(), *FAR[:1], -FAR[0]) if _has(f, t)
    )
    joined = any(_fall(f, place(j.at)) for f in several(case, *ENDS) for j in case.joins)
    room = {"convex": mpf(0), "strictly convex": mpf(10) ** -25, "strongly convex": mpf(10) ** -6}[fact.name]
    seen = least < 0 if fact.name == "convex" else least < room
    return one("somewhere it does not bend up", bool(seen or joined or _falls_far(case)), len(PLACES))


def _has(f: Seen, t: float) -> bool:
    return bool(mpmath.isfinite(f.value(t)) and mpmath.isfinite(f.bend(t)))


def _flatness(f: Seen, t: float) -> Any:
    """f″, or less than 0 where a wide arc lies above its chord."""
    wide = _arc(f, t, t * 1.5) if mpmath.isfinite(f.value(t * 1.5)) else mpf(0)
    return min(f.bend(t), wide) if wide < -(mpf(10) ** -30) else f.bend(t)


def _arc(f: Seen, a: float, b: float) -> Any:
    with mpmath.workprec(BITS):
        return (f.value(a) + f.value(b)) / 2 - f.value((mpf(a) + mpf(b)) / 2)


def _fall(f: Seen, t: Any) -> bool:
    near = mpf(2) ** -60 * max(1, abs(t))
    return bool(f.slope(t - near) > f.slope(t + near) + mpf(10) ** -12) or not _joined(f, t)


def _joined(f: Seen, t: Any) -> bool:
    with mpmath.workprec(BITS):
        near = mpf(2) ** -200 * max(1, abs(t))
        return bool(abs(f.value(t - near) - f.value(t + near)) < mpf(10) ** -25)


def _falls_far(case: Case) -> bool:
    """Does f″ fade far out, or with another input?"""
    ends = [f.bend(s * t) for f in several(case, *ENDS) for t in (30.0, 300.0, 3000.0) for s in (-1, 1)]
    return any(mpmath.isfinite(b) and abs(b) < mpf(10) ** -6 for b in ends)


def _classes(case: Case, fact: Fact) -> list[Checked]:
    """Of two scores (0, z), or three: a chord above no arc."""
    f = Seen(case)
    if fact.name != "convex":
        return one("a number added to all scores changes nothing", True, 1)
    grid = [k / 2 for k in range(-40, 41)]
    two = any(_scores(f, (0.0, z)) * 2 > _scores(f, (0.0, z - 0.5)) + _scores(f, (0.0, z + 0.5)) for z in grid)
    three = any(_scores(f, (z, 1.0, 1.0)) * 2 > _scores(f, (z, 0.5, 1.5)) + _scores(f, (z, 1.5, 0.5)) for z in grid)
    return one("an arc of two or three scores lies above its chord", bool(two or three), 2 * len(grid))


def _scores(f: Seen, z: tuple[Any, ...]) -> Any:
    """The loss of these scores where the first is that of the true class."""
    with mpmath.workprec(BITS):
        whole = mpmath.log(sum(mpmath.exp(mpf(v)) for v in z))
        if "mean_logp" in f.known:
            f.known["mean_logp"] = sum(mpf(v) for v in z) / len(z) - whole
        return f.value(mpf(z[0]) - whole)


def of_scores(case: Case, fact: Fact) -> list[Checked]:
    """Slopes and second differences of three scores against what is claimed of them."""
    f, worst, least, steepest = Seen(case), mpf(0), mpf(0), mpf(0)
    with mpmath.workprec(BITS):
        h, root = mpf(2) ** -80, mpmath.sqrt(mpf(2))
        for z in ((a / 2, b, -b) for a in range(-24, 25, 3) for b in (0.0, 0.7, 3.0)):
            ways = ((1, 0, 0), (0, 1, 0), (1 / root, -1 / root, 0), (0, 1 / root, -1 / root))
            for way in ways[: 2 if fact.name == "bounded influence" else 4]:
                up, down = (tuple(v + s * h * w for v, w in zip(z, way, strict=True)) for s in (1, -1))
                ends, middle = (_scores(f, up), _scores(f, down)), _scores(f, z)
                bend = (ends[0] - 2 * middle + ends[1]) / h**2
                worst, least = max(worst, abs(bend)), min(least, bend)
                steepest = max(steepest, abs(ends[0] - ends[1]) / (2 * h))
    most = mpf(math.inf if fact.constant is None else fact.constant) * (1 + mpf(10) ** -9)
    answers = {"convex": least > -(mpf(10) ** -20), "smooth": worst <= most, "majorant": worst <= most}
    holds = answers.get(fact.name, steepest <= most)
    return one("slopes and second differences of three scores agree with it", bool(holds), 204)


def seamless(case: Case, fact: Fact) -> list[Checked]:
    """Of losses of classes: no jump of the slope or of what it changes by, at any place that is tried."""
    f = Seen(case)
    near = mpf(2) ** -60
    apart = [abs(f.bend(t * (1 + near)) - f.bend(t * (1 - near))) for t in f.places()]
    return one("the curvature does not jump", bool(max(apart) < mpf(10) ** -9), len(apart))


def joins(case: Case, fact: Fact) -> list[Checked]:
    """Something jumps at a join, or grows without end."""
    for f in several(case, *ENDS):
        for j in case.joins:
            t, near = place(j.at), mpf(2) ** -60 * max(1.0, abs(float(j.at)))
            sides = [(g(t - near), g(t + near)) for g in (f.value, f.slope, f.bend)]
            if any(not abs(a - b) < mpf(10) ** -12 * (1 + abs(a) + abs(b)) for a, b in sides):
                return one(f"value, slope or curvature jumps at {float(t):.6g}", True, 3)
            if any(not mpmath.isfinite(x) or abs(x) > mpf(10) ** 12 for x in sides[2]):
                return one(f"the curvature is endless at {float(t):.6g}", True, 3)
    grown = growing(case, lambda f, t: f.bend(t))
    return one("the curvature grows without end", grown, len(FAR)) if grown else one("a jump or a growth", None, 0)


def growing(case: Case, of: Callable[[Seen, Any], Any]) -> bool:
    """Does something become larger without end far out, in the slot or in another input?"""
    ways = [[of(f, s * t) for t in (30.0, 300.0, 3e4, 3e6)] for f in several(case, *ENDS) for s in (-1, 1)]
    for n, (a, b) in case.limits.items():
        runs = [v for v in ((10.0, 1e4, 1e7), (-10.0, -1e4, -1e7), (1e-4, 1e-30, 1e-300)) if a <= v[-1] <= b]
        runs += [(0.999, 1 - 2.0**-30, 1 - 2.0**-53)] if b < 1 and a > 0 else []
        ways += [[of(Seen(case, **{n: v}), t) for v in run] for run in runs for t in (0.3, -0.7)]
    return any(_grows([abs(x) for x in way]) for way in ways)


def _grows(sizes: list[Any]) -> bool:
    if any(mpmath.isinf(x) for x in sizes):
        return True
    return all(b > a * mpf("1.02") for a, b in pairwise(sizes))


def slopes_grow(case: Case, fact: Fact) -> list[Checked]:
    """The slope grows without end, or the value jumps."""
    grown = growing(case, lambda f, t: f.slope(t))
    jumped = fact.name == "Lipschitz" and any(
        not _joined(f, place(j.at)) for f in several(case, *ENDS) for j in case.joins
    )
    return one("the slope grows without end, or the value jumps", bool(grown or jumped) or None, len(FAR))


def sinks(case: Case, fact: Fact) -> list[Checked]:
    """The value sinks without end in some direction; or, where it is bounded, it does not."""
    found = False
    for f in several(case, *ENDS):
        for s in (-1,) if f.one_sided else (-1, 1):
            seen = [f.value(s * t) for t in (30.0, 300.0, 3000.0, 30000.0)]
            found = found or all(b < a - mpf("0.1") for a, b in pairwise(seen))
    return one("the value sinks without end" if not fact.holds else "it sinks nowhere", found != fact.holds, 8)


def fading(case: Case, fact: Fact) -> list[Checked]:
    """f′ far out: smaller and smaller, or not."""
    sides = (-1,) if case.lift in ("margin", "softmax") else (-1, 1)
    f = Seen(case)
    fades = all(abs(f.slope(s * FAR[2])) <= abs(f.slope(s * FAR[0])) * mpf(2) ** -20 for s in sides)
    if not fact.holds:
        back = any(abs(f.slope(s * t)) > mpf(10) ** -9 for s in sides for t in (1e20, 1.0003e20, 1.7e21, 3.3e22))
        return one("the slope does not fade", back, 8)
    return one("the slope fades", fades, 4)


def rejection(case: Case, fact: Fact) -> list[Checked]:
    """Beyond the point nothing pulls, before it something does."""
    f = Seen(case)
    if not fact.holds or fact.constant is None:
        pulls = [all(f.slope(s * t) != 0 for t in (2.0, 4.0, 8.1)) for s in (-1, 1)]
        return one("far residuals pull", any(pulls), 6)
    beyond = all(f.slope(s * fact.constant * k) == 0 for s in (-1, 1) for k in (1.001, 2.0, 1e6))
    before = any(f.slope(s * fact.constant * 0.999) != 0 for s in (-1, 1))
    return one("nothing pulls beyond, something before", beyond and before, 8)


def scaled(case: Case, fact: Fact) -> list[Checked]:
    """Is f(2t)/f(t) one number for every t?"""
    if case.lift != "residual":
        return one("only residuals have a scale", True, 1)
    f = Seen(case)
    with mpmath.workprec(BITS):
        base = f.value(0)
        ratios = [(f.value(2 * t) - base) / (f.value(t) - base) for t in PLACES if f.value(t) != base]
    spread = max(ratios) - min(ratios)
    if fact.holds:
        return one("f(2r)/f(r) differs", bool(spread > mpf(10) ** -12), len(ratios), by=PLACE)
    return one("f(2r)/f(r) is one number", bool(spread <= mpf(10) ** -12), len(ratios))


def evenness(case: Case, fact: Fact) -> list[Checked]:
    """f(−t) and f(t) differ somewhere."""
    f = Seen(case)
    apart = any(abs(f.value(t) - f.value(-t)) > mpf(10) ** -40 * abs(f.value(t)) for t in PLACES)
    return one("f(-t) differs from f(t)", bool(apart), len(PLACES))


def uneven(case: Case, fact: Fact) -> list[Checked]:
    """No one efficiency: it looks at y, or is not even."""
    return one("it looks at y beside the residual", True, 1) if case.limits else evenness(case, fact)


def falling(case: Case, fact: Fact) -> list[Checked]:
    """Nowhere a larger margin costs more."""
    f = Seen(case)
    if "mean_logp" in f.known:
        return one("it falls wherever scores were tried", not _rises(f), len(MARGINS))
    return one("it falls wherever it was tried", bool(all(f.slope(t) <= 0 for t in f.places())), len(PLACES))


MARGINS = tuple(k / 2 for k in range(-20, 120))


def _rises(f: Seen) -> bool:
    """Does a loss of two scores rise anywhere with the first, which is that of the true class?"""
    values = [_scores(f, (m, 0.0)) for m in MARGINS]
    return any(b > a for a, b in pairwise(values))


def rising(case: Case, fact: Fact) -> list[Checked]:
    """Somewhere a larger margin costs more."""
    f = Seen(case)
    if "mean_logp" in f.known:
        return one("it rises between two margins of two scores", _rises(f), len(MARGINS))
    return one("it rises somewhere", bool(any(f.slope(t) > 0 for t in f.places())), len(PLACES))


def negative(case: Case, fact: Fact) -> list[Checked]:
    """Somewhere the value is below 0."""
    seen = any(
        f.value(t) < 0 for f in several(case, *ENDS) for t in (*f.places(), *FAR, *(-t for t in FAR)) if _real(f, t)
    )
    return one("a value below 0", bool(seen), len(PLACES))


def _real(f: Seen, t: float) -> bool:
    return not f.one_sided or t < 0


LARGEST = {"float64": MAX, "float32": 3.4028234663852886e38}


def finite(case: Case, fact: Fact) -> list[Checked]:
    """The ends of the format, or of the interval on which it is finite."""
    kind = fact.name.split()[-1]
    most = LARGEST[kind]
    limit = mpf(most) * (1 + mpf(2) ** (-54 if kind == "float64" else -25))  # beyond it is rounded to infinity
    usual = {n: 0.5 if a > 0 and b < 1 else min(max(1.0, a), b) for n, (a, b) in case.limits.items()}
    f = Seen(case, **usual)

    def large(t: float) -> bool:
        return not (abs(f.value(t)) < limit and abs(f.slope(t)) < limit)

    if fact.holds:
        spots = [t for t in (-most, -1e30, -1.0, -1e-30, 1e-30, 1.0, 1e30, most) if _real(f, t)]
        return one("finite at the ends and between", not any(map(large, spots)), len(spots))
    ends = fact.witness if isinstance(fact.witness, list) else []
    if not ends:
        at = fact.witness[case.variable] if isinstance(fact.witness, Mapping) else None
        return one("not finite there", at is not None and not mpmath.isfinite(f.value(at)), 1)
    inside = not any(large(t * 0.999) for t in ends)
    beyond = any(abs(t) < most and large(t * (1 + 1e-4)) for t in ends)
    return one("finite inside the interval, too large beyond", inside and beyond, 4)
