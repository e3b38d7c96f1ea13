"""One pass over a dense X, printed as LLVM IR: value, gradient and Hessian of any loss whose kernel it is given.

    void sweep(i64 chunk, ptr job, ptr out)                            value and gradient
    void curve(i64 chunk, ptr job, ptr out, ptr tiles, ptr scratch)    and the Hessian

A chunk of rows is walked in blocks that stay in the cache: z = X_b w, the loss's kernel on the block (called by its
address), weights, g += X_bᵀ r, while the next block is fetched. `out` takes the sums over the chunk: Σ r x (padded to
whole vectors), then those named in SUMS.

X in C order has rows as its *lines*, in F order columns. Two loops serve both: `dots` adds to each line's place its
inner product with a vector, `adds` adds a multiple of every line to one vector.
"""

from __future__ import annotations

from collections.abc import Sequence

from lossmith.backends.llvm_print import Target
from lossmith.backends.passes_rank import print_pack, print_rank, print_tiles
from lossmith.backends.passes_text import Code, Module, cells, doubles, load, splat, store, totals

FIELDS = {
    "x": "ptr",  # the first cell
    "stride": "i64",  # cells from one line to the next
    "byrow": "i64",  # 1: the lines are rows, 0: columns
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
    "kernel": "ptr",  # the loss: value, gradient and, for a Hessian, curvature
    "params": "ptr",
    "centre": "ptr",  # of the columns and of the intercept (-1), zeros to a whole strip
    "factor": "ptr",  # likewise (1)
    "strips": "i64",  # vectors that hold a row of coordinates
    "extra": "i64",  # the coordinate that is y − z, or -1
}
"""What a pass is told, in the order in which it lies in memory, eight bytes each."""

SUMS = ("value", "slope", "edge")
"""After Σ w r x in `out`: Σ w ℓ, Σ w r and, where `extra` is asked for, Σ w r (y − z)."""

LANES = 8
"""Lines that `adds` takes at once, and the multiple to which arrays are padded: the widest vector."""

MOST = 256
"""The most rows of a block."""


def print_module(target: Target) -> str:
    """The text of the module for one element of X and one width."""
    module = Module(target)
    for part in (print_dots, print_adds, print_weigh, print_edge, print_tiles, print_rank, print_pack):
        part(module)
    for curved in (False, True):
        Sweep(module, curved).print()
    return module.text((__doc__ or "").split("\n\n")[0], [])


def heads(code: Code, line: str, last: str, count: int) -> list[str]:
    """Where the next lines begin; past the end, the last line again."""
    at = [code.least(code.let("line", f"add i64 {line}, {k}"), last) for k in range(count)]
    return [code.at("%x", code.let("skip", f"mul i64 {a}, %stride"), code.module.target.element) for a in at]


def fetch(code: Code, places: Sequence[str]) -> None:
    """Ask for cells of the next block; each of the two loops over a block asks for half of the lines."""
    name = code.module.declare("void", "llvm.prefetch.p0", "ptr", "i32", "i32", "i32")
    for at in places:
        code.do(f"call void {name}(ptr {code.at(at, '%ahead', 'i8')}, i32 0, i32 2, i32 1)")


