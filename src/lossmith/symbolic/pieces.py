"""A program cut at its kinks: on each open piece every choice is made, and what is left has no kinks.

Choices (`where`, `abs`, `sign`, `min`, `max`) whose condition is a polynomial in the variable, in its exponential
or its sigmoid, with roots that can be named (rational, p ± √q, log q) are decided exactly. Any other choice stays in
the program, and whoever encloses it is told that a kink is undecided.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from lossmith.program import Arg, Program, Step
from lossmith.symbolic.ends import Irrational, Logarithm, Surd

Poly = tuple[Fraction, ...]
"""A polynomial in the variable, lowest degree first, without a zero at the end."""
End = Fraction | None
"""A finite end of a piece, or None where it runs to infinity."""
MOST_DEGREE, MOST_PIECES = 8, 40


@dataclass(frozen=True)
class Piece:
    """An open interval, and the program that holds on it."""

    low: End
    high: End
    program: Program

    def inside(self) -> Fraction:
        """A point strictly between the ends."""
        return between(self.low, self.high)


class Cut(Exception):
    """A choice changes at these points."""

    def __init__(self, *points: Fraction) -> None:
        self.points = points


def between(low: End, high: End) -> Fraction:
    """A point strictly between two ends."""
    if low is None:
        return Fraction(0) if high is None else high - 1
    return low + 1 if high is None else (low + high) / 2


def pieces(program: Program, params: Mapping[str, float], variable: str, low: End, high: End) -> tuple[Piece, ...]:
    """The pieces from low to high, in order."""
    todo, done = [(low, high)], []
    while todo:
        a, b = todo.pop()
        try:
            done.append(Piece(a, b, Cutter(params, variable, a, b).specialise(program)))
        except Cut as cut:
            ends = [a, *sorted(cut.points), b]
            todo += reversed(list(pairwise(ends)))
        if len(done) + len(todo) > MOST_PIECES:
            return (Piece(low, high, program),)
    return tuple(done)


class Cutter:
    """Walks a program on one open interval and drops what is decided there."""

    def __init__(self, params: Mapping[str, float], variable: str, low: End, high: End) -> None:
        self.low, self.high = low, high
        self.point = between(low, high)
        self.polys: dict[Arg, Poly | None] = {k: _trim((Fraction(v),)) for k, v in params.items()}
        self.growths = dict(self.polys)
        self.shares: dict[Arg, Share | None] = {k: None if p is None else (p, 0) for k, p in self.polys.items()}
        self.polys[variable] = (Fraction(0), Fraction(1))
        self.variable = variable
        self.alias: dict[Arg, Arg] = {}
        self.truth: dict[Arg, bool] = {}

    def specialise(self, program: Program) -> Program:
        """The program on this interval; raises `Cut` where a choice changes inside it."""
        steps: list[Step] = []
        for step in program.steps:
            args = tuple(self.alias.get(a, a) for a in step.args)
            new = CHOICES.get(step.word, _plain)(self, replace(step, args=args))
            if isinstance(new, Step):
                steps.append(new)
                self.polys[new.name] = polynomial(self.polys, new)
                self.growths[new.name] = self.growth(new)
                self.shares[new.name] = self.share(new)
            elif new is not None:
                self.alias[step.name] = new
        outputs = tuple((n, self.alias.get(a, a)) for n, a in program.outputs)
        return Program(program.inputs, program.params, tuple(steps), outputs).only(*program.wants)

    def growth(self, step: Step) -> Poly | None:
        """The polynomial in the exponential of the variable that a step computes, if it does."""
        if step.word in GROWTHS and step.args == (self.variable,):
            return GROWTHS[step.word]
        return polynomial(self.growths, step)

    def share(self, step: Step) -> Share | None:
        """The quotient of a polynomial in the exponential by a power of 1 + exp that a step computes, if it does."""
        if step.word == "sigmoid":
            line = poly(self.polys, step.args[0])
            return SIGMOIDS.get(line) if line is not None else None
        args = [share(self.shares, a) for a in step.args]
        rule = SHARES.get(step.word)
        return rule(*args) if rule and None not in args else None

    def sign(self, a: Arg, b: Arg = 0.0) -> int | None:
        """The sign of a − b on the whole open interval, None if unknown; raises `Cut` where it changes."""
        for table, solve, spot in ((self.polys, roots, lambda: self.point), (self.growths, growth_roots, self.grown)):
            p, q = poly(table, a), poly(table, b)
            difference = None if p is None or q is None else _minus(p, q)
            found = None if difference is None else solve(difference)
            if difference is None or found is None:
                continue
            inside = [r for r in found if (self.low is None or r > self.low) and (self.high is None or r < self.high)]
            if inside:
                raise Cut(*inside)
            place = spot()
            value = None if place is None else at(difference, place)
            if value is not None:
                return (value > 0) - (value < 0)
        return self.sign_of_shares(share(self.shares, a), share(self.shares, b))

    def sign_of_shares(self, a: Share | None, b: Share | None) -> int | None:
        """The sign of the difference of two quotients: of its numerator, as what is below it is positive."""
        difference = None if a is None or b is None else _share_sum(a, (tuple(-c for c in b[0]), b[1]))
        found = None if difference is None else growth_roots(difference[0])
        if difference is None or found is None:
            return None
        inside = [r for r in found if (self.low is None or r > self.low) and (self.high is None or r < self.high)]
        if inside:
            raise Cut(*inside)
        place = self.grown()
        value = None if place is None else at(difference[0], place)
        return None if value is None else (value > 0) - (value < 0)

    def grown(self) -> Fraction | None:
        """A number that is surely the exponential of a point between the ends."""
        if abs(self.point) > 600:
            return None
        value = math.exp(self.point)
        above_low = self.low is None or math.exp(self.low) < value * (1 - 1e-9)
        below_high = self.high is None or value * (1 + 1e-9) < math.exp(self.high)
        return Fraction(value) if above_low and below_high else None


GROWTHS: Mapping[str, Poly] = {"exp": (Fraction(0), Fraction(1)), "expm1": (Fraction(-1), Fraction(1))}
"""Words that are polynomials in the exponential."""


Share = tuple[Poly, int]
"""A polynomial in the exponential, and the power of 1 + exp that divides it."""
SIGMOIDS: Mapping[Poly, Share] = {
    (Fraction(0), Fraction(1)): ((Fraction(0), Fraction(1)), 1), (Fraction(0), Fraction(-1)): ((Fraction(1),), 1),
}  # fmt: skip
"""The sigmoid of the variable, and that of its negative."""


def share(known: Mapping[Arg, Share | None], a: Arg) -> Share | None:
    """The quotient that an argument is, if it is one."""
    return known.get(a) if isinstance(a, str) else (_trim((Fraction(a),)), 0) if math.isfinite(a) else None


def _share_sum(a: Share | None, b: Share | None) -> Share | None:
    if a is None or b is None:
        return None
    most = max(a[1], b[1])
    tops = [_product(p, _power((Fraction(1), Fraction(1)), (Fraction(most - k),)) or ()) if most > k else p
            for p, k in (a, b)]  # fmt: skip
    return None if None in tops else (_plus(tops[0] or (), tops[1] or ()), most)


SHARES: dict[str, Callable[..., Share | None]] = {
    "add": _share_sum, "sub": lambda a, b: _share_sum(a, (tuple(-c for c in b[0]), b[1])),
    "neg": lambda a: (tuple(-c for c in a[0]), a[1]),
}  # fmt: skip


def poly(known: Mapping[Arg, Poly | None], a: Arg) -> Poly | None:
    """The polynomial that an argument is, if it is one."""
    return known.get(a) if isinstance(a, str) else _trim((Fraction(a),)) if math.isfinite(a) else None


def polynomial(known: Mapping[Arg, Poly | None], step: Step) -> Poly | None:
    """The polynomial that a step computes, if it does."""
    args = [poly(known, a) for a in step.args]
    rule = POLYNOMIALS.get(step.word)
    return rule(*args) if rule and None not in args else None


def _plain(c: Cutter, s: Step) -> Step | Arg | None:
    return s


def _compare(holds: Callable[[int], bool]) -> Callable[[Cutter, Step], Step | Arg | None]:
    def decide(c: Cutter, s: Step) -> Step | Arg | None:
        sign = c.sign(*s.args)
        if sign is None:
            return s
        c.truth[s.name] = holds(sign)
        return None

    return decide


def _both(c: Cutter, s: Step) -> Step | Arg | None:
    a, b = (c.truth.get(x) for x in s.args)
    if a is False or b is False:
        c.truth[s.name] = False
        return None
    if a and b:
        c.truth[s.name] = True
        return None
    return (s.args[1] if a else s.args[0]) if a or b else s


def _where(c: Cutter, s: Step) -> Step | Arg | None:
    truth = c.truth.get(s.args[0])
    return s if truth is None else s.args[1 if truth else 2]


def _abs(c: Cutter, s: Step) -> Step | Arg | None:
    sign = c.sign(s.args[0])
    return s if sign is None else (s.args[0] if sign >= 0 else replace(s, word="neg"))


def _sign(c: Cutter, s: Step) -> Step | Arg | None:
    sign = c.sign(s.args[0])
    return s if sign is None else float(sign)


def _smaller(first: int) -> Callable[[Cutter, Step], Step | Arg | None]:
    def pick(c: Cutter, s: Step) -> Step | Arg | None:
        sign = c.sign(*s.args)
        return s if sign is None else s.args[0 if sign == first or sign == 0 else 1]

    return pick


CHOICES: dict[str, Callable[[Cutter, Step], Step | Arg | None]] = {
    "lt": _compare(lambda s: s < 0), "le": _compare(lambda s: s <= 0), "gt": _compare(lambda s: s > 0),
    "ge": _compare(lambda s: s >= 0), "eq": _compare(lambda s: s == 0), "ne": _compare(lambda s: s != 0),
    "and": _both, "where": _where, "abs": _abs, "sign": _sign, "min": _smaller(-1), "max": _smaller(1),
}  # fmt: skip
"""How each kinked word is decided: a step (it stays), an argument (it is that), or None (a truth, remembered)."""


def _trim(p: Poly) -> Poly:
    while p and p[-1] == 0:
        p = p[:-1]
    return p


def _minus(p: Poly, q: Poly) -> Poly:
    return _plus(p, tuple(-c for c in q))


def _plus(p: Poly, q: Poly) -> Poly:
    n = max(len(p), len(q))
    p, q = p + (Fraction(0),) * (n - len(p)), q + (Fraction(0),) * (n - len(q))
    return _trim(tuple(a + b for a, b in zip(p, q, strict=True)))


def _product(p: Poly, q: Poly) -> Poly | None:
    if len(p) + len(q) > MOST_DEGREE + 2:
        return None
    out = [Fraction(0)] * max(len(p) + len(q) - 1, 0)
    for i, a in enumerate(p):
        for j, b in enumerate(q):
            out[i + j] += a * b
    return _trim(tuple(out))


def _quotient(p: Poly, q: Poly) -> Poly | None:
    return tuple(c / q[0] for c in p) if len(q) == 1 else None


def _power(p: Poly, q: Poly) -> Poly | None:
    if len(q) != 1 or q[0] not in range(1, MOST_DEGREE + 1):
        return None
    out: Poly | None = p
    for _ in range(int(q[0]) - 1):
        out = None if out is None else _product(out, p)
    return out


POLYNOMIALS: dict[str, Callable[..., Poly | None]] = {
    "add": _plus, "sub": _minus, "mul": _product, "div": _quotient, "pow": _power, "neg": lambda p: _minus((), p),
}  # fmt: skip


def at(p: Poly, x: Fraction) -> Fraction:
    """The value of a polynomial."""
    out = Fraction(0)
    for c in reversed(p):
        out = out * x + c
    return out


def roots(p: Poly) -> list[Fraction] | None:
    """The real roots if a quadratic (after division by powers of x) shows them, else None."""
    if len(p) <= 1:
        return []
    if p[0] == 0:
        rest = roots(p[1:])
        return None if rest is None else sorted({Fraction(0), *rest})
    if len(p) == 2:
        return [-p[0] / p[1]]
    return _quadratic(*p) if len(p) == 3 else None


def growth_roots(p: Poly) -> list[Fraction] | None:
    """The real x at which a polynomial in eˣ is 0."""
    found = roots(p)
    if found is None or any(isinstance(r, Irrational) for r in found):
        return None
    named = [Fraction(0) if r == 1 else Logarithm.of(r) for r in found if r > 0]
    return None if None in named else [r for r in named if r is not None]


def _quadratic(c: Fraction, b: Fraction, a: Fraction) -> list[Fraction] | None:
    square = b * b - 4 * a * c
    if square < 0:
        return []
    n, d = math.isqrt(square.numerator), math.isqrt(square.denominator)
    if n * n != square.numerator or d * d != square.denominator:
        both = [Surd.of(-b / (2 * a), square / (4 * a * a), sign) for sign in (-1, 1)]
        return None if None in both else [r for r in both if r is not None]
    return sorted({(-b - Fraction(n, d)) / (2 * a), (-b + Fraction(n, d)) / (2 * a)})
