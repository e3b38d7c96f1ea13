"""Claims about losses that are planted for the provers to refuse."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import lossmith
from lossmith.loss import Loss


@dataclass(frozen=True)
class Planted:
    """A claim that is false: this fact of this formula (denied: that it does not hold)."""

    fact: str
    formula: str
    lift: str = "residual"
    holds: bool = True

    def __str__(self) -> str:
        return f"{self.fact} of {self.formula}" + ("" if self.holds else " (denied)")


@cache
def of(formula: str, lift: str) -> Loss:
    """The loss of a formula, derived once."""
    return lossmith.loss(formula, lift=lift)
