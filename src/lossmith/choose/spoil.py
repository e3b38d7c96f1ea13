"""Bad rows of many kinds: families of contamination, with the same random numbers for every loss and every share."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.errors import ParameterError

Array = NDArray[Any]

EXPECTED = 0.05
"""The mean of the prior on the share of spoiled rows, which is exponential."""
FAR = 10.0
"""How far outliers and leverage points lie, in robust deviations; and their factor where the target cannot be < 0."""


@dataclass(frozen=True, slots=True)
class Draw:
    """Random numbers of one draw, the same for every loss and every share, for n training rows.

    `which`, `tail` : uniform (n,); row i is bad where which[i] < share
    `sign`, `size` : ±1 and 1 + |N(0, 1)| (n,)
    `other` : a permutation of the rows
    `unit` : the robust unit of the clean data; `kind` that of the target; `classes` how many, 0 for numbers
    `level` : for numbers the rank of the robust fit to the clean rows, in [0, 1) (n,)
    `probability` : for classes what the default loss, fitted to the clean rows, gives to each (n, K)
    """

    which: Array
    sign: Array
    size: Array
    tail: Array
    other: Array
    unit: float
    kind: str
    classes: int
    level: Array
    probability: Array

    @classmethod
    def of(cls, n: int, unit: float, kind: str, behind: Array, classes: int, seed: Sequence[int]) -> Draw:
        """Drawn from a seed; `behind` is the robust fit (n,) for numbers, and probabilities (n, K) for classes."""
        rng = np.random.default_rng(seed)
        sign = np.where(rng.random(n) < 0.5, -1.0, 1.0)
        which, size, tail = rng.random(n), 1.0 + np.abs(rng.normal(size=n)), rng.random(n)
        level = np.argsort(np.argsort(behind)) / n if not classes else np.empty(0)
        probability = behind if classes else np.empty(0)
        return cls(which, sign, size, tail, rng.permutation(n), unit, kind, classes, level, probability)


Spoil = Callable[[Draw, Array, Array, float], tuple[Array, Array]]
"""(draw, X, y, strength) → X and y as if every row were spoiled."""


def _which(draw: Draw, y: Array) -> Array:
    return draw.which


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of bad rows: what it does to them, in words, how strongly if nothing is said, and which rows come first.

    `chosen(draw, y)` has uniform entries in [0, 1): a row is bad where its entry is below the share.
    """

    spoil: Spoil
    says: str
    strength: float = FAR
    legal: tuple[float, float] = (0.0, float("inf"))
    chosen: Callable[[Draw, Array], Array] = _which


def _moved(draw: Draw, X: Array, y: Array, steps: Array, factors: Array) -> tuple[Array, Array]:
    """Targets moved by steps, or by factors where they cannot be negative."""
    if draw.kind == "real":
        return X, y + draw.unit * steps
    far = y * factors
    return X, np.round(far) if draw.kind == "counts" else far


def _outliers(draw: Draw, X: Array, y: Array, far: float) -> tuple[Array, Array]:
    return _moved(draw, X, y, draw.sign * far * draw.size, far ** (draw.sign * draw.size / 2))


def _one_sided(draw: Draw, X: Array, y: Array, far: float) -> tuple[Array, Array]:
    return _moved(draw, X, y, far * draw.size, far ** (draw.size / 2))


def _heavy(draw: Draw, X: Array, y: Array, nu: float) -> tuple[Array, Array]:
    """The same uniform numbers as quantiles of t with any degrees of freedom."""
    from scipy.special import stdtrit

    noise = stdtrit(nu, draw.tail)
    return _moved(draw, X, y, 2.0 * noise, np.exp(np.clip(noise, -6.0, 6.0) / 2))


def _uneven(draw: Draw, X: Array, y: Array, far: float) -> tuple[Array, Array]:
    noise = draw.sign * (draw.size - 1.0) * draw.level
    return _moved(draw, X, y, far * noise, far**noise)


def _censored(draw: Draw, X: Array, y: Array, share: float) -> tuple[Array, Array]:
    return X, np.minimum(y, np.quantile(y, 1.0 - share, method="lower"))


def numeric(X: Array) -> Array:
    """Which columns hold more than 0 and 1."""
    return np.asarray(~np.isin(X, (0.0, 1.0)).all(axis=0))


def _leverage(draw: Draw, X: Array, y: Array, far: float) -> tuple[Array, Array]:
    return np.where(numeric(X), X + far * draw.sign[:, None], X), y


def _missing(draw: Draw, X: Array, y: Array, share: float) -> tuple[Array, Array]:
    columns = np.random.default_rng(draw.other[:1]).random((1, X.shape[1])) < share
    return np.where(numeric(X) & columns, np.median(X, axis=0), X), y


def _duplicates(draw: Draw, X: Array, y: Array, count: float) -> tuple[Array, Array]:
    few = draw.other[np.arange(len(y)) % max(int(count), 1)]
    return X[few], y[few]


