"""Machines that run Programs: one file each, a table of words, a printer and a loader."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from lossmith.errors import ParameterError
from lossmith.program import Program

BACKENDS = {"numpy": "lossmith.backends.numpy", "llvm": "lossmith.backends.llvm"}
"""Every backend by its name."""

COMPILED_FROM = 1000
"""Elements from which the compiled backend is ahead of NumPy (bench/kernels.py prints the crossover)."""


class Kernel(Protocol):
    """A Program made ready for one machine and one dtype.

    Called with arrays of one shape (in the order of `program.inputs`, contiguous or not, never changed) and the
    parameters as floats; returns a new array per output, or fills `out`.
    """

    @property
    def source(self) -> str:
        """The generated code, for a reader."""

    def __call__(
        self, arrays: Sequence[NDArray[Any]], params: Sequence[float], out: Sequence[NDArray[Any]] | None = None
    ) -> tuple[NDArray[Any], ...]: ...


@dataclass(frozen=True, slots=True)
class ByShape:
    """NumPy below the measured size, the compiled kernel above it."""

    small: Kernel
    large: Callable[[], Kernel]

    @property
    def source(self) -> str:
        return self.small.source

    def __call__(
        self, arrays: Sequence[NDArray[Any]], params: Sequence[float], out: Sequence[NDArray[Any]] | None = None
    ) -> tuple[NDArray[Any], ...]:
        kernel = self.small if arrays[0].size < COMPILED_FROM else self.large()
        return kernel(arrays, params, out)


@lru_cache(maxsize=4096)
def load(program: Program, dtype: DTypeLike = np.float64, backend: str = "auto") -> Kernel:
    """The kernel of a Program for float32 or float64; "auto" compiles only when arrays are large enough.

    NumPy's `longdouble`, for what is rounded to float64 afterwards, is computed by NumPy alone.
    """
    kind = np.dtype(dtype)
    if kind == np.longdouble:
        backend = "numpy"
    elif kind not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise ParameterError(f"kernels compute in float32 or float64, not {kind}")
    if backend == "auto":
        return ByShape(load(program, kind, "numpy"), lambda: load(program, kind, "llvm"))
    made: Kernel = _module(backend).load(program, kind)
    return made


def source(program: Program, dtype: DTypeLike = np.float64, backend: str = "numpy") -> str:
    """The code that a backend generates for a Program, as text."""
    text: str = _module(backend).source(program, np.dtype(dtype))
    return text


def _module(backend: str) -> Any:
    if backend not in BACKENDS:
        raise ParameterError(f"unknown backend {backend!r}; there are {', '.join(BACKENDS)}")
    return import_module(BACKENDS[backend])
