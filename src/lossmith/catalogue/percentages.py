"""Losses of a residual relative to the truth or the forecast; the denominator never falls below a floor."""

from __future__ import annotations

from lossmith.domain import positive
from lossmith.lifts import residual
from lossmith.loss import Loss


class SymmetricPercentage(Loss, lift=residual):
    """The absolute residual relative to the mean of |truth| and |forecast|: between 0 and 2."""

    formula = "where(y*(y - r) > 0, 2*abs(r)/max(abs(y) + abs(y - r), floor), min(2, 2*abs(r)/floor))"
    floor: float = positive(1e-8, "the smallest sum, in units of y, that is divided by")
    aliases = ("smape",)
    cite = "Makridakis 1993, doi:10.1016/0169-2070(93)90079-3"


class SquaredPercentage(Loss, lift=residual):
    """Half the square of the residual relative to the truth; it pulls forecasts down further than the absolute one."""

    formula = "(r/max(abs(y), floor))**2/2"
    floor: float = positive(1e-8, "the smallest |y|, in units of y, that is divided by")
    aliases = ("mspe",)
    cite = "Park and Stefanski 1998, doi:10.1016/S0167-7152(98)00109-X"


class ArctanPercentage(Loss, lift=residual):
    """The arctangent of the absolute percentage error: bounded, and harmless where the truth is nearly 0."""

    formula = "atan(abs(r)/max(abs(y), floor))"
    floor: float = positive(1e-8, "the smallest |y|, in units of y, that is divided by")
    aliases = ("maape",)
    cite = "Kim and Kim 2016, doi:10.1016/j.ijforecast.2015.12.003"
