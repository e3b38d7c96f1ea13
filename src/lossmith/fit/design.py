"""The design matrix in standardised coordinates, without ever making a standardised copy.

The solvers' coordinates u belong to columns (x − centre)·factor with unit spread, and an intercept at their centre;
coefficients on the user's columns are factor·u. So no solver is disturbed by a column in nanometres, and a penalty
still acts on the user's own coefficients (where that would be too stiff, a column is left narrower: `eased`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.fit.sampled import sampled
from lossmith.rows.memory import Rows, blocks
from lossmith.rows.moments import Moments, moments

Array = NDArray[np.float64]
LARGE = 100_000
"""Cells of X from which compiled passes are used: below, NumPy is as fast, and nothing must be compiled."""
ALL = slice(None)
FEW = 32
"""Columns up to which rows are laid out column by column: NumPy is slow along short lines."""
STIFF = 1e4
"""How strongly a penalty may bend a coordinate, beside a column of unit spread."""
GLANCE, FEWEST = 1 << 20, 1024
"""Cells, and rows, of the sample that measures columns which nobody has read yet."""
ENOUGH = 20
"""Of so many rows at least, all alike, a spread must consist: a rare value may have been missed by the sample."""
MOST = 1e305
"""The largest factor: it and what it multiplies must stay finite."""


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """A matrix with the centre and factor of each column; `intercept` adds a last coordinate.

    A column that says nothing (constant beside an intercept, or all zero) has factor 0: its coefficient stays 0.
    A small table is kept in these coordinates too, as `whole`, for there it takes longer to say than to do.
    """

    X: Any
    centre: Array
    factor: Array
    intercept: bool
    whole: Array | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "whole", None)
        if isinstance(self.X, np.ndarray) and self.X.size < LARGE:
            with np.errstate(over="ignore", invalid="ignore"):
                object.__setattr__(self, "whole", self.rows(ALL))

    @classmethod
    def of(cls, rows: Rows, intercept: bool) -> Design:
        """Measure the columns, once for all fits of these rows; by a sample where nobody has read all of them yet."""
        if intercept not in rows.notes:
            glanced = cls.glanced(rows.X, intercept) if rows.unseen else None
            if glanced is None:
                rows.read()
            rows.notes[intercept] = glanced or cls.measured(rows.X, intercept, rows.notes.get(Moments))
        found: Design = rows.notes[intercept]
        return found

    @classmethod
    def measured(cls, X: Any, intercept: bool, seen: Moments | None = None) -> Design:
        """Measure the columns; `seen` are their moments, where they are known."""
        if isinstance(X, np.ndarray):
            centre, spread = columns(X, intercept, seen)
        else:
            centre, spread = np.zeros(X.shape[1]), _spread_sparse(X)
        with np.errstate(divide="ignore"):
            factor = np.minimum(np.where(spread > 0.0, 1.0 / spread, 0.0), MOST)
        return cls(X, centre, factor, intercept)

    @classmethod
    def glanced(cls, X: Array, intercept: bool) -> Design | None:
        """Measure the columns by a sample of the rows; None where a column may be other than its sample.

        These are coordinates for a solver: a spread that is wrong by some per cent does no harm.
        """
        some = X[sampled(len(X), max(GLANCE // X.shape[1], FEWEST), 5)]
        low, high = some.min(axis=0), some.max(axis=0)
        if not np.isfinite(low).all() or not np.isfinite(high).all():
            return None
        centre, spread = columns(some, intercept)
        with np.errstate(all="ignore"):
            far = np.maximum(high - centre, centre - low)
            common = ENOUGH * far * far < len(some) * spread * spread
            told = common & (spread > 1e-6 * np.abs(centre)) & (spread > 1e-140)
            return cls(X, centre, 1.0 / spread, intercept) if told.all() else None

    def eased(self, l2: float) -> Design:
        """Coordinates in which no l2 penalty on the user's coefficients bends a column more than STIFF times its data.

        A column whose spread is tiny beside √l2 is left narrow: its coefficient is next to nothing, and should be.
        """
        if not l2 > 0.0:
            return self
        most = np.sqrt(STIFF / l2)
        return self if not (self.factor > most).any() else replace(self, factor=np.minimum(self.factor, most))

    @property
    def size(self) -> int:
        """The number of coordinates."""
        return len(self.factor) + int(self.intercept)

    def only(self, rows: slice | NDArray[Any]) -> Design:
        """The same coordinates over some of the rows."""
        return replace(self, X=self.X[rows])

    def narrow(self, columns: NDArray[np.intp]) -> Design:
        """The same coordinates for some of the columns."""
        return replace(self, X=self.X[:, columns], centre=self.centre[columns], factor=self.factor[columns])

    def user(self, w: Array) -> tuple[Array, Any]:
        """Coefficients on the user's columns and the intercept there, for w of shape (size,) or (size, K)."""
        p = len(self.factor)
        coef = (w[:p].T * self.factor).T
        last = w[p] if self.intercept else np.zeros(w.shape[1:])
        return coef, last - self.centre @ coef

    def standard(self, coef: Array, intercept: Any) -> Array:
        """The inverse of `user`."""
        inverse = np.divide(1.0, self.factor, out=np.zeros_like(self.factor), where=self.factor > 0.0)
        w = (np.asarray(coef, dtype=np.float64).T * inverse).T
        if not self.intercept:
            return w
        return np.concatenate([w, np.asarray(intercept + self.centre @ coef)[None]])

    def pulled(self, sums: Array, total: Any) -> Array:
        """Σ r·x over the user's columns, and Σ r, as a gradient in these coordinates."""
        inner = ((sums - np.multiply.outer(self.centre, total)).T * self.factor).T
        return np.concatenate([inner, np.asarray(total)[None]]) if self.intercept else inner

    def times(self, w: Array, part: slice | NDArray[Any] = ALL) -> Array:
        """The raw predictions of some rows, or of all."""
        if self.whole is not None:
            return np.asarray(self.whole[part] @ w)
        coef, last = self.user(w)
        z = np.asarray(self._some(part) @ coef, dtype=np.float64)
        z += last
        return z

    def pull(self, r: Array, part: slice | NDArray[Any] = ALL) -> Array:
        """The transpose of `times`."""
        if self.whole is not None:
            return np.asarray(self.whole[part].T @ r)
        return self.pulled(np.asarray(self._some(part).T @ r, dtype=np.float64), r.sum(axis=0))

    def _some(self, part: slice | NDArray[Any]) -> Any:
        """Some rows of X; a slice of all rows of a sparse one would be a copy."""
        return self.X if isinstance(part, slice) and part in (ALL, slice(0, self.X.shape[0])) else self.X[part]

    def rows(self, part: slice | NDArray[Any]) -> Array:
        """Some rows as a dense matrix in these coordinates, the intercept's ones included."""
        if self.whole is not None:
            return self.whole[part]
        block = self.X[part]
        block = block if isinstance(block, np.ndarray) else block.toarray()
        p = len(self.factor)
        out = np.empty((self.size, block.shape[0])).T if p <= FEW else np.empty((block.shape[0], self.size))
        np.subtract(block, self.centre, out=out[:, :p])
        out[:, :p] *= self.factor
        if self.intercept:
            out[:, p] = 1.0
        return out

    def gram(self, h: Array, extra: Array | None = None) -> Array:
        """Σ h·x xᵀ over all rows; `extra` is one more column, which becomes the last coordinate."""
        parts = blocks(self.X, self.size)
        return reduce(np.add, (self.gram_of(q, h[q], None if extra is None else extra[q]) for q in parts))

    def gram_of(self, part: slice | NDArray[Any], h: Array, extra: Array | None = None) -> Array:
        """Σ h·x xᵀ over some rows: h (rows,), or (rows, K, K) for K outputs, whose coordinates alternate."""
        if not isinstance(self.X, np.ndarray) and h.ndim == 1 and extra is None:
            return self._gram_sparse(self._some(part), h)
        block = self.rows(part)
        if extra is not None:
            block = np.column_stack([block, extra])
        if h.ndim == 1 and block.shape[1] > FEW and h.min(initial=0.0) >= 0.0:
            scaled = block * np.sqrt(h)[:, None]
            return np.asarray(scaled.T @ scaled)
        if h.ndim == 1:
            return np.asarray(block.T @ (block * h[:, None]))
        m, k = block.shape[1], h.shape[1]
        out = np.empty((m, k, m, k))
        for a in range(k):
            for b in range(a, k):
                out[:, a, :, b] = block.T @ (block * h[:, a, b, None])
                out[:, b, :, a] = out[:, a, :, b]
        return out.reshape(m * k, m * k)

    def _gram_sparse(self, X: Any, h: Array) -> Array:
        inner = np.asarray((X.T @ X.multiply(h[:, None]).tocsr()).toarray(), dtype=np.float64)
        inner = (inner * self.factor[:, None]) * self.factor
        if not self.intercept:
            return inner
        edge = self.factor * np.asarray(X.T @ h)
        return np.block([[inner, edge[:, None]], [edge[None, :], np.array([[h.sum()]])]])

    def squares(self, h: Array) -> Array:
        """The diagonal of `gram`."""
        if isinstance(self.X, np.ndarray):
            sums = sum((np.einsum("i,ij,ij->j", h[q], b := self.rows(q), b) for q in blocks(self.X)), np.zeros(()))
            return np.asarray(sums)
        inner = self.factor * (self.factor * np.asarray(self.X.multiply(self.X).T @ h))
        return np.append(inner, h.sum()) if self.intercept else inner


