"""Lifts of margin losses over K scores: the true class against the rest, against each other class, or the best."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.errors import UnsupportedError
from lossmith.formula import Expr
from lossmith.lifts.base import Derived, State, floating
from lossmith.lifts.pointwise import margin_probability
from lossmith.lifts.scores import Coupled, recovered
from lossmith.lifts.softmax import _indices

Array = NDArray[Any]


class Margins(Coupled):
    """Σ_j φ(m_j) over margins that are differences of scores, or scores with a sign."""

    slots = {"m": "a margin: positive when the true class is ahead"}
    main = ("m",)
    every: Signs
    """All margins, whatever the scores are."""
    least: bool
    """Is it only the least of them that counts?"""

    def __init__(self, name: str, margins: Signs, link: Link | None, *, least_of: Signs | None = None) -> None:
        self.name, self.margins, self.link = name, margins, link
        self.every, self.least = least_of or margins, least_of is not None

    def derive(self, tree: Expr, params: Mapping[str, bool], mean: Expr | None, note: str) -> Derived:
        from lossmith.symbolic import derive

        program = derive.slotwise(tree, ["m"], params, note)
        return Derived(program, program, derive.margin_mean(tree, "m", params))

    def pure(self, k: int, z: Array) -> Array:
        """Truths that are all of class k."""
        return np.full(len(z), k, z.dtype)

    def parts(self, state: State, y: Array, z: Array, want: frozenset[str]) -> dict[str, Array]:
        if y.ndim == 2:
            raise UnsupportedError(f"{state.who} takes class indices, y (n,), not shares of the classes")
        signs = self.margins(_indices(y, z.shape[1], state.who), z)  # (n, J, K): m = signs · z
        m = np.ascontiguousarray((signs @ z[:, :, None])[:, :, 0])
        f = state.run(state.derived.slot, [m])
        found = {"value": f["value"].sum(axis=1), "gradient": (f["d1"][:, None, :] @ signs)[:, 0]}
        if "block" in want:
            found["block"] = signs.swapaxes(1, 2) @ (f["d2"][:, :, None] * signs)
        return {n: found[n] for n in want}

    def mean(self, state: State, z: Array) -> Array:
        """The probabilities of the classes; UnsupportedError where the scores do not determine them."""
        if self.link is None:
            raise UnsupportedError(f"{state.who} has no link: its scores do not determine probabilities")
        z = floating(z)
        two = margin_probability(state, z if z.ndim < 2 else z[:0, 0])  # refuses a margin loss that tells none
        return two if z.ndim < 2 else self.link(self, state, z)


Link = Callable[[Margins, State, Array], Array]
Signs = Callable[[NDArray[np.intp], Array], Array]
"""(n,) classes and (n, K) scores → (n, J, K): margin j of a row is its signs times its scores."""


def _apart(lift: Margins, state: State, z: Array) -> Array:
    """Every class has a probability of its own; they are divided by their sum."""
    each = margin_probability(state, z.ravel()).reshape(z.shape)
    return np.asarray(each / each.sum(axis=1, keepdims=True))


def _own(index: NDArray[np.intp], z: Array) -> Array:
    return np.asarray(np.eye(z.shape[1], dtype=z.dtype)[index])


def _rest(index: NDArray[np.intp], z: Array) -> Array:
    """Each class against zero: the true one should be above, every other below."""
    eye = np.eye(z.shape[1], dtype=z.dtype)
    return np.asarray((2 * _own(index, z) - 1)[:, :, None] * eye)


def _each(index: NDArray[np.intp], z: Array) -> Array:
    """The true class against every other."""
    K = z.shape[1]
    others = np.array([[j for j in range(K) if j != k] for k in range(K)])[index]
    return np.asarray(_own(index, z)[:, None, :] - np.eye(K, dtype=z.dtype)[others])


def _best(index: NDArray[np.intp], z: Array) -> Array:
    """The true class against the best of the others; of equals the first."""
    hidden = np.where(_own(index, z) > 0, -np.inf, z)
    return np.asarray((_own(index, z) - _own(hidden.argmax(axis=1), z))[:, None, :])


one_against_rest = Margins("one_against_rest", _rest, _apart)
one_against_each = Margins("one_against_each", _each, recovered)
one_against_best = Margins("one_against_best", _best, None, least_of=_each)
