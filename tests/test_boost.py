"""Boosted estimators on every engine: the failures of custom objectives that users report, and what holds instead."""

from __future__ import annotations

import importlib.util
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import lossmith
from lossmith.errors import DataError, DomainError, MissingExtra, ParameterError, UnsupportedError
from lossmith.models.boosted import BoostedRegressor
from lossmith.models.boosted_classifier import BoostedClassifier
from lossmith.models.boosted_task import ENGINES

Array = NDArray[Any]
EVERY = [
    pytest.param(name, marks=pytest.mark.skipif(not importlib.util.find_spec(name), reason=f"{name} is not installed"))
    for name in ENGINES
]
engines = pytest.mark.parametrize("engine", EVERY)
ONE: dict[str, Any] = {"n_jobs": 1, "random_state": 0}


def thousand(n: int = 800, seed: int = 7) -> tuple[Array, Array]:
    """y ≈ 1000 ± 500, the recipe of the threads."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5))
    f = np.sin(X[:, 0]) + 0.5 * X[:, 1]
    return X, 1000 + 500 * (f - f.mean()) / f.std() + 20 * rng.normal(size=n)


def rmse(y: Array, p: Array) -> float:
    return float(np.sqrt(np.mean((y - p) ** 2)))


def mae(y: Array, p: Array) -> float:
    return float(np.abs(y - p).mean())


# --- the three failures ---------------------------------------------------------------------------------------------

LIGHTLY: dict[str, Any] = {"verbosity": -1, "num_threads": 1}
EXTREMELY: dict[str, Any] = {"nthread": 1, "verbosity": 0, "eta": 0.1}


def halves() -> tuple[Array, Array, Array, Array]:
    """800 rows to learn from, and 800 that no tree has seen."""
    X, y = thousand(1600)
    return X[:800], y[:800], X[800:], y[800:]


def lightly(objective: Any, rounds: int) -> Any:
    lightgbm = pytest.importorskip("lightgbm", reason="LightGBM is not installed (the extra `lightgbm` brings it)")
    X, y, _, _ = halves()
    return lightgbm.train({**LIGHTLY, "objective": objective}, lightgbm.Dataset(X, y), rounds)


def lightly_ours(loss: Any, rounds: int, **words: Any) -> Any:
    lightgbm = pytest.importorskip("lightgbm", reason="LightGBM is not installed (the extra `lightgbm` brings it)")
    X, y, _, _ = halves()
    return lossmith.lightgbm.train(LIGHTLY, lightgbm.Dataset(X, y), rounds, loss=loss, **words)


def extremely(objective: str, rounds: int, X: Array) -> Array:
    xgboost = pytest.importorskip("xgboost", reason="XGBoost is not installed (the extra `xgboost` brings it)")
    data = xgboost.DMatrix(*halves()[:2])
    grown = xgboost.train({**EXTREMELY, "objective": objective}, data, rounds)
    return np.asarray(grown.predict(xgboost.DMatrix(X)))


def extremely_ours(loss: Any, rounds: int, X: Array, **words: Any) -> Array:
    xgboost = pytest.importorskip("xgboost", reason="XGBoost is not installed (the extra `xgboost` brings it)")
    data = xgboost.DMatrix(*halves()[:2])
    grown = lossmith.xgboost.train(EXTREMELY, data, rounds, loss=loss, **words)
    return np.asarray(grown.predict(xgboost.DMatrix(X), output_margin=True))


def test_twenty_rounds_reach_what_lightgbm_itself_reaches() -> None:
    """Without a start the custom objective ends at half as much again (LightGBM#7193)."""
    X, y, _, _ = halves()
    built_in = rmse(y, lightly("regression", 20).predict(X))
    assert rmse(y, lightly_ours(lossmith.Squared(), 20).predict(X)) <= 1.02 * built_in
    assert rmse(y, lightly(lossmith.lightgbm.objective(lossmith.Squared()), 20).predict(X)) > 1.3 * built_in


def test_twenty_rounds_reach_what_xgboost_itself_reaches() -> None:
    X, y, _, _ = halves()
    built_in = rmse(y, extremely("reg:squarederror", 20, X))
    assert rmse(y, extremely_ours(lossmith.Squared(), 20, X)) <= 1.02 * built_in


def test_huber_far_from_zero_is_as_good_as_the_best_built_in_of_lightgbm() -> None:
    """On rows held out; the exact Hessian of Huber(1) is 0 on all these rows (XGBoost#11057) and learns nothing."""
    _, _, X, y = halves()
    names = ("regression", "regression_l1", "huber", "fair", "quantile")
    best = min(mae(y, lightly(o, 100).predict(X)) for o in names)
    assert mae(y, lightly_ours(lossmith.Huber(), 100, scale="mad").predict(X)) <= 1.1 * best
    assert mae(y, lightly_ours(lossmith.Huber(1.0), 100, curvature="exact").predict(X)) > 3 * best


def test_huber_far_from_zero_is_as_good_as_the_best_built_in_of_xgboost() -> None:
    _, _, X, y = halves()
    best = min(mae(y, extremely(o, 100, X)) for o in ("reg:squarederror", "reg:absoluteerror"))
    assert mae(y, extremely("reg:pseudohubererror", 100, X)) > 3 * best
    assert mae(y, extremely_ours(lossmith.Huber(), 100, X, scale="mad")) <= 1.1 * best


@engines
@pytest.mark.parametrize("loss", ["squared", "huber", "absolute", "cauchy", lossmith.Quantile(0.8)], ids=str)
def test_another_unit_of_y_changes_nothing_else(engine: str, loss: Any) -> None:
    """f(a·y + b) = a·f(y) + b; fails with scale=1 for Huber."""
    X, y = thousand(300)
    model = BoostedRegressor(loss, engine=engine, max_iter=15, **ONE)
    plain = clone(model).fit(X, y).predict(X)
    moved = clone(model).fit(X, 1e-3 * y + 7).predict(X)
    assert np.abs((moved - 7) / 1e-3 - plain).max() <= 1e-3 * np.std(y)


# --- weights, links, several outputs --------------------------------------------------------------------------------


@engines
@pytest.mark.parametrize("loss", ["huber", "poisson", "logistic", "crossentropy"])
def test_weight_k_is_k_copies(engine: str, loss: str) -> None:
    """Fails where a host applies weights twice, or not at all."""
    rng = np.random.default_rng(2)
    X = rng.integers(0, 8, size=(300, 3)).astype(float)
    f = np.sin(X[:, 0]) + 0.2 * X[:, 1]
    y = {
        "huber": f + rng.normal(size=300),
        "poisson": rng.poisson(np.exp(f / 2)),
        "logistic": (f + rng.normal(size=300) > 0.5).astype(int),
        "crossentropy": np.digitize(f + rng.normal(size=300), [0.0, 1.2]),
    }[loss]
    k = rng.integers(0, 4, 300)
    kind = BoostedClassifier if loss in ("logistic", "crossentropy") else BoostedRegressor
    model = kind(loss, engine=engine, max_iter=6, min_samples_leaf=1, l2_regularization=0.0, max_leaf_nodes=4, **ONE)
    weighted = clone(model).fit(X, y, sample_weight=k)
    copied = clone(model).fit(np.repeat(X, k, axis=0), np.repeat(y, k))
    answer = (lambda m: m.decision_function(X)) if kind is BoostedClassifier else (lambda m: m.predict(X))
    assert np.ptp(answer(copied)) > 0.2
    assert np.abs(answer(weighted) - answer(copied)).max() < 1e-3


def expected_calibration_error(p: Array, y: Array) -> float:
    bins = np.minimum((p * 10).astype(int), 9)
    each = [(len(y[bins == b]) / len(y), y[bins == b].mean() - p[bins == b].mean()) for b in np.unique(bins)]
    return float(sum(w * abs(d) for w, d in each))


@engines
@pytest.mark.parametrize("how", ["focal", "weights"])
def test_probabilities_are_calibrated(engine: str, how: str) -> None:
    """The raw sigmoid of focal scores, or of class-weighted ones, is off by far more."""
    rng = np.random.default_rng(4)
    X = rng.normal(size=(6000, 3))
    truth = 1 / (1 + np.exp(-(1.5 * X[:, 0] - 1.5)))
    y = (rng.random(6000) < truth).astype(int)
    given: dict[str, Any] = {"loss": lossmith.Focal(2.0)} if how == "focal" else {"class_weight": "balanced"}
    words = {"max_iter": 40, "max_leaf_nodes": 6, "learning_rate": 0.2}
    model = BoostedClassifier(**given, engine=engine, **words, **ONE).fit(X[:4000], y[:4000])
    test = slice(4000, None)
    p = model.predict_proba(X[test])[:, 1]
    raw = 1 / (1 + np.exp(-model.decision_function(X[test]).astype(float)))
    assert expected_calibration_error(p, y[test]) < 0.035
    assert expected_calibration_error(raw, y[test]) > 0.06
    assert np.abs(p - truth[test]).mean() < 0.05


@engines
def test_three_classes_have_probabilities(engine: str) -> None:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(600, 3))
    scores = np.column_stack([X[:, 0], X[:, 1], -X[:, 0]])
    y = np.array(["a", "b", "c"])[(scores + 0.5 * rng.gumbel(size=scores.shape)).argmax(axis=1)]
    for loss in ("crossentropy", "logistic"):
        model = BoostedClassifier(loss, engine=engine, max_iter=15, **ONE).fit(X, y)
        p = model.predict_proba(X)
        assert p.shape == (600, 3) and np.allclose(p.sum(axis=1), 1, atol=1e-5) and p.min() >= 0
        assert model.score(X, y) > 0.75
    assert "gershgorin" in BoostedClassifier("focal", engine=engine, max_iter=2, **ONE).fit(X, y).curvature_


