"""Lifts: changes of variables from (truth, raw prediction) to the slots of a formula, each written once."""

from __future__ import annotations

from lossmith.lifts.base import Derived, Lift, State
from lossmith.lifts.pointwise import margin, residual, score
from lossmith.lifts.softmax import softmax

LIFTS: dict[str, Lift] = {lift.name: lift for lift in (residual, margin, score, softmax)}
"""Every lift by its name."""

__all__ = ["LIFTS", "Derived", "Lift", "State", "margin", "residual", "score", "softmax"]
