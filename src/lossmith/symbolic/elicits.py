"""What the minimiser of the mean loss is: the functional of the law of y that a loss elicits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from lossmith.domain import Interval
from lossmith.facts import Fact
from lossmith.program import Arg, Program, Step
from lossmith.symbolic import circle
from lossmith.symbolic.binding import bounded_below as bounds_of_line
from lossmith.symbolic.binding import even, redescending
from lossmith.symbolic.bounds import largest
from lossmith.symbolic.case import Case
from lossmith.symbolic.cover import Region, cover, exact_inputs
from lossmith.symbolic.exact import Exact, NotExact, Value
from lossmith.symbolic.ledger import AT_LEAST, note
from lossmith.symbolic.probabilities import calibrated, calibrated_classes, far, grown, proper, proper_classes
from lossmith.symbolic.shape import convex_of, strictly_convex
from lossmith.symbolic.signs import extended, nonnegative
from lossmith.symbolic.slopes import NoSlope
from lossmith.symbolic.spans import Span
from lossmith.symbolic.strict import affine, fixed, like, negated, note_form, positive, replaced

NAME = "elicits"
Form = tuple[str, Fraction] | None
"""What the slope of a piece is: ("line", k) for k·t, ("constant", k), or neither."""


def form(region: Region) -> Form:
    """The slope of a piece, where it is a constant or a line through 0."""
    field = Exact()
    try:
        inputs = exact_inputs(region, field)
        slope = field.run(region.program.only("d1"), inputs)["d1"]
        flat = slope.constant()
        kind = "line" if flat is None else "constant"
        share = field.div(slope, inputs[region.variable]).constant() if flat is None else flat
    except NotExact:
        return None
    if share is None:
        return None
    note_form(region, "d1", kind, share)
    return kind, share


def of_residual(case: Case) -> Fact:
    """The functional of a loss of a residual, by the form of its slope."""
    forms = [form(r) for r in case.regions] if not case.limits else [None]
    if case.continuous and None not in forms:
        middle = len(forms) // 2
        left, right = forms[:middle][::-1], forms[middle:]
        for known in (_by_lines, _by_steps, _by_clipped_lines):
            found = known(left, right)  # type: ignore[arg-type]
            if found is not None:
                return Fact(NAME, True, found[0], constant=found[1])
    return _by_shape(case)


Forms = list[tuple[str, Fraction]]
Found = tuple[str, float | None] | None


def _level(a: Fraction, b: Fraction, half: str, otherwise: str) -> Found:
    tau = float(a / (a + b))
    return (half, 0.5) if a == b else (f"the {tau:.6g}-{otherwise}", tau)


def _by_lines(left: Forms, right: Forms) -> Found:
    """Mean and expectiles: lines on both sides."""
    if {f for f, _ in (*left, *right)} != {"line"} or len({*left}) > 1 or len({*right}) > 1:
        return None
    a, b = right[0][1], left[0][1]
    return _level(a, b, "the mean", "expectile") if a > 0 and b > 0 else None


def _by_steps(left: Forms, right: Forms) -> Found:
    """Median and quantiles: a step at 0."""
    if len({*left}) > 1 or len({*right}) > 1 or left[0][0] != "constant" or right[0][0] != "constant":
        return None
    a, b = right[0][1], -left[0][1]
    return _level(a, b, "the median", "quantile") if a > 0 and b > 0 else None


def _by_clipped_lines(left: Forms, right: Forms) -> Found:
    """The Huber functional: a line through 0, then constants."""
    for side, sign in ((left, -1), (right, 1)):
        kinds = [k for k, _ in side]
        if kinds != ["line", "constant"] or side[0][1] <= 0 or sign * side[1][1] <= 0:
            return None
    if left[0][1] == right[0][1] and left[1][1] == -right[1][1]:
        return "the Huber functional: the mean of what is near, with the pull of the rest cut off", None
    return "a Huber functional of unequal sides: near a quantile or expectile, and between them", None


def _by_shape(case: Case) -> Fact:
    bent, same = convex_of(case), even(case) if not case.limits else None
    where = "; the centre of every symmetric law" if same is not None and same.holds else ""
    if bent.holds:
        return Fact(NAME, True, f"an M-functional: the z at which E psi(y - z) changes its sign{where}")
    if case.continuous and (shares := circle.shares(case)):
        return Fact(NAME, True, circle.DIRECTION if circle.same(shares) else circle.WINDOW)
    if same is not None and same.holds and _rises(case):
        if redescending(case).holds or largest(case.regions, "value", smooth=False).value is not None:
            return Fact(NAME, True, "mode-like: where y is densest, smoothed by a window as wide as the loss is bent")
        return Fact(
            NAME, True, "the centre of every symmetric law with one peak (Anderson 1955), but no named functional"
        )
    return Fact(NAME, None, "neither convex nor a window that falls to both sides")


def _rises(case: Case) -> bool:
    """Does an even loss rise to both sides?"""
    right = case.regions[len(case.regions) // 2 :]
    return bool(case.continuous) and all(nonnegative(r, "d1", strict=False).holds for r in right)


def of_score(case: Case) -> Fact:
    """The functional of a likelihood: where the slope is a(z) − b(z)·g(y), the mean of g(y) through a link."""
    names, bent, said = list(case.limits), convex_of(case), ""
    if len(names) == 1:
        said = _mean_of(case, names[0])
        steady = said and _pulls_one_way(case, names[0], said)
        if steady and (strictly_convex(case).holds or _link_rises(case, names[0], said)):
            return Fact(NAME, True, f"{said}, through a link that rises strictly")
        turned = _turned(case, names[0], said) if steady and not bent.holds else None
        if turned is not None:
            return turned
    if bent.holds:
        decides = f"{said} of y decides it" if said == "the mean" else "more than one mean of y decides it"
        return Fact(NAME, True, f"the z at which the mean slope changes its sign; {decides}")
    return Fact(NAME, None, "not convex, and its slope was not shown to be a(z) - b(z)*g(y) with a link that rises")


def _mean_of(case: Case, y: str) -> str:
    """Which mean of y decides, if one does: that of g(y), where the slope is a(z) − b(z)·g(y)."""
    if affine(case, y, "d1"):
        return "the mean"
    if all(_of_odds(r, y) for r in case.regions):
        return ODDS
    powers = {_exponent(r, y) for r in case.regions}
    power = powers.pop() if len(powers) == 1 else None
    if power is None:
        return ""
    return "the geometric mean" if power == 0 else f"the power mean of exponent {float(power):g}"


ODDS = "the mean of log(y/(1 - y))"


def _of_odds(region: Region, y: str) -> bool:
    """Is the slope a(z) − b(z)·log(y/(1 − y)): is its derivative in y, times y(1 − y), free of y?"""
    if not region.limits[y][1] < 1:
        return False
    try:
        pull = grown(region.program, y, "d1", "pull")
        steps = [("left", "sub", (1.0, y)), ("by y", "mul", (dict(pull.outputs)["pull"], y))]
        apart = extended(pull, [*steps, ("apart", "mul", ("x'by y", "x'left"))], "apart")
        field = Exact()
        found = field.run(grown(apart, y, "apart", "moves").only("moves"), exact_inputs(region, field))["moves"]
    except (NoSlope, NotExact):
        return False
    return not found.top


def _exponent(region: Region, y: str) -> Fraction | None:
    """k where the slope is a(z) − b(z)·yᵏ (0: log y); None if it has no such form."""
    try:
        pull = grown(region.program, y, "d1", "pull")
        more = grown(grown(pull, y, "pull", "pull y"), region.variable, "pull", "pull z")
        field = Exact()
        inputs = exact_inputs(region, field)
        x = field.run(more.only("pull", "pull y", "pull z"), inputs)
        degree = field.div(field.mul(inputs[y], x["pull y"]), x["pull"]).constant()
        apart = field.div(x["pull z"], x["pull"])
    except (NoSlope, NotExact):
        return None
    used = {repr(key) for i, key in {i: k for k, i in field.atoms.items()}.items() if _occurs(i, apart)}
    return degree + 1 if degree is not None and not any(f"'{y}'" in key for key in used) else None


def _occurs(atom: int, value: Value) -> bool:
    return any(a == atom for p in (value.top, value.bottom) for m in p for a, _ in m)


def _pulls_one_way(case: Case, y: str, said: str) -> bool:
    """Does a larger y always pull z the same way?"""
    try:
        if _by_parts(said):
            return _one_sign([cancelled(level(r, y, said), "b") for r in case.regions], "b")
        return _one_sign([like(r, grown(r.program, y, "d1", "pull").only("pull")) for r in case.regions], "pull")
    except NoSlope:
        return False


def _one_sign(regions: list[Region], name: str) -> bool:
    if all(positive(r, name) for r in regions):
        return True
    return all(positive(negated(r, name), f"minus {name}") for r in regions)


def _by_parts(said: str) -> bool:
    """Is it a mean of what is 0 at one y and not at another, so that those two show the slope's parts?"""
    return said in ("the mean", ODDS) or (said.startswith("the power mean") and "exponent -" not in said)


