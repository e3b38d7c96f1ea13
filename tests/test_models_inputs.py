"""What goes into the estimators: tables, sparse matrices, single precision, and every refusal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from model_data import Array, apart, counts, labelled, numbers
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from lossmith.errors import DataError, DomainError, LossmithError, ShapeError, UnsupportedError
from lossmith.models.linear import LinearClassifier, LinearRegressor

FRAMES: dict[str, Callable[[Array, list[str]], Any]] = {
    "pandas": lambda X, names: pd.DataFrame(X, columns=names),
    "polars": lambda X, names: pl.DataFrame(X, schema=names),
    "pyarrow": lambda X, names: pa.table(dict(zip(names, X.T, strict=True))),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_tables_keep_their_column_names(kind: str) -> None:
    X, y = numbers()
    names = ["a", "b", "c", "d"]
    table = FRAMES[kind](X, names)
    model = LinearRegressor().fit(table, y)
    assert model.feature_names_in_.tolist() == names and model.n_features_in_ == 4
    assert np.allclose(model.predict(table), LinearRegressor().fit(X, y).predict(X), rtol=1e-12)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(FRAMES[kind](X, ["b", "a", "c", "d"]))
    X[3, 1] = np.nan
    with pytest.raises(DataError, match="NaN in row 3, column 'b'"):
        model.fit(FRAMES[kind](X, names), y)


@pytest.mark.parametrize("make", [sparse.csr_array, sparse.csc_array, sparse.csr_matrix, sparse.coo_array])
def test_sparse_is_dense(make: Any) -> None:
    X, y = labelled(classes=3)
    X = X * (np.abs(X) > 0.7)
    dense = LinearClassifier("crossentropy", tol=1e-10).fit(X, y)
    thin = LinearClassifier("crossentropy", tol=1e-10).fit(make(X), y)
    assert apart(thin.coef_, dense.coef_) < 1e-6
    assert np.allclose(thin.predict_proba(make(X)), dense.predict_proba(X), rtol=1e-6)


def test_single_precision_stays_single() -> None:
    X, y = labelled(classes=3)
    model = LinearClassifier("crossentropy").fit(X.astype(np.float32), y)
    assert model.coef_.dtype == model.intercept_.dtype == np.float32
    assert model.predict_proba(X.astype(np.float32)).dtype == np.float32
    assert apart(model.coef_, LinearClassifier("crossentropy").fit(X, y).coef_) < 1e-4
    X, y = counts()
    regressor = LinearRegressor("poisson").fit(X.astype(np.float32), y)
    assert regressor.coef_.dtype == regressor.predict(X.astype(np.float32)).dtype == np.float32
    assert LinearRegressor().fit(X, y).predict(X).dtype == np.float64


NAN = np.full((5, 2), 1.0)
NAN[2, 1] = np.nan
FINE = np.arange(10.0).reshape(5, 2)
UP = np.arange(5.0)

REFUSED: list[tuple[Any, tuple[Any, ...], dict[str, Any], type[Exception], str]] = [
    (LinearRegressor(), (NAN, UP), {}, DataError, "NaN in row 2, column 1"),
    (LinearRegressor(), (NAN * np.inf, UP), {}, DataError, "infinity|NaN"),
    (LinearRegressor(), (FINE, NAN[:, 1]), {}, DataError, "y holds NaN in row 2"),
    (LinearRegressor(), (FINE, UP[:4]), {}, ShapeError, "X has 5 rows but y has 4"),
    (LinearRegressor(), (FINE[:, 0], UP), {}, ShapeError, "Reshape your data"),
    (LinearRegressor(), (np.zeros((0, 2)), UP[:0]), {}, DataError, "no rows"),
    (LinearRegressor(), (np.zeros((5, 0)), UP), {}, DataError, "0 feature"),
    (LinearRegressor(), (FINE.astype(str), np.array(list("abcde"))), {}, DataError, "y has dtype"),
    (LinearRegressor(), (FINE + 1j, UP), {}, DataError, "Complex data not supported"),
    (LinearRegressor(), (FINE, None), {}, DataError, "y is None"),
    (LinearRegressor(), (FINE, UP), {"sample_weight": -np.ones(5)}, DataError, "weight is negative in row 0"),
    (LinearRegressor(), (FINE, UP), {"sample_weight": np.zeros(5)}, DataError, "sum to zero"),
    (LinearRegressor(), (FINE, UP), {"sample_weight": np.ones(4)}, ShapeError, "weight has 4"),
    (LinearRegressor(), (FINE, UP), {"offset": np.ones((5, 1))}, ShapeError, "offset has shape"),
    (LinearRegressor("poisson"), (FINE, UP - 1), {}, DomainError, "Poisson needs y >= 0; row 0 has -1"),
    (LinearRegressor("hinge"), (FINE, UP), {}, UnsupportedError, "use LinearClassifier"),
    (LinearClassifier("huber"), (FINE, UP > 2), {}, UnsupportedError, "use LinearRegressor"),
    (LinearRegressor("hubber"), (FINE, UP), {}, ValueError, "hubber"),
    (LinearRegressor(penalty="l3"), (FINE, UP), {}, ValueError, "l3"),
    (LinearRegressor(alpha=-1), (FINE, UP), {}, ValueError, "alpha"),
    (LinearRegressor(solver="magic"), (FINE, UP), {}, ValueError, "magic"),
    (LinearRegressor(scale="big"), (FINE, UP), {}, ValueError, "scale"),
    (LinearClassifier(), (FINE, np.ones(5)), {}, DataError, r"one class only \(1\.0\)"),
    (LinearClassifier(), (FINE, np.full(5, "a")), {}, DataError, r"one class only \('a'\)"),
    (LinearClassifier(class_weight={np.float64(9): 1}), (FINE, UP > 2), {}, ValueError, r"class 9\.0"),
    (LinearRegressor(alpha=np.float64(-1)), (FINE, UP), {}, ValueError, r"alpha=-1\.0\)"),
    (LinearRegressor(), (np.array([["1", "b"]] * 5), UP), {}, DataError, "X holds 'b' in row 0, column 1"),
    (LinearClassifier(), (FINE, UP + 0.5), {}, ValueError, "Unknown label type"),
    (LinearClassifier(), (FINE, NAN[:, 1]), {}, DataError, r"no label in row 2 \(nan;"),
    (LinearClassifier(), (FINE, np.array(["a", "b", None, np.nan, pd.NA], object)), {}, DataError, "row 2 .*3 such"),
    (LinearClassifier(), (FINE, None), {}, DataError, "y is None"),
    (LinearClassifier(class_weight="equal"), (FINE, UP > 2), {}, ValueError, "class_weight='equal'"),
    (LinearClassifier(class_weight={"x": 1}), (FINE, UP > 2), {}, ValueError, "class 'x'"),
    (LinearClassifier(class_weight="balanced"), (FINE, UP > 2), {"sample_weight": UP[:4]}, ShapeError, "sample_weight"),
    (LinearRegressor(), (pd.DataFrame(FINE, columns=["a", "a"]), UP), {}, DataError, "'a'"),
    (LinearRegressor(), (pd.DataFrame({"a": list("vwxyz")}), UP), {}, DataError, "'a'"),
]  # fmt: skip


@pytest.mark.parametrize(("model", "args", "kwargs", "error", "says"), REFUSED)
def test_bad_input_is_one_line_that_names_the_place(
    model: Any, args: Any, kwargs: Any, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says) as caught:
        clone(model).fit(*args, **kwargs)
    assert "\n" not in str(caught.value)
    if says not in ("Unknown label type",):
        assert isinstance(caught.value, LossmithError)


def test_extreme_and_degenerate_tables_fit() -> None:
    draw = np.random.default_rng(0)
    X, y = draw.normal(size=(50, 2)), draw.normal(size=50)
    for size in (1e-150, 1e150):
        assert np.isfinite(LinearRegressor(penalty="none").fit(X * size, y).predict(X * size)).all()
    constant = LinearRegressor().fit(X, np.full(50, 3.0))
    assert np.allclose(constant.predict(X), 3.0, rtol=1e-9)
    exact = LinearRegressor("huber", scale="mad").fit(X, 2 * X[:, 0] - 1)
    assert np.allclose(exact.predict(X), 2 * X[:, 0] - 1, atol=1e-2) and exact.solution_.converged
    assert np.allclose(LinearRegressor().fit(X[:1], y[:1]).predict(X[:1]), y[:1])


def test_predicting_before_fitting_and_with_other_columns() -> None:
    with pytest.raises(NotFittedError):
        LinearRegressor().predict(FINE)
    with pytest.raises(NotFittedError):
        LinearRegressor().save("nowhere")
    model = LinearRegressor().fit(FINE, UP)
    with pytest.raises(ValueError, match="X has 1 features, but LinearRegressor is expecting 2"):
        model.predict(FINE[:, :1])
    with pytest.raises(ShapeError, match="offset has shape"):
        model.predict(FINE, offset=np.ones(4))


def test_scores_take_the_offset_of_the_fit() -> None:
    """Catches a score that forgets the offset: it would be that of predictions without it."""
    rng = np.random.default_rng(0)
    X, offset = rng.normal(size=(200, 2)), 3.0 * rng.normal(size=200)
    y = X @ [1.0, -1.0] + offset + 0.1 * rng.normal(size=200)
    model = LinearRegressor().fit(X, y, offset=offset)
    assert model.score(X, y, offset=offset) > 0.99 > 0.5 > model.score(X, y)
    counts = rng.poisson(np.exp(0.3 * X[:, 0] + 1.0))
    rates = LinearRegressor(loss="poisson").fit(X, counts, exposure=np.full(200, 10.0))
    assert rates.score(X, counts, exposure=np.full(200, 10.0)) > rates.score(X, counts)
    labels = (y > 0).astype(int)
    classes = LinearClassifier().fit(X, labels, offset=10 * offset)
    assert classes.score(X, labels, offset=10 * offset) > classes.score(X, labels)
    assert LinearRegressor().fit(X, y).score(X, y, rng.random(200)) <= 1.0
