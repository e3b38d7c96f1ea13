"""A Program with its roundings made good where they would show: what a machine runs in place of the plain steps.

Every step leaves a rest, what the exact result has beyond the rounded one, that can be computed (Dekker 1971;
with a fused multiply-add in one operation for a product). It is computed only where it matters: before a sum, which may
cancel; before a word that magnifies it, as exp(−(r/c)²) does by (r/c)²; and for a result with many roundings behind it.
In exact arithmetic every rest is 0, so the mathematics is that of the Program.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from lossmith.backends.careful_changes import CHANGES
from lossmith.backends.careful_marks import FINE, MAGNIFYING, finely, halved_first, magnified, power_of_two, still
from lossmith.program import Arg, Program, Step

OWN = (
    "exp", "expm1", "log", "log1p", "softplus", "sigmoid", "sech2", "tanh", "sqrt", "hypot1", "log1psq", "atan",
    "sin", "cos", "cauchit_slope", "log_cloglog", "lgamma", "digamma", "trigamma",
)  # fmt: skip
"""Words of which a machine may know what their rounding took."""

REST_WORDS = {"left_mul": 3, "left_div": 3, "mend": 2} | {f"{word}_rest": 2 for word in (*OWN, *FINE)}
"""a·b − p, a − q·b, both exact; v + d, where d counts for nothing unless it is finite; and word(x) − y, about."""

ALLOWED = 1.9
"""A result that may be off by more than so many units, most of the time, is mended."""

USUAL = {"sigmoid": 1.1, "witch": 1.2, "serpentine": 1.1, "sech2": 1.45, "exp": 0.6, "log": 0.6, "hypot1": 0.6,
         "softplus": 0.8, "tanh": 1.45, "atan": 0.6,
         "log_cauchit": 0.6, "cauchit_slope": 0.6,
         "log_ndtr": 2.0, "mills": 2.0, "mills_slope": 2.0, "log1psq": 0.9}  # fmt: skip
"""How far off words are, most of the time; 1 where nothing is said."""

EXACT = frozenset({"neg", "abs", "sign", "min", "max", "where", "lt", "le", "gt", "ge", "eq", "ne", "and"})


@dataclass(frozen=True, slots=True)
class Plan:
    """Straight-line code of words and rest words."""

    steps: tuple[Step, ...]
    outputs: tuple[tuple[str, Arg], ...]


@dataclass(slots=True)
class Writer:
    """Collects the steps of a plan. `deep`: also words, not only products, give up their rests."""

    plain: dict[str, Step]
    deep: bool
    own: frozenset[str]
    fine: frozenset[str] = frozenset()
    """Values whose rests are wanted to more digits."""
    still: frozenset[str] = frozenset()
    """Values of a machine that knows a rest only where nothing depends on the row."""
    steps: list[Step] = field(default_factory=list)
    known: dict[tuple[str, tuple[Arg, ...]], str] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    rests: dict[str, Arg | None] = field(default_factory=dict)
    raw: dict[str, tuple[str, Arg]] = field(default_factory=dict)
    """Mended steps: the name of the rounded value, and what was added to it."""

    def step(self, name: str, word: str, *args: Arg) -> str:
        """The name of a step, new unless the same stands there already."""
        key = (word, args)
        if key not in self.known:
            count = 2
            whole = name
            while whole in self.taken:
                whole, count = f"{name}{count}", count + 1
            self.append(Step(whole, word, args))
        return self.known[key]

    def append(self, step: Step) -> None:
        self.steps.append(step)
        self.taken.add(step.name)
        self.known.setdefault((step.word, step.args), step.name)

    def sum(self, name: str, a: Arg | None, b: Arg | None, word: str = "add") -> Arg | None:
        """a + b or a − b, None being 0."""
        if b is None:
            return a
        if a is None:
            return b if word == "add" else self.step(name, "neg", b)
        return self.step(name, word, a, b)

    def times(self, name: str, a: Arg | None, b: Arg) -> Arg | None:
        """a·b, None being 0."""
        return None if a is None else self.step(name, "mul", a, b)

    def rest(self, a: Arg) -> Arg | None:
        """What rounding took from a value; None where that is nothing, or not known."""
        if not isinstance(a, str) or a not in self.plain:
            return None
        if a not in self.rests:
            self.rests[a] = self._rest(self.plain[a])
        return self.rests[a]

    def _rest(self, step: Step) -> Arg | None:
        name, (raw, change) = f"{step.name}_rest", self.raw.get(step.name, (step.name, 0.0))
        own = self._own(step, raw, name)
        if raw == step.name:
            return own
        return self.sum(name, self.step(name, "add", self.step(name, "sub", raw, step.name), change), own)

    def _own(self, step: Step, raw: str, name: str) -> Arg | None:
        """What the step's own rounding took."""
        if self.deep and (step.word in self.own or step.name in self.still):
            kind = f"{step.word}_fine" if step.name in self.fine else step.word
            return self.step(name, f"{kind}_rest", *step.args, raw)
        table = RESTS if self.deep else PRODUCTS
        return table[step.word](self, step, raw, name) if step.word in table else None


