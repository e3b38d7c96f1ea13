"""Other libraries' losses, called: what each row of the Rosetta table claims is computed here by the library itself.

A proof takes the row, their arguments, y and their prediction, and gives the loss of each row (`each`), with its
gradient where the library has one; or, where a library only has averages, their weighted mean (`average`).
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lossmith.adapters.rosetta import Row

Array = np.ndarray
Args = dict[str, Any]


@dataclass(frozen=True)
class Proof:
    """How a library's loss is computed. `classes`: K scores a row; `sign`: labels are −1 and +1."""

    each: Callable[[Row, Args, Array, Array], tuple[Array, Array | None]] | None = None
    average: Callable[[Row, Args, Array, Array, Array], float] | None = None
    classes: bool = False
    sign: bool = False
    tolerance: float = 1e-12
    spread: float = 1.0
    """How far z may go, as a share of the usual."""
    rows: int = 1000
    positive: bool = False
    """Only raw predictions that are not negative: others are clipped there."""


PROOFS: dict[tuple[str, str], Proof] = {}
NEEDS = {
    "sklearn": "sklearn", "torch": "torch", "keras": "keras", "optax": "optax", "kornia": "kornia", "scipy": "scipy",
    "statsmodels": "statsmodels", "xgboost": "xgboost", "lightgbm": "lightgbm", "catboost": "catboost",
    "ceres": "pyceres",
}  # fmt: skip
ON_PYTORCH = (
    "keras", "kornia", "timm", "entmax", "coral_pytorch", "pytorch_optimizer", "pytorch_toolbelt", "sb3_contrib",
    "mmpretrain",
)  # fmt: skip


def installed(peer: str) -> bool:
    """Is the library there? Keras also needs a backend: PyTorch."""
    packages = [NEEDS.get(peer, peer), *(["torch"] if peer in ON_PYTORCH else [])]
    return all(importlib.util.find_spec(p) is not None for p in packages)


def proof(row: Row) -> Proof | None:
    """The proof of a row; of several with one name the one for this kind of loss."""
    return PROOFS.get((row.peer, f"{row.name}/{row.loss}")) or PROOFS.get((row.peer, row.name))


# --- scikit-learn ---------------------------------------------------------------------------------------------------


def boosting(name: str, **fixed: str) -> Callable[..., Any]:
    """One of the private losses behind the boosting models and the generalised linear models."""

    def each(row: Row, args: Args, y: Array, z: Array) -> tuple[Array, Array]:
        import sklearn._loss.loss as theirs

        given = {theirs_name: args[ours] for theirs_name, ours in fixed.items()}
        extra = {"n_classes": z.shape[1]} if z.ndim == 2 else {}
        return getattr(theirs, name)(**given, **extra).loss_gradient(y, np.ascontiguousarray(z))

    return each


def descent(name: str, *fixed: Any) -> Callable[..., Any]:
    """One of the losses of stochastic gradient descent."""

    def each(row: Row, args: Args, y: Array, z: Array) -> tuple[Array, Array]:
        import sklearn.linear_model._sgd_fast as theirs

        made = getattr(theirs, name)(*(args[f] if isinstance(f, str) else f for f in fixed))
        pairs = list(zip(z.tolist(), y.tolist(), strict=True))
        slope = getattr(made, "py_dloss", None)
        gradient = np.array([slope(*p) for p in pairs]) if slope else None
        return np.array([made.py_loss(*p) for p in pairs]), gradient

    return each


def metric(name: str, **fixed: Any) -> Callable[..., float]:
    """A metric, averaged with weights."""

    def average(row: Row, args: Args, y: Array, z: Array, w: Array) -> float:
        import sklearn.metrics

        given = {k: args[v] if isinstance(v, str) else v for k, v in fixed.items()}
        return float(getattr(sklearn.metrics, name)(y, z, sample_weight=w, **given))

    return average


