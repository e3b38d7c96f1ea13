"""What becomes of each loss when training rows are spoiled and test rows are not: curves over the share of bad rows."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lossmith.choose.bench import MOST_ROWS, Bench, Centre, Part, Task, judge, linear, robust_centres
from lossmith.choose.folds import Fold
from lossmith.choose.train import FoldResult, Stage, constant_score, floor_of, stages_of, with_setting
from lossmith.errors import ParameterError

if TYPE_CHECKING:
    from lossmith.choose.plan import Plan

Array = NDArray[Any]

RATES = (0.0, 0.02, 0.05, 0.1, 0.2)
"""The shares of spoiled training rows."""
EXPECTED = 0.05
"""The mean of the prior on the share of spoiled rows, which is exponential."""
FAR = 10.0
"""How far outliers and leverage points lie, in robust deviations; and their factor where the target cannot be < 0."""
FLAG, DIRTY = 5.0, 0.005
"""Test rows so many robust deviations off are flagged; with a larger share of them, a second panel leaves them out."""


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """Random numbers of one draw, the same for every loss and every share: which rows (n,), signs, sizes, heavy tails,
    other rows; and the robust unit of the clean data."""

    which: Array
    sign: Array
    size: Array
    heavy: Array
    other: Array
    unit: float
    kind: str
    classes: int

    @classmethod
    def of(cls, stage: Stage, kind: str, classes: int, seed: Sequence[int]) -> Draw:
        """Drawn for the training rows of a fold."""
        rng, n = np.random.default_rng(seed), stage.test.rows.n
        sign = np.where(rng.random(n) < 0.5, -1.0, 1.0)
        which, size, heavy = rng.random(n), 1.0 + np.abs(rng.normal(size=n)), rng.standard_t(1.5, size=n)
        return cls(which, sign, size, heavy, rng.permutation(n), stage.test.centre.scale, kind, classes)


Family = Callable[[Draw, Array, Array], tuple[Array, Array]]
"""(draw, X, y) → X and y as if every row were spoiled."""


def _moved(draw: Draw, X: Array, y: Array, sign: Array) -> tuple[Array, Array]:
    if draw.kind == "real":
        return X, y + sign * FAR * draw.unit * draw.size
    far = y * FAR ** (sign * draw.size / 2)
    return X, np.round(far) if draw.kind == "counts" else far


def _outliers(draw: Draw, X: Array, y: Array) -> tuple[Array, Array]:
    return _moved(draw, X, y, draw.sign)


def _one_sided(draw: Draw, X: Array, y: Array) -> tuple[Array, Array]:
    return _moved(draw, X, y, np.ones(len(y)))


def _heavy(draw: Draw, X: Array, y: Array) -> tuple[Array, Array]:
    if draw.kind == "real":
        return X, y + 2.0 * draw.unit * draw.heavy
    far = y * np.exp(np.clip(draw.heavy, -6.0, 6.0) / 2)
    return X, np.round(far) if draw.kind == "counts" else far


def _leverage(draw: Draw, X: Array, y: Array) -> tuple[Array, Array]:
    numeric = ~np.isin(X, (0.0, 1.0)).all(axis=0)
    return np.where(numeric, X + FAR * draw.sign[:, None], X), y


def _duplicates(draw: Draw, X: Array, y: Array) -> tuple[Array, Array]:
    few = draw.other[np.arange(len(y)) % 3]
    return X[few], y[few]


def _cluster(draw: Draw, X: Array, y: Array) -> tuple[Array, Array]:
    one = np.full(len(y), draw.other[0])
    return X[one], _one_sided(draw, X, y)[1][one]


def _flips(draw: Draw, X: Array, y: Array) -> tuple[Array, Array]:
    step = 1 + np.floor(draw.size * 1e6) % max(draw.classes - 1, 1)
    return X, (y + step) % draw.classes


def _one_way(draw: Draw, X: Array, y: Array) -> tuple[Array, Array]:
    return X, np.full(len(y), float(np.bincount(y.astype(np.intp)).argmax()))


def _prior(draw: Draw, X: Array, y: Array) -> tuple[Array, Array]:
    common = np.flatnonzero(y == np.bincount(y.astype(np.intp)).argmax())
    chosen = common[draw.other % len(common)]
    return X[chosen], y[chosen]


NUMBERS: Mapping[str, tuple[Family, str]] = {
    "outliers": (_outliers, "targets far off on either side"),
    "one-sided": (_one_sided, "targets far off on the upper side"),
    "cluster": (_cluster, "copies of one wrong row"),
    "heavy": (_heavy, "heavy-tailed noise on the target"),
    "leverage": (_leverage, "features far off"),
    "duplicates": (_duplicates, "rows replaced by copies of three others"),
}
CLASSES: Mapping[str, tuple[Family, str]] = {
    "flips": (_flips, "labels replaced by another class"),
    "one-way": (_one_way, "labels replaced by the commonest class"),
    "prior": (_prior, "rows replaced by rows of the commonest class"),
    "leverage": (_leverage, "features far off"),
    "duplicates": (_duplicates, "rows replaced by copies of three others"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Scenario:
    """One family, and what every loss scores under it, as a share of the best constant's score: 1 is useless.

    `scores` and `trimmed` are (losses, rates, draws); trimmed leaves out test rows that a robust fit flags.
    """

    name: str
    says: str
    expected: float
    scores: Array
    trimmed: Array
    flagged: float

    @property
    def dirty(self) -> bool:
        """Do the test rows look spoiled themselves?"""
        return self.flagged > DIRTY

    def curve(self, trimmed: bool = False) -> tuple[Array, Array]:
        """Mean (losses, rates) over folds and draws, and the standard error of its difference to the default with no
        bad row in the same fold."""
        values = self.trimmed if trimmed else self.scores
        with np.errstate(invalid="ignore"):
            apart = values - values[:1, :1]
            return values.mean(axis=2), apart.std(axis=2, ddof=1) / np.sqrt(values.shape[2])

    def records(self, trimmed: bool = False) -> list[dict[str, float]]:
        """For each loss price and slope at 0, area, breakdown, expected regret, as shares of the default's score."""
        curve, rates = self.curve(trimmed)[0], np.array(RATES)
        plain, best = curve[0, 0], curve.min(axis=0)
        prior = _prior_weights(rates, self.expected)
        return [
            {
                "price": float((c[0] - plain) / plain),
                "slope": float((c[1] - c[0]) / (rates[1] * c[0])),
                "area": _area(rates, c - c[0]) / (rates[-1] * float(c[0])),
                "breakdown": _breakdown(rates, c),
                "regret": float(prior @ (c - best) / plain),
            }
            for c in curve
        ]


