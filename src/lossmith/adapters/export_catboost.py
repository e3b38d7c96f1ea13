"""A loss for CatBoost: an objective that climbs (signs are turned), metric, baseline, prediction with the start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import catboost
import numpy as np

from lossmith.adapters.export_boosted import Array, Boosted


class Objective:
    """What CatBoost asks of a loss function: −∂ℓ/∂z and −∂²ℓ/∂z² of each row."""

    def __init__(self, of: Boosted) -> None:
        self.of = of

    def calc_ders_range(self, approxes: Any, targets: Any, weights: Any) -> list[tuple[float, float]]:
        """One raw prediction a row."""
        weight = None if weights is None else np.asarray(weights)
        gradient, bend = self.of.derivatives(np.asarray(targets), np.asarray(approxes), weight)
        return list(zip((-gradient).tolist(), (-bend).tolist(), strict=True))

    def calc_ders_multi(self, approx: Any, target: float, weight: float) -> tuple[list[float], list[list[float]]]:
        """One row of K raw predictions."""
        gradient, bend = self.of.derivatives(np.array([target]), np.asarray(approx)[None], np.array([weight]))
        return (-gradient[0]).tolist(), np.diag(-bend[0]).tolist()


class Metric:
    """The loss as a metric that agrees with the objective."""

    def __init__(self, of: Boosted) -> None:
        self.of = of

    def is_max_optimal(self) -> bool:
        """Less is better."""
        return False

    def evaluate(self, approxes: Sequence[Any], target: Any, weight: Any) -> tuple[float, float]:
        """Σwℓ and Σw."""
        raw = np.column_stack(approxes) if self.of.classes else np.asarray(approxes[0])
        w = np.ones(len(target)) if weight is None else np.asarray(weight)
        return self.of.mean_loss(np.asarray(target), raw, w) * float(w.sum()), float(w.sum())

    def get_final_error(self, error: float, weight: float) -> float:
        """The mean."""
        return error / (weight or 1.0)


class CatBoost(Boosted):
    """`fit(X, y, weight, rounds, **params)`, `predict(X)`; or pass `Objective(self)` and `Metric(self)` yourself."""

    def fit(self, X: Any, y: Any, weight: Any = None, rounds: int = 100, **params: Any) -> CatBoost:
        """Boost for so many rounds."""
        target = self.prepare(y, weight)
        pool = catboost.Pool(X, target, weight=weight, baseline=self.begin(len(target)).reshape(len(target), -1))
        given = {"verbose": False, "allow_writing_files": False, "leaf_estimation_method": "Newton", **params}
        if self.classes:
            given["classes_count"] = self.classes
        self.booster = catboost.CatBoost(
            {"iterations": rounds, "loss_function": Objective(self), "eval_metric": Metric(self), **given}
        )
        self.booster.fit(pool)
        return self

    def raw(self, X: Any) -> Array:
        """The raw predictions, with the start."""
        grown = np.asarray(self.booster.predict(X, prediction_type="RawFormulaVal"))
        return np.asarray(grown + self.begin(len(grown)))

    def predict(self, X: Any) -> Array:
        """On the scale of y; probabilities for classes, where the loss has a link."""
        return self.finish(self.raw(X))
