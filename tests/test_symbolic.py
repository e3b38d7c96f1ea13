"""Derivation: the named rewrites, the digits that they keep, kinks, and the Programs that ship with the package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import mpmath
import numpy as np
import pytest
import reference
import sympy as sp

import lossmith
from lossmith.errors import UnsupportedError
from lossmith.formula import parse
from lossmith.program import Program, Step
from lossmith.symbolic import algebra, derive, finish, stable

REWRITTEN = {
    "one_minus_sigmoid": ("1 - sigmoid(r)", {"sigmoid"}),
    "exp_minus_one": ("2*exp(r) - 2", {"expm1"}),
    "hypot_minus_one": ("3*sqrt(1 + r**2) - 3", {"hypot1"}),
    "sqrt_of_one_plus_square": ("(1 + (r/2)**2)**1.5", {"hypot1"}),
    "sqrt_minus_one": ("sqrt(1 + exp(r)) - 1", {"sqrt", "div"}),
    "expm1_of_logsigmoid": ("expm1(-softplus(-r))", {"sigmoid"}),
    "exp_of_logsigmoid": ("exp(-softplus(r))", {"sigmoid"}),
    "log_of_sigmoid": ("log(sigmoid(r))", {"softplus"}),
    "log_of_cosh": ("log(cosh(r))", {"logcosh"}),
    "log_one_plus": ("log(1 + abs(r))", {"log1p"}),
    "log_one_plus_exp": ("log(1 + exp(r))", {"softplus"}),
    "log_of_one_plus_square": ("log(1 + r**2/4)", {"log1psq"}),
    "one_minus_tanh_squared": ("1 - tanh(r)**2", {"sech2"}),
    "logistic_quotient": ("exp(r)/(1 + exp(r))", {"sigmoid"}),
    "one_over_one_plus_square": ("r/(1 + r**2)", {"serpentine"}),
    "power_of_one_plus_square": ("exp(log(1 + r**2)/2)", {"hypot1"}),
    "times_serpentine": ("atan(r**2)", {"serpentine", "witch"}),
    "times_exp": ("r**2*exp(-r**2)", {"exp", "min"}),
    "exp_without_line": ("exp(2*r) - 2*r - 1", {"expm1mx"}),
    "log_without_line": ("abs(r)/3 - log(1 + abs(r)/3)", {"log1pmx"}),
    "exp_onset": ("2 - 2*exp(-abs(r))*(1 + abs(r))", {"expm1mx", "where"}),
    "log_onset": ("(1 + abs(r))*log(1 + abs(r)) - abs(r) + 1", {"log1pmx", "where"}),
    "one_minus_cos": ("3 - 3*cos(r)", {"sin"}),
    "log_one_minus_exp": ("log(1 - exp(-abs(r)))", {"log1p", "expm1", "where"}),
    "log_of_cauchy": ("log(1/2 - atan(r)/pi)", {"log_cauchit"}),
    "log_of_hypot": ("log(r/2 + sqrt(1 + r**2/4))", {"asinh"}),
    "softplus_of_asinh": ("softplus(log(r/2 + sqrt(1 + r**2/4)))", {"log1p"}),
    "fading_square": ("r**2*(1 - tanh(r**2)**2)", {"min", "sech2"}),
    "softplus_difference": ("softplus(tanh(r)) - softplus(0)", {"expm1"}),
    "sigmoid_hill": ("(c - sigmoid(r))*sigmoid(r)**2", {"tanh"}),
    "sigmoid_excess": ("max(0, sigmoid(r) - c) + log(min(1, sigmoid(-r) + c))", {"expm1", "log1p"}),
    "exp_rise": ("exp(r) + log(1 - exp(-exp(r)))", {"expm1", "log"}),
    "power_step": ("exp(-3*softplus(-r)) - exp(-2*softplus(-r))", {"sigmoid"}),
    "inverse_scales": ("exp(r)*tanh(r)*exp(-r)", {"tanh"}),
    "times_serpentine_of_scale": ("log(1 + exp(r)**2)", {"witch", "where"}),
    "shared_scale": ("(softplus(r) - 1)*exp(r) - (r*sigmoid(r) + 2)*exp(r)", {"min"}),
    "entropy_of_softplus": ("softplus(r) - r*sigmoid(r)", {"min"}),
    "signed_exp_minus_one": ("sign(r)*exp(-abs(r)) - sign(r)", {"expm1"}),
}
"""For every rewrite a formula that needs it, and words that only the rewritten form has; c is a parameter."""

C = 0.25


@pytest.mark.parametrize("rule", stable.REWRITES)
def test_each_rewrite_is_the_same_mathematics(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text, words = REWRITTEN[rule]
    given = {"c": C} if "c" in parse(text).names else {}
    program = derive.slotwise(parse(text), ("r",), dict.fromkeys(given, True))
    used = {s.word for s in program.steps}
    assert words <= used, program
    for r in (-30.0, -1.5, -1e-3, 0.7, 12.0):
        with mpmath.workdps(60):
            want = reference.walk(parse(text), {"r": mpmath.mpf(r), "c": mpmath.mpf(C)})
            got = program.run({"r": r, **given})["value"]
            assert mpmath.almosteq(got, want, rel_eps=mpmath.mpf(10) ** -20), (text, r)
    monkeypatch.delitem(stable.REWRITES, rule)
    monkeypatch.setattr(finish, "FINISHING", tuple(f for f in finish.FINISHING if f.__name__ != rule))
    without = derive.slotwise(parse(text), ("r",), dict.fromkeys(given, True))
    assert without.steps != program.steps, "the rule was not needed for its own example"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("sqrt(1 + r**2) - 1", 1e-9),
        ("log(1 + exp(r))", -60.0),
        ("1 - sigmoid(r)", 40.0),
        ("log(cosh(r))", 1e-9),
        ("log(cosh(r))", 2e5),
        ("1 - exp(-r**2)", 1e-10),
        ("where(abs(r) <= 4, 1 - (1 - (r/4)**2)**3, 1)", 1e-8),
        ("r**2/(1 + r**2)", 1e200),
        ("log(1 + r**2)", 1e200),
        ("exp(r) - r - 1", 1e-9),
        ("abs(r) - log(1 + abs(r))", 1e-9),
        ("1 - exp(-abs(r))*(1 + abs(r))", 1e-7),
        ("(1 + abs(r))*log(1 + abs(r)) - abs(r)", 1e-9),
        ("1 - cos(r)", 1e-9),
        ("log(1 - exp(-exp(r)))", -800.0),
        ("log(1/2 + atan(r)/pi)", 1e9),
        ("log(1 - exp(-abs(r)))", 50.0),
        ("log(r/2 + sqrt(1 + r**2/4))", -1e9),
        ("softplus(r**2 - 4) - softplus(-4)", 1e-9),
    ],
)
def test_digits_survive_where_the_plain_form_loses_them(text: str, where: float) -> None:
    loss = lossmith.loss(text, lift="residual")
    want = reference.derivatives(loss, where, 0.0, digits=900)[0]
    assert loss.value([where], [0.0])[0] == pytest.approx(want, rel=1e-14)
    names = {"r": where, "inf": np.inf}
    calls = {w: getattr(np, w) for w in ("sqrt", "log", "exp", "cosh", "where", "cos")} | {"abs": abs}
    calls |= {"pi": np.pi, "atan": np.arctan, "softplus": lambda x: np.logaddexp(0, x)}
    with np.errstate(all="ignore"):
        plain = (
            eval(text, {"__builtins__": {}}, {**calls, **names, "sigmoid": lambda x: 1 / (1 + np.exp(-x))})
            if (abs(where) < 1e100)
            else np.inf
        )
    assert plain != pytest.approx(want, rel=1e-9, abs=0), "the plain form was good enough: no test of the rewrite"


def test_kinks_take_the_midpoint_subgradient_and_leave_no_zoo() -> None:
    for text in ("abs(r)", "max(r, 0)", "max(r, -r)", "abs(r) + abs(r - 1)", "min(abs(r), 2)"):
        loss = lossmith.loss(text, lift="residual")
        both = loss.gradient([1e-9, -1e-9], [0.0, 0.0])
        assert loss.gradient([0.0], [0.0])[0] == pytest.approx(both.mean()), text
        assert np.isfinite(loss.hessian([0.0, 1.0, -2.0], [0.0, 0.0, 0.0])).all()
    r = sp.Symbol("r")
    assert not algebra.Abs(r).diff(r, 2).has(sp.zoo, sp.DiracDelta)


def test_majorants_touch_and_lie_above() -> None:
    t = np.linspace(-9, 9, 181)
    for loss in (lossmith.Huber(), lossmith.PseudoHuber(), lossmith.LogCosh(), lossmith.Cauchy(), lossmith.Tukey(),
                 lossmith.Welsch(), lossmith.StudentT(), lossmith.Quantile(0.3), lossmith.Absolute()):  # fmt: skip
        for at in (-5.0, -0.7, 0.4, 3.0):
            e = loss.evaluate([at], [0.0], ("value", "gradient", "majorant"))
            above = e.value + e.gradient * (at - t) + e.majorant / 2 * (at - t) ** 2
            assert np.all(above >= loss.value(t, 0 * t) - 1e-12), (loss, at)
    m = np.linspace(-6, 6, 121)
    for at in (-3.0, 0.0, 2.0):
        e = lossmith.Logistic().evaluate([1.0], [at], ("value", "gradient", "majorant"))
        assert np.all(e.value + e.gradient * (m - at) + e.majorant / 2 * (m - at) ** 2 >= np.logaddexp(0, -m) - 1e-12)


def test_the_interpreter_does_not_believe_a_cancelled_zero() -> None:
    steps = (Step("s", "mul", ("x", "x")), Step("t", "add", ("s", 1.0)), Step("u", "sqrt", ("t",)))
    program = Program(("x",), (), (*steps, Step("v", "sub", ("u", 1.0))), (("value", "v"),))
    assert float(program.run({"x": 1e-108})["value"]) == pytest.approx(5e-217)
    fixed = program.run({"x": 1e-108}, bits=400, most=400)["value"]
    assert fixed == 0, "a fixed 400 bits was enough: no test of the doubling"
    assert Program.from_json(program.to_json()) == program


def test_shipped_programs_are_what_is_derived_now() -> None:
    root = Path(__file__).parents[1]
    run = subprocess.run([sys.executable, root / "tools/derive.py", "--check"], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_a_catalogued_loss_needs_no_sympy() -> None:
    code = "import lossmith, sys; lossmith.Huber()([1.0], [0.5]); sys.exit('sympy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("k", [1.2, 2.0, 3.5])
def test_a_power_with_a_name_has_its_slopes_at_0(k: float) -> None:
    """k|r|^(k−1)·sign(r) is 0 at 0; as |r|^k·sign(r)/|r|, as it was derived before, it is 0/0 there."""
    loss = lossmith.loss("abs(r)**k", k=k)
    y, z = np.zeros(3), np.array([0.0, -1.0, 2.0])
    np.testing.assert_allclose(loss.gradient(y, z), [0.0, -k, k * 2.0 ** (k - 1)], rtol=1e-14)
    np.testing.assert_allclose(loss.hessian(y, z)[1:], k * (k - 1) * np.array([1.0, 2.0]) ** (k - 2), rtol=1e-14)
    assert loss.hessian(y, z)[0] == (np.inf if k < 2 else k * (k - 1) * 0.0 ** (k - 2))
    shifted = lossmith.loss("abs(2*r - 1)**k / s", k=k, s=4.0)
    assert shifted.gradient(np.array([0.5]), np.array([0.0]))[0] == 0.0


@pytest.mark.parametrize("text", ["cos(m)", "abs(m)", "m**2", "1 - exp(-m**2)"])
def test_even_margin_losses_are_losses_without_probabilities(text: str) -> None:
    """They cost both labels the same: value and slope are there, a link is not. Before, they could not be made."""
    loss = lossmith.loss(text, lift="margin")
    z = np.array([-0.7, 0.3, 1.1])
    np.testing.assert_allclose(loss.value(np.ones(3), z), loss.value(np.zeros(3), z))
    np.testing.assert_allclose(loss.gradient(np.ones(3), z), loss.gradient(np.zeros(3), z))
    with pytest.raises(UnsupportedError, match="no link"):
        loss.mean(z)
