"""argmin over one number z of Σ w ℓ(y, z + offset): a quantile by selection, else a bracket and the root of the slope.

Many rows are first thinned out to a few thousand: there the minimum is looked for, and all rows then say where exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lossmith.selection import weighted_quantile

if TYPE_CHECKING:
    from lossmith.loss import Loss

Array = NDArray[np.float64]
FARTHEST = 64.0
"""Scores of links are kept within ±64: beyond e⁶⁴ odds a boundary optimum (all labels equal) is only a direction."""

VALLEYS = 12
"""How many of the lowest points of the grid are followed down where the loss is not convex."""

THIN = 1 << 12
"""Rows that stand for all of them while the neighbourhood of the minimum is looked for."""

CELLS = 1 << 16
"""Rows times places that are computed at once."""

CLOSE = 0.02
"""Valleys of the thinned rows that all rows are asked about: so little higher than the lowest, as a share of the
depth."""

FAR_APART = np.array([1e-300, 1e300, -1e-300, -1e300])
"""Residuals between which a convex loss has one slope only if it has it on the whole half line."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Rows by their place y − offset, ascending: y (n,), weights (n,) that sum to 1, and offset (n,) or 0."""

    y: Array
    w: Array
    offset: Any
    place: Array

    @classmethod
    def of(cls, y: Array, w: Array, offset: Array | None) -> Sample:
        """Rows of weight 0 are left out; without an offset equal ones become one."""
        if offset is None:
            values, where = np.unique(y, return_inverse=True)
            mass = np.bincount(where, w, len(values))
            y, mass = values[mass > 0], mass[mass > 0] / w.sum()
            return cls(y, mass, 0.0, y)
        order = np.argsort(y - offset, kind="stable")
        order = order[w[order] > 0]
        y, offset = y[order], offset[order]
        return cls(y, w[order] / w.sum(), offset, y - offset)

    def thinned(self) -> Sample:
        """Every so manieth row, with the weight of its neighbours; itself where it is small."""
        n = len(self.y)
        if n <= 4 * THIN:
            return self
        edges = np.linspace(0, n, THIN + 1).astype(np.intp)
        pick = (edges[:-1] + edges[1:]) // 2
        offset = self.offset[pick] if np.ndim(self.offset) else self.offset
        return Sample(self.y[pick], np.add.reduceat(self.w, edges[:-1]), offset, self.place[pick])

    @property
    def spread(self) -> float:
        """The width of the middle half, by rows; that of all where it is 0."""
        n = len(self.place)
        middle = float(self.place[(3 * n) // 4] - self.place[n // 4])
        return middle or float(self.place[-1] - self.place[0])


def best_scalar(loss: Loss, y: Array, w: Array, offset: Array | None = None) -> float:
    """The best constant for y (n,), weights (n,) and an offset (n,) that is added to z, or None."""
    level = quantile_of(loss)
    if level is not None:
        return weighted_quantile(y if offset is None else y - offset, w, level)
    sample = Sample.of(y, w, offset)
    thin = sample.thinned()
    if loss.facts()["convex"].holds:
        bracket = _bracket(loss, thin)
        if thin is not sample:
            bracket = _around(loss, sample, _root(loss, thin, *bracket), _resolution(loss, thin))
        return _root(loss, sample, *bracket)
    found = _valleys(loss, thin)
    if thin is sample:
        return min(found)[1]
    width = _resolution(loss, thin)
    exact = [_root(loss, sample, *_around(loss, sample, z, width)) for z in _rivals(found, width)]
    return min(exact, key=lambda z: _height(loss, sample, z))


def quantile_of(loss: Loss) -> float | None:
    """The level of the quantile that the loss elicits, where it is two half lines that meet at residual 0."""
    if loss.lift.name != "residual" or "y" in loss.tree.names or not loss.facts()["convex"].holds:
        return None
    with np.errstate(all="ignore"):
        near, far, near_low, far_low = -loss.gradient(FAR_APART, np.zeros(4))
    straight = near == far > 0 > near_low == far_low
    return float(near / (near - near_low)) if straight else None


def _slope(loss: Loss, sample: Sample, z: float) -> float:
    with np.errstate(all="ignore"):
        return float(sample.w @ loss.gradient(sample.y, np.full(len(sample.y), z) + sample.offset))


def _height(loss: Loss, sample: Sample, z: float) -> float:
    with np.errstate(all="ignore"):
        return float(sample.w @ loss.value(sample.y, np.full(len(sample.y), z) + sample.offset))


def _valleys(loss: Loss, sample: Sample) -> list[tuple[float, float]]:
    """(height, z) of the bottoms of the lowest valleys."""
    low, high = _bracket(loss, sample)
    grid = np.unique(np.concatenate([_guesses(loss, sample), np.linspace(low, high, 65)]))
    for _ in range(2):
        lowest = _lowest(loss, sample, grid)
        grid = np.unique(np.concatenate([np.linspace(*_beside(grid, i), 33) for i in lowest]))
    beside = {i + step for i in _lowest(loss, sample, grid) for step in (-1, 0, 1)}
    near = np.array(sorted(beside & set(range(len(grid)))))
    found = [*map(float, grid[near]), *(_root(loss, sample, *cell) for cell in _cells(loss, sample, grid, near))]
    return [(_height(loss, sample, z), z) for z in found]


def _cells(loss: Loss, sample: Sample, grid: Array, near: NDArray[np.intp]) -> list[tuple[float, float]]:
    """The cells between some points of the grid that slope down on the left and up on the right."""
    slopes = _each(loss.gradient, sample, grid[near])
    cells = zip(near[:-1], near[1:], slopes[:-1], slopes[1:], strict=True)
    return [(float(grid[i]), float(grid[j])) for i, j, down, up in cells if j == i + 1 and down <= 0 <= up]


def _rivals(found: list[tuple[float, float]], width: float) -> list[float]:
    """The lowest valleys that lie apart, from the lowest on."""
    heights = [height for height, _ in found]
    bound = min(heights) + CLOSE * (max(heights) - min(heights))
    apart: list[float] = []
    for height, z in sorted(found):
        if height <= bound and all(abs(z - other) > width for other in apart):
            apart.append(z)
    return apart[:3]


def _lowest(loss: Loss, sample: Sample, grid: Array) -> list[int]:
    return [int(i) for i in np.argsort(_each(loss.value, sample, grid))[:VALLEYS]]


def _each(rows: Callable[[Array, Array], Array], sample: Sample, grid: Array) -> Array:
    """Σ w rows(y, z) for every z of a grid, as many at a time as the caches hold."""
    n = len(sample.y)
    sums = []
    for at in range(0, len(grid), max(CELLS // n, 1)):
        z = grid[at : at + max(CELLS // n, 1), None] + np.broadcast_to(sample.offset, n)
        with np.errstate(all="ignore"):
            sums.append(rows(np.tile(sample.y, len(z)), z.reshape(-1)).reshape(-1, n) @ sample.w)
    return np.concatenate(sums)


def _beside(grid: Array, i: int) -> tuple[float, float]:
    return float(grid[max(0, i - 1)]), float(grid[min(len(grid) - 1, i + 1)])


def _guesses(loss: Loss, sample: Sample) -> Array:
    """For residual losses the quantiles of y, where the modes of a non-convex sum lie."""
    if loss.lift.name != "residual":
        return np.zeros(1)
    at = np.searchsorted(np.cumsum(sample.w), np.linspace(0, 1, 129)[1:-1])
    return np.asarray(sample.place[np.minimum(at, len(sample.place) - 1)])


def _bracket(loss: Loss, sample: Sample) -> tuple[float, float]:
    """An interval whose left end slopes down and whose right end slopes up, or the farthest that is looked at."""
    place = sample.place
    raw = loss.lift.name == "residual"
    low, high = (float(place[0]), float(place[-1])) if raw else (-1.0, 1.0)
    reach = max(high - low, 1e-3 * max(abs(low), abs(high)), 1e-300)
    most = 2.0**40 * reach if raw else FARTHEST
    step = reach
    while _slope(loss, sample, low) > 0 and step < most:
        low, step = low - step, 2 * step
    step = reach
    while _slope(loss, sample, high) < 0 and step < most:
        high, step = high + step, 2 * step
    return max(low, -FARTHEST) if not raw else low, min(high, FARTHEST) if not raw else high


def _resolution(loss: Loss, thin: Sample) -> float:
    """How far the minimum of all rows may lie from that of the thinned ones, about."""
    return max(thin.spread if loss.lift.name == "residual" else 1.0, 1e-300) / 64


def _around(loss: Loss, sample: Sample, z: float, width: float) -> tuple[float, float]:
    """An interval about z whose ends slope towards each other, or the widest that is looked at."""
    most = 2.0**20 * width if loss.lift.name == "residual" else FARTHEST - abs(z)
    low, high, step = z - min(width, most), z + min(width, most), width
    while _slope(loss, sample, low) > 0 and z - low < most:
        low, step = z - min(z - low + step, most), 2 * step
    step = width
    while _slope(loss, sample, high) < 0 and high - z < most:
        high, step = z + min(high - z + step, most), 2 * step
    return low, high


def _root(loss: Loss, sample: Sample, low: float, high: float) -> float:
    """Where the slope of the sum changes sign: the midpoint if it is zero on an interval."""
    left = _edge(loss, sample, low, high, -_tiny(sample))
    noise = 4e-16 * float(sample.w @ np.abs(loss.gradient(sample.y, np.full(len(sample.y), left) + sample.offset)))
    level = float(np.nextafter(noise, np.inf))
    before, right, step = left, left, _ulps(left)
    while right < high and _slope(loss, sample, right) < level:
        before, right, step = right, min(right + step, high), 64 * step
    right = _edge(loss, sample, before, right, level)
    flat = right - left > _ulps(left)
    return _middle(sample, left, right, loss) if flat else _snapped(sample, left, loss)


def _edge(loss: Loss, sample: Sample, low: float, high: float, level: float) -> float:
    """The smallest z whose slope reaches `level`, to the last digits: regula falsi (Illinois), or halves where that is
    slow."""
    below, above = (_slope(loss, sample, z) - level for z in (low, high))
    widths, side = [np.inf, np.inf, high - low], 0
    for _ in range(200):
        end = _ulps(low + (high - low) / 2) / 4
        slow = widths[-1] > widths[-3] / 4 or not below < 0 < above
        middle = low + (high - low) * (0.5 if slow else float(below / (below - above)))
        middle = min(max(middle, low + end), high - end)
        if high - low <= end or middle in (low, high):
            break
        here = _slope(loss, sample, middle) - level
        if here >= 0:
            high, above, below, side = middle, here, below / (2 if side > 0 else 1), 1
        else:
            low, below, above, side = middle, here, above / (2 if side < 0 else 1), -1
        widths.append(high - low)
    return high


def _tiny(sample: Sample) -> float:
    return 2e-16 * min(1.0, 64 / len(sample.y))


def _ulps(z: float) -> float:
    return 8 * float(np.spacing(abs(z)))


def _snapped(sample: Sample, z: float, loss: Loss) -> float:
    """z, or the value of y that it was led towards."""
    nearest = float(sample.place[np.argmin(np.abs(sample.place - z))])
    return nearest if loss.lift.name == "residual" and abs(nearest - z) <= _ulps(z) else z


def _middle(sample: Sample, left: float, right: float, loss: Loss) -> float:
    a, b = _snapped(sample, left, loss), _snapped(sample, right, loss)
    return a + (b - a) / 2
