"""Penalties on the coefficients: none, l2, l1 and the elastic net. An intercept is never penalised."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lossmith.domain import Interval, Param
from lossmith.errors import ParameterError

ALPHA = Param(1e-4, Interval(0.0), "strength of the penalty per unit of weight")
L1_RATIO = Param(0.5, Interval(0.0, 1.0), "share of l1 in the elastic net")

STRENGTHS: Mapping[str, Callable[[float, float], tuple[float, float]]] = {
    "none": lambda alpha, ratio: (0.0, 0.0),
    "l2": lambda alpha, ratio: (0.0, alpha),
    "l1": lambda alpha, ratio: (alpha, 0.0),
    "elasticnet": lambda alpha, ratio: (alpha * ratio, alpha * (1.0 - ratio)),
}


@dataclass(frozen=True, slots=True)
class Penalty:
    """alpha · (½‖coef‖² | ‖coef‖₁ | l1_ratio·‖coef‖₁ + (1 − l1_ratio)·½‖coef‖²), added to the mean loss."""

    kind: str = "l2"
    alpha: float = 1e-4
    l1_ratio: float = 0.5

    def __post_init__(self) -> None:
        if self.kind not in STRENGTHS:
            raise ParameterError(f"penalty={self.kind!r} is not known; there are {', '.join(STRENGTHS)}")
        object.__setattr__(self, "alpha", ALPHA.check(self.alpha, "Penalty", "alpha"))
        object.__setattr__(self, "l1_ratio", L1_RATIO.check(self.l1_ratio, "Penalty", "l1_ratio"))

    @property
    def l1(self) -> float:
        """The factor of ‖coef‖₁."""
        return STRENGTHS[self.kind](self.alpha, self.l1_ratio)[0]

    @property
    def l2(self) -> float:
        """The factor of ½‖coef‖²."""
        return STRENGTHS[self.kind](self.alpha, self.l1_ratio)[1]