def _link_rises(case: Case, y: str, said: str) -> bool:
    """Is (a/b)′ > 0, where the slope is a(z) − b(z)·g(y)?"""
    try:
        return _by_parts(said) and all(positive(_link(r, y, said), "link") for r in case.regions)
    except NoSlope:
        return False


def _turned(case: Case, y: str, said: str) -> Fact | None:
    """A place at which the level that z stands for falls: a mean loss that is flat there is largest there."""
    if not _by_parts(said):
        return None
    for region in case.regions:
        try:
            link = _link(region, y, said)
        except NoSlope:
            return None
        falls = [p[""] for p in link.points() if link.point(p, strict=False)["link"].high < 0]
        here = min(falls, key=abs, default=None)
        if here is not None:
            at = f"{case.variable} = {here:g}"
            says = f"no law of y has its least mean loss around {at}: {said} that it stands for falls there"
            return Fact(NAME, False, says, {case.variable: here})
    return None


def _link(region: Region, y: str, said: str) -> Region:
    """A piece with the derivative of a/b as its output, from the form in which least cancels."""
    whole = cancelled(level(region, y, said), "level")
    return like(whole, grown(whole.program, region.variable, "level", "link").only("link"))


def cancelled(region: Region, name: str) -> Region:
    """The piece with one output, as exact algebra leaves it."""
    twin = region.twin(name)
    return like(region, region.program.only(name) if twin is None else twin.program)


