"""A `Program` as LLVM IR text: one function with the mathematics, one loop over the rows with a masked tail.

    void kernel(i64 from, i64 to, ptr arrays, ptr params)

`arrays` holds the addresses of the inputs, then of the outputs; `params` holds the parameters as doubles. Rows from
`from` to `to` (exclusive) are read and written, no others. `stream` is the same past the cache, for outputs whose rows
`from` lie on 64-byte boundaries.
"""

from __future__ import annotations

from typing import NamedTuple

from lossmith.backends.llvm_values import Emitter, Value
from lossmith.backends.llvm_words import WORDS
from lossmith.program import Arg, Program


class Target(NamedTuple):
    """What a kernel is printed for: element type of the arrays ("double" or "float") and lanes per vector."""

    element: str
    width: int

    @property
    def real(self) -> str:
        """The vector type that is computed with."""
        return f"<{self.width} x double>"

    @property
    def stored(self) -> str:
        """The vector type in memory."""
        return f"<{self.width} x {self.element}>"

    @property
    def bytes(self) -> int:
        """Bytes per element in memory."""
        return 8 if self.element == "double" else 4


class Body(NamedTuple):
    """The mathematics of a program: lines computed once, lines per vector, and what the latter need and give."""

    once: list[str]
    each: list[str]
    needs: list[str]
    results: list[Value]
    declared: list[str]


def print_module(program: Program, target: Target) -> str:
    """The text of the module for this program."""
    body = print_body(program, target)
    title = [f"; {line}" for line in (program.note or "a program without a note").splitlines()]
    signature = f"; inputs {names(program.inputs)}; parameters {names(program.params)}; outputs {names(program.wants)}"
    parts = [
        "\n".join([*title, signature, f"; {target.width} rows at a time, {target.element} in memory"]),
        "\n".join([*body.declared, *masked_declarations(target)]),
        print_formula(program, body, target),
        print_kernel(program, body, target),
        print_stream(program, body, target),
    ]
    return "\n\n".join(parts) + "\n"


def names(words: tuple[str, ...]) -> str:
    """Names for a comment."""
    return ", ".join(words) or "none"


def print_body(program: Program, target: Target) -> Body:
    """Walk the steps, each word printing its lines."""
    e = Emitter(target.width, brief=target.element == "float")
    table = {n: e.named(n, varies=True) for n in program.inputs}
    table |= {n: e.named(n, varies=False) for n in program.params}

    def get(a: Arg) -> Value:
        return table[a] if isinstance(a, str) else e.lift(float(a), "real")

    for step in program.steps:
        e.hint = step.name
        e.comment(str(step))
        table[step.name] = WORDS[step.word](*map(get, step.args))
    results = [get(a) for _, a in program.outputs]
    e.need(*results)
    return Body(e.once, e.each, list(e.needs), results, list(e.declared.values()))


def masked_declarations(target: Target) -> list[str]:
    """The loads and stores of the tail."""
    suffix = f"v{target.width}{'f64' if target.element == 'double' else 'f32'}.p0"
    lanes = f"<{target.width} x i1>"
    return [
        f"declare {target.stored} @llvm.masked.load.{suffix}(ptr, {lanes}, {target.stored})",
        f"declare void @llvm.masked.store.{suffix}({target.stored}, ptr, {lanes})",
    ]


def gives(body: Body, target: Target) -> str:
    """The type that the formula returns."""
    return "{ " + ", ".join([target.real] * len(body.results)) + " }"


def print_formula(program: Program, body: Body, target: Target) -> str:
    """The mathematics on one vector of rows."""
    arguments = [f"{target.real} %{n}" for n in program.inputs] + [f"{target.real} {n}" for n in body.needs]
    whole = gives(body, target)
    lines = [f"define private {whole} @formula({', '.join(arguments)}) alwaysinline {{", *body.each]
    before = "poison"
    for i, ((name, _), value) in enumerate(zip(program.outputs, body.results, strict=True)):
        lines.append(f"  %give.{i} = insertvalue {whole} {before}, {value.typed}, {i}  ; {name}")
        before = f"%give.{i}"
    return "\n".join([*lines, f"  ret {whole} {before}", "}"])


def print_entry(program: Program, body: Body, target: Target) -> list[str]:
    """Addresses and parameters, and what depends on parameters only."""
    lines = []
    for i, name in enumerate((*program.inputs, *outputs(program))):
        lines.append(f"  %{name}.slot = getelementptr ptr, ptr %arrays, i64 {i}")
        lines.append(f"  %{name}.base = load ptr, ptr %{name}.slot")
    for i, name in enumerate(program.params):
        lines.append(f"  %{name}.slot = getelementptr double, ptr %params, i64 {i}")
        lines.append(f"  %{name}.one = load double, ptr %{name}.slot")
        lines.append(f"  %{name}.lane = insertelement {target.real} poison, double %{name}.one, i64 0")
        splat = f"{target.real} poison, <{target.width} x i32> zeroinitializer"
        lines.append(f"  %{name} = shufflevector {target.real} %{name}.lane, {splat}")
    return [*lines, *body.once]


def outputs(program: Program) -> list[str]:
    """Names for the outputs that no step or input can have."""
    return [f"out.{name}" for name in program.wants]


