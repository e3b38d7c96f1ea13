"""More libraries' losses, called: losses of several raw outputs, and the second judges of rare ones."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rosetta_peers import PROOFS, Args, Array, Proof, _keras_loss, family, jaxed, lightgbmed, norm, torched, xgboosted

from lossmith.adapters.rosetta import Row

FEW = 40
"""Rows, where a library needs a model of its own for each."""


def values(function: Callable[[Args, Array, Array], Array]) -> Callable[..., Any]:
    """A proof without a gradient."""
    return lambda row, args, y, z: (np.asarray(function(args, y, z)), None)


def each_row(function: Callable[[Row, Args, Any, Array], float]) -> Callable[..., Any]:
    """A proof that asks row by row."""

    def each(row: Row, args: Args, y: Array, z: Array) -> tuple[Array, None]:
        return np.array([function(row, args, a, b) for a, b in zip(y, z, strict=True)]), None

    return each


# --- scikit-learn, River, mord --------------------------------------------------------------------------------------


def nmf(args: Args, y: Array, mu: Array) -> Array:
    from sklearn.decomposition._nmf import _beta_divergence

    one = np.ones((1, 1))
    pairs = zip(y, mu, strict=True)
    return np.array([_beta_divergence(np.array([[a]]), np.array([[m]]), one, args["beta_loss"]) for a, m in pairs])


def log_error(row: Row, args: Args, y: Array, mean: Array, w: Array) -> float:
    import sklearn.metrics

    return float(sklearn.metrics.mean_squared_log_error(y, mean, sample_weight=w))


def rank_svm(row: Row, args: Args, y: Array, ahead: Array) -> tuple[Array, None]:
    from sklearn.linear_model._sgd_fast import Hinge

    made = Hinge(1.0)
    sides = np.where(y > 0, 1.0, -1.0)
    return np.array([made.py_loss(*pair) for pair in zip(ahead.tolist(), sides.tolist(), strict=True)]), None


def streamed(row: Row, args: Args, y: Array, z: Array) -> tuple[Array, Array]:
    from river.optim import losses

    made, labels = getattr(losses, row.name)(**args), (y + 1) / 2
    return np.asarray(made(labels, z)), np.asarray(made.gradient(labels, z))


def thresholds(row: Row, args: Args, y: Any, z: Array) -> float:
    """mord's objective of one row; its thresholds are sums of positive steps."""
    from mord.threshold_based import obj_margin

    count = len(z)
    steps = np.diff(z[1:], prepend=0.0)
    given = np.concatenate([z[:1], steps])
    L = np.tril(np.ones((count - 1, count - 1)))
    return float(
        obj_margin(given, np.ones((1, 1)), np.array([int(y)]), 0.0, count, np.ones((count, count - 1)), L, None)
    )


# --- SciPy ----------------------------------------------------------------------------------------------------------

COMMON = 20
"""Trials, with which shares are made counts."""


def binomial(args: Args, y: Array, p: Array) -> Array:
    """Shares as counts of many trials, per trial; a count need not be whole for its probability to be computed."""
    from scipy.special import xlog1py, xlogy
    from scipy.stats import binom

    whole = np.round(y * COMMON)
    log = binom.logpmf(whole, COMMON, p) - binom.logpmf(whole, COMMON, 0.5)
    # what rounding the count has changed
    rest = y * COMMON - whole
    return (log + xlogy(rest, p) + xlog1py(-rest, -p)) / COMMON


def spread(name: str) -> Callable[[Args, Array, Array], Array]:
    def log_density(args: Args, y: Array, z: Array) -> Array:
        import scipy.stats

        kind = getattr(scipy.stats, name)
        return kind.logpdf(y, *args.values(), loc=z[:, 0], scale=np.exp(z[:, 1]))

    return log_density


def counts(args: Args, y: Array, z: Array) -> Array:
    from scipy.stats import nbinom

    mean, size = np.exp(z[:, 0]), np.exp(z[:, 1])
    return nbinom.logpmf(y, size, size / (size + mean))


