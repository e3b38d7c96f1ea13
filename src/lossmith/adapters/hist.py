"""scikit-learn's histogram boosting grows the trees: our loss stands where its private `BaseLoss` does.

    from sklearn.ensemble import HistGradientBoostingRegressor

    HistGradientBoostingRegressor(loss=lossmith.adapters.hist.objective(lossmith.Cauchy(), y)).fit(X, y)

Its conventions, translated here and nowhere else: `BaseLoss` is private and may change with every minor version (so
versions are pinned in `hosts.py` and tested); it fills arrays of slopes that it hands over; its start comes from
`fit_intercept_only`; categorical columns come first in its trees.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn._loss.link import IdentityLink
from sklearn._loss.loss import BaseLoss
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

from lossmith.adapters.hosts import host
from lossmith.loss import Loss
from lossmith.models.boosted_loss import Boosting, Single
from lossmith.models.boosted_score import Judge, mean_loss
from lossmith.models.boosted_task import Task, Trees, importance_of
from lossmith.models.store import State

Array = NDArray[Any]


def ready() -> Any:
    """scikit-learn, of a tested version."""
    return host("sklearn")


class Slots:
    """What `BaseLoss` wants of its compiled part: it fills the arrays that it is given."""

    def __init__(self, boosting: Boosting) -> None:
        self.boosting = boosting

    def gradient_hessian(
        self,
        y_true: Array,
        raw_prediction: Array,
        sample_weight: Array | None,
        gradient_out: Array,
        hessian_out: Array,
        n_threads: int = 1,
    ) -> None:
        """Gradient and curvature of all rows, in the order of the fit; weights are in them."""
        gradient_out[...], hessian_out[...] = self.boosting.slopes(np.ascontiguousarray(raw_prediction))


class HistLoss(BaseLoss):  # type: ignore[misc]
    """A loss of ours as `loss=` of HistGradientBoosting; made for the rows of one fit."""

    def __init__(self, boosting: Boosting, judge: Judge) -> None:
        many = boosting.outputs > 1
        super().__init__(closs=Slots(boosting), link=IdentityLink(), n_classes=boosting.outputs if many else None)
        self.boosting, self.judge, self.is_multiclass = boosting, judge, many

    def __call__(self, y_true: Array, raw_prediction: Array, sample_weight: Array | None = None, **_: Any) -> float:
        raw = raw_prediction[:, 0] if raw_prediction.ndim == 2 and raw_prediction.shape[1] == 1 else raw_prediction
        return self.judge(np.asarray(y_true, np.float64), np.ascontiguousarray(raw), sample_weight)

    def fit_intercept_only(self, y_true: Array, sample_weight: Array | None = None) -> Any:
        """The start: it is in `Boosting` where that is centred, else the best constant."""
        return np.zeros(self.boosting.outputs)


class Whole(HistLoss):
    """The same for whoever trains by himself: the start is scikit-learn's to add."""

    def fit_intercept_only(self, y_true: Array, sample_weight: Array | None = None) -> Any:
        """The best constant."""
        return np.asarray(self.boosting.loss.start(np.asarray(y_true, np.float64), sample_weight))


def objective(loss: Loss, y: Array, weight: Array | None = None, *, scale: Any = 1.0, curvature: str = "auto") -> Whole:
    """The loss as `loss=` of HistGradientBoostingRegressor, for a fit to these y (n,), without early stopping."""
    ready()
    boosting = Single(loss, np.asarray(y, np.float64), weight, scale=scale, rule=curvature, centred=False)
    return Whole(boosting, lambda truth, z, w: mean_loss(loss, truth, z, w))


def grow(task: Task) -> HistTrees:
    """Train on a task."""
    ready()
    s, boosting, check = task.settings, task.boosting, task.check
    kind = HistGradientBoostingClassifier if boosting.outputs > 1 else HistGradientBoostingRegressor
    judge: Judge = check.judge if check is not None else lambda truth, raw, weight: 0.0
    words = {
        "loss": HistLoss(boosting, judge),
        "learning_rate": s.learning_rate,
        "max_iter": s.rounds,
        "max_leaf_nodes": s.leaves,
        "max_depth": s.depth,
        "min_samples_leaf": s.leaf_rows,
        "l2_regularization": s.l2 or 0.0,
        "categorical_features": list(task.categorical) or None,
        "early_stopping": check is not None,
        "scoring": "loss",
        "n_iter_no_change": s.patience,
        "tol": 0.0,
        "random_state": s.seed,
    }
    watched = {} if check is None else {"X_val": check.X, "y_val": check.truth, "sample_weight_val": check.weight}
    model = kind(**{**words, **s.options}).fit(task.X, boosting.truth, boosting.weight, **watched)
    history = -np.asarray(model.validation_score_, np.float64)[1:] if check is not None else np.zeros(0)
    used = int(np.argmin(history)) + 1 if len(history) else model.n_iter_
    values = {"outputs": boosting.outputs, "rounds": used, "columns": task.X.shape[1]}
    return HistTrees(values, {**taken(model, used), "history": history})


