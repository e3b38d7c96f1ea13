"""Methods that a model has only sometimes: where it has not, the error says why, and what would work."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from types import MethodType
from typing import Any


class Offer:
    """A method that exists where `lacks(model)` is empty; elsewhere it is missing, and the AttributeError says why.

    As `sklearn.utils.metaestimators.available_if` (so that `hasattr` tells the truth), but with a reason.
    """

    def __init__(self, method: Callable[..., Any], lacks: Callable[[Any], str]) -> None:
        self.method, self.lacks = method, lacks
        update_wrapper(self, method)  # type: ignore[arg-type]

    def __get__(self, model: Any, owner: type | None = None) -> Any:
        if model is None:
            return self.method
        why = self.lacks(model)
        if why:
            raise AttributeError(why)
        return MethodType(self.method, model)


def offered_unless(lacks: Callable[[Any], str]) -> Callable[[Callable[..., Any]], Any]:
    """A decorator: the method exists where `lacks(model)` is empty."""
    return lambda method: Offer(method, lacks)
