"""The facts of a loss, each proved on first use and kept in the user's cache."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from lossmith import cache
from lossmith.facts import Fact

if TYPE_CHECKING:
    from lossmith.loss import Loss


@lru_cache(maxsize=512)
def facts_of(loss: Loss) -> Mapping[str, Fact]:
    """Fact by name; a verdict is made when it is asked for."""
    from lossmith.symbolic.prove import facts

    slot = loss.derived.slot
    values = {n: loss.params[n] for n in slot.params}
    return facts(slot, values, loss.lift.name, target=loss.target.interval, keep=partial(cache.text, "json"))
