"""Training by oneself in LightGBM, XGBoost and CatBoost: what is handed over stays as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from boost_peers import table, weights

import lossmith
from lossmith.errors import DataError, LossmithError, UnsupportedError

X, TARGETS = table(400)
Y = TARGETS["real"] + 1000
WEIGHT = weights(len(X))
QUIET: dict[str, Any] = {"verbosity": -1, "num_threads": 1, "min_data_in_leaf": 20}


def lightgbm() -> Any:
    return pytest.importorskip("lightgbm", reason="LightGBM is not installed (the extra `lightgbm` brings it)")


@pytest.mark.parametrize("kept", [None, np.linspace(-1.0, 1.0, 400)], ids=["without a score", "with its own"])
def test_lightgbm_datasets_are_left_as_they_were(kept: Any) -> None:
    """Fails where our start stays in a Dataset: the next training in it begins a thousand too high."""
    host = lightgbm()

    def sets() -> tuple[Any, Any]:
        data = host.Dataset(X, Y, init_score=kept, free_raw_data=False)
        return data, host.Dataset(X[:100], Y[:100], reference=data)

    def built_in(data: Any, held: Any) -> tuple[Any, Any]:
        seen: dict[str, Any] = {}
        words = {**QUIET, "objective": "regression", "metric": "l2"}
        calls = [host.record_evaluation(seen)]
        return host.train(words, data, 5, valid_sets=[held], callbacks=calls).predict(X), seen

    data, held = sets()
    lossmith.lightgbm.train(QUIET, data, 5, loss=lossmith.Squared(), valid_sets=[held])
    after, fresh = built_in(data, held), built_in(*sets())
    assert (after[0] == fresh[0]).all() and after[1] == fresh[1]


@pytest.mark.parametrize("loss", ["squared", "poisson"])
def test_scores_that_a_lightgbm_dataset_has_are_an_offset(loss: str) -> None:
    """LightGBM's own objective from the same scores. Fails where they are overwritten by the start."""
    host = lightgbm()
    offset = np.linspace(-1.5, 1.5, len(Y))
    counts = np.random.default_rng(0).poisson(np.exp(TARGETS["real"] / 3 + offset)).astype(float)
    y = Y + 300 * offset if loss == "squared" else counts
    offset = 300 * offset if loss == "squared" else offset
    begun = lossmith.loss(loss).start(y, offset=offset)
    built_in = {**QUIET, "objective": "regression" if loss == "squared" else "poisson"}
    theirs = host.train(built_in, host.Dataset(X, y, init_score=offset + begun), 9).predict(X, raw_score=True) + begun
    seen: dict[str, Any] = {}
    data = host.Dataset(X, y, init_score=offset)
    held = host.Dataset(X[:90], y[:90], init_score=offset[:90], reference=data)
    words: dict[str, Any] = {"valid_sets": [held], "callbacks": [host.record_evaluation(seen)], "curvature": "host"}
    model = lossmith.lightgbm.train(QUIET, data, 9, loss=loss, **words)
    assert np.ptp(theirs) > 0.1 and np.abs(model.predict(X) - theirs).max() < 1e-4
    z = model.predict(X[:90]) + offset[:90]
    (history,) = seen["valid_0"].values()
    assert history[-1] == pytest.approx(lossmith.loss(loss).value(y[:90].astype(np.float32), z).mean(), rel=1e-5)
    assert (data.get_init_score() == offset).all()


@pytest.mark.parametrize(
    ("row", "weight", "says"),
    [(np.nan, 1.0, "row 4"), (np.inf, 1.0, "row 4"), (5.0, -1.0, "row 4"), (5.0, None, "sum to zero")],
)
def test_lightgbm_labels_and_weights_are_looked_at_first(row: float, weight: float | None, says: str) -> None:
    """LightGBM makes 0 of a missing label, in silence; a negative weight was an IndexError."""
    host = lightgbm()
    y, w = Y.copy(), np.ones(len(Y))
    y[4], w[4] = row, 0.0 if weight is None else weight
    data = host.Dataset(X, y, weight=w if weight is not None else 0 * w)
    with pytest.raises(DataError, match=says) as caught:
        lossmith.lightgbm.train(QUIET, data, 2, loss=lossmith.Huber())
    assert "\n" not in str(caught.value)


def test_weights_that_sum_to_zero_are_refused_by_the_objective_alone() -> None:
    host = lightgbm()
    data = host.Dataset(X, Y, weight=np.zeros(len(Y)))
    with pytest.raises(LossmithError, match="sum to zero"):
        host.train({**QUIET, "objective": lossmith.lightgbm.objective(lossmith.Huber())}, data, 2)


