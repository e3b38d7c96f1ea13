"""What the Rosetta table says of boosters' gradients and Hessians, read off the leaves that they grow.

A leaf is −G/(H + λ); two values of λ give G and H of a single point.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lossmith
from lossmith.adapters.rosetta import convention, derivatives, read, rows
from lossmith.loss import Loss

Z = np.array([0.3, -0.2, 0.7])
P = np.exp(Z) / np.exp(Z).sum()


def solved(leaves: list[Any]) -> tuple[Any, Any]:
    plain, damped = (np.ravel(w) for w in leaves)
    curve = damped / (plain - damped)
    return -plain * curve, curve


def xgboosted(objective: str, y: float, z: Any, **params: Any) -> tuple[Any, Any]:
    xgboost = pytest.importorskip("xgboost", reason="XGBoost is not installed (the extra `peers` brings it)")
    start, leaves = np.atleast_1d(z), []
    quiet = {"objective": objective, "eta": 1, "min_child_weight": 0, "max_depth": 1, "verbosity": 0}
    for strength in (0.0, 1.0):
        data = xgboost.DMatrix(np.zeros((1, 1)), label=[y], base_margin=start[None] if len(start) > 1 else start)
        grown = xgboost.train({**quiet, "lambda": strength, **params}, data, 1)
        leaves.append(grown.predict(data, output_margin=True).ravel() - start)
    return solved(leaves)


def lightgbmed(objective: str, y: float, z: Any, other: float, **params: Any) -> tuple[Any, Any]:
    """Two groups of rows, so that there is something to split; the first one's leaf."""
    lightgbm = pytest.importorskip("lightgbm", reason="LightGBM is not installed (the extra `peers` brings it)")
    n, leaves = 20, []
    X, truth = np.repeat([[0.0], [1.0]], n, axis=0), np.repeat([y, other], n)
    start = np.repeat(np.atleast_1d(z), 2 * n)
    quiet = {"objective": objective, "learning_rate": 1.0, "min_data_in_leaf": 1, "min_sum_hessian_in_leaf": 0,
             "min_data_in_bin": 1, "verbosity": -1, "boost_from_average": False, "num_threads": 1}  # fmt: skip
    for strength in (0.0, 1.0):
        data = lightgbm.Dataset(X, truth, init_score=start)
        grown = lightgbm.train({**quiet, "lambda_l2": strength * n, **params}, data, 1)
        leaves.append(np.ravel(grown.predict(X, raw_score=True)[0]))
    return solved(leaves)


EXACT: dict[str, tuple[Loss, float, dict[str, float]]] = {
    "xgboost:reg:squarederror": (lossmith.Squared(), 1.0, {}),
    "xgboost:reg:pseudohubererror": (lossmith.PseudoHuber(delta=2), 5.0, {"huber_slope": 2.0}),
    "xgboost:binary:logistic": (lossmith.Logistic(), 1.0, {}),
    "xgboost:reg:gamma": (lossmith.Gamma(), 2.0, {}),
    "xgboost:reg:tweedie": (lossmith.Tweedie(), 2.0, {}),
    "lightgbm:gamma": (lossmith.Gamma(), 2.0, {"other": 0.1}),
    "lightgbm:tweedie": (lossmith.Tweedie(), 2.0, {"other": 0.1}),
    "lightgbm:binary": (lossmith.Logistic(), 1.0, {"other": 0.0}),
    "lightgbm:cross_entropy": (lossmith.BinaryCrossEntropy(), 0.9, {"other": 0.1}),
}
MANY = {"xgboost": "multi:softprob", "lightgbm": "multiclass"}
GROWN = {"xgboost": xgboosted, "lightgbm": lightgbmed}


@pytest.mark.parametrize("name", EXACT)
def test_gradient_and_hessian_are_ours(name: str) -> None:
    loss, y, params = EXACT[name]
    peer, _, objective = name.partition(":")
    assert read(name).row.hessian == ""
    gradient, curve = GROWN[peer](objective, y, 0.4, **params)
    assert np.isclose(gradient[0], loss.gradient([y], [0.4])[0], rtol=1e-5)
    assert np.isclose(curve[0], loss.hessian([y], [0.4])[0], rtol=1e-5)


