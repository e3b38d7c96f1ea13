"""The estimators: scikit-learn's own checks, its models to six digits, and what weights, offsets and classes mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from model_data import WEIGHT, Array, apart, counts, labelled, numbers
from sklearn import linear_model as sk
from sklearn.base import clone
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import parametrize_with_checks

import lossmith
from lossmith.errors import DataError, UnsupportedError
from lossmith.fit import Penalty
from lossmith.models.base import columns
from lossmith.models.linear import LinearClassifier, LinearRegressor

CHECKED = [
    LinearRegressor(),
    LinearRegressor("huber", scale="mad"),
    LinearRegressor("quantile"),
    LinearRegressor("poisson"),
    LinearRegressor("cauchy", scale="mad"),
    LinearRegressor("logcosh", penalty="elasticnet"),
    LinearClassifier(),
    LinearClassifier("SquaredHinge"),
    LinearClassifier("crossentropy", class_weight="balanced"),
]


@parametrize_with_checks(CHECKED)
def test_scikit_learn_checks(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)


def ridge(w: Array | None) -> tuple[Any, Any, Array, Array]:
    mass = 300 if w is None else w.sum()
    return LinearRegressor(alpha=0.01), sk.Ridge(alpha=0.01 * mass, tol=1e-12, solver="cholesky"), *numbers()


def lasso(w: Array | None) -> tuple[Any, Any, Array, Array]:
    theirs = sk.Lasso(alpha=0.05, tol=1e-12, max_iter=100_000)
    return LinearRegressor(penalty="l1", alpha=0.05, tol=1e-10), theirs, *numbers()


def elastic(w: Array | None) -> tuple[Any, Any, Array, Array]:
    theirs = sk.ElasticNet(alpha=0.1, l1_ratio=0.3, tol=1e-12, max_iter=100_000)
    return LinearRegressor(penalty="elasticnet", alpha=0.1, l1_ratio=0.3, tol=1e-10), theirs, *numbers()


def poisson(w: Array | None) -> tuple[Any, Any, Array, Array]:
    return LinearRegressor("poisson", alpha=0.02), sk.PoissonRegressor(alpha=0.02, tol=1e-10, max_iter=1000), *counts()


def gamma(w: Array | None) -> tuple[Any, Any, Array, Array]:
    X, y = counts()
    theirs = sk.GammaRegressor(alpha=0.02, tol=1e-10, max_iter=1000)
    return LinearRegressor("gamma", alpha=0.02), theirs, X, y + 0.5


def quantile(w: Array | None) -> tuple[Any, Any, Array, Array]:
    ours = LinearRegressor(lossmith.Quantile(0.8), penalty="l1", alpha=0.01)
    return ours, sk.QuantileRegressor(quantile=0.8, alpha=0.01), *numbers()


def huber(w: Array | None) -> tuple[Any, Any, Array, Array]:
    mass = 300 if w is None else w.sum()
    ours = LinearRegressor(lossmith.Huber(1.5), scale="concomitant", alpha=2.0 / mass, tol=1e-10)
    return ours, sk.HuberRegressor(epsilon=1.5, alpha=2.0, tol=1e-10, warm_start=True), *counts()


def logistic(w: Array | None) -> tuple[Any, Any, Array, Array]:
    mass = 300 if w is None else w.sum()
    theirs = sk.LogisticRegression(C=1 / (0.01 * mass), tol=1e-12, solver="newton-cholesky", max_iter=1000)
    return LinearClassifier(alpha=0.01), theirs, *labelled()


def multinomial(w: Array | None) -> tuple[Any, Any, Array, Array]:
    mass = 300 if w is None else w.sum()
    theirs = sk.LogisticRegression(C=1 / (0.01 * mass), tol=1e-12, max_iter=10_000)
    return LinearClassifier("crossentropy", alpha=0.01, tol=1e-10), theirs, *labelled(classes=3)


def machine(w: Array | None) -> tuple[Any, Any, Array, Array]:
    mass = 300 if w is None else w.sum()
    theirs = LinearSVC(C=1 / (0.01 * mass), dual=False, fit_intercept=False, tol=1e-12, max_iter=100_000)
    return LinearClassifier("squaredhinge", alpha=0.01, fit_intercept=False, tol=1e-10), theirs, *labelled()


TWINS = [ridge, lasso, elastic, poisson, gamma, quantile, huber, logistic, multinomial, machine]


def twin_error(twin: Callable[[Array | None], tuple[Any, Any, Array, Array]], weight: Array | None) -> float:
    ours, theirs, X, y = twin(weight)
    ours.fit(X, y, sample_weight=weight)
    for _ in range(5):  # their Huber stops short of its optimum, and goes on from there when asked again
        theirs.fit(X, y, sample_weight=weight)
    centre = np.median(X, axis=0)
    moved = ours.intercept_ + ours.coef_ @ centre, theirs.intercept_ + theirs.coef_ @ centre
    if len(np.atleast_1d(moved[0])) > 1:  # scores of several classes are defined up to one constant
        moved = moved[0] - moved[0].mean(), moved[1] - moved[1].mean()
    unit = X.std(axis=0)
    return max(apart(ours.coef_ * unit, theirs.coef_ * unit), apart(*moved))


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("twin", TWINS)
def test_agrees_with_scikit_learn(
    twin: Callable[[Array | None], tuple[Any, Any, Array, Array]], weighted: bool
) -> None:
    assert twin_error(twin, WEIGHT if weighted else None) < 1e-6


@pytest.mark.parametrize("twin", [ridge, logistic, multinomial, poisson])
def test_a_penalty_off_by_a_thousandth_is_noticed(twin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutant of the agreement: alpha passed on 0.1 % too large."""
    monkeypatch.setattr(
        "lossmith.models.base.Penalty", lambda kind, alpha, l1_ratio: Penalty(kind, 1.001 * alpha, l1_ratio)
    )
    assert twin_error(twin, None) > 1e-6


