"""How far the kernels of a loss are from the truth: measured in units of the last place, at the hardest arguments."""

from __future__ import annotations

from typing import Any

from lossmith.accuracy.measure import LIMITS, POOR, USUAL, Accuracy, Bound, Truth, measure
from lossmith.loss import Loss

__all__ = ["LIMITS", "POOR", "USUAL", "Accuracy", "Bound", "Truth", "accuracy", "measure"]


def accuracy(loss: Any, rows: int = 4000, **params: float) -> Accuracy:
    """The measured errors of a loss's kernels, in units of the last place; `print` it for a line each.

    loss: a name, a formula or a Loss, with params as for `lossmith.loss`. rows: how many points are tried.
    """
    from lossmith.catalogue import loss as find

    return measure(loss if isinstance(loss, Loss) and not params else find(loss, None, **params), rows)
