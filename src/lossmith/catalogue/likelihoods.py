"""Negative log-likelihoods with one output, on the scale of their link, constants dropped (half deviances)."""

from __future__ import annotations

from lossmith.domain import between, halfline, positive, positive_line, unit_interval
from lossmith.lifts import score
from lossmith.loss import Loss


class Poisson(Loss, lift=score, target=halfline):
    """Half the deviance of counts under a log link, constants dropped."""

    formula = "exp(z) - y*z"
    mean_formula = "exp(z)"
    cite = "Nelder and Wedderburn 1972, doi:10.2307/2344614"


class Gamma(Loss, lift=score, target=positive_line):
    """Half the deviance of positive amounts under a log link: errors in proportion."""

    formula = "z + y*exp(-z)"
    mean_formula = "exp(z)"
    cite = "Nelder and Wedderburn 1972, doi:10.2307/2344614"


class InverseGaussian(Loss, lift=score, target=positive_line):
    """Half the deviance of positive amounts with a long tail, under a log link."""

    formula = "exp(-z)*(y*exp(-z)/2 - 1)"
    mean_formula = "exp(z)"
    cite = "Tweedie 1957, doi:10.1214/aoms/1177706964"


class Tweedie(Loss, lift=score, target=halfline):
    """Half the deviance of amounts that may be exactly zero, under a log link (insurance claims, rainfall)."""

    formula = (
        "where(power == 1, exp(z) - y*z, where(power == 2, z + y*exp(-z),"
        " exp((2 - power)*z)/(2 - power) + y*exp((1 - power)*z)/(power - 1)))"
    )
    mean_formula = "exp(z)"
    power: float = between(1.0, 2.0, 1.5, "variance ∝ mean^power: 1 is Poisson, 2 is gamma", static=True)
    cite = "Jørgensen 1987, doi:10.1111/j.2517-6161.1987.tb01685.x"


class NegativeBinomial(Loss, lift=score, target=halfline):
    """Counts that vary more than Poisson ones, under a log link: variance μ + μ²/θ."""

    formula = "y*softplus(log(theta) - z) + theta*softplus(z - log(theta))"
    mean_formula = "exp(z)"
    theta: float = positive(1.0, "the size: small means overdispersed, ∞ is Poisson")
    cite = "Hilbe 2011, doi:10.1017/CBO9780511973420"


class BinaryCrossEntropy(Loss, lift=score, target=unit_interval):
    """The log score of a probability σ(z) against y in [0, 1]: soft labels, proportions (weights = trials)."""

    formula = "y*softplus(-z) + (1 - y)*softplus(z)"
    mean_formula = "sigmoid(z)"
    aliases = ("soft_logistic", "binomial_logit")
    cite = "Good 1952, doi:10.1111/j.2517-6161.1952.tb00104.x"


class BinomialProbit(Loss, lift=score, target=unit_interval):
    """The log score of a probability Φ(z) against y in [0, 1]: proportions under a probit link."""

    formula = "-y*log_ndtr(z) - (1 - y)*log_ndtr(-z)"
    mean_formula = "exp(log_ndtr(z))"
    cite = "Bliss 1934, doi:10.1126/science.79.2037.38"
