"""A smooth falling margin loss against the best rival: rivals are blended less and less, each level from the last.

The least margin becomes the soft one s = −μ log Σ exp(−m/μ), with the weights u of its blend. As φ falls and is convex,
φ(s) + φ′(s)(u·m′ − s) is nowhere above φ(min m′): its slope is an ε-subgradient, ε = φ(min m) − φ(s) − φ′(s)(u·m − s).
The share-weighted sum of ε bounds how far a convex objective is above its optimum, beside the gradient of the blend.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lossmith.fit.solvers import Evaluation, Option, State, Vector
from lossmith.fit.solvers.rounding import SHRINK, solved
from lossmith.fit.solvers.stand_in import StandIn


@dataclass(frozen=True, slots=True)
class Blended(StandIn):
    """A margin loss of the soft least margin, μ = width."""

    loss: Any
    width: float

    def evaluate(self, state: None, y: NDArray[Any], z: Vector, want: Sequence[str]) -> dict[str, Vector]:
        """Value, gradient (n, K) and block (n, K, K)."""
        signs, _, u, soft = self._blend(y, z)
        f = self._phi(soft)
        g = np.einsum("nj,njk->nk", u, signs)
        apart = signs - g[:, None, :]
        spread = np.einsum("nj,njk,njl->nkl", u, apart, apart)
        bent = f["d2"][:, None, None] * g[:, :, None] * g[:, None, :]
        found = {"value": f["value"], "gradient": f["d1"][:, None] * g}
        found["block"] = bent - (f["d1"] / self.width)[:, None, None] * spread
        if z.ndim == 2:
            return {w: found[w] for w in want}
        flat = {"value": found["value"], "gradient": found["gradient"][:, 1], "hessian": found["block"][:, 1, 1]}
        return {w: flat[w] for w in want}

    def loose(self, y: NDArray[Any], z: Vector) -> Vector:
        """ε of each row."""
        _, m, u, soft = self._blend(y, z)
        f, least = self._phi(soft), m.min(axis=1)
        return np.asarray(self._phi(least)["value"] - f["value"] - f["d1"] * ((u * m).sum(axis=1) - soft))

    def _blend(self, y: NDArray[Any], z: Vector) -> tuple[Vector, Vector, Vector, Vector]:
        """Signs and margins of all rivals, the weight of each, and the soft least margin."""
        both = z if z.ndim == 2 else np.column_stack([np.zeros_like(z), z])
        signs = self.loss.lift.every(np.asarray(y, dtype=np.intp), both)
        m = np.einsum("njk,nk->nj", signs, both)
        least = m.min(axis=1, keepdims=True)
        odds = np.exp(-(m - least) / self.width)
        total = odds.sum(axis=1, keepdims=True)
        return signs, m, odds / total, (least - self.width * np.log(total))[:, 0]

    def _phi(self, m: Vector) -> dict[str, Vector]:
        found: dict[str, Vector] = self.loss.state.run(self.loss.derived.slot, [np.ascontiguousarray(m)])
        return found


@dataclass(frozen=True, slots=True)
class SoftRivals:
    """Proximal Newton steps on a loss whose rivals are blended, at widths that shrink to rounding error."""

    name: ClassVar[str] = "soft-rivals"
    needs: ClassVar[tuple[str, ...]] = ("best rival", "smooth margin", "narrow", "no concomitant scale")
    options: ClassVar[Mapping[str, Option]] = {}

    def start(self, objective: Any, w0: Vector) -> State:
        """The state at w0, with blends as wide as the natural size of a margin."""
        return State(w0, objective.at(w0), memory=1.0, measured=np.inf)

    def step(self, objective: Any, state: State) -> State:
        """One level: solve it, and measure how far its blend may mislead."""
        width: float = state.memory
        level = replace(objective, loss=Blended(objective.loss, width), kernels={})
        w, soft = solved(level, state.w)
        z, here = objective.predictions(w), objective.at(w)
        gap = float(objective.shares @ level.loss.loose(objective.y, z))
        measured = max(level.optimality(w, soft), gap / max(abs(here.value), 1e-300))
        spent = width < 1e-13 * max(float(np.abs(z).max()), 1e-300)
        halt = "the rivals cannot be blended any less" if spent else ""
        convex = bool(objective.loss.facts()["convex"].holds)
        return State(w, Evaluation(here.value, soft.gradient), halt, SHRINK * width, gap if convex else None, measured)
