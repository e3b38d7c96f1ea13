"""What sigmoids leave of each other: differences of a probability, its powers and a parameter, and their rewrites."""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from lossmith.symbolic.algebra import HALF, RELATIONS, Max, Min, Sign, Tree, Where, Word
from lossmith.symbolic.remainders import calls, paired, still
from lossmith.symbolic.smooth import COMPOSITES, Exp, Expm1, Log, Log1p, Sech2, Sigmoid, Softplus


class SigmoidHill(Word):
    """σ(x)²(c − σ(x)), whose slope is 2c − 3 beside the smooth step's: neither end of it cancels for c = 3/2."""

    word = "sigmoid_hill"

    def _eval_derivative(self, t: Tree) -> Tree:
        x, c = self.args
        return ((2 * c - 3) * Sigmoid(x) ** 2 * Sigmoid(-x) + 3 * Sech2(x / 2) ** 2 / 16) * x.diff(t)


class Excess(Word):
    """max(0, σ(x) − c) for 0 < c < 1, with its derivative in x only; c is still."""

    word = "sigmoid_excess"

    def _eval_derivative(self, t: Tree) -> Tree:
        x, c = self.args
        return Beyond(x, c) * Sigmoid(x) * Sigmoid(-x) * x.diff(t)


class Beyond(Word):
    """1 where σ(x) > c, else 0; ½ at the join."""

    word = "sigmoid_beyond"
    slope = staticmethod(lambda x, c: sp.S.Zero)

    def _eval_derivative(self, t: Tree) -> Tree:
        return sp.S.Zero


class LogKept(Word):
    """log(min(1, σ(−x) + c)), the logarithm of one minus an excess."""

    word = "log_kept"

    def _eval_derivative(self, t: Tree) -> Tree:
        x, c = self.args
        return -Beyond(x, c) * Sigmoid(x) * Sigmoid(-x) / (Sigmoid(-x) + c) * x.diff(t)


def _beyond_odds(x: Tree, c: Tree) -> Tree:
    """How far x is beyond the place where σ(x) = c."""
    return x - Log(c / (1 - c))


def _excess(x: Tree, c: Tree) -> Tree:
    return (1 - c) * Sigmoid(x) * Max(-Expm1(-_beyond_odds(x, c)), sp.S.Zero)


def _log_kept(x: Tree, c: Tree) -> Tree:
    excess = _excess(x, c)
    return Where(RELATIONS["lt"](excess, HALF), Log1p(-excess), Log(Sigmoid(-x) + c))


COMPOSITES |= {
    "sigmoid_hill": lambda x, c: Sigmoid(x) ** 2 * (c - Sigmoid(x)),
    "sigmoid_excess": _excess,
    "sigmoid_beyond": lambda x, c: HALF + HALF * Sign(_beyond_odds(x, c)),
    "log_kept": _log_kept,
}


def sigmoid_hill(e: Tree) -> Tree | None:
    """σ(x)²·(c − σ(x)) → sigmoid_hill(x, c) for a parameter c."""
    for f in e.args if e.is_Mul else ():
        for _, k, x in calls(f, Sigmoid):
            c = f + Sigmoid(x)
            if k == -1 and Sigmoid(x) ** 2 in e.args and c.free_symbols and still(c):
                return e / (f * Sigmoid(x) ** 2) * SigmoidHill(x, c)
    return None


def sigmoid_excess(e: Tree) -> Tree | None:
    """max(0, σ(x) − c) → sigmoid_excess(x, c), and log(min(1, σ(−x) + c)) → log_kept(x, c), for a parameter c."""
    inner = e.args[0] if e.func is Log else e
    if inner.func not in (Max, Min) or (e.func is Log) is not (inner.func is Min):
        return None
    end, other = inner.args
    for _, k, x in calls(other, Sigmoid):
        c = other - k * Sigmoid(x)
        if k == 1 and c.free_symbols and still(c) and end == (sp.S.Zero if inner is e else sp.S.One):
            return Excess(x, -c) if inner is e else LogKept(-x, c)
    return None


def power_step(e: Tree) -> Tree | None:
    """c·σ(x)ᵃ − c·σ(x)ᵃ⁻¹ → −c·σ(x)ᵃ⁻¹·σ(−x), for powers written as exp(−a·softplus(−x))."""
    powers = [(term, f, *_log_power(f)) for term in (e.args if e.is_Add else ()) for f in sp.Mul.make_args(term)]
    powers = [p for p in powers if p[2] is not None]
    for term, high, x, a in powers:
        for other, low, w, b in powers:
            if x == w and a == b + 1 and other == -(term / high) * low:
                return paired(e, term, other, other * Sigmoid(-x))
    return None


def _log_power(f: Tree) -> tuple[Tree, Tree]:
    """(x, a) where f = exp(−a·softplus(−x)); (None, None) where it is something else."""
    factors = sp.Mul.make_args(f.args[0]) if f.func is Exp else ()
    calls = [g for g in factors if g.func is Softplus]
    a = -sp.Mul(*(g for g in factors if g.func is not Softplus))
    return (-calls[0].args[0], a) if len(calls) == 1 and a.is_number else (None, None)


REWRITES: dict[str, Callable[[Tree], Tree | None]] = {f.__name__: f for f in (sigmoid_hill, sigmoid_excess, power_step)}
