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
from lossmith.backends.careful import careful, rough
from lossmith.backends.llvm_polynomials import POLYNOMIALS
from lossmith.backends.wide import WIDE, watches
from lossmith.program import Arg, Program, Step
from lossmith.words import COMPARISONS

PRINT: dict[str, str] = {
    "add": "{} + {}", "sub": "{} - {}", "mul": "{} * {}", "div": "np.divide({}, {})", "neg": "-{}",
    "lt": "np.less({}, {})", "le": "np.less_equal({}, {})", "gt": "np.greater({}, {})",
    "ge": "np.greater_equal({}, {})", "eq": "np.equal({}, {})", "ne": "np.not_equal({}, {})",
    "and": "np.logical_and({}, {})", "min": "np.minimum({}, {})", "max": "np.maximum({}, {})",
    "pow": "np.power({}, {})", "abs": "np.abs({})", "where": "where({}, {}, {})",
    **{w: f"np.{w}({{}})" for w in ("sqrt", "sign", "expm1", "log", "log1p", "tanh", "sin", "cos")},
    "exp": "exp({})", "atan": "np.arctan({})", "asinh": "np.arcsinh({})",
}  # fmt: skip
"""How each word is written; one that is missing here is a function of `functions`, called by its name."""


def _special(name: str) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        import scipy.special

        return getattr(scipy.special, name)(*(np.asarray(a, np.float64) for a in args))

    return call


def exp(x: Any) -> Any:
    """eˣ; with more exponents than float64 has, what no float64 can hold stays a number, and 0 times that is 0."""
    return np.exp(np.minimum(x, 5000.0)) if np.asarray(x).dtype == np.longdouble else np.exp(x)


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


def _halves(a: Any) -> Any:
    """The upper half of a number's digits."""
    split = 2.0 ** (27 if np.asarray(a).dtype != np.longdouble else 32) + 1
    return split * a - (split * a - a)


def left_mul(a: Any, b: Any, p: Any) -> Any:
    """a·b − p for p the rounded product, exactly (Dekker 1971); not a number where the parts overflow."""
    high_a, high_b = _halves(a), _halves(b)
    low_a, low_b = a - high_a, b - high_b
    return ((high_a * high_b - p) + high_a * low_b + low_a * high_b) + low_a * low_b


def left_div(a: Any, b: Any, q: Any) -> Any:
    """a − q·b for q the rounded quotient, exactly."""
    p = q * b
    return (a - p) - left_mul(q, b, p)


def mend(v: Any, d: Any) -> Any:
    """v + d, and v alone where d is not finite, or v beyond any float64."""
    counts = np.isfinite(d)
    if np.asarray(v).dtype == np.longdouble:
        counts &= np.abs(v) < BEYOND
    return v + np.where(counts, d, 0.0)


BEYOND = np.longdouble(2) ** min(6000, np.finfo(np.longdouble).maxexp - 1)


def _polynomial(name: str, x: Any) -> Any:
    """A polynomial of the compiled words, by Horner's scheme."""
    return np.polynomial.polynomial.polyval(x, POLYNOMIALS[name])


def _tail(u: Any) -> tuple[Any, Any, Any]:
    """t = (u − 5)/(u + 5), and (1 − Φ(u))·exp(u²/2) for u ≥ 0 as a numerator and a denominator."""
    u = np.minimum(u, 1e300)
    t = (u - 5) / (u + 5)
    return t, _polynomial("TAIL", t), u + TAIL_LIFT


def _end(u: Any) -> float:
    """Where exp(−u²/2) is 0 in u's dtype, whatever multiplies it."""
    return 400.0 if np.asarray(u).dtype == np.longdouble else 50.0


def _bell(u: Any) -> tuple[Any, Any]:
    """exp(−u²/2) for u ≥ 0 as r·r·s, u² taken in parts that do not round and r never subnormal."""
    u = np.minimum(u, _end(u))
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
    right = np.where(x > 30, root * (rest * np.minimum(x, _end(x)) / ROOT_2PI) * root, right)
    return np.where(x > 0, right, _polynomial("TAIL_SLOPE", t) / (top * top))


def log_ndtr(x: Any) -> Any:
    u = np.abs(x)
    _, top, bottom = _tail(u)
    ratio = top / bottom
    root, rest = _bell(u)
    return np.where(x > 0, np.log1p(-root * root * rest * ratio), np.log(ratio) - u * 0.5 * u)


def _shifted(x: Any) -> tuple[Any, Any]:
    """x moved up to where Stirling's series serves, and the whole steps that took."""
    steps = np.where(x < 24, np.ceil(24 - np.where(x < 24, x, 24)), 0)
    return x + steps, steps


def lgamma(x: Any) -> Any:
    """log Γ(x) for x > 0; below 0 from SciPy."""
    if np.asarray(x).dtype != np.longdouble:
        return np.where(np.abs(x) < 1e-300, -np.log(np.abs(x)), _special("gammaln")(x))
    at = np.where(x > 0, x, 1)
    far, steps = _shifted(at)
    product = np.ones_like(far)
    for k in range(24):
        product = np.where(k < steps, product * (at + k), product)
    v = 1 / far
    series = v * _horner(v * v, STIRLING)
    whole = (far - 0.5) * (np.log(far) - 1) + (HALF_LOG_2PI - np.longdouble(0.5)) + series - np.log(product)
    return np.where(x > 0, whole, _special("gammaln")(x))


