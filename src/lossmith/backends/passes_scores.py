"""Products of a block of rows with several vectors at once, whose sums stay in registers.

`scores` adds X_b w to z, `pulls` adds rᵀ X_b to the gradients. z and r have an array of PITCH doubles for each output,
w and the gradients a line for each output. Rows of X lie as lines; no cell is copied, and cells of float32 are
converted as they are loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lossmith.backends.passes_block import LANES, MOST
from lossmith.backends.passes_dense import heads
from lossmith.backends.passes_text import Code, Module, cells, load, named, splat, store, totals

PITCH = MOST + LANES
"""Doubles from one output's numbers of a block to the next output's."""
WIDE = 3
"""Outputs that `scores` sums at once, for a vector's worth of rows: 24 sums of 8 doubles fill 24 of 32 registers."""
GROUPS = (8, 4, 2, 1)
"""Outputs that `pulls` sums at once."""


def strips(width: int) -> int:
    """Vectors of columns that `pulls` sums at once, as far as registers go."""
    return 3 if width == 8 else 1


def print_scores(module: Module) -> None:
    """z[k, i] += Σ_j x[i, j] w[k, j]."""
    takes = "ptr %x, i64 %rows, i64 %p, i64 %stride, ptr %w, i64 %line, ptr %z, i64 %outputs"
    code, width = Code(module, f"define private void @scores({takes})"), module.width
    span, last = code.span("%p"), code.let("last", "sub i64 %rows, 1")
    odd = code.let("odd", f"urem i64 %outputs, {WIDE}")

    def tile(first: list[str], row: str, wide: int, k: str) -> None:
        own = [line(code, "%w", k, c, "%line") for c in range(wide)]

        def step(j: str, sums: Sequence[str], mask: str | None) -> Sequence[str]:
            e = code.vectors("score")
            w = [load(e, code.at(at, j)) for at in own]
            x = [cells(code, e, code.at(head, j, module.target.element), mask) for head in first]
            pairs = [(a, b) for b in w for a in x]
            return [e.fma(a, b, named(e, s)).text for (a, b), s in zip(pairs, sums, strict=True)]

        sums = code.along(span, ["zeroinitializer"] * (wide * width), step)
        e = code.vectors("sum")
        for c in range(wide):
            at = code.at(line(code, "%z", k, c, PITCH), row)
            store(code, load(e, at) + totals(e, [named(e, s) for s in sums[c * width : (c + 1) * width]]), at)

    def group(row: str) -> None:
        first = heads(code, row, last, width)
        for wide in range(1, WIDE):
            truth = code.let("narrow", f"icmp eq i64 {odd}, {wide}")
            code.when(truth, lambda wide=wide: tile(first, row, wide, "0"))  # type: ignore[misc]
        code.each("k", odd, "%outputs", WIDE, lambda k: tile(first, row, WIDE, k))

    code.each("row", 0, "%rows", width, group)
    code.done()


def print_pulls(module: Module) -> None:
    """out[k, j] += Σ_i r[k, i] x[i, j]; the first outputs ask for the next block's cells, `ahead` bytes on."""
    takes = "ptr %x, i64 %rows, i64 %p, i64 %stride, ptr %r, i64 %outputs, ptr %out, i64 %line, i64 %ahead"
    code, width = Code(module, f"define private void @pulls({takes})"), module.width
    wide = strips(width) * width
    whole, mask = code.span("%p")[1:]
    first = code.let("first", f"sub i64 %p, {code.let('rest', f'urem i64 %p, {wide}')}")
    code.each("j", 0, first, wide, lambda j: _outputs(code, lambda k, c: _pull(code, j, k, c, strips(width), None)))
    code.each("j", first, whole, width, lambda j: _outputs(code, lambda k, c: _pull(code, j, k, c, 1, None)))
    code.each("j", whole, "%p", width, lambda j: _outputs(code, lambda k, c: _pull(code, j, k, c, 1, mask)))
    code.done()


def _outputs(code: Code, tile: Callable[[str, int], None]) -> None:
    """A tile for every eight outputs, and one each for four, two and one of what remains."""
    most = GROUPS[0]
    done = code.let("done", f"and i64 %outputs, -{most}")
    code.each("k", 0, done, most, lambda k: tile(k, most))
    for count in GROUPS[1:]:
        there = code.let("there", f"and i64 %outputs, {count}")
        at = code.let("before", f"and i64 %outputs, -{2 * count}")
        truth = code.let("any", f"icmp ne i64 {there}, 0")
        code.when(truth, lambda at=at, count=count: tile(at, count))  # type: ignore[misc]


def _pull(code: Code, column: str, k: str, count: int, wide: int, mask: str | None) -> None:
    """`count` outputs against `wide` vectors of columns, summed over the rows."""
    element, width = code.module.target.element, code.width
    fetch = code.module.declare("void", "llvm.prefetch.p0", "ptr", "i32", "i32", "i32")
    head, numbers = code.at("%x", column, element), line(code, "%r", k, 0, PITCH)
    gap = code.let("gap", f"select i1 {code.let('first', f'icmp eq i64 {k}, 0')}, i64 %ahead, i64 0")

    def row(i: str, sums: Sequence[str]) -> Sequence[str]:
        places = [code.at(head, code.let("skip", f"mul i64 {i}, %stride"), element)]
        places += [code.at(places[0], s * width, element) for s in range(1, wide)]
        for at in places:
            code.do(f"call void {fetch}(ptr {code.at(at, gap, 'i8')}, i32 0, i32 2, i32 1)")
        e = code.vectors("pull")
        x = [cells(code, e, at, mask) for at in places]
        mine, following = code.at(numbers, i), []
        for c in range(count):
            r = splat(code, e, code.read("double", mine, c * PITCH, "r"))
            following += [e.fma(r, x[s], named(e, sums[c * wide + s])).text for s in range(wide)]
        return following

    sums = code.loop("i", 0, "%rows", 1, ["zeroinitializer"] * (count * wide), row, "%reals")
    e = code.vectors("sum")
    for c in range(count):
        out = code.at(line(code, "%out", k, c, "%line"), column)
        for s in range(wide):
            at = code.at(out, s * width)
            store(code, load(e, at) + named(e, sums[c * wide + s]), at)


def line(code: Code, base: str, k: str, more: int, length: str | int) -> str:
    """Where the numbers of output k + more begin."""
    at = k if not more else code.let("output", f"add i64 {k}, {more}")
    return code.at(base, code.let("skip", f"mul i64 {at}, {length}"))
