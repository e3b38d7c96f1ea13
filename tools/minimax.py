"""Derive the polynomials of the compiled words: `python tools/minimax.py > src/lossmith/backends/llvm_polynomials.py`.

Each row of `FITS` is a smooth function on an interval, a degree for float64 and one for float32. The polynomial is the
Chebyshev interpolant computed with 60 digits (within a bit of the minimax polynomial for functions as tame as these),
written in powers of the variable and rounded to doubles; the printed error is that of the rounded one, relative to the
function, over a grid.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import mpmath
from mpmath import mp, mpf

mp.dps = 60
Real = Callable[[Any], Any]


class Fit(NamedTuple):
    """What to approximate: `f` on [low, high], with these degrees."""

    f: Real
    low: Any
    high: Any
    degree: int
    short: int | None
    says: str


def chebyshev(f: Real, low: Any, high: Any, degree: int) -> list[Any]:
    """The coefficients, lowest power first, of the interpolant in the Chebyshev nodes of [low, high]."""
    count = degree + 1
    angles = [mp.pi * (k + mpf(1) / 2) / count for k in range(count)]
    middle, half = (low + high) / 2, (high - low) / 2
    values = [f(middle + half * mp.cos(a)) for a in angles]
    series = [2 * sum(v * mp.cos(j * a) for v, a in zip(values, angles, strict=True)) / count for j in range(count)]
    series[0] /= 2
    return shifted(powers(series), middle, half)


def powers(series: list[Any]) -> list[Any]:
    """A Chebyshev series in powers of its variable."""
    before, now = [mpf(1)], [mpf(0), mpf(1)]
    total = [mpf(0)] * len(series)
    for j, c in enumerate(series):
        basis = before if j == 0 else now
        for i, b in enumerate(basis):
            total[i] += c * b
        if j > 0:
            doubled = [mpf(0)] + [2 * b for b in now]
            before, now = now, [d - (before[i] if i < len(before) else 0) for i, d in enumerate(doubled)]
    return total


def shifted(coefficients: list[Any], middle: Any, half: Any) -> list[Any]:
    """Σ c_j ((x − middle)/half)^j in powers of x."""
    total = [mpf(0)]
    for c in reversed(coefficients):
        risen = [mpf(0), *(t / half for t in total)]
        for i, t in enumerate(total):
            risen[i] -= t * middle / half
        risen[0] += c
        total = risen
    return total[: len(coefficients)]


def error(fit: Fit, coefficients: list[float]) -> Any:
    """The largest relative error of the rounded polynomial over a grid that clusters at the ends."""
    middle, half = (fit.low + fit.high) / 2, (fit.high - fit.low) / 2
    points = [middle + half * mp.cos(mp.pi * (i + mpf(1) / 3) / 300) for i in range(300)]
    return max(abs(mpmath.polyval(coefficients[::-1], x) / fit.f(x) - 1) for x in points)


def from_zero(f: Real, at_zero: Any) -> Real:
    """`f` with its limit filled in at 0."""
    return lambda x: mpf(at_zero) if x == 0 else f(x)


def in_root(f: Real, at_zero: Any) -> Real:
    """A function of z = x² given as a function of x > 0."""
    return from_zero(lambda z: f(mp.sqrt(z)), at_zero)


def carefully(f: Real) -> Real:
    """`f` with digits to spare, where it cancels."""

    def careful(x: Any) -> Any:
        with mp.workdps(200):
            return f(x)

    return careful


def mapped(f: Real, centre: Any, limit: Any) -> Real:
    """A function of t = (x − centre)/(x + centre) given as a function of x; t = 1 is x = ∞."""
    return lambda t: mpf(limit) if t == 1 else f(centre * (1 + t) / (1 - t))


def tail(u: Any) -> Any:
    """(1 − Φ(u))/φ(u)."""
    with mp.workdps(mp.dps + 40):
        return mp.sqrt(mp.pi / 2) * mp.exp(u * u / 2) * mp.erfc(u / mp.sqrt(2))


def tail_slope(u: Any) -> Any:
    """1 − u·tail(u), which is −tail′(u)."""
    with mp.workdps(60 + 4 * max(0, int(mp.log10(u + 1)))):
        return 1 - u * tail(u)


def mills_slope(x: Any) -> Any:
    """m(m + x) with m = φ(x)/Φ(x)."""
    m = mp.npdf(x) / mp.ncdf(x)
    return m * (m + x)


def stirling(x: Any) -> Any:
    """x·(lgamma(x) − (x − ½)(log(x) − 1) − ½log(2π) + ½)."""
    return x * (mp.loggamma(x) - (x - mpf(1) / 2) * (mp.log(x) - 1) - mp.log(2 * mp.pi) / 2 + mpf(1) / 2)


def digamma_rest(x: Any) -> Any:
    """x²(digamma(x) − log(x) + 1/(2x))."""
    return x * x * (mp.digamma(x) - mp.log(x) + 1 / (2 * x))


def trigamma_rest(x: Any) -> Any:
    """x²(x·trigamma(x) − 1 − 1/(2x))."""
    return x * x * (x * mp.psi(1, x) - 1 - 1 / (2 * x))


def lgamma_base(x: Any) -> Any:
    """lgamma(x) / ((x − 1)(x − 2))."""
    if abs(x - 1) < mpf(10) ** -30:
        return mp.euler
    if abs(x - 2) < mpf(10) ** -30:
        return 1 - mp.euler
    return mp.loggamma(x) / ((x - 1) * (x - 2))


ROOT = mp.findroot(mp.digamma, mpf("1.4616321449683623"))


def digamma_base(x: Any) -> Any:
    """digamma(x) / (x − its root)."""
    return mp.psi(1, ROOT) if abs(x - ROOT) < mpf(10) ** -30 else mp.digamma(x) / (x - ROOT)


CENTRES = {"tail": mpf(5), "lgamma": mpf("1.4375"), "digamma": mpf("1.578125")}
"""The centre c of the variable t = (x − c)/(x + c) of each mapped polynomial."""


def between(name: str, low: str, high: str) -> tuple[Any, Any]:
    """An interval of x as one of t."""
    c = CENTRES[name]
    return (mpf(low) - c) / (mpf(low) + c), (mpf(high) - c) / (mpf(high) + c)


def even(f: Real, at_zero: Any) -> Real:
    """A function of z = x² given as a function of x that cancels at 0."""
    return in_root(carefully(f), at_zero)


def ends(high: str) -> tuple[Any, Any]:
    """From 0 to `high`."""
    return mpf(0), mpf(high)


HALF_LN2 = mp.ln2 / 2 * mpf("1.001")
QUARTER_PI = "0.6172"  # (π/4)² and a little
THIRD = mpf(1) / 3
LIFT = mpf("1.2")
ROOT_2PI = mp.sqrt(2 * mp.pi)

SERIES_END = mpf(1) / 64  # 1/x² at x = 8


def log_rest(s: Any) -> Any:
    """(2 atanh(s) − 2s)/s³."""
    return (2 * mp.atanh(s) - 2 * s) / s**3


def log_long_rest(s: Any) -> Any:
    """(2 atanh(s) − 2s − 2s³/3)/s⁵."""
    return (2 * mp.atanh(s) - 2 * s - 2 * s**3 / 3) / s**5


def exp_rest(r: Any) -> Any:
    """(eʳ − 1 − r)/r²."""
    return (mp.expm1(r) - r) / r**2


def exp_third(r: Any) -> Any:
    """(eʳ − 1 − r − r²/2)/r³."""
    return (mp.expm1(r) - r - r**2 / 2) / r**3


def exp_fifth(r: Any) -> Any:
    """(eʳ − 1 − r − r²/2 − r³/6 − r⁴/24)/r⁵."""
    return (mp.expm1(r) - r - r**2 / 2 - r**3 / 6 - r**4 / 24) / r**5


def scaled_tail(u: Any) -> Any:
    """(u + LIFT)(1 − Φ(u))exp(u²/2)."""
    return tail(u) * (u + LIFT) / ROOT_2PI


def scaled_tail_slope(u: Any) -> Any:
    """(u + LIFT)²(1 − u(1 − Φ(u))/φ(u))/2π."""
    return tail_slope(u) * (u + LIFT) ** 2 / ROOT_2PI**2


FITS: dict[str, Fit] = {
    "EXP": Fit(from_zero(carefully(exp_rest), mpf(1) / 2), -HALF_LN2, HALF_LN2, 9, 5, "(eʳ − 1 − r)/r²"),
    "EXP_LONG": Fit(
        from_zero(carefully(exp_third), mpf(1) / 6), -2 * mp.ln2, 2 * mp.ln2,
        15, None, "(eˣ − 1 − x − x²/2)/x³ for |x| <= 2 ln 2"
    ),
    "EXP_FIFTH": Fit(
        from_zero(carefully(exp_fifth), mpf(1) / 120), -HALF_LN2, HALF_LN2, 9, None, "(eʳ − 1 − r − … − r⁴/24)/r⁵"
    ),
    "LOG": Fit(even(log_rest, 2 * THIRD), *ends("0.0295"), 6, 2, "(2 atanh(s) − 2s)/s³ in s²"),
    "LOG_UNIT": Fit(even(log_rest, 2 * THIRD), mpf(0), THIRD**2, 9, 4, "the same, as log1p needs it on [0, 1]"),
    "LOG_LONG": Fit(even(log_long_rest, mpf(2) / 5), *ends("0.0295"), 7, None, "(2 atanh(s) − 2s − 2s³/3)/s⁵ in s²"),
    "LOGCOSH": Fit(
        even(lambda x: (mp.log(mp.cosh(x)) - x * x / 2) / x**4, -THIRD / 4),
        *ends("0.64"), 11, 5, "(log(cosh(x)) − x²/2)/x⁴ in x²",
    ),
    "ATAN": Fit(
        even(lambda x: (mp.atan(x) / x - 1) / x**2, -THIRD), *ends("0.1717"), 10, 4, "(atan(x)/x − 1)/x² in x²"
    ),
    "ATAN_LONG": Fit(
        even(lambda x: (((mp.atan(x) / x - 1) / x**2 + THIRD) / x**2 - mpf(1) / 5) / x**2, -mpf(1) / 7),
        *ends("0.1717"), 12, None, "(atan(x)/x − 1 + x²/3 − x⁴/5)/x⁶ in x²",
    ),
    "SIN": Fit(
        even(lambda x: (mp.sin(x) / x - 1) / x**2, -THIRD / 2), *ends(QUARTER_PI), 5, 3, "(sin(x)/x − 1)/x² in x²"
    ),
    "COS": Fit(
        even(lambda x: (mp.cos(x) - 1 + x * x / 2) / x**4, THIRD / 8),
        *ends(QUARTER_PI), 5, 3, "(cos(x) − 1 + x²/2)/x⁴ in x²",
    ),
    "ERF": Fit(even(lambda x: mp.erf(x) / x - 1, 2 / mp.sqrt(mp.pi) - 1), *ends("1"), 13, 8, "erf(x)/x − 1 in x²"),
    "TAIL": Fit(
        mapped(scaled_tail, CENTRES["tail"], 1 / ROOT_2PI),
        mpf(-1), mpf(1), 25, None, "(u + 1.2)(1 − Φ(u))exp(u²/2) in (u − 5)/(u + 5)",
    ),
    "TAIL_SLOPE": Fit(
        mapped(scaled_tail_slope, CENTRES["tail"], 1 / ROOT_2PI**2),
        mpf(-1), mpf(1), 28, None, "(u + 1.2)²(1 − u(1 − Φ(u))/φ(u))/2π in the same",
    ),
    "MILLS_SLOPE": Fit(mills_slope, mpf(0), mpf(1), 15, None, "m(m + x) with m = φ(x)/Φ(x), on [0, 1]"),
    "LGAMMA": Fit(
        mapped(lgamma_base, CENTRES["lgamma"], 0),
        *between("lgamma", "0.75", "2.75"), 19, None, "lgamma(x)/((x − 1)(x − 2)) in (x − 1.4375)/(x + 1.4375)",
    ),
    "STIRLING": Fit(
        even(lambda v: stirling(1 / v), THIRD / 4), mpf(0), SERIES_END, 5, None, "x(lgamma(x) − Stirling) in 1/x²"
    ),
    "DIGAMMA": Fit(
        mapped(digamma_base, CENTRES["digamma"], 0),
        *between("digamma", "1", "2.5"), 17, None, "digamma(x)/(x − 1.4616…) in (x − 1.578125)/(x + 1.578125)",
    ),
    "DIGAMMA_FAR": Fit(
        even(lambda v: digamma_rest(1 / v), -THIRD / 4),
        mpf(0), SERIES_END, 6, None, "x²(digamma(x) − log(x) + 1/(2x)) in 1/x²",
    ),
    "TRIGAMMA_FAR": Fit(
        even(lambda v: trigamma_rest(1 / v), THIRD / 2),
        mpf(0), SERIES_END, 6, None, "x²(x·trigamma(x) − 1 − 1/(2x)) in 1/x²",
    ),
}  # fmt: skip


def rows(name: str, fit: Fit) -> str:
    """The rows of one polynomial, both degrees, as Python text."""
    lines = [f"    # {fit.says}"]
    for table, degree in (("", fit.degree), ("_SHORT", fit.short)):
        if degree is None:
            continue
        rounded = [float(c) for c in chebyshev(fit.f, fit.low, fit.high, degree)]
        exact = mp.log(error(fit, rounded), 2)
        lines.append(f'    "{name}{table}": (  # relative error 2^{mp.nstr(exact, 3)}')
        lines += ["        " + ", ".join(map(repr, rounded[i : i + 4])) + "," for i in range(0, len(rounded), 4)]
        lines.append("    ),")
    return "\n".join(lines)


HEAD = '''"""The polynomials of the compiled words, lowest power first; written by `tools/minimax.py`, not by hand."""

from __future__ import annotations

# fmt: off
POLYNOMIALS: dict[str, tuple[float, ...]] = {'''


def main() -> None:
    """Print the module of polynomials."""
    print(HEAD)
    for name, fit in FITS.items():
        print(rows(name, fit))
    print("}")


if __name__ == "__main__":
    main()
