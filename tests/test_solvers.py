"""Solvers are judged by optimality conditions computed here from scratch, and by scikit-learn and statsmodels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray

from lossmith.catalogue import loss as make
from lossmith.catalogue import losses
from lossmith.errors import DataError, DomainError, ParameterError, ShapeError, UnsupportedError
from lossmith.fit import Penalty, Solution, fit
from lossmith.fit.objective import Objective
from lossmith.fit.solvers import SOLVERS, STOCHASTIC
from lossmith.rows.memory import Rows

Array = NDArray[np.float64]
DIGITS = 1e-6

random = np.random.default_rng(7)
N, P = 400, 6
X = random.normal(size=(N, P)) @ (np.eye(P) + 0.3 * random.normal(size=(P, P))) + random.normal(size=P)
Z = X @ np.array([0.6, -0.4, 0.0, 0.3, 0.0, 0.1]) + 0.2
WEIGHT = random.integers(0, 4, N).astype(float)
OFFSET = 0.3 * random.normal(size=N)
TARGETS: Mapping[str, Array] = {
    "real": Z + random.standard_t(3, N),
    "binary": (random.logistic(size=N) < Z).astype(float),
    "counts": random.poisson(np.exp(0.5 * Z)).astype(float),
    "positive": np.exp(0.5 * Z) * random.gamma(3.0, size=N) / 3.0,
    "classes": np.argmax(np.column_stack([Z, 0.5 * X[:, 2], -Z]) + random.gumbel(size=(N, 3)), axis=1).astype(float),
}
KIND = {
    "Squared": "real", "Huber": "real", "PseudoHuber": "real", "Tukey": "real", "Cauchy": "real", "Expectile": "real",
    "Absolute": "real", "Quantile": "real", "EpsilonInsensitive": "real", "Logistic": "binary", "Hinge": "binary",
    "SquaredHinge": "binary", "Exponential": "binary", "Probit": "binary", "Poisson": "counts", "Gamma": "positive",
    "Tweedie": "counts", "CrossEntropy": "classes", "LabelSmoothing": "classes",
}  # fmt: skip
PENALTIES = [Penalty("none"), Penalty("l2", 0.03), Penalty("l1", 0.03), Penalty("elasticnet", 0.05, 0.4)]


def solve(name: str, x: Any = X, penalty: Penalty = PENALTIES[1], *, y: Any = None, **more: Any) -> Solution:
    target = TARGETS[KIND[name]] if y is None else y
    params, weight, offset = (more.pop(k, None) for k in ("params", "weight", "offset"))
    outputs = more.pop("outputs", 3 if KIND[name] == "classes" else 1)
    rows = Rows.of(x, target, weight, offset)
    return fit(rows, make(name, **(params or {})), penalty, outputs=outputs, **more)


def close(a: Any, b: Any, digits: float = DIGITS) -> None:
    a, b = np.ravel(a), np.ravel(b)
    assert a.shape == b.shape
    assert np.abs(a - b).max() <= digits * max(np.abs(b).max(), 1e-3), (a, b)


def centred(a: Array) -> Array:
    """Without the part common to all classes, which changes no probability and which nothing determines."""
    return a if np.ndim(a) == 0 or a.shape[-1] != 3 else (a.T - a.mean(axis=-1)).T


# ------------------------------------------------------------------------------------------- optimality, from scratch


def residual(s: Solution, x: Any, y: Any, name: str, penalty: Penalty, weight: Array | None = None) -> float:
    """The distance from 0 to the subdifferential at a solution, by loss.gradient and bounded least squares alone."""
    from scipy.optimize import lsq_linear

    loss, share = (
        make(name),
        (np.ones(len(y)) if weight is None else weight) / (len(y) if weight is None else weight.sum()),
    )
    z = x @ s.coef + s.intercept
    low, high = (loss.gradient(y, z + d) for d in (-1e-7, 1e-7))
    kinked = np.abs(high - low) > 1e-3
    smooth = np.where(kinked if z.ndim == 1 else False, low, loss.gradient(y, z))
    ones = np.column_stack([x, np.ones(len(x))])
    coef = np.vstack([np.atleast_2d(s.coef.T).T, np.atleast_1d(s.intercept)[None] if z.ndim == 2 else [[s.intercept]]])
    coef[-1] = 0.0
    fixed = ones.T @ (share * smooth.T).T + (penalty.l2 * coef if z.ndim == 2 else penalty.l2 * coef[:, 0])
    sign = np.sign(coef if z.ndim == 2 else coef[:, 0])
    fixed = np.ravel(fixed + penalty.l1 * sign)
    free = np.zeros_like(coef if z.ndim == 2 else coef[:, 0])
    free[:-1] = penalty.l1 * (sign[:-1] == 0)
    columns = [np.diag(np.ravel(free))[:, np.ravel(free) > 0]]
    lower, upper = [-np.ones(columns[0].shape[1])], [np.ones(columns[0].shape[1])]
    if kinked.any() and z.ndim == 1:
        columns.append((ones[kinked] * share[kinked, None] * (high - low)[kinked, None]).T)
        lower.append(np.zeros(int(kinked.sum())))
        upper.append(np.ones(int(kinked.sum())))
    basis = np.hstack(columns)
    if not basis.shape[1]:
        return float(np.abs(fixed).max())
    answer = lsq_linear(basis, -fixed, (np.concatenate(lower), np.concatenate(upper)), tol=1e-15)
    return float(np.abs(basis @ answer.x + fixed).max())


@pytest.mark.parametrize("penalty", PENALTIES, ids=lambda q: q.kind)
@pytest.mark.parametrize("name", KIND)
def test_every_loss_ends_where_zero_is_in_the_subdifferential(name: str, penalty: Penalty) -> None:
    s = solve(name, penalty=penalty)
    assert s.converged and s.optimality <= 1e-8, s.reason
    measured = residual(s, X, TARGETS[KIND[name]], name, penalty)
    assert measured <= 2e-7
    assert s.gradient_norm <= 1e-7


UNEVEN = {"ArctanPercentage", "SymmetricPercentage"}
"""Neither convex nor smooth, and flat far from y: their fits stop short of the tolerance, and say so."""


def catalogue_case(name: str) -> tuple[Any, Array]:
    unit = 1 / (1 + np.exp(-Z))
    kinds = {"halfline": TARGETS["counts"], "positive_line": TARGETS["positive"], **TARGETS}
    kinds |= {"unit_interval": unit, "open_interval": unit}
    loss = make(name)
    return loss, kinds[loss.target.name]


@pytest.mark.parametrize("name", sorted(losses()))
def test_the_whole_catalogue_is_fitted_to_the_tolerance(name: str) -> None:
    loss, y = catalogue_case(name)
    for penalty in PENALTIES[:3]:
        s = fit(Rows.of(X, y), loss, penalty, outputs=3 if loss.lift.multiclass else 1)
        assert s.converged or (name in UNEVEN and "relative residual" in s.reason), f"{penalty.kind}: {s.reason}"
        assert s.why.startswith(("newton", "an l1", "X is", loss.name))


def test_the_oracle_of_these_tests_notices_a_point_that_is_off() -> None:
    for name in ("Squared", "Absolute", "Hinge", "CrossEntropy"):
        s = solve(name)
        moved = replace(s, coef=s.coef * (1 + 1e-3))
        assert residual(moved, X, TARGETS[KIND[name]], name, PENALTIES[1]) > 1e-5


BY_NAME = [
    (name, solver)
    for name in ("Logistic", "Huber", "Squared", "Poisson")
    for solver in ("gradient-descent", "newton", "lbfgs", "majorise", "proximal-newton", "working-set", "fista")
    if (name, solver) not in {("Poisson", "majorise"), ("Huber", "majorise")}
]


@pytest.mark.parametrize(("name", "solver"), BY_NAME)
def test_every_solver_finds_the_same_optimum(name: str, solver: str) -> None:
    best = solve(name)
    s = solve(name, solver=solver, max_steps=5000)
    assert s.converged, s.reason
    assert s.solver == solver
    close(s.coef, best.coef)
    assert abs(s.value - best.value) <= 1e-10 * abs(best.value)


# ------------------------------------------------------------------------------------------------------ outside judges


def test_logistic_l2_and_l1_against_scikit_learn() -> None:
    from sklearn.linear_model import LogisticRegression

    for penalty, ratio in ((Penalty("l2", 0.02), 0.0), (Penalty("l1", 0.02), 1.0)):
        kind: dict[str, Any] = {"C": 1 / (0.02 * N), "tol": 1e-12, "max_iter": 100_000}
        kind |= {"solver": "saga", "l1_ratio": 1.0} if ratio else {"solver": "newton-cholesky"}
        peer = LogisticRegression(**kind).fit(X, TARGETS["binary"])
        s = solve("Logistic", penalty=penalty)
        close(s.coef, peer.coef_[0])
        close(s.intercept, peer.intercept_)


def test_multinomial_against_scikit_learn() -> None:
    from sklearn.linear_model import LogisticRegression

    peer = LogisticRegression(C=1 / (0.02 * N), tol=1e-11, max_iter=10_000, solver="newton-cg")
    peer.fit(X, TARGETS["classes"], sample_weight=WEIGHT * N / WEIGHT.sum())
    s = solve("CrossEntropy", penalty=Penalty("l2", 0.02), weight=WEIGHT)
    close(s.coef.T, peer.coef_)
    close(s.intercept - s.intercept.mean(), peer.intercept_ - peer.intercept_.mean())
    sparse = LogisticRegression(C=1 / (0.02 * N), l1_ratio=1.0, solver="saga", tol=1e-10, max_iter=100_000)
    close(solve("CrossEntropy", penalty=Penalty("l1", 0.02)).coef.T, sparse.fit(X, TARGETS["classes"]).coef_)


def test_squared_against_ridge_lasso_and_elastic_net() -> None:
    from sklearn.linear_model import ElasticNet, Lasso, Ridge

    y = TARGETS["real"]
    tight = {"tol": 1e-14, "max_iter": 100_000}
    close(solve("Squared", penalty=Penalty("l2", 0.1)).coef, Ridge(alpha=0.1 * N).fit(X, y).coef_)
    lasso = solve("Squared", penalty=Penalty("l1", 0.1))
    close(lasso.coef, Lasso(alpha=0.1, **tight).fit(X, y).coef_)
    assert (lasso.coef == 0.0).any()
    assert lasso.gap is not None and lasso.gap <= 1e-10 * lasso.value
    net = solve("Squared", penalty=Penalty("elasticnet", 0.1, 0.3))
    close(net.coef, ElasticNet(alpha=0.1, l1_ratio=0.3, **tight).fit(X, y).coef_)
    two = np.column_stack([y, -y + Z])
    close(solve("Squared", y=two, outputs=2, penalty=Penalty("l2", 0.1)).coef.T, Ridge(alpha=0.1 * N).fit(X, two).coef_)


def test_poisson_gamma_and_tweedie_against_scikit_learn() -> None:
    from sklearn.linear_model import GammaRegressor, PoissonRegressor, TweedieRegressor

    tight: dict[str, Any] = {"alpha": 0.05, "tol": 1e-12, "solver": "newton-cholesky"}
    penalty = Penalty("l2", 0.05)
    kwargs: dict[str, Any] = {"sample_weight": WEIGHT}
    for name, peer in (("Poisson", PoissonRegressor(**tight)), ("Gamma", GammaRegressor(**tight))):
        peer.fit(X, TARGETS[KIND[name]], **kwargs)
        s = solve(name, penalty=penalty, weight=WEIGHT)
        close([*s.coef, s.intercept], [*peer.coef_, peer.intercept_])
    peer = TweedieRegressor(power=1.5, link="log", **tight).fit(X, TARGETS["counts"])
    close(solve("Tweedie", penalty=penalty, params={"power": 1.5}).coef, peer.coef_)


def test_likelihoods_with_offset_against_statsmodels() -> None:
    import statsmodels.api as sm

    design = sm.add_constant(X)
    for name, family in (("Poisson", sm.families.Poisson()), ("Logistic", sm.families.Binomial())):
        y = TARGETS[KIND[name]]
        peer = sm.GLM(y, design, family, offset=OFFSET, freq_weights=WEIGHT).fit(tol=1e-13, maxiter=200)
        s = solve(name, penalty=Penalty("none"), offset=OFFSET, weight=WEIGHT)
        close([s.intercept, *s.coef], peer.params)


@pytest.mark.parametrize("tau", [0.5, 0.1, 0.83])
def test_quantiles_against_scikit_learn_and_statsmodels(tau: float) -> None:
    import statsmodels.api as sm
    from sklearn.linear_model import QuantileRegressor

    y = TARGETS["real"]
    peer = QuantileRegressor(quantile=tau, alpha=0.02, solver="highs").fit(X, y)
    s = solve("Quantile", penalty=Penalty("l1", 0.02), params={"tau": tau})
    value = make("Quantile", tau=tau)(y, X @ peer.coef_ + peer.intercept_) + 0.02 * np.abs(peer.coef_).sum()
    assert abs(s.value - value) <= 1e-9 * value
    s = solve("Quantile", penalty=Penalty("none"), params={"tau": tau})
    rival = sm.QuantReg(y, sm.add_constant(X)).fit(q=tau, p_tol=1e-10, max_iter=5000)
    other = make("Quantile", tau=tau)(y, sm.add_constant(X) @ rival.params)
    assert s.value <= other * (1 + 1e-12) and abs(s.value - other) <= 1e-6 * other
    assert s.gap is not None and s.gap <= 1e-8 * s.value


def test_hinge_and_epsilon_insensitive_against_scikit_learn() -> None:
    from sklearn.svm import SVC, SVR

    def value(name: str, coef: Array, intercept: Any, **params: Any) -> float:
        return float(make(name, **params)(TARGETS[KIND[name]], X @ coef + intercept) + 0.025 * coef @ coef)

    s = solve("Hinge", penalty=Penalty("l2", 0.05))
    peer = SVC(kernel="linear", C=1 / (0.05 * N), tol=1e-12).fit(X, TARGETS["binary"])
    assert s.value == pytest.approx(value("Hinge", peer.coef_[0], peer.intercept_), rel=1e-8)
    close(s.coef, peer.coef_[0], 1e-4)
    s = solve("EpsilonInsensitive", penalty=Penalty("l2", 0.05), params={"epsilon": 0.2})
    rival = SVR(kernel="linear", C=1 / (0.05 * N), epsilon=0.2, tol=1e-12).fit(X, TARGETS["real"])
    assert s.value == pytest.approx(
        value("EpsilonInsensitive", rival.coef_[0], rival.intercept_, epsilon=0.2), rel=1e-8
    )
    close(s.coef, rival.coef_[0], 1e-4)


def test_concomitant_huber_against_scikit_learn() -> None:
    from scipy.optimize import minimize
    from sklearn.linear_model import HuberRegressor
    from sklearn.linear_model._huber import _huber_loss_and_gradient

    y = TARGETS["real"]
    s = solve("Huber", y=1000 * y, penalty=Penalty("l2", 0.02 / 1000), params={"delta": 1.5}, scale="concomitant")
    assert s.converged, s.reason
    peer = HuberRegressor(epsilon=1.5, alpha=0.02 * N, tol=1e-9, max_iter=100_000).fit(X, y)
    close(s.coef, 1000 * peer.coef_, 1e-3)  # HuberRegressor stops early: its own objective is the finer judge
    begin = np.array([*peer.coef_, peer.intercept_, peer.scale_])
    tight: Any = {"ftol": 1e-16, "gtol": 1e-11, "maxiter": 10_000}
    judge: Any = _huber_loss_and_gradient
    args = (X, y, 1.5, 0.02 * N, np.ones(N))
    found = minimize(judge, begin, args, method="L-BFGS-B", jac=True, options=tight)
    close(s.coef, 1000 * found.x[:P])
    close([s.intercept, s.scale], 1000 * found.x[P:])
    assert s.value == pytest.approx(1000 * found.fun / (2 * N), rel=1e-10)


@pytest.mark.parametrize(("name", "norm"), [("Huber", "HuberT"), ("Tukey", "TukeyBiweight")])
def test_robust_losses_against_statsmodels_at_its_scale(name: str, norm: str) -> None:
    import statsmodels.api as sm

    y = TARGETS["real"]
    peer = sm.RLM(y, sm.add_constant(X), M=getattr(sm.robust.norms, norm)())
    found = peer.fit(maxiter=2000, tol=1e-13, conv="coefs")
    params = {"delta": 1.345} if name == "Huber" else {"c": 4.685}
    s = solve(name, penalty=Penalty("none"), scale=float(found.scale), params=params)
    close([s.intercept, *s.coef], found.params)


def test_mad_is_that_of_an_absolute_fit() -> None:
    s = solve("Tukey", penalty=Penalty("none"), scale="mad")
    rough = solve("Absolute", penalty=Penalty("none"))
    r = TARGETS["real"] - X @ rough.coef - rough.intercept
    assert s.scale == pytest.approx(1.4826022 * np.median(np.abs(r - np.median(r))), rel=1e-6)


# ----------------------------------------------------------------------------------------------------------------- laws

SOME = ("Logistic", "Huber", "Absolute", "Hinge", "Poisson", "CrossEntropy")


@pytest.mark.parametrize("penalty", [Penalty("l2", 0.03), Penalty("l1", 0.03)], ids=lambda q: q.kind)
@pytest.mark.parametrize("name", SOME)
def test_weights_are_repeated_rows(name: str, penalty: Penalty) -> None:
    y, times = TARGETS[KIND[name]], WEIGHT.astype(int)
    weighted = solve(name, penalty=penalty, weight=WEIGHT)
    repeated = solve(name, np.repeat(X, times, axis=0), penalty, y=np.repeat(y, times))
    assert weighted.value == pytest.approx(repeated.value, rel=1e-9)
    close(weighted.coef, repeated.coef)


@pytest.mark.parametrize("name", SOME)
def test_layout_order_dtype_and_storage_do_not_matter(name: str) -> None:
    best = solve(name)
    y, order = TARGETS[KIND[name]], np.random.default_rng(0).permutation(N)
    for x in (np.asfortranarray(X), sp.csr_matrix(X), sp.csc_array(X)):
        close(solve(name, x).coef, best.coef)
    close(solve(name, X[order], y=y[order]).coef, best.coef)
    close(solve(name, X.astype(np.float32)).coef, best.coef, 1e-4)
    single = solve(name, X.astype(np.float32).astype(np.float64))
    close(solve(name, X.astype(np.float32)).coef, single.coef)


@pytest.mark.parametrize("name", SOME)
def test_units_of_columns_and_far_means_do_not_matter(name: str) -> None:
    best = solve(name, penalty=Penalty("none"))
    unit = 10.0 ** np.linspace(-6, 6, P)
    s = solve(name, X * unit, Penalty("none"))
    assert s.converged, s.reason
    close(centred((s.coef.T * unit).T), centred(best.coef))
    s = solve(name, X + 1e5, Penalty("none"))
    assert s.converged, s.reason
    close(centred(s.coef), centred(best.coef))


@pytest.mark.parametrize("name", SOME)
def test_a_column_twice_shares_its_coefficient_and_keeps_the_value(name: str) -> None:
    plain = solve(name, penalty=Penalty("none"))
    twice = solve(name, np.column_stack([X, X[:, 0]]), Penalty("none"))
    assert twice.converged and twice.value == pytest.approx(plain.value, rel=1e-8)
    close(centred(twice.coef[0] + twice.coef[-1]), centred(plain.coef[0]), 1e-5)
    ridge = solve(name, np.column_stack([X, X[:, 0]]))
    close(ridge.coef[0], ridge.coef[-1])


@pytest.mark.parametrize("name", SOME)
def test_a_constant_column_says_nothing_beside_an_intercept(name: str) -> None:
    s = solve(name, np.column_stack([X, np.full(N, 3.7)]))
    assert s.converged and not s.coef[-1].any()
    close(s.coef[:-1], solve(name).coef)


@pytest.mark.parametrize("name", SOME[:-1])  # an offset common to all classes changes no probability
def test_an_offset_is_a_column_whose_coefficient_is_one(name: str) -> None:
    target = TARGETS[KIND[name]]
    s = solve(name, penalty=Penalty("none"), offset=OFFSET + X[:, 0])
    base = solve(name, penalty=Penalty("none"), offset=OFFSET)
    close([s.coef[0] + 1, *s.coef[1:]], base.coef, 1e-5)
    z = X @ s.coef + s.intercept + OFFSET + X[:, 0]
    assert s.value == pytest.approx(make(name)(target, z), rel=1e-12)


def test_offset_per_class() -> None:
    shift = np.column_stack([OFFSET, 0 * OFFSET, -OFFSET])
    s = solve("CrossEntropy", offset=shift)
    z = X @ s.coef + s.intercept + shift
    value = make("CrossEntropy")(TARGETS["classes"], z) + 0.015 * (s.coef**2).sum()
    assert s.value == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("name", SOME)
def test_without_an_intercept_there_is_none(name: str) -> None:
    s = solve(name, intercept=False)
    assert s.converged and not np.any(s.intercept)


@pytest.mark.parametrize("name", ["Logistic", "Huber", "Poisson", "CrossEntropy"])
def test_a_warm_start_at_the_optimum_takes_no_step(name: str) -> None:
    cold = solve(name, tol=1e-7)
    warm = solve(name, start=cold, tol=1e-6)
    assert warm.converged and warm.steps == 0 < cold.steps
    pair = solve(name, start=(cold.coef, cold.intercept), tol=1e-6)
    close(pair.coef, warm.coef, 1e-12)


@pytest.mark.parametrize("name", ["Huber", "Tukey", "Cauchy", "Absolute"])
def test_a_scale_is_a_change_of_units(name: str) -> None:
    penalty = Penalty("elasticnet", 0.05, 0.4)
    one = solve(name, y=TARGETS["real"], penalty=penalty, scale=0.7)
    y, loss = TARGETS["real"], make(name)
    z = X @ one.coef + one.intercept
    l1, l2 = 0.05 * 0.4, 0.05 * 0.6
    value = 0.49 * loss(y / 0.7, z / 0.7) + l1 * np.abs(one.coef).sum() + l2 / 2 * (one.coef**2).sum()
    assert one.value == pytest.approx(value, rel=1e-12)
    big = solve(name, y=1000 * y, penalty=Penalty("l2", 0.03), scale=700.0)
    close(big.coef, 1000 * solve(name, y=y, penalty=Penalty("l2", 0.03), scale=0.7).coef)


@pytest.mark.parametrize("scale", ["mad", "concomitant"])
def test_learned_scales_follow_the_units_of_y(scale: str) -> None:
    y = TARGETS["real"]
    a, b = (solve("Huber", y=k * y + c, penalty=Penalty("none"), scale=scale) for k, c in ((1.0, 0.0), (250.0, 9.0)))
    close(b.coef, 250 * a.coef)
    close(b.scale, 250 * a.scale)
    close(b.intercept, 250 * a.intercept + 9)


# ------------------------------------------------------------------------------------------------------- larger tables


def large(n: int = 12_000, p: int = 20) -> tuple[Array, Array]:
    r = np.random.default_rng(3)
    x = r.normal(size=(n, p))
    z = x @ r.normal(size=p) / np.sqrt(p)
    return x, z


@pytest.mark.parametrize("name", ["Logistic", "Huber", "Quantile", "Hinge", "Poisson"])
def test_sorted_and_clustered_tables_take_no_more_than_a_few_steps(name: str) -> None:
    x, z = large()
    r = np.random.default_rng(4)
    targets = {"real": z + r.standard_t(3, len(z)), "binary": (z > r.logistic(size=len(z))) * 1.0,
               "counts": r.poisson(np.exp(z)) * 1.0}  # fmt: skip
    y = targets[KIND[name]]
    order = np.lexsort((x[:, 0], y))
    s = solve(name, x[order], y=y[order], penalty=Penalty("l2", 1e-3))
    assert s.converged and s.steps <= 12, s.reason
    assert residual(s, x[order], y[order], name, Penalty("l2", 1e-3)) <= 1e-6
    close(s.coef, solve(name, x, y=y, penalty=Penalty("l2", 1e-3)).coef, 1e-5)


@pytest.mark.parametrize("penalty", PENALTIES, ids=lambda q: q.kind)
def test_a_concomitant_scale_on_a_long_sorted_table_with_weights_and_offset(penalty: Penalty) -> None:
    x, z = large()
    r = np.random.default_rng(4)
    y, weight = z + 3 * r.standard_t(2, len(z)), r.integers(1, 3, len(z)).astype(float)
    shift = r.normal(size=len(z))
    order = np.argsort(y)
    s = solve("Huber", x[order], penalty, y=y[order], weight=weight[order], offset=shift[order], scale="concomitant")
    assert s.converged, s.reason
    u = (y - x @ s.coef - s.intercept - shift) / s.scale
    psi, share = np.clip(u, -1.345, 1.345), weight / weight.sum()
    rho = make("Huber").value(u, 0 * u)
    assert abs(share @ (rho - u * psi) + 0.5) <= 1e-7
    assert abs(share @ psi) <= 1e-7
    slope = -x.T @ (share * psi) + penalty.l2 * s.coef
    live = s.coef != 0.0
    assert np.abs(slope + penalty.l1 * np.sign(s.coef))[live].max() <= 1e-6
    assert np.all(np.abs(slope[~live]) <= penalty.l1 + 1e-6)


def test_a_concomitant_scale_of_an_exact_fit_is_reported() -> None:
    s = solve("Huber", y=Z, penalty=Penalty("none"), scale="concomitant")
    assert not s.converged and ("scale tends to 0" in s.reason or "relative residual" in s.reason)


@pytest.mark.parametrize("name", ["Logistic", "Huber"])
def test_wide_sparse_tables(name: str) -> None:
    x: Any = sp.random(N, 300, density=0.05, random_state=1, format="csr")
    y = TARGETS[KIND[name]]
    dense = solve(name, x.toarray(), y=y)
    s = solve(name, x, y=y)
    assert s.converged, s.reason
    close(s.coef, dense.coef)
    assert residual(s, x.toarray(), y, name, PENALTIES[1]) <= 1e-7


def test_the_models_of_proximal_newton_agree() -> None:
    x, z = large(3000, 10)
    y = (z > np.random.default_rng(4).logistic(size=len(z))) * 1.0
    penalty = Penalty("l1", 0.02)
    found = [
        solve("Logistic", x, penalty, y=y, solver=solver, options=options).coef
        for solver, options in (
            ("proximal-newton", {"hessian": "exact"}), ("proximal-newton", {"hessian": "sample"}), ("fista", {}))
    ]  # fmt: skip
    close(found[1], found[0])
    close(found[2], found[0])


def test_columns_near_the_largest_double_are_fitted_and_beyond_it_refused() -> None:
    near = np.where(X > 0, 1.5, -0.5)
    far, plain = solve("Squared", near * 1e308, Penalty("none")), solve("Squared", near, Penalty("none"))
    close(far.coef * 1e308, plain.coef, 1e-12)
    with pytest.raises(DataError, match="divide"):  # differences from the mean overflow
        solve("Squared", np.where(X > 1, 1.7, -1.7) * 1e308, Penalty("none"))


def test_a_flat_far_start_is_left_by_units_that_shrink() -> None:
    y = 1e6 * TARGETS["real"]
    s = solve("Huber", y=y, penalty=Penalty("none"))  # scale 1: every residual lies far out on the straight branches
    lad = solve("Absolute", y=y, penalty=Penalty("none"))
    assert s.converged, s.reason
    close(s.coef, lad.coef, 1e-4)


def test_l1_on_a_sampled_model_keeps_zeros_exact() -> None:
    x, z = large(8000, 80)
    y = z + np.random.default_rng(5).normal(size=len(z))
    penalty = Penalty("l1", 0.1)
    s = solve("Huber", x, penalty, y=y)
    assert s.converged and 5 < int((s.coef == 0).sum()) < 80
    assert residual(s, x, y, "Huber", penalty) <= 1e-6


@pytest.mark.parametrize("steps", [2, 1000])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_the_gap_of_a_lasso_is_that_of_a_dual_point_written_out(weight: Any, steps: int) -> None:
    """The mutant that takes the intercept's slope for 0 shows after two steps."""
    y, penalty = TARGETS["real"], Penalty("l1", 0.1)
    s = solve("Squared", penalty=penalty, y=y, weight=weight, offset=OFFSET, solver="fista", max_steps=steps)
    share = np.full(N, 1.0 / N) if weight is None else weight / weight.sum()
    r = y - OFFSET - X @ s.coef - s.intercept
    primal = 0.5 * float(share @ r**2) + 0.1 * float(np.abs(s.coef).sum())
    centred = r - share @ r
    theta = centred / max(1.0, float(np.abs(X.T @ (share * centred)).max()) / 0.1)
    dual = float(share @ (theta * (y - OFFSET))) - 0.5 * float(share @ theta**2)
    assert s.gap == pytest.approx(primal - dual, rel=1e-6, abs=1e-12 * primal)


