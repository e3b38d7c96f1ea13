"""What skglm asks of a datafit, compiled by Numba around three functions of one row.

`adapters/skglm.py` puts the printed functions of a loss in the place of `value`, `slope` and `bend` here, which are
those of half a square.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import float64, njit
from skglm.datafits.base import BaseDatafit
from skglm.utils.sparse_ops import spectral_norm


@njit
def value(y: Any, z: Any) -> Any:
    """The loss of one row."""
    return 0.5 * (y - z) ** 2


@njit
def slope(y: Any, z: Any) -> Any:
    """Its derivative in z."""
    return z - y


@njit
def bend(y: Any, z: Any) -> Any:
    """Its second derivative in z."""
    return 1.0


@njit
def legal(y: Any) -> Any:
    """Is y a target that the loss admits?"""
    return np.isfinite(y)


class Datafit(BaseDatafit):
    """1/n Σ ℓ(yᵢ, (Xw)ᵢ), whose second derivatives in z are at most `smooth`."""

    def __init__(self, smooth: float) -> None:
        self.smooth = smooth

    def get_spec(self) -> Any:
        """The types of the attributes."""
        return (("smooth", float64),)

    def params_to_dict(self) -> Any:
        """The attributes."""
        return {"smooth": self.smooth}

    def initialize(self, X: Any, y: Any) -> None:
        """Refuse targets that the loss does not admit."""
        for i in range(len(y)):
            if not legal(y[i]):
                raise ValueError("y has a target that this loss does not admit; loss.check(y) names the row")

    def initialize_sparse(self, X_data: Any, X_indptr: Any, X_indices: Any, y: Any) -> None:
        """The same for a CSC matrix."""
        for i in range(len(y)):
            if not legal(y[i]):
                raise ValueError("y has a target that this loss does not admit; loss.check(y) names the row")

    def get_lipschitz(self, X: Any, y: Any) -> Any:
        """A bound of the second derivative in each coefficient: smooth · ‖X_j‖²/n."""
        bounds = np.zeros(X.shape[1], dtype=X.dtype)
        for j in range(X.shape[1]):
            bounds[j] = self.smooth * (X[:, j] ** 2).sum() / len(y)
        return bounds

    def get_lipschitz_sparse(self, X_data: Any, X_indptr: Any, X_indices: Any, y: Any) -> Any:
        """The same for a CSC matrix."""
        bounds = np.zeros(len(X_indptr) - 1, dtype=X_data.dtype)
        for j in range(len(X_indptr) - 1):
            bounds[j] = self.smooth * (X_data[X_indptr[j] : X_indptr[j + 1]] ** 2).sum() / len(y)
        return bounds

    def get_global_lipschitz(self, X: Any, y: Any) -> Any:
        """A bound over all coefficients at once."""
        return self.smooth * np.linalg.norm(X, ord=2) ** 2 / len(y)

    def get_global_lipschitz_sparse(self, X_data: Any, X_indptr: Any, X_indices: Any, y: Any) -> Any:
        """The same for a CSC matrix."""
        return self.smooth * spectral_norm(X_data, X_indptr, X_indices, len(y)) ** 2 / len(y)

    def value(self, y: Any, w: Any, Xw: Any) -> Any:
        """The mean loss."""
        total = 0.0
        for i in range(len(y)):
            total += value(y[i], Xw[i])
        return total / len(y)

    def raw_grad(self, y: Any, Xw: Any) -> Any:
        """The derivative in each raw prediction."""
        found = np.zeros_like(Xw)
        for i in range(len(y)):
            found[i] = slope(y[i], Xw[i]) / len(y)
        return found

    def raw_hessian(self, y: Any, Xw: Any) -> Any:
        """The second derivative in each raw prediction."""
        found = np.zeros_like(Xw)
        for i in range(len(y)):
            found[i] = bend(y[i], Xw[i]) / len(y)
        return found

    def gradient(self, X: Any, y: Any, Xw: Any) -> Any:
        """The derivative in each coefficient."""
        return X.T @ self.raw_grad(y, Xw)

    def gradient_scalar(self, X: Any, y: Any, w: Any, Xw: Any, j: Any) -> Any:
        """The derivative in one coefficient."""
        total = 0.0
        for i in range(len(y)):
            total += X[i, j] * slope(y[i], Xw[i])
        return total / len(y)

    def gradient_scalar_sparse(self, X_data: Any, X_indptr: Any, X_indices: Any, y: Any, Xw: Any, j: Any) -> Any:
        """The same for a CSC matrix."""
        total = 0.0
        for k in range(X_indptr[j], X_indptr[j + 1]):
            total += X_data[k] * slope(y[X_indices[k]], Xw[X_indices[k]])
        return total / len(y)

    def full_grad_sparse(self, X_data: Any, X_indptr: Any, X_indices: Any, y: Any, Xw: Any) -> Any:
        """The derivative in every coefficient, for a CSC matrix."""
        found = np.zeros(len(X_indptr) - 1, dtype=Xw.dtype)
        for j in range(len(found)):
            for k in range(X_indptr[j], X_indptr[j + 1]):
                found[j] += X_data[k] * slope(y[X_indices[k]], Xw[X_indices[k]]) / len(y)
        return found

    def intercept_update_step(self, y: Any, Xw: Any) -> Any:
        """A gradient step for the intercept, in units of 1/smooth."""
        total = 0.0
        for i in range(len(y)):
            total += slope(y[i], Xw[i])
        return total / len(y) / self.smooth
