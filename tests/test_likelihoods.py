"""Likelihoods against SciPy and statsmodels: the same differences in z, and the mean of the same distribution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special, stats

import lossmith

Z = np.linspace(-2.0, 2.0, 9)
POSITIVE, COUNTS, SHARES = np.array([0.2, 1.0, 3.5]), np.arange(0.0, 9.0, 2), np.array([0.1, 0.5, 0.93])
ANY = np.array([-2.0, 0.3, 4.0])

LAWS: dict[str, tuple[Callable[[Any], Any], np.ndarray]] = {
    "Weibull": (lambda z: stats.weibull_min(1.5, scale=np.exp(z)), POSITIVE),
    "LogLogistic": (lambda z: stats.fisk(2.0, scale=np.exp(z)), POSITIVE),
    "HalfNormal": (lambda z: stats.halfnorm(scale=np.exp(z)), POSITIVE),
    "Rayleigh": (lambda z: stats.rayleigh(scale=np.exp(z)), POSITIVE),
    "LogNormal": (lambda z: stats.lognorm(1.0, scale=np.exp(z)), POSITIVE),
    "Gamma": (lambda z: stats.gamma(1.0, scale=np.exp(z)), POSITIVE),
    "Poisson": (lambda z: stats.poisson(np.exp(z)), COUNTS),
    "NegativeBinomial": (lambda z: stats.nbinom(1.0, 1 / (1 + np.exp(z))), COUNTS),
    "BetaRegression": (lambda z: stats.beta(5 * special.expit(z), 5 * special.expit(-z)), SHARES),
    "VonMises": (lambda z: stats.vonmises(1.0, loc=z), ANY),
    "Gumbel": (lambda z: stats.gumbel_r(loc=z), ANY),
    "Cauchit": (lambda z: stats.bernoulli(stats.cauchy.cdf(z)), np.array([0.0, 1.0])),
    "ComplementaryLogLog": (lambda z: stats.bernoulli(-np.expm1(-np.exp(z))), np.array([0.0, 1.0])),
    "LogLog": (lambda z: stats.bernoulli(np.exp(-np.exp(-z))), np.array([0.0, 1.0])),
}
"""The distribution of y given z, and some values of y."""
MEANS = {"Weibull", "LogLogistic", "HalfNormal", "Rayleigh", "Gamma", "Poisson", "NegativeBinomial", "BetaRegression"}


def log_density(law: Any, y: Any) -> Any:
    return law.logpmf(y) if hasattr(law.dist, "logpmf") else law.logpdf(y)


def differences(loss: lossmith.Loss, density: Callable[[Any, Any], Any], y: float) -> None:
    """Up to a constant that may depend on y, the loss is minus the logarithm of the density."""
    ours, theirs = loss.value(np.full(Z.size, y), Z), -density(y, Z)
    np.testing.assert_allclose(ours - ours[0], theirs - theirs[0], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", LAWS)
def test_the_loss_is_the_log_density(name: str) -> None:
    law, truths = LAWS[name]
    for y in truths:
        differences(lossmith.loss(name), lambda y, z: log_density(law(z), y), y)


@pytest.mark.parametrize("name", sorted(MEANS))
def test_the_mean_is_that_of_the_distribution(name: str) -> None:
    np.testing.assert_allclose(lossmith.loss(name).mean(Z), LAWS[name][0](Z).mean(), rtol=1e-12)


def test_every_loss_that_averages_nothing_has_its_distribution_here() -> None:
    apart = {"labels", "distances", "crps"}  # bent on purpose, of no law at all, or of laws that are no likelihood
    kinds = lossmith.losses().items()
    alone = {n for n, kind in kinds if not kind.averages and kind.__module__.rpartition(".")[2] not in apart}
    assert alone <= MEANS | {"BetaBinomial", "GeneralizedPoisson"}
    assert len(alone) >= 5


def test_beta_binomial_is_scipys() -> None:
    loss, n = lossmith.BetaBinomial(n=10.0, phi=3.0), 10

    def density(y: Any, z: Any) -> Any:
        return stats.betabinom(n, 3 * special.expit(z), 3 * special.expit(-z)).logpmf(n * y)

    for y in (0.0, 0.1, 0.7, 1.0):
        differences(loss, density, y)
    law = stats.betabinom(n, 3 * special.expit(Z), 3 * special.expit(-Z))
    np.testing.assert_allclose(loss.mean(Z), law.mean() / n, rtol=1e-12)


def test_generalized_poisson_is_statsmodels() -> None:
    discrete = pytest.importorskip("statsmodels.discrete.discrete_model")

    def density(y: Any, z: Any) -> Any:
        model = discrete.GeneralizedPoisson(np.atleast_1d(y), np.ones((np.size(y), 1)), p=1)
        return np.array([model.loglikeobs(np.array([v, 0.5])) for v in np.atleast_1d(z)])

    for y in COUNTS:
        differences(lossmith.GeneralizedPoisson(alpha=0.5), lambda y, z: density(y, z)[:, 0], y)
    count = np.arange(120.0)
    average = np.exp(density(count, 0.7)[0]) @ count
    assert lossmith.GeneralizedPoisson().mean(np.array([0.7]))[0] == pytest.approx(average)


def test_zero_truncated_poisson_is_poisson_given_that_it_is_seen() -> None:
    def density(y: Any, z: Any) -> Any:
        return stats.poisson(np.exp(z)).logpmf(y) - np.log(stats.poisson(np.exp(z)).sf(0))

    for y in (1.0, 2.0, 7.0):
        differences(lossmith.ZeroTruncatedPoisson(), density, y)
    truth = np.exp(Z) / stats.poisson(np.exp(Z)).sf(0)
    np.testing.assert_allclose(lossmith.ZeroTruncatedPoisson().mean(Z), truth, rtol=1e-12)


def test_a_density_with_another_shape_is_noticed() -> None:
    with pytest.raises(AssertionError):
        differences(lossmith.Weibull(1.5), lambda y, z: stats.weibull_min(1.5001, scale=np.exp(z)).logpdf(y), 2.0)
