"""Search spaces for Optuna: a loss whose parameters, or which loss, a trial suggests.

def objective(trial):
    loss = lossmith.optuna.suggest(trial, ["huber", "tukey", "quantile"])
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, isfinite
from typing import Any

from lossmith.catalogue import loss as loss_of
from lossmith.domain import Param
from lossmith.loss import Loss

REACH = 10.0
"""An open domain is searched this far on either side of the default, as a factor."""

INSIDE = 1e-3
"""How far from an end that is not part of the domain a search stays, as a share of the way to the usual value."""

WIDE = 1e3
"""A bounded domain whose ends differ by more than this factor is searched by logarithm."""


def distributions(
    loss: str | Loss | type[Loss], bounds: Mapping[str, tuple[float, float]] | None = None
) -> dict[str, Any]:
    """An Optuna distribution for each parameter of a loss, by name.

    bounds: (low, high) for parameters that are to be searched elsewhere; each must lie in its parameter's domain
    (ParameterError). Parameters > 0 are searched on a logarithmic scale.
    """
    from lossmith.adapters.hosts import host

    spread = host("optuna").distributions.FloatDistribution
    one = loss_of(loss)
    found = {}
    for name, param in one.declared.items():
        low, high, log = span(param, getattr(one, name))
        if bounds and name in bounds:
            low, high = (param.check(end, one.name, name) for end in bounds[name])
            log = log and low > 0
        found[name] = spread(low, high, log=log)
    return found


def span(param: Param, usual: float) -> tuple[float, float, bool]:
    """Where to search: the domain where it is bounded, else a decade around the usual value; and: by logarithm?"""
    where = param.domain
    if isfinite(where.low) and isfinite(where.high):
        below, above = INSIDE * (usual - where.low), INSIDE * (where.high - usual)
        low, high = where.low + below * where.open_low, where.high - above * where.open_high
        return low, high, low > 0 and high > WIDE * low
    if where.low >= 0 and usual > 0:
        return max(usual / REACH, where.low), min(usual * REACH, where.high), True
    size = REACH * max(1.0, abs(usual))
    return max(where.low, usual - size), min(where.high, usual + size if where.high == inf else where.high), False


def suggest(
    trial: Any,
    losses: str | Loss | type[Loss] | Sequence[str | Loss | type[Loss]],
    bounds: Mapping[str, tuple[float, float]] | None = None,
) -> Loss:
    """A loss with the parameters that the trial suggests; of several losses also which.

    The trial's own parameters are named "Huber.delta"; the choice is "loss".
    """
    several = list(losses) if isinstance(losses, list | tuple) else [losses]
    known = {one.name: one for one in map(loss_of, several)}  # type: ignore[arg-type]
    name = trial.suggest_categorical("loss", list(known)) if len(known) > 1 else next(iter(known))
    one = known[name]
    ranges = distributions(one, bounds)
    values = {k: trial.suggest_float(f"{name}.{k}", d.low, d.high, log=d.log) for k, d in ranges.items()}
    return one.with_params(**values) if values else one
