"""The hosts that grow trees: which versions are tested, and what brings them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
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
    "lightgbm": Versions((4, 3), (5,)),
    "xgboost": Versions((2, 1), (4,)),
    "catboost": Versions((1, 2, 8), (2,)),
    "sklearn": Versions((1, 7), (1, 10)),
    "torch": Versions((2, 3), (3,)),
    "jax": Versions((0, 4, 30), (0, 11)),
    "keras": Versions((3, 4), (4,)),
    "skglm": Versions((0, 5), (0, 6)),
    "optuna": Versions((3, 6), (6,)),
}


def host(name: str) -> ModuleType:
    """The host's package; MissingExtra says what to install, UnsupportedError which versions are known to work."""
    try:
        found = import_module(name)
    except ImportError as error:
        raise MissingExtra(name, name) from error
    if not TESTED[name].low <= number(found.__version__) < TESTED[name].high:
        raise UnsupportedError(
            f"{name} {found.__version__} is not tested with this lossmith; install a version {TESTED[name]}"
        )
    return found


def number(version: str) -> tuple[int, ...]:
    """The whole numbers that a version begins with."""
    parts: list[int] = []
    for part in version.split("."):
        if not part.isdigit():
            break
        parts.append(int(part))
    return tuple(parts)