def concomitant(row: Row, args: Args, y: Array, z: Array, w: Array) -> float:
    from sklearn.linear_model._huber import _huber_loss_and_gradient

    total, _ = _huber_loss_and_gradient(np.array([1.0, 1.0]), z[:, None], y, args["epsilon"], 0.0, w)
    return float(total / w.sum() - 1)


def _sklearn() -> None:
    def add(name: str, one: Proof) -> None:
        PROOFS["sklearn", name] = one

    for name in ("LinearRegression", "Ridge", "mean_squared_error"):
        add(name, Proof(average=metric("mean_squared_error")))
    add("mean_absolute_error", Proof(average=metric("mean_absolute_error")))
    add("mean_pinball_loss", Proof(average=metric("mean_pinball_loss", alpha="alpha")))
    add("QuantileRegressor", Proof(average=metric("mean_pinball_loss", alpha="quantile")))
    add("mean_absolute_percentage_error", Proof(average=metric("mean_absolute_percentage_error")))
    add("brier_score_loss", Proof(average=metric("brier_score_loss", labels=[0, 1])))
    add("log_loss", Proof(average=metric("log_loss", labels=[0, 1]), spread=0.5, tolerance=1e-9))
    add("hinge_loss", Proof(average=metric("hinge_loss")))
    add("mean_poisson_deviance", Proof(average=metric("mean_poisson_deviance"), tolerance=1e-9))
    add("mean_gamma_deviance", Proof(average=metric("mean_gamma_deviance"), tolerance=1e-9))
    add("mean_tweedie_deviance", Proof(average=metric("mean_tweedie_deviance", power="power"), tolerance=1e-9))
    add("HuberRegressor", Proof(average=concomitant))
    for kind, name, parts in (
        ("Hinge", "Hinge", (1.0,)),
        ("EpsilonInsensitive", "EpsilonInsensitive", ("epsilon",)), ("ModifiedHuber", "ModifiedHuber", ()),
        ("SquaredEpsilonInsensitive", "SquaredEpsilonInsensitive", ("epsilon",)), ("Perceptron", "Hinge", (0.0,)),
        ("SquaredHinge", "SquaredHinge", (1.0,)),
    ):  # fmt: skip
        for where in ("SGDRegressor", "SGDClassifier", "LinearSVR", "SVR", "LinearSVC", "SVC", "Perceptron"):
            add(f"{where}/{kind}", Proof(each=descent(name, *parts), sign=True))
    add("SGDRegressor/Squared", Proof(each=boosting("HalfSquaredError")))
    add("SGDRegressor/Huber", Proof(each=boosting("HuberLoss", delta="epsilon")))
    add("SGDClassifier/SquaredMargin", Proof(each=boosting("HalfSquaredError"), sign=True))
    add("SGDClassifier/Logistic", Proof(each=boosting("HalfBinomialLoss")))
    forests = ("HistGradientBoostingRegressor", "GradientBoostingRegressor", "MLPRegressor")
    for where in forests:
        add(f"{where}/Squared", Proof(each=boosting("HalfSquaredError")))
        add(f"{where}/Absolute", Proof(each=boosting("AbsoluteError")))
        add(f"{where}/Poisson", Proof(each=boosting("HalfPoissonLoss")))
        add(f"{where}/Gamma", Proof(each=boosting("HalfGammaLoss")))
    add("PoissonRegressor", Proof(each=boosting("HalfPoissonLoss")))
    add("GammaRegressor", Proof(each=boosting("HalfGammaLoss")))
    add("TweedieRegressor", Proof(each=boosting("HalfTweedieLoss", power="power")))
    add("HistGradientBoostingRegressor/Quantile", Proof(each=boosting("PinballLoss", quantile="quantile")))
    add("GradientBoostingRegressor/Quantile", Proof(each=boosting("PinballLoss", quantile="alpha")))
    add(
        "GradientBoostingRegressor/Huber",
        Proof(each=lambda r, a, y, z: boosting("HuberLoss", delta="d")(r, {"d": 1.0}, y, z)),
    )
    for where in ("LogisticRegression", "HistGradientBoostingClassifier", "GradientBoostingClassifier"):
        add(f"{where}/Logistic", Proof(each=boosting("HalfBinomialLoss")))
        add(f"{where}/CrossEntropy", Proof(each=boosting("HalfMultinomialLoss"), classes=True))
        add(f"{where}/Exponential", Proof(each=boosting("ExponentialLoss")))


