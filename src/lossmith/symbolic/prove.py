"""Facts of a loss: proved, refuted at a witness, or unknown; never asserted.

    facts(slot, {"delta": 1.345}, "residual")["convex"]

`slot` is the Program of the formula in its slot (inputs: the slot first, then y or mean_logp where the formula has it;
outputs value, d1, d2 in the first slot, the derivatives almost everywhere). The value is what is proved about; d1 and
d2 are derived again unless algebra shows them to be its derivatives. Everything is proved at the given parameters and
constants, as exact doubles. Each verdict is made when it is asked for, and may be kept as text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict

from lossmith.domain import Interval
from lossmith.facts import Fact
from lossmith.program import Program
from lossmith.symbolic import binding, classes, elicits, finite, majorants, normal, probabilities, shape, units
from lossmith.symbolic.case import Case

Keep = Callable[[str, Callable[[], str]], str]
"""(key, make) → text: how verdicts are kept between processes."""
Prover = Callable[[Case], Fact]

RECIPE = 15
"""Raise it whenever a verdict could come out differently; kept ones are then made anew."""

LINE: dict[str, Prover] = {
    "convex": binding.convex,
    "strictly convex": shape.strictly_convex,
    "strongly convex": shape.strongly_convex,
    "twice": binding.twice,
    "smooth": binding.smooth,
    "majorant": majorants.majorant,
    "scalable": binding.scalable,
    "bounded below": binding.bounded_below,
    "nonnegative": binding.nonnegative_value,
    "bounded influence": binding.bounded_influence,
    "Lipschitz": shape.lipschitz,
    "redescending": binding.redescending,
    "finite in float64": finite.finite64,
    "finite in float32": finite.finite32,
}
"""Losses of one real slot."""

SIMPLEX: dict[str, Prover] = LINE | {
    "convex": classes.convex,
    "smooth": classes.smooth,
    "majorant": classes.majorant,
    "bounded influence": classes.bounded_influence,
    "redescending": classes.redescending,
    "monotone margin": shape.monotone,
    "calibrated": probabilities.calibrated_classes,
    "proper composite": probabilities.proper_classes,
    "elicits": elicits.of_label,
}
"""Losses of the log-probability of the true class."""

PROVERS: Mapping[str, Mapping[str, Prover]] = {
    "residual": LINE
    | {
        "even": binding.even,
        "rejection point": shape.rejection,
        "elicits": elicits.of_residual,
        "efficiency": normal.efficiency_at_normal,
    },
    "margin": LINE
    | {
        "monotone margin": shape.monotone,
        "calibrated": probabilities.calibrated,
        "proper composite": probabilities.proper,
        "elicits": elicits.of_label,
    },
    "score": {name: prover for name, prover in LINE.items() if name != "redescending"}
    | {
        "elicits": units.score_elicits,
        "bounded below": units.score_bounded_below,
        "nonnegative": units.score_nonnegative,
    },
    "softmax": SIMPLEX,
}
"""Lift × name of a fact → what proves it."""


class Facts(Mapping[str, Fact]):
    """The facts of one loss by name, each made on first use."""

    def __init__(self, case: Case, keep: Keep | None) -> None:
        self.case, self._keep = case, keep
        self._provers = PROVERS[case.lift]
        self._made: dict[str, Fact] = {}

    def __getitem__(self, name: str) -> Fact:
        if name not in self._provers:
            raise KeyError(name)
        if name not in self._made:
            key = f"{self.case.key}-{RECIPE}-{name.replace(' ', '-')}"
            text = (self._keep or _made)(key, lambda: dumped(answer(self.case, name)))
            self._made[name] = loaded(text)
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._provers

    def __iter__(self) -> Iterator[str]:
        return iter(self._provers)

    def __len__(self) -> int:
        return len(self._provers)

    def __repr__(self) -> str:
        return "\n".join(str(self[name]) for name in self)


def answer(case: Case, name: str) -> Fact:
    """One verdict: by the kernel's form of the loss, else by the formula as it stands."""
    found = PROVERS[case.lift][name](case)
    if found.holds is not None or case.spelled is None:
        return found
    again = PROVERS[case.lift][name](case.spelled)
    return found if again.holds is None else again


def _made(key: str, make: Callable[[], str]) -> str:
    return make()


def facts(
    slot: Program,
    params: Mapping[str, float],
    lift: str,
    *,
    target: Interval | None = None,
    literal: Program | None = None,
    keep: Keep | None = None,
) -> Facts:
    """The facts of the loss with this slot Program at these parameters; KeyError for a lift that has no provers.

    target: where y lies, for formulas that use it. literal: the formula as it stands, a second chance.
    keep: stores and finds verdicts as text by key.
    """
    PROVERS[lift]
    return Facts(Case(slot, dict(params), lift, target or Interval(), literal=literal), keep)


def dumped(fact: Fact) -> str:
    """A fact as JSON."""
    return json.dumps(asdict(fact))


def loaded(text: str) -> Fact:
    """The fact that `dumped` wrote."""
    return Fact(**json.loads(text))
