"""The engine's own parameters: they have the last word by any of their names, and a name that is none is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from lossmith.errors import ParameterError


def refuse(host: str, unknown: Iterable[str], names: Iterable[str]) -> None:
    """Raise ParameterError for the first of some options that a host does not know, or would not use."""
    for option in unknown:
        near = get_close_matches(option, list(names), 1)
        advice = f"did you mean {near[0]!r}?" if near else "take it out"
        raise ParameterError(f"options: {host} has no use for {option!r} here; {advice}")


def merged(ours: Mapping[str, Any], options: Mapping[str, Any], synonyms: Iterable[Iterable[str]]) -> dict[str, Any]:
    """Our settings with the options in their place: hosts refuse, or decide between, two names of one parameter."""
    told = {name for group in map(set, synonyms) if group & options.keys() for name in group}
    return {name: value for name, value in ours.items() if name not in told} | dict(options)
