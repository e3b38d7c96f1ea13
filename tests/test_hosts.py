"""Losses in SciPy, Optuna, scikit-learn's scorers and skglm, and what is said where a host is missing or cannot."""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from scipy.optimize import least_squares

import lossmith
from lossmith.adapters import hosts
from lossmith.adapters.hosts import TESTED, host
from lossmith.catalogue import every, losses
from lossmith.errors import DataError, MissingExtra, ParameterError, UnsupportedError

RNG = np.random.default_rng(0)

# --- SciPy: half of each of its losses is one of ours ---------------------------------------------------------------

BUILT_IN = {
    "linear": lossmith.Squared(),
    "huber": lossmith.Huber(delta=1.0),
    "soft_l1": lossmith.PseudoHuber(delta=1.0),
    "cauchy": lossmith.Cauchy(c=1.0),
    "arctan": lossmith.Arctan(c=1.0),
}


def line(at: Any, x: Any, y: Any) -> Any:
    return at[0] * x + at[1] - y


@pytest.mark.parametrize("name", BUILT_IN)
def test_rows_and_fits_are_those_of_scipy(name: str) -> None:
    """Catches ρ(r) for ρ(r²), a forgotten factor 2, and ρ″ of r instead of r²."""
    from scipy.optimize._lsq.least_squares import IMPLEMENTED_LOSSES

    rho = lossmith.scipy.rho(BUILT_IN[name])
    z = np.concatenate([np.geomspace(1e-3, 0.98, 20), np.geomspace(1.02, 1e4, 20)])
    theirs = np.empty((3, len(z)))
    if name == "linear":
        theirs[:] = z, np.ones_like(z), np.zeros_like(z)
    else:
        IMPLEMENTED_LOSSES[name](z, theirs, cost_only=False)
    assert np.allclose(rho(z), theirs, rtol=1e-9, atol=1e-10)
    x = np.linspace(0, 10, 60)
    y = 3 * x - 2 + 0.2 * RNG.normal(size=60)
    y[::7] += 15
    given = {"args": (x, y), "f_scale": 0.5, "xtol": 1e-14, "ftol": 1e-14, "gtol": 1e-14}
    ours = least_squares(line, [1.0, 0.0], loss=rho, **given)
    built_in = least_squares(line, [1.0, 0.0], loss=name, **given)
    assert np.allclose(ours.x, built_in.x, atol=1e-6) and ours.cost == pytest.approx(built_in.cost, rel=1e-9)


def test_a_loss_that_scipy_has_not() -> None:
    x = np.linspace(0, 10, 60)
    y = 3 * x - 2 + 0.2 * RNG.normal(size=60)
    y[::5] += 40
    start = least_squares(line, [1.0, 0.0], loss="cauchy", args=(x, y)).x
    fit = least_squares(line, start, loss=lossmith.scipy.rho("tukey"), args=(x, y), f_scale=0.5)
    assert np.allclose(fit.x, [3, -2], atol=0.2)
    assert fit.cost == pytest.approx(0.25 * lossmith.Tukey().value(fit.fun / 0.5, 0 * fit.fun).sum())


@pytest.mark.parametrize(
    ("name", "says"),
    [("quantile", "not even|jumps"), ("absolute", "jumps or is steep"), ("poisson", "no function of the residual")],
)
def test_what_scipy_cannot_carry(name: str, says: str) -> None:
    with pytest.raises(UnsupportedError, match=says):
        lossmith.scipy.rho(name)


def test_residuals_of_zero_are_numbers_for_every_loss_that_scipy_carries() -> None:
    z, carried = np.array([0.0, 1e-300, 1e-12, 1e-3, 1.0, 1e6]), 0
    for name in losses():
        try:
            rho = lossmith.scipy.rho(name)
        except UnsupportedError:
            continue
        carried += 1
        assert np.isfinite(rho(z)).all(), name
    assert carried > 15


# --- Optuna --------------------------------------------------------------------------------------------------------


