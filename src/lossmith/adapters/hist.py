"""scikit-learn's histogram boosting grows the trees: our loss stands where its private `BaseLoss` does.

    from sklearn.ensemble import HistGradientBoostingRegressor

    HistGradientBoostingRegressor(loss=lossmith.adapters.hist.objective("cauchy", scale="mad")).fit(X, y)

Its conventions, translated here and nowhere else: `BaseLoss` is private and may change with every minor version (so
versions are pinned in `hosts.py` and tested); it fills arrays of slopes that it hands over; its start comes from
`fit_intercept_only`; categorical columns come first in its trees.
"""

from __future__ import annotations

from inspect import signature
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn._loss.link import IdentityLink
from sklearn._loss.loss import BaseLoss
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from threadpoolctl import threadpool_limits

from lossmith.adapters.hosts import host
from lossmith.errors import UnsupportedError
from lossmith.loss import Loss
from lossmith.models.boosted_loss import Boosting, Many, Single, begin
from lossmith.models.boosted_native import asked, sound
from lossmith.models.boosted_options import refuse
from lossmith.models.boosted_rule import Rule, rule_of
from lossmith.models.boosted_scale import policy_of
from lossmith.models.boosted_score import Judge, columns_of, mean_loss
from lossmith.models.boosted_task import Rounds, Task, Trees, importance_of
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
        gradient_out[...], hessian_out[...] = self.boosting.slopes(raw_prediction)


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


class OfTheFit:
    """What stands for the compiled part where the fit is not known beforehand: it takes the rows handed over."""

    def __init__(self, loss: Loss, scale: Any, curvature: str) -> None:
        self.loss, self.scale, self.curvature = loss, scale, curvature
        self._rows: tuple[Any, Any] | None = None
        self._slots: Slots | None = None

    def gradient_hessian(self, y_true: Array, raw_prediction: Array, sample_weight: Any, **out: Any) -> None:
        """Gradient and curvature of these rows, in the order of the fit."""
        known = self._rows is not None and self._rows[0] is y_true and self._rows[1] is sample_weight
        if not known or self._slots is None:
            outputs = raw_prediction.shape[1] if raw_prediction.ndim == 2 else 1
            self._rows, self._slots = (y_true, sample_weight), self._slots_of(y_true, sample_weight, outputs)
        self._slots.gradient_hessian(y_true, raw_prediction, sample_weight, **out)

    def _slots_of(self, y_true: Array, sample_weight: Any, outputs: int) -> Slots:
        weight = None if sample_weight is None else np.asarray(sample_weight, np.float64)
        y, rule = np.asarray(y_true, np.float64), self.rule(outputs)
        if outputs > 1:
            return Slots(Many(self.loss, y, weight, outputs=outputs, rule=rule, centred=False))
        return Slots(Single(self.loss, y, weight, scale=self.scale, rule=rule, centred=False))

    def rule(self, outputs: int) -> Rule:
        """The curvature for so many raw scores a row; UnsupportedError where the loss has one only."""
        if outputs > 1 and not self.loss.lift.multiclass:
            raise UnsupportedError(
                f"{self.loss.name} here has one raw score a row, and {outputs} classes need as many;"
                " use a softmax loss such as CrossEntropy, or BoostedClassifier(engine='sklearn')"
            )
        return rule_of(self.loss, self.curvature, outputs)


class Whole(BaseLoss):  # type: ignore[misc]
    """A loss of ours for whoever fits by himself: y and sample_weight are those of each fit, and the start is too."""

    def __init__(self, loss: Loss, scale: Any, curvature: str) -> None:
        super().__init__(closs=OfTheFit(loss, policy_of(loss, scale), curvature), link=IdentityLink())
        self._asked, self.unit = (loss, scale, curvature), 1.0

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy (searches copy their parameters) begins anew with the rows that it meets."""
        learned = {name: getattr(self, name) for name in ("unit", "is_multiclass", "n_classes")}
        return type(self), self._asked, learned

    def __call__(self, y_true: Array, raw_prediction: Array, sample_weight: Array | None = None, **_: Any) -> float:
        raw = np.ascontiguousarray(raw_prediction if self.is_multiclass else raw_prediction.reshape(len(y_true)))
        return mean_loss(self._asked[0], np.asarray(y_true, np.float64), raw, sample_weight, self.unit)

    def fit_intercept_only(self, y_true: Array, sample_weight: Array | None = None) -> Any:
        """The best constant: a float, or (K,)."""
        loss, policy = self._asked[0], self.closs.scale
        y, weight = sound(y_true, sample_weight, "fit")
        count = int(y.max()) + 1 if loss.lift.name in ("margin", "softmax") else 1
        self.closs.rule(count if count > 2 else 1)
        loss.check(y)
        self.is_multiclass, self.n_classes = count > 2, count if count > 2 else None
        if self.is_multiclass:
            return np.asarray(loss.start(y, weight, count))
        found, unit = begin(loss, y, weight, policy)
        self.unit = unit if isinstance(policy, str) else policy
        return np.asarray(found)


class WholeOfLabels(Whole):
    """A loss of labels, for HistGradientBoostingClassifier."""

    def predict_proba(self, raw_prediction: Array) -> Array:
        """The probability of each class, (n, K), by the loss's own link; UnsupportedError where it has none."""
        raw = np.ascontiguousarray(raw_prediction)
        return columns_of(self._asked[0].mean(raw if self.is_multiclass else raw.reshape(len(raw))))


