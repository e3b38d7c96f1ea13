"""The best constant, against closed forms: mean, median, quantile, logit of a share, log of a mean."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

import lossmith
from lossmith.errors import DataError, ShapeError
from lossmith.loss import Loss
from lossmith.startscalar import quantile_of

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


# Many rows


@pytest.mark.parametrize("level", [0.5, 0.1, 0.93])
def test_a_quantile_of_many_rows_is_selected(level: float) -> None:
    """Fails where rows that tie with the pivot are lost, or a share met exactly is taken for one that is not."""
    rng = np.random.default_rng(3)
    for y in (rng.standard_t(3, 30_001), rng.integers(0, 9, 30_000).astype(float), np.arange(20_000.0)):
        w = rng.integers(0, 4, len(y)).astype(float)
        copies = np.repeat(y, w.astype(int))
        found = lossmith.Quantile(level).start(y, w)
        assert found == pytest.approx(np.quantile(copies, level, method="averaged_inverted_cdf"), rel=1e-15)
        ours = lossmith.Quantile(level).start(y)
        assert ours == pytest.approx(np.quantile(y, level, method="averaged_inverted_cdf"), rel=1e-15)


def test_what_is_no_quantile_is_not_selected() -> None:
    """Fails where a kink at 0 is enough: a dead zone, or one that goes on bent."""
    levels = {name: quantile_of(kind()) for name, kind in lossmith.losses().items()}
    assert {name for name, level in levels.items() if level is not None} == {"Absolute", "Quantile"}
    assert quantile_of(lossmith.Quantile(0.3)) == 0.3
    assert quantile_of(lossmith.loss("where(r > 0, 3*r, -r)")) == 0.75


@pytest.mark.parametrize("kind", ["Squared", "Huber", "Cauchy", "Tukey", "Gamma"])
def test_many_rows_begin_where_a_plain_minimiser_ends(kind: str) -> None:
    """Fails where the thinned rows have the last word."""
    rng = np.random.default_rng(4)
    y = rng.gamma(2.0, 1.5, 20_000) if kind == "Gamma" else np.where(rng.random(20_000) < 0.2, 60, 0) + rng.normal(
        size=20_000
    )  # fmt: skip
    w, loss = rng.random(20_000), lossmith.losses()[kind]()
    z = loss.start(y, w)
    tight = optimize.minimize_scalar(
        lambda z: w @ loss.value(y, np.full(len(y), z)), bounds=(z - 0.5, z + 0.5), options={"xatol": 1e-10}
    )
    assert abs(w @ loss.gradient(y, np.full(len(y), z))) <= 1e-9 * w.sum()
    assert z == pytest.approx(tight.x, abs=1e-5) and abs(z) < 20


# Offsets


@pytest.mark.parametrize("n", [300, 30_000])
def test_offsets_against_closed_forms(n: int) -> None:
    """Fails where the offset is dropped."""
    rng = np.random.default_rng(6)
    exposure, w = rng.uniform(0.1, 5, n), rng.random(n)
    counts = rng.poisson(2.5 * exposure).astype(float)
    rate = lossmith.Poisson().start(counts, w, offset=np.log(exposure))
    assert rate == pytest.approx(np.log(w @ counts / (w @ exposure)), rel=1e-11)
    y, offset = rng.normal(size=n), rng.normal(size=n)
    assert lossmith.Squared().start(y, w, offset=offset) == pytest.approx(np.average(y - offset, weights=w), rel=1e-9)
    assert lossmith.Absolute().start(y, offset=offset) == pytest.approx(np.median(y - offset), rel=1e-12)
    assert abs(lossmith.Cauchy().start(y, offset=offset) - lossmith.Cauchy().start(y - offset)) < 1e-9
    with pytest.raises(ShapeError, match=r"offset has shape \(2,\)"):
        lossmith.Squared().start(y, offset=[1.0, 2.0])
    with pytest.raises(DataError, match="offset"):
        lossmith.CrossEntropy().start(np.arange(n) % 3, offset=offset)


@pytest.mark.parametrize("name", ["StudentT", "Tukey", "Welsch"])
def test_many_places_are_looked_at_at_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where every place of a grid is a call, or where valleys are followed that have no bottom."""
    y = np.concatenate([RNG.standard_t(2, size=1500), 40 + RNG.normal(size=900)])
    asked = []
    plain = Loss.evaluate
    monkeypatch.setattr(Loss, "evaluate", lambda self, *rest: asked.append(self) or plain(self, *rest))
    found = lossmith.loss(name).start(y)
    assert len(asked) < 300 and abs(found) < 1
