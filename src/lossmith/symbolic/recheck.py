"""A second, independent look at proofs: other intervals, other words, other boxes; and witnesses computed afresh.

The provers work with spans of doubles and Arb's balls. Here every claim of a certificate is checked by intervals of
mpmath numbers over the living definitions of the words, on boxes of its own, up to |t| = 2⁴⁰, to within 2⁻⁴⁰ of the
size of the terms (and 2⁻⁹⁰). Derivatives that a claim is about are compared with difference quotients of the loss.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import mpmath
from mpmath import mpf

from lossmith.program import Program
from lossmith.symbolic.ledger import AT_LEAST, DEFINED, WITHIN, Claim
from lossmith.symbolic.recheckboxes import Boxes, uncancelled
from lossmith.symbolic.recheckwords import BITS, Range, times
from lossmith.symbolic.slopes import NoSlope, differentiate

REACH = 2.0**40
MOST_BOXES = 1500
PINCH, NARROW, ROUNDED = mpf(2) ** -40, mpf(2) ** -8, mpf(2) ** -90


BOXES, ALGEBRA, PLACE, SUMS, VALUES = "boxes", "algebra", "place", "sums", "values"


@dataclass(frozen=True)
class Checked:
    """What the second routine says of a claim: confirmed (True), contradicted (False) or not decided (None)."""

    claim: str
    holds: bool | None
    boxes: int
    says: str = ""
    by: str = VALUES
    """How it was looked at: over whole boxes, by algebra, at a place that decides it, by other sums, by some values."""


# ----------------------------------------------------------------------------------------------------------- claims


class Judge:
    """One claim, with its derivative for the mean value theorem."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.own = Boxes(uncancelled(claim.program), claim.params)

    @cached_property
    def twin(self) -> Boxes | None:
        """The other form of the output, once it was seen to agree."""
        twin = None if self.claim.twin is None else Boxes(uncancelled(self.claim.twin), self.claim.params)
        return twin if twin is not None and self.agree(twin) else None

    @cached_property
    def slope(self) -> Boxes | None:
        """The derivative of the output, where it is in the words."""
        try:
            slope = differentiate(self.own.program, self.claim.variable, self.claim.output)
        except NoSlope:
            return None
        return Boxes(slope, self.claim.params)

    def agree(self, twin: Boxes) -> bool:
        """Is the other form the same, at points of the piece?"""
        rng = random.Random(1)
        for _ in range(8):
            at = {self.claim.variable: _inside(self.claim, rng)}
            at |= {n: _between(a, b, rng) for n, (a, b) in self.claim.others.items()}
            point = {n: (mpf(v), mpf(v)) for n, v in at.items()}
            x, y = (form.at(point) for form in (self.own, twin))
            if x[0] > y[1] or y[0] > x[1]:
                return False
        return True

    def satisfied(self, x: Range, size: Any) -> bool | None:
        """Does the claim hold for every value of an interval (True) or for none (False)?"""
        bound = mpf(self.claim.bound)
        room = max(PINCH * max(size, abs(bound)), ROUNDED)
        if self.claim.kind == DEFINED:
            return True if mpmath.isfinite(x[0]) and mpmath.isfinite(x[1]) else None
        if self.claim.kind == AT_LEAST:
            return True if x[0] >= bound - room else (False if x[1] < bound - room else None)
        most = bound if self.claim.kind == WITHIN else mpf(0)
        inside = -most - room <= x[0] and x[1] <= most + room
        return True if inside else (False if x[0] > most + room or x[1] < -most - room else None)

    def box(self, box: Mapping[str, Range]) -> bool | None:
        """The claim on a box: as it is written, then by the mean value theorem."""
        table = self.own.table(box)
        x = table[self.own.end]
        if self.satisfied(x, mpf(0)):
            return True
        if self.claim.kind == DEFINED and self.own.is_number(table):
            return True
        a, b = box[self.claim.variable]  # on a wide box the size of terms says nothing
        size = self.own.terms(table) if b - a <= NARROW * max(mpf(1), abs(a)) else mpf(0)
        answer = self.satisfied(x, size)
        if answer is None and self.twin is not None:
            x = _common(x, self.twin.at(box))
            answer = self.satisfied(x, size)
        if answer is None and self.slope is not None:
            answer = self.by_slope(box, x, size, self.slope.at(box))
        return answer

    def by_slope(self, box: Mapping[str, Range], x: Range, size: Any, rise: Range) -> bool | None:
        """The claim at both ends where the output is monotone, else by the mean value theorem."""
        low, high = box[self.claim.variable]
        if not (mpmath.isfinite(rise[0]) and mpmath.isfinite(rise[1])):
            return None
        if rise[0] >= 0 or rise[1] <= 0:
            answers = [self.at_end(box, e, x) for e in (low, high)]
            return False if False in answers else (None if None in answers else True)
        m = (low + high) / 2
        middle, way = self.own.at({**box, self.claim.variable: (m, m)}), times(rise, (low - m, high - m))
        return self.satisfied(_common(x, (middle[0] + way[0], middle[1] + way[1])), size)

    def at_end(self, box: Mapping[str, Range], place: Any, x: Range) -> bool | None:
        """The claim at one place of the variable, of an output that is known to lie in an interval."""
        table = self.own.table({**box, self.claim.variable: (place, place)})
        y = _common(x, table[self.own.end])
        return self.satisfied(y, mpf(0)) or self.satisfied(y, self.own.terms(table))


