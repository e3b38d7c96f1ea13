"""The facts beyond convexity: strictness, steepness, efficiency, what is elicited, calibration, and range."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from planted import Planted, of
from scipy import integrate, optimize

import lossmith
from lossmith import catalogue
from lossmith.errors import ParameterError, UnsupportedError
from lossmith.facts import Fact
from lossmith.symbolic import elicits, finite, normal, parity, probabilities, prove, shape, strict

YES, NO = True, False
LOSSES = catalogue.losses()


def facts(loss: Any) -> prove.Facts:
    """The facts of a loss, not kept."""
    slot = loss.derived.slot
    return prove.facts(slot, {n: loss.params[n] for n in slot.params}, loss.lift.name, target=loss.target.interval)


# ------------------------------------------------------------------------------------------------- known verdicts

SHAPES: dict[str, tuple[object, object, object]] = {
    # strictly convex, strongly convex (with its constant), Lipschitz (with its constant)
    "Squared": (YES, 1.0, NO), "Absolute": (NO, NO, 1.0), "Huber": (NO, NO, 1.345), "PseudoHuber": (YES, NO, 1.2871),
    "LogCosh": (YES, NO, 1.2047), "Cauchy": (NO, NO, 1.19245), "Tukey": (NO, NO, 1.3417), "Lq": (YES, NO, NO),
    "Expectile": (YES, 1.0, NO), "Quantile": (NO, NO, 0.5), "EpsilonInsensitive": (NO, NO, 1.0),
    "Logistic": (YES, NO, 1.0), "Hinge": (NO, NO, 1.0), "Exponential": (YES, NO, NO), "SquaredMargin": (YES, 2.0, NO),
    "Probit": (YES, NO, NO), "Poisson": (YES, NO, NO), "Gamma": (YES, NO, NO), "BinaryCrossEntropy": (YES, NO, 1.0),
    "BinomialProbit": (YES, NO, NO), "InverseGaussian": (NO, NO, NO), "CrossEntropy": (NO, NO, math.sqrt(2)),
}  # fmt: skip
RESIDUALS: dict[str, tuple[object, str]] = {
    # rejection point, what it elicits
    "Squared": (NO, "the mean"), "Absolute": (NO, "the median"), "Huber": (NO, "the Huber functional"),
    "Tukey": (4.6851, "mode-like"), "Welsch": (NO, "mode-like"), "Talwar": (2.7955, "mode-like"),
    "Quantile": (NO, "the median"), "Expectile": (NO, "the mean"), "LogCosh": (NO, "an M-functional"),
    "CappedAbsolute": (2.5, "mode-like"), "Cauchy": (NO, "mode-like"),
}  # fmt: skip
CLASSIFIERS: dict[str, tuple[object, object, str]] = {
    # calibrated, proper composite, what it elicits
    "Logistic": (YES, YES, "the probability"), "Hinge": (YES, NO, "the likeliest class"),
    "SquaredHinge": (YES, YES, "the probability"), "ModifiedHuber": (YES, YES, "the probability"),
    "Exponential": (YES, YES, "the probability"), "Probit": (YES, YES, "the probability"),
    "SigmoidMargin": (YES, NO, "the likeliest class"), "Ramp": (YES, NO, "the likeliest class"),
    "Savage": (YES, YES, "the probability"), "Tangent": (YES, YES, "the probability"),
    "Brier": (YES, YES, "the probability"), "Perceptron": (NO, NO, "not even"), "DWD": (YES, NO, "the likeliest"),
    "CrossEntropy": (YES, YES, "the probability"), "Focal": (YES, YES, "the probability"),
    "LabelSmoothing": (YES, YES, "the probability"), "GeneralizedCrossEntropy": (YES, YES, "the probability"),
    "ProbabilityAbsolute": (YES, NO, "the likeliest class"), "TaylorCrossEntropy": (YES, NO, "the likeliest class"),
}  # fmt: skip


def agrees(fact: Fact, expected: object) -> bool:
    """Is the verdict as expected, and its constant where that is a number?"""
    if isinstance(expected, float):
        return bool(fact.holds) and fact.constant == pytest.approx(expected, rel=2e-3)
    return fact.holds is expected


@pytest.mark.parametrize("name", SHAPES)
def test_strict_strong_and_lipschitz(name: str) -> None:
    found = facts(LOSSES[name]())
    for column, expected in zip(("strictly convex", "strongly convex", "Lipschitz"), SHAPES[name], strict=True):
        assert agrees(found[column], expected), found[column]


@pytest.mark.parametrize("name", RESIDUALS)
def test_rejection_and_functionals_of_residual_losses(name: str) -> None:
    found, (rejects, says) = facts(LOSSES[name]()), RESIDUALS[name]
    assert agrees(found["rejection point"], rejects), found["rejection point"]
    assert found["elicits"].holds and found["elicits"].because.startswith(says), found["elicits"]


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_calibration_and_probabilities(name: str) -> None:
    found = facts(LOSSES[name]())
    for column, expected in zip(("calibrated", "proper composite"), CLASSIFIERS[name], strict=False):
        assert found[column].holds is expected, found[column]
    assert found["elicits"].because.startswith(CLASSIFIERS[name][2]), found["elicits"]


def test_levels_come_out_of_the_formula() -> None:
    assert facts(lossmith.Quantile(0.9))["elicits"].constant == pytest.approx(0.9)
    assert facts(lossmith.Expectile(0.2))["elicits"].constant == pytest.approx(0.2)
    assert "0.9-quantile" in facts(of("2*abs(r) + 1.6*r", "residual"))["elicits"].because
    for name in ("Poisson", "Gamma", "InverseGaussian", "Tweedie", "NegativeBinomial", "BinomialProbit"):
        assert facts(LOSSES[name]())["elicits"].because.startswith("the mean"), name


@pytest.mark.parametrize("name", ["Poisson", "Gamma", "InverseGaussian", "NegativeBinomial", "Tweedie"])
def test_likelihoods_are_bounded_below_for_each_y(name: str) -> None:
    assert facts(LOSSES[name]())["bounded below"].holds


@pytest.mark.parametrize("name", ["Logistic", "SquaredHinge", "Tangent", "Savage", "Focal", "Brier", "LabelSmoothing"])
def test_a_proper_loss_has_its_least_mean_at_the_probability_that_it_tells(name: str) -> None:
    """The verdict against brute force: argmin over z of the mean loss, mapped by the link, is the probability."""
    loss = LOSSES[name]()
    z = np.linspace(-12, 12, 200_001)
    for eta in (0.15, 0.4, 0.7):
        mean = eta * loss.value(np.ones_like(z), z) + (1 - eta) * loss.value(np.zeros_like(z), z)
        assert loss.mean(z[[np.argmin(mean)]])[0] == pytest.approx(eta, abs=1e-3)


# ------------------------------------------------------------------------------------------------ ranges of floats


@pytest.mark.parametrize("name", ["Squared", "Huber", "LogCosh", "Exponential", "Poisson", "SquaredHinge", "Lq"])
@pytest.mark.parametrize("kind", ["float64", "float32"])
def test_the_range_on_which_a_loss_is_finite_ends_where_it_says(name: str, kind: str) -> None:
    """By the living definition: within the format just inside the interval, beyond it just outside."""
    loss = LOSSES[name]()
    fact = facts(loss)[f"finite in {kind}"]
    assert fact.holds is False
    most = float(np.finfo(kind).max)
    for end in fact.witness:
        if abs(end) >= 0.99 * most:
            continue
        slot = loss.derived.slot.only("value", "d1")
        given = dict.fromkeys(slot.inputs[1:], 1.0) | {n: loss.params[n] for n in slot.params}
        sizes = [max(abs(v) for v in slot.run({slot.inputs[0]: end * k, **given}).values()) for k in (1, 1 + 4e-6)]
        assert sizes[0] <= most < sizes[1], (name, end, sizes)


def test_some_losses_are_finite_for_every_float() -> None:
    for name in ("Tukey", "SmoothL1", "Absolute", "SigmoidMargin", "Logistic", "CrossEntropy"):
        assert facts(LOSSES[name]())["finite in float32"].holds, name


# ------------------------------------------------------------------------------------------------ tuning constants

TABLE: dict[str, tuple[str, float, float, float]] = {
    # loss: (what of its parameters, at 85 %, 90 %, 95 %): appendix A of the catalogue, to the printed digits
    "Huber": ("delta", 0.7317, 0.9818, 1.3450), "PseudoHuber": ("delta", 0.5090, 0.7792, 1.2871),
    "LogCosh": ("c", 0.5459, 0.7825, 1.2047), "Fair": ("c", 0.3333, 0.6351, 1.3998),
    "Cauchy": ("c", 1.3737, 1.7249, 2.3849), "GemanMcClure": ("c", 2.4161, 2.8937, 3.7874),
    "Welsch": ("c", 2.0595, 2.3831, 2.9846), "Tukey": ("c", 3.4437, 3.8827, 4.6851),
    "Andrews": ("c", 0.9884, 1.1117, 1.3387), "Talwar": ("c", 2.3059, 2.5003, 2.7955),
    "Ramsay": ("a", 0.6704, 0.5266, 0.3570), "Arctan": ("c", 1.8738, 2.1346, 2.5714),
    "DynamicCovarianceScaling": ("phi", 2.0830, 2.6274, 3.6035),
}  # fmt: skip


@pytest.mark.parametrize("name", [n for n in TABLE if n in LOSSES])
def test_tuning_constants_to_the_printed_digits(name: str) -> None:
    parameter, *constants = TABLE[name]
    for wanted, expected in zip((0.85, 0.90, 0.95), constants, strict=True):
        tuned = LOSSES[name]().tune(wanted)
        assert round(tuned.params[parameter], 4) == pytest.approx(expected, abs=1.01e-4)
        assert tuned.efficiency() == pytest.approx(wanted, abs=2e-8)


def test_tuning_constants_of_several_parameters_and_other_powers_of_the_scale() -> None:
    start = {"a": 1.5, "b": 3.5, "c": 8.0}
    for wanted, k in ((0.85, 0.5704), (0.90, 0.6877), (0.95, 0.9014)):
        tuned = LOSSES["Hampel"](**start).tune(wanted)
        assert [tuned.params[n] / v for n, v in start.items()] == pytest.approx(3 * [k], abs=1e-4)
    for wanted, s in ((0.85, 0.6869), (0.90, 0.8624), (0.95, 1.1925)):  # ν s² takes the place of ν
        assert math.sqrt(lossmith.StudentT().tune(wanted).params["nu"] / 4) == pytest.approx(s, abs=1e-4)
    for alpha, c in ((1.0, 1.2871), (0.5, 1.5517), (0.0, 1.6864), (-1.0, 1.8238), (-2.0, 1.8937), (-4.0, 1.9647)):
        assert lossmith.Barron(alpha=alpha).tune(0.95).params["c"] == pytest.approx(c, abs=1e-4)


@pytest.mark.parametrize("name", ["Huber", "Welsch", "Talwar", "Absolute", "Lq"])
def test_the_efficiency_is_that_of_the_integrals(name: str) -> None:
    """Against SciPy's quadrature."""
    loss = LOSSES[name]()

    def pull(r: float) -> float:
        return -float(loss.gradient(np.array([r]), np.zeros(1))[0])

    def density(r: float) -> float:
        return math.exp(-r * r / 2) / math.sqrt(2 * math.pi)

    cut = [2.7955] if name == "Talwar" else None
    a = integrate.quad(lambda r: pull(r) * r * density(r), 0, 12, points=cut, limit=400)[0]
    b = integrate.quad(lambda r: pull(r) ** 2 * density(r), 0, 12, points=cut, limit=400)[0]
    assert loss.efficiency() == pytest.approx(2 * a * a / b, rel=1e-7)
    assert facts(loss)["efficiency"].constant == pytest.approx(loss.efficiency(), rel=1e-12)


