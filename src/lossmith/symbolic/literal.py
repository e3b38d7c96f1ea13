"""A formula as it stands → a Program of its value: no rewriting for digits, so that a prover sees what was written.

The kernels' Programs hold branches and clamps that keep digits; here only identities are used that show more (1 − eˣ
is −expm1(x)). The derivatives are left for the prover to derive: until then they are not numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from lossmith.formula import Expr, call, number
from lossmith.program import Arg, Program, Step
from lossmith.words import WORDS

ONE, HALF = number(1.0), number(0.5)
Rewrite = Callable[[Expr], Expr | None]


def literal(tree: Expr, inputs: Sequence[str], params: Sequence[str]) -> Program | None:
    """The Program (inputs) → value, whose d1 and d2 are NaN; None where the formula has words of no machine."""
    writer = _Writer()
    value = writer.arg(tree)
    if any(step.word not in WORDS for step in writer.steps):
        return None
    outputs = (("value", value), ("d1", math.nan), ("d2", math.nan))
    return Program(tuple(inputs), tuple(params), tuple(writer.steps), outputs)


class _Writer:
    """Appends steps, never the same one twice."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.known: dict[tuple[str, tuple[Arg, ...]], str] = {}

    def arg(self, e: Expr) -> Arg:
        if e.word == "number":
            return e.value
        if e.word == "name":
            return e.name
        shown = next((new for rule in RULES.get(e.word, ()) if (new := rule(e)) is not None), None)
        if shown is not None:
            return self.arg(shown)
        return self.put(e.word, *map(self.arg, e.args))

    def put(self, word: str, *args: Arg) -> Arg:
        if word == "pow" and args[1] == 1.0:
            return args[0]
        if word == "pow" and args[1] == 2.0:
            word, args = "mul", (args[0], args[0])
        key = (word, args)
        if key not in self.known:
            self.known[key] = f"v{len(self.steps)}"
            self.steps.append(Step(self.known[key], word, args))
        return self.known[key]


def _constant(e: Expr) -> float | None:
    """The double that a constant expression is, if that is exact: whole numbers and what is made of them."""
    return e.value if e.word == "number" else None


def _one_minus_exp(e: Expr) -> Expr | None:
    a, b = e.args
    return call("neg", call("expm1", b.args[0])) if a == ONE and b.word == "exp" else _exp_minus_one(a, b)


def _exp_minus_one(a: Expr, b: Expr) -> Expr | None:
    return call("expm1", a.args[0]) if a.word == "exp" and b == ONE else None


def _log_of_sum(e: Expr) -> Expr | None:
    (inner,) = e.args
    if inner.word == "add" and ONE in inner.args:
        other = inner.args[1] if inner.args[0] == ONE else inner.args[0]
        return call("softplus", other.args[0]) if other.word == "exp" else call("log1p", other)
    if inner.word == "sub" and inner.args[0] == ONE and _is_gumbel(inner.args[1]):
        return call("log_cloglog", inner.args[1].args[0].args[0].args[0])
    return _log_cauchy(inner)


def _is_gumbel(e: Expr) -> bool:
    """exp(−exp(x))."""
    return e.word == "exp" and e.args[0].word == "neg" and e.args[0].args[0].word == "exp"


def _log_cauchy(e: Expr) -> Expr | None:
    """log(½ ± atan(x)/π)."""
    if e.word not in ("add", "sub") or e.args[0] not in (HALF, call("div", ONE, number(2.0))):
        return None
    turn = e.args[1]
    if turn.word != "div" or turn.args[0].word != "atan" or turn.args[1] != number(math.pi):
        return None
    x = turn.args[0].args[0]
    return call("log_cauchit", x if e.word == "add" else call("neg", x))


def _log_of_cosh(e: Expr) -> Expr | None:
    return call("logcosh", e.args[0].args[0]) if e.args[0].word == "cosh" else None


def _cosh(e: Expr) -> Expr | None:
    (x,) = e.args
    return call("mul", HALF, call("add", call("exp", x), call("exp", call("neg", x))))


def _whole(e: Expr) -> Expr | None:
    """A negative number for the negation of a number."""
    value = _constant(e.args[0])
    return None if value is None else number(-value)


RULES: Mapping[str, tuple[Rewrite, ...]] = {
    "sub": (_one_minus_exp,), "log": (_log_of_cosh, _log_of_sum), "cosh": (_cosh,), "neg": (_whole,),
}  # fmt: skip
"""Identities by the word that they begin with; each shows what cancels, or a word that the provers know."""
