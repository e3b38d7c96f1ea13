"""Losses of the probability of the true class: K scores through softmax, or one score for two classes."""

from __future__ import annotations

from lossmith.domain import between, nonnegative, positive
from lossmith.lifts import softmax
from lossmith.loss import Loss


class CrossEntropy(Loss, lift=softmax):
    """The negative log-probability of the true class: the plain default for many classes."""

    formula = "-logp"
    aliases = ("ce", "softmax", "multinomial", "nll", "categorical_crossentropy")
    cite = "Good 1952, doi:10.1111/j.2517-6161.1952.tb00104.x"


class LabelSmoothing(Loss, lift=softmax):
    """Cross-entropy towards labels that keep a share ε for all classes alike."""

    formula = "-(1 - epsilon)*logp - epsilon*mean_logp"
    epsilon: float = between(0.0, 1.0, 0.1, "the share that is spread over all classes", ends="[)")
    cite = "Szegedy et al. 2016, doi:10.1109/CVPR.2016.308"


class Focal(Loss, lift=softmax):
    """Cross-entropy that fades on examples already well classified."""

    formula = "-(1 - p)**gamma*logp"
    gamma: float = nonnegative(2.0, "how fast easy examples fade", static=True)
    cite = "Lin et al. 2017, doi:10.1109/ICCV.2017.324"


class GeneralizedCrossEntropy(Loss, lift=softmax):
    """Between cross-entropy (q → 0) and the mean absolute error of p (q = 1): tolerant of wrong labels."""

    formula = "-expm1(q*logp)/q"
    q: float = between(0.0, 1.0, 0.7, "0 is cross-entropy, 1 the absolute error", ends="(]")
    aliases = ("gce",)
    cite = "Zhang and Sabuncu 2018, arXiv:1805.07836"


class Poly1(Loss, lift=softmax):
    """Cross-entropy with its first polynomial coefficient raised by ε."""

    formula = "-logp + epsilon*(1 - p)"
    epsilon: float = between(-1.0, 1e6, 1.0, "what is added to the coefficient of 1 − p")
    cite = "Leng et al. 2022, arXiv:2204.12511"


class SymmetricCrossEntropy(Loss, lift=softmax):
    """Cross-entropy plus its reverse, with log 0 read as a floor: tolerant of wrong labels."""

    formula = "-alpha*logp - beta*floor*(1 - p)"
    alpha: float = nonnegative(0.1, "weight of cross-entropy")
    beta: float = nonnegative(1.0, "weight of reverse cross-entropy")
    floor: float = between(-1e6, 0.0, -4.0, "the value taken for log 0")
    aliases = ("sce",)
    cite = "Wang et al. 2019, doi:10.1109/ICCV.2019.00041"


class TaylorCrossEntropy(Loss, lift=softmax):
    """The first two terms of the series of −log p in 1 − p: bounded."""

    formula = "(1 - p) + (1 - p)**2/2"
    cite = "Feng et al. 2020, doi:10.24963/ijcai.2020/305"


class ProbabilityAbsolute(Loss, lift=softmax):
    """The absolute error of the class probabilities, 2(1 − p): symmetric, tolerant of uniform label noise."""

    formula = "2*(1 - p)"
    cite = "Ghosh, Kumar and Sastry 2017, doi:10.1609/aaai.v31i1.10894"


class PartiallyHuberisedCrossEntropy(Loss, lift=softmax):
    """Cross-entropy, linear in p below p = 1/τ: what clipping its gradient amounts to."""

    formula = "where(p*tau <= 1, log(tau) + 1 - tau*p, -logp)"
    tau: float = positive(10.0, "the largest slope in p; a number above 1")
    aliases = ("phuber_ce",)
    cite = "Menon et al. 2020"


class TruncatedGeneralizedCrossEntropy(Loss, lift=softmax):
    """The generalized cross-entropy, constant below a probability k: labels that look wrong stop pulling."""

    formula = "where(p <= k, (1 - k**q)/q, -expm1(q*logp)/q)"
    q: float = between(0.0, 1.0, 0.7, "0 is cross-entropy, 1 the absolute error", ends="(]")
    k: float = between(0.0, 1.0, 0.4, "the probability below which the loss is constant", ends="()")
    aliases = ("truncated_gce",)
    cite = "Zhang and Sabuncu 2018, arXiv:1805.07836"


class InverseFocal(Loss, lift=softmax):
    """Cross-entropy that grows on examples already well classified: sharper scores, calibrated afterwards."""

    formula = "-(1 + p)**gamma*logp"
    gamma: float = nonnegative(2.0, "how much more easy examples count")
    cite = "Wang, Feng and Zhang 2021"


class PolyFocal(Loss, lift=softmax):
    """The focal loss with its first polynomial coefficient raised by ε."""

    formula = "-(1 - p)**gamma*logp + epsilon*(1 - p)**(gamma + 1)"
    gamma: float = nonnegative(2.0, "how fast easy examples fade", static=True)
    epsilon: float = between(-1.0, 1e6, 1.0, "what is added to the leading coefficient")
    aliases = ("poly1_focal",)
    cite = "Leng et al. 2022, arXiv:2204.12511"


class JensenShannon(Loss, lift=softmax):
    """The Jensen–Shannon divergence of label and prediction: cross-entropy for π → 0, absolute error for π → 1."""

    formula = (
        "(w*log(1 - (1 - w)*(1 - p)) - (1 - w)*(p*(logp - log(1 - (1 - w)*(1 - p))) - (1 - p)*log(1 - w)))"
        "/((1 - w)*log(1 - w))"
    )
    w: float = between(0.0, 1.0, 0.5, "π, the share of the label in the mixture", ends="()")
    aliases = ("js", "gjs")
    cite = "Englesson and Azizpour 2021, arXiv:2105.04522"


class AsymmetricGeneralizedCrossEntropy(Loss, lift=softmax):
    """A power of a + p: asymmetric, hence tolerant of wrong labels as long as right ones are the most frequent."""

    formula = "-(a + 1)**q*expm1(q*log(1 - (1 - p)/(a + 1)))/q"
    a: float = positive(6.0, "large is nearly linear in p")
    q: float = positive(1.5, "the power")
    aliases = ("agce",)
    cite = "Zhou et al. 2021, arXiv:2106.03110"


class AsymmetricUnhinged(Loss, lift=softmax):
    """A power of a − p: asymmetric, hence tolerant of wrong labels as long as right ones are the most frequent."""

    formula = "(a - 1)**q*expm1(q*log(1 + (1 - p)/(a - 1)))/q"
    a: float = between(1.0, 1e6, 5.5, "large is nearly linear in p", ends="(]")
    q: float = positive(3.0, "the power")
    aliases = ("aue",)
    cite = "Zhou et al. 2021, arXiv:2106.03110"


class AsymmetricExponential(Loss, lift=softmax):
    """exp(−p/a): asymmetric and bounded, hence tolerant of wrong labels."""

    formula = "exp(-p/a)"
    a: float = positive(2.5, "large is nearly linear in p")
    aliases = ("ael",)
    cite = "Zhou et al. 2021, arXiv:2106.03110"


class Unlikelihood(Loss, lift=softmax):
    """The label says what must not come: minus the logarithm of one minus its probability."""

    formula = "-log(1 - p)"
    aliases = ("complementary_label",)
    cite = "Welleck et al. 2020, arXiv:1908.04319"
