"""Exact algebra over the rationals and named atoms (√, exp, log …): is this expression identically this one?

Every value is a quotient of two polynomials in atoms with rational coefficients. Two values whose difference has the
numerator 0 are equal wherever both are defined; a difference that is not 0 here says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import Any

from lossmith.program import Arg, Program
from lossmith.symbolic.polynomials import Monomial as Monomial
from lossmith.symbolic.polynomials import NotExact as NotExact
from lossmith.symbolic.polynomials import Poly as Poly
from lossmith.symbolic.polynomials import common_factor, divided, join, plus, product, quotient, shared

MOST_POWER, MOST_BITS = 32, 20_000


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


def number(q: Fraction | int) -> Value:
    """A rational number."""
    return Value({(): Fraction(q)} if q else {}, {(): Fraction(1)})


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
        by = shared(top, bottom)
        top, bottom = (divided(top, by), divided(bottom, by)) if by else (top, bottom)
        lead = bottom[min(bottom)]
        top, bottom = {m: c / lead for m, c in top.items()}, {m: c / lead for m, c in bottom.items()}
        if len(bottom) > 1 and (whole := quotient(top, bottom)) is not None:
            return Value(whole, {(): Fraction(1)})
        factor = common_factor(top, bottom) if len(bottom) > 1 and len(top) > 1 else None
        if factor is not None and (above := quotient(top, factor)) and (below := quotient(bottom, factor)):
            return self.make(above, below)
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
            left = join(rest, ((atom, n % order),)) if n % order else rest
            out = self.add(out, self.mul(Value({left: c}, {(): Fraction(1)}), self.power(inside, n // order)))
        return out

    def add(self, a: Value, b: Value) -> Value:
        if a.bottom == b.bottom:
            return self.make(plus(a.top, b.top), a.bottom)
        for x, y in ((a, b), (b, a)):
            factor = quotient(y.bottom, x.bottom) if len(y.bottom) > 1 else None
            if factor is not None:
                return self.make(plus(product(x.top, factor), y.top), y.bottom)
        return self.make(plus(product(a.top, b.bottom), product(b.top, a.bottom)), product(a.bottom, b.bottom))

    def neg(self, a: Value) -> Value:
        return Value({m: -c for m, c in a.top.items()}, a.bottom)

    def mul(self, a: Value, b: Value) -> Value:
        return self.make(product(a.top, b.top), product(a.bottom, b.bottom))

    def div(self, a: Value, b: Value) -> Value:
        return self.make(product(a.top, b.bottom), product(a.bottom, b.top))

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
        c = a.constant()
        if c is not None and c > 0:
            return reduce(self.mul, [self._number_power(base, n * q) for base, n in _factors(c)], number(1))
        whole = q.numerator // q.denominator
        part = q - whole
        if part == 0:
            return self.power(a, whole)
        if part.denominator <= 6:
            tail = self.power(self.root(a, part.denominator), part.numerator)
        else:
            tail = number(1) if a.constant() == 1 else self.atom("pow", part, a.key)
        return self.mul(self.power(a, whole), tail)

    def _number_power(self, base: int, q: Fraction) -> Value:
        whole = q.numerator // q.denominator
        if abs(whole) * base.bit_length() > MOST_BITS:
            raise NotExact("too high a power")
        part, head = q - whole, number(Fraction(base) ** whole)
        if part == 0:
            return head
        if part.denominator <= 6:
            return self.mul(head, self.power(self.root(number(base), part.denominator), part.numerator))
        return self.mul(head, self.atom("pow", part, number(base).key))

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
        c = a.constant()
        if c is not None and c > 0:
            return reduce(self.add, [self.mul(number(n), self._log(number(b))) for b, n in _factors(c)], number(0))
        known = self._exponent(a)
        return self._log(a) if known is None else known

    def _log(self, a: Value) -> Value:
        out = self.atom("log", a.key)
        self.logs[self.atoms["log", a.key]] = a
        return out

    def _exponent(self, a: Value) -> Value | None:
        """What this is the exponential of, where that shows: one product of exponentials."""
        if len(a.top) != 1 or len(a.bottom) != 1:
            return None
        ((above, c),), ((below, d),) = a.top.items(), a.bottom.items()
        powers = [*above, *((i, -n) for i, n in below)]
        kinds = {i: key for key, i in self.atoms.items()} if powers else {}
        if c != d or not powers or any(kinds[i][0] != "exp term" for i, _ in powers):
            return None
        terms = [Value({kinds[i][1]: kinds[i][2] * n}, {(): Fraction(1)}) for i, n in powers]
        return reduce(self.add, terms)

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
            return table[a] if isinstance(a, str) else _finite(a)

        for step in program.steps:
            table[step.name] = words[step.word](self, *map(get, step.args))
        return {name: get(a) for name, a in program.outputs}


def _factors(c: Fraction) -> list[tuple[int, int]]:
    """A positive number as a product of powers of 2 and of two odd whole numbers."""
    top, bottom = (n & -n for n in (c.numerator, c.denominator))
    found = {c.numerator // top: 1, c.denominator // bottom: -1, 2: top.bit_length() - bottom.bit_length()}
    return [(base, n) for base, n in found.items() if base != 1 and n]


def _finite(a: float) -> Value:
    if a - a != 0:
        raise NotExact("not a finite number")
    return number(Fraction(a))


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
