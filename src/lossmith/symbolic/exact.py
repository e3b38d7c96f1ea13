"""Exact algebra over the rationals and named atoms (√, exp, log …): is this expression identically this one?

Every value is a quotient of two polynomials in atoms with rational coefficients. Two values whose difference has the
numerator 0 are equal wherever both are defined; a difference that is not 0 here says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from lossmith.program import Arg, Program

Monomial = tuple[tuple[int, int], ...]
"""(atom, exponent) pairs, sorted by atom, exponents > 0."""
Poly = dict[Monomial, Fraction]
MOST_TERMS, MOST_POWER = 120, 32


class NotExact(Exception):
    """This cannot be done exactly here."""


@dataclass(frozen=True, slots=True)
class Value:
    """A quotient of two polynomials."""

    top: Poly
    bottom: Poly

    def constant(self) -> Fraction | None:
        """The rational number that this is, if it is one."""
        if not self.top:
            return Fraction(0)
        if set(self.top) == {()} and set(self.bottom) == {()}:
            return self.top[()] / self.bottom[()]
        return None

    @property
    def key(self) -> tuple[Any, ...]:
        return (tuple(sorted(self.top.items())), tuple(sorted(self.bottom.items())))


def _sum(p: Poly, q: Poly) -> Poly:
    out = dict(p)
    for m, c in q.items():
        out[m] = out.get(m, Fraction(0)) + c
    return {m: c for m, c in out.items() if c}


def _join(a: Monomial, b: Monomial) -> Monomial:
    powers = dict(a)
    for atom, n in b:
        powers[atom] = powers.get(atom, 0) + n
    return tuple(sorted(powers.items()))


def _product(p: Poly, q: Poly) -> Poly:
    if len(p) * len(q) > MOST_TERMS * 8:
        raise NotExact("too many terms")
    out: Poly = {}
    for m, c in p.items():
        for n, d in q.items():
            k = _join(m, n)
            out[k] = out.get(k, Fraction(0)) + c * d
    out = {m: c for m, c in out.items() if c}
    if len(out) > MOST_TERMS:
        raise NotExact("too many terms")
    return out


def number(q: Fraction | int) -> Value:
    """A rational number."""
    return Value({(): Fraction(q)} if q else {}, {(): Fraction(1)})


def _common(p: Poly, q: Poly) -> dict[int, int]:
    """The largest monomial that divides every term of both."""
    found: dict[int, int] | None = None
    for m in (*p, *q):
        here = dict(m)
        found = here if found is None else {a: min(n, here[a]) for a, n in found.items() if a in here}
    return found or {}


def _divided(p: Poly, by: dict[int, int]) -> Poly:
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
        p = _sum(p, {_join(k, m): -out[k] * c for m, c in q.items()})
    return None


class Exact:
    """A field of values: its atoms, and the words over them."""

    def __init__(self) -> None:
        self.atoms: dict[tuple[Any, ...], int] = {}
        self.roots: dict[int, tuple[int, Value]] = {}
        self.logs: dict[int, Value] = {}

    def atom(self, *key: Any) -> Value:
        """The value that is one atom."""
        i = self.atoms.setdefault(key, len(self.atoms))
        return Value({((i, 1),): Fraction(1)}, {(): Fraction(1)})

    def make(self, top: Poly, bottom: Poly) -> Value:
        """A value in lowest terms, as far as monomials and constants go, with roots reduced."""
        if not bottom:
            raise NotExact("division by zero")
        if not top:
            return number(0)
        over = self._over_root(top, bottom)
        if over is not None:
            return self._reduce(Value(top, bottom), *over)
        by = _common(top, bottom)
        top, bottom = (_divided(top, by), _divided(bottom, by)) if by else (top, bottom)
        lead = bottom[min(bottom)]
        top, bottom = {m: c / lead for m, c in top.items()}, {m: c / lead for m, c in bottom.items()}
        if len(bottom) > 1 and (whole := quotient(top, bottom)) is not None:
            return Value(whole, {(): Fraction(1)})
        return Value(top, bottom)

    def _over_root(self, top: Poly, bottom: Poly) -> tuple[int, int, Value] | None:
        for m in (*top, *bottom):
            for atom, n in m:
                if n > MOST_POWER:
                    raise NotExact("too high a power")
                if atom in self.roots and n >= self.roots[atom][0]:
                    return atom, *self.roots[atom]
        return None

    def _reduce(self, v: Value, atom: int, order: int, inside: Value) -> Value:
        return self.div(self._lowered(v.top, atom, order, inside), self._lowered(v.bottom, atom, order, inside))

    def _lowered(self, p: Poly, atom: int, order: int, inside: Value) -> Value:
        out = number(0)
        for m, c in p.items():
            n = dict(m).get(atom, 0)
            rest = tuple((a, k) for a, k in m if a != atom)
            left = _join(rest, ((atom, n % order),)) if n % order else rest
            out = self.add(out, self.mul(Value({left: c}, {(): Fraction(1)}), self.power(inside, n // order)))
        return out

    def add(self, a: Value, b: Value) -> Value:
        if a.bottom == b.bottom:
            return self.make(_sum(a.top, b.top), a.bottom)
        for x, y in ((a, b), (b, a)):
            factor = quotient(y.bottom, x.bottom) if len(y.bottom) > 1 else None
            if factor is not None:
                return self.make(_sum(_product(x.top, factor), y.top), y.bottom)
        return self.make(_sum(_product(a.top, b.bottom), _product(b.top, a.bottom)), _product(a.bottom, b.bottom))

    def neg(self, a: Value) -> Value:
        return Value({m: -c for m, c in a.top.items()}, a.bottom)

    def mul(self, a: Value, b: Value) -> Value:
        return self.make(_product(a.top, b.top), _product(a.bottom, b.bottom))

    def div(self, a: Value, b: Value) -> Value:
        return self.make(_product(a.top, b.bottom), _product(a.bottom, b.top))

    def power(self, a: Value, n: int) -> Value:
        if abs(n) > MOST_POWER:
            raise NotExact("too high a power")
        out = number(1)
        for _ in range(abs(n)):
            out = self.mul(out, a)
        return out if n >= 0 else self.div(number(1), out)

    def root(self, a: Value, order: int) -> Value:
        """a^(1/order) for a ≥ 0."""
        c = a.constant()
        if c is not None and (exact := _rational_root(c, order)) is not None:
            return number(exact)
        out = self.atom("root", order, a.key)
        self.roots[self.atoms["root", order, a.key]] = (order, a)
        return out

    def real_power(self, a: Value, q: Fraction) -> Value:
        """a^q for a > 0 (≥ 0 where q > 0)."""
        whole = q.numerator // q.denominator
        part = q - whole
        if part == 0:
            return self.power(a, whole)
        if part.denominator <= 6:
            tail = self.power(self.root(a, part.denominator), part.numerator)
        else:
            tail = number(1) if a.constant() == 1 else self.atom("pow", part, a.key)
        return self.mul(self.power(a, whole), tail)

    def exp(self, a: Value) -> Value:
        """exp of a sum is a product; multiples of one term are powers of one atom."""
        if set(a.bottom) != {()}:
            flipped = self.neg(a)
            if ("exp", flipped.key) in self.atoms:
                return self.div(number(1), self.atom("exp", flipped.key))
            return self.atom("exp", a.key)
        out = number(1)
        for m, c in a.top.items():
            out = self.mul(out, self._exp_term(m, c / a.bottom[()]))
        return out

    def _exp_term(self, m: Monomial, c: Fraction) -> Value:
        if len(m) == 1 and m[0][1] == 1 and m[0][0] in self.logs:
            return self.real_power(self.logs[m[0][0]], c)
        for key in self.atoms:
            if key[:2] == ("exp term", m) and (c / key[2]).denominator == 1:
                return self.power(self.atom(*key), int(c / key[2]))
        return self.power(self.atom("exp term", m, abs(c) / 2), 2 if c > 0 else -2)

    def log(self, a: Value) -> Value:
        if a.constant() == 1:
            return number(0)
        out = self.atom("log", a.key)
        self.logs[self.atoms["log", a.key]] = a
        return out

    def opaque(self, word: str, a: Value) -> Value:
        """A word that is only known to be a function, with its value at 0 and its parity where it has them."""
        if not a.top and word in AT_ZERO:
            return number(AT_ZERO[word])
        flip = a.top and word in PARITY and a.top[min(a.top)] < 0
        out = self.atom(word, (self.neg(a) if flip else a).key)
        return self.neg(out) if flip and PARITY[word] < 0 else out

    def run(self, program: Program, values: Mapping[str, Value]) -> dict[str, Value]:
        """Every output, exactly; raises NotExact where a word cannot."""
        from lossmith.symbolic.exactwords import WORDS_EXACT as words

        table: dict[Any, Any] = dict(values)

        def get(a: Arg) -> Any:
            return table[a] if isinstance(a, str) else number(Fraction(a))

        for step in program.steps:
            table[step.name] = words[step.word](self, *map(get, step.args))
        return {name: get(a) for name, a in program.outputs}


AT_ZERO = {"asinh": 0, "atan": 0, "erf": 0, "sin": 0, "cos": 1, "logcosh": 0}
PARITY = {"asinh": -1, "atan": -1, "erf": -1, "sin": -1, "cos": 1, "logcosh": 1}


def _rational_root(c: Fraction, order: int) -> Fraction | None:
    if c < 0:
        raise NotExact("a root of a negative number")
    guess = [round(float(n) ** (1 / order)) if n < 2**900 else -1 for n in (c.numerator, c.denominator)]
    exact = [_integer_root(n, order, g) for n, g in zip((c.numerator, c.denominator), guess, strict=True)]
    return Fraction(exact[0], exact[1]) if None not in exact else None  # type: ignore[arg-type]


def _integer_root(n: int, order: int, guess: int) -> int | None:
    """The exact root by Newton's steps from a close guess, None if there is none."""
    x = max(guess, 1)
    for _ in range(8):
        x = ((order - 1) * x + n // x ** (order - 1)) // order or 1
    return next((y for y in (x - 1, x, x + 1) if y >= 0 and y**order == n), None)
