"""Compiled kernels: LLVM IR printed from a `Program`, compiled by llvmlite, kept in the cache, run on a few threads."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import math
import threading
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import llvmlite.binding as binding
import numpy as np
from numpy.typing import NDArray

from lossmith import cache
from lossmith.backends.llvm_print import Target, print_module
from lossmith.backends.threads import run_chunks, workers
from lossmith.backends.wide import hard, watches, watching
from lossmith.errors import ShapeError, UnsupportedError
from lossmith.program import Program

CHUNK = 65_536
"""Rows per piece of work: half a megabyte of each float64 array."""

SERIAL = 100_000
"""Below this many rows one thread does the work: handing over would cost more."""

STREAM = 16 << 20
"""Outputs of more bytes than this do not fit the caches; they are stored past them."""

COSTLY = frozenset(
    "asinh cauchit_slope cloglog_bend cloglog_slope digamma erf expm1mx lgamma log1pmx log_cauchit log_cloglog "
    "log_ndtr logcosh mills mills_slope pow sin softplus tanh trigamma".split()
)
"""Words that take a core longer than storing a row does (`bench/kernels.py` prints what each takes)."""

LARGE = 1 << 20
"""Bytes from which a new output is laid on a cache line."""

FEW = 4096
"""Rows looked through at once for hard ones."""

LINE = 64
"""Bytes of the boundary that streaming stores need."""

PAGE, MIDDLE, NEAR = 4096, 2048, 192
"""A load waits for a store under way whose address ends in the same 12 bits. Large arrays of NumPy begin at the same
place in a page; so large outputs begin in the middle of one, and none is streamed to that lies NEAR bytes or less
behind an input."""

Array = NDArray[Any]
Entry = Callable[[int, int, Any, Any], None]
ENTRY = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)
ELEMENTS = {np.dtype(np.float64): "double", np.dtype(np.float32): "float"}

_kernels: dict[tuple[str, str], LlvmKernel] = {}
_lock = threading.Lock()


def load(program: Program, dtype: Any = np.float64) -> LlvmKernel:
    """The compiled kernel of a program; equal programs share one."""
    key = (program.digest, np.dtype(dtype).name)
    with _lock:
        if key not in _kernels:
            _kernels[key] = LlvmKernel(program, dtype)
        return _kernels[key]


def source(program: Program, dtype: Any = np.float64) -> str:
    """The LLVM IR of a program for this machine."""
    return print_module(program, target_of(dtype))


class LlvmKernel:
    """A compiled program: call it with arrays and parameters, get one array per output."""

    def __init__(self, program: Program, dtype: Any = np.float64, text: str | None = None) -> None:
        self.program, self.dtype = program, np.dtype(dtype)
        self._text = text
        if text is None:
            key = cache.key(program.digest, program.note, self.dtype, *host(), printer())
            code = cache.data("o", key, lambda: compile_text(cache.text("ll", key, lambda: source(program, dtype))))
        else:
            code = compile_text(text)
        self._engine, addresses = link(code)
        self.entry = addresses[0]
        place = self._engine.get_global_value_address("hard") if watches(program) else 0
        self._hard = ctypes.c_int64.from_address(place) if place else None
        self._kernel, self._stream = (ENTRY(a) for a in addresses)
        self._places = len(program.inputs) + len(program.outputs)
        self._computes = any(step.word in COSTLY for step in program.steps)

    def __reduce__(self) -> tuple[type[LlvmKernel], tuple[Any, ...]]:
        return type(self), (self.program, self.dtype, self._text)

    @property
    def source(self) -> str:
        """The LLVM IR that was compiled."""
        return self._text or source(self.program, self.dtype)

    def __call__(
        self, arrays: Sequence[Array], params: Sequence[float] = (), out: Sequence[Array] | None = None
    ) -> tuple[Array, ...]:
        """One array per output of the program, shaped like the inputs; `out` gives arrays to write them to.

        Inputs all have one shape; strided ones are copied, and those of another dtype converted. No input is changed
        unless it is passed as `out` too. Raises ShapeError where shapes, or counts, differ.
        """
        given = [np.asarray(a) for a in arrays]
        self._check(given, params)
        inputs = [np.ascontiguousarray(a, dtype=self.dtype) for a in given]
        shape = given[0].shape
        results = rooms(len(self.program.outputs), shape, self.dtype) if out is None else list(out)
        written = results if out is None else self._writable(results, inputs, shape)
        self._run(inputs, written, params, given[0].size)
        for theirs, ours in zip(results, written, strict=True):
            if theirs is not ours:
                theirs[...] = ours
        return tuple(results)

    def _check(self, arrays: list[Array], params: Sequence[float]) -> None:
        names = self.program.inputs
        if len(arrays) != len(names) or not arrays:
            raise ShapeError(f"the kernel takes {len(names)} arrays ({', '.join(names)}), not {len(arrays)}")
        if len(params) != len(self.program.params):
            wanted = ", ".join(self.program.params) or "none"
            raise ShapeError(f"the kernel takes {len(self.program.params)} parameters ({wanted}), not {len(params)}")
        for name, array in zip(names[1:], arrays[1:], strict=True):
            if array.shape != arrays[0].shape:
                raise ShapeError(f"{names[0]} has shape {arrays[0].shape} but {name} {array.shape}; make them equal")

    def _writable(self, out: list[Array], inputs: list[Array], shape: tuple[int, ...]) -> list[Array]:
        """The arrays to compute into: `out` itself where that is contiguous and clear of the others."""
        if len(out) != len(self.program.outputs) or any(o.shape != shape or o.dtype != self.dtype for o in out):
            raise ShapeError(f"out must hold {len(self.program.outputs)} {self.dtype} arrays of shape {shape}")
        ours = []
        for i, o in enumerate(out):
            others = [*inputs, *out[:i]]
            clear = o.flags.carray and not any(np.may_share_memory(o, a) for a in others)
            ours.append(o if clear else room(shape, self.dtype))
        return ours

    def _run(self, inputs: list[Array], outputs: list[Array], params: Sequence[float], n: int) -> None:
        table = (ctypes.c_void_p * self._places)(*map(address, inputs), *map(address, outputs))
        numbers = (ctypes.c_double * len(params))(*params)

        def run(entry: Entry, start: int, stop: int) -> None:
            before = self._hard.value if self._hard is not None else 0
            entry(start, stop, table, numbers)
            if self._hard is not None and self._hard.value != before:  # or another thread met one: no harm
                for at in range(start, stop, FEW):
                    self._again(inputs, outputs, params, slice(at, min(at + FEW, stop)))

        if n < SERIAL:
            run(self._kernel, 0, n)
            return
        head = self._head(inputs, outputs)
        entry = self._kernel if head is None else self._stream
        start = head or 0
        run(self._kernel, 0, start)
        run_chunks(lambda a, b: run(entry, a, b), start, n, CHUNK)

    def _again(self, inputs: list[Array], outputs: list[Array], params: Sequence[float], part: slice) -> None:
        """The hard rows of a part, with more digits and larger exponents."""
        from lossmith.backends import numpy

        given = [a.reshape(-1)[part] for a in inputs]
        rows = hard(self.program, numpy.load(watching(self.program), np.dtype(np.float64))(given, params))
        if rows.any():
            found = numpy.load(self.program, self.dtype)([a[rows] for a in given], params)
            for o, new in zip(outputs, found, strict=True):
                o.reshape(-1)[part][rows] = new

    def _head(self, inputs: list[Array], outputs: list[Array]) -> int | None:
        """How many rows precede the boundary from which all outputs may be streamed; None: do not stream."""
        if sum(o.nbytes for o in outputs) < STREAM or (self._computes and workers() <= 2):
            return None
        if any(0 < (address(o) - address(a)) % PAGE <= NEAR for o in outputs for a in inputs):
            return None
        heads = {(-address(o) % LINE) // o.itemsize for o in outputs}
        return heads.pop() if len(heads) == 1 else None


def address(array: Array) -> int:
    """Where an array's first element lies."""
    try:  # a third of the time of NumPy's own answer, which a short kernel takes longer to wait for than to run
        return ctypes.addressof(ctypes.c_char.from_buffer(array.data))
    except (TypeError, ValueError):  # it may not be written to, or is strided, or empty
        place: int = array.__array_interface__["data"][0]
        return place