def test_working_sets_end_where_scikit_learn_does_on_many_columns() -> None:
    """The mutant that never enlarges its first set of columns ends above, and says that it is not optimal."""
    from sklearn.linear_model import Lasso

    rng = np.random.default_rng(7)
    x = rng.normal(size=(60, 2000)) * 10.0 ** rng.uniform(-1, 1, 2000)
    y = x[:, :30] @ rng.normal(size=30) + rng.normal(size=60)
    penalty = Penalty("l1", 1.0)
    s = solve("Squared", x, penalty, y=y)
    theirs = Lasso(alpha=1.0, tol=1e-12, max_iter=1_000_000).fit(x, y)
    assert s.converged and s.solver == "working-set" and 10 < int((s.coef != 0).sum()) < 60
    close(s.coef, theirs.coef_, 1e-6)
    assert s.gap is not None and s.gap <= 1e-8 * s.value
    for X_ in (sp.csr_matrix(x), np.asfortranarray(x)):
        close(solve("Squared", X_, penalty, y=y).coef, s.coef, 1e-6)


def test_working_sets_serve_classes() -> None:
    x, k = np.random.default_rng(8).normal(size=(150, 400)), 3
    y = (x[:, :k] + 0.3 * np.random.default_rng(9).gumbel(size=(150, k))).argmax(axis=1)
    penalty = Penalty("l1", 0.03)
    found = [solve("CrossEntropy", x, penalty, y=y, outputs=k, solver=s) for s in ("working-set", "fista")]
    assert found[0].converged and found[0].value <= found[1].value * (1 + 1e-9)
    assert set(np.flatnonzero(found[0].coef.any(axis=1))) >= {0, 1, 2}


