"""Several quantiles at once: the same optima as fits one by one and as linear programming, for a part of the passes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import lossmith
from lossmith.errors import LossmithError
from lossmith.fit import Penalty, design, each, fit, fit_each, fitting, straights
from lossmith.fit.solvers import smoothing
from lossmith.rows.memory import Rows

Array = NDArray[Any]
LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
N, P = 6000, 5
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, P)) * 10.0 ** RNG.uniform(-2, 2, P) + 3.0
Z = (X - X.mean(axis=0)) @ (RNG.normal(size=P) / X.std(axis=0))
Y = Z + (1.0 + 0.5 * np.abs(X[:, 0])) * RNG.standard_t(3, N)
WEIGHT, OFFSET = RNG.random(N) * (RNG.random(N) < 0.8), 0.3 * RNG.normal(size=N)


@pytest.fixture(autouse=True)
def _compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(design, "LARGE", 0)


def losses(name: str = "Quantile", levels: Any = LEVELS) -> list[Any]:
    return [lossmith.loss(name, tau=tau) for tau in levels]


CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "weights and offsets": {"weight": WEIGHT, "offset": OFFSET},
    "an l2 penalty": {"penalty": Penalty("l2", 0.05), "weight": WEIGHT},
    "no intercept": {"intercept": False, "offset": OFFSET},
    "ties": {"y": np.round(Y)},
    "counts, half of them 0": {"y": np.floor(np.maximum(Y, 0.0))},
    "collinear columns": {"X": np.column_stack([X, X[:, 0] - 2.0 * X[:, 1], np.ones(N)])},
    "sorted by target": {"X": X[np.argsort(Y)], "y": np.sort(Y)},
    "columns side by side": {"X": np.asfortranarray(X)},
    "float32": {"X": X.astype(np.float32)},
    "a unit of residuals": {"scale": 7.0},
    "on a plane": {"y": Z},
}


def made(case: dict[str, Any]) -> tuple[Rows, dict[str, Any]]:
    asked = {k: v for k, v in case.items() if k in ("intercept", "scale", "penalty")}
    rows = Rows.of(case.get("X", X), case.get("y", Y), case.get("weight"), case.get("offset"))
    return rows, {"penalty": Penalty("none"), **asked}


@pytest.mark.parametrize("name", ["Quantile", "Expectile"])
@pytest.mark.parametrize("case", CASES)
def test_together_is_as_one_by_one_at_less_than_half_the_passes(case: str, name: str) -> None:
    """Seen to fail with offsets left out of the predictions, with slopes of rounded corners that are not taken out of
    what is folded away, with one tau for all in the walks, and with every fit made alone.
    """
    rows, asked = made(CASES[case])
    together = fit_each(rows, losses(name), **asked)
    solver = {"Expectile": "lbfgs"}.get(name, "auto")  # a pass of Newton's brings a Hessian, and counts for more
    alone = [fit(made(CASES[case])[0], loss, solver=solver, **asked) for loss in losses(name)]
    size = max(s.value for s in alone) + 1e-3 * float(np.abs(rows.y).mean())
    for ours, theirs in zip(together, alone, strict=True):
        assert ours.converged, ours.reason
        assert abs(ours.value - theirs.value) <= 1e-10 * size
        assert "side by side" in ours.why and ours.solver in ("interior-point", "lbfgs")
    if case != "on a plane":  # where nothing is left, there is no corner to come near
        assert sum(s.passes for s in together) <= 0.5 * sum(s.passes for s in alone)


def test_the_optimum_is_that_of_linear_programming() -> None:
    from scipy import sparse
    from scipy.optimize import linprog

    n, k = 3200, 3
    found = fit_each(Rows.of(X[:n], Y[:n]), losses(), Penalty("none"))[k]
    basis = sparse.csr_matrix(np.column_stack([(X[:n] - X.mean(axis=0)) / X.std(axis=0), np.ones(n)]))
    equal = sparse.hstack([basis, sparse.eye(n), -sparse.eye(n)], format="csr")
    cost = np.concatenate([np.zeros(P + 1), np.full(n, LEVELS[k] / n), np.full(n, (1.0 - LEVELS[k]) / n)])
    best = linprog(
        cost, A_eq=equal, b_eq=Y[:n], bounds=[(None, None)] * (P + 1) + [(0.0, None)] * (2 * n), method="highs"
    )
    assert "side by side" in found.why and found.value == pytest.approx(best.fun, rel=1e-9)
    np.testing.assert_allclose(found.coef, best.x[:P] / X.std(axis=0), rtol=1e-6, atol=1e-9)


def test_small_tables_agree_with_statsmodels() -> None:
    sm = pytest.importorskip("statsmodels.api")
    A, y = X[:200] / X.std(axis=0), Y[:200]
    for tau, ours in zip(LEVELS, fit_each(Rows.of(A, y), losses(), Penalty("none")), strict=True):
        theirs = sm.QuantReg(y, sm.add_constant(A)).fit(tau, p_tol=1e-8, max_iter=2000).params
        value = float(lossmith.Quantile(tau=tau)(y, A @ theirs[1:] + theirs[0]))
        assert ours.converged and ours.value <= value * (1.0 + 1e-12)
        assert value == pytest.approx(ours.value, rel=1e-4)


def test_the_expectile_of_a_half_is_the_mean() -> None:
    middle = fit_each(made({})[0], losses("Expectile"), Penalty("none"))[2]
    assert np.allclose(middle.coef, fit(made({})[0], lossmith.Squared(), Penalty("none")).coef, rtol=1e-6)


OTHERS: dict[str, dict[str, Any]] = {
    "an l1 penalty": {"penalty": Penalty("l1", 0.01)},
    "a solver of its own": {"solver": "interior-point"},
    "one loss": {"losses": losses(levels=[0.3])},
    "several formulas": {"losses": [lossmith.Quantile(tau=0.3), lossmith.Absolute()]},
    "not convex": {"losses": [lossmith.Welsch(c=2.0), lossmith.Welsch(c=3.0)]},
    "a scale that is estimated": {"losses": [lossmith.Huber(delta=1.0), lossmith.Huber(delta=2.0)], "scale": "mad"},
    "few rows": {"rows": 900},
    "kinks that move with y": {
        "losses": [lossmith.AbsolutePercentage(floor=0.1), lossmith.AbsolutePercentage(floor=1.0)],
        "y": 1.0 + Y**2,
    },
}


@pytest.mark.parametrize("case", OTHERS)
def test_others_are_fitted_one_by_one(case: str) -> None:
    """Seen to fail with each condition of `_serves` and `_stands` taken out in turn."""
    what = {"losses": losses(levels=[0.3, 0.6]), "rows": 3500, "y": Y, **OTHERS[case]}
    asked = {k: v for k, v in what.items() if k in ("penalty", "solver", "scale")}
    some = slice(0, what["rows"])
    found = fit_each(Rows.of(X[some], what["y"][some]), what["losses"], **asked)
    for ours, loss in zip(found, what["losses"], strict=True):
        want = fit(Rows.of(X[some], what["y"][some]), loss, **asked)
        np.testing.assert_array_equal(ours.coef, want.coef)
        assert ours.why == want.why


def test_a_way_that_ends_far_off_costs_steps_and_not_exactness(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that come out on the wrong side are looked for; seen to fail with bands that are not widened."""
    want = [fit(made({})[0], loss, Penalty("none")).value for loss in losses()]
    for module in (smoothing, straights):
        monkeypatch.setattr(module, "TIGHT", 0.5)
        monkeypatch.setattr(module, "LOOSE", 0.5)
    together, alone = fit_each(made({})[0], losses(), Penalty("none")), fit(made({})[0], losses()[0], Penalty("none"))
    assert max(s.steps for s in together) > 1 and alone.converged
    np.testing.assert_allclose([s.value for s in together], want, rtol=1e-12)
    assert alone.value == pytest.approx(want[0], rel=1e-12)


