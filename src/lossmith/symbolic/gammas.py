"""What Stirling's terms leave of log Γ, and its slopes: no difference of a gamma function and logarithms.

Binet's function μ(a) = log Γ(a) − (a − ½)log(a) + a − log √(2π) and its slopes along log a are quotients of polynomials
in a⁻² for a ≥ 1, all coefficients positive, right to 3·10⁻¹⁷; below 1 the gamma function itself cancels little.
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from lossmith.symbolic.algebra import HALF, RELATIONS, Max, Tree, Where, Word
from lossmith.symbolic.smooth import COMPOSITES, Digamma, Lgamma, Log, Trigamma

BINET_TOP = (
    1.0,
    28.759246748021425,
    295.7485259160057,
    1402.1647639791186,
    3300.7680497376873,
    3876.5348719703634,
    2167.0578472126144,
    514.176457378437,
    40.1649036065843,
    0.4859144808831317,
)
BINET_BOTTOM = (
    1.0,
    28.79258008135476,
    296.6987547758604,
    1411.7876502803938,
    3345.197495930728,
    3976.4473114330203,
    2275.4199152141127,
    566.7533974152968,
    49.722190552912316,
    0.9011117268967883,
)
BINET_SLOPE_TOP = (
    1.0,
    39.11284175540295,
    565.6750695876862,
    3929.051577716928,
    14265.727620610367,
    27655.857258308337,
    28082.39962326573,
    14053.551288968563,
    3056.729876727429,
    220.60671909962159,
    2.3009493706666677,
)
BINET_SLOPE_BOTTOM = (
    1.0,
    39.21284175540295,
    569.5487347156075,
    3984.1891730096577,
    14638.894902589238,
    28955.189200976838,
    30437.185924066733,
    16198.463184837025,
    3955.000372836108,
    364.3055831200847,
    7.889357008970905,
)
BINET_BEND_TOP = (
    1.0,
    42.67808197926565,
    676.0999817298673,
    5161.7937482109,
    20654.533153077296,
    44170.51555381784,
    49372.68214207395,
    26985.26871213323,
    6280.964921313004,
    456.6695853346642,
    3.0060716142943207,
)
BINET_BEND_BOTTOM = (
    1.0,
    42.97808197926565,
    688.7553110855517,
    5358.537464874797,
    22112.329179645854,
    49737.05677467764,
    60447.58181839279,
    38071.1701234851,
    11398.410562702858,
    1368.6657347552587,
    44.091741245114925,
)
"""Of 12a·μ(a), −12a·aμ′(a) and 12a·(a d/da)²μ(a), in powers of a⁻², beginning with the 0th."""


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
