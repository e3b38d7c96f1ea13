"""What stands beside the trees: offsets and exposures on every engine, sparse tables, few rows held back."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import clone

import lossmith
from lossmith.errors import DataError, ParameterError, ShapeError, UnsupportedError
from lossmith.models.boosted import BoostedRegressor
from lossmith.models.boosted_classifier import BoostedClassifier
from lossmith.models.boosted_task import ENGINES, SPARSE

Array = NDArray[Any]
EVERY = [
    pytest.param(name, marks=pytest.mark.skipif(not importlib.util.find_spec(name), reason=f"{name} is not installed"))
    for name in ENGINES
]
engines = pytest.mark.parametrize("engine", EVERY)
QUICK: dict[str, Any] = {"n_jobs": 1, "random_state": 0, "max_iter": 8, "max_leaf_nodes": 6, "learning_rate": 0.3}

RNG = np.random.default_rng(9)
X = RNG.integers(0, 12, size=(240, 3)).astype(float)
F = np.sin(X[:, 0]) + 0.2 * X[:, 1]
EXPOSURE = RNG.uniform(0.2, 5.0, 240)
COUNTS = RNG.poisson(EXPOSURE * np.exp(F / 2)).astype(float)
OFFSET = RNG.normal(size=240)


# Offsets


@pytest.mark.parametrize("engine", [one for one in EVERY if one.values[0] != "catboost"])  # its splits look at weights
def test_a_count_with_an_exposure_is_a_rate_with_a_weight(engine: str) -> None:
    """e·exp(z) − y = e(exp(z) − y/e): the same trees. Fails where the exposure is dropped, or added twice."""
    model = BoostedRegressor("poisson", engine=engine, min_samples_leaf=1, l2_regularization=0.0, **QUICK)
    ours = clone(model).fit(X, COUNTS, exposure=EXPOSURE)
    rates = clone(model).fit(X, COUNTS / EXPOSURE, sample_weight=EXPOSURE)
    assert np.ptp(rates.predict(X)) > 0.5
    assert np.abs(ours.predict(X) - rates.predict(X)).max() < 1e-4
    assert np.allclose(ours.predict(X, exposure=EXPOSURE), EXPOSURE * ours.predict(X), rtol=1e-9)
    assert ours.score(X, COUNTS, exposure=EXPOSURE) > ours.score(X, COUNTS) + 0.1
    both = clone(model).fit(X, COUNTS, exposure=EXPOSURE / 2, offset=np.full(240, np.log(2.0)))
    assert np.abs(both.predict(X) - ours.predict(X)).max() < 1e-4


def test_an_exposure_in_catboost_is_a_baseline_of_its_own_poisson() -> None:
    """Its objective, its baseline, our start. Fails where the baseline is left out, or the start is added to it."""
    host = pytest.importorskip("catboost", reason="CatBoost is not installed (the extra `catboost` brings it)")
    model = BoostedRegressor("poisson", engine="catboost", **QUICK).fit(X, COUNTS, exposure=EXPOSURE)
    start = np.log(COUNTS.sum() / EXPOSURE.sum())
    words = {
        "loss_function": "Poisson", "iterations": 8, "learning_rate": 0.3, "grow_policy": "Lossguide", "max_leaves": 6,
        "depth": 16, "min_data_in_leaf": 40, "l2_leaf_reg": 3.0, "boosting_type": "Plain", "bootstrap_type": "No",
        "random_strength": 0.0, "leaf_estimation_iterations": 1, "leaf_estimation_method": "Newton",
        "boost_from_average": False, "score_function": "L2", "thread_count": 1, "allow_writing_files": False,
        "verbose": False,
    }  # fmt: skip
    theirs = host.CatBoost(words).fit(host.Pool(X, COUNTS, baseline=start + np.log(EXPOSURE)))
    z = start + theirs.predict(X, prediction_type="RawFormulaVal")
    assert np.ptp(z) > 0.5 and np.abs(np.log(model.predict(X)) - z).max() < 1e-5
    assert model.score(X, COUNTS, exposure=EXPOSURE) > model.score(X, COUNTS) + 0.1


@engines
def test_an_offset_of_a_residual_loss_is_taken_from_y(engine: str) -> None:
    """In the unit of the loss, which is not 1; fails where it is added in units of y. Levels share it."""
    y = 100 * F + 300 * OFFSET + 5 * RNG.standard_t(3, 240)
    for given in ({"loss": "huber"}, {"loss": "quantile", "quantiles": (0.2, 0.8)}):
        model = BoostedRegressor(engine=engine, **given, **QUICK)
        ours = clone(model).fit(X, y, offset=300 * OFFSET)
        plain = clone(model).fit(X, y - 300 * OFFSET)
        assert np.abs(ours.predict(X) - plain.predict(X)).max() < 0.05 < np.ptp(plain.predict(X)) / 100
        beside = ours.predict(X, offset=300 * OFFSET) - ours.predict(X)
        assert np.allclose(beside.T, 300 * OFFSET, atol=1e-9)


@engines
def test_an_offset_that_says_all_leaves_nothing_for_the_trees(engine: str, tmp_path: Path) -> None:
    """Two classes, saved and read again; fails where it is dropped in the slopes or in predict_proba."""
    z = 1.5 * (F - F.mean())
    y = np.where(RNG.random(240) < 1 / (1 + np.exp(-z)), "yes", "no")
    model = BoostedClassifier("logistic", engine=engine, **{**QUICK, "max_iter": 3, "learning_rate": 0.05})
    told = clone(model).fit(X, y, offset=z)
    assert np.abs(told.decision_function(X)).max() < 0.6
    assert np.abs(told.predict_proba(X, offset=z)[:, 1] - 1 / (1 + np.exp(-z))).mean() < 0.1
    assert told.score(X, y, offset=z) > told.score(X, y) + 0.1
    told.save(tmp_path / "model")
    again = lossmith.load(tmp_path / "model")
    assert (again.predict(X, offset=z) == told.predict(X, offset=z)).all()
    with pytest.raises(UnsupportedError, match="two classes, and y has 3"):
        clone(model).fit(X, np.arange(240) % 3, offset=z)


@engines
@pytest.mark.parametrize("loss", ["poisson", "huber"])
def test_rounds_are_judged_beside_the_offset(engine: str, loss: str) -> None:
    """The best entry of the history is the loss of the final predictions. Fails where held rows have no offset."""
    train, held = slice(0, 180), slice(180, None)
    y, shift = (COUNTS, np.log(EXPOSURE)) if loss == "poisson" else (F + 3 * OFFSET, 3 * OFFSET)
    scoring = None if loss == "poisson" else "absolute"
    model = BoostedRegressor(loss, engine=engine, scoring=scoring, n_iter_no_change=3, **{**QUICK, "max_iter": 40})
    eval_set = (X[held], y[held], None, shift[held])
    model.fit(X[train], y[train], offset=shift[train], eval_set=eval_set)
    z = model._raw(X[held], shift[held])
    judge = lossmith.loss(scoring or loss)
    assert model.validation_scores_[0].min() == pytest.approx(judge.value(y[held], z).mean(), rel=1e-3)
    with pytest.raises(DataError, match="eval_set lacks an offset"):
        model.fit(X[train], y[train], offset=shift[train], eval_set=eval_set[:2])
    stopped = clone(model).set_params(early_stopping=True, validation_fraction=0.2).fit(X, y, offset=shift)
    assert len(stopped.validation_scores_[0]) and stopped.score(X, y, offset=shift) > 0.3


@pytest.mark.parametrize(
    ("more", "error", "says"),
    [
        ({"offset": OFFSET[:9]}, ShapeError, "offset has 9"),
        ({"offset": np.where(np.arange(240) == 4, np.nan, OFFSET)}, DataError, "row 4"),
        ({"exposure": -EXPOSURE}, DataError, "exposure must be positive; row 0"),
    ],
)
def test_offsets_that_cannot_be_used(more: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        BoostedRegressor("poisson", engine="sklearn", **QUICK).fit(X, COUNTS, **more)
    assert "\n" not in str(caught.value)
    with pytest.raises(UnsupportedError, match="no log link"):
        BoostedRegressor("huber", engine="sklearn", **QUICK).fit(X, COUNTS, exposure=EXPOSURE)
    fitted = BoostedRegressor("poisson", engine="sklearn", **{**QUICK, "max_iter": 1}).fit(X, COUNTS)
    with pytest.raises(ShapeError, match="X has 2 rows"):
        fitted.predict(X[:2], offset=OFFSET)


# Sparse tables


@engines
@pytest.mark.parametrize("form", [sparse.csr_array, sparse.csc_matrix])
def test_sparse_tables(engine: str, form: Any, tmp_path: Path) -> None:
    """Fails where a table is laid out wrongly, or where predictions for an array are not those for the same matrix."""
    rng = np.random.default_rng(1)
    wide = np.where(rng.random((240, 12)) < 0.8, 0.0, rng.integers(1, 9, (240, 12))).astype(float)
    y = wide[:, 0] + 2 * (wide[:, 1] > 3) + 0.1 * rng.normal(size=240)
    model = BoostedRegressor("squared", engine=engine, min_samples_leaf=5, **QUICK)
    if engine not in SPARSE:
        with pytest.raises(UnsupportedError, match="takes no sparse X; use lightgbm, xgboost or catboost"):
            model.fit(form(wide), y)
        return
    ours = clone(model).fit(form(wide), y)
    answer = ours.predict(form(wide))
    assert ours.score(form(wide), y) > 0.7 and (ours.predict(wide) == answer).all()
    full = clone(model).fit(wide, y)
    if engine != "xgboost":  # what is not stored is missing there, and goes to either side
        assert np.allclose(full.predict(wide), answer, atol=1e-6)
    assert (full.predict(form(wide)) == full.predict(wide)).all()
    stopped = clone(model).set_params(early_stopping=True).fit(form(wide), y)
    assert len(stopped.validation_scores_[0])
    ours.save(tmp_path / "model")
    assert (lossmith.load(tmp_path / "model").predict(wide) == answer).all()
    with pytest.raises(UnsupportedError, match="categorical_features of a sparse X"):
        clone(model).set_params(categorical_features=[0]).fit(form(wide), y)


# Few rows, and settings that are none


@engines
def test_rows_held_back_that_leave_nothing(engine: str) -> None:
    """Each was an error in the depths of an engine, or of NumPy. Fails where a class loses its last row."""
    regressor = BoostedRegressor(engine=engine, early_stopping=True, **QUICK)
    classifier = BoostedClassifier(engine=engine, early_stopping=True, **QUICK)
    one = np.zeros(240)
    one[0] = 1
    for model, table, y, weight, says in (
        (regressor, X[:1], F[:1], None, "no rows to judge rounds by, of 1"),
        (classifier, X[:2], np.array(["a", "b"]), None, "no rows to judge rounds by, of 2"),
        (regressor, X, F, one, "no rows of weight > 0"),
    ):
        with pytest.raises(DataError, match=says) as caught:
            clone(model).fit(table, y, weight)
        assert "\n" not in str(caught.value)
    most = clone(regressor).set_params(validation_fraction=0.999).fit(X, F)
    assert np.isfinite(most.predict(X)).all()
    rare = np.where(np.arange(240) == 7, "c", np.where(F > 0, "a", "b"))
    for loss in ("crossentropy", "logistic"):
        p = clone(classifier).set_params(loss=loss).fit(X, rare).predict_proba(X)
        assert p.shape == (240, 3) and np.allclose(p.sum(axis=1), 1, atol=1e-5)
        lacking = BoostedClassifier(loss, engine=engine, scoring="log" if loss == "crossentropy" else None, **QUICK)
        lacking.fit(X, rare, eval_set=(X[8:30], rare[8:30]))
        assert len(lacking.validation_scores_[0]) and np.isfinite(lacking.validation_scores_[0]).all()


@engines
def test_a_column_without_an_entry_is_no_reason_to_fail(engine: str) -> None:
    """scikit-learn's bins fail on one, which a fold may well have."""
    wide = np.column_stack([X, np.full(240, np.nan)])
    model = BoostedRegressor(engine=engine, **QUICK)
    ours = clone(model).fit(wide, F)
    assert np.abs(ours.predict(wide) - clone(model).fit(X, F).predict(X)).max() < 1e-5
    assert np.isfinite(ours.predict(np.nan_to_num(wide))).all()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"max_leaf_nodes": 1}, "whole number >= 2"),
        ({"max_depth": "deep"}, "whole number >= 1"),
        ({"n_jobs": "all"}, "n_jobs='all' must be a whole number"),
        ({"options": "none"}, "options='none' must be a dict"),
        ({"loss": "quantile", "quantiles": 0.5}, "quantiles=0.5 must be a list of levels"),
        ({"loss": "quantile", "quantiles": ()}, "must be a list of levels"),
    ],
)
def test_settings_that_are_none(change: dict[str, Any], says: str) -> None:
    """Each was the engine's error, or Python's."""
    with pytest.raises(ParameterError, match=says) as caught:
        BoostedRegressor(engine="sklearn", **{**QUICK, **change}).fit(X, F)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("given", [(X,), (X, F, None, None, None), "rows"])
def test_what_an_eval_set_is(given: Any) -> None:
    with pytest.raises(DataError, match="eval_set must be"):
        BoostedRegressor(engine="sklearn", **QUICK).fit(X, F, eval_set=given)
