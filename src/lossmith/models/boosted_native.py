"""What is settled before a host that the caller drives by himself trains with a loss of ours."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lossmith.catalogue import loss as make_loss
from lossmith.errors import DataError
from lossmith.loss import Loss
from lossmith.models.boosted_loss import Boosting, Many, Single, begin
from lossmith.models.boosted_rule import Rule, carried, rule_of
from lossmith.models.boosted_scale import policy_of
from lossmith.rows.memory import Rows

Array = NDArray[Any]


def asked(loss: str | Loss) -> Loss:
    """The loss that a name or a formula spells, or itself; UnsupportedError for one that no engine carries."""
    found = make_loss(loss)
    carried(found)
    return found


def sound(label: Any, weight: Any, where: str) -> tuple[Array, Array | None]:
    """Labels (n,) and weights (n,) or None, in float64; DataError names the row that cannot be used."""
    if label is None or not len(label):
        raise DataError(f"the {where} has no label; give it one when it is made")
    y = np.asarray(label, np.float64).reshape(-1)
    rows = Rows.of(np.zeros((len(y), 1)), y, None if weight is None else np.asarray(weight, np.float64).reshape(-1))
    return np.asarray(rows.y, np.float64), rows.weight


def first_unit(loss: Loss, y: Array, weight: Array | None, scale: Any) -> float:
    """The unit that residuals have before the first round: what a metric is to keep."""
    policy = policy_of(loss, scale)
    return begin(loss, y, weight, policy)[1] if isinstance(policy, str) else policy


class NativeObjective(ABC):
    """A loss that a host calls with its scores and its own kind of table: gradient and curvature, weights included."""

    BUILT_IN: ClassVar[Mapping[str, Callable[[Loss, int], Rule]]]
    """The curvatures of the host's own objectives, where they are not the Hessian: `curvature="host"`."""

    def __init__(self, loss: str | Loss, scale: Any = 1.0, curvature: str = "auto", classes: int = 1) -> None:
        loss = asked(loss)
        self._asked = (loss, scale, curvature, classes)
        self.loss, self.scale, self.classes = loss, policy_of(loss, scale), classes
        host_rule = self.BUILT_IN.get(loss.name) if curvature == "host" else None
        plain = "exact" if curvature == "host" else curvature
        self.rule = host_rule(loss, classes) if host_rule else rule_of(loss, plain, classes)
        self._data: Any = None
        self._boosting: Boosting | None = None

    @staticmethod
    @abstractmethod
    def rows_of(data: Any) -> tuple[Array, Array | None]:
        """Labels and weights of the host's table."""

    def __call__(self, scores: Array, data: Any) -> tuple[Array, Array]:
        """Gradient and curvature, in arrays that the next call overwrites."""
        if self._data is not data or self._boosting is None:
            self._data, self._boosting = data, self.bound_to(*self.rows_of(data))
        return self._boosting.slopes(scores)

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy (hosts copy their parameters) begins anew with the rows that it meets."""
        return type(self), self._asked

    def bound_to(self, y: Array, weight: Array | None) -> Boosting:
        """The loss over these rows."""
        if self.classes > 1:
            return Many(self.loss, y, weight, outputs=self.classes, rule=self.rule, centred=False)
        return Single(self.loss, y, weight, scale=self.scale, rule=self.rule, centred=False)
