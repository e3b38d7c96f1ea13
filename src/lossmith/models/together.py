"""Linear models of several raw outputs a row, as scikit-learn estimators: whole distributions, and ordered classes."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import check_is_fitted

from lossmith.catalogue import loss as make_loss
from lossmith.errors import LossmithError, ParameterError, UnsupportedError
from lossmith.fit import Penalty, Solution
from lossmith.fit.together import fit_together
from lossmith.loss import Loss
from lossmith.models import inputs
from lossmith.models.base import warn_unless_converged
from lossmith.models.offers import offered_unless
from lossmith.models.state import dump_together, load_together
from lossmith.models.store import State, Storable
from lossmith.rows.memory import Rows

Array = NDArray[Any]


class Kept(Storable, BaseEstimator):  # type: ignore[misc]
    """What these models share: one problem, solved and kept, and one file to save it in."""

    solution_: Solution
    coef_: Array

    def to_state(self) -> State:
        """The parameters and what was learned, as plain values and arrays."""
        check_is_fitted(self)
        return dump_together(self)

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The fitted model that `to_state` took apart."""
        model: Self = load_together(cls, state)
        return model

    def _note(self, solution: Solution) -> None:
        """Keep a solution; a warning says why it stopped early."""
        self.solution_, self.n_iter_ = solution, solution.steps
        warn_unless_converged(solution, type(self).__name__, 4)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def joint_loss(loss: str | Loss, lifts: tuple[str, ...], who: str, use: str) -> Loss:
    """The loss that a parameter is, names or spells; refused where it is of another kind."""
    made = make_loss(loss)
    if made.lift.name.partition("(")[0] not in lifts:
        raise UnsupportedError(f"{made.name} is a {made.lift.name} loss, which {who} does not fit; use {use}")
    return made


