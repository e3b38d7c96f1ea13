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

    def __init__(self, prelude: Sequence[Step]) -> None:
        self.steps = list(prelude)
        self.known: dict[tuple[str, tuple[Arg, ...]], str] = {(s.word, s.args): s.name for s in prelude}
        self.shared: dict[str, Arg] = {}

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
        terms = sorted(e.args, key=_KEY)
        plus = [t for t in terms if not t.could_extract_minus_sign()]
        minus = [-t for t in terms if t.could_extract_minus_sign()]
        if not plus:
            return self.step("neg", self.folded("add", minus))
        total = self.folded("add", plus)
        for t in minus:
            total = self.step("sub", total, self.arg(t))
        return total

    def folded(self, word: str, parts: Sequence[Tree]) -> Arg:
        return reduce(lambda a, b: self.step(word, a, b), map(self.arg, parts))

    def mul(self, e: Tree) -> Arg:
        coefficient, rest = e.as_coeff_Mul()
        factors = sorted(sp.Mul.make_args(rest), key=_KEY)
        below = [1 / f for f in factors if _is_reciprocal(f)]
        above = [f for f in factors if not _is_reciprocal(f)]
        scale, divisor = _coefficient(abs(coefficient))
        if divisor != 1:
            below.append(divisor)
        if scale != 1 or not above:
            above.insert(0, scale)
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


def _is_reciprocal(f: Tree) -> bool:
    n = f.as_base_exp()[1]
    return bool(n.is_number and n.is_negative) and not isinstance(f, sp.Number)


def _coefficient(c: Tree) -> tuple[Tree, Tree]:
    """(multiplier, divisor): a quotient stays a division unless its denominator is a power of two."""
    if c.is_Rational and (c.q & (c.q - 1)) and c.p < 2**53 and c.q < 2**53:
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
    emitter = Emitter(prelude)
    inlined: dict[Tree, Tree] = {}
    for symbol, e in shared:
        whole = e.xreplace(inlined)
        if whole.is_Pow and whole.exp.is_number and whole.exp.is_negative:
            inlined[symbol] = whole  # x/c stays one division: sharing 1/c would round twice
        else:
            emitter.shared[symbol.name] = emitter.arg(whole)
    results = tuple((name, emitter.arg(e.xreplace(inlined))) for name, e in zip(outputs, reduced, strict=True))
    return Program(inputs, params, tuple(emitter.steps), results, note).only(*outputs)
