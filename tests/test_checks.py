"""scikit-learn's own checks on the estimators of several outputs, ordered classes and survival; nothing may fail.

The checks draw y as numbers or labels. Losses of counts and times say that y must be positive, and are given such.
One check fits 15 rows of 10 columns, some of weight 0. A spread that is fitted with the mean has no optimum where all
rows can be met exactly; a strong penalty keeps the fits away from there. Efron's ties are no sums over copies of rows
(`test_whole_weights_are_copies_for_breslow` in `test_together.py`), so that check is for Breslow's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.utils.estimator_checks import parametrize_with_checks

import lossmith

CHECKED = [
    lossmith.DistributionRegressor(alpha=10.0, tol=1e-11, max_iter=60),
    lossmith.DistributionRegressor("zip", alpha=1.0, tol=1e-10),
    lossmith.OrdinalClassifier(),
    lossmith.OrdinalClassifier("AllThresholds"),
    lossmith.SurvivalRegressor(ties="breslow"),
    lossmith.SurvivalRegressor("weibull", alpha=10.0, tol=1e-10, max_iter=60),
]


@parametrize_with_checks(CHECKED)
def test_scikit_learn_checks(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)
