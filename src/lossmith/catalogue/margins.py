"""Losses of a margin m = ỹz with a label ỹ = ±1 (0/1 labels are read as −1/+1)."""

from __future__ import annotations

from lossmith.domain import between, positive
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
