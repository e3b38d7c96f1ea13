"""Products of a block of short rows with vectors, where each row begins close behind the one before.

    @pairs   out[i] += Σ_j x[i, j] v[j], two rows at once
    @stack   out[j] += Σ_i s[i] x[i, j], LANES rows at once

    @pairs.1, @stack.1, …   the same for rows of so many vectors, without a loop over them

Memory is read nearly in the order of its addresses, and cells of the next block are asked for in that order too, half
of them by each product: it answers a third faster than where several rows are asked for side by side. (Where rows are
long, their vector is read too often that way.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lossmith.backends.llvm_values import Emitter, Value
from lossmith.backends.passes_block import LANES
from lossmith.backends.passes_text import Code, Module, cells, load, named, splat, store, totals

LINE = 64
"""Bytes that memory gives at once."""
VECTORS = 2
"""Vectors of each row of a pair that are taken at once, for sums of their own."""
BRIEF = 128
"""The most bytes of a row whose sums of columns stay in registers; longer ones wait for memory, not for arithmetic."""


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


Group = Callable[[str, list[str], Sequence[str]], Sequence[str]]


def groups(code: Code, count: int, begin: Sequence[str], group: Group) -> list[str]:
    """Groups of `count` rows: their number, where they begin (past the end, the last row again), vectors to carry."""
    element, last = code.module.target.element, code.let("last", "sub i64 %lines, 1")
    steps = [code.let("step", f"mul i64 %stride, {k}") for k in range(count)]

    def whole(line: str, sums: Sequence[str]) -> Sequence[str]:
        head = code.at("%x", code.let("skip", f"mul i64 {line}, %stride"), element)
        return group(line, [code.at(head, step, element) for step in steps], sums)

    def rest(line: str, sums: Sequence[str]) -> Sequence[str]:
        at = [code.least(code.let("line", f"add i64 {line}, {k}"), last) for k in range(count)]
        heads = [code.at("%x", code.let("skip", f"mul i64 {a}, %stride"), element) for a in at]
        return group(line, heads, sums)

    stop = code.let("whole", f"and i64 %lines, -{count}")
    sums = code.loop("line", 0, stop, count, begin, whole, "%reals")
    return code.loop("line", stop, "%lines", count, sums, rest, "%reals")


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

    def group(line: str, heads: list[str], _: Sequence[str]) -> Sequence[str]:
        sums = [s for k in range(0, width, 2) for s in pair(code.let("line", f"add i64 {line}, {k}"), heads[k : k + 2])]
        e, place = code.vectors("sum"), code.at("%out", line)
        store(code, load(e, place) + totals(e, [named(e, s) for s in sums]), place)
        return ()

    groups(code, width, (), group)
    code.done()


def print_stack(module: Module) -> None:
    """A multiple of every row, added."""
    takes = "ptr %x, i64 %lines, i64 %length, i64 %stride, ptr %s, ptr %out, i64 %ahead"
    code = Code(module, f"define private void @stack({takes})")
    span, element = code.span("%length"), module.target.element

    def group(line: str, heads: list[str], _: Sequence[str]) -> Sequence[str]:
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
        return ()

    groups(code, LANES, (), group)
    code.done()


def briefs(module: Module) -> range:
    """For how many vectors of a row there are loops."""
    return range(1, min(BRIEF // (module.width * module.target.bytes), 4) + 1)


def print_brief(module: Module) -> None:
    """Rows of few vectors: what is the same for all rows stays in registers."""
    for count in briefs(module):
        _brief_pairs(module, count)
        _brief_stack(module, count)


def _row(code: Code, e: Emitter, head: str, count: int, mask: str) -> list[Value]:
    """A row, the last vector under a mask."""
    element, masks = code.module.target.element, [None] * (count - 1) + [mask]
    return [cells(code, e, code.at(head, k * code.width, element), m) for k, m in enumerate(masks)]


def _brief_pairs(module: Module, count: int) -> None:
    """Inner products with `count` vectors."""
    takes = "ptr %x, i64 %lines, i64 %length, i64 %stride, ptr %v, ptr %out, i64 %ahead"
    code, width = Code(module, f"define private void @pairs.{count}({takes})"), module.width
    mask, e = code.mask(code.let("rest", f"sub i64 %length, {(count - 1) * width}")), code.vectors("v")
    factors = [load(e, code.at("%v", k * width)).text for k in range(count)]

    def group(line: str, heads: list[str], _: Sequence[str]) -> Sequence[str]:
        ask_for(code, line, "0", width, count)
        e, sums = code.vectors("dot"), []
        for head in heads:
            total = e.lift(0.0, "real")
            for x, v in zip(_row(code, e, head, count, mask), factors, strict=True):
                total = e.fma(x, named(e, v), total)
            sums.append(total)
        place = code.at("%out", line)
        store(code, load(e, place) + totals(e, sums), place)
        return ()

    groups(code, width, (), group)
    code.done()


def _brief_stack(module: Module, count: int) -> None:
    """Multiples of `count` vectors, added: even rows and odd rows apart."""
    takes = "ptr %x, i64 %lines, i64 %length, i64 %stride, ptr %s, ptr %out, i64 %ahead"
    code, width = Code(module, f"define private void @stack.{count}({takes})"), module.width
    mask = code.mask(code.let("rest", f"sub i64 %length, {(count - 1) * width}"))

    def group(line: str, heads: list[str], sums: Sequence[str]) -> Sequence[str]:
        ask_for(code, line, "0", width, count)
        e, following = code.vectors("add"), list(sums)
        for k, head in enumerate(heads):
            s = splat(code, e, code.read("double", "%s", code.let("k", f"add i64 {line}, {k}"), "s"))
            for i, x in enumerate(_row(code, e, head, count, mask), k % 2 * count):
                following[i] = e.fma(x, s, named(e, following[i])).text
        return following

    sums, e = groups(code, width, ["zeroinitializer"] * (2 * count), group), code.vectors("sum")
    for k, (one, other) in enumerate(zip(sums[:count], sums[count:], strict=True)):
        place = code.at("%out", k * width)
        store(code, load(e, place) + (named(e, one) + named(e, other)), place)
    code.done()