class DistributionRegressor(RegressorMixin, Kept):  # type: ignore[misc]
    """A linear model for each parameter of a distribution: mean and spread, counts and their excess of zeros.

    It minimises the weighted mean of loss(y, z), z (n, m) = X·coef_ᵀ + intercept_, plus alpha times the penalty.

    loss : a name ("GaussianNLL", "zip", "tobit"), a Loss, or loss("…", lift="several(mu, log_sigma)")
    follow : the raw outputs that follow X, by name, or "all"; the others are constants, the same for every row
    penalty, alpha, l1_ratio, solver, tol, max_iter : as in `LinearRegressor`

    Learned: outputs_ (names), coef_ (m, p), intercept_ (m,), n_iter_, loss_, solution_, n_features_in_,
    feature_names_in_.
    """

    kind: ClassVar[str] = "distribution-regressor"
    lifts: ClassVar[tuple[str, ...]] = ("several", "censored")

    def __init__(
        self,
        loss: str | Loss = "GaussianNLL",
        *,
        follow: str | Sequence[str] = "all",
        penalty: str = "l2",
        alpha: float = 1e-4,
        l1_ratio: float = 0.5,
        solver: str = "auto",
        tol: float = 1e-8,
        max_iter: int | None = None,
    ) -> None:
        self.loss = loss
        self.follow = follow
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter

    def fit(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> Self:
        """Fit to X (n, p) and y (n,), or (n, 2) for a censored loss: low and high, ±inf where an end is not known.

        sample_weight (n,) multiplies each row's loss; offset (n,) is added to the first output.
        """
        loss = joint_loss(self.loss, self.lifts, type(self).__name__, "LinearRegressor, or OrdinalClassifier")
        names = loss.lift.outputs
        matrix = inputs.features(self, X, reset=True)
        rows = Rows.of(matrix, np.zeros(matrix.shape[0]), sample_weight, offset)
        solution = fit_together(
            rows,
            inputs.numbers(y, type(self).__name__),
            loss,
            Penalty(self.penalty, alpha=self.alpha, l1_ratio=self.l1_ratio),
            outputs=len(names),
            reach=[name in self._followers(names) for name in names],
            solver=self.solver,
            tol=self.tol,
            max_steps=self.max_iter,
        )
        self._note(solution)
        self.outputs_, self.loss_ = np.array(names), loss
        self.coef_, self.intercept_ = np.ascontiguousarray(solution.coef.T), np.asarray(solution.intercept)
        return self

    def _followers(self, names: tuple[str, ...]) -> tuple[str, ...]:
        chosen = names if isinstance(self.follow, str) and self.follow == "all" else tuple(self.follow)
        strange = [name for name in chosen if name not in names]
        if strange:
            raise ParameterError(f"follow names {strange[0]!r}; the outputs are {', '.join(names)}")
        return chosen

    def predict_outputs(self, X: Any, offset: Any = None) -> Array:
        """All raw outputs, (n, m), in the order of outputs_."""
        check_is_fitted(self)
        matrix = inputs.features(self, X, reset=False)
        z: Array = safe_sparse_dot(matrix, self.coef_.T, dense_output=True) + self.intercept_
        if offset is not None:
            z[:, 0] += np.asarray(offset, np.float64)
        return z

    def predict(self, X: Any, offset: Any = None) -> Array:
        """The predicted mean, (n,)."""
        z = self.predict_outputs(X, offset)
        return self.loss_.mean(z)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        with contextlib.suppress(LossmithError):  # a loss that is not known is refused by `fit`
            tags.target_tags.positive_only = make_loss(self.loss).target.name in ("halfline", "positive_line")
        return tags


def _untold(model: OrdinalClassifier) -> str:
    """Why the classifier has no probabilities; "" where its loss tells them."""
    with contextlib.suppress(LossmithError):
        if make_loss(model.loss).lift.name == "all_threshold":
            return (
                f"OrdinalClassifier(loss={model.loss!r}) has no probabilities: thresholds alone are trained; use"
                " CumulativeLogit, or wrap it in sklearn.calibration.CalibratedClassifierCV"
            )
    return ""


class OrdinalClassifier(ClassifierMixin, Kept):  # type: ignore[misc]
    """Classes in an order, cut from one linear score by thresholds that are estimated with the coefficients.

    It minimises the weighted mean of the loss, plus alpha times the penalty on the coefficients.

    loss : "CumulativeLogit" (proportional odds), "CumulativeProbit", "CumulativeCloglog", "AllThresholds", or a margin
        loss over all thresholds, `Hinge().over("all_threshold")`
    penalty, alpha, l1_ratio, solver, tol, max_iter : as in `LinearClassifier`

    Learned: classes_ (sorted: that is their order), coef_ (p,), thresholds_ (K − 1,) ascending, n_iter_, loss_,
    solution_, n_features_in_, feature_names_in_.
    """

    kind: ClassVar[str] = "ordinal-classifier"
    lifts: ClassVar[tuple[str, ...]] = ("ordinal", "all_threshold")

    def __init__(
        self,
        loss: str | Loss = "CumulativeLogit",
        *,
        penalty: str = "l2",
        alpha: float = 1e-4,
        l1_ratio: float = 0.5,
        solver: str = "auto",
        tol: float = 1e-8,
        max_iter: int | None = None,
    ) -> None:
        self.loss = loss
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter

    def fit(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> Self:
        """Fit to X (n, p) and labels y (n,), whose sorted order is their order; sample_weight and offset are (n,)."""
        loss = joint_loss(self.loss, self.lifts, type(self).__name__, "LinearClassifier, or DistributionRegressor")
        matrix = inputs.features(self, X, reset=True)
        classes, codes = inputs.labels(y, type(self).__name__)
        rows = Rows.of(matrix, codes.astype(np.float64), sample_weight, offset)
        count = len(classes)
        first = [True] + [False] * (count - 1)
        solution = fit_together(
            rows,
            rows.y,
            loss,
            Penalty(self.penalty, alpha=self.alpha, l1_ratio=self.l1_ratio),
            outputs=count,
            reach=first,
            constants=[not one for one in first],
            solver=self.solver,
            tol=self.tol,
            max_steps=self.max_iter,
        )
        self._note(solution)
        self.classes_, self.loss_ = classes, loss
        last = np.asarray(solution.intercept)
        self.coef_, self.thresholds_ = np.ascontiguousarray(solution.coef[:, 0]), last[1:] - last[0]
        return self

    def latent(self, X: Any, offset: Any = None) -> Array:
        """The score of each row, (n,), which the thresholds cut into classes."""
        check_is_fitted(self)
        score: Array = safe_sparse_dot(inputs.features(self, X, reset=False), self.coef_, dense_output=True)
        return score if offset is None else score + np.asarray(offset, np.float64)

    def decision_function(self, X: Any, offset: Any = None) -> Array:
        """How well each class suits, (n, K): minus its loss, for cumulative ones the logarithm of its probability.

        For two classes (n,): how far the score is above the threshold. See `latent` for the score itself.
        """
        score = self.latent(X, offset)
        if len(self.classes_) == 2:
            return np.asarray(score - self.thresholds_[0])
        z, K = self._outputs(score), len(self.classes_)
        return np.column_stack([-self.loss_.value(np.full(len(z), k), z) for k in range(K)])

    def predict(self, X: Any, offset: Any = None) -> Array:
        """The class of each row: the most probable one, or without probabilities that of the least loss."""
        suits = self.decision_function(X, offset)
        codes = suits.argmax(axis=1) if suits.ndim == 2 else (suits > 0).astype(np.intp)
        return np.asarray(self.classes_[codes])

    @offered_unless(_untold)
    def predict_proba(self, X: Any, offset: Any = None) -> Array:
        """The probability of each class, (n, K) in the order of classes_; not for losses of thresholds alone."""
        z = self._outputs(self.latent(X, offset))
        return self.loss_.mean(z)

    def _outputs(self, score: Array) -> Array:
        """The raw outputs of rows with these scores."""
        return np.column_stack([score, np.tile(self.thresholds_, (len(score), 1))])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True  # of classes that have no order, as scikit-learn's checks draw them
        return tags
