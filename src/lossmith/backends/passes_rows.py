"""Products of a block of short rows with vectors, where each row begins close behind the one before.

    @pairs   out[i] += Σ_j x[i, j] v[j], two rows at once
    @stack   out[j] += Σ_i s[i] x[i, j], LANES rows at once

Memory is read nearly in the order of its addresses, and cells of the next block are asked for in that order too, half
of them by each product: it answers a third faster than where several rows are asked for side by side. (Where rows are
long, their vector is read too often that way.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lossmith.backends.llvm_values import Emitter, Value
from lossmith.backends.passes_block import LANES
from lossmith.backends.passes_text import Code, Module, cells, load, splat, store, totals

LINE = 64
"""Bytes that memory gives at once."""
VECTORS = 2
"""Vectors of each row of a pair that are taken at once, for sums of their own."""


def ask_for(code: Code, line: str, j: str, rows: int, vectors: int) -> None:
    """Ask for as many bytes of the next block as half of those that `rows` rows take by `vectors` vectors from j on."""
    size = code.module.target.bytes
    skip = code.let("skip", f"mul i64 {line}, %stride")
    cell = code.let("cell", f"add i64 {skip}, {code.let('side', f'mul i64 {j}, {rows}')}")
    half = code.let("half", f"mul i64 {cell}, {size // 2}")
    at = code.at("%x", code.let("there", f"add i64 {half}, %ahead"), "i8")
    name = code.module.declare("void", "llvm.prefetch.p0", "ptr", "i32", "i32", "i32")
    for k in range(max(rows * vectors * code.width * size // (2 * LINE), 1)):
        code.do(f"call void {name}(ptr {code.at(at, LINE * k, 'i8')}, i32 0, i32 2, i32 1)")


def groups(code: Code, count: int, group: Callable[[str, list[str]], None]) -> None:
    """Groups of `count` rows, with where they begin; past the end, the last row again."""
    element, last = code.module.target.element, code.let("last", "sub i64 %lines, 1")
    steps = [code.let("step", f"mul i64 %stride, {k}") for k in range(count)]

    def whole(line: str) -> None:
        head = code.at("%x", code.let("skip", f"mul i64 {line}, %stride"), element)
        group(line, [code.at(head, step, element) for step in steps])

    def rest(line: str) -> None:
        at = [code.least(code.let("line", f"add i64 {line}, {k}"), last) for k in range(count)]
        group(line, [code.at("%x", code.let("skip", f"mul i64 {a}, %stride"), element) for a in at])

    stop = code.let("whole", f"and i64 %lines, -{count}")
    code.each("line", 0, stop, count, whole)
    code.each("line", stop, "%lines", count, rest)


def print_pairs(module: Module) -> None:
    """Inner products."""
    takes = "ptr %x, i64 %lines, i64 %length, i64 %stride, ptr %v, ptr %out, i64 %ahead"
    code = Code(module, f"define private void @pairs({takes})")
    (length, whole, mask), width, element = code.span("%length"), module.width, module.target.element
    most = code.let("most", f"and i64 %length, -{width * VECTORS}")

    def pair(line: str, heads: list[str]) -> list[str]:
        def part(j: str, sums: Sequence[str], mask: str | None, vectors: int) -> list[str]:
            ask_for(code, line, j, len(heads), vectors)
            e, following = code.vectors("dot"), list(sums)
            for k in range(vectors):
                at = code.let("j", f"add i64 {j}, {k * width}")
                v = load(e, code.at("%v", at))
                for i in (k, VECTORS + k):
                    x = cells(code, e, code.at(heads[i // VECTORS], at, element), mask)
                    following[i] = e.fma(x, v, named(e, sums[i])).text
            return following

        zeros = ["zeroinitializer"] * (2 * VECTORS)
        sums = code.loop("j", 0, most, width * VECTORS, zeros, lambda j, s: part(j, s, None, VECTORS), "%reals")
        sums = code.loop("j", most, whole, width, sums, lambda j, s: part(j, s, None, 1), "%reals")
        sums = code.loop("tail", whole, length, width, sums, lambda j, s: part(j, s, mask, 1), "%reals")
        e = code.vectors("sum")
        return [(named(e, one) + named(e, other)).text for one, other in zip(sums[::2], sums[1::2], strict=True)]

    def group(line: str, heads: list[str]) -> None:
        sums = [s for k in range(0, width, 2) for s in pair(code.let("line", f"add i64 {line}, {k}"), heads[k : k + 2])]
        e, place = code.vectors("sum"), code.at("%out", line)
        store(code, load(e, place) + totals(e, [named(e, s) for s in sums]), place)

    groups(code, width, group)
    code.done()


def print_stack(module: Module) -> None:
    """A multiple of every row, added."""
    takes = "ptr %x, i64 %lines, i64 %length, i64 %stride, ptr %s, ptr %out, i64 %ahead"
    code = Code(module, f"define private void @stack({takes})")
    span, element = code.span("%length"), module.target.element

    def group(line: str, heads: list[str]) -> None:
        numbers = [code.read("double", "%s", code.let("k", f"add i64 {line}, {k}"), "s") for k in range(LANES)]
        e = code.vectors("factor")
        factors = [splat(code, e, s).text for s in numbers]

        def step(j: str, _: Sequence[str], mask: str | None) -> Sequence[str]:
            ask_for(code, line, j, LANES, 1)
            e, place = code.vectors("add"), code.at("%out", j)
            one, other = load(e, place), e.lift(0.0, "real")
            for head, s in zip(heads, factors, strict=True):
                one, other = other, e.fma(cells(code, e, code.at(head, j, element), mask), named(e, s), one)
            store(code, one + other, place)
            return ()

        code.along(span, (), step)

    groups(code, LANES, group)
    code.done()


def named(e: Emitter, text: str) -> Value:
    """A vector of doubles that was computed in another block."""
    return Value(e, "real", text, varies=True)
