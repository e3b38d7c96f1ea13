"""The same expression once more, as exact algebra leaves it: what cancels has cancelled.

`twin` writes a value of `Exact` as steps again. Where the first form is defined the two are equal, so that what is
enclosed by both lies in both enclosures.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from lossmith.program import Arg, Program, Step
from lossmith.symbolic.exact import Exact, Monomial, NotExact, Poly, Value


class Writer:
    """Appends the steps of exact values."""

    def __init__(self, field: Exact, names: dict[str, Arg]) -> None:
        self.keys = {i: key for key, i in field.atoms.items()}
        self.names = names
        self.steps: list[Step] = []
        self.seen: dict[tuple[Any, ...], Arg] = {}

    def put(self, word: str, *args: Arg) -> Arg:
        """The name of word(*args)."""
        key = (word, args)
        if key not in self.seen:
            self.seen[key] = f"w'{len(self.steps)}"
            self.steps.append(Step(f"w'{len(self.steps)}", word, args))
        return self.seen[key]

    def value(self, v: Value) -> Arg:
        """A quotient."""
        if v.bottom == {(): Fraction(1)}:
            return self.poly(v.top)
        by = {a: n for a, n in _degrees(v.bottom).items() if self.keys[a][0] == "exp term"}
        return self.put("div", self.poly(_lowered(v.top, by)), self.poly(_lowered(v.bottom, by)))

    def poly(self, p: Poly) -> Arg:
        """A sum of products."""
        total: Arg | None = None
        for m, c in sorted(p.items()):
            term = self.term(m, abs(c))
            if total is None:
                total = term if c > 0 else self.put("neg", term)
            else:
                total = self.put("add" if c > 0 else "sub", total, term)
        return 0.0 if total is None else total

    def term(self, m: Monomial, c: Fraction) -> Arg:
        out = self.number(c) if c != 1 or not m else None
        for atom, n in m:
            base = self.atom(atom) if n > 0 else self.put("exp", self.put("neg", self.argument(atom)))
            power = base if abs(n) == 1 else self.put("pow", base, float(abs(n)))
            out = power if out is None else self.put("mul", out, power)
        return 1.0 if out is None else out

    def number(self, c: Fraction) -> Arg:
        """A rational number from doubles, exactly."""
        top = self.integer(c.numerator)
        return top if c.denominator == 1 else self.put("div", top, self.integer(c.denominator))

    def integer(self, n: int) -> Arg:
        if n.bit_length() > 900:
            raise NotExact("too long a number")
        high = float(n)
        rest = n - int(high)
        return high if rest == 0 else self.put("add", high, self.integer(rest))

    def argument(self, i: int) -> Arg:
        """What an "exp term" is the exponential of."""
        _, m, c = self.keys[i]
        return self.term(m, c)

    def atom(self, i: int) -> Arg:
        write: Callable[..., Arg] = ATOMS.get(self.keys[i][0], _word)
        return write(self, *self.keys[i])


def _degrees(p: Poly) -> dict[int, int]:
    out: dict[int, int] = {}
    for m in p:
        for a, n in m:
            out[a] = max(out.get(a, 0), n)
    return out


def _lowered(p: Poly, by: dict[int, int]) -> Poly:
    """Divided by a product of exponentials, so that what grew without bound above and below the line now fades."""
    shifted = {m: dict(m) | {a: dict(m).get(a, 0) - n for a, n in by.items()} for m in p}
    return {tuple(sorted((a, n) for a, n in k.items() if n)): p[m] for m, k in shifted.items()}


def _inside(w: Writer, key: Any) -> Arg:
    return w.value(Value(dict(key[0]), dict(key[1])))


def _line(w: Writer, kind: str, name: str) -> Arg:
    return w.names.get(name, name)


def _root(w: Writer, kind: str, order: int, key: Any) -> Arg:
    if order != 2:
        raise NotExact("only square roots are written")
    return w.put("sqrt", _inside(w, key))


def _pow(w: Writer, kind: str, part: Fraction, key: Any) -> Arg:
    if Fraction(float(part)) != part:
        raise NotExact("an exponent that is not a double")
    return w.put("pow", _inside(w, key), float(part))


def _exp_term(w: Writer, kind: str, m: Monomial, c: Fraction) -> Arg:
    return w.put("exp", w.term(m, c))


def _word(w: Writer, kind: str, key: Any) -> Arg:
    return w.put(kind, _inside(w, key))


def _of_two(w: Writer, kind: str, *keys: Any) -> Arg:
    return w.put("max" if kind == "positive max" else kind, *(_inside(w, key) for key in keys))


ATOMS: dict[str, Any] = {
    "min": _of_two, "max": _of_two, "positive max": _of_two,
    "half line": _line, "line": _line, "root": _root, "pow": _pow, "exp term": _exp_term,
}  # fmt: skip


def twin(program: Program, name: str, field: Exact, value: Value, mirrored: bool) -> Program:
    """A program of one output with this exact value; the atom "" is the main input, or its negative if mirrored."""
    writer = Writer(field, {})
    main = program.inputs[0]
    writer.names[""] = writer.put("neg", main) if mirrored else main
    found = writer.value(value)
    return Program(program.inputs, program.params, tuple(writer.steps), ((name, found),)).only(name)
