"""One pass over a dense X in rows for several outputs at once, printed as LLVM IR.

    void classes(i64 chunk, ptr job, ptr out, ptr scratch)                 value and gradient of a loss of K classes
    void curves(i64 chunk, ptr job, ptr out, ptr scratch, ptr tiles, ptr packed)    and its Hessian
    void apart(i64 chunk, ptr job, ptr out, ptr scratch)                   K fits of one loss, each but for its fold,
                                                                           or each with parameters of its own

A chunk of rows is walked in blocks that stay in the cache: Z = X_b W, the loss on the block, G += RᵀX_b. A loss of K
classes is the probabilities of `llvm_softmax.py` and a kernel, called by its address, of the true class's log p.
`out` holds K lines of gradient, then Σ r of each output, then Σ value of each fit (of the loss of K classes: one).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from lossmith.backends.llvm_softmax import every
from lossmith.backends.passes_block import LANES, quietly
from lossmith.backends.passes_scores import PITCH, line
from lossmith.backends.passes_text import Code, Module, doubles, load, splat, store

FIELDS = {
    "x": "ptr",
    "stride": "i64",  # cells from one row to the next
    "n": "i64",
    "p": "i64",
    "outputs": "i64",
    "block": "i64",  # rows of a block; fewer where X ends
    "blocks": "i64",  # blocks in all
    "chunk": "i64",  # blocks of a chunk
    "w": "ptr",  # coefficients, a line of padded(p) for each output
    "last": "ptr",  # intercepts
    "offset": "ptr",  # or null
    "y": "ptr",
    "truth": "ptr",  # i64: the class of each row, or its fold (null: no fit leaves out any)
    "weight": "ptr",  # or null
    "kernel": "ptr",
    "params": "ptr",
    "each": "i64",  # parameters of each fit, one fit after another; 0 where all have the same
    "mean": "i64",  # 1: the kernel's second input is the mean of log p
    "centre": "ptr",  # of the columns and of the intercept (-1), zeros to a whole strip
    "factor": "ptr",  # likewise (1)
    "strips": "i64",  # vectors that hold a row of coordinates
}
"""What a pass is told, in the order in which it lies in memory, eight bytes each."""


class Several(ABC):
    """The walk over the blocks of a chunk."""

    OWN: Sequence[str]
    more = ""

    def __init__(self, module: Module, name: str) -> None:
        head = f"define void @{name}(i64 %turn, ptr %job, ptr %out, ptr %scratch{self.more})"
        self.code = code = Code(module, head)
        code.told(FIELDS)
        for own in self.OWN:
            code.do(f"%own.{own} = alloca [{PITCH} x double], align 64")
        code.do("%table = alloca [8 x ptr], align 64")
        code.do("%sizes = alloca [2 x i64], align 64")

    def print(self) -> None:
        """The whole function."""
        code = self.code
        more = code.let("more", f"add i64 %p, {LANES - 1}")
        code.do(f"%padded = and i64 {more}, -{LANES}")
        code.do("%lines = mul i64 %padded, %outputs")
        code.do("%slopes = getelementptr double, ptr %out, i64 %lines")
        code.do("%values = getelementptr double, ptr %slopes, i64 %outputs")
        room = code.let("room", f"add i64 %lines, {code.let('both', 'mul i64 %outputs, 2')}")
        clear(code, "%out", room)
        code.do(f"%size = mul i64 %outputs, {PITCH}")
        code.do("%z = getelementptr double, ptr %scratch, i64 0")
        self.begin()
        first = code.let("first", "mul i64 %turn, %chunk")
        stop = code.least(code.let("stop", f"add i64 {first}, %chunk"), "%blocks")
        code.do(f"%final = sub i64 {stop}, 1")
        code.each("b", first, stop, 1, self.step)
        code.done()

    @abstractmethod
    def begin(self) -> None:
        """What is done once."""

    @abstractmethod
    def ask(self, row: str, rows: str) -> str:
        """The loss on the block; returns where the slopes of all outputs are."""

    def step(self, block: str) -> None:
        """One block."""
        code, element = self.code, self.code.module.target.element
        row = code.let("row", f"mul i64 {block}, %block")
        rows = code.least("%block", code.let("left", f"sub i64 %n, {row}"))
        then = code.least(code.let("then", f"add i64 {block}, 1"), "%final")
        away = code.let("away", f"mul i64 {code.let('blocks', f'sub i64 {then}, {block}')}, %block")
        gap = code.let("gap", f"mul i64 {code.let('cells', f'mul i64 {away}, %stride')}, {code.module.target.bytes}")
        x = code.at("%x", code.let("skip", f"mul i64 {row}, %stride"), element)
        self.start(row, rows)
        dense = f"ptr {x}, i64 {rows}, i64 %p, i64 %stride"
        code.do(f"call void @scores({dense}, ptr %w, i64 %padded, ptr %z, i64 %outputs)")
        slopes = self.ask(row, rows)
        code.each(
            "k", 0, "%outputs", 1, lambda k: self.add(line(code, slopes, k, 0, PITCH), "null", rows, "%slopes", k)
        )
        code.do(f"call void @pulls({dense}, ptr {slopes}, i64 %outputs, ptr %out, i64 %padded, i64 {gap})")
        self.bend(x, row, rows)

    def bend(self, x: str, row: str, rows: str) -> None:  # noqa: B027
        """The block's part of the Hessian, for what has one."""

    def add(self, values: str, weights: str, rows: str, sums: str, k: str) -> None:
        """Weights (or null) on some numbers of the block, and their sum added to sums[k]."""
        self.code.do(f"call void @weigh(ptr {values}, ptr {weights}, i64 {rows}, ptr {self.code.at(sums, k)})")

    def weights(self, row: str) -> str:
        """The weights of the block, or null."""
        code = self.code
        return code.let("weights", f"select i1 {code.given('%weight')}, ptr {code.at('%weight', row)}, ptr null")

    def start(self, row: str, rows: str) -> None:
        """z = intercept + offset."""
        code, offset = self.code, self.code.at("%offset", row)

        def output(k: str) -> None:
            last, z = code.read("double", "%last", k, "last"), line(code, "%z", k, 0, PITCH)

            def begin(j: str) -> None:
                e = code.vectors("start")
                store(code, splat(code, e, last), code.at(z, j))

            def shift(j: str, _: Sequence[str], mask: str | None) -> Sequence[str]:
                e, at = code.vectors("shift"), code.at(z, j)
                store(code, load(e, at) + doubles(code, e, code.at(offset, j), mask), at)
                return ()

            code.each("j", 0, rows, code.width, begin)
            code.when(code.given("%offset"), quietly(lambda: code.along(code.span(rows), (), shift)))

        code.each("k", 0, "%outputs", 1, output)

    def ends(self, arrays: Sequence[str], rows: str) -> None:
        """Zeros past the last row."""
        code = self.code
        e = code.vectors("zero")
        for at in arrays:
            for k in range(0, LANES, code.width):
                store(code, e.lift(0.0, "real"), code.at(at, code.let("end", f"add i64 {rows}, {k}")))


