"""Time to the same optimum, beside each peer's own best solver: `python bench/solvers.py [WORD ...] [--scale 1.0]`.

Every row of the table is one problem. An objective in plain NumPy, which belongs to nobody, judges all results; the
tolerance of each, ours too, is tightened until its result lies within 1e-8 (relative) of the best value known, and the
time of that call counts. A call that takes AMPLE times as long as the figure that we aim at allows is cut off, so that
slow peers cost minutes, not hours: where none is left, the table says how far we are ahead at least. Rounds of ours and
of the peers within FAR of the fastest are interleaved, and medians printed; the other peers have the time of their one
call. Behind: what ours takes at its default tolerance, and how far above the best value it ends then.
WORD picks the problems whose title holds it; --scale shrinks the number of rows; --list names the problems.
"""

from __future__ import annotations

import argparse
import signal
import statistics
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse, special

Array = NDArray[Any]
CLOSE = 1e-8
"""The relative distance from the best value known at which a result counts."""
TIGHTER = (1e-4, 1e-6, 1e-8, 1e-10, 1e-12)
"""The tolerances that a peer is given, one after another, until it is close."""
AMPLE = 2.0
"""A call is cut off after so many times what it may take for us to be as far ahead as we aim at."""
COMPILING = 60.0
"""Seconds more that the first call of a peer may take."""
FAR = 2.0
"""So many times the fastest peer's time: such a peer is not timed again."""
REST = 0.2
"""Seconds before each call, in which the threads of the one before stop spinning."""

Fitted = tuple[Array, Any]
Peer = Callable[[float], Fitted]


@dataclass(frozen=True)
class Problem:
    """One row of the table: an objective, our fit, and what peers do with a tolerance."""

    title: str
    wanted: str
    value: Callable[[Array, Any], float]
    ours: Peer
    peers: Mapping[str, Peer] = field(default_factory=dict)


# Data.


def dense(n: int, p: int, seed: int = 0, spread: float = 0.0) -> tuple[Array, Array, Array]:
    """Correlated normal columns (some scaled by 10^±spread), a linear predictor, and the generator's noise."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    X[:, 1:] += 0.3 * X[:, :1]
    coef = rng.standard_normal(p) / np.sqrt(p)
    z = X @ coef
    if spread:
        X *= 10.0 ** rng.uniform(-spread, spread, p)
    return X, z, rng.random(n)


def scattered(n: int, p: int, each: int, seed: int = 0) -> tuple[Any, Array, Array]:
    """A sparse matrix with `each` entries a row at places that follow a power law."""
    rng = np.random.default_rng(seed)
    places = np.minimum((p * rng.random((n, each)) ** 3).astype(np.int64), p - 1)
    X = sparse.csr_matrix(
        (rng.standard_normal(n * each) / np.sqrt(each), places.ravel(), np.arange(0, n * each + 1, each)), (n, p)
    )
    X.sum_duplicates()
    return X, np.asarray(X @ rng.standard_normal(p)), rng.random(n)


# Objectives, in plain NumPy.


def mean_of(loss: Callable[[Array, Array], Array], X: Any, y: Array, l1: float = 0.0, l2: float = 0.0) -> Any:
    """F(coef, intercept) = mean loss + l1·|coef| + ½ l2·coef²."""

    def value(coef: Array, intercept: Any) -> float:
        z = np.asarray(X @ coef) + intercept
        return float(loss(y, z).mean() + l1 * np.abs(coef).sum() + 0.5 * l2 * (coef * coef).sum())

    return value


def logistic(y: Array, z: Array) -> Array:
    return np.asarray(np.logaddexp(0.0, (1.0 - 2.0 * y) * z))


def squared(y: Array, z: Array) -> Array:
    return np.asarray(0.5 * (y - z) ** 2)


def poisson(y: Array, z: Array) -> Array:
    return np.asarray(np.exp(z) - y * z)


def gamma(y: Array, z: Array) -> Array:
    return np.asarray(z + y * np.exp(-z))


def tweedie(y: Array, z: Array) -> Array:
    return np.asarray(np.exp(0.5 * z) / 0.5 + y * np.exp(-0.5 * z) / 0.5)


def pinball(tau: float) -> Callable[[Array, Array], Array]:
    return lambda y, z: np.where(y > z, tau * (y - z), (1.0 - tau) * (z - y))


def softmax(y: Array, z: Array) -> Array:
    return np.asarray(special.logsumexp(z, axis=1) - z[np.arange(len(y)), y])


# Ours and theirs.


def ours(X: Any, y: Array, loss: str, kind: str = "l2", alpha: float = 0.0, **options: Any) -> Peer:
    """lossmith, from the arrays that the peers get."""
    import lossmith
    from lossmith.fit import Penalty, fit
    from lossmith.rows.memory import Rows

    params = {k: options.pop(k) for k in ("tau", "delta", "power", "c", "l1_ratio") if k in options}
    ratio = params.pop("l1_ratio", 0.5)

    def run(tol: float) -> Fitted:
        penalty = Penalty(kind, alpha, ratio) if alpha else Penalty("none")
        found = fit(Rows.of(X, y, later=True), lossmith.loss(loss, **params), penalty, **options, **at(tol))
        return found.coef, found.intercept

    return run


def at(tol: float) -> dict[str, float]:
    """The tolerance as an option; 0 leaves the default."""
    return {"tol": tol} if tol else {}


def sklearn(make: Callable[[float], Any], X: Any, y: Array) -> Peer:
    """An estimator of scikit-learn's kind: coef_ and intercept_."""

    def run(tol: float) -> Fitted:
        model = make(tol).fit(X, y)
        coef = np.asarray(model.coef_)
        coef = coef.T if coef.ndim == 2 and coef.shape[0] > 1 else coef.ravel()
        last = np.asarray(getattr(model, "intercept_", 0.0))
        return coef, last if last.size > 1 else float(last.reshape(-1)[0] if last.size else 0.0)

    return run


