"""Text of a formula → a checked tree. Python's grammar, read through a whitelist; nothing is ever evaluated.

    parse("where(abs(r) <= delta, r**2/2, delta*(abs(r) - delta/2))", names={"r", "delta"})

The words are the keys of `WORDS`; besides them there are `+ - * / **`, comparisons (also chained), `and`, and `pi`.
"""

from __future__ import annotations

import ast
import difflib
import math
import operator
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

from lossmith.errors import FormulaError

MOST_CHARACTERS, MOST_NODES, MOST_DEPTH, MOST_POWER = 4_000, 2_000, 60, 64

WORDS: dict[str, int] = {
    "where": 3, "abs": 1, "sign": 1, "min": 2, "max": 2, "exp": 1, "expm1": 1, "log": 1, "log1p": 1, "sqrt": 1,
    "tanh": 1, "cosh": 1, "atan": 1, "sin": 1, "cos": 1, "erf": 1, "log_ndtr": 1, "log_ndtr_gap": 3, "lgamma": 1,
    "softplus": 1, "sigmoid": 1, "xlogy": 2, "asinh": 1, "binet": 1, "negbin": 3, "inflated": 2,
}  # fmt: skip
"""The words of the language and how many arguments each takes."""

OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Pow: "pow",
    ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.Eq: "eq", ast.NotEq: "ne",
}  # fmt: skip
TRUTHS = frozenset({"lt", "le", "gt", "ge", "eq", "ne", "and"})
ARITHMETIC: dict[str, Callable[..., float]] = {
    "neg": operator.neg, "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv,
}  # fmt: skip
CONSTANTS = {"pi": math.pi}

HINTS: dict[type[ast.AST], str] = {
    ast.BitXor: "powers are written **",
    ast.IfExp: "a choice is written where(condition, a, b)",
    ast.Attribute: "there are no attributes here; write the word alone, as in exp(z)",
    ast.Subscript: "there is no indexing; a formula speaks of one row",
    ast.BitAnd: "conditions are joined with `and`",
    ast.BitOr: "only `and` joins conditions; use nested where(...) for `or`",
    ast.FloorDiv: "there is only /",
    ast.Mod: "there is no remainder",
}


@dataclass(frozen=True, slots=True)
class Expr:
    """A node: a number (`word` "number"), a name ("name"), or a word applied to arguments."""

    word: str
    args: tuple[Expr, ...] = ()
    value: float = 0.0
    name: str = ""

    def walk(self) -> Iterator[Expr]:
        """Every node below and including this one."""
        yield self
        for a in self.args:
            yield from a.walk()

    @property
    def names(self) -> frozenset[str]:
        """The free names."""
        return frozenset(e.name for e in self.walk() if e.word == "name")

    @property
    def truth(self) -> bool:
        """Is this a condition rather than a number?"""
        return self.word in TRUTHS


def number(value: float) -> Expr:
    """A constant."""
    return Expr("number", value=float(value))


def name(text: str) -> Expr:
    """A free name."""
    return Expr("name", name=text)


def call(word: str, *args: Expr) -> Expr:
    """A word applied to arguments."""
    return Expr(word, args)


def parse(text: str, names: Collection[str] | None = None) -> Expr:
    """The tree of a formula whose free names are all among `names` (any names if None).

    Raises FormulaError with a caret for whatever is not in the language.
    """
    if not isinstance(text, str) or not text.strip():
        raise FormulaError("an empty formula; write one, for example 'r**2/2'")
    if len(text) > MOST_CHARACTERS:
        raise FormulaError(f"a formula of {len(text)} characters; at most {MOST_CHARACTERS} are read")
    text = " ".join(text.split())
    try:
        body = ast.parse(text, mode="eval").body
    except SyntaxError as e:
        column = max(0, (e.offset or 1) - 1)
        raise FormulaError(f"not a formula: {e.msg}", text, min(column, len(text))) from None
    except (RecursionError, MemoryError, ValueError):
        raise FormulaError(f"a formula nested deeper than {MOST_DEPTH} levels, or not text") from None
    if sum(1 for _ in ast.walk(body)) > 2 * MOST_NODES:
        raise FormulaError(f"a formula of more than {MOST_NODES} nodes")
    tree = _Reader(text, names).number(body, 0)
    if sum(1 for _ in tree.walk()) > MOST_NODES:
        raise FormulaError(f"a formula of more than {MOST_NODES} nodes")
    return tree


