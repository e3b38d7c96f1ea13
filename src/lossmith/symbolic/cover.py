"""Branch and bound: does a claim hold on every cell of a piece of the line, tails included?

A claim looks at enclosures of a program's outputs over one cell and answers True (it holds at every point of the cell),
False (it fails at every point of it) or None (cannot tell: the cell is cut in two).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product

from lossmith.program import Program
from lossmith.symbolic.exact import Exact, NotExact, Value, number
from lossmith.symbolic.pieces import End
from lossmith.symbolic.ranges import Ranges
from lossmith.symbolic.slopes import NoSlope, differentiate
from lossmith.symbolic.spans import INF, Span, above, add, add_high, add_low, below, hull, mul, plain
from lossmith.symbolic.twin import twin

Claim = Callable[[dict[str, Span]], bool | None]
Limits = Mapping[str, tuple[float, float]]
"""The ranges of the inputs other than the main one (the truth y of a likelihood)."""
MOST_CELLS, MORE_CELLS, MOST_STEPS = 400, 1500, 60
UNREACHED = {"logp": 0.0}
"""The end of an input's range that no value takes: p < 1, so log p < 0."""
TAILS = (5, 12, 30, 64, 200)
"""Binary exponents of the points from which a tail is tried as one cell."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A range of the main input, or the tail beyond ±start, and ranges of the others."""

    low: float
    high: float
    others: tuple[tuple[str, float, float], ...]
    tail: int = 0
    depth: int = 0

    def spans(self, variable: str) -> dict[str, Span]:
        """The cell as spans."""
        main = Span(1, float(self.tail), float(self.tail)) if self.tail else Span(0, self.low, self.high)
        return {variable: main} | {n: Span(0, a, b) for n, a, b in self.others}

    def middle(self, start: float) -> dict[str, float]:
        """A point inside, by name ("" is the main input)."""
        main = self.tail * 2 * start if self.tail else _middle(self.low, self.high)
        return {"": main} | {n: _middle(a, b) for n, a, b in self.others}


@dataclass(frozen=True, slots=True)
class Outcome:
    """`holds` is True, False (at `witness`) or None (undecided on the cell `stuck`)."""

    holds: bool | None
    witness: dict[str, float] | None = None
    stuck: Cell | None = None


