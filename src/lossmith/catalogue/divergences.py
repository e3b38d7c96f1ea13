"""Divergences of a distribution y over classes from the softmax of K scores; all are 0 where the two agree."""

from __future__ import annotations

from lossmith.domain import fraction, positive
from lossmith.lifts import divergence
from lossmith.loss import Loss

FLOOR = "shares of y below it are taken for it"


class KullbackLeibler(Loss, lift=divergence):
    """How much longer a message about y is in the code for p: cross-entropy less the entropy of y."""

    formula = "where(y > 0, y*(log(y) - logp), 0)"
    aliases = ("kl", "kl_divergence")
    cite = "Kullback and Leibler 1951, doi:10.1214/aoms/1177729694"


class ReverseKullbackLeibler(Loss, lift=divergence):
    """How much longer a message about p is in the code for y: seeks one mode of y and stays in it."""

    formula = "p*(logp - log(max(y, floor)))"
    floor: float = positive(1e-8, FLOOR)
    aliases = ("reverse_kl",)
    cite = "Kullback and Leibler 1951, doi:10.1214/aoms/1177729694"


class Jeffreys(Loss, lift=divergence):
    """The sum of the two Kullback–Leibler divergences."""

    formula = "(p - max(y, floor))*(logp - log(max(y, floor)))"
    floor: float = positive(1e-8, FLOOR)
    cite = "Jeffreys 1946, doi:10.1098/rspa.1946.0056"


class JensenShannonDivergence(Loss, lift=divergence):
    """The mean divergence of y and p from their mixture: bounded, and the same both ways for w = ½."""

    formula = (
        "where(y > 0, (1 - w)*p*(logp - log(y)) - (w*y + (1 - w)*p)*log(1 + (1 - w)*expm1(logp - log(y))),"
        " -(1 - w)*log(1 - w)*p)"
    )
    w: float = fraction(0.5, "the share of y in the mixture")
    aliases = ("js_divergence",)
    cite = "Lin 1991, doi:10.1109/18.61115"


class ChiSquare(Loss, lift=divergence):
    """Pearson's χ²: squared differences in units of the predicted probability."""

    formula = "where(y > 0, y**2*expm1(logp - log(y))**2*exp(-logp), p)"
    cite = "Pearson 1900, doi:10.1080/14786440009463897"


class HellingerDistance(Loss, lift=divergence):
    """Half the squared differences of square roots: between 0 and 1."""

    formula = "where(y > 0, y*expm1((logp - log(y))/2)**2, p)/2"
    cite = "Hellinger 1909, doi:10.1515/crll.1909.136.210"


class TotalVariation(Loss, lift=divergence):
    """Half the absolute differences: the most by which any event's probability differs."""

    formula = "where(y > 0, y*abs(expm1(logp - log(y))), p)/2"
    cite = "Tsybakov 2009, doi:10.1007/b13794"
