"""The lift of losses whose probabilities are p_k = e(z_k − λ), with the level λ(z) at which they sum to 1.

e = exp is the softmax; others are the sparsemax, the entmax, tempered exponentials. Formulas speak of u = z_k − λ and
of the true share y of one class, and are summed over the classes. Where nothing else is declared, e is the slope of the
formula at y = 0: that makes a Fenchel–Young loss (Blondel, Martins and Niculae 2020, JMLR 21:35).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.backends.wide import WIDE
from lossmith.domain import Target
from lossmith.errors import UnsupportedError
from lossmith.formula import Expr, name, number, substitute
from lossmith.lifts.base import WIDER, Derived, State, floating
from lossmith.lifts.probabilities import others, towards_each
from lossmith.lifts.scores import Coupled, divergence
from lossmith.lifts.softmax import _indices, softmax

Array = NDArray[Any]
LINK = ("e", "de", "dde")
"""The outputs of the Program u → e(u), e′(u), e″(u)."""
LEAST: dict[str, Any] = {"d": -1e300, "g": -(np.longdouble(2.0) ** (1100 if WIDE else 1000))}
"""By dtype: scores are taken for no less, so that a class without a share adds nothing, however far it is below."""
NEAR = 4.0
"""A step of so many ulp is rounding."""
STEPS = 100
"""Newton steps at most; from above they fall without end to the level, as e is convex."""
OFF = 1e-6
"""How far from 0 the slope at y = p may be by rounding alone."""


class Normalised(Coupled):
    """Σ_k f(y_k, u_k). With s = e′(u), w = s/Σs and P = I − 1wᵀ: ∇ = Pᵀ f_u, H = Pᵀ diag(f_uu − (Σf_u/Σs) e″) P."""

    name = "normalised"
    slots = {"y": "the true share of a class", "u": "its score above the level at which probabilities sum to 1"}
    main = ("u",)

    def derive(self, tree: Expr, params: Mapping[str, bool], mean: Expr | None, note: str) -> Derived:
        from lossmith.symbolic import derive, together

        program = together.several(tree, ("y",), ("u",), params, note)
        of_u = substitute(mean, {"z": name("u")}) if mean else substitute(tree, {"y": number(0)})
        made = derive.slotwise(of_u, ["u"], params, note)
        names = LINK if mean else LINK[:2]  # without a declaration e is the slope
        outputs = [arg for _, arg in made.outputs][0 if mean else 1 :]
        return Derived(program, program, replace(made, outputs=tuple(zip(names, outputs, strict=True))))

    def check(self, target: Target, y: Array, who: str) -> None:
        (softmax if y.ndim == 2 else divergence).check(target, y, who)

    def two(self, y: Array, who: str) -> Array:
        return np.column_stack([1 - y, y])

    def pure(self, k: int, z: Array) -> Array:
        """Truths that are all of class k."""
        return np.tile(np.eye(z.shape[1], dtype=z.dtype)[k], (len(z), 1))

    def parts(self, state: State, y: Array, z: Array, want: frozenset[str]) -> dict[str, Array]:
        z = z.astype(WIDER[z.dtype.char] if z.dtype == np.float32 else z.dtype)
        if y.ndim == 1:
            y = np.eye(z.shape[1])[_indices(y, z.shape[1], state.who)]
        u = above_level(state, z)
        f = state.run(state.derived.slot, [np.ascontiguousarray(y, z.dtype), u])
        _, s, bent = link(state, u)
        whole = s.sum(axis=1, keepdims=True)
        w, rest, total = s / whole, others(s) / whole, f["d_u"].sum(axis=1, keepdims=True)
        found = {"value": f["value"].sum(axis=1), "gradient": f["d_u"] * rest - w * others(f["d_u"])}
        if "block" in want:
            inner = f["d_u_u"] - (0.0 if bent is None else total / whole * bent)
            shift = towards_each(w, rest)
            found["block"] = shift.swapaxes(1, 2) @ (inner[:, :, None] * shift)
        return {n: found[n] for n in want}

    def mean(self, state: State, z: Array) -> Array:
        """The probabilities e(z − λ), some of them 0 where e reaches it; refused if those do not make the loss least.

        (n, K), or (n,) that of the second class for z (n,).
        """
        z = floating(z)
        both = z if z.ndim == 2 else np.column_stack([np.zeros_like(z), z])
        u = above_level(state, both.astype(np.float64))
        p = link(state, u)[0]
        p /= p.sum(axis=1, keepdims=True)
        slope = self.found(state, p, both.astype(np.float64), ("gradient",))["gradient"]
        size = np.maximum(np.abs(state.run(state.derived.slot, [p, u])["d_u"]), 1).max(axis=1, keepdims=True)
        if (np.abs(slope) > OFF * size).any():
            raise UnsupportedError(f"{state.who} has no link: it is not least where its probabilities are the truth")
        return np.asarray(p if z.ndim == 2 else p[:, 1], z.dtype)


def link(state: State, u: Array) -> tuple[Array, Array, Array | None]:
    """e(u), e′(u) and e″(u); no e″ for a Fenchel–Young loss, which does not need it: its slopes add up to 0."""
    assert state.derived.mean is not None
    found = state.run(state.derived.mean, [u])
    return found["e"], found["de"], found.get("dde")


def above_level(state: State, z: Array) -> Array:
    """u = z − λ, rowwise, by Newton's method for the largest of them: from 'its probability is 1' down.

    What is sought is how far down: that keeps the digits of a class that is all but sure.
    """
    below, best, first = under(z), sure(state), z.argmax(axis=1)[:, None]
    down, near = np.zeros((len(z), 1), z.dtype), NEAR * np.finfo(z.dtype).eps
    with np.errstate(all="ignore"):
        for _ in range(STEPS):
            p, s, _ = link(state, below + (best + down))
            np.put_along_axis(p, first, gained(state, down), axis=1)
            step = p.sum(axis=1, keepdims=True) / s.sum(axis=1, keepdims=True)
            far = np.abs(step) > near * np.abs(down)
            if not far.any():
                break
            down = np.where(far, down - step, down)
    return np.asarray(below + (best + down))


NODES, WEIGHTS = (np.array(a, np.longdouble) for a in np.polynomial.legendre.leggauss(6))
"""Gauss's rule on (−1, 1)."""
WEIGHTS /= WEIGHTS.sum()
CLOSE = 0.01
"""Steps from where e is 1 up to which the rule is right to every digit."""


