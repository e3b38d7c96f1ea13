"""The settings of a boosted estimator, each checked against what it may be, in words that every engine understands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from lossmith.domain import Interval, Param
from lossmith.errors import ParameterError
from lossmith.models.boosted_task import Settings

WHOLE = {
    "max_iter": Param(100, Interval(1, whole=True), "rounds"),
    "min_samples_leaf": Param(20, Interval(1, whole=True), "rows in a leaf"),
    "n_iter_no_change": Param(10, Interval(1, whole=True), "rounds without a better score"),
}
LIMITS = {
    "max_leaf_nodes": Param(31, Interval(2, whole=True), "leaves of a tree; None for as many as its depth allows"),
    "max_bins": Param(255, Interval(2, 255, whole=True), "bins of a column; None for the engine's own default"),
    "max_depth": Param(6, Interval(1, whole=True), "splits one below the other; None for no limit"),
}
REAL = {
    "learning_rate": Param(0.1, Interval(0.0, open_low=True), "the length of a step"),
    "validation_fraction": Param(0.1, Interval(0, 1, open_low=True, open_high=True), "the share of rows held back"),
}
L2 = Param(0.0, Interval(0.0), "added to the curvature of a leaf; None is the engine's own default")


def settings_of(model: Any) -> Settings:
    """The parameters of an estimator; ParameterError for one that is none."""
    who = type(model).__name__
    whole = {name: int(p.check(getattr(model, name), who, name)) for name, p in WHOLE.items()}
    real = {name: p.check(getattr(model, name), who, name) for name, p in REAL.items()}
    limits = {name: _limit(model, name, who) for name in LIMITS}
    leaves, depth = limits["max_leaf_nodes"], limits["max_depth"]
    if leaves is None and depth is None:
        raise ParameterError(f"{who}: max_leaf_nodes and max_depth are both None; bound the size of a tree by one")
    l2 = model.l2_regularization
    return Settings(
        rounds=whole["max_iter"],
        learning_rate=real["learning_rate"],
        leaves=leaves,
        depth=depth,
        leaf_rows=whole["min_samples_leaf"],
        l2=None if l2 is None else L2.check(l2, who, "l2_regularization"),
        patience=whole["n_iter_no_change"],
        seed=seed_of(model.random_state),
        threads=_threads(model.n_jobs, who),
        bins=limits["max_bins"],
        options=_options(model.options, who),
    )


def _limit(model: Any, name: str, who: str) -> int | None:
    given = getattr(model, name)
    return None if given is None else int(LIMITS[name].check(given, who, name))


def _threads(given: Any, who: str) -> int | None:
    if given is not None and (isinstance(given, bool) or not isinstance(given, int | np.integer)):
        raise ParameterError(f"{who}: n_jobs={given!r} must be a whole number of threads, or None")
    return None if given is None else int(given)


def _options(given: Any, who: str) -> dict[str, Any]:
    if given is not None and not isinstance(given, Mapping):
        raise ParameterError(f"{who}: options={given!r} must be a dict of the engine's own parameters, or None")
    return dict(given or {})


def seed_of(given: Any) -> int:
    """A seed from what scikit-learn calls a random state."""
    return given if isinstance(given, int) else int(check_random_state(given).randint(2**31 - 1))
