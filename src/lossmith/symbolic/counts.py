"""Likelihoods of counts with their slopes by hand: a mean and a size, and zeros of two origins.

What plain derivation leaves of these are differences of gamma functions, of logarithms and of sigmoids.
"""

from __future__ import annotations

import sympy as sp

from lossmith.symbolic.algebra import HALF, RELATIONS, Max, Tree, Where, Word
from lossmith.symbolic.gammas import Binet, BinetBend, BinetSlope
from lossmith.symbolic.remainders import Bennett, Log1pmx
from lossmith.symbolic.smooth import (
    COMPOSITES,
    Digamma,
    Exp,
    Expm1,
    Lgamma,
    Log,
    Log1p,
    Quotient,
    Sigmoid,
    Softplus,
    Trigamma,
)


class Lead(Word):
    """softplus(x) − σ(x), by which the one is ahead of its own slope."""

    word = "lead"
    slope = staticmethod(lambda x: Sigmoid(x) ** 2)


class Inflated(Word):
    """−log(π + (1 − π)e⁻ᵏ) with π = σ(z): a zero that a count has with probability e⁻ᵏ, or for a reason of its own."""

    word = "inflated"

    def fdiff(self, argindex: int = 1) -> Tree:
        k, z = self.args
        return Sigmoid(-z - k) if argindex == 1 else InflatedPull(k, z)


class InflatedPull(Word):
    """σ(z) − σ(z + k)."""

    word = "inflated_pull"

    def fdiff(self, argindex: int = 1) -> Tree:
        k, z = self.args
        if argindex == 1:
            return -Sigmoid(z + k) * Sigmoid(-z - k)
        return self * (Sigmoid(-z) - Sigmoid(z + k))


class LagOfLog(Word):
    """log(1 + d) − d for d = (y − μ)/(θ + μ); far below 0, where 1 + d is known better as (θ + y)/(θ + μ), by that."""

    word = "lag_of_log"


class NegBin(Word):
    """−log of the probability of a count y with mean e^η and size θ = eˢ, the part of y alone dropped.

    With x = η − s it is (y + θ)·softplus(x) − y·η − log Γ(y + θ) + log Γ(θ) + y·s. Slopes along s are those of a
    deviance, −θ·(log(1 + d) − d) with d = (y − μ)/(θ + μ), and of what Binet's function has; but at y = 0 and y = 1,
    where gamma functions leave nothing, and for a small size, those of the first line.
    """

    word = "negbin"

    def fdiff(self, argindex: int = 1) -> Tree:
        y, eta, s = self.args
        return (NegBinPull if argindex == 2 else NegBinSlope)(y, eta, s)


class NegBinPull(Word):
    """The slope of `NegBin` along η, θ·σ(x) − y·σ(−x)."""

    word = "negbin_pull"

    def fdiff(self, argindex: int = 1) -> Tree:
        y, eta, s = self.args
        up, down = Sigmoid(eta - s), Sigmoid(s - eta)
        return down * (y * up + Exp(eta) * down) if argindex == 2 else up * down * (Exp(eta) - y)


class NegBinSlope(Word):
    """The slope of `NegBin` along s."""

    word = "negbin_slope"

    def fdiff(self, argindex: int = 1) -> Tree:
        y, eta, s = self.args
        return NegBinPull(y, eta, s).diff(s) if argindex == 2 else NegBinBend(y, eta, s)


class NegBinBend(Word):
    """The second derivative of `NegBin` along s."""

    word = "negbin_bend"


def _lag(y: Tree, eta: Tree, s: Tree) -> Tree:
    mu, theta = Exp(eta), Exp(s)
    whole = Quotient(theta + y, theta + mu)
    near = Log1pmx(Max(Quotient(y - mu, theta + mu), -HALF))
    return _below(whole, HALF, Log(whole) - whole + 1, near)


def _below(x: Tree, edge: Tree, near: Tree, far: Tree) -> Tree:
    return Where(RELATIONS["lt"](x, edge), near, far)


def _inflated(k: Tree, z: Tree) -> Tree:
    near = -Log1p(Sigmoid(-z) * Expm1(-k))
    far = _below(z + k, sp.S.Zero, Softplus(z) + k - Softplus(z + k), Softplus(-z) - Softplus(-k - z))
    return _below(k, sp.S.One, near, far)


def _at_count(y: Tree, none: Tree, one: Tree, more: Tree) -> Tree:
    return Where(RELATIONS["eq"](y, sp.S.Zero), none, Where(RELATIONS["eq"](y, sp.S.One), one, more))


def _negbin(y: Tree, eta: Tree, s: Tree) -> Tree:
    x, theta = eta - s, Exp(s)
    none, all_y = theta * Softplus(x), y + theta
    large = theta * Bennett(y / theta) - HALF * Log1p(y / theta) + Binet(all_y) - Binet(theta)
    small = none + y * Softplus(-x) - Lgamma(all_y) + Lgamma(theta)
    more = _below(s, sp.S.Zero, small, all_y * Softplus(x) - y * eta - large)
    return _at_count(y, none, (1 + theta) * Softplus(x) - eta, more)


def _negbin_slope(y: Tree, eta: Tree, s: Tree) -> Tree:
    x, theta = eta - s, Exp(s)
    none, share = theta * Lead(x), Quotient(theta, y + theta)
    rest = BinetSlope(theta) - share * BinetSlope(y + theta)
    large = -theta * LagOfLog(y, eta, s) - HALF * Quotient(y, y + theta) + rest
    small = none + y * Sigmoid(-x) - Quotient(y, y + theta) - theta * (Digamma(1 + y + theta) - Digamma(1 + theta))
    return _at_count(y, none, none - Sigmoid(x), _below(s, sp.S.Zero, small, large))


def _negbin_bend(y: Tree, eta: Tree, s: Tree) -> Tree:
    x, theta = eta - s, Exp(s)
    none, share = theta * (Lead(x) - Sigmoid(x) ** 2), Quotient(theta, y + theta)
    d, beside = Quotient(y - Exp(eta), theta + Exp(eta)), Quotient(y, y + theta)
    rest = BinetBend(theta) - share**2 * BinetBend(y + theta) - share * beside * BinetSlope(y + theta)
    near = LagOfLog(y, eta, s) + d**2 * share
    far = Log1p(d) - d * (share * (1 + Sigmoid(x)) + beside * Sigmoid(x))
    large = -theta * _below(d, HALF, near, far) + HALF * share * beside + rest
    rise = theta * (Digamma(1 + y + theta) - Digamma(1 + theta))
    bend = theta**2 * (Trigamma(1 + y + theta) - Trigamma(1 + theta))
    bell = Sigmoid(x) * Sigmoid(-x)
    small = none + y * bell + share * beside - rise - bend
    return _at_count(y, none, none + bell, _below(s, sp.S.Zero, small, large))


COMPOSITES |= {
    "inflated": _inflated,
    "inflated_pull": lambda k, z: Sigmoid(z + k) * Sigmoid(-z) * Expm1(-k),
    "lead": lambda x: _below(x, sp.S.Zero, -Log1pmx(-Sigmoid(x)), Softplus(x) - Sigmoid(x)),
    "lag_of_log": _lag,
    "negbin": _negbin,
    "negbin_pull": lambda y, eta, s: Exp(s) * Sigmoid(eta - s) - y * Sigmoid(s - eta),
    "negbin_slope": _negbin_slope,
    "negbin_bend": _negbin_bend,
}