def within(name: str) -> Callable[[Args, Array, Array], Array]:
    """The logarithm of the probability of what is known: a value, a bound, or two."""

    def log_likelihood(args: Args, y: Array, z: Array) -> Array:
        import scipy.stats

        kind = getattr(scipy.stats, name)(loc=z[:, 0], scale=np.exp(z[:, 1]))
        low, high = y.T
        known = [low == high, np.isinf(low), np.isinf(high)]
        say = [kind.logpdf(low), kind.logcdf(high), kind.logsf(low)]
        return np.select(known, say, np.log(kind.cdf(high) - kind.cdf(low)))

    return log_likelihood


def ordered(name: str) -> Callable[[Args, Array, Array], Array]:
    def log_probability(args: Args, y: Array, z: Array) -> Array:
        import scipy.stats

        ends = np.column_stack([np.full(len(z), -np.inf), z[:, 1:], np.full(len(z), np.inf)]) - z[:, :1]
        cdf, k = getattr(scipy.stats, name).cdf(ends), y.astype(int)
        row = np.arange(len(z))
        return np.log(cdf[row, k + 1] - cdf[row, k])

    return log_probability


def _scipy() -> None:
    import scipy.special
    import scipy.stats

    def add(
        name: str, function: Callable[[Args, Array, Array], Array], tolerance: float = 1e-9, spread: float = 1.0
    ) -> None:
        PROOFS["scipy", name] = Proof(each=values(function), tolerance=tolerance, spread=spread)

    add("stats.binom.logpmf", binomial, 1e-7, 0.1)
    add("stats.cauchy.logcdf", lambda a, y, z: scipy.stats.cauchy.logcdf(np.where(y > 0, z, -z)), 1e-7)
    add("special.kl_div", lambda a, y, mu: scipy.special.kl_div(y, mu))
    add("stats.norm.logpdf", spread("norm"))
    add("stats.laplace.logpdf", spread("laplace"))
    add("stats.t.logpdf/StudentTNLL", spread("t"))
    add("stats.nbinom.logpmf/NegativeBinomialNLL", counts)
    for name in ("norm", "logistic", "gumbel_l"):
        add(f"stats.{name}", within(name), 1e-6, 0.4)
    for name in ("logistic", "norm"):
        add(f"stats.{name}.cdf", ordered(name), 1e-6, 0.7)
    add("stats.vonmises.logpdf", lambda a, y, z: scipy.stats.vonmises.logpdf(y - z, a["kappa"]), 1e-7)


# --- statsmodels ----------------------------------------------------------------------------------------------------


def quantile_norm(row: Row, args: Args, y: Array, z: Array) -> tuple[Array, Array]:
    from statsmodels.robust import norms

    base = norms.HuberT(args["t"]) if args["base_norm"] == "HuberT" else norms.LeastSquares()
    made = norms.MQuantileNorm(args["q"], base)
    return made.rho(y - z), -made.psi(y - z)


def preferences(row: Row, args: Args, y: Array, ahead: Array) -> tuple[Array, None]:
    import statsmodels.api as sm

    return sm.Logit(y, ahead[:, None]).loglikeobs(np.ones(1)), None


def model_of(name: str, tail: Callable[[Array], list[float]], **fixed: Any) -> Callable[..., Any]:
    """A model of counts of one row: columns of X are raw outputs, coefficients 1, then what `tail` makes of z."""

    def one(row: Row, args: Args, y: Any, z: Array) -> float:
        from statsmodels.discrete import count_model, discrete_model

        kind = getattr(count_model, name, None) or getattr(discrete_model, name)
        infl = {"exog_infl": z[1:2][None]} if "Inflated" in name else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = kind(np.array([y]), z[:1][None], **infl, **fixed)
            return float(made.loglikeobs(np.array([*([1.0] if infl else []), 1.0, *tail(z)]))[0])

    return each_row(one)


def proportional(row: Row, args: Args, y: Any, z: Array) -> float:
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    made = OrderedModel(np.arange(len(z)), np.full((len(z), 1), z[0]), distr=args["distr"], hasconst=False)
    given = np.array([1.0, z[1], *np.log(np.diff(z[1:]))])
    return float(made.loglikeobs(given)[int(y)])