def objective(loss: str | Loss, *, scale: Any = 1.0, curvature: str = "auto") -> Whole:
    """The loss as `loss=` of HistGradientBoostingRegressor, whose `predict` gives z (`loss.mean(z)` undoes a link), or,
    for a loss of labels, of HistGradientBoostingClassifier, whose `predict_proba` undoes it.

    loss: a name, a formula or a Loss of one raw score a row, or of one a class (softmax), else UnsupportedError; scale:
    a number, "mad" or "sqrt-mean" (estimated again in every round); curvature: "auto" or a rule of
    `lossmith.models.boosted_rule`. Class weights stay in the probabilities, unlike in BoostedClassifier.
    """
    ready()
    made = asked(loss)
    if not made.lift.multiclass:
        rule_of(made, curvature)
    return (WholeOfLabels if made.lift.name in ("margin", "softmax") else Whole)(made, scale, curvature)


def grow(task: Task) -> HistTrees:
    """Train on a task."""
    rounds = Rounds(task.check)
    model = trained(task, rounds)
    used = rounds.used(model.n_iter_)
    values = {"outputs": task.boosting.outputs, "rounds": used, "columns": task.X.shape[1]}
    return HistTrees(values, {**taken(model, used), "history": rounds.history})


def watch(task: Task) -> Rounds:
    """Train on a task with a check."""
    rounds = Rounds(task.check)
    trained(task, rounds)
    return rounds


def trained(task: Task, rounds: Rounds) -> Any:
    """The model; `rounds` are told how they do."""
    ready()
    s, boosting, check = task.settings, task.boosting, task.check
    kind = HistGradientBoostingClassifier if boosting.outputs > 1 else HistGradientBoostingRegressor

    names = signature(kind).parameters
    refuse("scikit-learn", [name for name in s.options if name not in names], names)

    before = iter([True])

    def judge(truth: Array, raw: Array, weight: Array | None) -> float:
        if check is None or len(raw) != len(check.truth):
            return 0.0  # the rows of training are judged too, for nothing
        return check.score(raw) if next(before, False) else rounds.see(raw)  # at first there are no trees

    words = {
        "loss": HistLoss(boosting, judge),
        "learning_rate": s.learning_rate,
        "max_iter": s.rounds,
        "max_leaf_nodes": s.leaves,
        "max_depth": s.depth,
        "min_samples_leaf": s.leaf_rows,
        "l2_regularization": s.l2 or 0.0,
        "max_bins": s.bins or 255,
        "categorical_features": list(task.categorical) or None,
        "early_stopping": check is not None,
        "scoring": "loss",
        "n_iter_no_change": s.patience,
        "tol": 0.0,
        "random_state": s.seed,
    }
    watched = {} if check is None else {"X_val": check.X, "y_val": check.truth, "sample_weight_val": check.weight}
    with threadpool_limits(s.threads if s.threads and s.threads > 0 else None, "openmp"):
        return kind(**{**words, **s.options}).fit(filled(task.X), boosting.truth, boosting.weight, **watched)


def filled(X: Array) -> Array:
    """X (n, p) with zeros in columns that have no entry at all, which scikit-learn cannot bin; nothing splits there."""
    empty = np.isnan(X).all(axis=0)
    return np.where(empty, 0.0, X) if empty.any() else X


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

    def raw(self, X: Any) -> Array:
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
