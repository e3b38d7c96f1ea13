"""Our loss as `loss=` of scikit-learn's histogram boosting: rows and weights are those of each fit."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from boost_peers import table, weights
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.model_selection import cross_val_score

import lossmith
from lossmith.adapters.hist import objective
from lossmith.errors import DomainError, UnsupportedError

X, TARGETS = table(600)
Y = TARGETS["real"] + 1000
WEIGHT = weights(len(X))
WORDS: dict[str, Any] = {"max_iter": 20, "random_state": 0}


def test_cross_validation_is_that_of_its_own_loss() -> None:
    """Fails where the loss keeps the rows that it was made with: folds have others."""
    theirs = cross_val_score(HistGradientBoostingRegressor(**WORDS), X, Y, cv=3, error_score="raise")
    made = HistGradientBoostingRegressor(objective("squared"), **WORDS)
    ours = cross_val_score(made, X, Y, cv=3, error_score="raise")
    assert theirs.min() > 0.4 and np.abs(ours - theirs).max() < 1e-6


@pytest.mark.parametrize("stopping", [False, True])
def test_weights_given_to_fit_count(stopping: bool) -> None:
    """Fails where sample_weight is dropped; with rows held back there are fewer of them."""
    words = {**WORDS, "early_stopping": stopping, "max_iter": 60}
    plain = HistGradientBoostingRegressor(**words).fit(X, Y).predict(X)
    theirs = HistGradientBoostingRegressor(**words).fit(X, Y, WEIGHT).predict(X)
    made = HistGradientBoostingRegressor(objective(lossmith.Squared()), **words)
    ours = made.fit(X, Y, WEIGHT).predict(X)
    assert np.abs(ours - theirs).max() < 1e-3 < np.abs(ours - plain).max()
    again = pickle.loads(pickle.dumps(made))
    assert (again.predict(X) == ours).all() and (clone(again).fit(X, Y, WEIGHT).predict(X) == ours).all()


def test_one_loss_fits_again_to_rows_changed_in_place() -> None:
    """Fails where the loss keeps the rows that it met first."""
    made, y = objective("huber", scale="mad"), Y.copy()
    model = HistGradientBoostingRegressor(made, **WORDS, early_stopping=False)
    model.fit(X, y)
    y += 10 * X[:, 3]
    model.fit(X, y)
    fresh = HistGradientBoostingRegressor(copy.deepcopy(made), **WORDS, early_stopping=False).fit(X, y.copy())
    assert (model.predict(X) == fresh.predict(X)).all()
    assert np.abs(model.predict(X) - y).mean() < 5


def test_what_cannot_be_carried_is_refused_in_one_line() -> None:
    y = TARGETS["classes"].astype(int)
    with pytest.raises(UnsupportedError, match="use DistributionRegressor"):
        objective("GaussianNLL")
    for name in ("squared", "logistic"):
        with pytest.raises(
            UnsupportedError, match=r"3 classes need as many;.*BoostedClassifier\(engine='sklearn'\)"
        ) as caught:
            HistGradientBoostingClassifier(loss=objective(name), **WORDS).fit(X, y)
        assert "\n" not in str(caught.value)
    with pytest.raises(DomainError, match="row 0"):
        HistGradientBoostingRegressor(loss=objective("poisson"), **WORDS).fit(X, -Y)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("kind", ["classes", "binary"])
def test_classes_are_those_of_its_own_loss(kind: str, weight: Any) -> None:
    """A score for each class, or one for two. Fails where start, weights, link or the order of classes is another."""
    labels = np.array(["a", "b", "c"])[TARGETS[kind].astype(int)]
    theirs = HistGradientBoostingClassifier(**WORDS).fit(X, labels, weight)
    made = HistGradientBoostingClassifier(loss=objective("crossentropy", curvature="exact"), **WORDS)
    ours = made.fit(X, labels, weight)
    assert np.abs(ours.predict_proba(X) - theirs.predict_proba(X)).max() < 1e-9 < np.ptp(theirs.predict_proba(X))
    assert (ours.predict(X) == theirs.predict(X)).all()
    again = pickle.loads(pickle.dumps(ours))
    assert (again.predict_proba(X) == ours.predict_proba(X)).all()
    assert (clone(again).fit(X, labels, weight).predict_proba(X) == ours.predict_proba(X)).all()


def test_classes_stop_early_by_any_loss() -> None:
    """Fails where the loss judged is of other scores than those held back."""
    words: dict[str, Any] = {**WORDS, "max_iter": 300, "early_stopping": True, "n_iter_no_change": 3}
    for name, kind in (("focal", "classes"), ("focal", "binary"), ("squared_hinge", "binary")):
        model = HistGradientBoostingClassifier(loss=objective(name), **words).fit(X, TARGETS[kind])
        p = model.predict_proba(X)
        assert model.n_iter_ < 300 and model.score(X, TARGETS[kind]) > 0.8
        assert np.allclose(p.sum(axis=1), 1) and p.shape[1] == len(model.classes_)
