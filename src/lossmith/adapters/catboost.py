"""CatBoost grows the trees: our slopes with its signs, a block of rows at a time.

    import catboost, lossmith

    model = catboost.CatBoost({"loss_function": lossmith.catboost.objective(loss), "eval_metric":
        lossmith.catboost.metric(loss), "boost_from_average": False})
    begun = lossmith.catboost.start(loss, pool)      # becomes the pool's baseline
    model.fit(pool)
    model.set_scale_and_bias(1, begun)               # … and is added back at predict

Its conventions, translated here and nowhere else: it climbs, so both derivatives are negated; custom objectives get
blocks of rows with float32 labels, and must apply the weights themselves; categorical columns are text.
"""

from __future__ import annotations

import re
import tempfile
import threading
import warnings
from collections.abc import Mapping
from inspect import signature
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from lossmith.adapters.hosts import host
from lossmith.errors import ParameterError
from lossmith.loss import Loss
from lossmith.models.boosted_loss import Boosting, Many, Single, begin
from lossmith.models.boosted_native import asked, sound
from lossmith.models.boosted_options import merged, refuse
from lossmith.models.boosted_rows import single
from lossmith.models.boosted_rule import rule_of
from lossmith.models.boosted_scale import policy_of
from lossmith.models.boosted_score import Judge, mean_loss
from lossmith.models.boosted_task import Rounds, Task, Trees
from lossmith.models.store import State

Array = NDArray[Any]
SYNONYMS = (
    ("iterations", "n_estimators", "num_boost_round", "num_trees"), ("learning_rate", "eta"), ("depth", "max_depth"),
    ("max_leaves", "num_leaves"), ("min_data_in_leaf", "min_child_samples"), ("l2_leaf_reg", "reg_lambda"),
    ("border_count", "max_bin"), ("random_seed", "random_state"),
    ("verbose", "verbose_eval", "silent", "logging_level"), ("od_wait", "early_stopping_rounds"),
    ("loss_function", "objective"),
)  # fmt: skip
"""Parameters that have several names, of which CatBoost takes one."""


def ready() -> Any:
    """CatBoost, of a tested version."""
    return host("catboost")


class Ascent:
    """`loss_function` for one raw score: CatBoost hands over blocks of rows, and gets pairs of negated derivatives."""

    def __init__(self, boosting: Boosting, rows: int) -> None:
        self.boosting, self.rows = boosting, rows
        self._seen: list[tuple[Array, Array | None]] = []

    def calc_ders_range(self, approxes: Array, targets: Array, weights: Array | None) -> list[tuple[float, float]]:
        """(−∂L/∂F, −∂²L/∂F²) for each row of a block."""
        truth, raw = np.asarray(targets, np.float64), np.asarray(approxes, np.float64)
        given = np.ones(len(raw)) if weights is None or not len(weights) else np.asarray(weights, np.float64)
        weight = None if self.boosting.weight is None else given  # a Pool without weights says that all are 1
        if self.boosting.follows:
            self._follow(truth - raw, weight)
        gradient, hessian = self.boosting.block(truth, raw, weight)
        return list(zip((-gradient).tolist(), (-hessian).tolist(), strict=True))

    def _follow(self, residuals: Array, weight: Array | None) -> None:
        """Once all rows have been seen, the unit is estimated for the next pass."""
        self._seen.append((residuals, weight))
        if sum(len(r) for r, _ in self._seen) < self.rows:
            return
        every = np.concatenate([r for r, _ in self._seen])
        weights = None if weight is None else np.concatenate([w for _, w in self._seen if w is not None])
        self._seen = []
        self.boosting.follow(every, weights)


class AscentMany:
    """`loss_function` for K raw scores: CatBoost hands over one row at a time, and gets a gradient and a matrix."""

    def __init__(self, boosting: Many) -> None:
        self.boosting = boosting
        self._local = threading.local()  # CatBoost asks from several threads, and a walk lets others in

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.boosting,)

    def calc_ders_multi(self, approxes: Array, target: float, weight: float) -> tuple[list[float], list[list[float]]]:
        """(−∂L/∂F_k, and the diagonal −D as a matrix) for one row."""
        if "row" not in vars(self._local):
            self._local.row = self.boosting.row()
        gradient, hessian = self._local.row(target, approxes, weight)
        places = range(len(hessian))
        return [-g for g in gradient], [[-h if i == k else 0.0 for i in places] for k, h in enumerate(hessian)]


