"""Losses of a pair of scores: by how much is the preferred one ahead?"""

from __future__ import annotations

from lossmith.domain import nonnegative, positive
from lossmith.lifts import pairwise
from lossmith.loss import Loss


class RankNet(Loss, lift=pairwise):
    """The negative log-likelihood of a preference whose log-odds are the difference of the scores."""

    formula = "log(1 + exp(-m))"
    aliases = ("bpr", "bradley_terry", "pair_logit")
    cite = "Bradley and Terry 1952, doi:10.2307/2334029; Burges et al. 2005, doi:10.1145/1102351.1102363"


class MarginRanking(Loss, lift=pairwise):
    """Linear until the preferred score is ahead by a margin, then free."""

    formula = "max(0, margin - m)"
    margin: float = nonnegative(1.0, "by how much the preferred score should be ahead")
    cite = "Herbrich, Graepel and Obermayer 2000"


class SquaredRanking(Loss, lift=pairwise):
    """Quadratic until the preferred score is ahead by a margin, then free: smooth, for the area under the curve."""

    formula = "max(0, margin - m)**2"
    margin: float = positive(1.0, "by how much the preferred score should be ahead")
    cite = "Yan et al. 2003; Yuan et al. 2021, arXiv:2012.03173"


class LeastSquaresRanking(Loss, lift=pairwise):
    """The squared distance of the difference from a margin: its minimum is that of the area under the curve."""

    formula = "(margin - m)**2"
    margin: float = positive(1.0, "by how much the preferred score should be ahead")
    cite = "Gao et al. 2013; Gao and Zhou 2015"


class RankBoost(Loss, lift=pairwise):
    """The exponential of what the preferred score is behind."""

    formula = "exp(-m)"
    cite = "Freund et al. 2003, JMLR 4:933"
