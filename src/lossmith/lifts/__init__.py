"""Lifts: changes of variables from (truth, raw prediction) to the slots of a formula, each written once."""

from __future__ import annotations

from lossmith.errors import ParameterError
from lossmith.lifts.against import one_against_best, one_against_each, one_against_rest
from lossmith.lifts.base import Derived, Lift, State
from lossmith.lifts.normalised import normalised
from lossmith.lifts.ordinal import all_threshold, ordinal
from lossmith.lifts.pointwise import margin, residual, score
from lossmith.lifts.scores import divergence, simplex
from lossmith.lifts.several import censored, pairwise, several
from lossmith.lifts.softmax import softmax
from lossmith.lifts.tables import adjusted, costs, tabled

LIFTS: dict[str, Lift] = {lift.name: lift for lift in (residual, margin, score, softmax)}
"""The lifts of losses of one raw output, or of one for each class, by name."""

JOINT: dict[str, Lift] = {lift.name: lift for lift in (pairwise, censored, ordinal, all_threshold)}
"""The lifts of several raw outputs a row by name; besides them there is `several(…)` with outputs of any name."""


COUPLED: dict[str, Lift] = {
    lift.name: lift
    for lift in (
        simplex, divergence, normalised, adjusted, costs, one_against_rest, one_against_each, one_against_best,
    )
}  # fmt: skip
"""The lifts of K scores that are coupled by more than the probability of the true class, by name.

Numbers of classes come behind the name: adjusted(0.7, 0.3), costs(0, 1; 5, 0).
"""


def lift_of(spelling: str) -> Lift:
    """The lift that is spelled so: a name, several(mu, log_sigma), or a name with the numbers of classes."""
    named = {**LIFTS, **JOINT, **COUPLED}
    known = named.get(spelling) or tabled(spelling)
    if known is not None:
        return known
    head, _, rest = spelling.partition("(")
    names = [n.strip() for n in rest.rstrip(")").split(",")]
    if head != "several" or not all(n.isidentifier() for n in names):
        raise ParameterError(f"unknown lift {spelling!r}; there are {', '.join(named)} and several(…)")
    return several(*names)


__all__ = [
    "COUPLED", "JOINT", "LIFTS", "Derived", "Lift", "State", "adjusted", "all_threshold", "censored", "costs",
    "divergence", "lift_of", "margin", "normalised", "one_against_best", "one_against_each", "one_against_rest",
    "ordinal", "pairwise", "residual", "score", "several", "simplex", "softmax",
]  # fmt: skip