def _unit(w: Writer, a: Arg) -> bool:
    """Is it ±1, or another power of two, whatever the row?"""
    if not isinstance(a, str):
        return power_of_two(a)
    step = w.plain.get(a)
    return step is not None and step.word == "where" and all(map(power_of_two, step.args[1:]))


def _mul(w: Writer, step: Step, p: str, name: str) -> Arg | None:
    a, b = step.args
    through = w.sum(name, w.times(name, w.rest(a), b), w.times(name, w.rest(b), a))
    return through if _unit(w, a) or _unit(w, b) else w.sum(name, w.step(name, "left_mul", a, b, p), through)


def _div(w: Writer, step: Step, q: str, name: str) -> Arg | None:
    a, b = step.args
    above = w.rest(a) if _unit(w, b) else w.sum(name, w.step(name, "left_div", a, b, q), w.rest(a))
    left = w.sum(name, above, w.times(name, w.rest(b), q), "sub")
    return None if left is None else w.step(name, "div", left, b)


def _neg(w: Writer, step: Step, p: str, name: str) -> Arg | None:
    inner = w.rest(step.args[0])
    return None if inner is None else w.step(name, "neg", inner)


def _lost(w: Writer, name: str, a: Arg, b: Arg, s: Arg) -> Arg:
    """a + b − s for s the rounded sum (Knuth)."""
    back = w.step(name, "sub", s, a)
    return w.step(name, "add", w.step(name, "sub", a, w.step(name, "sub", s, back)), w.step(name, "sub", b, back))


def _sub(w: Writer, step: Step, s: str, name: str) -> Arg | None:
    """Of a − b; but a residual y − z is what was given."""
    a, b = step.args
    if (a, b) == ("y", "z"):
        return None
    back = w.step(name, "sub", a, s)
    first = w.step(name, "sub", a, w.step(name, "add", s, back))
    return w.step(name, "sub", first, w.step(name, "sub", b, back))


def _over(w: Writer, name: str, top: Arg, whole: Arg, lost: Arg, q: Arg) -> Arg:
    """top/(whole + lost) − q."""
    left = w.step(name, "sub", w.step(name, "left_div", top, whole, q), w.step(name, "mul", q, lost))
    return w.step(name, "div", left, whole)


def _one_plus_square(w: Writer, name: str, x: Arg) -> tuple[Arg, Arg]:
    """1 + x² as a sum of two."""
    square = w.step(name, "mul", x, x)
    whole = w.step(name, "add", 1.0, square)
    return whole, w.step(name, "add", _lost(w, name, 1.0, square, whole), w.step(name, "left_mul", x, x, square))


def _where(w: Writer, step: Step, v: str, name: str) -> Arg | None:
    c, *sides = step.args
    rests = [w.rest(side) for side in sides]
    return None if rests == [None, None] else w.step(name, "where", c, *(0.0 if r is None else r for r in rests))


def _lesser(w: Writer, step: Step, v: str, name: str) -> Arg | None:
    """Of a minimum or a maximum: the rest of the one that it is."""
    a, b = step.args
    rests = w.rest(a), w.rest(b)
    if rests == (None, None):
        return None
    first = w.step(name, "lt" if step.word == "min" else "gt", a, b)
    return w.step(name, "where", first, *(0.0 if r is None else r for r in rests))


def _abs(w: Writer, step: Step, v: str, name: str) -> Arg | None:
    rest = w.rest(step.args[0])
    below = None if rest is None else w.step(name, "lt", step.args[0], 0.0)
    return None if rest is None or below is None else w.step(name, "where", below, w.step(name, "neg", rest), rest)


Rest = Callable[[Writer, Step, str, str], Arg | None]
PRODUCTS: dict[str, Rest] = {
    "mul": _mul, "div": _div, "neg": _neg, "where": _where, "min": _lesser, "max": _lesser, "abs": _abs,
}  # fmt: skip
"""By word, from a step, the name of its rounded value and a name for what is made: the rest, arguments' included."""

