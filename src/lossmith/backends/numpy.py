"""Programs as NumPy functions: no compiler, right for small arrays and the reference for the compiled backends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith import cache as store
from lossmith.backends import numpy_remainders as remainders
from lossmith.program import Arg, Program, Step
from lossmith.words import COMPARISONS

PRINT: dict[str, str] = {
    "add": "{} + {}", "sub": "{} - {}", "mul": "{} * {}", "div": "np.divide({}, {})", "neg": "-{}",
    "lt": "np.less({}, {})", "le": "np.less_equal({}, {})", "gt": "np.greater({}, {})",
    "ge": "np.greater_equal({}, {})", "eq": "np.equal({}, {})", "ne": "np.not_equal({}, {})",
    "and": "np.logical_and({}, {})", "min": "np.minimum({}, {})", "max": "np.maximum({}, {})",
    "pow": "np.power({}, {})", "abs": "np.abs({})", "where": "where({}, {}, {})",
    **{w: f"np.{w}({{}})" for w in ("sqrt", "sign", "exp", "expm1", "log", "log1p", "tanh", "sin", "cos")},
    "atan": "np.arctan({})", "asinh": "np.arcsinh({})",
}  # fmt: skip
"""How each word is written; one that is missing here is a function of `functions`, called by its name."""


def _special(name: str) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        import scipy.special

        return getattr(scipy.special, name)(*args)

    return call


def softplus(x: Any) -> Any:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def sigmoid(x: Any) -> Any:
    t = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, t) / (1 + t)


def sech2(x: Any) -> Any:
    t = np.exp(-2 * np.abs(x))
    return 4 * t / ((1 + t) * (1 + t))


def logcosh(x: Any) -> Any:
    a = np.abs(x)
    tanh = np.tanh(np.minimum(a, 1))
    return np.where(a < 1, -np.log1p(-tanh * tanh) / 2, a + np.log1p(np.exp(-2 * a)) - np.asarray(x).dtype.type(LN2))


LN2 = 0.6931471805599453
SQRT_HALF = 0.7071067811865476
SQRT_2_OVER_PI = 0.7978845608028654


def hypot1(x: Any) -> Any:
    return np.hypot(np.asarray(x).dtype.type(1), x)


def _safe(x: Any) -> tuple[Any, Any, Any]:
    """(|x| ≤ 2²⁴⁰ or 2³⁰ in float32?, x where so, 1/x where not): beyond, 1 + x² is x² to the last digit."""
    x = np.asarray(x)
    near = np.abs(x) <= (2.0**30 if x.dtype == np.float32 else 2.0**240)
    return near | np.isnan(x), np.where(near, x, x.dtype.type(1)), 1 / np.where(near, x.dtype.type(1), x)


def log1psq(x: Any) -> Any:
    near, inside, _ = _safe(x)
    return np.where(near, np.log1p(inside * inside) + 0 * np.where(near, x, 0), 2 * np.log(np.abs(x)))


def witch(x: Any) -> Any:
    near, inside, inverse = _safe(x)
    return np.where(near, 1 / (1 + inside * inside) + 0 * np.where(near, x, 0), inverse * inverse)


def serpentine(x: Any) -> Any:
    near, inside, inverse = _safe(x)
    return np.where(near, np.where(near, x, 0) / (1 + inside * inside), inverse)


def mills(x: Any) -> Any:
    """φ/Φ through erfcx, which neither overflows nor cancels on the left."""
    x = np.asarray(x)
    left = SQRT_2_OVER_PI / functions()["erfcx"](-np.minimum(x, 5) * x.dtype.type(SQRT_HALF))
    right = np.exp(-np.square(np.minimum(x, 60)) / 2) * x.dtype.type(SQRT_2_OVER_PI / 2) / functions()["ndtr"](x)
    return np.where(x > 5, right, left)


def mills_slope(x: Any) -> Any:
    """m(m + x); on the far left, where m + x cancels, by the continued fraction m(−a) = a + 1/(a + 2/(a + 3/…))."""
    m = mills(x)
    a = -np.minimum(x, -4)
    tail = a
    for k in range(60, 1, -1):
        tail = a + k / tail
    return np.where(np.less(x, -4), (a + 1 / tail) / tail, m * (m + x))


def log_ndtr(x: Any) -> Any:
    return _special("log_ndtr")(x)


def xlogy(x: Any, y: Any) -> Any:
    return _special("xlogy")(x, y)


@cache
def functions() -> Mapping[str, Callable[..., Any]]:
    """The words that are not one NumPy call."""
    own = (softplus, sigmoid, sech2, logcosh, hypot1, log1psq, witch, serpentine, mills, mills_slope, log_ndtr, xlogy)
    table = {f.__name__: f for f in own} | remainders.WORDS
    borrowed = {"erf": "erf", "lgamma": "gammaln", "digamma": "digamma", "erfcx": "erfcx", "ndtr": "ndtr"}
    table |= {word: _special(name) for word, name in borrowed.items()}
    return table | {"trigamma": lambda x: _special("polygamma")(1, x)}


def source(program: Program, dtype: np.dtype[Any]) -> str:
    """The Python function that `load` runs."""
    arguments = ", ".join((*program.inputs, *program.params))
    lines = [f"# {program.note}"] if program.note else []
    lines += [f"def kernel({arguments}):"]
    lines += [f"    {step.name} = {_printed(step)}" for step in program.steps]
    lines += [
        "    return (" + "".join(f"{_name(a)}, " for _, a in program.outputs) + ")  # " + ", ".join(program.wants)
    ]
    return "\n".join(lines) + "\n"


def _printed(step: Step) -> str:
    template = PRINT.get(step.word, step.word + "(" + ", ".join("{}" for _ in step.args) + ")")
    return template.format(*map(_name, step.args))


def _name(a: Arg) -> str:
    return a if isinstance(a, str) else f"({a!r})" if a < 0 else repr(a)


@dataclass(frozen=True, slots=True)
class NumpyKernel:
    """A generated NumPy function for one dtype."""

    program: Program
    dtype: np.dtype[Any]
    source: str
    function: Callable[..., tuple[Any, ...]]

    def __call__(
        self, arrays: Sequence[NDArray[Any]], params: Sequence[float], out: Sequence[NDArray[Any]] | None = None
    ) -> tuple[NDArray[Any], ...]:
        inputs = [np.asarray(a, self.dtype) for a in arrays]
        shape = inputs[0].shape
        with np.errstate(all="ignore"):
            results = self.function(*inputs, *map(float, params))
        targets = out or [np.empty(shape, self.dtype) for _ in results]
        for target, result in zip(targets, results, strict=True):
            target[...] = result
        return tuple(targets)


def load(program: Program, dtype: np.dtype[Any]) -> NumpyKernel:
    """The Program as a NumPy function, its text kept as a file for tracebacks and debuggers."""
    name = store.key("numpy", program.digest, program.note)
    text = store.text("py", name, lambda: source(program, dtype))
    path = store.place("py", name)
    kind = dtype.type

    def where(c: Any, a: Any, b: Any) -> Any:
        return np.where(c, a if np.ndim(a) else kind(a), b if np.ndim(b) else kind(b))

    namespace: dict[str, Any] = {"np": np, "where": where, **functions()}
    exec(compile(text, str(path), "exec"), namespace)
    return NumpyKernel(program, dtype, text, namespace["kernel"])


assert set(PRINT) >= COMPARISONS
