"""Statistics libraries as judges of likelihoods of one output, and second judges of losses that few libraries have."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
from collections.abc import Callable
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
from rosetta_more import ordered, values
from rosetta_peers import PROOFS, Args, Array, Proof, torched
from rosetta_rest import log_likelihood, part_of

from lossmith.adapters.rosetta import Row
from lossmith.lifts import Lift, adjusted

COUNTS = (400.0, 100.0, 30.0, 5.0)
"""Rows of each class, for losses that know the classes' frequencies."""
TAU, GAMMA, MARGIN, SCALE = 1.0, 0.3, 0.5, 3.0
LIFTED: dict[str, Lift] = {
    "LDAM": adjusted(COUNTS, tau=0, margin=MARGIN, scale=SCALE),
    "LogitAdjustment": adjusted(COUNTS, tau=TAU),
    "VectorScaling": adjusted(COUNTS, tau=TAU, gamma=GAMMA),
}
"""The lifts with which losses of adjusted scores are tried; without numbers they would all be cross-entropy."""


# --- SciPy, statsmodels ---------------------------------------------------------------------------------------------


def density(name: str, given: Callable[[Args, Array], dict[str, Any]]) -> Callable[..., Any]:
    """The logarithm of a density of scipy.stats."""

    def each(row: Row, args: Args, y: Array, z: Array) -> tuple[Array, None]:
        import scipy.stats

        return getattr(scipy.stats, name).logpdf(y, **given(args, z)), None

    return each


def around(row: Row, args: Args, y: Array, z: Array) -> tuple[Array, None]:
    from scipy.stats import wrapcauchy

    return wrapcauchy.logpdf(np.mod(y - z, 2 * np.pi), args["c"]), None


def hurdle(row: Row, args: Args, y: Array, z: Array) -> tuple[Array, None]:
    from scipy.stats import bernoulli, lognorm

    rest = 1 / (1 + np.exp(z[:, 2]))
    large = lognorm.logpdf(np.where(y > 0, y, 1.0), s=np.exp(z[:, 1]), scale=np.exp(z[:, 0]))
    return bernoulli.logpmf(y > 0, rest) + np.where(y > 0, large, 0.0), None


def squares(row: Row, args: Args, y: Array, p: Array) -> tuple[Array, None]:
    from scipy.stats import chisquare

    return chisquare(y, p, axis=1, sum_check=False).statistic, None


def blocks(row: Row, args: Args, y: Array, p: Array) -> tuple[Array, None]:
    from scipy.spatial.distance import cityblock

    return np.array([cityblock(a, b) for a, b in zip(y, p, strict=True)]), None


