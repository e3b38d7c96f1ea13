"""Derive the quotients of Binet's function: `python tools/binet.py > src/lossmith/symbolic/binet_quotients.py`.

12a·μ(a), −12a·aμ′(a) and 12a·(a d/da)²μ(a) for a ≥ 1 are quotients of polynomials in w = a⁻², w from 0 to 1, that meet
them with 60 digits at Chebyshev's points, squared so that they lie closer to 0, where most sizes are. The worst
relative error stands beside each; every coefficient is positive, so that neither polynomial cancels.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import mpmath as mp

Function = Callable[[mp.mpf], mp.mpf]
HEAD = '''"""Binet's quotients: 12a·μ(a), −12a·aμ′(a) and 12a·(a d/da)²μ(a) in powers of a⁻²; by `tools/binet.py`."""

from __future__ import annotations
'''


def value(a: mp.mpf) -> mp.mpf:
    return (mp.loggamma(a) - (a - mp.mpf(1) / 2) * mp.log(a) + a - mp.log(2 * mp.pi) / 2) * 12 * a


def slope(a: mp.mpf) -> mp.mpf:
    return (a * (mp.digamma(a) - mp.log(a)) + mp.mpf(1) / 2) * -12 * a


def bend(a: mp.mpf) -> mp.mpf:
    return (a * (mp.digamma(a) - mp.log(a)) + a * a * mp.psi(1, a) - a) * 12 * a


QUOTIENTS: dict[str, tuple[Function, int]] = {"BINET": (value, 9), "BINET_SLOPE": (slope, 10), "BINET_BEND": (bend, 10)}
"""By name, with the degree of both polynomials."""


def places(count: int) -> list[mp.mpf]:
    """Chebyshev's points of [0, 1], squared."""
    return [((1 + mp.cos(mp.pi * (2 * i + 1) / (2 * count))) / 2) ** 2 for i in range(count)]


def quotient(f: Function, degree: int) -> tuple[list[mp.mpf], list[mp.mpf]]:
    """Numerator and denominator, which begins with 1, that meet f(w) at as many places as there are unknowns."""
    at = places(2 * degree + 1)
    system, right = mp.matrix(len(at)), mp.matrix(len(at), 1)
    for i, w in enumerate(at):
        right[i] = f(w)
        for k in range(degree + 1):
            system[i, k] = w**k
        for k in range(1, degree + 1):
            system[i, degree + k] = -right[i] * w**k
    found = list(mp.lu_solve(system, right))
    return found[: degree + 1], [mp.mpf(1), *found[degree + 1 :]]


def error(f: Function, top: list[mp.mpf], bottom: list[mp.mpf], count: int = 300) -> mp.mpf:
    """The worst relative error between the places."""
    some = [((i + mp.mpf("0.5")) / count) ** 2 for i in range(count)]
    return max(abs(mp.polyval(top[::-1], w) / mp.polyval(bottom[::-1], w) / f(w) - 1) for w in some)


def rows(name: str) -> list[str]:
    """Both polynomials of one quotient as Python."""
    of_size, degree = QUOTIENTS[name]

    def f(w: mp.mpf) -> mp.mpf:
        return of_size(1 / mp.sqrt(w))

    with mp.workdps(60):
        top, bottom = quotient(f, degree)
        assert all(c > 0 for c in (*top, *bottom)), name
        worst = mp.nstr(error(f, top, bottom), 2)
    parts = {"TOP": top, "BOTTOM": bottom}
    texts = [
        f"{name}_{part} = (" + "".join(f"\n    {float(c)!r}," for c in made) + "\n)" for part, made in parts.items()
    ]
    return [*texts, f'"""Right to {worst}."""']


def main() -> None:
    """Print the module."""
    sys.stdout.write("\n".join([HEAD, *(row for name in QUOTIENTS for row in rows(name)), ""]))


if __name__ == "__main__":
    main()