def test_efficiency_means_the_variance_of_the_fitted_centre() -> None:
    """A simulation: the mean's variance over that of the Huber estimate, n = 200."""
    rng, loss = np.random.default_rng(5), lossmith.Huber(0.7317)
    y = rng.normal(size=(1500, 200))
    z = np.zeros(1500)
    for _ in range(60):
        r = y - z[:, None]
        w = np.minimum(1, loss.params["delta"] / np.abs(r))
        z = (w * y).sum(axis=1) / w.sum(axis=1)
    assert y.mean(axis=1).var() / z.var() == pytest.approx(loss.efficiency(), abs=0.04)
    assert optimize.minimize_scalar(lambda c: loss(y[0], np.full(200, c))).x == pytest.approx(z[0], abs=1e-6)


def test_what_cannot_be_tuned_says_why() -> None:
    for loss, says in ((lossmith.Absolute(), "0.6366"), (lossmith.Lq(), "no parameter"),
                       (lossmith.Logistic(), "residual"),
                       (lossmith.Quantile(0.9), "not even"), (lossmith.EpsilonInsensitive(), "reaches")):  # fmt: skip
        with pytest.raises(UnsupportedError, match=says):
            loss.tune(0.95)
    with pytest.raises(ParameterError, match="efficiency=1"):
        lossmith.Huber().tune(1.5)
    with pytest.raises(ParameterError, match="scale"):
        lossmith.Huber().efficiency(0)


