"""What a proof rests on, written down while it is made: claims about outputs on pieces, to be checked again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from lossmith.program import Program

if TYPE_CHECKING:
    from lossmith.symbolic.cover import Region

AT_LEAST, WITHIN, ZERO, DEFINED = "at least", "within", "zero", "defined"
"""output ≥ bound; |output| ≤ bound; output = 0; the output is a finite number."""


@dataclass(frozen=True)
class Claim:
    """An output of a Program is at least, within, or zero, on a whole piece and for all values of the other inputs."""

    output: str
    kind: str
    bound: float
    program: Program
    params: Mapping[str, float]
    variable: str
    low: Fraction | None
    high: Fraction | None
    others: Mapping[str, tuple[float, float]]
    twin: Program | None = None
    """The same output in another form, in which less cancels; a checker may use it once it has seen that they agree."""

    @property
    def key(self) -> tuple[object, ...]:
        """What tells it from other claims."""
        ends, at = (self.low, self.high), (tuple(sorted(self.params.items())), tuple(sorted(self.others.items())))
        return self.output, self.kind, *ends, self.bound, self.program.digest, *at

    def to_json(self) -> dict[str, Any]:
        """A plain structure; ends are fractions as text, None where a piece runs to infinity."""
        ends = [None if e is None else str(e) for e in (self.low, self.high)]
        return {
            "output": self.output, "kind": self.kind, "bound": self.bound, "variable": self.variable, "from": ends[0],
            "to": ends[1], "params": dict(self.params), "others": {n: list(r) for n, r in self.others.items()},
            "program": self.program.to_json(), "twin": self.twin.to_json() if self.twin else None,
        }  # fmt: skip

    def __str__(self) -> str:
        low, high = ("−∞" if self.low is None else f"{float(self.low):.6g}",
                     "+∞" if self.high is None else f"{float(self.high):.6g}")  # fmt: skip
        signs = {
            AT_LEAST: f">= {self.bound:.6g}", WITHIN: f"within ±{self.bound:.6g}", ZERO: "= 0", DEFINED: "is a number",
        }  # fmt: skip
        return f"{self.output} {signs[self.kind]} on ({low}, {high})"


_LEDGER: ContextVar[list[Claim] | None] = ContextVar("ledger", default=None)


@contextmanager
def recording() -> Iterator[list[Claim]]:
    """Collects the claims that are proved inside."""
    claims: list[Claim] = []
    token = _LEDGER.set(claims)
    try:
        yield claims
    finally:
        _LEDGER.reset(token)


def add(claim: Claim) -> None:
    """Write down a claim that has just been proved, if anybody is recording."""
    claims = _LEDGER.get()
    if claims is not None:
        claims.append(claim)


Ends = tuple[Fraction | None, Fraction | None]


def note(region: Region, output: str, kind: str, bound: float = 0.0, ends: Ends | None = None) -> None:
    """Write down a claim that has just been proved, if anybody is recording (`ends`: of a part of the piece)."""
    claims = _LEDGER.get()
    if claims is not None:
        from lossmith.symbolic.slack import spread_twin

        program, twin = region.program.only(output), region.twin(output)
        ends, limits = ends or (region.low, region.high), dict(region.limits)
        other = spread_twin(region, output) or (None if twin is None else twin.program)
        claims.append(Claim(output, kind, bound, program, dict(region.params), region.variable, *ends, limits, other))
