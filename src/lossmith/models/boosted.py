"""Boosted trees with any loss, as scikit-learn estimators, grown by LightGBM, XGBoost, CatBoost or scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from lossmith.catalogue import loss as make_loss
from lossmith.errors import DataError, ParameterError, ShapeError, UnsupportedError
from lossmith.loss import Loss
from lossmith.models import inputs
from lossmith.models.boosted_fit import Data, Part, boosted, split
from lossmith.models.boosted_rows import Encoder, read
from lossmith.models.boosted_rule import carried
from lossmith.models.boosted_settings import seed_of, settings_of
from lossmith.models.boosted_state import dump_boosted, load_boosted
from lossmith.models.boosted_task import SPARSE, Engine, Settings, engine
from lossmith.models.linear import RANGES
from lossmith.models.store import State, Storable
from lossmith.rows.memory import Rows

Array = NDArray[Any]


class Boosted(Storable, BaseEstimator):  # type: ignore[misc]
    """Boosted trees F with z = start + unit·F, grown against any loss."""

    fits: ClassVar[Mapping[str, frozenset[str]]]
    other: ClassVar[str]
    classes: ClassVar[bool]

    loss_: Loss
    parts_: tuple[Part, ...]
    encoder_: Encoder

    def __init__(
        self,
        loss: str | Loss = "squared",
        *,
        engine: str = "lightgbm",
        max_iter: int = 100,
        learning_rate: float = 0.1,
        max_leaf_nodes: int | None = 31,
        max_depth: int | None = None,
        min_samples_leaf: int = 20,
        l2_regularization: float | None = None,
        max_bins: int | None = None,
        curvature: str = "auto",
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        scoring: Any = None,
        categorical_features: Any = "auto",
        random_state: Any = None,
        n_jobs: int | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.loss = loss
        self.engine = engine
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.max_leaf_nodes = max_leaf_nodes
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.l2_regularization = l2_regularization
        self.max_bins = max_bins
        self.curvature = curvature
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.scoring = scoring
        self.categorical_features = categorical_features
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.options = options

    def to_state(self) -> State:
        """The parameters and what was learned, as plain values and arrays."""
        check_is_fitted(self)
        return dump_boosted(self)

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The fitted model that `to_state` took apart."""
        model: Self = load_boosted(cls, state)
        return model

    @property
    def feature_importances_(self) -> Array:
        """The share of the trees' gain that each column brought, (p,); as the engine counts it."""
        check_is_fitted(self)
        gains = np.sum([part.trees.importances() for part in self.parts_], axis=0)
        return np.asarray(gains / gains.sum() if gains.sum() > 0 else gains)

    @property
    def curvature_(self) -> str:
        """The curvature rule in force, and why it was taken."""
        check_is_fitted(self)
        return self.parts_[0].rule

    @property
    def n_iter_(self) -> int:
        """Rounds in use; of several boosters the most."""
        check_is_fitted(self)
        return max(part.trees.rounds for part in self.parts_)

    @property
    def validation_scores_(self) -> tuple[Array, ...]:
        """For each booster the score of the rows held back after each round; lower is better."""
        check_is_fitted(self)
        return tuple(part.trees.history for part in self.parts_)

    def _loss(self) -> Loss:
        """The loss that the parameter `loss` is, names or spells; refused where trees of ours cannot fit it."""
        loss = make_loss(self.loss)
        carried(loss)
        if loss.target.name not in self.fits.get(loss.lift.name, ()):
            raise UnsupportedError(
                f"{loss.name} needs {loss.target.says}, which {type(self).__name__} does not fit; use {self.other}"
            )
        return loss

    def _settings(self) -> Settings:
        return settings_of(self)

    def _learned(self, X: Any) -> Any:
        """The table encoded, and how to encode others remembered."""
        matrix, self.encoder_ = read(self, X, self.categorical_features)
        return matrix

    def _checked(self, matrix: Any, y: Any, weight: Any, eval_set: Any, offset: Any = None) -> Data:
        """The target, the weights and the offset checked, and rows held back where rounds are judged."""
        data = self._rows(matrix, y, weight, offset).weighing()
        if eval_set is not None:
            if not isinstance(eval_set, tuple | list) or not 2 <= len(eval_set) <= 4:
                raise DataError("eval_set must be (X, y), (X, y, weight) or (X, y, weight, offset)")
            return self._with_held(data, *eval_set)
        if not self.early_stopping:
            return data
        return split(data, self.validation_fraction, seed_of(self.random_state), classes=self.classes)

    def _rows(self, matrix: Any, y: Any, weight: Any, offset: Any) -> Data:
        rows = Rows.of(np.zeros((matrix.shape[0], 1)), y, weight, offset)
        return Data(matrix, rows.y.astype(np.float64), rows.weight, self.encoder_.categorical, None, rows.offset)

    def _with_held(self, data: Data, X: Any, y: Any, weight: Any = None, offset: Any = None) -> Data:
        if (offset is None) != (data.offset is None):
            says = "lacks" if offset is None else "has"
            raise DataError(
                f"eval_set {says} an offset, unlike the training rows; it is (X, y, weight, offset), where an exposure"
                " is an offset of its logarithm"
            )
        return replace(data, held=self._rows(self._encoded(X), self._held_target(y), weight, offset))

    def _held_target(self, y: Any) -> Array:
        return np.asarray(inputs.targets(y))

    def _encoded(self, X: Any) -> Any:
        check_is_fitted(self, "encoder_")
        return read(self, X, self.categorical_features, self.encoder_)[0]

    def _grow(self, host: Engine, loss: Loss, data: Data, outputs: int = 1, scale: float | str = "auto") -> Part:
        return boosted(
            host, loss, data, self._settings(), outputs=outputs, scale=scale, curvature=self.curvature,
            scoring=self.scoring, classes=self.classes,
        )  # fmt: skip

    def _raw(self, X: Any, offset: Any = None, exposure: Any = None) -> Array:
        """z: (n,), or (n, K)."""
        check_is_fitted(self, "parts_")
        matrix, shift = self._encoded(X), inputs.shift(self.loss_, offset, exposure)
        if shift is not None and shift.shape != (matrix.shape[0],):
            raise ShapeError(f"offset has shape {shift.shape} but X has {matrix.shape[0]} rows; pass one for each")
        each = [part.raw(matrix) for part in self.parts_]
        z = each[0] if len(each) == 1 else np.column_stack(each)
        return z if shift is None else z + (shift if z.ndim == 1 else shift[:, None])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = self.engine in SPARSE
        return tags