def modelled(path: str, tail: Callable[[Args], list[float]]) -> Callable[..., Any]:
    """A model of statsmodels whose one column is the raw prediction, with coefficient 1; then its own parameters."""

    def each(row: Row, args: Args, y: Array, z: Array) -> tuple[Array, None]:
        kind = getattr(importlib.import_module(path), row.name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(kind(y, z[:, None]).loglikeobs(np.array([1.0, *tail(args)]))), None

    return each


def _statistics() -> None:
    scaled = {
        "lognorm": lambda a, z: {"s": 1.0, "scale": np.exp(z)},
        "weibull_min": lambda a, z: {"c": a["c"], "scale": np.exp(z)},
        "fisk": lambda a, z: {"c": a["c"], "scale": np.exp(z)},
        "halfnorm": lambda a, z: {"scale": np.exp(z)},
        "rayleigh": lambda a, z: {"scale": np.exp(z)},
        "johnsonsb": lambda a, z: {"a": -z, "b": 1.0},
        "gumbel_r": lambda a, z: {"loc": z},
        "gamma/GammaNLL": lambda a, z: {"a": np.exp(z[:, 1]), "scale": np.exp(z[:, 0] - z[:, 1])},
        "weibull_min/WeibullNLL": lambda a, z: {"c": np.exp(z[:, 1]), "scale": np.exp(z[:, 0])},
        "gumbel_r/GumbelNLL": lambda a, z: {"loc": z[:, 0], "scale": np.exp(z[:, 1])},
    }
    for spelled, given in scaled.items():
        name, slash, loss = spelled.partition("/")
        one = Proof(each=density(name, given), tolerance=1e-8, spread=0.02 if name == "gumbel_r" and not loss else 0.5)
        PROOFS["scipy", f"stats.{name}.logpdf{slash}{loss}"] = one
    PROOFS["scipy", "stats.wrapcauchy.logpdf"] = Proof(each=around, tolerance=1e-7)
    PROOFS["scipy", "stats.bernoulli.logpmf + stats.lognorm.logpdf"] = Proof(each=hurdle, tolerance=1e-7, spread=0.5)
    # a difference of two shares near 1: of a class of share 1e-13 it keeps three digits
    PROOFS["scipy", "stats.gumbel_l.cdf"] = Proof(each=values(ordered("gumbel_l")), tolerance=1e-5, spread=0.4)
    PROOFS["scipy", "stats.chisquare"] = Proof(each=squares, tolerance=1e-8, spread=0.5)
    PROOFS["scipy", "spatial.distance.cityblock"] = Proof(each=blocks, tolerance=1e-9)
    models: dict[str, tuple[str, Callable[[Args], list[float]]]] = {
        "GeneralizedPoisson": ("statsmodels.discrete.discrete_model", lambda a: [a["alpha"]]),
        "TruncatedLFPoisson": ("statsmodels.discrete.truncated_model", lambda a: []),
        "BetaModel": ("statsmodels.othermod.betareg", lambda a: [np.log(a["precision"])]),
    }
    for name, (path, tail) in models.items():
        PROOFS["statsmodels", name] = Proof(each=modelled(path, tail), tolerance=1e-6, spread=0.5)


def lognormal_score(row: Row, args: Args, y: Array, z: Array) -> tuple[Array, None]:
    import scoringrules

    return np.asarray(scoringrules.logs_lognormal(y, z, np.ones_like(z))), None


def share(row: Row, args: Args, y: Array, mean: Array) -> tuple[Array, None]:
    made = log_likelihood("BetaProportion", lambda p: {"mean": p, "concentration": np.array(args["concentration"])})
    return made(row, args, y, mean)


def symmetric(row: Row, args: Args, y: Array, z: Array, w: Array) -> float:
    from catboost.utils import eval_metric

    return float(eval_metric(y, z, "SMAPE", weight=w, thread_count=1)[0])


# --- frameworks -----------------------------------------------------------------------------------------------------


def paired(loss: Callable[[Args, Any, Any], Any]) -> Callable[[Args, Any, Any], Any]:
    """A loss of labels −1 and 1, at shares of them."""

    def call(args: Args, y: Any, z: Any) -> Any:
        import torch

        return y * loss(args, z, torch.ones_like(z)) + (1 - y) * loss(args, z, -torch.ones_like(z))

    return call


def hinge(args: Args, z: Any, sign: Any) -> Any:
    import torch

    return torch.nn.HingeEmbeddingLoss(**args, reduction="none")(z, sign)


def cosine(args: Args, z: Any, sign: Any) -> Any:
    import torch

    flat = torch.stack([torch.ones_like(z), torch.zeros_like(z)], dim=1)
    tilted = torch.stack([z, torch.sqrt(1 - z * z)], dim=1)
    return torch.nn.CosineEmbeddingLoss(**args, reduction="none")(flat, tilted, sign)


def of_classes(name: str, prepare: Callable[[Any, int], Any]) -> Callable[[Args, Any, Any], Any]:
    """A loss of PyTorch that is divided by the number of classes, times that number."""

    def call(args: Args, y: Any, z: Any) -> Any:
        import torch

        return z.shape[1] * getattr(torch.nn, name)(reduction="none")(z, prepare(y.long(), z.shape[1]))

    return call


def one_hot(y: Any, classes: int) -> Any:
    import torch

    return torch.nn.functional.one_hot(y, classes).double()


def margins(args: Args, y: Any, z: Any) -> Any:
    import torch

    made = part_of("pytorch_optimizer", "loss/ldam.py").LDAMLoss(list(COUNTS), max_m=MARGIN, s=SCALE)
    each = [made(z[i : i + 1], y[i : i + 1].long()) for i in range(len(z))]  # it only has means
    return torch.stack(each)


def adjusted_entropy(factors: Array) -> Callable[[Args, Any, Any], Any]:
    def call(args: Args, y: Any, z: Any) -> Any:
        import torch

        shift = TAU * np.log(np.array(COUNTS) / sum(COUNTS))
        scores = z * torch.tensor(factors) + torch.tensor(shift)
        return torch.nn.CrossEntropyLoss(reduction="none")(scores, y.long())

    return call


def adjusted_in_jax(row: Row, args: Args, y: Array, z: Array) -> tuple[Array, None]:
    import jax
    import optax

    with jax.enable_x64(True):
        scores = jax.numpy.asarray(z + TAU * np.log(np.array(COUNTS) / sum(COUNTS)))
        return np.asarray(optax.softmax_cross_entropy_with_integer_labels(scores, y.astype(int))), None


def wing(args: Args, y: Any, z: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return unpacked("pytorch_toolbelt.losses.functional").wing_loss(z, y, **args, reduction="none")


def unchanged(*given: Any, **more: Any) -> Callable[[Any], Any]:
    """A decorator that leaves things as they are."""
    return lambda kind: kind


STANDING_IN = {
    "mmpretrain.registry": {"MODELS": SimpleNamespace(register_module=unchanged)},
    "pytorch_toolbelt.utils": {"pytorch_toolbelt_deprecated": unchanged},
}
"""What the files below ask of their packages: decorators. The packages as a whole ask for compiled libraries."""


@cache
def unpacked(path: str) -> Any:
    """One module, without running the packages that it lies in."""
    *outer, _ = path.split(".")
    home = importlib.util.find_spec(outer[0])
    assert home is not None and home.submodule_search_locations
    root = next(iter(home.submodule_search_locations))
    shells = {".".join(outer[: i + 1]): "/".join([root, *outer[1 : i + 1]]) for i in range(len(outer))}
    made = {name: ModuleType(name) for name in (*shells, *STANDING_IN)}
    for name, folder in shells.items():
        made[name].__path__ = [folder]
    for name, words in STANDING_IN.items():
        vars(made[name]).update(words)
    with patch.dict(sys.modules, made):
        return importlib.import_module(path)


def asymmetric(args: Args, y: Any, z: Any) -> Any:
    found = unpacked("mmpretrain.models.losses.asymmetric_loss")
    return found.asymmetric_loss(z, y, **args, reduction="none")


def boosted(row: Row, args: Args, y: Array, z: Array, w: Array) -> float:
    """Its own `fit` would divide the weights by their sums in each class."""
    from hep_ml.losses import AdaLossFunction

    made = AdaLossFunction()
    made.sample_weight, made.y_signed = w / w.sum(), y
    return float(made(z))


def _frameworks() -> None:
    def add(peer: str, name: str, call: Callable[..., Any], **more: Any) -> None:
        PROOFS[peer, name] = Proof(each=torched(call), **{"tolerance": 1e-9, **more})

    relative = (np.array(COUNTS) / max(COUNTS)) ** GAMMA
    add("torch", "HingeEmbeddingLoss", paired(hinge), positive=True)
    add("torch", "CosineEmbeddingLoss", paired(cosine), spread=0.02)
    add("torch", "MultiMarginLoss", of_classes("MultiMarginLoss", lambda y, classes: y), classes=True)
    add("torch", "MultiLabelSoftMarginLoss", of_classes("MultiLabelSoftMarginLoss", one_hot), classes=True)
    add("torch", "CrossEntropyLoss/LogitAdjustment", adjusted_entropy(np.ones(len(COUNTS))), classes=True)
    add("torch", "CrossEntropyLoss/VectorScaling", adjusted_entropy(relative), classes=True)
    add("pytorch_toolbelt", "wing_loss", wing)
    add("pytorch_optimizer", "LDAMLoss", margins, classes=True, tolerance=3e-7, rows=200)  # margins in float32
    add("mmpretrain", "AsymmetricLoss", asymmetric, spread=0.25, tolerance=1e-8)
    PROOFS["hep_ml", "AdaLossFunction"] = Proof(average=boosted, sign=True, spread=0.5)
    PROOFS["catboost", "SMAPE"] = Proof(average=symmetric, tolerance=3e-5, spread=0.5)
    PROOFS["scoringrules", "logs_lognormal"] = Proof(each=lognormal_score, tolerance=1e-9, spread=0.5)
    PROOFS["numpyro", "BetaProportion"] = Proof(each=share, tolerance=1e-6, spread=0.3)
    entropy = "softmax_cross_entropy_with_integer_labels/LogitAdjustment"
    PROOFS["optax", entropy] = Proof(each=adjusted_in_jax, tolerance=1e-9, classes=True)


for fill in (_statistics, _frameworks):
    fill()