@engines
def test_quantiles_never_cross_and_cover(engine: str) -> None:
    X, y = thousand(1200)
    model = BoostedRegressor("quantile", engine=engine, quantiles=(0.9, 0.1, 0.5), max_iter=60, **ONE).fit(X, y)
    p = model.predict(X)
    assert p.shape == (1200, 3) and (np.diff(p, axis=1) >= 0).all()
    assert np.abs((y[:, None] < p).mean(axis=0) - [0.1, 0.5, 0.9]).max() < 0.07
    z = model._raw(X)
    assert (np.diff(z, axis=1) < 0).any() or engine != "lightgbm", "nothing crossed, so nothing was rearranged"


# --- estimators -----------------------------------------------------------------------------------------------------


@engines
def test_early_stopping_grid_search_clone_pickle_and_files(engine: str, tmp_path: Path) -> None:
    X, y = thousand(400)
    model = BoostedRegressor("huber", engine=engine, max_iter=150, learning_rate=0.3, early_stopping=True,
                             n_iter_no_change=3, **ONE)  # fmt: skip
    search = GridSearchCV(model, {"min_samples_leaf": [5, 30], "loss": ["huber", lossmith.Cauchy()]}, cv=2).fit(X, y)
    best = search.best_estimator_
    assert search.best_score_ > 0.8 and 1 < best.n_iter_ < 150
    assert np.argmin(best.validation_scores_[0]) + 1 == best.n_iter_
    answer = best.predict(X)
    assert (clone(best).fit(X, y).predict(X) == answer).all()
    assert (pickle.loads(pickle.dumps(best)).predict(X) == answer).all()
    best.save(tmp_path / "model")
    again = lossmith.load(tmp_path / "model")
    assert (again.predict(X) == answer).all() and again.get_params()["loss"] == best.loss
    assert again.curvature_ == best.curvature_ and np.allclose(again.feature_importances_, best.feature_importances_)
    assert best.feature_importances_[:2].sum() > 0.8 and np.isclose(best.feature_importances_.sum(), 1)


