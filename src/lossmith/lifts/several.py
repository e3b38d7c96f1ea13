"""Lifts of several raw outputs a row: likelihoods of all their parameters, intervals, and pairs of scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.domain import Target, binary, bounds, real
from lossmith.errors import ShapeError, UnsupportedError
from lossmith.formula import Expr, parse, substitute
from lossmith.lifts.base import Derived, Lift, State, floating
from lossmith.lifts.pointwise import margin_probability, part

WANTS = ("value", "gradient", "hessian", "block")
Columns = tuple[NDArray[Any], ...]


class Several(Lift):
    """z (n, m) has a named column for each raw output, and the formula speaks of them by name."""

    def __init__(
        self,
        name: str,
        outputs: Sequence[str],
        *,
        truths: Mapping[str, str],
        slots: Mapping[str, tuple[str, str]],
        target: Target,
    ) -> None:
        self.name, self.outputs, self.target = name, tuple(outputs), target
        self.truths = tuple(truths)
        known = {*truths, *outputs}
        self.trees = {slot: parse(text, known) for slot, (text, _) in slots.items()}
        columns = {o: f"raw output, column {k} of z" for k, o in enumerate(outputs)}
        self.slots = {**{s: says for s, (_, says) in slots.items()}, **truths, **columns}
        self.main = (*slots, *outputs)

    def derive(self, tree: Expr, params: Mapping[str, bool], mean: Expr | None, note: str) -> Derived:
        from lossmith.symbolic import derive, together

        program = together.several(substitute(tree, self.trees), self.truths, self.outputs, params, note)
        return Derived(program, program, derive.plain(mean, self.outputs, "mean", params) if mean else None)

    def read(self, y: NDArray[Any]) -> Columns:
        """The columns of truth that the formula speaks of."""
        return (y,)

    def match(self, y: NDArray[Any], z: NDArray[Any]) -> None:
        if z.ndim != 2 or z.shape[1] != len(self.outputs) or y.shape != (len(z),):
            raise ShapeError(
                f"y has shape {y.shape} and z has shape {z.shape}; y must be (n,) and z (n, {len(self.outputs)}): "
                f"{', '.join(self.outputs)}"
            )

    def evaluate(self, state: State, y: NDArray[Any], z: NDArray[Any], want: Sequence[str]) -> dict[str, NDArray[Any]]:
        demand(want, state.who)
        return joined(state, self.outputs, self.read(y), columns(z), tuple(want))

    def mean(self, state: State, z: NDArray[Any]) -> NDArray[Any]:
        if state.derived.mean is None:
            raise UnsupportedError(f"{state.who} declares no mean: {', '.join(self.outputs)} are all that it predicts")
        return state.run(state.derived.mean, columns(floating(z)))["mean"]


def demand(want: Sequence[str], who: str) -> None:
    """Raise an UnsupportedError for what cannot be had of several outputs."""
    unknown = [w for w in want if w not in WANTS]
    if unknown:
        raise UnsupportedError(f"{who} has no derived {unknown[0]} for several outputs; it has {', '.join(WANTS)}")


def columns(z: NDArray[Any]) -> Columns:
    """The columns of z, each contiguous."""
    return tuple(np.ascontiguousarray(z.T))


@lru_cache(maxsize=1024)
def names(outputs: tuple[str, ...], want: str) -> tuple[str, ...]:
    """Which outputs of the Program answer a want."""
    table = {
        "value": ["value"],
        "gradient": [f"d_{o}" for o in outputs],
        "hessian": [f"d_{o}_{o}" for o in outputs],
        "block": [f"d_{a}_{b}" for a, b in combinations_with_replacement(outputs, 2)],
    }
    return tuple(table[want])


def joined(
    state: State, outputs: tuple[str, ...], truths: Columns, z: Columns, want: tuple[str, ...]
) -> dict[str, NDArray[Any]]:
    """What is wanted, put together from one run: value (n,), gradient and hessian (n, m), block (n, m, m)."""
    asked = tuple(dict.fromkeys(n for w in want for n in names(outputs, w)))
    found = state.run(part(state.derived.pointwise, asked, state.who), (*truths, *z))
    lost = np.isnan(np.sum(z, axis=0))  # NaN in, NaN out, also where a branch does not look at that output
    parts = {w: np.stack([found[n] for n in names(outputs, w)], axis=-1) for w in want}
    for values in parts.values():
        values[lost] = np.nan
    shapes = {"value": lambda a: a[:, 0], "block": lambda a: a[:, _square(len(outputs))]}
    return {w: np.asarray(shapes.get(w, np.asarray)(a)) for w, a in parts.items()}


@lru_cache(maxsize=64)
def _square(m: int) -> NDArray[np.intp]:
    """Where each entry of a symmetric (m, m) matrix stands among its pairs in order."""
    at = np.zeros((m, m), np.intp)
    for k, (a, b) in enumerate(combinations_with_replacement(range(m), 2)):
        at[a, b] = at[b, a] = k
    return at


class Censored(Several):
    """Truths are intervals (low, high), with ±inf for an end that nobody saw; equal ends are an exact value."""

    def read(self, y: NDArray[Any]) -> Columns:
        low, high = columns(y)
        left, right = np.isneginf(low), np.isposinf(high)
        kind = np.where(left, 1, np.where(right, 2, np.where(low == high, 0, 3))).astype(y.dtype)
        return kind, np.where(left, high, low), np.where(right, low, high)

    def match(self, y: NDArray[Any], z: NDArray[Any]) -> None:
        if z.ndim != 2 or z.shape[1] != len(self.outputs) or y.shape != (len(z), 2):
            raise ShapeError(
                f"y has shape {y.shape} and z has shape {z.shape}; y must be (n, 2), low and high with ±inf for an "
                f"open end, and z (n, {len(self.outputs)}): {', '.join(self.outputs)}"
            )


class Pairwise(Several):
    """Two scores a row; y says which of the two is preferred (1: the first)."""

    def derive(self, tree: Expr, params: Mapping[str, bool], mean: Expr | None, note: str) -> Derived:
        from lossmith.symbolic import derive, together

        program = together.several(substitute(tree, self.trees), self.truths, self.outputs, params, note)
        return Derived(program, derive.slotwise(tree, ["m"], params, note), derive.margin_mean(tree, "m", params))

    def read(self, y: NDArray[Any]) -> Columns:
        return (np.where(y > 0, 1, -1).astype(y.dtype),)

    def mean(self, state: State, z: NDArray[Any]) -> NDArray[Any]:
        """The probability that the first is preferred."""
        z = floating(z)
        return margin_probability(state, z[:, 0] - z[:, 1])


ENDS = {
    "u": ("(low - mu)*exp(-log_sigma)", "the standardised value, or the one end that is known"),
    "a": ("(low - mu)*exp(-log_sigma)", "the standardised lower end"),
    "b": ("(high - mu)*exp(-log_sigma)", "the standardised upper end"),
    "h": ("(high - low)/2*exp(-log_sigma)", "half their distance, which is known better than b − a"),
}
SIDES = {
    "kind": "what is known: 0 the value, 1 that it is below, 2 that it is above, 3 that it is within",
    "low": "the lower end",
    "high": "the upper end",
}

censored = Censored("censored", ("mu", "log_sigma"), truths=SIDES, slots=ENDS, target=bounds)
pairwise = Pairwise(
    "pairwise",
    ("first", "second"),
    truths={"side": "+1 where the first is preferred, else −1"},
    slots={"m": ("side*(first - second)", "by how much the preferred score is ahead")},
    target=binary,
)


@lru_cache(maxsize=256)
def several(*outputs: str, target: Target = real) -> Several:
    """The lift of a likelihood with these raw outputs, each a column of z."""
    spelled = f"several({', '.join(outputs)})"
    return Several(spelled, outputs, truths={"y": "the truth"}, slots={}, target=target)
