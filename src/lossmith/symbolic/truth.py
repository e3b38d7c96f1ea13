"""What a Program gives exactly, fast: ball arithmetic whose precision grows until the answer is certain.

It is the living definition `Program.run` at a hundredth of its time: every result is enclosed, and one that is not a
finite number (a division by zero, a logarithm of a negative number) is asked of `Program.run` itself.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.program import Program
from lossmith.symbolic.balls import ball_words

PRECISIONS = (128, 320, 1280, 2600)
"""Bits, one after the other: a number half an ulp above the least subnormal beside 1e308 needs 2200."""

SURE_BITS = 72
"""How many bits of a result must be certain: an ulp of float64 is then known to a part in 10⁵."""

FAR = 1e5
"""Beyond this a normal tail is taken from its asymptotic series."""

Ball = Any


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Ball arithmetic with so many bits."""
    import flint

    before = flint.ctx.prec
    flint.ctx.prec = bits
    try:
        yield
    finally:
        flint.ctx.prec = before


class Undecided(Exception):
    """A comparison that this precision cannot decide."""


def _compared(holds: Callable[[Ball, Ball], bool], fails: Callable[[Ball, Ball], bool]) -> Callable[..., bool]:
    def compare(a: Ball, b: Ball) -> bool:
        if holds(a, b):
            return True
        if fails(a, b) or a != a or b != b:
            return False
        raise Undecided

    return compare


def _sign(x: Ball) -> Ball:
    sign = x.sgn()
    if not sign.is_exact():
        raise Undecided
    return sign


def _xlogy(x: Ball, y: Ball) -> Ball:
    return x if x.is_zero() else x * y.log()


def _exp(x: Ball) -> Ball:
    """eˣ; what no float can hold is some number beyond 2^(10¹²), so that its inverse stays tiny."""
    if not x > 1e10:
        return x.exp()
    import flint

    return flint.arb((1, 10**12)) * flint.arb(1.5, 1.0)


def _series(u: Ball) -> Ball:
    """(1 − Φ(u))/φ(u) for u > FAR: 1/u − 1/u³ + 3/u⁵ − …, off by less than the first term left out."""
    import flint

    total, term, k = 1 / u, 1 / u, 1
    while abs(term) * flint.arb(2) ** flint.ctx.prec > total and k < 200:
        term = -term * k / (u * u)
        total, k = total + term, k + 2
    return total + flint.arb(0, abs(term).upper())


def _root_two_pi() -> Ball:
    import flint

    return (2 * flint.arb.pi()).sqrt()


def _tailed(near: Callable[[Ball], Ball], far: Callable[[Ball], Ball]) -> Callable[[Ball], Ball]:
    return lambda x: far(x) if x < -FAR else near(x)


def _far_slope(x: Ball) -> Ball:
    """m(m + x) with m = 1/R(u), u = −x: (1 − uR)/R², where 1 − uR is the series without its first term."""
    import flint

    u = -x
    R, total, term, k = _series(u), flint.arb(0), flint.arb(1), 1
    while abs(term) * flint.arb(2) ** flint.ctx.prec > total and k < 200:
        term = -term * k / (u * u)
        total, k = total - term, k + 2
    return (total + flint.arb(0, abs(term).upper())) / R**2


CLOGLOG: dict[str, Callable[[Ball], Ball]] = {
    "log_cloglog": lambda x: x, "cloglog_slope": lambda x: x.exp() + 1, "cloglog_bend": lambda x: x.exp(),
}  # fmt: skip
"""Words of exp(exp(x)), and what they are to every digit of every float where x < −10⁴."""


def _ended(word: Callable[[Ball], Ball], low: Callable[[Ball], Ball]) -> Callable[[Ball], Ball]:
    return lambda x: low(x) if x < -1e4 else word(x.min(1e4))


@cache
def words() -> Mapping[str, Callable[..., Any]]:
    """Every word over balls."""
    smooth = ball_words()
    arithmetic: dict[str, Callable[..., Any]] = {
        "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv, "neg": operator.neg,
        "pow": operator.pow, "sqrt": lambda x: x.sqrt(), "abs": operator.abs, "sign": _sign,
        "min": lambda a, b: a.min(b), "max": lambda a, b: a.max(b),
        "lt": _compared(operator.lt, operator.ge), "le": _compared(operator.le, operator.gt),
        "gt": _compared(operator.gt, operator.le), "ge": _compared(operator.ge, operator.lt),
        "eq": _compared(operator.eq, operator.ne), "ne": _compared(operator.ne, operator.eq),
        "and": lambda a, b: a and b, "where": lambda c, a, b: a if c else b,
        "sin": lambda x: x.sin(), "cos": lambda x: x.cos(), "xlogy": _xlogy, "exp": _exp,
    }  # fmt: skip
    tails: dict[str, Callable[..., Any]] = {
        "log_ndtr": _tailed(smooth["log_ndtr"], lambda x: (_series(-x) / _root_two_pi()).log() - x * x / 2),
        "mills": _tailed(smooth["mills"], lambda x: 1 / _series(-x)),
        "mills_slope": _tailed(smooth["mills_slope"], _far_slope),
    }
    beyond = {w: _ended(smooth[w], at) for w, at in CLOGLOG.items() if w in smooth}
    return {**smooth, **arithmetic, **tails, **beyond}