def logistic_peers(X: Any, y: Array, alpha: float, solvers: str) -> dict[str, Peer]:
    """LogisticRegression's solvers, glum and snapml on ½ alpha·coef² + mean loss."""
    from sklearn.linear_model import LogisticRegression

    c = 1.0 / (alpha * len(y))

    def solver(name: str) -> Peer:
        return sklearn(lambda tol: LogisticRegression(C=c, solver=name, tol=tol, max_iter=2000), X, y)

    peers = {f"scikit-learn {s}": solver(s) for s in solvers.split()}
    if glm := _glum("binomial", X, y, alpha):
        peers["glum"] = glm
    try:
        from snapml import LogisticRegression as Snap
    except ImportError:
        return peers
    labels = np.where(y > 0, 1.0, -1.0)

    def snap(tol: float) -> Fitted:
        model = Snap(regularizer=alpha * len(y), tol=tol, max_iter=1000, n_jobs=2, fit_intercept=True)
        model.fit(X.astype(np.float32) if not sparse.issparse(X) else X, labels)
        return np.ravel(model.coef_), float(np.ravel(model.intercept_)[0])

    return peers | {"snapml": snap}


def _glum(family: str, X: Any, y: Array, alpha: float, l1: float = 0.0) -> Peer | None:
    try:
        from glum import GeneralizedLinearRegressor
    except ImportError:
        return None
    return sklearn(
        lambda tol: GeneralizedLinearRegressor(
            family=family, alpha=alpha, l1_ratio=l1, gradient_tol=tol, max_iter=1000, link="auto"
        ),
        X,
        y,
    )


def l2_logistic(title: str, wanted: str, n: int, p: int, solvers: str, spread: float = 0.0) -> Problem:
    """Dense logistic regression with a light ridge."""
    X, z, u = dense(n, p, spread=spread)
    y, alpha = (u < special.expit(z)).astype(float), 1e-4
    value = mean_of(logistic, X, y, l2=alpha)
    return Problem(title, wanted, value, ours(X, y, "Logistic", "l2", alpha), logistic_peers(X, y, alpha, solvers))


