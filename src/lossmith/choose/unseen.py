"""Categories that a model has not learned: refused by row and column, unless they are to count as none."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lossmith.errors import DataError, ParameterError
from lossmith.rows.tables import Column, Table

Seen = Mapping[str, frozenset[str]]
"""For each column of categories whose levels are all known, the texts that were learned."""

RULES = ("error", "ignore")


def demand_seen(seen: Seen, table: Table, rule: str) -> None:
    """Raise a DataError for the first column that holds a text unknown to it; missing entries are no texts.

    `rule` is "error", or "ignore" where such rows are to be predicted as the encoder does: with no category.
    """
    if rule not in RULES:
        raise ParameterError(f"unseen {rule!r}: give 'error' or 'ignore'")
    for name, known in seen.items() if rule == "error" else ():
        column = table.column(name)
        strange = _strange(column, known)
        if strange.any():
            row = int(np.argmax(strange))
            text = column.take(np.array([row])).texts()[0]
            raise DataError(
                f"column {name!r}: row {row} has {text!r}, a category unseen in training"
                f" ({int(strange.sum())} such rows); correct or drop them, or predict them with no category (all"
                " zeros), as the folds of choose do: --unseen ignore, in Python unseen='ignore'"
            )


def _strange(column: Column, known: frozenset[str]) -> NDArray[np.bool_]:
    """Which rows (n,) hold a text that is not known; looked up once a level."""
    if column.levels is None:
        return np.array([text is not None and text not in known for text in column.texts()], dtype=bool)
    levels = np.array([*(str(text) not in known for text in column.levels), False])
    return np.asarray(levels[column.values])
