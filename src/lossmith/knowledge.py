"""The facts of a loss, each proved on first use and kept in the user's cache."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from lossmith.facts import Fact
from lossmith.knowledgejoint import joint_facts
from lossmith.lifts.bounds import BOUNDS, CONVEX, facts_of_rest
from lossmith.slotfacts import slot_facts

if TYPE_CHECKING:
    from lossmith.loss import Loss


@lru_cache(maxsize=512)
def facts_of(loss: Loss) -> Mapping[str, Fact]:
    """Fact by name; a verdict is made when it is asked for."""
    if not loss.lift.joint:
        return slot_facts(loss, loss.lift.name)
    found, proved = joint_facts(loss), of_scores(loss)
    return ChainMap(cast(Any, proved), cast(Any, found)) if proved else found


def beside_a_rival(loss: Loss) -> Fact:
    """Does the value jump where the true class overtakes another, which then is its rival?"""
    near = 2.0**-30
    ends = [[0.3, 0.3 + s * near, -1.0] for s in (-1.0, 1.0)]
    below, above = loss.value([0, 0], ends)
    if abs(below - above) > 1e6 * near:
        says = f"the value jumps from {below:.4g} to {above:.4g} where the true class meets a rival"
        return Fact("twice", False, says, {"scores": ends[0], "and": ends[1]})
    return Fact("twice", None, "the value may jump where the true class meets a rival")


def of_scores(loss: Loss) -> dict[str, Fact]:
    """What is proved of the Hessian in all K scores, and which jumps there are."""
    if loss.lift.name == "one_against_rest":
        return facts_of_rest(slot_facts(loss, "margin")["smooth"])
    if "rival" in loss.tree.names:
        return {"twice": beside_a_rival(loss)}
    if (loss.lift.name, loss.formula) in CONVEX:
        return {"convex": Fact("convex", True, CONVEX[loss.lift.name, loss.formula][0])}
    bound = BOUNDS.get((loss.lift.name, loss.formula))
    return bound.stretched(loss.lift.stretch).facts() if bound else {}