@pytest.mark.parametrize("penalty", [Penalty("l2", 0.05), Penalty("l1", 0.05)], ids=lambda q: q.kind)
@pytest.mark.parametrize("name", ["Squared", "Logistic", "Absolute", "Hinge"])
def test_more_columns_than_rows(name: str, penalty: Penalty) -> None:
    x = np.random.default_rng(6).normal(size=(30, 90))
    y = TARGETS[KIND[name]][:30]
    s = solve(name, x, penalty, y=y)
    assert s.converged, s.reason
    assert residual(s, x, y, name, penalty) <= 1e-6


@pytest.mark.parametrize("penalty", PENALTIES, ids=lambda q: q.kind)
@pytest.mark.parametrize("text", ["abs(r) + r**2/10", "max(abs(r) - 0.3, 0) + r**2/20", "Talwar", "CappedAbsolute"])
def test_kinks_beside_bends_are_rounded_until_it_makes_no_difference(text: str, penalty: Penalty) -> None:
    y, loss = TARGETS["real"], make(text, lift="residual") if "r" in text.split() or "(" in text else make(text)
    s = fit(Rows.of(X, y), loss, penalty)
    assert s.solver == "rounding" and s.converged, s.reason

    def value(coef: Array, last: float) -> float:
        l1, l2 = penalty.l1 * np.abs(coef).sum(), 0.5 * penalty.l2 * float(coef @ coef)
        return float(loss(y, X @ coef + last) + l1 + l2)

    best = value(s.coef, s.intercept)
    assert s.value == pytest.approx(best, rel=1e-12)
    tries = np.random.default_rng(8).normal(size=(200, P + 1))
    for size in (1e-1, 1e-3, 1e-5):
        assert all(value(s.coef + size * d[:-1], s.intercept + size * d[-1]) >= best * (1 - 2e-8) for d in tries)
    if s.gap is not None:
        assert s.gap <= 1e-7 * s.value


