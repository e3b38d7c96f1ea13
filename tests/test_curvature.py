"""Curvatures by name: each rule against its definition, and majorants against the loss itself."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import lossmith
from lossmith import catalogue, curvature, proofs
from lossmith.errors import ParameterError, UnsupportedError
from lossmith.fit import Penalty, fit
from lossmith.rows.memory import Rows

ROOMY = {"real": (-2.5, 0.0, 0.7), "halfline": (0.0, 1.0, 4.0), "positive_line": (0.3, 1.0, 4.0),
         "unit_interval": (0.1, 0.3, 0.9),
         "binary": (0.0, 1.0), "classes": (0.0, 1.0), "open_interval": (0.1, 0.3, 0.9)}  # fmt: skip


def gap(loss: Any, w: Any = None) -> float:
    """How far below the loss its parabolas dip, over many pairs of points (0: nowhere), in units of their size."""
    at, s = np.meshgrid(np.linspace(-6, 6, 25) + 1e-3, np.linspace(-9, 9, 61), indexing="ij")
    at, s, worst = at.ravel(), s.ravel(), 0.0
    for y in ROOMY[loss.target.name]:
        truth = np.full_like(at, y)
        e = loss.evaluate(truth, at, ("value", "gradient"))
        bend = loss.curvature(truth, at, "majorant") if w is None else w(loss, truth, at)
        above = e.value + e.gradient * (s - at) + bend / 2 * (s - at) ** 2
        room = 1 + np.abs(e.value) + np.abs(above)
        worst = max(worst, float(((loss.value(truth, s) - above) / room).max()))
    return worst


def majorised() -> list[str]:
    """The losses of the catalogue whose majorant is proved."""
    return [n for n, kind in catalogue.losses().items() if kind().facts()["majorant"].holds]


@pytest.mark.parametrize("name", majorised())
def test_what_is_offered_as_a_majorant_lies_above(name: str) -> None:
    loss = catalogue.losses()[name]()
    if loss.target.name in ROOMY:
        assert gap(loss) <= 1e-9


def at_kinks(loss: Any) -> Any:
    """The majorant at residual 0, at every join and beside them."""
    joins = [0.0, *(float(j.at) for j in proofs.case_of(loss).joins if abs(j.at) < 1e9)]
    r = np.unique([f(j) for j in joins for f in (float, lambda j: j + 1e-9, lambda j: j - 1e-9)])
    return r, loss.curvature(np.ones_like(r), (1.0 if loss.lift.name == "residual" else 0.0) - r, "majorant")


@pytest.mark.parametrize("name", majorised())
def test_a_majorant_is_a_number_wherever_it_can_be(name: str) -> None:
    """The mutant: psi(r)/r left as 0/0 (BalancedL1 at 0 is its limit). Endless is right only where it grows so."""
    loss = catalogue.losses()[name]()
    if loss.lift.name in ("residual", "margin"):
        r, w = at_kinks(loss)
        beside = w[abs(r) == 1e-9].max()
        assert not np.isnan(w).any() and (w >= 0).all() and np.isfinite(w[r != 0]).all()
        assert w[r == 0] == (pytest.approx(beside, rel=1e-3, abs=1e-12) if beside < 1e3 else np.inf)


def test_where_none_is_proved_none_is_offered() -> None:
    for name in ("Poisson", "Exponential", "Hinge", "Gamma", "EpsilonInsensitive"):
        loss = catalogue.losses()[name]()
        with pytest.raises(UnsupportedError, match="no proved majorant"):
            loss.curvature(np.ones(2), np.zeros(2), "majorant")
        with pytest.raises(UnsupportedError, match="majorant"):
            loss.evaluate(np.ones(2), np.zeros(2), ("majorant",))


@pytest.mark.parametrize("rule", ["exact", "gradient"])
def test_the_other_rules_do_not_majorise(rule: str) -> None:
    """The mutants: what a careless library would take for a majorant dips below the loss."""
    dips = [gap(catalogue.losses()[n](), lambda loss, y, z: loss.curvature(y, z, rule)) for n in ("Cauchy", "Logistic")]
    assert max(dips) > 1e-3


def test_a_kernel_that_does_not_majorise_is_replaced_by_a_proved_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """ψ(r)/r of this formula rises; its kernel has it all the same, and only the bound of ρ″ may be used."""
    loss = lossmith.loss("r**2/2 + r**4/(1 + r**2)", lift="residual")
    assert "majorant" in loss.program.wants
    assert curvature.majorant_of(loss) is not None and gap(loss) <= 1e-9
    assert gap(loss, lambda loss, y, z: loss.lift.evaluate(loss.state, y, z, ("majorant",))["majorant"]) > 1e-3
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    y = X @ [1.0, -2.0] + rng.normal(size=200)
    rows = Rows.of(X, y)
    by = {s: fit(rows, loss, Penalty("l2", alpha=1e-3), solver=s) for s in ("majorise", "lbfgs")}
    assert by["majorise"].converged and np.allclose(by["majorise"].coef, by["lbfgs"].coef, atol=1e-5)
    assert "curvature: majorant, the bound" in by["majorise"].why
    trace = [step.value for step in by["majorise"].trace]
    assert all(b <= a + 1e-12 for a, b in pairwise(trace))


def test_boehning_bounds_the_whole_hessian_of_many_classes() -> None:
    rng = np.random.default_rng(1)
    z, y = rng.normal(scale=3, size=(200, 5)), rng.integers(0, 5, 200)
    for loss in (lossmith.CrossEntropy(), lossmith.LabelSmoothing(), lossmith.Focal(), lossmith.Poly1()):
        bend = loss.curvature(y, z, "majorant")
        whole = loss.evaluate(y, z, ("block",)).block
        assert bend.shape == z.shape and np.linalg.eigvalsh(np.eye(5) * bend[:, :, None] - whole).min() >= -1e-9
    assert np.allclose(lossmith.CrossEntropy().curvature(y, z, "majorant"), 0.5)


def test_exact_gradient_and_floor_are_what_they_say() -> None:
    y, z = np.array([0.0, 1.0, 1.0]), np.array([-40.0, 0.3, 30.0])
    loss = lossmith.Logistic()
    p = 1 / (1 + np.exp(-z))
    assert np.array_equal(loss.curvature(y, z), loss.hessian(y, z))
    assert np.allclose(loss.curvature(y, z, "gradient"), np.abs(p - y), rtol=1e-12)
    assert np.array_equal(loss.curvature(y, z, "floor", 1e-3), np.maximum(loss.hessian(y, z), 1e-3))
    e = loss.evaluate(y, z, ("value", "floor", "majorant"))
    assert np.all(e.floor >= 1e-6) and np.all(e.majorant > 0)
    scores = np.zeros((1, 3))
    assert np.allclose(lossmith.CrossEntropy().curvature(np.array([1]), scores, "gradient"), [[1 / 3, 2 / 3, 1 / 3]])
    assert lossmith.Welsch().curvature(np.zeros(1), np.full(1, 4.0), "exact")[0] < 0  # not convex: it says so
    with pytest.raises(ParameterError, match="exact, majorant, gradient, floor"):
        loss.curvature(y, z, "hessian")
    with pytest.raises(ParameterError, match="floor"):
        loss.curvature(y, z, "floor", 0.0)


def test_two_classes_have_the_tight_majorant_of_the_logistic_loss() -> None:
    y, z = np.array([1.0, 0.0]), np.array([0.0, 2.0])
    expected = np.array([0.25, np.tanh(1.0) / 4])
    assert np.allclose(lossmith.CrossEntropy().curvature(y, z, "majorant"), expected)
    assert np.allclose(lossmith.Logistic().curvature(y, z, "majorant"), expected)


def test_every_loss_of_the_catalogue_has_the_vocabulary() -> None:
    """exact, gradient and floor for all; majorant for all or a refusal that quotes the fact."""
    offered = 0
    for name, kind in catalogue.losses().items():
        loss = kind()
        y = np.full(3, ROOMY[loss.target.name][1])
        z = np.array([-0.5, 0.1, 2.0])
        for rule in ("exact", "gradient", "floor"):
            assert loss.curvature(y, z, rule).shape == (3,), (name, rule)
        try:
            assert np.all(loss.curvature(y, z, "majorant") >= loss.hessian(y, z) - 1e-9), name
            offered += 1
        except UnsupportedError as refusal:
            assert loss.facts()["majorant"].because in str(refusal)
    assert offered >= len(catalogue.losses()) / 2


def test_solvers_say_which_curvature_they_take() -> None:
    rng = np.random.default_rng(2)
    X = rng.normal(size=(60, 2))
    rows = Rows.of(X, X @ [1.0, 2.0] + rng.normal(size=60))
    for solver, says in (("newton", "curvature: exact"), ("majorise", "curvature: majorant, psi(r)/r"),
                         ("lbfgs", "curvature: exact, of a sample"), ("auto", "curvature: ")):  # fmt: skip
        assert says in fit(rows, lossmith.PseudoHuber(), Penalty("l2", alpha=1e-3), solver=solver).why
