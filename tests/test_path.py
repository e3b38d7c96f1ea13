"""Paths over strengths of a penalty, and judging rows left out: each fit is as good as one made alone."""

from __future__ import annotations

import importlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import lossmith
from lossmith.errors import DataError, ParameterError
from lossmith.fit import Penalty, fit, held_out, path
from lossmith.rows.memory import Rows

paths = importlib.import_module("lossmith.fit.path")  # the name `path` is that of the function
RNG = np.random.default_rng(0)
N = 400
X = RNG.normal(size=(N, 8)) * 10.0 ** RNG.uniform(-1, 1, 8)
Z = X @ (RNG.normal(size=8) / X.std(axis=0))
WEIGHT = RNG.uniform(0.5, 2.0, N)
TARGETS: dict[str, Any] = {
    "Squared": Z + RNG.normal(size=N),
    "Huber": Z + RNG.standard_t(2, N),
    "Absolute": Z + RNG.standard_t(2, N),
    "Logistic": (RNG.logistic(size=N) < Z) * 1.0,
    "Poisson": RNG.poisson(np.exp(0.3 * Z)).astype(float),
    "CrossEntropy": np.digitize(Z, [-1.0, 1.0]),
}
ALPHAS = [0.1, 1e-3, 1.0, 0.01]
"""Neither rising nor falling: the order of the answer is that of the question."""


@pytest.mark.parametrize("kind", ["l2", "l1", "elasticnet"])
@pytest.mark.parametrize("name", list(TARGETS))
def test_every_fit_of_a_path_is_what_it_is_alone(name: str, kind: str) -> None:
    """The mutant that forgets what a change of strength does to the gradient stops at wrong places (below)."""
    rows = Rows.of(X, TARGETS[name], WEIGHT)
    outputs = 3 if name == "CrossEntropy" else 1
    loss = lossmith.loss(name)
    found = path(rows, loss, Penalty(kind), ALPHAS, outputs=outputs)
    for alpha, s in zip(ALPHAS, found, strict=True):
        alone = fit(rows, loss, Penalty(kind, alpha), outputs=outputs, tol=1e-10)
        assert s.converged, s.reason
        assert s.value == pytest.approx(alone.value, rel=1e-10, abs=1e-12)
        if name != "Absolute":
            np.testing.assert_allclose((s.coef.T * X.std(axis=0)).T, (alone.coef.T * X.std(axis=0)).T, atol=2e-5)


@pytest.mark.parametrize(("solver", "kind"), [("lbfgs", "l2"), ("newton", "l2"), ("proximal-newton", "l1"),
                                              ("working-set", "l1"), ("majorise", "l2")])  # fmt: skip
def test_every_solver_walks_a_path(solver: str, kind: str) -> None:
    rows, loss = Rows.of(X, TARGETS["Logistic"]), lossmith.loss("Logistic")
    for alpha, s in zip(ALPHAS, path(rows, loss, Penalty(kind), ALPHAS, solver=solver), strict=True):
        assert s.converged and s.solver == solver
        assert s.value == pytest.approx(fit(rows, loss, Penalty(kind, alpha)).value, rel=1e-9)


def test_a_point_that_is_not_carried_over_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "moved", lambda state, old, new: replace(state, memory=None))
    rows, loss = Rows.of(X, TARGETS["Logistic"]), lossmith.loss("Logistic")
    found = path(rows, loss, Penalty("l2"), [1.0, 0.1])
    assert abs(found[1].value - fit(rows, loss, Penalty("l2", 0.1)).value) > 1e-6


def test_a_path_knows_where_it_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutant that does not look ahead, and the one that takes wrong weights, need a fifth more passes."""
    rng = np.random.default_rng(4)
    X = rng.normal(size=(20_000, 30))
    y = (rng.random(20_000) < 1 / (1 + np.exp(-X @ rng.normal(size=30)))).astype(float)

    def passes() -> float:
        strengths = np.geomspace(1.0, 1e-4, 30).tolist()
        found = path(Rows.of(X, y), lossmith.Logistic(), Penalty("l2"), strengths, solver="lbfgs", tol=1e-5)
        assert all(s.converged for s in found)
        return sum(s.passes for s in found)

    ahead = passes()
    monkeypatch.setattr(paths, "lagrange", lambda places, at: np.full(len(places), 1.0 / len(places)))
    assert passes() > 1.2 * ahead
    monkeypatch.setattr(paths, "foreseen", lambda objective, state, seen, alpha: state)
    assert passes() > 1.2 * ahead


def test_a_cubic_is_continued_exactly() -> None:
    places = np.array([0.0, 1.0, 2.5, 3.0])
    assert paths.lagrange(places, 4.0) @ (places**3 - places) == pytest.approx(60.0)


@pytest.mark.parametrize("scale", ["mad", "concomitant", 2.0])
def test_scales_are_those_of_the_fit_alone(scale: Any) -> None:
    rows, loss = Rows.of(X, TARGETS["Huber"]), lossmith.loss("Huber")
    for alpha, s in zip(ALPHAS, path(rows, loss, Penalty("l2"), ALPHAS, scale=scale), strict=True):
        alone = fit(rows, loss, Penalty("l2", alpha), scale=scale)
        assert (s.scale, s.value) == pytest.approx((alone.scale, alone.value), rel=1e-6)


def test_rows_left_out_are_judged_by_fits_that_never_saw_them() -> None:
    """Against fits to copies of the other rows; the mutant that keeps a fold's weight is 0.1 % off and fails."""
    rows, loss = Rows.of(X, TARGETS["Logistic"], WEIGHT), lossmith.loss("Logistic")
    folds = [np.arange(k, N, 5) for k in range(5)]
    found = held_out(rows, loss, Penalty("l2"), ALPHAS, folds)
    assert found.shape == (5, 4)
    for k, fold in enumerate(folds):
        rest = np.setdiff1d(np.arange(N), fold)
        for i, alpha in enumerate(ALPHAS):
            s = fit(rows.take(rest), loss, Penalty("l2", alpha))
            alone = loss(rows.y[fold], X[fold] @ s.coef + s.intercept, weight=WEIGHT[fold])
            assert found[k, i] == pytest.approx(alone, rel=1e-6)


def test_bad_strengths_and_folds_are_refused() -> None:
    rows, loss = Rows.of(X, TARGETS["Squared"]), lossmith.loss("Squared")
    with pytest.raises(ParameterError, match="alphas"):
        path(rows, loss, Penalty("l2"), [])
    with pytest.raises(ParameterError, match="alpha"):
        path(rows, loss, Penalty("l2"), [-1.0])
    with pytest.raises(DataError, match="fold 0"):
        held_out(rows, loss, Penalty("l2"), [1.0], [np.arange(N)])
