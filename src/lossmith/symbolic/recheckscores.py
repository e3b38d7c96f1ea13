"""Bounds that were argued by hand for K scores, looked at again: what they rest on over boxes, and whole simplices.

An argument rests on inequalities between shares, which are claims like any other. Beside that the Hessian of the
formula itself, along directions that no score shares, is enclosed over whole simplices of two and three classes: the
probabilities along a direction v are jets (p, p·d, p·(d² − Var)) with d = v − Σ p v, and the formula is computed with
jets of balls. More classes than three are tried at some values only, by `recheckjoint`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

from lossmith.formula import Expr, parse
from lossmith.symbolic.ledger import AT_LEAST, Claim
from lossmith.symbolic.literal import literal
from lossmith.symbolic.recheck import BOXES, Checked

ROOM = 0.01
"""Of a bound: the Hessian of two and three classes is held against the bound and this share of it."""
MOST_BOXES = 20000
Ball = Any


def resting(rests: tuple[str, ...]) -> tuple[Claim, ...]:
    """The inequalities that an argument needs, as claims: each formula is >= 0 for all its names in [0, 1]."""
    return tuple(map(_claim, rests))


def _claim(text: str) -> Claim:
    tree = parse(text)
    variable, *others = sorted(tree.names)
    program = literal(tree, (variable, *others), ())
    assert program is not None
    named = replace(program, outputs=((text, dict(program.outputs)["value"]),))
    ranges = dict.fromkeys(others, (0.0, 1.0))
    return Claim(text, AT_LEAST, 0.0, named, {}, variable, Fraction(0), Fraction(1), ranges)


# ----------------------------------------------------------------------------------------------------------------- jets


@dataclass(frozen=True, slots=True)
class Jet:
    """A value with its first and second derivative along a line, as balls."""

    value: Ball
    first: Ball
    second: Ball

    def __add__(self, other: Jet) -> Jet:
        return Jet(self.value + other.value, self.first + other.first, self.second + other.second)

    def __sub__(self, other: Jet) -> Jet:
        return Jet(self.value - other.value, self.first - other.first, self.second - other.second)

    def __neg__(self) -> Jet:
        return Jet(-self.value, -self.first, -self.second)

    def __mul__(self, other: Jet) -> Jet:
        a, b = self, other
        mixed = 2 * _product(a.first, b.first)
        return Jet(
            _product(a.value, b.value),
            _product(a.first, b.value) + _product(a.value, b.first),
            _product(a.second, b.value) + mixed + _product(a.value, b.second),
        )

    def of(self, value: Ball, first: Ball, second: Ball) -> Jet:
        """A function of it, by the function's value and derivatives there."""
        return Jet(value, first * self.first, first * self.second + second * self.first * self.first)

    def sqrt(self) -> Jet:
        """Its root."""
        root = self.value.sqrt()
        return self.of(root, 1 / (2 * root), -1 / (4 * root * self.value))

    def inverse(self) -> Jet:
        """One over it."""
        x = self.value
        return self.of(1 / x, -1 / (x * x), 2 / (x * x * x))

    def log(self) -> Jet:
        """Its logarithm."""
        return self.of(self.value.log(), 1 / self.value, -1 / (self.value * self.value))


def _product(a: Ball, b: Ball) -> Ball:
    """a·b, where a factor of 0 makes it 0 whatever the other is (log p at p = 0)."""
    return a * 0 if _nothing(a) else (b * 0 if _nothing(b) else a * b)


def _nothing(a: Ball) -> bool:
    return bool(a.is_zero())


WORDS: Mapping[str, Callable[..., Jet]] = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "neg": lambda a: -a,
    "div": lambda a, b: a * b.inverse(), "sqrt": Jet.sqrt, "log": Jet.log,
}  # fmt: skip
"""What the formulas that have a bound by hand are made of."""


def _jet(e: Expr, names: Mapping[str, Jet]) -> Jet:
    if e.word == "name":
        return names[e.name]
    if e.word == "number":
        return _constant(e.value)
    if e.word == "where":  # the one condition: y > 0, of a share that is 0 or 1
        return _jet(e.args[1] if names["y"].value > 0 else e.args[2], names)
    return WORDS[e.word](*(_jet(a, names) for a in e.args))


def _constant(value: float) -> Jet:
    from flint import arb

    return Jet(arb(value), arb(0), arb(0))


def _probabilities(p: list[Ball], v: tuple[float, ...]) -> list[tuple[Jet, Jet]]:
    """(p_k, log p_k) along v."""
    mean = sum(a * b for a, b in zip(p, v, strict=True))
    away = [b - mean for b in v]
    spread = sum(a * d * d for a, d in zip(p, away, strict=True))
    return [(Jet(a, a * d, a * (d * d - spread)), Jet(a.log(), d, -spread)) for a, d in zip(p, away, strict=True)]


def _of_true_class(tree: Expr, both: list[tuple[Jet, Jet]]) -> Jet:
    squares = [a * a for a, _ in both]
    total = squares[0]
    for square in squares[1:]:
        total = total + square
    return _jet(tree, {"p": both[0][0], "logp": both[0][1], "sum_p2": total})


