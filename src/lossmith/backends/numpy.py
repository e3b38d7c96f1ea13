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
from lossmith.backends.careful import careful
from lossmith.backends.llvm_polynomials import POLYNOMIALS
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
    return 4 * t / (1 + t * (2 + t))


def logcosh(x: Any) -> Any:
    a, z = np.abs(x), x * x
    far = (a - LN2) + (np.log1p(np.exp(-2 * a)) - LN2_REST)
    return np.where(a < 0.8, z * z * _polynomial("LOGCOSH", np.minimum(z, 1)) + z / 2, far)


LN2, LN2_REST = 0.6931471805599453, 2.3190468138462996e-17
ROOT_2PI = 2.5066282746310002
TAIL_LIFT = 1.2


def hypot1(x: Any) -> Any:
    return np.hypot(1.0, x)


def _safe(x: Any) -> tuple[Any, Any, Any]:
    """(|x| ≤ 2²⁴⁰?, x where so, 1/x where not): beyond, 1 + x² is x² to the last digit."""
    near = np.abs(x) <= 2.0**240
    return near | np.isnan(x), np.where(near, x, 1.0), 1 / np.where(near, 1.0, x)


def log1psq(x: Any) -> Any:
    near, inside, _ = _safe(x)
    return np.where(near, np.log1p(inside * inside) + 0 * np.where(near, x, 0), 2 * np.log(np.abs(x)))


def witch(x: Any) -> Any:
    near, inside, inverse = _safe(x)
    return np.where(near, 1 / (1 + inside * inside) + 0 * np.where(near, x, 0), inverse * inverse)


def serpentine(x: Any) -> Any:
    near, inside, inverse = _safe(x)
    return np.where(near, np.where(near, x, 0) / (1 + inside * inside), inverse)


SPLIT = 2.0**27 + 1


def left_mul(a: Any, b: Any, p: Any) -> Any:
    """a·b − p for p the rounded product, exactly (Dekker 1971); not a number where the parts overflow."""
    high_a, high_b = SPLIT * a - (SPLIT * a - a), SPLIT * b - (SPLIT * b - b)
    low_a, low_b = a - high_a, b - high_b
    return ((high_a * high_b - p) + high_a * low_b + low_a * high_b) + low_a * low_b


def left_div(a: Any, b: Any, q: Any) -> Any:
    """a − q·b for q the rounded quotient, exactly."""
    p = q * b
    return (a - p) - left_mul(q, b, p)


def mend(v: Any, d: Any) -> Any:
    """v + d, and v alone where d is not finite."""
    return v + np.where(np.isfinite(d), d, 0.0)


def _polynomial(name: str, x: Any) -> Any:
    """A polynomial of the compiled words, by Horner's scheme."""
    return np.polynomial.polynomial.polyval(x, POLYNOMIALS[name])


def _tail(u: Any) -> tuple[Any, Any, Any]:
    """t = (u − 5)/(u + 5), and (1 − Φ(u))·exp(u²/2) for u ≥ 0 as a numerator and a denominator."""
    u = np.minimum(u, 1e300)
    t = (u - 5) / (u + 5)
    return t, _polynomial("TAIL", t), u + TAIL_LIFT


def _bell(u: Any) -> tuple[Any, Any]:
    """exp(−u²/2) for u ≥ 0 as r·r·s, u² taken in parts that do not round and r never subnormal."""
    u = np.minimum(u, 50)
    head = np.round(u * 2.0**20) * 2.0**-20
    return np.exp(-head * head / 4), np.exp((head - u) * (u + head) / 2)


def mills(x: Any) -> Any:
    """φ/Φ; where Φ is small, the quotient without their common factor."""
    u = np.abs(x)
    _, top, bottom = _tail(u)
    root, rest = _bell(u)
    left = np.where(u > 1e200, u, bottom / (top * ROOT_2PI))
    right = root * (rest / ROOT_2PI) / (1 - root * root * rest * (top / bottom)) * root
    return np.where(x > 0, right, left)