def taken(model: Any, rounds: int) -> dict[str, Array]:
    """The trees as arrays: nodes one after another, where each tree begins, and the categories that they know."""
    trees = [tree for each in model._predictors[:rounds] for tree in each]
    known, places = model._bin_mapper.make_known_categories_bitsets()
    whole = np.concatenate([tree.nodes for tree in trees])
    bits = [tree.raw_left_cat_bitsets.reshape(-1, 8) for tree in trees]
    return {
        **{f"node/{name}": np.ascontiguousarray(whole[name]) for name in whole.dtype.names or ()},
        "ends": np.cumsum([len(tree.nodes) for tree in trees]),
        "bitsets": np.concatenate(bits),
        "bitset_ends": np.cumsum([len(b) for b in bits]),
        "known": known,
        "places": places,
        **codes_of(model),
    }


def codes_of(model: Any) -> dict[str, Array]:
    """How scikit-learn orders columns and numbers categories, if it does."""
    count = model.n_features_in_
    cats = np.flatnonzero(model.is_categorical_) if model.is_categorical_ is not None else np.zeros(0, np.intp)
    order = np.concatenate([cats, np.setdiff1d(np.arange(count), cats)]).astype(np.int64)
    if not len(cats):
        return {"order": order, "codes": np.zeros(0), "code_ends": np.zeros(0, np.int64)}
    levels = [np.asarray(c, np.float64) for c in model._preprocessor.named_transformers_["encoder"].categories_]
    known = [c[~np.isnan(c)] for c in levels]
    return {"order": order, "codes": np.concatenate(known), "code_ends": np.cumsum([len(c) for c in known])}


class HistTrees(Trees):
    """scikit-learn's trees, kept as arrays of nodes."""

    def __init__(self, values: dict[str, Any], arrays: dict[str, Array]) -> None:
        self.values, self.arrays = values, arrays
        self.outputs, self.rounds, self.history = values["outputs"], values["rounds"], arrays["history"]
        self.predictors = self._predictors()

    def _predictors(self) -> list[Any]:
        names = [name.removeprefix("node/") for name in self.arrays if name.startswith("node/")]
        kind = node_kind()
        nodes = np.zeros(len(self.arrays["node/value"]), kind)
        for name in names:
            nodes[name] = self.arrays[f"node/{name}"]
        bits = np.split(self.arrays["bitsets"], self.arrays["bitset_ends"][:-1])
        each = np.split(nodes, self.arrays["ends"][:-1])
        return [
            TreePredictor(np.ascontiguousarray(n), np.zeros_like(b), np.ascontiguousarray(b))
            for n, b in zip(each, bits, strict=True)
        ]

    def raw(self, X: Array) -> Array:
        """F for X (n, p)."""
        matrix = self._ordered(X)
        found = np.zeros((len(X), self.outputs))
        for i, tree in enumerate(self.predictors):
            known, places = self.arrays["known"], self.arrays["places"]
            found[:, i % self.outputs] += tree.predict(matrix, known, places.astype(np.uint32), 1)
        return found if self.outputs > 1 else found[:, 0]

    def _ordered(self, X: Array) -> Array:
        """Columns in scikit-learn's order, categories by its numbers; unknown ones are missing."""
        matrix = np.array(X[:, self.arrays["order"]], np.float64, order="C")
        levels = np.split(self.arrays["codes"], self.arrays["code_ends"][:-1]) if len(self.arrays["codes"]) else []
        for j, known in enumerate(levels):
            place = np.minimum(np.searchsorted(known, matrix[:, j]), len(known) - 1)
            matrix[:, j] = np.where(known[place] == matrix[:, j], place, np.nan)
        return matrix

    def importances(self) -> Array:
        """Gain by column."""
        inner = self.arrays["node/is_leaf"] == 0
        columns = self.arrays["order"][self.arrays["node/feature_idx"][inner].astype(np.intp)]
        return importance_of(columns, self.arrays["node/gain"][inner].astype(np.float64), self.values["columns"])

    def dump(self) -> State:
        """The arrays of nodes."""
        return self.values, self.arrays

    @classmethod
    def restore(cls, state: State) -> Self:
        """From the arrays."""
        return cls(*state)


def node_kind() -> Any:
    """The type of a node in this scikit-learn."""
    from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE

    return PREDICTOR_RECORD_DTYPE


TREES = HistTrees