@engines
def test_classifier_stops_early_and_is_saved(engine: str, tmp_path: Path) -> None:
    X, y = thousand(400)
    labels = np.where(y > 1000, "high", "low")
    for scoring in (None, "log", "brier"):
        model = BoostedClassifier("focal", engine=engine, max_iter=120, learning_rate=0.3, early_stopping=True,
                                  n_iter_no_change=3, scoring=scoring, **ONE).fit(X, labels)  # fmt: skip
        assert 1 < model.n_iter_ < 120
    model.save(tmp_path / "model")
    again = lossmith.load(tmp_path / "model")
    assert (again.predict_proba(X) == model.predict_proba(X)).all() and (again.predict(X) == model.predict(X)).all()


@engines
def test_a_given_validation_set_is_judged_by_a_score_of_its_own(engine: str) -> None:
    X, y = thousand(600)
    model = BoostedRegressor("huber", engine=engine, max_iter=200, learning_rate=0.3, scoring="absolute",
                             n_iter_no_change=3, **ONE)  # fmt: skip
    model.fit(X[:400], y[:400], eval_set=(X[400:], y[400:]))
    assert np.isclose(model.validation_scores_[0].min(), mae(y[400:], model.predict(X[400:])), rtol=1e-3)


@engines
def test_categories_and_missing_values_are_split_natively(engine: str, tmp_path: Path) -> None:
    """A code by the alphabet cannot tell these towns apart in one split; missing ones have a mean of their own."""
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(8)
    towns = np.array(list("abcdefgh"))
    town = towns[rng.integers(0, 8, 800)].astype(object)
    town[:80] = None
    x = rng.normal(size=800)
    x[700:] = np.nan
    level = dict(zip([*towns, None], [3, -3, 3, -3, 3, -3, 3, -3, 9], strict=True))
    y = np.array([level[t] for t in town]) + np.where(np.isnan(x), -6, x) + 0.1 * rng.normal(size=800)
    frame = pandas.DataFrame({"x": x, "town": pandas.Categorical(town)})
    options = {"lightgbm": {"min_data_per_group": 1, "cat_smooth": 0.0}}.get(engine, {})
    model = BoostedRegressor(engine=engine, max_iter=60, learning_rate=0.3, options=options, **ONE).fit(frame, y)
    assert rmse(y, model.predict(frame)) < 0.8
    model.save(tmp_path / "model")
    assert (lossmith.load(tmp_path / "model").predict(frame) == model.predict(frame)).all()
    strange = frame.iloc[:5].assign(town=pandas.Categorical(["zz"] * 5))
    assert np.isfinite(model.predict(strange)).all()
    codes = np.column_stack([x, [np.nan if t is None else float(list(towns).index(t)) for t in town]])
    same = BoostedRegressor(engine=engine, max_iter=60, learning_rate=0.3, options=options, categorical_features=[1],
                            **ONE).fit(codes, y)  # fmt: skip
    assert np.allclose(same.predict(codes), model.predict(frame))


