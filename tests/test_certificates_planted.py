"""Certificates that were tampered with: what is left out, moved or made smaller in one is seen by the second routine.

Each mutant takes a certificate that stands and plants one falsehood in it. None of them may stand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from lossmith import proofs
from lossmith.catalogue import loss as read
from lossmith.facts import Fact
from lossmith.formula import parse
from lossmith.program import Program, Step
from lossmith.symbolic import certify, recheck, recheckscores
from lossmith.symbolic.case import Case
from lossmith.symbolic.certify import Certificate
from lossmith.symbolic.ledger import AT_LEAST, WITHIN, Claim

Planted = tuple[Fact, tuple[Claim, ...]]


@cache
def case_of(loss: str) -> Case:
    return proofs.case_of(read(loss))


@cache
def sound(loss: str, fact: str) -> Certificate:
    made = certify.certified(case_of(loss), fact)
    assert made.stands is True
    return made


def stands(loss: str, planted: Planted) -> bool | None:
    fact, claims = planted
    return certify.judged(case_of(loss), fact, claims).stands


# ----------------------------------------------------------------------- what is claimed on pieces


def edited(made: Certificate, change: Callable[[Claim], Claim]) -> Planted:
    """The first claim about a derivative or value that has a bound is changed."""
    k = next(i for i, c in enumerate(made.claims) if c.output in recheck.ORDERS and c.kind in (AT_LEAST, WITHIN))
    return made.fact, (*made.claims[:k], change(made.claims[k]), *made.claims[k + 1 :])


def left_out(made: Certificate) -> Planted:
    k = next(i for i, c in enumerate(made.claims) if c.output in recheck.ORDERS)
    one = made.claims[k]
    return made.fact, tuple(c for c in made.claims if (c.output, c.low, c.high) != (one.output, one.low, one.high))


def scaled(c: Claim) -> Claim:
    """The output a millionth larger than it is."""
    (name, end), *_ = c.program.outputs
    step = Step("planted", "mul", (end, 1.000001))
    program = Program(c.program.inputs, c.program.params, (*c.program.steps, step), ((name, "planted"),))
    return replace(c, program=program, twin=None)


def negated(c: Claim) -> Claim:
    (name, end), *_ = c.program.outputs
    steps = (*c.program.steps, Step("planted", "neg", (end,)))
    return replace(c, program=Program(c.program.inputs, c.program.params, steps, ((name, "planted"),)), twin=None)


def squared(c: Claim) -> Claim:
    (name, end), *_ = c.program.outputs
    steps = (*c.program.steps, Step("planted", "mul", (end, end)))
    return replace(c, program=Program(c.program.inputs, c.program.params, steps, ((name, "planted"),)), twin=None)


def elsewhere(c: Claim) -> Claim:
    return replace(c, params={n: v * 1.01 for n, v in c.params.items()})


def tighter(c: Claim) -> Claim:
    """On all pieces alike, for on some of them it may hold."""
    return replace(c, bound=c.bound * 0.99 if c.kind == WITHIN else c.bound + 0.01)


CLAIMED = [("Logistic", "smooth"), ("LogCosh", "bounded influence"), ("Cauchy", "nonnegative"), ("Cauchy", "smooth")]
EDITS: dict[str, Callable[[Certificate], Planted]] = {
    "a piece is left out": left_out,
    "the output is a millionth too large": lambda made: edited(made, scaled),
    "the output has the wrong sign": lambda made: edited(made, negated),
    "the output is squared": lambda made: edited(made, squared),
    "the bounds are tighter than what holds": lambda made: (made.fact, tuple(map(tighter, made.claims))),
    "a parameter is another": lambda made: edited(made, elsewhere),
}


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize(("loss", "fact"), CLAIMED)
def test_a_claim_that_was_tampered_with_does_not_stand(loss: str, fact: str, edit: str) -> None:
    made = sound(loss, fact)
    planted = EDITS[edit](made)
    if planted == (made.fact, made.claims):
        assert edit == "a parameter is another"  # of a loss that has none
        return
    assert stands(loss, planted) is not True


# ---------------------------------------------------------------------------------- constants, witnesses, functionals


CONSTANTS: list[tuple[str, str, float]] = [
    ("Huber", "smooth", 0.99), ("Huber", "Lipschitz", 0.99), ("LogCosh", "bounded influence", 0.99),
    ("Squared", "strongly convex", 1.01), ("Tukey", "rejection point", 1.01), ("Tukey", "rejection point", 0.99),
    ("Huber", "efficiency", 1.0001),
    ("Expectile(tau=0.3)", "elicits", 1.05), ("Quantile(tau=0.3)", "elicits", 2.0),
    ("Cauchy", "bounded influence", 0.99), ("Logistic", "smooth", 0.99), ("Logistic", "Lipschitz", 0.99),
]  # fmt: skip


@pytest.mark.parametrize(("loss", "fact", "factor"), CONSTANTS)
def test_a_wrong_constant_does_not_stand(loss: str, fact: str, factor: float) -> None:
    made = sound(loss, fact)
    assert made.fact.constant
    assert stands(loss, (replace(made.fact, constant=made.fact.constant * factor), made.claims)) is not True


WITNESSES = [("Cauchy", "convex"), ("Savage", "convex"), ("Welsch", "convex"), ("Tukey", "convex")]


@pytest.mark.parametrize(("loss", "fact"), WITNESSES)
def test_a_moved_witness_does_not_stand(loss: str, fact: str) -> None:
    made = sound(loss, fact)
    at: dict[str, Any] = dict(made.fact.witness or {})
    assert at
    for moved in at:  # the place, and what is said to be seen there
        elsewhere = {**at, moved: at[moved] * 1.01 + 0.1}
        assert stands(loss, (replace(made.fact, witness=elsewhere), ())) is False


TURNED = [("Cauchy", "convex"), ("Quantile(tau=0.3)", "even"), ("Tukey", "convex"), ("Squared", "scalable"),
          ("LogCosh", "redescending"), ("Squared", "Lipschitz"), ("Huber", "strictly convex")]  # fmt: skip


@pytest.mark.parametrize(("loss", "fact"), TURNED)
def test_a_false_fact_with_the_claims_of_something_else_does_not_stand(loss: str, fact: str) -> None:
    assert stands(loss, (Fact(fact, True, "", None, 1.0), sound("Huber", "convex").claims)) is not True


# ----------------------------------------------------------------------- what is proved by hand

BRIER, SPHERICAL, KL = "1 - 2*p + sum_p2", "-p/sqrt(sum_p2)", "where(y > 0, y*(log(y) - logp), 0)"


@pytest.mark.parametrize(
    ("lift", "formula", "most", "holds"),
    [
        ("simplex", BRIER, 1.25, True), ("simplex", BRIER, 0.4, False), ("simplex", "1 - 2*p + 3*sum_p2", 1.25, False),
        ("simplex", SPHERICAL, 1.0, True), ("simplex", SPHERICAL, 0.3, False), ("divergence", KL, 0.5, True),
        ("divergence", KL, 0.4, False), ("simplex", "-2*logp", 0.5, False),
    ],
)  # fmt: skip
def test_a_bound_by_hand_is_held_against_whole_simplices(lift: str, formula: str, most: float, holds: bool) -> None:
    found = recheckscores.simplices(lift, parse(formula), most, most)
    assert len(found) == 2 and all(c.holds is True for c in found) is holds
    assert holds or any(c.holds is False for c in found)


@pytest.mark.parametrize(
    ("inequality", "holds"),
    [
        ("1/2 - 2*x*(1 - x)", True), ("1/2 - 2.001*x*(1 - x)", False), ("1 - 2*sqrt(q)*(1 - q)**2", True),
        ("0.55 - 2*sqrt(q)*(1 - q)**2", False), ("1.2 - 2*(2/4 + (p - p**2)/2)", False),
        ("1.25 - 2*(2*max(p*(1 - 2*p), 0) + q*min(1/2, 1 - q))", True),
        ("0.9 - 2*(2*max(p*(1 - 2*p), 0) + q*min(1/2, 1 - q))", False),
    ],
)  # fmt: skip
def test_what_an_argument_rests_on_is_checked(inequality: str, holds: bool) -> None:
    (claim,) = recheckscores.resting((inequality,))
    assert recheck.checked(claim).holds is holds
