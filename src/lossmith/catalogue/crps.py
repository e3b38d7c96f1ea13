"""Continuous ranked probability scores: how far a predicted law as a whole is from what came, in units of y.

∫ (F(t) − 1[t ≥ y])² dt for the distribution function F that the raw outputs name; proper, finite also where a
likelihood is not, and the absolute error for a law that is all in one point.
"""

from __future__ import annotations

from lossmith.domain import halfline, real
from lossmith.lifts import score, several
from lossmith.loss import Loss


class NormalCRPS(Loss, lift=several("mu", "log_sigma"), target=real):
    """The ranked probability score of a normal law whose mean and spread are both predicted: forgives outliers."""

    formula = (
        "exp(log_sigma)*((y - mu)*exp(-log_sigma)*erf((y - mu)*exp(-log_sigma)/sqrt(2))"
        " + sqrt(2/pi)*exp(-((y - mu)*exp(-log_sigma))**2/2) - 1/sqrt(pi))"
    )
    mean_formula = "mu"
    aliases = ("crps", "crps_normal")
    cite = "Gneiting, Raftery, Westveld and Goldman 2005, doi:10.1175/MWR2904.1"


class LogisticCRPS(Loss, lift=several("mu", "log_s"), target=real):
    """The ranked probability score of a logistic law whose mean and width are both predicted."""

    formula = "exp(log_s)*(softplus((y - mu)*exp(-log_s)) + softplus(-(y - mu)*exp(-log_s)) - 1)"
    mean_formula = "mu"
    aliases = ("crps_logistic",)
    cite = "Taillardat et al. 2016, doi:10.1175/MWR-D-15-0260.1; Jordan et al. 2019, doi:10.18637/jss.v090.i12"


class LaplaceCRPS(Loss, lift=several("mu", "log_b"), target=real):
    """The ranked probability score of a Laplace law whose median and width are both predicted."""

    formula = "abs(y - mu) + exp(log_b)*(exp(-abs(y - mu)*exp(-log_b)) - 3/4)"
    mean_formula = "mu"
    aliases = ("crps_laplace",)
    cite = "Jordan et al. 2019, doi:10.18637/jss.v090.i12"


class ExponentialCRPS(Loss, lift=score, target=halfline):
    """The ranked probability score of an exponential waiting time with mean exp(z)."""

    formula = "y + exp(z)*(2*exp(-y*exp(-z)) - 3/2)"
    mean_formula = "exp(z)"
    averages = ""
    aliases = ("crps_exponential",)
    cite = "Jordan et al. 2019, doi:10.18637/jss.v090.i12"