def test_integer_tables_with_many_ties_are_solved_exactly() -> None:
    x, y = np.round(X), np.round(TARGETS["real"])
    for name in ("Absolute", "Quantile", "EpsilonInsensitive"):
        s = solve(name, x, Penalty("none"), y=y)
        assert s.converged, s.reason
        assert residual(s, x, y, name, Penalty("none")) <= 1e-8


# --------------------------------------------------------------------------------------------------- honesty, refusals


def test_separated_classes_are_reported_and_not_chased() -> None:
    for name, y in (("Logistic", (X[:, 0] > 0.1) * 1.0), ("CrossEntropy", (X[:, 0] > 0.1) + (X[:, 0] > 1.0) * 1.0)):
        s = solve(name, y=y, penalty=Penalty("none"))
        assert not s.converged and s.steps < 100
        assert "separates the classes" in s.reason and "penalty" in s.reason
    assert solve("Logistic", y=(X[:, 0] > 0.1) * 1.0).converged
    assert solve("SquaredHinge", y=(X[:, 0] > 0.1) * 1.0, penalty=Penalty("none")).converged


def test_a_category_of_one_class_is_reported() -> None:
    flag = (np.random.default_rng(9).random(N) < 0.3) * 1.0
    y = np.where(flag > 0, 1.0, TARGETS["binary"])
    for name in ("Logistic", "Probit"):
        s = solve(name, np.column_stack([X, flag]), Penalty("none"), y=y)
        assert not s.converged and "all of one class" in s.reason
    assert solve("Logistic", np.column_stack([X, flag]), y=y).converged
    assert solve("Logistic", penalty=Penalty("none")).converged


