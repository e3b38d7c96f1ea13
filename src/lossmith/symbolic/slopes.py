"""The derivative of a program, again a program: forward differentiation, one rule a word.

Across a choice it holds almost everywhere, and the choice stays in it: whoever encloses it sees the kink.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from lossmith.program import Arg, Program, Step


class NoSlope(Exception):
    """A word has no derivative here, for it is not a word; or what is to be differentiated is not known itself."""


class Tape:
    """Appends steps and folds what is 0 or 1."""

    def __init__(self, program: Program, variable: str) -> None:
        self.steps: list[Step] = []
        self.slope: dict[Arg, Arg] = {variable: 1.0}
        self.fresh = "s'"  # no name in a formula holds this sign; derivatives of derivatives get one more
        while any(step.name.startswith(self.fresh) for step in program.steps):
            self.fresh += "'"
        self.seen: dict[tuple[str, tuple[Arg, ...]], str] = {}

    def put(self, word: str, *args: Arg) -> Arg:
        """The value of `word(*args)`."""
        short = FOLDS[word](*args) if word in FOLDS else None
        if short is not None:
            return short
        if (word, args) not in self.seen:
            name = f"{self.fresh}{len(self.steps)}"
            self.steps.append(Step(name, word, args))
            self.seen[word, args] = name
        return self.seen[word, args]

    def walk(self, step: Step) -> None:
        """Appends a step, and what its derivative needs."""
        self.steps.append(step)
        if all(self.slope.get(a, 0.0) == 0.0 for a in step.args):
            return
        self.slope[step.name] = self.chain(step)

    def chain(self, step: Step) -> Arg:
        if step.word in CONDITIONS:
            return math.nan
        if step.word in BINARY:
            return BINARY[step.word](self, step, *(self.slope.get(a, 0.0) for a in step.args))
        if step.word not in RULES:
            raise NoSlope(step.word)
        return self.put("mul", RULES[step.word](self, step.args[0], step.name), self.slope[step.args[0]])


def differentiate(program: Program, variable: str, output: str) -> Program:
    """The program of d output/d variable, under the same output name."""
    end = dict(program.outputs)[output]
    if isinstance(end, float) and math.isnan(end):  # else its slope were that of a constant: 0
        raise NoSlope(f"{output} is not known")
    tape = Tape(program, variable)
    for step in program.only(output).steps:
        tape.walk(step)
    found = tape.slope.get(dict(program.outputs)[output], 0.0)
    return Program(program.inputs, program.params, tuple(tape.steps), ((output, found),)).only(output)


def _fold_mul(a: Arg, b: Arg) -> Arg | None:
    if a == 0.0 or b == 0.0:
        return 0.0
    return b if a == 1.0 else (a if b == 1.0 else None)


FOLDS: dict[str, Callable[..., Arg | None]] = {
    "mul": _fold_mul,
    "add": lambda a, b: b if a == 0.0 else (a if b == 0.0 else None),
    "sub": lambda a, b: a if b == 0.0 else None,
    "div": lambda a, b: 0.0 if a == 0.0 else (a if b == 1.0 else None),
    "neg": lambda a: -a if not isinstance(a, str) else None,
}

Slope = Callable[[Tape, Step, Arg, Arg], Arg]


def _d_mul(t: Tape, s: Step, da: Arg, db: Arg) -> Arg:
    a, b = s.args
    return t.put("add", t.put("mul", da, b), t.put("mul", a, db))


def _d_div(t: Tape, s: Step, da: Arg, db: Arg) -> Arg:
    b = s.args[1]
    return t.put("sub", t.put("div", da, b), t.put("div", t.put("mul", s.name, db), b))


def _d_pow(t: Tape, s: Step, da: Arg, db: Arg) -> Arg:
    a, p = s.args
    if db != 0.0:
        raise NoSlope("pow with a variable exponent")
    less = t.put("sub", p, 1.0)
    return t.put("mul", t.put("mul", p, t.put("pow", a, less)), da)


def _d_xlogy(t: Tape, s: Step, da: Arg, db: Arg) -> Arg:
    x, y = s.args
    first = t.put("mul", da, t.put("log", y)) if da != 0.0 else 0.0
    return t.put("add", first, t.put("mul", t.put("div", x, y), db))


def _d_where(t: Tape, s: Step, dc: Arg, da: Arg, db: Arg) -> Arg:
    return t.put("where", s.args[0], da, db)  # also where both are 0: that the value may jump must be seen


def _d_sign(t: Tape, s: Step, da: Arg) -> Arg:
    return t.put("where", t.put("eq", s.args[0], 0.0), 0.0, 0.0)


CONDITIONS = frozenset({"lt", "le", "gt", "ge", "eq", "ne", "and"})
"""What has no derivative, but must not be taken for a constant: it stands as NaN, which nothing but `where` reads."""
BINARY: dict[str, Callable[..., Arg]] = {
    "add": lambda t, s, da, db: t.put("add", da, db),
    "sub": lambda t, s, da, db: t.put("sub", da, db),
    "mul": _d_mul, "div": _d_div, "pow": _d_pow, "xlogy": _d_xlogy,
    "neg": lambda t, s, da: t.put("neg", da),
    "where": _d_where, "sign": _d_sign,
    "abs": lambda t, s, da: t.put("mul", t.put("sign", s.args[0]), da),
    "min": lambda t, s, da, db: t.put("where", t.put("lt", *s.args), da, db),
    "max": lambda t, s, da, db: t.put("where", t.put("gt", *s.args), da, db),
}  # fmt: skip

RULES: dict[str, Callable[[Tape, Arg, Arg], Arg]] = {
    "exp": lambda t, x, v: v,
    "expm1": lambda t, x, v: t.put("exp", x),
    "log": lambda t, x, v: t.put("div", 1.0, x),
    "log1p": lambda t, x, v: t.put("div", 1.0, t.put("add", 1.0, x)),
    "sqrt": lambda t, x, v: t.put("div", 0.5, v),
    "tanh": lambda t, x, v: t.put("sech2", x),
    "sech2": lambda t, x, v: t.put("mul", t.put("mul", -2.0, t.put("tanh", x)), v),
    "logcosh": lambda t, x, v: t.put("tanh", x),
    "atan": lambda t, x, v: t.put("witch", x),
    "sin": lambda t, x, v: t.put("cos", x),
    "cos": lambda t, x, v: t.put("neg", t.put("sin", x)),
    "lgamma": lambda t, x, v: t.put("digamma", x),
    "digamma": lambda t, x, v: t.put("trigamma", x),
    "softplus": lambda t, x, v: t.put("sigmoid", x),
    "sigmoid": lambda t, x, v: t.put("mul", v, t.put("sigmoid", t.put("neg", x))),
    "hypot1": lambda t, x, v: t.put("div", x, v),
    "log1psq": lambda t, x, v: t.put("mul", 2.0, t.put("serpentine", x)),
    "witch": lambda t, x, v: t.put("mul", t.put("mul", -2.0, x), t.put("pow", v, 2.0)),
    "serpentine": lambda t, x, v: t.put(
        "mul", t.put("mul", t.put("sub", 1.0, x), t.put("add", 1.0, x)), t.put("pow", t.put("witch", x), 2.0)
    ),
    "expm1mx": lambda t, x, v: t.put("expm1", x),
    "log1pmx": lambda t, x, v: t.put("neg", t.put("div", x, t.put("add", 1.0, x))),
    "asinh": lambda t, x, v: t.put("div", 1.0, t.put("hypot1", x)),
    "log_cloglog": lambda t, x, v: t.put("cloglog_slope", x),
    "cloglog_slope": lambda t, x, v: t.put("neg", t.put("cloglog_bend", x)),
    "log_cauchit": lambda t, x, v: t.put("cauchit_slope", x),
    "cauchit_slope": lambda t, x, v: t.put(
        "neg", t.put("mul", v, t.put("add", v, t.put("mul", 2.0, t.put("serpentine", x))))
    ),
    "log_ndtr": lambda t, x, v: t.put("mills", x),
    "mills": lambda t, x, v: t.put("neg", t.put("mills_slope", x)),
    "erf": lambda t, x, v: t.put(
        "div", t.put("exp", t.put("neg", t.put("mul", x, x))), t.put("sqrt", t.put("atan", 1.0))
    ),
}
"""The derivative of each smooth word of one argument, given the argument and the word's own value.

2/√π is not a double, and a rounded derivative proves nothing: in that of erf it stands as 1/√atan(1).
"""
