"""What is settled before a host that the caller drives by himself trains with a loss of ours."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.catalogue import loss as make_loss
from lossmith.errors import DataError
from lossmith.loss import Loss
from lossmith.models.boosted_loss import begin
from lossmith.models.boosted_rule import carried
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