@pytest.mark.parametrize("twin", [poisson, gamma, logistic, multinomial])
def test_predictions_agree_with_scikit_learn(twin: Any) -> None:
    ours, theirs, X, y = twin(None)
    method = "predict_proba" if hasattr(theirs, "predict_proba") else "predict"
    a, b = getattr(ours.fit(X, y), method)(X), getattr(theirs.fit(X, y), method)(X)
    assert np.allclose(a, b, rtol=1e-6)
    assert np.isclose(ours.score(X, y), _score(theirs, X, y), rtol=1e-6)


def _score(theirs: Any, X: Array, y: Array) -> float:
    from sklearn.metrics import accuracy_score, r2_score

    score = accuracy_score if hasattr(theirs, "classes_") else r2_score
    return float(score(y, theirs.predict(X)))


@pytest.mark.parametrize("loss", ["huber", "squared", "quantile"])
def test_weights_are_repeated_rows(loss: str) -> None:
    X, y = numbers()
    times = WEIGHT.astype(int)
    a = LinearRegressor(loss, scale=2.0 if loss == "huber" else 1.0).fit(X, y, sample_weight=WEIGHT)
    b = clone(a).fit(X.repeat(times, axis=0), y.repeat(times))
    assert apart(a.predict(X), b.predict(X)) < 1e-7
    assert apart(a.predict(X), clone(a).fit(X, y).predict(X)) > 1e-4


def test_balanced_classes_are_sample_weights() -> None:
    X, y = labelled(classes=3)
    total = np.bincount(y)
    by_hand = (len(y) / (3 * total))[y]
    for loss in ("logistic", "crossentropy"):
        balanced = LinearClassifier(loss, class_weight="balanced").fit(X, y)
        weighted = LinearClassifier(loss).fit(X, y, sample_weight=by_hand)
        written = LinearClassifier(loss, class_weight=dict(enumerate(len(y) / (3 * total)))).fit(X, y)
        assert np.array_equal(balanced.coef_, weighted.coef_) and np.array_equal(balanced.coef_, written.coef_)
        assert (
            apart(balanced.coef_, LinearClassifier(loss).fit(X, y).coef_) > 1e-3
        )  # a model that ignores it is noticed


def test_balancing_counts_weighted_rows() -> None:
    X, y = labelled()
    times = WEIGHT.astype(int)
    a = LinearClassifier(class_weight="balanced").fit(X, y, sample_weight=WEIGHT)
    b = LinearClassifier(class_weight="balanced").fit(X.repeat(times, axis=0), y.repeat(times))
    assert apart(a.coef_, b.coef_) < 1e-7


def test_an_offset_is_part_of_the_prediction() -> None:
    X, y = numbers()
    shift = np.random.default_rng(1).normal(size=len(y))
    a = LinearRegressor().fit(X, y, offset=shift)
    b = LinearRegressor().fit(X, y - shift)
    assert apart(a.coef_, b.coef_) < 1e-9
    assert np.allclose(a.predict(X, offset=shift), b.predict(X) + shift, rtol=1e-9)
    assert apart(a.coef_, LinearRegressor().fit(X, y).coef_) > 1e-4


def test_an_exposure_makes_rates() -> None:
    """Counts over an exposure are rates weighted by it: the same fit of a Poisson loss, after Agresti."""
    X, y = counts()
    exposure = np.random.default_rng(1).uniform(0.5, 3, size=len(y))
    a = LinearRegressor("poisson", alpha=0.0).fit(X, y, exposure=exposure)
    b = sk.PoissonRegressor(alpha=0.0, tol=1e-10, max_iter=1000).fit(X, y / exposure, sample_weight=exposure)
    assert apart(a.coef_, b.coef_) < 1e-6
    assert np.allclose(a.predict(X, exposure=exposure), exposure * b.predict(X), rtol=1e-6)
    with pytest.raises(UnsupportedError, match="no log link"):
        LinearRegressor().fit(X, y, exposure=exposure)
    with pytest.raises(DataError, match="exposure must be positive; row 2 has 0"):
        LinearRegressor("poisson").fit(X, y, exposure=np.where(np.arange(len(y)) == 2, 0, 1.0))