def _of_each_class(tree: Expr, both: list[tuple[Jet, Jet]]) -> Jet:
    parts = [_jet(tree, {"p": a, "logp": b, "y": _constant(float(not k))}) for k, (a, b) in enumerate(both)]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


LOSSES: Mapping[str, Callable[[Expr, list[tuple[Jet, Jet]]], Jet]] = {
    "simplex": _of_true_class, "adjusted": _of_true_class, "divergence": _of_each_class,
}  # fmt: skip
"""The loss of the first class, by lift."""


# ----------------------------------------------------------------------------------------------------------- simplices

WAYS: Mapping[int, tuple[tuple[float, ...], ...]] = {2: ((1.0, -1.0),), 3: ((1.0, -1.0, 0.0), (1.0, 1.0, -2.0))}
"""Directions at right angles to each other and to that in which all scores grow alike."""
Box = tuple[tuple[Fraction, Fraction], ...]


def simplices(lift: str, tree: Expr, above: float, size: float) -> tuple[Checked, ...]:
    """Over the simplex of two and of three classes: is the Hessian at most `above`, and at least −`size`?"""
    try:
        import flint
    except ImportError:
        return ()
    if lift not in LOSSES or not _spoken(tree):
        return ()
    with flint.ctx.workprec(64):
        return tuple(_simplex(lift, tree, K, above, size) for K in WAYS)


def _spoken(tree: Expr) -> bool:
    known = {*WORDS, "name", "number", "where"}
    return tree.word in known and all(_spoken(a) for a in tree.args if tree.word != "where" or a is not tree.args[0])


@lru_cache(maxsize=64)
def _simplex(lift: str, tree: Expr, K: int, above: float, size: float) -> Checked:
    says = f"the Hessian of {K} classes is within -{size:g} and {above:g}, to {ROOM:.0%}, for all probabilities"
    low, high = size * (1 + ROOM), above * (1 + ROOM)
    whole: Box = ((Fraction(0), Fraction(1)),) * (K - 1)
    todo, boxes = [whole], 0
    while todo and boxes < MOST_BOXES:
        box, boxes = todo.pop(), boxes + 1
        if sum(a for a, _ in box) >= 1 and box != whole:
            continue
        answer = _within(_block(lift, tree, box), low, high)
        if answer is False:
            return Checked(says, False, boxes, f"fails on {[(float(a), float(b)) for a, b in box]}", BOXES)
        todo += [] if answer else _cut(box)
    return Checked(says, None if todo else True, boxes, "too many boxes" if todo else "", BOXES)


def _cut(box: Box) -> Iterator[Box]:
    """The box in halves across its widest side."""
    k = max(range(len(box)), key=lambda i: box[i][1] - box[i][0])
    a, b = box[k]
    for ends in ((a, (a + b) / 2), ((a + b) / 2, b)):
        yield (*box[:k], ends, *box[k + 1 :])


def _block(lift: str, tree: Expr, box: Box) -> list[list[Ball]]:
    """The Hessian along unit directions, over a box."""
    p = [_ball(a, b) for a, b in box]
    least, most = (Fraction(1) - sum(ends[side] for ends in box) for side in (1, 0))
    p.append(_ball(max(Fraction(0), least), most))
    ways = WAYS[len(p)]
    rows: list[list[Ball]] = [[None] * len(ways) for _ in ways]
    for i, v in enumerate(ways):
        rows[i][i] = _second(lift, tree, p, v) / _length(v)
    for i, v in enumerate(ways[:1] if len(ways) > 1 else ()):
        w = ways[1]
        both, apart = (tuple(a + s * b for a, b in zip(v, w, strict=True)) for s in (1, -1))
        mixed = (_second(lift, tree, p, both) - _second(lift, tree, p, apart)) / 4
        rows[i][1] = rows[1][i] = mixed / (_length(v) * _length(w)).sqrt()
    return rows


def _second(lift: str, tree: Expr, p: list[Ball], v: tuple[float, ...]) -> Ball:
    return LOSSES[lift](tree, _probabilities(p, v)).second


def _length(v: tuple[float, ...]) -> Ball:
    from flint import arb

    return arb(sum(a * a for a in v))


def _ball(a: Fraction, b: Fraction) -> Ball:
    from flint import arb

    middle, half = (a + b) / 2, (b - a) / 2  # halves of halves: exact in doubles
    return arb(float(middle), float(half))


def _within(block: list[list[Ball]], low: float, high: float) -> bool | None:
    """Is −low <= block <= high for every matrix in it (True), or for none (False)?"""
    answers = [_above([[sign * x for x in row] for row in block], most) for sign, most in ((-1, high), (1, low))]
    return False if False in answers else (None if None in answers else True)


def _above(block: list[list[Ball]], shift: float) -> bool | None:
    """Is block + shift never negative, by its minors?"""
    diagonal = [row[i] + shift for i, row in enumerate(block)]
    if any(x < 0 for x in diagonal):
        return False
    good = all(x >= 0 for x in diagonal)
    if len(block) == 1:
        return True if good else None
    minor = diagonal[0] * diagonal[1] - block[0][1] * block[0][1]
    return False if minor < 0 else (True if good and minor >= 0 else None)