def test_search_spaces_keep_to_the_domains() -> None:
    """Catches an end that is not part of the domain, and a logarithm of 0."""
    optuna = pytest.importorskip("optuna")
    for name, kind in every().items():
        for parameter, spread in lossmith.optuna.distributions(kind()).items():
            low, high = spread.low, spread.high
            assert low < high and low in kind.declared[parameter].domain, (name, parameter)
            assert high in kind.declared[parameter].domain
            assert low <= kind.declared[parameter].default <= high
    assert lossmith.optuna.distributions("huber")["delta"] == optuna.distributions.FloatDistribution(
        0.1345, 13.45, log=True
    )


def test_a_study_finds_the_parameter() -> None:
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    seen = set()

    def objective(trial: Any) -> float:
        loss = lossmith.optuna.suggest(trial, ["huber", "absolute"], {"delta": (0.5, 4.0)})
        seen.add(loss.name)
        return abs(loss.params.get("delta", 9.0) - 2.0)

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(objective, n_trials=40)
    assert seen == {"Huber", "Absolute"} and study.best_params["loss"] == "Huber"
    assert abs(study.best_params["Huber.delta"] - 2) < 0.3
    with pytest.raises(ParameterError, match="delta must be"):
        lossmith.optuna.distributions("huber", {"delta": (-1.0, 2.0)})


# --- scorers of scikit-learn ----------------------------------------------------------------------------------------


def tables() -> tuple[Any, Any]:
    X = RNG.normal(size=(200, 3))
    return X, X @ [1.0, -1.0, 0.5] + RNG.normal(size=200)


def test_scorers_are_those_of_scikit_learn() -> None:
    """Catches the sign, and weights that are not passed on."""
    from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor
    from sklearn.metrics import log_loss, mean_absolute_error, mean_pinball_loss, mean_poisson_deviance

    X, y = tables()
    w = RNG.uniform(size=200)
    model = LinearRegression().fit(X, y)
    p = model.predict(X)
    assert lossmith.scorer("absolute")(model, X, y, w) == pytest.approx(-mean_absolute_error(y, p, sample_weight=w))
    pinball = mean_pinball_loss(y, p, sample_weight=w, alpha=0.8)
    assert lossmith.scorer("quantile", tau=0.8)(model, X, y, w) == pytest.approx(-pinball)
    counts = RNG.poisson(np.exp(0.3 * X[:, 0]))
    rates = PoissonRegressor().fit(X, counts)
    mean = rates.predict(X)
    constant = 2 * np.mean(np.where(counts > 0, counts * np.log(np.maximum(counts, 1)), 0) - counts)
    ours = lossmith.scorer("poisson")(rates, X, counts)
    assert -2 * ours + constant == pytest.approx(mean_poisson_deviance(counts, mean))
    for labels in ((y > 0).astype(int), np.where(y > 0, "yes", "no"), np.digitize(y, [-0.5, 0.5])):
        classifier = LogisticRegression().fit(X, labels)
        wanted = -log_loss(labels, classifier.predict_proba(X), sample_weight=w)
        for response in ("", "predict_proba"):
            got = lossmith.scorer("cross_entropy", response=response)(classifier, X, labels, w)
            assert got == pytest.approx(wanted)


def test_scorers_in_a_search_and_with_probabilities_only() -> None:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GridSearchCV, cross_val_score

    X, y = tables()
    search = GridSearchCV(Ridge(), {"alpha": [0.1, 1e4]}, scoring=lossmith.scorer("huber", delta=1.0)).fit(X, y)
    assert search.best_params_["alpha"] == 0.1
    forest = RandomForestClassifier(20, random_state=0)
    for name in ("logistic", "binary_cross_entropy", "focal"):
        assert (cross_val_score(forest, X, y > 0, scoring=lossmith.scorer(name), cv=2) < 0).all()


