"""Tuning constants: how efficient a robust loss is at the normal law, and which constant gives a wanted efficiency."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from lossmith.errors import ParameterError, UnsupportedError, shown
from lossmith.slotfacts import slot_facts

if TYPE_CHECKING:
    from lossmith.loss import Loss

L = TypeVar("L", bound="Loss")
EXPONENTS = (0, 1, 2, -1, -2)
"""How a parameter may change with the scale: not at all, in proportion, as its square, or inversely."""
PLACES = np.array([0.03, 0.2, 0.7, 1.1, 1.9, 3.3, 7.0, 23.0])
STRIDE, STRIDES = 1.5, 18
PANELS, FARTHEST = 4000, 20.0


def efficiency_of(loss: Loss, scale: float = 1.0) -> float:
    """The asymptotic efficiency of the fitted centre beside the mean, for normal y and residuals in `scale`."""
    if not (isinstance(scale, (int, float)) and 0 < scale < math.inf):
        raise ParameterError(f"scale={shown(scale)}: a scale is a number > 0")
    return _measure(loss)(float(scale))


def _measure(loss: Loss) -> Callable[[float], float]:
    """scale → efficiency; UnsupportedError for a loss that is not an even one of a residual."""
    from lossmith.symbolic.normal import efficiency

    if loss.lift.name != "residual":
        raise UnsupportedError(f"{loss.name} is no loss of a residual, so the normal law gives it no efficiency")
    known = loss.facts()
    if known["efficiency"].holds is False or not known["even"].holds:
        raise UnsupportedError(f"{loss.name} has no efficiency at the normal law: {known['efficiency'].because}")
    if not known["efficiency"].holds:
        return lambda scale: _summed(loss, scale)
    case = slot_facts(loss, "residual").case
    return lambda scale: efficiency(case, scale) or _summed(loss, scale)


def _summed(loss: Loss, scale: float) -> float:
    """The efficiency by Gauss's rule on many panels, to some eight digits, where it cannot be enclosed."""
    nodes, weights = np.polynomial.legendre.leggauss(8)
    r = (np.arange(PANELS)[:, None] + (nodes + 1) / 2).ravel() * (FARTHEST / PANELS)
    share = np.tile(weights, PANELS) * np.exp(-r * r / 2)
    pull = -loss.gradient(r / scale, np.zeros_like(r))
    spread = float(share @ (pull * pull))
    width = FARTHEST / PANELS / 2 / math.sqrt(2 * math.pi)
    found = float(share @ (pull * r))
    return 2 * found * abs(found) / spread * width if spread > 0 else 0.0


def tuned(loss: L, wanted: float = 0.95) -> L:
    """The same loss with its constants scaled so that its efficiency at the normal law is as wanted."""
    if not (isinstance(wanted, (int, float)) and 0 < wanted < 1):
        raise ParameterError(f"efficiency={shown(wanted)}: it must be a number in (0, 1), for instance 0.95")
    powers = exponents(loss)
    if powers is None:
        raise UnsupportedError(
            f"no parameter of {loss.name} sets its scale, so its efficiency at the normal law stays"
            f" {efficiency_of(loss):.4g}; tune Huber, Tukey or another loss with a constant in units of scale"
        )
    scale = _scale_for(loss, float(wanted))
    return loss.with_params(**{n: loss.params[n] * scale**k for n, k in powers.items() if k})


def exponents(loss: Loss) -> dict[str, int] | None:
    """How each parameter has to change so that the loss is that of r/scale, up to a factor; None if none can."""
    names = [n for n, p in loss.declared.items() if not p.static]
    shape = loss.value(np.zeros(16), _both(PLACES))
    for powers in sorted(product(EXPONENTS, repeat=len(names)), key=lambda k: sum(map(abs, k))):
        if any(powers) and all(_same(loss, dict(zip(names, powers, strict=True)), s, shape) for s in (1.7, 0.6)):
            return dict(zip(names, powers, strict=True))
    return None


def _both(places: Any) -> Any:
    return np.concatenate([places, -places])


def _same(loss: Loss, powers: dict[str, int], scale: float, shape: Any) -> bool:
    """Is the loss with changed parameters, at scaled residuals, the old one up to a factor?"""
    values = {n: loss.params[n] * scale**k for n, k in powers.items()}
    if not all(v in loss.declared[n].domain for n, v in values.items()):
        return False
    other = loss.with_params(**values).value(np.zeros(16), scale * _both(PLACES))
    k = int(np.argmax(np.abs(shape)))
    return shape[k] != 0 and bool(np.allclose(other / other[k], shape / shape[k], rtol=1e-9, atol=1e-12))


def _scale_for(loss: Loss, wanted: float) -> float:
    """The scale nearest to 1 at which the efficiency crosses the wanted one, by the Illinois rule on its logarithm."""
    of = _measure(loss)

    def gap(log_scale: float) -> float:
        return of(math.exp(log_scale)) - wanted

    (a, fa), (b, fb) = _crossing(loss, gap, wanted)
    for _ in range(60):
        middle = b - fb * (b - a) / (fb - fa)
        found = gap(middle)
        if found == 0 or abs(b - a) < 1e-12 or abs(middle - b) < 1e-13:
            return math.exp(middle)
        (a, fa) = (b, fb) if (found > 0) != (fb > 0) else (a, fa / 2)
        b, fb = middle, found
    return math.exp(b)


Seen = tuple[float, float]


def _crossing(loss: Loss, gap: Callable[[float], float], wanted: float) -> tuple[Seen, Seen]:
    """Two neighbouring places, as near to 1 as can be, between which the gap changes its sign."""
    start = (0.0, gap(0.0))
    ends, seen = {1: start, -1: start}, [start[1]]
    for k in range(1, STRIDES + 1):
        for side in (1, -1):
            place = side * k * math.log(STRIDE)
            new = (place, gap(place))
            if (new[1] > 0) != (ends[side][1] > 0):
                return ends[side], new
            ends[side] = new
            seen.append(new[1])
    reach = f"from {min(seen) + wanted:.4g} to {max(seen) + wanted:.4g}"
    raise UnsupportedError(f"{loss.name} reaches efficiencies {reach}, not {wanted:g}")
