"""A residual loss for SciPy's `least_squares`: `least_squares(f, x0, loss=lossmith.scipy.rho(lossmith.Cauchy()))`.

SciPy minimises ½ C² Σ ρ(f²/C²) for its `f_scale` C, and asks for ρ, ρ′ and ρ″ at z = f²/C². With ρ(r²) = 2ℓ(r) the cost
is C² Σ ℓ(f/C): the loss itself, in units of C.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.catalogue import loss as loss_of
from lossmith.errors import UnsupportedError
from lossmith.loss import Loss

Array = NDArray[Any]

NEAR = 1e-4
"""Below this r² the second derivative of ρ is taken from this r²: the quotient cancels; SciPy needs no digits of it."""


def rho(loss: str | Loss | type[Loss], **params: float) -> Callable[[Array], Array]:
    """The callable that SciPy wants: z (n,) → (3, n) rows ρ(z), ρ′(z) = ℓ′(r)/r and ρ″(z) = (ℓ″(r) − ℓ′(r)/r)/(2r²).

    Raises UnsupportedError for a loss that is no even function of the residual alone, or whose slope jumps at 0, where
    ρ′ is infinite.
    """
    one = loss_of(loss, None, **params)
    demand(one)

    def rows(z: Array) -> Array:
        z = np.asarray(z, float)
        r = np.sqrt(z)
        value, first, second = asked(one, r)
        with np.errstate(all="ignore"):
            slope = np.where(r > 0, first / r, second)
        return np.stack([2 * value, slope, bent(one, z)])

    return rows


def asked(one: Loss, r: Array) -> tuple[Array, Array, Array]:
    """ℓ, ℓ′ and ℓ″ at residuals r."""
    found = one.lift.evaluate(one.state, r, np.zeros_like(r), ("value", "gradient", "hessian"))
    return found["value"], -found["gradient"], found["hessian"]


def bent(one: Loss, z: Array) -> Array:
    """ρ″."""
    far = np.maximum(z, NEAR)
    r = np.sqrt(far)
    _, first, second = asked(one, r)
    return np.asarray((second - first / r) / (2 * far))


def demand(one: Loss) -> None:
    """Raise an UnsupportedError, with the missing fact, for a loss that SciPy cannot carry."""
    if one.lift.name != "residual" or "y" in one.tree.names:
        raise UnsupportedError(f"{one!r} is no function of the residual alone; least_squares needs one")
    even = one.facts()["even"]
    if not even.holds:
        raise UnsupportedError(f"{one!r} is not even ({even.because}); least_squares sees only squared residuals")
    _, first, second = asked(one, np.array([0.0, 1e-9]))
    if float(first[1]) > 1e-3 or not np.isfinite(second[0]):
        raise UnsupportedError(f"the slope of {one!r} jumps or is steep at 0; ρ′(0) must be finite: try PseudoHuber")
