"""Programs as functions of an array library: PyTorch, JAX, Keras or NumPy, as text that a reader can follow.

Parameters become constants with names, what depends on them alone becomes a number, and a step that is used once stands
where it is used. Where the steps of a loss meet 0·∞ at an infinite prediction, a truth of 0 annuls its factor; where
that is not enough, the loss is asked at ±1e18 there, and what has grown beyond 1e9 by then counts as infinite.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import linecache
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from types import ModuleType
from typing import Any

import numpy as np

from lossmith.backends import array_words
from lossmith.backends.llvm_polynomials import POLYNOMIALS
from lossmith.errors import ParameterError
from lossmith.program import Arg, Program, Step

Text = tuple[str, int]
"""An expression, and how strongly it holds together: 0 comparison, 1 sum, 2 product, 3 sign, 4 power, 5 atom."""

LONGEST = 60
"""An expression longer than this gets a line and a name of its own."""


@dataclass(frozen=True)
class Dialect:
    """How one library is written."""

    xp: str
    imports: tuple[str, ...]
    words: Mapping[str, str] = field(default_factory=dict)
    """Words that the library has by itself and right; the others are printed from `array_words`."""


DIALECTS: dict[str, Dialect] = {
    "numpy": Dialect("np", ("import numpy as np",)),
    "scipy": Dialect(
        "np", ("import numpy as np", "import scipy.special"),
        {"erf": "scipy.special.erf({0})", "lgamma": "scipy.special.gammaln({0})",
         "digamma": "scipy.special.digamma({0})", "trigamma": "scipy.special.polygamma(1, {0})",
         "xlogy": "scipy.special.xlogy({0}, {1})"},
    ),
    "torch": Dialect(
        "torch", ("import torch",),
        # not torch.polygamma, which is off by 1e-9
        {"erf": "torch.erf({0})", "lgamma": "torch.lgamma({0})", "digamma": "torch.digamma({0})",
         "sigmoid": "torch.sigmoid({0})"},
    ),
    "jax": Dialect(
        "jnp", ("import jax", "import jax.numpy as jnp"),
        {"erf": "jax.scipy.special.erf({0})", "lgamma": "jax.scipy.special.gammaln({0})",
         "digamma": "jax.scipy.special.digamma({0})", "trigamma": "jax.scipy.special.polygamma(1, {0})"},
    ),
    "keras": Dialect("ops", ("from keras import ops",), {"erf": "ops.erf({0})"}),
}  # fmt: skip
"""NumPy alone, NumPy with SciPy, and the three frameworks."""

BINARY: dict[str, tuple[str, int, int, int]] = {
    "add": ("+", 1, 1, 2), "sub": ("-", 1, 1, 2), "mul": ("*", 2, 2, 3), "div": ("/", 2, 2, 3), "pow": ("**", 4, 5, 4),
    "lt": ("<", 0, 1, 1), "le": ("<=", 0, 1, 1), "gt": (">", 0, 1, 1), "ge": (">=", 0, 1, 1), "eq": ("==", 0, 1, 1),
    "ne": ("!=", 0, 1, 1),
}  # fmt: skip
"""Operators: how strongly they hold, and what their left and right side must hold to go without brackets."""

CALLS = {
    **{w: f"{{xp}}.{w}({{0}})" for w in ("sqrt", "abs", "sign", "exp", "expm1", "log", "log1p", "tanh", "sin", "cos")},
    "atan": "{xp}.arctan({0})", "asinh": "{xp}.arcsinh({0})", "and": "{xp}.logical_and({0}, {1})",
}  # fmt: skip
"""Words that every library has under one name."""


def bound(program: Program, params: Mapping[str, float]) -> tuple[Program, dict[str, float]]:
    """The Program without steps that depend on parameters alone, and the numbers that stand for those steps."""
    known: dict[str, Any] = dict(params)
    swap: dict[str, Any] = {}
    steps = []
    for step in program.steps:
        args = tuple(swap.get(a, a) if isinstance(a, str) else a for a in step.args)
        if all(not isinstance(a, str) or a in known for a in args):
            known[step.name] = swap[step.name] = _number(replace(step, args=args), known)
        elif step.word == "where" and isinstance(args[0], bool):
            swap[step.name] = args[1] if args[0] else args[2]
        else:
            steps.append(replace(step, args=args))
    outputs = tuple((n, swap.get(a, a) if isinstance(a, str) else a) for n, a in program.outputs)
    numbers = {k: v for k, v in known.items() if k not in params}
    return Program(program.inputs, tuple(params), tuple(steps), outputs, program.note), numbers


def _number(step: Step, known: Mapping[str, Any]) -> Any:
    names = {a for a in step.args if isinstance(a, str)}
    if step.word == "where":
        choice, yes, no = (known[a] if isinstance(a, str) else a for a in step.args)
        return yes if choice else no
    one = Program((), tuple(names), (step,), (("it", step.name),))
    result = one.run({n: known[n] for n in names})["it"]
    return result if isinstance(result, bool) else float(result)


@dataclass
class Printer:
    """Prints the steps of one Program in one dialect."""

    dialect: Dialect
    program: Program
    reference: str
    """An array from which constants take their shape and type."""
    names: Mapping[str, str]
    shares: frozenset[str] = frozenset()
    """Names that depend on the truth alone, whose zeros annul even what is infinite."""
    shown: dict[str, Text] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def body(self) -> list[str]:
        """The lines of a function, the last of which returns the output or a tuple of them."""
        asked = Counter(a for s in self.program.steps for a in s.args if isinstance(a, str))
        asked.update(a for _, a in self.program.outputs if isinstance(a, str))
        for step in self.program.steps:
            text = self.step(step)
            if asked[step.name] == 1 and len(text[0]) <= LONGEST:
                self.shown[step.name] = text
            else:
                self.lines.append(f"{step.name} = {text[0]}")
        results = [self.whole(a) for _, a in self.program.outputs]
        if len(results) == 1 and self.lines and self.lines[-1].startswith(f"{results[0]} = "):
            results = [self.lines.pop().partition(" = ")[2]]
        self.lines.append(f"return {', '.join(results)}")
        return self.lines

    def whole(self, a: Arg) -> str:
        """An output, with the shape of the input also where it is a constant."""
        text = self.arg(a)[0]
        return f"{self.dialect.xp}.full_like({self.reference}, {text})" if self.constant(a) else text

    def constant(self, a: Arg) -> bool:
        """Is it a number or a parameter?"""
        return not isinstance(a, str) or a in self.program.params

    def arg(self, a: Arg) -> Text:
        """An argument as text."""
        if not isinstance(a, str):
            return _literal(float(a)), 5 if a >= 0 else 3
        return self.shown.get(a, (self.names.get(a, a), 5))

    def step(self, step: Step) -> Text:
        """A step as text."""
        args = step.args
        if step.word == "mul" and len(self.shares.intersection(a for a in args if isinstance(a, str))) == 1:
            first, second = sorted(args, key=lambda a: a not in self.shares)
            if not self.constant(second):
                self.used.add("share_of")
                return f"share_of({self.arg(first)[0]}, {self.arg(second)[0]})", 5
        if step.word in BINARY:
            sign, own, left, right = BINARY[step.word]
            return f"{_in(self.arg(args[0]), left)} {sign} {_in(self.arg(args[1]), right)}", own
        if step.word == "neg":
            return f"-{_in(self.arg(args[0]), 4)}", 3
        if step.word in ("min", "max"):
            return self.bound(step), 5
        if step.word == "where":
            return self.where(step), 5
        return self.call(step), 5

    def call(self, step: Step) -> str:
        """A word as a function."""
        known = {**CALLS, **self.dialect.words}
        shown = [self.arg(a)[0] for a in step.args]
        if step.word in known:
            return known[step.word].format(*shown, xp=self.dialect.xp)
        self.used.add(step.word)
        return f"{step.word}({', '.join(shown)})"

    def bound(self, step: Step) -> str:
        """The smaller or larger of two, of which one may be a number."""
        xp = self.dialect.xp
        a, b = sorted(step.args, key=self.constant)
        (first, _), (second, _) = self.arg(a), self.arg(b)
        if not self.constant(b) and xp == "ops":  # on PyTorch, keras.ops.maximum rounds to float32
            sign = ">=" if step.word == "max" else "<="
            return f"{xp}.where({first} {sign} {second}, {first}, {second})"
        if not self.constant(b):
            return f"{xp}.{step.word}imum({first}, {second})"
        ends = f"{second}, INFINITY" if step.word == "max" else f"-INFINITY, {second}"
        return f"{xp}.clip({first}, {ends})"

    def where(self, step: Step) -> str:
        """A choice; of two numbers one is made an array, so that it keeps the type of the data."""
        xp = self.dialect.xp
        choice, yes, no = step.args
        keras = xp == "ops"  # which makes a bare number float32
        first = self.whole(yes) if self.constant(no) or keras else self.arg(yes)[0]
        second = self.whole(no) if keras else self.arg(no)[0]
        return f"{xp}.where({self.arg(choice)[0]}, {first}, {second})"


def _in(text: Text, least: int) -> str:
    return text[0] if text[1] >= least else f"({text[0]})"


def _literal(value: float) -> str:
    if value in (np.inf, -np.inf):
        return "INFINITY" if value > 0 else "-INFINITY"
    return repr(int(value)) if value == int(value) and abs(value) < 1e6 else repr(value)


def truths_in(program: Program, z: str) -> frozenset[str]:
    """The names that depend on inputs other than z alone."""
    known = {i for i in program.inputs if i != z}
    for step in program.steps:
        names = {a for a in step.args if isinstance(a, str)} - set(program.params)
        if names and names <= known:
            known.add(step.name)
    return frozenset(known)


def function(
    dialect: str,
    name: str,
    program: Program,
    params: Mapping[str, float],
    says: str,
    far: Far = (),
    shares: str = "",
) -> tuple[list[str], set[str]]:
    """The text of one function of the Program's inputs, and the words that it calls by name.

    far: the inputs whose infinities are taken as limits, each with how far out those are looked for, above and below.
    shares: the prediction, where products of the other inputs with it are to be 0 where those are 0, though the other
    factor be infinite ("" where none needs it).
    """
    used = DIALECTS[dialect]
    plain, _ = bound(program, params)
    free = tuple(i for i in plain.inputs)
    known = truths_in(plain, shares) if shares else frozenset[str]()
    writer = Printer(used, plain, far[0][0] if far else free[-1], {p: p.upper() for p in params}, known)
    body = writer.body()
    if far:
        body = _limits(used.xp, far, body, len(plain.outputs))
    head = [f"def {name}({', '.join(free)}):", f'    """{says}"""']
    return [*head, *(f"    {line}" for line in body)], writer.used


Far = tuple[tuple[str, str, str], ...]
"""Inputs by name, and where their limits are looked for: instead of +∞, and (with its sign turned) instead of −∞."""

REACHES = {"80": "1e9", "1e4": "1e3", "1e18": "1e9"}
"""Where a limit is looked for, and what is infinite by then. Large terms cancel at 1e18 and not yet at 1e4; from 88 on
an exponential is infinite in float32."""


def _limits(xp: str, far: Far, body: list[str], count: int) -> list[str]:
    """The same, with an infinite input replaced by a large one, and large results there by infinite ones.

    Where several inputs are infinite the result depends on which is first, and is NaN.
    """
    results = [f"result{k or ''}" for k in range(count)]
    marks = ["far" if len(far) == 1 else f"far_{z}" for z, _, _ in far]
    first: list[str] = []
    last: list[str] = []
    for mark, (z, above, below) in zip(marks, far, strict=True):
        ends, (high, low) = f"{xp}.sign({z}) * {above}", (REACHES.get(above, above), REACHES.get(below, below))
        if above != below:
            ends = f"{xp}.where({z} > 0, {xp}.full_like({z}, {above}), {xp}.full_like({z}, -{below}))"
        first += [f"{mark} = {xp}.abs({z}) == INFINITY", f"{z} = {xp}.where({mark}, {ends}, {z})"]
        bounds = [high if high == low else f"{xp}.where({z} > 0, {xp}.full_like({r}, {high}), {low})" for r in results]
        pairs = zip(results, bounds, strict=True)
        grown = [f"{xp}.where({mark} & ({xp}.abs({r}) > {bound}), {r} * INFINITY, {r})" for r, bound in pairs]
        last.append(f"{', '.join(results)} = {', '.join(grown)}")
    for k, mark in enumerate(marks[1:], 1):
        both = f"{mark} & ({' | '.join(marks[:k])})"
        last += [f"{r} = {xp}.where({both}, {r} * (INFINITY - INFINITY), {r})" for r in results]
    given = f"{', '.join(results)} = {body[-1].removeprefix('return ')}"
    if len(far) == 1:
        return [*first, *body[:-1], given, "return " + last[0].partition(" = ")[2]]
    return [*first, *body[:-1], given, *last, f"return {', '.join(results)}"]


@cache
def _definitions() -> Mapping[str, str]:
    """The text of each top-level statement of `array_words`, by the name that it defines."""
    text = inspect.getsource(array_words)
    found = {}
    for node in ast.parse(text).body:
        names = [node.name] if isinstance(node, ast.FunctionDef) else _assigned(node)
        for name in names:
            found[name] = ast.get_source_segment(text, node) or ""
    return found


def _assigned(node: ast.stmt) -> list[str]:
    if not isinstance(node, ast.Assign):
        return []
    return [n.id for target in node.targets for n in ast.walk(target) if isinstance(n, ast.Name)]


def helpers(dialect: str, words: Iterable[str]) -> list[str]:
    """The definitions that these words need, in an order in which they can stand, for one library."""
    own = _definitions()
    needed: set[str] = set()
    waiting = list(words)
    while waiting:
        name = waiting.pop()
        if name in own and name not in needed:
            needed.add(name)
            waiting += [n.id for n in ast.walk(ast.parse(own[name])) if isinstance(n, ast.Name)]
    return [_written(name, own[name], dialect) for name in own if name in needed and name != "xp"]


def _written(name: str, text: str, dialect: str) -> str:
    if name in POLYNOMIALS:
        digits = ",\n    ".join(map(repr, POLYNOMIALS[name]))
        return f"{name} = (\n    {digits},\n)"
    plain = text.replace(": Any", "").replace(" -> Any", "").replace(": tuple[float, ...]", "")
    return plain.replace("xp.", f"{DIALECTS[dialect].xp}.")


@lru_cache(maxsize=1024)
def load(text: str, title: str) -> Mapping[str, Any]:
    """The names that printed text defines; tracebacks and debuggers show it under `title`."""
    place = f"<lossmith {title}>"
    linecache.cache[place] = (len(text), None, text.splitlines(keepends=True), place)
    made = ModuleType("lossmith_made_" + hashlib.sha256(text.encode()).hexdigest()[:16])
    sys.modules[made.__name__] = made  # compilers of the frameworks look functions up by their module
    exec(compile(text, place, "exec"), vars(made))
    return vars(made)


def available(dialect: str) -> str:
    """The dialect if there is one of this name."""
    if dialect not in DIALECTS:
        raise ParameterError(f"no array library {dialect!r}; there are {', '.join(DIALECTS)}")
    return dialect