def print_rows(program: Program, body: Body, target: Target, tag: str, mask: str, row: str, temporal: bool) -> list[str]:
    """Load a vector of each input at `row`, apply the formula, store each output; `mask` is "" for whole vectors."""
    lines, given = [], []
    for name in program.inputs:
        at, value = f"%{name}.at.{tag}", f"%{name}.{tag}"
        lines.append(f"  {at} = getelementptr {target.element}, ptr %{name}.base, i64 {row}")
        lines.append(f"  {value}.raw = {load(target, at, mask)}")
        lines.append(f"  {value} = {widen(target, f'{value}.raw')}")
        given.append(f"{target.real} {value}")
    given += [f"{target.real} {n}" for n in body.needs]
    whole = gives(body, target)
    lines.append(f"  %result.{tag} = call {whole} @formula({', '.join(given)})")
    for i, name in enumerate(outputs(program)):
        at, value = f"%{name}.at.{tag}", f"%{name}.{tag}"
        lines.append(f"  {value} = extractvalue {whole} %result.{tag}, {i}")
        lines.append(f"  {value}.raw = {narrow(target, value)}")
        lines.append(f"  {at} = getelementptr {target.element}, ptr %{name}.base, i64 {row}")
        lines.append(f"  {store(target, f'{value}.raw', at, mask, temporal)}")
    return lines


def load(target: Target, at: str, mask: str) -> str:
    """A load of a vector, or of the lanes of a mask."""
    if not mask:
        return f"load {target.stored}, ptr {at}, align {target.bytes}"
    suffix = f"v{target.width}{'f64' if target.element == 'double' else 'f32'}.p0"
    place = f"ptr align {target.bytes} {at}, <{target.width} x i1> {mask}, {target.stored} zeroinitializer"
    return f"call {target.stored} @llvm.masked.load.{suffix}({place})"


def store(target: Target, value: str, at: str, mask: str, temporal: bool) -> str:
    """A store of a vector, or of the lanes of a mask."""
    if not mask:
        how = f"align {target.bytes}" if temporal else f"align {target.width * target.bytes}, !nontemporal !0"
        return f"store {target.stored} {value}, ptr {at}, {how}"
    suffix = f"v{target.width}{'f64' if target.element == 'double' else 'f32'}.p0"
    place = f"{target.stored} {value}, ptr align {target.bytes} {at}, <{target.width} x i1> {mask}"
    return f"call void @llvm.masked.store.{suffix}({place})"


def widen(target: Target, name: str) -> str:
    """Memory's element to double."""
    cast = "fpext" if target.element == "float" else "bitcast"
    return f"{cast} {target.stored} {name} to {target.real}"


def narrow(target: Target, name: str) -> str:
    """Double to memory's element."""
    cast = "fptrunc" if target.element == "float" else "bitcast"
    return f"{cast} {target.real} {name} to {target.stored}"


def print_kernel(program: Program, body: Body, target: Target) -> str:
    """The loop over whole vectors, then a masked tail."""
    lanes = ", ".join(f"i64 {i}" for i in range(target.width))
    many = f"<{target.width} x i64>"
    return "\n".join(
        [
            "define void @kernel(i64 %rows.from, i64 %rows.to, ptr %arrays, ptr %params) {",
            "entry:",
            *print_entry(program, body, target),
            "  br label %loop",
            "loop:",
            "  %rows.at = phi i64 [ %rows.from, %entry ], [ %rows.next, %whole ]",
            f"  %rows.next = add i64 %rows.at, {target.width}",
            "  %rows.fit = icmp sle i64 %rows.next, %rows.to",
            "  br i1 %rows.fit, label %whole, label %rest",
            "whole:",
            *print_rows(program, body, target, "whole", "", "%rows.at", temporal=True),
            "  br label %loop",
            "rest:",
            "  %rows.left = sub i64 %rows.to, %rows.at",
            "  %rows.some = icmp sgt i64 %rows.left, 0",
            "  br i1 %rows.some, label %tail, label %done",
            "tail:",
            f"  %left.lane = insertelement {many} poison, i64 %rows.left, i64 0",
            f"  %left.all = shufflevector {many} %left.lane, {many} poison, <{target.width} x i32> zeroinitializer",
            f"  %rows.mask = icmp slt {many} <{lanes}>, %left.all",
            *print_rows(program, body, target, "tail", "%rows.mask", "%rows.at", temporal=True),
            "  br label %done",
            "done:",
            "  ret void",
            "}",
        ]
    )


def print_stream(program: Program, body: Body, target: Target) -> str:
    """The loop with stores that go past the cache; the last rows are left to `kernel`."""
    return "\n".join(
        [
            "define void @stream(i64 %rows.from, i64 %rows.to, ptr %arrays, ptr %params) {",
            "entry:",
            *print_entry(program, body, target),
            "  br label %loop",
            "loop:",
            "  %rows.at = phi i64 [ %rows.from, %entry ], [ %rows.next, %whole ]",
            f"  %rows.next = add i64 %rows.at, {target.width}",
            "  %rows.fit = icmp sle i64 %rows.next, %rows.to",
            "  br i1 %rows.fit, label %whole, label %rest",
            "whole:",
            *print_rows(program, body, target, "whole", "", "%rows.at", temporal=False),
            "  br label %loop",
            "rest:",
            "  fence seq_cst",
            "  call void @kernel(i64 %rows.at, i64 %rows.to, ptr %arrays, ptr %params)",
            "  ret void",
            "}",
            "",
            "!0 = !{i32 1}",
        ]
    )
