"""The unit in which a boosted robust loss measures residuals, estimated again before every round."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.errors import ParameterError, UnsupportedError
from lossmith.fit.scale import NUMBER, mad
from lossmith.loss import Loss

Array = NDArray[Any]
SAMPLE = 1 << 14
"""Residuals from which a unit is estimated: more of them say nothing new, and cost time in every round."""


def root_mean(residuals: Array, weight: Array | None = None) -> float:
    """√ of the mean square; 1 where all residuals are 0."""
    size = float(np.sqrt(np.average(np.square(residuals), weights=weight)))
    return size if size > 0 else 1.0


POLICIES: Mapping[str, Callable[[Array, Array | None], float]] = {"mad": mad, "sqrt-mean": root_mean}
"""How a unit is estimated from residuals (n,) and weights (n,) or None."""


def policy_of(loss: Loss, scale: Any) -> float | str:
    """A number > 0, "mad" or "sqrt-mean"; "auto" is "mad" where a unit changes the steps, else 1.

    Raises ParameterError for anything else, UnsupportedError where the loss has no unit.
    """
    if scale == "auto":
        return "mad" if has_unit(loss) and not squares(loss) else 1.0
    if isinstance(scale, str) and scale not in POLICIES:
        words = ", ".join(map(repr, ("auto", *POLICIES)))
        raise ParameterError(f"scale={scale!r} is not known; it may be a number > 0, or one of {words}")
    policy: float | str = scale if isinstance(scale, str) else NUMBER.check(scale, "boosting", "scale")
    if policy != 1.0 and not has_unit(loss):
        raise UnsupportedError(
            f"{loss.name} has no unit: scale={scale!r} needs a loss of y − z alone; use scale='auto'"
        )
    return policy


def has_unit(loss: Loss) -> bool:
    """Is it a function of the residual alone, so that s²·ρ(r/s) is the same loss in another unit?"""
    return loss.lift.name == "residual" and "y" not in loss.tree.names


def squares(loss: Loss) -> bool:
    """Is s²·ρ(r/s) = ρ(r) for every s?"""
    homogeneous = loss.facts()["scalable"].holds is False
    slope = loss.gradient([1.0, 2.0, -1.0, -2.0], np.zeros(4))
    return homogeneous and slope[1] == 2 * slope[0] and slope[3] == 2 * slope[2]


def sample_of(n: int) -> NDArray[np.intp] | None:
    """The rows that units are estimated from: the same ones in every round; None for all."""
    return None if n <= SAMPLE else np.sort(np.random.default_rng(n).choice(n, SAMPLE, replace=False))