AT: Mapping[str, tuple[float, float]] = {ODDS: (0.5, 0.75)}
"""A y at which g(y) is 0, and one at which it is more (of log odds a multiple is as good); else 0 and 1."""


def level(region: Region, y: str, said: str = "the mean") -> Region:
    """A piece with b, and with a/b, the mean of g(y) that z stands for: a is the slope at one y, a − b at another."""
    slope = region.program.only("d1")
    steps: list[Step] = []
    ends: list[Arg] = []
    for name, value in zip(("none'", "one'"), AT.get(said, (0.0, 1.0)), strict=True):
        steps += replaced(slope, {y: value}, name)
        found = dict(slope.outputs)["d1"]
        ends.append(f"{name}{found}" if any(s.name == found for s in slope.steps) else value if found == y else found)
    steps += [Step("b'", "sub", (ends[0], ends[1])), Step("link'", "div", (ends[0], "b'"))]
    inputs = tuple(n for n in slope.inputs if n != y)
    program = Program(inputs, slope.params, tuple(steps), (("level", "link'"), ("b", "b'")))
    limits = {n: ends for n, ends in region.limits.items() if n != y}
    return Region(program, region.params, region.variable, region.low, region.high, limits, region.settled)


def bounded_below(case: Case) -> Fact:
    """f ≥ some constant, which for a likelihood may depend on y."""
    found = bounds_of_line(case)
    names = list(case.limits)
    if found.holds is not None or len(names) != 1:
        return found
    ends = [fixed(case, **{names[0]: v}) for v in case.limits[names[0]] if v == 0.0]
    if ends and bounds_of_line(ends[0]).holds is False:
        return bounds_of_line(ends[0])
    says = "how low depends on y"
    if (not ends or bounds_of_line(ends[0]).holds) and case.limits[names[0]][1] == math.inf and _means_everything(case):
        return Fact("bounded below", True, f"for each y it is least at the z whose mean is y; {says}")
    return _for_each_y(case, names[0], bool(ends)) or found


def _for_each_y(case: Case, y: str, apart: bool) -> Fact | None:
    """Bounded below at each y: continuous, and at both ends of the line not sinking. (y = 0 is looked at alone.)"""
    tame = (
        replace(case, target=Interval(0.0, case.target.high, True, case.target.open_high)).tame if apart else case.tame
    )
    found = [_floor(r) for r in tame.regions]
    alone = not apart or bounds_of_line(fixed(case, **{y: 0.0})).holds
    if not (alone and all(x > -math.inf for x in found)):
        return None
    for region, least in zip(tame.regions, found, strict=True):
        note(region, "value", AT_LEAST, least)
    low, high = tame.limits[y]
    return Fact(
        "bounded below", True, f"for each y from {low:g} to {high:g} it does not sink far out; how low depends on y"
    )


def _floor(region: Region) -> float:
    """A number below which the value never is on a piece; −∞ if none was found."""
    least = [math.inf]

    def claim(spans: dict[str, Span]) -> bool | None:
        low = spans["value"].low
        if not low > -math.inf:
            return None
        least[0] = min(least[0], low)
        return True

    return least[0] if cover(region, claim, smooth=False).holds else -math.inf


def _means_everything(case: Case) -> bool:
    """Does the link rise strictly from 0 at −∞ to ∞ at +∞?"""
    (y,) = case.limits
    if not affine(case, y) or not _pulls_one_way(case, y, "the mean"):
        return False
    try:
        levels = [level(r, y) for r in (case.regions[0], case.regions[-1])]
        rises = strictly_convex(case).holds or _link_rises(case, y, "the mean")
    except NoSlope:
        return False
    down = any(x.low == x.high == 0 or (x.power < 0 and x.high < math.inf) for x in far(levels[0], "level", -1))
    up = any(x.power > 0 and x.low > 0 for x in far(levels[1], "level", 1))
    return bool(rises and down and up)


def of_label(case: Case) -> Fact:
    """What a classifier's loss tells."""
    told, right = (proper, calibrated) if case.lift == "margin" else (proper_classes, calibrated_classes)
    if told(case).holds:
        return Fact(NAME, True, "the probability of each class, through the loss's own link")
    if right(case).holds:
        return Fact(NAME, True, "the likeliest class, but not how likely it is")
    if right(case).holds is False:
        return Fact(NAME, False, f"not even the likelier label: {right(case).because}", right(case).witness)
    return Fact(NAME, None, right(case).because)