def test_a_loose_tolerance_ends_without_a_corner_and_bounds_how_far_off() -> None:
    """Seen to fail with a bound that leaves out how wide the corners are."""
    best = fit_each(made({})[0], losses(), Penalty("none"))
    loose = fit_each(made({})[0], losses(), Penalty("none"), tol=0.2)
    single = fit(made({})[0], losses()[0], Penalty("none"), tol=0.2)
    for ours, exact in ((single, best[0]), *zip(loose, best, strict=True)):
        assert ours.converged and ours.steps == 0 and ours.optimality <= 0.2
        assert 0.0 < ours.value - exact.value <= ours.optimality * ours.value


def test_no_loss_is_refused() -> None:
    with pytest.raises(LossmithError, match="losses is empty"):
        fit_each(made({})[0], [])
    assert each.fit_each is fit_each


def test_the_estimator_predicts_a_column_for_each_level() -> None:
    model = lossmith.QuantileRegressor(LEVELS, penalty="none", crossing="keep").fit(X, Y, WEIGHT, OFFSET)
    alone = [lossmith.LinearRegressor(loss, penalty="none").fit(X, Y, WEIGHT, OFFSET) for loss in losses()]
    found = model.predict(X, OFFSET)
    assert found.shape == (N, len(LEVELS)) and model.coef_.shape == (len(LEVELS), P)
    np.testing.assert_allclose(found, np.column_stack([one.predict(X, OFFSET) for one in alone]), atol=1e-7)
    share = (WEIGHT[:, None] * (Y[:, None] <= found)).sum(axis=0) / WEIGHT.sum()
    np.testing.assert_allclose(share, LEVELS, atol=2e-3)


