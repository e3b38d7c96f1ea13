"""Slopes of K scores a row as trees want them, compiled: one walk from a host's scores to its float32 arrays.

    void trees(i64 from, i64 to, ptr job, ptr scratch)

Blocks of rows stay in the cache: the scores are fetched from where the host has them (rows or classes side by side,
float32 or float64), the probabilities are those of `llvm_softmax.py`, a kernel, called by its address, gives the slopes
of the formula at the true class's log p, and a Program of each class's p and those slopes gives what is stored.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lossmith import cache
from lossmith.backends import llvm
from lossmith.backends.llvm_print import Target
from lossmith.backends.llvm_softmax import every, print_softmax
from lossmith.backends.llvm_values import Emitter, Value, real_literal
from lossmith.backends.llvm_words import WORDS
from lossmith.backends.passes import TYPES, printer
from lossmith.backends.passes_block import MOST, quietly
from lossmith.backends.passes_classes import BESIDE, average
from lossmith.backends.passes_scores import PITCH, line
from lossmith.backends.passes_text import Code, Module, cells, doubles, load, named, splat, store
from lossmith.backends.threads import run_chunks
from lossmith.program import Arg, Program

Array = NDArray[Any]
SCORES = 60_000
"""Scores of a turn of a thread: enough that threads seldom wait for the interpreter, few enough to share evenly."""
NEAR = 2048
"""Scores of a block: with log p, p and 1 − p they stay in the first-level cache, or else in the second."""
WALK = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)
FIELDS = {
    "outputs": "i64",
    "block": "i64",  # rows of a block
    "raw": "ptr",
    "row": "i64",  # scores from one row to the next
    "class": "i64",  # scores from one class to the next
    "start": "ptr",  # a double for each class, added to its scores
    "truth": "ptr",  # i64: the class of each row
    "weight": "ptr",  # or null
    "kernel": "ptr",  # log p (and the mean of all) to d1, d2 (and dm)
    "params": "ptr",
    "mean": "i64",  # 1: the kernel's second input is the mean of log p, and its third output dm
    "numbers": "ptr",  # the parameters of the Program
    "out.row": "i64",  # as for the scores
    "out.class": "i64",
    "gradient": "ptr",
    "hessian": "ptr",
}
"""What the walk is told, in the order in which it lies in memory, eight bytes each."""


class Job(ctypes.Structure):
    """What the walk is told."""

    _fields_ = [(name, TYPES[kind]) for name, kind in FIELDS.items()]
    alive: object


def filler(
    program: Program,
    numbers: Sequence[float],
    kernel: Any,
    params: Sequence[float],
    raw: Array,
    start: Array,
    truth: NDArray[np.int64],
    weight: Array | None,
    out: tuple[Array, Array],
) -> Callable[[], None]:
    """What fills gradient and curvature (n, K) float32 at the scores start + raw (n, K) of float32 or float64: called
    again, it reads the same arrays again.

    program: p, hit (1 for the class itself), d1, d2, dm, miss (1 − p of the true class) and w to the two outputs;
    kernel: what gives d1, d2 (and dm), compiled; truth (n + LANES,) the classes of the rows; weight (n,) or None.
    """
    (n, count), mean = raw.shape, int("mean_logp" in kernel.program.inputs)
    given, all_params = np.array([*numbers, 0.0]), np.array([*params, 0.0])
    begun = np.ascontiguousarray(start, np.float64)
    steps = [[s // a.itemsize for s in a.strides] for a in (raw, out[0])]
    places = {"raw": raw, "start": begun, "truth": truth, "params": all_params, "numbers": given}
    places |= {"gradient": out[0], "hessian": out[1]}
    if weight is not None:
        places["weight"] = np.ascontiguousarray(weight, np.float64)
    whole = {"row": steps[0][0], "class": steps[0][1], "out.row": steps[1][0], "out.class": steps[1][1], "mean": mean}
    block = min(max(NEAR // count // 16 * 16, 16), MOST)
    told: dict[str, int] = {name: llvm.address(array) for name, array in places.items()}
    job = Job(outputs=count, block=block, kernel=kernel.entry, **told, **whole)
    made = compiled(program, raw.dtype)  # held while it walks: two threads may both have made one, of which one is kept

    job.alive = places, kernel  # the job has only their addresses

    def turn(a: int, b: int) -> None:
        scratch = llvm.room((4 * count * PITCH,), np.dtype(np.float64))
        made.walk(a, b, ctypes.addressof(job), llvm.address(scratch))

    return lambda: run_chunks(turn, 0, n, max(SCORES // count // block, 1) * block)


class Compiled(NamedTuple):
    """The walk, and the engine that must live as long."""

    walk: Any
    engine: Any


@lru_cache(maxsize=64)
def compiled(program: Program, dtype: Any) -> Compiled:
    """The walk for a Program and the scores' type, compiled for this machine."""
    target = llvm.target_of(np.float64)._replace(element=llvm.ELEMENTS[np.dtype(dtype)])
    key = cache.key("trees", program.digest, target, *llvm.host(), printer(), llvm.printer())
    code = cache.data("o", key, lambda: llvm.compile_text(cache.text("ll", key, lambda: source(program, target))))
    engine, (address,) = llvm.link(code, ("trees",))
    return Compiled(WALK(address), engine)


