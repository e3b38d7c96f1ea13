"""Formula → its derived Programs: from the package's own data, else from the user's cache, else by sympy."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from lossmith import cache as store
from lossmith.formula import Expr, number, substitute
from lossmith.lifts import Derived, Lift

RECIPE = 1
"""Raise it whenever the derivation would give another Program; shipped and cached ones are then made anew."""


def derived(
    formula: str, tree: Expr, lift: Lift, params: Mapping[str, bool], static: Mapping[str, float], mean: Expr | None
) -> Derived:
    """The Programs of a formula in a lift's slots, static parameters substituted."""
    key = fingerprint(formula, lift.name, params, static, mean)
    body = shipped().get(key)
    if body is None:
        body = json.loads(store.text("json", key, lambda: _fresh(formula, tree, lift, params, static, mean)))
    return Derived.from_json(body)


def fingerprint(
    formula: str, lift: str, params: Mapping[str, bool], static: Mapping[str, float], mean: Expr | None
) -> str:
    """A key for everything that a derivation depends on."""
    what = [RECIPE, formula, lift, sorted(params.items()), sorted(static.items()), repr(mean)]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:32]


def _fresh(
    formula: str, tree: Expr, lift: Lift, params: Mapping[str, bool], static: Mapping[str, float], mean: Expr | None
) -> str:
    values = {name: number(v) for name, v in static.items()}
    note = f"{lift.name}: {formula}" + "".join(f"  [{k} = {v:g}]" for k, v in static.items())
    mean = substitute(mean, values) if mean else None
    return json.dumps(lift.derive(substitute(tree, values), params, mean, note).to_json())


@cache
def shipped() -> Mapping[str, Any]:
    """The derived Programs that come with the package; a test derives them again."""
    path = files("lossmith.catalogue").joinpath("derived.json")
    return json.loads(path.read_text()) if path.is_file() else {}  # type: ignore[no-any-return]
