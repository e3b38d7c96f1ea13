"""How much of the sample a robust loss keeps at the normal law: its asymptotic efficiency, enclosed by integration.

With ψ = ρ′ odd and r normal, the efficiency of the centre that ρ fits, beside the mean, is (E ψ′)²/E ψ². Jumps of ψ
count in E ψ′, so it is computed as E[ψ(r)·r] (Stein's identity). Arb's integrator encloses both integrals rigorously.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lossmith.facts import Fact
from lossmith.symbolic.binding import even
from lossmith.symbolic.case import Case
from lossmith.symbolic.cover import Region

NAME = "efficiency"
FAR = 40.0
"""The normal density beyond this is below 10⁻³⁴⁷."""
BITS = 64
Ball = Any


def efficiency_at_normal(case: Case) -> Fact:
    """The asymptotic efficiency at the normal law with scale 1, as the constant."""
    if case.limits:
        return Fact(NAME, False, "the loss looks at y beside the residual, so one efficiency does not describe it")
    symmetric = even(case)
    if symmetric.holds is None:
        return Fact(NAME, None, "the loss was not shown to be even")
    if not symmetric.holds:
        return Fact(NAME, False, "not even: at a normal law it does not fit the centre", symmetric.witness)
    try:
        found = efficiency(case)
    except ImportError:
        return Fact(NAME, None, "python-flint is not installed, whose integrator encloses it")
    if found is None:
        return Fact(NAME, None, "the integrals could not be enclosed")
    if found < 0:
        return Fact(
            NAME, False, "over a normal law its mean is largest in the centre, not least: it fits another place"
        )
    return Fact(NAME, True, f"{100 * found:.4g} % of the mean's at the normal law, with scale 1", constant=found)


def efficiency(case: Case, scale: float = 1.0) -> float | None:
    """(E ψ′)²/E ψ² at the standard normal, for ψ(r/scale) of an even loss; None where it cannot be enclosed.

    Below 0 where E ψ′ is: then the mean loss is largest in the centre. The enclosure is as tight as a double shows it,
    to some 12 digits.
    """
    from flint import ctx

    halves = case.regions[len(case.regions) // 2 :]
    with ctx.workprec(BITS):
        if {s.word for r in halves for s in r.program.only("d1").steps} - set(complex_words(False)):
            return None
        pulls = [_integrals(r, scale) for r in halves]
        if any(_heavy(r) for r in halves[-1:]):
            return None
        a, b = sum(p[0] for p in pulls), sum(p[1] for p in pulls)
        found = 2 * a * abs(a) / b
        return float(found) if found.rel_accuracy_bits() > 36 else None


def _heavy(region: Region) -> bool:
    """May the slope grow so fast that what is beyond `FAR` counts?"""
    spans = region.tail("d1", 1, 5)
    return not any(x.power <= 8 and max(-x.low, x.high) < 1e30 for x in spans)


def _integrals(region: Region, scale: float) -> tuple[Ball, Ball]:
    """∫ψ(r/s)·r·φ(r) and ∫ψ(r/s)²·φ(r) over one piece, as real balls."""
    from flint import acb, arb

    low, high = (_end(e, scale) for e in (region.low, region.high))
    if not low < high:
        return arb(0), arb(0)

    def pull(r: Ball, analytic: bool) -> Ball:
        return psi(region, r / acb(scale), analytic)

    def density(r: Ball) -> Ball:
        return (-r * r / 2).exp() / (2 * acb.pi()).sqrt()

    first = acb.integral(lambda r, analytic: pull(r, analytic) * r * density(r), low, high)
    second = acb.integral(lambda r, analytic: pull(r, analytic) ** 2 * density(r), low, high)
    return first.real, second.real


def _end(end: Any, scale: float) -> Ball:
    from flint import arb

    place = arb(FAR) if end is None else arb(end.numerator) / arb(end.denominator) * arb(scale)
    return place if place < FAR else arb(FAR)


def psi(region: Region, t: Ball, analytic: bool) -> Ball:
    """The slope at a complex point; not a number where it may not be analytic."""
    from flint import acb

    known = complex_words(analytic)
    table: dict[Any, Any] = {n: acb(v) for n, v in region.params.items()} | {region.variable: t}
    program = region.program.only("d1")
    for step in program.steps:
        table[step.name] = known[step.word](*[table[a] if isinstance(a, str) else acb(a) for a in step.args])
    (_, output), *_ = program.outputs
    return table[output] if isinstance(output, str) else acb(output)


def _power(analytic: bool) -> Callable[[Ball, Ball], Ball]:
    def power(x: Ball, p: Ball) -> Ball:
        if p.is_exact() and p.imag.is_zero() and p.real == round(float(p.real)) and abs(float(p.real)) < 64:
            return x ** int(float(p.real))
        return x.pow(p, analytic=analytic)

    return power


def complex_words(analytic: bool) -> Mapping[str, Callable[..., Ball]]:
    """The analytic words over complex balls."""
    from flint import acb

    def log(x: Ball) -> Ball:
        return x.log(analytic=analytic)

    def sqrt(x: Ball) -> Ball:
        return x.sqrt(analytic=analytic)

    one = acb(1)
    return {
        "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "div": lambda a, b: a / b,
        "neg": lambda a: -a, "pow": _power(analytic), "sqrt": sqrt, "exp": lambda x: x.exp(),
        "expm1": lambda x: x.exp() - 1, "log": log, "log1p": lambda x: log(one + x), "tanh": lambda x: x.tanh(),
        "sech2": lambda x: 1 / x.cosh() ** 2, "logcosh": lambda x: log(x.cosh()), "atan": lambda x: x.atan(),
        "sin": lambda x: x.sin(), "cos": lambda x: x.cos(), "erf": lambda x: x.erf(), "asinh": lambda x: x.asinh(),
        "softplus": lambda x: log(one + x.exp()), "sigmoid": lambda x: 1 / (1 + (-x).exp()),
        "hypot1": lambda x: sqrt(one + x * x), "log1psq": lambda x: log(one + x * x),
        "witch": lambda x: 1 / (one + x * x), "serpentine": lambda x: x / (one + x * x),
        "expm1mx": lambda x: x.exp() - 1 - x, "log1pmx": lambda x: log(one + x) - x,
        "lgamma": lambda x: x.lgamma(), "digamma": lambda x: x.digamma(),
    }  # fmt: skip
