"""The facts of a loss, each proved on first use and kept in the user's cache."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from lossmith.facts import Fact
from lossmith.knowledgejoint import joint_facts
from lossmith.slotfacts import slot_facts

if TYPE_CHECKING:
    from lossmith.loss import Loss


@lru_cache(maxsize=512)
def facts_of(loss: Loss) -> Mapping[str, Fact]:
    """Fact by name; a verdict is made when it is asked for."""
    return joint_facts(loss) if loss.lift.joint else slot_facts(loss, loss.lift.name)