def columns(X: Any, intercept: bool, seen: Moments | None = None) -> tuple[Array, Array]:
    """The centre (0 without an intercept) and the spread about it of each column."""
    swept = _swept(X, intercept, seen)
    if swept is None:
        return _measured(X, intercept)
    centre, spread, doubtful = swept
    if doubtful.any():
        centre[doubtful], spread[doubtful] = _measured(X[:, doubtful], intercept)
    return centre, spread


def _swept(X: Any, intercept: bool, seen: Moments | None) -> tuple[Array, Array, NDArray[np.bool_]] | None:
    """The same by one compiled pass, and for which columns its digits may not do; None where it does not serve.

    Sums are taken about values that rows have, so that a constant column shows as such, and squares hardly cancel.
    """
    if X.size < LARGE:
        return None
    if not intercept or seen is None:
        seen = moments(X, None if intercept else np.zeros(X.shape[1]))
    if seen is None:
        return None
    n = X.shape[0]
    with np.errstate(all="ignore"):
        mean = seen.one / n if intercept else np.zeros_like(seen.one)
        square = seen.two / n - mean * mean
        centre, spread = seen.shift + mean, np.sqrt(np.maximum(square, 0.0))
        sound = np.isfinite(seen.two) & (square * n > 1e-280) & (square > 1e-4 * seen.two / n)
        sound &= spread > 1e-6 * np.abs(centre)
    return centre, spread, ~sound


