"""Estimators of several outputs, ordered classes and survival, against statsmodels, lifelines and scikit-survival."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import mpmath
import numpy as np
import pytest
from mpmath import mpf
from scipy.optimize import minimize
from scipy.special import expit, log_expit, ndtr

import lossmith
from lossmith.errors import DataError, LossmithError, ParameterError, ShapeError, UnsupportedError
from lossmith.fit import cox as cox_module
from lossmith.fit.cox import Risks
from lossmith.fit.entering import Entering
from lossmith.models.survival import concordance

GOLDEN = Path(__file__).parent / "golden"
sys.path.insert(0, str(GOLDEN))
import survival  # noqa: E402

KNOWN = json.loads((GOLDEN / "survival.json").read_text())
RNG = np.random.default_rng(0)
N = 500
X = RNG.normal(size=(N, 3))
NOISY = RNG.weibull(1.5, N) * np.exp(X @ [0.5, -0.3, 0.1])
ORDERED = np.digitize(X @ [1.0, -0.5, 0.2] + RNG.logistic(size=N), [-1, 0.2, 1.5])
RATE = np.exp(0.5 + X @ [0.3, -0.2, 0.1])
ZEROS = np.where(RNG.random(N) < 0.3, 0, RNG.poisson(RATE))
CROWDED = np.where(RNG.random(N) < 0.3, 0, RNG.negative_binomial(2, 2 / (2 + RATE)))
TABLE, TIME, EVENT, WEIGHT, STRATA = survival.table()
LOW, HIGH = survival.intervals(TIME, EVENT)
EXACT = {"penalty": "none", "tol": 1e-11}


def near(a: object, b: object, digits: float = 1e-7) -> None:
    assert np.allclose(np.asarray(a, float), np.asarray(b, float), rtol=digits, atol=digits)


@pytest.mark.parametrize(("distr", "loss"), [("logit", "CumulativeLogit"), ("probit", "CumulativeProbit")])
def test_ordered_classes_as_statsmodels_finds_them(distr: str, loss: str) -> None:
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    model = lossmith.OrdinalClassifier(loss, **EXACT).fit(X, ORDERED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = OrderedModel(ORDERED, X, distr=distr).fit(method="newton", disp=0, tol=1e-14, maxiter=200)
    near(model.coef_, theirs.params[:3])
    near(model.thresholds_, theirs.model.transform_threshold_params(theirs.params)[1:-1])
    near(model.predict_proba(X), theirs.predict(X))
    near(-model.solution_.value * N, theirs.llf)


def counted(family: object, y: np.ndarray, method: str = "newton") -> np.ndarray:
    import statsmodels.api as sm

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(family(y, sm.add_constant(X)).fit(method=method, disp=0, maxiter=3000, gtol=1e-9).params)


def test_zero_inflated_counts_as_statsmodels_finds_them() -> None:
    from statsmodels.discrete.count_model import ZeroInflatedNegativeBinomialP, ZeroInflatedPoisson

    model = lossmith.DistributionRegressor("zip", follow=["log_mu"], **EXACT).fit(X, ZEROS)
    near([model.intercept_[1], model.intercept_[0], *model.coef_[0]], counted(ZeroInflatedPoisson, ZEROS), 1e-6)
    assert not model.coef_[1].any()
    model = lossmith.DistributionRegressor("zinb", follow=["log_mu"], **EXACT).fit(X, CROWDED)
    theirs = counted(ZeroInflatedNegativeBinomialP, CROWDED, "bfgs")
    ours = [model.intercept_[1], model.intercept_[0], *model.coef_[0], np.exp(-model.intercept_[2])]
    near(ours, theirs, 1e-5)


def test_negative_binomial_counts_as_statsmodels_finds_them() -> None:
    from statsmodels.discrete.discrete_model import NegativeBinomial

    y = RNG.negative_binomial(2, 2 / (2 + RATE))
    model = lossmith.DistributionRegressor("NegativeBinomialNLL", follow=["log_mu"], **EXACT).fit(X, y)
    near([model.intercept_[0], *model.coef_[0], np.exp(-model.intercept_[1])], counted(NegativeBinomial, y), 1e-6)


def test_a_hurdle_comes_apart_into_a_logistic_and_a_truncated_count() -> None:
    model = lossmith.DistributionRegressor("HurdlePoisson", **EXACT).fit(X, ZEROS)
    apart = lossmith.LinearClassifier("logistic", **EXACT).fit(X, (ZEROS == 0).astype(int))
    near(model.coef_[1], apart.coef_[0], 1e-6)
    near(model.intercept_[1], apart.intercept_[0], 1e-6)


def test_a_normal_of_constant_spread_is_least_squares() -> None:
    y = X @ [1.0, 2.0, 0.0] + RNG.normal(size=N)
    model = lossmith.DistributionRegressor(follow=["mu"], **EXACT).fit(X, y)
    plain = lossmith.LinearRegressor(penalty="none").fit(X, y)
    near(model.coef_[0], plain.coef_, 1e-8)
    near(np.exp(model.intercept_[1]), np.sqrt(np.mean((y - plain.predict(X)) ** 2)), 1e-8)


def test_tobit_by_an_independent_likelihood() -> None:
    """Left-censored at 0; the reference is the textbook's likelihood under a general minimiser."""
    latent = X @ [1.0, -0.5, 0.3] + 0.4 + RNG.normal(size=N)
    seen = latent > 0
    bounds = np.column_stack([np.where(seen, latent, -np.inf), np.where(seen, latent, 0.0)])
    model = lossmith.DistributionRegressor("tobit", follow=["mu"], **EXACT).fit(X, bounds)

    def height(w: np.ndarray) -> float:
        z, s = X @ w[:3] + w[3], np.exp(w[4])
        dense = ((latent - z) / s) ** 2 / 2 + w[4]
        return float(np.where(seen, dense, -np.log(ndtr(-z / s))).sum())

    theirs = minimize(height, np.zeros(5), method="BFGS", options={"gtol": 1e-4}).x
    theirs = minimize(height, theirs, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 9000}).x
    near([*model.coef_[0], *model.intercept_], theirs, 3e-6)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_cox_as_statsmodels_and_scikit_survival_find_it(ties: str) -> None:
    import statsmodels.api as sm

    model = lossmith.SurvivalRegressor(ties=ties, **EXACT).fit(TABLE, TIME, EVENT)
    near(model.coef_, sm.PHReg(TIME, TABLE, status=EVENT.astype(int), ties=ties).fit(disp=0).params, 1e-9)
    near(model.coef_, KNOWN[f"sksurv {ties}"], 1e-9)
    if ties == "breslow":  # there the baseline hazard of both is Breslow's
        near(model.predict_survival(TABLE[:3], [0.3, 0.8, 1.5]), KNOWN["sksurv breslow survival"], 1e-9)
        near(model.score(TABLE, TIME, EVENT), KNOWN["concordance"], 1e-12)
    structured = np.array(list(zip(EVENT, TIME, strict=True)), dtype=[("e", "?"), ("t", "f8")])
    near(lossmith.SurvivalRegressor(ties=ties, **EXACT).fit(TABLE, structured).coef_, model.coef_, 1e-14)


