"""The engines' own parameters: refused where they are none, and the last word by any of their names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lossmith import BoostedRegressor
from lossmith.errors import ParameterError
from lossmith.models.boosted_options import merged

RNG = np.random.default_rng(5)
X = RNG.random((200, 4))
Y = X[:, 0] + 0.1 * RNG.normal(size=200)


def grown(engine: str, options: dict[str, Any]) -> BoostedRegressor:
    """A tree."""
    pytest.importorskip(engine)
    return BoostedRegressor(engine=engine, max_iter=1, n_jobs=1, options=options).fit(X, Y)


@pytest.mark.parametrize(
    ("engine", "option", "nearest"),
    [
        ("lightgbm", "nm_leaves", "num_leaves"),
        ("xgboost", "max_dpth", "max_depth"),
        ("catboost", "dept", "depth"),
        ("sklearn", "max_bin", "max_bins"),
    ],
)
def test_a_misspelt_option_is_refused_with_the_nearest_one(engine: str, option: str, nearest: str) -> None:
    """Fails where a host says nothing, and where it says something of its own."""
    with pytest.raises(ParameterError, match=f"no use for '{option}' here; did you mean '{nearest}'") as caught:
        grown(engine, {option: 3})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("engine", "option"), [("xgboost", {"rate_drop": 0.1}), ("lightgbm", {"qwertyuiop": 1})])
def test_what_has_no_effect_or_resembles_nothing(engine: str, option: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match="take it out"):
        grown(engine, option)


@pytest.mark.parametrize(
    ("engine", "option", "says"),
    [
        ("xgboost", {"max_depth": "deep"}, "max_depth expect int"),
        ("xgboost", {"tree_method": "exact"}, "unlimited depth"),
        ("catboost", {"depth": "deep"}, "depth"),
        ("catboost", {"depth": 3, "max_depth": 3}, "only one of the parameters"),
    ],
)
def test_a_value_that_is_none_is_refused_in_one_line(engine: str, option: dict[str, Any], says: str) -> None:
    """Fails with the host's own error, which goes on for many lines."""
    with pytest.raises(ParameterError, match=says) as caught:
        grown(engine, option)
    assert "\n" not in str(caught.value) and "Stack trace" not in str(caught.value)


@pytest.mark.parametrize(
    ("engine", "options"),
    [
        ("lightgbm", {"max_leaf": 2}),
        ("lightgbm", {"num_leaves": 2, "extra_trees": True, "max_bin": 31, "monotone_constraints": [1, 0, 0, 0]}),
        ("xgboost", {"max_leaves": 2, "subsample": 0.9, "seed_per_iteration": True, "eval_metric": "rmse"}),
        ("xgboost", {"max_depth": 1, "booster": "dart", "rate_drop": 0.1, "monotone_constraints": "(1,0,0,0)"}),
        ("catboost", {"max_depth": 1, "rsm": 0.9}),
        ("catboost", {"num_leaves": 2, "silent": True}),
        ("sklearn", {"max_leaf_nodes": 2, "interaction_cst": [[0, 1]]}),
    ],
)
def test_options_have_the_last_word_by_any_name(engine: str, options: dict[str, Any]) -> None:
    """Fails where our own setting under another name stays, or where a good option is refused."""
    assert len(np.unique(grown(engine, options).predict(X))) == 2


def test_a_lightgbm_that_does_not_tell_its_names_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where what is private there is taken for granted."""
    kind = pytest.importorskip("lightgbm.basic")._ConfigAliases
    monkeypatch.delattr(kind, "_get_all_param_aliases")
    from lossmith.adapters.lightgbm import parameters

    assert parameters() == []
    monkeypatch.setattr("lossmith.adapters.lightgbm.parameters", list)
    assert len(np.unique(BoostedRegressor(max_iter=1, n_jobs=1, options={"num_leaves": 2}).fit(X, Y).predict(X))) == 2


def test_synonyms_stand_for_each_other() -> None:
    ours = {"eta": 0.1, "depth": 3}
    assert merged(ours, {"learning_rate": 0.5}, [("eta", "learning_rate")]) == {"depth": 3, "learning_rate": 0.5}
    assert merged(ours, {}, [("eta", "learning_rate")]) == ours
