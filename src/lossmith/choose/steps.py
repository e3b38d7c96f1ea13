"""The scikit-learn steps that encode a table: how they are put together, what they learned, and back from that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from lossmith.choose.transformers import TimeParts, Unit

MAX_LEVELS = 100
"""The most columns that one category may become; rarer levels share one."""

RARE = 0.0005
"""Levels with a smaller share of the training rows (or fewer than 5 of them) share one column."""

MANY = 100
"""With fewer training rows than this, every level has its own column."""

FLAT = 1e-13
"""A standard deviation below this share of the largest entry is rounding, not information."""

KEPT_RARE = 50 * MAX_LEVELS
"""Rare levels that a saved encoder knows; others are to it as if they had never been seen."""

Matrix = NDArray[np.float64]
State = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Steps:
    """Which columns of an array of floats go which way: numbers that vary, columns with gaps, times, and categories
    with the least number of rows that gives a level its own column (None: all have one)."""

    numbers: tuple[int, ...]
    gaps: tuple[int, ...]
    times: tuple[int, ...]
    categories: Mapping[int, int | None]

    @classmethod
    def of(cls, X: Matrix, kinds: Sequence[str]) -> Steps:
        """As the training rows (n, p) have it; codes of categories are never NaN."""
        measured = [j for j, kind in enumerate(kinds) if kind != "category"]
        n = len(X)
        least = max(5, int(np.ceil(RARE * n))) if n >= MANY else None
        return cls(
            tuple(j for j in measured if _varies(X[:, j])),
            tuple(j for j in measured if np.isnan(X[:, j]).any()),
            tuple(j for j, kind in enumerate(kinds) if kind == "time"),
            {j: least for j, kind in enumerate(kinds) if kind == "category"},
        )

    def transformer(self) -> ColumnTransformer:
        """The steps, not yet fitted; a part without columns is left out."""
        number = make_pipeline(Unit(), SimpleImputer(strategy="median"), StandardScaler())
        steps = [
            ("numbers", number, self.numbers),
            ("gaps", MissingIndicator(features="all"), self.gaps),
            *((f"category {j}", _one_hot(least), (j,)) for j, least in self.categories.items()),
            ("times", TimeParts(), self.times),
        ]
        return ColumnTransformer([(name, step, list(where)) for name, step, where in steps if where])

    def __bool__(self) -> bool:
        return bool(self.numbers or self.gaps or self.times or self.categories)


def _varies(values: Matrix) -> bool:
    known = values[~np.isnan(values)]
    unit = float(np.abs(known).max(initial=0.0))
    return unit > 0 and float((known / unit).std()) > FLAT


def _one_hot(least: int | None) -> OneHotEncoder:
    return OneHotEncoder(
        min_frequency=least, max_categories=MAX_LEVELS + 1, handle_unknown="ignore", sparse_output=False
    )


def learned(fitted: ColumnTransformer) -> State:
    """What the steps learned, as lists of numbers: per number its unit, median, mean and deviation in that unit; per
    category the codes with a column of their own and the rare ones; per time whether it has a clock."""
    steps, places = fitted.named_transformers_, {name: where for name, _, where in parts(fitted)}
    state: State = {"numbers": {}, "gaps": places.get("gaps", []), "times": {}, "categories": []}
    if "numbers" in places:
        unit, impute, scale = (step for _, step in steps["numbers"].steps)
        columns = (unit.unit_, impute.statistics_, scale.mean_, scale.scale_)
        named = zip(("unit", "median", "mean", "deviation"), columns, strict=True)
        state["numbers"] = {"columns": places["numbers"], **{name: values.tolist() for name, values in named}}
    if "times" in places:
        state["times"] = {"columns": places["times"], "clock": list(steps["times"].clock_)}
    for name, (j, *_) in places.items():
        if name.startswith("category"):
            own, rare = levels(steps[name])
            state["categories"].append({"column": j, "own": own, "rare": rare})
    return state


def parts(fitted: ColumnTransformer) -> Iterator[tuple[str, Any, list[int]]]:
    """Name, step and columns of each part, without the columns that no part takes."""
    return (part for part in fitted.transformers_ if part[0] != "remainder")


def levels(step: OneHotEncoder) -> tuple[list[int], list[int]]:
    """The codes that have a column each, and those that share one."""
    rare = step.infrequent_categories_[0]
    own = step.categories_[0] if rare is None else np.setdiff1d(step.categories_[0], rare)
    return own.astype(int).tolist(), [] if rare is None else rare.astype(int).tolist()


def restored(state: Mapping[str, Any], kinds: Sequence[str]) -> ColumnTransformer:
    """The steps that `learned` told of, by public means of scikit-learn alone: they take their shape by learning from a
    few made-up rows that have the same levels, often and rarely, and then the numbers are put in their places."""
    numbers, times, categories = state["numbers"], state["times"], state["categories"]
    n = max([2, *(2 * len(one["own"]) + len(one["rare"]) for one in categories)])
    X = np.zeros((n, len(kinds)))
    for one in categories:
        X[:, one["column"]] = _witness(one["own"], one["rare"], n)
    least = {one["column"]: (2 if one["own"] else n + 1) if one["rare"] else None for one in categories}
    steps = Steps(
        tuple(numbers.get("columns", ())), tuple(state["gaps"]), tuple(times.get("columns", ())), least
    ).transformer()
    fitted = steps.fit(X)
    if numbers:
        unit, impute, scale = (step for _, step in fitted.named_transformers_["numbers"].steps)
        unit.unit_, impute.statistics_ = np.array(numbers["unit"]), np.array(numbers["median"])
        scale.mean_, scale.scale_ = np.array(numbers["mean"]), np.array(numbers["deviation"])
        scale.var_ = scale.scale_**2
    if times:
        fitted.named_transformers_["times"].clock_ = list(times["clock"])
    return fitted


def _witness(own: Sequence[int], rare: Sequence[int], n: int) -> Matrix:
    """Codes of n rows in which those of `own` occur twice or more, and those of `rare` once; all rare without `own`."""
    codes = [*own, *own, *rare]
    return np.array([*codes, *[codes[0]] * (n - len(codes))], dtype=np.float64)
