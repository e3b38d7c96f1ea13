"""Coefficients and scale fitted jointly: Σ w [σ·ρ(r/σ) + σ/2] / Σ w, convex in both for a convex ρ (Owen 2007)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.fit.design import Array, Design
from lossmith.fit.measure import distance
from lossmith.fit.objective import Meter, Objective
from lossmith.fit.sampled import Sampled
from lossmith.fit.solvers import BASIC, CURVED, Evaluation
from lossmith.fit.solvers.smoothing import Bound
from lossmith.fit.walk import roughened, serves, swept
from lossmith.program import Program, Step

LEAST = 1e-9
"""The least σ, in units of the spread at the start."""


@dataclass(frozen=True, slots=True)
class InUnits:
    """A loss of one output whose kernel multiplies y and z by `inverse`; its slopes are those along the product."""

    loss: Any
    inverse: float

    @property
    def program(self) -> Program:
        """The loss's own behind two products."""
        return in_units(self.loss.program)

    @property
    def state(self) -> Bound:
        """The parameters of the loss, and the factor."""
        return Bound((*self.loss.state.params, self.inverse))


@lru_cache(maxsize=64)
def in_units(program: Program) -> Program:
    """(label, raw; …, inverse) → the outputs of a program of y = label·inverse and z = raw·inverse."""
    before = (Step("y", "mul", ("label", "inverse")), Step("z", "mul", ("raw", "inverse")))
    return replace(
        program, inputs=("label", "raw"), params=(*program.params, "inverse"), steps=(*before, *program.steps)
    )


@dataclass(frozen=True, slots=True, eq=False)
class Concomitant:
    """An objective with one more coordinate, the scale σ, which is its last.

    With u = (y − z)/σ and g, h the slope and curvature of ρ in z: ∂σ = ρ + u·g + ½, and the Hessian is
    Σ h/σ·(x, u)(x, u)ᵀ.
    """

    inner: Objective

    @property
    def size(self) -> int:
        """The coordinates of the inner objective, and σ."""
        return self.inner.size + 1

    @property
    def rows_count(self) -> int:
        """How many rows there are."""
        return self.inner.rows_count

    @property
    def outputs(self) -> int:
        """Always one."""
        return 1

    @property
    def design(self) -> Design:
        """The design matrix."""
        return self.inner.design

    @property
    def meter(self) -> Meter:
        """The passes made."""
        return self.inner.meter

    @property
    def share(self) -> float:
        """The part of a pass that one evaluation costs."""
        return self.inner.share

    @property
    def intercepts(self) -> NDArray[np.bool_]:
        """The intercept and σ: neither is shrunk."""
        return np.append(self.inner.intercepts, True)

    @property
    def l1(self) -> Array | None:
        """The l1 strengths, 0 for σ."""
        return None if self.inner.l1 is None else np.append(self.inner.l1, 0.0)

    @property
    def l2(self) -> Array:
        """The l2 strengths, 0 for σ."""
        return np.append(self.inner.l2, 0.0)

    def at(self, w: Array, want: tuple[str, ...] = BASIC) -> Evaluation:
        """Value and gradient over all rows, and the exact Hessian where `want` names it."""
        inner = self.inner
        inner.meter.passes += inner.share
        if serves(inner.table, inner.loss, want[:3]):
            return self._walked(inner.table, w, want, inner.mass)
        return self._at(w, slice(None), "hessian" in want)

    def batch(self, w: Array, rows: slice | NDArray[np.intp]) -> Evaluation:
        """The same from some of the rows."""
        return self._at(w, rows, False)

    @property
    def _nowhere(self) -> Evaluation:
        """What stands for a scale that is none: worse than any other."""
        return Evaluation(float("inf"), np.full(self.size, np.nan))

    def _at(self, w: Array, rows: Any, bent: bool) -> Evaluation:
        inner, sigma = self.inner, float(w[-1])
        if not sigma > LEAST:
            return self._nowhere
        some = inner if rows == slice(None) else inner.only(rows)
        want = CURVED if bent else BASIC
        z = some.predictions(w[:-1])
        found = inner.evaluate(some.y / sigma, z / sigma, want)
        u, weight = (some.y - z) / sigma, some.shares
        value = sigma * float(weight @ found["value"]) + 0.5 * sigma
        edge = float(weight @ (found["value"] + u * found["gradient"])) + 0.5
        slope = np.append(some.design.pull(weight * found["gradient"]), edge)
        hessian = some.design.gram(weight * found["hessian"] / sigma, u) + np.diag(self.l2) if bent else None
        value += 0.5 * float(inner.l2 @ w[:-1] ** 2) + inner.l1_value(w[:-1])
        return Evaluation(value, slope + self.l2 * w, hessian)

    def _walked(self, table: Any, w: Array, want: tuple[str, ...], mass: float) -> Evaluation:
        """The same over the rows of a table, by a compiled pass whose kernel takes y and z in units of σ."""
        inner, sigma = self.inner, float(w[-1])
        if not sigma > LEAST:
            return self._nowhere
        coef, last = inner.design.user(w[:-1])
        loss = InUnits(inner.loss, 1.0 / sigma)
        table = roughened(replace(table, edge=True), want)
        sums = swept(table, inner.design, loss, coef, last, want[:3])
        slope = np.append(inner.design.pulled(sums.pull, sums.slope), sums.value + sums.edge / sigma) / mass
        slope[-1] += 0.5
        hessian = None
        if sums.hessian is not None:  # its last coordinate is y − z
            sums.hessian[-1] /= sigma
            sums.hessian[:, -1] /= sigma
            hessian = sums.hessian / (mass * sigma) + np.diag(self.l2)
        value = sigma * (sums.value / mass + 0.5) + 0.5 * float(inner.l2 @ w[:-1] ** 2) + inner.l1_value(w[:-1])
        return Evaluation(value, slope + self.l2 * w, hessian, "rough" in want)

    def prox(self, w: Array, rate: float | Array) -> Array:
        """The proximal map of the l1 part; σ stays."""
        return np.append(self.inner.prox(w[:-1], rate), w[-1])

    def l1_value(self, w: Array) -> float:
        """l1·|w|, σ left out."""
        return self.inner.l1_value(w[:-1])

    def optimality(self, w: Array, evaluation: Evaluation) -> float:
        """As for the inner objective, with the slope along σ beside the others."""
        return float(np.abs(distance(w, evaluation.gradient, self.l1)).max()) / min(self.inner.slope, 1.0)

    def sample(self, count: int, seed: int = 0) -> Concomitant | Sampled:
        """The objective over some of the rows."""
        inner = self.inner.sample(count, seed)
        if isinstance(inner, Objective):
            return replace(self, inner=inner)
        return Sampled(self, inner.table, inner.mass, self._walked)

    def trouble(self, w: Array) -> str:
        """Has the scale collapsed?"""
        gone = float(w[-1]) < 1e3 * LEAST
        return "the scale tends to 0: most rows are fitted exactly; give scale as a number" if gone else ""
