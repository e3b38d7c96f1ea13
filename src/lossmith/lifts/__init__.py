"""Lifts: changes of variables from (truth, raw prediction) to the slots of a formula, each written once."""

from __future__ import annotations

from lossmith.errors import ParameterError
from lossmith.lifts.base import Derived, Lift, State
from lossmith.lifts.ordinal import all_threshold, ordinal
from lossmith.lifts.pointwise import margin, residual, score
from lossmith.lifts.several import censored, pairwise, several
from lossmith.lifts.softmax import softmax

LIFTS: dict[str, Lift] = {lift.name: lift for lift in (residual, margin, score, softmax)}
"""The lifts of losses of one raw output, or of one for each class, by name."""

JOINT: dict[str, Lift] = {lift.name: lift for lift in (pairwise, censored, ordinal, all_threshold)}
"""The lifts of several raw outputs a row by name; besides them there is `several(…)` with outputs of any name."""


def lift_of(spelling: str) -> Lift:
    """The lift that is spelled so: a name, or several(mu, log_sigma)."""
    known = {**LIFTS, **JOINT}.get(spelling)
    if known is not None:
        return known
    head, _, rest = spelling.partition("(")
    names = [n.strip() for n in rest.rstrip(")").split(",")]
    if head != "several" or not all(n.isidentifier() for n in names):
        raise ParameterError(f"unknown lift {spelling!r}; there are {', '.join({**LIFTS, **JOINT})} and several(…)")
    return several(*names)


__all__ = [
    "JOINT", "LIFTS", "Derived", "Lift", "State", "all_threshold", "censored", "lift_of", "margin", "ordinal",
    "pairwise", "residual", "score", "several", "softmax",
]  # fmt: skip
