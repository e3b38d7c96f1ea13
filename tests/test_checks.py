"""scikit-learn's own checks on the estimators of several outputs, ordered classes and survival; nothing may fail.

The checks draw y as numbers or labels. Losses of counts and times say that y must be positive, and are given such.
Fifteen rows of ten columns, as some checks draw them, have many optima where every output follows X, so penalties are
strong enough there for one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.utils.estimator_checks import parametrize_with_checks

import lossmith

CHECKED = [
    lossmith.DistributionRegressor(alpha=1.0),
    lossmith.DistributionRegressor("zip", alpha=1.0),
    lossmith.OrdinalClassifier(),
    lossmith.OrdinalClassifier("AllThresholds"),
    lossmith.SurvivalRegressor(alpha=0.1),
    lossmith.SurvivalRegressor("weibull", alpha=0.1),
]


@parametrize_with_checks(CHECKED)  # type: ignore[untyped-decorator]
def test_scikit_learn_checks(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)
