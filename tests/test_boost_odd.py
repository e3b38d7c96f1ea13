"""Tables and targets that are odd: carried where they can be, refused in one line where not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lossmith import BoostedRegressor
from lossmith.errors import DataError, ParameterError

RNG = np.random.default_rng(3)
N = 60
X = RNG.normal(size=(N, 3))
Y = X[:, 0] + 0.1 * RNG.normal(size=N)
FEW: dict[str, Any] = {"engine": "sklearn", "max_iter": 3, "min_samples_leaf": 2, "n_jobs": 1}


def refused(table: Any, error: type[Exception], says: str, **change: Any) -> None:
    with pytest.raises(error, match=says) as caught:
        BoostedRegressor(**{**FEW, **change}).fit(table, Y)
    assert "\n" not in str(caught.value)


def test_tables_that_cannot_be_read_are_refused_in_one_line() -> None:
    """Fails with the many lines, or the riddles, of the libraries below us."""
    pandas = pytest.importorskip("pandas")
    refused(pandas.DataFrame(index=range(N)), DataError, "X has no columns")
    refused(pandas.DataFrame(X, columns=list("aab")), DataError, "2 columns named 'a'")
    refused(np.full((N, 2), "a"), DataError, "array of text; name its categories")


def test_text_in_an_array_is_read_where_it_is_said_to_be_categories() -> None:
    """Fails where all text in arrays is refused."""
    text = np.column_stack([np.where(X[:, 0] > 0, "u", "v"), RNG.integers(0, 9, N).astype(str)])
    model = BoostedRegressor(**FEW, categorical_features=[0]).fit(text, Y)
    assert np.corrcoef(model.predict(text), Y)[0, 1] > 0.6


@pytest.mark.parametrize("engine", ["xgboost", "catboost"])
@pytest.mark.parametrize("form", ["array", "csr", "table"])
def test_cells_that_float32_does_not_hold(engine: str, form: str) -> None:
    """Fails where they become infinite, or where a host ends in a stack trace."""
    pytest.importorskip(engine)
    wide = np.where(X > 2, 1e300, X)
    forms = {
        "array": lambda: wide,
        "csr": lambda: pytest.importorskip("scipy.sparse").csr_matrix(wide),
        "table": lambda: pytest.importorskip("pandas").DataFrame(wide, columns=list("abc")).assign(d="x"),
    }
    refused(forms[form](), DataError, "1e[+]300, which (XGBoost|CatBoost) cannot keep in float32", engine=engine)


def test_targets_that_are_one_in_float32() -> None:
    """Fails where CatBoost is asked to learn from labels that it cannot tell apart."""
    pytest.importorskip("catboost")
    tiny = 1e-200 * np.exp(Y)
    assert np.isfinite(BoostedRegressor("gamma", **{**FEW, "engine": "catboost"}).fit(X, tiny).predict(X)).all()


def test_a_text_is_no_list_of_levels() -> None:
    refused(X, ParameterError, "must be a list of levels", loss="quantile", quantiles="0.1")


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow", "list"])
def test_weights_and_targets_of_any_library(library: str) -> None:
    """Fails where an index of pandas is followed, or a column of Arrow is not read."""
    weight = RNG.random(N)
    plain = BoostedRegressor(**FEW).fit(X, Y, weight).predict(X)
    if library == "list":
        given = [Y.tolist(), weight.tolist()]
    else:
        module = pytest.importorskip(library)
        make = module.array if library == "pyarrow" else module.Series
        index = {"index": range(7, 7 + N)} if library == "pandas" else {}
        given = [make(v, **index) for v in (Y, weight)]
    assert np.array_equal(BoostedRegressor(**FEW).fit(X, *given).predict(X), plain)
