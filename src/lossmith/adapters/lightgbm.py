"""LightGBM grows the trees: our slopes in place of its objectives, with the start that it gives to its own only.

    import lightgbm, lossmith

    data = lightgbm.Dataset(X, y, weight=w)
    model = lossmith.lightgbm.train({"learning_rate": 0.1}, data, 100, loss=lossmith.Huber(), scale="mad")
    model.predict(X)                      # z, start included; lossmith.Huber().mean(z) undoes a link

or, for whoever calls `lightgbm.train` alone: `lossmith.lightgbm.start(loss, data)`, then `params["objective"] =
lossmith.lightgbm.objective(loss)` and `feval=lossmith.lightgbm.metric(loss)`.

Its conventions, translated here and nowhere else: scores are float64 and class-major, slopes float32; labels and
weights are float32; custom objectives get no start, no weights and no leaf of their own, and their predictions are raw.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lossmith.adapters.hosts import host
from lossmith.loss import Loss
from lossmith.models.boosted_loss import begin, curvature_of_a_row, starts
from lossmith.models.boosted_native import NativeObjective, asked, first_unit, sound
from lossmith.models.boosted_options import merged, refuse
from lossmith.models.boosted_rule import Rule
from lossmith.models.boosted_scale import policy_of
from lossmith.models.boosted_score import mean_loss
from lossmith.models.boosted_task import Rounds, Task, Trees
from lossmith.models.store import State

Array = NDArray[Any]
BUILT_IN: Mapping[str, Callable[[Loss, int], Rule]] = {
    "Squared": lambda loss, K: Rule("exact", "1; weights after rounding, as LightGBM's regression", late=True),
    "Huber": lambda loss, K: Rule("bound", "1, as LightGBM's huber", bound=1.0),
    "Fair": lambda loss, K: Rule("exact", "as LightGBM's fair"),
    "Poisson": lambda loss, K: Rule("exact", "inflated, as LightGBM's poisson", factor=math.exp(0.7)),
    "BinaryCrossEntropy": lambda loss, K: Rule(
        "exact", "1 − y in float32, as LightGBM's cross_entropy", complement=True
    ),
    "CrossEntropy": lambda loss, K: Rule("exact", "K/(K − 1) of the diagonal", factor=K / (K - 1) if K > 1 else 1.0),
}
"""The curvatures of LightGBM's own objectives, where they are not the Hessian: `curvature="host"`."""


def ready() -> Any:
    """LightGBM, of a tested version."""
    return host("lightgbm")


class Objective(NativeObjective):
    """`params["objective"]` for `lightgbm.train`: (scores, Dataset) → gradient and curvature."""

    BUILT_IN = BUILT_IN

    @staticmethod
    def rows_of(data: Any) -> tuple[Array, Array | None]:
        """Labels and weights of a Dataset."""
        return rows_of(data)


def objective(loss: str | Loss, *, scale: Any = 1.0, curvature: str = "auto", classes: int = 1) -> Objective:
    """The loss as `params["objective"]`.

    scale: a number, "mad" or "sqrt-mean" (estimated again in every round); curvature: "auto", a rule of
    `lossmith.models.boosted_rule`, or "host" for what LightGBM's own objective takes; classes: K for a softmax loss.
    """
    ready()
    return Objective(loss, scale, curvature, classes)


def metric(loss: str | Loss, *, scale: float = 1.0) -> Callable[[Array, Any], tuple[str, float, bool]]:
    """The mean of the loss as `feval`; lower is better."""
    loss = asked(loss)

    def feval(scores: Array, data: Any) -> tuple[str, float, bool]:
        y, weight = rows_of(data)
        return loss.name, mean_loss(loss, y, scores, weight, scale), False

    return feval


def start(loss: str | Loss, data: Any, *, scale: Any = 1.0, classes: int = 1) -> Any:
    """Give the Dataset the best constant as its initial score, and return it: a float, or (K,).

    LightGBM adds it to the scores of training, but not to those that it predicts; `train` sees to both.
    """
    found = best(asked(loss), data, scale, classes, None)
    give(data, found, None)
    return found


