"""Vectors as values: Python arithmetic on a `Value` prints LLVM IR, each distinct operation once."""

from __future__ import annotations

import functools
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Concatenate, ParamSpec, TypeVar

from lossmith.backends.llvm_polynomials import POLYNOMIALS

P = ParamSpec("P")
R = TypeVar("R")

ELEMENTS = {"real": "double", "bits": "i64", "truth": "i1"}
TYPES = {"real": "%reals", "bits": "%bits", "truth": "%truths"}
"""The kinds of vectors, and the names that a module gives to their types."""


def real_literal(x: float) -> str:
    """A float64 as LLVM writes it: decimal where that is a plain number, hexadecimal for ±inf and NaN."""
    if not math.isfinite(x):
        return f"0x{struct.unpack('<Q', struct.pack('<d', x))[0]:016X}"
    digits, _, power = repr(float(x)).partition("e")
    return f"{digits if '.' in digits else digits + '.0'}{'e' + power if power else ''}"


def is_power(x: float) -> bool:
    """Is x ± a power of two, near enough to 1 that a few of them neither overflow nor vanish?"""
    return abs(math.frexp(x)[0]) == 0.5 and 2.0**-8 <= abs(x) <= 2.0**8


@dataclass(eq=False, slots=True)
class Value:
    """A vector of doubles ("real"), of their bit patterns ("bits") or of truth values ("truth").

    `varies` says whether it depends on the row; what does not is computed once, before the loop. `made` is the
    operation that it came from: signs and powers of two are gathered, which rounds nothing and shows what is the same.
    """

    emitter: Emitter
    kind: str
    text: str
    varies: bool
    constant: float | None = None
    made: tuple[str, tuple[Value, ...]] | None = None

    @property
    def typed(self) -> str:
        """Type and name, as an operand is written."""
        return f"{self.emitter.type(self.kind)} {self.text}"

    def __add__(self, other: Any) -> Value:
        return self.emitter.binary({"real": "fadd", "bits": "add"}, self, other)

    def __sub__(self, other: Any) -> Value:
        return self.emitter.binary({"real": "fsub", "bits": "sub"}, self, other)

    def __mul__(self, other: Any) -> Value:
        rest, factor = self.parts()
        scale = other.constant if isinstance(other, Value) else float(other)
        if factor != 1.0 and scale is not None and is_power(scale):
            factor *= scale
            return rest if factor == 1.0 else -rest if factor == -1.0 else rest * factor
        return self.emitter.binary({"real": "fmul"}, self, other)

    def __truediv__(self, other: Any) -> Value:
        return self.emitter.binary({"real": "fdiv"}, self, other)

    def __rsub__(self, other: Any) -> Value:
        return self.emitter.lift(other, self.kind) - self

    def __rtruediv__(self, other: Any) -> Value:
        return self.emitter.lift(other, self.kind) / self

    def __neg__(self) -> Value:
        if self.made is not None and self.made[0] == "fneg {0}":
            return self.made[1][0]
        return self.emitter.line(self.kind, "fneg {0}", self)

    def parts(self) -> tuple[Value, float]:
        """(v, c) with self = v·c, where c is ± a power of two that some operations before only multiplied by."""
        if self.made is None:
            return self, 1.0
        template, operands = self.made
        if template == "fneg {0}":
            rest, factor = operands[0].parts()
            return rest, -factor
        known = [o for o in operands if o.constant is not None and is_power(o.constant)]
        if template != "fmul {0}, {1.text}" or not known:
            return self, 1.0
        rest, factor = next(o for o in operands if o is not known[0]).parts()
        return rest, factor * float(known[0].constant or 1.0)

    def __and__(self, other: Any) -> Value:
        return self.emitter.binary({"truth": "and", "bits": "and"}, self, other)

    def __or__(self, other: Any) -> Value:
        return self.emitter.binary({"truth": "or", "bits": "or"}, self, other)

    def __xor__(self, other: Any) -> Value:
        return self.emitter.binary({"truth": "xor", "bits": "xor"}, self, other)

    def __lshift__(self, count: int) -> Value:
        return self.emitter.binary({"bits": "shl"}, self, count)

    def __rshift__(self, count: int) -> Value:
        return self.emitter.binary({"bits": "ashr"}, self, count)

    def compare(self, how: str, other: Any) -> Value:
        """A truth value; a NaN on either side makes every comparison false except "une"."""
        right = self.emitter.lift(other, "real")
        return self.emitter.line("truth", f"fcmp {how} {{0}}, {{1.text}}", self, right)

    def __lt__(self, other: Any) -> Value:
        return self.compare("olt", other)

    def __gt__(self, other: Any) -> Value:
        return self.compare("ogt", other)

    def __ge__(self, other: Any) -> Value:
        return self.compare("oge", other)

    def same(self, other: Any) -> Value:
        """Equal (never for NaN)."""
        return self.compare("oeq", other)

    def bits(self) -> Value:
        """The bit patterns of doubles."""
        return self.emitter.line("bits", "bitcast {0} to " + self.emitter.type("bits"), self)

    def negative(self) -> Value:
        """Is the sign bit set?"""
        return self.emitter.line("truth", "icmp slt {0}, splat (i64 0)", self)

    def real(self) -> Value:
        """The doubles of bit patterns."""
        return self.emitter.line("real", "bitcast {0} to " + self.emitter.type("real"), self)

    def where(self, yes: Any, no: Any) -> Value:
        """`yes` in the lanes where this truth value holds, `no` elsewhere."""
        kind = next((v.kind for v in (yes, no) if isinstance(v, Value)), "real")
        a, b = self.emitter.lift(yes, kind), self.emitter.lift(no, kind)
        return self.emitter.line(kind, "select {0}, {1}, {2}", self, a, b)


