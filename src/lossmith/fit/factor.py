"""Cholesky factors of curvature matrices that may be singular, indefinite or badly scaled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lossmith.fit.solvers import Vector

RIDGE = 1e-13
"""On a unit diagonal: hides no curvature that float64 can show, and keeps directions without curvature short."""


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """The factor of scale⁻¹ H scale⁻¹ + shift·I, with scale the root of H's diagonal."""

    lower: Vector
    scale: Vector
    shift: float

    @classmethod
    def of(cls, hessian: Vector) -> Factor:
        """Factor a symmetric matrix, with the least shift out of 1e-13, 1e-11, … that makes it positive definite."""
        from scipy.linalg.lapack import dpotrf  # `cholesky` without its checks, which take longer than a small factor

        diagonal = np.abs(np.diagonal(hessian))
        floor = max(float(diagonal.max(initial=0.0)) * 1e-14, 1e-280)
        scale = np.sqrt(np.maximum(diagonal, floor))
        unit = hessian / np.multiply.outer(scale, scale)
        on = np.einsum("ii->i", unit)
        raw = on.copy()
        for shift in _shifts():
            on[...] = raw + shift
            lower, failed = dpotrf(unit, lower=True)
            if not failed:
                return cls(lower, scale, shift)
        return cls(np.eye(len(scale)), scale, 1.0)

    @property
    def weakest(self) -> float:
        """The least share of a coordinate's curvature that those before it leave unexplained; 0 where all was noise."""
        return float(np.diagonal(self.lower).min(initial=1.0)) ** 2 if self.shift == RIDGE else 0.0

    def solve(self, g: Vector) -> Vector:
        """H⁻¹ g, for one right-hand side (size,)."""
        from scipy.linalg.blas import dtrsv  # twice as fast as dpotrs, which takes g for a matrix

        half = dtrsv(self.lower, g / self.scale, lower=True)
        return np.asarray(dtrsv(self.lower, half, lower=True, trans=1)) / self.scale


def _shifts() -> Iterator[float]:
    return (RIDGE * 100.0**k for k in range(10))
