"""A pytest plugin: scikit-learn's own tests of its losses, run against lossmith's kernels.

    LOSSMITH_BACKEND=llvm python -m pytest -p plugins.sklearn_losses --pyargs sklearn._loss.tests.test_loss

Every compiled class that `sklearn._loss.loss` composes its losses of is replaced before the tests are collected.
LOSSMITH_FAULT=poisson makes every Hessian of the Poisson loss 0.1 % too large: the suite must notice.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
import sklearn._loss.loss as theirs

from lossmith.adapters.sklearn import CLASSES, PointLoss

BACKEND = os.environ.get("LOSSMITH_BACKEND", "auto")
FAULT = os.environ.get("LOSSMITH_FAULT", "")
SWAPPED = [name for name in vars(theirs) if name.startswith("Cy")]


class Stand(PointLoss):
    """A `PointLoss` that is made, changed and pickled as scikit-learn does with its compiled ones."""

    name: str
    given: dict[str, float]

    def __init__(self, **given: float) -> None:
        self.given = given
        made = CLASSES[self.name](**given)
        super().__init__(made.made, BACKEND, made.flat)

    def quantities(self, y: Any, z: Any, want: tuple[str, ...]) -> Any:
        found = super().quantities(y, z, want)
        if FAULT and FAULT in self.name.lower() and "hessian" in found:
            return {**found, "hessian": found["hessian"] * 1.001}
        return found

    def __getattr__(self, name: str) -> float:
        if name in vars(self).get("given", {}):
            return float(self.given[name])
        raise AttributeError(name)

    def __reduce__(self) -> Any:
        return _remade, (self.name, self.given)

    def _test_cy_gradient(self, y_true: Any, raw_prediction: Any, sample_weight: Any) -> Any:
        out = np.empty_like(raw_prediction)
        self.gradient(y_true, raw_prediction, sample_weight, out)
        return out


def _remade(name: str, given: dict[str, float]) -> Any:
    return getattr(theirs, name)(**given)


for name in SWAPPED:
    setattr(theirs, name, type(name, (Stand,), {"name": name}))


def pytest_collection_finish(session: pytest.Session) -> None:
    """The losses under test are ours: nothing compiled by scikit-learn is left in them."""
    made = [kind() for kind in theirs._LOSSES.values()]
    assert sorted(SWAPPED) == sorted(CLASSES), "scikit-learn has other compiled losses than the adapter knows"
    assert all(isinstance(one.closs, Stand) for one in made)


def pytest_report_header() -> str:
    return f"lossmith's kernels ({BACKEND}) stand in for {len(SWAPPED)} compiled classes of scikit-learn"
