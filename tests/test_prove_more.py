"""Facts of several outputs, of structure, over ranges: what is proved, what must not be, and that checks can fail."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import lossmith
from lossmith import catalogue, certificates, curvature, proofs
from lossmith.facts import Fact
from lossmith.knowledgejoint import joint_facts
from lossmith.symbolic import bounds, ends, jointly, sampled, structural, structurallabels
from lossmith.symbolic.exact import Exact, number

# ------------------------------------------------------------------------------------------------- several outputs

GAUSS = "several(mu, log_sigma)"
BENT = "several(a, b)"
JOINT_TRUE = {
    ("CumulativeLogit", "convex"), ("CumulativeProbit", "convex"), ("CumulativeProbit", "nonnegative"),
    ("GaussianNLL", "convex in mu"), ("GaussianNLL", "convex in log_sigma"), ("LaplaceNLL", "convex in mu"),
    ("NegativeBinomialNLL", "convex in log_mu"), ("HurdlePoisson", "convex in zero"),
    ("IntervalScore", "nonnegative"), ("RankNet", "Lipschitz"), ("RankNet", "smooth"),
}  # fmt: skip
JOINT_FALSE = [
    (f, fact)
    for fact, formulas in {
        "convex": ("a**2 + b**2 - 2.01*a*b", "(y - a)**2*exp(-b) + b", "abs(a) - 0.01*abs(b)", "a*b",
                   "log(1 + (a - b)**2)",
                   "exp(a - b) - 0.001*(a + b)**2", "softplus(a) - softplus(b)", "sqrt(1 + a**2)*b", "min(a, b)",
                   "(a - b)**2/2 + cos(a + b)", "exp(a)*exp(-b) - a**2", "-abs(a + b - y)", "where(y > 0, a**2, b**3)"),
        "nonnegative": ("a**2 + b**2 - 1e-3", "exp(a) - b", "(y - a)**2*exp(-b) + b", "softplus(a - b) - 0.01*a",
                        "abs(a) + b", "a**2 - 2*a*b + b**2 - 1e-6", "sqrt(1 + a**2) - 1.0001*sqrt(1 + b**2)"),
        "bounded below": ("a**2 - b", "(y - a)**2*exp(-b) + b", "exp(a) - b**2", "a", "log(1 + a**2) - abs(b)/100",
                          "softplus(a) + b"),
        "Lipschitz": ("a**2 + b", "(y - a)*b", "exp(a) + abs(b)", "abs(y - a)*exp(-b)", "y*a + abs(b)", "a*b",
                      "sqrt(1 + a**2)*b"),
        "smooth": ("abs(a) + b**2", "exp(a) + b**2", "a**2 + b**4", "(y - a)**2*exp(-b)", "max(0, a - y) + b**2/2",
                   "abs(a - b)", "a**2*b**2"),
        "convex in a": ("cos(a) + b**2", "a*b - a**2/100", "log(1 + a**2) + b", "a**2 - abs(a)/10 + b", "a**3 + b",
                        "-exp(a) + b", "min(a, 1) + b", "where(y > 1, a**2, -a**2) + b"),
        "convex in b": ("a**2 - b**2/1000", "a*sin(b)", "tanh(b) + a**2", "sqrt(abs(b)) + a", "-softplus(b) + a"),
        "finite in float64": ("exp(a) + b", "a**2 + b**2", "exp(-b)*a**2", "a*b"),
    }.items()
    for f in formulas
]  # fmt: skip


@pytest.mark.parametrize(("name", "fact"), sorted(JOINT_TRUE))
def test_facts_of_several_outputs_are_proved(name: str, fact: str) -> None:
    assert catalogue.joint()[name]().facts()[fact].holds is True


def planted(formula: str) -> Any:
    return lossmith.loss(formula if "y" in formula else f"{formula} + 0*y", lift=BENT)


@pytest.mark.parametrize(("formula", "fact"), JOINT_FALSE)
def test_a_false_fact_of_several_outputs_is_not_proved(formula: str, fact: str) -> None:
    assert joint_facts(planted(formula))[fact].holds is not True


def test_there_are_many_planted_claims() -> None:
    assert len(JOINT_FALSE) + len(WRONG) + len(WRONG_RANGES) >= 60


JOINT_MUTANTS: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "every term is convex": (jointly, "_term_convex", lambda *a: True),
    "everything is affine": (jointly, "is_affine", lambda *a: True),
    "no term is negative": (jointly, "_term_nonnegative", lambda *a: True),
}


@pytest.mark.parametrize("mutant", JOINT_MUTANTS)
def test_a_broken_rule_for_several_outputs_is_noticed(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from lossmith.knowledgejoint import described

    where, name, replacement = JOINT_MUTANTS[mutant]
    monkeypatch.setattr(where, name, replacement)
    monkeypatch.setattr(jointly, "points", lambda *a: iter(()))
    joint = described(planted("a**2 + b**2 - 2.01*a*b"))[0]
    assert joint is not None
    convex = jointly.convex(joint)
    assert (convex is not None and convex.holds) or jointly.nonnegative(joint).holds


def test_gauss_is_refuted_at_a_witness_and_rank_constants_are_those_of_two_scores() -> None:
    fact = lossmith.GaussianNLL().facts()["convex"]
    assert fact.holds is False and fact.witness
    known = lossmith.RankNet().facts()
    assert known["Lipschitz"].constant == pytest.approx(math.sqrt(2), rel=2e-3)
    assert known["smooth"].constant == pytest.approx(0.5, rel=2e-3)


# -------------------------------------------------------------------------------------------------------- structure

WRONG = [
    ("Squared", "scalable", True), ("Huber", "scalable", False), ("Huber", "redescending", True),
    ("Cauchy", "redescending", False), ("Huber", "rejection point", True), ("Logistic", "calibrated", False),
    ("Hinge", "proper composite", True), ("Logistic", "proper composite", False), ("Huber", "even", False),
    ("Squared", "strictly convex", False), ("Huber", "strictly convex", True), ("Poisson", "bounded below", False),
    ("Exponential", "finite in float64", True), ("Logistic", "finite in float32", False),
    ("Logistic", "monotone margin", False), ("Cauchy", "convex", True),
]  # fmt: skip


@pytest.mark.parametrize(("name", "fact", "holds"), [w for w in WRONG if w[1] != "convex"])
def test_a_wrong_verdict_on_structure_is_contradicted(name: str, fact: str, holds: bool) -> None:
    loss = catalogue.losses()[name]()
    assert loss.facts()[fact].holds is not holds
    constant = 3.0 if fact == "rejection point" else None
    found = structurallabels.looked_at(proofs.case_of(loss), Fact(fact, holds, "wrong", constant=constant))
    assert found and all(c.holds is not True for c in found)


@pytest.mark.parametrize("name", ["Huber", "Logistic", "CrossEntropy", "Quantile", "Unlikelihood"])
def test_every_decided_fact_has_a_certificate_that_stands(name: str) -> None:
    loss = catalogue.losses()[name]()
    for fact in proofs.names_of(loss):
        if loss.facts()[fact].holds is not None:
            made = certificates.certificate(loss, fact)
            assert made.checks and made.stands is not False, (fact, made.checks)


def test_wrong_functionals_are_contradicted() -> None:
    case = proofs.case_of(lossmith.Quantile(0.3))
    for says, level in (("the 0.7-quantile", 0.7), ("the mean", None), ("the 0.7-expectile", 0.7)):
        assert structurallabels.functional(case, Fact("elicits", True, says, constant=level))[0].holds is False
    assert structurallabels.functional(case, Fact("elicits", True, "the 0.3-quantile", constant=0.3))[0].holds is True
    assert structural.scaled(case, Fact("scalable", False, ""))[0].holds is True


def test_ends_that_are_irrational_are_exact() -> None:
    field = Exact()
    root, log = ends.Surd.of(Fraction(1), Fraction(2), -1), ends.Logarithm.of(Fraction(3, 10))
    assert root is not None and log is not None
    assert float(root) == pytest.approx(1 - math.sqrt(2)) and float(log) == pytest.approx(math.log(0.3))
    square = field.power(field.add(root.exact(field), number(-1)), 2)
    assert square.constant() == 2 and field.exp(log.exact(field)).constant() == Fraction(3, 10)


def test_a_bound_that_only_the_smallest_double_makes_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """log y is unbounded on (0, 1), however large its value at 5e-324 is."""
    assert lossmith.losses()["BetaRegression"]().facts()["bounded influence"].holds is False
    case = proofs.case_of(lossmith.losses()["BetaRegression"]())
    monkeypatch.setattr(bounds, "OPEN_ENDS", {})
    assert bounds.largest(case.regions, "d1", smooth=False).runs_off is None


# ----------------------------------------------------------------------------------------------------------- ranges

Ranged = tuple[str, dict[str, tuple[float, float]], str]
RIGHT_RANGES: list[Ranged] = [
    ("Poly1", {"epsilon": (-1, 1)}, "convex"), ("Poly1", {"epsilon": (-1, 1)}, "majorant"),
    ("Huber", {"delta": (0.1, 10)}, "convex"), ("Tweedie", {"power": (1.1, 1.9)}, "convex"),
    ("Tweedie", {"power": (1, 2)}, "convex"), ("Barron", {"alpha": (0.5, 1.5)}, "nonnegative"),
    ("Quantile", {"tau": (0.05, 0.95)}, "convex"), ("Focal", {"gamma": (0, 5)}, "monotone margin"),
]  # fmt: skip
WRONG_RANGES: list[Ranged] = [
    ("Poly1", {"epsilon": (-1, 2)}, "convex"), ("Tweedie", {"power": (1, 2)}, "nonnegative"),
    ("Tweedie", {"power": (1.1, 1.9)}, "strongly convex"), ("Barron", {"alpha": (0.5, 1.5)}, "convex"),
    ("Barron", {"alpha": (-2, 2)}, "redescending"), ("Focal", {"gamma": (0, 5)}, "convex"),
    ("Huber", {"delta": (0.1, 10)}, "twice"), ("Quantile", {"tau": (0.05, 0.95)}, "even"),
    ("Tweedie", {"power": (1, 2)}, "Lipschitz"),
]  # fmt: skip


def over(one: Ranged) -> Fact:
    name, ranges, fact = one
    return next(iter(proofs.family(catalogue.losses()[name](), ranges, (fact,))))


@pytest.mark.parametrize("one", RIGHT_RANGES, ids=str)
def test_facts_are_proved_over_ranges_of_static_parameters_too(one: Ranged) -> None:
    assert over(one).holds is True


@pytest.mark.parametrize("one", WRONG_RANGES, ids=str)
def test_false_facts_over_ranges_are_not_proved(one: Ranged) -> None:
    assert over(one).holds is not True


# -------------------------------------------------------------------------------------------------------- curvature


@pytest.mark.parametrize("name", ["Logistic", "Cauchy", "Huber", "Unlikelihood", "PartiallyHuberisedCrossEntropy"])
def test_a_majorant_one_percent_too_small_is_seen_to_dip_below(name: str) -> None:
    """The planted wrong majorant: 0.99 of a tight one; of a loose bound, 0.99 of the largest curvature that is met."""
    loss = catalogue.losses()[name]()
    z = np.linspace(-9, 9, 4001)
    truth = np.ones_like(z) if loss.lift.name != "residual" else np.zeros_like(z)
    bound = curvature.majorant_of(loss)
    given = loss.curvature(truth, z, "majorant")
    assert np.all(given >= loss.hessian(truth, z) - 1e-9)
    tight = loss.hessian(truth, z).max() if bound is not None else given
    assert np.any(0.99 * np.asarray(tight) < loss.hessian(truth, z))


def test_sampling_raises_no_false_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A true fact fails by rounding only; too few digits, never compared with more, would call it false."""
    truncated = proofs.case_of(catalogue.losses()["ZeroTruncatedPoisson"]())
    assert sampled.suspicion(truncated, "convex") == sampled.NOTHING
    assert sampled.suspicion(truncated, "elicits") == sampled.UNTRIED
    tricky = proofs.case_of(lossmith.loss("(1e20 + r)**2 - 1e40 - 2e20*r", lift="residual"))
    assert sampled.suspicion(tricky, "convex") == sampled.NOTHING
    assert sampled.suspicion(proofs.case_of(lossmith.Cauchy()), "convex").startswith("not so at r = ")
    assert sampled.suspicion(proofs.case_of(lossmith.Gamma()), "nonnegative").startswith("not so at z = ")
    monkeypatch.setattr(sampled, "SIZES", (100, 100))
    assert sampled.suspicion(tricky, "convex") != sampled.NOTHING