@dataclass(slots=True)
class Region:
    """One piece: its program ready to be enclosed, its ends, and the ranges of the other inputs."""

    program: Program
    params: Mapping[str, float]
    variable: str
    low: End
    high: End
    limits: Limits = field(default_factory=dict)
    settled: bool | None = None
    """Is the program free of kinks in the main input? None: ask each cell."""
    ranges: Ranges = field(init=False)
    _slopes: dict[str, Ranges | None] = field(default_factory=dict, init=False)
    _twins: dict[str, Ranges | None] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.ranges = Ranges(self.program, self.params)

    def slope(self, name: str) -> Ranges | None:
        """The derivative of an output in the main input, where it is in the words."""
        if name not in self._slopes:
            try:
                self._slopes[name] = Ranges(differentiate(self.program, self.variable, name), self.params)
            except NoSlope:
                self._slopes[name] = None
        return self._slopes[name]

    def twin(self, name: str) -> Ranges | None:
        """The output once more as exact algebra leaves it, where that can be written."""
        if name not in self._twins:
            self._twins[name] = self._make_twin(name)
        return self._twins[name]

    def long_twin(self, name: str) -> Ranges | None:
        """The same, however long it is."""
        return self._make_twin(name, 100 * MOST_STEPS)

    def _make_twin(self, name: str, most: int = MOST_STEPS) -> Ranges | None:
        field = Exact()
        try:
            value = field.run(self.program.only(name), exact_inputs(self, field))[name]
            program = twin(self.program, name, field, value, mirrored(self))
        except NotExact:
            return None
        return Ranges(program, self.params) if len(program.steps) <= most else None

    def alone(self, name: str) -> Region:
        """The same for one output, by its twin if only that is free of the other inputs."""
        ranges = self.twin(name) if self.limits and self.settled else None
        if ranges is None or any(a in self.limits for s in ranges.program.steps for a in s.args):
            return self
        return Region(ranges.program, self.params, self.variable, self.low, self.high)

    def closer(self, cell: Cell, start: float, name: str, x: Span) -> Span:
        """The output over a cell as its twin has it, where that is closer than x (and x is defined)."""
        ranges = self.twin(name) if x.low == x.low else None
        if ranges is None:
            return x
        y = plain(ranges.at(cell.spans(self.variable), start=start)[0][name], start)
        return Span(0, max(x.low, y.low), min(x.high, y.high)) if y.low == y.low else x

    def _between(self, cell: Cell, name: str, a: float, b: float) -> Span:
        """The output from its value at a to that at b."""
        ends = [self.ranges.at(Cell(t, t, cell.others).spans(self.variable))[0][name] for t in {a, b}]
        return hull(ends[0], ends[-1], 1.0)

    def sharper(self, cell: Cell, name: str, x: Span) -> Span:
        """The output over a cell by the mean value theorem, where that is closer than x."""
        slope = None if cell.tail or math.isinf(cell.high - cell.low) else self.slope(name)
        if slope is None:
            return x
        spans, kinked = slope.at(cell.spans(self.variable))
        rise, m = spans[name], cell.low + (cell.high - cell.low) / 2
        if kinked or rise.low != rise.low:
            return x
        if rise.low >= 0 or rise.high <= 0:
            y = self._between(cell, name, cell.low, cell.high)
        else:
            way = Span(0, add_low(cell.low, -m), add_high(cell.high, -m))
            y = add(self._between(cell, name, m, m), mul(rise, way), 1.0)
        return Span(0, max(x.low, y.low), min(x.high, y.high)) if y.low == y.low and x.low == x.low else x

    def read(self, cell: Cell, start: float, strict: bool) -> tuple[dict[str, Span], bool]:
        """Enclosures over a cell, and whether it is free of kinks."""
        strict = strict and not (self.variable in UNREACHED and cell.high == UNREACHED[self.variable])
        spans, kinked = self.ranges.at(cell.spans(self.variable), start=start, strict=strict)
        if cell.tail:
            spans = {n: plain(x, start) for n, x in spans.items()}
        return spans, not kinked if self.settled is None else self.settled

    def tail(
        self, name: str, side: int, exponent: int, axis: str = "", at: Mapping[str, float] | None = None
    ) -> list[Span]:
        """How an output grows or fades beyond side·2^exponent of one input ("" is the main one), in one or two ways."""
        fixed = {n: Span(0, v, v) for n, v in (at or {}).items()}
        spread = {n: Span(0, a, b) for n, a, b in self.others()} | fixed | {axis: Span(1, float(side), float(side))}
        cell = {(n or self.variable): x for n, x in spread.items()}
        spans = self.ranges.at(cell, start=2.0**exponent)[0]
        if spans[name].low == spans[name].low and (ranges := self.twin(name)) is not None:
            return [spans[name], ranges.at(cell, start=2.0**exponent)[0][name]]
        return [spans[name]]

    def directions(self) -> list[tuple[str, int]]:
        """The inputs that run to infinity, and at which end."""
        ends = {"": (-math.inf if self.low is None else 0.0, math.inf if self.high is None else 0.0), **self.limits}
        return [(n, s) for n, (a, b) in ends.items() for s, e in ((-1, a), (1, b)) if math.isinf(e)]

    def points(self, few: bool = False) -> Iterator[dict[str, float]]:
        """Points spread over the region in every order of size, those near its ends included."""
        low = -(2.0**40) if self.low is None else above(self.low)
        high = 2.0**40 if self.high is None else below(self.high)
        width = high - low
        steps = [2.0**-k for k in (range(1, 6) if width < 2.0**30 else range(2, 60, 2))]
        near = 2.0**-30 * min(width, 1.0 + min(abs(low), abs(high)))  # inside: at an end another piece may hold
        mains = [t for s in (*(width * s for s in steps), near) for t in (low + s, high - s) if low <= t <= high]
        spots = [
            sorted(
                {
                    (n, min(max(v, a), b))
                    for v in (1.0, 8.0, 0.25, *(() if few or len(self.limits) > 1 else (0.0, -1.0)))
                }
            )
            for n, (a, b) in self.limits.items()
        ]
        for others in product(*spots):
            for t in {min(max(v, low), high) for v in (1.0, -1.0)} if few else mains:
                yield {"": t, **dict(others)}

    def point(self, values: Mapping[str, float], strict: bool = True) -> dict[str, Span]:
        """Enclosures at one point ("" is the main input)."""
        cell = {(n or self.variable): Span(0, v, v) for n, v in values.items()}
        return self.ranges.at(cell, strict=strict)[0]

    def others(self) -> tuple[tuple[str, float, float], ...]:
        """The ranges of the other inputs, as a cell holds them."""
        return tuple((n, a, b) for n, (a, b) in self.limits.items())


def mirrored(region: Region) -> bool:
    """Is the main input never positive here?"""
    return region.high is not None and region.high <= 0