def source(program: Program, target: Target) -> str:
    """The text of the module."""
    module = Module(target)
    print_softmax(module)
    Trees(module, program).print()
    title = f"{(__doc__ or '').splitlines()[0]}\n{program.note}"
    return module.text(title, [f"%singles = type <{target.width} x float>", f"%places = type <{target.width} x ptr>"])


class Trees:
    """The walk over blocks of rows; scratch holds scores, log p, p and 1 − p, a line of PITCH doubles a class each."""

    OWN = ("u", "average", "d1", "d2", "dm", "miss", "w")

    def __init__(self, module: Module, program: Program) -> None:
        self.program = program
        self.code = code = Code(module, "define void @trees(i64 %from, i64 %to, ptr %job, ptr %scratch)")
        code.told(FIELDS)
        for own in self.OWN:
            code.do(f"%own.{own} = alloca [{PITCH} x double], align 64")
        code.do("%array = alloca [4 x ptr], align 64")
        code.do("%table = alloca [5 x ptr], align 64")
        code.do("%sizes = alloca [2 x i64], align 64")

    def print(self) -> None:
        """The whole function."""
        code = self.code
        code.do(f"%size = mul i64 %outputs, {PITCH}")
        for i, name in enumerate(("z", "logp", "p", "rest")):
            skip = code.let("skip", f"mul i64 %size, {i}")
            code.do(f"%{name}.of = getelementptr double, ptr %scratch, i64 {skip}")
            code.do(f"store ptr %{name}.of, ptr {code.at('%array', i, 'ptr')}")
        code.do(f"store i64 %outputs, ptr {code.at('%sizes', 0, 'i64')}")
        code.do(f"store i64 {PITCH}, ptr {code.at('%sizes', 1, 'i64')}")
        code.do("%asked = icmp ne i64 %mean, 0")
        for i, name in enumerate(("u", "average")):
            code.do(f"store ptr %own.{name}, ptr {code.at('%table', i, 'ptr')}")
        for i, name in enumerate(("d1", "d2", "dm")):
            place = code.let("place", f"add i64 %mean, {1 + i}")
            code.do(f"store ptr %own.{name}, ptr {code.at('%table', place, 'ptr')}")
        for name, value in (("dm", "0.0"), ("w", "1.0")):
            self.fill(name, value)
        self.spread()
        more = code.let(
            "more", f"add i64 {code.let('less', 'sub i64 %to, %from')}, {code.let('last', 'sub i64 %block, 1')}"
        )
        code.each("b", 0, code.let("blocks", f"sdiv i64 {more}, %block"), 1, self.block)
        code.done()

    def fill(self, name: str, value: str) -> None:
        """One number for all rows of a block."""
        code = self.code
        code.each("k", 0, PITCH, 1, lambda k: code.do(f"store double {value}, ptr {code.at(f'%own.{name}', k)}"))

    def spread(self) -> None:
        """What is the same for all rows, as vectors: parameters, and the places of a few rows side by side."""
        code, width = self.code, self.code.width
        e = code.vectors("same")
        self.numbers = [
            splat(code, e, code.read("double", "%numbers", i, "number")).text for i in range(len(self.program.params))
        ]
        lanes = ", ".join(f"i64 {i}" for i in range(width))
        self.lanes = {
            step: code.let("lanes", f"mul %bits <{lanes}>, {every(code, f'%{step}')}") for step in ("row", "out.row")
        }
        self.beside = {step: code.let("beside", f"icmp eq i64 %{step}, 1") for step in ("row", "out.row")}
        self.all = f"<{', '.join(['i1 true'] * width)}>"

    def block(self, number: str) -> None:
        """One block of rows."""
        code = self.code
        row = code.let("row", f"add i64 %from, {code.let('before', f'mul i64 {number}, %block')}")
        rows = code.least("%block", code.let("left", f"sub i64 %to, {row}"))
        span = code.span(rows)
        code.each("k", 0, "%outputs", 1, lambda k: self.fetch(row, k, span))
        code.do(f"call void @softmax(i64 0, i64 {rows}, ptr %array, ptr %sizes)")
        truth = code.at("%truth", row, "i64")
        code.each("i", 0, rows, 1, lambda i: self.own(truth, i))
        code.when("%asked", lambda: self.average(rows))
        code.when(code.given("%weight"), lambda: self.weigh(row, span))
        code.do(f"call void %kernel(i64 0, i64 {rows}, ptr %table, ptr %params)")
        code.each("k", 0, "%outputs", 1, lambda k: self.slopes(row, k, span))

    def fetch(self, row: str, k: str, span: tuple[str, str, str]) -> None:
        """A class's scores to the scratch, its start added."""
        code, element = self.code, self.code.module.target.element
        first = code.at("%raw", self.place(row, k, "row", "class"), element)
        start, out = code.read("double", "%start", k, "start"), line(code, "%z.of", k, 0, PITCH)

        def put(j: str, given: Value, e: Emitter) -> None:
            store(code, given + splat(code, e, start), code.at(out, j))

        def near(j: str, _: Sequence[str], mask: str | None) -> Sequence[str]:
            e = code.vectors("near")
            put(j, cells(code, e, code.at(first, j, element), mask), e)
            return ()

        def far(j: str, _: Sequence[str], mask: str | None) -> Sequence[str]:
            e = code.vectors("far")
            name = f"llvm.masked.gather.v{code.width}f{8 * code.module.target.bytes}.v{code.width}p0"
            gather = code.module.declare("%stored", name, "%places", "i32", "%truths", "%stored")
            places = self.places(first, j, "row", element)
            lanes = (
                f"%places {places}, i32 {code.module.target.bytes}, %truths {mask or self.all}, %stored zeroinitializer"
            )
            kept = code.let("cells", f"call %stored {gather}({lanes})")
            wide = "bitcast" if element == "double" else "fpext"
            put(j, e.line("real", f"{wide} %stored {kept} to %reals"), e)
            return ()

        ways = [quietly(partial(code.along, span, (), way)) for way in (near, far)]
        code.when(self.beside["row"], *ways)

    def place(self, row: str, k: str, along: str, across: str) -> str:
        """Which element of an array a row's k-th is."""
        code = self.code
        down, over = code.let("down", f"mul i64 {row}, %{along}"), code.let("over", f"mul i64 {k}, %{across}")
        return code.let("place", f"add i64 {down}, {over}")

    def places(self, first: str, j: str, step: str, element: str) -> str:
        """The addresses of a vector's worth of rows."""
        code = self.code
        base = code.at(first, code.let("skip", f"mul i64 {j}, %{step}"), element)
        return code.let("places", f"getelementptr {element}, ptr {base}, %bits {self.lanes[step]}")

    def own(self, truth: str, i: str) -> None:
        """log p of a row's true class, kept off 0, and 1 − p."""
        code = self.code
        k = code.read("i64", truth, i, "k")
        at = code.let("cell", f"add i64 {code.let('line', f'mul i64 {k}, {PITCH}')}, {i}")
        logp = code.read("double", "%logp.of", at, "logp")
        sure = code.let("sure", f"fcmp ogt double {logp}, {real_literal(BESIDE)}")
        u = code.let("u", f"select i1 {sure}, double {real_literal(BESIDE)}, double {logp}")
        code.do(f"store double {u}, ptr {code.at('%own.u', i)}")
        code.do(f"store double {code.read('double', '%rest.of', at, 'rest')}, ptr {code.at('%own.miss', i)}")

    def average(self, rows: str) -> None:
        """The mean of all classes' log p."""
        code = self.code
        code.do("%count = sitofp i64 %outputs to double")
        code.do("%share = fdiv double 1.0, %count")
        average(code, rows)

    def weigh(self, row: str, span: tuple[str, str, str]) -> None:
        """The weights of the rows."""
        code, first = self.code, self.code.at("%weight", row)

        def some(j: str, _: Sequence[str], mask: str | None) -> Sequence[str]:
            store(code, doubles(code, code.vectors("weight"), code.at(first, j), mask), code.at("%own.w", j))
            return ()

        code.along(span, (), some)

    def slopes(self, row: str, k: str, span: tuple[str, str, str]) -> None:
        """The Program for one class, stored where the host reads it."""
        code = self.code
        place = self.place(row, k, "out.row", "out.class")
        firsts = [code.at(f"%{name}", place, "float") for name in ("gradient", "hessian")]
        truth = code.at("%truth", row, "i64")
        p, which = line(code, "%p.of", k, 0, PITCH), every(code, k)

        def some(near: bool) -> None:
            def body(j: str, _: Sequence[str], mask: str | None) -> Sequence[str]:
                e = code.vectors("class")
                mine = code.let("mine", f"load %bits, ptr {code.at(truth, j, 'i64')}, align 8")
                table = {name: load(e, code.at(f"%own.{name}", j)) for name in ("d1", "d2", "dm", "miss", "w")}
                table["hit"] = e.line("truth", f"icmp eq %bits {which}, {mine}").where(1.0, 0.0)
                table["p"] = load(e, code.at(p, j))
                for first, found in zip(firsts, self.formula(e, table), strict=True):
                    self.put(first, j, found, mask, near)
                return ()

            code.along(span, (), body)

        code.when(self.beside["out.row"], lambda: some(True), lambda: some(False))

    def formula(self, e: Emitter, table: dict[str, Value]) -> list[Value]:
        """The Program's outputs."""
        table |= {name: named(e, text) for name, text in zip(self.program.params, self.numbers, strict=True)}

        def get(arg: Arg) -> Value:
            return table[arg] if isinstance(arg, str) else e.lift(float(arg), "real")

        for step in self.program.steps:
            table[step.name] = WORDS[step.word](*map(get, step.args))
        return [get(arg) for _, arg in self.program.outputs]

    def put(self, first: str, j: str, value: Value, mask: str | None, near: bool) -> None:
        """A vector, rounded to float32, to rows side by side or to each row's own place."""
        code, width = self.code, self.code.width
        short = code.let("short", f"fptrunc {value.typed} to %singles")
        if not near:
            scatter = code.module.declare(
                "void", f"llvm.masked.scatter.v{width}f32.v{width}p0", "%singles", "%places", "i32", "%truths"
            )
            places = self.places(first, j, "out.row", "float")
            code.do(f"call void {scatter}(%singles {short}, %places {places}, i32 4, %truths {mask or self.all})")
        elif mask is None:
            code.do(f"store %singles {short}, ptr {code.at(first, j, 'float')}, align 4")
        else:
            some = code.module.declare("void", f"llvm.masked.store.v{width}f32.p0", "%singles", "ptr", "%truths")
            code.do(f"call void {some}(%singles {short}, ptr align 4 {code.at(first, j, 'float')}, %truths {mask})")
