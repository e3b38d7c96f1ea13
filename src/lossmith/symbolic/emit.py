"""sympy expressions → a Program: common subexpressions once, sums and products as straight-line steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce

import sympy as sp

from lossmith.program import Arg, Program, Step
from lossmith.symbolic.algebra import HALF, Tree, Word
from lossmith.symbolic.smooth import COMPOSITES

_KEY = sp.default_sort_key


class Emitter:
    """Appends steps, never the same one twice."""

    def __init__(self, prelude: Sequence[Step], params: Sequence[str] = ()) -> None:
        self.fixed = set(params)
        self.steps = list(prelude)
        self.known: dict[tuple[str, tuple[Arg, ...]], str] = {(s.word, s.args): s.name for s in prelude}
        self.shared: dict[str, Arg] = {}
        self.reaches: dict[str, set[str]] = {}
        self.bounded: set[str] = set()

    def step(self, word: str, *args: Arg) -> str:
        """The name of `word(*args)`, a new step if there is none yet."""
        key = (word, args)
        if key not in self.known:
            name = f"v{len(self.steps)}"
            self.known[key] = name
            self.steps.append(Step(name, word, args))
        return self.known[key]

    def arg(self, e: Tree) -> Arg:
        """The name or constant that holds the value of an expression."""
        if e.is_Symbol:
            return self.shared.get(str(e.name), str(e.name))
        if e.is_Number:
            return _constant(e)
        return _folded(e) if e.is_number else self.composed(e)

    def composed(self, e: Tree) -> Arg:
        return self.word(e) if isinstance(e, Word) else _EMIT[e.func](self, e)

    def word(self, e: Word) -> Arg:
        if e.word in COMPOSITES:
            return self.arg(COMPOSITES[e.word](*e.args))
        return self.step(e.word, *map(self.arg, e.args))

    def add(self, e: Tree) -> Arg:
        """What does not depend on the row first: 1 − ε + 2εσ is then right for ε = 1 too."""
        terms = sorted(e.args, key=_KEY)
        for first in ([t for t in terms if self.is_fixed(t)], self.of_score(terms)):
            if 1 < len(first) < len(terms):
                return self.summed([sp.Add(*first, evaluate=False), *(t for t in terms if t not in first)])
        return self.summed(terms)

    def of_score(self, terms: Sequence[Tree]) -> Sequence[Tree]:
        """Where a number is one of the terms: those without the truth y, which may be tiny beside them."""
        return [t for t in terms if "y" not in self.reached(t)] if any(t.is_Number for t in terms) else ()

    def reached(self, e: Tree) -> set[str]:
        """The names that an expression depends on, through shared ones."""
        return {n for s in e.free_symbols for n in self.reaches.get(s.name, {s.name})}

    def summed(self, terms: Sequence[Tree]) -> Arg:
        plus = [t for t in terms if not t.could_extract_minus_sign()]
        minus = [-t for t in terms if t.could_extract_minus_sign()]
        if not plus:
            return self.step("neg", self.folded("add", minus))
        total = self.folded("add", plus)
        for t in minus:
            total = self.step("sub", total, self.arg(t))
        return total

    def is_fixed(self, e: Tree) -> bool:
        """Does it depend on numbers and parameters only?"""
        return all(s.name in self.fixed for s in e.free_symbols)

    def is_bounded(self, f: Tree) -> bool:
        """Is it a word that stays within ±1? Such factors come first, so that no product overflows before they fade."""
        base, n = f.as_base_exp()
        known = base.word in BOUNDED if isinstance(base, Word) else base.is_Symbol and base.name in self.bounded
        return bool(known and n.is_number and n.is_positive)

    def folded(self, word: str, parts: Sequence[Tree]) -> Arg:
        return reduce(lambda a, b: self.step(word, a, b), map(self.arg, parts))

    def mul(self, e: Tree) -> Arg:
        coefficient, rest = e.as_coeff_Mul()
        factors = sorted(sp.Mul.make_args(rest), key=lambda f: (not self.is_bounded(f), _KEY(f)))
        below = [1 / f for f in factors if _is_reciprocal(f)]
        above = [f for f in factors if not _is_reciprocal(f)]
        scale, divisor = _coefficient(abs(coefficient))
        if divisor != 1:
            below.append(divisor)
        if below and _constant(scale) in _POWERS and all(map(self.is_fixed, below)):
            scale, below = sp.S.One, [1 / scale, *below]
        if scale > 1 and above and above[0].is_Pow and above[0].exp.is_Integer and self.is_bounded(above[0]):
            base, n = above[0].as_base_exp()  # so that bits lost below the least normal number are not multiplied
            above, scale = [scale * base, base ** (n - 1), *above[1:]], sp.S.One
        if scale != 1 or not above:
            above.insert(sum(map(self.is_bounded, above)), scale)
        value = self.folded("mul", above)
        if below:
            value = self.step("div", value, self.folded("mul", below))
        return self.step("neg", value) if coefficient < 0 else value

    def pow(self, e: Tree) -> Arg:
        base, n = e.base, e.exp
        if n.is_number and n.is_negative:
            return self.step("div", 1.0, self.arg(base**-n))
        if n.is_Integer:
            return self.whole(self.arg(base), int(n))
        if n.is_Rational and n.q == 2:
            root = self.step("sqrt", self.arg(base))
            return root if n == HALF else self.step("mul", self.whole(self.arg(base), int(n - HALF)), root)
        return self.step("pow", self.arg(base), self.arg(n))

    def whole(self, x: Arg, n: int) -> Arg:
        """xⁿ by squaring."""
        if n == 1:
            return x
        half = self.whole(x, n // 2)
        square = self.step("mul", half, half)
        return square if n % 2 == 0 else self.step("mul", square, x)


_EMIT: dict[type, Callable[[Emitter, Tree], Arg]] = {sp.Add: Emitter.add, sp.Mul: Emitter.mul, sp.Pow: Emitter.pow}


_POWERS = {2.0**-k for k in range(1, 60)}
BOUNDED = {"sigmoid", "sech2", "tanh", "witch", "serpentine", "saturation", "tilt", "sin", "cos", "mills_slope"}


def _is_reciprocal(f: Tree) -> bool:
    n = f.as_base_exp()[1]
    return bool(n.is_number and n.is_negative) and not isinstance(f, sp.Number)


def _coefficient(c: Tree) -> tuple[Tree, Tree]:
    """(multiplier, divisor): a quotient stays a division unless its denominator is a power of two."""
    if c.is_Rational and (c.q & (c.q - 1)) and c.p < 2**53 and c.q < 2**32:
        return sp.Integer(c.p), sp.Integer(c.q)
    return c, sp.S.One


def _constant(e: Tree) -> float:
    value = float(e)
    if value != value or value in (float("inf"), float("-inf")):
        raise ArithmeticError(f"the constant {e} does not fit a float64")
    return value


def _folded(e: Tree) -> float:
    """A constant expression, computed by the definitions of its words."""
    emitter = Emitter(())
    parts = [sp.Symbol(f"part{i}") for i in range(len(e.args))]
    values = {p.name: emitter.arg(a) for p, a in zip(parts, e.args, strict=True) if not a.is_Number}
    emitter.shared |= values
    kept = [a if a.is_Number else p for p, a in zip(parts, e.args, strict=True)]
    result = emitter.composed(e.func(*kept, evaluate=False))
    return _constant(Program((), (), tuple(emitter.steps), (("value", result),)).run({})["value"])


def emit(
    inputs: tuple[str, ...],
    params: tuple[str, ...],
    prelude: Sequence[Step],
    outputs: Mapping[str, Tree],
    note: str = "",
) -> Program:
    """A Program that computes the expressions, whose free symbols are inputs, parameters or names in the prelude."""
    names = (sp.Symbol(f"_cse{i}") for i in range(100_000))
    shared, reduced = sp.cse(list(outputs.values()), symbols=names)
    emitter = Emitter(prelude, params)
    inlined: dict[Tree, Tree] = {}
    for symbol, e in shared:
        whole = e.xreplace(inlined)
        if _is_reciprocal(whole) or (whole.is_Mul and len(whole.args) == 2 and whole.args[0].is_Number):
            inlined[symbol] = whole  # x/c stays one division, and 2x waits for what may make it small
        else:
            emitter.shared[symbol.name] = emitter.arg(whole)
            emitter.reaches[symbol.name] = emitter.reached(whole)
            emitter.bounded |= {symbol.name} if emitter.is_bounded(whole) else set()
            emitter.fixed |= {symbol.name} if emitter.is_fixed(whole) else set()
    results = tuple((name, emitter.arg(e.xreplace(inlined))) for name, e in zip(outputs, reduced, strict=True))
    return Program(inputs, params, tuple(emitter.steps), results, note).only(*outputs)
