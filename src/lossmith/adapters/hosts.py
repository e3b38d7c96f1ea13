"""The libraries that our losses go to: which versions are tested, and what brings them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import NamedTuple

from lossmith.errors import MissingExtra, UnsupportedError


class Versions(NamedTuple):
    """The versions that our tests have seen: from `low`, and below `high`."""

    low: tuple[int, ...]
    high: tuple[int, ...]

    def __str__(self) -> str:
        low, high = (".".join(map(str, part)) for part in self)
        return f">= {low} and < {high}"


TESTED: Mapping[str, Versions] = {
    "lightgbm": Versions((4, 4), (5,)),
    "xgboost": Versions((2, 1), (4,)),
    "catboost": Versions((1, 2, 8), (2,)),
    "sklearn": Versions((1, 7), (1, 10)),
    "torch": Versions((2, 3), (3,)),
    "jax": Versions((0, 4, 30), (0, 11)),
    "keras": Versions((3, 4), (4,)),
    "skglm": Versions((0, 5), (0, 6)),
    "statsmodels": Versions((0, 14, 4), (0, 16)),
    "optuna": Versions((3, 6), (6,)),
}


def host(name: str) -> ModuleType:
    """The host's package; MissingExtra says what to install, UnsupportedError which versions are known to work."""
    try:
        found = import_module(name)
    except ImportError as error:
        missing = (error.name or name).split(".")[0]
        raise MissingExtra(missing, name, "" if missing == name else lacking(name, missing)) from error
    if not TESTED[name].low <= number(found.__version__) < TESTED[name].high:
        raise UnsupportedError(
            f"{name} {found.__version__} is not tested with this lossmith; install a version {TESTED[name]}"
        )
    return found


BACKENDS: Mapping[str, tuple[str, ...]] = {"keras": ("torch", "jax")}
"""Libraries of which a host needs one, besides what it brings itself."""


def lacking(name: str, missing: str) -> str:
    """What to say of a host that is installed without a package that it needs."""
    if name not in BACKENDS:
        return f"{name} is installed, but {missing}, which it needs, is not; pip install {missing} brings it"
    here = [one for one in BACKENDS[name] if one != missing and present(one)]
    choice = f"set {name.upper()}_BACKEND={here[0] if here else BACKENDS[name][0]} before {name} is imported"
    more = "" if here else f"pip install 'lossmith[{BACKENDS[name][0]}]' brings another: then "
    return f"{name} is installed, but its backend {missing} is not; {more}{choice}"


def present(name: str) -> bool:
    """Can a package be imported, as far as one can tell without importing it?"""
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):  # something has put a stop to it
        return False


def number(version: str) -> tuple[int, ...]:
    """The whole numbers that a version begins with."""
    parts: list[int] = []
    for part in version.split("."):
        if not part.isdigit():
            break
        parts.append(int(part))
    return tuple(parts)