def worded(f: Callable[Concatenate[Value, P], R]) -> Callable[Concatenate[Value, P], R]:
    """Name the lines that a function prints after the function."""

    @functools.wraps(f)
    def named(x: Value, /, *args: P.args, **options: P.kwargs) -> R:
        e = x.emitter
        before, e.hint = e.hint, f.__name__
        try:
            return f(x, *args, **options)
        finally:
            e.hint = before

    return named


@dataclass(slots=True)
class Emitter:
    """Collects lines of LLVM IR for vectors of `width` doubles; `brief` takes the polynomials made for float32."""

    width: int
    brief: bool = False
    hint: str = "v"
    once: list[str] = field(default_factory=list)
    each: list[str] = field(default_factory=list)
    declared: dict[str, str] = field(default_factory=dict)
    seen: dict[tuple[str, ...], Value] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    needs: dict[str, Value] = field(default_factory=dict)

    def type(self, kind: str) -> str:
        """The vector type of a kind."""
        return TYPES[kind]

    def types(self) -> list[str]:
        """The definitions of the vector types."""
        return [f"{TYPES[kind]} = type <{self.width} x {element}>" for kind, element in ELEMENTS.items()]

    def lift(self, x: Any, kind: str) -> Value:
        """A value as it is, a number as a constant vector."""
        if isinstance(x, Value):
            return x
        literal = real_literal(x) if kind == "real" else str(int(x))
        return Value(self, kind, f"splat ({ELEMENTS[kind]} {literal})", varies=False, constant=float(x))

    def named(self, name: str, varies: bool) -> Value:
        """A vector of doubles that the template provides under this name."""
        return Value(self, "real", f"%{name}", varies)

    def line(self, kind: str, template: str, *operands: Value) -> Value:
        """The value of an operation, printed unless it was printed before."""
        key = (template, *(o.text for o in operands))
        if key in self.seen:
            return self.seen[key]
        self.counts[self.hint] = number = self.counts.get(self.hint, 0) + 1
        varies = any(o.varies for o in operands)
        value = self.seen[key] = Value(self, kind, f"%{self.hint}.{number}", varies, made=(template, operands))
        shown = template.format(*map(_Shown, operands))
        (self.each if varies else self.once).append(f"  {value.text} = {shown}")
        if varies:
            self.need(*operands)
        return value

    def need(self, *values: Value) -> None:
        """Note which values computed before the loop are used inside it."""
        self.needs.update({v.text: v for v in values if not v.varies and v.constant is None})

    def binary(self, opcodes: dict[str, str], left: Value, right: Any) -> Value:
        """`left op right`, the opcode depending on the kind."""
        return self.line(left.kind, opcodes[left.kind] + " {0}, {1.text}", left, self.lift(right, left.kind))

    def call(self, name: str, *arguments: Any) -> Value:
        """An LLVM intrinsic from doubles to doubles, lane by lane."""
        values = [self.lift(a, "real") for a in arguments]
        whole, real = f"@llvm.{name}.v{self.width}f64", self.type("real")
        self.declared[whole] = f"declare {real} {whole}({', '.join([real] * len(values))})"
        holes = ", ".join(f"{{{i}}}" for i in range(len(values)))
        return self.line("real", f"call {real} {whole}({holes})", *values)

    def rarely(self, name: str, near: Value, x: Value, far: Value) -> Value:
        """`near`, except in the lanes `far`, where the C library's function `name` of x is called, one by one."""
        real, truth = self.type("real"), self.type("truth")
        some = f"@llvm.vector.reduce.or.v{self.width}i1"
        self.declared[some] = f"declare i1 {some}({truth})"
        self.declared[f"@{name}.far"] = _FAR.format(name=name, real=real, truth=truth, width=self.width)
        return self.line("real", f"call {real} @{name}.far({{0}}, {{1}}, {{2}})", near, x, far)

    def comment(self, text: str) -> None:
        """A comment line where the next row-dependent line goes."""
        self.each.append(f"  ; {text}")

    def christen(self, value: Value, name: str) -> None:
        """Give the value of the line just printed a name of its own."""
        lines = self.each if value.varies else self.once
        if "." in value.text and lines and lines[-1].startswith(f"  {value.text} = "):
            lines[-1] = lines[-1].replace(value.text, f"%{name}", 1)
            value.text = f"%{name}"

    def fma(self, a: Any, b: Any, c: Any) -> Value:
        """a·b + c with one rounding."""
        return self.call("fma", a, b, c)

    def polynomial(self, name: str, x: Value, heads: int = 0) -> Value:
        """A polynomial of the table by Estrin's scheme, which keeps chains short.

        The first `heads` coefficients are added last, by Horner's, which is more accurate.
        """
        short = POLYNOMIALS.get(f"{name}_SHORT") if self.brief and x.varies else None
        coefficients = short or POLYNOMIALS[name]
        before, self.hint = self.hint, f"polynomial.{name.lower()}"
        value = self.estrin(x, coefficients[heads:])
        for c in reversed(coefficients[:heads]):
            value = self.fma(x, value, c)
        self.hint = before
        return value

    def estrin(self, x: Value, coefficients: tuple[float, ...]) -> Value:
        """c₀ + c₁x + c₂x² + … by halves: pairs, then pairs of pairs."""
        terms: list[Any] = list(coefficients)
        while len(terms) > 1:
            pairs = [self.fma(x, terms[i + 1], terms[i]) for i in range(0, len(terms) - 1, 2)]
            terms = pairs + terms[len(pairs) * 2 :]
            x = x * x if len(terms) > 1 else x
        return self.lift(terms[0], "real")


class _Shown:
    """An operand inside a template: `{0}` is type and name, `{0.text}` the name alone."""

    def __init__(self, value: Value) -> None:
        self.text, self.typed = value.text, value.typed

    def __format__(self, _spec: str) -> str:
        return self.typed


_FAR = """declare {real} @llvm.{name}.v{width}f64({real})
define private {real} @{name}.far({real} %near, {real} %x, {truth} %far) noinline {{
  %some = call i1 @llvm.vector.reduce.or.v{width}i1({truth} %far)
  br i1 %some, label %library, label %usual
library:
  %exact = call {real} @llvm.{name}.v{width}f64({real} %x)
  %mixed = select {truth} %far, {real} %exact, {real} %near
  ret {real} %mixed
usual:
  ret {real} %near
}}"""