def best(loss: Loss, data: Any, scale: Any, classes: int, own: Array | None) -> Any:
    """The best constant beside the scores that a Dataset has of its own: a float, or (K,)."""
    y, weight = rows_of(data)
    loss.check(y)
    if classes > 1:
        return starts(loss, y, weight, classes)
    return begin(loss, y, weight, policy_of(loss, scale), own)[0]


def train(
    params: Mapping[str, Any],
    data: Any,
    num_boost_round: int = 100,
    *,
    loss: str | Loss,
    scale: Any = 1.0,
    curvature: str = "auto",
    valid_sets: list[Any] | None = None,
    **more: Any,
) -> Any:
    """`lightgbm.train` with a loss of ours: start, slopes and metric; the start is in the first tree of the model.

    params["num_class"] is K for a softmax loss of K scores. Returns a Booster whose `predict` gives z. An init_score of
    a Dataset is an offset: the start is the best constant beside it, and z is without it, as LightGBM has it.
    """
    lightgbm = ready()
    classes = int(params.get("num_class", 1))
    made = objective(loss, scale=scale, curvature=curvature, classes=classes)
    words = {"metric": "None", **params, "objective": made}
    with lent([data, *(one for one in valid_sets or [] if one is not data)], params) as sets:
        own = [one.get_init_score() for one in sets]
        begun = best(made.loss, data, scale, classes, own[0])
        for one, scores in zip(sets, own, strict=True):
            give(one, begun, scores)
        y, weight = rows_of(data)
        unit = first_unit(made.loss, y if own[0] is None or classes > 1 else y - own[0], weight, scale)
        judge = {} if not valid_sets else {"feval": metric(loss, scale=unit), "valid_sets": valid_sets}
        model = lightgbm.train(words, data, num_boost_round, **judge, **more)
    return raised(model, np.atleast_1d(begun))


@contextmanager
def lent(sets: list[Any], params: Mapping[str, Any]) -> Iterator[list[Any]]:
    """The Datasets, binned by these parameters, whose initial scores are afterwards what they were."""
    for one in sets:
        one._update_params(dict(params))  # as lightgbm.train does, before bins are made
        rows_of(one)
    kept = [one.get_init_score() for one in sets]
    try:
        yield sets
    finally:
        for one, old in zip(sets, kept, strict=True):
            one.set_field("init_score", old)
            one.init_score = old


def give(data: Any, begun: Any, own: Array | None) -> None:
    """The start as the initial score of every row, a float or (K,), added to what the Dataset has of its own."""
    n = len(rows_of(data)[0])
    scores = np.tile(begun, (n, 1)) if np.ndim(begun) else np.full(n, begun)
    before = 0.0 if own is None else np.reshape(own, scores.shape, order="F")
    data.set_init_score(scores + before)


def raised(model: Any, begun: Array) -> Any:
    """The model with its first trees lifted by the start, as LightGBM does for its own objectives."""
    leaves = model.dump_model(num_iteration=1)["tree_info"]
    for tree, add in zip(leaves, begun, strict=False):
        for leaf in range(tree["num_leaves"]):
            index = tree["tree_index"]
            model.set_leaf_output(index, leaf, model.get_leaf_output(index, leaf) + float(add))
    return model


def rows_of(data: Any) -> tuple[Array, Array | None]:
    """Labels and weights of a Dataset, as LightGBM keeps them; DataError for what it would make a 0 of in silence."""
    if data.label is not None:  # before LightGBM has made it a field, NaN is still there to be seen
        sound(data.label, data.weight, "Dataset")
    data.construct()
    return sound(data.get_field("label"), data.get_field("weight"), "Dataset")


def grow(task: Task) -> LightTrees:
    """Train on a task."""
    rounds = Rounds(task.check, task.settings.patience)
    grown = trained(task, rounds)
    used = rounds.used(grown.current_iteration())
    return LightTrees(grown.model_to_string(num_iteration=used), task.boosting.outputs, used, rounds.history)


