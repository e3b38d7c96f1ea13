"""Where fits begin, and on how many threads: what every small fit pays for."""

from __future__ import annotations

import numpy as np
import pytest

import lossmith
from lossmith.errors import LossmithError
from lossmith.fit.begin import constant
from lossmith.fit.drive import _pools, one_thread

LINKED = [
    "Poisson",
    "Gamma",
    "InverseGaussian",
    "Tweedie",
    "NegativeBinomial",
    "BinaryCrossEntropy",
    "HyperbolicSecant",
]
REST = ["Weibull", "LogNormal", "Hellinger"]


@pytest.mark.parametrize("size", [1e-4, 0.3, 1e6])
@pytest.mark.parametrize("name", LINKED)
def test_a_likelihood_begins_where_its_mean_is_that_of_y(name: str, size: float) -> None:
    """Mutants: a grid of fewer rounds; weights that are not asked."""
    rng = np.random.default_rng(3)
    loss, y, weight = lossmith.loss(name), rng.gamma(2.0, size, 300), rng.random(300)
    y = np.minimum(y, 0.9) if name == "BinaryCrossEntropy" else y
    for w in (None, weight):
        try:
            best = loss.start(y, w)
        except LossmithError:
            return
        assert float(constant(loss, y, w, 1)) == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize("name", REST)
def test_others_begin_at_their_best_constant(name: str) -> None:
    """Mutant: the mean of y asked of a loss whose best constant is another."""
    loss, y = lossmith.loss(name), np.random.default_rng(0).gamma(2.0, 3.0, 300)
    assert constant(loss, y, None, 1) == loss.start(y)


def test_no_positive_row_begins_at_the_end_of_the_line() -> None:
    loss, y = lossmith.Poisson(), np.zeros(20)
    assert constant(loss, y, None, 1) == loss.start(y)


def test_blas_has_one_thread_inside_and_as_many_as_before_after() -> None:
    """Mutants: nothing set; nothing restored; nothing restored after an error."""
    pools = _pools()
    before = [pool.num_threads for pool in pools]
    assert pools
    try:
        for pool in pools:
            pool.set_num_threads(2)
        wanted = [pool.num_threads for pool in pools]
        with one_thread(), one_thread():
            assert {pool.num_threads for pool in pools} == {1}
        assert [pool.num_threads for pool in pools] == wanted
        with pytest.raises(ZeroDivisionError), one_thread():
            _ = 1 / 0
        assert [pool.num_threads for pool in pools] == wanted
    finally:
        for pool, count in zip(pools, before, strict=True):
            pool.set_num_threads(count)