def mills_slope(x: Any) -> Any:
    """m(m + x); below 0, where m + x cancels, from a polynomial of its own."""
    u = np.abs(x)
    t, top, _ = _tail(u)
    m = mills(np.maximum(x, 0))
    middle = _polynomial("MILLS_SLOPE", np.clip(x, 0, 1))
    root, rest = _bell(u)
    right = np.where(x > 1, m * (m + np.minimum(x, 40)), middle)
    right = np.where(x > 30, root * (rest * np.minimum(x, 50) / ROOT_2PI) * root, right)
    return np.where(x > 0, right, _polynomial("TAIL_SLOPE", t) / (top * top))


def log_ndtr(x: Any) -> Any:
    u = np.abs(x)
    _, top, bottom = _tail(u)
    ratio = top / bottom
    root, rest = _bell(u)
    return np.where(x > 0, np.log1p(-root * root * rest * ratio), np.log(ratio) - u * 0.5 * u)


def lgamma(x: Any) -> Any:
    return np.where(np.abs(x) < 1e-300, -np.log(np.abs(x)), _special("gammaln")(x))


def xlogy(x: Any, y: Any) -> Any:
    return _special("xlogy")(x, y)


@cache
def functions() -> Mapping[str, Callable[..., Any]]:
    """The words that are not one NumPy call."""
    own = (
        softplus, sigmoid, sech2, logcosh, hypot1, log1psq, witch, serpentine, mills, mills_slope, log_ndtr, xlogy,
        lgamma, left_mul, left_div, mend,
    )  # fmt: skip
    table = {f.__name__: f for f in own} | remainders.WORDS
    borrowed = {"erf": "erf", "digamma": "digamma"}
    table |= {word: _special(name) for word, name in borrowed.items()}
    return table | {"trigamma": lambda x: _special("polygamma")(1, x)}


def source(program: Program, dtype: np.dtype[Any]) -> str:
    """The Python function that `load` runs."""
    plan = careful(program) if dtype == np.float64 else program
    arguments = ", ".join((*program.inputs, *program.params))
    lines = [f"# {program.note}"] if program.note else []
    lines += [f"def kernel({arguments}):"]
    lines += [f"    {step.name} = {_printed(step)}" for step in plan.steps]
    lines += ["    return (" + "".join(f"{_name(a)}, " for _, a in plan.outputs) + ")  # " + ", ".join(program.wants)]
    return "\n".join(lines) + "\n"


def _printed(step: Step) -> str:
    template = PRINT.get(step.word, step.word + "(" + ", ".join("{}" for _ in step.args) + ")")
    return template.format(*map(_name, step.args))


def _name(a: Arg) -> str:
    return a if isinstance(a, str) else f"({a!r})" if a < 0 else repr(a)


@dataclass(frozen=True, slots=True)
class NumpyKernel:
    """A generated NumPy function: it computes in float64, and what it returns is rounded once to its dtype."""

    program: Program
    dtype: np.dtype[Any]
    source: str
    function: Callable[..., tuple[Any, ...]]

    def __call__(
        self, arrays: Sequence[NDArray[Any]], params: Sequence[float], out: Sequence[NDArray[Any]] | None = None
    ) -> tuple[NDArray[Any], ...]:
        inputs = [np.asarray(a, self.dtype).astype(np.float64, copy=False) for a in arrays]
        shape = inputs[0].shape
        with np.errstate(all="ignore"):
            results = self.function(*inputs, *map(float, params))
            targets = out or [np.empty(shape, self.dtype) for _ in results]
            for target, result in zip(targets, results, strict=True):
                target[...] = result
        return tuple(targets)


def load(program: Program, dtype: np.dtype[Any]) -> NumpyKernel:
    """The Program as a NumPy function, its text kept as a file for tracebacks and debuggers."""
    text = source(program, dtype)
    name = store.key("numpy", text)
    store.text("py", name, lambda: text)
    path = store.place("py", name)
    namespace: dict[str, Any] = {"np": np, "where": np.where, **functions()}
    exec(compile(text, str(path), "exec"), namespace)
    return NumpyKernel(program, dtype, text, namespace["kernel"])


assert set(PRINT) >= COMPARISONS
