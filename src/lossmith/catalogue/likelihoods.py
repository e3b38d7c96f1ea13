"""Negative log-likelihoods with one output, on the scale of their link, constants dropped (half deviances)."""

from __future__ import annotations

from lossmith.domain import between, halfline, nonnegative, open_interval, positive, positive_line, unit_interval
from lossmith.lifts import score
from lossmith.loss import Loss


class Poisson(Loss, lift=score, target=halfline):
    """Half the deviance of counts under a log link, constants dropped."""

    formula = "exp(z) - y*z"
    mean_formula = "exp(z)"
    aliases = ("generalized_kl",)
    cite = "Nelder and Wedderburn 1972, doi:10.2307/2344614"


class Gamma(Loss, lift=score, target=positive_line):
    """Half the deviance of positive amounts under a log link: errors in proportion."""

    formula = "z + y*exp(-z)"
    mean_formula = "exp(z)"
    aliases = ("itakura_saito",)
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


class ComplementaryLogLog(Loss, lift=score, target=unit_interval):
    """The log score of a probability 1 − exp(−eᶻ) against y in [0, 1]: the grouped-time hazard model."""

    formula = "(1 - y)*exp(z) - y*log(1 - exp(-exp(z)))"
    mean_formula = "1 - exp(-exp(z))"
    aliases = ("cloglog",)
    cite = "Fisher 1922, doi:10.1098/rsta.1922.0009"


class LogLog(Loss, lift=score, target=unit_interval):
    """The log score of a probability exp(−e⁻ᶻ) against y in [0, 1]: the mirror image of complementary log-log."""

    formula = "y*exp(-z) - (1 - y)*log(1 - exp(-exp(-z)))"
    mean_formula = "exp(-exp(-z))"
    cite = "McCullagh and Nelder 1989, doi:10.1007/978-1-4899-3242-6"


class BinomialCauchit(Loss, lift=score, target=unit_interval):
    """The log score of a probability ½ + atan(z)/π against y in [0, 1]: a link that forgives far outliers."""

    formula = "-y*log(1/2 + atan(z)/pi) - (1 - y)*log(1/2 - atan(z)/pi)"
    mean_formula = "1/2 + atan(z)/pi"
    cite = "Morgan and Smith 1992"


class WeightedLogistic(Loss, lift=score, target=unit_interval):
    """Logistic loss whose positive rows count c times; its probability is corrected for that."""

    formula = "c*y*softplus(-z) + (1 - y)*softplus(z)"
    mean_formula = "sigmoid(z - log(c))"
    c: float = positive(2.0, "how many times a positive row counts")
    aliases = ("pos_weight", "cost_sensitive_logistic")
    cite = "Elkan 2001; King and Zeng 2001, doi:10.1093/oxfordjournals.pan.a004868"


class UnevenLogistic(Loss, lift=score, target=unit_interval):
    """Logistic loss that asks for a margin of its own on each side: wider for the rarer class."""

    formula = "y*softplus(up - z) + (1 - y)*softplus(z + down)"
    mean_formula = "1/(1 + sigmoid(up - z)/sigmoid(z + down))"
    up: float = nonnegative(1.0, "the margin asked of positive rows")
    down: float = nonnegative(0.0, "the margin asked of negative rows")
    aliases = ("uneven_margin", "ldam_binary")
    cite = "Cao et al. 2019, arXiv:1906.07413"


class FractionalBrier(Loss, lift=score, target=unit_interval):
    """The squared error of the probability σ(z) against y in [0, 1]: soft labels, proportions."""

    formula = "(y - sigmoid(z))**2"
    mean_formula = "sigmoid(z)"
    cite = "Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2"


class BetaRegression(Loss, lift=score, target=open_interval):
    """The negative log-likelihood of a proportion in (0, 1) with mean σ(z) and precision φ."""

    formula = (
        "lgamma(1 + phi*sigmoid(z)) + softplus(-z) + lgamma(1 + phi*sigmoid(-z)) + softplus(z)"
        " - phi*sigmoid(z)*log(y) - phi*sigmoid(-z)*log(1 - y)"
    )
    mean_formula = "sigmoid(z)"
    averages = ""
    phi: float = positive(5.0, "the precision: the variance is mean·(1 − mean)/(1 + φ)")
    aliases = ("beta",)
    cite = "Ferrari and Cribari-Neto 2004, doi:10.1080/0266476042000214501"


class LogitNormal(Loss, lift=score, target=open_interval):
    """Half the squared error of the log-odds of a proportion in (0, 1): the median is σ(z)."""

    formula = "(log(y/(1 - y)) - z)**2/2"
    mean_formula = "sigmoid(z)"
    averages = "log(y/(1 - y))"
    cite = "Aitchison and Shen 1980, doi:10.2307/2335470"


class BetaBinomial(Loss, lift=score, target=unit_interval):
    """The negative log-likelihood of a share of n trials that vary more than binomial ones, with mean σ(z)."""

    formula = (
        "lgamma(1 + phi*sigmoid(z)) + where(y > 0, softplus(log(n*y/phi) + softplus(-z)), 0)"
        " + lgamma(1 + phi*sigmoid(-z)) + where(y < 1, softplus(log(n*(1 - y)/phi) + softplus(z)), 0)"
        " - lgamma(1 + n*y + phi*sigmoid(z)) - lgamma(1 + n*(1 - y) + phi*sigmoid(-z)) + 2*log(phi)"
    )
    mean_formula = "sigmoid(z)"
    averages = ""
    n: float = positive(10.0, "the number of trials of every row; y is the share that succeeded")
    phi: float = positive(5.0, "the precision: large is binomial")
    cite = "Skellam 1948, doi:10.1111/j.2517-6161.1948.tb00014.x"
