"""Training by oneself in LightGBM, XGBoost and CatBoost: what is handed over stays as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from boost_peers import table, weights

import lossmith
from lossmith.errors import DataError, LossmithError

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
