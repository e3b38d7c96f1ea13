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
    with pytest.raises(UnsupportedError, match=r"BoostedClassifier\(engine='sklearn'\)") as caught:
        objective("crossentropy")
    assert "\n" not in str(caught.value)
    with pytest.raises(UnsupportedError, match="use DistributionRegressor"):
        objective("GaussianNLL")
    with pytest.raises(UnsupportedError, match="3 classes need as many"):
        HistGradientBoostingClassifier(loss=objective("squared"), **WORDS).fit(X, y)
    with pytest.raises(DomainError, match="row 0"):
        HistGradientBoostingRegressor(loss=objective("poisson"), **WORDS).fit(X, -Y)