def _statsmodels() -> None:
    def add(name: str, each: Callable[..., Any], **more: Any) -> None:
        PROOFS["statsmodels", name] = Proof(each=each, **{"tolerance": 1e-7, **more})

    for name in ("Hampel", "RamsayE"):
        add(name, norm)
    for name in ("ComplementaryLogLog", "LogLog"):
        PROOFS["statsmodels", f"families.Binomial/{name}"] = Proof(average=family, tolerance=1e-8, spread=0.1)
    add("MQuantileNorm", quantile_norm)
    add("Logit/RankNet", preferences)
    few = {"rows": FEW, "spread": 0.5}
    add("ZeroInflatedPoisson", model_of("ZeroInflatedPoisson", lambda z: []), **few)
    crowded = model_of("ZeroInflatedNegativeBinomialP", lambda z: [np.exp(-z[2])])
    add("ZeroInflatedNegativeBinomialP", crowded, **few)
    add("NegativeBinomialP", model_of("NegativeBinomialP", lambda z: [np.exp(-z[1])]), **few)
    add("OrderedModel", each_row(proportional), rows=FEW, spread=0.7)


# --- PyTorch, Keras, timm ---------------------------------------------------------------------------------------------


def weighted_logistic(args: Args, y: Any, z: Any) -> Any:
    import torch

    return torch.nn.BCEWithLogitsLoss(reduction="none", pos_weight=torch.tensor(args["pos_weight"], dtype=z.dtype))(
        z, y
    )


