"""Σ h x xᵀ over a block of rows: packing into strips, and a multiplication that keeps its sums in registers.

`pack` writes the block twice, standardised, as strips of one vector of coordinates: as it is, and times h. `tiles`
are `width` coordinates × 3, 2 or 1 strips: for every row as many broadcasts and fused multiplications, none of whose
sums leaves the registers before the block ends. Only tiles on and above the diagonal are computed. The result is kept
as strips too: sum of the tile (i, j) in `tiles`[j, i].
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

from lossmith.backends.llvm_values import Value
from lossmith.backends.passes_text import Code, Module, cells, load, splat, store, transposed

WIDE = 3
"""Strips of the widest tile: with 8 broadcasts, 24 sums of 8 doubles fill 24 of 32 registers."""


def print_tiles(module: Module) -> None:
    """tileN: N strips against one, summed over the rows."""
    for wide in range(1, WIDE + 1):
        _tile(module, wide)


def _tile(module: Module, wide: int) -> None:
    takes = "ptr %a, ptr %b, i64 %rows, i64 %pitch, ptr %out, i64 %step"
    code, width = Code(module, f"define private void @tile{wide}({takes})"), module.width
    strips = [code.at("%b", code.let("strip", f"mul i64 %pitch, {c}")) for c in range(wide)]

    def row(k: str, sums: Sequence[str]) -> Sequence[str]:
        place = code.let("place", f"mul i64 {k}, {width}")
        left = code.at("%a", place)
        numbers = [code.read("double", left, q, "a") for q in range(width)]
        e = code.vectors("tile")
        right = [load(e, code.at(strip, place)) for strip in strips]
        following = []
        for q in range(width):
            a = splat(code, e, numbers[q])
            following += [e.fma(a, right[c], e.named(sums[q * wide + c][1:], varies=True)).text for c in range(wide)]
        return following

    columns = [code.at("%out", code.let("skip", f"mul i64 %step, {c}")) for c in range(wide)]
    fetch = code.module.declare("void", "llvm.prefetch.p0", "ptr", "i32", "i32", "i32")
    for out, q in product(columns, range(width)):
        code.do(f"call void {fetch}(ptr {code.at(out, q * width)}, i32 1, i32 2, i32 1)")
    sums = code.loop("k", 0, "%rows", 1, ["zeroinitializer"] * (width * wide), row, "%reals")
    e = code.vectors("sum")
    for c, out in enumerate(columns):
        for q in range(width):
            at = code.at(out, q * width)
            store(code, load(e, at) + e.named(sums[q * wide + c][1:], varies=True), at)
    code.done()


def print_rank(module: Module) -> None:
    """All tiles on and above the diagonal; the narrow ones first, where a column of them is short."""
    takes = "i64 %rows, i64 %strips, i64 %block, ptr %scratch, ptr %tiles"
    code, width = Code(module, f"define private void @rank({takes})"), module.width
    code.do(f"%pitch = mul i64 %block, {width}")
    code.do("%panel = mul i64 %pitch, %strips")
    code.do(f"%step = mul i64 %strips, {width * width}")
    odd = code.let("odd", f"urem i64 %strips, {WIDE}")

    def tile(wide: int, i: str, j: str) -> None:
        right = code.at("%scratch", code.let("right", f"mul i64 {j}, %pitch"))
        left = code.at(code.at("%scratch", "%panel"), code.let("left", f"mul i64 {i}, %pitch"))
        column = code.at("%tiles", code.let("column", f"mul i64 {j}, %step"))
        out = code.at(column, code.let("down", f"mul i64 {i}, {width * width}"))
        code.do(f"call void @tile{wide}(ptr {left}, ptr {right}, i64 %rows, i64 %pitch, ptr {out}, i64 %step)")

    def group(wide: int, j: str) -> None:
        below = code.let("below", f"add i64 {j}, 1")
        code.each("i", 0, below, 1, lambda i: tile(wide, i, j))
        for k in range(1, wide):
            diagonal = code.let("diagonal", f"add i64 {j}, {k}")
            tile(wide - k, diagonal, diagonal)

    for wide in range(1, WIDE):
        truth = code.let("narrow", f"icmp eq i64 {odd}, {wide}")
        code.when(truth, lambda wide=wide: group(wide, "0"))  # type: ignore[misc]
    code.each("j", odd, "%strips", WIDE, lambda j: group(WIDE, j))
    code.done()


class Panel(NamedTuple):
    """How packed strips lie in memory: elements of a strip's row, and their type."""

    name: str
    lanes: int
    element: str

    @classmethod
    def double(cls, module: Module) -> Panel:
        """Strips of one vector."""
        return cls("pack", module.width, "double")

    @classmethod
    def single(cls, module: Module) -> Panel:
        """Strips of twice as many numbers of half the size."""
        return cls("pack.single", 2 * module.width, "float")

    def put(self, code: Code, value: Value, at: str) -> None:
        """A vector of doubles as elements."""
        if self.element == "double":
            store(code, value, at)
            return
        kind = f"<{code.width} x float>"
        code.do(f"store {kind} {code.let('single', f'fptrunc {value.typed} to {kind}')}, ptr {at}, align 4")

    def put_one(self, code: Code, number: str, at: str) -> None:
        """One double as an element."""
        if self.element != "double":
            number = code.let("single", f"fptrunc double {number} to float")
        code.do(f"store {self.element} {number}, ptr {at}")


