"""Folds fitted side by side: the same held-out losses as fits one by one, and what is left to those."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import lossmith
from lossmith.fit import Penalty, design, fit, folds, held_out, walkers
from lossmith.rows.memory import Rows

PATH = importlib.import_module("lossmith.fit.path")
N, P = 1200, 7
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, P)) @ (np.eye(P) + 0.4 * RNG.normal(size=(P, P))) * 10.0 ** RNG.uniform(-2, 2, P) + 3.0
Z = (X - X.mean(axis=0)) @ (RNG.normal(size=P) / X.std(axis=0)) / np.sqrt(P)
TARGETS: dict[str, Any] = {
    "Logistic": (RNG.random(N) < 1.0 / (1.0 + np.exp(-2.0 * Z))) * 1.0,
    "Squared": Z + RNG.normal(size=N),
    "Huber": Z + RNG.standard_t(2, size=N),
    "Poisson": RNG.poisson(np.exp(Z)).astype(float),
}
ALPHAS = [1e-4, 1.0, 1e-2, 0.1]
FOLDS = [np.arange(k, N, 6) for k in range(5)]
"""A sixth of the rows is in no fold."""


@pytest.fixture(autouse=True)
def _compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(design, "LARGE", 0)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """Whether folds were fitted side by side, call by call."""
    seen: list[bool] = []
    beside = PATH.beside

    def spied(*given: Any) -> Any:
        found = beside(*given)
        seen.append(found is not None)
        return found

    monkeypatch.setattr(PATH, "beside", spied)
    yield seen


def rows(loss: str, order: Any = "C", dtype: Any = np.float64, more: bool = True) -> Rows:
    rng = np.random.default_rng(1)
    extra = (rng.random(N), 0.2 * rng.normal(size=N)) if more else (None, None)
    return Rows.of(np.array(X, order=order, dtype=dtype), TARGETS[loss], *extra)


def alone(given: Rows, loss: Any, penalty: Penalty, chosen: Any, monkeypatch: pytest.MonkeyPatch, **asked: Any) -> Any:
    """The same, fold by fold."""
    with monkeypatch.context() as m:
        m.setattr(PATH, "serves", lambda *_: False)
        return held_out(given, loss, penalty, ALPHAS, chosen, **asked)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("loss", list(TARGETS))
def test_side_by_side_is_as_one_by_one(
    loss: str, intercept: bool, served: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    for more, dtype, order in ((True, np.float64, "C"), (False, np.float32, "F")):
        given = rows(loss, order, dtype, more), lossmith.loss(loss), Penalty("l2")
        found = held_out(*given, ALPHAS, FOLDS, intercept=intercept, tol=1e-10)
        assert served.pop() and not served
        want = alone(*given, FOLDS, monkeypatch, intercept=intercept, tol=1e-10)
        np.testing.assert_allclose(found, want, rtol=1e-8)


def test_the_first_fold_is_that_of_a_fit_to_copies_of_the_other_rows(served: list[bool]) -> None:
    given, loss, fold = rows("Logistic"), lossmith.loss("Logistic"), FOLDS[0]
    found = held_out(given, loss, Penalty("l2"), ALPHAS, FOLDS)
    assert served == [True]
    rest = given.take(np.setdiff1d(np.arange(N), fold))
    for alpha, value in zip(ALPHAS, found[0], strict=True):
        s = fit(rest, loss, Penalty("l2", alpha), solver="newton")
        assert given.offset is not None and given.weight is not None
        z = given.X[fold] @ s.coef + s.intercept + given.offset[fold]
        assert value == pytest.approx(float(loss(given.y[fold], z, weight=given.weight[fold])), rel=1e-7)


def test_a_fold_that_is_not_left_out_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    given = rows("Logistic"), lossmith.loss("Logistic"), Penalty("l2")
    want = alone(*given, FOLDS, monkeypatch)
    numbered = folds.numbered

    def none(n: int, chosen: Any) -> Any:
        fold = numbered(n, chosen)
        return None if fold is None else np.full_like(fold, len(chosen))

    monkeypatch.setattr(folds, "numbered", none)
    assert np.abs(held_out(*given, ALPHAS, FOLDS) - want).max() > 1e-5


def test_secant_pairs_save_walks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some four a strength; the mutant that forgets what it learned takes more."""
    walks: list[int] = []
    at = walkers.Side.at

    def counted(self: Any, which: Any, w: Any) -> Any:
        walks.append(len(which))
        return at(self, which, w)

    monkeypatch.setattr(walkers.Side, "at", counted)
    strengths = np.geomspace(0.1, 1e-4, 10).tolist()
    held_out(rows("Logistic"), lossmith.loss("Logistic"), Penalty("l2"), strengths, FOLDS)
    learned, _ = len(walks), walks.clear()
    monkeypatch.setattr(walkers, "_learned", lambda old, new: new)
    held_out(rows("Logistic"), lossmith.loss("Logistic"), Penalty("l2"), strengths, FOLDS)
    assert learned <= 5 * len(strengths) < len(walks)


def _masks(chosen: list[NDArray[np.intp]]) -> list[NDArray[np.bool_]]:
    return [np.isin(np.arange(N), fold) for fold in chosen]


def test_masks_are_folds_too(served: list[bool]) -> None:
    given = rows("Squared"), lossmith.loss("Squared"), Penalty("l2"), ALPHAS
    a, b = held_out(*given, FOLDS), held_out(*given, _masks(FOLDS))
    np.testing.assert_allclose(a, b, rtol=1e-12)
    assert served == [True, True]


OTHERS: dict[str, dict[str, Any]] = {
    "folds that overlap": {"chosen": [np.arange(0, 300), np.arange(200, 500)]},
    "an l1 penalty": {"kind": "elasticnet"},
    "a scale": {"loss": "Huber", "asked": {"scale": 2.0}},
    "a limit of steps": {"asked": {"max_steps": 50}},
    "a loss with kinks": {"loss": "Absolute", "of": "Huber", "asked": {"tol": 1e-3}},
    "a loss that is not convex": {"loss": "Tukey", "of": "Huber"},
    "a solver of its own": {"asked": {"solver": "majorise"}},
    "a fit that gets stuck": {"most": 1},
}


@pytest.mark.parametrize("case", OTHERS)
def test_what_does_not_serve_is_left_to_fits_one_by_one(
    case: str, served: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    what = {"loss": "Logistic", "kind": "l2", "chosen": FOLDS[:2], "asked": {}, **OTHERS[case]}
    monkeypatch.setattr(walkers, "MOST", what.get("most", walkers.MOST))
    given = rows(what.get("of", what["loss"])), lossmith.loss(what["loss"]), Penalty(what["kind"])
    found = held_out(*given, ALPHAS, what["chosen"], **what["asked"])
    assert not any(served)
    want = alone(*given, what["chosen"], monkeypatch, **what["asked"])
    np.testing.assert_array_equal(found, want)
