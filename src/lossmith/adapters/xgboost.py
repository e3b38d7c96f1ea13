"""XGBoost grows the trees: our slopes in place of its objectives, with our best constant as its base score.

    import xgboost, lossmith

    data = xgboost.DMatrix(X, y, weight=w)
    model = lossmith.xgboost.train({"eta": 0.1}, data, 100, loss=lossmith.Huber(), scale="mad")
    model.predict(data, output_margin=True)      # z, start included

or, for whoever calls `xgboost.train` alone: `params["base_score"] = lossmith.xgboost.start(loss, data)`,
`obj=lossmith.xgboost.objective(loss)`, `custom_metric=lossmith.xgboost.metric(loss)`.

Its conventions, translated here and nowhere else: scores, labels and slopes are float32 and row-major; custom
objectives must apply the weights themselves; leaves are bounded by a sum of curvature, not by a count of rows.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lossmith.adapters.hosts import host
from lossmith.errors import ParameterError
from lossmith.loss import Loss
from lossmith.models.boosted_loss import begin, curvature_of_a_row
from lossmith.models.boosted_native import NativeObjective, asked, first_unit, sound
from lossmith.models.boosted_options import merged, refuse
from lossmith.models.boosted_rows import as_trained, single
from lossmith.models.boosted_rule import Rule
from lossmith.models.boosted_scale import policy_of
from lossmith.models.boosted_score import mean_loss
from lossmith.models.boosted_task import Rounds, Task, Trees
from lossmith.models.store import State

Array = NDArray[Any]
BUILT_IN: Mapping[str, Callable[[Loss, int], Rule]] = {
    "PseudoHuber": lambda loss, K: Rule("exact", "as XGBoost's reg:pseudohubererror"),
    "Poisson": lambda loss, K: Rule("exact", "inflated, as XGBoost's count:poisson", factor=math.exp(0.7)),
    "CrossEntropy": lambda loss, K: Rule("exact", "2p(1 − p), as multi:softprob", factor=2.0 if K > 1 else 1.0),
}
"""The curvatures of XGBoost's own objectives, where they are not the Hessian: `curvature="host"`."""

SYNONYMS = (
    ("eta", "learning_rate"), ("gamma", "min_split_loss"), ("lambda", "reg_lambda"), ("alpha", "reg_alpha"),
    ("nthread", "n_jobs"), ("seed", "random_state"),
)  # fmt: skip
"""Parameters that have two names."""

NOISE = 2.0**-23
"""Slopes are float32, so that a tree without a split has a leaf that is not quite 0."""


def ready() -> Any:
    """XGBoost, of a tested version."""
    return host("xgboost")


class Objective(NativeObjective):
    """`obj` for `xgboost.train`: (margins, DMatrix) → gradient and curvature."""

    BUILT_IN = BUILT_IN

    @staticmethod
    def rows_of(data: Any) -> tuple[Array, Array | None]:
        """Labels and weights of a DMatrix."""
        return rows_of(data)


def objective(loss: str | Loss, *, scale: Any = 1.0, curvature: str = "auto", classes: int = 1) -> Objective:
    """The loss as `obj`.

    scale: a number, "mad" or "sqrt-mean" (estimated again in every round); curvature: "auto", a rule of
    `lossmith.models.boosted_rule`, or "host" for what XGBoost's own objective takes; classes: K for a softmax loss.
    """
    ready()
    return Objective(loss, scale, curvature, classes)


def metric(loss: str | Loss, *, scale: float = 1.0) -> Callable[[Array, Any], tuple[str, float]]:
    """The mean of the loss as `custom_metric`; lower is better (XGBoost's early stopping takes it so)."""
    loss = asked(loss)

    def custom(scores: Array, data: Any) -> tuple[str, float]:
        y, weight = rows_of(data)
        return loss.name, mean_loss(loss, y, scores.astype(np.float64), weight, scale)

    return custom


