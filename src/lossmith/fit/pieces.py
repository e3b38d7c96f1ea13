"""A loss of straight pieces as hinges in z, row by row: where its kinks are, and which slopes lie between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.fit.kinks import kinks_of

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """dℓ/dz = lowest + Σ_k jump_k·[z > place_k], per row: lowest (n,), place and jump (n, kinks), unweighted."""

    lowest: Array
    place: Array
    jump: Array

    @classmethod
    def of(cls, loss: Any, y: Array) -> Pieces:
        """The pieces of a residual loss (u = y − z) or a margin loss (u = ỹ·z)."""
        kinks = kinks_of(loss)
        t, c = np.array(kinks.places), np.array(kinks.jumps)
        if kinks.by_row:
            return cls._by_row(loss, y, t)
        n = len(y)
        last = kinks.first + float(c.sum())
        jump = np.broadcast_to(c, (n, len(c)))
        if loss.lift.name == "residual":
            return cls(np.full(n, -last), np.asarray(y, dtype=np.float64)[:, None] - t, jump)
        sign = np.where(y > 0, 1.0, -1.0)
        return cls(np.where(sign > 0, kinks.first, -last), sign[:, None] * t, jump)

    @classmethod
    def _by_row(cls, loss: Any, y: Array, t: Array) -> Pieces:
        """The pieces of a residual or a score whose slopes depend on y itself: read off between the kinks."""
        place = y[:, None] - t[::-1] if loss.lift.name == "residual" else np.tile(t, (len(y), 1))
        between = [place[:, 0] - 1.0, *(0.5 * (place[:, 1:] + place[:, :-1])).T, place[:, -1] + 1.0]
        slopes = np.column_stack([loss.evaluate(y, z, ("gradient",)).gradient for z in between])
        return cls(slopes[:, 0], place, np.diff(slopes, axis=1))

    def clearance(self, z: Array) -> Array:
        """How far each prediction is from the nearest kink."""
        return np.asarray(np.abs(z[:, None] - self.place).min(axis=1))

    def slope(self, z: Array) -> Array:
        """dℓ/dz away from kinks."""
        return np.asarray(self.lowest + (self.jump * (z[:, None] > self.place)).sum(axis=1))

    def crossed(self, before: Array, after: Array) -> NDArray[np.bool_]:
        """Which predictions have a kink between them."""
        return np.asarray(((before[:, None] > self.place) != (after[:, None] > self.place)).any(axis=1))