class BoostedRegressor(RegressorMixin, Boosted):  # type: ignore[misc]
    """Boosted trees for regression with any loss.

    Each round adds a tree that steps against the gradient of the loss, by gradient over curvature in each leaf. The
    start is the best constant; residuals are measured in a unit that is estimated again in every round, so that
    f(a·y + b) is a·f(y) + b. Predictions are the mean that the loss declares (exp(z) for counts), or z.

    loss : a name ("huber"), a Loss (`lossmith.Huber(delta=2)`), or a formula in r = y − z, or in y and z
    engine : "lightgbm", "xgboost", "catboost" or "sklearn"; who grows the trees
    max_iter, learning_rate, max_leaf_nodes, max_depth, min_samples_leaf, l2_regularization : the trees, in the words
        of scikit-learn. XGBoost counts curvature in place of rows: min_samples_leaf times that of a row at the start;
        CatBoost bounds only which leaves are split. l2_regularization None is the engine's own default (0, 1, 3, 0)
    max_bins : the bins that a column of numbers is cut into, at most 255; None is the engine's own default
    scale : the unit of residuals: "mad", "sqrt-mean", a number, or "auto" ("mad" for every loss that it matters to)
    curvature : "auto" takes what the facts of the loss allow (see `curvature_`); or "exact", "majorant", "gradient",
        "floor", "bound"
    early_stopping, validation_fraction, n_iter_no_change : hold rows back, and stop when their score gets no better
    scoring : the score of the rows held back: None is the loss itself in its first unit, which is consistent for what
        it elicits; or a loss of y − prediction ("absolute", `lossmith.Quantile(0.9)`)
    categorical_features : "auto" (columns of text or categories), or a list of columns; split natively
    quantiles : levels, such as (0.1, 0.5, 0.9), for a loss with a parameter tau: one booster each, and predictions
        (n, T) that are sorted in each row (rearrangement: Chernozhukov et al. 2010), so that they never cross;
        `score` is then minus the mean loss over rows and levels in place of R²
    random_state, n_jobs : a seed (for the rows held back), threads
    options : the engine's own parameters, which have the last word

    Learned: loss_, parts_ (boosters with their start and unit), n_iter_, curvature_, feature_importances_,
    validation_scores_, n_features_in_, feature_names_in_.
    """

    kind = "boosted-regressor"
    fits = dict.fromkeys(("residual", "score"), RANGES)
    other = "BoostedClassifier"
    classes = False

    def __init__(
        self,
        loss: str | Loss = "squared",
        *,
        engine: str = "lightgbm",
        max_iter: int = 100,
        learning_rate: float = 0.1,
        max_leaf_nodes: int | None = 31,
        max_depth: int | None = None,
        min_samples_leaf: int = 20,
        l2_regularization: float | None = None,
        max_bins: int | None = None,
        scale: float | str = "auto",
        curvature: str = "auto",
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        scoring: Any = None,
        categorical_features: Any = "auto",
        quantiles: Sequence[float] | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(
            loss, engine=engine, max_iter=max_iter, learning_rate=learning_rate, max_leaf_nodes=max_leaf_nodes,
            max_depth=max_depth, min_samples_leaf=min_samples_leaf, l2_regularization=l2_regularization,
            max_bins=max_bins, curvature=curvature, early_stopping=early_stopping,
            validation_fraction=validation_fraction, n_iter_no_change=n_iter_no_change, scoring=scoring,
            categorical_features=categorical_features, random_state=random_state, n_jobs=n_jobs, options=options,
        )  # fmt: skip
        self.scale = scale
        self.quantiles = quantiles

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        eval_set: Any = None,
        offset: Any = None,
        exposure: Any = None,
    ) -> Self:
        """Fit to X (n, p) and y (n,); sample_weight (n,) multiplies each row's loss.

        X may be a table, an array or, but for engine="sklearn", a sparse matrix. offset (n,) is added to z; exposure
        (n,), for a loss with a log link, adds its logarithm. eval_set: (X, y), (X, y, weight) or (X, y, weight,
        offset), judged in place of rows held back. Errors come before anything is trained.
        """
        loss, host = self._loss(), engine(self.engine)
        losses = self._levels(loss)
        self._settings()
        shift = inputs.shift(loss, offset, exposure)
        data = self._checked(self._learned(X), inputs.targets(y), sample_weight, eval_set, shift)
        self.parts_ = tuple(self._grow(host, one, data, scale=self.scale) for one in losses)
        self.loss_ = loss
        return self

    def predict(self, X: Any, offset: Any = None, exposure: Any = None) -> Array:
        """The predicted mean (or whatever the loss elicits) for X (n, p): (n,), or (n, T) sorted quantiles."""
        z = self._raw(X, offset, exposure)
        mean: Array = self.loss_.mean(z) if inputs.has_link(self.loss_) else z
        return np.sort(mean, axis=1) if mean.ndim == 2 else mean

    def score(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None, exposure: Any = None) -> float:
        """R² of the predictions; with `quantiles` minus the mean loss over rows and levels. Higher is better."""
        truth, found = np.asarray(inputs.targets(y), np.float64), self.predict(X, offset, exposure)
        if self.quantiles is None:
            from sklearn.metrics import r2_score

            return float(r2_score(truth, found, sample_weight=sample_weight))
        losses = [one.value(truth, found[:, j]) for j, one in enumerate(self._levels(self.loss_))]
        return -float(np.average(np.mean(losses, axis=0), weights=sample_weight))

    def _levels(self, loss: Loss) -> list[Loss]:
        """The loss at each level, or itself."""
        if self.quantiles is None:
            return [loss]
        if "tau" not in loss.declared:
            raise UnsupportedError(
                f"{loss.name} has no level tau; quantiles needs Quantile, SmoothQuantile or Expectile"
            )
        listed = isinstance(self.quantiles, Sequence | np.ndarray) and not isinstance(self.quantiles, str)
        if not listed or not len(self.quantiles):
            raise ParameterError(f"quantiles={self.quantiles!r} must be a list of levels, such as (0.1, 0.5, 0.9)")
        levels = sorted(self.quantiles)
        return [loss.with_params(tau=t) for t in levels]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = inputs.target_name(self) in ("halfline", "positive_line")
        return tags
