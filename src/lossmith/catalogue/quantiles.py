"""Losses of a residual whose two sides cost differently: quantiles and expectiles."""

from __future__ import annotations

from lossmith.domain import fraction, positive
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

    formula = "tau*r + b*softplus(-r/b)"
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
