"""Who is served worst: each loss's score within groups of rows, by the values of one column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lossmith.errors import DataError
from lossmith.rows.tables import Column

if TYPE_CHECKING:
    from lossmith.choose.plan import Plan
    from lossmith.choose.summary import Line

Array = NDArray[Any]

FEWEST = 20
"""Rows that a group needs for its mean score to be compared."""
PARTS = 5
"""Numbers with more values than `SEVERAL`, and times, are cut into so many parts of equal size."""
SEVERAL = 50


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """The group of every row of the target (n,), as an index into `labels`, −1 for none; `column` names them."""

    column: str
    labels: tuple[str, ...]
    codes: Array


@dataclass(frozen=True, slots=True)
class Served:
    """One loss: the group with the worst mean score, its rows and score, its standard error, that of the default in the
    same group, and how many groups are better and worse served than by the default."""

    name: str
    group: str
    rows: int
    score: float
    se: float
    default: float
    better: int
    worse: int


def groups_of(column: Column, rows: Array, cut: bool = True) -> Groups:
    """The groups that the values of a column make of some rows: its levels, or (if `cut`) parts of equal size.

    Raises DataError for a column whose levels are all rarer than FEWEST rows.
    """
    kept = column.take(rows)
    missing = kept.missing
    used, place = np.unique(kept.values[~missing], return_inverse=True)
    many = cut and column.kind != "category" and len(used) > SEVERAL
    labels, codes = _parts(kept, used, place) if many else (_names(kept, used), place)
    if not len(codes) or np.bincount(codes).max() < FEWEST:
        raise DataError(f"by column {column.name!r}: no value has {FEWEST} rows; name a column with fewer values")
    whole = np.full(len(rows), -1)
    whole[~missing] = codes
    return Groups(column.name, labels, whole)


def _names(column: Column, used: Array) -> tuple[str, ...]:
    if column.levels is not None:
        return tuple(str(column.levels[i]) for i in used)
    return tuple(f"{v:.4g}" if column.kind == "number" else str(v) for v in used)


def _parts(column: Column, used: Array, place: Array) -> tuple[tuple[str, ...], Array]:
    """Parts of equal size, equal values never divided; named by their ends."""
    share = (np.cumsum(np.bincount(place)) - 0.5 * np.bincount(place)) / len(place)
    part = np.minimum((share * PARTS).astype(np.intp), PARTS - 1)
    names = [_names(column, used[part == k][[0, -1]]) if (part == k).any() else ("", "") for k in range(PARTS)]
    return tuple(f"{a} to {b}" for a, b in names), part[place]


def served(plan: Plan, lines: Sequence[Line]) -> list[Served]:
    """One entry for each loss; empty where no column was named."""
    if plan.by is None:
        return []
    plain = next(line for line in lines if line.default)
    return [_served(plan, plan.by, line, plain) for line in lines]


def _served(plan: Plan, groups: Groups, line: Line, plain: Line) -> Served:
    weight = np.ones(len(line.rows)) if plan.job.weight is None else plan.job.weight
    here = (groups.codes >= 0) & ~np.isnan(line.rows) & ~np.isnan(plain.rows)
    codes, w = groups.codes[here], weight[here]
    count, mass = (np.bincount(codes, v, len(groups.labels)) for v in (None, w))
    sums = [np.bincount(codes, w * one.rows[here], len(groups.labels)) for one in (line, plain)]
    with np.errstate(invalid="ignore", divide="ignore"):
        own, other = (np.where(count >= FEWEST, s / mass, np.nan) for s in sums)
    k = int(np.nanargmax(own))
    inside = codes == k
    pull = w[inside] * (line.rows[here][inside] - own[k])
    se = float(np.linalg.norm(pull) / mass[k])
    return Served(
        line.name,
        groups.labels[k],
        int(count[k]),
        float(own[k]),
        se,
        float(other[k]),
        int((own < other).sum()),
        int((own > other).sum()),
    )
