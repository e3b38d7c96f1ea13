"""Proofs over ranges of a loss's parameters, and certificates that a second routine checks again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lossmith.errors import ParameterError, UnsupportedError
from lossmith.facts import Fact
from lossmith.knowledge import slot_facts

if TYPE_CHECKING:
    from lossmith.loss import Loss
    from lossmith.symbolic.case import Case
    from lossmith.symbolic.certify import Certificate

Ranges = Mapping[str, tuple[float, float]]


def case_of(loss: Loss) -> Case:
    """The loss as its provers see it."""
    if loss.lift.joint:
        raise UnsupportedError(f"{loss.name} has several outputs; ranges and certificates are for losses of one")
    return slot_facts(loss, loss.lift.name).case


def names_of(loss: Loss) -> tuple[str, ...]:
    """The facts that are asked of a loss."""
    return tuple(loss.facts())


def family(loss: Loss, ranges: Ranges, names: tuple[str, ...]) -> Iterator[Fact]:
    """Facts for every value of some parameters in their ranges, one after the other."""
    from lossmith.symbolic.families import fact_over

    for n, (a, b) in ranges.items():
        _demand(loss, n, a, b)
    static = [n for n in ranges if loss.declared[n].static]
    if static:
        yield from (_sampled(loss, ranges, name) for name in names)
        return
    case = case_of(loss)
    yield from (fact_over(case, ranges, name) for name in names)


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
    return Fact(name, None, f"true wherever it was tried, but each value of {named} makes another formula")


def certificate(loss: Loss, name: str) -> Certificate:
    """One fact proved afresh, with the claims it rests on and what the second routine says of them."""
    from lossmith.symbolic.certify import covered

    return covered(case_of(loss), name)


def plain(fact: Fact) -> dict[str, Any]:
    """A fact for JSON, its verdict in words."""
    return {"name": fact.name, "verdict": fact.verdict, "because": fact.because, "constant": fact.constant,
            "witness": fact.witness}  # fmt: skip
