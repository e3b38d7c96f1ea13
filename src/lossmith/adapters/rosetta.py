"""The Rosetta table: what a loss is called in other libraries, and what their names mean here.

    read("sklearn:HuberRegressor(epsilon=1.35)")        → twice Huber(delta=1.35), in units of a fitted scale
    spell(Huber(delta=1.35), "lightgbm")                → {"objective": "huber", "alpha": 1.35}

The table is `rosetta.toml`; every row is held against the library itself by a test.
"""

from __future__ import annotations

import ast
import math
import operator
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from lossmith.catalogue import every
from lossmith.errors import ParameterError, UnsupportedError, hint
from lossmith.formula import Expr, parse
from lossmith.loss import Loss

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """One name in one library, and the loss of ours that it is; `rosetta.toml` says what each part means."""

    peer: str
    name: str
    loss: str
    when: Values = field(default_factory=dict)
    usual: bool = False
    params: Mapping[str, str] = field(default_factory=dict)
    back: Mapping[str, str] | None = None
    defaults: Values = field(default_factory=dict)
    factor: str = "1"
    constant: bool = False
    scale: str = ""
    predicts: str = ""
    labels: str = ""
    hessian: str = ""
    bends: str = ""
    note: str = ""
    checked: str = ""

    @property
    def backwards(self) -> Mapping[str, str]:
        """Their arguments as expressions in our parameters."""
        if self.back is not None:
            return self.back
        return {theirs: ours for ours, theirs in self.params.items() if theirs.isidentifier()}

    @property
    def heard(self) -> Set[str]:
        """Their arguments that say something about the loss."""
        return self.when.keys() | self.defaults.keys() | self.backwards.keys()

    def ours(self, given: Values) -> dict[str, float]:
        """Our parameters from their arguments."""
        numbers = {k: v for k, v in {**self.defaults, **given}.items() if isinstance(v, int | float)}
        return {name: computed(text, numbers, self) for name, text in self.params.items()}

    def theirs(self, loss: Loss) -> dict[str, Any] | None:
        """Their arguments for a loss of ours; None where they cannot express it."""
        args = {name: computed(text, loss.params, self) for name, text in self.backwards.items()}
        again = self.ours(args)
        same = all(math.isclose(again[name], loss.params[name], rel_tol=1e-9) for name in again)
        return {**self.when, **args} if same else None

    def ratio(self, loss: Loss, args: Values) -> float:
        """Their loss divided by ours."""
        return computed(self.factor, {**self.defaults, **args, **loss.params}, self)

    def bend(self, args: Values, classes: int = 2) -> float:
        """The curvature with which a booster steps, divided by the second derivative of its loss."""
        return computed(self.bends or "1", {**self.defaults, **args, "classes": classes}, self)


@dataclass(frozen=True)
class Reading:
    """A name of another library, read: `theirs = factor × ours`."""

    row: Row
    args: Values
    loss: Loss
    factor: float
    ignored: tuple[str, ...] = ()
    """Arguments that say nothing about the loss."""


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads(files("lossmith.adapters").joinpath("rosetta.toml").read_text(encoding="utf-8"))


@cache
def rows() -> tuple[Row, ...]:
    """Every row of the table."""
    return tuple(Row(**body) for body in _table()["row"])


def peers() -> Mapping[str, str]:
    """The libraries in the table, with the versions that it was checked against."""
    return dict(_table()["peers"])


def convention(peer: str) -> str:
    """What must be known of a library besides its names."""
    return str(_table()["conventions"].get(peer, ""))


def derivatives(peer: str) -> int:
    """What a library wants of a custom objective's derivatives, as a multiple of ours: −1 where it climbs."""
    return int(_table()["derivatives"].get(peer, 1))


def alone() -> Mapping[str, tuple[str, ...]]:
    """The losses of the first tier that fewer than two libraries of the table have, and which these are."""
    return {name: tuple(found) for name, found in _table()["alone"].items()}


def read(text: str) -> Reading:
    """What "peer:Name(argument=value, …)" means here; ParameterError for a name or an argument that is not known."""
    peer, name, given = taken_apart(text)
    _known(peer, peers(), "no library")
    named = [row for row in rows() if row.peer == peer and row.name == name]
    if not named:
        _known(name, {row.name for row in rows() if row.peer == peer}, f"{peer} has no loss here")
    fitting = [row for row in named if _selected(row, given)]
    if not fitting:
        known = "; ".join(sorted({_shown(row.when) for row in named}))
        raise ParameterError(f"{peer}:{name} is known with {known}, not with {_shown(given)}")
    row = max(fitting, key=lambda r: (len(given.keys() & r.heard), len(given.keys() & r.when.keys())))
    loss = every()[row.loss](**row.ours(given))
    return Reading(row, given, loss, row.ratio(loss, given), tuple(k for k in given if k not in row.heard))


