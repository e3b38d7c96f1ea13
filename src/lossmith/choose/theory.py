"""What theory says of a loss when rows are bad: influence, efficiency, breakdown, tolerance of wrong labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lossmith.errors import UnsupportedError

if TYPE_CHECKING:
    from lossmith.loss import Loss

Array = NDArray[Any]

LIMIT = 1e-9
"""Sums over labels that differ by less are equal."""


@dataclass(frozen=True, slots=True)
class Theory:
    """Facts of one loss; residuals are in units of their scale.

    `efficiency` : at the normal law, beside the mean; None where it is not known
    `sensitivity` : the largest pull |ψ|/E ψ′ of a single row at the normal law (gross-error sensitivity); inf if it has
        no limit, None where it is not known
    `rejects` : residuals beyond it do not pull at all; inf if all do, None where it is not known
    `targets`, `features` : the share of bad targets, or of bad features, from which a fit may be carried anywhere
    `labels` : what is known of wrong labels; empty for numbers
    """

    name: str
    efficiency: float | None = None
    sensitivity: float | None = None
    rejects: float | None = None
    targets: float | None = None
    features: float = 0.0
    labels: str = ""


def theory(name: str, loss: Loss) -> Theory:
    """What is known of a loss: a table of kinds of losses decides where to look."""
    return _KINDS.get(loss.lift.name, _likelihood)(name, loss)


def influence(loss: Loss, r: Array) -> Array | None:
    """ψ(r)/E ψ′ at residuals r (n,), the expectation at the normal law; None for losses of other slots, and where the
    expectation is not positive."""
    if loss.lift.name != "residual":
        return None
    mean = _mean_slope(loss)
    return None if not mean > 0 else _pull(loss, r) / mean


def _pull(loss: Loss, r: Array) -> Array:
    return np.asarray(-loss.gradient(r, np.zeros_like(r)))


@lru_cache(maxsize=64)
def _mean_slope(loss: Loss) -> float:
    """E ψ′ at the normal law, centred where E ψ = 0, as E ψ·X (Stein 1981), which needs no derivative at a kink."""
    x = np.linspace(-9.0, 9.0, 9_001)
    share = np.exp(-x * x / 2)
    share /= share.sum()
    low, high = (0.0, 0.0) if loss.facts()["even"].holds else (-9.0, 9.0)
    while high - low > 1e-7:
        middle = (low + high) / 2
        low, high = (middle, high) if share @ _pull(loss, x - middle) > 0 else (low, middle)
    return float((_pull(loss, x - (low + high) / 2) * x) @ share)


def _residual(name: str, loss: Loss) -> Theory:
    facts = loss.facts()
    bounded, rejecting = facts["bounded influence"], facts["rejection point"]
    mean = _mean_slope(loss)
    limit = float("inf") if bounded.holds is False else bounded.constant
    none = float("inf") if rejecting.holds is False else None
    return Theory(
        name,
        _efficiency(loss),
        None if limit is None or not mean > 0 else limit / mean,
        rejecting.constant if rejecting.holds else none,
        None if bounded.holds is None else _breakdown(loss) if bounded.holds else 0.0,
    )


def _breakdown(loss: Loss) -> float:
    """For a bounded pull, the weaker side's share of both (Huber 1981, section 3.2); half where it fades far out."""
    if loss.facts()["redescending"].holds:
        return 0.5
    one, other = np.abs(_pull(loss, np.array([-1e8, 1e8])))
    return float(min(one, other) / (one + other))


def _efficiency(loss: Loss) -> float | None:
    from lossmith.tuning import efficiency_of

    known = loss.facts()["efficiency"]  # kept in the user's cache
    if known.holds and known.constant is not None:
        return known.constant
    try:
        return efficiency_of(loss)
    except UnsupportedError:
        return None


def _likelihood(name: str, loss: Loss) -> Theory:
    bounded = loss.facts()["bounded influence"].holds
    return Theory(name, targets=0.0 if bounded is False else None)


def _classes(name: str, loss: Loss) -> Theory:
    return Theory(name, labels=label_noise(loss))


def label_noise(loss: Loss) -> str:
    """Does the best classifier stay the same when labels are replaced at random?

    A loss whose values at all labels have the same sum tolerates it (Ghosh, Kumar & Sastry 2017); a convex potential
    does not (Long & Servedio 2010). The sum is looked at in points, so that only "no" is proved by them.
    """
    sums = _sums(loss)
    low, high = float(sums.min()), float(sums.max())
    if high - low <= LIMIT * max(abs(high), 1.0):
        return "tolerates uniform noise: its values at all labels add up to the same (Ghosh et al. 2017)"
    facts = loss.facts()
    if facts["convex"].holds and facts["monotone margin"].holds:
        return "does not tolerate uniform noise: no convex potential does (Long and Servedio 2010)"
    between = f"its values at all labels add up to between {low:.3g} and {high:.3g}"
    if float(_sums(loss, 60.0).max()) > 1.05 * high:
        return f"not shown to tolerate noise: {between}, and to more farther out"
    return f"tolerates uniform noise in part: {between}"


def _sums(loss: Loss, far: float = 30.0) -> Array:
    """Σ over labels of the loss, at raw predictions near and far (n,)."""
    z = np.concatenate([np.linspace(-far, far, 121), np.linspace(-3.0, 3.0, 121)])
    if loss.lift.name == "margin":
        return np.asarray(loss.value(np.ones_like(z), z) + loss.value(np.zeros_like(z), z))
    scores = np.column_stack([z, np.roll(z, 17), np.zeros_like(z)])
    return np.asarray(sum(loss.value(np.full(len(z), k), scores) for k in range(3)))


_KINDS: Mapping[str, Callable[[str, Loss], Theory]] = {
    "residual": _residual,
    "margin": _classes,
    "softmax": _classes,
}
