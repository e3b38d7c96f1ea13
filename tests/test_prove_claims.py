"""At least a hundred planted false claims, of which none may be proved; and every proof route broken once, to see that
one of them then is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import pytest
from planted import Planted, of

from lossmith import slotfacts
from lossmith.program import Program, Step
from lossmith.symbolic import balls, binding, bounds, case, classes, cover, majorants, prove, signs, spans, spanwords
from lossmith.symbolic.cover import Outcome
from lossmith.symbolic.spans import ZERO


def _not_convex() -> Iterator[Planted]:
    for b in range(1, 9):  # f″ = 1 − 1.001 cos(br) dips below 0 on slivers only
        yield Planted("convex", f"r**2/2 + {1.001 / b**2!r}*cos({b}*r)")
    for centre in (0.1, 1.7, math.pi, 12.3, 45.6):  # a narrow dent in a bowl
        yield Planted("convex", f"r**2/2 + 0.6*exp(-(r - {centre!r})**2)")
        yield Planted("convex", f"r**2/2 - 0.01*atan(20*(r - {centre!r}))")
    for slope in (1.999, 1.5, 0.0, -1.0):  # the slope falls at a join
        yield Planted("convex", f"where(r < 1, 2*r, 2 + {slope!r}*(r - 1))")
    for step in ("1e-9", "-1e-9", "0.5"):  # the value jumps
        yield Planted("convex", f"where(r < 1, r**2, r**2 + {step})")
    for q in (0.999, 0.9, 0.5):
        yield Planted("convex", f"abs(r)**{q}")
    for c in (0.3, 1.0, 3.7):
        yield Planted("convex", f"min(r**2, {c * c!r})")
        yield Planted("convex", f"abs(abs(r) - {c!r})")
        yield Planted("convex", f"max({c!r} - abs(r), 0)")
    yield from (Planted("convex", f) for f in (
        "where(r == 0, 5, r**2)", "where(r == 1, 0, r**2)", "r**2 + 0.001*atan(1/r)",
        "r**2 + atan(1/(r - 1))/8", "-abs(r)", "log(1 + r**2)",
        "sqrt(1 + r**2) - 1.0001*log(1 + r**2)/2", "r**4 - 0.001*r**2", "r**3", "exp(r) - 0.01*r**2 - 1",
        "softplus(r) - 0.001*r**2", "tanh(r)**2", "r*tanh(r)", "r**2/(1 + r**2)", "where(r**2 <= 2, r**2, 2)",
        "r**2/2 - 0.51*softplus(r)*2*tanh(r)", "abs(r) - 1.01*softplus(abs(r) - 3)", "max(0, min(r, 1))",
    ))  # fmt: skip
    yield from (Planted("convex", f, "margin") for f in (
        "sigmoid(-m)", "softplus(-m) + 0.13*cos(m)*2", "max(0, 1 - m) - 0.01*abs(m)", "min(1, max(0, 1 - m))",
        "log_ndtr(m)", "-log_ndtr(m) - 0.2*m**2", "exp(-m) - 0.0001*m**2", "where(m >= -1, max(0, 1 - m)**2, -3.999*m)",
    ))  # fmt: skip
    yield from (Planted("convex", f, "softmax") for f in (
        "-logp + 1.0001*(1 - p)", "-logp + 2*(1 - p)", "(1 - p)", "-(1 - p)**2*logp", "-(1 - p)**0.1*logp", "1*logp",
        "p + 1",
        "-expm1(0.7*logp)/0.7", "-expm1(0.01*logp)/0.01", "-logp + 0.51*p**2", "-logp - 1.51*(1 - p)**2",
        "-logp + 1.01*p",
    ))  # fmt: skip

    yield from (Planted("convex", f, "score") for f in (
        "1/z**2", "exp(z) - y*z**2", "y*exp(-2*z)/2 - exp(-z)", "softplus(z) - y*tanh(z)", "y*cos(z) + 0.99*z**2/2",
        "-log(z**2)", "-abs(z - y)", "min(z, y)",
        "where(z < y, z, 2*z)", "where(z < y, 0*z, 2*z - 2*y - 1e-9)", "abs(z - y) - 1.01*abs(z - y - 1)",
    ))  # fmt: skip


def _not_smooth() -> Iterator[Planted]:
    yield from (Planted("smooth", f) for f in (
        "abs(r)", "abs(r)**1.5", "abs(r)**1.99", "exp(r)", "r**4", "abs(r)**2.01",
        "where(r < 1, r**2/2, r**2/2 + 1e-6*(r - 1))",
        "where(abs(r) <= 1, r**2/2, 1.0001*abs(r) - 0.5001)", "max(0, abs(r) - 0.1)", "cos(r**2)", "sin(exp(r))",
        "r**2*log(1 + r**2)", "where(r < 0, r**2, r**2 + 1e-12)", "sqrt(abs(r))", "r**2*tanh(r)*r",
    ))  # fmt: skip
    yield from (Planted("twice", f) for f in (
        "abs(r)**1.5", "where(abs(r) <= 1, r**2/2, abs(r) - 0.5)", "abs(r)", "max(0, r)**2", "abs(r)*r", "abs(r)**1.9",
        "where(r < 1, r**2/2, r**2/2 + (r - 1)**2/1e6)", "where(r == 0, 1, r**2)",
    ))  # fmt: skip


def _not_bounded() -> Iterator[Planted]:
    yield from (Planted("bounded influence", f) for f in (
        "r**2/2", "abs(r)**1.01", "softplus(r) + 1e-9*r**2", "r*atan(r)*r", "exp(-r)", "cos(r**2)",
        "abs(r)*log(1 + r**2)",
        "softplus(r**2 - 4)", "exp(exp(r))", "exp(exp(exp(r)))",
        "sqrt(abs(r))", "r*sin(r)", "max(0, abs(r) - 5)**2", "r**2*tanh(r**2)",
    ))  # fmt: skip
    yield from (Planted("redescending", f) for f in (
        "abs(r)", "sqrt(1 + r**2) - 1", "log(1 + r**2) + 1e-6*abs(r)", "softplus(r)", "sin(r)", "r*atan(r)", "cos(r)/2",
    ))  # fmt: skip
    yield from (Planted("bounded below", f) for f in (
        "-log(1 + r**2)", "r**2 - 1e-3*r**4", "r", "abs(r) + 1.001*r", "softplus(r) - 0.001*abs(r)",
        "-sqrt(1 + r**2)", "r**3",
        "1 - exp(abs(r))",
    ))  # fmt: skip
    yield from (Planted("nonnegative", f) for f in (
        "r**2/2 - 1e-9", "exp(r) - r - 1.000001", "1e-12 - exp(-r**2)", "abs(abs(r) - 1) - 1e-7",
        "r**2 - 2*r + 0.99999",
        "cos(r) + 0.9999", "softplus(r) - 1e-30", "r**4 - r**2",
        "r**2 - 1e-40*abs(r)",
    ))  # fmt: skip


def _not_otherwise() -> Iterator[Planted]:
    yield from (Planted("even", f) for f in (
        "r**2 + 1e-9*r**3", "where(r < 0, 0.5*r**2, 0.5000001*r**2)", "softplus(r)", "abs(r) + 1e-12*r",
        "exp(r) - r - 1", "r**2 + exp(-1e6*(r**3 - 36)**2)",
    ))  # fmt: skip
    yield from (Planted("majorant", f) for f in (
        "r**4", "exp(r) + exp(-r)", "abs(r)**2.1", "max(0, abs(r) - 0.1)", "r**2 + r**4/1e6", "abs(abs(r) - 1)",
        "exp(r)",
    ))  # fmt: skip
    for f in ("r**2", "3*abs(r)", "abs(r)**1.5", "max(0, r)**2", "where(r < 0, -0.1*r, 0.9*r)", "r**4/7"):
        yield Planted("scalable", f)
    yield from (Planted("scalable", f, holds=False) for f in (
        "abs(r) + 1e-6*r**2", "sqrt(1 + r**2)", "where(abs(r) <= 1, r**2/2, abs(r) - 0.5)", "max(0, abs(r) - 0.1)",
        "r**2 + 0.001*exp(-1e6*(r**3 - 36)**2)",
    ))  # fmt: skip
    for f in ("r**2/2", "sqrt(1 + r**2)", "abs(r)", "max(0, abs(r) - 0.1)", "exp(r) - r"):
        yield Planted("convex", f, holds=False)  # true facts may not be refuted either
    for f in ("r**2/2", "sqrt(1 + r**2) - 1", "where(abs(r) <= 1, r**2/2, abs(r) - 0.5)"):
        yield Planted("smooth", f, holds=False)
        yield Planted("nonnegative", f, holds=False)
    yield from (Planted(fact, "r**2 + atan(1/(r - 1))/8") for fact in ("smooth", "twice"))
    wild = "exp(r)*sin(r)**2"  # grows, but comes back to 0 again and again
    yield from (Planted(fact, wild) for fact in ("convex", "smooth", "bounded influence", "redescending", "majorant"))
    yield Planted("bounded below", f"-{wild}")


PLANTED = [*_not_convex(), *_not_smooth(), *_not_bounded(), *_not_otherwise()]


def verdict(claim: Planted) -> bool | None:
    """What the provers say to a claim, afresh."""
    what = of(claim.formula, claim.lift)
    spelled, target = slotfacts.spelled_out(what), what.target.interval
    return prove.facts(what.derived.slot, {}, claim.lift, target=target, literal=spelled)[claim.fact].holds


def _typed_in() -> prove.Facts:
    """A program whose derivatives are not those of its value: r³ with the derivatives of r²."""
    steps = (Step("a", "mul", ("t", "t")), Step("b", "mul", ("a", "t")), Step("c", "mul", (2.0, "t")))
    return prove.facts(Program(("t",), (), steps, (("value", "b"), ("d1", "c"), ("d2", 2.0))), {}, "margin")


def test_derivatives_that_were_typed_in_are_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _typed_in()["convex"].holds is not True
    monkeypatch.setattr(case.Case, "same", lambda *a: True)
    assert _typed_in()["convex"].holds is True  # so the check is what stops it


def test_there_are_at_least_a_hundred() -> None:
    assert len(set(PLANTED)) >= 150


@pytest.mark.parametrize("claim", PLANTED, ids=str)
def test_a_false_claim_is_not_proved(claim: Planted) -> None:
    assert verdict(claim) is not claim.holds


PSI = {
    # ψ(r)/r rises somewhere: only a curvature bound may majorise
    "r**2/2 + 0.2*r**4/(1 + r**2)", "max(0, abs(r) - 1)**2", "softplus(r**2 - 4)/2", "r**2*(1 - exp(-r**2))",
    "1 - cos(2*r) + r**2", "where(r < 0, 2*r**2, r**2/2)",
}  # fmt: skip


@pytest.mark.parametrize("formula", sorted(PSI))
def test_psi_over_r_that_rises_is_not_taken_for_falling(formula: str) -> None:
    what = of(formula, "residual")
    assert "psi" not in prove.facts(what.derived.slot, {}, "residual")["majorant"].because


# ------------------------------------------------------------------------------------------------- broken provers

YES = Outcome(True)


def _tail_forgotten(region: Any, claim: Any, *rest: Any) -> tuple[Outcome, float]:
    return YES, 32.0


def _kinks_forgotten(self: cover.Region, cell: Any, start: float, strict: bool) -> tuple[Any, bool]:
    return READ(self, cell, start, strict)[0], True


def _through_poles(x: spans.Span, y: spans.Span, strict: bool) -> spans.Span:
    found = spans.div(x, y, False)
    return found if found.low == found.low else spans.WHOLE


def _flat(self: cover.Region, cell: Any, name: str) -> Any:
    return self._between(cell, name, cell.low, cell.low)


READ = cover.Region.read


def _loose(good: Callable[..., Any]) -> Callable[..., Any]:
    """Bounds that are off."""

    def bound(word: str, x: float) -> tuple[float, float]:
        low, high = good(word, x)
        return low + 0.05, high + 0.05

    return bound


MUTANTS: dict[str, tuple[Any, str, Any]] = {
    "a tail is believed": (cover, "_tails", _tail_forgotten),
    "cells are not looked at": (cover, "_bisect", lambda *a: YES),
    "kinks are forgotten": (cover.Region, "read", _kinks_forgotten),
    "bounds are off": (balls, "_enclose", _loose(balls._enclose)),
    "every jump is called none": (case.Case, "jump", lambda self, join, name: ZERO),
    "single points are not looked at": (case.Case, "attained", lambda self, join: True),
    "continuity is assumed": (case.Case, "continuous", True),
    "all atoms are called positive": (signs, "POSITIVE", signs.POSITIVE | {"line", "log", "atan", "cos"}),
    "signs of coefficients are ignored": (signs, "by_algebra", lambda *a: True),
    "Taylor's rule needs no start": (signs.Tower, "starts", lambda self, floor, sign: True),
    "poles are overlooked": (spanwords, "div", _through_poles),
    "a twin of something else": (cover.Region, "closer", lambda self, cell, start, name, x: ZERO),
    "slopes are called flat": (cover.Region, "sharper", lambda self, cell, name, x: _flat(self, cell, name)),
    "nothing is called huge": (bounds, "HUGE", math.inf),
    "every slope fades": (binding, "fades", lambda *a: True),
    "halves are called mirror images": (binding, "_mirrors", lambda *a: True),
    "every slope is odd": (majorants, "_middle_slope", lambda c: Fraction(0)),
    "psi over r always falls": (majorants, "_falls", lambda *a: True),
    "every loss is linear in log p": (classes, "linear", lambda c: (Fraction(-1),)),
    "degrees are not compared": (binding, "_degree", lambda r: Fraction(1)),
}
"""A broken part of each proof route: module, name, replacement."""


CAUGHT = {
    "all atoms are called positive": "nonnegative of cos(r) + 0.9999", "every slope fades": "redescending of abs(r)",
    "Taylor's rule needs no start": "nonnegative of r**2 - 1e-40*abs(r)",
    "kinks are forgotten": "convex of -abs(z - y)",
    "bounds are off": "nonnegative of exp(r) - r - 1.000001", "nothing is called huge": "smooth of exp(r)*sin(r)**2",
    "every slope is odd": "psi of where(r < 0, 2*r**2, r**2/2)",
}  # fmt: skip
"""What some of them are caught by: it is tried first, for the others come late."""


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_prover_is_noticed(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where, name, replacement = MUTANTS[mutant]
    monkeypatch.setattr(where, name, replacement)
    claims = [*PLANTED, *(Planted("psi", f) for f in sorted(PSI))]
    assert any(_proved(claim) for claim in sorted(claims, key=lambda c: str(c) != CAUGHT.get(mutant)))


def _proved(claim: Planted) -> bool:
    if claim.fact == "psi":
        what = of(claim.formula, "residual")
        return "psi" in prove.facts(what.derived.slot, {}, "residual")["majorant"].because
    return verdict(claim) is claim.holds