def by(peers: dict[str, Peer], who: str) -> dict[str, Peer]:
    """Those of the peers that are of one package; all without one."""
    return {name: peer for name, peer in peers.items() if name.startswith(who)}


def sparse_logistic(title: str, wanted: str, n: int, p: int, who: str = "") -> Problem:
    X, z, u = scattered(n, p, 50)
    y, alpha = (u < special.expit(3 * z)).astype(float), 1e-5
    peers = by(logistic_peers(X, y, alpha, "lbfgs newton-cg"), who)
    return Problem(title, wanted, mean_of(logistic, X, y, l2=alpha), ours(X, y, "Logistic", "l2", alpha), peers)


def multinomial(title: str, wanted: str, n: int, p: int, k: int) -> Problem:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    X, _, _ = dense(n, p)
    y = (X @ rng.standard_normal((p, k)) / np.sqrt(p) * 1.5 + rng.gumbel(size=(n, k))).argmax(axis=1)
    alpha = 1e-4

    def peer(name: str) -> Peer:
        return sklearn(
            lambda tol: LogisticRegression(C=1 / (alpha * n), solver=name, tol=tol, max_iter=2000),
            X,
            y,
        )

    return Problem(
        title,
        wanted,
        mean_of(softmax, X, y, l2=alpha),
        ours(X, y, "CrossEntropy", "l2", alpha, outputs=k),
        {f"scikit-learn {s}": peer(s) for s in ("lbfgs", "newton-cg", "newton-cholesky")},
    )


