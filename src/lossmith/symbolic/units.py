"""Losses of a place and a width: what holds at width 1 holds at every width, where algebra shows that width is a unit.

Where truths and all other outputs enter by one part c, and exp(±L) is its unit, f(t·exp(±L), L) is either exp(±L)·g(t)
(a score in units of y) or g(t) + a·L (a likelihood). Of the first, g >= 0 makes f >= 0, and a convex g one that is
convex in whatever c is affine in. The second is convex in L for every c if it is for c = 1 and −1: a change of |c|
only moves L, by log |c|.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from lossmith.domain import Interval
from lossmith.facts import Fact
from lossmith.formula import Expr, call, name, number, substitute
from lossmith.program import Arg, Program, Step
from lossmith.symbolic import binding, freed, paths
from lossmith.symbolic.case import Case
from lossmith.symbolic.elicits import NAME, bounded_below, of_score
from lossmith.symbolic.exact import Exact, NotExact, Value
from lossmith.symbolic.exact import number as rational
from lossmith.symbolic.literal import literal
from lossmith.symbolic.strict import replaced

T = "t'"
"""The part in units; no formula can have such a name."""
Found = tuple[Exact, Value, Value, Value, Value]


class Joint(paths.Joint, Protocol):
    """What is needed of a loss of several outputs."""

    @property
    def tree(self) -> Expr:
        """The formula."""


@dataclass(frozen=True)
class Unit:
    """An output that sets the unit exp(sign·output) of the one part by which everything else enters a formula."""

    tree: Expr
    output: str
    sign: int
    part: Expr
    params: Mapping[str, float]

    def at(self, part: Expr, size: Expr, output: Expr) -> Expr:
        """The formula with something in place of the part, of its size, and of the output."""
        sized = freed.exchanged(self.tree, call("abs", self.part), size)
        return substitute(freed.exchanged(sized, self.part, part), {self.output: output})

    @property
    def plain(self) -> Expr:
        """g: the formula of t at width 1."""
        return self.at(name(T), call("abs", name(T)), number(0.0))

    @property
    def exp(self) -> Expr:
        """The unit."""
        return call("exp", name(self.output) if self.sign > 0 else call("neg", name(self.output)))

    @property
    def wide(self) -> Expr:
        """The formula of t times its unit, and of the output."""
        part, size = (call("mul", self.exp, x) for x in (name(T), call("abs", name(T))))
        return self.at(part, size, name(self.output))

    def case(self, tree: Expr, variable: str) -> Case | None:
        """A formula of one number as a loss of it."""
        program = literal(tree, (variable,), tuple(self.params))
        return None if program is None else Case(program, dict(self.params), "score", Interval())


def units(loss: Joint) -> Iterator[Unit]:
    """Every way to take an output for a width: the largest part without it that all other inputs enter by."""
    for output in loss.outputs:
        others = (frozenset(loss.outputs) | frozenset(loss.truths)) - {output}
        part = next((p for p in loss.tree.walk() if _is_all(loss.tree, p, output, others)), None)
        if part is not None:
            part = part.args[0] if part.word == "abs" else part
            yield from (Unit(loss.tree, output, sign, part, loss.params) for sign in (1, -1))


def _is_all(tree: Expr, part: Expr, output: str, others: frozenset[str]) -> bool:
    alone = bool(part.args) and output not in part.names and bool(part.names & others)
    return alone and not freed.exchanged(tree, part, name(T)).names & others


def _left(wide: Program, plain: Program, exp: Program, given: Mapping[str, float], output: str) -> Found | None:
    """f(t·unit, L), g(t), the unit and L as algebra has them; None where it has not."""
    field = Exact()
    inputs = {n: rational(Fraction(v)) for n, v in given.items()} | {n: field.atom("line", n) for n in (T, output)}
    try:
        x, g, unit = (field.run(p.only("value"), inputs)["value"] for p in (wide, plain, exp))
    except NotExact:
        return None
    return field, x, g, unit, inputs[output]


def _exactly(unit: Unit) -> Found | None:
    inputs, params = (T, unit.output), tuple(unit.params)
    wide, plain, exp = (literal(e, inputs, params) for e in (unit.wide, unit.plain, unit.exp))
    return _left(wide, plain, exp, unit.params, unit.output) if wide and plain and exp else None


def _scales(found: Found | None) -> bool:
    """Is f(t·unit, L) the unit times g(t)?"""
    if found is None:
        return False
    field, wide, plain, exp, _ = found
    return not field.add(wide, field.neg(field.mul(exp, plain))).top


def _shifts(found: Found | None) -> bool:
    """Is f(t·unit, L) − g(t) a multiple of L?"""
    if found is None:
        return False
    field, wide, plain, _, output = found
    return field.div(field.add(wide, field.neg(plain)), output).constant() is not None


# --------------------------------------------------------------------------------------------------- several outputs


def nonnegative(loss: Joint) -> Fact | None:
    """f >= 0, by g >= 0."""
    for unit in units(loss):
        case = unit.case(unit.plain, T) if _scales(_exactly(unit)) else None
        if case is not None and binding.nonnegative_value(case).holds:
            return Fact("nonnegative", True, f"its width is a unit, and at width 1 it is never below 0{_of(unit)}")
    return None


def convex_in(loss: Joint, output: str) -> Fact | None:
    """Convexity in a width, by what is 1 and −1 wide; or in an output beside one, by g."""
    for unit in units(loss):
        if unit.output == output and _shifts(_exactly(unit)):
            sizes = [unit.case(unit.at(number(c), number(1.0), name(output)), output) for c in (1.0, -1.0)]
            if all(case is not None and binding.convex(case).holds for case in sizes):
                return Fact("convex", True, f"a size only moves {output}, and at sizes 1 and -1 it is convex")
        if unit.output != output and _affine(unit.part, output) and _scales(_exactly(unit)):
            case = unit.case(unit.plain, T)
            if case is not None and binding.convex(case).holds:
                return Fact("convex", True, f"its width is a unit, and at width 1 it is convex{_of(unit)}")
    return None


def _of(unit: Unit) -> str:
    return f" (unit: exp({'' if unit.sign > 0 else '-'}{unit.output}))"


def _affine(part: Expr, output: str) -> bool:
    """Is the part ± the output and what does not have it?"""
    if part.word == "name" or output not in part.names:
        return True
    return part.word in ("add", "sub", "neg") and all(_affine(a, output) for a in part.args)


# ------------------------------------------------------------------------------------------------------- one output


def in_units(case: Case) -> tuple[Case, str] | None:
    """g and the unit, where a loss of a score z and a truth y is exp(±z)·g(y·exp(∓z)); None where it is not."""
    source = case.spelled or case
    if len(source.limits) != 1:
        return None
    (y,), z, value = source.limits, source.variable, source.program.only("value")
    plain = _put(value, (T,), (), {y: T, z: 0.0})
    for way in ((), (Step("way'", "neg", (z,)),)):
        unit = (*way, Step("unit'", "exp", ("way'" if way else z,)))
        wide = _put(value, (T, z), (*unit, Step("truth'", "mul", (T, "unit'"))), {y: "truth'"})
        exp = Program((T, z), value.params, unit, (("value", "unit'"),))
        if _scales(_left(wide, plain, exp, source.params, z)):
            return Case(plain, source.params, "score", Interval()), f"exp({'-' if way else ''}{z})"
    return None


def _put(value: Program, inputs: tuple[str, ...], first: tuple[Step, ...], by: Mapping[str, Arg]) -> Program:
    """The value with something in place of its inputs, after steps that make it."""
    ((_, found),) = value.outputs
    outputs = (("value", by.get(str(found), found)), ("d1", math.nan), ("d2", math.nan))
    return Program(inputs, value.params, (*first, *replaced(value, by)), outputs)


def score_nonnegative(case: Case) -> Fact:
    """f >= 0 of a score, also by what it is in units of exp(z)."""
    found = binding.nonnegative_value(case)
    scaled = in_units(case) if found.holds is None else None
    if scaled is None or not binding.nonnegative_value(scaled[0]).holds:
        return found
    return Fact("nonnegative", True, f"{scaled[1]} is a unit of y, and where that is 1 the value is never below 0")


def score_bounded_below(case: Case) -> Fact:
    """f >= some constant of a score: 0 where that is known, else one that may depend on y."""
    if binding.bounded_below(case).holds is None and score_nonnegative(case).holds:
        return Fact("bounded below", True, "the value is never below 0", constant=0.0)
    return bounded_below(case)


def score_elicits(case: Case) -> Fact:
    """What a score elicits, also where it is convex in exp(z): exp(z)·g(y/exp(z)) is, if g is convex."""
    found = of_score(case)
    scaled = in_units(case) if found.holds is None else None
    if scaled is None or not binding.convex(scaled[0]).holds:
        return found
    says = f"convex in {scaled[1]}, a unit of y; more than one mean of y decides it"
    return Fact(NAME, True, f"the {case.variable} at which the mean slope changes its sign: {says}")