def _cluster(draw: Draw, X: Array, y: Array, far: float) -> tuple[Array, Array]:
    one = np.full(len(y), draw.other[0])
    return X[one], _one_sided(draw, X, y, far)[1][one]


def _flips(draw: Draw, X: Array, y: Array, _: float) -> tuple[Array, Array]:
    step = 1 + np.floor(draw.size * 1e6) % max(draw.classes - 1, 1)
    return X, (y + step) % draw.classes


def _commonest(y: Array) -> int:
    return int(np.bincount(y.astype(np.intp)).argmax())


def _one_way(draw: Draw, X: Array, y: Array, _: float) -> tuple[Array, Array]:
    return X, np.full(len(y), float(_commonest(y)))


def _runner_up(draw: Draw, X: Array, y: Array, _: float) -> tuple[Array, Array]:
    """The likeliest class that is not the row's own."""
    p = draw.probability.copy()
    p[np.arange(len(y)), y.astype(np.intp)] = -1.0
    return X, p.argmax(axis=1).astype(np.float64)


def _doubtful(draw: Draw, y: Array) -> Array:
    """Ranks drawn without replacement, rows more likely early the nearer their two likeliest classes are."""
    top = np.sort(draw.probability, axis=1)[:, -2:]
    doubt = np.maximum(1.0 - (top[:, 1] - top[:, 0]), 1e-12) ** 4
    return np.argsort(np.argsort(-np.log1p(-draw.which) / doubt)) / len(y)


def _prior(draw: Draw, X: Array, y: Array, _: float) -> tuple[Array, Array]:
    common = np.flatnonzero(y == _commonest(y))
    chosen = common[draw.other % len(common)]
    return X[chosen], y[chosen]


_SHARED: Mapping[str, Family] = {
    "leverage": Family(_leverage, "features far off"),
    "missing": Family(_missing, "features lost, and filled with their median", 0.5, (0.0, 1.0)),
    "duplicates": Family(_duplicates, "rows replaced by copies of a few others", 3.0),
}
NUMBERS: Mapping[str, Family] = {
    "outliers": Family(_outliers, "targets far off on either side"),
    "one-sided": Family(_one_sided, "targets far off on the upper side"),
    "cluster": Family(_cluster, "copies of one wrong row"),
    "heavy": Family(_heavy, "heavy-tailed noise on the target", 1.5),
    "uneven": Family(_uneven, "noise that grows with the prediction"),
    "censored": Family(_censored, "large targets recorded as a limit", 0.5, (0.0, 1.0)),
    **_SHARED,
}
CLASSES: Mapping[str, Family] = {
    "flips": Family(_flips, "labels replaced by another class"),
    "one-way": Family(_one_way, "labels of other classes replaced by the commonest"),
    "boundary": Family(_runner_up, "labels near the boundary replaced by the next likely class", chosen=_doubtful),
    "prior": Family(_prior, "rows replaced by rows of the commonest class"),
    **_SHARED,
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A family that was asked for: its name, its strength, and the share of bad rows to expect."""

    name: str
    strength: float
    expected: float
    classes: bool

    @property
    def family(self) -> Family:
        """What it does."""
        return (CLASSES if self.classes else NUMBERS)[self.name]

    def spoiled(self, draw: Draw, X: Array, y: Array, share: float) -> tuple[Array, Array]:
        """X and y with that share of bad rows."""
        bad = self.family.chosen(draw, y) < share
        worse, changed = self.family.spoil(draw, X, y, self.strength)
        return np.where(bad[:, None], worse, X), np.where(bad, changed, y)


_PART = re.compile(r"([a-z-]+)\s*(?:\(([^)]*)\))?\s*(?::(.*))?")


def parse(text: str, classes: bool) -> list[Wanted]:
    """`outliers, heavy(3):0.1` as families with their strength and the expected share of bad rows.

    Raises ParameterError for an unknown name, and for numbers that make no sense.
    """
    known = CLASSES if classes else NUMBERS
    found = [_wanted(part, known, classes) for part in (p.strip() for p in text.split(",")) if part]
    if not found:
        raise ParameterError(f"contaminate {text!r} names nothing; there are: {', '.join(known)}")
    return found


def _wanted(part: str, known: Mapping[str, Family], classes: bool) -> Wanted:
    match = _PART.fullmatch(part)
    name, strength, share = match.groups() if match else (part, None, None)
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"for this target there are: {', '.join(known)}"
        raise ParameterError(f"contaminate {name!r} is not known; {hint}")
    family = known[name]
    low, high = family.legal
    strong = _number(strength, family.strength, low, high, part, f"in parentheses comes a strength, as {name}(3)")
    expected = _number(share, EXPECTED, 0, 1, part, "after the colon comes the share of bad rows to expect, as 0.05")
    return Wanted(name, strong, expected, classes)


def _number(text: str | None, default: float, low: float, high: float, part: str, says: str) -> float:
    try:
        value = float(text) if text is not None else default
    except ValueError:
        value = float("nan")
    if not low < value < high:
        raise ParameterError(f"contaminate {part!r}: {says}")
    return value