def print_dots(module: Module) -> None:
    """out[line] += Σ_j x[line, j] v[j], for a vector's worth of lines at once."""
    takes = "ptr %x, i64 %lines, i64 %length, i64 %stride, ptr %v, ptr %out, i64 %ahead"
    code = Code(module, f"define private void @dots({takes})")
    span, last = code.span("%length"), code.let("last", "sub i64 %lines, 1")

    def group(line: str) -> None:
        first = heads(code, line, last, module.width)

        def step(j: str, sums: Sequence[str], mask: str | None) -> Sequence[str]:
            places = [code.at(head, j, module.target.element) for head in first]
            fetch(code, places[: module.width // 2])
            e = code.vectors("dot")
            v = load(e, code.at("%v", j))
            pairs = zip(places, sums, strict=True)
            return [e.fma(cells(code, e, at, mask), v, e.named(s[1:], varies=True)).text for at, s in pairs]

        sums = code.along(span, ["zeroinitializer"] * module.width, step)
        e, place = code.vectors("sum"), code.at("%out", line)
        store(code, load(e, place) + totals(e, [e.named(s[1:], varies=True) for s in sums]), place)

    code.each("line", 0, "%lines", module.width, group)
    code.done()


def print_adds(module: Module) -> None:
    """out[j] += Σ_line s[line] x[line, j], LANES lines at once."""
    takes = "ptr %x, i64 %lines, i64 %length, i64 %stride, ptr %s, ptr %out, i64 %ahead"
    code = Code(module, f"define private void @adds({takes})")
    span, last = code.span("%length"), code.let("last", "sub i64 %lines, 1")

    def group(line: str) -> None:
        first = heads(code, line, last, LANES)
        numbers = [code.read("double", "%s", code.let("k", f"add i64 {line}, {k}"), "s") for k in range(LANES)]
        e = code.vectors("factor")
        factors = [splat(code, e, s).text[1:] for s in numbers]

        def step(j: str, _: Sequence[str], mask: str | None) -> Sequence[str]:
            places = [code.at(head, j, module.target.element) for head in first]
            fetch(code, [at for k, at in enumerate(places) if k % module.width >= module.width // 2])
            e, place = code.vectors("add"), code.at("%out", j)
            one, other = load(e, place), e.lift(0.0, "real")
            for at, s in zip(places, factors, strict=True):
                one, other = other, e.fma(cells(code, e, at, mask), e.named(s, varies=True), one)
            store(code, one + other, place)
            return ()

        code.along(span, (), step)

    code.each("line", 0, "%lines", LANES, group)
    code.done()


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
    code.when(code.given("%weights"), lambda: void(code.along(span, (), times)))
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


def void(_: object) -> None:
    """Nothing."""


class Sweep:
    """The walk over the blocks of a chunk; with `curved`, each block's part of the Hessian is added too."""

    def __init__(self, module: Module, curved: bool) -> None:
        takes = "i64 %turn, ptr %job, ptr %out" + (", ptr %tiles, ptr %scratch" if curved else "")
        self.code = Code(module, f"define void @{'curve' if curved else 'sweep'}({takes})")
        self.curved, self.own = curved, ("z", "value", "r", "h", "u")
        code = self.code
        for i, (name, kind) in enumerate(FIELDS.items()):
            code.do(f"%{name}.at = getelementptr {kind}, ptr %job, i64 {i}")
            code.do(f"%{name} = load {kind}, ptr %{name}.at")
        for name in self.own:
            code.do(f"%own.{name} = alloca [{MOST + LANES} x double], align 64")
        code.do("%table = alloca [5 x ptr], align 64")

    def print(self) -> None:
        """The whole function."""
        code = self.code
        for i, name in enumerate(self.own[: 4 if self.curved else 3]):
            code.do(f"store ptr %own.{name}, ptr {code.at('%table', 1 + i, 'ptr')}")
        padded = code.let("padded", f"and i64 {code.let('more', f'add i64 %p, {LANES - 1}')}, -{LANES}")
        for i, name in enumerate(SUMS):
            code.do(f"%at.{name} = getelementptr double, ptr %out, i64 {code.let('k', f'add i64 {padded}, {i}')}")
        room = code.let("room", f"add i64 {padded}, {LANES}")
        code.each("k", 0, room, 1, lambda k: code.do(f"store double 0.0, ptr {code.at('%out', k)}"))
        first = code.let("first", "mul i64 %turn, %chunk")
        stop = code.least(code.let("stop", f"add i64 {first}, %chunk"), "%blocks")
        code.do(f"%final = sub i64 {stop}, 1")
        code.do("%flat = icmp ne i64 %byrow, 0")
        code.each("block", first, stop, 1, self.block)
        code.done()

    def block(self, b: str) -> None:
        """One block of rows."""
        code = self.code
        following = code.least(code.let("following", f"add i64 {b}, 1"), "%final")
        row, then = (code.read("i64", "%starts", k, "row") for k in (b, following))
        rows = code.least("%block", code.let("left", f"sub i64 %n, {row}"))
        x, ahead = self.cell(row), self.cell(then)
        here, there = (code.let("byte", f"ptrtoint ptr {at} to i64") for at in (x, ahead))
        gap = code.let("gap", f"sub i64 {there}, {here}")
        self.predict(x, row, rows, gap)
        self.ask(row, rows)
        by_row = f"call void @adds(ptr {x}, i64 {rows}, i64 %p, i64 %stride, ptr %own.r, ptr %out, i64 {gap})"
        by_column = f"call void @dots(ptr {x}, i64 %p, i64 {rows}, i64 %stride, ptr %own.r, ptr %out, i64 {gap})"
        code.when("%flat", lambda: code.do(by_row), lambda: code.do(by_column))
        self.bend(x, row, rows)

    def cell(self, row: str) -> str:
        """The first cell of a row."""
        code = self.code
        skip = code.let("skip", f"mul i64 {row}, %stride")
        return code.at("%x", code.let("cell", f"select i1 %flat, i64 {skip}, i64 {row}"), code.module.target.element)

    def predict(self, x: str, row: str, rows: str, gap: str) -> None:
        """z = X_b w + intercept + offset."""
        code = self.code
        e = code.vectors("start")
        start = splat(code, e, "%last").text[1:]

        def begin(j: str) -> None:
            e = code.vectors("start")
            store(code, e.named(start, varies=True), code.at("%own.z", j))

        def shift(j: str, _: Sequence[str], mask: str | None) -> Sequence[str]:
            e, at = code.vectors("shift"), code.at("%own.z", j)
            store(code, load(e, at) + doubles(code, e, code.at(offset, j), mask), at)
            return ()

        code.each("j", 0, rows, code.width, begin)
        offset, span = code.at("%offset", row), code.span(rows)
        code.when(code.given("%offset"), lambda: void(code.along(span, (), shift)))
        by_row = f"call void @dots(ptr {x}, i64 {rows}, i64 %p, i64 %stride, ptr %w, ptr %own.z, i64 {gap})"
        by_column = f"call void @adds(ptr {x}, i64 %p, i64 {rows}, i64 %stride, ptr %w, ptr %own.z, i64 {gap})"
        code.when("%flat", lambda: code.do(by_row), lambda: code.do(by_column))

    def ask(self, row: str, rows: str) -> None:
        """The loss on the block, weighed; zeros follow the last row."""
        code = self.code
        e = code.vectors("zero")
        for name in self.own[1 : 4 if self.curved else 3]:
            for k in range(0, LANES, code.width):
                at = code.at(f"%own.{name}", code.let("end", f"add i64 {rows}, {k}"))
                store(code, e.lift(0.0, "real"), at)
        y = code.at("%y", row)
        code.do(f"store ptr {y}, ptr %table")
        code.do(f"call void %kernel(i64 0, i64 {rows}, ptr %table, ptr %params)")
        here = code.at("%weight", row)
        weights = code.let("weights", f"select i1 {code.given('%weight')}, ptr {here}, ptr null")
        for name, total in (("value", "value"), ("r", "slope"), *((("h", "idle"),) if self.curved else ())):
            at = f"%at.{total}" if total in SUMS else code.at("%own.u", MOST)
            code.do(f"call void @weigh(ptr %own.{name}, ptr {weights}, i64 {rows}, ptr {at})")
        edge = f"call void @edge(ptr {y}, ptr %own.z, ptr %own.r, ptr %own.u, i64 {rows}, ptr %at.edge)"
        code.when(code.let("wanted", "icmp sge i64 %extra, 0"), lambda: code.do(edge))

    def bend(self, x: str, row: str, rows: str) -> None:
        """Σ h x xᵀ over the block, in standardised coordinates."""
        if not self.curved:
            return
        code = self.code
        takes = f"ptr {x}, i64 {rows}, i64 %p, i64 %stride, i1 %flat, ptr %centre, ptr %factor, i64 %strips"
        own = "ptr %own.h, ptr %own.u, i64 %extra, i64 %block, ptr %scratch"
        code.do(f"call void @pack({takes}, {own})")
        code.do(f"call void @rank(i64 {rows}, i64 %strips, i64 %block, ptr %scratch, ptr %tiles)")