def test_rearranged_predictions_do_not_cross_and_lose_nothing() -> None:
    """Seen to fail with rows left as they are, and with columns sorted in the place of rows."""
    levels = np.linspace(0.02, 0.98, 25)
    model = lossmith.QuantileRegressor(levels, penalty="none").fit(X[:60], Y[:60])
    sorted_, kept = model.predict(X), model.set_params(crossing="keep").predict(X)
    assert (np.diff(kept, axis=1) < 0.0).any() and (np.diff(sorted_, axis=1) >= 0.0).all()
    np.testing.assert_array_equal(np.sort(kept, axis=1), sorted_)
    score = model.score(X, Y)
    assert score <= model.set_params(crossing="rearrange").score(X, Y) < 1.0


def test_the_score_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import d2_pinball_score

    model = lossmith.QuantileRegressor((0.2, 0.7), crossing="keep").fit(X, Y)
    theirs = [d2_pinball_score(Y, z, alpha=tau) for tau, z in zip((0.2, 0.7), model.predict(X).T, strict=True)]
    assert model.score(X, Y) == pytest.approx(np.mean(theirs), rel=1e-6)


@pytest.mark.parametrize("loss", ["expectile", "mquantile", lossmith.QuantileHuber(kappa=0.5)])
def test_a_model_of_levels_comes_back_from_its_file(loss: Any, tmp_path: Any) -> None:
    model = lossmith.QuantileRegressor((0.2, 0.7), loss=loss).fit(X, Y)
    model.save(tmp_path / "model")
    back = lossmith.load(tmp_path / "model")
    np.testing.assert_array_equal(back.predict(X), model.predict(X))
    assert back.get_params()["levels"] == (0.2, 0.7) and back.score(X, Y) == model.score(X, Y)


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"levels": (0.5, 0.5)}, "ascending"),
        ({"levels": ()}, "at least one"),
        ({"levels": (0.0, 0.5)}, r"must be a number in \(0, 1\)"),
        ({"loss": "huber"}, "no parameter tau"),
        ({"loss": "logistic"}, "LinearRegressor"),
        ({"crossing": "never"}, "'rearrange' or 'keep'"),
    ],
)
def test_what_cannot_be_fitted_is_refused(params: dict[str, Any], says: str) -> None:
    with pytest.raises(LossmithError, match=says):
        lossmith.QuantileRegressor(**params).fit(X, Y)


def test_the_mad_of_a_long_table_is_that_of_the_exact_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a size it may end before the corner; seen to fail with the scale of the targets in its place."""
    n = 60_000
    A = RNG.normal(size=(n, 3))
    y = A @ [1.0, -2.0, 0.5] + RNG.standard_t(3, n)
    exact = fit(Rows.of(A, y), lossmith.Absolute(), Penalty("none"))
    r = y - A @ exact.coef - exact.intercept
    mad = 1.482602218505602 * np.median(np.abs(r - np.median(r)))
    for dear, near in ((1e9, 1e-12), (0.0, 5e-4)):
        monkeypatch.setattr(fitting, "DEAR", dear)
        found = fit(Rows.of(A, y), lossmith.Huber(), Penalty("none"), scale="mad")
        assert found.scale == pytest.approx(mad, rel=near)
