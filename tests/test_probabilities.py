"""Right probabilities: the loss's own link, label smoothing and class weights undone, against simulated truth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sklearn
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression

import lossmith
from lossmith import LinearClassifier
from lossmith.errors import UnsupportedError
from lossmith.lifts import softmax
from lossmith.models import linear

NONE = {"penalty": "none", "tol": 1e-10}


def counted(shares: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows that hold every class with these shares in each of the groups (one-hot columns), and their weights."""
    groups, classes = shares.shape
    group, label = np.divmod(np.arange(groups * classes), classes)
    return np.eye(groups)[group], label, shares.ravel() * 1000


TWO = np.array([[0.95, 0.05], [0.8, 0.2], [0.3, 0.7]])
THREE = np.array([[0.9, 0.07, 0.03], [0.2, 0.5, 0.3], [0.34, 0.33, 0.33]])


def recovered(loss: Any, shares: np.ndarray, **options: Any) -> np.ndarray:
    """The probabilities that a model of the groups tells."""
    X, y, weight = counted(shares)
    model = LinearClassifier(loss, fit_intercept=False, **NONE, **options).fit(X, y, sample_weight=weight)
    return np.asarray(model.predict_proba(np.eye(len(shares))))


def test_focal_at_five_percent_trains_a_quarter_and_tells_five_percent() -> None:
    X, y, weight = counted(TWO)
    model = LinearClassifier("focal", fit_intercept=False, **NONE).fit(X, y, sample_weight=weight)
    z = model.decision_function(np.eye(3))
    assert 1 / (1 + np.exp(-z[0])) == pytest.approx(0.25, abs=5e-4)
    assert np.abs(model.predict_proba(np.eye(3)) - TWO).max() < 5e-5


def test_the_usual_reading_of_focal_scores_would_be_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutant: softmax of the scores, as other libraries have it, misses by 0.2."""
    monkeypatch.setattr(softmax.__class__, "mean", lambda self, state, z: 1 / (1 + np.exp(-z)))
    assert np.abs(recovered("focal", TWO) - TWO).max() > 0.15


LOSSES = [
    lossmith.Focal(), lossmith.Focal(gamma=0.5), lossmith.LabelSmoothing(), lossmith.LabelSmoothing(0.3),
    lossmith.CrossEntropy(), lossmith.GeneralizedCrossEntropy(0.3), lossmith.Poly1(),
]  # fmt: skip


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
@pytest.mark.parametrize("shares", [TWO, THREE], ids=["two", "three"])
def test_probabilities_of_two_and_three_classes(loss: Any, shares: np.ndarray) -> None:
    assert np.abs(recovered(loss, shares) - shares).max() < 1e-4


@pytest.mark.parametrize("name", ["logistic", "exponential", "squared_hinge", "probit", "modified_huber"])
def test_probabilities_of_margin_losses(name: str) -> None:
    assert np.abs(recovered(name, TWO) - TWO).max() < 1e-4


DISTANCES = [
    lossmith.KullbackLeibler(), lossmith.JensenShannonDivergence(), lossmith.HellingerDistance(), lossmith.ChiSquare(),
]  # fmt: skip


@pytest.mark.parametrize("loss", DISTANCES, ids=repr)
@pytest.mark.parametrize("shares", [TWO, THREE], ids=["two", "three"])
def test_probabilities_of_divergences_from_labels(loss: Any, shares: np.ndarray) -> None:
    """The mutant: softmax of the scores, which is right for whole distributions, misses by up to 0.2 (but for KL)."""
    X, y, weight = counted(shares)
    model = LinearClassifier(loss, fit_intercept=False, **NONE).fit(X, y, sample_weight=weight)
    z = model.decision_function(np.eye(len(shares)))
    assert np.abs(model.predict_proba(np.eye(len(shares))) - shares).max() < 1e-3
    plain = lossmith.CrossEntropy().mean(z)
    plain = plain if plain.ndim == 2 else np.column_stack([1 - plain, plain])
    assert (np.abs(plain - shares).max() > 0.04) == (loss.name != "KullbackLeibler")


UNTOLD = [
    lossmith.ProbabilityAbsolute(), lossmith.TotalVariation(), lossmith.NormalisedCrossEntropy(),
    lossmith.TruncatedGeneralizedCrossEntropy(), lossmith.AsymmetricGeneralizedCrossEntropy(),
]  # fmt: skip


@pytest.mark.parametrize("loss", UNTOLD, ids=repr)
def test_scores_that_tell_no_probabilities_give_none(loss: Any) -> None:
    """The mutant: without the demand of a link, the absolute error's three scores "tell" one third each, whatever."""
    for z in (np.zeros(2), np.array([[0.3, 1.0], [2.0, 0.0]]), np.array([[0.3, 1.0, -1.0], [5.0, 0.0, 0.0]])):
        with pytest.raises(UnsupportedError, match="no link"):
            loss.mean(z)
    assert not hasattr(LinearClassifier(loss), "predict_proba")


