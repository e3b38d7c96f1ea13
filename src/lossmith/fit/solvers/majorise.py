"""Majorise and minimise: iteratively reweighted least squares with the derived majorant, where there is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lossmith.fit.solvers.newton import Newton


@dataclass(frozen=True, slots=True)
class Majorise(Newton):
    """Newton's step with a curvature that lies above the loss everywhere, so that the full step never goes uphill."""

    curvature: ClassVar[str] = "majorant"
    name: ClassVar[str] = "majorise"
    needs: ClassVar[tuple[str, ...]] = ("majorant", "no l1", "one output")
