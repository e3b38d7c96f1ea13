"""Curvatures by name: how strongly a loss bends in z, exactly, from above, as its slope's size, or kept off zero.

- exact: the second derivative almost everywhere (of K scores the diagonal).
- majorant: w(z) with ℓ(s) ≤ ℓ(z) + ℓ′(z)(s − z) + ½w(z)(s − z)² for all s. Only where that is proved: ψ(r)/r where ρ is
  concave in r², else a proved bound of the second derivative (for K scores one for the whole Hessian, as Böhning's ½).
- gradient: |ℓ′(z)|, for cross-entropy |p − y|. Not a bound, but never 0 where there is something to learn.
- floor: the exact one, but never below a small positive number, so that a Newton step always exists.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lossmith import cache
from lossmith.errors import ParameterError, UnsupportedError, shown
from lossmith.facts import Fact
from lossmith.lifts.pointwise import TO_MARGIN

if TYPE_CHECKING:
    from lossmith.loss import Loss

Array = NDArray[Any]
LEAST = 1e-6
"""The floor, unless another is given."""


def curvature(loss: Loss, y: Any, z: Any, rule: str = "exact", floor: float = LEAST) -> Array:
    """The curvature in z by one of the rules; shaped like z."""
    if rule not in RULES:
        raise ParameterError(f"no curvature {rule!r}; there are {', '.join(RULES)}")
    if not floor > 0:
        raise ParameterError(f"floor={shown(floor)}: it must be a number > 0")
    y, z = loss.lift.arrays(y, z)
    loss.check(y)
    return RULES[rule](loss, y, z, floor)


def _plain(loss: Loss, y: Array, z: Array, want: str) -> Array:
    return np.asarray(loss.lift.evaluate(loss.state, y, z, (want,))[want])


def _majorant(loss: Loss, y: Array, z: Array, floor: float) -> Array:
    bound = majorant_of(loss, z.ndim > 1)
    if bound is None:
        return _plain(loss, y, z, "majorant")
    mass = y.sum(axis=1, keepdims=True) if y.ndim == 2 and loss.lift.multiclass else 1.0
    return np.asarray(np.full_like(z, bound) * mass)


RULES: Mapping[str, Callable[[Loss, Array, Array, float], Array]] = {
    "exact": lambda loss, y, z, floor: _plain(loss, y, z, "hessian"),
    "majorant": _majorant,
    "gradient": lambda loss, y, z, floor: np.abs(_plain(loss, y, z, "gradient")),
    "floor": lambda loss, y, z, floor: np.maximum(_plain(loss, y, z, "hessian"), z.dtype.type(floor)),
}


@lru_cache(maxsize=512)
def majorant_of(loss: Loss, several: bool = False) -> float | None:
    """The constant that majorises, or None where the loss's own kernel computes a majorant that is proved.

    Raises UnsupportedError, with the missing fact, where neither is proved.
    """
    fact = _proved(loss, several)
    if not fact.holds:
        raise UnsupportedError(f"{loss.name} has no proved majorant: {fact.because}; use rule='exact' or 'gradient'")
    if fact.constant is None and "majorant" not in loss.program.wants:  # proved, but its quotient was not derived
        return _bound(loss)
    return fact.constant


def _bound(loss: Loss) -> float:
    smooth = loss.facts()["smooth"]
    if smooth.constant is None:
        raise UnsupportedError(f"the majorant psi(r)/r of {loss.name} was not derived, and {smooth.because}")
    return smooth.constant


def _proved(loss: Loss, several: bool) -> Fact:
    if loss.lift.joint:
        what = f"several outputs ({', '.join(loss.lift.outputs) or 'K scores that are coupled'})"
        return loss.facts().get("majorant") or Fact("majorant", None, f"none is derived for {what}")
    if loss.lift.multiclass and not several:
        of_margin = _of_margin(loss)
        if of_margin.holds:
            return of_margin
    return loss.facts()["majorant"]


def _of_margin(loss: Loss) -> Fact:
    """Whether the majorant of two classes, a function of the margin, is proved."""
    from lossmith.symbolic.prove import facts

    whole = loss.program.only("value")
    prelude = {step.name for step in TO_MARGIN}
    steps = tuple(step for step in whole.steps if step.name not in prelude)
    outputs = (*whole.outputs, ("d1", math.nan), ("d2", math.nan))  # derived by whoever proves
    slot = replace(whole, inputs=("m",), steps=steps, outputs=outputs)
    return facts(slot, {n: loss.params[n] for n in slot.params}, "margin", keep=partial(cache.text, "json"))["majorant"]


@lru_cache(maxsize=512)
def described(loss: Loss) -> str:
    """Which majorant a loss of one output has, in a few words; "" for none."""
    try:
        bound = majorant_of(loss)
    except UnsupportedError:
        return ""
    return "psi(r)/r" if bound is None else f"the bound {bound:.4g} of the second derivative"


@lru_cache(maxsize=512)
def fixed_majorant(loss: Loss) -> float | None:
    """The constant that has to stand in for a kernel's majorant, which is not proved; None where the kernel's is."""
    return majorant_of(loss) if described(loss) else None
