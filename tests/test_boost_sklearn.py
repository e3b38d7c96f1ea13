"""scikit-learn's own checks for every engine that is installed, with nothing that is expected to fail."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

from sklearn.utils.estimator_checks import parametrize_with_checks

from lossmith.models.boosted import BoostedRegressor
from lossmith.models.boosted_classifier import BoostedClassifier

HERE = [name for name in ("lightgbm", "xgboost", "catboost", "sklearn") if importlib.util.find_spec(name)]
QUICK: dict[str, Any] = {"max_iter": 6, "learning_rate": 0.3, "n_jobs": 1}
CHECKED = [
    *(BoostedRegressor(engine=name, **QUICK) for name in HERE),
    *(BoostedClassifier(engine=name, **QUICK) for name in HERE),
    *(BoostedRegressor("huber", engine=name, **QUICK) for name in HERE[:1]),
    *(BoostedClassifier("focal", engine=name, **QUICK) for name in HERE[:1]),
]


@parametrize_with_checks(CHECKED)
def test_scikit_learn_checks(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)