def test_a_limit_of_steps_is_a_reason_and_no_convergence() -> None:
    s = solve("Logistic", solver="gradient-descent", max_steps=2)
    assert not s.converged and s.steps == 2 and "limit of 2 steps" in s.reason
    s = solve("Logistic", solver="gradient-descent", max_seconds=0.0)
    assert not s.converged and "seconds" in s.reason


@pytest.mark.parametrize("name", ["Logistic", "Absolute", "Huber"])
def test_an_impossible_tolerance_is_never_called_converged(name: str) -> None:
    s = solve(name, tol=1e-18, solver="auto", penalty=Penalty("l2", 0.03))
    assert s.converged == (s.optimality <= 1e-18)
    assert s.steps < 200


def test_the_trace_is_what_on_step_saw_and_ends_at_the_solution() -> None:
    seen: list[Any] = []
    s = solve("Logistic", on_step=seen.append)
    assert len(seen) == s.steps + 1 and s.trace[-1].value == s.value
    assert all(a.value >= b.value for a, b in zip(s.trace, s.trace[1:], strict=False))
    assert s.passes > 0 and s.why and s.reason


REFUSALS: list[tuple[str, Penalty, str, str, str]] = [
    ("Absolute", PENALTIES[1], "newton", "kink", "interior-point"),
    ("Huber", PENALTIES[2], "newton", "l1", "proximal-newton"),
    ("Absolute", PENALTIES[1], "lbfgs", "kink", "interior-point"),
    ("Logistic", PENALTIES[2], "lbfgs", "l1", "proximal-newton"),
    ("Logistic", PENALTIES[1], "interior-point", "straight pieces", "newton"),
    ("Tweedie", PENALTIES[1], "majorise", "majoris", "lbfgs"),
    ("Hinge", PENALTIES[2], "fista", "kink", "interior-point"),
]


