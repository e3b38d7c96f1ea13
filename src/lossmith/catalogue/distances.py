"""Losses of a distance, or of a similarity, between two things that are alike (y = 1) or not (y = 0).

The raw prediction is the distance or the cosine itself, of whatever network. For triplets, `MarginRanking` takes the
distances to the negative and to the positive in this order; for one positive among many (InfoNCE, NT-Xent, CLIP)
`CrossEntropy` takes similarities divided by a temperature as scores.
"""

from __future__ import annotations

from lossmith.domain import between, nonnegative, positive, unit_interval
from lossmith.lifts import score
from lossmith.loss import Loss


class Contrastive(Loss, lift=score, target=unit_interval):
    """Draws what is alike together, and pushes what is not until it is a margin apart."""

    formula = "y*z**2 + (1 - y)*max(0, margin - z)**2"
    averages = ""
    margin: float = positive(1.0, "the distance at which what is not alike is far enough apart")
    cite = "Hadsell, Chopra and LeCun 2006, doi:10.1109/CVPR.2006.100"


class HingeEmbedding(Loss, lift=score, target=unit_interval):
    """A distance costs itself where things are alike, and what it lacks to a margin where they are not."""

    formula = "y*max(0, z) + (1 - y)*max(0, margin - z)"
    averages = ""
    margin: float = nonnegative(1.0, "the distance at which what is not alike is far enough apart")
    cite = "Collobert et al. 2011, JMLR 12:2493"


class CosineEmbedding(Loss, lift=score, target=unit_interval):
    """A cosine costs what it lacks to 1 where things are alike, and its excess over a margin where they are not."""

    formula = "y*max(0, 1 - z) + (1 - y)*max(0, z - margin)"
    averages = ""
    margin: float = between(-1.0, 1.0, 0.0, "the cosine below which what is not alike is far enough apart")
    cite = "Collobert et al. 2011, JMLR 12:2493"
