"""Losses of K scores as one Program: value, slopes and curvatures of a row with a known class, an array for each."""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.backends import load
from lossmith.program import Arg, Program, Step

Array = NDArray[np.float64]
MOST = 6
"""Classes up to which a loss is printed as one Program, whose length grows with their square."""
BESIDE = -1e-100
"""A log-probability of 0 is taken as this: a slope may be 0/0 there."""
LEAST = -299.0
"""Exponentials are taken of no less: what e⁻²⁹⁹ adds nobody sees, and beyond e⁻³⁰⁰ kernels turn to slow exact ones."""


def pairs(count: int) -> list[tuple[int, int]]:
    """The places of a symmetric matrix of this size: (0, 0), (0, 1), … without those below the diagonal."""
    return list(combinations_with_replacement(range(count), 2))


def blind(loss: Any) -> bool:
    """Does a loss of K scores not see what is added to all of them? It does through logsumexp, or in each by itself."""
    return loss.lift.name != "one_against_rest" and "logsumexp" not in loss.tree.names


def is_printed(loss: Any, count: int) -> bool:
    """Does the loss of so many scores stand here: softmax, with no slot but log-probabilities, and few classes?"""
    slots = set(loss.state.derived.slot.inputs) if loss.lift.name == "softmax" else {""}
    return 1 < count <= MOST and slots <= {"logp", "mean_logp"}


def of_classes(loss: Any, y: Array, z: Array) -> tuple[Array, Array, Array]:
    """Value, slopes and curvatures where y (…) are class indices and z (K, …) scores, each class an array of its own.

    Returns arrays of shapes (…), (K, …) and (K(K+1)/2, …), the last in the order of `pairs`.
    """
    count, shape = len(z), y.shape
    program = _program(loss.state.derived.slot, count)
    value, slopes = np.empty(shape), np.empty((count, *shape))
    bends = np.empty((len(pairs(count)), *shape))
    load(program, np.float64, "llvm")([y, *z], loss.state.params, out=[value, *slopes, *bends])
    return value, slopes, bends


class _Writer:
    """Steps in the making: `self.add("exp", x)` writes one and returns its name."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def __call__(self, word: str, *args: Arg) -> str:
        name = f"s{len(self.steps)}"
        self.steps.append(Step(name, word, args))
        return name

    def fold(self, word: str, args: list[Arg]) -> Arg:
        """word(word(a, b), c) …"""
        out = args[0]
        for one in args[1:]:
            out = self(word, out, one)
        return out

    def put(self, program: Program, given: dict[str, Arg]) -> dict[str, Arg]:
        """The steps of another Program, its inputs being what is given; its outputs by name."""
        known: dict[str, Arg] = dict(given)
        for step in program.steps:
            known[step.name] = self(step.word, *(known.get(a, a) if isinstance(a, str) else a for a in step.args))
        return {name: known.get(a, a) if isinstance(a, str) else a for name, a in program.outputs}


@lru_cache(maxsize=256)
def _program(slot: Program, count: int) -> Program:
    """From (y, z0, …) by ∂logp/∂z = e_y − p, as in `lifts/softmax.py`; 1 − p is the sum of the others' p."""
    w, z = _Writer(), [f"z{k}" for k in range(count)]
    top = w.fold("max", [*z])
    down = [w("sub", one, top) for one in z]
    odds: list[Arg] = [w("exp", w("max", one, LEAST)) for one in down]
    whole = w.fold("add", odds)
    shift = w("log", whole)
    p: list[Arg] = [w("div", one, whole) for one in odds]
    others = [w.fold("add", [p[j] for j in range(count) if j != k]) for k in range(count)]
    own = [w("eq", "y", float(k)) for k in range(count)]
    true: Arg = down[0]
    for k in range(1, count):
        true = w("where", own[k], down[k], true)
    logp = w("min", w("sub", true, shift), BESIDE)
    bounded = any(step.word in ("exp", "expm1") for step in slot.steps)
    given: dict[str, Arg] = {"logp": w("max", logp, LEAST) if bounded else logp}
    if "mean_logp" in slot.inputs:
        given["mean_logp"] = w("sub", w("mul", w.fold("add", [*down]), 1.0 / count), shift)
    at = w.put(slot, given)
    toward = [w("where", own[k], others[k], w("neg", p[k])) for k in range(count)]
    slopes, slope = [w("mul", at["d1"], v) for v in toward], at["d1"]
    if "d_mean_logp" in at:
        slopes = [w("add", s, w("mul", at["d_mean_logp"], w("sub", 1.0 / count, p[k]))) for k, s in enumerate(slopes)]
        slope = w("add", slope, at["d_mean_logp"])
    bends = []
    for a, b in pairs(count):
        spread = w("mul", p[a], others[a]) if a == b else w("neg", w("mul", p[a], p[b]))
        bend = w("mul", at["d2"], w("mul", toward[a], toward[b]))
        bends.append(w("sub", bend, w("mul", slope, spread)))
    outputs = [("value", at["value"])]
    outputs += [(f"g{k}", s) for k, s in enumerate(slopes)] + [(f"h{i}", h) for i, h in enumerate(bends)]
    return Program(("y", *z), slot.params, tuple(w.steps), tuple(outputs), slot.note)
