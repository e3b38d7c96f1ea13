"""Exponentials by their first terms and what is left: eᵘ = 1 + u + expm1mx(u), each of them positive for u > 0.

Where a quotient of polynomials holds eᵘ and u (itself an exponential) at once, this shows what no enclosure far out
can: that eᵘ − 1 − u is positive.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from functools import reduce

from lossmith.program import Program
from lossmith.symbolic.cover import Region, exact_inputs, mirrored
from lossmith.symbolic.exact import Exact, Monomial, NotExact, Poly, Value, number
from lossmith.symbolic.twin import twin

HELD = frozenset({"half line", "exp term"})
"""Atoms that are positive, of which an exponent may be made."""


def spread(field: Exact, value: Value) -> Iterator[Value]:
    """The same value with exponentials of exponentials by their first terms, and with all exponentials by theirs."""
    known: list[dict[int, Value]] = []
    for nested in (True, False):
        new = dict(_replaced(field, nested))
        if new and new not in known:
            known.append(new)
            with contextlib.suppress(NotExact):
                yield field.div(_swapped(field, value.top, new), _swapped(field, value.bottom, new))


def spread_twin(region: Region, name: str) -> Program | None:
    """An output of a piece once more, written by the first terms of such exponentials."""
    field = Exact()
    try:
        value = field.run(region.program.only(name), exact_inputs(region, field))[name]
        found = next(spread(field, value), None)
        return None if found is None else twin(region.program, name, field, found, mirrored(region))
    except NotExact:
        return None


def _replaced(field: Exact, nested: bool) -> Iterator[tuple[int, Value]]:
    for key, atom in list(field.atoms.items()):
        found = _exponent(field, key, nested)
        if found is not None:
            sign, u = found
            whole = field.add(field.add(number(1), u), field.atom("expm1mx", u.key))
            yield atom, whole if sign > 0 else field.div(number(1), whole)


def _exponent(field: Exact, key: tuple[object, ...], nested: bool) -> tuple[int, Value] | None:
    """The sign and size of what this atom is the exponential of, where that is one product (`nested`: with another)."""
    if key[0] == "exp term":
        top: Poly = {key[1]: key[2]}  # type: ignore[dict-item]
        bottom: Poly = {(): Fraction(1)}
    elif key[0] == "exp" and isinstance(key[1], tuple):
        top, bottom = dict(key[1][0]), dict(key[1][1])
    else:
        return None
    if len(top) != 1 or len(bottom) != 1:
        return None
    kinds = {i: k[0] for k, i in field.atoms.items()}
    atoms = [kinds[a] for m in (*top, *bottom) for a, _ in m]
    if (nested and "exp term" not in atoms) or not set(atoms) <= HELD:
        return None
    ((m, c),) = top.items()
    return (1 if c > 0 else -1), field.make({m: abs(c)}, bottom)


def _swapped(field: Exact, p: Poly, new: dict[int, Value]) -> Value:
    return reduce(field.add, (_term(field, m, c, new) for m, c in p.items()), number(0))


def _term(field: Exact, m: Monomial, c: Fraction, new: dict[int, Value]) -> Value:
    kept: Value = Value({tuple((a, n) for a, n in m if a not in new): c}, {(): Fraction(1)})
    return reduce(field.mul, (field.power(new[a], n) for a, n in m if a in new), kept)
