"""What the exported files for LightGBM, XGBoost and CatBoost share: scale, start, weights, curvature, metric."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Boosted:
    """A loss made ready for boosting: gradients and curvatures at raw predictions, the start, and the way back.

    loss: for one raw prediction a row; many: for one a class, or None; targets: what y may be.
    rule: the curvature that leaves are weighed by.
    scale: the unit in which residuals are measured, a number or "mad" (1.4826 median distances from the median).
    """

    def __init__(
        self, loss: Any, many: Any, targets: Any, *, rule: str, scale: float | str = 1.0, mean: Any = None
    ) -> None:
        self.targets = targets
        self.loss, self.many, self.rule, self.scale, self._mean = loss, many, rule, scale, mean
        self.unit, self.classes = 1.0, 0

    def prepare(self, y: Any, weight: Any = None) -> Array:
        """The target in units of the scale; sets `unit`, `first` (the best constant) and `classes`."""
        y = np.asarray(y, float)
        if y.ndim != 1 or not np.isfinite(y).all():
            raise ValueError("y must be (n,), finite numbers only")
        self.targets.refuse(y, np.inf if self.many is not None and y.max() > 1 else 0)
        self.unit = mad(y) if self.scale == "mad" else float(self.scale)
        self.classes = int(y.max()) + 1 if self.many is not None and y.max() > 1 else 0
        self.first = self.active.start(y / self.unit, weight)
        return np.asarray(y / self.unit)

    @property
    def active(self) -> Any:
        """The loss in force: of one raw prediction a row, or of one a class."""
        return self.many if self.classes else self.loss

    def begin(self, count: int) -> Array:
        """The start for so many rows."""
        return np.tile(np.asarray(self.first, float), (count, 1) if self.classes else count)

    def derivatives(self, y: Any, raw: Any, weight: Any = None) -> tuple[Array, Array]:
        """Gradient and curvature by `rule`, each times the weights of the rows."""
        gradient = self.active.gradient(y, raw)
        bend = np.minimum(self.active.curvature(y, raw, self.rule), 1e6)
        if weight is None or not len(weight):
            return gradient, bend
        w = np.asarray(weight, float).reshape(-1, *[1] * (gradient.ndim - 1))
        return w * gradient, w * bend

    def mean_loss(self, y: Any, raw: Any, weight: Any = None) -> float:
        """Σwℓ/Σw: the metric that agrees with the objective."""
        w = None if weight is None or not len(weight) else np.asarray(weight, float)
        return float(np.average(self.active.value(y, raw), weights=w))

    def finish(self, raw: Array) -> Array:
        """The prediction on the scale of y, or the raw score where the loss has no link."""
        if self.classes:
            return np.asarray(self.many.mean(raw))
        with np.errstate(all="ignore"):
            return np.asarray(raw * self.unit if self._mean is None else self._mean(raw))


def mad(y: Array) -> float:
    """1.4826 times the median distance from the median; the mean distance where that is 0."""
    distance = np.abs(y - np.median(y))
    return float(1.482602218505602 * np.median(distance) or distance.mean() or 1.0)
