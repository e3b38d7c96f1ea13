"""Negative log-likelihoods and divergences of positive amounts and counts beyond the classical ones, on a log link."""

from __future__ import annotations

from lossmith.domain import between, halfline, positive, positive_line, real
from lossmith.lifts import score
from lossmith.loss import Loss


class LogNormal(Loss, lift=score, target=positive_line):
    """Half the squared error of the logarithm: the median is eᶻ, errors in proportion."""

    formula = "(log(y) - z)**2/2"
    mean_formula = "exp(z)"
    averages = "log(y)"
    cite = "Aitchison and Brown 1957"


class SquaredLog(Loss, lift=score, target=halfline):
    """Half the squared error of log(1 + y), for amounts that may be 0: large ones count by their proportion."""

    formula = "(log(1 + y) - z)**2/2"
    mean_formula = "expm1(z)"
    averages = "log(1 + y)"
    aliases = ("msle", "rmsle", "mean_squared_logarithmic_error")
    cite = "Tofallis 2015, doi:10.1057/jors.2014.103"


class Weibull(Loss, lift=score, target=positive_line):
    """The negative log-likelihood of a Weibull time whose scale is eᶻ."""

    formula = "shape*z + exp(shape*(log(y) - z))"
    mean_formula = "exp(z + lgamma(1 + 1/shape))"
    averages = ""
    shape: float = positive(1.5, "above 1 the hazard rises with time, below 1 it falls")
    cite = "Weibull 1951, doi:10.1115/1.4010337"


class LogLogistic(Loss, lift=score, target=positive_line):
    """The negative log-likelihood of a log-logistic time whose median is eᶻ: hazards that rise and then fall."""

    formula = "2*softplus(shape*(log(y) - z)) - shape*(log(y) - z)"
    mean_formula = "exp(z)*pi/shape/sin(pi/shape)"
    averages = ""
    shape: float = between(1.0, 1e3, 2.0, "large means concentrated; the mean exists above 1", ends="(]")
    aliases = ("fisk",)
    cite = "Bennett 1983, doi:10.2307/2347295"


class HalfNormal(Loss, lift=score, target=halfline):
    """The negative log-likelihood of the size of a normal error whose standard deviation is eᶻ."""

    formula = "(y*exp(-z))**2/2 + z"
    mean_formula = "exp(z)*sqrt(2/pi)"
    averages = ""
    cite = "Daniel 1959, doi:10.1080/00401706.1959.10489866"


class Rayleigh(Loss, lift=score, target=positive_line):
    """The negative log-likelihood of the length of a normal vector in the plane: wave heights, wind speeds."""

    formula = "(y*exp(-z))**2/2 + 2*z"
    mean_formula = "exp(z)*sqrt(pi/2)"
    averages = ""
    cite = "Rayleigh 1880, doi:10.1080/14786448008626893"


class GeneralizedPoisson(Loss, lift=score, target=halfline):
    """Counts of mean eᶻ whose variance is (1 + α)² times that of Poisson ones."""

    formula = (
        "exp(z)/(1 + alpha) - where(y < 1, y*z + (y - 1)*softplus(log(alpha*y) - z),"
        " z + (y - 1)*(log(alpha*y) + softplus(z - log(alpha*y))))"
    )
    mean_formula = "exp(z)"
    averages = ""
    alpha: float = positive(0.5, "the overdispersion; towards 0 it is Poisson")
    cite = "Consul and Famoye 1992, doi:10.1080/03610929208830766"


class ZeroTruncatedPoisson(Loss, lift=score, target=positive_line):
    """Counts of which zeros are never seen: group sizes, lengths of stay."""

    formula = "exp(z) - y*z + log(1 - exp(-exp(z)))"
    mean_formula = "exp(z)/(1 - exp(-exp(z)))"
    cite = "Plackett 1953, doi:10.2307/3001610"


class HyperbolicSecant(Loss, lift=score, target=real):
    """Half the deviance of the generalised hyperbolic secant family: variance 1 + μ², any sign."""

    formula = "log(1 + z**2)/2 - y*atan(z)"
    mean_formula = "z"
    cite = "Morris 1982, doi:10.1214/aos/1176345690"


class BetaDivergence(Loss, lift=score, target=halfline):
    """The β-divergence of positive amounts under a log link: Itakura–Saito (0), Kullback–Leibler (1), squares (2)."""

    formula = (
        "where(beta == 1, exp(z) - y*z, where(beta == 0, z + y*exp(-z), where(beta > 1,"
        " exp((beta - 1)*z)*(exp(z)/beta - y/(beta - 1)), exp(beta*z)/beta + y*exp((beta - 1)*z)/(1 - beta))))"
    )
    mean_formula = "exp(z)"
    beta: float = between(0.0, 4.0, 2.0, "small ones look at proportions, large ones at differences", static=True)
    cite = "Cichocki and Amari 2010, doi:10.3390/e12061532"


class PearsonDivergence(Loss, lift=score, target=positive_line):
    """Pearson's χ², the squared error in units of the forecast: eᶻ is the root mean square."""

    formula = "(y*exp(-z/2) - exp(z/2))**2"
    mean_formula = "exp(z)"
    averages = "y**2"
    cite = "Pearson 1900, doi:10.1080/14786440009463897"


class Hellinger(Loss, lift=score, target=halfline):
    """Squares of differences of square roots: eᶻ is the square of the mean root, and no amount dominates."""

    formula = "2*(sqrt(y) - exp(z/2))**2"
    mean_formula = "exp(z)"
    averages = "sqrt(y)"
    cite = "Hellinger 1909, doi:10.1515/crll.1909.136.210"
