"""What Stirling's terms leave of log Γ, and its slopes: no difference of a gamma function and logarithms.

Binet's function μ(a) = log Γ(a) − (a − ½)log(a) + a − log √(2π) and its slopes along log a are quotients of polynomials
in a⁻² for a ≥ 1, all coefficients positive (`tools/binet.py` derives them); below 1 the gamma function itself cancels
little.
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from lossmith.symbolic.algebra import HALF, RELATIONS, Max, Tree, Where, Word
from lossmith.symbolic.binet_quotients import (
    BINET_BEND_BOTTOM,
    BINET_BEND_TOP,
    BINET_BOTTOM,
    BINET_SLOPE_BOTTOM,
    BINET_SLOPE_TOP,
    BINET_TOP,
)
from lossmith.symbolic.smooth import COMPOSITES, Digamma, Lgamma, Log, Trigamma


class Binet(Word):
    """log Γ(a) − (a − ½)·log(a) + a − log √(2π) for a > 0."""

    word = "binet"
    slope = staticmethod(lambda a: BinetSlope(a) / a)


class BinetSlope(Word):
    """a·μ′(a) of Binet's function μ: its slope along log a."""

    word = "binet_slope"
    slope = staticmethod(lambda a: BinetBend(a) / a)


class BinetBend(Word):
    """The second derivative of Binet's function along log a."""

    word = "binet_bend"


def _of_inverse_square(w: Tree, coefficients: Sequence[float]) -> Tree:
    total: Tree = sp.S.Zero
    for c in reversed(coefficients):
        total = sp.Float(c, 17) + w * total
    return total


def _far(a: Tree, top: Sequence[float], bottom: Sequence[float]) -> Tree:
    m = Max(a, sp.S.One)
    return _of_inverse_square(m**-2, top) / (12 * m * _of_inverse_square(m**-2, bottom))


def _binet(a: Tree, near: Tree, far: Tree) -> Tree:
    return Where(RELATIONS["lt"](a, sp.S.One), near, far)


HALF_LOG_2PI = sp.Float("0.918938533204672741780329736405617", 17)

COMPOSITES |= {
    "binet": lambda a: _binet(a, Lgamma(a) + (HALF - a) * Log(a) + a - HALF_LOG_2PI, _far(a, BINET_TOP, BINET_BOTTOM)),
    "binet_slope": lambda a: _binet(
        a, a * (Digamma(1 + a) - Log(a)) - HALF, -_far(a, BINET_SLOPE_TOP, BINET_SLOPE_BOTTOM)
    ),
    "binet_bend": lambda a: _binet(
        a,
        a * (Digamma(1 + a) - Log(a) - 1 + a * Trigamma(1 + a)),
        _far(a, BINET_BEND_TOP, BINET_BEND_BOTTOM),
    ),
}