@pytest.mark.parametrize(("name", "penalty", "solver", "fact", "works"), REFUSALS)
def test_a_solver_that_cannot_serve_quotes_the_fact_and_names_one_that_can(
    name: str, penalty: Penalty, solver: str, fact: str, works: str
) -> None:
    with pytest.raises(UnsupportedError, match=fact) as refusal:
        solve(name, penalty=penalty, solver=solver)
    assert "\n" not in str(refusal.value)
    named = str(refusal.value).split("solver='")[2].split("'")[0]
    assert solve(name, penalty=penalty, solver=named).solver == named
    assert works == named or works == "lbfgs"


BAD: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: solve("Logistic", solver="bfsg"), ParameterError, "gradient-descent"),
    (lambda: solve("Logistic", solver="lbfgs", options={"memori": 3}), ParameterError, "memory"),
    (lambda: solve("Logistic", solver="lbfgs", options={"memory": 0}), ParameterError, "memory"),
    (lambda: solve("Logistic", tol=0.0), ParameterError, "tol"),
    (lambda: solve("Logistic", max_steps=0), ParameterError, "max_steps"),
    (lambda: Penalty("ridge"), ParameterError, "elasticnet"),
    (lambda: Penalty("l2", -1.0), ParameterError, "alpha"),
    (lambda: solve("Huber", scale="sd"), ParameterError, "mad"),
    (lambda: solve("Huber", scale=0.0), ParameterError, "scale"),
    (lambda: solve("Logistic", scale="mad"), UnsupportedError, "scale=1"),
    (lambda: solve("Absolute", scale="concomitant"), UnsupportedError, "Huber"),
    (lambda: solve("Poisson", y=-TARGETS["counts"]), DomainError, "row"),
    (lambda: solve("Squared", y=np.column_stack([Z, Z, Z]), outputs=2), ShapeError, "outputs=2"),
    (lambda: solve("CrossEntropy", outputs=2), ShapeError, "class 2"),
    (lambda: solve("Logistic", start=(np.zeros(3), 0.0)), ShapeError, "(3,)"),
    (lambda: solve("Squared", y=1e300 * TARGETS["real"]), DataError, "divide"),
    (lambda: solve("Squared", y=1e-300 * TARGETS["real"]), DataError, "divide"),
]


