"""Many small fits side by side: each ends where `fit` ends, whatever stands beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lossmith
from lossmith.fit import Penalty, fit
from lossmith.fit import many as module
from lossmith.fit.many import Stack, fit_many, is_small, stands_here
from lossmith.loss import Loss
from lossmith.rows.memory import Rows

ALPHAS = np.array([1e-3, 1e-2, 1e-1, 1e-2, 1.0])


def _problems(kind: str, weighted: bool = False) -> list[Rows]:
    """Five problems of different lengths, one of them narrower, with columns in other units."""
    rng = np.random.default_rng(3)
    found = []
    for b in range(5):
        n, p = 90 + 7 * b, 4 if b == 2 else 5
        X = rng.normal(size=(n, p)) * np.array([1.0, 30.0, 0.1, 1.0, 2.0])[:p] + 3.0
        z = (X - 3.0) @ np.array([1.0, -0.05, 5.0, 0.0, 0.3])[:p]
        y = {
            "real": lambda z=z, n=n: z + rng.standard_t(2, size=n),
            "counts": lambda z=z: rng.poisson(np.exp(z / 3)),
            "binary": lambda z=z, n=n: rng.random(n) < 1 / (1 + np.exp(-z)),
            "classes": lambda z=z, n=n: np.argmax(np.outer(z, [1, 0, -1]) + rng.gumbel(size=(n, 3)), axis=1),
        }[kind]()
        weight = rng.integers(0, 3, n).astype(float) if weighted else None
        found.append(Rows.of(X, y.astype(float), weight))
    return found


CASES: list[tuple[Loss, str, int]] = [
    *((make(), "real", 1) for make in (lossmith.Squared, lossmith.Huber, lossmith.LogCosh, lossmith.Absolute)),
    (lossmith.Quantile(0.8), "real", 1),
    (lossmith.EpsilonInsensitive(0.5), "real", 1),
    *((make(), "counts", 1) for make in (lossmith.Poisson, lossmith.NegativeBinomial)),
    *((make(), "binary", 1) for make in (lossmith.Logistic, lossmith.Probit, lossmith.Exponential, lossmith.DWD)),
    *((make(), "classes", 3) for make in (lossmith.CrossEntropy, lossmith.Focal)),
]


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize(("loss", "kind", "outputs"), CASES, ids=lambda v: v.name if isinstance(v, Loss) else "")
def test_each_ends_where_a_fit_alone_ends(loss: Loss, kind: str, outputs: int, weighted: bool) -> None:
    problems = _problems(kind, weighted)
    scale = np.linspace(0.5, 2.0, 5) if loss.lift.name == "residual" else None
    many = fit_many(Stack.of(problems), loss, ALPHAS, scale=scale, outputs=outputs, tol=1e-8)
    assert many.converged.all()
    for b, rows in enumerate(problems):
        unit = 1.0 if scale is None else float(scale[b])
        alone = fit(rows, loss, Penalty("l2", float(ALPHAS[b])), scale=unit, outputs=outputs, tol=1e-9)
        coef, last = many.of(b, rows.p, outputs)
        ours, theirs = rows.X @ coef + last, rows.X @ alone.coef + alone.intercept
        if outputs > 1:  # scores may be shifted together
            ours, theirs = ours - ours.mean(axis=1, keepdims=True), theirs - theirs.mean(axis=1, keepdims=True)
        np.testing.assert_allclose(ours, theirs, atol=2e-4)


def test_starts_change_the_way_and_not_the_end() -> None:
    stack, loss = Stack.of(_problems("real")), lossmith.Huber()
    first = fit_many(stack, loss, ALPHAS, tol=1e-9)
    again = fit_many(stack, loss, ALPHAS, start=(first.coef + 0.5, first.intercept - 2.0), tol=1e-9)
    assert again.converged.all()
    np.testing.assert_allclose(again.coef, first.coef, atol=1e-6)


def test_some_of_a_stack_are_as_all_of_it() -> None:
    stack, loss = Stack.of(_problems("counts")), lossmith.Poisson()
    some = np.array([3, 1])
    whole, part = fit_many(stack, loss, ALPHAS), fit_many(stack.take(some), loss, ALPHAS[some])
    np.testing.assert_allclose(part.coef, whole.coef[some], atol=1e-6)


def test_what_does_not_end_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without steps nothing is optimal; a target that overflows spoils its own problem only."""
    problems = _problems("counts")
    monkeypatch.setattr(module, "STEPS", 1)
    assert not module.fit_many(Stack.of(problems), lossmith.Poisson(), ALPHAS, tol=1e-12).converged.any()
    monkeypatch.undo()
    problems[1] = Rows.of(problems[1].X, np.full(problems[1].n, 1e308))
    many = fit_many(Stack.of(problems), lossmith.Squared(), ALPHAS)
    assert list(many.converged) == [True, False, True, True, True]


def test_what_belongs_here() -> None:
    rows = _problems("real")[0]
    assert is_small(rows) and not is_small(rows, outputs=100)
    assert stands_here(lossmith.Absolute()) and stands_here(lossmith.Tukey())
    kinked: Any = lossmith.loss("where(abs(r) < 1, abs(r), r**2)", lift="residual")
    assert not stands_here(kinked)


# Losses of several scores


def test_losses_of_scores_as_one_program_are_those_of_the_lift() -> None:
    """Value, slopes and curvatures of every loss of classes, for three classes and for five; a
    program with a class missing from one sum, or a sign lost below the diagonal, is caught."""
    from lossmith.fit.scores import of_classes, pairs

    rng = np.random.default_rng(0)
    kinds = [kind for kind in lossmith.losses().values() if kind.lift.name == "softmax"]
    assert len(kinds) > 5
    for kind in kinds:
        loss = kind()
        for K in (3, 5):
            y, z = (
                rng.integers(0, K, 300).astype(float),
                rng.normal(size=(300, K)) * rng.choice([0.1, 1.0, 2.0], (300, 1)),
            )
            value, slopes, bends = of_classes(loss, y, np.ascontiguousarray(z.T))
            wanted = loss.lift.evaluate(loss.state, y, z, ("value", "gradient", "block"))
            np.testing.assert_allclose(value, wanted["value"], rtol=1e-10, atol=1e-12, err_msg=loss.name)
            np.testing.assert_allclose(slopes.T, wanted["gradient"], rtol=1e-7, atol=1e-11, err_msg=loss.name)
            for bend, (a, b) in zip(bends, pairs(K), strict=True):
                np.testing.assert_allclose(bend, wanted["block"][:, a, b], rtol=1e-7, atol=1e-11, err_msg=loss.name)


def test_more_classes_than_a_program_takes_go_through_the_lift(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same coefficients either way."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(2, 200, 2))
    y = np.argmax(X @ rng.normal(size=(2, 3)) + rng.gumbel(size=(2, 200, 3)), axis=2).astype(float)
    stack = Stack.of([Rows.of(a, b) for a, b in zip(X, y, strict=True)])
    printed = fit_many(stack, lossmith.Focal(), np.full(2, 1e-2), outputs=3)
    monkeypatch.setattr("lossmith.fit.scores.MOST", 2)
    lifted = fit_many(stack, lossmith.Focal(), np.full(2, 1e-2), outputs=3)
    assert printed.converged.all() and lifted.converged.all()
    np.testing.assert_allclose(printed.coef, lifted.coef, atol=1e-8)
