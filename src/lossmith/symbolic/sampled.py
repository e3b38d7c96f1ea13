"""What trying an undecided fact says: a place that speaks against it, nothing, or that no try can tell.

A place counts only if two computations, of 500 and of 3,000 bits, agree on how much it speaks against the fact, which
rounding far out does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import mpmath
from mpmath import mpf

from lossmith.symbolic.case import Case
from lossmith.symbolic.structural import Seen, several

SIZES = (500, 3000)
NOTHING, UNTRIED = "sampling found nothing against it", "not tried"


def suspicion(case: Case, name: str) -> str:
    """Of a fact that nobody decided: a place against it, if one is met."""
    if name not in AGAINST:
        return UNTRIED
    places = ((f, t) for f in several(case) for t in f.places())
    found = next((t for f, t in places if _against(f, t, AGAINST[name])), None)
    return NOTHING if found is None else f"not so at {case.variable} = {found:g}"


def _against(f: Seen, t: float, amount: Callable[[Seen, Any], Any]) -> bool:
    """Is the amount below 0, and the same with six times the digits?"""
    found = []
    for f.bits in SIZES:
        with mpmath.workprec(f.bits):
            found.append(amount(f, mpf(t)))
    rough, fine = found
    return bool(rough < 0 and fine < 0 and abs(rough - fine) < abs(fine) * mpf(10) ** -6)


def _chord(f: Seen, t: Any) -> Any:
    """How far the middle lies below its chord."""
    wide = t * mpf("1.1")
    return (f.value(t) + f.value(wide)) / 2 - f.value((t + wide) / 2)


def _fall(f: Seen, t: Any) -> Any:
    """How much the value falls over a step upwards."""
    return f.value(t) - f.value(t + abs(t) / 16)


AGAINST: Mapping[str, Callable[[Seen, Any], Any]] = {
    "convex": _chord, "strictly convex": _chord, "strongly convex": _chord, "nonnegative": lambda f, t: f.value(t),
    "monotone margin": _fall,
}  # fmt: skip
"""Facts that values can speak against, and what is then below 0."""
