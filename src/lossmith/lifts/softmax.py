"""The softmax lift: any function of the log-probability of the true class.

z of shape (n, K) holds one score per class, y a class index (n,) or a distribution over classes (n, K).
z of shape (n,) is the binary case: the scores are (0, z), and y is a binary label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.backends import COMPILED_FROM
from lossmith.backends.wide import WIDE
from lossmith.domain import Target, classes
from lossmith.errors import DomainError, ShapeError, UnsupportedError
from lossmith.formula import Expr, call, name, number, substitute
from lossmith.lifts.base import Derived, Lift, State, floating
from lossmith.lifts.pointwise import TO_MARGIN, demand_link, margin_probability, part
from lossmith.lifts.probabilities import counted, others, towards_each

LOG_P = call("neg", call("softplus", call("neg", name("m"))))
BINARY = {
    "p": call("sigmoid", name("m")),
    "logp": LOG_P,
    "mean_logp": call("mul", number(0.5), call("sub", LOG_P, call("softplus", name("m")))),
}
"""The slots where K = 2 and the scores are (0, z), as functions of the margin."""

WANTS = ("value", "gradient", "hessian", "block")

WHOLE = 1e-3
"""How far a row of shares may sum from 1: more than float32 loses over many classes."""


class Softmax(Lift):
    """Probabilities from K scores; ∂logp/∂z = e_y − p and ∂²logp/∂z² = ppᵀ − diag p."""

    name = "softmax"
    slots = {
        "p": "the probability of the true class",
        "logp": "its logarithm",
        "mean_logp": "the mean of all classes' log-probabilities",
    }
    main = ("logp", "p", "mean_logp")
    target = classes
    multiclass = True
    assembled = True

    def derive(self, tree: Expr, params: Mapping[str, bool], mean: Expr | None, note: str) -> Derived:
        from lossmith.symbolic import derive

        margin = substitute(tree, BINARY)
        pointwise = derive.pointwise(margin, "m", TO_MARGIN, "s", params, majorant=True, note=note)
        in_logp = substitute(tree, {"p": call("exp", name("logp"))})
        slots = ["logp", *(["mean_logp"] if "mean_logp" in in_logp.names else [])]
        return Derived(
            pointwise, derive.slotwise(in_logp, slots, params, note), derive.margin_mean(margin, "m", params)
        )

    def check(self, target: Target, y: NDArray[Any], who: str) -> None:
        if y.ndim != 2:
            target.check(y, who)
            return
        low = np.flatnonzero(~(y >= 0).all(axis=1))
        if len(low):
            raise DomainError(f"{who} needs shares y >= 0 of the classes; row {low[0]} has {y[low[0]]}")
        total = y.sum(axis=1)
        bad = np.flatnonzero(~(np.abs(total - 1) <= WHOLE))
        if len(bad):
            raise DomainError(
                f"{who} needs shares of the classes that sum to 1; row {bad[0]} sums to {total[bad[0]]:.6g}, not 1; "
                "divide each row by its sum"
            )

    def match(self, y: NDArray[Any], z: NDArray[Any]) -> None:
        if y.shape == z.shape and z.ndim in (0, 1, 2):
            return
        if z.ndim != 2 or y.shape != z.shape[:1]:
            raise ShapeError(
                f"y has shape {y.shape} and z has shape {z.shape}; with z (n, K), y is (n,) class indices or (n, K)"
            )

    def evaluate(self, state: State, y: NDArray[Any], z: NDArray[Any], want: Sequence[str]) -> dict[str, NDArray[Any]]:
        if z.ndim < 2:
            return state.run(part(state.derived.pointwise, tuple(want), state.who), (y, z))
        unknown = [w for w in want if w not in WANTS]
        if unknown:
            raise UnsupportedError(f"{state.who} has no derived {unknown[0]} for K scores; it has {', '.join(WANTS)}")
        rows = Rows(state, z, y)
        return {w: getattr(rows, w)() for w in want}

    def mean(self, state: State, z: NDArray[Any]) -> NDArray[Any]:
        z = floating(z)
        if z.ndim < 2:
            return margin_probability(state, z)
        demand_link(state)
        return recovered(state, z)


def probabilities(z: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """(log p, p, 1 − p), rowwise: compiled where there are many scores."""
    if z.size >= COMPILED_FROM and z.dtype.char in "fd":
        from lossmith.backends import llvm_softmax

        return llvm_softmax.probabilities(z)
    return fine(z) if z.size >= COMPILED_FROM and z.dtype.char == "g" and WIDE else counted(z)


def fine(z: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """The same in `longdouble` of scores that are float64 numbers: compiled, and by NumPy where they lie far apart."""
    from lossmith.backends import llvm_softmax_fine

    narrow = z.astype(np.float64)
    with np.errstate(all="ignore"):
        columns = np.ascontiguousarray(narrow.T)  # the largest of a few columns is taken faster than of rows
        near = (columns.max(axis=0) - columns.min(axis=0) < NEAR) & (narrow == z).all(axis=1)
    found = llvm_softmax_fine.probabilities(narrow)
    if not near.all():
        for values, wider in zip(found, counted(z[~near]), strict=True):
            values[~near] = wider
    return found


NEAR = 600.0
"""Scores that are less far apart have no exponentials beneath the range of float64."""


def log_softmax(z: NDArray[Any]) -> NDArray[Any]:
    """log p, rowwise, by NumPy."""
    return counted(z)[0]


BESIDE: dict[str, Any] = {"f": 1e-15, "d": 1e-100, "g": np.longdouble(2.0) ** (-5000 if WIDE else -300)}
"""How far from log p = 0 a slope that is 0/0 there is taken instead: far less than any float can tell from p = 1."""


def slot_values(state: State, logp: NDArray[Any], mean_logp: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """The formula and its slopes at given log-probabilities; `d_mean_logp` is 0 where the formula has no such slot."""
    program = state.derived.slot
    given = {"logp": np.ascontiguousarray(logp), "mean_logp": np.ascontiguousarray(mean_logp)}
    result = state.run(program, [given[s] for s in program.inputs])
    if not np.isfinite(result["d2"]).all():
        # p = 1 exactly: a slope that is 0/0 there has its limit just beside
        given["logp"] = np.minimum(given["logp"], -BESIDE[logp.dtype.char])
        result = {**state.run(program, [given[s] for s in program.inputs]), "value": result["value"]}
    return {"d_mean_logp": np.zeros_like(logp), **result}


class Rows:
    """n rows of K scores with their truths as weights on classes: one-hot rows and distributions alike."""

    def __init__(self, state: State, z: NDArray[Any], y: NDArray[Any]) -> None:
        self.logp, self.p, self.rest = probabilities(z)
        if y.ndim == 1:
            self.index: NDArray[np.intp] | None = _indices(y, z.shape[1], state.who)
            u = self.own(self.logp)
            self.weights = np.ones_like(u)
        else:
            self.index, u, self.weights = None, self.logp, y
        means = "mean_logp" in state.derived.slot.inputs
        self.at = slot_values(state, u, np.broadcast_to(self.logp.mean(axis=1)[:, None], u.shape) if means else u)

    def spread(self, values: NDArray[Any]) -> NDArray[Any]:
        """Per-truth numbers put at the classes they belong to, (n, K)."""
        if self.index is None:
            return values
        full: NDArray[Any] = np.zeros_like(self.p)
        np.put_along_axis(full, self.index[:, None], values, axis=1)
        return full

    def weighted(self, key: str) -> NDArray[Any]:
        """A slot value times the truth's weight on its class."""
        # a class with no weight adds nothing, even where its own loss is infinite
        with np.errstate(all="ignore"):
            return np.where(self.weights == 0, 0, self.weights * self.at[key])

    def own(self, values: NDArray[Any]) -> NDArray[Any]:
        """The entries (n, 1) of the true classes."""
        assert self.index is not None
        return np.take_along_axis(values, self.index[:, None], axis=1)

    def value(self) -> NDArray[Any]:
        return np.asarray(self.weighted("value").sum(axis=1))

    def gradient(self) -> NDArray[Any]:
        d1, dm = self.weighted("d1"), self.weighted("d_mean_logp").sum(axis=1, keepdims=True)
        total = d1.sum(axis=1, keepdims=True)
        if self.index is None:
            return np.asarray(d1 * self.rest - others(d1) * self.p + dm * (1 / self.p.shape[1] - self.p))
        slope: NDArray[Any] = total * -self.p
        np.put_along_axis(slope, self.index[:, None], d1 * self.own(self.rest), axis=1)
        return np.asarray(slope + dm * (1 / self.p.shape[1] - self.p))

    def hessian(self) -> NDArray[Any]:
        own, slope = self.spread(self.weighted("d2")), self._slope()
        p, rest = self.p, self.rest
        return np.asarray(own * rest**2 + others(own) * p**2 - slope * p * rest)

    def block(self) -> NDArray[Any]:
        """The whole Hessian of each row, (n, K, K)."""
        own, slope = self.spread(self.weighted("d2")), self._slope()
        jacobian = towards_each(self.p, self.rest)
        curved = jacobian.swapaxes(1, 2) @ (own[:, :, None] * jacobian)
        return np.asarray(curved - slope[:, :, None] * (self.p[:, :, None] * jacobian))

    def _slope(self) -> NDArray[Any]:
        return np.asarray((self.weighted("d1") + self.weighted("d_mean_logp")).sum(axis=1, keepdims=True))


