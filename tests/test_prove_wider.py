"""What is decided by parts, curves, circles, shares and boxes: true facts, false claims beside them, broken rules.

Each mutant breaks one rule of the provers; a false claim that is then proved shows that the rule was needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lossmith
from lossmith import catalogue, certificates, knowledgejoint
from lossmith.cli import main
from lossmith.errors import UnsupportedError
from lossmith.symbolic import binding, circle, elicits, finitejoint, freed, jointly, normal

TWO = "several(a, b)"

TRUE = [
    ("AsymmetricLoss", "twice"), ("AsymmetricLoss", "majorant"), ("AsymmetricLoss", "finite in float64"),
    ("BetaRegression", "elicits"), ("BinomialCauchit", "elicits"), ("Cauchit", "finite in float64"),
    ("LogLogistic", "nonnegative"), ("PowerScore", "monotone margin"), ("PowerScore", "proper composite"),
    ("SymmetricPercentage", "redescending"), ("WrappedCauchy", "elicits"), ("StudentTNLL", "convex in log_sigma"),
    ("HurdleLogNormal", "convex in log_sigma"), ("IntervalScore", "Lipschitz"), ("CumulativeCloglog", "nonnegative"),
    ("ChiSquare", "convex"), ("MultiClassBrier", "finite in float32"), ("ReverseKullbackLeibler", "finite in float64"),
]  # fmt: skip
FALSE = [
    ("Hill", "elicits"), ("StudentTNLL", "Lipschitz"), ("HurdleLogNormal", "bounded below"), ("Sparsemax", "twice"),
    ("SymmetricPercentage", "majorant"), ("LogLog", "finite in float32"), ("ZeroTruncatedPoisson", "finite in float32"),
    ("KullbackLeibler", "finite in float64"), ("CumulativeLogit", "finite in float32"),
    ("RankNet", "finite in float64"), ("AllThresholds", "finite in float32"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "fact"), TRUE)
def test_facts_that_are_proved_stand_before_the_second_routine(name: str, fact: str) -> None:
    made = certificates.certificate(catalogue.every()[name](), fact)
    assert made.fact.holds is True and made.stands is True


@pytest.mark.parametrize(("name", "fact"), FALSE)
def test_facts_that_are_refuted_are_seen_to_fail(name: str, fact: str) -> None:
    made = certificates.certificate(catalogue.every()[name](), fact)
    assert made.fact.holds is False and made.stands is True


def joint(formula: str) -> Any:
    return knowledgejoint.joint_facts(lossmith.loss(formula if "y" in formula else f"{formula} + 0*y", lift=TWO))


WRONG_OF_TWO = [
    ("-log(1 + ((y - a)*exp(-b))**2)", "convex in b"), ("log(1 + ((y - a)*exp(-b))**2)", "convex in a"),
    ("where(y > 0, a**2, -a**2/9) + b", "convex in a"), ("where(y < 2, exp(b), sqrt(abs(b))) + a", "convex in b"),
    ("where(a > 0, 1, 0) + abs(b)", "Lipschitz"), ("abs(a)*exp(b)", "Lipschitz"), ("(y - a)*exp(-b)", "Lipschitz"),
    ("exp(-b)*a - b", "bounded below"), ("b + (a*exp(-b))**2", "bounded below"), ("a**2 - abs(b)", "nonnegative"),
    ("max(0, a + exp(b)) - 1", "nonnegative"), ("exp(b)*(a - y)", "finite in float64"),
    ("a**4 + b", "finite in float32"),
]  # fmt: skip
WRONG_OF_ONE = [
    ("sin(r)**2", "elicits", "mean direction"), ("1 - cos(r**3)", "elicits", ""), ("cos(r)", "elicits", ""),
    ("-cos(3*r)", "elicits", "mean direction"), ("cos(r)", "efficiency", ""),
    ("max(0, sigmoid(m) - 0.3)", "smooth", ""), ("max(0, sigmoid(m) - 0.3)**2", "twice", ""),
    ("abs(sigmoid(m) - 0.3)", "monotone margin", ""), ("exp(1.5*softplus(m)) - exp(1.5*m)", "monotone margin", ""),
    ("exp(-2*softplus(-m)) - sigmoid(m)**2 - 1e-3", "nonnegative", ""), ("where(sigmoid(m) > 0.4, 0, 1)", "smooth", ""),
    ("min(1, sigmoid(-m) + 0.05)**2", "convex", ""),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "fact"), WRONG_OF_TWO)
def test_a_false_claim_about_two_outputs_is_not_proved(formula: str, fact: str) -> None:
    assert joint(formula)[fact].holds is not True


@pytest.mark.parametrize(("formula", "fact", "says"), WRONG_OF_ONE)
def test_a_false_claim_about_one_slot_is_not_proved(formula: str, fact: str, says: str) -> None:
    found = lossmith.loss(formula).facts()[fact]
    assert found.holds is not True or (says and says not in found.because)


@pytest.mark.parametrize("formula", ["a**2 + b**2", "softplus(a) + abs(b)", "exp(a) + exp(-b)", "log(1 + a**2) + b**2"])
def test_no_curve_is_found_where_a_loss_is_bounded_below(formula: str) -> None:
    assert joint(formula)["bounded below"].holds is not False


CONVEX_WITH_KINKS = [
    "max(0, a - y)**2 + abs(b)", "max(a, max(y, b))", "3*max(0, a - y)**2 + 3*max(0, y - a)**2 - 2*(a - y)**2 + b",
]  # fmt: skip


@pytest.mark.parametrize("formula", CONVEX_WITH_KINKS)
def test_a_kink_that_is_met_by_chance_refutes_nothing(formula: str) -> None:
    """The mutant: second derivatives are numbers at kinks too, which say nothing about the loss beside them."""
    assert joint(formula)["convex in a"].holds is not False


SHIFTED = [
    ("2*softplus(z - y) - (z - y) - 1.4", False), ("2*softplus(z - y) - (z - y) - 1.38", True),
    ("(z - y)**4 - (z - y)**2 + 0.24", False), ("(z - y)**4 - (z - y)**2 + 0.26", True),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "holds"), SHIFTED)
def test_a_function_of_one_difference_is_as_negative_as_that_lets_it_be(formula: str, holds: bool) -> None:
    assert lossmith.loss(formula, lift="score").facts()["nonnegative"].holds is holds


def test_a_loss_that_fits_another_place_than_the_centre_has_no_efficiency() -> None:
    with pytest.raises(UnsupportedError, match="largest in the centre"):
        lossmith.loss("cos(r)").efficiency()
    assert lossmith.loss("-cos(r)").efficiency() == pytest.approx(0.8509, abs=1e-4)


def of(formula: str, fact: str, lift: str | None = None) -> Any:
    from lossmith.proofs import case_of
    from lossmith.symbolic.provers import answer

    return answer(case_of(lossmith.loss(formula, lift)), fact)


def bent(formula: str) -> bool:
    """Is every term convex, whatever its values at a few points say?"""
    described = knowledgejoint.described(lossmith.loss(formula, lift=TWO))[0]
    return jointly.convex(described) is not None


NARROWED = freed.narrowed
MUTANTS: dict[str, tuple[Any, str, Any, Callable[[], Any]]] = {
    "any angle is the slot": (
        circle, "same", lambda found: True, lambda: "mean direction" in of("1 - cos(3*r)", "elicits").because,
    ),
    "every share is positive": (circle, "above_zero", lambda *a: True, lambda: of("cos(r)", "elicits").holds),
    "a centre may cost most": (
        normal, "efficiency", lambda case, scale=1.0: 0.85, lambda: of("cos(r)", "efficiency").holds,
    ),
    "a branch is for the other truths": (
        freed, "narrowed", lambda loss, condition, holds: NARROWED(loss, condition, not holds),
        lambda: bent("where(y > 0, -y*a**2, y*a**2) + b**2"),
    ),
    "every formula is seamless": (
        freed, "seamless", lambda *a: True, lambda: joint("where(a > 0, 1, 0) + abs(b)")["Lipschitz"].holds,
    ),
    "every link rises": (
        elicits, "positive", lambda *a: True,
        lambda: of("y*softplus(-z) + (1 - y)*(1.5 - sigmoid(z))*sigmoid(z)**2", "elicits", "score").holds,
    ),
    "everything is whole": (
        binding, "whole", lambda *a: True, lambda: binding.everywhere(_hole(), "value"),
    ),
    "a box is never too large": (
        finitejoint, "_everywhere", lambda *a: True,
        lambda: finitejoint.of_scores(lossmith.KullbackLeibler(), "float64").holds,
    ),
}  # fmt: skip


def _hole() -> Any:
    """A loss that is no number between −1 and 1."""
    from lossmith.proofs import case_of

    return case_of(lossmith.loss("sqrt(r**2 - 1)"))


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_rule_would_prove_a_false_claim(
    mutant: str, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    where, name, replacement, claim = MUTANTS[mutant]
    monkeypatch.setenv("LOSSMITH_CACHE_DIR", str(tmp_path_factory.mktemp("mutant")))
    assert claim() is not True, "the claim is false, and is not proved by the rules as they are"
    monkeypatch.setattr(where, name, replacement)
    monkeypatch.setenv("LOSSMITH_CACHE_DIR", str(tmp_path_factory.mktemp("mutant")))
    assert claim() is True


@pytest.mark.parametrize("kind", ["float64", "float32"])
@pytest.mark.parametrize("name", ["ZLoss", "ChiSquare", "CrammerSinger", "RankBoost", "Entmax", "DualFocal"])
def test_the_box_of_scores_is_one_in_which_the_kernel_gives_numbers(name: str, kind: str) -> None:
    """The mutant: a box in which sums may be 2⁴⁸ times as large holds scores at which the kernel overflows."""
    loss = catalogue.every()[name]()
    most = loss.facts()[f"finite in {kind}"].constant
    rng = np.random.default_rng(0)
    width = 2 if name == "RankBoost" else 5
    z = (most * rng.choice([-1.0, 1.0, 0.3], (200, width))).astype(kind)
    y = rng.integers(0, 2, 200)
    with np.errstate(all="ignore"):
        assert np.isfinite(loss.value(y, z)).all() and np.isfinite(loss.gradient(y, z)).all()


def test_a_formula_that_begins_with_a_minus_is_told_how_to_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    for words, code, shown in (
        (["prove", "-logp"], 2, "goes after --"), (["prove", "--fact", "convex", "--", "-logp"], 0, "proved   convex"),
    ):  # fmt: skip
        with pytest.raises(SystemExit) as left:
            main(words)
        both = capsys.readouterr()
        assert left.value.code == code and shown in both.out + both.err
