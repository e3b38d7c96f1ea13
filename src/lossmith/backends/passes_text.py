"""LLVM IR with loops, written by Python: functions whose vector arithmetic is printed by the kernels' `Emitter`.

Vectors hold `width` doubles whatever the element of X in memory; loads convert. Every array that is not X ends in
padding of at least one vector, so that only loads of X need masks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from lossmith.backends.llvm_print import Target
from lossmith.backends.llvm_values import Emitter, Value

Body = Callable[[str, Sequence[str]], Sequence[str]]
Part = Callable[[str, Sequence[str], "str | None"], Sequence[str]]


@dataclass
class Module:
    """The functions of one module, and the intrinsics that they call."""

    target: Target
    functions: list[list[str]] = field(default_factory=list)
    declared: dict[str, str] = field(default_factory=dict)

    @property
    def width(self) -> int:
        """Doubles per vector."""
        return self.target.width

    def text(self, title: str, types: Sequence[str]) -> str:
        """Everything, in the order in which one reads it."""
        stored = f"%stored = type <{self.width} x {self.target.element}>"
        head = [f"; {line}" for line in title.splitlines()]
        parts = [head, [*Emitter(self.width).types(), stored, *types], *self.functions, [*self.declared.values()]]
        return "\n\n".join("\n".join(p) for p in parts) + "\n"

    def declare(self, give: str, name: str, *takes: str) -> str:
        """The name of an intrinsic, declared once."""
        self.declared[name] = f"declare {give} @{name}({', '.join(takes)})"
        return f"@{name}"


class Code:
    """One function, written line by line; close it with `done`."""

    def __init__(self, module: Module, head: str) -> None:
        self.module, self.width = module, module.width
        self.lines, self.count, self.here = [f"{head} {{", "entry:"], 0, "entry"

    def done(self) -> None:
        """Return from the function and hand it to the module."""
        self.module.functions.append([*self.lines, "  ret void", "}"])

    def number(self, name: str) -> str:
        """A name that no line of this function has yet."""
        self.count += 1
        return f"{name}.{self.count}"

    def let(self, name: str, what: str) -> str:
        """A new value."""
        fresh = "%" + self.number(name)
        self.do(f"{fresh} = {what}")
        return fresh

    def do(self, what: str) -> None:
        """A line that gives no value."""
        self.lines.append(f"  {what}")

    def told(self, fields: Mapping[str, str]) -> None:
        """Every field of %job, name → kind, each of eight bytes, as a value of its name."""
        for i, (name, kind) in enumerate(fields.items()):
            self.do(f"%{name}.at = getelementptr i64, ptr %job, i64 {i}")
            self.do(f"%{name} = load {kind}, ptr %{name}.at")

    def say(self, comment: str) -> None:
        """A comment."""
        self.lines.append(f"  ; {comment}")

    def label(self, name: str) -> None:
        """Here begins a basic block."""
        self.lines.append(f"{name}:")
        self.here = name

    def at(self, base: str, index: str | int, element: str = "double") -> str:
        """The address of an element."""
        return self.let("at", f"getelementptr {element}, ptr {base}, i64 {index}")

    def read(self, kind: str, base: str, index: str | int, name: str = "read") -> str:
        """An element of an array of i64, ptr or double."""
        return self.let(name, f"load {kind}, ptr {self.at(base, index, kind)}")

    def least(self, a: str, b: str) -> str:
        """The smaller of two integers."""
        name = self.module.declare("i64", "llvm.smin.i64", "i64", "i64")
        return self.let("least", f"call i64 {name}(i64 {a}, i64 {b})")

    def vectors(self, hint: str) -> Emitter:
        """Arithmetic on vectors, printed here; good up to the end of the basic block."""
        lines = self.lines
        hint = self.number(hint)
        return Emitter(self.width, hint=hint, once=lines, each=lines, declared=self.module.declared)

    def loop(
        self, name: str, start: str | int, stop: str | int, step: int, begin: Sequence[str], body: Body, kind: str
    ) -> list[str]:
        """for name = start; name < stop; name += step. The body maps carried values of one type to their next ones."""
        name = self.number(name)
        before, index, phis = self.here, f"%{name}", [f"%{name}.carried.{i}" for i in range(len(begin))]
        self.do(f"br label %{name}.loop")
        self.label(f"{name}.loop")
        place = len(self.lines)
        go = self.let("go", f"icmp slt i64 {index}, {stop}")
        self.do(f"br i1 {go}, label %{name}.body, label %{name}.end")
        self.label(f"{name}.body")
        following = body(index, phis)
        after = self.let("next", f"add i64 {index}, {step}")
        latch = self.here
        self.do(f"br label %{name}.loop")
        self.lines[place:place] = [
            f"  {index} = phi i64 [ {start}, %{before} ], [ {after}, %{latch} ]",
            *(
                f"  {phi} = phi {kind} [ {first}, %{before} ], [ {then}, %{latch} ]"
                for phi, first, then in zip(phis, begin, following, strict=True)
            ),
        ]
        self.label(f"{name}.end")
        return phis

    def along(self, span: tuple[str, str, str], begin: Sequence[str], body: Part) -> list[str]:
        """A vector at a time over a span; the body's third argument is None, or the mask of a last, partial vector."""
        length, whole, mask = span
        carried = self.loop("j", 0, whole, self.width, begin, lambda j, c: body(j, c, None), "%reals")
        return self.loop("tail", whole, length, self.width, carried, lambda j, c: body(j, c, mask), "%reals")

    def span(self, length: str) -> tuple[str, str, str]:
        """A length, its whole vectors, and the mask of what remains."""
        whole = self.let("whole", f"and i64 {length}, -{self.width}")
        return length, whole, self.mask(self.let("rest", f"sub i64 {length}, {whole}"))

    def each(self, name: str, start: str | int, stop: str | int, step: int, body: Callable[[str], None]) -> None:
        """A loop that carries nothing."""

        def plain(index: str, _: Sequence[str]) -> Sequence[str]:
            body(index)
            return ()

        self.loop(name, start, stop, step, (), plain, "i64")

    def when(self, truth: str, yes: Callable[[], None], no: Callable[[], None] | None = None) -> None:
        """Do one thing or the other."""
        name = self.number("if")
        self.do(f"br i1 {truth}, label %{name}.yes, label %{name}.{'no' if no else 'end'}")
        for branch, block in (("yes", yes), ("no", no)):
            if block is not None:
                self.label(f"{name}.{branch}")
                block()
                self.do(f"br label %{name}.end")
        self.label(f"{name}.end")

    def given(self, pointer: str) -> str:
        """Is a pointer not null?"""
        return self.let("given", f"icmp ne ptr {pointer}, null")

    def mask(self, left: str) -> str:
        """Which lanes lie before the end, when `left` elements remain."""
        lane = self.let("lane", f"insertelement %bits poison, i64 {left}, i64 0")
        every = self.let("every", f"shufflevector %bits {lane}, %bits poison, <{self.width} x i32> zeroinitializer")
        lanes = ", ".join(f"i64 {i}" for i in range(self.width))
        return self.let("mask", f"icmp slt %bits <{lanes}>, {every}")