@pytest.mark.parametrize("case", range(len(BAD)))
def test_bad_arguments_get_one_line_that_says_what_to_do(case: int) -> None:
    call, error, word = BAD[case]
    with pytest.raises(error) as refusal:
        call()
    assert word in str(refusal.value) and "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", ["Squared", "Huber", "Absolute", "Logistic"])
def test_extreme_units_of_columns(name: str) -> None:
    best = solve(name, penalty=Penalty("none"))
    for unit in (1e300, 1e-140, 1e-300):
        s = solve(name, X * unit, Penalty("none"))
        assert s.converged, s.reason
        close(s.coef * unit, best.coef)


@pytest.mark.parametrize("name", ["Squared", "Logistic", "Absolute", "Poisson", "Hinge"])
def test_one_row_and_a_constant_target(name: str) -> None:
    for x in (X[:1], X):
        s = solve(name, x, y=np.ones(len(x)))
        assert s.converged or (name == "Logistic" and "one class" in s.reason)
        close(s.coef, np.zeros(P), 1e-4)


# -------------------------------------------------------------------------------------------------------- the objective


def objective(name: str, **more: Any) -> Objective:
    y = TARGETS[KIND[name]]
    return Objective.of(Rows.of(X, y, WEIGHT, OFFSET), make(name), Penalty("elasticnet", 0.1, 0.5), **more)


def slopes_agree(target: Objective, rtol: float = 1e-5) -> bool:
    """The law: the gradient and the Hessian are the differences of what they derive from."""
    w = 0.1 * np.random.default_rng(1).normal(size=target.size) + target.origin()
    here, h = target.at(w, ("value", "gradient", "hessian")), 1e-5
    steps = h * np.eye(target.size)

    def value(v: Array) -> float:
        return target.at(v).value - target.l1_value(v)

    slope = [(value(w + d) - value(w - d)) / (2 * h) for d in steps]
    bend = [(target.at(w + d).gradient - target.at(w - d).gradient) / (2 * h) for d in steps]
    return np.allclose(here.gradient, slope, rtol, 1e-7) and np.allclose(np.asarray(here.hessian), bend, 1e-4, 1e-6)


@pytest.mark.parametrize("name", ["Squared", "Logistic", "PseudoHuber", "Cauchy", "Poisson", "CrossEntropy"])
def test_gradient_and_hessian_are_differences(name: str) -> None:
    assert slopes_agree(objective(name, outputs=3 if name == "CrossEntropy" else 1))