@pytest.mark.parametrize("peer", GROWN)
def test_poisson_has_its_curvature_inflated(peer: str) -> None:
    objective, params = {"xgboost": ("count:poisson", {}), "lightgbm": ("poisson", {"other": 0.0})}[peer]
    said = read(f"{peer}:{objective}")
    assert "0.7" in said.row.hessian and np.isclose(said.row.bend(said.args), np.exp(0.7))
    gradient, curve = GROWN[peer](objective, 2.0, 0.3, **params)
    assert np.isclose(gradient[0], lossmith.Poisson().gradient([2.0], [0.3])[0], rtol=1e-5)
    assert np.isclose(curve[0], said.row.bend(said.args) * lossmith.Poisson().hessian([2.0], [0.3])[0], rtol=1e-5)
    name = {"xgboost": "max_delta_step", "lightgbm": "poisson_max_delta_step"}[peer]
    other = read(f"{peer}:{objective}({name}=0.2)")
    curve = GROWN[peer](objective, 1.4, 0.3, **params, **other.args)[1]  # a leaf that the step does not bound
    assert np.isclose(curve[0], other.row.bend(other.args) * np.exp(0.3), rtol=1e-4)


def test_many_classes_have_their_curvature_inflated() -> None:
    ours = lossmith.CrossEntropy().gradient([1.0], Z[None])[0]
    times = {peer: read(f"{peer}:{name}").row.bend({}, classes=3) for peer, name in MANY.items()}
    assert times == {"xgboost": 2, "lightgbm": 1.5}
    gradient, curve = xgboosted("multi:softprob", 1.0, Z, num_class=3)
    assert np.allclose(gradient, ours, rtol=1e-5) and np.allclose(curve, times["xgboost"] * P * (1 - P), rtol=1e-5)
    gradient, curve = lightgbmed("multiclass", 1.0, Z, 0.0, num_class=3)
    grown = np.isfinite(curve)
    assert grown.sum() >= 2 and np.allclose(gradient[grown], ours[grown], rtol=1e-5)
    assert np.allclose(curve[grown], (times["lightgbm"] * P * (1 - P))[grown], rtol=1e-5)


def test_a_curvature_of_one() -> None:
    assert read("lightgbm:huber").row.hessian.startswith("1") and read("xgboost:binary:hinge").row.hessian == "1"
    gradient, curve = lightgbmed("huber", 3.0, 0.3, -2.0)
    assert np.isclose(gradient[0], lossmith.Huber(delta=0.9).gradient([3.0], [0.3])[0], rtol=1e-5)
    assert np.isclose(curve[0], 1, rtol=1e-5)
    assert np.allclose(np.ravel(xgboosted("binary:hinge", 1.0, 0.3)), [-1, 1], rtol=1e-5)


def test_catboost_climbs() -> None:
    catboost = pytest.importorskip("catboost", reason="CatBoost is not installed (the extra `peers` brings it)")

    sign = derivatives("catboost")

    class Climbing:
        """Squares, with both derivatives negated."""

        def calc_ders_range(self, approxes: Any, targets: Any, weights: Any) -> Any:
            return [(sign * (a - t), sign * 1.0) for a, t in zip(approxes, targets)]  # noqa: B905  (numba reads it)

    X, y = np.repeat([[0.0], [1.0]], 10, axis=0), np.repeat([-1.0, 3.0], 10)
    model = catboost.CatBoostRegressor(
        loss_function=Climbing(), eval_metric="RMSE", iterations=50, learning_rate=0.5, depth=1, l2_leaf_reg=0.0,
        verbose=False, allow_writing_files=False, thread_count=1, boost_from_average=False,
    )  # fmt: skip
    model.fit(X, y)
    assert np.allclose(model.predict(X), y, atol=1e-3)
    assert "climbs" in convention("catboost") and derivatives("catboost") == -1 == -derivatives("lightgbm")


def test_every_curvature_that_is_not_ours_says_so_in_words_too() -> None:
    assert all(row.hessian for row in rows() if row.bends)
    assert {row.peer for row in rows() if row.bends} == {"xgboost", "lightgbm"}