@pytest.mark.parametrize("bins", [{"max_bin": 7}, {"min_data_in_leaf": 3}], ids=str)
def test_parameters_that_shape_the_bins_reach_lightgbm(bins: dict[str, int]) -> None:
    """Fails where rows are read before LightGBM has been told how to bin them."""
    host = lightgbm()
    words = {**QUIET, **bins}
    theirs = host.train({**words, "objective": "regression"}, host.Dataset(X, Y), 5).predict(X)
    ours = lossmith.lightgbm.train(words, host.Dataset(X, Y), 5, loss=lossmith.Squared()).predict(X)
    assert np.abs(ours - theirs).max() < 1e-3


HOSTS = ("lightgbm", "xgboost", "catboost")


def native(name: str) -> tuple[Any, Any]:
    """The adapter of a host, and rows in the host's own form."""
    host = pytest.importorskip(name, reason=f"{name} is not installed (the extra `{name}` brings it)")
    kind = {"lightgbm": "Dataset", "xgboost": "DMatrix", "catboost": "Pool"}[name]
    return getattr(lossmith, name), getattr(host, kind)(X, label=Y)


@pytest.mark.parametrize("name", HOSTS)
def test_a_loss_that_no_engine_carries_is_refused_everywhere(name: str) -> None:
    """It was an error about shapes in the depths of a start."""
    ours, data = native(name)
    calls = {
        "start": lambda loss: ours.start(loss, data),
        "metric": ours.metric,
        "objective": lambda loss: ours.objective(loss, data) if name == "catboost" else ours.objective(loss),
    }
    if name != "catboost":
        calls["train"] = lambda loss: ours.train({}, data, 1, loss=loss)
    for call in calls.values():
        with pytest.raises(UnsupportedError, match="use DistributionRegressor"):
            call(lossmith.loss("GaussianNLL"))


@pytest.mark.parametrize("name", HOSTS)
def test_names_and_formulas_are_losses_too(name: str) -> None:
    ours, data = native(name)
    begun = ours.start(lossmith.Squared(), data)
    assert np.isclose(ours.start("squared", data), begun) and np.isclose(ours.start("r**2/2", data), begun, rtol=1e-6)
    assert ours.metric("squared") is not None
    made = ours.objective("squared", data) if name == "catboost" else ours.objective("squared")
    assert (made.boosting.loss if name == "catboost" else made.loss).name == "Squared"


@pytest.mark.parametrize("name", HOSTS[:2])
def test_the_default_metric_is_in_the_first_unit(name: str) -> None:
    """Fails where it is Huber(1.345) of residuals in hundreds: that is an absolute error, not what is trained on."""
    from lossmith.models.boosted_scale import POLICIES

    ours, data = native(name)
    seen: dict[str, Any] = {}
    loss, target = lossmith.Huber(), 100 * Y
    data.set_label(target)
    if name == "lightgbm":
        calls = [lightgbm().record_evaluation(seen)]
        words: dict[str, Any] = {"valid_sets": [data], "callbacks": calls}
        model = ours.train(QUIET, data, 3, loss="huber", scale="mad", **words)
        z, history = model.predict(X), seen["training"]["Huber"]
    else:
        words = {"evals": [(data, "training")], "evals_result": seen, "verbose_eval": False}
        model = ours.train({"nthread": 1, "verbosity": 0}, data, 3, loss="huber", scale="mad", **words)
        z, history = model.predict(data, output_margin=True).astype(float), seen["training"]["Huber"]
    unit = POLICIES["mad"](target - np.median(target), None)
    assert unit > 10 and np.isclose(history[-1], unit**2 * loss(target / unit, z / unit), rtol=1e-3)


def test_a_base_margin_is_where_xgboost_begins() -> None:
    """XGBoost leaves base_score out in training then, and adds it at predict: fails where it is not 0."""
    host = pytest.importorskip("xgboost", reason="XGBoost is not installed (the extra `xgboost` brings it)")
    margin = Y.mean() + 50 * np.linspace(-1, 1, len(Y))
    words: dict[str, Any] = {"nthread": 1, "verbosity": 0, "max_depth": 3}

    def rows() -> Any:
        return host.DMatrix(X, Y + 50 * np.linspace(-1, 1, len(Y)), base_margin=margin)

    theirs = host.train({**words, "objective": "reg:squarederror", "base_score": 0.0}, rows(), 9)
    ours = lossmith.xgboost.train(words, rows(), 9, loss="squared")
    for data in (rows(), host.DMatrix(X)):
        gap = ours.predict(data, output_margin=True) - theirs.predict(data, output_margin=True)
        assert np.abs(gap).max() < 1e-3