def spell(loss: Loss, peer: str) -> list[Reading]:
    """Every name that a library has for a loss of ours; UnsupportedError where it has none."""
    _known(peer, peers(), "no library")
    named = [row for row in rows() if row.loss == loss.name and (not peer or row.peer == peer)]
    found = [(row, row.theirs(loss)) for row in named]
    made = [Reading(row, args, loss, row.ratio(loss, args)) for row, args in found if args is not None]
    if not made:
        why = f"it has {named[0].loss} only with {_shown(named[0].params)}" if named else f"it has no {loss.name}"
        others = sorted({row.peer for row in rows() if row.loss == loss.name and row.theirs(loss) is not None})
        where = f"; in the table: {', '.join(others)}" if others else ""
        raise UnsupportedError(f"{peer} cannot express {loss!r}: {why}{where}")
    return made


def hosts(loss: Loss) -> Mapping[str, str]:
    """The libraries that have this loss at these parameters, each with one way of writing it there."""
    found: dict[str, str] = {}
    for row in rows():
        args = row.theirs(loss) if row.loss == loss.name else None
        if args is not None and row.peer not in found:
            found[row.peer] = written(Reading(row, args, loss, row.ratio(loss, args)))
    return found


def written(reading: Reading) -> str:
    """A reading as its library's users write it."""
    peer, name, args = reading.row.peer, reading.row.name, dict(reading.args)
    if peer in ("lightgbm", "xgboost"):
        return str({"objective": name, **args})
    if peer == "catboost":
        parts = ";".join(f"{k}={v:g}" if isinstance(v, int | float) else f"{k}={v}" for k, v in args.items())
        return f'loss_function="{name}{":" + parts if parts else ""}"'
    return f"{name}({', '.join(f'{k}={v!r}' for k, v in args.items())})"


def taken_apart(text: str) -> tuple[str, str, dict[str, Any]]:
    """ "peer:Name(a=1)" → ("peer", "Name", {"a": 1}); also CatBoost's own "catboost:Huber:delta=1.5"."""
    found = re.fullmatch(r"\s*(\w+)\s*:\s*([^(]+?)\s*(?:\((.*)\))?\s*", text, re.DOTALL)
    if found is None:
        raise ParameterError(f"{text!r} is not of the form library:Name(argument=value)")
    peer, name, inside = found[1], found[2], found[3] or ""
    if peer == "catboost" and ":" in name:
        name, _, parts = name.partition(":")
        inside = parts.replace(";", ", ")
    return peer, name, _arguments(inside, text)


def _arguments(inside: str, text: str) -> dict[str, Any]:
    """Keyword arguments that are numbers, words, truths or None; anything else is refused, nothing is evaluated."""
    try:
        call = ast.parse(f"f({inside})", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ParameterError(f"{text!r}: {inside!r} are not arguments") from None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise ParameterError(f"{text!r}: {inside!r} are not arguments")
    if call.args:
        raise ParameterError(f"{text!r}: name the arguments, as in (delta=1.5)")
    return {_word(k, text): _literal(k.value, text) for k in call.keywords}


def _word(keyword: ast.keyword, text: str) -> str:
    if keyword.arg is None:
        raise ParameterError(f"{text!r}: ** is not read here")
    return keyword.arg


def _literal(node: ast.expr, text: str) -> Any:
    negative = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
    inner = node.operand if isinstance(node, ast.UnaryOp) and negative else node
    if not isinstance(inner, ast.Constant) or not isinstance(inner.value, int | float | str | None):
        raise ParameterError(f"{text!r}: {ast.unparse(node)} is not a number, a word, a truth or None")
    if negative and not isinstance(inner.value, int | float):
        raise ParameterError(f"{text!r}: {ast.unparse(node)} is not a number")
    return -inner.value if negative and isinstance(inner.value, int | float) else inner.value


def _selected(row: Row, given: Values) -> bool:
    return all((given[k] == v) if k in given else row.usual for k, v in row.when.items())


def _known(word: str, words: Iterable[str], lead: str) -> None:
    table = sorted(words)
    if word in table:
        return
    raise ParameterError(f"{lead} named {word!r}; {hint(word, table)}")


def _shown(values: Mapping[str, object]) -> str:
    return ", ".join(f"{k}={v!r}" if not isinstance(v, str) else f"{k}={v}" for k, v in values.items()) or "no argument"


WORDS: dict[str, Callable[..., float]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv, "pow": operator.pow,
    "neg": operator.neg, "sqrt": math.sqrt, "exp": math.exp,
}  # fmt: skip
"""What an expression in the table may use."""


def computed(text: str, values: Values, row: Row) -> float:
    """The number that an expression of the table stands for."""
    tree = parse(text)
    missing = sorted(tree.names - values.keys())
    if missing:
        raise ParameterError(f"{row.peer}:{row.name} needs {missing[0]}=…, it has no default")
    return _walk(tree, values)


def _walk(tree: Expr, values: Values) -> float:
    if tree.word == "number":
        return tree.value
    if tree.word == "name":
        return float(values[tree.name])
    return WORDS[tree.word](*(_walk(a, values) for a in tree.args))
