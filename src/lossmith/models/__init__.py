"""Linear and boosted models as scikit-learn estimators, and the one file that a fitted model is saved in."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "LinearRegressor": "lossmith.models.linear",
    "LinearClassifier": "lossmith.models.linear",
    "DistributionRegressor": "lossmith.models.together",
    "OrdinalClassifier": "lossmith.models.together",
    "QuantileRegressor": "lossmith.models.quantiles",
    "SurvivalRegressor": "lossmith.models.survival",
    "BoostedRegressor": "lossmith.models.boosted",
    "BoostedClassifier": "lossmith.models.boosted_classifier",
    "PairwiseRanker": "lossmith.models.ranking",
    "Storable": "lossmith.models.store",
    "load": "lossmith.models.store",
    "save": "lossmith.models.store",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    """Import a name when it is first asked for, so that importing this package costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
