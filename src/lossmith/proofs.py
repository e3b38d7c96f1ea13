"""Proofs over ranges of a loss's parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lossmith import cache
from lossmith.errors import ParameterError, UnsupportedError
from lossmith.facts import Fact
from lossmith.slotfacts import slot_facts, spelled_out

if TYPE_CHECKING:
    from lossmith.loss import Loss
    from lossmith.symbolic.case import Case

Ranges = Mapping[str, tuple[float, float]]


def case_of(loss: Loss) -> Case:
    """The loss as its provers see it."""
    if loss.lift.joint:
        raise UnsupportedError(f"{loss.name} has several outputs; ranges are for losses of one")
    return slot_facts(loss, loss.lift.name).case


def names_of(loss: Loss) -> tuple[str, ...]:
    """The facts that are asked of a loss."""
    return tuple(loss.facts())


def family(loss: Loss, ranges: Ranges, names: tuple[str, ...]) -> Iterator[Fact]:
    """Facts for every value of some parameters in their ranges, one after the other."""
    from lossmith.symbolic.families import fact_over

    demand_ranges(loss, ranges)
    static = [n for n in ranges if loss.declared[n].static]
    if static:
        yield from (_of_forms(loss, ranges, static, name) for name in names)
        return
    case = case_of(loss)
    yield from (fact_over(case, ranges, name) for name in names)


def _of_forms(loss: Loss, ranges: Ranges, static: list[str], name: str) -> Fact:
    """Static parameters are put in before deriving; over a range they stay, and the formula is taken as it stands.

    The values at which the formula itself makes a choice are looked at one by one, and what lies between as ranges.
    """
    from lossmith.symbolic.case import Case
    from lossmith.symbolic.families import between_choices, fact_over

    tried = _sampled(loss, ranges, name)
    program = spelled_out(loss, static)
    if tried.holds is False or program is None:
        return tried
    values = {n: v for n, v in loss.params.items() if n in program.params}
    case = Case(program, values, loss.lift.name, loss.target.interval)
    apart, parts = between_choices(program, ranges)
    alone = [loss.with_params(**one).facts()[name] for one in apart]
    found = [*alone, *(fact_over(case, part, name) for part in parts)]
    if not all(fact.holds for fact in found):
        return next((fact for fact in found if fact.holds is False), tried)
    constants = [fact.constant for fact in found if fact.constant is not None]
    most = (min if name in LOWER else max)(constants) if len(constants) == len(found) else None
    says = (
        found[-1].because
        if len(found) == 1
        else f"at each value that is a formula of its own, and on the ranges between: {len(found)} cases"
    )
    return replace(found[-1], constant=most, because=says)


LOWER = frozenset({"bounded below", "strongly convex"})
"""Facts whose constant is a bound from below."""


def demand_ranges(loss: Loss, ranges: Ranges) -> None:
    """Raises ParameterError for a range of no parameter, beyond what it allows, or that falls."""
    for n, (a, b) in ranges.items():
        _demand(loss, n, a, b)


def _demand(loss: Loss, name: str, low: float, high: float) -> None:
    if name not in loss.declared:
        known = ", ".join(loss.declared) or "none"
        raise ParameterError(f"{loss.name} has no parameter {name!r}; its parameters are: {known}")
    for value in (low, high):
        loss.declared[name].check(value, loss.name, name)
    if not low <= high:
        raise ParameterError(f"{name}={low:g}..{high:g}: the range must go upwards")


def _sampled(loss: Loss, ranges: Ranges, name: str) -> Fact:
    """Static parameters are put in before deriving, so each value is another formula: trying some may only refute."""
    from lossmith.symbolic.families import corners

    for values in corners(ranges):
        found = loss.with_params(**values).facts()[name]
        if found.holds is False:
            where = ", ".join(f"{n} = {v:g}" for n, v in values.items())
            return Fact(name, False, f"at {where}: {found.because}", {"parameters": values, "witness": found.witness})
    named = ", ".join(ranges)
    return Fact(name, None, f"true wherever it was tried, but not shown for every {named}, each of another form")


STIRLING = "for one y it is bounded, but by Stirling's formula, which no rule here knows"
GUARDS = "the guards of its formula, at -20 and 7, leave jumps of less than 1e-34, which no rule forgives"
OPEN: Mapping[str, str] = {
    "GeneralizedPoisson": "log(alpha*y) is infinite at y = 0, a target like others: boxes that touch it say nothing",
    "NegativeBinomialNLL": STIRLING, "ZeroInflatedNegativeBinomial": STIRLING,
    "ZeroInflatedPoisson": "for one y it is bounded, by two outputs at once, which no rule here adds up",
    "HurdlePoisson": GUARDS, "CumulativeCloglog": GUARDS,
    "AsymmetricLoss": "below the shift every score is as good for y = 0, beyond it the link was not shown to rise",
    "MultiLabelFocal": "its link rises by a balance of products of softplus that is not resolved far out",
    "BetaBinomial": "digamma and lgamma of near arguments, for all y at once, cancel beyond what boxes keep",
    "SymmetricPercentage": "its bound needs |r| <= |y| + |y - r|, which boxes do not see; it has no named functional",
    "ArctanPercentage": "not convex, and its window is as wide as y: no named functional",
    "NormalCRPS": "pi as a double leaves a rest of 1e-16 beside the density, whose sign far out boxes do not see",
    "GammaNLL": "at large shapes it is what Stirling's formula leaves of lgamma, which no rule here knows",
}  # fmt: skip
"""Why facts of a loss of the catalogue stay open, beyond what the facts themselves say."""


def why_open(name: str) -> str:
    """What is known of why facts of this loss stay open; "" for nothing."""
    return f"; {OPEN[name]}" if name in OPEN else ""


def suspicion(loss: Loss, name: str) -> str:
    """What trying an undecided fact by values alone says; kept, as facts are."""
    from lossmith.symbolic.prove import RECIPE
    from lossmith.symbolic.sampled import UNTRIED, suspicion

    if loss.lift.joint:
        return UNTRIED
    case = case_of(loss)
    return cache.text("json", f"{case.key}-{RECIPE}-sampled-{name.replace(' ', '-')}", lambda: suspicion(case, name))


def plain(fact: Fact) -> dict[str, Any]:
    """A fact for JSON, its verdict in words."""
    return {"name": fact.name, "verdict": fact.verdict, "because": fact.because, "constant": fact.constant,
            "witness": fact.witness}  # fmt: skip
