"""Labels, probabilities and functionals looked at again, from values of the loss at laws of a few points."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import mpmath
from mpmath import mpf

from lossmith.facts import Fact
from lossmith.symbolic import structural
from lossmith.symbolic.case import Case
from lossmith.symbolic.recheck import Checked
from lossmith.symbolic.structural import BITS, Check, Seen, one, place


def label(case: Case, fact: Fact) -> list[Checked]:
    """Where is the mean loss of two classes least, for several shares of the likelier one?"""
    f, good = Seen(case), True
    for eta in (0.6, 0.9):
        grid = [k / 16 for k in range(-160, 161)]
        costs = [eta * _of_score(f, z) + (1 - eta) * _of_score(f, -z) for z in grid]
        best = min(costs)
        wrong = min(c for z, c in zip(grid, costs, strict=True) if z <= 0)
        good = good and bool(wrong > best)
    return one("the least mean loss is on the likelier side" if fact.holds else "it is not", good == fact.holds, 642)


def _of_score(f: Seen, z: float) -> Any:
    with mpmath.workprec(BITS):
        return f.value(-mpmath.log1p(mpmath.exp(-mpf(z)))) if f.one_sided else f.value(z)


def told(case: Case, fact: Fact) -> list[Checked]:
    """η(z) = φ′(−z)/(φ′(z) + φ′(−z)) by difference quotients: does it rise strictly, without a jump?"""
    f = Seen(case)
    if f.one_sided and not fact.holds and "two classes" not in fact.because:
        return _level(f)
    step = mpf(2) ** -80

    def slope(z: float) -> Any:
        with mpmath.workprec(BITS):
            return (_of_score(f, z + step) - _of_score(f, z - step)) / (2 * step)

    def eta(z: float) -> Any:
        total = slope(z) + slope(-z)
        return slope(-z) / total if total else mpf("nan")

    grid = [0.05 + k / 7 for k in range(60)]
    shares = [eta(z) for z in grid]
    known = [s for s in shares if mpmath.isfinite(s)]
    steps = [b - a for a, b in pairwise(known)]
    sure = [a >= 1 for a in known[1:]]
    rises = len(known) == len(shares) and all(d > 0 or s for d, s in zip(steps, sure, strict=True))
    if fact.holds:
        return one("the probability rises strictly with the score", bool(rises), len(grid))
    if not rises or case.lift == "softmax":
        return one("one score for many probabilities, or many for one", not rises or None, len(grid))
    jumps = any(abs(f.slope(place(j.at), 1) - f.slope(place(j.at), -1)) > mpf(10) ** -9 for j in case.joins)
    return one("one score for many probabilities, or many for one", jumps, len(grid))


def _level(f: Seen) -> list[Checked]:
    """Towards p = 0 the slope in p does not grow (or the loss is not calibrated): rare classes are lost."""
    with mpmath.workprec(BITS):
        slopes = [abs(f.slope(mpmath.log(mpf(p))) / mpf(p)) for p in (1e-8, 1e-16, 1e-32)]
    return one("the slope in p stays finite at 0", bool(max(slopes) < 2 * min(slopes) + mpf(10) ** -9), 3)


def functional(case: Case, fact: Fact) -> list[Checked]:
    """Laws of a few points: does the mean slope vanish where the functional says?"""
    if case.lift in ("margin", "softmax"):
        return told(case, fact) if fact.holds and "probability" in fact.because else label(case, fact)
    if case.lift == "score":
        return _same_root(case, fact)
    law = ((-1.3, 0.2), (0.4, 0.29), (1.1, 0.2), (2.9, 0.31))
    return _named(case, fact, law)


Law = tuple[tuple[float, float], ...]


def _named(case: Case, fact: Fact, law: Law) -> list[Checked]:
    f, says = Seen(case), fact.because
    if says.startswith("the mean direction"):
        place = math.atan2(sum(w * math.sin(y) for y, w in law), sum(w * math.cos(y) for y, w in law))
        return one("the mean slope is 0 there", abs(_mean_slope(f, law, place)) < 1e-12, 1)
    if says.startswith("the mean"):
        return one("the mean slope is 0 there", abs(_mean_slope(f, law, sum(w * y for y, w in law))) < 1e-12, 1)
    if says.startswith("a Huber"):
        return _crossing(f, law)
    if "expectile" in says and fact.constant is not None:
        return one("the mean slope is 0 there", abs(_mean_slope(f, law, _expectile(law, fact.constant))) < 1e-9, 1)
    if "quantile" in says or says.startswith("the median"):
        q = _quantile(law, fact.constant or 0.5)
        sides = _mean_slope(f, law, q - 1e-6), _mean_slope(f, law, q + 1e-6)
        return one("the mean slope changes its sign there", bool(sides[0] >= 0 >= sides[1]), 2)
    if says.startswith(("an M-", "the Huber")):
        return _crossing(f, law)
    centre = ((-1.7, 0.5), (1.7, 0.5))
    return one("of a symmetric law, it is 0 in the centre", abs(_mean_slope(f, centre, 1e-30)) < 1e-20, 1)


def _crossing(f: Seen, law: Law) -> list[Checked]:
    ends = [_mean_slope(f, law, s * 50.0) for s in (-1, 1)]
    return one("the mean slope changes its sign", bool(ends[0] >= 0 >= ends[1]), 2)


def _mean_slope(f: Seen, law: Law, at: float) -> Any:
    return sum(w * f.slope(mpf(y) - at) for y, w in law)


def _quantile(law: Law, level: float) -> float:
    total = 0.0
    for y, w in law:
        total += w
        if total >= level:
            return y
    return law[-1][0]


def _expectile(law: Law, level: float) -> float:
    low, high = law[0][0], law[-1][0]
    for _ in range(200):
        middle = (low + high) / 2
        pull = sum(w * (level if y > middle else 1 - level) * (y - middle) for y, w in law)
        low, high = (middle, high) if pull > 0 else (low, middle)
    return low


POWERS = {"the mean": 1.0, "the geometric mean": 0.0}
ODDS = "the mean of log(y/(1 - y))"


def turned(case: Case, fact: Fact) -> list[Checked]:
    """Of a likelihood: does the mean that z stands for, told by the slopes at two y, fall about the witness?"""
    if case.lift != "score" or not isinstance(fact.witness, Mapping):
        return label(case, fact)
    (name,) = list(case.limits)
    ends = [Seen(case, **{name: y}) for y in ((0.5, 0.75) if ODDS in fact.because else (0.0, 1.0))]

    def level(z: Any) -> Any:
        none, one_more = (f.slope(z) for f in ends)
        return none / (none - one_more)

    z = mpf(fact.witness[case.variable])
    return one("the mean that z stands for falls there", bool(level(z + mpf(2) ** -20) < level(z - mpf(2) ** -20)), 4)


def _same_root(case: Case, fact: Fact) -> list[Checked]:
    """Two laws with the same mean of g(y) must have the same best z."""
    (name,) = list(case.limits) if len(case.limits) == 1 else ("",)
    start = fact.because.split(",")[0]
    if start == ODDS:
        odds = (math.sqrt(9.0) / (1 + math.sqrt(9.0)), 1.0)  # of odds 1 and 9 the mean of the logarithms is that of 3
        roots = [_root(case, name, law) for law in (((0.5, 0.5), (0.9, 0.5)), (odds,))]
        return one("two laws of the same mean have the same best z", abs(roots[0] - roots[1]) < mpf(10) ** -9, 2)
    power = POWERS.get(start)
    power = float(start.rsplit(" ", 1)[1]) if start.startswith("the power mean of exponent") else power
    if power is None or not name:
        return one("more than one mean decides", True if fact.holds else None, 0)
    laws = _alike(power, case.limits[name][1] <= 1)
    roots = [_root(case, name, law) for law in laws]
    return one("two laws of the same mean have the same best z", abs(roots[0] - roots[1]) < mpf(10) ** -9, 2)


def _alike(power: float, shares: bool) -> tuple[Law, Law]:
    """Two laws with the same mean of yᵏ (of log y for k = 0)."""
    low, high = (0.2, 0.9) if shares else (0.5, 3.0)

    def g(y: float) -> float:
        return math.log(y) if power == 0 else y**power

    level = (g(low) + g(high)) / 2
    middle = math.exp(level) if power == 0 else level ** (1 / power)
    return ((low, 0.5), (high, 0.5)), ((middle, 1.0),)


def _root(case: Case, name: str, law: Law) -> Any:
    parts = [(Seen(case, **{name: y}), w) for y, w in law]
    low, high = mpf(-20), mpf(20)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if sum(w * f.slope(middle) for f, w in parts) > 0 else (middle, high)
    return low


PROVED: dict[str, Check] = {
    "strictly convex": structural.convexity,
    "redescending": structural.fading,
    "rejection point": structural.rejection,
    "scalable": structural.scaled,
    "finite in float64": structural.finite,
    "finite in float32": structural.finite,
    "calibrated": label,
    "proper composite": told,
    "elicits": functional,
    "bounded below": structural.sinks,
}
"""How each fact that holds is looked at again (beside the claims that its proof rests on)."""
REFUTED: Mapping[str, Check] = {
    "convex": structural.convexity,
    "strictly convex": structural.convexity,
    "strongly convex": structural.convexity,
    "twice": structural.joins,
    "smooth": structural.joins,
    "majorant": structural.joins,
    "scalable": structural.scaled,
    "bounded below": structural.sinks,
    "nonnegative": structural.negative,
    "bounded influence": structural.slopes_grow,
    "Lipschitz": structural.slopes_grow,
    "redescending": structural.fading,
    "even": structural.evenness,
    "efficiency": structural.uneven,
    "rejection point": structural.rejection,
    "finite in float64": structural.finite,
    "finite in float32": structural.finite,
    "monotone margin": structural.rising,
    "calibrated": label,
    "proper composite": told,
    "elicits": turned,
}
"""How each fact that fails is seen to fail."""


OF_CLASSES: dict[str, Check] = {
    **dict.fromkeys(("convex", "smooth", "majorant", "bounded influence", "Lipschitz"), structural.of_scores),
    "twice": structural.seamless, "monotone margin": structural.falling,
}  # fmt: skip
"""What is looked at beside that for losses of classes, whose proofs may rest on no claim at all."""


def looked_at(case: Case, fact: Fact) -> list[Checked]:
    """The checks of a fact by this route; none where there is no such route."""
    table = (PROVED | OF_CLASSES if case.lift == "softmax" else PROVED) if fact.holds else REFUTED
    with mpmath.workprec(BITS):
        return table[fact.name](case, fact) if fact.name in table else []