def parse(text: str, classes: bool) -> list[tuple[str, float]]:
    """`outliers,leverage:0.1` as names with the expected share of spoiled rows; raises ParameterError."""
    known = CLASSES if classes else NUMBERS
    found = []
    for part in (p.strip() for p in text.split(",") if p.strip()):
        name, _, share = part.partition(":")
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"for this target there are: {', '.join(known)}"
            raise ParameterError(f"contaminate {name!r} is not known; {hint}")
        found.append((name, _share(share, part)))
    if not found:
        raise ParameterError(f"contaminate {text!r} names nothing; there are: {', '.join(known)}")
    return found


def _share(text: str, part: str) -> float:
    try:
        value = float(text) if text else EXPECTED
    except ValueError:
        value = float("nan")
    if not 0 < value < 1:
        raise ParameterError(f"contaminate {part!r}: after the colon comes the share of bad rows to expect, as 0.05")
    return value


def contaminate(
    plan: Plan, results: Sequence[FoldResult], kept: Sequence[int], wanted: Sequence[tuple[str, float]], workers: int
) -> list[Scenario]:
    """Spoil the training rows of the first repeat's folds, with the settings that the clean folds found.

    `kept` are the candidates compared. At most MOST_ROWS training rows of a fold are used; two draws for each fold
    below 10,000 rows, else one.
    """
    first = [result for result in results if result.fold.repeat == 0]
    draws = 2 if len(plan.target.y) < 10_000 else 1
    with ThreadPoolExecutor(min(workers, len(first))) as pool:
        parts = list(pool.map(lambda result: _fold(plan, result, kept, wanted, draws), first))
    known = CLASSES if plan.target.labels else NUMBERS
    flagged = float(np.average([p[2] for p in parts], weights=[len(r.fold.test) for r in first]))
    scenarios = []
    for i, (name, expected) in enumerate(wanted):
        whole = np.concatenate([p[0][i] for p in parts], axis=2)
        trimmed = np.concatenate([p[1][i] for p in parts], axis=2)
        scenarios.append(Scenario(name, known[name][1], expected, whole, trimmed, flagged))
    return scenarios