def l1_logistic(title: str, wanted: str, n: int, p: int) -> Problem:
    from sklearn.linear_model import LogisticRegression

    X, _, u = dense(n, p)
    coef = np.zeros(p)
    coef[: p // 20] = np.random.default_rng(1).standard_normal(p // 20)
    y = (u < special.expit(X @ coef)).astype(float)
    alpha = float(np.abs(X.T @ (y - y.mean())).max()) / n / 50
    labels = np.where(y > 0, 1.0, -1.0)
    peers = {
        "scikit-learn saga": sklearn(
            lambda tol: LogisticRegression(C=1 / (alpha * n), l1_ratio=1.0, solver="saga", tol=tol, max_iter=500), X, y
        )
    }
    try:
        from skglm import SparseLogisticRegression

        peers["skglm"] = sklearn(lambda tol: SparseLogisticRegression(alpha=alpha, tol=tol), X, labels)
    except ImportError:
        pass
    return Problem(title, wanted, mean_of(logistic, X, y, l1=alpha), ours(X, y, "Logistic", "l1", alpha), peers)


def lasso(title: str, wanted: str, n: int, p: int, ratio: float = 1.0, share: float = 50.0) -> Problem:
    """Least squares with l1, or an elastic net."""
    from sklearn.linear_model import ElasticNet, Lasso

    X, _, _ = dense(n, p)
    rng = np.random.default_rng(1)
    X = np.asfortranarray(X)
    coef = np.zeros(p)
    coef[rng.choice(p, max(p // 50, 10), replace=False)] = 1.0
    y = X @ coef + rng.standard_normal(n)
    alpha = float(np.abs(X.T @ (y - y.mean())).max()) / n / share / ratio
    first = {"alpha": alpha, "fit_intercept": True} | ({} if ratio == 1.0 else {"l1_ratio": ratio})
    plain = Lasso if ratio == 1.0 else ElasticNet
    peers = {"scikit-learn": sklearn(lambda tol: plain(**first, tol=tol, max_iter=100_000), X, y)}
    try:
        import celer

        theirs = celer.Lasso if ratio == 1.0 else celer.ElasticNet
        peers["celer"] = sklearn(lambda tol: theirs(**first, tol=tol, max_iter=200), X, y)
    except ImportError:
        pass
    try:
        import skglm

        other = skglm.Lasso if ratio == 1.0 else skglm.ElasticNet
        peers["skglm"] = sklearn(lambda tol: other(**first, tol=tol), X, y)
    except ImportError:
        pass
    kind = "l1" if ratio == 1.0 else "elasticnet"
    value = mean_of(squared, X, y, l1=alpha * ratio, l2=alpha * (1.0 - ratio))
    return Problem(title, wanted, value, ours(X, y, "Squared", kind, alpha, l1_ratio=ratio), peers)


def huber_with_scale(title: str, wanted: str, n: int, p: int) -> Problem:
    """Coefficients and scale together (Owen 2007), judged by the value that the best scale gives."""
    from scipy.optimize import minimize_scalar
    from sklearn.linear_model import HuberRegressor

    X, z, _ = dense(n, p)
    y = z + np.random.default_rng(2).standard_t(3, n)

    def value(coef: Array, intercept: Any) -> float:
        r = np.abs(y - X @ coef - intercept)

        def at(log_sigma: float) -> float:
            s = np.exp(log_sigma)
            u = r / s
            return float(s * np.where(u <= 1.35, 0.5 * u * u, 1.35 * u - 0.5 * 1.35**2).mean() + 0.5 * s)

        return float(minimize_scalar(at, bracket=(-1.0, 0.5), tol=1e-10).fun)

    peers = {"scikit-learn": sklearn(lambda tol: HuberRegressor(epsilon=1.35, alpha=0.0, tol=tol, max_iter=5000), X, y)}
    return Problem(title, wanted, value, ours(X, y, "Huber", delta=1.35, scale="concomitant"), peers)


def tukey(title: str, wanted: str, n: int, p: int) -> Problem:
    """Tukey's biweight at the scale of a robust start; a peer that updates the scale is judged at ours."""
    import statsmodels.api as sm

    import lossmith
    from lossmith.fit import Penalty, fit
    from lossmith.rows.memory import Rows

    X, z, _ = dense(n, p)
    y = z + np.random.default_rng(2).standard_t(3, n)
    found = fit(Rows.of(X, y), lossmith.loss("Tukey", c=4.685), Penalty("none"), scale="mad")

    def value(coef: Array, intercept: Any) -> float:
        u = np.minimum(np.abs(y - X @ coef - intercept) / (4.685 * found.scale), 1.0)
        return float((4.685**2 / 6 * (1.0 - (1.0 - u * u) ** 3)).mean())

    def rlm(tol: float) -> Fitted:
        norm = sm.robust.norms.TukeyBiweight(4.685)
        fitted = sm.RLM(y, np.column_stack([X, np.ones(n)]), M=norm).fit(maxiter=50, tol=tol)
        return fitted.params[:-1], fitted.params[-1]

    return Problem(title, wanted, value, ours(X, y, "Tukey", c=4.685, scale="mad"), {"statsmodels RLM": rlm})


def quantile(title: str, wanted: str, n: int, p: int, tau: float, who: str = "") -> Problem:
    X, z, _ = dense(n, p)
    y = z + np.random.default_rng(2).standard_t(3, n)
    peers = by(quantile_peers(X, y, tau), who)
    return Problem(title, wanted, mean_of(pinball(tau), X, y), ours(X, y, "Quantile", tau=tau), peers)


def quantile_peers(X: Array, y: Array, tau: float) -> dict[str, Peer]:
    """statsmodels, and the solver of pyfixest without what stands around it."""
    import statsmodels.api as sm

    n = len(y)
    design = np.column_stack([X, np.ones(n)])

    def statsmodels(tol: float) -> Fitted:
        found = sm.QuantReg(y, design).fit(tau, p_tol=tol, max_iter=5000).params
        return found[:-1], found[-1]

    peers: dict[str, Peer] = {"statsmodels": statsmodels}
    try:
        from pyfixest.estimation.quantreg.frisch_newton_ip import frisch_newton_solver

        def pyfixest(tol: float) -> Fitted:
            chol = np.linalg.cholesky(design.T @ design)
            half = linalg.solve_triangular(chol, design.T, lower=True, check_finite=False)
            found = frisch_newton_solver(
                A=design.T, b=(1.0 - tau) * design.sum(axis=0), c=-y, u=np.ones(n), q=tau, tol=tol, max_iter=500,
                chol=chol, P=half,
            )  # fmt: skip
            return found[0][:-1], found[0][-1]

        peers["pyfixest solver"] = pyfixest
    except ImportError:
        pass
    return peers


def quantiles(title: str, wanted: str, n: int, p: int, levels: tuple[float, ...]) -> Problem:
    """Several quantiles of the same rows, ours together, against one after another; judged by the sum of the values."""
    import lossmith
    from lossmith.fit import Penalty, fit_each
    from lossmith.rows.memory import Rows

    X, z, _ = dense(n, p)
    y = z + np.random.default_rng(2).standard_t(3, n)
    losses = [lossmith.loss("Quantile", tau=tau) for tau in levels]

    def value(coefs: Array, intercepts: Any) -> float:
        one = (mean_of(pinball(tau), X, y) for tau in levels)
        return float(sum(f(c, i) for f, c, i in zip(one, coefs, intercepts, strict=True)))

    def mine(tol: float) -> Fitted:
        found = fit_each(Rows.of(X, y), losses, Penalty("none"), **at(tol))
        return np.array([s.coef for s in found]), np.array([s.intercept for s in found])

    def singly(each: list[Peer]) -> Peer:
        def run(tol: float) -> Fitted:
            found = [fitted(tol) for fitted in each]
            return np.array([c for c, _ in found]), np.array([i for _, i in found])

        return run

    theirs = [quantile_peers(X, y, tau) for tau in levels]
    peers = {f"{name}, one by one": singly([some[name] for some in theirs]) for name in theirs[0]}
    peers["lossmith, one by one"] = singly([ours(X, y, "Quantile", tau=tau) for tau in levels])
    return Problem(title, wanted, value, mine, peers)


def glm(title: str, wanted: str, n: int, p: int, family: str) -> Problem:
    """Poisson, gamma or Tweedie (1.5) with log link and a light ridge."""
    from sklearn.linear_model import GammaRegressor, PoissonRegressor, TweedieRegressor

    X, z, _ = dense(n, p)
    rng = np.random.default_rng(2)
    mu, alpha = np.exp(0.5 * z), 1e-4
    draws = {
        "poisson": lambda: rng.poisson(mu),
        "gamma": lambda: rng.gamma(2.0, mu / 2.0) + 1e-9,
        "tweedie": lambda: rng.poisson(mu) * rng.gamma(2.0, 0.5, n),
    }
    y = draws[family]().astype(float)
    makers: dict[str, Any] = {
        "poisson": PoissonRegressor,
        "gamma": GammaRegressor,
        "tweedie": lambda **k: TweedieRegressor(power=1.5, link="log", **k),
    }

    def peer(name: str) -> Peer:
        return sklearn(lambda tol: makers[family](alpha=alpha, solver=name, tol=tol, max_iter=1000), X, y)

    values = {"poisson": poisson, "gamma": gamma, "tweedie": tweedie}
    mine = {"poisson": ("Poisson", {}), "gamma": ("Gamma", {}), "tweedie": ("Tweedie", {"power": 1.5})}
    peers = {f"scikit-learn {s}": peer(s) for s in ("lbfgs", "newton-cholesky")}
    if family != "tweedie" and (theirs := _glum(family, X, y, alpha)):
        peers["glum"] = theirs
    name, params = mine[family]
    return Problem(
        title, wanted, mean_of(values[family], X, y, l2=alpha), ours(X, y, name, "l2", alpha, **params), peers
    )


def walk(title: str, wanted: str, n: int, p: int, kind: str) -> Problem:
    """Logistic regression at 50 strengths, judged by the sum of the values."""
    from sklearn.linear_model import LogisticRegression

    import lossmith
    from lossmith.fit import Penalty, path
    from lossmith.rows.memory import Rows

    X, _, u = dense(n, p)
    coef = np.random.default_rng(1).standard_normal(p) * (np.arange(p) % 5 == 0)
    y = (u < special.expit(X @ coef / 3)).astype(float)
    top = 1.0 if kind == "l2" else float(np.abs(X.T @ (y - y.mean())).max()) / n
    alphas = top * np.geomspace(1.0, 1e-4 if kind == "l2" else 1e-3, 50)

    def value(coefs: Array, intercepts: Any) -> float:
        strengths = {"l2": (0.0, 1.0), "l1": (1.0, 0.0)}[kind]
        one = (mean_of(logistic, X, y, *(s * a for s in strengths)) for a in alphas)
        return float(sum(f(c, i) for f, c, i in zip(one, coefs, intercepts, strict=True)))

    def mine(tol: float) -> Fitted:
        found = path(Rows.of(X, y), lossmith.loss("Logistic"), Penalty(kind), alphas.tolist(), **at(tol))
        return np.array([s.coef for s in found]), np.array([s.intercept for s in found])

    def warm(solver: str) -> Peer:
        def run(tol: float) -> Fitted:
            model = LogisticRegression(
                solver=solver, tol=tol, max_iter=2000, warm_start=True, l1_ratio=float(kind == "l1")
            )
            found = [model.set_params(C=1 / (a * n)).fit(X, y) and (model.coef_[0].copy(), model.intercept_[0])
                     for a in alphas]  # fmt: skip
            return np.array([c for c, _ in found]), np.array([i for _, i in found])

        return run

    solvers = ("lbfgs", "newton-cholesky") if kind == "l2" else ("saga",)
    peers = {f"scikit-learn {s}, warm": warm(s) for s in solvers}
    if kind == "l1":
        try:
            from skglm import SparseLogisticRegression
        except ImportError:
            return Problem(title, wanted, value, mine, peers)
        labels = np.where(y > 0, 1.0, -1.0)

        def skglm(tol: float) -> Fitted:
            model = SparseLogisticRegression(tol=tol, warm_start=True)
            found = []
            for a in alphas:
                model.alpha = a
                model.fit(X, labels)
                found.append((np.ravel(model.coef_).copy(), float(np.ravel(model.intercept_)[0])))
            return np.array([c for c, _ in found]), np.array([i for _, i in found])

        peers["skglm, warm"] = skglm
    return Problem(title, wanted, value, mine, peers)


def folded(title: str, wanted: str, n: int, p: int) -> Problem:
    """10 folds × 20 strengths of l2 logistic regression, judged by how far the held-out losses are from exact ones."""
    from sklearn.linear_model import LogisticRegressionCV

    import lossmith
    from lossmith.fit import Penalty, held_out
    from lossmith.rows.memory import Rows

    X, z, u = dense(n, p)
    y = (u < special.expit(z)).astype(float)
    alphas = np.geomspace(1e-1, 1e-5, 20)
    folds = [np.arange(k, n, 10) for k in range(10)]
    splits = [(np.setdiff1d(np.arange(n), f), f) for f in folds]
    seen = n - len(folds[0])

    def mine(tol: float) -> Fitted:
        found = held_out(Rows.of(X, y), lossmith.loss("Logistic"), Penalty("l2"), alphas.tolist(), folds, **at(tol))
        return found, 0.0

    def theirs(solver: str) -> Peer:
        def run(tol: float) -> Fitted:
            model = LogisticRegressionCV(
                Cs=1 / (alphas * seen), cv=splits, solver=solver, tol=tol, max_iter=2000, scoring="neg_log_loss",
                refit=False, use_legacy_attributes=False,
            )  # fmt: skip
            return -np.asarray(model.fit(X, y).scores_).reshape(10, 20), 0.0

        return run

    exact = np.array([[mean_held_out(X, y, split, a) for a in alphas[::19]] for split in splits])

    def value(found: Array, _: Any) -> float:
        return 1.0 + float(np.abs(found[:, ::19] - exact).max() > 1e-6)

    peers = {f"scikit-learn {s}": theirs(s) for s in ("lbfgs", "newton-cholesky")}
    return Problem(title, wanted, value, mine, peers)


def mean_held_out(X: Array, y: Array, split: tuple[Array, Array], alpha: float) -> float:
    """The held-out loss of an exact fit by scikit-learn."""
    from sklearn.linear_model import LogisticRegression

    rest, fold = split
    model = LogisticRegression(C=1 / (alpha * len(rest)), solver="newton-cholesky", tol=1e-12).fit(X[rest], y[rest])
    return float(logistic(y[fold], X[fold] @ model.coef_[0] + model.intercept_[0]).mean())


def problems(scale: float) -> Iterator[tuple[str, Callable[[], Problem]]]:
    """Titles, and the problems made only when their turn comes."""

    def k(n: int) -> int:
        return max(int(n * scale), 500)

    cases: list[tuple[str, str, Callable[..., Problem], tuple[Any, ...]]] = [
        ("l2 logistic 1M × 100", "20×", l2_logistic, (k(1_000_000), 100, "newton-cholesky lbfgs")),
        ("l2 logistic 1M × 100 scaled", "20×", l2_logistic, (k(1_000_000), 100, "newton-cholesky lbfgs", 2.0)),
        ("l2 logistic 50k × 2000", "4×", l2_logistic, (k(50_000), 2000, "lbfgs newton-cg")),
        ("l2 logistic 100k × 50", "5×", l2_logistic, (k(100_000), 50, "newton-cholesky lbfgs")),
        ("l2 logistic 10k × 20", "2.5×", l2_logistic, (k(10_000), 20, "newton-cholesky lbfgs")),
        ("l2 logistic sparse 200k × 100k", "2.3×", sparse_logistic, (k(200_000), k(100_000))),
        ("the same, scikit-learn alone", "8×", sparse_logistic, (k(200_000), k(100_000), "scikit-learn")),
        ("multinomial 200k × 100 × 10", "5×", multinomial, (k(200_000), 100, 10)),
        ("l1 logistic 100k × 1000", "3.5×", l1_logistic, (k(100_000), 1000)),
        ("lasso 100k × 1000", "2.7×", lasso, (k(100_000), 1000)),
        ("elastic net 100k × 1000", "2.7×", lasso, (k(100_000), 1000, 0.5)),
        ("lasso 500 × 50,000", "1×", lasso, (500, k(50_000), 1.0, 5.0)),
        ("Huber with scale 1M × 50", "100×", huber_with_scale, (k(1_000_000), 50)),
        ("Tukey biweight 1M × 50", "100×", tukey, (k(1_000_000), 50)),
        ("quantile 0.3 100k × 50", "12×", quantile, (k(100_000), 50, 0.3)),
        ("the same, statsmodels alone", "60×", quantile, (k(100_000), 50, 0.3, "statsmodels")),
        ("five quantiles 100k × 50", "2×", quantiles, (k(100_000), 50, (0.1, 0.25, 0.5, 0.75, 0.9))),
        ("Poisson 1M × 100", "20×", glm, (k(1_000_000), 100, "poisson")),
        ("gamma 1M × 100", "20×", glm, (k(1_000_000), 100, "gamma")),
        ("Tweedie 1M × 100", "20×", glm, (k(1_000_000), 100, "tweedie")),
        ("path of 50, l2 logistic 100k × 200", "5×", walk, (k(100_000), 200, "l2")),
        ("path of 50, l1 logistic 100k × 200", "5×", walk, (k(100_000), 200, "l1")),
        ("10 folds × 20, l2 logistic 100k × 50", "10×", folded, (k(100_000), 50)),
    ]
    for title, wanted, make, args in cases:
        yield title, lambda title=title, wanted=wanted, make=make, args=args: make(title, wanted, *args)


# Judging.


class CutOff(Exception):
    """A call that took too long."""


def cut(*_: Any) -> None:
    raise CutOff


def timed(peer: Peer, tol: float, limit: float = 0.0) -> tuple[float, Fitted]:
    """Seconds of one call, and what it found; `limit` seconds interrupt it where it comes back to Python."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        time.sleep(REST)
        signal.setitimer(signal.ITIMER_REAL, limit)
        try:
            start = time.perf_counter()
            found = peer(tol)
            return time.perf_counter() - start, found
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.0)


class Tried(NamedTuple):
    """One call: its tolerance, the value it reached, and its seconds."""

    tol: float
    value: float
    seconds: float


def tighter(peer: Peer, value: Callable[..., float], best: float, limit: float = 0.0) -> Tried | None:
    """The first call, from loose to tight, that is close to the best value so far within the limit; one warms up."""
    try:
        timed(peer, TIGHTER[0], limit and limit + COMPILING)
        for tol in TIGHTER:
            took, result = timed(peer, tol, limit)
            found = Tried(tol, value(*result), took)
            if close(found.value, best):
                return found
    except CutOff:
        pass
    return None


def close(value: float, best: float) -> bool:
    return value - best <= CLOSE * abs(best)


def judge(problem: Problem, rounds: int) -> str:
    """One line of the table."""
    plain = problem.value(*timed(problem.ours, 0.0)[1])
    mine = tighter(problem.ours, problem.value, plain)
    assert mine is not None, "our default tolerance is close to itself"
    own = min(mine.seconds, timed(problem.ours, mine.tol)[0])
    limit = AMPLE * float(problem.wanted.rstrip("×")) * own
    theirs: dict[str, Tried] = {}
    for name, peer in problem.peers.items():
        try:
            if found := tighter(peer, problem.value, min(plain, mine.value), limit):
                theirs[name] = found
        except Exception as trouble:  # a peer that fails is a peer that does not reach it
            print(f"  {name}: {type(trouble).__name__}: {str(trouble)[:100]}", flush=True)
    best = min(plain, mine.value, *(t.value for t in theirs.values()))
    if not close(mine.value, best):
        return f"{problem.title:36s} ours ends above the best; " + shown({n: t.seconds for n, t in theirs.items()})
    took = medians(problem, mine, theirs, rounds)
    own, usual = took.pop("lossmith"), took.pop("default")
    tail = f"{1e3 * usual:9.1f} ms{(plain - best) / abs(best):9.0e}"
    line = f"{problem.title:36s}{1e3 * own:9.1f} ms"
    if not took:
        return f"{line}{1e3 * limit:10.0f} ms  {'cut off, all':30s}{limit / own:6.1f}+×{problem.wanted:>6s}{tail}"
    first = min(took, key=lambda n: took[n])
    others = shown({n: t for n, t in took.items() if n != first})
    line += f"{1e3 * took[first]:10.1f} ms  {first:30s}"
    return f"{line}{took[first] / own:7.1f}×{problem.wanted:>6s}{tail}   {others}"


def medians(problem: Problem, mine: Tried, theirs: Mapping[str, Tried], rounds: int) -> dict[str, float]:
    """Seconds of ours, of ours at its default tolerance, and of all that came close: the fast ones in rounds."""
    fastest = min((t.seconds for t in theirs.values()), default=0.0)
    calls = {"lossmith": (problem.ours, mine.tol), "default": (problem.ours, 0.0)}
    calls |= {n: (problem.peers[n], t.tol) for n, t in theirs.items() if t.seconds <= FAR * fastest}
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, (call, tol) in calls.items():
            times[name].append(timed(call, tol)[0])
    return {n: t.seconds for n, t in theirs.items()} | {n: statistics.median(t) for n, t in times.items()}


def shown(times: Mapping[str, float]) -> str:
    return ", ".join(f"{n} {t * 1e3:.0f}" for n, t in sorted(times.items(), key=lambda i: i[1]))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="only problems whose title holds one of these")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the rows")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--list", action="store_true", help="name the problems and stop")
    given = parser.parse_args()
    signal.signal(signal.SIGALRM, cut)
    heads = f"{'':36s}{'lossmith':>12s}{'best peer':>13s}  {'':30s}{'ahead':>8s}{'aim':>6s}{'default':>12s}{'off':>9s}"
    print("" if given.list else f"{heads}   other peers", flush=True)
    for title, make in problems(given.scale):
        if given.words and not any(w in title for w in given.words):
            continue
        print(title if given.list else judge(make(), given.rounds), flush=True)


if __name__ == "__main__":
    main()
