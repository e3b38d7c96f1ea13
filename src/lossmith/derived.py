"""Formula → its derived Programs: from the package's own data, else from the user's cache, else by sympy."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from lossmith import cache as store
from lossmith.formula import Expr, number, parse, substitute
from lossmith.lifts import Derived, Lift

if TYPE_CHECKING:
    from lossmith.loss import Loss

RECIPE = 21
"""Raise it whenever the derivation would give another Program; cached ones are then made anew."""


@dataclass(frozen=True, slots=True)
class Question:
    """Everything that a derivation depends on."""

    formula: str
    tree: Expr
    lift: Lift
    params: Mapping[str, bool]
    """Parameters that stay symbols, each with: is it known to be nonnegative?"""
    static: Mapping[str, float]
    """Parameters that are substituted first."""
    mean: Expr | None

    @property
    def fingerprint(self) -> str:
        """A key for the content."""
        what = [RECIPE, self.formula, self.lift.recipe, sorted(self.params.items()), sorted(self.static.items())]
        return hashlib.sha256(json.dumps([*what, repr(self.mean)]).encode()).hexdigest()[:32]


def question(loss: Loss) -> Question:
    """What has to be derived for a loss."""
    static = {n: getattr(loss, n) for n, p in loss.declared.items() if p.static}
    free = {n: p.domain.low >= 0 for n, p in loss.declared.items() if not p.static}
    mean = parse(loss.mean_formula, {"z", *loss.lift.outputs, *loss.declared}) if loss.mean_formula else None
    return Question(loss.formula, loss.tree, loss.lift, free, static, mean)


def derived(asked: Question) -> Derived:
    """The Programs of a formula in a lift's slots, static parameters substituted."""
    key = asked.fingerprint
    if key not in _READ:
        body = shipped().get(key)
        _READ[key] = Derived.from_json(body if body else json.loads(store.text("json", key, lambda: fresh(asked))))
    return _READ[key]


_READ: dict[str, Derived] = {}
"""Programs that this process has read, by fingerprint."""


def fresh(asked: Question) -> str:
    """The Programs derived now, as JSON."""
    values = {name: number(v) for name, v in asked.static.items()}
    note = f"{asked.lift.recipe}: {asked.formula}" + "".join(f"  [{k} = {v:g}]" for k, v in asked.static.items())
    mean = substitute(asked.mean, values) if asked.mean else None
    return json.dumps(asked.lift.derive(substitute(asked.tree, values), asked.params, mean, note).to_json())


@cache
def shipped() -> Mapping[str, Any]:
    """The derived Programs that come with the package; a test derives them again."""
    path = files("lossmith.catalogue").joinpath("derived.json")
    table: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return table
