"""A loss of straight pieces with its corners rounded: smooth enough for quasi-Newton steps to come near the optimum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lossmith.fit.kinks import Kinks
from lossmith.fit.solvers import State, Vector
from lossmith.fit.solvers.lbfgs import Lbfgs
from lossmith.fit.solvers.proximal_newton import ProximalNewton

LEVELS = (0.5, 0.15, 0.04)
"""The shares of the rows that stand on a rounded corner, from level to level."""


@dataclass(frozen=True, slots=True)
class Rounded:
    """Every corner c·max(0, t) of a loss becomes the parabola c·(t + width)²/(4·width) where |t| < width."""

    loss: Any
    width: float
    multiclass: ClassVar[bool] = True

    @property
    def lift(self) -> Rounded:
        """Itself: it evaluates its own values."""
        return self

    @property
    def state(self) -> None:
        """Nothing."""
        return None

    def arrays(self, y: NDArray[Any], z: Vector) -> tuple[NDArray[Any], Vector]:
        """The arrays as they are."""
        return y, z

    def evaluate(self, state: None, y: NDArray[Any], z: Vector, want: Sequence[str]) -> dict[str, Vector]:
        """Value (but for a constant), gradient and Hessian."""
        from lossmith.fit.pieces import Pieces

        pieces = Pieces.of(self.loss, y)
        t = (z[:, None] - pieces.place) / self.width
        rise = np.clip(0.5 * (t + 1.0), 0.0, 1.0)
        bent = np.where(np.abs(t) < 1.0, 0.5 / self.width, 0.0)
        level = self.width * (rise * rise + np.maximum(t - 1.0, 0.0))
        return {
            "value": pieces.lowest * z + (pieces.jump * level).sum(axis=1),
            "gradient": pieces.lowest + (pieces.jump * rise).sum(axis=1),
            "hessian": (pieces.jump * bent).sum(axis=1),
        }


@dataclass(frozen=True, slots=True)
class Softened:
    """Any loss with kinks, with each corner rounded over `width` on either side, and everything else as it is."""

    loss: Any
    kinks: Kinks
    width: float
    multiclass: ClassVar[bool] = True

    @property
    def lift(self) -> Softened:
        """Itself: it evaluates its own values."""
        return self

    @property
    def state(self) -> None:
        """Nothing."""
        return None

    def arrays(self, y: NDArray[Any], z: Vector) -> tuple[NDArray[Any], Vector]:
        """The arrays as they are."""
        return y, z

    def evaluate(self, state: None, y: NDArray[Any], z: Vector, want: Sequence[str]) -> dict[str, Vector]:
        """The loss, plus at each corner c·max(0, t) the parabola's excess over it; slopes along z by the chain rule."""
        found = self.loss.evaluate(y, z, want)
        residual = self.loss.lift.name == "residual"
        sign = -1.0 if residual else np.where(y > 0, 1.0, -1.0)
        u = y - z if residual else sign * z
        t = (u[:, None] - np.array(self.kinks.places)) / self.width
        inside, jump = np.abs(t) < 1.0, np.array(self.kinks.jumps)
        rise = 0.5 * (t + 1.0)
        excess = {
            "value": self.width * (rise * rise - np.maximum(t, 0.0)),
            "gradient": np.expand_dims(sign, -1) * (rise - np.heaviside(t, 0.5)),
            "hessian": np.full_like(t, 0.5 / self.width),
        }
        return {k: getattr(found, k) + np.where(inside, jump * excess[k], 0.0).sum(axis=1) for k in want}


def near(objective: Any, w: Vector) -> Vector:
    """A point near the optimum, by rounding the corners less and less."""
    solver = Lbfgs() if objective.l1 is None else ProximalNewton()
    least = 4.0 * objective.size / objective.rows_count
    for share in LEVELS:
        far = objective.clearance(objective.predictions(w))
        width = float(np.quantile(far, min(max(share, least), 0.9))) or 0.5 * float(far.mean())
        if not width > 0.0:
            break
        w = _descend(replace(objective, loss=Rounded(objective.loss, width), kernels={}), solver, w)
    return w


def _descend(objective: Any, solver: Any, w: Vector, steps: int = 12, tol: float = 1e-3) -> Vector:
    state: State = solver.start(objective, w)
    for _ in range(steps):
        if state.halt or objective.optimality(state.w, state.evaluation) <= tol:
            break
        state = solver.step(objective, state)
    return state.w