# --- PyTorch, Keras on PyTorch, kornia --------------------------------------------------------------------------------


def torched(function: Callable[[Args, Any, Any], Any]) -> Callable[..., tuple[Array, Array]]:
    """A differentiable function of tensors (their arguments, y, z), unreduced."""

    def each(row: Row, args: Args, y: Array, z: Array) -> tuple[Array, Array]:
        import torch

        free = torch.tensor(z, dtype=torch.float64, requires_grad=True)
        values = function(args, torch.tensor(y, dtype=torch.float64), free)
        values.sum().backward()
        return values.detach().numpy().reshape(len(z)), free.grad.numpy()

    return each


def _module(name: str, *keep: str) -> Callable[..., Any]:
    def call(args: Args, y: Any, z: Any) -> Any:
        import torch

        return getattr(torch.nn, name)(reduction="none", **{k: args[k] for k in keep})(z, y)

    return call


def _indexed(name: str, *keep: str) -> Callable[..., Any]:
    plain = _module(name, *keep)
    return lambda args, y, z: plain(args, y.long(), z)


def _gaussian(args: Args, y: Any, z: Any) -> Any:
    import torch

    return torch.nn.GaussianNLLLoss(reduction="none")(z, y, torch.ones_like(z))


def _torch() -> None:
    for name, keep in (("MSELoss", ()), ("L1Loss", ()), ("HuberLoss", ("delta",)), ("SmoothL1Loss", ("beta",)),
                       ("BCEWithLogitsLoss", ()), ("PoissonNLLLoss", ())):  # fmt: skip
        PROOFS["torch", name] = Proof(each=torched(_module(name, *keep)))
    PROOFS["torch", "BCELoss"] = Proof(each=torched(_module("BCELoss")), spread=0.5, tolerance=1e-9)
    PROOFS["torch", "SoftMarginLoss"] = Proof(each=torched(_module("SoftMarginLoss")), sign=True)
    PROOFS["torch", "CrossEntropyLoss"] = Proof(each=torched(_indexed("CrossEntropyLoss")), classes=True)
    smoothed = torched(_indexed("CrossEntropyLoss", "label_smoothing"))
    PROOFS["torch", "CrossEntropyLoss/LabelSmoothing"] = Proof(each=smoothed, classes=True)
    PROOFS["torch", "NLLLoss"] = Proof(each=torched(_indexed("NLLLoss")), classes=True)
    PROOFS["torch", "GaussianNLLLoss"] = Proof(each=torched(_gaussian))


def _keras_loss(name: str, *keep: str, one_hot: bool = False) -> Callable[..., Any]:
    def call(args: Args, y: Any, z: Any) -> Any:
        os.environ.setdefault("KERAS_BACKEND", "torch")
        import keras
        import torch

        made = getattr(keras.losses, name)(reduction=None, dtype="float64", **{k: args[k] for k in keep if k in args})
        truth = torch.nn.functional.one_hot(y.long(), z.shape[1]).double() if one_hot else y
        return made(truth[:, None] if z.ndim == 1 else truth, z[:, None] if z.ndim == 1 else z)

    return call


