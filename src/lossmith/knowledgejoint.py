"""The facts of losses of several outputs: of their margin, of their formula term by term, or what a witness refutes."""

from __future__ import annotations

import math
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from lossmith import cache
from lossmith.facts import Fact
from lossmith.formula import substitute
from lossmith.lifts.ordinal import CORE
from lossmith.slotfacts import slot_facts

if TYPE_CHECKING:
    from lossmith.loss import Loss
    from lossmith.symbolic.jointly import Joint

OF_A_SUM = ("convex", "twice", "bounded below", "nonnegative")
"""What a margin loss keeps when its margin is a difference of outputs."""

FINITE = ("finite in float64", "finite in float32")

TRUTHS: Mapping[str, object] = {
    "real": (-1.0, 0.0, 2.5), "halfline": (0.0, 1.0, 5.0), "positive_line": (0.1, 1.0, 5.0), "classes": (0.0, 1.0, 2.0),
    "unit_interval": (0.0, 0.3, 1.0), "binary": (0.0, 1.0, 1.0),
    "bounds": ((0.0, 0.0), (-math.inf, 0.5), (0.5, math.inf)),
}  # fmt: skip
"""Three truths of each kind of target, to look for a witness at."""


PLACES: Mapping[str, tuple[float, float]] = {
    "real": (-math.inf, math.inf), "halfline": (0.0, math.inf), "positive_line": (5e-324, math.inf),
    "unit_interval": (0.0, 1.0),
}  # fmt: skip
"""Where the truth of a target of one number lies."""


class JointFacts(Mapping[str, Fact]):
    """The facts of one loss by name, each made on first use and kept."""

    def __init__(self, loss: Loss, joint: Joint | None, names: tuple[str, ...], refuting: bool) -> None:
        self.loss, self.joint, self.names, self.refuting = loss, joint, names, refuting
        self._made: dict[str, Fact] = {}

    def __getitem__(self, name: str) -> Fact:
        if name not in self.names:
            raise KeyError(name)
        if name not in self._made:
            from lossmith.symbolic.prove import RECIPE, dumped, loaded

            program = self.loss.derived.pointwise
            key = cache.key(RECIPE, repr(self.loss), self.loss.formula, program.digest, name)
            self._made[name] = loaded(cache.text("json", key, lambda: dumped(self.verdict(name))))
        return self._made[name]

    def verdict(self, name: str) -> Fact:
        """One fact, made now; where the truths that were looked at are not all of them, only a refutation counts."""
        from lossmith.symbolic import finitejoint, jointly

        if name == "convex":
            shown = jointly.convex(self.joint) if self.joint and not self.refuting else None
            return shown or bent_down(self.loss)
        if name in FINITE and (self.joint is None or not self.loss.lift.outputs):
            return finitejoint.of_scores(self.loss, name.removeprefix("finite in "))
        assert self.joint is not None
        found = jointly.verdict(self.joint, name)
        return found if found.holds is False or not self.refuting else replace(found, holds=None, constant=None)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def joint_facts(loss: Loss) -> Mapping[str, Fact]:
    """The facts of a loss of several outputs: those of its margin loss, of its formula, or what a witness refutes."""
    if loss.derived.slot.inputs == ("m",):
        of_margin = slot_facts(loss, "margin")
        of_sum = {name: of_margin[name] for name in OF_A_SUM} | of_a_difference(loss) | of_the_best(loss)
        return ChainMap(cast(Any, of_sum), cast(Any, JointFacts(loss, None, FINITE, True)))
    return of_formula(loss)


def of_formula(loss: Loss) -> JointFacts:
    """The facts of a loss that is a formula of several outputs."""
    from lossmith.symbolic import jointly

    joint, refuting = described(loss)
    if joint is None:
        return JointFacts(loss, None, ("convex", *FINITE), True)
    alone = jointly.names(joint.outputs) if loss.lift.outputs else ("nonnegative", *FINITE)
    names = ("convex", *(n for n in alone if not (refuting and n.startswith("convex in "))))
    return JointFacts(loss, joint, names, refuting)


def of_a_difference(loss: Loss) -> dict[str, Fact]:
    """Constants of φ(first − second): the slope is φ′·(1, −1), of length √2|φ′|, and the Hessian's norm 2|φ″|."""
    if loss.lift.name != "pairwise":
        return {}
    of_margin, made = slot_facts(loss, "margin"), {}
    for name, factor in (("Lipschitz", math.nextafter(math.sqrt(2), 2)), ("smooth", 2.0)):
        fact = of_margin[name]
        if fact.constant is not None:
            most = factor * fact.constant
            fact = replace(fact, because=f"in both scores together within {most:.6g}", constant=most)
        made[name] = fact
    return made


