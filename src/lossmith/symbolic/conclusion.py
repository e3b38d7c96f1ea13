"""Do the claims of a certificate suffice for its fact? The rules that lead from claims on pieces to a loss as a whole.

A rule names outputs, the kind of claim and what its bound must keep to; the pieces of such claims must leave out no
part of the line. Facts that were proved by another route (without such claims) have no rule here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from lossmith.facts import Fact
from lossmith.symbolic.case import Case
from lossmith.symbolic.ledger import AT_LEAST, DEFINED, WITHIN, Claim
from lossmith.symbolic.recheck import Checked

Enough = Callable[[float, float], bool]
"""(bound of the claim, constant of the fact) → does the claim say enough?"""
Rule = tuple[tuple[str, ...], str, Enough]
End = Fraction | None


def _positive(bound: float, constant: float) -> bool:
    return bound >= 0


def _from_below(bound: float, constant: float) -> bool:
    return bound >= constant


def _from_above(bound: float, constant: float) -> bool:
    return bound <= constant


def _anyhow(bound: float, constant: float) -> bool:
    return True


RISING: Rule = (("d2",), AT_LEAST, _positive)
"""The slope never falls: then its limits at both ends bound it."""
RULES: Mapping[str, tuple[Rule, ...]] = {
    "convex": (RISING,), "strongly convex": ((("d2",), AT_LEAST, _from_below),),
    "monotone margin": ((("minus d1",), AT_LEAST, _positive),), "nonnegative": ((("value",), AT_LEAST, _positive),),
    "bounded below": ((("value",), AT_LEAST, _from_below),), "smooth": ((("d2",), WITHIN, _from_above),),
    "bounded influence": ((("d1",), WITHIN, _from_above), RISING),
    "Lipschitz": ((("d1",), WITHIN, _from_above), RISING), "twice": ((("d1", "d2"), DEFINED, _anyhow),),
}  # fmt: skip
"""What a fact about one slot follows from, beside what happens at joins: one rule is enough."""


def suffices(case: Case, fact: Fact, claims: Sequence[Claim]) -> list[Checked]:
    """One check: no part of the line is left out by the claims that the rule asks for; none where no rule was used."""
    if fact.name not in RULES or case.lift == "softmax":
        return []
    answers = [found for rule in RULES[fact.name] if (found := _by(rule, case, fact, claims))]
    return next((found for found in answers if found[0].holds), answers[0] if answers else [])


def _by(rule: Rule, case: Case, fact: Fact, claims: Sequence[Claim]) -> list[Checked]:
    """The check by one rule; none where there are no such claims."""
    outputs, kind, enough = rule
    constant = 0.0 if fact.constant is None else fact.constant
    if fact.constant is None and enough in (_from_below, _from_above):
        return []  # a bound for each y, by another route
    parts = {n: [c for c in claims if c.output == n and c.kind == kind] for n in outputs}
    if not all(parts.values()):
        return []
    ends = (None, None) if case.period is None else (-case.period, case.period)
    says = f"the claims about {' and '.join(outputs)} say all of it"
    for found in parts.values():
        gap = left_out([(c.low, c.high) for c in found if enough(c.bound, constant)], *ends)
        if gap is not None:
            return [Checked(says, False, len(found), f"nothing, or not enough, is claimed {gap}")]
    return [Checked(says, True, sum(map(len, parts.values())))]


def left_out(pieces: Sequence[tuple[End, End]], low: End, high: End) -> str | None:
    """Where the first gap between pieces begins, if they leave out any part of the line from low to high."""
    at, first = low, True
    for a, b in sorted(pieces, key=lambda ends: -math.inf if ends[0] is None else ends[0]):
        begins = a is None or (at is not None and a <= at)
        if not begins:
            break
        if b is None:
            return None
        at, first = (b if first or at is None else max(at, b)), False
    reached = not first and high is not None and at is not None and at >= high
    return None if reached else ("far to the left" if first or at is None else f"beyond {float(at):.6g}")