FAULTS: dict[str, Callable[[Any], None]] = {
    "a gradient without weights": lambda patch: patch.setattr(
        Objective, "_finish", _faulty(lambda e: e.__class__(e.value, 1.01 * e.gradient, e.hessian))
    ),
    "a Hessian without its penalty": lambda patch: patch.setattr(
        Objective, "_finish", _faulty(lambda e: e.__class__(e.value, e.gradient, e.hessian * 1.1))
    ),
}


def _faulty(change: Callable[[Any], Any]) -> Any:
    real = Objective._finish

    def finish(self: Objective, w: Array, total: Any, mass: float) -> Any:
        found = real(self, w, total, mass)
        return change(found) if found.hessian is not None else found

    return finish


@pytest.mark.parametrize("fault", FAULTS)
def test_the_law_of_differences_notices_a_planted_fault(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    FAULTS[fault](monkeypatch)
    assert not slopes_agree(objective("Logistic"))


def test_the_oracle_notices_a_planted_fault_in_the_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Objective.at

    def tilted(self: Objective, w: Array, want: tuple[str, ...] = ("value", "gradient")) -> Any:
        found = real(self, w, want)
        return found.__class__(found.value, found.gradient + 0.01, found.hessian)

    monkeypatch.setattr(Objective, "at", tilted)
    assert residual(solve("Logistic"), X, TARGETS["binary"], "Logistic", PENALTIES[1]) > 1e-4


@pytest.mark.parametrize("name", ["Logistic", "CrossEntropy"])
def test_batches_average_to_the_whole(name: str) -> None:
    target = objective(name, outputs=3 if name == "CrossEntropy" else 1)
    w = 0.1 * np.random.default_rng(1).normal(size=target.size)
    whole, k = target.at(w), 8
    parts = [target.batch(w, slice(i * N // k, (i + 1) * N // k)) for i in range(k)]
    assert np.mean([q.value for q in parts]) == pytest.approx(whole.value, rel=1e-12)
    np.testing.assert_allclose(np.mean([q.gradient for q in parts], axis=0), whole.gradient, atol=1e-13)
    index = np.arange(0, N, 3)
    mask = target.batch(w, index)
    assert np.isfinite(mask.value) and mask.gradient.shape == (target.size,)


def test_blocks_add_to_what_one_block_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    target, w = objective("Logistic"), np.linspace(-0.5, 0.5, P + 1)
    whole = target.at(w, ("value", "gradient", "hessian"))
    monkeypatch.setattr("lossmith.rows.memory.CELLS", 64 * P)
    parts = target.at(w, ("value", "gradient", "hessian"))
    assert parts.value == pytest.approx(whole.value, rel=1e-14)
    np.testing.assert_allclose(parts.gradient, whole.gradient, atol=1e-15)
    np.testing.assert_allclose(np.asarray(parts.hessian), np.asarray(whole.hessian), rtol=1e-12)


def test_the_table_of_solvers_is_complete_and_every_need_is_known() -> None:
    from lossmith.fit.pick import NEEDS, ORDER
    from lossmith.fit.solvers import solver_class

    assert set(ORDER) == set(SOLVERS) - STOCHASTIC
    for name in SOLVERS:
        assert solver_class(name).name == name
        assert set(solver_class(name).needs) <= set(NEEDS)


def test_exact_fits_withstand_columns_that_few_rows_have() -> None:
    """One-hot levels, collinear and some rare: the rows near a kink may lack a level, which has no minimum among them.
    Before, coefficients ran to 1e112 and were called optimal, or the fit gave up."""
    rng = np.random.default_rng(0)
    n = 6000
    first, second = np.minimum(rng.zipf(1.3, n) - 1, 60), np.minimum(rng.zipf(1.4, n) - 1, 40)
    levels = np.hstack([np.eye(61)[first], np.eye(41)[second]])
    levels = levels[:, levels.sum(axis=0) > 3]
    X = np.column_stack([rng.normal(size=(n, 3)), levels])
    y = X[:, :3] @ [1.0, 2.0, 3.0] + levels @ rng.normal(0, 3, levels.shape[1]) + rng.standard_t(2, size=n)
    found = fit(Rows.of(X, y), make("Absolute"), Penalty("none"), tol=1e-3)
    assert found.converged and np.abs(found.coef).max() < 100
    held = np.sign(y - X @ found.coef - found.intercept)
    loose = np.abs(y - X @ found.coef - found.intercept) < 1e-6
    # no slope is left but what the rows on the corner can take: the subgradient of each column holds 0
    assert (np.abs(X[~loose].T @ held[~loose]) <= np.abs(X[loose]).sum(axis=0) + 1e-6).all()
    # the least absolute fit is not unique here: medians of |r| over its optima differ by 1e-3
    assert fit(Rows.of(X, y), make("Huber"), Penalty("none"), scale="mad").scale == pytest.approx(
        1.482602218505602 * np.median(np.abs(y - X @ found.coef - found.intercept)), rel=5e-3
    )


@pytest.mark.parametrize("unit", [1e-8, 1e-20, 1e-170, 1e-300])
def test_columns_in_tiny_units_under_l2_are_fitted_as_ridge_fits_them(unit: float) -> None:
    """Without easing, curvatures of l2/unit² beside 1 left the other coefficients at 0 and called it optimal."""
    from sklearn.linear_model import Ridge

    scales = np.ones(X.shape[1])
    scales[-1] = unit
    x, y, penalty = X * scales, TARGETS["real"], Penalty("l2", 1e-4)
    s = solve("Squared", x, penalty, y=y)
    theirs = Ridge(alpha=1e-4 * len(y)).fit(x, y)
    assert s.converged, s.reason
    close(s.coef, theirs.coef_, 1e-7)
    assert s.coef[-1] == pytest.approx(theirs.coef_[-1], rel=1e-6)
    for name in ("Logistic", "Absolute"):
        found = solve(name, X * unit, penalty, y=TARGETS[KIND[name]])
        z = X * unit @ found.coef + found.intercept
        told = make(name)(TARGETS[KIND[name]], z) + 0.5e-4 * float(found.coef @ found.coef)
        assert found.value == pytest.approx(told, rel=1e-9)