def digamma(x: Any) -> Any:
    """The derivative of log Γ for x > 0; below 0 from SciPy."""
    if np.asarray(x).dtype != np.longdouble:
        return _special("digamma")(x)
    at = np.where(x > 0, x, 1)
    far, steps = _shifted(at)
    v = 1 / far
    whole = np.log(far) - v / 2 - v * v * _horner(v * v, STIRLING_SLOPE)
    for k in reversed(range(24)):
        whole = whole - np.where(k < steps, 1 / (at + k), 0)
    return np.where(x > 0, whole, _special("digamma")(x))


def trigamma(x: Any) -> Any:
    """The second derivative of log Γ for x > 0; below 0 from SciPy."""
    if np.asarray(x).dtype != np.longdouble:
        return _special("polygamma")(1, x)
    at = np.where(x > 0, x, 1)
    far, steps = _shifted(at)
    v = 1 / far
    whole = v + v * v / 2 + v * v * v * _horner(v * v, STIRLING_BEND)
    for k in reversed(range(24)):
        whole = whole + np.where(k < steps, 1 / ((at + k) * (at + k)), 0)
    return np.where(x > 0, whole, _special("polygamma")(1, x))


BERNOULLI = (
    (1, 6), (-1, 30), (1, 42), (-1, 30), (5, 66), (-691, 2730), (7, 6), (-3617, 510), (43867, 798), (-174611, 330),
)  # fmt: skip
"""B₂, B₄, …: the numbers of Stirling's series (Abramowitz & Stegun 6.1.40)."""

STIRLING, STIRLING_SLOPE, STIRLING_BEND = (
    tuple(np.longdouble(a) / b / scale(2 * i) for i, (a, b) in enumerate(BERNOULLI, 1))
    for scale in (lambda k: k * (k - 1), lambda k: k, lambda k: 1)
)
HALF_LOG_2PI = np.log(2 * np.longdouble("3.14159265358979323846264338327950288")) / 2


def _horner(x: Any, coefficients: Any) -> Any:
    total = 0 * x
    for c in reversed(coefficients):
        total = total * x + c
    return total


LOG_REST = Program(
    ("x", "dx", "y", "dy"), (),
    (
        Step("all", "add", ("x", "dx")), Step("log", "log", ("all",)),
        Step("less", "sub", ("log", "y")), Step("rest", "sub", ("less", "dy")),
    ),
    (("rest", "rest"),),
)  # fmt: skip


def log_rest(x: Any, y: Any) -> Any:
    """log(x) − y for a number x, no array: what is near a parameter's logarithm shows more digits than that has."""
    if not 0 < x < np.inf:
        return 0.0
    parts = (float(x), float(x - float(x)), float(y), float(y - float(y)))
    return float(LOG_REST.run(dict(zip(LOG_REST.inputs, parts, strict=True)))["rest"])


def xlogy(x: Any, y: Any) -> Any:
    return _special("xlogy")(x, y)


@cache
def functions() -> Mapping[str, Callable[..., Any]]:
    """The words that are not one NumPy call."""
    own = (
        exp, softplus, sigmoid, sech2, logcosh, hypot1, log1psq, witch, serpentine, mills, mills_slope, log_ndtr, xlogy,
        lgamma, digamma, trigamma, left_mul, left_div, mend, log_rest,
    )  # fmt: skip
    return {f.__name__: f for f in own} | remainders.WORDS | {"erf": _special("erf")}


ROOMY = frozenset({"logp", "mean_logp"})
"""Formulas of these slots lose fewer digits than `longdouble` has more than float64."""


def source(program: Program, dtype: np.dtype[Any]) -> str:
    """The Python function that `load` runs."""
    spared = dtype == np.float32 or (dtype == np.longdouble and ROOMY.issuperset(program.inputs))
    plan = program if spared else careful(program, frozenset(), frozenset({"log"}))
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
    """A generated NumPy function: it computes in `inside`, and what it returns is rounded once to its dtype."""

    program: Program
    dtype: np.dtype[Any]
    inside: type[np.floating[Any]]
    source: str
    function: Callable[..., tuple[Any, ...]]

    def __call__(
        self, arrays: Sequence[NDArray[Any]], params: Sequence[float], out: Sequence[NDArray[Any]] | None = None
    ) -> tuple[NDArray[Any], ...]:
        inputs = [np.asarray(a, self.dtype).astype(self.inside, copy=False) for a in arrays]
        shape = inputs[0].shape
        with np.errstate(all="ignore"):
            results = self.function(*inputs, *map(self.inside, params))
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
    return NumpyKernel(program, dtype, inside(program, dtype), text, namespace["kernel"])


def inside(program: Program, dtype: np.dtype[Any]) -> type[np.floating[Any]]:
    """What a kernel computes in: more than float64, if there is more, where roundings add up or the range may end."""
    wanted = dtype == np.longdouble or (WIDE and ((dtype == np.float64 and rough(program)) or watches(program)))
    return np.longdouble if wanted else np.float64


assert set(PRINT) >= COMPARISONS
