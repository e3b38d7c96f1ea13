"""The sign of an expression on a whole piece: by exact algebra, by branch and bound, and by Taylor's rule at an end."""

from __future__ import annotations

from fractions import Fraction
from itertools import chain

from lossmith.program import Program, Step
from lossmith.symbolic.cover import Claim, Outcome, Region, cover, exact_inputs
from lossmith.symbolic.ends import exactly
from lossmith.symbolic.exact import Exact, NotExact, Value
from lossmith.symbolic.ledger import AT_LEAST, note
from lossmith.symbolic.pieces import End
from lossmith.symbolic.slack import spread
from lossmith.symbolic.slopes import NoSlope, differentiate
from lossmith.symbolic.spans import Span, above, below
from lossmith.symbolic.whole import whole

MOST_ORDER = 5
POSITIVE = frozenset({
    "half line", "exp term", "exp", "root", "pow", "mills", "softplus", "logcosh", "trigamma", "abs", "positive max",
    "expm1mx",
})  # fmt: skip
"""Atoms that are never negative (those of `Exact`, and a variable that is known to be positive)."""


def at_least_zero(name: str) -> Claim:
    """The claim that an output is ≥ 0."""

    def claim(spans: dict[str, Span]) -> bool | None:
        x = spans[name]
        return True if x.low >= 0 else (False if x.high < 0 else None)

    return claim


def nonnegative(region: Region, name: str, *, strict: bool = True, smooth: bool = True) -> Outcome:
    """Is this output ≥ 0 on the whole region?"""
    outcome = _nonnegative(region, name, strict, smooth)
    if outcome.holds:
        note(region, name, AT_LEAST)
    return outcome


def _nonnegative(region: Region, name: str, strict: bool, smooth: bool) -> Outcome:
    if region.settled is not False and by_algebra(region, name, strict):
        return Outcome(True)
    claim = at_least_zero(name)
    worst = _worst(region, name)
    if worst is not None:
        return Outcome(False, worst)
    outcome = cover(region, claim, strict=strict, smooth=smooth, name=name)
    if outcome.holds is None and not region.limits:
        return _shaved(region, name, claim, outcome, strict)
    return outcome


def _worst(region: Region, name: str) -> dict[str, float] | None:
    """Of some points, the one at which the output is most negative, if it is at any."""
    seen = [(region.point(p, strict=False)[name].high, i, p) for i, p in enumerate(region.points())]
    _, _, point = min((s for s in seen if s[0] < 0), default=(0.0, 0, None))
    return point


def by_algebra(region: Region, name: str, strict: bool = True) -> bool:
    """Are all coefficients of a quotient of polynomials in nonnegative atoms of one sign?"""
    try:
        field = Exact()
        value = field.run(region.program.only(name), exact_inputs(region, field))[name]
    except NotExact:
        return False
    return any(_one_sign(field, f) for f in chain((value,), spread(field, value))) and _defined(region, name, strict)


def _one_sign(field: Exact, value: Value) -> bool:
    """Is it 0, or are all coefficients of one sign?"""
    if not value.top:
        return True
    keys = {i: key[0] for key, i in field.atoms.items()}
    if not all(keys[a] in POSITIVE for m in (*value.top, *value.bottom) for a, n in m if n % 2):
        return False
    signs = {c > 0 for c in value.top.values()}, {c > 0 for c in value.bottom.values()}
    return signs[0] == signs[1] and len(signs[0]) == 1


def _defined(region: Region, name: str, strict: bool) -> bool:
    """Algebra speaks of what is defined: every cell must be, too."""
    claim: Claim = lambda spans: True if spans[name].low == spans[name].low else None  # noqa: E731
    return cover(region, claim, strict=strict).holds is True or whole(region, name)


def _shaved(region: Region, name: str, claim: Claim, outcome: Outcome, strict: bool) -> Outcome:
    """The same with both ends taken off by Taylor's rule, where that works."""
    low, high = _shave(region, name, 1), _shave(region, name, -1)
    if low == region.low and high == region.high:
        return outcome
    if low is not None and high is not None and low >= high:
        return Outcome(True)
    inner = Region(region.program, region.params, region.variable, low, high, region.limits, region.settled)
    return cover(inner, claim, strict=strict, name=name)


def _shave(region: Region, name: str, side: int) -> End:
    """How far in from one end the output is nonnegative by Taylor's rule."""
    end = region.low if side > 0 else region.high
    if end is None:
        return end
    tower = Tower(region, name, end, side)
    far = region.high if side > 0 else region.low
    width = abs(far - end) if far is not None else max(abs(end), Fraction(1)) * 8
    return next((e for k in range(0, 14, 2) if tower.holds(e := end + side * width / 2**k)), end)


class Tower:
    """An output, its derivatives, and their signs at one end."""

    def __init__(self, region: Region, name: str, end: Fraction, side: int) -> None:
        self.region, self.name, self.end, self.side = region, name, end, side
        self.floors: list[Region] = []

    def floor(self, order: int) -> Region:
        """The region of the derivative of this order."""
        while len(self.floors) <= order:
            r = self.region
            last = self.floors[-1].program if self.floors else None
            new = differentiate(last, r.variable, self.name) if last else r.program.only(self.name)
            self.floors.append(Region(new, r.params, r.variable, r.low, r.high, r.limits, r.settled))
        return self.floors[order]

    def holds(self, far: Fraction) -> bool:
        """Is the output ≥ 0 from the end to `far`? The first derivatives at the end, then one on the whole cell."""
        low, high = sorted((self.end, far))
        cell = {self.region.variable: Span(0, below(low), above(high))}
        for order in range(MOST_ORDER):
            try:
                floor = self.floor(order)
            except NoSlope:
                return False
            spans, kinked = floor.ranges.at(cell, strict=True)
            x, sign = spans[self.name], self.side**order
            if x.low != x.low or kinked:
                return False
            if (x.low if sign > 0 else -x.high) >= 0:
                return True
            if not self.starts(floor, sign):
                return False
        return False

    def starts(self, floor: Region, sign: int) -> bool:
        """Is sign·derivative ≥ 0 at the end itself?"""
        x = enclosed_at(floor, self.end)[self.name]
        if x.low == x.low and (x.low if sign > 0 else -x.high) >= 0:
            return True
        value = exactly_at(floor, self.name, self.end)
        constant = None if value is None else value.constant()
        return constant is not None and sign * constant >= 0


def enclosed_at(region: Region, point: Fraction) -> dict[str, Span]:
    """Enclosures at a rational point, over all other inputs."""
    cell = {region.variable: Span(0, below(point), above(point))} | {
        n: Span(0, a, b) for n, (a, b) in region.limits.items()
    }
    return region.ranges.at(cell, strict=True)[0]


def exactly_at(region: Region, name: str, point: Fraction) -> Value | None:
    """The output at a rational point, exactly (other inputs as atoms); None where that cannot be done."""
    field = Exact()
    try:
        values = exact_inputs(region, field) | {region.variable: exactly(field, point)}
        return field.run(region.program.only(name), values)[name]
    except NotExact:
        return None


def extended(program: Program, steps: list[tuple[str, str, tuple[str | float, ...]]], output: str) -> Program:
    """A program with more steps, whose last one is the output."""
    more = tuple(Step(f"x'{n}", w, a) for n, w, a in steps)
    return Program(program.inputs, program.params, program.steps + more, ((output, more[-1].name),)).only(output)
