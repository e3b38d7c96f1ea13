"""Losses of K scores that look at more than the probability of the true class."""

from __future__ import annotations

from lossmith.domain import nonnegative, positive
from lossmith.lifts import adjusted, costs, one_against_best, one_against_each, one_against_rest, simplex
from lossmith.loss import Loss


class MultiClassBrier(Loss, lift=simplex):
    """The squared distance of all class probabilities from the truth."""

    formula = "1 - 2*p + sum_p2"
    aliases = ("multiclass_brier", "quadratic_score")
    cite = "Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2"


class SphericalScore(Loss, lift=simplex):
    """Minus the cosine between the class probabilities and the truth."""

    formula = "-p/sqrt(sum_p2)"
    aliases = ("spherical",)
    cite = "Roby 1965; Gneiting and Raftery 2007, doi:10.1198/016214506000001437"


class ZLoss(Loss, lift=simplex):
    """Cross-entropy that also keeps the logarithm of the softmax's denominator near 0; not convex where it is below."""

    formula = "-logp + penalty*logsumexp**2"
    penalty: float = positive(1e-4, "the cost of a squared unit of logsumexp")
    cite = "Chowdhery et al. 2022, arXiv:2204.02311"


class DualFocal(Loss, lift=simplex):
    """The focal loss with the nearest lower probability in its weight; it jumps where the true class meets a rival."""

    formula = "-(1 - p + rival)**gamma*logp"
    gamma: float = nonnegative(2.0, "how fast easy examples fade", static=True)
    cite = "Tao, Dong and Xu 2023, arXiv:2305.13665"


class ConfidencePenalty(Loss, lift=simplex):
    """Cross-entropy with a reward for the entropy of the probabilities."""

    formula = "-logp - beta*entropy"
    beta: float = nonnegative(0.1, "what a unit of entropy is worth")
    cite = "Pereyra et al. 2017, arXiv:1701.06548"


class NormalisedCrossEntropy(Loss, lift=simplex):
    """Cross-entropy as a multiple of its mean over all labels that could have been: tolerant of wrong labels."""

    formula = "logp/mean_logp"
    aliases = ("nce_loss",)
    cite = "Ma et al. 2020, arXiv:2006.13554"


class CrammerSinger(Loss, lift=one_against_best):
    """The hinge of the true class against the best of the others."""

    formula = "max(0, 1 - m)"
    aliases = ("categorical_hinge",)
    cite = "Crammer and Singer 2001, JMLR 2:265"


class WestonWatkins(Loss, lift=one_against_each):
    """The hinge of the true class against each of the others, added up."""

    formula = "max(0, 1 - m)"
    aliases = ("multi_margin",)
    cite = "Weston and Watkins 1999"


class OneAgainstRest(Loss, lift=one_against_rest):
    """The logistic loss of every class against the rest, added up."""

    formula = "log(1 + exp(-m))"
    aliases = ("ovr_logistic", "multiclassova")
    cite = "Rifkin and Klautau 2004, JMLR 5:101"


class LogitAdjustment(Loss, lift=adjusted):
    """Cross-entropy of scores beside which the classes' frequencies are known: the largest errs least on rare classes.

    `lossmith.LogitAdjustment().over(lossmith.adjusted([0.9, 0.1]))` has the frequencies, all alike without them.
    """

    formula = "-logp"
    aliases = ("logit_adjusted", "balanced_softmax")
    cite = "Menon et al. 2021, arXiv:2007.07314; Ren et al. 2020, arXiv:2007.10740"


class VectorScaling(Loss, lift=adjusted):
    """Cross-entropy of scores with a factor and a shift for each class: rare classes get a larger margin.

    `lossmith.VectorScaling().over(lossmith.adjusted(counts, gamma=0.3))` has both, by the classes' frequencies.
    """

    formula = "-logp"
    aliases = ("vs_loss",)
    cite = "Kini, Paraskevas, Oymak and Thrampoulidis 2021, arXiv:2103.01550"


class LDAM(Loss, lift=adjusted):
    """Cross-entropy that asks the true class to be ahead by a margin, the larger the rarer it is.

    `lossmith.LDAM().over(lossmith.adjusted(counts, tau=0, margin=0.5, scale=30))` has them, of normalised scores.
    """

    formula = "-logp"
    aliases = ("label_distribution_aware_margin",)
    cite = "Cao et al. 2019, arXiv:1906.07413"


class ActivePassive(Loss, lift=simplex):
    """Normalised cross-entropy, which lifts the true class, and the absolute error, which lowers the others."""

    formula = "alpha*logp/mean_logp + beta*2*(1 - p)"
    alpha: float = nonnegative(1.0, "weight of the active part; its share of K classes in the paper is K times this")
    beta: float = nonnegative(1.0, "weight of the passive part")
    aliases = ("apl", "nce_mae")
    cite = "Ma et al. 2020, arXiv:2006.13554"


class ExpectedCost(Loss, lift=costs):
    """What predictions drawn from the probabilities cost on average, by a table of costs: true class, predicted class.

    `lossmith.ExpectedCost().over(lossmith.costs([[0, 1], [5, 0]]))` has the table; without one every error costs 1.
    """

    formula = "cost*p"
    aliases = ("cost_matrix", "cost_sensitive")
    cite = "Elkan 2001, The foundations of cost-sensitive learning, IJCAI 17:973"
