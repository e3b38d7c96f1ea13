"""What every walk over rows has in common, printed as LLVM IR: chunks, blocks, the loss on a block, weights and sums.

A walk's function is `void NAME(i64 chunk, ptr job, ptr out, …)`. Its `out` takes the sums over the rows of one chunk:
Σ w r x for each column (as many columns as there are whole LANES), then those named in SUMS.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

from lossmith.backends.passes_text import Code, Module, doubles, load, splat, store, totals

SUMS = ("value", "slope", "bend", "edge")
"""After Σ w r x in `out`: Σ w ℓ, Σ w r, Σ w h, and, where it is asked for, Σ w r (y − z)."""

LANES = 8
"""The multiple to which arrays are padded: the widest vector."""

MOST = 256
"""The most rows of a block."""

LONGEST = 512
"""The most rows of a block whose columns are lines: memory is quickest where addresses follow each other."""

ROWS = {
    "n": "i64",
    "p": "i64",
    "starts": "ptr",  # the first row of each block
    "block": "i64",  # rows of a block; fewer where X ends
    "blocks": "i64",  # blocks in all
    "chunk": "i64",  # blocks of a chunk
    "w": "ptr",  # coefficients, zeros to a multiple of LANES
    "last": "double",  # intercept
    "offset": "ptr",  # or null
    "y": "ptr",
    "weight": "ptr",  # or null
    "kernel": "ptr",  # the loss: value, gradient and, where one is wanted, curvature
    "params": "ptr",
    "extra": "i64",  # the coordinate that is y − z, or -1
}
"""What a walk is told of rows and loss, in the order in which it lies in memory, eight bytes each."""


class Walk(ABC):
    """The walk over the blocks of a chunk; with `curved`, the loss gives a curvature too."""

    OWN = ("z", "value", "r", "h", "u")

    def __init__(self, module: Module, head: str, fields: Mapping[str, str], curved: bool) -> None:
        self.code, self.curved = Code(module, head), curved
        code = self.code
        code.told(fields)
        for name in self.OWN:
            code.do(f"%own.{name} = alloca [{LONGEST + LANES} x double], align 64")
        code.do("%table = alloca [5 x ptr], align 64")

    def print(self) -> None:
        """The whole function."""
        code = self.code
        for i, name in enumerate(self.OWN[: 4 if self.curved else 3]):
            code.do(f"store ptr %own.{name}, ptr {code.at('%table', 1 + i, 'ptr')}")
        more = code.let("more", f"add i64 %p, {LANES - 1}")
        code.do(f"%padded = and i64 {more}, -{LANES}")
        for i, name in enumerate(SUMS):
            code.do(f"%at.{name} = getelementptr double, ptr %out, i64 {code.let('k', f'add i64 %padded, {i}')}")
        self.begin()
        first = code.let("first", "mul i64 %turn, %chunk")
        stop = code.least(code.let("stop", f"add i64 {first}, %chunk"), "%blocks")
        code.do(f"%final = sub i64 {stop}, 1")
        code.each("block", first, stop, 1, self.step)
        code.done()

    def begin(self) -> None:
        """Sums begin at 0."""
        self.clear("%out", self.code.let("room", f"add i64 %padded, {LANES}"))

    def clear(self, array: str, count: str) -> None:
        """Zeros."""
        code = self.code
        code.each("k", 0, count, 1, lambda k: code.do(f"store double 0.0, ptr {code.at(array, k)}"))

    def step(self, block: str) -> None:
        """One block, and the row where the next one begins."""
        code = self.code
        following = code.least(code.let("following", f"add i64 {block}, 1"), "%final")
        row, then = (code.read("i64", "%starts", k, "row") for k in (block, following))
        rows = code.least("%block", code.let("left", f"sub i64 %n, {row}"))
        self.block(row, rows, then)

    @abstractmethod
    def block(self, row: str, rows: str, then: str) -> None:
        """What is done with one block of rows."""

    def start(self, row: str, rows: str) -> None:
        """z = intercept + offset."""
        code = self.code
        e = code.vectors("start")
        start, offset = splat(code, e, "%last").text[1:], code.at("%offset", row)

        def begin(j: str) -> None:
            e = code.vectors("start")
            store(code, e.named(start, varies=True), code.at("%own.z", j))

        def shift(j: str, _: Sequence[str], mask: str | None) -> Sequence[str]:
            e, at = code.vectors("shift"), code.at("%own.z", j)
            store(code, load(e, at) + doubles(code, e, code.at(offset, j), mask), at)
            return ()

        code.each("j", 0, rows, code.width, begin)
        code.when(code.given("%offset"), quietly(lambda: code.along(code.span(rows), (), shift)))

    def ask(self, row: str, rows: str) -> None:
        """The loss on the block, weighed; zeros follow the last row."""
        code, names = self.code, self.OWN[1 : 4 if self.curved else 3]
        e = code.vectors("zero")
        for name in names:
            for k in range(0, LANES, code.width):
                at = code.at(f"%own.{name}", code.let("end", f"add i64 {rows}, {k}"))
                store(code, e.lift(0.0, "real"), at)
        y, here = code.at("%y", row), code.at("%weight", row)
        code.do(f"store ptr {y}, ptr %table")
        code.do(f"call void %kernel(i64 0, i64 {rows}, ptr %table, ptr %params)")
        weights = code.let("weights", f"select i1 {code.given('%weight')}, ptr {here}, ptr null")
        for name, total in zip(names, SUMS, strict=False):
            code.do(f"call void @weigh(ptr %own.{name}, ptr {weights}, i64 {rows}, ptr %at.{total})")
        edge = f"call void @edge(ptr {y}, ptr %own.z, ptr %own.r, ptr %own.u, i64 {rows}, ptr %at.edge)"
        code.when(code.let("wanted", "icmp sge i64 %extra, 0"), lambda: code.do(edge))


def quietly(f: Callable[[], object]) -> Callable[[], None]:
    """The same without a result."""

    def plain() -> None:
        f()

    return plain


def print_weigh(module: Module) -> None:
    """values[i] *= weights[i] (unless null) in place, and the sum of them added to `sum`; zeros lie past the end."""
    code = Code(module, "define private void @weigh(ptr %values, ptr %weights, i64 %rows, ptr %sum)")

    def times(j: str, _: Sequence[str], mask: str | None) -> Sequence[str]:
        e, at = code.vectors("weighed"), code.at("%values", j)
        store(code, load(e, at) * doubles(code, e, code.at("%weights", j), mask), at)
        return ()

    def add(j: str, sums: Sequence[str]) -> Sequence[str]:
        e = code.vectors("add")
        return [(e.named(sums[0][1:], varies=True) + load(e, code.at("%values", j))).text]

    span = code.span("%rows")
    code.when(code.given("%weights"), quietly(lambda: code.along(span, (), times)))
    total = code.loop("j", 0, "%rows", module.width, ["zeroinitializer"], add, "%reals")[0]
    e = code.vectors("total")
    rest = [e.lift(0.0, "real")] * (module.width - 1)
    first = code.let("all", f"extractelement {totals(e, [e.named(total[1:], varies=True), *rest]).typed}, i64 0")
    before = code.let("before", "load double, ptr %sum")
    code.do(f"store double {code.let('after', f'fadd double {before}, {first}')}, ptr %sum")
    code.done()


def print_edge(module: Module) -> None:
    """u[i] = y[i] − z[i], and Σ u r added to `sum`."""
    code = Code(module, "define private void @edge(ptr %y, ptr %z, ptr %r, ptr %u, i64 %rows, ptr %sum)")

    def one(i: str, sums: Sequence[str]) -> Sequence[str]:
        y, z, r = (code.read("double", f"%{name}", i, name) for name in "yzr")
        u = code.let("u", f"fsub double {y}, {z}")
        code.do(f"store double {u}, ptr {code.at('%u', i)}")
        return [code.let("sum", f"fadd double {sums[0]}, {code.let('term', f'fmul double {u}, {r}')}")]

    start = code.let("before", "load double, ptr %sum")
    total = code.loop("i", 0, "%rows", 1, [start], one, "double")[0]
    code.do(f"store double {total}, ptr %sum")
    code.done()
