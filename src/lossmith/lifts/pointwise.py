"""Lifts whose one slot is linear in z: residual (r = y − z), margin (m = ±z) and score (z itself)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.domain import Target, binary, real
from lossmith.errors import UnsupportedError
from lossmith.formula import Expr
from lossmith.lifts.base import Derived, Lift, State, floating, only
from lossmith.program import Program, Step

part = lru_cache(maxsize=4096)(only)


class Pointwise(Lift):
    """One row, one raw prediction: every derivative is a chain rule through dslot/dz = ±1."""

    def __init__(
        self,
        name: str,
        slots: Mapping[str, str],
        target: Target,
        prelude: Sequence[Step],
        jacobian: str,
        *,
        majorant: bool,
    ) -> None:
        self.name, self.slots, self.target = name, slots, target
        self.main = (next(iter(slots)),)
        self.prelude, self.jacobian, self.majorant = tuple(prelude), jacobian, majorant

    def derive(self, tree: Expr, params: Mapping[str, bool], mean: Expr | None, note: str) -> Derived:
        from lossmith.symbolic import derive

        slot = self.main[0]
        pointwise = derive.pointwise(tree, slot, self.prelude, self.jacobian, params, majorant=self.majorant, note=note)
        slots = [slot, *sorted(tree.names - {slot} - set(params))]
        return Derived(pointwise, derive.slotwise(tree, slots, params, note), self.link(tree, params, mean))

    def link(self, tree: Expr, params: Mapping[str, bool], mean: Expr | None) -> Program | None:
        """The Program of the inverse link: declared, or derived where the lift says how."""
        from lossmith.symbolic import derive

        return derive.plain(mean, ("z",), "mean", params) if mean else None

    def evaluate(self, state: State, y: NDArray[Any], z: NDArray[Any], want: Sequence[str]) -> dict[str, NDArray[Any]]:
        return state.run(part(state.derived.pointwise, tuple(want), state.who), (y, z))

    def mean(self, state: State, z: NDArray[Any]) -> NDArray[Any]:
        if state.derived.mean is None:
            raise UnsupportedError(f"{state.who} declares no mean: its raw score is not a known function of y")
        return state.run(state.derived.mean, (floating(z),))["mean"]


class Residual(Pointwise):
    """The prediction is on the scale of y already."""

    def mean(self, state: State, z: NDArray[Any]) -> NDArray[Any]:
        return np.array(floating(z))


class Margin(Pointwise):
    """A binary label and a score; the probability follows from the loss's own slope."""

    def link(self, tree: Expr, params: Mapping[str, bool], mean: Expr | None) -> Program | None:
        from lossmith.symbolic import derive

        declared = super().link(tree, params, mean)
        return declared or derive.margin_mean(tree, self.main[0], params)

    def mean(self, state: State, z: NDArray[Any]) -> NDArray[Any]:
        return margin_probability(state, z)


def margin_probability(state: State, z: NDArray[Any]) -> NDArray[Any]:
    """η(z), or an UnsupportedError where the loss trains no monotone score (hinge)."""
    demand_link(state)
    return _eta(state, floating(z))


def demand_link(state: State) -> None:
    """Raises UnsupportedError where the score of two classes determines no probability."""
    if not _monotone(state):
        raise UnsupportedError(
            f"{state.who} has no link: its score does not determine a probability; "
            "use a loss with one (Logistic, SquaredHinge, …) or calibrate with CalibratedClassifierCV"
        )


def _eta(state: State, z: NDArray[Any]) -> NDArray[Any]:
    assert state.derived.mean is not None
    eta: NDArray[Any] = np.clip(state.run(state.derived.mean, (z,))["mean"], 0, 1)
    return eta


@lru_cache(maxsize=1024)
def _monotone(state: State) -> bool:
    """Does η rise over the middle of the line, through several values strictly between ½ and 1?"""
    if state.derived.mean is None:  # an even loss
        return False
    eta = _eta(state, np.linspace(-0.95, 0.95, 39))
    inside = eta[(eta > 0.5 + 1e-6) & (eta < 1)]
    return bool(np.all(np.diff(eta) >= -1e-12) and len(inside) and np.ptp(inside) > 1e-6)


TO_MARGIN = (Step("up", "gt", ("y", 0.0)), Step("s", "where", ("up", 1.0, -1.0)), Step("m", "mul", ("s", "z")))

residual = Residual(
    "residual",
    {"r": "y − z, truth minus prediction", "y": "the truth"},
    real,
    (Step("r", "sub", ("y", "z")),),
    "-1",
    majorant=True,
)
margin = Margin(
    "margin", {"m": "ỹz with ỹ = ±1: positive when the sign is right"}, binary, TO_MARGIN, "s", majorant=True
)
score = Pointwise(
    "score", {"z": "the raw score, on the scale of the link", "y": "the truth"}, real, (), "1", majorant=False
)
