"""The facts of a loss, each proved on first use and kept in the user's cache."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from lossmith.facts import Fact
from lossmith.knowledgejoint import joint_facts
from lossmith.lifts.bounds import BOUNDS, facts_of_rest
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


def of_scores(loss: Loss) -> dict[str, Fact]:
    """What is proved of the Hessian in all K scores, and which jumps there are."""
    if loss.lift.name == "one_against_rest":
        return facts_of_rest(slot_facts(loss, "margin")["smooth"])
    if "rival" in loss.tree.names:
        return {"twice": Fact("twice", None, "the value jumps where the true class meets a rival, unless gamma is 0")}
    bound = BOUNDS.get((loss.lift.name, loss.formula))
    return bound.facts() if bound else {}
