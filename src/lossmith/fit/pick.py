"""Which solver serves a problem: from known facts, with one sentence that says why; and honest refusals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lossmith.curvature import described
from lossmith.errors import UnsupportedError
from lossmith.fit.kinks import Kinks
from lossmith.fit.solvers import solver_class

NEWTON_COST = 2e7
"""n·size² up to which a full Hessian each step is cheaper than being clever."""
NARROW = 300
"""Coordinates up to which an l1 problem is solved on all of them at once."""
WIDE = 1500
"""Coordinates beyond which a dense model of the Hessian is not kept."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is known about a fit before it starts."""

    loss: str
    convex: bool | None
    majorant: str
    """Which curvature majorises, "" for none."""
    kinks: Kinks
    n: int
    p: int
    outputs: int
    l1: bool
    sparse: bool
    concomitant: bool = False

    @classmethod
    def of(cls, objective: Any, loss: Any, kinks: Kinks, concomitant: bool) -> Problem:
        """Gather the facts."""
        facts = loss.facts()

        def holds(name: str) -> bool | None:
            fact = facts.get(name)
            return fact.holds if fact else None

        x = objective.design.X
        return cls(
            loss.name,
            holds("convex"),
            described(loss),
            kinks,
            x.shape[0],
            x.shape[1],
            objective.outputs,
            objective.l1 is not None,
            x.__class__.__module__.startswith("scipy.sparse"),
            concomitant,
        )

    @property
    def size(self) -> int:
        """Coordinates, all outputs together."""
        return (self.p + 1) * self.outputs


NEEDS: Mapping[str, tuple[Callable[[Problem], bool], str]] = {
    "differentiable": (lambda q: not q.kinks.any, "{q.loss} has a kink, so its gradient jumps"),
    "majorant": (lambda q: bool(q.majorant) and not q.concomitant, "no majorising curvature is derived for {q.loss}"),
    "no l1": (lambda q: not q.l1, "the l1 part of the penalty is not differentiable at 0"),
    "one output": (lambda q: q.outputs == 1, "no majorant couples {q.outputs} outputs"),
    "narrow": (lambda q: q.size <= 4 * WIDE, "{q.size} coordinates are too many for a dense model of the Hessian"),
    "convex": (lambda q: bool(q.convex) or q.kinks.linear, "{q.loss} is not known to be convex"),
    "kinked": (lambda q: bool(q.kinks.places) and not q.kinks.rivals, "{q.loss} has no kinks in a single margin"),
    "polyhedral": (lambda q: q.kinks.linear, "{q.loss} is not made of straight pieces"),
    "rivals": (lambda q: bool(q.kinks.rivals), "{q.loss} has no margins against rivals"),
    "best rival": (lambda q: q.kinks.rivals == "best", "{q.loss} does not look at the best rival alone"),
    "smooth margin": (lambda q: not q.kinks.places, "{q.loss} has a kink in the margin"),
    "no concomitant scale": (lambda q: not q.concomitant, "a concomitant scale is fitted jointly"),
}
"""What a solver may need: a test, and the missing fact as a refusal quotes it."""

ORDER = ("interior-point", "primal-dual", "soft-rivals", "newton", "lbfgs", "proximal-newton", "majorise",
         "working-set", "fista", "gradient-descent", "saga", "rounding")  # fmt: skip
"""Which solver a refusal names first."""


def missing(name: str, problem: Problem) -> str:
    """The first fact that a solver needs and the problem has not; "" if it can serve."""
    for need in solver_class(name).needs:
        test, says = NEEDS[need]
        if not test(problem):
            return says.format(q=problem)
    return ""


def demand(name: str, problem: Problem) -> str:
    """Accept a solver that was asked for by name, or refuse with the missing fact and what would work."""
    lacks = missing(name, problem)
    if lacks:
        works = [other for other in ORDER if other != name and not missing(other, problem)]
        advice = f"solver={works[0]!r} works" if works else "solver='adam' works"
        raise UnsupportedError(f"solver={name!r} cannot serve here: {lacks}; {advice}, and solver='auto' picks one")
    return f"{name} was asked for" + used(name, problem)


USES: Mapping[str, str] = {
    "newton": "exact", "proximal-newton": "exact", "lbfgs": "exact, of a sample", "majorise": "majorant, {q.majorant}",
    "gradient-descent": "none", "fista": "none", "working-set": "exact, of the columns in use",
}  # fmt: skip
"""Which curvature a solver takes."""


def used(name: str, problem: Problem) -> str:
    """The curvature that a solver takes, as the end of a sentence; nothing for solvers of kinks and random steps."""
    return f"; curvature: {USES[name].format(q=problem)}" if name in USES else ""


def pick(problem: Problem) -> tuple[str, str]:
    """(solver, why) for solver='auto'; the sentence ends with the curvature that it takes."""
    name, why = _picked(problem)
    return name, why + used(name, problem)


def _of_rivals(q: Problem) -> tuple[str, str]:
    """For a kink among K scores."""
    if q.size > 4 * WIDE:
        return "lbfgs", f"{q.loss} kinks, and {q.size} coordinates are too many for the solvers that allow for it"
    if q.kinks.linear:
        return (
            "primal-dual",
            f"{q.loss} is the largest of straight pieces: primal and dual steps to a proved optimum",
        )
    if q.kinks.rivals == "best" and not q.kinks.places:
        return "soft-rivals", f"{q.loss} kinks where the best rival changes: rivals are blended less and less"
    where = "jumps where scores tie" if q.kinks.rivals == "jump" else "kinks where it is bent"
    return "lbfgs", f"{q.loss} {where}, and no solver can certify an optimum: quasi-Newton steps as far as they lead"


def _picked(q: Problem) -> tuple[str, str]:
    if q.kinks.rivals and q.kinks.any:
        return _of_rivals(q)
    if q.kinks.linear:
        return "interior-point", f"{q.loss} is made of straight pieces: an interior point ends at the exact optimum"
    if q.kinks.any:
        return "rounding", f"{q.loss} has kinks and is bent or not convex: corners are rounded less and less"
    if q.l1 and (q.size <= NARROW or (q.size <= WIDE and q.n * float(q.size) ** 2 <= NEWTON_COST)):
        return "proximal-newton", f"an l1 penalty on {q.p} columns: a Newton model that keeps zeros exact"
    if q.l1:
        return "working-set", f"an l1 penalty on {q.size} coordinates: solved on the few columns that matter"
    small = q.n * float(q.size) ** 2 <= NEWTON_COST
    if q.convex and small:
        return "newton", f"{q.loss} is convex and differentiable and {q.n} × {q.p} is small: exact Hessians"
    if q.sparse:
        return "lbfgs", f"X is sparse with {q.p} columns: quasi-Newton steps with the diagonal of the Hessian"
    return "lbfgs", f"{q.loss} is smooth, {q.n} rows × {q.p} columns: quasi-Newton steps with the curvature of a sample"
