"""The pass over a dense X whose Hessian is in single precision, for what only preconditions: at half the price.

    void guess(i64 chunk, ptr job, ptr out, ptr tiles, ptr scratch)

Value and gradient are those of `curve`. Strips of numbers of half the size hold twice as many coordinates, and so does
a register. Blocks are packed one behind the other until DEEP rows are there, because short runs of rows do not pay for
reading and writing all sums; these are added in double.
"""

from __future__ import annotations

from collections.abc import Sequence

from lossmith.backends.llvm_print import Target
from lossmith.backends.llvm_values import Emitter, Value
from lossmith.backends.passes_dense import Sweep, print_loops
from lossmith.backends.passes_rank import WIDE, Panel, print_pack
from lossmith.backends.passes_text import Code, Module, load, store

DEEP = 256
"""Rows that are packed before they are multiplied, at least."""


def depth(block: int) -> int:
    """Rows that are packed in blocks of so many, before they are multiplied."""
    return -(-DEEP // block) * block


def print_module(target: Target) -> str:
    """The text of the module for one element of X and one width."""
    module = Module(target)
    print_loops(module)
    print_rank(module)
    print_pack(module, Panel.single(module))
    Guess(module).print()
    lanes = 2 * module.width
    types = [f"%singles = type <{lanes} x float>"]
    return module.text((__doc__ or "").split("\n\n")[0], types)


class Guess(Sweep):
    """The walk; blocks wait in the scratch until they are enough."""

    def __init__(self, module: Module) -> None:
        super().__init__(module, True, "guess")
        self.index = ""

    def step(self, block: str) -> None:
        """One block, whose number tells its place among those that wait."""
        self.index = block
        super().step(block)

    def bend(self, x: str, rows: str) -> None:
        """Pack the block behind those that wait, and multiply them where it is the last of DEEP rows, or of all."""
        code = self.code
        many = code.let("many", f"udiv i64 {DEEP - 1}, %block")
        many = code.let("many", f"add i64 {many}, 1")
        depth = code.let("depth", f"mul i64 {many}, %block")
        begun = code.let("since", f"sub i64 {self.index}, {code.let('begun', 'mul i64 %turn, %chunk')}")
        turn = code.let("turn", f"urem i64 {begun}, {many}")
        skip = code.let("skip", f"mul i64 {turn}, %block")
        place = code.at("%scratch", code.let("down", f"mul i64 {skip}, {2 * code.width}"), "float")
        takes = f"ptr {x}, i64 {rows}, i64 %p, i64 %stride, i1 %flat, ptr %centre, ptr %factor, i64 %strips"
        code.do(f"call void @pack.single({takes}, ptr %own.h, ptr %own.u, i64 %extra, i64 {depth}, ptr {place})")
        full = code.let("full", f"icmp eq i64 {code.let('after', f'add i64 {turn}, 1')}, {many}")
        last = code.let("last", f"icmp eq i64 {self.index}, %final")
        packed = code.let("packed", f"add i64 {skip}, {rows}")
        rank = f"call void @rank(i64 {packed}, i64 %strips, i64 {depth}, ptr %scratch, ptr %tiles)"
        code.when(code.let("now", f"or i1 {full}, {last}"), lambda: code.do(rank))


def print_rank(module: Module) -> None:
    """All tiles on and above the diagonal: `width` coordinates against 1 to WIDE strips of twice as many.

    Two of the double strips, in which sums are kept, lie in one of these.
    """
    for wide in range(1, WIDE + 1):
        _tile(module, wide)
    takes = "i64 %rows, i64 %strips, i64 %depth, ptr %scratch, ptr %tiles"
    code, width = Code(module, f"define private void @rank({takes})"), module.width
    code.do(f"%pitch = mul i64 %depth, {2 * width}")
    code.do(f"%panel = mul i64 {code.let('all', f'mul i64 %strips, {width}')}, %depth")
    code.do(f"%step = mul i64 %strips, {width * width}")
    code.do("%pairs = lshr i64 %strips, 1")
    odd = code.let("odd", f"urem i64 %pairs, {WIDE}")

    def tile(wide: int, i: str, j: str) -> None:
        """Coordinates of the half strip i against the strips from j on."""
        right = code.at("%scratch", code.let("right", f"mul i64 {j}, %pitch"), "float")
        half = code.let("half", f"mul i64 {code.let('odd', f'and i64 {i}, 1')}, {width}")
        start = code.let("start", f"mul i64 {code.let('pair', f'lshr i64 {i}, 1')}, %pitch")
        left = code.at(code.at("%scratch", "%panel", "float"), code.let("left", f"add i64 {start}, {half}"), "float")
        double = code.let("double", f"shl i64 {j}, 1")
        column = code.at("%tiles", code.let("column", f"mul i64 {double}, %step"))
        out = code.at(column, code.let("down", f"mul i64 {i}, {width * width}"))
        code.do(f"call void @tile{wide}(ptr {left}, ptr {right}, i64 %rows, i64 %pitch, ptr {out}, i64 %step)")

    def group(wide: int, j: str) -> None:
        below = code.let("below", f"shl i64 {code.let('after', f'add i64 {j}, 1')}, 1")
        code.each("i", 0, below, 1, lambda i: tile(wide, i, j))
        for k in range(1, wide):
            strip = code.let("diagonal", f"add i64 {j}, {k}")
            for half in range(2):
                i = code.let("half", f"add i64 {code.let('first', f'shl i64 {strip}, 1')}, {half}")
                tile(wide - k, i, strip)

    def narrow(wide: int) -> None:
        code.when(code.let("narrow", f"icmp eq i64 {odd}, {wide}"), lambda: group(wide, "0"))

    for wide in range(1, WIDE):
        narrow(wide)
    code.each("j", odd, "%pairs", WIDE, lambda j: group(WIDE, j))
    code.done()


def _tile(module: Module, wide: int) -> None:
    """Half a strip against `wide` strips, summed over the rows in registers and added to the sums."""
    takes = "ptr %a, ptr %b, i64 %rows, i64 %pitch, ptr %out, i64 %step"
    code, width = Code(module, f"define private void @tile{wide}({takes})"), module.width
    lanes = 2 * width
    strips = [code.at("%b", code.let("strip", f"mul i64 %pitch, {c}"), "float") for c in range(wide)]
    fma = module.declare("%singles", f"llvm.fma.v{lanes}f32", *["%singles"] * 3)

    def row(k: str, sums: Sequence[str]) -> Sequence[str]:
        place = code.let("place", f"mul i64 {k}, {lanes}")
        left = code.at("%a", place, "float")
        right = [code.let("b", f"load %singles, ptr {code.at(s, place, 'float')}, align 4") for s in strips]
        following = []
        for q in range(width):
            number = code.read("float", left, q, "a")
            lane = code.let("lane", f"insertelement %singles poison, float {number}, i64 0")
            zeros = f"<{lanes} x i32> zeroinitializer"
            a = code.let("every", f"shufflevector %singles {lane}, %singles poison, {zeros}")
            for c, b in enumerate(right):
                products = f"%singles {a}, %singles {b}, %singles {sums[q * wide + c]}"
                following.append(code.let("sum", f"call %singles {fma}({products})"))
        return following

    sums = code.loop("k", 0, "%rows", 1, ["zeroinitializer"] * (width * wide), row, "%singles")
    for c in range(wide):
        for half in range(2):
            out = code.at("%out", code.let("skip", f"mul i64 %step, {2 * c + half}"))
            for q in range(width):
                e, at = code.vectors("sum"), code.at(out, q * width)
                store(code, load(e, at) + _half(code, e, sums[q * wide + c], half), at)
    code.done()


def _half(code: Code, e: Emitter, sums: str, half: int) -> Value:
    """One half of a vector of singles as doubles."""
    width = code.width
    lanes = ", ".join(f"i32 {half * width + q}" for q in range(width))
    part = code.let("half", f"shufflevector %singles {sums}, %singles poison, <{width} x i32> <{lanes}>")
    return e.line("real", f"fpext <{width} x float> {part} to %reals")