# --------------------------------------------------------------------------------------------- planted false claims


FALSE = """
strictly convex (residual)
    abs(r) ; max(0, abs(r) - 1)**2 ; where(abs(r) <= 1, r**2/2, abs(r) - 1/2) ; r ; 0*r ; max(0, r)**2 ;
    max(0, r - 1) + max(0, -r - 1) ; sqrt(1 + r**2) - 0.001*r**4 ; r**3 ; where(r < 0, r**2, 0*r) ; abs(r)**0.9 ;
    cos(r) ; where(abs(r) < 1e-6, 0*r, (abs(r) - 1e-6)**2) ; r**2/2 + 1.001*cos(r) ; abs(r) + abs(r - 1)
strictly convex (margin)
    max(0, 1 - m) ; where(m >= 0, exp(-m), 1 - m) ; max(0, 1 - m)**2 ; sigmoid(-m)
strictly convex (softmax)
    -1*logp ; -(1 - p)**2*logp ; logp**2
strictly convex (score)
    z - y*z ; abs(z) ; exp(z) - y*z**2 ; y*softplus(z)*0
strongly convex (residual)
    r**4 ; sqrt(1 + r**2) ; softplus(r) ; exp(r) ; log(cosh(r)) ; abs(r)**1.5 ; abs(r) ; r**2/2 + cos(r) ;
    where(abs(r) <= 1, r**2/2, abs(r) - 1/2) ; r**2/2 + 1.2*cos(r) ; r**2*exp(-r**2/100) ; abs(r)**3 ;
    softplus(-r) + r ; r**2/2 + exp(-(r - 37.3)**2)
strongly convex (margin)
    softplus(-m) ; exp(-m) ; max(0, 1 - m)**2 ; -log_ndtr(m)
strongly convex (score)
    exp(z) - y*z ; z + y*exp(-z) ; softplus(z) - y*z
Lipschitz (residual)
    r**2 ; abs(r)**1.01 ; exp(r) ; where(r < 1, abs(r), 2*abs(r)) ; sign(r) ; abs(r)**0.5 ; r*sin(r) ;
    where(abs(r) <= 1, r**2/2, abs(r) - 0.499) ; log(1 + r**2)*r ; where(r > 2, 1, 0*r) ; sqrt(abs(r))
Lipschitz (margin)
    exp(-m) ; max(0, 1 - m)**2 ; where(m < 0, 1 - m, exp(-m)/2)
rejection point (residual)
    abs(r) ; r**2 ; log(1 + r**2) ; 1 - exp(-r**2) ; r**2/(1 + r**2) ; where(r < 3, r**2, 9 + 0.1*(r - 3)) ;
    where(abs(r) <= 1, r**2, 1 + 1e-9*(abs(r) - 1)) ; atan(r**2) ; min(abs(r), 2) + 1e-12*abs(r) ; tanh(r)**2
monotone margin (margin)
    (1 - m)**2 ; m ; exp(-m) + 1e-6*m ; (2*atan(m) - 1)**2 ; sigmoid(m) ; cos(m) + m/9 ;
    max(0, 1 - m) + 0.01*max(0, m - 5) ; where(m < 0, -m, 1 - m)
monotone margin (softmax)
    -logp - 1.01*(1 - p) ; 1*logp ; p + 1 ; -logp + p**3 ; -logp - 0.1*mean_logp ; -0.001*mean_logp - logp
calibrated (margin)
    max(0, -m) ; m ; exp(m) ; abs(m) - m/2 ; (1 + m)**2 ; softplus(m) ; max(0, -m) + 0.1*m**2 ; cos(m) + m/9 ;
    sigmoid(m) ; max(0, 1 + m) ; max(0, -m)**2 ; -m*exp(-m**2)
calibrated (softmax)
    1*logp ; p + 1 ; 1 - (1 - p)*p + 0.1*(1 - p) ; -log(1 - p) ; (p - 0.5)**2
proper composite (margin)
    max(0, 1 - m) ; sigmoid(-m) ; 1 - m ; min(1, max(0, 1 - m)) ; max(0, -m) ; where(m <= 0.5, 1 - m, 1/(4*m)) ;
    max(1 - m, -0.5*(1 - m)) ; 1 - exp(-2*(1 - m)**2) ; 1 - tanh(m) ; max(0, -m)**2 ; m ; -atan(m) ;
    max(-m, max(0, 1/2 - m/2)) ; softplus(-m) + 0.01*exp(-(10*m - 23.7)**2)
proper composite (softmax)
    2*(1 - p) ; (1 - p) + (1 - p)**2/2 ; exp(-p) ; 1*logp ; (1 - p)**2 ; 1 - p**2
even (residual)
    r**2 + 1e-9*r ; softplus(r) ; abs(r) + max(0, r)*1e-12 ; where(r < 0, r**2, 2*r**2) ; r**3 ; abs(r - 1e-9) ;
    sin(r)*r**2 ; r**2*tanh(r) ; sign(r) ; where(r > 0, r, 0*r)
finite in float64 (residual)
    r**2 ; exp(r) ; r**4/1e300 ; cosh(r) ; 2*abs(r) ; abs(r)**1.01 ; 1e200*r**2/(1 + r**2)*r
finite in float32 (residual)
    r**2 ; exp(r) ; 1e30*r**2/(1 + 1e-9*r**2) ; 3*abs(r) ; abs(r)**1.1 ; exp(r**2/1e4)
finite in float32 (margin)
    exp(-m) ; (1 - m)**2 ; max(0, 2 - 4*m)
efficiency (residual)
    softplus(r) ; r**3 ; exp(r) - r ; max(0, r)**2 ; 0.9*max(r, 0) - 0.1*min(r, 0)
elicits (margin)
    max(0, -m) ; softplus(m) ; abs(m) - m/2 ; max(0, 1 + m)
elicits (residual)
    r**4 - r**2 ; cos(r)*r**2 ; sin(r)
"""
"""Claims that are false: under each fact (and lift), the formulas of which it does not hold."""

