"""Slopes for K raw scores a row: the chain rule through the softmax, with a diagonal that trees may divide by.

The Hessian of h(log p_y) is h″·aaᵀ − h′·(diag p − ppᵀ) with a = e_y − p. Trees fit each score by itself and need one
number for each: its diagonal ("exact") is too small where scores move together; the sums of |row| ("gershgorin":
|h″||a_k|·2(1 − p_y) + |h′|·2p_k(1 − p_k), for cross-entropy 2p(1 − p)) lie above the whole block.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.backends import load
from lossmith.errors import DomainError
from lossmith.lifts.softmax import probabilities, slot_values
from lossmith.loss import Loss
from lossmith.models.boosted_rule import LEAST, Rule
from lossmith.program import Program, Step

Array = NDArray[Any]


def curves(
    loss: Loss, rule: Rule, y: Array, raw: Array, weight: Array | None, start: Array, out: tuple[Array, Array]
) -> None:
    """Fill gradient and curvature (n, K) at the scores start + raw (n, K); y (n,) holds class indices."""
    program, count = combined(rule.name), raw.shape[1]
    logp, p, _ = (v.T for v in probabilities(raw.astype(np.float64) + start))
    index, every = y.astype(np.intp), np.arange(len(y))
    own = logp[index, every]
    at = slot_values(loss.state, own, logp.mean(axis=0) if "mean_logp" in loss.derived.slot.inputs else own)
    given = {"d1": at["d1"], "d2": at["d2"], "dm": at["d_mean_logp"], "miss": 1.0 - p[index, every]}
    given["w"] = np.ones(len(y)) if weight is None else np.asarray(weight, np.float64)
    kernel = load(program)
    for k in range(count):
        given |= {"p": p[k], "hit": (index == k).astype(np.float64)}
        found = kernel([given[name] for name in program.inputs], numbers(rule, count))
        out[0][:, k], out[1][:, k] = found


def walker(
    loss: Loss,
    rule: Rule,
    truth: NDArray[np.int64],
    raw: Array,
    weight: Array | None,
    start: Array,
    out: tuple[Array, Array],
) -> Callable[[], None]:
    """What does the same in one compiled walk, as often as it is called, to float32 in the layout of the scores; truth
    as `indices` gives it."""
    from lossmith.backends import passes_trees

    program, slot = combined(rule.name), loss.derived.slot
    names = [name for name in ("d1", "d2", "d_mean_logp") if name in slot.wants]
    kernel = load(slot.only(*names), np.float64, "llvm")
    return passes_trees.filler(
        program, numbers(rule, raw.shape[1]), kernel, loss.state.params, raw, start, truth, weight, out
    )


def indices(loss: Loss, y: Array, count: int) -> NDArray[np.int64]:
    """The classes of the rows as the walk reads them; DomainError for one that has no score."""
    from lossmith.backends.passes_several import numbered

    found = numbered(y, count)
    if found is None:
        row = int(np.flatnonzero(~np.isin(y, np.arange(count)))[0])
        raise DomainError(
            f"{loss.name} needs class indices 0 … {count - 1} for {count} scores; row {row} has {y[row]:.6g}"
        )
    return found


def numbers(rule: Rule, count: int) -> tuple[float, float, float]:
    """The parameters of `combined`: share, factor and bound."""
    return 1.0 / count, rule.factor, rule.bound or 0.0


@lru_cache(maxsize=4)
def combined(rule: str) -> Program:
    """A class's gradient and curvature by a rule, from its probability p and the slopes of the formula at that of y.

    hit is 1 for the class itself; d1, d2 and dm are the slopes in log p_y and in the mean of all log p, w the weight of
    the row, miss = 1 − p_y (the |a_j| of a row add up to twice as much).
    """
    steps: list[Step] = []

    def say(word: str, *args: str | float) -> str:
        steps.append(Step(f"v{len(steps)}", word, args))
        return steps[-1].name

    a = say("sub", "hit", "p")
    gradient = say("add", say("mul", "d1", a), say("mul", "dm", say("sub", "share", "p")))
    turned = say("mul", say("add", "d1", "dm"), say("mul", "p", say("sub", 1.0, "p")))
    if rule == "exact":
        curvature = say("sub", say("mul", "d2", say("mul", a, a)), turned)
    elif rule == "gershgorin":
        both = say("mul", say("mul", say("abs", "d2"), say("abs", a)), say("mul", 2.0, "miss"))
        curvature = say("max", say("add", both, say("mul", 2.0, say("abs", turned))), LEAST * LEAST)
    elif rule == "gradient":
        curvature = say("max", say("abs", gradient), LEAST)
    else:
        curvature = "bound"
    outputs = {"gradient": say("mul", gradient, "w"), "hessian": say("mul", curvature, say("mul", "factor", "w"))}
    used = {arg for step in steps for arg in step.args}
    inputs = tuple(name for name in ("p", "hit", "d1", "d2", "dm", "miss", "w") if name in used)
    return Program(inputs, ("share", "factor", "bound"), tuple(steps), tuple(outputs.items()), "trees of K scores")
