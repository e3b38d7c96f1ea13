"""What the linear estimators share: parameters, the fits of one or several problems, raw predictions, saving."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import check_is_fitted

from lossmith.catalogue import loss as make_loss
from lossmith.errors import ShapeError, UnsupportedError
from lossmith.fit import Penalty, Solution, fit
from lossmith.fit.scores import blind
from lossmith.loss import Loss
from lossmith.models import inputs
from lossmith.models.state import dump_model, load_model
from lossmith.models.store import State, Storable
from lossmith.rows.memory import Rows

Array = NDArray[Any]


class Linear(Storable, BaseEstimator):  # type: ignore[misc]
    """A linear model z = X·coef + intercept + offset, fitted by any loss and penalty."""

    fits: ClassVar[Mapping[str, frozenset[str]]]
    """The losses that this model fits: for each lift, the names of the targets."""
    other: ClassVar[str]
    """What fits the losses that this model refuses."""

    loss_: Loss
    coef_: Array
    intercept_: Any
    scale_: Any
    solution_: Any

    def __init__(
        self,
        loss: str | Loss = "squared",
        *,
        penalty: str = "l2",
        alpha: float = 1e-4,
        l1_ratio: float = 0.5,
        scale: float | str = 1.0,
        solver: str = "auto",
        fit_intercept: bool = True,
        tol: float = 1e-8,
        max_iter: int | None = None,
        warm_start: bool = False,
        random_state: Any = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.loss = loss
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.scale = scale
        self.solver = solver
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.random_state = random_state
        self.options = options

    def to_state(self) -> State:
        """The parameters and what was learned, as plain values and arrays."""
        check_is_fitted(self)
        return dump_model(self)

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The fitted model that `to_state` took apart."""
        model: Self = load_model(cls, state)
        return model

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _loss(self) -> Loss:
        """The loss that the parameter `loss` is, names or spells; refused where this model cannot fit it."""
        loss = make_loss(self.loss)
        if loss.target.name not in self.fits.get(loss.lift.name, ()):
            raise UnsupportedError(
                f"{loss.name} needs {loss.target.says}, which {type(self).__name__} does not fit; use {self.other}"
            )
        return loss

    def _solve(self, problems: Sequence[Rows], loss: Loss, outputs: int = 1) -> tuple[Solution, ...]:
        """One solution for each problem; a warning says why one stopped early."""
        starts = self._starts(len(problems), problems[0].p, outputs)
        seed = _seed(self.random_state)
        solutions = []
        for rows, start in zip(problems, starts, strict=True):
            solution = fit(
                rows,
                loss,
                Penalty(self.penalty, alpha=self.alpha, l1_ratio=self.l1_ratio),
                solver=self.solver,
                intercept=self.fit_intercept,
                scale=self.scale,
                outputs=outputs,
                start=start,
                tol=self.tol,
                max_steps=self.max_iter,
                random_state=seed,
                options=self.options or {},
            )
            warn_unless_converged(solution, loss.name, 4)
            solutions.append(solution)
        return tuple(solutions)

    def _starts(self, count: int, p: int, outputs: int) -> list[Any]:
        """Where to begin: with warm_start, the solutions of the fit before if they have the shape of this one."""
        nothing: list[Any] = [None] * count
        before = vars(self).get("solution_")
        if not self.warm_start or before is None:
            return nothing
        old = before if isinstance(before, tuple) else (before,)
        shape = (p,) if outputs == 1 else (p, outputs)
        fits = len(old) == count and all(s.coef.shape == shape for s in old)
        return list(old) if fits else nothing

    def _keep(self, solutions: Sequence[Solution], loss: Loss, dtype: Any, *, flat: bool) -> Self:
        """Store what was learned: coef_ (K, p) and intercept_ (K,), or (p,) and a number where `flat`."""
        coef, intercept = self._stacked(solutions, loss)
        coef, intercept = np.ascontiguousarray(coef, dtype=dtype), intercept.astype(dtype)
        self.coef_ = coef[0] if flat else coef
        self.intercept_ = float(intercept[0]) if flat else intercept
        self.scale_ = solutions[0].scale if len(solutions) == 1 else np.array([s.scale for s in solutions])
        self.n_iter_ = max(s.steps for s in solutions)
        self.solution_ = solutions[0] if len(solutions) == 1 else tuple(solutions)
        self.loss_ = loss
        return self

    def _stacked(self, solutions: Sequence[Solution], loss: Loss) -> tuple[Array, Array]:
        """Coefficients (K, p) and intercepts (K,).

        A softmax does not see what is added to all K scores, unless logsumexp is asked for. Of equally good answers
        the one is taken whose intercepts sum to 0, and its coefficients too unless an l1 part has an opinion on them;
        l2 is least just there.
        """
        coef = np.vstack([s.coef.T for s in solutions])
        intercept = np.concatenate([np.atleast_1d(s.intercept) for s in solutions])
        if not (loss.lift.multiclass and len(coef) > 1 and blind(loss)):
            return coef, intercept
        bound = self.penalty in ("l1", "elasticnet")
        return coef if bound else coef - coef.mean(axis=0), intercept - intercept.mean()

    def _raw(self, X: Any, offset: Any, exposure: Any) -> Array:
        """z = X·coef + intercept + offset: (n,), or (n, K) where coef_ has K rows."""
        check_is_fitted(self)
        matrix = inputs.features(self, X, reset=False)
        z: Array = safe_sparse_dot(matrix, self.coef_.T, dense_output=True) + self.intercept_
        shift = inputs.shift(self.loss_, offset, exposure)
        if shift is None:
            return z
        if shift.shape not in ((len(z),), z.shape):
            raise ShapeError(f"offset has shape {shift.shape} but the predictions have {z.shape}; pass ({len(z)},)")
        return z + (shift if shift.ndim == z.ndim else shift[:, None])


def columns(rows: Rows) -> list[Rows]:
    """One problem for each column of y (n, K), with its own column of the offset; one problem for y (n,)."""
    if rows.y.ndim == 1:
        return [rows]
    each = range(rows.y.shape[1])
    return [replace(rows, y=np.ascontiguousarray(rows.y[:, k]), offset=_column(rows.offset, k)) for k in each]


def _column(offset: Array | None, k: int) -> Array | None:
    return offset if offset is None or offset.ndim == 1 else np.ascontiguousarray(offset[:, k])


def warn_unless_converged(solution: Solution, who: str, level: int) -> None:
    """Scikit-learn's warning where a fit stopped early, shown at the caller so many frames up."""
    if not solution.converged:
        warnings.warn(f"{who} by {solution.solver}: {solution.reason}", ConvergenceWarning, stacklevel=level)


def _seed(random_state: Any) -> int | None:
    """A seed from what scikit-learn calls a random state."""
    if random_state is None or isinstance(random_state, int):
        return random_state
    return int(check_random_state(random_state).randint(2**31 - 1))