TRUE = """
strictly convex (residual)
    r**2/2 ; r**4 ; sqrt(1 + r**2) ; r**2 + abs(r) ; exp(r) ; softplus(r) + softplus(-r)
strongly convex (residual)
    r**2/2 ; r**2 + abs(r) ; r**2 + r**4 ; r**2 + sqrt(1 + r**2)
calibrated (margin)
    softplus(-m) ; max(0, 1 - m) ; exp(-m) ; sigmoid(-m)
proper composite (margin)
    softplus(-m) ; exp(-m) ; sigmoid(-m)**2 ; max(0, 1 - m)**2
monotone margin (margin)
    softplus(-m) ; max(0, 1 - m) ; 1 - m
rejection point (residual)
    min(abs(r), 1) ; where(abs(r) <= 1, 1 - (1 - r**2)**3, 1)
"""
"""Facts that hold, and may not be refuted."""


def _listed(text: str, holds: bool) -> Iterator[Planted]:
    for block in re.split(r"\n(?=\w)", text.strip()):
        head, _, body = block.partition("\n")
        fact, lift = head.rstrip(")").split(" (")
        yield from (Planted(fact, f.strip(), lift, holds) for f in body.replace("\n", " ").split(" ;") if f.strip())


PLANTED = [*_listed(FALSE, True), *_listed(TRUE, False)]


