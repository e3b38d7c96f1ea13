"""A loss before its prover: its pieces, its joins, and what its outputs can be on them."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property, wraps

from lossmith.domain import Interval
from lossmith.facts import Fact
from lossmith.program import Arg, Program
from lossmith.symbolic.cover import Outcome, Region, cover, exact_inputs
from lossmith.symbolic.ends import exactly
from lossmith.symbolic.exact import Exact, NotExact, Value
from lossmith.symbolic.pieces import CHOICES, Piece, pieces
from lossmith.symbolic.prove import key_of
from lossmith.symbolic.signs import enclosed_at
from lossmith.symbolic.slopes import NoSlope, differentiate
from lossmith.symbolic.spans import UNSURE, ZERO, Span, above, add, below, neg
from lossmith.symbolic.waves import period

BOUNDS = {"softmax": {"mean_logp": (-math.inf, 0.0)}}
OUTPUTS = ("value", "d1", "d2")


def once(prover: Callable[[Case], Fact]) -> Callable[[Case], Fact]:
    """The same prover, run once a case."""

    @wraps(prover)
    def remembered(case: Case) -> Fact:
        if prover not in case.made:
            case.made[prover] = prover(case)
        return case.made[prover]

    return remembered


@dataclass(frozen=True)
class Join:
    """Where two pieces meet."""

    at: Fraction
    left: Region
    right: Region


@dataclass(frozen=True)
class Case:
    """A slot Program at its parameters, cut into pieces without kinks; 0 is always a cut.

    Of a loss that repeats the pieces are those of one period to each side: what holds there holds everywhere.
    """

    program: Program
    params: dict[str, float]
    lift: str
    target: Interval
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """The ranges of parameters that are inputs of the program because every value of theirs is meant."""
    literal: Program | None = None
    """The formula as it stands, its value only: a second chance where the kernel's form leaves a fact unknown."""
    made: dict[object, Fact] = field(default_factory=dict, compare=False)

    @property
    def variable(self) -> str:
        """The slot."""
        return self.program.inputs[0]

    @cached_property
    def key(self) -> str:
        """A key for everything that a verdict depends on."""
        return key_of(self.program, self.params, self.lift, self.target, self.ranges, self.literal)

    @cached_property
    def spelled(self) -> Case | None:
        """The same loss as its formula spells it."""
        if self.literal is None:
            return None
        return Case(self.literal, self.params, self.lift, self.target, self.ranges)

    @cached_property
    def tame(self) -> Case:
        """The same loss for |y| up to 1e100, and not below 1e-100 where y > 0: for facts about one y at a time."""
        y = self.target
        low = 1e-100 if y.open_low and y.low == 0 else max(y.low, -1e100)
        return replace(self, target=Interval(low, min(y.high, 1e100), False, y.open_high), made={})

    @property
    def limits(self) -> dict[str, tuple[float, float]]:
        """The ranges of the inputs other than the slot."""
        known, y = {**BOUNDS.get(self.lift, {}), **self.ranges}, self.target
        low = math.nextafter(y.low, math.inf) if y.open_low else y.low
        high = math.nextafter(y.high, -math.inf) if y.open_high else y.high
        return {n: known.get(n, (low, high)) for n in self.program.inputs[1:]}

    @cached_property
    def period(self) -> Fraction | None:
        """A length after which the value has repeated at least once, for a loss made of waves."""
        return None if self.limits else period(self.program, self.params, self.variable)

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        zero, end = Fraction(0), self.period
        left = pieces(self.program, self.params, self.variable, None if end is None else -end, zero)
        if self.lift == "softmax":
            return left
        return left + pieces(self.program, self.params, self.variable, zero, end)

    @cached_property
    def regions(self) -> tuple[Region, ...]:
        """The pieces, ready to be enclosed, from left to right."""
        return tuple(self.region(p, self.plainer(p)) for p in self.pieces)

    def plainer(self, piece: Piece) -> Program:
        """The program of a piece with derivatives that are surely those of its value.

        A given derivative stays where algebra shows it to be the derivative; it may hold a rounded constant or a guard
        of its own, and is then derived anew. Only where a word has no derivative in the words is it trusted.
        """
        program = piece.program
        for lower, output in (("value", "d1"), ("d1", "d2")):
            with contextlib.suppress(NoSlope):
                own = differentiate(program, self.variable, lower)
                if not self.same(piece, program, output, own, lower):
                    program = _replaced(program, output, own, lower)
        return program

    def same(self, piece: Piece, program: Program, output: str, other: Program, name: str) -> bool:
        """Are two outputs of two programs identical expressions?"""
        exact, region = Exact(), self.region(piece, program)
        inputs = exact_inputs(region, exact)
        try:
            a = exact.run(program.only(output), inputs)[output]
            return not exact.add(a, exact.neg(exact.run(other, inputs)[name])).top
        except NotExact:
            return False

    def region(self, piece: Piece, program: Program) -> Region:
        """A program on one piece."""
        settled = None if not self.limits else not kinked(program, self.variable)
        return Region(program, self.params, self.variable, piece.low, piece.high, self.limits, settled)

    @cached_property
    def joins(self) -> tuple[Join, ...]:
        return tuple(
            Join(a.high, a, b) for a, b in zip(self.regions, self.regions[1:], strict=False) if a.high is not None
        )

    def jump(self, join: Join, name: str) -> Span:
        """How much an output rises across a join: exactly 0 where that can be shown, else an enclosure."""
        if join.left.program.only(name) == join.right.program.only(name):
            return ZERO
        known = self._exact_jump(join, name)
        if known is not None:
            return known
        left, right = (enclosed_at(r, join.at)[name] for r in (join.left, join.right))
        if left == right and left.low == left.high:
            return ZERO
        return UNSURE if left.low != left.low or right.low != right.low else add(right, neg(left), 1.0)

    def jump_for_one(self, join: Join, name: str) -> Span:
        """How much an output rises across a join for one value of the other inputs: enough to refute."""
        point = next(iter(join.left.points(few=True))) | {"": float(join.at)}
        left, right = (r.point(point)[name] for r in (join.left, join.right))
        exact = Fraction(float(join.at)) == join.at
        return add(right, neg(left), 1.0) if exact else UNSURE

    def _exact_jump(self, join: Join, name: str) -> Span | None:
        exact = Exact()
        try:
            left, right = (one_sided(exact, r, name, join.at) for r in (join.left, join.right))
            rise = exact.add(right, exact.neg(left)).constant()
        except NotExact:
            return None
        near = [enclosed_at(r, join.at)[name] for r in (join.left, join.right)]
        defined = all(x.low == x.low for x in near)
        return Span(0, below(rise), above(rise)) if rise is not None and defined else None

    @cached_property
    def continuous(self) -> bool | None:
        """Is the value defined everywhere, and continuous at every join?"""
        defined = [cover(r, lambda s: True if s["value"].low == s["value"].low else None) for r in self.regions]
        if not all(o.holds for o in defined):
            return None
        rises = [self.jump(j, "value") for j in self.joins]
        if any(x.low > 0 or x.high < 0 for x in rises):
            return False
        return True if all(x == ZERO for x in rises) and all(self.attained(j) for j in self.joins) else None

    def attained(self, join: Join) -> bool:
        """Is the value at a join, where a condition may hold for that one point only, that of its neighbours?"""
        if self.program.only("value") == join.left.program.only("value"):
            return True  # no choice was made to cut here
        whole = Region(self.program, self.params, self.variable, None, None, self.limits)
        here, near = enclosed_at(whole, join.at)["value"], enclosed_at(join.left, join.at)["value"]
        if here == near and here.low == here.high:
            return True
        exact = Exact()
        try:
            a, b = (one_sided(exact, r, "value", join.at) for r in (whole, join.left))
            return not exact.add(a, exact.neg(b)).top
        except NotExact:
            return False

    def every(self, outcomes: list[Outcome]) -> Outcome:
        """True if all hold, else the first that is refuted, else the first that is undecided."""
        refuted = [o for o in outcomes if o.holds is False]
        undecided = [o for o in outcomes if o.holds is None]
        return (refuted or undecided or [Outcome(True)])[0]

    def confirmed(self, name: str, witness: Mapping[str, float]) -> tuple[dict[str, float], float]:
        """A witness under its own names, and the output there by the living definition."""
        at = {(n or self.variable): v for n, v in witness.items()}
        program, t = self.program, at[self.variable]
        if not isinstance(dict(program.outputs)[name], str):  # not derived before the pieces were cut
            program = next(r for r in self.regions if r.high is None or t <= r.high).program
        return at, float(program.only(name).run({**self.params, **at})[name])


def one_sided(exact: Exact, region: Region, name: str, point: Fraction) -> Value:
    """The limit of an output at an end of its piece, exactly."""
    values = exact_inputs(region, exact) | {region.variable: exactly(exact, point)}
    return exact.run(region.program.only(name), values)[name]


def _replaced(program: Program, output: str, by: Program, name: str) -> Program:
    """The program with one output taken from another program over the same steps."""
    known = {s.name: s for s in (*program.steps, *by.steps)}
    outputs = tuple((n, dict(by.outputs)[name] if n == output else a) for n, a in program.outputs)
    return Program(program.inputs, program.params, tuple(known.values()), outputs).only(*program.wants)


def kinked(program: Program, variable: str) -> bool:
    """Does a choice depend on the slot?"""
    moved: set[Arg] = {variable}
    for step in program.steps:
        if any(a in moved for a in step.args):
            if step.word in CHOICES and any(a in moved for a in step.args[: 1 if step.word == "where" else 2]):
                return True
            moved.add(step.name)
    return False
