"""Tables and built-in objectives for the tests of boosters: each with the loss of ours that stands in for it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import lossmith
from lossmith.loss import Loss

Array = NDArray[Any]


class Twin(NamedTuple):
    """A host's objective, its parameters, our loss, the curvature that the host takes, and where y comes from."""

    objective: str
    loss: Loss
    curvature: str
    target: str
    params: dict[str, Any]


def table(n: int = 2000, p: int = 8, seed: int = 3) -> tuple[Array, dict[str, Array]]:
    """Columns, and targets of every kind that depend on them."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    f = np.sin(2 * X[:, 0]) + 0.5 * X[:, 1] * X[:, 2]
    scores = np.column_stack([f, X[:, 3], -f + 0.5 * X[:, 4]])
    y = {
        "real": f + 0.3 * rng.standard_t(3, n),
        "counts": rng.poisson(np.exp(f)).astype(float),
        "positive": rng.gamma(2.0, np.exp(f) / 2) + 1e-3,
        "some zeros": np.where(rng.random(n) < 0.3, 0.0, rng.gamma(2.0, np.exp(f) / 2)),
        "binary": (rng.random(n) < 1 / (1 + np.exp(-2 * f))).astype(float),
        "shares": np.clip(1 / (1 + np.exp(-f)) + rng.normal(scale=0.1, size=n), 0.01, 0.99),
        "classes": (scores + rng.gumbel(size=scores.shape)).argmax(axis=1).astype(float),
    }
    return X, y


def weights(n: int, seed: int = 5) -> Array:
    """Weights that are no powers of two."""
    return np.random.default_rng(seed).uniform(0.2, 3.0, n)


LIGHT = {
    "l2": Twin("regression", lossmith.Squared(), "host", "real", {}),
    "huber": Twin("huber", lossmith.Huber(delta=0.9), "host", "real", {"alpha": 0.9}),
    "fair": Twin("fair", lossmith.Fair(c=1.0), "host", "real", {"fair_c": 1.0}),
    "poisson": Twin("poisson", lossmith.Poisson(), "host", "counts", {"poisson_max_delta_step": 0.7}),
    "gamma": Twin("gamma", lossmith.Gamma(), "host", "positive", {}),
    "tweedie": Twin("tweedie", lossmith.Tweedie(power=1.5), "host", "some zeros", {"tweedie_variance_power": 1.5}),
    "binary": Twin("binary", lossmith.Logistic(), "host", "binary", {}),
    "cross_entropy": Twin("cross_entropy", lossmith.BinaryCrossEntropy(), "host", "shares", {}),
    "multiclass": Twin("multiclass", lossmith.CrossEntropy(), "host", "classes", {"num_class": 3}),
    "multiclassova": Twin("multiclassova", lossmith.Logistic(), "host", "classes", {"num_class": 3}),
}


class Margin(NamedTuple):
    """An objective of XGBoost with its base score, our loss, and the margin that this base score is."""

    objective: str
    loss: Loss
    target: str
    params: dict[str, Any]
    start: float
    margin: float
    curvature: str = "host"
    ours: tuple[tuple[str, float], ...] = ()
    """What the objective sets besides, which a custom one must ask for."""


LOG1P = lossmith.loss("(log(1 + z) - log(1 + y))**2/2", lift="score")
EXTREME = {
    "squarederror": Margin("reg:squarederror", lossmith.Squared(), "real", {}, 0.25, 0.25),
    "squaredlogerror": Margin("reg:squaredlogerror", LOG1P, "counts", {}, 2.0, 2.0, "floor"),
    "pseudohubererror": Margin(
        "reg:pseudohubererror", lossmith.PseudoHuber(1.5), "real", {"huber_slope": 1.5}, 0.5, 0.5
    ),
    "logistic": Margin("binary:logistic", lossmith.Logistic(), "binary", {}, 0.5, 0.0),
    "logitraw": Margin("binary:logitraw", lossmith.Logistic(), "binary", {}, 0.5, 0.5),
    "reg:logistic": Margin("reg:logistic", lossmith.BinaryCrossEntropy(), "shares", {}, 0.5, 0.0),
    "poisson": Margin("count:poisson", lossmith.Poisson(), "counts", {}, 1.0, 0.0, ours=(("max_delta_step", 0.7),)),
    "gamma": Margin("reg:gamma", lossmith.Gamma(), "positive", {}, 1.0, 0.0),
    "tweedie": Margin("reg:tweedie", lossmith.Tweedie(1.5), "some zeros", {"tweedie_variance_power": 1.5}, 1.0, 0.0),
    "softprob": Margin("multi:softprob", lossmith.CrossEntropy(), "classes", {"num_class": 3}, 0.5, 0.5),
}
