"""The losses: declarations and nothing else. A new one is a class in one of these files; every list finds it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from lossmith.errors import ParameterError, shown
from lossmith.formula import WORDS
from lossmith.loss import Loss, from_formula


@cache
def losses() -> Mapping[str, type[Loss]]:
    """Every catalogued loss of one raw output (or one for each class) by its name, in the order of the files."""
    return {name: kind for name, kind in every().items() if not kind.lift.joint}


@cache
def joint() -> Mapping[str, type[Loss]]:
    """Every catalogued loss of several raw outputs a row by its name: whole distributions, intervals, order, pairs."""
    return {name: kind for name, kind in every().items() if kind.lift.joint and not kind.lift.multiclass}


@cache
def coupled() -> Mapping[str, type[Loss]]:
    """Every catalogued loss of K scores that is not a function of the true class's probability alone, by its name."""
    return {name: kind for name, kind in every().items() if kind.lift.joint and kind.lift.multiclass}


def every() -> Mapping[str, type[Loss]]:
    """Every catalogued loss by its name, in the order in which the files declare them."""
    table: dict[str, type[Loss]] = {}
    for module in sorted(m.name for m in iter_modules(__path__)):
        for value in vars(import_module(f"{__name__}.{module}")).values():
            if isinstance(value, type) and issubclass(value, Loss) and value.__module__ == f"{__name__}.{module}":
                table[value.__name__] = value
    return table


@cache
def _index() -> Mapping[str, type[Loss]]:
    return {_plain(key): kind for name, kind in every().items() for key in (name, *kind.aliases)}


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


def find(text: str) -> type[Loss] | None:
    """The loss of this name or alias ("pseudo_huber", "mse"); None if the text may be a formula.

    Raises ParameterError, with a suggestion, for a word that is neither.
    """
    found = _index().get(_plain(text))
    word = text.strip()
    if found is None and word[:1] != "-" and word.replace("-", "_").isidentifier() and len(word) > 1:
        near = difflib.get_close_matches(_plain(text), list(_index()), 1, 0.6)
        hint = f"did you mean {_index()[near[0]].__name__}?" if near else "`lossmith list` shows all"
        raise ParameterError(f"no loss named {text!r}; {hint}")
    return found


def loss(what: str | Loss | type[Loss], lift: str | None = None, **params: float) -> Loss:
    """A loss from its name ("huber", "Huber(delta=2)"), from one line of mathematics ("abs(r)**1.5"), or as it is.

    lift: residual, margin, score or softmax; guessed from the slots of the formula where they decide it.
    params: the loss's parameters, or numbers for further names in the formula.
    """
    if isinstance(what, Loss):
        return what.with_params(**params) if params else what
    if isinstance(what, type) and issubclass(what, Loss):
        return what(**params)
    if not isinstance(what, str):
        raise ParameterError(f"a loss is a name, a formula or a Loss, not {shown(what)}")
    plain = find(what)
    named, given = (plain, {}) if plain is not None else _called(what)
    return named(**{**given, **params}) if named else from_formula(what, lift, params)


def _called(text: str) -> tuple[type[Loss] | None, dict[str, float]]:
    """The loss and the parameters of "Huber(delta=2)"; ParameterError for one whose parameters have no names."""
    head, bracket, inside = text.strip().partition("(")
    kind = _index().get(_plain(head))
    formula = head.strip() in WORDS or head.strip()[:1] in ("-", "+")  # -log(1 + r**2) begins with no name
    if not bracket or kind is None or formula or not inside.rstrip().endswith(")"):
        return None, {}
    parts = [part for part in inside.rstrip()[:-1].split(",") if part.strip()]
    if any("=" not in part for part in parts):
        named = ", ".join(f"{name}={param.default:g}" for name, param in kind.declared.items())
        raise ParameterError(f"{text!r}: write {kind.__name__}({named})" + ("" if named else "; it has no parameters"))
    return kind, dict(setting(part) for part in parts)


def setting(part: str) -> tuple[str, float]:
    """A name and a number, of "delta=1.5"; ParameterError for what is none."""
    name, _, value = part.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError:
        raise ParameterError(f"{part.strip()!r}: {value.strip()!r} is not a number; write name=1.5") from None