def watch(task: Task) -> Rounds:
    """Train on a task with a check."""
    rounds = Rounds(task.check, task.settings.patience)
    trained(task, rounds, keep_training_booster=True)
    return rounds


def trained(task: Task, rounds: Rounds, **more: Any) -> Any:
    """The Booster; `rounds` are told how they do."""
    lightgbm = ready()
    s = task.settings
    known = parameters()
    names = frozenset().union(*known)
    refuse("LightGBM", [name for name in s.options if names and name not in names], names)
    binned = {"verbosity": -1, "num_threads": s.threads or 0, "min_data_in_bin": 1, "feature_pre_filter": False}
    binned |= {"max_bin": s.bins} if s.bins else {}
    data, held = tables(task, merged(binned, s.options, known))
    watched = {} if held is None else {"valid_sets": [held], **watching(rounds)}
    return lightgbm.train(merged({**words(task), **binned}, s.options, known), data, s.rounds, **watched, **more)


def watching(rounds: Rounds) -> dict[str, Any]:
    """What LightGBM is given to tell how its rounds do, and to stop."""
    stopped = ready().callback.EarlyStopException

    def feval(scores: Array, _: Any) -> tuple[str, float, bool]:
        return "score", rounds.see(scores), False

    def after(env: Any) -> None:
        if rounds.over(last=env.iteration == env.end_iteration - 1):
            raise stopped(rounds.best, env.evaluation_result_list)

    return {"feval": feval, "callbacks": [after]}


def tables(task: Task, params: dict[str, Any]) -> tuple[Any, Any]:
    """The rows binned, and those held back in the same bins, or None."""
    same = {"params": params, "categorical_feature": list(task.categorical) or "auto", "free_raw_data": True}

    def dataset(X: Any, **more: Any) -> Any:
        return ready().Dataset(X, np.zeros(X.shape[0]), **same, **more)

    data = task.once("Dataset", lambda: dataset(task.X))
    check = task.check
    return data, check and task.once("Dataset held back", lambda: dataset(check.X, reference=data))


def parameters() -> list[set[str]]:
    """Every parameter of LightGBM by all of its names; none where this version does not tell them."""
    try:
        from lightgbm.basic import _ConfigAliases

        return [{name, *others} for name, others in _ConfigAliases._get_all_param_aliases().items()]
    except (ImportError, AttributeError):  # it is private there
        return []


def words(task: Task) -> dict[str, Any]:
    """The settings in LightGBM's words."""
    s, boosting = task.settings, task.boosting
    return {
        "objective": lambda scores, _: boosting.slopes(scores),
        "metric": "None",
        "num_class": boosting.outputs,
        "learning_rate": s.learning_rate,
        "num_leaves": s.leaves or 2 ** min(s.depth or 17, 17),
        "max_depth": s.depth or -1,
        "min_data_in_leaf": s.leaf_rows,
        "min_sum_hessian_in_leaf": 1e-3 * curvature_of_a_row(boosting),  # its counts of rows are read off curvature
        "lambda_l2": s.l2 or 0.0,
        "seed": s.seed,
        "deterministic": True,
        "force_row_wise": task.X.shape[1] < 200,
        "force_col_wise": task.X.shape[1] >= 200,
    }


class LightTrees(Trees):
    """LightGBM's trees, kept as its own text."""

    def __init__(self, text: str, outputs: int, rounds: int, history: Array) -> None:
        self.text, self.outputs, self.rounds, self.history = text, outputs, rounds, history
        self.booster = ready().Booster(model_str=text)

    def raw(self, X: Any) -> Array:
        """F for X (n, p)."""
        return np.asarray(self.booster.predict(X, raw_score=True))

    def importances(self) -> Array:
        """Gain by column."""
        return np.asarray(self.booster.feature_importance("gain"), np.float64)

    def dump(self) -> State:
        """The text, and how far it was used."""
        values = {"text": self.text, "outputs": self.outputs, "rounds": self.rounds}
        return values, {"history": self.history}

    @classmethod
    def restore(cls, state: State) -> Self:
        """From the text."""
        values: dict[str, Any] = {**state[0], **state[1]}
        return cls(**values)


TREES = LightTrees
