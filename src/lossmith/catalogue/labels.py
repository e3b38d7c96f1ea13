"""Losses of one label of several: a score and an answer y in [0, 1] for each; tables are passed label by label."""

from __future__ import annotations

from lossmith.domain import fraction, nonnegative, unit_interval
from lossmith.lifts import score
from lossmith.loss import Loss


class AsymmetricLoss(Loss, lift=score, target=unit_interval):
    """Focal with a rate for each side, and easy negatives are dropped: for many labels of which few are true."""

    formula = (
        "y*sigmoid(-z)**gamma_pos*softplus(-z)"
        " - (1 - y)*max(0, sigmoid(z) - shift)**gamma_neg*log(min(1, sigmoid(-z) + shift))"
    )
    averages = ""
    gamma_pos: float = nonnegative(1.0, "how fast easy positives fade", static=True)
    gamma_neg: float = nonnegative(4.0, "how fast easy negatives fade", static=True)
    shift: float = fraction(0.05, "the probability below which a negative costs nothing")
    aliases = ("asl",)
    cite = "Ridnik et al. 2021, doi:10.1109/ICCV48922.2021.00015"


class MultiLabelFocal(Loss, lift=score, target=unit_interval):
    """The focal loss of a label that may be a share, with a weight for positives."""

    formula = "alpha*y*sigmoid(-z)**gamma*softplus(-z) + (1 - alpha)*(1 - y)*sigmoid(z)**gamma*softplus(z)"
    averages = ""
    gamma: float = nonnegative(2.0, "how fast easy examples fade", static=True)
    alpha: float = fraction(0.25, "the weight of positives; that of negatives is 1 − α")
    aliases = ("sigmoid_focal",)
    cite = "Lin et al. 2017, doi:10.1109/ICCV.2017.324"


class Hill(Loss, lift=score, target=unit_interval):
    """Cross-entropy for positives, a hill for negatives: the surest wrong ones may be labels that were missed."""

    formula = "y*softplus(-z) + (1 - y)*(top - sigmoid(z))*sigmoid(z)**2"
    averages = ""
    top: float = nonnegative(1.5, "below 2 the slope falls off again near p = 1")
    cite = "Zhang et al. 2021, arXiv:2112.07368"
