"""Pieces of text that several formulas share: the probability of a zero, of a tail, of an interval."""

from __future__ import annotations


def tail(v: str) -> str:
    """−log(1 − exp(−eᵛ)); below −20 by its series, beyond 7 nothing that float64 could hold."""
    return f"where({v} < -20, exp({v})/2 - exp(2*({v}))/24 - ({v}), where({v} > 7, 0, -log(-expm1(-exp({v})))))"


COUNTS = "negbin(y, log_mu, log_theta)"
"""A negative binomial count with mean μ and size θ, the part of y alone dropped."""

NORMAL = "where(kind == 1, -log_ndtr(u), where(kind == 2, -log_ndtr(-u), -log_ndtr_gap(a, b, h)))"
"""−log of the normal probability below u, above u, or between a and b = a + 2h."""


def logistic(gap: str = "log(-expm1(-2*h))") -> str:
    """−log of the logistic probability below u, above u, or between a and b = a + 2h; `gap` is log(1 − exp(−2h))."""
    return f"where(kind == 1, softplus(-u), where(kind == 2, softplus(u), softplus(-b) + softplus(a) - {gap}))"


def extreme(gap: str = "log(-expm1(-2*h))") -> str:
    """The same of the law of smallest values."""
    return f"where(kind == 1, {tail('u')}, where(kind == 2, exp(u), exp(a) + {tail('b + ' + gap)}))"


SCALED_GAP = "log(-expm1(-exp(log(high - low) - log_sigma)))"
"""Where a scale is an output: its slope along that is no difference, however near the ends."""
