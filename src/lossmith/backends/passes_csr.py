"""One pass over a sparse X by rows (CSR), printed as LLVM IR: value and gradient, and the Hessian's diagonal.

    void sparse(i64 chunk, ptr job, ptr out)       value and gradient
    void bent(i64 chunk, ptr job, ptr out)         and Σ w h x², column by column, behind the sums

Cells are gathered one by one, four sums at a time: an instruction that gathers is no faster on the machines of today.
"""

from __future__ import annotations

from collections.abc import Sequence

from lossmith.backends.llvm_print import Target
from lossmith.backends.passes_block import LANES, ROWS, Walk, print_edge, print_weigh
from lossmith.backends.passes_text import Code, Module

FIELDS = ROWS | {
    "x": "ptr",  # the cells that are not 0, row by row
    "column": "ptr",  # the column of each
    "from": "ptr",  # where each row begins among them, and where the last ends
}
"""What a pass is told, in the order in which it lies in memory, eight bytes each."""

AT_ONCE = 4
"""Sums that a row is divided among."""


def print_csr(target: Target, index: str) -> str:
    """The text of the module for one element of X, one width, and the integers i32 or i64 that number the cells."""
    module = Module(target)
    print_weigh(module)
    print_edge(module)
    for curved in (False, True):
        Sparse(module, index, curved).print()
    return module.text((__doc__ or "").split("\n\n")[0], [])


class Sparse(Walk):
    """The walk over a CSR matrix; with `curved`, the diagonal of the Hessian is added too."""

    def __init__(self, module: Module, index: str, curved: bool) -> None:
        head = f"define void @{'bent' if curved else 'sparse'}(i64 %turn, ptr %job, ptr %out)"
        super().__init__(module, head, FIELDS, curved)
        self.index = index

    def begin(self) -> None:
        """The sums, and the diagonal behind them."""
        super().begin()
        if self.curved:
            code = self.code
            code.do(f"%squares = getelementptr double, ptr %at.value, i64 {LANES}")
            self.clear("%squares", "%padded")

    def block(self, row: str, rows: str, then: str) -> None:
        """One block of rows."""
        self.start(row, rows)
        self.code.each("i", 0, rows, 1, lambda i: self.predict(row, i))
        self.ask(row, rows)
        self.code.each("i", 0, rows, 1, lambda i: self.spread(row, i))

    def ends(self, row: str, i: str) -> tuple[str, str, str]:
        """Where the cells of a row begin, how far there are whole fours of them, and where they end."""
        code = self.code
        this = code.let("row", f"add i64 {row}, {i}")
        both = (code.read(self.index, "%from", k, "end") for k in (this, code.let("row", f"add i64 {this}, 1")))
        first, stop = (self.long(end) for end in both)
        count = code.let("count", f"sub i64 {stop}, {first}")
        return first, code.let("whole", f"add i64 {first}, {code.let('fours', f'and i64 {count}, -{AT_ONCE}')}"), stop

    def long(self, number: str) -> str:
        """An index as i64."""
        return number if self.index == "i64" else self.code.let("long", f"sext i32 {number} to i64")

    def cell(self, k: str) -> tuple[str, str]:
        """The k-th cell and its column."""
        code, element = self.code, self.code.module.target.element
        x = code.read(element, "%x", k, "x")
        wide = x if element == "double" else code.let("x", f"fpext float {x} to double")
        return wide, self.long(code.read(self.index, "%column", k, "column"))

    def predict(self, row: str, i: str) -> None:
        """z += x·w of one row."""
        code = self.code
        first, whole, stop = self.ends(row, i)

        def add(k: str, total: str) -> str:
            x, column = self.cell(k)
            return fma(code, x, code.read("double", "%w", column, "w"), total)

        def several(k: str, sums: Sequence[str]) -> Sequence[str]:
            return [add(code.let("k", f"add i64 {k}, {q}"), total) for q, total in enumerate(sums)]

        sums = code.loop("k", first, whole, AT_ONCE, ["0.0"] * AT_ONCE, several, "double")
        rest = code.loop("k", whole, stop, 1, sums[:1], lambda k, total: [add(k, total[0])], "double")
        low = code.let("sum", f"fadd double {rest[0]}, {sums[1]}")
        high = code.let("sum", f"fadd double {sums[2]}, {sums[3]}")
        at = code.at("%own.z", i)
        z = code.let("z", f"load double, ptr {at}")
        both = code.let("sum", f"fadd double {low}, {high}")
        code.do(f"store double {code.let('z', f'fadd double {z}, {both}')}, ptr {at}")

    def spread(self, row: str, i: str) -> None:
        """g += r·x of one row, and the squares."""
        code = self.code
        first, whole, stop = self.ends(row, i)
        r = code.read("double", "%own.r", i, "r")
        h = code.read("double", "%own.h", i, "h") if self.curved else "0.0"

        def one(k: str) -> None:
            x, column = self.cell(k)
            add_to(code, "%out", column, r, x)
            if self.curved:
                add_to(code, "%squares", column, code.let("hx", f"fmul double {h}, {x}"), x)

        def several(k: str) -> None:
            for q in range(AT_ONCE):
                one(code.let("k", f"add i64 {k}, {q}"))

        code.each("k", first, whole, AT_ONCE, several)
        code.each("k", whole, stop, 1, one)


def fma(code: Code, a: str, b: str, c: str) -> str:
    """a·b + c of single doubles."""
    name = code.module.declare("double", "llvm.fma.f64", "double", "double", "double")
    return code.let("fma", f"call double {name}(double {a}, double {b}, double {c})")


def add_to(code: Code, array: str, index: str, a: str, b: str) -> None:
    """array[index] += a·b."""
    at = code.at(array, index)
    before = code.let("before", f"load double, ptr {at}")
    code.do(f"store double {fma(code, a, b, before)}, ptr {at}")