def _keras() -> None:
    def add(name: str, *keep: str, one_hot: bool = False, **more: Any) -> None:
        PROOFS["keras", name] = Proof(each=torched(_keras_loss(name.split("/")[0], *keep, one_hot=one_hot)), **more)

    rounded = {"tolerance": 2e-6}  # Keras averages over the last axis in float32 whatever dtype is asked for
    for name in ("MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "LogCosh"):
        add(name, **rounded)
    add("Huber", "delta", **rounded)
    add("Hinge", sign=True, **rounded)
    add("SquaredHinge", sign=True, **rounded)
    add("Poisson", tolerance=2e-5)
    add("BinaryCrossentropy", "from_logits", spread=0.3, tolerance=2e-6)
    add("BinaryFocalCrossentropy", "gamma", "from_logits", spread=0.3, tolerance=2e-5)
    hot = {"one_hot": True, "classes": True}
    add("CategoricalCrossentropy", "from_logits", **hot)
    add("CategoricalCrossentropy/LabelSmoothing", "from_logits", "label_smoothing", **hot)
    add("SparseCategoricalCrossentropy", "from_logits", classes=True)
    add("CategoricalFocalCrossentropy", "from_logits", "alpha", "gamma", **hot, spread=0.2, tolerance=1e-4)
    add("CategoricalGeneralizedCrossEntropy", "q", classes=True, spread=0.2, tolerance=1e-4)


def _kornia() -> None:
    def pair(name: str) -> Callable[..., Any]:
        def call(args: Args, y: Any, z: Any) -> Any:
            import kornia.losses

            return getattr(kornia.losses, name)(z, y, reduction="none")

        return call

    def focal(args: Args, y: Any, z: Any) -> Any:
        import kornia.losses

        return kornia.losses.focal_loss(z, y.long(), alpha=None, gamma=args["gamma"], reduction="none").sum(1)

    def binary(args: Args, y: Any, z: Any) -> Any:
        import kornia.losses

        given = {"alpha": None, "gamma": args["gamma"], "reduction": "none"}
        return kornia.losses.binary_focal_loss_with_logits(z[:, None], y[:, None], **given)

    for name in ("charbonnier_loss", "cauchy_loss", "geman_mcclure_loss", "welsch_loss"):
        PROOFS["kornia", name] = Proof(each=torched(pair(name)), tolerance=1e-9)
    PROOFS["kornia", "focal_loss"] = Proof(each=torched(focal), classes=True)
    PROOFS["kornia", "binary_focal_loss_with_logits"] = Proof(each=torched(binary))


# --- optax ----------------------------------------------------------------------------------------------------------


def jaxed(name: str, *keep: str, one_hot: bool = False, whole: bool = False) -> Callable[..., Any]:
    def each(row: Row, args: Args, y: Array, z: Array) -> tuple[Array, Array]:
        import jax
        import optax

        with jax.enable_x64(True):
            truth = jax.nn.one_hot(y.astype(int), z.shape[1], dtype="float64") if one_hot else y
            truth = y.astype(int) if whole else jax.numpy.asarray(truth)

            def total(raw: Any) -> Any:
                values = getattr(optax.losses, name)(raw, truth, **{k: args[k] for k in keep})
                return values.sum(), values

            (_, values), gradient = jax.value_and_grad(total, has_aux=True)(jax.numpy.asarray(z))
            return np.asarray(values), np.asarray(gradient)

    return each


def _optax() -> None:
    def add(name: str, each: Callable[..., Any], **more: Any) -> None:
        PROOFS["optax", name] = Proof(each=each, **more)

    for name in ("l2_loss", "squared_error", "log_cosh", "sigmoid_binary_cross_entropy"):
        add(name, jaxed(name), tolerance=1e-9 if name == "log_cosh" else 1e-12)
    add("huber_loss", jaxed("huber_loss", "delta"))
    for name in ("hinge_loss", "perceptron_loss"):
        add(name, jaxed(name), sign=True)
    add("sigmoid_focal_loss", jaxed("sigmoid_focal_loss", "gamma"), tolerance=1e-8)
    add("softmax_cross_entropy", jaxed("softmax_cross_entropy", one_hot=True), classes=True)
    whole = "softmax_cross_entropy_with_integer_labels"
    add(whole, jaxed(whole, whole=True), classes=True)
    add("poly_loss_cross_entropy", jaxed("poly_loss_cross_entropy", "epsilon", one_hot=True), classes=True)


# --- SciPy ----------------------------------------------------------------------------------------------------------


def robust(row: Row, args: Args, y: Array, z: Array) -> tuple[Array, Array]:
    from scipy.optimize._lsq.least_squares import IMPLEMENTED_LOSSES

    C, r = args.get("f_scale", 1.0), z - y
    if args["loss"] == "linear":
        return r * r / 2, r
    rho = np.empty((3, len(r)))
    IMPLEMENTED_LOSSES[args["loss"]]((r / C) ** 2, rho, False)
    return C * C * rho[0] / 2, r * rho[1]


def _scipy() -> None:
    import scipy.special
    import scipy.stats

    def add(name: str, values: Callable[[Args, Array, Array], Array], tolerance: float = 1e-9) -> None:
        PROOFS["scipy", name] = Proof(each=lambda row, a, y, z: (values(a, y, z), None), tolerance=tolerance)

    PROOFS["scipy", "least_squares"] = Proof(each=robust, tolerance=1e-9)
    add("special.huber", lambda a, y, z: scipy.special.huber(a["delta"], y - z))
    add("special.pseudo_huber", lambda a, y, z: scipy.special.pseudo_huber(a["delta"], y - z))
    add("stats.t.logpdf", lambda a, y, z: scipy.stats.t.logpdf(y - z, a["df"]))
    add("stats.norm.logcdf", lambda a, y, z: scipy.stats.norm.logcdf(np.where(y > 0, z, -z)))
    add("stats.poisson.logpmf", lambda a, y, z: scipy.stats.poisson.logpmf(y, z))
    add("stats.nbinom.logpmf", lambda a, y, z: scipy.stats.nbinom.logpmf(y, a["n"], a["n"] / (a["n"] + np.exp(z))))
    add("stats.gamma.logpdf", lambda a, y, z: scipy.stats.gamma.logpdf(y, 1, scale=np.exp(z)))
    add("stats.invgauss.logpdf", lambda a, y, z: scipy.stats.invgauss.logpdf(y, np.exp(z)), 1e-7)


# --- statsmodels ----------------------------------------------------------------------------------------------------


def norm(row: Row, args: Args, y: Array, z: Array) -> tuple[Array, Array]:
    from statsmodels.robust import norms

    made = getattr(norms, row.name)(**args)
    return made.rho(y - z), -made.psi(y - z)


def discrete(row: Row, args: Args, y: Array, z: Array) -> tuple[Array, None]:
    import statsmodels.api as sm

    return getattr(sm, row.name)(y, z[:, None]).loglikeobs(np.ones(1)), None


def family(row: Row, args: Args, y: Array, mu: Array, w: Array) -> float:
    import statsmodels.api as sm

    given = {k: v for k, v in args.items() if k != "link"}
    made = getattr(sm.families, row.name.removeprefix("families."))(**given)  # of μ: the link says what p is of z
    return float(made.deviance(y, mu, freq_weights=w) / w.sum())


def _statsmodels() -> None:
    for name in ("LeastSquares", "HuberT", "TukeyBiweight", "AndrewWave", "TrimmedMean", "StudentT"):
        PROOFS["statsmodels", name] = Proof(each=norm, tolerance=1e-9)
    for name in ("Logit", "Probit"):
        PROOFS["statsmodels", name] = Proof(each=discrete, tolerance=1e-9, spread=0.2)
    for name in ("Poisson", "Gamma", "InverseGaussian", "Tweedie", "NegativeBinomial", "Binomial"):
        PROOFS["statsmodels", f"families.{name}"] = Proof(average=family, tolerance=1e-8, spread=0.2)


# --- boosters: their metrics, before a first tree -------------------------------------------------------------------


def xgboosted(name: str, half_root: bool = False) -> Callable[..., float]:
    def average(row: Row, args: Args, y: Array, z: Array, w: Array) -> float:
        import xgboost

        data = xgboost.DMatrix(np.zeros((len(y), 1)), label=y, weight=w, base_margin=z)
        more = {"num_class": z.shape[1]} if z.ndim == 2 else {}
        at = f"@{args['tweedie_variance_power']:g}" if "tweedie" in name else ""
        params = {"objective": row.name, "eval_metric": name + at, "verbosity": 0, **more, **args}
        value = float(xgboost.Booster(params, [data]).eval(data).rsplit(":", 1)[1])
        return value * value / 2 if half_root else value

    return average


def lightgbmed(name: str) -> Callable[..., float]:
    def average(row: Row, args: Args, y: Array, z: Array, w: Array) -> float:
        import lightgbm

        start = z.ravel(order="F") if z.ndim == 2 else z
        data = lightgbm.Dataset(np.arange(len(y), dtype=float)[:, None], y, weight=w, init_score=start)
        more = {"num_class": z.shape[1]} if z.ndim == 2 else {}
        params = {"objective": row.name, "metric": name, "verbosity": -1, "num_threads": 1, **more, **args}
        return float(lightgbm.Booster(params, data).eval_train()[0][2])

    return average


def catboosted(row: Row, args: Args, y: Array, z: Array, w: Array) -> float:
    from catboost.utils import eval_metric

    parts = ";".join(f"{k}={v!r}" for k, v in args.items())
    name = f"{row.name}:{parts}" if parts else row.name
    value = float(eval_metric(y, z, name, weight=w, thread_count=1)[0])
    return value * value if row.name == "RMSE" else value


def _boosters() -> None:
    single = {"tolerance": 3e-5, "spread": 0.15}
    for name, metric_name in (
        ("reg:squarederror", "rmse"), ("reg:absoluteerror", "mae"), ("reg:pseudohubererror", "mphe"),
        ("reg:quantileerror", "quantile"), ("binary:logistic", "logloss"), ("reg:logistic", "logloss"),
        ("count:poisson", "poisson-nloglik"), ("reg:gamma", "gamma-nloglik"), ("reg:tweedie", "tweedie-nloglik"),
    ):  # fmt: skip
        PROOFS["xgboost", name] = Proof(average=xgboosted(metric_name, metric_name == "rmse"), **single)
    PROOFS["xgboost", "multi:softprob"] = Proof(average=xgboosted("mlogloss"), classes=True, **single)
    for name, metric_name in (
        ("regression", "l2"), ("regression_l1", "l1"), ("huber", "huber"), ("quantile", "quantile"), ("mape", "mape"),
        ("poisson", "poisson"), ("gamma", "gamma"), ("tweedie", "tweedie"), ("binary", "binary_logloss"),
        ("cross_entropy", "cross_entropy"),
    ):  # fmt: skip
        PROOFS["lightgbm", name] = Proof(average=lightgbmed(metric_name), **single)
    PROOFS["lightgbm", "multiclass"] = Proof(average=lightgbmed("multi_logloss"), classes=True, **single)
    for name in (
        "RMSE", "MAE", "Quantile", "Expectile", "Huber", "Lq", "LogCosh", "MAPE", "Poisson", "Tweedie", "Logloss",
        "CrossEntropy", "BrierScore",
    ):  # fmt: skip
        PROOFS["catboost", name] = Proof(average=catboosted, **single)
    # CatBoost's log cosh is an approximation, up to 1e-4 off (docs/disagreements.md)
    PROOFS["catboost", "LogCosh"] = Proof(average=catboosted, tolerance=1e-3, spread=0.15)
    PROOFS["catboost", "MultiClass"] = Proof(average=catboosted, classes=True, **single)


for fill in (_sklearn, _torch, _keras, _kornia, _optax, _scipy, _statsmodels, _boosters):
    fill()