class Metric:
    """`eval_metric`: the mean of the loss, or another score; lower is better."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.history: list[float] = []

    def is_max_optimal(self) -> bool:
        """Lower is better."""
        return False

    def evaluate(self, approxes: Any, target: Any, weight: Any) -> tuple[float, float]:
        """(the score, 1)."""
        raw = np.asarray(approxes[0]) if len(approxes) == 1 else np.column_stack([np.asarray(a) for a in approxes])
        w = None if weight is None or not len(weight) else np.asarray(weight, np.float64)
        self.history.append(self.judge(np.asarray(target, np.float64), raw.astype(np.float64), w))
        return self.history[-1], 1.0

    def get_final_error(self, error: float, weight: float) -> float:
        """The score itself."""
        return error


def objective(loss: str | Loss, data: Any, *, scale: Any = 1.0, curvature: str = "auto", classes: int = 1) -> Any:
    """The loss as `loss_function`, for training on the Pool `data`.

    scale: a number, "mad" or "sqrt-mean" (estimated again in every round); curvature: "auto" or a rule of
    `lossmith.models.boosted_rule`; classes: K for a softmax loss.
    """
    ready()
    loss, (y, weight) = asked(loss), rows_of(data)
    rule = rule_of(loss, curvature, classes)
    if classes > 1:
        return AscentMany(Many(loss, y, weight, outputs=classes, rule=rule, centred=False))
    return Ascent(Single(loss, y, weight, scale=policy_of(loss, scale), rule=rule, centred=False), len(y))


def metric(loss: str | Loss, *, scale: float = 1.0) -> Metric:
    """The mean of the loss as `eval_metric`."""
    made = asked(loss)
    return Metric(lambda y, z, weight: mean_loss(made, y, z, weight, scale))


def start(loss: str | Loss, data: Any, *, scale: Any = 1.0) -> float:
    """Give the Pool the best constant as its baseline, and return it for `model.set_scale_and_bias(1, start)`.

    The Pool keeps it: `pool.set_baseline(np.zeros(pool.num_row()))`, or a new Pool, is for trainings that begin at 0.
    """
    loss, (y, weight) = asked(loss), rows_of(data)
    loss.check(y)
    begun = begin(loss, y, weight, policy_of(loss, scale))[0]
    data.set_baseline(np.full(len(y), begun))
    return begun


def rows_of(data: Any) -> tuple[Array, Array | None]:
    """Labels and weights of a Pool."""
    weight = np.asarray(data.get_weight(), np.float64)
    return sound(data.get_label(), weight if len(weight) else None, "Pool")


def features(X: Any, categorical: tuple[int, ...]) -> Any:
    """The table as CatBoost takes it: numbers first, then categories as text; or a CSR matrix."""
    if not categorical:
        return single(X, "CatBoost").astype(np.float32)
    numeric = [i for i in range(X.shape[1]) if i not in categorical]
    texts = np.array([[_word(v) for v in row] for row in X[:, list(categorical)]], dtype=object)
    numbers = np.ascontiguousarray(single(X[:, numeric], "CatBoost"), np.float32) if numeric else None
    return ready().FeaturesData(num_feature_data=numbers, cat_feature_data=texts)


def _word(code: float) -> bytes:
    return b"" if np.isnan(code) else str(int(code)).encode()


def grow(task: Task) -> CatTrees:
    """Train on a task."""
    width = task.X.shape[1]
    if nothing(task):
        return CatTrees("", task.boosting.outputs, 1, task.categorical, np.zeros(width), np.zeros(0))
    rounds = Rounds(task.check)
    model, pool = trained(task, rounds)
    order = [i for i in range(width) if i not in task.categorical] + list(task.categorical)
    gains = np.zeros(width)
    gains[order] = model.get_feature_importance(type="PredictionValuesChange")
    text = exported(model, pool)
    return CatTrees(text, task.boosting.outputs, int(model.tree_count_), task.categorical, gains, rounds.history)


def watch(task: Task) -> Rounds:
    """Train on a task with a check."""
    rounds = Rounds(task.check)
    if nothing(task) and task.check is not None:
        n, outputs = len(task.check.truth), task.boosting.outputs
        rounds.see(np.zeros(n if outputs == 1 else (n, outputs)))
    else:
        trained(task, rounds)
    return rounds


def nothing(task: Task) -> bool:
    """Is there nothing to learn, from X or of y?"""
    return constant(task.X) or constant(task.boosting.truth[:, None].astype(np.float32))


def trained(task: Task, rounds: Rounds) -> tuple[Any, Any]:
    """The model and the Pool; `rounds` are told how they do."""
    catboost = ready()
    s, boosting = task.settings, task.boosting
    pool = catboost.Pool(features(task.X, task.categorical), boosting.truth, weight=boosting.weight,
                         baseline=boosting.offset)  # fmt: skip
    climbs = Ascent(boosting, task.X.shape[0]) if boosting.outputs == 1 else AscentMany(cast(Many, boosting))
    given = {**words(task), "loss_function": climbs}
    watched: dict[str, Any] = {}
    if task.check is None:
        given["eval_metric"] = Metric(lambda truth, raw, weight: 0.0)
    else:
        check = task.check
        beside = 0.0 if check.offset is None else check.offset

        def judge(truth: Array, raw: Array, weight: Array | None) -> float:
            return rounds.see(raw - beside) if len(raw) == len(check.truth) else 0.0  # those of training, for nothing

        given |= {"eval_metric": Metric(judge), "od_type": "Iter", "od_wait": s.patience, "use_best_model": True}
        held = catboost.Pool(features(check.X, task.categorical), check.truth, weight=check.weight,
                             baseline=check.offset)  # fmt: skip
        watched = {"eval_set": held}
    model = catboost.CatBoost(merged(given, s.options, SYNONYMS))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a custom objective cannot be compiled by numba
        try:
            model.fit(pool, **watched)
        except catboost.CatBoostError as error:
            raise refused(error, s.options) from error
    return model, pool


def refused(error: Exception, options: Mapping[str, Any]) -> Exception:
    """What CatBoost says of options that it does not take, in one line; any other error as it is."""
    says = str(error).strip().splitlines()[-1]
    named = [name for name in options if re.search(rf"\b{re.escape(name)}\b", says)]
    if not named:
        return error
    if "Unknown option" in says:
        refuse("CatBoost", named, signature(ready().CatBoostClassifier).parameters)
    return ParameterError(f"options: CatBoost says: {says.split(': ', 1)[-1]}")


def constant(X: Any) -> bool:
    """Are all rows the same, be it of X or of y, which CatBoost refuses to learn from?"""
    if not isinstance(X, np.ndarray):
        return not (X.max(axis=0) - X.min(axis=0)).nnz
    return bool(((X[:1] == X) | (np.isnan(X) & np.isnan(X[:1]))).all())


def exported(model: Any, pool: Any) -> str:
    """The model as CatBoost's JSON, which it writes to files only."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json", pool=pool)
        return path.read_text(encoding="utf-8")


