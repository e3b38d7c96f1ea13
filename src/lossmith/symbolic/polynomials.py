"""Polynomials in atoms with rational coefficients: sums, products, quotients, common factors."""

from __future__ import annotations

from fractions import Fraction

Monomial = tuple[tuple[int, int], ...]
"""(atom, exponent) pairs, sorted by atom, exponents > 0."""
Poly = dict[Monomial, Fraction]
MOST_TERMS = 120


class NotExact(Exception):
    """This cannot be done exactly here."""


def plus(p: Poly, q: Poly) -> Poly:
    """The sum."""
    out = dict(p)
    for m, c in q.items():
        out[m] = out.get(m, Fraction(0)) + c
    return {m: c for m, c in out.items() if c}


def join(a: Monomial, b: Monomial) -> Monomial:
    """The product of two monomials."""
    powers = dict(a)
    for atom, n in b:
        powers[atom] = powers.get(atom, 0) + n
    return tuple(sorted(powers.items()))


def product(p: Poly, q: Poly) -> Poly:
    """The product; NotExact where it has too many terms."""
    if len(p) * len(q) > MOST_TERMS * 8:
        raise NotExact("too many terms")
    out: Poly = {}
    for m, c in p.items():
        for n, d in q.items():
            k = join(m, n)
            out[k] = out.get(k, Fraction(0)) + c * d
    out = {m: c for m, c in out.items() if c}
    if len(out) > MOST_TERMS:
        raise NotExact("too many terms")
    return out


def shared(p: Poly, q: Poly) -> dict[int, int]:
    """The largest monomial that divides every term of both."""
    found: dict[int, int] | None = None
    for m in (*p, *q):
        here = dict(m)
        found = here if found is None else {a: min(n, here[a]) for a, n in found.items() if a in here}
    return found or {}


def divided(p: Poly, by: dict[int, int]) -> Poly:
    """Every term divided by a monomial."""
    return {tuple((a, n - by.get(a, 0)) for a, n in m if n > by.get(a, 0)): c for m, c in p.items()}


def quotient(p: Poly, q: Poly) -> Poly | None:
    """p/q where that is a polynomial (long division by the leading terms), else None."""
    count = 1 + max((a for m in (*p, *q) for a, _ in m), default=0)

    def order(m: Monomial) -> tuple[int, ...]:
        powers = dict(m)
        return tuple(powers.get(i, 0) for i in range(count))

    lead, out = sorted(q, key=order)[-1], dict[Monomial, Fraction]()
    for _ in range(MOST_TERMS):
        if not p:
            return out
        top = sorted(p, key=order)[-1]
        here = dict(top)
        left = {a: here.pop(a, 0) - n for a, n in lead} | here
        if min(left.values(), default=0) < 0:
            return None
        k = tuple(sorted((a, n) for a, n in left.items() if n))
        out[k] = p[top] / q[lead]
        p = plus(p, {join(k, m): -out[k] * c for m, c in q.items()})
    return None


def common_factor(p: Poly, q: Poly) -> Poly | None:
    """The greatest common divisor of two polynomials in one and the same atom, if it has more than one term."""
    atoms = {a for m in (*p, *q) for a, _ in m}
    if len(atoms) != 1:
        return None
    rows = [_dense(p), _dense(q)]
    while rows[1]:
        rows = [rows[1], _remainder(*rows)]
    (atom,) = atoms
    found: Poly = {((atom, n),) if n else (): c for n, c in enumerate(rows[0]) if c}
    return found if len(found) > 1 else None


def _dense(p: Poly) -> list[Fraction]:
    """The coefficients of a polynomial in one atom, lowest first."""
    powers = {m[0][1] if m else 0: c for m, c in p.items()}
    return [powers.get(n, Fraction(0)) for n in range(max(powers) + 1)]


def _remainder(p: list[Fraction], q: list[Fraction]) -> list[Fraction]:
    while len(p) >= len(q):
        share, shift = p[-1] / q[-1], len(p) - len(q)
        p = [c - (share * q[i - shift] if i >= shift else 0) for i, c in enumerate(p)][:-1]
        while p and p[-1] == 0:
            p = p[:-1]
    return [c / p[-1] for c in p] if p else []
