"""Losses of a margin m = ỹz with a label ỹ = ±1 (0/1 labels are read as −1/+1)."""

from __future__ import annotations

from lossmith.domain import between, nonnegative, positive
from lossmith.lifts import margin
from lossmith.loss import Loss


class Logistic(Loss, lift=margin):
    """The negative log-likelihood of a logit: the plain default for two classes."""

    formula = "log(1 + exp(-m))"
    aliases = ("log", "log_loss", "logloss", "bce", "binomial")
    cite = "Cox 1958, doi:10.1111/j.2517-6161.1958.tb00292.x"


class Hinge(Loss, lift=margin):
    """Linear until the margin is 1, then free: the support vector machine."""

    formula = "max(0, 1 - m)"
    aliases = ("svm",)
    cite = "Cortes and Vapnik 1995, doi:10.1007/BF00994018"


class SquaredHinge(Loss, lift=margin):
    """Quadratic until the margin is 1, then free."""

    formula = "max(0, 1 - m)**2"
    cite = "Lee and Mangasarian 2001, doi:10.1023/A:1011215321374"


class ModifiedHuber(Loss, lift=margin):
    """The squared hinge, linear for margins below −1."""

    formula = "where(m >= -1, max(0, 1 - m)**2, -4*m)"
    cite = "Zhang 2004, doi:10.1214/aos/1079120130"


class SmoothedHinge(Loss, lift=margin):
    """The hinge with a quadratic between margins 0 and 1."""

    formula = "where(m <= 0, 1/2 - m, max(0, 1 - m)**2/2)"
    cite = "Rennie and Srebro 2005"


class HuberisedHinge(Loss, lift=margin):
    """The hinge with a quadratic of width δ below margin 1."""

    formula = "where(m >= 1 - delta, max(0, 1 - m)**2/(2*delta), 1 - m - delta/2)"
    delta: float = positive(2.0, "the width of the quadratic, in units of the margin")
    cite = "Wang, Zhu and Zou 2008, doi:10.1093/bioinformatics/btm579"


class Exponential(Loss, lift=margin):
    """The loss of AdaBoost; its probability is σ(2z)."""

    formula = "exp(-m)"
    mean_formula = "sigmoid(2*z)"
    aliases = ("adaboost",)
    cite = "Freund and Schapire 1997, doi:10.1006/jcss.1997.1504"


class MadaBoost(Loss, lift=margin):
    """Exponential for right signs, linear for wrong ones."""

    formula = "where(m >= 0, exp(-m), 1 - m)"
    cite = "Domingo and Watanabe 2000"


class Probit(Loss, lift=margin):
    """The negative log-likelihood of a normal threshold."""

    formula = "-log_ndtr(m)"
    cite = "Bliss 1934, doi:10.1126/science.79.2037.38"


class Brier(Loss, lift=margin):
    """The squared error of the probability σ(z)."""

    formula = "sigmoid(-m)**2"
    cite = "Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2"


class SquaredMargin(Loss, lift=margin):
    """Least squares on ±1 labels; margins above 1 are punished too."""

    formula = "(1 - m)**2"
    mean_formula = "min(1, max(0, (1 + z)/2))"
    cite = "Suykens and Vandewalle 1999, doi:10.1023/A:1018628609742"


class SigmoidMargin(Loss, lift=margin):
    """A smooth count of errors: bounded, symmetric, tolerant of uniform label noise."""

    formula = "sigmoid(-m)"
    cite = "Mason et al. 1999; Ghosh, Kumar and Sastry 2017"


class Ramp(Loss, lift=margin):
    """The hinge cut off at a cap: far wrong labels stop pulling."""

    formula = "min(cap, max(0, 1 - m))"
    cap: float = between(0.0, 1e6, 2.0, "the largest loss of one row", ends="(]")
    cite = "Collobert et al. 2006, doi:10.1145/1143844.1143870"


class Savage(Loss, lift=margin):
    """The squared probability of error at σ(2z), times four: bounded and proper."""

    formula = "4*sigmoid(-2*m)**2"
    mean_formula = "sigmoid(2*z)"
    cite = "Masnadi-Shirazi and Vasconcelos 2008"


class Tangent(Loss, lift=margin):
    """A bounded loss that also punishes margins that are too large."""

    formula = "(2*atan(m) - 1)**2"
    mean_formula = "min(1, max(0, atan(z) + 1/2))"
    cite = "Masnadi-Shirazi, Mahadevan and Vasconcelos 2010"


class DWD(Loss, lift=margin):
    """Distance-weighted discrimination: linear, then a power of the inverse margin."""

    formula = "where(m <= q/(q + 1), 1 - m, q**q/(q + 1)**(q + 1)*max(m, q/(q + 1))**(-q))"
    q: float = positive(1.0, "the power with which the loss fades", static=True)
    cite = "Marron, Todd and Ahn 2007, doi:10.1198/016214507000001120; Wang and Zou 2018"


