"""The libraries that few know, called: second judges of losses that hardly any library has."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from rosetta_peers import PROOFS, Args, Array, Proof, robust, torched

from lossmith.adapters.rosetta import Row


@cache
def part_of(package: str, path: str) -> Any:
    """One file of a package that as a whole would ask for more than is installed."""
    home = importlib.util.find_spec(package)
    assert home is not None and home.submodule_search_locations
    spec = importlib.util.spec_from_file_location(
        f"{package}_part_{Path(path).stem}", Path(home.submodule_search_locations[0]) / path
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shared(function: Callable[[Args, Any, Any], Any]) -> Callable[..., Any]:
    """A loss of a class index, at shares of the classes: Σ_k y_k of its values."""

    def call(args: Args, y: Any, z: Any) -> Any:
        import torch

        each = [function(args, torch.full((len(z),), k), z) for k in range(z.shape[1])]
        return (y * torch.stack(each, dim=1)).sum(dim=1)

    return call


def of_entmax(name: str, **more: Any) -> Callable[..., Any]:
    def call(args: Args, y: Any, z: Any) -> Any:
        import entmax

        return getattr(entmax, name)(z, y, **args, **more)

    return shared(call)


def bitempered(package: str, path: str) -> Callable[..., Any]:
    """Its fixed point is left too early by default: five steps."""

    def call(args: Args, y: Any, z: Any) -> Any:
        return part_of(package, path).bi_tempered_logistic_loss(
            z, y, args["t1"], args["t2"], num_iters=60, reduction="none"
        )

    return call


def poly(args: Args, y: Any, z: Any) -> Any:
    return part_of("timm", "loss/poly_loss.py").PolyCrossEntropy(**args, reduction="none")(z, y)


def softened(args: Args, y: Any, log_p: Any) -> Any:
    import torch

    return torch.nn.KLDivLoss(reduction="none")(log_p, y).sum(dim=1)


def coral(args: Args, y: Any, z: Any) -> Any:
    import torch
    from coral_pytorch.losses import coral_loss

    levels = (y[:, None] > torch.arange(z.shape[1] - 1)).to(z.dtype)
    return coral_loss(z[:, :1] - z[:, 1:], levels, reduction=None)


def quantile_huber(args: Args, y: Any, z: Any) -> Any:
    import torch

    module, tau = part_of("sb3_contrib", "common/utils.py"), torch.tensor([[[args["cum_prob"]]]], dtype=z.dtype)
    pairs = zip(z.reshape(-1, 1, 1), y.reshape(-1, 1, 1), strict=True)
    return torch.stack([module.quantile_huber_loss(a, b, cum_prob=tau) for a, b in pairs])


def charbonnier(name: str) -> Callable[..., Any]:
    def call(args: Args, y: Any, z: Any) -> Any:
        import kornia.losses

        return getattr(kornia.losses, name)(z, y, reduction="none")

    return call


def _torch() -> None:
    def add(peer: str, name: str, call: Callable[..., Any], **more: Any) -> None:
        PROOFS[peer, name] = Proof(each=torched(call), **{"tolerance": 1e-9, **more})

    add("entmax", "sparsemax_loss", of_entmax("sparsemax_loss"))
    add("entmax", "entmax15_loss", of_entmax("entmax15_loss"))
    add("entmax", "entmax_bisect_loss", of_entmax("entmax_bisect_loss", n_iter=90))
    for package, path in (
        ("pytorch_toolbelt", "losses/bitempered_loss.py"), ("pytorch_optimizer", "loss/bi_tempered.py"),
    ):  # fmt: skip
        add(package, "bi_tempered_logistic_loss", bitempered(package, path), tolerance=1e-7, spread=0.5)
    add("timm", "PolyCrossEntropy", poly, classes=True, tolerance=3e-6)
    add("timm", "PolyCrossEntropy/SymmetricCrossEntropy", poly, classes=True, tolerance=1e-4)  # 40 times in float32
    add("torch", "KLDivLoss/Distillation", softened)
    add("coral_pytorch", "coral_loss", coral)
    add("sb3_contrib", "quantile_huber_loss", quantile_huber, tolerance=1e-6, rows=200)
    for name in ("charbonnier_loss", "cauchy_loss", "geman_mcclure_loss"):
        add("kornia", f"{name}/Barron", charbonnier(name))


# --- JAX ------------------------------------------------------------------------------------------------------------


def rowwise(module: str, name: str) -> Callable[..., Any]:
    """A loss of a class index and scores, row by row, at shares of the classes."""

    def each(row: Row, args: Args, y: Array, z: Array) -> tuple[Array, Array]:
        import jax

        function = getattr(importlib.import_module(module), name)
        with jax.enable_x64(True):
            numpy = jax.numpy
            index, scores = numpy.arange(z.shape[1]), numpy.asarray(z)
            found = jax.vmap(lambda z: jax.vmap(lambda k: jax.value_and_grad(lambda z: function(k, z))(z))(index))(
                scores
            )
            weighed = numpy.einsum("nk,nk->n", y, found[0]), numpy.einsum("nk,nkj->nj", y, found[1])
            return np.asarray(weighed[0]), np.asarray(weighed[1])

    return each


def binary_sparsemax(row: Row, args: Args, y: Array, z: Array) -> tuple[Array, Array]:
    import jax
    import optax

    with jax.enable_x64(True):
        labels, raw = jax.numpy.asarray((y + 1) / 2), jax.numpy.asarray(z)
        found = jax.vmap(jax.value_and_grad(optax.losses.sparsemax_loss))(raw, labels)
        return np.asarray(found[0]), np.asarray(found[1])


def softened_kl(row: Row, args: Args, y: Array, log_p: Array) -> tuple[Array, None]:
    import jax
    import optax

    with jax.enable_x64(True):
        return np.asarray(optax.losses.kl_divergence(jax.numpy.asarray(log_p), jax.numpy.asarray(y))), None


def log_likelihood(name: str, outputs: Callable[[Array], dict[str, Array]]) -> Callable[..., Any]:
    """A distribution of NumPyro."""

    def each(row: Row, args: Args, y: Array, z: Array) -> tuple[Array, None]:
        import jax
        import numpyro.distributions

        with jax.enable_x64(True):
            given = {k: jax.numpy.asarray(v) for k, v in outputs(z).items()}
            made = getattr(numpyro.distributions, name)(**given)
            return np.asarray(made.log_prob(jax.numpy.asarray(y))), None

    return each


def odds(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def _jax() -> None:
    PROOFS["jaxopt", "multiclass_sparsemax_loss"] = Proof(
        each=rowwise("jaxopt.loss", "multiclass_sparsemax_loss"), tolerance=1e-9
    )
    PROOFS["optax", "sparsemax_loss"] = Proof(each=binary_sparsemax, sign=True)
    PROOFS["optax", "kl_divergence/Distillation"] = Proof(each=softened_kl)
    poisson: dict[str, Callable[[Array], dict[str, Array]]] = {
        "ZeroInflatedPoisson": lambda z: {"rate": np.exp(z[:, 0]), "gate": odds(z[:, 1])},
        "HurdlePoisson": lambda z: {"rate": np.exp(z[:, 0]), "gate": odds(z[:, 1])},
        "HurdleLogNormal": lambda z: {"loc": z[:, 0], "scale": np.exp(z[:, 1]), "gate": odds(z[:, 2])},
        "ZeroInflatedNegativeBinomial2": lambda z: {
            "mean": np.exp(z[:, 0]), "gate": odds(z[:, 1]), "concentration": np.exp(z[:, 2]),
        },
    }  # fmt: skip
    poisson |= {
        "Logistic": lambda z: {"loc": z[:, 0], "scale": np.exp(z[:, 1])},
        "Gumbel": lambda z: {"loc": z[:, 0], "scale": np.exp(z[:, 1])},
        "Gamma": lambda z: {"concentration": np.exp(z[:, 1]), "rate": np.exp(z[:, 1] - z[:, 0])},
        "Weibull": lambda z: {"scale": np.exp(z[:, 0]), "concentration": np.exp(z[:, 1])},
    }
    for name, outputs in poisson.items():
        rough = 1e-5 if "Negative" in name else 1e-7
        PROOFS["numpyro", name] = Proof(each=log_likelihood(name, outputs), tolerance=rough, spread=0.5)


# --- SciPy, scikit-learn, statsmodels, boosters ---------------------------------------------------------------------


def power(row: Row, args: Args, y: Array, p: Array) -> tuple[Array, None]:
    from scipy.special import boxcox

    return boxcox(p[np.arange(len(p)), y.astype(int)], args["lmbda"]), None


def lead(row: Row, args: Args, y: Array, z: Array, w: Array) -> float:
    from sklearn.metrics import hinge_loss

    return float(hinge_loss(y, z, sample_weight=w, labels=range(z.shape[1])))


def hurdle(row: Row, args: Args, y: Array, z: Array) -> tuple[Array, None]:
    """Its zeros are those of another Poisson count, of rate −log σ(zero)."""
    from statsmodels.discrete.truncated_model import HurdleCountModel

    X = np.column_stack([z[:, 0], np.log(np.logaddexp(0, -z[:, 1]))])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = HurdleCountModel(y, X, dist="poisson", zerodist="poisson")
        found = np.empty(len(y))
        found[np.argsort(y > 0, kind="stable")] = made.model1.loglikeobs(np.array([0.0, 1.0]))  # zeros first
        found[y > 0] += made.model2.loglikeobs(np.array([1.0, 0.0]))
    return found, None


def three_of_catboost(row: Row, args: Args, y: Array, z: Array, w: Array) -> float:
    from catboost.utils import eval_metric

    return float(eval_metric(y, np.ascontiguousarray(z), f"MultiQuantile:alpha={args['alpha']}", weight=w)[0])


def three_of_xgboost(row: Row, args: Args, y: Array, z: Array, w: Array) -> float:
    import xgboost

    data = xgboost.QuantileDMatrix(np.zeros((len(y), 1)), label=y, weight=w, base_margin=z)
    params = {"objective": row.name, "eval_metric": "quantile", "verbosity": 0, **args}
    return float(xgboost.Booster(params, [data]).eval(data).rsplit(":", 1)[1])


def _others() -> None:
    PROOFS["scipy", "special.boxcox"] = Proof(each=power, classes=True, tolerance=1e-9)
    PROOFS["scipy", "least_squares/Barron"] = Proof(each=robust, tolerance=1e-9)
    PROOFS["sklearn", "hinge_loss/CrammerSinger"] = Proof(average=lead, classes=True)
    PROOFS["statsmodels", "HurdleCountModel"] = Proof(each=hurdle, tolerance=1e-6, spread=0.5)
    PROOFS["catboost", "MultiQuantile"] = Proof(average=three_of_catboost, tolerance=3e-5, spread=0.5)
    three = Proof(average=three_of_xgboost, tolerance=3e-5, spread=0.5)
    PROOFS["xgboost", "reg:quantileerror/QuantileTriple"] = three


for fill in (_torch, _jax, _others):
    fill()