def asymmetric(args: Args, y: Any, z: Any) -> Any:
    """timm's module from its file: the package itself would ask for torchvision."""
    path = Path(importlib.util.find_spec("timm").submodule_search_locations[0]) / "loss/asymmetric_loss.py"
    spec = importlib.util.spec_from_file_location("timm_asymmetric_loss", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.AsymmetricLossMultiLabel(reduction="none", **args)(z[:, None], y[:, None])[:, 0]


def gaussian(args: Args, y: Any, z: Any) -> Any:
    import torch

    return torch.nn.GaussianNLLLoss(reduction="none")(z[:, 0], y, torch.exp(2 * z[:, 1]))


def margin_ranking(args: Args, y: Any, z: Any) -> Any:
    import torch

    made = torch.nn.MarginRankingLoss(margin=args["margin"], reduction="none")
    return made(z[:, 0], z[:, 1], torch.where(y > 0, 1.0, -1.0))


def soft_margin(args: Args, y: Any, ahead: Any) -> Any:
    import torch

    return torch.nn.SoftMarginLoss(reduction="none")(ahead, torch.where(y > 0, 1.0, -1.0))


def _torch() -> None:
    PROOFS["torch", "BCEWithLogitsLoss/WeightedLogistic"] = Proof(each=torched(weighted_logistic))
    PROOFS["torch", "GaussianNLLLoss/GaussianNLL"] = Proof(each=torched(gaussian))
    PROOFS["timm", "AsymmetricLossMultiLabel"] = Proof(each=torched(asymmetric), tolerance=3e-5, spread=0.2)
    PROOFS["torch", "MarginRankingLoss"] = Proof(each=torched(margin_ranking))
    PROOFS["torch", "SoftMarginLoss/RankNet"] = Proof(each=torched(soft_margin))
    log_error = torched(_keras_loss("MeanSquaredLogarithmicError"))
    PROOFS["keras", "MeanSquaredLogarithmicError"] = Proof(each=log_error, tolerance=1e-4, spread=0.5, positive=True)


# --- boosters -------------------------------------------------------------------------------------------------------


def survival(row: Row, args: Args, y: Any, z: Array) -> float:
    import xgboost

    data = xgboost.DMatrix(np.zeros((1, 1)), base_margin=z[:1])
    data.set_float_info("label_lower_bound", np.exp(y[:1]))
    data.set_float_info("label_upper_bound", np.exp(y[1:]))
    kind = args["aft_loss_distribution"]
    params = {"objective": row.name, "eval_metric": "aft-nloglik", "verbosity": 0, "aft_loss_distribution": kind}
    made = xgboost.Booster({**params, "aft_loss_distribution_scale": float(np.exp(z[1]))}, [data])
    return float(made.eval(data).rsplit(":", 1)[1])


def catboosted(square: bool) -> Callable[..., float]:
    def average(row: Row, args: Args, y: Array, z: Array, w: Array) -> float:
        from catboost.utils import eval_metric

        value = float(eval_metric(y, np.ascontiguousarray(z), row.name, weight=w, thread_count=1)[0])
        return value * value if square else value

    return average


def _boosters() -> None:
    single = {"tolerance": 3e-5, "spread": 0.15}
    whole = xgboosted("rmsle")
    half = {"average": lambda *a: whole(*a) ** 2 / 2}
    PROOFS["xgboost", "reg:squaredlogerror"] = Proof(**half, tolerance=3e-5, spread=0.5)
    PROOFS["xgboost", "survival:aft"] = Proof(each=each_row(survival), tolerance=3e-4, spread=0.3, rows=FEW)
    PROOFS["lightgbm", "fair"] = Proof(average=lightgbmed("fair"), **single)
    PROOFS["catboost", "MSLE"] = Proof(average=catboosted(False), tolerance=3e-5, spread=0.5)
    PROOFS["catboost", "RMSEWithUncertainty"] = Proof(average=catboosted(False), tolerance=3e-5, spread=0.5)


# --- robust losses of solvers, scores of forecasts --------------------------------------------------------------------


def estimator(row: Row, args: Args, y: Array, z: Array) -> tuple[Array, Array]:
    import gtsam

    made = getattr(gtsam.noiseModel.mEstimator, row.name).Create(*args.values())
    r = y - z
    return np.array([made.loss(v) for v in r]), -np.array([made.weight(v) * v for v in r])


def solver(row: Row, args: Args, y: Array, z: Array) -> tuple[Array, Array]:
    import pyceres

    made = getattr(pyceres, row.name)(*args.values())
    found = np.array([made.evaluate(float(r * r)) for r in z - y])
    return found[:, 0] / 2, (z - y) * found[:, 1]


def ends(z: Array) -> tuple[Array, Array]:
    return z[:, 0], z[:, 0] + np.logaddexp(0, z[:, 1])


def scored(row: Row, args: Args, y: Array, z: Array) -> tuple[Array, None]:
    import scores.continuous
    import xarray

    def labelled(values: Array) -> Any:
        return xarray.DataArray(values, dims=["row"])

    if row.name == "consistent_expectile_score":
        square = (lambda s: s * s, lambda s: 2 * s)
        given = labelled(z), labelled(y), args["alpha"]
        return scores.continuous.consistent_expectile_score(*given, *square, preserve_dims="all").values, None
    low, high = map(labelled, ends(z))
    found = scores.continuous.interval_score(low, high, labelled(y), args["interval_range"], preserve_dims="all")
    return found["total"].values, None


def forecast(row: Row, args: Args, y: Array, z: Array) -> tuple[Array, None]:
    import scoringrules

    rule = getattr(scoringrules, row.name)
    if row.name == "interval_score":
        return rule(y, *ends(z), args["alpha"]), None
    if row.name == "crps_exponential":
        return rule(y, np.exp(-z)), None
    return rule(y, *args.values(), z[:, 0], np.exp(z[:, 1])), None


def gaussian_score(row: Row, args: Args, y: Array, z: Array) -> tuple[Array, None]:
    import properscoring

    return properscoring.crps_gaussian(y, z[:, 0], np.exp(z[:, 1])), None


def diagnosed(row: Row, args: Args, y: Array, z: Array) -> tuple[Array, None]:
    from model_diagnostics.scoring import HomogeneousExpectileScore

    return HomogeneousExpectileScore(degree=2, **args).score_per_obs(y, z), None


def datafit(row: Row, args: Args, y: Any, z: Any) -> float:
    from skglm.experimental.quantile_huber import QuantileHuber

    return float(QuantileHuber(args["quantile"], args["delta"]).value(np.array([y]), np.zeros(1), np.array([z])))


# --- K scores -------------------------------------------------------------------------------------------------------


def kl_of_pytorch(args: Args, y: Any, log_p: Any) -> Any:
    import torch

    return torch.nn.KLDivLoss(reduction="none")(log_p, y).sum(dim=1)


def pictures(args: Args, y: Any, p: Any) -> Any:
    import kornia.losses

    shape = (len(y), 1, 2, 2)
    return kornia.losses.js_div_loss_2d(p.reshape(shape), y.reshape(shape), reduction="none")


def rowwise(name: str) -> Callable[..., Any]:
    """One of optax's losses, row by row."""

    def each(row: Row, args: Args, y: Array, z: Array) -> tuple[Array, Array]:
        import jax
        import optax

        with jax.enable_x64(True):
            truth = jax.numpy.asarray(y if y.ndim == 2 else y.astype(int))
            found = jax.vmap(jax.value_and_grad(getattr(optax.losses, name)))(jax.numpy.asarray(z), truth)
            return np.asarray(found[0]), np.asarray(found[1])

    return each


def quadratic(row: Row, args: Args, y: Array, p: Array, w: Array) -> float:
    from sklearn.metrics import brier_score_loss

    return float(brier_score_loss(y, p, sample_weight=w, scale_by_half=False, labels=range(p.shape[1])))


def _classes() -> None:
    import scipy.special
    from scipy.spatial.distance import jensenshannon

    def add(name: str, function: Callable[[Args, Array, Array], Array]) -> None:
        PROOFS["scipy", name] = Proof(each=values(function), tolerance=1e-9)

    add("special.kl_div/KullbackLeibler", lambda a, y, p: scipy.special.kl_div(y, p).sum(axis=1))
    add("special.rel_entr", lambda a, y, p: scipy.special.rel_entr(p, np.maximum(y, 1e-8)).sum(axis=1))
    add("spatial.distance.jensenshannon", lambda a, y, p: jensenshannon(y, p, axis=1) ** 2)
    PROOFS["torch", "KLDivLoss"] = Proof(each=torched(kl_of_pytorch))
    PROOFS["kornia", "js_div_loss_2d"] = Proof(each=torched(pictures), tolerance=1e-6)
    for name in ("kl_divergence", "multiclass_hinge_loss"):
        PROOFS["optax", name] = Proof(each=rowwise(name))
    PROOFS["sklearn", "brier_score_loss/MultiClassBrier"] = Proof(average=quadratic)
    focal = _keras_loss("BinaryFocalCrossentropy", "gamma", "alpha", "from_logits", "apply_class_balancing")
    PROOFS["keras", "BinaryFocalCrossentropy/MultiLabelFocal"] = Proof(each=torched(focal), spread=0.3, tolerance=2e-5)
    weighed = jaxed("sigmoid_focal_loss", "gamma", "alpha")
    PROOFS["optax", "sigmoid_focal_loss/MultiLabelFocal"] = Proof(each=weighed, tolerance=1e-8)


def _others() -> None:
    PROOFS["skglm", "QuantileHuber"] = Proof(each=each_row(datafit), tolerance=1e-9)
    for name in ("Huber", "Fair", "Cauchy", "Tukey", "Welsch", "GemanMcClure", "DCS", "L2WithDeadZone"):
        PROOFS["gtsam", name] = Proof(each=estimator, tolerance=1e-9)
    PROOFS["gtsam", "TruncatedLeastSquares"] = Proof(each=estimator, tolerance=1e-9)
    for name in ("HuberLoss", "SoftLOneLoss", "CauchyLoss"):
        PROOFS["ceres", name] = Proof(each=solver, tolerance=1e-6)  # pyceres takes single precision
    PROOFS["river", "EpsilonInsensitiveHinge"] = Proof(each=streamed, tolerance=1e-9)
    PROOFS["scores", "consistent_expectile_score"] = Proof(each=scored, tolerance=1e-7)
    PROOFS["scores", "interval_score"] = Proof(each=scored, tolerance=1e-9)
    for name in ("interval_score", "logs_normal", "logs_laplace", "logs_t"):
        PROOFS["scoringrules", name] = Proof(each=forecast, tolerance=1e-9, spread=0.4)
    for name in ("crps_normal", "crps_logistic", "crps_laplace", "crps_exponential", "logs_logistic"):
        PROOFS["scoringrules", name] = Proof(each=forecast, tolerance=1e-9, spread=0.4)
    PROOFS["properscoring", "crps_gaussian"] = Proof(each=gaussian_score, tolerance=1e-9, spread=0.4)
    PROOFS["model_diagnostics", "HomogeneousExpectileScore"] = Proof(each=diagnosed, tolerance=1e-9)
    PROOFS["mord", "LogisticAT"] = Proof(each=each_row(thresholds), tolerance=1e-9, rows=FEW)
    PROOFS["sklearn", "mean_squared_log_error"] = Proof(average=log_error, tolerance=1e-9, spread=0.5)
    PROOFS["sklearn", "beta_divergence"] = Proof(each=values(nmf), tolerance=1e-7, rows=200)
    PROOFS["sklearn", "SGDClassifier/MarginRanking"] = Proof(each=rank_svm)


for fill in (_scipy, _statsmodels, _torch, _boosters, _classes, _others):
    fill()
