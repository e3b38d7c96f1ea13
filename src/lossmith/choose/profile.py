"""What the target looks like, as far as it matters for a loss: range, zeros, skew, tails, balance, missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.choose.score import Score, score
from lossmith.errors import DataError
from lossmith.rows.tables import Column, numbers

Array = NDArray[Any]
MOST_CLASSES = 50
FEW_CLASSES = 20
"""Up to so many, texts that are mostly numbers may well be names of classes."""
LARGEST, SMALLEST = 1e100, 1e-100


@dataclass(frozen=True, slots=True)
class Target:
    """The target, ready to be learned: `y` (n,) as numbers or class indices, and `rows`, those of the table it is for.

    `labels` are the classes in order, empty for numbers; `missing` counts the rows dropped for want of a target.
    """

    name: str
    y: Array
    rows: NDArray[np.int64]
    labels: tuple[str, ...]
    missing: int

    @property
    def kind(self) -> str:
        """binary or classes; else counts, positive, nonnegative or real."""
        if self.labels:
            return "binary" if len(self.labels) == 2 else "classes"
        return next(kind for kind, holds in _KINDS if holds(self.y))


_KINDS: tuple[tuple[str, Callable[[Array], bool]], ...] = (
    ("counts", lambda y: bool(y.min() >= 0 and (y == np.floor(y)).all() and y.min() < 10)),
    ("positive", lambda y: bool(y.min() > 0)),
    ("nonnegative", lambda y: bool(y.min() >= 0)),
    ("real", lambda y: True),
)


@dataclass(frozen=True, slots=True)
class Profile:
    """Figures of the target: `facts` are (name, value) pairs to show, `counts` (b,) the histogram with `edges` (b+1,).

    For classes, `edges` is empty and `bars` names the class of each count.
    """

    kind: str
    n: int
    facts: tuple[tuple[str, str], ...]
    counts: tuple[int, ...]
    edges: tuple[float, ...] = ()
    bars: tuple[str, ...] = ()
    skew: float = 0.0
    tail: float = np.inf
    outliers: float = 0.0
    notes: tuple[str, ...] = field(default=())


def target_of(column: Column, asked: Score | None) -> Target:
    """The target of a column; a score for classes or for numbers decides which it is, where it could be both.

    Rows without a value are left out. Raises DataError for an empty, constant, infinite or unusable column.
    """
    present = np.flatnonzero(~column.missing)
    _demand_rows(column, present)
    kept = column.take(present)
    classes = _is_classes(kept) if asked is None else asked.classes
    y, labels = _coded(kept, present) if classes else (_measured(kept, present), ())
    if len(np.unique(y)) < 2:
        raise DataError(f"target {column.name!r} is constant ({_first(kept)}); there is nothing to predict")
    return Target(column.name, y, present, labels, len(column.values) - len(present))


def default_score(target: Target, profile: Profile) -> tuple[Score, str]:
    """The judge where none was asked for, and the reason in one sentence."""
    name, reason = _DEFAULTS[target.kind](profile)
    return score(name), reason


def profile(target: Target) -> Profile:
    """Measure the target."""
    return _profile_classes(target) if target.labels else _profile_numbers(target)


def _demand_rows(column: Column, present: NDArray[np.int64]) -> None:
    if not len(column.values):
        raise DataError("the table has no rows; give a table with at least one")
    if not len(present):
        raise DataError(f"target {column.name!r} is missing in every row")
    if len(present) < 2:
        raise DataError(
            f"target {column.name!r} has a value in one row only; a fit needs at least 2 such rows, a comparison 10"
        )


def _is_classes(column: Column) -> bool:
    """Text, truth values and 0/1 are classes; a column of numbers written as text is not."""
    if column.kind == "category":
        return not all(_number_like(str(level)) for level in column.levels)  # type: ignore[union-attr]
    return column.was == "bool" or bool(np.isin(column.values, (0, 1)).all())


def _number_like(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _coded(column: Column, present: NDArray[np.int64]) -> tuple[Array, tuple[str, ...]]:
    """Class indices in the order of the sorted labels; `present` are the rows of the table that have a value."""
    values = column.values
    if column.kind == "category":
        assert column.levels is not None
        used, y = np.unique(values, return_inverse=True)
        labels = tuple(str(column.levels[i]) for i in used)
        _demand_no_slip(column, present, len(used))
    elif column.kind == "number":
        used, y = np.unique(values, return_inverse=True)
        labels = tuple(f"{v:g}" for v in used)
    else:
        raise DataError(f"target {column.name!r} holds {column.was}; classes must be text, truth values or numbers")
    if len(labels) > MOST_CLASSES:
        raise DataError(_too_many(column, len(labels)))
    return y.astype(np.int64), labels


def _demand_no_slip(column: Column, present: NDArray[np.int64], count: int) -> None:
    """Raise a DataError for numbers that a few cells made text, which would be so many classes."""
    odd = [(row, text) for row, text in enumerate(column.texts()) if text is not None and not _number_like(text)]
    if count > FEW_CLASSES and 0 < len(odd) <= 0.1 * len(column.values):
        row, text = odd[0]
        raise DataError(
            f"target {column.name!r}: row {present[row]} has {text!r} while {len(column.values) - len(odd):,} of "
            f"{len(column.values):,} are numbers; correct it or drop the row"
        )


def _too_many(column: Column, count: int) -> str:
    if column.kind == "category":
        bad = next((r, t) for r, t in enumerate(column.texts()) if t is not None and not _number_like(t))
        return (
            f"target {column.name!r} is text with {count:,} different values (row {bad[0]} has {bad[1]!r}); "
            f"clean it to numbers, or to at most {MOST_CLASSES} classes"
        )
    return f"target {column.name!r} has {count:,} different values; a score for classes takes at most {MOST_CLASSES}"


def _measured(column: Column, present: NDArray[np.int64]) -> Array:
    y = numbers(column, "target")
    if not np.isfinite(y).all():
        row = int(present[np.flatnonzero(~np.isfinite(y))[0]])
        raise DataError(f"target {column.name!r}: row {row} is infinite; drop the row or leave it empty")
    largest = float(np.abs(y).max())
    if largest > LARGEST or 0 < largest < SMALLEST:
        row = int(present[np.argmax(np.abs(y))])
        raise DataError(f"target {column.name!r}: row {row} has {y.max():g}, whose square is no float; change the unit")
    return y


def _first(column: Column) -> str:
    return str(column.take(np.array([0])).texts()[0])


def _profile_classes(target: Target) -> Profile:
    counts = np.bincount(target.y, minlength=len(target.labels))
    rarest = int(counts.argmin())
    share = counts[rarest] / counts.sum()
    facts = (
        ("classes", f"{len(counts)}"),
        ("rarest class", f"{target.labels[rarest]} ({share:.2%})"),
        ("commonest class", f"{target.labels[int(counts.argmax())]} ({counts.max() / counts.sum():.2%})"),
        ("entropy", f"{_entropy(counts):.3f} of at most {np.log(len(counts)):.3f}"),
    )
    notes = (f"the rarest class is {share:.1%} of the rows: expect wide intervals",) if share < 0.02 else ()
    shown = _sizes(target) + facts
    return Profile(target.kind, len(target.y), shown, tuple(counts.tolist()), bars=target.labels, notes=notes)


def _profile_numbers(target: Target) -> Profile:
    y = target.y
    middle, spread = float(np.median(y)), float(1.4826 * np.median(np.abs(y - np.median(y))))
    skew, tail = _skew(y), _hill(np.abs(y - middle))
    far = float((np.abs(y - middle) > 5 * spread).mean()) if spread > 0 else 0.0
    counts, edges = _histogram(y)
    facts: tuple[tuple[str, str], ...] = (
        ("range", f"{y.min():,.6g} to {y.max():,.6g}"),
        ("mean, standard deviation", f"{y.mean():,.5g}, {y.std():,.5g}"),
        ("median, MAD × 1.4826", f"{middle:,.5g}, {spread:,.5g}"),
        ("zeros, negative", f"{(y == 0).mean():.1%}, {(y < 0).mean():.1%}"),
        ("distinct values", f"{len(np.unique(y)):,}{', all whole' if (y == np.floor(y)).all() else ''}"),
        ("skewness", f"{skew:.2f}"),
        ("tail index (Hill, outer 5 %)", f"{tail:.1f}{' — heavy' if tail < 4 else ''}"),
        ("beyond 5 robust deviations", f"{far:.2%}"),
    )
    facts = tuple((name, value.replace("-", "−")) for name, value in facts)
    notes = _notes(skew, tail, far)
    return Profile(target.kind, len(y), _sizes(target) + facts, counts, edges, (), skew, tail, far, notes)


def _sizes(target: Target) -> tuple[tuple[str, str], ...]:
    return (("kind", target.kind), ("rows", f"{len(target.y):,}"), ("missing, left out", f"{target.missing:,}"))


def _notes(skew: float, tail: float, far: float) -> tuple[str, ...]:
    notes = []
    if tail < 4 and far > 0.001:
        notes.append(
            "the tails are heavy: under squared error a few rows decide the comparison, and intervals are wide; "
            "if a typical value is what you need, ask for --score absolute (the median)"
        )
    if abs(skew) > 1:
        notes.append("the target is skewed, so its mean and its median differ: say by --score which one you need")
    return tuple(notes)


def _entropy(counts: Array) -> float:
    p = counts[counts > 0] / counts.sum()
    return float(-(p * np.log(p)).sum())


def _skew(y: Array) -> float:
    centred = (y - y.mean()) / y.std()
    return float((centred**3).mean())


def _hill(sizes: Array) -> float:
    """Hill's estimate of the tail index from the largest 5 %; infinite where there is no tail to speak of."""
    k = max(10, len(sizes) // 20)
    if len(sizes) <= k:
        return float("inf")
    top = np.sort(np.partition(sizes, len(sizes) - k - 1)[len(sizes) - k - 1 :])
    if top[0] <= 0:
        return float("inf")
    mean = float(np.log(top[1:] / top[0]).mean())
    return 1.0 / mean if mean > 0 else float("inf")


def _histogram(y: Array, bins: int = 44) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Counts between the 0.5 and 99.5 % points; what lies beyond is added to the end bins."""
    low, high = (float(v) for v in np.quantile(y, (0.005, 0.995)))
    whole = bool((y == np.floor(y)).all()) and high - low < bins
    low, high = (low - 0.5, high + 0.5) if whole else (low, high)
    if high <= low:
        low, high = float(y.min()), float(y.max())
    edges = np.linspace(low, high, int(high - low) + 1 if whole else bins + 1)
    counts, _ = np.histogram(np.clip(y, edges[0], edges[-1]), edges)
    return tuple(counts.tolist()), tuple(edges.tolist())


def _real(p: Profile) -> tuple[str, str]:
    return "squared", "it is a number that may be negative, and no other use was named"


def _counts(p: Profile) -> tuple[str, str]:
    return "poisson", "it counts something, so large values vary more"


def _positive(p: Profile) -> tuple[str, str]:
    if p.skew > 1.5:
        return "gamma", "it is positive and skewed, so relative errors matter"
    return "squared", "it is positive but hardly skewed"


def _nonnegative(p: Profile) -> tuple[str, str]:
    if p.skew > 1.5:
        return "tweedie", "it has zeros beside skewed positive values"
    return "squared", "it is never negative, but hardly skewed"


def _classes(p: Profile) -> tuple[str, str]:
    return "log", "it is a class, and its probability is what every decision needs"


_DEFAULTS: dict[str, Callable[[Profile], tuple[str, str]]] = {
    "real": _real,
    "counts": _counts,
    "positive": _positive,
    "nonnegative": _nonnegative,
    "binary": _classes,
    "classes": _classes,
}
