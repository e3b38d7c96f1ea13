"""Losses of a place and a width, of distances, of adjusted scores: true facts, false claims beside them, mutants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from planted import Planted, of

import lossmith
from lossmith import catalogue, certificates, knowledgejoint, slotfacts
from lossmith.proofs import case_of
from lossmith.symbolic import finitejoint, jointly, prove, slopes, units

W = "((y - a)*exp(-b))"
TRUE = [
    ("NormalCRPS", "nonnegative"), ("NormalCRPS", "bounded below"), ("LogisticCRPS", "nonnegative"),
    ("LaplaceCRPS", "nonnegative"), ("LaplaceCRPS", "convex in mu"), ("LogisticCRPS", "convex in mu"),
    ("ExponentialCRPS", "bounded below"), ("ExponentialCRPS", "elicits"), ("LogisticNLL", "convex in log_s"),
    ("GumbelNLL", "convex in log_b"), ("WeibullNLL", "convex in log_shape"), ("GammaNLL", "convex in log_mu"),
    ("ActivePassive", "finite in float64"), ("NormalisedCrossEntropy", "finite in float32"), ("Quantile", "even"),
    ("SmoothQuantile", "even"), ("IntervalScore", "nonnegative"), ("Weibull", "bounded below"),
]  # fmt: skip
FALSE = [
    ("NormalCRPS", "smooth"), ("LogisticCRPS", "smooth"), ("LaplaceCRPS", "smooth"), ("ExponentialCRPS", "convex"),
    ("LogisticNLL", "bounded below"), ("GumbelNLL", "finite in float64"), ("LDAM", "finite in float64"),
    ("Contrastive", "twice"), ("HingeEmbedding", "smooth"), ("CosineEmbedding", "strictly convex"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "fact"), TRUE)
def test_a_proved_fact_is_confirmed_over_boxes_or_by_algebra(name: str, fact: str) -> None:
    """The fault that it caught: a slope of erf that was not known stood as a number, and its slope as 0."""
    made = certificates.certificate(catalogue.every()[name](), fact)
    assert certificates.way(made) in (certificates.OVER_BOXES, certificates.BY_ALGEBRA)


@pytest.mark.parametrize(("name", "fact"), FALSE)
def test_a_refuted_fact_is_seen_to_fail(name: str, fact: str) -> None:
    assert certificates.way(certificates.certificate(catalogue.every()[name](), fact)) == certificates.AT_WITNESS


WRONG_OF_TWO = [
    (formula, fact)
    for fact, formulas in {
        "nonnegative": (
            f"exp(b)*({W}*erf({W}/sqrt(2)) + sqrt(2/pi)*exp(-{W}**2/2) - 0.79789)",
            f"exp(b)*(softplus({W}) + softplus(-{W}) - 1.386295)", f"abs(y - a) + exp(b)*(exp(-abs({W})) - 1.000001)",
            f"exp(b)*(softplus({W}) - 1e-9)", f"exp(b)*abs({W}) + (b + 20)/1e3", f"exp(2*b)*{W}**2 - 1e-9*exp(b)",
        ),
        "bounded below": (
            f"abs(y - a) + exp(b)*(exp(-abs({W})) - 1.000001)", f"b + log(1 + {W}**2)", f"b/1e3 + abs({W})",
        ),
        "convex in a": (
            f"exp(b)*({W}*erf({W}/sqrt(2))*0.49 + sqrt(2/pi)*exp(-{W}**2/2))", "(y - 1)*exp(a) + b",
            f"abs(y - a) + exp(b)*exp(-1.001*abs({W}))",
            "exp(b)*softplus((y - a)**3*exp(-b))", "erf(y - a) + (y - b)**2", "b**2 + erf(a) + 0*y",
            "(y - 3)*exp(a) + b**2", "b*a**2 + 0*y", "(exp(b) - 1)*a**2 + 0*y", "sin(b)*exp(a) + 0*y",
            "-exp(b)*abs(y - a)", "exp(b)*(y*exp(a) - a**2)", "exp(b)*sigmoid(a) + 0*y",
        ),
        "convex in b": (
            f"b + atan({W})", f"b + tanh({W})", f"b - softplus({W})", f"b + sigmoid({W})", f"b**3 + {W}**2",
            f"b + min({W}**2, 1)", f"b + log(1 + {W}**2)*sigmoid({W})", f"b + erf({W})", f"sin(b)/9 + abs({W})",
            f"b + expm1(-{W}) + 1.2*{W}*exp(-{W})", f"-b**2/1e6 + softplus({W}) + softplus(-{W})",
        ),
        "convex": (
            "erf(y - a) + (y - b)**2", "erf(a + b) + (a + b)**2/9 + 0*y", "(y - 1)*abs(a) + abs(b)",
            "b*(a - b)**2 + 0*y", f"b + softplus({W}) + softplus(-{W})", f"abs(y - a) + exp(b)*(exp(-abs({W})) - 3/4)",
        ),
        "smooth": (
            f"exp(b)*(softplus({W}) + softplus(-{W}) - 1)", f"b + softplus({W}) + softplus(-{W})",
            f"abs(y - a) + exp(b)*exp(-abs({W}))", "erf(a*b) + 0*y", "erf(a*exp(b)) + 0*y", f"log(1 + {W}**2)",
        ),
        "Lipschitz": (f"exp(b)*(softplus({W}) + softplus(-{W}) - 1)", f"b + log(1 + {W}**2)", f"erf({W}) + b"),
    }.items()
    for formula in formulas
]  # fmt: skip


@pytest.mark.parametrize(("formula", "fact"), WRONG_OF_TWO)
def test_a_false_claim_about_a_place_and_a_width_is_not_proved(formula: str, fact: str) -> None:
    loss = lossmith.loss(formula, lift="several(a, b)")
    assert knowledgejoint.of_formula(loss).verdict(fact).holds is not True


WRONG_OF_ONE = [
    *(Planted(fact, f"y + exp(z)*(2*exp(-y*exp(-z)) - {c})", "score")
      for fact, c in (("nonnegative", 1.7), ("nonnegative", 1.6932), ("bounded below", 2.0001))),
    *(Planted("elicits", f, "score") for f in ("exp(z)*log(1 + y**2*exp(-2*z))", "exp(z)*cos(y*exp(-z))",
                                               "exp(z)*tanh(y*exp(-z))**2", "exp(-z)*sin(y*exp(z))")),
    *(Planted(fact, "y*z**2 + (1 - y)*max(0, 1 - z)**2", "score")
      for fact in ("strongly convex", "strictly convex", "twice", "bounded influence", "Lipschitz")),
    Planted("convex", "y*z**2 + (1 - y)*max(0, 1 - z)**2 - 0.001*z**2", "score"),
    Planted("nonnegative", "y*z**2 + (1 - y)*max(0, 1 - z)**2 - 1e-9", "score"),
    *(Planted(fact, "y*max(0, z) + (1 - y)*max(0, 1 - z)", "score")
      for fact in ("strictly convex", "twice", "smooth", "majorant")),
    Planted("bounded below", "y*max(0, z) + (1 - y)*max(0, 1 - z) - 1e-9*abs(z)", "score"),
    Planted("convex", "y*max(0, 1 - z) + (1 - y)*max(0, z) - 0.001*abs(z)", "score"),
    Planted("nonnegative", "y*max(0, 1 - z) + (1 - y)*max(0, z - 0.5) - 1e-9", "score"),
    *(Planted("convex", f) for f in ("erf(r)", "r*erf(r)/2", "r**2/9 + erf(r)", "erf(abs(r))")),
    *(Planted("smooth", f) for f in ("abs(erf(r))", "erf(r)*r**3", "erf(sqrt(abs(r)))")),
    *(Planted("even", f) for f in ("0.5*max(r, 0) - 0.5000001*min(r, 0)", "where(r > 0, 0.5, 0.4999)*r**2",
                                   "max(r, 0) + max(-r, 1e-9)", "max(r, 0) - min(r, 0) + 1e-9*r")),
]  # fmt: skip


@pytest.mark.parametrize("claim", WRONG_OF_ONE, ids=str)
def test_a_false_claim_about_one_number_is_not_proved(claim: Planted) -> None:
    what = of(claim.formula, claim.lift)
    spelled, target = slotfacts.spelled_out(what), what.target.interval
    found = prove.facts(what.derived.slot, {}, claim.lift, target=target, literal=spelled)
    assert found[claim.fact].holds is not claim.holds


@pytest.mark.parametrize("formula", ["logp**2/mean_logp", "logp*mean_logp", "exp(-logp) + 0*mean_logp", "mean_logp*p"])
def test_a_ratio_of_log_probabilities_that_grows_is_not_called_finite(formula: str) -> None:
    loss = lossmith.loss(formula, lift="simplex")
    assert finitejoint.of_scores(loss, "float64").holds is not True


def test_there_are_enough_of_them() -> None:
    assert len(set(WRONG_OF_TWO)) + len(set(WRONG_OF_ONE)) >= 75


@pytest.mark.parametrize("formula", ["sqrt(1 + (y - a)**2) + softplus(b)", "logcosh", "softplus(a - b) + 0*y"])
def test_no_curve_is_found_where_second_derivatives_are_bounded(formula: str) -> None:
    """The mutant: a curve that is found by its first derivatives refutes what is smooth."""
    formula = formula.replace("logcosh", "log(cosh(y - a)) + b**2/2")
    loss = lossmith.loss(formula, lift="several(a, b)")
    assert knowledgejoint.of_formula(loss).verdict("smooth").holds is not False


# ------------------------------------------------------------------------------------------------------ broken rules


def joint(formula: str, fact: str) -> bool | None:
    described, _ = knowledgejoint.described(lossmith.loss(formula, lift="several(a, b)"))
    assert described is not None
    return jointly.verdict(described, fact).holds


MUTANTS: dict[str, tuple[Any, str, Any, Callable[[], bool | None]]] = {
    "every width is a unit": (
        units, "_scales", lambda found: found is not None, lambda: joint(f"abs({W}) + b + 50", "nonnegative"),
    ),
    "a width only shifts": (
        units, "_shifts", lambda found: found is not None,
        lambda: joint("abs(y - a - 40)*exp(b) - exp(b)/2", "convex in b"),
    ),
    "every factor is positive": (
        jointly, "_sign", lambda *a: 1, lambda: joint("(y + 100)*exp(a) + b", "convex in a"),
    ),
    "a slope of what is not known is 0": (
        slopes, "RULES", {n: r for n, r in slopes.RULES.items() if n != "erf"} | {"erf": lambda t, x, v: 0.0},
        lambda: joint("erf(y - a - 40) + b**2", "convex in a"),
    ),
    "every score has a unit": (
        units, "_scales", lambda found: found is not None,
        lambda: units.score_elicits(case_of(lossmith.loss("y*sin(z) + 2*y**2", lift="score"))).holds,
    ),
}  # fmt: skip


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_rule_would_prove_a_false_claim(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where, name, replacement, claim = MUTANTS[mutant]
    assert claim() is not True, "the claim is false, and is not proved by the rules as they are"
    monkeypatch.setattr(where, name, replacement)
    assert claim() is True


def test_the_slope_of_erf_has_no_rounded_number_in_it() -> None:
    case = case_of(lossmith.loss("r*erf(r)"))
    assert case.spelled is not None
    slope = slopes.differentiate(case.spelled.program, "r", "value")
    with mpmath.workdps(60):
        for t in (-2.5, 0.3, 4.0):
            x = mpmath.mpf(t)
            exact = mpmath.erf(x) + 2 * x * mpmath.exp(-x * x) / mpmath.sqrt(mpmath.pi)
            found = slope.run({"r": t}, bits=400, agree=180)["value"]
            assert abs(found - exact) < mpmath.mpf(10) ** -48


@pytest.mark.parametrize("kind", ["float64", "float32"])
@pytest.mark.parametrize("scale", [1.0, 1e10])
def test_a_box_of_adjusted_scores_counts_their_factors(scale: float, kind: str) -> None:
    """The mutant: a box that forgets the factors holds scores at which the kernel overflows."""
    loss = lossmith.LDAM().over(lossmith.adjusted([0.5, 0.3, 0.2], tau=0, margin=0.5, scale=scale))
    fact = loss.facts()[f"finite in {kind}"]
    assert fact.constant is not None and isinstance(fact.witness, dict)
    z = np.asarray([[-1, 1, 0], [1, -1, 0.3], [1, 1, -1]], kind) * np.asarray(fact.constant, kind)
    with np.errstate(all="ignore"):
        assert np.isfinite(loss.value([0, 1, 2], z)).all() and np.isfinite(loss.gradient([0, 1, 2], z)).all()
        beyond = loss.value([int(fact.witness["label"])], np.asarray([fact.witness["scores"]], kind))
    assert not np.isfinite(beyond).any()
