"""Plain JSON for the values that models carry: tuples, keys that are not text, infinities and labels survive the trip.

What JSON cannot say is written as an object with one key that starts with `$`, for example `{"$tuple": [1, 2]}`. Only
the types in the table below can be written, and reading makes only those: no name in a file is ever looked up or run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lossmith.errors import UnsupportedError

_DTYPES = frozenset("?bBhHiIlLqQefdUO")
"""The codes of the NumPy types that JSON holds exactly: truth values, integers, floats up to 64 bits, text, objects."""


def dump(value: Any) -> Any:
    """The value as something that JSON can say; `load` is the inverse, exactly."""
    write = _WRITERS.get(type(value))
    if write is not None:
        return write(value)
    if isinstance(value, np.generic | np.ndarray):
        return {"$numpy": [value.dtype.str, list(value.shape), [dump(v) for v in _items(value)]]}
    raise UnsupportedError(
        f"a value of type {type(value).__name__} cannot be saved; use numbers, text, lists, dicts or arrays"
    )


def load(value: Any) -> Any:
    """The value that `dump` wrote."""
    if type(value) is list:
        return [load(v) for v in value]
    if type(value) is not dict:
        return value
    tag = next(iter(value), "")
    if tag.startswith("$"):
        return _READERS[tag](value[tag])
    return {k: load(v) for k, v in value.items()}


def _items(array: np.generic | np.ndarray[Any, Any]) -> list[Any]:
    if array.dtype.char not in _DTYPES:
        raise UnsupportedError(f"an array of dtype {array.dtype} cannot be saved; use numbers, truth values or text")
    items: list[Any] = np.asarray(array).ravel().tolist()
    return items


def _dump_dict(value: Mapping[Any, Any]) -> Any:
    if all(type(k) is str and not k.startswith("$") for k in value):
        return {k: dump(v) for k, v in value.items()}
    return {"$dict": [[dump(k), dump(v)] for k, v in value.items()]}


def _load_numpy(body: list[Any]) -> Any:
    dtype, shape, items = body
    array = np.empty(len(items), dtype=np.dtype(dtype))
    for i, item in enumerate(items):
        array[i] = load(item)
    return array.reshape(shape)[()]


def _same(value: Any) -> Any:
    return value


_WRITERS: Mapping[type, Callable[[Any], Any]] = {
    type(None): _same,
    bool: _same,
    int: _same,
    str: _same,
    float: lambda v: v if math.isfinite(v) else {"$float": repr(v)},
    list: lambda v: [dump(item) for item in v],
    tuple: lambda v: {"$tuple": [dump(item) for item in v]},
    dict: _dump_dict,
}

_READERS: Mapping[str, Callable[[Any], Any]] = {
    "$float": float,
    "$tuple": lambda v: tuple(load(item) for item in v),
    "$dict": lambda v: {load(key): load(item) for key, item in v},
    "$numpy": _load_numpy,
}
