"""Negative log-likelihoods of all parameters of a distribution, each a raw output of its own; constants dropped."""

from __future__ import annotations

from lossmith.catalogue.pieces import COUNTS
from lossmith.domain import fraction, halfline, positive, positive_line, real
from lossmith.lifts import several
from lossmith.loss import Loss


class GaussianNLL(Loss, lift=several("mu", "log_sigma")):
    """A normal distribution whose mean and spread are both predicted."""

    formula = "log_sigma + ((y - mu)*exp(-log_sigma))**2/2"
    mean_formula = "mu"
    cite = "Nix and Weigend 1994, doi:10.1109/ICNN.1994.374138"


class LaplaceNLL(Loss, lift=several("mu", "log_b")):
    """A Laplace distribution whose median and width are both predicted."""

    formula = "log_b + abs(y - mu)*exp(-log_b)"
    mean_formula = "mu"
    cite = "Laplace 1774"


class StudentTNLL(Loss, lift=several("mu", "log_sigma")):
    """Student's t distribution whose location and spread are both predicted: tails that forgive outliers."""

    formula = "log_sigma + (nu + 1)/2*log(1 + ((y - mu)*exp(-log_sigma))**2/nu)"
    mean_formula = "mu"
    nu: float = positive(4.0, "degrees of freedom: small means heavy tails, ∞ is normal")
    cite = "Lange, Little and Taylor 1989, doi:10.1080/01621459.1989.10478852"


class LogisticNLL(Loss, lift=several("mu", "log_s")):
    """A logistic distribution whose mean and width are both predicted: tails between normal and Laplace."""

    formula = "log_s + softplus((y - mu)*exp(-log_s)) + softplus(-(y - mu)*exp(-log_s))"
    mean_formula = "mu"
    cite = "Verhulst 1838; Johnson, Kotz and Balakrishnan 1995, chapter 23"


class GumbelNLL(Loss, lift=several("mu", "log_b")):
    """A Gumbel distribution of largest values whose location and width are both predicted."""

    formula = "log_b + 1 + expm1((mu - y)*exp(-log_b)) - (mu - y)*exp(-log_b)"
    mean_formula = "mu + 0.5772156649015329*exp(log_b)"
    cite = "Gumbel 1935; Johnson, Kotz and Balakrishnan 1995, chapter 22"


class GammaNLL(Loss, lift=several("log_mu", "log_shape"), target=positive_line):
    """Positive amounts whose mean and shape are both predicted: the coefficient of variation is shape^(−1/2)."""

    formula = (
        "exp(log_shape)*(expm1(log(y) - log_mu) - (log(y) - log_mu)) + binet(exp(log_shape)) - log_shape/2"
        " + log(2*pi)/2"
    )
    mean_formula = "exp(log_mu)"
    cite = "Rigby and Stasinopoulos 2005, doi:10.1111/j.1467-9876.2005.00510.x"


class WeibullNLL(Loss, lift=several("log_scale", "log_shape"), target=positive_line):
    """Positive times whose scale and shape are both predicted: hazards that fall or rise with time."""

    formula = "1 - log_shape + expm1((log(y) - log_scale)*exp(log_shape)) - (log(y) - log_scale)*exp(log_shape)"
    mean_formula = "exp(log_scale + lgamma(1 + exp(-log_shape)))"
    cite = "Rigby and Stasinopoulos 2005, doi:10.1111/j.1467-9876.2005.00510.x"


class NegativeBinomialNLL(Loss, lift=several("log_mu", "log_theta"), target=halfline):
    """Counts with variance μ + μ²/θ, whose mean and size are both predicted."""

    formula = COUNTS
    mean_formula = "exp(log_mu)"
    cite = "Lawless 1987, doi:10.2307/3314912"


class ZeroInflatedPoisson(Loss, lift=several("log_mu", "zero"), target=halfline):
    """Poisson counts among which a share σ(zero) are zeros for a reason of their own."""

    formula = "where(y > 0, softplus(zero) + exp(log_mu) - y*log_mu, inflated(exp(log_mu), zero))"
    mean_formula = "sigmoid(-zero)*exp(log_mu)"
    aliases = ("zip",)
    cite = "Lambert 1992, doi:10.2307/1269547"


class ZeroInflatedNegativeBinomial(Loss, lift=several("log_mu", "zero", "log_theta"), target=halfline):
    """Overdispersed counts among which a share σ(zero) are zeros for a reason of their own."""

    formula = f"where(y > 0, softplus(zero) + {COUNTS}, inflated(negbin(0, log_mu, log_theta), zero))"
    mean_formula = "sigmoid(-zero)*exp(log_mu)"
    aliases = ("zinb",)
    cite = "Greene 1994, SSRN 1293115"


class HurdlePoisson(Loss, lift=several("log_mu", "zero"), target=halfline):
    """Zero with probability σ(zero), else a Poisson count that is known to be positive."""

    formula = "where(y > 0, softplus(zero) + exp(log_mu) - y*log_mu + log(-expm1(-exp(log_mu))), softplus(-zero))"
    mean_formula = "sigmoid(-zero)*where(log_mu < -30, 1, -exp(log_mu)/expm1(-exp(log_mu)))"
    cite = "Mullahy 1986, doi:10.1016/0304-4076(86)90002-3"


class HurdleLogNormal(Loss, lift=several("mu", "log_sigma", "zero"), target=halfline):
    """Zero with probability σ(zero), else an amount whose logarithm is normal (rainfall, spending)."""

    formula = "where(y > 0, softplus(zero) + log_sigma + ((log(y) - mu)*exp(-log_sigma))**2/2, softplus(-zero))"
    mean_formula = "sigmoid(-zero)*exp(mu + exp(2*log_sigma)/2)"
    cite = "Cragg 1971, doi:10.2307/1909582; Duan et al. 1983"


class IntervalScore(Loss, lift=several("lower", "gap"), target=real):
    """The width of a prediction interval, plus 2/α for each unit by which y misses it; the ends cannot cross."""

    formula = "softplus(gap) + 2/alpha*(max(0, lower - y) + max(0, y - lower - softplus(gap)))"
    mean_formula = "lower + softplus(gap)/2"
    alpha: float = fraction(0.1, "one minus the share of y that the interval should hold")
    aliases = ("winkler",)
    cite = "Winkler 1972, doi:10.2307/2284720; Gneiting and Raftery 2007, doi:10.1198/016214506000001437"


class QuantileTriple(Loss, lift=several("middle", "below", "above"), target=real):
    """The pinball losses of three quantiles that cannot cross: the median, and one on either side of it."""

    formula = (
        "abs(y - middle)/2 + low*max(0, y - middle + softplus(below)) + (1 - low)*max(0, middle - softplus(below) - y)"
        " + high*max(0, y - middle - softplus(above)) + (1 - high)*max(0, middle + softplus(above) - y)"
    )
    mean_formula = "middle"
    low: float = fraction(0.1, "the level of the lower quantile")
    high: float = fraction(0.9, "the level of the upper quantile")
    cite = "Koenker and Bassett 1978, doi:10.2307/1913643; Cannon 2018, doi:10.1007/s00477-018-1573-6"
