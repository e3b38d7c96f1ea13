"""What stands where an objective has its loss, and evaluates its own values: a loss that a solver has made smooth."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Self

from numpy.typing import NDArray

from lossmith.fit.solvers import Vector


class StandIn(ABC):
    """A loss that is its own lift, and has no state."""

    __slots__ = ()
    multiclass: ClassVar[bool] = True
    """Its values are asked of itself, not of a kernel."""

    @property
    def lift(self) -> Self:
        """Itself: it evaluates its own values."""
        return self

    @property
    def state(self) -> None:
        """Nothing."""
        return None

    def arrays(self, y: NDArray[Any], z: Vector) -> tuple[NDArray[Any], Vector]:
        """The arrays as they are."""
        return y, z

    @abstractmethod
    def evaluate(self, state: None, y: NDArray[Any], z: Vector, want: Sequence[str]) -> dict[str, Vector]:
        """What is wanted of value, gradient and second derivatives, by row."""