def _common(x: Range, y: Range) -> Range:
    return max(x[0], y[0]), min(x[1], y[1])


_SEEN: ContextVar[dict[object, Checked] | None] = ContextVar("seen", default=None)


@contextmanager
def remembering() -> Iterator[None]:
    """Inside, a claim that several facts rest on is checked once."""
    token = _SEEN.set({})
    try:
        yield
    finally:
        _SEEN.reset(token)


def checked(claim: Claim) -> Checked:
    """A claim on boxes of this routine's own."""
    seen, key = _SEEN.get(), (claim.key, claim.variable, claim.twin and claim.twin.digest)
    if seen is None:
        return _checked(claim)
    if key not in seen:
        seen[key] = _checked(claim)
    return seen[key]


def _checked(claim: Claim) -> Checked:
    """The claim on boxes, now."""
    with mpmath.workprec(BITS):
        judge = Judge(claim)
        ends = (-mpf(REACH) if claim.low is None else _number(claim.low),
                mpf(REACH) if claim.high is None else _number(claim.high))  # fmt: skip
        if claim.kind == DEFINED and claim.variable in OPEN_ABOVE and ends[1] == 0:
            ends = ends[0], -PINCH
        others = {n: (max(mpf(a), -mpf(REACH)), min(mpf(b), mpf(REACH))) for n, (a, b) in claim.others.items()}
        return _searched(judge, {claim.variable: ends, **others})


OPEN_ABOVE = frozenset({"logp"})
"""Inputs that are always below 0: what is a number below need not be one at 0."""


def _searched(judge: Judge, whole: dict[str, Range]) -> Checked:
    """Cuts boxes until each is decided; what stays open is set aside while a box that contradicts is looked for."""
    todo, boxes, left = [whole], 0, ""
    while todo and boxes < MOST_BOXES:
        box, boxes = todo.pop(), boxes + 1
        answer = judge.box(box)
        if answer is False:
            return Checked(str(judge.claim), False, boxes, f"fails on {_shown(box)}", BOXES)
        if answer is None:
            halves = _halves(box)
            todo += halves
            left = left or ("" if halves else f"not decided on {_shown(box)}")
    left = left or (f"not decided on {_shown(todo[0])}" if todo else "")
    return Checked(str(judge.claim), None if left else True, boxes, left, BOXES)


def _number(q: Any) -> Any:
    return mpf(q.numerator) / q.denominator


def _shown(box: Mapping[str, Range]) -> str:
    return ", ".join(f"{n} in [{float(a):.6g}, {float(b):.6g}]" for n, (a, b) in box.items())


def _halves(box: Mapping[str, Range]) -> list[dict[str, Range]]:
    """The box cut across its widest side, in orders of size where it is wide."""
    name = max(box, key=lambda n: _wide(box[n]))
    a, b = box[name]
    m = _middle(a, b)
    return [] if not a < m < b or b - a < mpf(2) ** -70 else [{**box, name: (a, m)}, {**box, name: (m, b)}]


def _wide(x: Range) -> Any:
    return x[1] - x[0] if x[1] - x[0] < 1 else 1 + mpmath.log(x[1] - x[0])


