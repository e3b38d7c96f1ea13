"""One pass over a dense X, printed as LLVM IR: value, gradient and Hessian of any loss whose kernel it is given.

    void sweep(i64 chunk, ptr job, ptr out)                            value and gradient
    void curve(i64 chunk, ptr job, ptr out, ptr tiles, ptr scratch)    and the Hessian

A chunk of rows is walked in blocks that stay in the cache: z = X_b w, the loss's kernel on the block (called by its
address), weights, g += X_bᵀ r, while the next block is fetched.

X in C order has rows as its *lines*, in F order columns. Two loops serve both: `dots` adds to each line's place its
inner product with a vector, `adds` adds a multiple of every line to one vector. Short rows that lie close together have
two of their own (`passes_rows.py`), which read memory in its order.
"""

from __future__ import annotations

from collections.abc import Sequence

from lossmith.backends.llvm_print import Target
from lossmith.backends.passes_block import LANES, ROWS, Walk, print_edge, print_weigh
from lossmith.backends.passes_rank import print_pack, print_rank, print_tiles
from lossmith.backends.passes_rows import LINE, briefs, print_brief, print_pairs, print_stack
from lossmith.backends.passes_text import Code, Module, cells, load, splat, store, totals

HESSIAN = (print_tiles, print_rank, print_pack)
"""What a pass with a Hessian calls besides."""

SHORT = 200
"""The most cells of a row that counts as short."""

FIELDS = ROWS | {
    "x": "ptr",  # the first cell
    "stride": "i64",  # cells from one line to the next
    "byrow": "i64",  # 1: the lines are rows, 0: columns
    "centre": "ptr",  # of the columns and of the intercept (-1), zeros to a whole strip
    "factor": "ptr",  # likewise (1)
    "strips": "i64",  # vectors that hold a row of coordinates
}
"""What a pass is told, in the order in which it lies in memory, eight bytes each."""


def print_module(target: Target) -> str:
    """The text of the module for one element of X and one width."""
    module = Module(target)
    print_loops(module)
    for part in HESSIAN:
        part(module)
    for curved in (False, True):
        Sweep(module, curved).print()
    return module.text((__doc__ or "").split("\n\n")[0], [])


def print_loops(module: Module) -> None:
    """The loops over cells, and what is done with the loss on a block: what every pass calls."""
    for part in (print_dots, print_adds, print_pairs, print_stack, print_brief, print_weigh, print_edge):
        part(module)


def heads(code: Code, line: str, last: str, count: int) -> list[str]:
    """Where the next lines begin; past the end, the last line again."""
    at = [code.least(code.let("line", f"add i64 {line}, {k}"), last) for k in range(count)]
    return [code.at("%x", code.let("skip", f"mul i64 {a}, %stride"), code.module.target.element) for a in at]


def fetch(code: Code, places: Sequence[str]) -> None:
    """Ask for cells of the next block, each with those behind it: the last may lie in one more line of the cache."""
    name = code.module.declare("void", "llvm.prefetch.p0", "ptr", "i32", "i32", "i32")
    there = code.let("there", f"add i64 %ahead, {LINE - 1}")
    for at in places:
        code.do(f"call void {name}(ptr {code.at(at, there, 'i8')}, i32 0, i32 2, i32 1)")


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


class Sweep(Walk):
    """The walk over a dense X; with `curved`, each block's part of the Hessian is added too."""

    def __init__(self, module: Module, curved: bool, name: str = "") -> None:
        takes = "i64 %turn, ptr %job, ptr %out" + (", ptr %tiles, ptr %scratch" if curved else "")
        name = name or ("curve" if curved else "sweep")
        super().__init__(module, f"define void @{name}({takes})", FIELDS, curved)
        self.ways()

    def ways(self) -> None:
        """Which two of the loops serve: by the order of X, by whether its rows lie close together, and their length."""
        code = self.code
        code.do("%flat = icmp ne i64 %byrow, 0")
        most = code.let("most", f"add i64 %p, {code.let('eighth', 'lshr i64 %p, 3')}")
        close = code.let("close", f"and i1 %flat, {code.let('near', f'icmp sle i64 %stride, {most}')}")
        close = code.let("close", f"and i1 {close}, {code.let('short', f'icmp sle i64 %p, {SHORT}')}")
        self.forth, self.back = self.way(close, "pairs", "dots", "adds"), self.way(close, "stack", "adds", "dots")
        row = code.let("row", f"mul i64 %stride, {code.module.target.bytes // 2}")
        code.do(f"%half = select i1 {close}, i64 {row}, i64 0")

    def way(self, close: str, here: str, by_row: str, by_column: str) -> str:
        """The loop that suits."""
        code = self.code
        usual = code.let("usual", f"select i1 %flat, ptr @{by_row}, ptr @{by_column}")
        way = code.let("way", f"select i1 {close}, ptr @{here}, ptr {usual}")
        for count in reversed(briefs(code.module)):
            fits = code.let("fits", f"icmp sle i64 %p, {count * code.width}")
            brief = code.let("brief", f"and i1 {close}, {fits}")
            way = code.let("way", f"select i1 {brief}, ptr @{here}.{count}, ptr {way}")
        return way

    def block(self, row: str, rows: str, then: str) -> None:
        """One block of rows."""
        code, x, ahead, sizes = self.code, self.cell(row), self.cell(then), (f"i64 {rows}", "i64 %p")
        here, there = (code.let("byte", f"ptrtoint ptr {at} to i64") for at in (x, ahead))
        gap = code.let("gap", f"sub i64 {there}, {here}")
        rest = code.let("rest", f"add i64 {gap}, {code.let('half', f'mul i64 {rows}, %half')}")
        lines, length = (code.let("size", f"select i1 %flat, {a}, {b}") for a, b in (sizes, sizes[::-1]))
        cells = f"ptr {x}, i64 {lines}, i64 {length}, i64 %stride"
        self.start(row, rows)
        code.do(f"call void {self.forth}({cells}, ptr %w, ptr %own.z, i64 {gap})")
        self.ask(row, rows)
        code.do(f"call void {self.back}({cells}, ptr %own.r, ptr %out, i64 {rest})")
        if self.curved:
            self.bend(x, rows)

    def cell(self, row: str) -> str:
        """The first cell of a row."""
        code = self.code
        skip = code.let("skip", f"mul i64 {row}, %stride")
        return code.at("%x", code.let("cell", f"select i1 %flat, i64 {skip}, i64 {row}"), code.module.target.element)

    def bend(self, x: str, rows: str) -> None:
        """Σ h x xᵀ over the block, in standardised coordinates."""
        takes = f"ptr {x}, i64 {rows}, i64 %p, i64 %stride, i1 %flat, ptr %centre, ptr %factor, i64 %strips"
        own = "ptr %own.h, ptr %own.u, i64 %extra, i64 %block, ptr %scratch"
        self.code.do(f"call void @pack({takes}, {own})")
        self.code.do(f"call void @rank(i64 {rows}, i64 %strips, i64 %block, ptr %scratch, ptr %tiles)")