def load(e: Emitter, at: str) -> Value:
    """A vector of doubles from memory."""
    return e.line("real", f"load %reals, ptr {at}, align 8")


def named(e: Emitter, text: str) -> Value:
    """A vector of doubles that was computed in another block."""
    return Value(e, "real", text, varies=True)


def splat(code: Code, e: Emitter, number: str) -> Value:
    """A vector of one double."""
    lane = code.let("lane", f"insertelement %reals poison, double {number}, i64 0")
    zeros = f"<{e.width} x i32> zeroinitializer"
    return e.line("real", f"shufflevector %reals {lane}, %reals poison, {zeros}")


def store(code: Code, value: Value, at: str) -> None:
    """A vector of doubles to memory."""
    code.do(f"store {value.typed}, ptr {at}, align 8")


def doubles(code: Code, e: Emitter, at: str, mask: str | None) -> Value:
    """A vector of doubles; lanes outside the mask are not read, and 0."""
    if mask is None:
        return load(e, at)
    name = code.module.declare("%reals", f"llvm.masked.load.v{e.width}f64.p0", "ptr", "%truths", "%reals")
    return e.line("real", f"call %reals {name}(ptr align 8 {at}, %truths {mask}, %reals zeroinitializer)")


def cells(code: Code, e: Emitter, at: str, mask: str | None = None) -> Value:
    """A vector of cells of X as doubles; lanes outside the mask are not read, and 0."""
    target = code.module.target
    if target.element == "double":
        return doubles(code, e, at, mask)
    if mask is None:
        kept = code.let("cells", f"load %stored, ptr {at}, align {target.bytes}")
    else:
        name = f"llvm.masked.load.v{target.width}f{8 * target.bytes}.p0"
        where = code.module.declare("%stored", name, "ptr", "%truths", "%stored")
        lanes = f"ptr align {target.bytes} {at}, %truths {mask}, %stored zeroinitializer"
        kept = code.let("cells", f"call %stored {where}({lanes})")
    return e.line("real", f"fpext %stored {kept} to %reals")


def shuffle(e: Emitter, a: Value, b: Value, lanes: Sequence[int]) -> Value:
    """Lanes of two vectors, those of the second counted on from the first."""
    chosen = ", ".join(f"i32 {i}" for i in lanes)
    return e.line("real", f"shufflevector {{0}}, {{1}}, <{e.width} x i32> <{chosen}>", a, b)


def totals(e: Emitter, rows: Sequence[Value]) -> Value:
    """The sums over the lanes of `width` vectors, each in its lane."""
    even, odd = range(0, 2 * e.width, 2), range(1, 2 * e.width, 2)
    while len(rows) > 1:
        pairs = zip(rows[::2], rows[1::2], strict=True)
        rows = [shuffle(e, a, b, even) + shuffle(e, a, b, odd) for a, b in pairs]
    return rows[0]


def transposed(e: Emitter, rows: Sequence[Value]) -> list[Value]:
    """`width` vectors as the rows of a square, turned over its diagonal: by halves, then quarters, …"""
    width, step, turned = e.width, e.width // 2, list(rows)
    while step:
        low = [(i // step % 2) * width + i - (i // step % 2) * step for i in range(width)]
        high = [i + step if i // step % 2 == 0 else width + i for i in range(width)]
        for i in range(width):
            if i // step % 2 == 0:
                a, b = turned[i], turned[i + step]
                turned[i], turned[i + step] = shuffle(e, a, b, low), shuffle(e, a, b, high)
        step //= 2
    return turned