def test_several_targets_are_several_fits() -> None:
    X, y = numbers()
    Y = np.column_stack([y, y**2 / 50, -y])
    both = LinearRegressor("huber", scale="mad").fit(X, Y)
    assert both.coef_.shape == (3, 4) and both.intercept_.shape == (3,) and both.predict(X).shape == Y.shape
    for k in range(3):
        one = LinearRegressor("huber", scale="mad").fit(X, Y[:, k])
        assert np.array_equal(one.coef_, both.coef_[k]) and one.scale_ == both.scale_[k]
        assert np.allclose(one.predict(X), both.predict(X)[:, k], rtol=1e-12)
    assert len(both.solution_) == 3


def test_a_margin_loss_on_three_classes_is_one_against_the_rest() -> None:
    X, y = labelled(classes=3)
    model = LinearClassifier("logistic").fit(X, y)
    each = [LinearClassifier("logistic").fit(X, y == k) for k in range(3)]
    assert np.array_equal(model.coef_, np.vstack([m.coef_ for m in each]))
    p = np.column_stack([m.predict_proba(X)[:, 1] for m in each])
    assert np.allclose(model.predict_proba(X), p / p.sum(axis=1, keepdims=True), rtol=1e-12)
    assert np.array_equal(model.predict(X), model.decision_function(X).argmax(axis=1))


def test_a_softmax_loss_on_two_classes_is_the_binary_one() -> None:
    X, y = labelled()
    a, b = LinearClassifier("crossentropy").fit(X, y), LinearClassifier("logistic").fit(X, y)
    assert a.coef_.shape == (1, 3) and apart(a.coef_, b.coef_) < 1e-7
    assert a.predict_proba(X).shape == (len(y), 2)


@pytest.mark.parametrize(
    "names",
    [
        np.array(["late", "on time"]),
        np.array(["b", "a"], dtype=object),
        np.array([True, False]),
        np.array([-1, 1]),
        np.array([2.0, 7.0]),
    ],
    ids=["text", "objects", "truth", "signs", "floats"],
)
def test_labels_of_any_type(names: Array) -> None:
    X, y = labelled()
    model = LinearClassifier().fit(X, names[y])
    assert model.classes_.tolist() == sorted(names.tolist())
    assert model.predict(X).dtype == names.dtype
    assert np.mean(model.predict(X) == names[y]) == model.score(X, names[y]) > 0.6
    assert np.array_equal(model.predict(X), model.classes_[model.predict_proba(X).argmax(axis=1)])
    assert np.array_equal(LinearClassifier().fit(X, pd.Series(names[y])).coef_, model.coef_)


def test_probabilities_only_where_the_loss_has_a_link() -> None:
    X, y = labelled()
    hinge = LinearClassifier("hinge").fit(X, y)
    assert not hasattr(hinge, "predict_proba") and not hasattr(LinearClassifier("hinge"), "predict_log_proba")
    assert hinge.score(X, y) > 0.6
    model = LinearClassifier("crossentropy").fit(*labelled(classes=4))
    assert np.allclose(np.exp(model.predict_log_proba(X)).sum(axis=1), 1)
    assert np.allclose(inputs_shares(np.array([[0.0, 0, 0, 0], [1, 1, 2, 0]])), [[0.25] * 4, [0.25, 0.25, 0.5, 0]])


def inputs_shares(p: Array) -> Array:
    from lossmith.models.linear import shares

    return shares(p)


def several_targets_swapped(rows: Any) -> Any:
    return columns(rows)[::-1]


FAULTS: list[tuple[str, Callable[..., Any], Callable[[], None]]] = [
    (
        "inputs.class_weights",
        lambda rule, classes, codes, weight: np.ones(len(classes)),
        test_balanced_classes_are_sample_weights,
    ),
    (
        "inputs._per_class",
        lambda rule, classes, codes, each: 1 / np.bincount(codes),
        test_balancing_counts_weighted_rows,
    ),
    ("inputs.shift", lambda loss, offset, exposure: None, test_an_offset_is_part_of_the_prediction),
    ("inputs.shift", lambda loss, offset, exposure: exposure, test_an_exposure_makes_rates),
    ("linear.columns", several_targets_swapped, test_several_targets_are_several_fits),
    ("linear.columns", several_targets_swapped, test_a_margin_loss_on_three_classes_is_one_against_the_rest),
    ("linear.shares", lambda p: p, test_a_margin_loss_on_three_classes_is_one_against_the_rest),
    ("inputs.has_link", lambda loss: True, test_probabilities_only_where_the_loss_has_a_link),
]


@pytest.mark.parametrize(("where", "fault", "law"), FAULTS)
def test_a_planted_fault_is_caught(
    where: str, fault: Callable[..., Any], law: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"lossmith.models.{where}", fault)
    with pytest.raises(AssertionError):
        law()
