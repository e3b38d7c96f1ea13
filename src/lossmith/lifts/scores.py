"""Lifts of K scores that are coupled by more than the probability of the true class.

z of shape (n, K) holds one score per class, y a class index (n,) or a distribution over classes (n, K). z of shape (n,)
is the binary case: the scores are (0, z), and y is a label, or the share of the second class.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.domain import Target, classes
from lossmith.errors import DomainError, UnsupportedError
from lossmith.formula import Expr, call, name, substitute
from lossmith.lifts.base import Derived, Lift, State, floating
from lossmith.lifts.probabilities import Probabilities, Slot, others, towards_each
from lossmith.lifts.several import demand
from lossmith.lifts.softmax import _indices, probabilities, softmax

Array = NDArray[Any]
IN_LOGP = {"p": call("exp", name("logp"))}


class Coupled(Lift):
    """What these lifts share: shapes, two classes as one score, and the probabilities that scores were trained for."""

    target = classes
    multiclass = True
    assembled = True

    @property
    def joint(self) -> bool:
        return True

    def match(self, y: Array, z: Array) -> None:
        softmax.match(y, z)

    def check(self, target: Target, y: Array, who: str) -> None:
        if y.ndim != 2:
            target.check(y, who)
            return
        bad = np.flatnonzero(~((y >= 0) & (y < np.inf)).all(axis=1))
        if len(bad):
            raise DomainError(f"{who} needs shares y >= 0 of the classes; row {bad[0]} has {y[bad[0]]}")

    def evaluate(self, state: State, y: Array, z: Array, want: Sequence[str]) -> dict[str, Array]:
        demand(want, state.who)
        if z.ndim == 2:
            return self.found(state, y, z, want)
        flat = np.atleast_1d(z)
        both = np.column_stack([np.zeros_like(flat), flat])
        found = self.found(state, self.two(np.atleast_1d(y), state.who), both, want)
        second = {"value": lambda a: a, "block": lambda a: a[:, 1:, 1:]}
        return {w: second.get(w, lambda a: a[:, 1])(a).reshape(*z.shape, *a.shape[3:]) for w, a in found.items()}

    def two(self, y: Array, who: str) -> Array:
        """The truth beside the scores (0, z), as these lifts take it."""
        return y

    def found(self, state: State, y: Array, z: Array, want: Sequence[str]) -> dict[str, Array]:
        """What is wanted, for z (n, K)."""
        names = ["block" if w == "hessian" else w for w in want]
        with np.errstate(all="ignore"):
            made = {n: np.asarray(a, z.dtype) for n, a in self.parts(state, y, z, frozenset(names)).items()}
        for values in made.values():
            values[np.isnan(z).any(axis=1)] = np.nan
        made["hessian"] = np.einsum("nkk->nk", made["block"]).copy() if "hessian" in want else z
        return {w: made[w] for w in want}

    @abstractmethod
    def parts(self, state: State, y: Array, z: Array, want: frozenset[str]) -> dict[str, Array]:
        """Of value (n,), gradient (n, K) and block (n, K, K) those that are wanted."""

    @abstractmethod
    def pure(self, k: int, z: Array) -> Array:
        """Truths that are all of class k."""

    def mean(self, state: State, z: Array) -> Array:
        """The probabilities η for which z is stationary: Σ_k η_k ∇ℓ(k, z) = 0 along all shifts but the common one.

        (n, K), or (n,) that of the second class for z (n,). Raises UnsupportedError where scores tell none.
        """
        z = floating(z)
        varies, rises = _told(self, state)
        if not (rises if z.ndim < 2 or z.shape[1] == 2 else varies):
            raise UnsupportedError(f"{state.who} has no link: its scores do not determine the probabilities of labels")
        if z.ndim == 2:
            return recovered(self, state, z)
        return recovered(self, state, np.column_stack([np.zeros_like(z), z]))[:, 1]


@lru_cache(maxsize=1024)
def _told(lift: Coupled, state: State) -> tuple[bool, bool]:
    """Of two classes (or as many as a table has): does a probability change with its score, and does it rise?"""
    z = np.zeros((39, lift.probe[-1] if len(lift.probe) > 1 else 2))
    z[:, -1] = np.linspace(-0.95, 0.95, 39)
    eta = recovered(lift, state, z)[:, -1]
    varies = bool(np.ptp(eta) > 1e-6)
    return varies, varies and bool(np.all(np.diff(eta) >= -1e-12))


def recovered(lift: Coupled, state: State, z: Array) -> Array:
    """The probabilities that these scores were trained for, rowwise, by least squares where a row has none."""
    n, K = z.shape
    slopes = [lift.found(state, lift.pure(k, z), z, ("gradient",))["gradient"] for k in range(K)]
    system = np.stack(slopes, axis=2).astype(np.float64)  # (n, K entries of z, K truths)
    system -= system.mean(axis=1, keepdims=True)
    size = np.abs(system).max(axis=(1, 2), keepdims=True)
    system /= np.where(size > 0, size, 1)
    whole = np.concatenate([system, np.ones((n, 1, K))], axis=1)
    aim = np.append(np.zeros(K), 1.0)
    eta = np.clip(np.linalg.pinv(whole) @ aim, 0, None)
    return np.asarray(eta / eta.sum(axis=1, keepdims=True), z.dtype)


# ------------------------------------------------------------------------------------- a function of several slots


SLOTS: Mapping[str, tuple[str, Callable[[Probabilities], Slot]]] = {
    "logp": ("the logarithm of the probability of the true class", Probabilities.log_true),
    "mean_logp": ("the mean of all classes' log-probabilities", Probabilities.log_mean),
    "sum_p2": ("the sum of all classes' squared probabilities", Probabilities.square),
    "logsumexp": ("the logarithm of the sum of the exponentials of all scores", Probabilities.log_sum),
    "entropy": ("the entropy of the probabilities, −Σ p log p", Probabilities.entropy),
    "rival": ("the largest probability below that of the true class, 0 if there is none", Probabilities.rival),
}
"""Slots by name: what each is, and how it is computed."""


class Simplex(Coupled):
    """A function of several slots: ∇ = Σ f_a ∇t_a and H = Σ f_ab ∇t_a ∇t_bᵀ + Σ f_a ∇²t_a."""

    name = "simplex"
    slots = {"p": "the probability of the true class", **{n: says for n, (says, _) in SLOTS.items()}}
    main = ("logp", "p")

    def derive(self, tree: Expr, params: Mapping[str, bool], mean: Expr | None, note: str) -> Derived:
        from lossmith.symbolic import together

        whole = substitute(tree, IN_LOGP)
        used = [slot for slot in SLOTS if slot in whole.names]
        program = together.several(whole, (), used, params, note)
        return Derived(program, program, None)

    def pure(self, k: int, z: Array) -> Array:
        """Truths that are all of class k."""
        return np.full(len(z), k, z.dtype)

    def rows(self, z: Array, index: NDArray[np.intp]) -> Probabilities:
        """What the slots look at."""
        return Probabilities(z, index, probabilities(z))

    def parts(self, state: State, y: Array, z: Array, want: frozenset[str]) -> dict[str, Array]:
        if y.ndim == 1:
            return self._of_class(state, _indices(y, z.shape[1], state.who), z, want)
        # a class without a share adds nothing, even where its own loss is infinite
        each = [self._of_class(state, np.full(len(z), k), z, want) for k in range(z.shape[1])]
        shared = {n: [_times(y[:, k], one[n]) for k, one in enumerate(each)] for n in want}
        return {n: np.sum(parts, axis=0) for n, parts in shared.items()}

    def _of_class(self, state: State, index: NDArray[np.intp], z: Array, want: frozenset[str]) -> dict[str, Array]:
        rows, program = self.rows(z, index), state.derived.slot
        slots = {s: SLOTS[s][1](rows) for s in program.inputs}
        f = state.run(program, [np.ascontiguousarray(values) for values, _, _ in slots.values()])
        found = {"value": f["value"]}
        if "gradient" in want:
            found["gradient"] = np.sum([f[f"d_{a}"][:, None] * slots[a][1] for a in slots], axis=0)
        if "block" in want:
            plain = [f[f"d_{a}"][:, None, None] * slots[a][2] for a in slots]
            crossed = [_bent(f, slots, a, b) for i, a in enumerate(slots) for b in list(slots)[i:]]
            found["block"] = np.sum([*plain, *crossed], axis=0)
        return {n: found[n] for n in want}


def _times(share: Array, values: Array) -> Array:
    share = share.reshape(-1, *[1] * (values.ndim - 1))
    return np.where(share == 0, 0, share * values)


def _bent(f: Mapping[str, Array], slots: Mapping[str, Slot], a: str, b: str) -> Array:
    outer = slots[a][1][:, :, None] * slots[b][1][:, None, :]
    both = outer if a == b else outer + outer.swapaxes(1, 2)
    return np.asarray(f[f"d_{a}_{b}"][:, None, None] * both)


# ------------------------------------------------------------------------------- a sum over the classes of f(y_k, p_k)


class Divergence(Coupled):
    """Σ_k f(y_k, log p_k) for a distribution y: each class's share beside its probability.

    Where truths are whole distributions it is least at p = y. Labels may train other probabilities (Hellinger's: p ∝
    η²), which `mean` undoes.
    """

    name = "divergence"
    slots = {"y": "the true share of a class", "p": "its probability", "logp": "the logarithm of its probability"}
    main = ("logp", "p")

    def derive(self, tree: Expr, params: Mapping[str, bool], mean: Expr | None, note: str) -> Derived:
        from lossmith.symbolic import together

        program = together.several(substitute(tree, IN_LOGP), ("y",), ("logp",), params, note)
        return Derived(program, program, None)

    def two(self, y: Array, who: str) -> Array:
        return np.column_stack([1 - y, y])

    def check(self, target: Target, y: Array, who: str) -> None:
        legal = np.atleast_1d((y >= 0) & (y < np.inf))
        bad = np.flatnonzero(~(legal.all(axis=1) if legal.ndim == 2 else legal))
        if len(bad):
            raise DomainError(
                f"{who} needs shares y >= 0 of the classes, or class indices; row {bad[0]} has {y[bad[0]]}"
            )

    def pure(self, k: int, z: Array) -> Array:
        """Truths that are all of class k."""
        return np.tile(np.eye(z.shape[1], dtype=z.dtype)[k], (len(z), 1))

    def parts(self, state: State, y: Array, z: Array, want: frozenset[str]) -> dict[str, Array]:
        if y.ndim == 1:
            y = np.eye(z.shape[1], dtype=z.dtype)[_indices(y, z.shape[1], state.who)]
        logp, p, rest = probabilities(z)
        f = state.run(state.derived.slot, [np.ascontiguousarray(y), np.ascontiguousarray(logp)])
        slope, found = f["d_logp"], {"value": f["value"].sum(axis=1)}
        found["gradient"] = slope * rest - others(slope) * p
        if "block" in want:
            total = slope.sum(axis=1, keepdims=True)
            jacobian = towards_each(p, rest)
            curved = jacobian.swapaxes(1, 2) @ (f["d_logp_logp"][:, :, None] * jacobian)
            found["block"] = curved - total[:, :, None] * p[:, :, None] * jacobian
        return {n: found[n] for n in want}


simplex = Simplex()
divergence = Divergence()
