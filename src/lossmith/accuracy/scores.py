"""The truth of losses of K scores, row by row: what a lift makes of its Programs, in ball arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lossmith.loss import Loss
from lossmith.symbolic.truth import Exact
from lossmith.symbolic.truthscores import Chances, Slot, Sum, ball, composed, linear, normalised, turned, with_mean

Shares = Sequence[float]
Row = Callable[[Shares, Sequence[float], float], Slot]
"""(the share of each class in the truth, scores, near) → value, slopes and second derivatives.

near: an ulp of 1, where roundings of a slot shall count beside places where the formula changes its sign (`turned`).
"""


def _softmax(loss: Loss) -> Row:
    slot = Exact(loss.derived.slot, loss.state.params)

    def row(y: Shares, z: Sequence[float], near: float) -> Slot:
        at = Chances(z)
        given = {"logp": at.logp, "mean_logp": [at.log_mean.value.value] * at.K}
        f = {
            j: turned(slot, ("value", "d1", "d2"), [given[n][j] for n in slot.program.inputs], 0, near)
            for j in range(at.K)
            if y[j]
        }
        own = at.summed({j: [g[d].times(ball(y[j])) for d in ("value", "d1", "d2")] for j, g in f.items()})
        means = [g["d_mean_logp"].times(ball(y[j])) for j, g in f.items() if "d_mean_logp" in g]
        return with_mean(own, at.log_mean, Sum.over(means).value) if means else own

    return row


SIMPLEX: Mapping[str, Callable[[Chances, int], Slot]] = {
    "logp": Chances.log_true,
    "mean_logp": lambda at, j: at.log_mean,
    "sum_p2": lambda at, j: at.square,
    "logsumexp": lambda at, j: at.level,
    "entropy": lambda at, j: at.entropy,
    "rival": Chances.rival,
}
"""Slots of the simplex lift by name."""


def _simplex(loss: Loss) -> Row:
    slot = Exact(loss.derived.slot, loss.state.params)

    def of_class(at: Chances, j: int) -> Slot:
        slots = {n: SIMPLEX[n](at, j) for n in slot.program.inputs}
        return composed(slot.named([s.value.value for s in slots.values()]), slots, at.K)

    def row(y: Shares, z: Sequence[float], near: float) -> Slot:
        at = Chances(z)
        each = [(share, of_class(at, j)) for j, share in enumerate(y) if share]
        slope = [Sum.over(s.slope[k].times(ball(share)) for share, s in each) for k in range(at.K)]
        value = Sum.over(s.value.times(ball(share)) for share, s in each)
        return Slot(value, slope, lambda a, b: Sum.over(s.bend(a, b).times(ball(share)) for share, s in each))

    return row


BY_LOGP = ("value", "d_logp", "d_logp_logp")


def _divergence(loss: Loss, costs: bool = False) -> Row:
    slot = Exact(loss.derived.slot, loss.state.params)

    def row(y: Shares, z: Sequence[float], near: float) -> Slot:
        at = Chances(z)
        beside = [Sum.of(*(ball(s) for k, s in enumerate(y) if (k != j) == costs)).value for j in range(at.K)]
        f = [turned(slot, BY_LOGP, [beside[j], at.logp[j]], 1, near) for j in range(at.K)]
        return at.summed({j: [g[d] for d in BY_LOGP] for j, g in enumerate(f)})

    return row


def _normalised(loss: Loss) -> Row:
    slot, mean = Exact(loss.derived.slot, loss.state.params), loss.derived.mean
    assert mean is not None
    link = Exact(mean, loss.state.params)
    return lambda y, z, near: normalised(slot, link, y, z, near)


Signs = Callable[[int, Sequence[float]], list[dict[int, int]]]
MARGINS: Mapping[str, Signs] = {
    "one_against_rest": lambda y, z: [{k: 1 if k == y else -1} for k in range(len(z))],
    "one_against_each": lambda y, z: [{y: 1, k: -1} for k in range(len(z)) if k != y],
    "one_against_best": lambda y, z: [{y: 1, max((k for k in range(len(z)) if k != y), key=lambda k: z[k]): -1}],
    "all_threshold": lambda y, z: [{0: 1, k: -1} if y >= k else {0: -1, k: 1} for k in range(1, len(z))],
}
"""By lift: the margins of a class, each as the scores that it adds and those that it takes away."""


def _margins(loss: Loss) -> Row:
    slot, margins = Exact(loss.derived.slot, loss.state.params), MARGINS[loss.lift.name]

    def row(y: Shares, z: Sequence[float], near: float) -> Slot:
        signs = margins(list(y).index(1.0), z)
        found: list[dict[str, Any]] = [
            slot.named([Sum.of(*(s * ball(z[k]) for k, s in one.items())).value]) for one in signs
        ]
        return linear(found, signs, len(z))

    return row


ROWS: Mapping[str, Callable[[Loss], Row]] = {
    "softmax": _softmax,
    "simplex": _simplex,
    "adjusted": _simplex,
    "divergence": _divergence,
    "costs": lambda loss: _divergence(loss, costs=True),
    "normalised": _normalised,
    **dict.fromkeys(MARGINS, _margins),
}
"""By lift: the truth of a row."""

SHARED = frozenset({"softmax", "simplex", "adjusted", "divergence", "costs", "normalised"})
"""Lifts whose truth may be shares of the classes."""
