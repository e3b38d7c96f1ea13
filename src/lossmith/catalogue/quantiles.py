"""Losses of a residual whose two sides cost differently: quantiles and expectiles."""

from __future__ import annotations

from lossmith.domain import anynumber, fraction, positive
from lossmith.lifts import residual
from lossmith.loss import Loss


class Quantile(Loss, lift=residual):
    """The pinball: under-prediction costs τ, over-prediction 1 − τ per unit; the τ-quantile."""

    formula = "tau*max(r, 0) - (1 - tau)*min(r, 0)"
    tau: float = fraction(0.5, "the level of the quantile")
    aliases = ("pinball", "quantile_loss")
    cite = "Koenker and Bassett 1978, doi:10.2307/1913643"


class SmoothQuantile(Loss, lift=residual):
    """The pinball rounded at its kink by a logistic of width b."""

    formula = "(tau - 1/2)*r + b*(log(cosh(r/(2*b))) + log(2))"
    tau: float = fraction(0.5, "the level of the quantile")
    b: float = positive(0.1, "residual, in units of scale, over which the kink is rounded")
    cite = "Zheng 2011, doi:10.1007/s13042-011-0031-2; Fasiolo et al. 2021, doi:10.1080/01621459.2020.1725521"


class QuantileHuber(Loss, lift=residual):
    """The pinball with a quadratic of width κ at its kink."""

    formula = "where(r > 0, tau, 1 - tau)*where(abs(r) <= kappa, r**2/(2*kappa), abs(r) - kappa/2)"
    tau: float = fraction(0.5, "the level of the quantile that is approximated")
    kappa: float = positive(1.0, "residual, in units of scale, at which the loss turns linear")
    cite = "Dabney et al. 2018, doi:10.1609/aaai.v32i1.11791; Aravkin et al. 2014"


class Expectile(Loss, lift=residual):
    """Squares that cost τ above and 1 − τ below: the τ-expectile."""

    formula = "where(r > 0, tau, 1 - tau)*r**2"
    tau: float = fraction(0.5, "the level of the expectile; ½ is the mean")
    cite = "Newey and Powell 1987, doi:10.2307/1911031"


class MQuantile(Loss, lift=residual):
    """Huber's loss tilted: τ above and 1 − τ below, between a quantile and an expectile."""

    formula = "2*where(r > 0, tau, 1 - tau)*where(abs(r) <= delta, r**2/2, delta*(abs(r) - delta/2))"
    tau: float = fraction(0.5, "the level; ½ is Huber's loss")
    delta: float = positive(1.345, "residual, in units of scale, at which the loss turns linear")
    cite = "Breckling and Chambers 1988, doi:10.2307/2336317"


class AsymmetricHuber(Loss, lift=residual):
    """Quadratic between −a and b, linear outside: the generalised Huber functional."""

    formula = "where(r > b, b*(r - b/2), where(r < -a, -a*(r + a/2), r**2/2))"
    a: float = positive(1.0, "over-prediction, in units of scale, at which the loss turns linear")
    b: float = positive(2.0, "under-prediction, in units of scale, at which the loss turns linear")
    aliases = ("huber_functional",)
    cite = "Taggart 2022, doi:10.1214/21-EJS1957"


class LinearExponential(Loss, lift=residual):
    """Exponential on one side and linear on the other: under-prediction costs dearly for a > 0."""

    formula = "where(a == 0, r**2/2, (exp(a*r) - a*r - 1)/a**2)"
    a: float = anynumber(1.0, "one over the residual at which the sides differ; negative turns them", static=True)
    aliases = ("linex",)
    cite = "Varian 1975; Zellner 1986, doi:10.1080/01621459.1986.10478289"


class LinearQuadratic(Loss, lift=residual):
    """Linear in what is predicted too low, quadratic in what is predicted too high."""

    formula = "where(r > 0, a*r, b*r**2/2)"
    a: float = positive(1.0, "the cost of a unit of under-prediction")
    b: float = positive(1.0, "the curvature of over-prediction")
    aliases = ("asymmetric_composite", "lin_quad")
    cite = "Granger 1969, doi:10.1057/jors.1969.53"
