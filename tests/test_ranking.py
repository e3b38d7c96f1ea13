"""Ranking from pairs: statsmodels' and a hand-made Newton's digits, areas under the curve, scikit-learn's checks."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.utils.estimator_checks import parametrize_with_checks

import lossmith
from lossmith import PairwiseRanker
from lossmith.errors import DataError, ShapeError, UnsupportedError

EXACT = {"penalty": "none", "tol": 1e-11}
RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 3))
GROUP = np.repeat(np.arange(12), 10)
Y = np.round(X @ [1.0, -0.5, 0.2] + RNG.logistic(size=120) + 5 * RNG.normal(size=12)[GROUP])
RARE = (X @ [1.0, -0.5, 0.2] + RNG.logistic(size=120) > 1.5).astype(int)


@parametrize_with_checks([PairwiseRanker(), PairwiseRanker("SquaredRanking")])
def test_scikit_learn_checks(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)


def compared(y: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All pairs by two plain loops."""
    both = [(i, j) for i in range(len(y)) for j in range(len(y)) if group[i] == group[j] and y[i] > y[j]]
    return np.array(both).T


def check_pairs() -> None:
    made = lossmith.pairs(X, Y, GROUP)
    first, second = compared(Y, GROUP)
    assert set(zip(made.first, made.second, strict=True)) == set(zip(first, second, strict=True))
    assert made.n == len(first) and np.array_equal(made.X, X[made.first] - X[made.second])


def test_pairs_are_all_pairs_of_a_group_that_differ() -> None:
    check_pairs()
    thin = lossmith.pairs(sparse.csr_array(X), Y, GROUP.astype(str))
    assert np.array_equal(thin.X.toarray(), lossmith.pairs(X, Y, GROUP.astype(str)).X)
    few = lossmith.pairs(X, Y, at_most=100, random_state=1)
    assert (
        few.n == 100 and len({*zip(few.first, few.second, strict=True)}) == 100 and (Y[few.first] > Y[few.second]).all()
    )


def test_ties_taken_for_pairs_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("lossmith.rows.pairs")
    monkeypatch.setattr(module, "_within", lambda rows, y: tuple(rows[k] for k in np.nonzero(y[:, None] >= y[None, :])))
    with pytest.raises(AssertionError):
        check_pairs()


def test_bradley_and_terry_as_statsmodels_finds_it() -> None:
    """Logistic regression without a constant on differences; statsmodels wants both outcomes, so half are turned."""
    import statsmodels.api as sm

    first, second = compared(Y, GROUP)
    side = np.where(np.arange(len(first)) % 2, 1.0, -1.0)
    theirs = sm.Logit((side > 0).astype(float), side[:, None] * (X[first] - X[second])).fit(disp=0, tol=1e-14)
    model = PairwiseRanker(**EXACT).fit(X, Y, GROUP)
    assert np.allclose(model.coef_, theirs.params, rtol=1e-8)
    assert model.solution_.value * len(first) == pytest.approx(-theirs.llf, rel=1e-12)
    assert model.n_pairs_ == len(first)
    ahead = theirs.predict(X[:5] - X[5:10])
    assert np.allclose(model.preference(X[:5], X[5:10]), ahead, rtol=1e-8)


WINS = np.array([[0, 7, 9, 7], [6, 0, 7, 5], [4, 6, 0, 7], [6, 8, 6, 0]])
"""Row beats column so many times."""


def strengths(wins: np.ndarray) -> np.ndarray:
    """The minorise–maximise iteration of Zermelo (1929) and Hunter (2004), to the last digits; the first is 0."""
    games, p = wins + wins.T, np.ones(len(wins))
    for _ in range(5000):
        p = wins.sum(axis=1) / (games / (p[:, None] + p[None, :])).sum(axis=1)
        p /= p[0]
    return np.log(p)


def test_strengths_of_players_by_zermelos_own_iteration() -> None:
    """Each match is a group of two rows: the winner's y is 1, the loser's 0; weights count how often."""
    matches = [(i, j) for i in range(4) for j in range(4) if i != j]
    players = np.eye(4)[np.ravel(matches)][:, 1:]
    y, group = np.tile([1, 0], len(matches)), np.repeat(np.arange(len(matches)), 2)
    times = np.repeat([WINS[i, j] for i, j in matches], 2) ** 0.5
    model = PairwiseRanker(**EXACT).fit(players, y, group, sample_weight=times)
    assert np.allclose(model.coef_, strengths(WINS)[1:], atol=1e-8)


