"""Likelihoods of what is known to lie between two ends: censored values, ordered classes."""

from __future__ import annotations

from lossmith.catalogue.pieces import NORMAL, SCALED_GAP, extreme, logistic
from lossmith.lifts import all_threshold, censored, ordinal
from lossmith.loss import Loss


class CensoredNormal(Loss, lift=censored):
    """A normal value of which perhaps only bounds are known: Tobit, and in log time the log-normal survival model."""

    formula = f"where(kind == 0, u**2/2 + log_sigma + log(2*pi)/2, {NORMAL})"
    mean_formula = "mu"
    aliases = ("tobit",)
    cite = "Tobin 1958, doi:10.2307/1907382"


class CensoredLogistic(Loss, lift=censored):
    """A logistic value of which perhaps only bounds are known: in log time the log-logistic survival model."""

    formula = f"where(kind == 0, softplus(u) + softplus(-u) + log_sigma, {logistic(SCALED_GAP)})"
    mean_formula = "mu"
    cite = "Bennett 1983, doi:10.2307/2347295"


class CensoredExtreme(Loss, lift=censored):
    """An extreme value of which perhaps only bounds are known: in log time the Weibull survival model."""

    formula = f"where(kind == 0, exp(u) - u + log_sigma, {extreme(SCALED_GAP)})"
    mean_formula = "mu - 0.5772156649015329*exp(log_sigma)"
    cite = "Kalbfleisch and Prentice 2002, doi:10.1002/9781118032985"


class CumulativeLogit(Loss, lift=ordinal):
    """Ordered classes cut from a logistic score: proportional odds."""

    formula = logistic()
    aliases = ("proportional_odds", "ordered_logit")
    cite = "McCullagh 1980, doi:10.1111/j.2517-6161.1980.tb01109.x"


class CumulativeProbit(Loss, lift=ordinal):
    """Ordered classes cut from a normal score."""

    formula = NORMAL
    aliases = ("ordered_probit",)
    cite = "McKelvey and Zavoina 1975, doi:10.1080/0022250X.1975.9989847"


class CumulativeCloglog(Loss, lift=ordinal):
    """Ordered classes cut from an extreme-value score: proportional hazards in discrete time."""

    formula = extreme()
    aliases = ("grouped_survival",)
    cite = "Prentice and Gloeckler 1978, doi:10.2307/2529588"


class AllThresholds(Loss, lift=all_threshold):
    """A logistic loss at every threshold between ordered classes: far misses cost more than near ones."""

    formula = "log(1 + exp(-m))"
    cite = "Rennie and Srebro 2005"