class _Reader:
    """Turns Python's tree into ours, node type by node type; what has no method is refused."""

    def __init__(self, text: str, names: Collection[str] | None) -> None:
        self.text, self.names = text, names

    def fail(self, node: ast.AST, message: str) -> NoReturn:
        raw = self.text.encode()[: getattr(node, "col_offset", 0)]
        raise FormulaError(message, self.text, len(raw.decode(errors="ignore")))

    def number(self, node: ast.AST, depth: int) -> Expr:
        """A node read as a number; a condition counts as 1 where it holds and 0 where not."""
        tree = self.read(node, depth)
        return call("where", tree, number(1), number(0)) if tree.truth else tree

    def condition(self, node: ast.AST, depth: int) -> Expr:
        tree = self.read(node, depth)
        if not tree.truth:
            self.fail(node, "the first argument of where must be a comparison, as in where(r > 0, a, b)")
        return tree

    def read(self, node: ast.AST, depth: int) -> Expr:
        if depth > MOST_DEPTH:
            self.fail(node, f"nested deeper than {MOST_DEPTH} levels")
        reader: Callable[[ast.AST, int], Expr] | None = getattr(self, f"read_{type(node).__name__}", None)
        if reader is None:
            hint = HINTS.get(type(node), "only numbers, names, + - * / **, comparisons and the words are")
            self.fail(node, f"{type(node).__name__} is not in the language: {hint}")
        return reader(node, depth + 1)

    def read_Constant(self, node: ast.Constant, depth: int) -> Expr:
        if isinstance(node.value, bool) or not isinstance(node.value, (int, float)):
            self.fail(node, f"{node.value!r} is not a number")
        try:
            value = float(node.value)
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            self.fail(node, "a number too large for float64")
        return number(value)

    def read_Name(self, node: ast.Name, depth: int) -> Expr:
        if node.id in CONSTANTS and (self.names is None or node.id not in self.names):
            return number(CONSTANTS[node.id])
        if node.id in WORDS:
            self.fail(node, f"{node.id} is a word and needs arguments: {node.id}(…)")
        if self.names is not None and node.id not in self.names:
            self.fail(node, f"unknown name {node.id!r}{self.suggest(node.id, self.names)}")
        return name(node.id)

    def suggest(self, wrong: str, known: Collection[str]) -> str:
        near = difflib.get_close_matches(wrong, list(known), 1, 0.5)
        return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(sorted(known))}"

    def read_UnaryOp(self, node: ast.UnaryOp, depth: int) -> Expr:
        inner = self.number(node.operand, depth)
        if isinstance(node.op, ast.UAdd):
            return inner
        if not isinstance(node.op, ast.USub):
            self.fail(node, "only + and - stand before a value")
        return number(-inner.value) if inner.word == "number" else call("neg", inner)

    def read_BinOp(self, node: ast.BinOp, depth: int) -> Expr:
        word = OPERATORS.get(type(node.op))
        if word is None:
            hint = HINTS.get(type(node.op), "there are + - * / **")
            self.fail(node, f"{type(node.op).__name__} is not in the language: {hint}")
        left, right = self.number(node.left, depth), self.number(node.right, depth)
        if word == "div" and constant(right) == 0.0:
            self.fail(node.right, "a division by zero")
        return self.power(node, left, right) if word == "pow" else call(word, left, right)

    def power(self, node: ast.BinOp, base: Expr, exponent: Expr) -> Expr:
        if exponent.word != "number":
            return call("pow", base, exponent)
        if base.word == "number":
            return number(self.folded(node, base.value, exponent.value))
        if exponent.value == int(exponent.value) and abs(exponent.value) > MOST_POWER:
            self.fail(node.right, f"an integer power beyond {MOST_POWER}")
        return call("pow", base, exponent)

    def folded(self, node: ast.AST, base: float, exponent: float) -> float:
        try:
            value = base**exponent
        except (OverflowError, ZeroDivisionError):
            self.fail(node, "a constant power too large for float64")
        if isinstance(value, complex) or not math.isfinite(value):
            self.fail(node, "a constant power that is not a real number")
        return float(value)

    def read_Compare(self, node: ast.Compare, depth: int) -> Expr:
        ends = [self.number(n, depth) for n in (node.left, *node.comparators)]
        pairs: list[Expr] = []
        for op, a, b in zip(node.ops, ends, ends[1:], strict=False):
            word = OPERATORS.get(type(op))
            if word is None:
                self.fail(node, "only < <= > >= == != compare numbers")
            pairs.append(call(word, a, b))
        return self.joined(pairs)

    def read_BoolOp(self, node: ast.BoolOp, depth: int) -> Expr:
        if not isinstance(node.op, ast.And):
            self.fail(node, "only `and` joins conditions; use nested where(...) for `or`")
        return self.joined([self.condition(v, depth) for v in node.values])

    def joined(self, parts: list[Expr]) -> Expr:
        tree = parts[0]
        for part in parts[1:]:
            tree = call("and", tree, part)
        return tree

    def read_Call(self, node: ast.Call, depth: int) -> Expr:
        if not isinstance(node.func, ast.Name):
            self.fail(node, "only the words can be applied, as in exp(z)")
        word = node.func.id
        if word not in WORDS:
            self.fail(node, f"unknown word {word!r}{self.suggest(word, WORDS)}")
        if node.keywords or any(isinstance(a, ast.Starred) for a in node.args):
            self.fail(node, f"{word} takes plain arguments only")
        if len(node.args) != WORDS[word]:
            self.fail(node, f"{word} takes {WORDS[word]} argument(s), not {len(node.args)}")
        if word == "where":
            return call("where", self.condition(node.args[0], depth), *(self.number(a, depth) for a in node.args[1:]))
        return call(word, *(self.number(a, depth) for a in node.args))


def constant(tree: Expr) -> float | None:
    """The value of a tree of numbers and + - * /; None where there is a name or a word."""
    if tree.word == "number":
        return tree.value
    parts = [constant(a) for a in tree.args]
    rule = ARITHMETIC.get(tree.word)
    return None if rule is None or None in parts else rule(*parts)


def substitute(tree: Expr, values: Mapping[str, Expr]) -> Expr:
    """The same tree with names replaced by trees."""
    if tree.word == "name":
        return values.get(tree.name, tree)
    return Expr(tree.word, tuple(substitute(a, values) for a in tree.args), tree.value, tree.name)