def test_cox_with_weights_and_strata_as_lifelines_finds_it() -> None:
    near(lossmith.SurvivalRegressor(**EXACT).fit(TABLE, TIME, EVENT).coef_, KNOWN["cox"], 1e-9)
    weighted = lossmith.SurvivalRegressor(**EXACT).fit(TABLE, TIME, EVENT, sample_weight=WEIGHT)
    near(weighted.coef_, KNOWN["cox weighted"], 1e-9)
    near(lossmith.SurvivalRegressor(**EXACT).fit(TABLE, TIME, EVENT, strata=STRATA).coef_, KNOWN["cox strata"], 1e-9)


AFT = {
    "weibull": ("WeibullAFTFitter", -1),
    "lognormal": ("LogNormalAFTFitter", 1),
    "loglogistic": ("LogLogisticAFTFitter", -1),
}


@pytest.mark.parametrize("censored", ["right", "interval"])
@pytest.mark.parametrize("model", AFT)
def test_accelerated_failure_times_as_lifelines_finds_them(model: str, censored: str) -> None:
    """Coefficients, likelihood; and never less likely than lifelines' answer."""
    kind, sign = AFT[model]
    y = (TIME, EVENT) if censored == "right" else (np.column_stack([LOW, HIGH]),)
    ours, theirs = lossmith.SurvivalRegressor(model, **EXACT).fit(TABLE, *y), KNOWN[f"{kind} {censored}"]
    near([*ours.coef_, ours.intercept_, sign * np.log(ours.scale_)],
         [*theirs["coef"], theirs["intercept"], theirs["log second"]], 1e-7)  # fmt: skip
    exact = TIME[EVENT] if censored == "right" else LOW[LOW == HIGH]
    likelihood = -ours.solution_.value * len(TIME) - np.log(exact).sum()
    assert likelihood >= theirs["log likelihood"] - 1e-9
    near(likelihood, theirs["log likelihood"], 1e-8)


