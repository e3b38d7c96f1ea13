"""Losses of K scores with another way to probabilities than the softmax: sparse, tempered, softened."""

from __future__ import annotations

from lossmith.domain import between, positive
from lossmith.lifts import normalised
from lossmith.loss import Loss


class Sparsemax(Loss, lift=normalised):
    """The Fenchel–Young loss of the Gini entropy: probabilities are the nearest ones to the scores, many exactly 0."""

    formula = "max(0, u)**2/2 - y*(u - 1/2)"
    aliases = ("sparsemax_loss",)
    cite = "Martins and Astudillo 2016, arXiv:1602.02068"


class Entmax(Loss, lift=normalised):
    """The Fenchel–Young loss of Tsallis' entropy, between cross-entropy (α → 1) and the sparsemax loss (α → 2)."""

    formula = "max(0, (alpha - 1)*u)**(alpha/(alpha - 1))/alpha - y*(u - 1/(alpha*(alpha - 1)))"
    alpha: float = between(1.0, 2.0, 1.5, "small is near the softmax, large is sparse", ends="()", static=True)
    aliases = ("entmax15", "entmax_loss")
    cite = "Peters, Niculae and Martins 2019, doi:10.18653/v1/P19-1146"


class BiTempered(Loss, lift=normalised):
    """Cross-entropy with both its logarithm and its exponential tempered: bounded, and slow to trust a large score."""

    formula = (
        "y*(where(y > 0, expm1((1 - t1)*log(y)), -1) - expm1((t1 - 1)*log(1 - (t2 - 1)*u)/(t2 - 1)))/(1 - t1)"
        " - where(y > 0, expm1((2 - t1)*log(y)) - expm1((t1 - 2)*log(1 - (t2 - 1)*u)/(t2 - 1)),"
        " -exp((t1 - 2)*log(1 - (t2 - 1)*u)/(t2 - 1)))/(2 - t1)"
    )
    mean_formula = "exp(-log(1 - (t2 - 1)*z)/(t2 - 1))"
    t1: float = between(0.0, 1.0, 0.8, "below 1 bounded: for labels that are wrong far from the border", ends="[)")
    t2: float = between(1.0, 10.0, 1.4, "above 1 a heavy tail: for labels that are wrong near it", ends="(]")
    aliases = ("bitempered_logistic", "bi_tempered_logistic", "bitempered")
    cite = "Amid, Warmuth, Anil and Koren 2019, arXiv:1906.03361"


class Distillation(Loss, lift=normalised):
    """T² times the divergence of softened scores, softmax(z/T), from a teacher's softened probabilities y."""

    formula = "temperature**2*where(y > 0, y*(log(y) - u/temperature), 0)"
    mean_formula = "exp(z/temperature)"
    temperature: float = positive(2.0, "T: large makes the classes that are not the first count")
    aliases = ("knowledge_distillation", "kd")
    cite = "Hinton, Vinyals and Dean 2015, arXiv:1503.02531"