def verdict(claim: Planted) -> bool | None:
    """What the provers say to a claim, afresh."""
    return facts(of(claim.formula, claim.lift))[claim.fact].holds


def test_there_are_many_planted_claims() -> None:
    assert len(set(PLANTED)) >= 150


@pytest.mark.parametrize("claim", PLANTED, ids=str)
def test_a_false_claim_is_not_proved(claim: Planted) -> None:
    assert verdict(claim) is not claim.holds


def test_wrong_functionals_are_not_named() -> None:
    """Slopes that come near to those of a mean, a median, a Huber functional."""
    named = ("the mean", "the median", "the Huber", "the 0")
    for formula in ("r**2/2 + 1e-12*r**4", "abs(r) + 1e-9*r**2", "r**2/2 + 1e-9*abs(r)", "sqrt(1e-12 + r**2)",
                    "where(abs(r) <= 1, r**2/2, abs(r) - 1/2 + 1e-9*max(0, abs(r) - 5))", "max(0, abs(r) - 1e-9)",
                    "where(r > 0, r**2, r**2 + 1e-9*r)"):  # fmt: skip
        fact = facts(of(formula, "residual"))["elicits"]
        assert not fact.because.startswith(named), (formula, fact)
    for formula in (
        "exp(z) - y**2*z",
        "(exp(z) - y)**2/2 + 1e-9*y**2*z",
        "exp(z) - (y + 1e-9*y**2)*z",
        "softplus(z) - log(1 + y)*z",
    ):
        target = LOSSES["Poisson"].target.interval
        fact = prove.facts(of(formula, "score").derived.slot, {}, "score", target=target)["elicits"]
        assert not fact.because.startswith("the mean,"), (formula, fact)