@engines
def test_a_target_that_never_changes_is_predicted_as_it_is(engine: str) -> None:
    """CatBoost itself refuses such a target."""
    X, _ = thousand(100)
    for loss in ("squared", "huber"):
        model = BoostedRegressor(loss, engine=engine, max_iter=3, **ONE).fit(X, np.full(100, 7.5))
        assert np.allclose(model.predict(X), 7.5, atol=1e-6)


@engines
def test_quantiles_are_scored_by_their_mean_loss(engine: str) -> None:
    """R² of several columns is an error; more rounds must win the search."""
    X, y = thousand(300)
    levels = (0.9, 0.1)
    model = BoostedRegressor("quantile", engine=engine, quantiles=levels, max_iter=30, **ONE)
    search = GridSearchCV(model, {"max_iter": [1, 30]}, cv=2, error_score="raise").fit(X, y)
    assert search.best_params_ == {"max_iter": 30} and search.best_score_ < 0
    weight, p = np.arange(300.0), search.predict(X)
    rows = [lossmith.Quantile(t).value(y, p[:, j]) for j, t in enumerate(sorted(levels))]
    assert np.isclose(search.best_estimator_.score(X, y, weight), -np.average(np.mean(rows, axis=0), weights=weight))


# --- bad input ------------------------------------------------------------------------------------------------------

