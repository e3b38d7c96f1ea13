"""A loss for XGBoost's native training: objective, metric, base margin, and prediction with the same start."""

from __future__ import annotations

from typing import Any

import numpy as np
import xgboost

from lossmith.adapters.export_boosted import Array, Boosted


class XGBoost(Boosted):
    """`fit(X, y, weight, rounds, **params)`, `predict(X)`; or pass `objective` and `metric` to xgboost.train."""

    def objective(self, raw: Array, data: xgboost.DMatrix) -> tuple[Array, Array]:
        """For `obj`; XGBoost leaves the weights to it."""
        return self.derivatives(data.get_label(), raw, data.get_weight())

    def metric(self, raw: Array, data: xgboost.DMatrix) -> tuple[str, float]:
        """For `custom_metric`."""
        return "loss", self.mean_loss(data.get_label(), raw, data.get_weight())

    def dataset(self, X: Any, y: Any, weight: Any = None) -> xgboost.DMatrix:
        """The rows, with the start as their base margin."""
        target = self.prepare(y, weight)
        return xgboost.DMatrix(X, target, weight=weight, base_margin=self.begin(len(target)))

    def fit(self, X: Any, y: Any, weight: Any = None, rounds: int = 100, **params: Any) -> XGBoost:
        """Boost for so many rounds."""
        data = self.dataset(X, y, weight)
        given = {"base_score": 0.0, "disable_default_eval_metric": 1, **params}
        if self.classes:
            given["num_class"] = self.classes
        self.booster = xgboost.train(given, data, num_boost_round=rounds, obj=self.objective)
        return self

    def raw(self, X: Any) -> Array:
        """The raw predictions from the same start."""
        rows = xgboost.DMatrix(X)
        rows.set_base_margin(self.begin(rows.num_row()))
        return np.asarray(self.booster.predict(rows, output_margin=True), float)

    def predict(self, X: Any) -> Array:
        """On the scale of y; probabilities for classes, where the loss has a link."""
        return self.finish(self.raw(X))
