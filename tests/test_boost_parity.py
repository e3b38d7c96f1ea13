"""Our slopes in place of a host's own: the same trees, to the last bit in LightGBM and to a millionth in XGBoost.

Each test was seen to fail with the curvature of `rule_of` instead of the host's, or with weights left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from boost_peers import EXTREME, LIGHT, Array, table, weights

import lossmith

X, TARGETS = table()
WEIGHT = weights(len(X))
ROUNDS = 25
DEPTHS = (2, 4, 8)
LIGHTLY: dict[str, Any] = {
    "learning_rate": 0.1, "num_leaves": 40, "verbosity": -1, "num_threads": 1, "deterministic": True,
    "force_row_wise": True, "seed": 1,
}  # fmt: skip


def lightgbm() -> Any:
    return pytest.importorskip("lightgbm", reason="LightGBM is not installed (the extra `lightgbm` brings it)")


def xgboost() -> Any:
    return pytest.importorskip("xgboost", reason="XGBoost is not installed (the extra `xgboost` brings it)")


def in_lightgbm(
    name: str, depth: int, weight: Array | None, y: Array, curvature: str | None = None
) -> tuple[Array, Array]:
    """Raw scores of the host's objective and of ours, both begun at 0."""
    host, twin = lightgbm(), LIGHT[name]
    K = twin.params.get("num_class", 1)
    words = {**LIGHTLY, "max_depth": depth}
    built_in = {**words, "objective": twin.objective, **twin.params, "boost_from_average": False}
    theirs = host.train(built_in, host.Dataset(X, y, weight=weight), ROUNDS)
    made = lossmith.lightgbm.objective(twin.loss, curvature=curvature or twin.curvature, classes=K)
    ours = host.train({**words, "objective": made, "num_class": K}, host.Dataset(X, y, weight=weight), ROUNDS)
    return theirs.predict(X, raw_score=True), ours.predict(X, raw_score=True)


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("name", [name for name in LIGHT if name != "multiclassova"])
def test_lightgbm_grows_the_same_trees_to_the_last_bit(name: str, weight: Array | None, depth: int) -> None:
    theirs, ours = in_lightgbm(name, depth, weight, TARGETS[LIGHT[name].target])
    assert np.ptp(theirs) > 0.3
    assert (theirs == ours).all()


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_lightgbm_rounds_one_minus_a_share_before_it_is_multiplied(weight: Array | None) -> None:
    """Its `cross_entropy` takes 1 − y in float32 (xentropy_objective.hpp): the Hessian as it is leaves another bit."""
    made = LIGHT["cross_entropy"]
    theirs, ours = in_lightgbm("cross_entropy", 4, weight, TARGETS[made.target], "exact")
    assert 0 < np.abs(theirs - ours).max() < 1e-7


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_lightgbm_one_against_the_rest(weight: Array | None, depth: int) -> None:
    host, twin = lightgbm(), LIGHT["multiclassova"]
    y = TARGETS["classes"]
    words = {**LIGHTLY, "max_depth": depth, "boost_from_average": False}
    built_in = {**words, "objective": "multiclassova", **twin.params}
    theirs = host.train(built_in, host.Dataset(X, y, weight=weight), ROUNDS).predict(X, raw_score=True)
    for k in range(3):
        data = host.Dataset(X, (y == k).astype(float), weight=weight)
        ours = host.train({**words, "objective": lossmith.lightgbm.objective(twin.loss)}, data, ROUNDS)
        assert (theirs[:, k] == ours.predict(X, raw_score=True)).all()


@pytest.mark.parametrize("name", ["l2", "poisson", "binary", "gamma", "huber"])
def test_a_whole_training_in_lightgbm_begins_where_its_own_does(name: str) -> None:
    """Start included: without one the raw scores are off by the mean of y."""
    host, twin = lightgbm(), LIGHT[name]
    y = TARGETS[twin.target] + (1000 if twin.target == "real" else 0)
    theirs = host.train({**LIGHTLY, "objective": twin.objective, **twin.params}, host.Dataset(X, y), ROUNDS)
    ours = lossmith.lightgbm.train(LIGHTLY, host.Dataset(X, y), ROUNDS, loss=twin.loss, curvature="host")
    gap = np.abs(theirs.predict(X, raw_score=True) - ours.predict(X)).max()
    # LightGBM begins its Huber at the mean, we at the best constant
    assert gap <= (0.3 if name == "huber" else 1e-6)


def test_metric_and_early_stopping_in_lightgbm() -> None:
    host = lightgbm()
    y = TARGETS["counts"]
    data = host.Dataset(X[:1500], y[:1500])
    held = host.Dataset(X[1500:], y[1500:], reference=data)
    seen: dict[str, Any] = {}
    calls = [host.early_stopping(5, verbose=False), host.record_evaluation(seen)]
    loss = lossmith.Poisson()
    model = lossmith.lightgbm.train(LIGHTLY, data, 400, loss=loss, valid_sets=[held], callbacks=calls)
    assert 5 < model.best_iteration < 200
    z = model.predict(X[1500:])
    assert np.isclose(min(seen["valid_0"]["Poisson"]), loss(y[1500:], z), rtol=1e-9)


