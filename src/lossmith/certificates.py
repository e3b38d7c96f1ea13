"""Certificates of facts: of losses of one slot, of losses of several outputs, and of whole families of losses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

from lossmith.knowledge import of_scores
from lossmith.knowledgejoint import FINITE, TRUTHS, described, joint_facts, of_formula
from lossmith.lifts.bounds import BOUNDS, CONVEX
from lossmith.proofs import Ranges, case_of, demand_ranges, family
from lossmith.slotfacts import slot_facts, spelled_out

if TYPE_CHECKING:
    from lossmith.facts import Fact
    from lossmith.loss import Loss
    from lossmith.symbolic.case import Case
    from lossmith.symbolic.certify import Certificate

BETWEEN = (0.137, 0.5, 0.871)
"""Where in its ranges a family is looked at by single members."""


def every_fact(loss: Loss, names: Iterable[str], ranges: Ranges | None = None) -> list[Certificate]:
    """Certificates of several facts; what more than one of them rests on is checked once."""
    from lossmith.symbolic.recheck import remembering

    with remembering():
        return [over(loss, ranges, name) if ranges else certificate(loss, name) for name in names]


def certificate(loss: Loss, name: str) -> Certificate:
    """One fact proved afresh, with the claims it rests on and what the second routine says of them."""
    from lossmith.symbolic.certify import certified

    return _of_several(loss, name) if loss.lift.joint else certified(case_of(loss), name)


def _of_several(loss: Loss, name: str) -> Certificate:
    if name in FINITE and not of_formula(loss).joint:
        return _of_a_box(loss, name)
    if name in of_scores(loss):
        return _by_hand(loss, of_scores(loss)[name])
    if loss.derived.slot.inputs == ("m",):
        return _of_margins(loss, name)
    from lossmith.symbolic.certify import Certificate
    from lossmith.symbolic.ledger import recording
    from lossmith.symbolic.recheck import checked
    from lossmith.symbolic.recheckjoint import seen, tried

    with recording() as claims:
        fact = of_formula(loss).verdict(name)
    if fact.holds is None:
        return Certificate(fact, (), ())
    if fact.holds is False:
        joint = described(loss)[0]
        fixed = {n: a for n, (a, b) in joint.truths.items() if a == b} if joint else {}
        return Certificate(fact, (), tuple(seen(loss, fact, fixed)))
    kept = tuple({c.key: c for c in claims}.values())
    return Certificate(fact, kept, (*map(checked, kept), *tried(loss, TRUTHS[loss.target.name], fact)))


def _of_a_box(loss: Loss, name: str) -> Certificate:
    """Of scores that keep a loss finite: the kernel at its witness and inside the box, or claims about all scores."""
    from lossmith.symbolic.certify import Certificate
    from lossmith.symbolic.finitejoint import of_scores as finite_scores
    from lossmith.symbolic.ledger import recording
    from lossmith.symbolic.recheck import checked
    from lossmith.symbolic.recheckjoint import seen, tried

    with recording() as claims:
        fact = finite_scores(loss, name.removeprefix("finite in "))
    if not fact.holds:
        return Certificate(fact, (), tuple(seen(loss, fact, {}) if fact.holds is False else ()))
    return Certificate(fact, tuple(claims), (*map(checked, claims), *tried(loss, TRUTHS[loss.target.name], fact)))


def _by_hand(loss: Loss, fact: Fact) -> Certificate:
    """Of what is argued in words: what that rests on, two and three classes as a whole, and more classes by values."""
    from lossmith.symbolic.certify import Certificate
    from lossmith.symbolic.recheck import checked
    from lossmith.symbolic.recheckjoint import jumping, tried, turning
    from lossmith.symbolic.recheckscores import resting, simplices

    if not fact.holds:
        return Certificate(fact, (), jumping(loss, fact) or turning(loss, fact))
    if loss.lift.name == "one_against_rest":
        return _of_margins(loss, fact.name, ("smooth",))
    if (loss.lift.name, loss.formula) in CONVEX:
        claims = resting(CONVEX[loss.lift.name, loss.formula][1])
        return Certificate(fact, claims, (*map(checked, claims), *tried(loss, TRUTHS[loss.target.name], fact)))
    bound = BOUNDS[loss.lift.name, loss.formula]
    claims = resting(bound.rests)
    whole = simplices(loss.lift.name, loss.tree, bound.above, bound.size)
    return Certificate(fact, claims, (*map(checked, claims), *whole, *tried(loss, TRUTHS[loss.target.name], fact)))


def _of_margins(loss: Loss, name: str, rests: tuple[str, ...] = ()) -> Certificate:
    """Of a loss that is one of margins: the certificate of its margin loss, and the whole loss tried beside it."""
    from lossmith.symbolic.certify import Certificate, certified
    from lossmith.symbolic.recheckjoint import tried

    fact, case = of_scores(loss).get(name) or joint_facts(loss)[name], slot_facts(loss, "margin").case
    if fact.holds is None:
        return Certificate(fact, (), ())
    falls = name == "convex" and loss.lift.name == "one_against_best"
    needed = rests or ((name, "monotone margin") if falls else (name,))
    inner = [certified(case, n) for n in needed]
    whole = tried(loss, TRUTHS[loss.target.name], fact) if fact.holds else []
    claims, checks = ([x for c in inner for x in getattr(c, part)] for part in ("claims", "checks"))
    return Certificate(fact, tuple(claims), (*checks, *whole))


OVER_BOXES, BY_ALGEBRA = "proved, claims confirmed over boxes", "proved, confirmed by other algebra"
BY_PLACE, BY_SUMS = "proved, seen at a place that decides it", "proved, computed again by other sums"
BY_VALUES, AT_WITNESS = "proved, confirmed by values", "refuted, seen to fail"
OPEN, WRONG, BARE, UNKNOWN = "not decided again", "CONTRADICTED", "without certificate", "unknown"
WAYS = (OVER_BOXES, BY_ALGEBRA, BY_PLACE, BY_SUMS, BY_VALUES, AT_WITNESS, OPEN, WRONG, BARE, UNKNOWN)
"""What became of a fact that was looked at again."""
LOOSE = frozenset({OPEN, WRONG, BARE})
BY = {"boxes": OVER_BOXES, "algebra": BY_ALGEBRA, "place": BY_PLACE, "sums": BY_SUMS}
"""How a fact was confirmed, by how its best check was made, the best first."""


def way(made: Certificate) -> str:
    """What became of a fact that was looked at again, in a few words of `WAYS`."""
    if made.fact.holds is None or not made.checks:
        return UNKNOWN if made.fact.holds is None else BARE
    if made.stands is not True:
        return WRONG if made.stands is False else OPEN
    ways = {check.by for check in made.checks}
    return next((said for by, said in BY.items() if by in ways), BY_VALUES) if made.fact.holds else AT_WITNESS


# ---------------------------------------------------------------------------------------------------------- families


def over(loss: Loss, ranges: Ranges, name: str) -> Certificate:
    """The certificate of a fact for every value of some parameters: its claims over those ranges, and some members."""
    from lossmith.symbolic.certify import Certificate

    demand_ranges(loss, ranges)
    (fact,) = family(loss, ranges, (name,))
    if fact.holds is None:
        return Certificate(fact, (), ())
    if fact.holds is False:
        assert isinstance(fact.witness, dict)
        return replace(certificate(loss.with_params(**fact.witness["parameters"]), name), fact=fact)
    parts = [*_parts(loss, ranges, name), *(certificate(m, name) for m in _members(loss, ranges, BETWEEN))]
    claims, checks = ([x for c in parts for x in getattr(c, part)] for part in ("claims", "checks"))
    return Certificate(fact, tuple(claims), tuple(checks))


def _members(loss: Loss, ranges: Ranges, shares: tuple[float, ...]) -> list[Loss]:
    places = ([a + (b - a) * share for share in shares] for a, b in ranges.values())
    return [loss.with_params(**dict(zip(ranges, at, strict=True))) for at in product(*places)]


def _parts(loss: Loss, ranges: Ranges, name: str) -> list[Certificate]:
    """What the proof over the ranges rests on: one proof over all of them, or members that stand for the others."""
    from lossmith.symbolic.families import between_choices

    static = [n for n in ranges if loss.declared[n].static]
    if not static:
        return _of_family(loss, case_of(loss), ranges, name)
    program = spelled_out(loss, static)
    assert program is not None
    apart, parts = between_choices(program, ranges)
    case = replace(case_of(loss), program=program, params=_values(loss, program.params), literal=None, made={})
    alone = [certificate(loss.with_params(**one), name) for one in apart]
    return [*alone, *(c for part in parts for c in _of_family(loss, case, part, name))]


def _values(loss: Loss, names: tuple[str, ...]) -> dict[str, float]:
    return {n: v for n, v in loss.params.items() if n in names}


def _of_family(loss: Loss, case: Case, ranges: Ranges, name: str) -> list[Certificate]:
    from lossmith.symbolic.certify import Certificate, certified
    from lossmith.symbolic.families import as_inputs, shown
    from lossmith.symbolic.recheckfamily import mixture, unit

    found = shown(case, ranges, name)
    assert found is not None
    route, fact = found
    if route == "whole":
        return [certified(as_inputs(case, ranges), name)]
    rule = {"mixture": mixture, "unit": unit}[route](case, ranges)
    return [Certificate(fact, (), (rule,)), *(certificate(m, name) for m in _members(loss, ranges, (0.0, 1.0)))]
