"""The walk for a loss of K classes: all probabilities, the kernel at the true class's log p, slopes and curvatures."""

from __future__ import annotations

from collections.abc import Sequence

from lossmith.backends.llvm_values import real_literal
from lossmith.backends.passes_outputs import Several, clear
from lossmith.backends.passes_scores import PITCH, line
from lossmith.backends.passes_text import Code, Module, load, named, splat, store

BESIDE = -1e-100
"""A log-probability of 0 is taken as this: a slope may be 0/0 there."""


class Classes(Several):
    """A loss of K classes: scratch holds scores, log p, p and 1 − p; slopes take the place of the scores."""

    OWN = ("u", "average", "value", "d1", "dm", "d2", "h", "none")

    def __init__(self, module: Module, curved: bool) -> None:
        self.curved = curved
        self.more = ", ptr %tiles, ptr %packed" if curved else ""
        super().__init__(module, "curves" if curved else "classes")

    def begin(self) -> None:
        """The arrays of the block, for the softmax and for the kernel; what the kernel does not give is 0."""
        code = self.code
        code.do("%array = alloca [4 x ptr], align 64")
        for i, name in enumerate(("z", "logp", "p", "rest")):
            if i:
                skip = code.let("skip", f"mul i64 %size, {i}")
                code.do(f"%{name}.of = getelementptr double, ptr %scratch, i64 {skip}")
            code.do(f"store ptr %{name}{'.of' if i else ''}, ptr {code.at('%array', i, 'ptr')}")
        code.do(f"store i64 %outputs, ptr {code.at('%sizes', 0, 'i64')}")
        code.do(f"store i64 {PITCH}, ptr {code.at('%sizes', 1, 'i64')}")
        code.do("%count = sitofp i64 %outputs to double")
        code.do("%share = fdiv double 1.0, %count")
        for array in ("%own.dm", "%own.none"):
            clear(code, array, PITCH)
        places = {"u": "0", "average": "1"}
        for name, first, times in (("value", 1, 1), ("d1", 2, 1), ("dm", 3, 1), ("d2", 3, 2)):
            places[name] = code.let("place", f"add i64 {first}, {code.let('more', f'mul i64 %mean, {times}')}")
        for name in ("u", "average", "value", "d1", "dm", *(["d2"] if self.curved else [])):
            code.do(f"store ptr %own.{name}, ptr {code.at('%table', places[name], 'ptr')}")

    def ask(self, row: str, rows: str) -> str:
        """Probabilities, the kernel at each row's true class, and the slopes of all scores."""
        code = self.code
        code.do(f"call void @softmax(i64 0, i64 {rows}, ptr %array, ptr %sizes)")
        truth = code.at("%truth", row, "i64")
        names = ("value", "d1", "dm", "d2")[: 4 if self.curved else 3]
        self.ends([f"%own.{name}" for name in names], rows)
        code.each("i", 0, rows, 1, lambda i: self.own(truth, i))
        code.when(code.let("asked", "icmp ne i64 %mean, 0"), lambda: average(code, rows))
        code.do(f"call void %kernel(i64 0, i64 {rows}, ptr %table, ptr %params)")
        weights = self.weights(row)
        for name in names:
            self.add(f"%own.{name}", weights, rows, "%values" if name == "value" else "%own.none", "0")
        code.each("k", 0, "%outputs", 1, lambda k: self.slopes(k, rows))
        code.each("i", 0, rows, 1, lambda i: self.true(truth, i))
        return "%z"

    def cell(self, truth: str, i: str) -> str:
        """Where a row's true class stands among the scores."""
        code = self.code
        k = code.read("i64", truth, i, "k")
        return code.let("cell", f"add i64 {code.let('line', f'mul i64 {k}, {PITCH}')}, {i}")

    def own(self, truth: str, i: str) -> None:
        """log p of a row's true class, kept off 0."""
        code = self.code
        logp = code.read("double", "%logp.of", self.cell(truth, i), "logp")
        sure = code.let("sure", f"fcmp ogt double {logp}, {real_literal(BESIDE)}")
        u = code.let("u", f"select i1 {sure}, double {real_literal(BESIDE)}, double {logp}")
        code.do(f"store double {u}, ptr {code.at('%own.u', i)}")

    def slopes(self, k: str, rows: str) -> None:
        """r = −d1 p + dm (1/K − p), right for all classes but the true one."""
        code = self.code
        p, out = line(code, "%p.of", k, 0, PITCH), line(code, "%z", k, 0, PITCH)

        def some(j: str) -> None:
            e = code.vectors("slope")
            share, own = splat(code, e, "%share"), load(e, code.at(p, j))
            d1, dm = load(e, code.at("%own.d1", j)), load(e, code.at("%own.dm", j))
            store(code, dm * (share - own) - d1 * own, code.at(out, j))

        code.each("j", 0, rows, code.width, some)

    def true(self, truth: str, i: str) -> None:
        """r = d1 (1 − p) + dm (1/K − p) of the true class, 1 − p with its own digits."""
        code, at = self.code, self.cell(truth, i)
        d1, dm = code.read("double", "%own.d1", i, "d1"), code.read("double", "%own.dm", i, "dm")
        p, rest = code.read("double", "%p.of", at, "p"), code.read("double", "%rest.of", at, "rest")
        one = code.let("one", f"fmul double {d1}, {rest}")
        other = code.let("other", f"fmul double {dm}, {code.let('less', f'fsub double %share, {p}')}")
        code.do(f"store double {code.let('r', f'fadd double {one}, {other}')}, ptr {code.at('%z', at)}")

    def bend(self, x: str, row: str, rows: str) -> None:
        """For every pair of classes Σ h x xᵀ with h = d2 t_a t_b + (d1 + dm) p_a p_b, where t = e_y − p.

        (For a = b the last term is −(d1 + dm) p_a (1 − p_a).)
        """
        if not self.curved:
            return
        code = self.code
        truth = code.at("%truth", row, "i64")
        code.each("k", 0, "%outputs", 1, lambda k: self.toward(k, rows))
        code.each("i", 0, rows, 1, lambda i: self.toward_own(truth, i))
        takes = f"ptr {x}, i64 {rows}, i64 %p, i64 %stride, i1 true, ptr %centre, ptr %factor, i64 %strips"
        code.do(f"call void @pack({takes}, ptr %own.d2, ptr %own.u, i64 -1, i64 %block, ptr %packed)")
        code.each("a", 0, "%outputs", 1, lambda a: code.each("b", a, "%outputs", 1, lambda b: self.pair(a, b, rows)))

    def toward(self, k: str, rows: str) -> None:
        """t = −p, in the place of log p; and d1 + dm in that of u."""
        code = self.code
        p, out = line(code, "%p.of", k, 0, PITCH), line(code, "%logp.of", k, 0, PITCH)

        def some(j: str) -> None:
            e = code.vectors("toward")
            store(code, -load(e, code.at(p, j)), code.at(out, j))
            store(code, load(e, code.at("%own.d1", j)) + load(e, code.at("%own.dm", j)), code.at("%own.u", j))

        code.each("j", 0, rows, code.width, some)

    def toward_own(self, truth: str, i: str) -> None:
        """t = 1 − p of the true class."""
        at = self.cell(truth, i)
        rest = self.code.read("double", "%rest.of", at, "rest")
        self.code.do(f"store double {rest}, ptr {self.code.at('%logp.of', at)}")

    def pair(self, a: str, b: str, rows: str) -> None:
        """One pair of classes: its h, the block times h, and the tiles."""
        code = self.code
        ta, tb = (line(code, "%logp.of", k, 0, PITCH) for k in (a, b))
        pa, pb, rest = (
            line(code, "%p.of", a, 0, PITCH),
            line(code, "%p.of", b, 0, PITCH),
            line(code, "%rest.of", a, 0, PITCH),
        )
        same = code.let("same", f"icmp eq i64 {a}, {b}")
        other = code.let("other", f"select i1 {same}, ptr {rest}, ptr {pb}")
        sign = code.let("sign", f"select i1 {same}, double -1.0, double 1.0")

        def some(j: str) -> None:
            e = code.vectors("bend")
            t = load(e, code.at(ta, j)) * load(e, code.at(tb, j))
            q = load(e, code.at(pa, j)) * load(e, code.at(other, j)) * splat(code, e, sign)
            d2, slope = load(e, code.at("%own.d2", j)), load(e, code.at("%own.u", j))
            store(code, d2 * t + slope * q, code.at("%own.h", j))

        code.each("j", 0, rows, code.width, some)
        code.do(f"call void @scale(ptr %own.h, i64 {rows}, i64 %strips, i64 %block, ptr %packed)")
        twice = code.let(
            "twice", f"sub i64 {code.let('both', 'mul i64 %outputs, 2')}, {code.let('next', f'add i64 {a}, 1')}"
        )
        half = code.let("half", f"lshr i64 {code.let('before', f'mul i64 {a}, {twice}')}, 1")
        square = code.let("square", f"mul i64 {code.let('side', 'mul i64 %strips, %strips')}, {code.width**2}")
        skip = code.let("skip", f"mul i64 {code.let('pair', f'add i64 {half}, {b}')}, {square}")
        tiles = code.at("%tiles", skip)
        code.do(f"call void @rank(i64 {rows}, i64 %strips, i64 %block, ptr %packed, ptr {tiles})")


