"""The best constant, against closed forms: mean, median, quantile, logit of a share, log of a mean."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import lossmith
from lossmith.errors import DataError

RNG = np.random.default_rng(5)
Y = RNG.standard_t(3, size=201) * 4 + 7
W = RNG.uniform(0, 2, 201)
COUNTS = RNG.poisson(3, 201)


def weighted_quantile(y: np.ndarray, w: np.ndarray, tau: float) -> float:
    order = np.argsort(y)
    mass = np.cumsum(w[order])
    return float(y[order][np.searchsorted(mass, tau * mass[-1])])


@pytest.mark.parametrize(
    ("loss", "y", "plain", "weighted"),
    [
        (lossmith.Squared(), Y, Y.mean(), np.average(Y, weights=W)),
        (lossmith.Absolute(), Y, np.median(Y), weighted_quantile(Y, W, 0.5)),
        (lossmith.Quantile(0.9), Y, weighted_quantile(Y, np.ones(201), 0.9), weighted_quantile(Y, W, 0.9)),
        (lossmith.Expectile(0.8), Y, stats.expectile(Y, 0.8), stats.expectile(Y, 0.8, weights=W)),
        (lossmith.Poisson(), COUNTS, np.log(COUNTS.mean()), np.log(np.average(COUNTS, weights=W))),
        (lossmith.Gamma(), COUNTS + 1, np.log(COUNTS.mean() + 1), np.log(np.average(COUNTS + 1, weights=W))),
    ],
    ids=repr,
)
def test_closed_forms(loss: lossmith.Loss, y: np.ndarray, plain: float, weighted: float) -> None:
    assert loss.start(y) == pytest.approx(plain, rel=1e-12)
    assert loss.start(y, W) == pytest.approx(weighted, rel=1e-12)


def test_an_even_sample_gives_the_midpoint_of_its_flat_minimum() -> None:
    assert lossmith.Absolute().start([1.0, 2.0, 10.0, 30.0]) == 6.0
    assert lossmith.Absolute().start([3.0, 3.0]) == 3.0
    assert lossmith.Quantile(0.25).start([1.0, 2.0, 10.0, 30.0]) == 1.5


def test_scales_from_tiny_to_huge() -> None:
    for scale in (1e-300, 1e-9, 1.0, 1e9, 1e300):
        y = np.array([1.0, 2.0, 6.0]) * scale
        assert lossmith.Absolute().start(y) == 2 * scale
        assert lossmith.Squared().start(y) == pytest.approx(3 * scale, rel=1e-12)


def test_redescending_losses_find_the_bulk_and_not_the_outliers() -> None:
    y = np.concatenate([RNG.normal(0, 0.5, 60), RNG.normal(50, 0.5, 40)])
    for loss in (lossmith.Tukey(), lossmith.Welsch(), lossmith.Cauchy()):
        assert abs(loss.start(y)) < 1, loss


def test_one_class_only_gives_a_finite_score() -> None:
    for loss in (lossmith.Logistic(), lossmith.Poisson(), lossmith.Focal()):
        z = loss.start(np.zeros(5))
        assert np.isfinite(z) and z < -5, (loss, z)


def test_nothing_to_start_from() -> None:
    with pytest.raises(DataError, match="empty"):
        lossmith.Squared().start([])
    with pytest.raises(DataError, match="sum to 0"):
        lossmith.Squared().start([1.0, 2.0], [0.0, 0.0])
