"""The facts of a loss, each proved on first use and kept in the user's cache."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from lossmith import cache
from lossmith.facts import Fact
from lossmith.formula import call, name, number, substitute

if TYPE_CHECKING:
    from lossmith.loss import Loss
    from lossmith.program import Program
    from lossmith.symbolic.prove import Facts


@lru_cache(maxsize=512)
def facts_of(loss: Loss) -> Mapping[str, Fact]:
    """Fact by name; a verdict is made when it is asked for."""
    return joint_facts(loss) if loss.lift.joint else slot_facts(loss, loss.lift.name)


def slot_facts(loss: Loss, lift: str) -> Facts:
    """The facts of a loss by its one slot, with the formula as it stands for what the kernel's form leaves open."""
    from lossmith.symbolic.prove import facts

    values = {n: v for n, v in loss.params.items() if not loss.declared[n].static}
    spelled, keep = spelled_out(loss), partial(cache.text, "json")
    return facts(loss.derived.slot, values, lift, target=loss.target.interval, literal=spelled, keep=keep)


def spelled_out(loss: Loss) -> Program | None:
    """The formula as it stands, as a Program of the slot's inputs."""
    from lossmith.symbolic.literal import literal

    inputs = loss.derived.slot.inputs
    values = {n: number(loss.params[n]) for n, p in loss.declared.items() if p.static}
    probability = {"p": call("exp", name("logp"))} if "logp" in inputs else {}
    free = tuple(n for n in loss.params if n not in values)
    return literal(substitute(loss.tree, {**values, **probability}), inputs, free)


OF_A_SUM = ("convex", "twice", "bounded below", "nonnegative")
"""What a margin loss keeps when its margin is a difference of outputs."""

TRUTHS: Mapping[str, object] = {
    "real": (-1.0, 0.0, 2.5), "halfline": (0.0, 1.0, 5.0), "positive_line": (0.1, 1.0, 5.0), "classes": (0.0, 1.0, 2.0),
    "unit_interval": (0.0, 0.3, 1.0), "binary": (0.0, 1.0, 1.0),
    "bounds": ((0.0, 0.0), (-math.inf, 0.5), (0.5, math.inf)),
}  # fmt: skip
"""Three truths of each kind of target, to look for a witness at."""


def joint_facts(loss: Loss) -> Mapping[str, Fact]:
    """The facts of a loss of several outputs: those of its margin loss, or what a witness refutes."""
    if loss.derived.slot.inputs == ("m",):
        of_margin = slot_facts(loss, "margin")
        return {name: of_margin[name] for name in OF_A_SUM}
    return {"convex": bent_down(loss)}


def bent_down(loss: Loss) -> Fact:
    """Is there a point, and a direction from it, along which the loss bends down? (Computed to 80 bits.)"""
    rng = np.random.default_rng(0)
    truths = np.asarray(TRUTHS[loss.target.name])[rng.integers(0, 3, 600)]
    width = len(loss.lift.outputs) or 3
    z = np.round(rng.normal(scale=2, size=(600, width)), 3)
    z = np.sort(z, axis=1) if not loss.lift.outputs else z
    with np.errstate(all="ignore"):
        block = loss.evaluate(truths, z, ("block",)).block
    sound = np.isfinite(block).all(axis=(1, 2))
    values, vectors = np.linalg.eigh(block[sound])
    least = int(np.argmin(values[:, 0] / np.abs(values).max(axis=1).clip(1e-300)))
    row, along = np.flatnonzero(sound)[least], np.round(vectors[least, :, 0], 6)
    if loss.lift.outputs and _curvature(loss, truths[row : row + 1], z[row], along) < 0:
        at = ", ".join(f"{n} = {v:g}" for n, v in zip(loss.lift.outputs, z[row], strict=True))
        because = f"it bends down along {along.tolist()} at y = {np.ravel(truths[row]).tolist()}, {at}"
        return Fact("convex", False, because, witness=[np.ravel(truths[row]).tolist(), z[row].tolist(), along.tolist()])
    return Fact("convex", None, "no prover treats several outputs at once, and no witness was found against it")


def _curvature(loss: Loss, y: Any, z: Any, along: Any) -> float:
    """The second derivative along a direction, by the living definition."""
    program, outputs = loss.derived.pointwise, loss.lift.outputs
    truths = [float(column[0]) for column in loss.lift.read(y)]  # type: ignore[attr-defined]
    given = dict(zip(program.inputs, [*truths, *map(float, z)], strict=True))
    free = {n: v for n, v in loss.params.items() if n in program.params}
    found = program.run({**given, **free}, most=512)
    pairs = [(a, b) for a in range(len(outputs)) for b in range(len(outputs))]
    name = {(a, b): f"d_{outputs[min(a, b)]}_{outputs[max(a, b)]}" for a, b in pairs}
    return float(sum(found[name[a, b]] * float(along[a]) * float(along[b]) for a, b in pairs))
