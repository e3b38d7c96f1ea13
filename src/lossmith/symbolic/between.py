"""The normal probability of an interval, log(Φ(b) − Φ(a)), in a form that never subtracts two near numbers."""

from __future__ import annotations

import sympy as sp

from lossmith.symbolic.algebra import HALF, RELATIONS, Abs, Max, Tree, Where, Word
from lossmith.symbolic.smooth import COMPOSITES, Cosh, Exp, Log, Log1p, LogNdtr, Mills

NODES = (
    (0.23861918608319690863, 0.46791393457269104739),
    (0.66120938646626451366, 0.36076157304813860757),
    (0.93246951420315202781, 0.17132449237917034504),
)
"""Gauss and Legendre's rule of six points on [−1, 1]: the positive nodes, and their share of the weight."""

LEVEL = -0.2257913526447274324
"""log √(2/π): a narrow interval has about the probability 2h·φ(c)."""


class GapRatio(Word):
    """Φ(a)/Φ(b) for a < b, a + b ≤ 0, with h = (b − a)/2: the squares in the exponents never meet.

    h says again what a and b say, only better, so the slopes along a and b are those of the ratio itself.
    """

    word = "gap_ratio"

    def fdiff(self, argindex: int = 1) -> Tree:
        a, b, _ = self.args
        return (self * Mills(a), -self * Mills(b), sp.S.Zero)[argindex - 1]


class LogNdtrGap(Word):
    """log(Φ(b) − Φ(a)) for a < b, with h = (b − a)/2 given apart, since it is often known to more digits.

    Near (h·max(1, |a + b|/2) < ¼) an integral of positive terms by Gauss's rule, right to rounding; else log Φ of the
    end nearer to 0, from the left, and one minus a ratio that is at most 0.7.
    """

    word = "log_ndtr_gap"

    @classmethod
    def eval(cls, a: Tree, b: Tree, h: Tree) -> Tree:
        c = HALF * (a + b)
        right = RELATIONS["gt"](c, sp.S.Zero)
        near = RELATIONS["lt"](h * Max(sp.S.One, Abs(c)), sp.Rational(1, 4))
        return Where(near, _narrow(c, h), Where(right, _wide(-b, -a, h), _wide(a, b, h)))


def _narrow(c: Tree, h: Tree) -> Tree:
    rule = [(sp.Float(x, 17), sp.Float(w, 17)) for x, w in NODES]
    terms = (w * Exp(-HALF * (x * h) ** 2) * Cosh(x * c * h) for x, w in rule)
    return -HALF * c**2 + Log(h) + sp.Float(LEVEL, 17) + Log(sp.Add(*terms))


def _wide(a: Tree, b: Tree, h: Tree) -> Tree:
    return LogNdtr(b) + Log1p(-GapRatio(a, b, h))


COMPOSITES["gap_ratio"] = lambda a, b, h: Exp(h * (a + b)) * Mills(b) / Mills(a)
