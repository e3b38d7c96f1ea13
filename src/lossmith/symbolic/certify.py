"""Certificates: a fact with the claims that it rests on, and what a second, independent routine says of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import mpmath

from lossmith.facts import Fact
from lossmith.symbolic.case import Case
from lossmith.symbolic.conclusion import suffices
from lossmith.symbolic.ledger import Claim, recording
from lossmith.symbolic.mirrored import mirrored
from lossmith.symbolic.provers import answer
from lossmith.symbolic.recheck import ALGEBRA, ORDERS, SUMS, Checked, checked, derivative, same_quantity, witness_stands
from lossmith.symbolic.structurallabels import looked_at
from lossmith.symbolic.units import T


@dataclass(frozen=True)
class Certificate:
    """A verdict, the claims it rests on, and how the second routine judged each of them."""

    fact: Fact
    claims: tuple[Claim, ...]
    checks: tuple[Checked, ...]

    @property
    def stands(self) -> bool | None:
        """True if every check confirms, False if one contradicts, None if something is not decided or not covered."""
        answers = [c.holds for c in self.checks]
        if False in answers:
            return False
        return True if answers and None not in answers else None

    def to_json(self) -> dict[str, Any]:
        """A plain structure with everything that another program needs to check it again."""
        claims = [c.to_json() for c in self.claims]
        return {
            "fact": asdict(self.fact),
            "stands": self.stands,
            "claims": claims,
            "checks": [*map(asdict, self.checks)],
        }


def certified(case: Case, name: str) -> Certificate:
    """A fact proved afresh, with its certificate."""
    fresh = replace(case, made={})
    with recording() as claims:
        fact = answer(fresh, name)
    return judged(case, fact, tuple({c.key: c for c in claims}.values()))


def judged(case: Case, fact: Fact, claims: tuple[Claim, ...]) -> Certificate:
    """A fact with the claims that somebody says it rests on, and what the second routine says of both."""
    fresh = replace(case, made={})
    if fact.holds is None:
        return Certificate(fact, (), ())
    if fact.holds is False:
        stands = witness_stands(case.program, case.params, fact.witness, case.variable)
        return Certificate(fact, (), (stands,) if stands else tuple(looked_at(fresh, fact)))
    return Certificate(fact, claims, (*map(checked, claims), *concluded(case, fact, claims), *looked_at(fresh, fact)))


def concluded(case: Case, fact: Fact, claims: tuple[Claim, ...]) -> tuple[Checked, ...]:
    """What leads from claims to a fact: they are about this loss, leave nothing out, and hold across joins too."""
    own = [_is_of_this_loss(c, case) for c in claims if c.output in ORDERS]
    direct = DIRECT[fact.name](case, fact) if fact.name in DIRECT and case.lift != "softmax" else []
    steep = LINE_ONLY.get(fact.name) if case.lift != "softmax" and not case.limits else None
    quotients = [] if steep is None else _steepest(case, fact, steep)
    return (*own, *suffices(case, fact, claims), *direct, *quotients)


def _is_of_this_loss(claim: Claim, case: Case) -> Checked:
    """Is what is claimed about a quantity of this loss: in its slot, or in the one number by which all inputs enter?"""
    if claim.variable in case.program.inputs:
        return same_quantity(claim, case.program, case.params, case.limits)
    if claim.variable == T:
        return _is_in_units(claim, case)
    source = next(
        (p for p in (case.literal, case.program) if p and claim.variable in {s.name for s in p.steps}), case.program
    )
    inner = replace(source, outputs=(("inner", claim.variable),)).only("inner")
    value, places, good = case.program.only("value"), (-7.3, -1.1, 0.2, 2.6, 9.4), True
    others = {n: min(max(0.7, a), b) for n, (a, b) in case.limits.items()}
    for t in places:
        at = {**case.params, **others, case.variable: t}
        x = inner.run(at)["inner"]
        found = claim.program.run({**claim.params, claim.variable: x})[claim.output]
        expected = value.run(at)["value"]
        good = good and bool(abs(found - expected) <= mpmath.mpf(10) ** -12 * (1 + abs(expected)))
    return Checked(f"{claim.output} is that of one number that all inputs enter by", good, len(places))


def _is_in_units(claim: Claim, case: Case) -> Checked:
    """Is what is claimed about the loss at z = 0, of y, and does exp(±z) there only multiply y and the loss?"""
    (y,), value = case.limits, case.program.only("value")

    def loss(z: float, truth: Any) -> Any:
        return value.run({**case.params, case.variable: z, y: truth})["value"]

    places, room = (0.11, 0.7, 1.9, 6.3), mpmath.mpf(10) ** -20
    at_zero = {**case.params, case.variable: 0.0}
    good = all(
        abs(claim.program.run({**claim.params, T: t})[claim.output] - derivative(value, at_zero, {y: t}, y, order))
        <= room
        for t in places
        for order in (ORDERS[claim.output],)
    )
    units = [
        all(
            abs(loss(z, t * unit) - unit * loss(0.0, t)) <= room * 10**6
            for t in places
            for z in (-2.0, 0.4, 3.0)
            for unit in (mpmath.exp(sign * mpmath.mpf(z)),)
        )
        for sign in (1, -1)
    ]
    return Checked(f"{claim.output} is that of the loss at one unit, which only scales it", good and any(units), 16)


def _even(case: Case, fact: Fact) -> list[Checked]:
    """f(−t) = f(t): step by step, else at places of every size, to 30 digits."""
    says = "f(-t) = f(t)"
    if mirrored(case.program, case.variable, case.params):
        return [Checked(says, True, len(case.program.steps), "the same steps", ALGEBRA)]
    others = {n: min(max(0.7, a), b) for n, (a, b) in case.limits.items()}
    for t in (0.1, 0.37, 1.0, 1.9, 3.3, 7.7, 25.0):
        a, b = (
            derivative(case.program, case.params, {case.variable: s * t, **others}, case.variable, 0) for s in (1, -1)
        )
        if abs(a - b) > abs(a) * mpmath.mpf(10) ** -30:
            return [Checked(says, False, 1, f"at t = {t}")]
    return [Checked(says, True, 7)]


def _efficiency(case: Case, fact: Fact) -> list[Checked]:
    """The same integrals by mpmath's quadrature."""
    places = sorted({float(abs(j.at)) for j in case.joins} | {0.0, 1.0, 3.0, 12.0})

    def pull(r: Any) -> Any:
        return derivative(case.program, case.params, {case.variable: r}, case.variable, 1)

    def density(r: Any) -> Any:
        return mpmath.exp(-r * r / 2) / mpmath.sqrt(2 * mpmath.pi)

    a = mpmath.quad(lambda r: pull(r) * r * density(r), places, maxdegree=5)
    b = mpmath.quad(lambda r: pull(r) ** 2 * density(r), places, maxdegree=5)
    found = float(2 * a * a / b)
    good = abs(found - (fact.constant or 0)) < 1e-6
    return [Checked("the efficiency by other quadrature", good, 2, f"{found:.9g}", SUMS)]


