"""Fits of many losses to the same rows: against `fit`, one by one, and what they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import lossmith
from lossmith.backends import threads
from lossmith.choose.compare import Moments, honest, within_one_error
from lossmith.fit import Penalty, fit
from lossmith.fit.many_losses import Shared, fit_again, stands_here
from lossmith.rows.memory import Rows

SMOOTH = ["squared", "huber", "logcosh", "cauchy", "tukey", "logistic", "poisson"]
STRAIGHT = ["absolute", "quantile", "epsiloninsensitive", "hinge"]


@dataclass(frozen=True)
class Near:
    """Where a fit begins."""

    coef: Any
    intercept: float


def _table(name: str, n: int = 4000, full: bool = False, seed: int = 3) -> Rows:
    """Levels of two categories beside a few numbers, heavy tails, weights, and targets that the loss admits."""
    rng = np.random.default_rng(seed)
    levels = [np.eye(k)[rng.choice(k, n, p=rng.dirichlet(np.ones(k)))] for k in (20, 12)]
    X = np.column_stack([rng.normal(size=(n, 4)), *levels])
    if full:
        X = X + 0.1 * rng.normal(size=X.shape)
    z = X @ rng.normal(size=X.shape[1]) * 0.5
    noise = rng.standard_t(2, size=n)
    classes = (z + rng.logistic(size=n) > 0).astype(float)
    y = {"logistic": classes, "hinge": classes, "poisson": rng.poisson(np.exp(0.3 * z)).astype(float)}.get(
        name, z + noise
    )
    return Rows.of(X, y, rng.uniform(0.5, 2.0, n))


def _value(rows: Rows, loss: Any, alpha: float, scale: float, coef: Any, last: float) -> float:
    y, z = rows.y / scale, (rows.X @ coef + last) / scale
    return float(np.average(loss.value(y, z), weights=rows.weight) * scale**2 + alpha / 2 * (coef @ coef))


@pytest.mark.parametrize("full", [False, True], ids=["mostly zeros", "full"])
@pytest.mark.parametrize("name", SMOOTH)
def test_a_smooth_fit_is_that_of_fit(name: str, full: bool) -> None:
    """Mutants: the penalty left out of the curvature's diagonal only slows; left out of `objective` it fails here."""
    rows, loss = _table(name, full=full), lossmith.loss(name)
    scale, start = 1.5 if loss.lift.name == "residual" else 1.0, None
    assert stands_here(rows, loss, 1e-9)
    for alpha in (1e-1, 1e-3, 1e-4):
        ours = fit_again(rows, loss, alpha, scale=scale, start=start, tol=1e-9)
        assert ours is not None
        theirs = fit(rows, loss, Penalty("l2", alpha), scale=scale, start=start, tol=1e-9)
        np.testing.assert_allclose(ours[0], theirs.coef, atol=1e-5)
        assert ours[1] == pytest.approx(theirs.intercept, abs=1e-5)
        start = Near(*ours)


@pytest.mark.parametrize("name", STRAIGHT)
def test_a_fit_of_straight_pieces_is_as_good_as_its_gap_says(name: str) -> None:
    """Mutant: a gap that leaves out the rows above their corners stops early, 3 % above the least value."""
    rows, loss = _table(name, 6000), lossmith.loss(name)
    scale, start = 1.5 if loss.lift.name == "residual" else 1.0, None
    for alpha, tol in ((1e-1, 1e-4), (1e-3, 1e-4), (1e-3, 1e-5)):
        ours = fit_again(rows, loss, alpha, scale=scale, start=start, tol=tol)
        assert ours is not None
        theirs = fit(rows, loss, Penalty("l2", alpha), scale=scale)
        least = _value(rows, loss, alpha, scale, theirs.coef, theirs.intercept)
        assert _value(rows, loss, alpha, scale, *ours) <= least * (1 + 3 * tol)
        start = Near(*ours)


def test_offsets_are_kept() -> None:
    """Mutant: an offset that is not divided by the scale."""
    plain = _table("huber")
    rows = Rows.of(plain.X, plain.y, plain.weight, np.linspace(-2.0, 3.0, plain.n))
    ours = fit_again(rows, lossmith.Huber(), 1e-3, scale=1.5, tol=1e-8)
    theirs = fit(rows, lossmith.Huber(), Penalty("l2", 1e-3), scale=1.5)
    assert ours is not None
    np.testing.assert_allclose(ours[0], theirs.coef, atol=2e-6)
    straight = fit_again(rows, lossmith.Absolute(), 1e-3, scale=1.5, tol=1e-5)
    exact = fit(rows, lossmith.Absolute(), Penalty("l2", 1e-3), scale=1.5)
    assert straight is not None
    shifted = Rows(rows.X, rows.y - rows.offset, rows.weight)
    values = [_value(shifted, lossmith.Absolute(), 1e-3, 1.5, *f) for f in (straight, (exact.coef, exact.intercept))]
    assert values[0] <= values[1] * (1 + 3e-5)


