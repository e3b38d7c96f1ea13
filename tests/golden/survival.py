"""Prints survival.json: what lifelines and scikit-survival find on two drawn tables.

Run by hand where both are installed:  python tests/golden/survival.py > tests/golden/survival.json
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

N, P = 250, 3


def table() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """X, times with ties, events, whole weights, strata."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, P))
    t, c = rng.weibull(1.5, N) * np.exp(X @ [0.5, -0.3, 0.1]), rng.exponential(2, N)
    time = np.ceil(np.minimum(t, c) * 10) / 10
    return X, time, t < c, rng.integers(1, 4, N), rng.integers(0, 3, N)


def intervals(time: np.ndarray, event: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bounds on the times: some exact, some open above, some between two visits."""
    low, high = time.copy(), np.where(event, time, np.inf)
    low[::5], high[1::5] = (
        np.where(event, np.maximum(np.floor(time), 0.05), low)[::5],
        np.where(event, np.ceil(time * 2) / 2, high)[1::5],
    )
    high[::5] = np.where(event, np.ceil(time + 1e-9), high)[::5]
    return low, high


def tightest(kind: type, fit: Callable[..., Any]) -> Any:
    """Of the fits by two methods and many tolerances that lifelines calls converged, the most likely."""
    from lifelines.exceptions import ConvergenceError

    found = []
    for method, option in (("BFGS", "gtol"), ("SLSQP", "ftol")):
        for power in range(-17, -3):
            model = kind()
            model._scipy_fit_method = method
            with contextlib.suppress(ConvergenceError):
                found.append(fit(model, {option: 10.0**power, "maxiter": 5000}))
    return max(found, key=lambda model: model.log_likelihood_)


def main() -> None:
    """Fit everything."""
    import lifelines
    import pandas as pd
    import sksurv
    from lifelines import CoxPHFitter, LogLogisticAFTFitter, LogNormalAFTFitter, WeibullAFTFitter
    from sksurv.linear_model import CoxPHSurvivalAnalysis
    from sksurv.util import Surv

    X, time, event, weight, strata = table()
    frame = pd.DataFrame(X, columns=list("abc")).assign(t=time, e=event)
    tight = {"fit_options": {"precision": 1e-12, "r_precision": 1e-14}}
    found: dict[str, object] = {"lifelines": lifelines.__version__, "sksurv": sksurv.__version__}
    found["cox"] = CoxPHFitter().fit(frame, "t", "e", **tight).params_.tolist()
    weighted = CoxPHFitter().fit(frame.assign(w=weight), "t", "e", weights_col="w", **tight)
    found["cox weighted"] = weighted.params_.tolist()
    found["cox strata"] = CoxPHFitter().fit(frame.assign(s=strata), "t", "e", strata="s", **tight).params_.tolist()
    for ties in ("efron", "breslow"):
        model = CoxPHSurvivalAnalysis(ties=ties, tol=1e-14, n_iter=200).fit(X, Surv.from_arrays(event, time))
        found[f"sksurv {ties}"] = model.coef_.tolist()
        curves = model.predict_survival_function(X[:3])
        found[f"sksurv {ties} survival"] = [[float(f(t)) for t in (0.3, 0.8, 1.5)] for f in curves]
    found["concordance"] = float(model.score(X, Surv.from_arrays(event, time)))
    low, high = intervals(time, event)
    for kind in (WeibullAFTFitter, LogNormalAFTFitter, LogLogisticAFTFitter):
        for name, fit in (
            ("right", lambda m, options: m.fit(frame, "t", "e", fit_options=options)),
            ("interval", lambda m, options: m.fit_interval_censoring(
                frame.drop(columns=["t", "e"]).assign(l=low, u=high), "l", "u", fit_options=options)),
        ):  # fmt: skip
            model = tightest(kind, fit)
            first, second = dict.fromkeys(i[0] for i in model.params_.index)
            place = model.params_[first]
            found[f"{kind.__name__} {name}"] = {
                "coef": [float(place[c]) for c in "abc"], "intercept": float(place["Intercept"]),
                "log second": float(model.params_[second]["Intercept"]), "log likelihood": float(model.log_likelihood_),
            }  # fmt: skip
    json.dump(found, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