def _middle(a: Any, b: Any) -> Any:
    if a < 0 < b:
        return mpf(0)
    if b <= 0:
        return -_middle(-b, -a)
    if a == 0:
        return b / 16
    return mpmath.sqrt(a * b) if b > 4 * a else (a + b) / 2


# ------------------------------------------------------------------------------------- derivatives, values, witnesses

ORDERS = {"value": 0, "d1": 1, "d2": 2}


def derivative(value: Program, params: Mapping[str, float], at: Mapping[str, Any], variable: str, order: int) -> Any:
    """A derivative of the loss by difference quotients at 1600 bits."""
    step = mpf(2) ** -200 * max(abs(mpf(at[variable])), mpf(2) ** -20)
    with mpmath.workprec(1600):

        def f(k: int) -> Any:
            values = {**{n: mpf(v) for n, v in params.items()}, **{n: mpf(v) for n, v in at.items()}}
            return value._run_once(values | {variable: mpf(at[variable]) + k * step})["value"]

        if order == 0:
            return f(0)
        return (f(1) - f(-1)) / (2 * step) if order == 1 else (f(1) - 2 * f(0) + f(-1)) / step**2


def same_quantity(
    claim: Claim, value: Program, params: Mapping[str, float], limits: Mapping[str, tuple[float, float]]
) -> Checked:
    """Is a claimed output the loss's own value, slope or curvature? At points of its piece, to 20 digits."""
    rng = random.Random(claim.output)
    says = f"{claim.output} is what it is called on its piece"
    for _ in range(6):
        at = {claim.variable: _inside(claim, rng), **{n: _between(a, b, rng) for n, (a, b) in claim.others.items()}}
        at = {n: claim.params.get(n, min(max(0.7, a), b)) for n, (a, b) in limits.items() if n not in at} | at
        free = {n: v for n, v in params.items() if n not in at}
        expected = derivative(value, free, at, claim.variable, ORDERS[claim.output])
        with mpmath.workprec(BITS):
            found = Boxes(claim.program, claim.params).at({n: (mpf(v), mpf(v)) for n, v in at.items()})
            if not found[0] - abs(expected) / 10**20 - mpf(10) ** -30 <= expected:
                return Checked(says, False, 1, f"at {at}")
            if not expected <= found[1] + abs(expected) / 10**20 + mpf(10) ** -30:
                return Checked(says, False, 1, f"at {at}")
    return Checked(says, True, 6)


def _inside(claim: Claim, rng: random.Random) -> float:
    low = -8.0 if claim.low is None else float(claim.low)
    high = 8.0 if claim.high is None else float(claim.high)
    low, high = (high - 16 if claim.low is None else low), (low + 16 if claim.high is None else high)
    if high - low > WIDE:  # then where it is nearest to 0
        near = max(abs(min(max(0.0, low), high)), 16.0)
        low, high = max(low, -2 * near), min(high, 2 * near)
    return _between(low, high, rng)


WIDE = 1e6
"""A piece wider than this is looked at where it is nearest to 0."""


def _between(a: float, b: float, rng: random.Random) -> float:
    a, b = (b - 50 if a == -math.inf else a), (a + 50 if b == math.inf else b)
    return a + (b - a) * rng.uniform(0.02, 0.98) if math.isfinite(b - a) else rng.uniform(-50, 50)


def witness_stands(value: Program, params: Mapping[str, float], witness: Any, variable: str) -> Checked | None:
    """The numbers of a witness, computed afresh from the loss; None for a witness without numbers to compute."""
    named = {n: v for n, v in witness.items() if n in ORDERS} if isinstance(witness, Mapping) else {}
    if not named or not set(value.inputs) <= set(witness) | set(params):
        return None
    at = {n: v for n, v in witness.items() if n not in ORDERS and n in value.inputs}
    for name, claimed in named.items():
        found = float(derivative(value, {n: v for n, v in params.items() if n not in at}, at, variable, ORDERS[name]))
        if abs(found - claimed) > 1e-9 * max(abs(found), abs(claimed), 1e-300) and found != claimed:
            return Checked(f"the witness {dict(witness)}", False, 1, f"{name} is {found:.6g}", PLACE)
    return Checked(f"the witness {dict(witness)}", True, 1, by=PLACE)