def exact_inputs(region: Region, field: Exact) -> dict[str, Value]:
    """The inputs and parameters as exact values; the main input as ± a positive atom where the piece is one-sided."""
    values = {k: number(Fraction(v)) for k, v in region.params.items()}
    values |= {n: field.atom("half line" if a >= 0 else "line", n) for n, (a, _) in region.limits.items()}
    one_sided = mirrored(region) or (region.low is not None and region.low >= 0)
    main = field.atom("half line" if one_sided else "line", "")
    return values | {region.variable: field.neg(main) if mirrored(region) else main}


def cover(
    region: Region, claim: Claim, *, strict: bool = True, smooth: bool = True, sample: bool = False, name: str = ""
) -> Outcome:
    """The claim on the whole region. With `smooth`, a cell with an undecided kink is never accepted.

    With `sample`, points are tried first. If the claim is about one output, its `name` sharpens the enclosures.
    """
    known = next((p for p in region.points() if claim(region.point(p, strict)) is False), None) if sample else None
    if known is not None:
        return Outcome(False, known)
    sharp = name if region.settled is not False else ""
    outcome, start = _tails(region, claim, strict, smooth, sharp)
    if outcome.holds is not True:
        return outcome
    low = -start if region.low is None else below(region.low)
    high = start if region.high is None else above(region.high)
    return _bisect(region, claim, [Cell(low, high, region.others())], start, strict, smooth, sharp)


def _first_start(region: Region) -> int:
    ends = [abs(e) for e in (region.low, region.high) if e is not None]
    return max(TAILS[0], *(math.frexp(float(e))[1] + 2 for e in ends)) if ends else TAILS[0]


def _tails(region: Region, claim: Claim, strict: bool, smooth: bool, sharp: str) -> tuple[Outcome, float]:
    """The claim beyond ±start, for the first start that works."""
    signs = [s for s, e in ((-1, region.low), (1, region.high)) if e is None]
    if not signs:
        return Outcome(True), 1.0
    tails = [Cell(s * INF, s * INF, region.others(), tail=s) for s in signs]
    first, outcome, start = _first_start(region), Outcome(True), 0.0
    for exponent in (first, *(t for t in TAILS if t > first)):
        start = 2.0**exponent
        outcome = _bisect(region, claim, tails, start, strict, smooth, sharp)
        if outcome.holds is not None:
            break
    return outcome, start


def _bisect(
    region: Region, claim: Claim, cells: list[Cell], start: float, strict: bool, smooth: bool, sharp: str = ""
) -> Outcome:
    todo, budget = list(cells), MORE_CELLS if region.limits else MOST_CELLS
    while todo:
        cell = todo.pop()
        budget -= 1
        spans, settled = region.read(cell, start, strict)
        answer = claim(spans)
        if answer is None and sharp and settled and (cell.depth > 2 or cell.tail):
            closer = region.closer(cell, start, sharp, region.sharper(cell, sharp, spans[sharp]))
            answer = claim(spans | {sharp: closer})
        if answer and (settled or not smooth):
            continue
        witness = _refuted(region, claim, cell, start, strict)
        if witness is not None:
            return Outcome(False, witness)
        parts = list(_halves(cell)) if budget > 0 else []
        if not parts:
            return Outcome(None, stuck=cell)
        todo += parts
    return Outcome(True)


def _refuted(region: Region, claim: Claim, cell: Cell, start: float, strict: bool) -> dict[str, float] | None:
    point = cell.middle(start)
    return point if claim(region.point(point, strict)) is False else None


def _halves(cell: Cell) -> Iterator[Cell]:
    """The cell cut in two across one of its sides; nothing if it is too small to cut."""
    sides = ([] if cell.tail else [("", cell.low, cell.high)]) + list(cell.others)
    for turn in range(len(sides)):
        name, a, b = sides[(cell.depth + turn) % len(sides)]
        m = _middle(a, b)
        if a < m < b and not (b - a <= 2e-9 * max(abs(a), abs(b))) and not b - a < 1e-30:
            yield _with(cell, name, m, b)
            yield _with(cell, name, a, m)
            return


def _with(cell: Cell, name: str, low: float, high: float) -> Cell:
    if not name:
        return Cell(low, high, cell.others, 0, cell.depth + 1)
    others = tuple((n, low, high) if n == name else (n, a, b) for n, a, b in cell.others)
    return Cell(cell.low, cell.high, others, cell.tail, cell.depth + 1)


def _middle(a: float, b: float) -> float:
    """A point between: 0 if it is inside, else geometric for wide ranges."""
    if a <= 0 <= b and (a < 0 < b or a == b):
        return 0.0
    if b <= 0:
        return -_middle(-b, -a)
    if math.isinf(b):
        return max(4 * a, 1.0)
    if a == 0:
        return b / 8 if b > 1e-6 else b / 2**20
    return math.sqrt(a) * math.sqrt(b) if b > 4 * a else a + (b - a) / 2