def start(loss: str | Loss, data: Any, *, scale: Any = 1.0) -> float:
    """The best constant, for `params["base_score"]`: XGBoost adds it in training and at predict."""
    loss, (y, weight) = asked(loss), rows_of(data)
    loss.check(y)
    return begin(loss, y, weight, policy_of(loss, scale))[0]


def train(
    params: Mapping[str, Any],
    data: Any,
    num_boost_round: int = 10,
    *,
    loss: str | Loss,
    scale: Any = 1.0,
    curvature: str = "auto",
    **more: Any,
) -> Any:
    """`xgboost.train` with a loss of ours: start, slopes and metric. params["num_class"] is K for K scores.

    Returns a Booster whose `predict(…, output_margin=True)` gives z; with K scores the start is all zeros. A DMatrix
    with a base_margin begins there and has no other start, as XGBoost has it.
    """
    xgboost = ready()
    classes = int(params.get("num_class", 1))
    made = objective(loss, scale=scale, curvature=curvature, classes=classes)
    y, weight = rows_of(data)
    margin = data.get_base_margin()
    begun = 0.0 if classes > 1 or len(margin) else start(loss, data, scale=scale)
    beside = y - margin if len(margin) == len(y) else y
    judge = metric(loss, scale=first_unit(made.loss, beside, weight, scale))
    words = {"disable_default_eval_metric": 1, **params, "base_score": begun}
    return xgboost.train(words, data, num_boost_round, obj=made, custom_metric=judge, **more)


def rows_of(data: Any) -> tuple[Array, Array | None]:
    """Labels and weights of a DMatrix, as XGBoost keeps them."""
    label, weight = data.get_label(), data.get_weight()
    return sound(label, weight if len(weight) else None, "DMatrix")


def matrix(X: Any, categorical: tuple[int, ...], **more: Any) -> Any:
    """A DMatrix whose categorical columns are said to be so; what a CSR matrix does not store is missing."""
    types = ["c" if i in categorical else "q" for i in range(X.shape[1])] if categorical else None
    return ready().DMatrix(single(X, "XGBoost"), feature_types=types, enable_categorical=bool(categorical), **more)


def grow(task: Task) -> ExtremeTrees:
    """Train on a task."""
    rounds = Rounds(task.check, task.settings.patience)
    grown = trained(task, rounds)
    used = rounds.used(grown.num_boosted_rounds())
    text = bytes(grown[:used].save_raw("json")).decode()
    sparse = not isinstance(task.X, np.ndarray)
    return ExtremeTrees(text, task.boosting.outputs, used, task.categorical, task.X.shape[1], rounds.history, sparse)


def watch(task: Task) -> Rounds:
    """Train on a task with a check."""
    rounds = Rounds(task.check, task.settings.patience)
    trained(task, rounds)
    return rounds


def trained(task: Task, rounds: Rounds) -> Any:
    """The Booster; `rounds` are told how they do."""
    xgboost = ready()
    s, boosting = task.settings, task.boosting
    params = merged(words(task), s.options, SYNONYMS)
    refuse("XGBoost", *unused(params, s.options, task.X.shape[1]))

    def labelled(X: Any) -> Any:
        return matrix(X, task.categorical, label=np.zeros(X.shape[0]))

    data = task.once("DMatrix", lambda: labelled(task.X))
    check = task.check
    watched: dict[str, Any] = {}
    if check is not None:
        held = task.once("DMatrix held back", lambda: labelled(check.X))
        watched = {"evals": [(held, "held")], "verbose_eval": False, **watching(rounds)}

    def slopes(scores: Array, _: Any) -> tuple[Array, Array]:
        return boosting.slopes(scores)

    grown = xgboost.train(params, data, s.rounds, obj=slopes, **watched)
    rounds.over(last=True)
    return grown


def watching(rounds: Rounds) -> dict[str, Any]:
    """What XGBoost is given to tell how its rounds do, and to stop."""

    class Stop(ready().callback.TrainingCallback):  # type: ignore[misc]
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            return rounds.over()

    return {"custom_metric": lambda scores, _: ("score", rounds.see(scores)), "callbacks": [Stop()]}


