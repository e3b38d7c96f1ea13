"""Exported files for boosters, trained where lossmith cannot be imported, predict what our own training predicts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lossmith
from lossmith.adapters.export import rule_of, snake
from lossmith.errors import UnsupportedError
from lossmith.loss import Loss

CHILD = Path(__file__).with_name("export_trained.py")
ROUNDS, N = 6, 240
RESIDUAL = (
    "Squared", "Huber", "PseudoHuber", "LogCosh", "Cauchy", "Welsch", "Tukey", "StudentT", "Fair", "Quantile",
    "Expectile", "SmoothQuantile",
)  # fmt: skip
TARGETS: dict[str, tuple[str, ...]] = {
    "counts": ("Poisson", "Tweedie", "NegativeBinomial"),
    "positive": ("Gamma", "InverseGaussian", "LogNormal"),
    "binary": ("BinaryCrossEntropy", "Logistic", "SquaredHinge", "Exponential", "Brier", "SmoothedHinge"),
    "classes": ("CrossEntropy", "Focal", "GeneralizedCrossEntropy"),
}
RNG = np.random.default_rng(8)
X = RNG.normal(size=(N, 4))
F = np.sin(2 * X[:, 0]) + 0.5 * X[:, 1]
WEIGHT = RNG.uniform(0.5, 2.0, N)
Y = {
    "residual": 20 + 5 * F + RNG.standard_t(4, N),
    "counts": RNG.poisson(np.exp(F)) * 1.0,
    "positive": RNG.gamma(2.0, np.exp(F)) + 0.05,
    "binary": (RNG.random(N) < 1 / (1 + np.exp(-2 * F))) * 1.0,
    "classes": np.digitize(F + 0.3 * RNG.normal(size=N), [-0.5, 0.5]) * 1.0,
}
ROWS = {name: Y[kind] for kind, names in {"residual": RESIDUAL, **TARGETS}.items() for name in names}
PARAMS: dict[str, dict[str, Any]] = {
    "lightgbm": {"num_threads": 1, "learning_rate": 0.2, "num_leaves": 7, "seed": 1, "verbosity": -1},
    "xgboost": {"nthread": 1, "eta": 0.2, "max_depth": 3, "seed": 1},
    "catboost": {"thread_count": 1, "learning_rate": 0.2, "depth": 3, "random_seed": 1, "bootstrap_type": "No",
                 "random_strength": 0},
}  # fmt: skip


def in_lightgbm(loss: Loss, y: Any, begun: Any, rule: str, classes: int) -> Any:
    import lightgbm

    data = lightgbm.Dataset(X, y, weight=WEIGHT, init_score=begun, free_raw_data=False)
    params = {**PARAMS["lightgbm"], "objective": lossmith.lightgbm.objective(loss, curvature=rule, classes=classes)}
    return lightgbm.train({**params, "num_class": classes}, data, ROUNDS).predict(X, raw_score=True) + begun


def in_xgboost(loss: Loss, y: Any, begun: Any, rule: str, classes: int) -> Any:
    import xgboost

    data = xgboost.DMatrix(X, y, weight=WEIGHT, base_margin=begun)
    params = {**PARAMS["xgboost"], "base_score": 0.0, "disable_default_eval_metric": 1}
    many = {"num_class": classes} if classes > 1 else {}
    made = lossmith.xgboost.objective(loss, curvature=rule, classes=classes)
    return xgboost.train({**params, **many}, data, ROUNDS, obj=made).predict(data, output_margin=True)


def in_catboost(loss: Loss, y: Any, begun: Any, rule: str, classes: int) -> Any:
    import catboost

    pool = catboost.Pool(X, y, weight=WEIGHT, baseline=begun.reshape(N, -1))
    made = lossmith.catboost.objective(loss, pool, curvature=rule, classes=classes)
    given = {**PARAMS["catboost"], "leaf_estimation_method": "Newton", "allow_writing_files": False, "verbose": False}
    many = {"classes_count": classes} if classes > 1 else {}
    judge = lossmith.catboost.metric(loss)
    model = catboost.CatBoost({"iterations": ROUNDS, "loss_function": made, "eval_metric": judge, **given, **many})
    return np.asarray(model.fit(pool).predict(X, prediction_type="RawFormulaVal")) + begun


OURS: dict[str, Callable[..., Any]] = {"lightgbm": in_lightgbm, "xgboost": in_xgboost, "catboost": in_catboost}


def ours(host: str, name: str) -> Any:
    """What our objective predicts by the rule of the file, in its unit of y, from the same kind of start."""
    loss, y = lossmith.loss(name), ROWS[name]
    classes = 3 if loss.lift.multiclass else 1
    unit = 1.482602218505602 * np.median(np.abs(y - np.median(y))) if name in RESIDUAL else 1.0
    start = loss.start(y / unit, WEIGHT, classes if classes > 1 else None)
    begun = np.tile(start, (N, 1)) if classes > 1 else np.full(N, start)
    z = np.asarray(OURS[host](loss, y / unit, begun, rule_of(loss)[0], classes), np.float64)
    try:
        return unit * z if name in RESIDUAL else loss.mean(z)
    except UnsupportedError:
        return z


@pytest.mark.slow
@pytest.mark.parametrize("host", OURS)
def test_a_file_predicts_what_we_predict(host: str, tmp_path: Path) -> None:
    """Fails with another start, unit, curvature, sign, weight or link in the file than in ours."""
    pytest.importorskip(host)
    assert len(ROWS) > 20
    for name in ROWS:
        (tmp_path / f"{snake(name)}.py").write_text(lossmith.export(name, to=host), encoding="utf-8")
    np.savez(tmp_path / "rows.npz", X=X, weight=WEIGHT, **{snake(name): y for name, y in ROWS.items()})
    (tmp_path / "params.json").write_text(json.dumps({"rounds": ROUNDS, **PARAMS[host]}), encoding="utf-8")
    command = [sys.executable, "-I", "-S", str(CHILD), str(tmp_path), sysconfig.get_paths()["purelib"]]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=tmp_path, env={**os.environ, "PYTHONPATH": ""},
        timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found = np.load(tmp_path / "found.npz")
    apart = {}
    for name in ROWS:
        wanted = ours(host, name)
        assert np.ptp(wanted) > 0.05, name
        apart[name] = float(np.abs(found[snake(name)] - wanted).max() / np.ptp(wanted))
    assert {name: gap for name, gap in apart.items() if not gap < 1e-4} == {}