@pytest.mark.parametrize("depth", [2, 4, 6])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("name", EXTREME)
def test_xgboost_grows_the_same_trees_within_a_millionth(name: str, weight: Array | None, depth: int) -> None:
    host, twin = xgboost(), EXTREME[name]
    K = twin.params.get("num_class", 1)
    data = host.DMatrix(X, TARGETS[twin.target], weight=weight)
    words = {"eta": 0.1, "max_depth": depth, "verbosity": 0, "nthread": 1, "tree_method": "hist"}
    built_in = {**words, "objective": twin.objective, **twin.params, "base_score": twin.start}
    theirs = host.train(built_in, data, ROUNDS).predict(data, output_margin=True)
    made = lossmith.xgboost.objective(twin.loss, curvature=twin.curvature, classes=K)
    more = {"num_class": K} if K > 1 else {}
    custom = {**words, **more, **dict(twin.ours), "disable_default_eval_metric": 1, "base_score": twin.margin}
    ours = host.train(custom, data, ROUNDS, obj=made).predict(data, output_margin=True)
    assert np.ptp(theirs) > 0.3
    assert np.abs(theirs - ours).max() <= 1e-6


def test_a_whole_training_in_xgboost_begins_at_the_best_constant() -> None:
    host = xgboost()
    y = TARGETS["real"] + 1000
    data, held = host.DMatrix(X[:1500], y[:1500]), host.DMatrix(X[1500:], y[1500:])
    seen: dict[str, Any] = {}
    words = {"eta": 0.1, "nthread": 1, "verbosity": 0}
    model = lossmith.xgboost.train(
        words, data, 300, loss=lossmith.Squared(), evals=[(held, "held")], evals_result=seen, early_stopping_rounds=5,
        verbose_eval=False,
    )  # fmt: skip
    assert model.best_iteration < 299
    z = model.predict(held, output_margin=True, iteration_range=(0, model.best_iteration + 1)).astype(float)
    assert np.isclose(min(seen["held"]["Squared"]), lossmith.Squared()(y[1500:], z), rtol=1e-5)
    assert abs(z.mean() - 1000) < 1


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_catboost_with_our_derivatives_is_its_own_rmse(weight: Array | None) -> None:
    """Fails where a Pool without weights is not trained on, or weights are left out."""
    host = pytest.importorskip("catboost", reason="CatBoost is not installed (the extra `catboost` brings it)")
    y = TARGETS["real"] + 1000
    words = {
        "iterations": 20, "depth": 4, "learning_rate": 0.2, "verbose": False, "allow_writing_files": False,
        "thread_count": 1, "bootstrap_type": "No", "random_strength": 0.0, "leaf_estimation_iterations": 1,
        "leaf_estimation_method": "Newton", "boosting_type": "Plain", "score_function": "L2",
    }  # fmt: skip
    theirs = host.CatBoostRegressor(loss_function="RMSE", **words).fit(X, y, sample_weight=weight).predict(X)
    pool = host.Pool(X, y, weight=weight)
    begun = lossmith.catboost.start(lossmith.Squared(), pool)
    made = lossmith.catboost.objective(lossmith.Squared(), pool)
    judge = lossmith.catboost.metric(lossmith.Squared())
    model = host.CatBoost({**words, "loss_function": made, "eval_metric": judge, "boost_from_average": False})
    model.fit(pool)
    model.set_scale_and_bias(1, begun)
    assert np.abs(model.predict(X) - theirs).max() < 1e-3 * np.std(y)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize(("name", "target"), [("squared_error", "real"), ("poisson", "counts"), ("gamma", "positive")])
def test_our_loss_in_the_place_of_scikit_learns_private_one(name: str, target: str, weight: Array | None) -> None:
    """Fails where the weights are left out, or the start is."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    from lossmith.adapters.hist import objective

    loss = {"squared_error": lossmith.Squared(), "poisson": lossmith.Poisson(), "gamma": lossmith.Gamma()}[name]
    y = TARGETS[target] + (1000 if target == "real" else 0)
    words: dict[str, Any] = {"max_iter": ROUNDS, "early_stopping": False}
    theirs = HistGradientBoostingRegressor(loss=name, **words).fit(X, y, weight).predict(X)
    made = objective(loss, curvature="exact")
    ours = HistGradientBoostingRegressor(loss=made, **words).fit(X, y, weight).predict(X)
    assert np.abs(loss.mean(ours) - theirs).max() < 1e-3 * np.std(y)
