"""Pieces of text that several formulas share: the probability of a zero, of a tail, of an interval."""

from __future__ import annotations


def zero(k: str) -> str:
    """−log(π + (1 − π)e⁻ᵏ), π = σ(zero): a zero of either origin, in the form that keeps digits."""
    return (
        f"where({k} < 1, -log1p(sigmoid(-zero)*expm1(-{k})), where(zero + {k} < 0,"
        f" softplus(zero) + {k} - softplus(zero + {k}), softplus(-zero) - softplus(-{k} - zero)))"
    )


def tail(v: str) -> str:
    """−log(1 − exp(−eᵛ)); below −20 by its series, beyond 7 nothing that float64 could hold."""
    return f"where({v} < -20, exp({v})/2 - exp(2*({v}))/24 - ({v}), where({v} > 7, 0, -log(-expm1(-exp({v})))))"


STIRLING = "(1/(12*({x})) - 1/(360*({x})**3) + 1/(1260*({x})**5) - 1/(1680*({x})**7) + 1/(1188*({x})**9))"
RISE = (
    "where(log_theta > 3, (y + exp(log_theta) - 1/2)*log1p(y*exp(-log_theta)) - y + "
    + STIRLING.format(x="y + exp(log_theta)") + " - " + STIRLING.format(x="exp(log_theta)")
    + ", lgamma(y + exp(log_theta)) - lgamma(exp(log_theta)) - y*log_theta)"
)  # fmt: skip
"""log Γ(y + θ) − log Γ(θ) − y·log θ, for large θ by the difference of two Stirling series."""

COUNTS = f"(y + exp(log_theta))*softplus(log_mu - log_theta) - y*log_mu - {RISE}"
"""A negative binomial count with mean μ and size θ, the part of y alone dropped."""

NORMAL = "where(kind == 1, -log_ndtr(u), where(kind == 2, -log_ndtr(-u), -log_ndtr_gap(a, b, h)))"
LOGISTIC = (
    "where(kind == 1, softplus(-u), where(kind == 2, softplus(u), softplus(-b) + softplus(a) - log(-expm1(-2*h))))"
)
EXTREME = f"where(kind == 1, {tail('u')}, where(kind == 2, exp(u), exp(a) + {tail('b + log(-expm1(-2*h))')}))"
"""−log of a probability: below u, above u, or between a and b = a + 2h."""