def unused(params: Mapping[str, Any], options: Mapping[str, Any], columns: int) -> tuple[list[str], set[str]]:
    """The options that XGBoost would pass over, and the names that it knows; ParameterError for a value that is none.

    It says so only in a warning once it trains: so one tree is trained on one row.
    """
    if not options:
        return [], set()
    xgboost = ready()
    row = xgboost.DMatrix(np.zeros((1, columns)), np.zeros(1))
    aloud = {**params, "num_class": 0, "validate_parameters": True, "verbosity": 1}
    with warnings.catch_warnings(record=True) as said, xgboost.config_context(verbosity=1):
        warnings.simplefilter("always")
        try:
            grown = xgboost.train(aloud, row, 1, obj=lambda scores, _: (scores, np.ones_like(scores)))
        except xgboost.core.XGBoostError as error:
            says = str(error).strip().splitlines()[0].rpartition("Check failed: ")[2]
            raise ParameterError(f"options: XGBoost says: {says}") from None
    told = " ".join(str(one.message) for one in said if "are not used" in str(one.message))
    return [name for name in options if f'"{name}"' in told], keys_of(json.loads(grown.save_config()))


def keys_of(config: Any) -> set[str]:
    """The names of everything in a tree of dicts and lists."""
    inside = config.values() if isinstance(config, dict) else config if isinstance(config, list) else ()
    own = set(config) if isinstance(config, dict) else set()
    return own.union(*map(keys_of, inside))


def words(task: Task) -> dict[str, Any]:
    """The settings in XGBoost's words."""
    s, boosting = task.settings, task.boosting
    binned = {"max_bin": s.bins} if s.bins else {}
    return {
        **binned,
        "disable_default_eval_metric": 1,
        "num_class": boosting.outputs if boosting.outputs > 1 else 0,
        "base_score": 0.0,
        "tree_method": "hist",
        "eta": s.learning_rate,
        "grow_policy": "lossguide",
        "max_leaves": s.leaves or 0,
        "max_depth": s.depth or 0,
        "min_child_weight": s.leaf_rows * curvature_of_a_row(boosting) if s.leaf_rows > 1 else 0.0,
        "lambda": 1.0 if s.l2 is None else s.l2,
        "seed": s.seed,
        "nthread": s.threads or 0,
        "verbosity": 0,
    }


class ExtremeTrees(Trees):
    """XGBoost's trees, kept as its own JSON."""

    def __init__(
        self,
        text: str,
        outputs: int,
        rounds: int,
        categorical: tuple[int, ...],
        columns: int,
        history: Array,
        sparse: bool = False,
    ) -> None:
        self.text, self.outputs, self.rounds, self.sparse = text, outputs, rounds, sparse
        self.categorical, self.columns, self.history = tuple(categorical), columns, history
        self.booster = ready().Booster()
        self.booster.load_model(bytearray(text.encode()))

    def raw(self, X: Any) -> Array:
        """F for X (n, p), in the form that was trained on: there zeros of a CSR matrix are missing, elsewhere zeros."""
        given = as_trained(X, self.sparse)
        scores = np.asarray(self.booster.predict(matrix(given, self.categorical), output_margin=True), np.float64)
        return np.where(np.abs(scores) < NOISE, 0.0, scores)

    def importances(self) -> Array:
        """Gain by column."""
        gains = np.zeros(self.columns)
        for name, gain in self.booster.get_score(importance_type="total_gain").items():
            gains[int(name[1:])] = gain
        return gains

    def dump(self) -> State:
        """The text, and what else is needed to read tables."""
        names = ("text", "outputs", "rounds", "categorical", "columns", "sparse")
        return {name: getattr(self, name) for name in names}, {"history": self.history}

    @classmethod
    def restore(cls, state: State) -> Self:
        """From the text."""
        values: dict[str, Any] = {**state[0], **state[1]}
        return cls(**values)


TREES = ExtremeTrees