def naive(z: list, time: np.ndarray, event: np.ndarray, w: np.ndarray, ties: str) -> object:
    """The partial likelihood as it is printed, in mpmath."""
    total = mpf(0)
    for t in np.unique(time[event]):
        dead = np.flatnonzero((time == t) & event)
        risk = sum(mpf(w[i]) * mpmath.exp(z[i]) for i in np.flatnonzero(time >= t))
        tied = sum(mpf(w[i]) * mpmath.exp(z[i]) for i in dead)
        mean = sum(mpf(w[i]) for i in dead) / len(dead)
        share = [mpf(k) / len(dead) if ties == "efron" else mpf(0) for k in range(len(dead))]
        total += mean * sum(mpmath.log(risk - s * tied) for s in share) - sum(mpf(w[i]) * z[i] for i in dead)
    return total


def check_cox(ties: str, scale: float) -> None:
    rng = np.random.default_rng(1)
    n = 14
    time, event, w = rng.integers(1, 6, n) * 1.0, rng.random(n) < 0.7, rng.integers(1, 5, n) / 2
    x = rng.normal(size=(n, 2))
    z = scale * (x @ [0.5, -1.0])
    risks = Risks.of(time, event, w, ties)
    with mpmath.workdps(60 + int(scale)):
        h = mpf(10) ** -15
        at = [mpf(float(v)) for v in z]
        assert risks.value(z) == pytest.approx(float(naive(at, time, event, w, ties)), rel=1e-12)
        gradient = risks.gradient(z)
        for i in range(n):
            up, down = ([v + s * h * (j == i) for j, v in enumerate(at)] for s in (1, -1))
            slope = (naive(up, time, event, w, ties) - naive(down, time, event, w, ties)) / (2 * h)
            assert gradient[i] == pytest.approx(float(slope), rel=1e-10, abs=1e-12)
        hessian = risks.hessian(z, x)
        for a in range(2):
            for b in range(2):
                corner = [
                    s * t * naive([v + h * (s * x[j, a] + t * x[j, b]) for j, v in enumerate(at)], time, event, w, ties)
                    for s in (1, -1) for t in (1, -1)
                ]  # fmt: skip
                assert hessian[a, b] == pytest.approx(float(sum(corner) / (4 * h * h)), rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("scale", [1.0, 400.0])
@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_derivatives_of_the_partial_likelihood(ties: str, scale: float) -> None:
    check_cox(ties, scale)


def test_a_planted_fault_in_the_partial_likelihood_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = cox_module.Risks._tied
    monkeypatch.setattr(cox_module.Risks, "_tied", lambda self, steps, past: genuine(self, steps, past) + 1e-8)
    with pytest.raises(AssertionError):
        check_cox("efron", 1.0)


LATE = TIME * np.maximum(0, np.random.default_rng(5).uniform(-0.5, 0.95, len(TIME)))
"""When each row comes under observation."""


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_late_entries_as_statsmodels_has_them(ties: str) -> None:
    import statsmodels.api as sm

    model = lossmith.SurvivalRegressor(ties=ties, **EXACT).fit(TABLE, TIME, EVENT, entry=LATE)
    theirs = sm.PHReg(TIME, TABLE, status=EVENT.astype(int), entry=LATE, ties=ties).fit(disp=0)
    near(model.coef_, theirs.params, 1e-8)
    near(-model.solution_.value * len(TIME), theirs.llf, 1e-9)
    plain = lossmith.SurvivalRegressor(ties=ties, **EXACT).fit(TABLE, TIME, EVENT)
    assert np.abs(model.coef_ - plain.coef_).max() > 1e-3, "entries changed nothing: no test of them"


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_entries_before_all_times_are_none(ties: str) -> None:
    """One way sums each risk set for itself, the other runs along time: the same to the last digits."""
    rng = np.random.default_rng(1)
    z, w = rng.normal(size=len(TIME)), rng.uniform(0.5, 2, len(TIME))
    plain, late = Risks.of(TIME, EVENT, w, ties), Entering.of(TIME, EVENT, np.zeros(len(TIME)), w, ties)
    near(late.value(z), plain.value(z), 1e-12)
    near(late.gradient(z), plain.gradient(z), 1e-11)
    near(late.hessian(z, TABLE), plain.hessian(z, TABLE), 1e-10)
    models = [lossmith.SurvivalRegressor(ties=ties, **EXACT) for _ in range(2)]
    models[0].fit(TABLE, TIME, EVENT, sample_weight=WEIGHT, strata=STRATA)
    models[1].fit(TABLE, TIME, EVENT, sample_weight=WEIGHT, strata=STRATA, entry=0 * TIME)
    near(models[1].coef_, models[0].coef_, 1e-9)
    for model, entry in zip(models, (None, 0 * TIME), strict=True):
        model.fit(TABLE, TIME, EVENT, entry=entry)
    near(models[1].predict_survival(TABLE[:3], [0.3, 0.8, 1.5]), models[0].predict_survival(TABLE[:3], [0.3, 0.8, 1.5]))


def test_a_row_at_risk_at_its_own_entry_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutant: risk sets with one row more, a hair of entry earlier."""
    genuine = Entering.of
    monkeypatch.setattr(Entering, "of", lambda t, e, late, w, ties: genuine(t, e, late - 0.05, w, ties))
    with pytest.raises(AssertionError):
        test_late_entries_as_statsmodels_has_them("efron")


def test_whole_weights_are_copies_for_breslow() -> None:
    doubled = lossmith.SurvivalRegressor(ties="breslow", **EXACT)
    weighted = lossmith.SurvivalRegressor(ties="breslow", **EXACT).fit(TABLE, TIME, EVENT, sample_weight=WEIGHT)
    doubled.fit(np.repeat(TABLE, WEIGHT, axis=0), np.repeat(TIME, WEIGHT), np.repeat(EVENT, WEIGHT))
    near(weighted.coef_, doubled.coef_, 1e-9)


def test_penalties_reach_coefficients_only_and_l1_makes_zeros() -> None:
    for model, y in (
        (lossmith.OrdinalClassifier(penalty="l1", alpha=0.5), (ORDERED,)),
        (lossmith.DistributionRegressor("zip", penalty="l1", alpha=2.0), (ZEROS,)),
        (lossmith.SurvivalRegressor("weibull", penalty="l1", alpha=2.0), (NOISY,)),
        (lossmith.SurvivalRegressor(penalty="l1", alpha=2.0), (NOISY,)),
    ):
        model.fit(X, *y)
        assert model.solution_.converged and not np.any(model.coef_)
    free = lossmith.OrdinalClassifier(penalty="l1", alpha=0.5).fit(X, ORDERED)
    near(free.predict_proba(X)[0], np.bincount(ORDERED) / N, 1e-6)


def test_lbfgs_finds_the_same() -> None:
    one = lossmith.OrdinalClassifier(solver="lbfgs", penalty="none", tol=1e-9).fit(X, ORDERED)
    near(one.coef_, lossmith.OrdinalClassifier(**EXACT).fit(X, ORDERED).coef_, 1e-6)


def test_all_thresholds_against_a_general_minimiser() -> None:
    model = lossmith.OrdinalClassifier("AllThresholds", **EXACT).fit(X, ORDERED)

    def height(w: np.ndarray) -> float:
        side = np.where(ORDERED[:, None] > np.arange(3), 1, -1)
        return float(-log_expit(side * ((X @ w[:3])[:, None] - w[3:])).sum())

    def slope(w: np.ndarray) -> np.ndarray:
        side = np.where(ORDERED[:, None] > np.arange(3), 1, -1)
        r = -side * expit(-side * ((X @ w[:3])[:, None] - w[3:]))
        return np.append(X.T @ r.sum(axis=1), -r.sum(axis=0))

    theirs = minimize(height, np.zeros(6), jac=slope, method="BFGS", options={"gtol": 1e-9}).x
    near([*model.coef_, *model.thresholds_], theirs, 1e-6)
    assert set(model.predict(X)) <= set(model.classes_)


def test_models_are_saved_and_come_back(tmp_path: Path) -> None:
    models = [
        lossmith.OrdinalClassifier(lossmith.Hinge().over("all_threshold"), solver="lbfgs", max_iter=3),
        lossmith.DistributionRegressor(lossmith.StudentTNLL(3.0), follow=("mu",)),
        lossmith.DistributionRegressor(
            lossmith.loss("log_s + abs(y - mu)*exp(-log_s)", lift="several(mu, log_s)"), max_iter=10
        ),
        lossmith.SurvivalRegressor("cox"),
        lossmith.SurvivalRegressor("weibull"),
    ]
    for k, model in enumerate(models):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(X, ORDERED if k == 0 else NOISY)
        model.save(tmp_path / str(k))
        back = lossmith.load(tmp_path / str(k))
        assert type(back) is type(model) and repr(back) == repr(model)
        ask = "predict_outputs" if hasattr(model, "predict_outputs") else "decision_function"
        assert np.array_equal(getattr(back, ask)(X), getattr(model, ask)(X))
        assert back.solution_.reason == model.solution_.reason
    curve = back.predict_survival(X[:4], [0.5, 1.0, 2.0])
    assert np.all(np.diff(curve, axis=1) < 0) and np.all((curve > 0) & (curve < 1))
    near(np.diag(back.predict_survival(X[:4], back.predict(X[:4]))), 0.5, 1e-12)


def test_concordance_counts_pairs() -> None:
    time, event = np.array([1.0, 2.0, 3.0, 3.0]), np.array([True, True, False, True])
    assert concordance(time, event, np.array([4.0, 3.0, 1.0, 2.0])) == 1.0
    assert concordance(time, event, np.array([1.0, 1.0, 1.0, 1.0])) == 0.5


def test_errors_say_what_where_and_what_to_do() -> None:
    S, D = lossmith.SurvivalRegressor, lossmith.DistributionRegressor
    trials = [
        (lambda: S("coxx").fit(X, RATE), ParameterError, "coxx"),
        (lambda: S(ties="exact").fit(X, RATE), ParameterError, "efron, breslow"),
        (lambda: S().fit(X, RATE, np.zeros(N)), DataError, "no row has an event"),
        (lambda: S().fit(X, -RATE), DataError, "row 0"),
        (lambda: S().fit(X, RATE, entry=RATE), DataError, "row 0 enters"),
        (lambda: S("weibull").fit(X, RATE, entry=RATE / 2), UnsupportedError, "entry"),
        (lambda: S().fit(X, RATE[:-1]), ShapeError, r"\(499,\)"),
        (lambda: S().fit(X, np.column_stack([RATE, 2 * RATE])), UnsupportedError, "weibull"),
        (lambda: D("huber").fit(X, RATE), UnsupportedError, "LinearRegressor"),
        (lambda: D("zip", follow=["rate"]).fit(X, ZEROS), ParameterError, "log_mu, zero"),
        (lambda: D("zip").fit(X, -RATE), LossmithError, "row 0"),
        (lambda: D("tobit").fit(X, RATE), LossmithError, "low and high|low <= high"),
        (lambda: lossmith.OrdinalClassifier("zip").fit(X, ORDERED), UnsupportedError, "DistributionRegressor"),
    ]
    for act, kind, says in trials:
        with pytest.raises(kind, match=says):
            act()
