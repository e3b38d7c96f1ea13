"""Which targets an exported loss admits: a wrong one is refused with its row, before anything is trained on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.errors import DomainError

Array = NDArray[Any]
Function = Callable[..., Any]


class Targets:
    """The targets y that a loss admits, row by row."""

    def __init__(self, name: str, says: str, legal: Function | None = None) -> None:
        self.name, self.says, self.legal = name, says, legal

    def bad(self, y: Array, scores: float) -> Array:
        """Which entries are illegal, where a row has so many scores (0: one raw prediction)."""
        assert self.legal is not None
        return np.asarray(~self.legal(y))

    def refuse(self, y: Any, scores: float = 0) -> None:
        """Raise for the first row with an illegal target."""
        y = np.atleast_1d(np.asarray(y, float))
        wrong = self.bad(y, scores)
        if not wrong.any():
            return
        rows = np.flatnonzero(wrong.reshape(len(y), -1).any(axis=1))
        value = y[rows[0]] if y.ndim == 1 else y[rows[0]].tolist()
        raise DomainError(f"{self.name} needs {self.says}; row {rows[0]} has {value} ({len(rows)} such rows)")


class Labels(Targets):
    """Class indices where a row has several scores, else labels 0 and 1; or shares of the classes."""

    def bad(self, y: Array, scores: float) -> Array:
        whole = y.ndim == 1 and scores > 0
        high = scores - 1 if whole else (1 if y.ndim == 1 else np.inf)
        return np.asarray(~((y >= 0) & (y <= high) & (y < np.inf) & ((y % 1 == 0) | (not whole))))


class Ends(Targets):
    """Rows (low, high) in order, one of them finite."""

    def bad(self, y: Array, scores: float) -> Array:
        low, high = y[..., 0], y[..., 1]
        return np.asarray(~((low <= high) & (np.isfinite(low) | np.isfinite(high))))


class Checked:
    """A loss that looks at its targets first; everything else is the loss's own."""

    def __init__(self, loss: Any, targets: Targets) -> None:
        self._loss, self._targets = loss, targets

    def _ask(self, what: str, y: Any, z: Any, *more: Any, **named: Any) -> Array:
        self._targets.refuse(y, np.shape(z)[-1] if np.ndim(z) > 1 else 0)
        return np.asarray(getattr(self._loss, what)(y, z, *more, **named))

    def value(self, y: Any, z: Any) -> Array:
        """The loss of each row."""
        return self._ask("value", y, z)

    def gradient(self, y: Any, z: Any) -> Array:
        """Its derivatives in the raw predictions."""
        return self._ask("gradient", y, z)

    def hessian(self, y: Any, z: Any) -> Array:
        """Its second derivatives."""
        return self._ask("hessian", y, z)

    def curvature(self, y: Any, z: Any, rule: str, floor: float = 1e-6) -> Array:
        """A curvature by name, as the loss has them."""
        return self._ask("curvature", y, z, rule, floor)

    def start(self, y: Any, weight: Any = None, **named: Any) -> Any:
        """The best constant."""
        self._targets.refuse(y, self._loss.scores)
        return self._loss.start(y, weight, **named)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # a copy asks for such before it has a loss
            raise AttributeError(name)
        return getattr(self._loss, name)