def _indices(y: NDArray[Any], count: int, who: str) -> NDArray[np.intp]:
    y = np.asarray(y, np.float64)  # rounding more digits down takes five times as long
    bad = np.flatnonzero(~((y >= 0) & (y < count) & (y == np.floor(y))))
    if len(bad):
        raise DomainError(
            f"{who} needs class indices 0 … {count - 1} for {count} scores; row {bad[0]} has {y[bad[0]]:.6g}"
        )
    return y.astype(np.intp)


def recovered(state: State, z: NDArray[Any]) -> NDArray[Any]:
    """The true class probabilities that these scores were trained for, rowwise.

    Stationarity of Σ η_j f(logp_j) gives η_k f′(logp_k) = p_k·C − d_mean/K with one C for all classes (for focal loss:
    Charoenphakdee et al. 2021).
    """
    logp, p, _ = probabilities(z)
    at = slot_values(state, logp, np.broadcast_to(logp.mean(axis=1, keepdims=True), logp.shape))
    share = at["d_mean_logp"] / p.shape[1]
    slope = at["d1"]
    with np.errstate(all="ignore"):
        # Σ_k η_k = 1 fixes C
        C = (1 + (share / slope).sum(axis=1, keepdims=True)) / (p / slope).sum(axis=1, keepdims=True)
        eta = np.clip((p * C - share) / slope, 0, 1)
        sure = np.isnan(eta).any(axis=1, keepdims=True)
        eta = np.where(sure, p == p.max(axis=1, keepdims=True), eta)
        return np.asarray(eta / eta.sum(axis=1, keepdims=True), z.dtype)


softmax = Softmax()
