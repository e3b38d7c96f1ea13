"""A loss for LightGBM's native training: objective, metric, initial score, and prediction with the start added back."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np

from lossmith.adapters.export_boosted import Array, Boosted


class LightGBM(Boosted):
    """`fit(X, y, weight, rounds, **params)`, `predict(X)`; or pass `objective` and `metric` to lightgbm.train."""

    def objective(self, raw: Array, data: lightgbm.Dataset) -> tuple[Array, Array]:
        """For params["objective"]; LightGBM leaves the weights to it."""
        return self.derivatives(data.get_label(), raw, data.get_weight())

    def metric(self, raw: Array, data: lightgbm.Dataset) -> tuple[str, float, bool]:
        """For `feval`."""
        return "loss", self.mean_loss(data.get_label(), raw, data.get_weight()), False

    def dataset(self, X: Any, y: Any, weight: Any = None) -> lightgbm.Dataset:
        """The rows, with the start as their initial score."""
        target = self.prepare(y, weight)
        start = self.begin(len(target))
        return lightgbm.Dataset(X, target, weight=weight, init_score=start, free_raw_data=False)

    def fit(self, X: Any, y: Any, weight: Any = None, rounds: int = 100, **params: Any) -> LightGBM:
        """Boost for so many rounds."""
        data = self.dataset(X, y, weight)
        given = {"verbosity": -1, **params, "objective": self.objective, "boost_from_average": False}
        if self.classes:
            given["num_class"] = self.classes
        self.booster = lightgbm.train(given, data, num_boost_round=rounds)
        return self

    def raw(self, X: Any) -> Array:
        """The raw predictions, with the start, which LightGBM does not keep."""
        grown = np.asarray(self.booster.predict(X, raw_score=True))
        return np.asarray(grown + self.begin(len(grown)))

    def predict(self, X: Any) -> Array:
        """On the scale of y; probabilities for classes, where the loss has a link."""
        return self.finish(self.raw(X))
