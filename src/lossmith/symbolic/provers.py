"""Which prover stands behind each fact; how an answer is found: by the kernel's form, or the formula as it stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lossmith.facts import Fact
from lossmith.symbolic import binding, classes, elicits, finite, majorants, normal, probabilities, shape, units
from lossmith.symbolic.case import Case

Prover = Callable[[Case], Fact]

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


def answer(case: Case, name: str) -> Fact:
    """One verdict: by the kernel's form of the loss, else by the formula as it stands."""
    found = PROVERS[case.lift][name](case)
    if found.holds is not None or case.spelled is None:
        return found
    again = PROVERS[case.lift][name](case.spelled)
    return found if again.holds is None else again