def _steepest(case: Case, fact: Fact, order: int) -> list[Checked]:
    """No difference quotient at some hundred places is larger than the constant, and one comes near to it."""
    others = {n: min(max(0.7, a), b) for n, (a, b) in case.limits.items()}
    places = [s * 1.3**k for k in range(-30, 30) for s in (-1, 1)]
    seen = [
        abs(derivative(case.program, case.params, {case.variable: t, **others}, case.variable, order)) for t in places
    ]
    most = float(max(seen))
    return [
        Checked("the constant bounds difference quotients", most <= (fact.constant or math.inf) * (1 + 1e-9), len(seen))
    ]


def _joins(case: Case, fact: Fact) -> list[Checked]:
    """At every join the value is continuous, and the slope rises (convex) or is continuous (smooth, twice)."""
    others = {n: min(max(0.7, a), b) for n, (a, b) in case.limits.items()}
    return [_join(case, others, j.at, fact.name == "convex") for j in case.joins]


def _join(case: Case, others: Mapping[str, float], at: Any, rises: bool) -> Checked:
    says = f"the slope {'never falls' if rises else 'is continuous'} at {float(at):.6g}"
    with mpmath.workprec(1600):
        t = mpmath.mpf(at.numerator) / at.denominator
        step = mpmath.mpf(2) ** -120 * max(1, abs(t))
        known = {n: mpmath.mpf(v) for n, v in {**case.params, **others}.items()}
        run = case.program.only("value")._run_once
        values = [run({**known, case.variable: t + k * step})["value"] for k in (-2, -1, 0, 1, 2)]
        left, right = (values[1] - values[0]) / step, (values[4] - values[3]) / step
        room = mpmath.mpf(10) ** -15 * (1 + abs(left) + abs(right))
        apart = max(abs(values[2] - values[1]), abs(values[3] - values[2]))
        whole = apart < mpmath.mpf(10) ** -12 * max(1, abs(values[2]))
        holds = whole and right - left >= -room and (rises or right - left <= room)
    return Checked(says, bool(holds), 1, f"from {float(left):.9g} to {float(right):.9g}")


DIRECT: Mapping[str, Callable[[Case, Fact], list[Checked]]] = {
    "convex": _joins,
    "smooth": _joins,
    "twice": _joins,
    "even": _even,
    "efficiency": _efficiency,
}
"""Facts that are checked as a whole, whatever they were proved by."""
LINE_ONLY: Mapping[str, int] = {"Lipschitz": 1, "bounded influence": 1, "smooth": 2}
"""Facts with a constant that bounds a derivative (of the order given) of losses of one real slot."""
