"""Kernels above the contract of `test_accuracy.py`, each with what was measured and why: the list to work off.

`docs/accuracy.md` shows the same as measured. An entry may only shrink; a loss that keeps the contract has none.
"""

from __future__ import annotations

import math
from typing import NamedTuple


class Above(NamedTuple):
    """What is allowed of one loss; what is not said keeps to the contract."""

    why: str
    worst: float = 4.0
    """The largest error in float64, in ulp; 1e16 is every digit."""
    usual: float = 1.5
    """The 99th percentile."""
    lost: float = 0.0
    """The share of rows that may be infinite or NaN where the true value is finite."""
    narrow: float = 2.0
    """The largest error in float32."""


EXCEPTIONS: dict[str, Above] = {
    "AsymmetricLoss": Above("below its cut the slopes of both sides all but cancel, at one point of 30,000", worst=6.0),
}

ALL = math.inf
"""Every digit, at the worst places."""

RANGE = "scores more than 11,355 apart: a product of their exponentials and their inverses leaves even longdouble"
CORNER = "a margin that is 1 but for 10⁻³⁸, which no float of its size shows: at its corner a hinge takes either side"
CENTRE = (
    "slopes along log σ, and of extremes along μ, where an interval lies within 10⁻⁸ of its scale about the centre: "
    "they are right to 10⁻¹⁶ of the terms that cancel there, and next to nothing"
)

SEVERAL: dict[str, Above] = {
    "Unlikelihood": Above(RANGE, worst=ALL, usual=ALL, lost=0.05, narrow=ALL),
    "ChiSquare": Above(RANGE, worst=ALL, usual=ALL, lost=0.05, narrow=ALL),
    "Sparsemax": Above("the second derivative jumps where three scores meet within 10⁻³⁰⁸", worst=1e16, narrow=1e8),
    "MultiClassBrier": Above(
        "the value, 1 − 2p + Σp², of a class that is all but sure: right to 10⁻¹⁹", worst=ALL, usual=ALL, narrow=ALL
    ),
    "NormalisedCrossEntropy": Above("of many classes the mean logarithm of all is a long sum", usual=1.75),
    "PartiallyHuberisedCrossEntropy": Above(
        "ten equal scores, whose probabilities lie at the join: all of them take the other side of it",
        worst=ALL,
        narrow=ALL,
    ),
    "CrammerSinger": Above(CORNER, worst=ALL, narrow=ALL),
    "WestonWatkins": Above(CORNER, worst=ALL, narrow=ALL),
    "ConfidencePenalty": Above("two classes, near a zero of the value", worst=5.0),
    "BiTempered": Above("scores beyond 10²⁵ apart, and probabilities below 10⁻¹²⁰", worst=ALL),
    "GumbelNLL": Above("an exponential of a product of an exponential", worst=32.0),
    "LogisticNLL": Above("tails beyond 10¹⁰⁰", worst=16.0),
    "WeibullNLL": Above("an exponential of a product of an exponential", worst=32.0, usual=2.5),
    "NegativeBinomialNLL": Above("a zero whose mean is about the size: the curvature along θ", worst=10.0),
    "ZeroInflatedNegativeBinomial": Above(
        "a zero that is surely of the other origin, at μ = 1: what is left of the curvature is 10⁻¹⁶ of its terms",
        worst=ALL,
        narrow=ALL,
    ),
    "HurdleLogNormal": Above("the logarithm of a float32 beside its mean", narrow=4.0),
    "CensoredNormal": Above("an interval far out in a tail", worst=64.0, usual=2.0),
    "CensoredLogistic": Above(CENTRE, worst=ALL, usual=ALL, narrow=ALL),
    "CensoredExtreme": Above(CENTRE, worst=ALL, usual=ALL, narrow=ALL),
    "CumulativeProbit": Above(
        "thresholds beyond 10²⁰, and intervals far out in a tail", worst=ALL, usual=64.0, narrow=ALL
    ),
    "CumulativeCloglog": Above("thresholds all but equal, and tails beside them", worst=ALL, usual=4.0, narrow=ALL),
}
"""The same for losses of several raw outputs a row, of `test_accuracy_several.py`, at rows over all exponents."""
