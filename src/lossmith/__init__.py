"""lossmith: write a loss once, as one line of mathematics; know it, fit it, choose it, ship it.

Everything is imported on first use; importing the package alone loads nothing heavy.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

__version__ = "0.1.0"

HOMES = {
    "Loss": "lossmith.loss",
    "losses": "lossmith.catalogue",
    "joint": "lossmith.catalogue",
    "coupled": "lossmith.catalogue",
    "eliciting": "lossmith.functionals",
    "residual": "lossmith.lifts",
    "margin": "lossmith.lifts",
    "score": "lossmith.lifts",
    "softmax": "lossmith.lifts",
    "several": "lossmith.lifts",
    "censored": "lossmith.lifts",
    "ordinal": "lossmith.lifts",
    "all_threshold": "lossmith.lifts",
    "pairwise": "lossmith.lifts",
    "simplex": "lossmith.lifts",
    "divergence": "lossmith.lifts",
    "normalised": "lossmith.lifts",
    "adjusted": "lossmith.lifts",
    "costs": "lossmith.lifts",
    "one_against_rest": "lossmith.lifts",
    "one_against_each": "lossmith.lifts",
    "one_against_best": "lossmith.lifts",
    "LinearRegressor": "lossmith.models",
    "LinearClassifier": "lossmith.models",
    "DistributionRegressor": "lossmith.models",
    "OrdinalClassifier": "lossmith.models",
    "QuantileRegressor": "lossmith.models",
    "SurvivalRegressor": "lossmith.models",
    "PairwiseRanker": "lossmith.models",
    "pairs": "lossmith.rows.pairs",
    "BoostedRegressor": "lossmith.models",
    "BoostedClassifier": "lossmith.models",
    "load": "lossmith.models",
    "export": "lossmith.adapters.export",
    "scorer": "lossmith.adapters.scorers",
}
"""Where each public name lives; the losses of the catalogue come besides."""

HOSTS = {
    "lightgbm": "lossmith.lightgbm",
    "xgboost": "lossmith.xgboost",
    "catboost": "lossmith.catboost",
    "torch": "lossmith.torch",
    "jax": "lossmith.jax",
    "keras": "lossmith.keras",
    "scipy": "lossmith.scipy",
    "optuna": "lossmith.optuna",
    "skglm": "lossmith.skglm",
    "statsmodels": "lossmith.statsmodels",
}
"""Modules by the name of the library that they translate for: `lossmith.lightgbm.objective(loss)`."""


def __getattr__(name: str) -> Any:
    if name in HOMES:
        return getattr(import_module(HOMES[name]), name)
    if name in HOSTS:
        return import_module(HOSTS[name])
    if name[:1].isupper():
        from lossmith.catalogue import every

        found = every().get(name)
        if found is not None:
            return found
    raise AttributeError(f"module 'lossmith' has no attribute {name!r}; `lossmith.losses()` lists the losses")


def __dir__() -> list[str]:
    from lossmith.catalogue import every

    return sorted(["__version__", "accuracy", "loss", "choose", *HOMES, *HOSTS, *every()])


def _function(name: str, home: str) -> property:
    """A function that shares its name with a module: the name on the package means the function."""

    def get(package: ModuleType) -> Any:
        return getattr(import_module(home), name)

    return property(get, lambda package, module: None)  # the import system's own assignment changes nothing


class _Package(ModuleType):
    loss = _function("loss", "lossmith.catalogue")
    choose = _function("choose", "lossmith.choose")
    accuracy = _function("accuracy", "lossmith.accuracy")


sys.modules[__name__].__class__ = _Package
