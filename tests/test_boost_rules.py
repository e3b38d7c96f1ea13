"""Which curvature a booster gets, whether it is one, and the compiled pass that makes it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

import lossmith
from lossmith.adapters.hosts import TESTED, number
from lossmith.errors import UnsupportedError
from lossmith.models.boosted_kernel import fused, settled
from lossmith.models.boosted_loss import Many, Single
from lossmith.models.boosted_rule import Rule, rule_of
from lossmith.models.boosted_scale import SAMPLE, policy_of, squares

RNG = np.random.default_rng(1)


@pytest.mark.parametrize(
    ("loss", "name"),
    [
        ("squared", "exact"),
        ("huber", "majorant"),
        ("tukey", "majorant"),
        ("absolute", "capped"),
        (lossmith.Quantile(0.9), "capped"),
        ("poisson", "exact"),
        ("logistic", "exact"),
        ("focal", "gradient"),
        ("hinge", "gradient"),
        ("QuantileHuber", "majorant"),
    ],
    ids=str,
)
def test_the_best_curvature_that_is_proved(loss: object, name: str) -> None:
    rule = rule_of(lossmith.loss(loss))
    assert rule.name == name and rule.why


def test_what_is_not_proved_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="no proved majorant"):
        rule_of(lossmith.Poisson(), "majorant")
    with pytest.raises(UnsupportedError, match="no proved bound"):
        rule_of(lossmith.Poisson(), "bound")


@pytest.mark.parametrize("name", sorted(lossmith.losses()))
def test_no_loss_of_one_output_gives_a_negative_or_infinite_curvature(name: str) -> None:
    """Fails with the exact Hessian for Cauchy, with psi(r)/r for Absolute."""
    loss = lossmith.losses()[name]()
    if loss.lift.name not in ("residual", "margin", "score", "softmax"):
        pytest.skip(f"the lift {loss.lift.name} is not boosted")
    y = {"open_interval": 0.3, "unit_interval": 1.0, "binary": 1.0, "classes": 1.0}.get(loss.target.name, 2.0)
    z = np.array([y, 0.0, 1e-9, -3.0, 3.0, 0.5, -0.5])
    found = Single(loss, np.full(len(z), y), centred=False)
    gradient, hessian = found.slopes(z)
    assert np.isfinite(gradient).all() and np.isfinite(hessian).all() and (hessian >= 0).all()


@pytest.mark.parametrize("kind", [lossmith.CrossEntropy, lossmith.Focal, lossmith.GeneralizedCrossEntropy])
def test_gershgorin_lies_above_the_whole_block(kind: type) -> None:
    """Fails for the diagonal alone."""
    loss = kind()
    z, y = RNG.normal(size=(200, 4)) * 2, RNG.integers(0, 4, 200).astype(float)
    made = Many(loss, y, outputs=4, centred=False)
    gradient, bound = made.block(y, z, None)
    found = loss.evaluate(y, z, ("gradient", "hessian", "block"))
    assert np.allclose(gradient, found.gradient, atol=1e-12)
    gap = np.eye(4) * bound[:, None, :] - found.block
    assert np.linalg.eigvalsh(gap).min() > -1e-9
    exact = Many(loss, y, outputs=4, rule="exact", centred=False).block(y, z, None)[1]
    assert np.allclose(exact, found.hessian, atol=1e-12)
    assert np.linalg.eigvalsh(np.eye(4) * exact[:, None, :] - found.block).min() < -1e-3


@pytest.mark.parametrize("weighted", [False, True])
def test_float32_and_float64_scores_agree(weighted: bool) -> None:
    y, w = RNG.normal(size=70_001), RNG.random(70_001) if weighted else None
    made = Single(lossmith.Huber(), y, w, scale=1.5, centred=False)
    z = RNG.normal(size=len(y)).astype(np.float32)
    double = [a.copy() for a in made.slopes(z.astype(np.float64))]
    assert double[0].dtype == np.float32
    r = (y - z) / 1.5
    weight = 1.0 if w is None else w
    assert np.allclose(double[0], -1.5 * np.clip(r, -1.345, 1.345) * weight, atol=1e-6)
    for ours, theirs in zip(made.slopes(z), double, strict=True):
        assert np.allclose(ours, theirs, atol=2e-6)


def test_slopes_are_written_to_the_same_arrays_again() -> None:
    made = Single(lossmith.Logistic(), (RNG.random(5000) < 0.5).astype(float))
    first = made.slopes(np.zeros(5000))
    before = first[0].copy()
    again = made.slopes(np.ones(5000))
    assert again[0] is first[0] and again[1] is first[1] and (again[0] != before).all()


def test_a_curvature_is_settled_only_if_no_score_moves_it() -> None:
    exact = Rule("exact", "")
    assert settled(fused(lossmith.Squared(), exact)) and settled(fused(lossmith.Squared(), exact, weighted=True))
    assert not settled(fused(lossmith.Logistic(), exact)) and not settled(fused(lossmith.Expectile(0.9), exact))


def test_units() -> None:
    assert policy_of(lossmith.Huber(), "auto") == "mad" and policy_of(lossmith.Squared(), "auto") == 1.0
    assert squares(lossmith.Expectile(0.2)) and not squares(lossmith.Absolute())
    assert policy_of(lossmith.Poisson(), "auto") == 1.0


def test_the_unit_follows_the_residuals() -> None:
    y = RNG.normal(size=3 * SAMPLE)
    made = Single(lossmith.Huber(), 1000 + 50 * y)
    assert np.isclose(made.unit, 50, rtol=0.05) and np.isclose(made.start, 1000, rtol=1e-3)
    made.slopes(np.zeros(len(y)))
    assert np.isclose(made.sigma, 1, rtol=0.05)
    made.slopes(0.9 * made.truth)
    assert np.isclose(made.sigma, 0.1, rtol=0.05)


ASKED_FOR = {"sklearn": "scikit-learn"}
"""Distributions that are not called what is imported."""


@pytest.mark.parametrize("name", TESTED)
def test_what_pyproject_asks_for_is_what_the_gate_lets_in(name: str) -> None:
    """Fails where one floor is raised and the other is not: what pip installs would be refused, or what is refused
    installed."""
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {key: lines for key, lines in project["optional-dependencies"].items() if key not in ("peers", "test")}
    asked = [*project["dependencies"], *(line for lines in extras.values() for line in lines)]
    floors = [
        number(floor)
        for line in asked
        for package, floor in re.findall(r"^([\w-]+)>=([\d.]+)", line)
        if package == ASKED_FOR.get(name, name)
    ]
    assert floors and set(floors) == {TESTED[name].low}
    installed = importlib.util.find_spec(name) and importlib.metadata.packages_distributions().get(name)
    if installed:
        version = number(importlib.metadata.version(installed[0]))
        assert TESTED[name].low <= version < TESTED[name].high


def test_versions_are_read() -> None:
    assert number("4.7.0") == (4, 7, 0) and number("2.1.0rc1") == (2, 1) and number("1.10.dev0") == (1, 10)


@pytest.mark.parametrize(
    ("name", "works"), [("multiclass_brier", "LinearClassifier"), ("GaussianNLL", "DistributionRegressor")]
)
def test_a_loss_that_no_engine_carries_names_what_would(name: str, works: str) -> None:
    with pytest.raises(UnsupportedError, match=works):
        rule_of(lossmith.loss(name), "auto", 3)
    with pytest.raises(UnsupportedError, match=works):
        lossmith.BoostedClassifier(loss=name, engine="sklearn").fit(np.arange(30.0)[:, None], np.arange(30) % 3)
