"""Training time with our objective beside the host's own: LightGBM and XGBoost, 1M × 20, 100 rounds.

    python bench/boosters.py [--rows 1000000] [--rounds 100] [--repeats 3] [--threads 0]

All sides see the same table, the same parameters and the same curvature, and start at the same constant; the order
alternates from repeat to repeat, and the figures are ratios of the medians. "replay" is an objective that computes
nothing: it returns the slopes of a training of ours from memory, so that the host grows our trees again. Its ratio to
the built-in is the host's own price for any objective of its users (and for the trees, where these differ from its
own), and ours ÷ replay is what our computing costs. The last column is the part of our seconds that was spent in our
objective. With --cpu all figures are processor seconds, for a machine that others use, too.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lossmith
from lossmith.loss import Loss

Array = NDArray[Any]
COLUMNS = 20


def table(n: int) -> tuple[Array, dict[str, Array]]:
    """Columns, and a real, a binary and a count target."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, COLUMNS)).astype(np.float32)
    f = np.sin(2 * X[:, 0]) + 0.5 * X[:, 1] * X[:, 2] + 0.2 * X[:, 3:8].sum(axis=1)
    y = {
        "real": f + 0.5 * rng.normal(size=n),
        "binary": (rng.random(n) < 1 / (1 + np.exp(-f))).astype(float),
        "counts": rng.poisson(np.exp(0.5 * f)).astype(float),
        "classes": np.digitize(f + 0.5 * rng.normal(size=n), [-0.5, 0.5]).astype(float),
    }
    return X, y


MANY = {"classes": 3}
FOLLOWS = {"scale": "mad"}
CASES: dict[str, list[tuple[str, dict[str, Any], Loss, dict[str, Any], str, dict[str, Any]]]] = {
    "lightgbm": [
        ("regression", {}, lossmith.Squared(), {}, "real", {}),
        ("huber", {"alpha": 0.9}, lossmith.Huber(delta=0.9), {}, "real", {}),
        ("huber", {"alpha": 0.9}, lossmith.Huber(), FOLLOWS, "real", {}),
        ("binary", {}, lossmith.Logistic(), {}, "binary", {}),
        ("poisson", {}, lossmith.Poisson(), {}, "counts", {}),
        ("multiclass", {"num_class": 3}, lossmith.CrossEntropy(), MANY, "classes", {"num_class": 3}),
    ],
    "xgboost": [
        ("reg:squarederror", {}, lossmith.Squared(), {}, "real", {}),
        ("reg:pseudohubererror", {}, lossmith.PseudoHuber(), {}, "real", {}),
        ("reg:pseudohubererror", {}, lossmith.PseudoHuber(), FOLLOWS, "real", {}),
        ("binary:logistic", {}, lossmith.Logistic(), {}, "binary", {}),
        ("count:poisson", {}, lossmith.Poisson(), {}, "counts", {"max_delta_step": 0.7}),
        ("multi:softprob", {"num_class": 3}, lossmith.CrossEntropy(), MANY, "classes", {"num_class": 3}),
    ],
}
"""For each host its objectives, and the loss of ours that stands in for them; with scale="mad" ours does more: it
estimates the unit of residuals again in every round."""


def light(X: Array, y: Array, rounds: int, threads: int) -> Callable[..., Any]:
    """Training."""
    import lightgbm

    params = {"num_leaves": 31, "learning_rate": 0.1, "verbosity": -1, "num_threads": threads, "force_row_wise": True}
    data = lightgbm.Dataset(X, y, params=params, free_raw_data=False).construct()

    def train(**words: Any) -> Any:
        return lightgbm.train({**params, "boost_from_average": False, "metric": "None", **words}, data, rounds)

    return train


def extreme(X: Array, y: Array, rounds: int, threads: int) -> Callable[..., Any]:
    """Training."""
    import xgboost

    params = {"max_depth": 6, "eta": 0.1, "tree_method": "hist", "nthread": threads, "base_score": 0.5, "verbosity": 0}
    data = xgboost.QuantileDMatrix(X, y, nthread=threads)

    def train(objective: Any = None, **words: Any) -> Any:
        ours = {"obj": objective} if callable(objective) else {}
        named = {} if ours else {"objective": objective}
        return xgboost.train({**params, "disable_default_eval_metric": 1, **named, **words}, data, rounds, **ours)

    return train


def counted(made: Callable[..., Any]) -> tuple[Callable[..., Any], list[float]]:
    """The objective, and the seconds of its calls."""
    spent: list[float] = []

    def call(scores: Array, data: Any) -> Any:
        begun = time.perf_counter()
        try:
            return made(scores, data)
        finally:
            spent.append(time.perf_counter() - begun)

    return call, spent


class Replay:
    """An objective that remembers what another gave, round by round, and then gives it again."""

    def __init__(self, made: Callable[..., Any]) -> None:
        self.made = made
        self.kept: list[tuple[Array, Array]] = []
        self.round = 0

    def record(self, scores: Array, data: Any) -> Any:
        """What the other gives, copied."""
        found = self.made(scores, data)
        self.kept.append((found[0].copy(order="A"), found[1].copy(order="A")))
        return found

    def again(self, scores: Array, data: Any) -> Any:
        """The next of what was kept."""
        self.round += 1
        return self.kept[(self.round - 1) % len(self.kept)]


HOSTS = {"lightgbm": light, "xgboost": extreme}


def timed(work: Callable[[], Any], clock: Callable[[], float]) -> float:
    """Seconds."""
    begun = clock()
    work()
    return clock() - begun


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("rows", 1_000_000), ("rounds", 100), ("repeats", 3), ("threads", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--hosts", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--cpu", action="store_true")
    given = parser.parse_args()
    clock = time.process_time if given.cpu else time.perf_counter
    X, targets = table(given.rows)
    print(f"{given.rows:,} rows × {COLUMNS} columns, {given.rounds} rounds, median of {given.repeats}")
    print(f"{'host':10}{'objective':28}{'built-in s':>12}{'ours s':>10}{'replay s':>10}"
          f"{'ratio':>8}{'host price':>12}{'÷ replay':>10}{'in our calls s':>16}")  # fmt: skip
    for host in given.hosts:
        for objective, params, loss, options, target, besides in CASES[host]:
            train = HOSTS[host](X, targets[target], given.rounds, given.threads)
            made = getattr(lossmith, host).objective(loss, curvature="host", **options)
            watched, spent = counted(made)
            replay = Replay(made)
            train(objective=replay.record, **besides)
            sides = {
                "theirs": lambda train=train, objective=objective, params=params: train(objective=objective, **params),
                "ours": lambda train=train, watched=watched, besides=besides: train(objective=watched, **besides),
                "replay": lambda train=train, replay=replay, besides=besides: train(objective=replay.again, **besides),
            }
            took: dict[str, list[float]] = {side: [] for side in sides}
            for i in range(given.repeats):
                for side in sorted(sides, reverse=bool(i % 2)):
                    took[side].append(timed(sides[side], clock))
            a, b, c = (statistics.median(took[side]) for side in ("theirs", "ours", "replay"))
            name = objective + ' ("mad")' * (options is FOLLOWS)
            print(f"{host:10}{name:28}{a:12.2f}{b:10.2f}{c:10.2f}{b / a:8.3f}{c / a:12.3f}{b / c:10.3f}"
                  f"{sum(spent) / given.repeats:16.2f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