# ------------------------------------------------------------------------------------------------- broken provers

MUTANTS: dict[str, tuple[Any, str, Any]] = {
    "everything is positive": (strict, "positive_by_algebra", lambda *a: True),
    "positive somewhere is positive everywhere": (strict, "nonnegative", lambda *a, **k: _yes()),
    "every slope vanishes": (shape, "vanishes", lambda *a: True),
    "slopes of any sign fall": (shape, "nonnegative", lambda *a, **k: _yes()),
    "kinks at 0 are overlooked": (probabilities, "convex", lambda c: Fact("convex", True, "")),
    "every score tells": (probabilities, "_tells", lambda r: True),
    "every slope is endless": (probabilities, "_endless", lambda c: True),
    "sums are of one parity": (parity, "_step", lambda s, a: parity.EVEN),
    "everything fits": (finite, "_within", lambda *a: True),
    "every piece is a line": (elicits, "form", lambda r: ("line", 1)),
    "all losses are even": (normal, "even", lambda c: Fact("even", True, "")),
}
"""A broken part of each new proof route: module, name, replacement."""


def _yes() -> Any:
    from lossmith.symbolic.cover import Outcome

    return Outcome(True)


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_prover_is_noticed(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where, name, replacement = MUTANTS[mutant]
    monkeypatch.setattr(where, name, replacement)
    if name == "form":
        with pytest.raises(AssertionError):
            test_wrong_functionals_are_not_named()
        return
    assert any(verdict(claim) is claim.holds for claim in PLANTED)