class AlphaLoss(Loss, lift=margin):
    """One family from exponential-like (α = ½) through logistic (1) to the sigmoid (∞)."""

    formula = "where(alpha == 1, softplus(-m), alpha/(1 - alpha)*expm1((1/alpha - 1)*softplus(-m)))"
    alpha: float = between(0.0, 1e6, 2.0, "shape: ½ exponential, 1 logistic, large sigmoid", ends="(]", static=True)
    cite = "Sypherd et al. 2022, doi:10.1109/TIT.2022.3169440"


class Perceptron(Loss, lift=margin):
    """The size of a wrong score; its best constant is 0, so it fixes no scale."""

    formula = "max(0, -m)"
    cite = "Rosenblatt 1958, doi:10.1037/h0042519"


class PinballHinge(Loss, lift=margin):
    """The hinge with a slope also beyond margin 1: noise near the boundary matters less."""

    formula = "max(1 - m, -tau*(1 - m))"
    tau: float = between(0.0, 1.0, 0.5, "the slope beyond margin 1; 0 is the hinge")
    aliases = ("pin_svm", "pinball_svm")
    cite = "Huang, Shi and Suykens 2014, doi:10.1109/TPAMI.2013.178"


class LUM(Loss, lift=margin):
    """Large-margin unified machines: the hinge's line, then a power tail; from soft to hard classification."""

    formula = "where(m <= c/(1 + c), 1 - m, (a/((1 + c)*max(m, c/(1 + c)) - c + a))**a/(1 + c))"
    a: float = positive(1.0, "the power with which the loss fades")
    c: float = nonnegative(1.0, "from soft (0) to hard (large) classification")
    cite = "Liu, Zhang and Wu 2011, doi:10.1198/jasa.2011.tm10319"


class DoubleHinge(Loss, lift=margin):
    """Two hinges whose difference across a sign flip is linear: learning from positive and unlabelled rows."""

    formula = "max(-m, max(0, (1 - m)/2))"
    cite = "du Plessis, Niu and Sugiyama 2015"


class RejectHinge(Loss, lift=margin):
    """The hinge with a steeper side for wrong signs: scores near 0 say that a decision at cost d is better withheld."""

    formula = "max(0, max(1 - m, 1 - (1 - d)/d*m))"
    d: float = between(0.0, 0.5, 0.2, "the cost of withholding a decision", ends="()")
    cite = "Bartlett and Wegkamp 2008"


class GeneralizedSmoothHinge(Loss, lift=margin):
    """The hinge with a power between margins 0 and 1: smoother for α = 1, nearer to the hinge as α grows."""

    formula = (
        "where(m <= 0, alpha/(alpha + 1) - m,"
        " where(m >= 1, 0, max(m, 0)**(alpha + 1)/(alpha + 1) - m + alpha/(alpha + 1)))"
    )
    alpha: float = between(1.0, 64.0, 3.0, "the power", static=True)
    cite = "Rennie 2005"


class Cauchit(Loss, lift=margin):
    """The negative log-likelihood of a Cauchy threshold: a few labels far on the wrong side hardly pull."""

    formula = "-log(1/2 + atan(m)/pi)"
    cite = "Morgan and Smith 1992; Koenker and Yoon 2009, doi:10.1016/j.jeconom.2009.01.009"


class CLoss(Loss, lift=margin):
    """Correntropy of the margin's error: bounded, and 1 at margin 0."""

    formula = "(1 - exp(-(1 - m)**2/(2*sigma**2)))/(1 - exp(-1/(2*sigma**2)))"
    sigma: float = positive(0.5, "the width of the kernel, in units of the margin")
    cite = "Singh, Pokharel and Principe 2014, doi:10.1016/j.patcog.2013.07.017"


class TLogistic(Loss, lift=margin):
    """Logistic regression with the heavy tail of t = 2, where the probability is σ(asinh(z/2)): wrong labels fade."""

    formula = "softplus(-asinh(m/2))"
    cite = "Ding and Vishwanathan 2010"


class Pseudospherical(Loss, lift=margin):
    """A proper score of the probability σ(z) by the α-norm; α = 2 is the spherical score."""

    formula = "-exp((1/alpha - 1)*softplus(-alpha*m))"
    alpha: float = between(1.0, 64.0, 1.5, "the norm; 1 would be the logarithmic score", ends="(]", static=True)
    cite = "Good 1971; Gneiting and Raftery 2007, doi:10.1198/016214506000001437"


class PowerScore(Loss, lift=margin):
    """A proper score of the probability σ(z) from powers of probabilities; α = 2 is Brier's."""

    formula = "(alpha - 1)*(exp(-alpha*softplus(-m)) + exp(-alpha*softplus(m))) - alpha*exp((1 - alpha)*softplus(-m))"
    alpha: float = between(1.0, 64.0, 1.5, "the power; 1 would be the logarithmic score", ends="(]", static=True)
    aliases = ("tsallis",)
    cite = "Gneiting and Raftery 2007, doi:10.1198/016214506000001437; Tsallis 1988"