def of_the_best(loss: Loss) -> dict[str, Fact]:
    """φ of the least of several margins: convex where φ also falls, and bent where the best rival changes."""
    if loss.lift.name != "one_against_best":
        return {}
    of_margin = slot_facts(loss, "margin")
    twice = of_margin["twice"]
    if twice.holds is not False:  # else it jumps wherever the best rival stays the same
        twice = Fact("twice", None, "the slope jumps where the best rival changes, unless it is 0 there")
    made = {"twice": twice}
    if of_margin["convex"].holds and not of_margin["monotone margin"].holds:
        made["convex"] = Fact("convex", None, "convex in the margin, which is the least of several; it does not fall")
    return made


def described(loss: Loss) -> tuple[Joint | None, bool]:
    """The formula with its truths; and whether those are only some of all (so that only refutations count)."""
    from lossmith.symbolic.jointly import Joint

    params, program = dict(loss.params), loss.derived.pointwise
    if loss.lift.name == "ordinal":
        tree = substitute(loss.tree, CORE.trees)
        return Joint(tree, CORE.outputs, {"kind": (1.0, 3.0)}, params, program), False
    if loss.lift.name == "censored":
        tree = substitute(loss.tree, loss.lift.trees)  # type: ignore[attr-defined]
        exact = {"kind": (0.0, 0.0), "low": (1.0, 1.0), "high": (1.0, 1.0)}  # what was observed to be 1
        return Joint(tree, loss.lift.outputs, exact, params, program), True
    place = PLACES.get(loss.target.name)
    if place is None or program.inputs != ("y", *loss.lift.outputs):
        return None, True
    return Joint(loss.tree, loss.lift.outputs, {"y": place}, params, program), False


def bent_down(loss: Loss) -> Fact:
    """Is there a point, and a direction from it, along which the loss bends down? (Computed to 80 bits.)"""
    rng = np.random.default_rng(0)
    truths = np.asarray(TRUTHS[loss.target.name])[rng.integers(0, 3, 600)]
    width = len(loss.lift.outputs) or 3
    z = np.round(rng.normal(scale=rng.choice([2.0, 7.0], (600, 1)), size=(600, width)), 3)
    z = np.sort(z, axis=1) if not loss.lift.outputs else z
    if "logsumexp" in loss.tree.names:  # the level of the scores counts too
        z += rng.choice([0.0, -10.0, -1e4], (600, 1))
    with np.errstate(all="ignore"):
        block = loss.evaluate(truths, z, ("block",)).block
    sound = np.isfinite(block).all(axis=(1, 2))
    values, vectors = np.linalg.eigh(block[sound])
    order = np.argsort(values[:, 0] / np.abs(values).max(axis=1).clip(1e-300), kind="stable")
    rows, ways = np.flatnonzero(sound)[order], np.round(vectors[order, :, 0], 6)
    if not loss.lift.outputs:
        tried = (
            above_a_chord(loss, truths[r : r + 1], z[r], way) for r, way in zip(rows[:SEVERAL], ways, strict=False)
        )
        return next((found for found in tried if found), UNKNOWN)
    row, along = rows[0], ways[0]
    if _curvature(loss, truths[row : row + 1], z[row], along) < 0:
        at = ", ".join(f"{n} = {v:g}" for n, v in zip(loss.lift.outputs, z[row], strict=True))
        because = f"it bends down along {along.tolist()} at y = {np.ravel(truths[row]).tolist()}, {at}"
        return Fact("convex", False, because, witness=[np.ravel(truths[row]).tolist(), z[row].tolist(), along.tolist()])
    return UNKNOWN


SEVERAL = 20
"""How many of the places that bend down most are tried by a chord."""
UNKNOWN = Fact(
    "convex", None, "not a sum of convex functions of affine combinations, and no witness against it was met"
)


def above_a_chord(loss: Loss, y: Any, z: Any, along: Any) -> Fact | None:
    """Does a middle lie above its chord, by far more than rounding can make?"""
    for step in (1e-2, 0.1, 1.0):
        places = np.stack([z - step * along, z, z + step * along])
        left, middle, right = loss.value(np.repeat(y, 3, axis=0), places)
        if middle - (left + right) / 2 > 1e-9 * (abs(left) + abs(middle) + abs(right)):
            says = (
                f"at y = {np.ravel(y).tolist()} the value at {z.tolist()} lies above the chord along {along.tolist()}"
            )
            return Fact("convex", False, says, witness=[np.ravel(y).tolist(), z.tolist(), along.tolist()])
    return None


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