def clear(code: Code, array: str, count: str | int) -> None:
    """Zeros."""
    code.each("k", 0, count, 1, lambda k: code.do(f"store double 0.0, ptr {code.at(array, k)}"))


class Apart(Several):
    """A loss at the scores of K fits side by side; a row counts in every fit but that of its own fold, if any."""

    OWN = ("value", "none")

    def __init__(self, module: Module) -> None:
        super().__init__(module, "apart")

    def begin(self) -> None:
        """Where the slopes are."""
        code = self.code
        code.do("%r = getelementptr double, ptr %scratch, i64 %size")
        code.do(f"store ptr %own.value, ptr {code.at('%table', 2, 'ptr')}")
        code.do("store double 0.0, ptr %own.none")

    def ask(self, row: str, rows: str) -> str:
        """The kernel on each fit's scores."""
        code = self.code
        weights, fold = self.weights(row), code.at("%truth", row, "i64")
        code.do(f"store ptr {code.at('%y', row)}, ptr %table")

        def fit(k: str) -> None:
            z, r = line(code, "%z", k, 0, PITCH), line(code, "%r", k, 0, PITCH)
            code.do(f"store ptr {z}, ptr {code.at('%table', 1, 'ptr')}")
            code.do(f"store ptr {r}, ptr {code.at('%table', 3, 'ptr')}")
            self.ends(["%own.value", r], rows)
            own = code.at("%params", code.let("mine", f"mul i64 {k}, %each"))
            code.do(f"call void %kernel(i64 0, i64 {rows}, ptr %table, ptr {own})")
            code.when(code.given("%truth"), lambda: self.without(fold, k, (r, "%own.value"), rows))
            self.add("%own.value", weights, rows, "%values", k)
            self.add(r, weights, rows, "%own.none", "0")

        code.each("k", 0, "%outputs", 1, fit)
        return "%r"

    def without(self, fold: str, k: str, arrays: Sequence[str], rows: str) -> None:
        """Zeros for the rows of a fit's own fold."""
        code = self.code

        def some(j: str) -> None:
            mine = code.let("fold", f"load %bits, ptr {code.at(fold, j, 'i64')}, align 8")
            e = code.vectors("fold")
            own = e.line("truth", f"icmp eq %bits {every(code, k)}, {mine}")
            for at in arrays:
                store(code, own.where(0.0, load(e, code.at(at, j))), code.at(at, j))

        code.each("j", 0, rows, code.width, some)