def _fold(
    plan: Plan, result: FoldResult, kept: Sequence[int], wanted: Sequence[tuple[str, float]], draws: int
) -> tuple[list[Array], list[Array], float]:
    """For one fold, scores (losses, rates, draws) of every family, the same trimmed, and the share flagged."""
    job, train = plan.job, result.fold.train
    some = train if len(train) <= MOST_ROWS else train[:: -(-len(train) // MOST_ROWS)]
    (stage,) = stages_of(job, [Fold(0, result.fold.number, some, result.fold.test)], tuned=False)
    flags = _flags(stage.test, plan)
    weight = np.ones(len(flags)) if stage.test.weight is None else stage.test.weight
    trusted = np.where(flags, 0.0, weight) if (weight[~flags] > 0).any() else weight
    unit = [constant_score(job, stage.test, w) for w in (weight, trusted)]
    known = CLASSES if plan.target.labels else NUMBERS
    seeds = [[plan.seed, 11, result.fold.number, d] for d in range(draws)]
    noise = [Draw.of(stage, plan.target.kind, len(plan.target.labels), seed) for seed in seeds]
    whole: list[Array] = []
    trimmed: list[Array] = []
    for name, _ in wanted:
        bench = _bench(plan, stage, known[name][0], noise)
        rows = _scores(plan, result, kept, bench, len(train) / len(some))
        pair = [np.average(rows, axis=2, weights=w) / u for w, u in zip((weight, trusted), unit, strict=True)]
        for side, values in zip((whole, trimmed), pair, strict=True):
            side.append(_by_rate(values, draws))
    return whole, trimmed, float(flags.mean())


def _by_rate(values: Array, draws: int) -> Array:
    """(losses, 1 + rates·draws), the clean fit first, as (losses, rates, draws)."""
    clean = np.repeat(values[:, :1, None], draws, axis=2)
    return np.concatenate([clean, values[:, 1:].reshape(len(values), len(RATES) - 1, draws)], axis=1)


def _bench(plan: Plan, stage: Stage, family: Family, noise: Sequence[Draw]) -> Bench:
    """The clean training set, and every share and draw of spoiled ones."""
    from lossmith.rows.memory import Rows

    clean, test = stage.test.rows, stage.test
    X = clean.X
    sets = [clean]
    for rate in RATES[1:]:
        for draw in noise:
            bad = draw.which < rate
            worse, y = family(draw, X, clean.y)
            sets.append(Rows(np.where(bad[:, None], worse, X), np.where(bad, y, clean.y), clean.weight))
    centres = [Centre()] * len(sets) if plan.target.labels else robust_centres(sets)
    parts = [
        Part(rows, test.X, test.y, test.weight, floor_of(plan.job, rows), centre)
        for rows, centre in zip(sets, centres, strict=True)
    ]
    return Bench.of(parts, len(plan.target.labels))


def _scores(plan: Plan, result: FoldResult, kept: Sequence[int], bench: Bench, factor: float) -> Array:
    """The score of every test row (losses, training sets, rows); infinite where a fit failed."""
    out = []
    for k in kept:
        outcome, candidate = result.outcomes[k], plan.candidates[k]
        assert outcome is not None
        loss = with_setting(candidate.loss, outcome.setting)
        tasks = [Task(i, loss, outcome.setting.alpha * factor) for i in range(len(bench.parts))]
        judged = judge(bench, tasks, bench.fit(tasks, candidate.name, 1e-4), plan.score)
        none = np.full(len(result.fold.test), np.inf)
        out.append([one.rows if len(one.rows) else none for one in judged])
    return np.array(out)


def _flags(test: Part, plan: Plan) -> NDArray[np.bool_]:
    """Test rows far from the robust fit to the clean training rows."""
    if plan.target.labels:
        return np.zeros(len(test.y), dtype=bool)
    return np.asarray(np.abs(test.y - linear(test.X, test.centre.solution)) > FLAG * test.centre.scale)


def _prior_weights(rates: Array, mean: float) -> Array:
    """The exponential prior on the grid, each point with the width that it stands for."""
    width = np.gradient(rates)
    weight = np.exp(-rates / mean) * width
    return np.asarray(weight / weight.sum())


def _area(x: Array, y: Array) -> float:
    return float(np.sum((y[1:] + y[:-1]) / 2 * np.diff(x)))


def _breakdown(rates: Array, curve: Array) -> float:
    """The share of bad rows at which the curve reaches the constant's score of 1; infinite if it never does."""
    over = np.flatnonzero(curve >= 1.0)
    if not len(over):
        return float("inf")
    k = int(over[0])
    if k == 0 or not np.isfinite(curve[k]):
        return float(rates[k])
    return float(np.interp(1.0, curve[k - 1 : k + 1], rates[k - 1 : k + 1]))
