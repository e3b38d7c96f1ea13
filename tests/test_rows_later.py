"""Cells of a long table that are left to a fit: it must see them all, and name the first that is not finite."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import lossmith
from lossmith import LinearClassifier, LinearRegressor
from lossmith.errors import DataError
from lossmith.fit import Penalty, Solution, fit
from lossmith.fit.design import Design
from lossmith.fit.sampled import sampled
from lossmith.rows import memory
from lossmith.rows.memory import Rows

Array = NDArray[np.float64]
N, P = 20_000, 12
PENALTY = Penalty("l2", 1e-3)


@pytest.fixture(autouse=True)
def _short_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "LONG", 1000)
    monkeypatch.setattr("lossmith.fit.design.GLANCE", 1000)


def table(seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((N, P)) * 10.0 ** rng.integers(-2, 3, P) + rng.standard_normal(P)
    score = ((X - X.mean(axis=0)) / X.std(axis=0)) @ rng.standard_normal(P)
    return X, (rng.random(N) < 1.0 / (1.0 + np.exp(-score))).astype(float)


def seen() -> NDArray[np.intp]:
    """The rows by which columns are measured."""
    return sampled(N, 1024, 5)


def unseen() -> int:
    """A row that is not among them."""
    return int(np.setdiff1d(np.arange(N), seen())[7])


def fitted(X: Array, y: Array, loss: Any = None, **options: Any) -> Solution:
    return fit(Rows.of(X, y, later=True), loss or lossmith.Logistic(), PENALTY, **options)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_table_that_nobody_read_fits_as_well(intercept: bool, order: Any) -> None:
    X, y = table()
    X = np.asarray(X, order=order)
    rows = Rows.of(X, y, later=True)
    later = fit(rows, lossmith.Logistic(), PENALTY, solver="lbfgs", intercept=intercept)
    whole = fit(Rows.of(X, y), lossmith.Logistic(), PENALTY, intercept=intercept, tol=1e-12)
    assert later.converged and rows.unseen
    np.testing.assert_allclose(later.coef, whole.coef, rtol=1e-6, atol=1e-7 * np.abs(whole.coef).max())
    assert later.value - whole.value <= 1e-12 * abs(whole.value)


@pytest.mark.parametrize("solver", ["auto", "lbfgs", "newton", "gradient-descent"])
@pytest.mark.parametrize("cell", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", [seen, unseen])
def test_a_cell_that_is_not_finite_is_named(solver: str, cell: float, where: Any) -> None:
    X, y = table()
    row = int(np.atleast_1d(where())[0])
    X[row, 5] = cell
    with pytest.raises(DataError, match=rf"X holds (NaN|infinity) in row {row}, column 5"):
        fitted(X, y, solver=solver)


@pytest.mark.parametrize("scale", ["mad", "concomitant", 2.0])
def test_it_is_named_whatever_the_scale(scale: Any) -> None:
    X, _ = table()
    y = X[:, 0] + np.random.default_rng(1).standard_normal(N)
    X[unseen(), 3] = np.nan
    with pytest.raises(DataError, match=f"row {unseen()}, column 3"):
        fitted(X, y, lossmith.Huber(), scale=scale)


def test_a_row_without_weight_is_looked_at_too() -> None:
    X, y = table()
    weight = np.ones(N)
    weight[unseen()], X[unseen(), 2] = 0.0, np.nan
    with pytest.raises(DataError, match=f"row {unseen()}, column 2"):
        fit(Rows.of(X, y, weight, later=True), lossmith.Logistic(), PENALTY, solver="lbfgs")


@pytest.mark.parametrize(
    ("loss", "options"),
    [
        ("Logistic", {"solver": "sgd"}),
        ("Quantile", {}),
        ("Squared", {"penalty": Penalty("l1", 0.1)}),
        ("Tukey", {}),
        ("Huber", {"scale": "mad"}),
    ],
)
def test_what_does_not_pass_over_all_rows_reads_them_first(loss: str, options: dict[str, Any]) -> None:
    X, y = table()
    rows = Rows.of(X, y, later=True)
    fit(rows, lossmith.loss(loss), options.pop("penalty", PENALTY), **options)
    assert not rows.unseen


@pytest.mark.parametrize("model", [LinearClassifier(), LinearClassifier("hinge"), LinearRegressor("huber")])
def test_models_name_it(model: Any) -> None:
    X, y = table()
    X[unseen(), 1] = np.inf
    with pytest.raises(DataError, match=f"infinity in row {unseen()}, column 1"):
        model.fit(X, y)


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_a_column_that_the_sample_shows_as_constant_is_read(value: float) -> None:
    X, y = table()
    X[:, 4] = value
    X[unseen(), 4] = value + 1.0
    assert Design.glanced(X, True) is None
    rows = Rows.of(X, y, later=True)
    found, whole = (fit(r, lossmith.Logistic(), PENALTY, solver="lbfgs") for r in (rows, Rows.of(X, y)))
    assert not rows.unseen
    np.testing.assert_array_equal(found.coef, whole.coef)


def test_a_rare_value_is_no_measure() -> None:
    X, _ = table()
    X[:, 4] = 0.0
    X[seen()[3], 4] = 1.0
    assert Design.glanced(X, True) is None
    X[:, 4] = np.arange(N) % 2
    assert Design.glanced(X, True) is not None


def test_a_fit_whose_trouble_is_another_keeps_its_error() -> None:
    X, y = table()
    with pytest.raises(DataError, match="not finite at the starting point"):
        fitted(X, y, lossmith.Poisson(), solver="lbfgs", start=(np.full(P, 1e4), 0.0))