RULES = ["balanced", {0: 1.0, 1: 9.0}]


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("loss", ["logistic", "focal", "cross_entropy", "exponential"])
def test_class_weights_are_taken_out_of_probabilities_and_left_in_labels(loss: str, rule: Any) -> None:
    assert np.abs(recovered(loss, TWO, class_weight=rule) - TWO).max() < 1e-4
    X, y, weight = counted(TWO)
    model = LinearClassifier(loss, class_weight=rule, fit_intercept=False, **NONE).fit(X, y, sample_weight=weight)
    raw = LinearClassifier(loss, class_weight=rule, prior_correction=False, fit_intercept=False, **NONE)
    raw.fit(X, y, sample_weight=weight)
    assert np.array_equal(model.predict(np.eye(3)), raw.predict_proba(np.eye(3)).argmax(axis=1))
    assert np.abs(raw.predict_proba(np.eye(3)) - TWO).max() > 0.1


@pytest.mark.parametrize("loss", ["cross_entropy", "focal", "label_smoothing", "logistic"])
def test_class_weights_of_three_classes(loss: str) -> None:
    """One problem (softmax) or one class against the rest (logistic): the same correction serves both."""
    assert np.abs(recovered(loss, THREE, class_weight={0: 0.5, 1: 3.0, 2: 8.0}) - THREE).max() < 1e-4


def test_without_the_correction_the_weights_stay_as_in_scikit_learn() -> None:
    X, y, weight = counted(TWO)
    theirs = LogisticRegression(class_weight={0: 1.0, 1: 9.0}, C=1e10, fit_intercept=False, tol=1e-12, max_iter=1000)
    theirs.fit(X, y, sample_weight=weight)
    ours = recovered("logistic", TWO, class_weight={0: 1.0, 1: 9.0}, prior_correction=False)
    assert np.allclose(ours, theirs.predict_proba(np.eye(3)), atol=1e-5)


MUTANTS: dict[str, Callable[..., Any]] = {
    "weights stay in": lambda p, w: p,
    "weights go in twice": lambda p, w: linear.shares(p * w),
    "not divided by the sum": lambda p, w: p / w,
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_wrong_correction_is_noticed(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "unweighted", MUTANTS[mutant])
    assert np.abs(recovered("logistic", TWO, class_weight={0: 1.0, 1: 9.0}) - TWO).max() > 0.01


def test_simulated_data_with_rare_positives() -> None:
    """Balanced weights on 4 % positives: the probabilities are those of the law, not of the weights."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(40_000, 3))
    truth = 1 / (1 + np.exp(-(X @ [0.8, -0.5, 0.3] - 3.5)))
    y = rng.random(len(X)) < truth
    for loss in ("logistic", "focal"):
        p = LinearClassifier(loss, class_weight="balanced", alpha=1e-6).fit(X, y).predict_proba(X)[:, 1]
        assert p.mean() == pytest.approx(truth.mean(), rel=0.05), loss
        assert np.abs(p - truth).mean() < 0.006, loss


def test_a_class_of_weight_zero_gets_no_probability() -> None:
    p = recovered("cross_entropy", THREE, class_weight={2: 1e-9})
    assert np.all(np.isfinite(p)) and np.allclose(p.sum(axis=1), 1)


def test_the_weights_travel_with_a_saved_model(tmp_path: Any) -> None:
    X, y, weight = counted(TWO)
    model = LinearClassifier(class_weight="balanced", **NONE).fit(X, y, sample_weight=weight)
    model.save(tmp_path / "m")
    again = lossmith.load(tmp_path / "m")
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))
    assert np.array_equal(again.class_weight_, model.class_weight_)


def test_hinge_says_what_would_give_probabilities_and_that_works() -> None:
    X, y, weight = counted(TWO)
    model = LinearClassifier("hinge").fit(X, y, sample_weight=weight)
    assert not hasattr(model, "predict_proba")
    with pytest.raises(AttributeError, match=r"CalibratedClassifierCV.*isotonic.*Platt.*squared_hinge"):
        model.predict_proba(X)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 2))
    truth = 1 / (1 + np.exp(-2 * X[:, 0]))
    y = rng.random(3000) < truth
    with pytest.raises(AttributeError) as caught:
        LinearClassifier("hinge").predict_proba(X)
    code, names = str(caught.value).split("`")[1], {"sklearn": sklearn, "LinearClassifier": LinearClassifier}
    told = eval(code, {"__builtins__": {}}, {**names, "X": X, "y": y})  # the line that the error gives, as it stands
    assert np.abs(told.predict_proba(X)[:, 1] - truth).mean() < 0.06
    for method in ("isotonic", "sigmoid"):
        p = CalibratedClassifierCV(LinearClassifier("hinge"), method=method).fit(X, y).predict_proba(X)[:, 1]
        assert np.abs(p - truth).mean() < 0.06
