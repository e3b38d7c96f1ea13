"""Which curvature a booster is given, and why: from what is proved of the loss, not from hope.

Trees divide a sum of slopes by a sum of curvatures. An exact second derivative that is zero or negative stops or wrecks
them (a Huber loss far from its target has nothing but zeros); a 1 in its place makes steps of the wrong length.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from lossmith.curvature import described, majorant_of
from lossmith.errors import ParameterError, UnsupportedError
from lossmith.loss import Loss

LEAST = 1e-6
"""What the rules "floor" and "gradient" never fall below."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A curvature by name, why it was taken, and by how much it is multiplied (hosts inflate some of theirs)."""

    name: str
    why: str
    factor: float = 1.0
    bound: float | None = None
    """The constant of the rule "bound", and of a majorant that is one."""
    limit: float | None = None
    """The largest value of a majorant that is a quotient, which stands in where that is 0/0."""
    late: bool = False
    """Do weights multiply what has been rounded to float32 already, as in one host's objective?"""
    complement: bool = False
    """Is 1 − y rounded to float32, as in one host's objective of shares? Only for a loss whose slope is p − y."""

    def __str__(self) -> str:
        times = f" × {self.factor:.6g}" if self.factor != 1 else ""
        return f"{self.name}{times}: {self.why}"


def carried(loss: Loss) -> None:
    """Raise UnsupportedError for a loss that couples the raw outputs of a row in a way that no engine carries."""
    if not loss.lift.joint:
        return
    named = f" ({', '.join(loss.lift.outputs)})" if loss.lift.outputs else ""
    advice = (
        "use DistributionRegressor, OrdinalClassifier or SurvivalRegressor"
        if named
        else "use LinearClassifier, or lossmith.torch, lossmith.jax or lossmith.keras"
    )
    raise UnsupportedError(f"{loss.name} couples several raw outputs a row{named}, which no engine carries; {advice}")


def rule_of(loss: Loss, asked: str = "auto", outputs: int = 1) -> Rule:
    """The rule that is asked for, or with "auto" the best one that the facts allow.

    For one output a row: "exact", "majorant", "capped" (psi(r)/r, at most |gradient|), "gradient", "floor", "bound";
    for K scores: "exact" (the diagonal), "gershgorin", "gradient", "majorant". Raises ParameterError for another word,
    UnsupportedError with the missing fact where what is asked for is not proved.
    """
    carried(loss)
    table = ONE if outputs == 1 else MANY
    if asked == "auto":
        return (_auto if outputs == 1 else _auto_many)(loss)
    if asked not in table:
        raise ParameterError(f"curvature={asked!r} is not known; there are auto, {', '.join(table)}")
    return table[asked](loss)


def _auto(loss: Loss) -> Rule:
    for name, holds, why in ORDER:
        if holds(loss):
            found = ONE[name](loss)
            return replace(found, why=why)
    return ONE["gradient"](loss)


def _auto_many(loss: Loss) -> Rule:
    return MANY["gershgorin"](loss)


def _holds(loss: Loss, *names: str) -> bool:
    facts = loss.facts()
    return all(facts[name].holds for name in names)


def _bends(loss: Loss) -> bool:
    """Is the loss of one raw output convex and twice differentiable, so that its Hessian is never negative?"""
    return _holds(loss, "convex", "twice")


def _quotient(loss: Loss) -> bool:
    return _steep(loss) and _holds(loss, "smooth")


def _steep(loss: Loss) -> bool:
    return loss.lift.name == "residual" and described(loss) == "psi(r)/r"


def _bounded(loss: Loss) -> bool:
    return loss.lift.name == "residual" and described(loss).startswith("the bound")


ORDER: tuple[tuple[str, Callable[[Loss], bool], str], ...] = (
    ("exact", lambda loss: _holds(loss, "strongly convex"), "the loss is proved strongly convex"),
    ("majorant", _quotient, "psi(r)/r is proved to majorise, and bounded"),
    ("exact", _bends, "the loss is proved convex and twice differentiable"),
    ("majorant", _bounded, "a bound of the second derivative is proved"),
    ("capped", _steep, "psi(r)/r is proved to majorise, and has no bound at 0"),
)
"""From the first that holds; below them all stands |gradient|."""


def _exact(loss: Loss) -> Rule:
    return Rule("exact", "the second derivative")


def _floor(loss: Loss) -> Rule:
    return Rule("floor", f"the second derivative, at least {LEAST:g}")


def _gradient(loss: Loss) -> Rule:
    return Rule(
        "gradient",
        f"|gradient|, at least {LEAST:g}: the Hessian may be zero or negative, and no close majorant is proved",
    )


def _capped(loss: Loss) -> Rule:
    return Rule("capped", "psi(r)/r beyond one unit, |gradient| within", bound=majorant_of(loss))


def _majorant(loss: Loss) -> Rule:
    limit = loss.facts()["smooth"].constant
    return Rule("majorant", "proved to majorise", bound=majorant_of(loss), limit=limit)


def _majorant_many(loss: Loss) -> Rule:
    return Rule("majorant", "a bound of the whole Hessian is proved", bound=majorant_of(loss, True))


def _bound(loss: Loss) -> Rule:
    smooth = loss.facts()["smooth"]
    if smooth.constant is None:
        raise UnsupportedError(f"{loss.name} has no proved bound of its curvature: {smooth.because}; use 'gradient'")
    return Rule("bound", "the largest value of the second derivative", bound=smooth.constant)


def _gershgorin(loss: Loss) -> Rule:
    return Rule("gershgorin", "row sums of |Hessian| over the K scores, a diagonal that lies above the whole block")


ONE: Mapping[str, Callable[[Loss], Rule]] = {
    "exact": _exact, "majorant": _majorant, "gradient": _gradient, "floor": _floor, "bound": _bound,
    "capped": _capped,
}  # fmt: skip
MANY: Mapping[str, Callable[[Loss], Rule]] = {
    "exact": _exact, "gershgorin": _gershgorin, "gradient": _gradient, "majorant": _majorant_many,
}  # fmt: skip