def test_a_weight_of_two_is_the_same_row_twice() -> None:
    w = RNG.integers(1, 3, 120)
    copies = np.repeat(np.arange(120), w)
    for loss in ("RankNet", "SquaredRanking"):
        model = PairwiseRanker(loss, **EXACT).fit(X, Y, GROUP, sample_weight=w)
        again = PairwiseRanker(loss, **EXACT).fit(X[copies], Y[copies], GROUP[copies])
        assert np.allclose(model.coef_, again.coef_, rtol=1e-8)


SURROGATES = ("RankNet", "SquaredRanking", "LeastSquaresRanking", "RankBoost", "MarginRanking")


@pytest.mark.parametrize("name", SURROGATES)
def test_surrogates_of_the_area_under_the_curve(name: str) -> None:
    """The optimum by a general minimiser over all pairs; and the area is what scikit-learn says."""
    from scipy.optimize import minimize

    model = PairwiseRanker(name, penalty="l2", alpha=1e-2, tol=1e-10).fit(X, RARE)
    first, second = compared(RARE, np.zeros(120))
    loss = getattr(lossmith, name)()

    def height(w: np.ndarray) -> float:
        z = X @ w
        return float(loss(np.ones(len(first)), np.column_stack([z[first], z[second]])) + 0.005 * w @ w)

    theirs = minimize(
        height, np.zeros(3), method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-14, "maxiter": 4000}
    )
    assert model.solution_.value <= theirs.fun + 1e-12
    assert np.allclose(model.coef_, theirs.x, atol=2e-4)
    assert model.score(X, RARE) == pytest.approx(roc_auc_score(RARE, model.predict(X)), rel=1e-12)
    assert model.score(X, RARE) > 0.7


def test_squares_have_a_closed_form() -> None:
    """All pairs of two classes under (1 − m)² are Fisher's direction, up to its length."""
    D = lossmith.pairs(X, RARE).X
    theirs = np.linalg.lstsq(D, np.ones(len(D)), rcond=None)[0]
    assert np.allclose(PairwiseRanker("LeastSquaresRanking", **EXACT).fit(X, RARE).coef_, theirs, rtol=1e-9)


def test_what_is_added_to_a_group_changes_nothing() -> None:
    plain = PairwiseRanker(**EXACT).fit(X, Y, GROUP)
    moved = X + RNG.normal(size=(12, 3))[GROUP]
    assert np.allclose(PairwiseRanker(**EXACT).fit(moved, Y, GROUP).coef_, plain.coef_, rtol=1e-7)
    assert np.allclose(PairwiseRanker(**EXACT).fit(X, np.exp(Y / 9), GROUP).coef_, plain.coef_, rtol=1e-9)


def test_rankers_are_saved_sparse_and_sampled(tmp_path: Path) -> None:
    model = PairwiseRanker(lossmith.Probit().over("pairwise")).fit(sparse.csr_array(X), Y, GROUP)
    assert np.allclose(model.coef_, clone(model).fit(X, Y, GROUP).coef_, rtol=1e-6)
    model.save(tmp_path / "m")
    back = lossmith.load(tmp_path / "m")
    assert np.array_equal(back.predict(X), model.predict(X)) and repr(back) == repr(model)
    assert np.array_equal(back.preference(X[:3], X[3:6]), model.preference(X[:3], X[3:6]))
    few = PairwiseRanker(max_pairs=200, random_state=0).fit(X, Y)
    assert few.n_pairs_ == 200 and few.score(X, Y) > 0.55


def test_errors_say_what_where_and_what_to_do() -> None:
    with pytest.raises(UnsupportedError, match="LinearClassifier"):
        PairwiseRanker("logistic").fit(X, Y)
    with pytest.raises(DataError, match="nothing to rank"):
        PairwiseRanker().fit(X, np.ones(120))
    with pytest.raises(DataError, match="row 3 has nan"):
        PairwiseRanker().fit(X, np.where(np.arange(120) == 3, np.nan, Y))
    with pytest.raises(ShapeError, match=r"\(119,\)"):
        PairwiseRanker().fit(X, Y, GROUP[:-1])
    with pytest.raises(UnsupportedError, match="no link"):
        PairwiseRanker("MarginRanking").fit(X, Y, GROUP).preference(X[:2], X[2:4])