def gained(state: State, step: Array) -> Array:
    """e(u + step) − 1 (n, 1) where e(u) is 1: near 0 the integral of e′, which has no difference."""
    nodes = np.append((1 + NODES) / 2, 1).astype(step.dtype)
    e, slope, _ = link(state, sure(state) + step * nodes)
    near = (slope[:, :-1] @ WEIGHTS.astype(step.dtype))[:, None] * step
    return np.asarray(np.where(np.abs(step) < CLOSE, near, e[:, -1:] - 1))


def under(z: Array) -> Array:
    """How far each score is below the largest, rowwise; a row with several infinities at its top is NaN."""
    best = z.max(axis=1, keepdims=True)
    first = z == best
    with np.errstate(invalid="ignore"):
        below = np.where(first & (first.sum(axis=1, keepdims=True) == 1), 0, z - best)
    return np.asarray(np.maximum(below, LEAST[below.dtype.char]))


def inverse(state: State, p: Array) -> Array:
    """The scores above the level (K,) with these probabilities (K,), by halving."""
    high = np.full_like(p, sure(state))
    low, wide = high - 1, 1.0
    while (link(state, low[None])[0][0] > p).any() and wide < 1e12:
        wide *= 2
        low = high - wide
    for _ in range(100):
        middle = (low + high) / 2
        above = link(state, middle[None])[0][0] > p
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.asarray(low)


@lru_cache(maxsize=256)
def sure(state: State) -> float:
    """The u at which e is 1, by halving; an UnsupportedError unless e rises there, and is convex below."""

    def e(u: float) -> float:
        with np.errstate(all="ignore"):
            p = float(link(state, np.array([[u]]))[0][0, 0])
        return np.inf if np.isnan(p) else p

    low, high = -1.0, 1.0
    while e(low) > 1 and low > -1e300:
        low *= 2
    while e(high) < 1 and high < 1e300:
        high *= 2
    for _ in range(2100):
        middle = low / 2 + high / 2
        if not low < middle < high:
            break
        low, high = (middle, high) if e(middle) < 1 else (low, middle)
    found = low if abs(e(low) - 1) <= abs(e(high) - 1) else high
    found = round(found, 9) if e(round(found, 9)) == 1 else found  # rounding hides on which side of 0, say, e is 1
    slopes = link(state, found - np.geomspace(64.0, 1e-9, 400)[None, :])[1]
    if not (abs(e(found) - 1) < OFF and (np.diff(slopes[0]) >= -OFF * slopes.max()).all()):
        raise UnsupportedError(
            f"{state.who}: its probabilities are e(u), with e the formula's slope at y = 0 or its mean_formula; e must "
            "rise to 1 and be convex below it"
        )
    return found


normalised = Normalised()