X5, Y5 = np.arange(60.0).reshape(30, 2), np.arange(30.0)


@engines
@pytest.mark.parametrize(
    ("change", "y", "weight", "error", "says"),
    [
        ({"loss": "poisson"}, Y5 - 3, None, DomainError, "needs y >= 0; row 0 has -3"),
        ({}, np.where(Y5 == 4, np.nan, Y5), None, DataError, "NaN in row 4"),
        ({}, Y5, np.zeros(30), DataError, "weights sum to zero"),
        ({"loss": "logistic"}, Y5, None, UnsupportedError, "use BoostedClassifier"),
        ({"loss": "GaussianNLL"}, Y5, None, UnsupportedError, "use DistributionRegressor"),
        ({"loss": "huber", "scale": "wide"}, Y5, None, ParameterError, "scale='wide' is not known"),
        ({"loss": "poisson", "scale": 2.0}, Y5, None, UnsupportedError, "has no unit"),
        ({"curvature": "wild"}, Y5, None, ParameterError, "curvature='wild' is not known"),
        ({"loss": "poisson", "curvature": "majorant"}, Y5, None, UnsupportedError, "no proved majorant"),
        ({"max_iter": 0}, Y5, None, ParameterError, "max_iter must be"),
        ({"quantiles": (0.1,)}, Y5, None, UnsupportedError, "no level tau"),
        ({"categorical_features": [7]}, Y5, None, ParameterError, "names 7, but X has 2 columns"),
        ({"early_stopping": True, "scoring": "poisson"}, Y5, None, UnsupportedError, "no loss of y"),
    ],
)
def test_bad_input_is_refused_in_one_line_before_anything_is_trained(
    engine: str, change: dict[str, Any], y: Array, weight: Array | None, error: type[Exception], says: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from lossmith.models.boosted_task import engine as adapter

    def never(task: Any) -> None:
        raise AssertionError("something was trained")

    monkeypatch.setattr(adapter(engine), "grow", never)
    with pytest.raises(error, match=says) as caught:
        BoostedRegressor(**change, engine=engine, **ONE).fit(X5, y, sample_weight=weight)
    assert "\n" not in str(caught.value)


def test_no_such_engine() -> None:
    with pytest.raises(ParameterError, match="lightgbm, xgboost, catboost, sklearn"):
        BoostedRegressor(engine="forest").fit(X5, Y5)


def test_a_missing_host_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "lightgbm", None)
    with pytest.raises(MissingExtra, match=r"pip install 'lossmith\[lightgbm\]'"):
        BoostedRegressor(engine="lightgbm").fit(X5, Y5)


def test_an_untested_host_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    sklearn = pytest.importorskip("sklearn")
    monkeypatch.setattr(sklearn, "__version__", "7.0.0")
    with pytest.raises(UnsupportedError, match="is not tested"):
        BoostedRegressor(engine="sklearn").fit(X5, Y5)


def test_hinge_has_no_probabilities_and_says_so() -> None:
    assert not hasattr(BoostedClassifier("hinge"), "predict_proba")
    with pytest.raises(AttributeError, match="CalibratedClassifierCV"):
        BoostedClassifier("hinge").predict_proba  # noqa: B018
