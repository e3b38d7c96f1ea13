"""Linear models of margin losses against rivals, which kink: values of LinearSVC, linear programs, SLSQP."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog, minimize
from sklearn.exceptions import ConvergenceWarning

import lossmith
from lossmith.errors import UnsupportedError
from lossmith.fit import tops

RNG = np.random.default_rng(0)
N, K = 120, 3
X = RNG.normal(size=(N, 2))
Y = (X @ RNG.normal(size=(2, K)) + 1.5 * RNG.gumbel(size=(N, K))).argmax(axis=1)
W = RNG.uniform(0, 2, N) * (RNG.random(N) < 0.8)
"""Weights, some of them 0."""


def fitted(loss: Any, labels: Any = Y, weight: Any = None, **options: Any) -> Any:
    return lossmith.LinearClassifier(loss, **{"alpha": 0.05, **options}).fit(X, labels, weight)


def crammer_singer(**options: Any) -> None:
    """The value of LinearSVC, which minimises the same objective by coordinate descent on its dual."""
    from sklearn.svm import LinearSVC

    theirs = LinearSVC(multi_class="crammer_singer", fit_intercept=False, C=0.2, tol=1e-9, max_iter=100_000).fit(X, Y)
    alpha = 1 / (0.2 * N)
    model = fitted("CrammerSinger", fit_intercept=False, alpha=alpha)
    value = lossmith.CrammerSinger()(Y, X @ theirs.coef_.T) + alpha / 2 * (theirs.coef_**2).sum()
    assert model.solution_.converged and model.solution_.solver == "primal-dual"
    assert model.solution_.value == pytest.approx(value, rel=1e-7)
    assert np.allclose(model.coef_, theirs.coef_, atol=1e-4)


def program(each: bool, weight: np.ndarray, l1: float) -> float:
    """The optimum of a hinge against rivals with an l1 penalty, as a linear program over w⁺, w⁻, intercepts, slacks."""
    share, slacks, lines = weight / weight.sum(), N * (K - 1) if each else N, []
    wide = np.column_stack([X, -X])
    for i in range(N):
        for j, k in enumerate(k for k in range(K) if k != Y[i]):
            line = np.zeros(4 * K + K + slacks)
            for at, sign in ((k, 1.0), (Y[i], -1.0)):
                line[at * 4 : at * 4 + 4], line[4 * K + at] = sign * wide[i], sign
            line[5 * K + (i * (K - 1) + j if each else i)] = -1.0
            lines.append(line)
    cost = np.concatenate([np.full(4 * K, l1), np.zeros(K), np.repeat(share, K - 1) if each else share])
    free = [(0, None)] * (4 * K) + [(None, None)] * K + [(0, None)] * slacks
    found = linprog(cost, np.array(lines), -np.ones(len(lines)), bounds=free, method="highs")
    return float(found.fun)


def linear_programs() -> None:
    for name, each in (("WestonWatkins", True), ("CrammerSinger", False)):
        for weight, l1 in ((np.ones(N), 0.02), (W, 0.02), (np.ones(N), 0.0)):
            model = fitted(name, weight=weight, penalty="l1" if l1 else "none", alpha=l1 or 1.0)
            value = program(each, weight, l1)
            assert model.solution_.converged and model.solution_.value == pytest.approx(value, rel=2e-8), name
            assert 0 <= model.solution_.gap <= 2e-8 * value
    assert (fitted("CrammerSinger", penalty="l1", alpha=0.1).coef_ == 0).sum() >= 2


def test_crammer_and_singers_hinge_as_linear_svc_finds_it() -> None:
    crammer_singer()


def test_hinges_against_rivals_as_linear_programs_find_them() -> None:
    linear_programs()


SEEN = [
    (crammer_singer, "levels"), (crammer_singer, "duals"), (linear_programs, "levels"), (linear_programs, "gap"),
    (linear_programs, "duals"),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("judge", "fault"), SEEN)
def test_a_planted_fault_is_noticed(judge: Any, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    straight, duals = tops.straight, tops.duals
    faults = {
        "levels": ("straight", lambda kinks: (straight(kinks)[0], straight(kinks)[1] * 1.01)),
        "gap": ("gap", lambda parts, at: 0.0),
        "duals": ("duals", lambda *a: duals(*a) + 1e-4),
    }
    monkeypatch.setattr(tops, *faults[fault])
    with pytest.raises(AssertionError):
        judge()


def test_two_classes_are_the_hinge_of_one_score() -> None:
    """A lead of z, against scores (0, z): both are the hinge, which an older solver minimises exactly."""
    plain = fitted("hinge", Y > 0)
    for name in ("CrammerSinger", "WestonWatkins"):
        model = fitted(name, Y > 0)
        assert model.solution_.value == pytest.approx(plain.solution_.value, rel=1e-7)
        assert np.allclose(model.coef_, plain.coef_, atol=1e-5)


def test_an_offset_stays_where_it_is() -> None:
    """Rows with an offset of their own are those whose scores begin there: a column with a coefficient of 1."""
    shift = RNG.normal(size=N)
    model = lossmith.LinearClassifier("CrammerSinger", alpha=0.05).fit(X, Y > 0, offset=shift)
    z = X @ model.coef_[0] + model.intercept_[0] + shift
    value = lossmith.Hinge()((Y > 0) * 1.0, z) + 0.025 * (model.coef_**2).sum()
    plain = lossmith.LinearClassifier("hinge", alpha=0.05).fit(X, Y > 0, offset=shift)
    assert model.solution_.value == pytest.approx(value, rel=1e-12)
    assert value == pytest.approx(plain.solution_.value, rel=1e-7)


def test_a_smooth_loss_against_the_best_rival_as_a_general_solver_finds_it() -> None:
    """½ξ² over the constraints ξ >= 1 − m of all rivals, by SLSQP: the corners of the least margin are constraints."""
    loss = lossmith.SquaredHinge().over("one_against_best")
    rows, labels = X[:40], Y[:40]
    model = lossmith.LinearClassifier(loss, alpha=0.05).fit(rows, labels)
    rivals = [(i, k) for i in range(40) for k in range(K) if k != labels[i]]
    i, k = np.array(rivals).T

    def scores(t: np.ndarray) -> np.ndarray:
        return np.asarray(rows @ t[: 2 * K].reshape(2, K) + t[2 * K : 3 * K])

    def value(t: np.ndarray) -> float:
        z = 1 - t[3 * K :]
        return float(loss.state.run(loss.derived.slot, [z])["value"].mean() + 0.025 * (t[: 2 * K] ** 2).sum())

    def room(t: np.ndarray) -> np.ndarray:
        z = scores(t)
        return np.append(t[3 * K :][i] - 1 + z[i, labels[i]] - z[i, k], t[3 * K :])

    begin = np.concatenate([np.zeros(3 * K), np.ones(40) * 1.5])
    theirs = minimize(value, begin, constraints={"type": "ineq", "fun": room}, tol=1e-12, options={"maxiter": 500})
    assert theirs.success and model.solution_.converged and model.solution_.solver == "soft-rivals"
    assert model.solution_.value == pytest.approx(theirs.fun, rel=1e-6)
    assert 0 <= model.solution_.gap <= 1e-8


def test_where_nothing_can_be_certified_the_reason_says_so() -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        solution = fitted("DualFocal").solution_
    assert "no solver can certify" in solution.why and "jumps where scores tie" in solution.reason
    assert not solution.reason.startswith("optimal") and solution.gap is None


def test_solvers_that_need_a_slope_or_other_kinks_are_refused() -> None:
    for solver, words in (("newton", "kink|twice"), ("lbfgs", "gradient jumps"), ("interior-point", "outputs|rivals")):
        with pytest.raises(UnsupportedError, match=words) as caught:
            fitted("CrammerSinger", solver=solver)
        assert "solver='primal-dual' works" in str(caught.value)
    with pytest.raises(UnsupportedError, match="no margins against rivals"):
        fitted("logistic", Y > 0, solver="primal-dual")
    with pytest.raises(UnsupportedError, match="kink in the margin"):
        fitted("CrammerSinger", solver="soft-rivals")


def test_the_level_of_scores_is_fitted_where_the_loss_sees_it() -> None:
    """A z-loss on a skewed column: its optimum has intercepts that do not sum to 0, nor to what they began with."""
    loss, skewed = lossmith.ZLoss(1.0), np.column_stack([np.exp(X[:, 0]), X[:, 1]])
    model = lossmith.LinearClassifier(loss, alpha=0.01).fit(skewed, Y)

    def value(t: np.ndarray) -> float:
        return float(loss(Y, skewed @ t[:6].reshape(2, 3) + t[6:]) + 0.005 * (t[:6] ** 2).sum())

    theirs = minimize(value, np.zeros(9), tol=1e-12)
    assert model.solution_.value == pytest.approx(theirs.fun, rel=1e-9)