class Exact:
    """A Program over balls: exact inputs in, enclosures out."""

    def __init__(self, program: Program, params: Sequence[float]) -> None:
        self.program, self.params = program, dict(zip(program.params, map(float, params), strict=True))
        places = {n: i for i, n in enumerate((*program.inputs, *program.params))}
        self.constants: list[float] = []
        width = len(places)
        fixed = {a for s in program.steps for a in s.args if not isinstance(a, str)}
        fixed |= {a for _, a in program.outputs if not isinstance(a, str)}
        for value in fixed:
            places[value] = width + len(self.constants)  # type: ignore[index]
            self.constants.append(float(value))
        self.plan = []
        for i, step in enumerate(program.steps):
            places[step.name] = width + len(self.constants) + i
            at = [places[a] for a in step.args]  # type: ignore[index]
            self.plan.append((words()[step.word], at))
        self.wanted = [places[a] for _, a in program.outputs]  # type: ignore[index]

    def balls(self, row: Sequence[Any]) -> list[Ball]:
        """The outputs at one row of inputs, at the working precision."""
        from flint import arb

        at = [arb(v) for v in (*row, *self.params.values(), *self.constants)]
        for f, places in self.plan:
            if len(places) == 2:
                at.append(f(at[places[0]], at[places[1]]))
            else:
                at.append(f(*[at[i] for i in places]))
        return [at[i] for i in self.wanted]

    def named(self, row: Sequence[Any]) -> dict[str, Ball]:
        """The outputs by name."""
        return dict(zip(self.program.wants, self.balls(row), strict=True))

    def pairs(self, row: Sequence[float]) -> list[tuple[float, float]]:
        """Every output at one row as a sum of two doubles."""
        try:
            return certain(lambda: self.balls(row)) or self.defined(row)
        except (OverflowError, TypeError):  # what mpmath cannot hold either, or a complex number beyond rounding
            return [(float("nan"), 0.0)] * len(self.wanted)

    def defined(self, row: Sequence[float]) -> list[tuple[float, float]]:
        """The same from the definition itself, for what is no finite number."""
        result = self.program.run({**dict(zip(self.program.inputs, row, strict=True)), **self.params}, most=512)
        return [_split(v) for v in result.values()]


def certain(compute: Callable[[], list[Ball]]) -> list[tuple[float, float]] | None:
    """Balls as sums of two doubles, computed with ever more bits until all are certain; None if that never happens."""
    for bits in PRECISIONS:
        with precision(bits):
            try:
                found = compute()
            except Undecided:
                continue
            if all(map(_sure, found)):
                return [_pair(ball) for ball in found]
    return None


_HUGE = 2**1025


def _sure(ball: Ball) -> bool:
    """Is it known as sharply as any float64 can tell?"""
    if ball.rel_accuracy_bits() >= SURE_BITS:
        return True
    return bool(ball.is_finite() and (float(ball.abs_upper() * 2.0**20) == 0 or abs(ball) > _HUGE))


def _pair(ball: Ball) -> tuple[float, float]:
    high = float(ball)
    return (high, 0.0) if high - high != 0 else (high, float(ball - high))


def _split(value: Any) -> tuple[float, float]:
    high = float(value)
    return (high, 0.0) if high - high != 0 else (high, float(value - high))


def exact(
    program: Program, arrays: Sequence[NDArray[Any]], params: Sequence[float]
) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Every output of a Program for exact inputs, each as a rounded array and what the rounding left over."""
    at = Exact(program, params)
    rows = zip(*(np.asarray(a, float).tolist() for a in arrays), strict=True)
    table = np.array([at.pairs(row) for row in rows]).reshape(-1, len(program.wants), 2)
    with np.errstate(all="ignore"):
        high = table[..., 0] + table[..., 1]
        low = np.where(np.isfinite(high), (table[..., 0] - high) + table[..., 1], 0.0)
    return {name: (high[:, i], low[:, i]) for i, name in enumerate(program.wants)}