RESTS: dict[str, Rest] = {
    **PRODUCTS,
    "add": lambda w, step, s, name: _lost(w, name, step.args[0], step.args[1], s),
    "sub": _sub,
    "witch": lambda w, step, q, name: _over(w, name, 1.0, *_one_plus_square(w, name, step.args[0]), q),
    "serpentine": lambda w, step, q, name: _over(w, name, step.args[0], *_one_plus_square(w, name, step.args[0]), q),
}
"""The same for words that take more to mend; here arguments count as exact: what they lacked is in the value."""

SIDES = frozenset({"lt", "le", "gt", "ge"})
"""Comparisons that may jump at a place between two floats."""


def _change(w: Writer, step: Step, raw: str) -> Arg | None:
    """What the rests of the arguments add to a step, where that is made good at once."""
    if step.word in ("add", "sub"):
        a, b = map(w.rest, step.args)
        return w.sum(f"{step.name}_rest", a, b, step.word)
    deep, w.deep = w.deep, w.deep or step.word in MAGNIFYING
    d = w.rest(step.args[0]) if step.word in CHANGES else None
    w.deep = deep
    return None if d is None else CHANGES[step.word](w, step.args, raw, d)


def _off(program: Program) -> dict[str, float]:
    """By how many units a value may be off, most of the time, unless it is mended."""
    off: dict[str, float] = {}
    for step in program.steps:
        before = [off.get(a, 0.0) for a in step.args if isinstance(a, str)]
        if step.word in EXACT:
            off[step.name] = max(before, default=0.0)
        elif step.word in ("mul", "div"):
            off[step.name] = sum(before) + 0.5 * (not any(map(power_of_two, step.args)))
        elif step.word in ("add", "sub"):
            off[step.name] = max(before, default=0.0) + 0.5
        else:
            off[step.name] = USUAL.get(step.word, 1.0)
    return off


def rough(program: Program) -> bool:
    """Do roundings add up, or need mending, in any output?"""
    off = _off(program)
    far = any(off.get(a, 0.0) > ALLOWED for _, a in program.outputs if isinstance(a, str))
    return far or any(step.word == "mend" for step in careful(program).steps)


@lru_cache(maxsize=1024)
def careful(program: Program, own: frozenset[str] = frozenset(OWN), once: frozenset[str] = frozenset()) -> Plan:
    """The plan of a Program, for a machine that knows the rests of its `own` words, and of `once` those of numbers."""
    program = halved_first(program)
    off = _off(program)
    far = {a for _, a in program.outputs if isinstance(a, str) and off.get(a, 0.0) > ALLOWED}
    w = Writer({s.name: s for s in program.steps}, bool(far), own, finely(program), still(program, once))
    w.taken |= set(program.inputs) | set(program.params) | set(w.plain)
    deep, steep = w.deep, magnified(program)
    for step in program.steps:
        w.deep = deep or step.name in steep
        _write(w, step)
    w.deep = deep
    outputs = [(name, _mended(w, a) if a in far else a) for name, a in program.outputs]
    return Plan(tuple(w.steps), tuple(outputs))


def _sides(w: Writer, step: Step) -> bool:
    """A comparison of what is rounded, by the sign of the mended difference; False where nothing is rounded."""
    a, b = step.args
    deep, w.deep = w.deep, True
    rest = w.sum(f"{step.name}_rest", w.rest(a), w.rest(b), "sub")
    w.deep = deep
    if rest is None:
        return False
    difference = w.step(f"{step.name}_side", "mend", w.step(f"{step.name}_side", "sub", a, b), rest)
    w.append(Step(step.name, step.word, (difference, 0.0)))
    return True


def _write(w: Writer, step: Step) -> None:
    """One step of a Program, and what makes its arguments' roundings good."""
    if step.word in SIDES and _sides(w, step):
        return
    raw, at = f"{step.name}_raw", len(w.steps)
    w.append(Step(raw, step.word, step.args))
    change = _change(w, step, raw)
    if change is None:
        w.steps[at] = step
        w.known[step.word, step.args] = step.name
    else:
        w.append(Step(step.name, "mend", (raw, change)))
        w.raw[step.name] = raw, change


def _mended(w: Writer, a: Arg) -> Arg:
    """An output with its rest, through the choices and signs at its end."""
    step = w.plain.get(a) if isinstance(a, str) else None
    if step is None:
        return a
    if step.word in ("where", "neg"):
        sides = [_mended(w, x) if i or step.word == "neg" else x for i, x in enumerate(step.args)]
        return w.step(f"{step.name}_whole", step.word, *sides)
    rest = w.rest(step.name)
    return a if rest is None else w.step(f"{step.name}_whole", "mend", a, rest)