def print_scale(module: Module) -> None:
    """The second panel of a packed block becomes the first times h, row by row."""
    takes = "ptr %h, i64 %rows, i64 %strips, i64 %block, ptr %scratch"
    code, width = Code(module, f"define private void @scale({takes})"), module.width
    code.do(f"%pitch = mul i64 %block, {width}")
    code.do("%panel = mul i64 %pitch, %strips")

    def strip(s: str) -> None:
        head = code.at("%scratch", code.let("skip", f"mul i64 {s}, %pitch"))
        beside = code.at(head, "%panel")

        def row(i: str) -> None:
            place = code.let("place", f"mul i64 {i}, {width}")
            e = code.vectors("scaled")
            h = splat(code, e, code.read("double", "%h", i, "h"))
            store(code, load(e, code.at(head, place)) * h, code.at(beside, place))

        code.each("i", 0, "%rows", 1, row)

    code.each("s", 0, "%strips", 1, strip)
    code.done()


def average(code: Code, rows: str) -> None:
    """The mean of all classes' log p, from %logp.of and %share to %own.average."""

    def some(j: str) -> None:
        def add(k: str, sums: Sequence[str]) -> Sequence[str]:
            e = code.vectors("add")
            return [(named(e, sums[0]) + load(e, code.at(line(code, "%logp.of", k, 0, PITCH), j))).text]

        (total,) = code.loop("k", 0, "%outputs", 1, ["zeroinitializer"], add, "%reals")
        e = code.vectors("mean")
        store(code, named(e, total) * splat(code, e, "%share"), code.at("%own.average", j))

    code.each("j", 0, rows, code.width, some)