def print_pack(module: Module, panel: Panel | None = None) -> None:
    """The block as strips: (x − centre)·factor, and that times h; y − z as a coordinate where it is asked for."""
    takes = (
        "ptr %x, i64 %rows, i64 %p, i64 %stride, i1 %flat, ptr %centre, ptr %factor, i64 %strips, "
        "ptr %h, ptr %u, i64 %extra, i64 %block, ptr %scratch"
    )
    panel = panel or Panel.double(module)
    code, width = Code(module, f"define private void @{panel.name}({takes})"), module.width
    code.do(f"%padded = mul i64 %strips, {width}")
    code.do("%panel = mul i64 %padded, %block")

    def place(coordinate: str) -> str:
        """Where a coordinate begins in its strip."""
        lane = code.let("lane", f"and i64 {coordinate}, {panel.lanes - 1}")
        first = code.let("first", f"sub i64 {coordinate}, {lane}")
        offset = code.let("offset", f"add i64 {code.let('skip', f'mul i64 {first}, %block')}, {lane}")
        return code.at("%scratch", offset, panel.element)

    def strip(column: str) -> None:
        mask = code.mask(code.let("left", f"sub i64 %p, {column}"))
        e = code.vectors("scale")
        centre, factor = (load(e, code.at(f"%{name}", column)).text for name in ("centre", "factor"))
        out = place(column)
        code.when(
            "%flat",
            lambda: _by_row(code, panel, out, column, mask, (centre, factor)),
            lambda: _by_column(code, panel, out, column, mask, (centre, factor)),
        )

    def edge(k: str) -> None:
        u, h = code.read("double", "%u", k, "u"), code.read("double", "%h", k, "h")
        at = code.at(last, code.let("skip", f"mul i64 {k}, {panel.lanes}"), panel.element)
        panel.put_one(code, u, at)
        panel.put_one(code, code.let("hu", f"fmul double {h}, {u}"), code.at(at, "%panel", panel.element))

    code.each("column", 0, "%padded", width, strip)
    last = place("%extra")
    code.when(code.let("wanted", "icmp sge i64 %extra, 0"), lambda: code.each("k", 0, "%rows", 1, edge))
    code.done()


def _put(code: Code, panel: Panel, x: Value, scale: tuple[str, str], k: str, out: str) -> None:
    """One row of a strip, in both panels."""
    e = x.emitter
    centre, factor = (e.named(name[1:], varies=True) for name in scale)
    unit = (x - centre) * factor
    h = splat(code, e, code.read("double", "%h", k, "h"))
    at = code.at(out, code.let("place", f"mul i64 {k}, {panel.lanes}"), panel.element)
    panel.put(code, unit, at)
    panel.put(code, unit * h, code.at(at, "%panel", panel.element))


def _by_row(code: Code, panel: Panel, out: str, column: str, mask: str, scale: tuple[str, str]) -> None:
    element = code.module.target.element
    head = code.at("%x", column, element)

    def row(k: str) -> None:
        at = code.at(head, code.let("skip", f"mul i64 {k}, %stride"), element)
        _put(code, panel, cells(code, code.vectors("unit"), at, mask), scale, k, out)

    code.each("k", 0, "%rows", 1, row)


def _by_column(code: Code, panel: Panel, out: str, column: str, mask: str, scale: tuple[str, str]) -> None:
    """Squares of cells, turned; lanes that are no columns are 0, as if X ended in zeros."""
    element, last = code.module.target.element, code.let("last", "sub i64 %p, 1")
    names = [code.let("column", f"add i64 {column}, {q}") for q in range(code.width)]
    first = [code.at("%x", code.let("skip", f"mul i64 {code.least(c, last)}, %stride"), element) for c in names]

    def square(k: str, _: Sequence[str], some: str | None) -> Sequence[str]:
        places = [code.at(head, k, element) for head in first]
        e = code.vectors("unit")
        turned = transposed(e, [cells(code, e, at, some) for at in places])
        for q, x in enumerate(turned):
            inside = Value(e, "truth", mask, varies=True)
            _put(code, panel, inside.where(x, 0.0), scale, code.let("k", f"add i64 {k}, {q}"), out)
        return ()

    code.along(code.span("%rows"), (), square)