def test_what_a_scorer_cannot_judge() -> None:
    from sklearn.linear_model import LinearRegression, LogisticRegression

    X, y = tables()
    model = LinearRegression().fit(X, y)
    with pytest.raises(UnsupportedError, match="several outputs"):
        lossmith.scorer("gaussian_nll")(model, X, y)
    with pytest.raises(UnsupportedError, match="judges classifiers"):
        lossmith.scorer("hinge")(model, X, y)
    with pytest.raises(DataError, match="never saw"):
        lossmith.scorer("hinge")(LogisticRegression().fit(X, y > 0), X, np.full(200, 7))
    with pytest.raises(ParameterError, match="predict_proba or decision_function"):
        lossmith.scorer("hinge", response="predict")


# --- skglm ---------------------------------------------------------------------------------------------------------


def l1_fit(datafit: Any, X: Any, y: Any, solver: str = "AndersonCD") -> Any:
    solvers, penalties = pytest.importorskip("skglm.solvers"), pytest.importorskip("skglm.penalties")
    from skglm import GeneralizedLinearEstimator

    made = getattr(solvers, solver)(fit_intercept=True, tol=1e-10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return GeneralizedLinearEstimator(datafit, penalties.L1(0.03), made).fit(X, y)


@pytest.mark.parametrize("sparse", [False, True])
def test_datafits_are_those_of_skglm(sparse: bool) -> None:
    """Catches a bound that is too small (coordinate descent diverges), and a slope of the wrong sign."""
    datafits = pytest.importorskip("skglm.datafits")
    import scipy.sparse

    X, y = tables()
    X = scipy.sparse.csc_matrix(X * (RNG.random(X.shape) < 0.5)) if sparse else X
    ours = l1_fit(lossmith.skglm.datafit("huber", delta=0.8), X, y)
    theirs = l1_fit(datafits.Huber(0.8), X, y)
    assert np.allclose(ours.coef_, theirs.coef_, atol=1e-8) and np.allclose(ours.intercept_, theirs.intercept_)


@pytest.mark.slow  # Numba compiles for long
def test_newton_steps_and_a_loss_that_skglm_has_not() -> None:
    datafits = pytest.importorskip("skglm.datafits")
    X, y = tables()
    labels = np.where(y > 0, 1.0, -1.0)
    ours = l1_fit(lossmith.skglm.datafit("logistic"), X, labels, "ProxNewton")
    assert np.allclose(ours.coef_, l1_fit(datafits.Logistic(), X, labels, "ProxNewton").coef_, atol=1e-7)
    fit = l1_fit(lossmith.skglm.datafit("log_cosh"), X, y)
    same = lossmith.LinearRegressor(loss="log_cosh", penalty="l1", alpha=0.03, scale=1.0).fit(X, y)
    assert np.allclose(fit.coef_, same.coef_, atol=1e-6)


def test_targets_that_a_datafit_does_not_admit() -> None:
    """Catches real numbers that are fitted as labels."""
    pytest.importorskip("skglm")
    X, y = tables()
    with pytest.raises(ValueError, match="does not admit"):
        l1_fit(lossmith.skglm.datafit("logistic"), X, y)


def test_what_skglm_cannot_carry() -> None:
    pytest.importorskip("skglm")
    with pytest.raises(UnsupportedError, match="none is proved"):
        lossmith.skglm.datafit("quantile")
    with pytest.raises(UnsupportedError, match="several outputs"):
        lossmith.skglm.datafit("focal")


def test_an_option_that_no_module_has_is_named() -> None:
    """Catches Python's TypeError for a parameter of another loss."""
    pytest.importorskip("torch")
    with pytest.raises(ParameterError, match=r"Huber has neither .* 'gamma' in PyTorch; its parameters: delta"):
        lossmith.torch.Huber(gamma=1)
    lossmith.torch.Focal(gamma=1, ignore_index=-1, class_weight=[1.0, 2.0])


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_weights_that_are_none(name: str) -> None:
    """Catches a mean over weights of both signs, and a number for the mean of no rows."""
    pytest.importorskip(name)
    made = getattr(lossmith, name).Huber(reduction="mean")
    array = import_module("torch").tensor if name == "torch" else np.array
    y, z = array([1.0, 2.0]), array([0.0, 0.0])
    for wrong in (-1.0, np.nan):
        with pytest.raises(ValueError, match="needs weights >= 0; one is"):
            made(z, y, array([1.0, wrong]))
    assert np.isnan(float(made(z, y, array([0.0, 0.0]))))


# --- statsmodels (its own tests run in test_outside_statsmodels.py) -------------------------------------------------


def test_norms_by_name_and_formula_are_those_of_statsmodels() -> None:
    """Catches a norm that is no RobustNorm, a parameter that is dropped, and a copy of another loss."""
    import copy
    import pickle

    norms = pytest.importorskip("statsmodels.robust.norms")
    from lossmith.statsmodels import Norm

    r = np.linspace(-4, 4, 41)
    for ours in (
        Norm("huber", delta=1.5),
        Norm(lossmith.Huber(delta=1.5)),
        Norm("where(abs(r) < 1.5, r**2/2, 1.5*abs(r) - 1.125)"),
    ):
        for made in (ours, copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
            assert isinstance(made, norms.RobustNorm) and isinstance(made, Norm)
            assert np.allclose(made.rho(r), norms.HuberT(1.5).rho(r))
            assert np.allclose(made.weights(r), norms.HuberT(1.5).weights(r))
    with pytest.raises(ParameterError, match="gamma"):
        Norm("huber", gamma=1.0)


# --- hosts that are missing, or of a version that nobody tried ------------------------------------------------------


HOSTS = [name for name in TESTED if name != "sklearn"]


@pytest.mark.parametrize("name", HOSTS)
def test_a_missing_host_says_what_to_install(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtra, match=rf"pip install 'lossmith\[{name}\]'"):
        host(name)


def test_a_host_without_what_it_needs_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches "keras is not installed" where it is, and its backend is not."""

    def halted(name: str) -> Any:
        raise ModuleNotFoundError("No module named 'it'", name={"keras": "tensorflow", "skglm": "numba.core"}[name])

    monkeypatch.setattr(hosts, "import_module", halted)
    monkeypatch.setattr(hosts, "present", lambda name: name == "jax")
    with pytest.raises(MissingExtra, match="its backend tensorflow is not; set KERAS_BACKEND=jax before"):
        host("keras")
    monkeypatch.setattr(hosts, "present", lambda name: False)
    with pytest.raises(MissingExtra, match=r"pip install 'lossmith\[torch\]' .* then set KERAS_BACKEND=torch"):
        host("keras")
    with pytest.raises(MissingExtra, match="skglm is installed, but numba, which it needs, is not"):
        host("skglm")
    assert hosts.BACKENDS.keys() <= TESTED.keys()


def test_what_is_present_can_be_told_without_importing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert hosts.present("json") and not hosts.present("no_such_package")
    monkeypatch.setitem(sys.modules, "json", None)
    assert not hosts.present("json")


MODULES = {
    "lightgbm": ["metric", "objective", "start", "train"], "xgboost": ["metric", "objective", "start", "train"],
    "catboost": ["metric", "objective", "start"], "scipy": ["rho"], "optuna": ["distributions", "suggest"],
    "skglm": ["datafit"], "statsmodels": ["Norm"],
}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_a_module_for_each_host_can_be_imported_from(name: str) -> None:
    """Catches `from lossmith.lightgbm import objective` that fails where `lossmith.lightgbm.objective` works."""
    module, adapter = (import_module(f"lossmith.{place}") for place in (name, f"adapters.{name}"))
    assert getattr(lossmith, name) is module
    for function in MODULES[name]:
        assert getattr(module, function) is getattr(adapter, function)


@pytest.mark.parametrize("name", HOSTS)
def test_an_untested_version_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Future:
        __version__ = "99.0"

    assert name in TESTED
    monkeypatch.setitem(sys.modules, name, Future)
    with pytest.raises(UnsupportedError, match=r"99\.0 is not tested"):
        host(name)