def imported(text: str) -> Any:
    """The inverse of `exported`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        path.write_text(text, encoding="utf-8")
        model = ready().CatBoost()
        model.load_model(str(path), format="json")
        return model


def words(task: Task) -> dict[str, Any]:
    """The settings in CatBoost's words: its symmetric trees, or its leaf-wise ones where leaves are bounded."""
    s, boosting = task.settings, task.boosting
    many = {"classes_count": boosting.outputs} if boosting.outputs > 1 else {}
    binned = {"border_count": s.bins - 1} if s.bins else {}
    return {
        **many,
        **binned,
        "iterations": s.rounds,
        "learning_rate": s.learning_rate,
        "grow_policy": "Lossguide",
        "max_leaves": s.leaves or 64,
        "depth": min(s.depth or 16, 16),
        "min_data_in_leaf": 2 * s.leaf_rows,  # the rows of a leaf that may be split, not those of its parts
        "l2_leaf_reg": 3.0 if s.l2 is None else s.l2,
        "boosting_type": "Plain",
        "bootstrap_type": "No",
        "random_strength": 0.0,
        "leaf_estimation_iterations": 1,
        "leaf_estimation_method": "Newton",
        "boost_from_average": False,
        "score_function": "L2",
        "random_seed": s.seed,
        "thread_count": s.threads or -1,
        "allow_writing_files": False,
        "verbose": False,
    }


class CatTrees(Trees):
    """CatBoost's trees, kept as its own JSON."""

    def __init__(
        self, text: str, outputs: int, rounds: int, categorical: tuple[int, ...], gains: Array, history: Array
    ) -> None:
        self.text, self.outputs, self.rounds = text, outputs, rounds
        self.categorical, self.gains, self.history = tuple(categorical), gains, history
        self.model = imported(text) if text else None

    def raw(self, X: Any) -> Array:
        """F for X (n, p)."""
        if self.model is None:
            return np.zeros(X.shape[0]) if self.outputs == 1 else np.zeros((X.shape[0], self.outputs))
        pool = ready().Pool(features(X, self.categorical))
        return np.asarray(self.model.predict(pool, prediction_type="RawFormulaVal"))

    def importances(self) -> Array:
        """The mean change of a prediction by column (CatBoost's own importance)."""
        return self.gains

    def dump(self) -> State:
        """The text, and what else is needed to read tables."""
        values = {name: getattr(self, name) for name in ("text", "outputs", "rounds", "categorical")}
        return values, {"gains": self.gains, "history": self.history}

    @classmethod
    def restore(cls, state: State) -> Self:
        """From the text."""
        values: dict[str, Any] = {**state[0], **state[1]}
        return cls(**values)


TREES = CatTrees