def test_what_does_not_end_is_left_to_fit() -> None:
    """A loss that is straight at these parameters and smooth at its own: nothing wrong comes back."""
    rows, loss = _table("lq"), lossmith.loss("lq", q=1.0)
    ours = fit_again(rows, loss, 1e-3, tol=1e-6)
    if ours is not None:
        theirs = fit(rows, lossmith.Absolute(), Penalty("l2", 1e-3))
        least = _value(rows, loss, 1e-3, 1.0, theirs.coef, theirs.intercept)
        assert _value(rows, loss, 1e-3, 1.0, *ours) <= least * (1 + 1e-4)


def test_a_few_steps_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutant: with the identity for the products of columns the collinear ones take more than thrice as many."""
    from lossmith.fit import many_losses

    steps: list[int] = []
    drive = many_losses.drive

    def counted(*args: Any, **options: Any) -> Any:
        run = drive(*args, **options)
        steps.append(len(run.trace) - 1)
        return run

    monkeypatch.setattr(many_losses, "drive", counted)
    rows = _table("huber")
    X = np.column_stack([rows.X, rows.X[:, :4] + 0.05 * np.random.default_rng(0).normal(size=(rows.n, 4))])
    rows = Rows.of(X, rows.y, rows.weight)
    start = None
    for alpha in (1e-1, 1e-3, 1e-5):
        found = fit_again(rows, lossmith.Huber(), alpha, scale=1.5, start=start, tol=1e-4)
        assert found is not None
        start = Near(*found)
    assert max(steps) <= 10


def test_zeros_are_left_out_where_they_are_most_of_the_table() -> None:
    assert Shared.of(_table("huber")).cells.nnz == _table("huber").n * 6
    assert Shared.of(_table("huber", full=True)).cells is None


def test_rare_levels_bend_as_others_do() -> None:
    """The products of columns come from a sample; a level that it lacks still has its mean square, and no products."""
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(60_000, 2)), np.arange(60_000) == 17])
    gram = Shared.of(Rows.of(X, rng.normal(size=60_000))).gram
    assert gram[2, 2] == 1.0
    assert np.abs(gram[2, [0, 1, 3]]).max() < 0.02


def test_a_thread_without_helpers_gives_the_same_bits() -> None:
    """Mutant: a thread that keeps the mark after the block would never be helped again."""
    rows, called = _table("huber", 40_000), []
    helped = fit(rows, lossmith.Huber())
    with threads.unaided():
        threads.run_chunks(lambda a, b: called.append((a, b)), 0, 8, 1)
        alone = fit(Rows.of(rows.X, rows.y, rows.weight), lossmith.Huber())
    assert called == [(i, i + 1) for i in range(8)]
    np.testing.assert_array_equal(helped.coef, alone.coef)
    assert not getattr(threads._alone, "here", True)


def _plainly(rows: Any, weight: Any, order: list[int]) -> int:
    """The rule as it is written down: the first whose mean difference to the best is within one standard error."""
    share = weight / weight.sum()
    means = share @ rows
    best = order[int(np.argmin(means[order]))]
    for k in order:
        d = rows[:, k] - rows[:, best]
        error = np.sqrt(share @ (d - share @ d) ** 2 / np.count_nonzero(weight))
        if means[k] - means[best] <= error:
            return k
    raise AssertionError


@pytest.mark.parametrize("L", [1, 2, 7])
def test_the_rule_of_one_error_for_many_draws_at_once(L: int) -> None:
    """Mutants: a spread without the square of the mean; without the shift to the middle; counts that ignore weights."""
    rng = np.random.default_rng(L)
    base = rng.exponential(size=(5000, 1)) * 1e3
    rows = base + rng.normal(size=(5000, L)) * (1 + base / 50) + 0.5 * np.arange(L)
    weight, order = rng.random(5000) * (rng.random(5000) < 0.8), rng.permutation(L).tolist()
    draw = np.random.default_rng([0, 7])
    times = np.array([np.bincount(draw.integers(5000, size=5000), minlength=5000) for _ in range(60)])
    moments = Moments.of(rows, weight, times)
    plain = [_plainly(rows, weight * counts, order) for counts in times]
    assert [moments.chosen(d, order) for d in range(60)] == plain
    assert within_one_error(rows, weight, order) == _plainly(rows, weight, order)
    assert L == 1 or len(set(plain)) > 1
    left = [_left(rows, weight, counts, k) for counts, k in zip(times, plain, strict=True)]
    assert honest(rows, weight, order, 0, draws=60) == pytest.approx(float(np.mean(left)), rel=1e-12)


def test_the_rule_of_one_error_for_a_handful_of_rows() -> None:
    """Where the square of the mean is a good part of the spread: a mutant without it differs in one case of ten."""
    for seed in range(300):
        rng = np.random.default_rng(seed)
        rows = 10.0 * rng.normal(size=(5, 1)) + rng.normal(size=(5, 3)) + [0.0, 0.3, 0.6]
        weight = rng.random(5)
        assert within_one_error(rows, weight, [0, 1, 2]) == _plainly(rows, weight, [0, 1, 2])


def _left(rows: Any, weight: Any, counts: Any, k: int) -> float:
    left = np.where(counts == 0, weight, 0.0)
    return float(left @ rows[:, k] / left.sum())