def room(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """An uninitialised array; a large one begins in the middle of a page, so that it is well streamed to."""
    size = math.prod(shape) * dtype.itemsize
    if size < LARGE:
        return np.empty(shape, dtype)
    raw = np.empty(size + PAGE, dtype=np.uint8)
    start = (MIDDLE - address(raw)) % PAGE
    return raw[start : start + size].view(dtype).reshape(shape)


def rooms(count: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> list[Array]:
    """Several of them; small ones lie in one."""
    if count * math.prod(shape) * dtype.itemsize >= LARGE:
        return [room(shape, dtype) for _ in range(count)]
    block = np.empty((count, *shape), dtype)
    return [block[i, ...] for i in range(count)]


def target_of(dtype: Any) -> Target:
    """What this machine computes with for arrays of this dtype."""
    element = ELEMENTS.get(np.dtype(dtype))
    if element is None:
        raise UnsupportedError(f"kernels compute in float64 or float32, not {np.dtype(dtype)}; convert the arrays")
    return Target(element, lanes(host()[1]) * (2 if element == "float" else 1))


def lanes(features: str) -> int:
    """Doubles per vector register, from the host's features."""
    words = set(features.split(","))
    return 8 if "+avx512f" in words and "+avx512dq" in words else 4 if "+avx" in words else 2


@functools.cache
def host() -> tuple[str, str, str]:
    """What compiled code depends on: CPU, features, compiler."""
    features = binding.get_host_cpu_features()
    return binding.get_host_cpu_name(), features.flatten(), f"{binding.get_process_triple()} {version('llvmlite')}"


@functools.cache
def printer() -> str:
    """A hash of the code that prints kernels, so that no kernel outlives a change of it."""
    here = Path(__file__).parent
    files = [*sorted(here.glob("llvm*.py")), *sorted(here.glob("careful*.py")), here / "wide.py"]
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()


@functools.cache
def _begin() -> None:
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()


def machine() -> Any:
    """A target machine for this host; each engine gets its own, because shared ones crash."""
    _begin()
    cpu, features, _ = host()
    chosen = binding.Target.from_triple(binding.get_process_triple())
    return chosen.create_target_machine(cpu=cpu, features=features, opt=2, codemodel="jitdefault", jit=True)


def compile_text(text: str) -> bytes:
    """Object code for a module's text; the formula is inlined, nothing else is rewritten."""
    target = machine()
    module = binding.parse_assembly(text)
    module.verify()
    passes = binding.create_new_module_pass_manager()
    passes.add_always_inliner_pass()
    passes.run(module, binding.create_pass_builder(target, binding.create_pipeline_tuning_options()))
    return bytes(target.emit_object(module))


def link(code: bytes, names: Sequence[str] = ("kernel", "stream")) -> tuple[Any, tuple[int, ...]]:
    """An engine with this object code in it, to be kept alive, and the addresses of its functions."""
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), machine())
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine, tuple(engine.get_function_address(name) for name in names)


def built(name: str, source: Callable[[], str]) -> tuple[Any, Any]:
    """(engine, function) of a text with one function that takes what a kernel takes; the code is kept in the cache."""
    key = cache.key(name, *host(), printer())
    code = cache.data("o", key, lambda: compile_text(cache.text("ll", key, source)))
    engine, (address,) = link(code, (name,))
    return engine, ENTRY(address)
