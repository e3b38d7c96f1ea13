"""The facts of a loss by its one slot: the kernel's form of it, and the formula as it stands."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING

from lossmith import cache
from lossmith.formula import call, name, number, substitute

if TYPE_CHECKING:
    from lossmith.loss import Loss
    from lossmith.program import Program
    from lossmith.symbolic.prove import Facts


def slot_facts(loss: Loss, lift: str) -> Facts:
    """The facts of a loss by its one slot, with the formula as it stands for what the kernel's form leaves open."""
    from lossmith.symbolic.prove import facts

    values = {n: v for n, v in loss.params.items() if not loss.declared[n].static}
    spelled, keep = spelled_out(loss), partial(cache.text, "json")
    return facts(loss.derived.slot, values, lift, target=loss.target.interval, literal=spelled, keep=keep)


def spelled_out(loss: Loss, free: Collection[str] = ()) -> Program | None:
    """The formula as it stands, as a Program of the slot's inputs; `free` names static parameters to keep as such."""
    from lossmith.symbolic.literal import literal

    inputs = loss.derived.slot.inputs
    values = {n: number(loss.params[n]) for n, p in loss.declared.items() if p.static and n not in free}
    probability = {"p": call("exp", name("logp"))} if "logp" in inputs else {}
    kept = tuple(n for n in loss.params if n not in values)
    return literal(substitute(loss.tree, {**values, **probability}), inputs, kept)