def _measured(X: Any, intercept: bool) -> tuple[Array, Array]:
    """The same by NumPy: one pass for the means, one for the spreads."""
    centre = _means(X) if intercept else np.zeros(X.shape[1])
    spread = _spread(X, centre)
    if intercept:
        _settle(X, centre, spread)
    return centre, spread


def _means(X: Any) -> Array:
    """The mean of each column, not disturbed by magnitudes near the largest double."""
    n = X.shape[0]
    with np.errstate(over="ignore", invalid="ignore"):
        mean = np.full(n, 1.0 / n, dtype=X.dtype) @ X
    if not np.isfinite(mean).all():
        mean = np.mean(X * 2.0**-40, axis=0) * 2.0**40
    return np.asarray(mean, dtype=np.float64)


def _spread(X: Any, centre: Array) -> Array:
    """The root mean square of each centred column; 0 where it is constant to rounding."""
    n, p = X.shape
    total = np.zeros(p)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        for part in blocks(X):
            block = X[part] - centre
            total += np.einsum("ij,ij->j", block, block)
        spread: Array = np.sqrt(total / n)
    odd = ~np.isfinite(spread) | (total < 1e-290)
    for j in np.flatnonzero(odd):
        with np.errstate(over="ignore", invalid="ignore"):
            column = X[:, j].astype(np.float64) - centre[j]
            most = np.abs(column).max()
            spread[j] = most * np.sqrt(np.mean((column / most) ** 2)) if most > 0.0 else 0.0
    return spread


def _settle(X: Any, centre: Array, spread: Array) -> None:
    """Measure anew, in place, the columns that hardly vary about a large mean: constant, or only nearly so?"""
    for j in np.flatnonzero(spread < 1e-6 * np.abs(centre)):
        column = X[:, j].astype(np.float64)
        shift = column - column[0]
        centre[j] = column[0] + shift.mean()
        spread[j] = shift.std()


def _spread_sparse(X: Any) -> Array:
    """The root mean square of each column of a CSR or CSC matrix."""
    n, p = X.shape
    if not X.has_canonical_format:
        return _spread_scaled(X)
    place = X.indices if X.format == "csr" else np.repeat(np.arange(p), np.diff(X.indptr))
    with np.errstate(over="ignore", under="ignore"):
        total = np.bincount(place, np.square(X.data, dtype=np.float64), p)
    spread = np.sqrt(total / n)
    odd = ~np.isfinite(total) | (total < 1e-290)
    if odd[place].any():
        spread[odd] = _spread_scaled(X.tocsc()[:, np.flatnonzero(odd)])
    return np.asarray(spread)


def _spread_scaled(X: Any) -> Array:
    """The same for numbers whose squares overflow, or vanish."""
    most = np.asarray(abs(X).max(axis=0).todense(), dtype=np.float64).ravel()
    safe = np.where(most > 0.0, most, 1.0)
    unit = X.multiply(1.0 / safe).tocsr()
    mean = np.asarray(unit.multiply(unit).mean(axis=0)).ravel()
    return np.asarray(most * np.sqrt(mean))
