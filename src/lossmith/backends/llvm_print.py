"""A `Program` as LLVM IR text: one function with the mathematics, and loops over the rows with a masked tail.

    void kernel(i64 from, i64 to, ptr arrays, ptr params)

`arrays` holds the addresses of the inputs, then of the outputs; `params` holds the parameters as doubles. Rows from
`from` to `to` (exclusive) are read and written, no others. `stream` does the same with stores that go past the cache;
it needs row `from` of every output to lie on a boundary of one vector. No fast-math flag appears: NaN, ±∞ and the order
of operations are kept. A Program with watches (`backends/wide.py`) also counts in `hard` the calls that met such rows.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import NamedTuple

from lossmith.backends.careful import careful
from lossmith.backends.llvm_core import absolute
from lossmith.backends.llvm_values import Emitter, Value
from lossmith.backends.llvm_words import REST_WORDS, WORDS
from lossmith.backends.wide import Watch, watches
from lossmith.program import Arg, Program


class Target(NamedTuple):
    """What a kernel is printed for: the element type of the arrays ("double" or "float") and lanes per vector."""

    element: str
    width: int

    @property
    def bytes(self) -> int:
        """Bytes per element in memory."""
        return 8 if self.element == "double" else 4


def _within(value: Value, low: float, high: float) -> Value:
    """Is a value strictly between two numbers?"""
    return (value > low) & (value < high)


def print_module(program: Program, target: Target) -> str:
    """The text of the module for this program."""
    return Printer(program, target).module()


@dataclass(frozen=True)
class Printer:
    """Prints one program for one target."""

    program: Program
    target: Target

    def module(self) -> str:
        """Everything, in the order in which one reads it."""
        e, _ = self.body
        types = [*e.types(), *self.memory_types()]
        parts = [self.title(), types, self.counter(), self.formula(), self.kernel(), self.stream()]
        return "\n\n".join("\n".join(p) for p in [*parts, [*e.declared.values(), *self.declared()]] if p) + "\n"

    @cached_property
    def body(self) -> tuple[Emitter, list[Value]]:
        """The lines of the mathematics, each step printed by its word; the values of the outputs, and what is hard."""
        e = Emitter(self.target.width, brief=self.target.element == "float")
        table = {n: e.named(n, varies=True) for n in self.program.inputs}
        table |= {n: e.named(n, varies=False) for n in self.program.params}

        def get(a: Arg) -> Value:
            return table[a] if isinstance(a, str) else e.lift(float(a), "real")

        plan = self.program if e.brief else careful(self.program)
        for step in plan.steps:
            e.hint = step.name
            e.comment(str(step))
            table[step.name] = (WORDS | REST_WORDS)[step.word](*map(get, step.args))
            e.christen(table[step.name], step.name)
        results = [get(a) for _, a in plan.outputs]
        if self.watched:
            e.hint = "hard"
            e.comment("rows to be computed again, with more digits and larger exponents")
            sizes = [_within(absolute(table[w.name]), *r) for w in self.watched for r in w.sizes]
            places = [_within(table[w.name], *r) for w in self.watched for r in w.ranges]
            results.append(reduce(operator.or_, [*sizes, *places]))
        e.need(*results)
        return e, results

    @cached_property
    def watched(self) -> tuple[Watch, ...]:
        """What may make a row hard; float32 inputs are never too large or too small for float64 themselves."""
        found = watches(self.program)
        return found if self.target.element == "double" else tuple(w._replace(sizes=()) for w in found if w.ranges)

    def title(self) -> list[str]:
        """The formula and the meaning of the arguments, as comments."""
        program, target = self.program, self.target
        lists = {"inputs": program.inputs, "parameters": program.params, "outputs": program.wants}
        meaning = "; ".join(f"{kind} {', '.join(names) or 'none'}" for kind, names in lists.items())
        note = [line for line in program.note.splitlines() if line.strip()]
        return [f"; {line}" for line in [*note, meaning, f"{target.width} rows at a time, {target.element} in memory"]]

    def memory_types(self) -> list[str]:
        """The types of a vector in memory and of what the formula gives."""
        give = ", ".join(["%reals"] * len(self.program.outputs) + ["%truths"] * bool(self.watched))
        return [f"%stored = type <{self.target.width} x {self.target.element}>", f"%results = type {{ {give} }}"]

    def formula(self) -> list[str]:
        """The mathematics on one vector of rows."""
        e, results = self.body
        taken = ", ".join([*(f"%reals %{n}" for n in self.program.inputs), *(v.typed for v in e.needs.values())])
        lines, before = [f"define private %results @formula({taken}) alwaysinline {{", *e.each], "poison"
        names = [*self.program.wants, *["hard"] * bool(self.watched)]
        for i, (name, value) in enumerate(zip(names, results, strict=True)):
            lines.append(f"  %give.{i} = insertvalue %results {before}, {value.typed}, {i}  ; {name}")
            before = f"%give.{i}"
        return [*lines, f"  ret %results {before}", "}"]

    def kernel(self) -> list[str]:
        """The loop over whole vectors, then one vector under a mask."""
        width = self.target.width
        splat = f"<{width} x i64> %left.lane, <{width} x i64> poison, <{width} x i32> zeroinitializer"
        return [
            "define void @kernel(i64 %rows.from, i64 %rows.to, ptr %all.arrays, ptr %all.params) {",
            *self.loop(streamed=False),
            "rows.rest:",
            "  %rows.left = sub i64 %rows.to, %rows.at",
            "  %rows.some = icmp sgt i64 %rows.left, 0",
            f"  br i1 %rows.some, label %rows.tail, label %{'rows.count' if self.watched else 'rows.done'}",
            "rows.tail:",
            "  %left.lane = insertelement %bits poison, i64 %rows.left, i64 0",
            f"  %left.all = shufflevector {splat}",
            f"  %rows.mask = icmp slt %bits <{', '.join(f'i64 {i}' for i in range(width))}>, %left.all",
            *self.rows("tail", masked=True, streamed=False),
            *(self.counted("%hard.whole", tail=True) if self.watched else ["  br label %rows.done"]),
            "rows.done:",
            "  ret void",
            "}",
        ]

    def stream(self) -> list[str]:
        """The loop with stores past the cache; the last rows are left to `kernel`."""
        return [
            "define void @stream(i64 %rows.from, i64 %rows.to, ptr %all.arrays, ptr %all.params) {",
            *self.loop(streamed=True),
            "rows.rest:",
            "  fence seq_cst",
            "  call void @kernel(i64 %rows.at, i64 %rows.to, ptr %all.arrays, ptr %all.params)",
            *(self.counted("%hard.whole", tail=False) if self.watched else ["  ret void"]),
            *(["rows.done:", "  ret void"] if self.watched else []),
            "}",
            "!0 = !{i32 1}",
        ]

    def loop(self, streamed: bool) -> list[str]:
        """What is computed once, and the loop as far as there are whole vectors."""
        return [
            "rows.entry:",
            *self.entry(),
            "  br label %rows.loop",
            "rows.loop:",
            "  %rows.at = phi i64 [ %rows.from, %rows.entry ], [ %rows.next, %rows.whole ]",
            *(self.alarm() if self.watched else []),
            f"  %rows.next = add i64 %rows.at, {self.target.width}",
            "  %rows.fit = icmp sle i64 %rows.next, %rows.to",
            "  br i1 %rows.fit, label %rows.whole, label %rows.rest",
            "rows.whole:",
            *self.rows("whole", masked=False, streamed=streamed),
            "  br label %rows.loop",
        ]

    def counter(self) -> list[str]:
        """How many calls have met a hard row since the module was loaded."""
        return ["@hard = global i64 0"] if self.watched else []

    def alarm(self) -> list[str]:
        """The lanes in which a hard row has been met."""
        return [
            "  %hard.whole = phi %truths [ zeroinitializer, %rows.entry ], [ %hard.more, %rows.whole ]",
        ]

    def counted(self, whole: str, tail: bool) -> list[str]:
        """Count this call if any lane has met a hard row."""
        some = f"@llvm.vector.reduce.or.v{self.target.width}i1"
        tails = f"phi %truths [ {whole}, %rows.rest ], [ %hard.masked, %rows.tail ]"
        found = tails if tail else f"or %truths {whole}, {whole}"
        more = [*[f"  %hard.masked = or %truths %hard.kept, {whole}"] * tail, "  br label %rows.count"]
        return [
            *more,
            "rows.count:",
            f"  %hard.all = {found}",
            f"  %hard.any = call i1 {some}(%truths %hard.all)",
            "  br i1 %hard.any, label %rows.hard, label %rows.done",
            "rows.hard:",
            "  %hard.before = atomicrmw add ptr @hard, i64 1 monotonic",
            "  br label %rows.done",
        ]

    def entry(self) -> list[str]:
        """Addresses, parameters, and what depends on parameters only."""
        lines = []
        for i, name in enumerate((*self.program.inputs, *self.outputs())):
            lines.append(f"  %{name}.slot = getelementptr ptr, ptr %all.arrays, i64 {i}")
            lines.append(f"  %{name}.base = load ptr, ptr %{name}.slot")
        zeros = f"<{self.target.width} x i32> zeroinitializer"
        for i, name in enumerate(self.program.params):
            lines.append(f"  %{name}.slot = getelementptr double, ptr %all.params, i64 {i}")
            lines.append(f"  %{name}.one = load double, ptr %{name}.slot")
            lines.append(f"  %{name}.lane = insertelement %reals poison, double %{name}.one, i64 0")
            lines.append(f"  %{name} = shufflevector %reals %{name}.lane, %reals poison, {zeros}")
        return [*lines, *self.body[0].once]

    def rows(self, tag: str, masked: bool, streamed: bool) -> list[str]:
        """Load a vector of each input, apply the formula, store each output."""
        lines = []
        for name in self.program.inputs:
            lines.append(self.place(name, tag))
            lines.append(f"  %{name}.{tag}.stored = {self.load(f'%{name}.at.{tag}', masked)}")
            lines.append(f"  %{name}.{tag} = {self.cast('fpext', '%stored', f'%{name}.{tag}.stored', '%reals')}")
        given = [f"%reals %{n}.{tag}" for n in self.program.inputs] + [v.typed for v in self.body[0].needs.values()]
        lines.append(f"  %results.{tag} = call %results @formula({', '.join(given)})")
        if self.watched:
            lines.append(f"  %hard.{tag}.now = extractvalue %results %results.{tag}, {len(self.program.outputs)}")
            more = "%hard.kept = and %truths %rows.mask" if masked else "%hard.more = or %truths %hard.whole"
            lines.append(f"  {more}, %hard.{tag}.now")
        for i, name in enumerate(self.outputs()):
            lines.append(f"  %{name}.{tag} = extractvalue %results %results.{tag}, {i}")
            lines.append(f"  %{name}.{tag}.stored = {self.cast('fptrunc', '%reals', f'%{name}.{tag}', '%stored')}")
            lines.append(self.place(name, tag))
            lines.append(f"  {self.store(f'%{name}.{tag}.stored', f'%{name}.at.{tag}', masked, streamed)}")
        return lines

    def outputs(self) -> list[str]:
        """Names for the outputs that no step or input can have."""
        return [f"out.{name}" for name in self.program.wants]

    def place(self, name: str, tag: str) -> str:
        """The address of the current row of an array."""
        return f"  %{name}.at.{tag} = getelementptr {self.target.element}, ptr %{name}.base, i64 %rows.at"

    def cast(self, how: str, old: str, value: str, new: str) -> str:
        """Between the element in memory and double."""
        return f"{'bitcast' if self.target.element == 'double' else how} {old} {value} to {new}"

    def load(self, at: str, masked: bool) -> str:
        """A load of a vector, or of the lanes of the mask."""
        align = f"align {self.target.bytes}"
        if masked:
            where = f"ptr {align} {at}, %truths %rows.mask, %stored zeroinitializer"
            return f"call %stored @llvm.masked.load.{self.suffix}({where})"
        return f"load %stored, ptr {at}, {align}"

    def store(self, value: str, at: str, masked: bool, streamed: bool) -> str:
        """A store of a vector, of the lanes of the mask, or of a vector past the cache."""
        align = f"align {self.target.bytes}"
        if masked:
            return f"call void @llvm.masked.store.{self.suffix}(%stored {value}, ptr {align} {at}, %truths %rows.mask)"
        past = f"align {self.target.bytes * self.target.width}, !nontemporal !0"
        return f"store %stored {value}, ptr {at}, {past if streamed else align}"

    @property
    def suffix(self) -> str:
        """How LLVM's intrinsics name the type in memory."""
        return f"v{self.target.width}f{8 * self.target.bytes}.p0"

    def declared(self) -> list[str]:
        """The loads and stores under a mask."""
        some = f"@llvm.vector.reduce.or.v{self.target.width}i1"
        reduced = [f"declare i1 {some}(%truths)"] if self.watched and some not in self.body[0].declared else []
        return [
            *reduced,
            f"declare %stored @llvm.masked.load.{self.suffix}(ptr, %truths, %stored)",
            f"declare void @llvm.masked.store.{self.suffix}(%stored, ptr, %truths)",
        ]
