"""Exposure and offset: columns that are added to the raw prediction, and the losses to which that means something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lossmith.choose.score import Score
from lossmith.errors import DataError, ParameterError, ShapeError, UnsupportedError
from lossmith.rows.tables import Column, Table, check_finite, numbers

if TYPE_CHECKING:
    from lossmith.choose.profile import Target
    from lossmith.loss import Loss
    from lossmith.rows.memory import Rows

Array = NDArray[Any]
PROBE = np.array([-1.0, 0.0, 0.5, 2.0])


@dataclass(frozen=True, slots=True, eq=False)
class Shift:
    """What is added to the raw predictions: `values` (n,), the logarithm of the exposure plus the offset.

    `exposure` and `offset` are the names of the columns; `log` says that predictions are exp(raw prediction).
    """

    values: Array
    exposure: str | None = None
    offset: str | None = None
    log: bool = False

    @property
    def says(self) -> str:
        """What it does, for the report."""
        own = f"every prediction is a rate times {self.exposure}" if self.exposure else ""
        other = f"{self.offset} is added to the {'logarithm' if self.log else 'raw prediction'}" if self.offset else ""
        return "; ".join(part for part in (own, other) if part)

    def to_json(self) -> dict[str, str | None]:
        """The names alone."""
        return {"exposure": self.exposure, "offset": self.offset}


def shift_of(exposure: Column | None, offset: Column | None, rows: Array, log: bool) -> Shift | None:
    """The shift of some rows of a table; DataError for an entry that is empty, infinite, or no exposure > 0."""
    if exposure is None and offset is None:
        return None
    values = np.zeros(len(rows))
    if exposure is not None:
        values += np.log(_sound(exposure, "exposure", rows))
    if offset is not None:
        values += _sound(offset, "offset", rows)
    named, added = (None if column is None else column.name for column in (exposure, offset))
    return Shift(values, named, added, log)


def _sound(column: Column, role: str, rows: Array) -> Array:
    check_finite(column)
    values: Array = numbers(column, role)[rows]
    faults = {"is empty": np.isnan(values), "is not positive": (values <= 0) & (role == "exposure")}
    for what, bad in faults.items():
        if bad.any():
            row, count = int(rows[np.argmax(bad)]), int(bad.sum())
            needs = "an exposure must be > 0" if role == "exposure" else "every row needs an offset"
            raise DataError(
                f"{role} column {column.name!r}: row {row} {what} ({count} such rows); {needs}: fill it or drop the row"
            )
    return values


def shift_at(names: dict[str, str | None], table: Table, given: dict[str, Any]) -> Array | None:
    """The shift (n,) of a table to predict: from the columns that the model was trained with, or from what is given.

    `given` has an array (n,) or the name of a column for `exposure` and `offset`, or None for the column's own name.
    """
    columns: dict[str, Column | None] = {}
    for role in ("exposure", "offset"):
        name, own = names[role], given[role]
        if name is None and own is not None:
            raise ParameterError(f"{role}: the model was trained without one; leave it out, or train it with one")
        columns[role] = None if name is None else _column(table, role, name, own)
    found = shift_of(columns["exposure"], columns["offset"], np.arange(table.n), True)
    return None if found is None else found.values


def _column(table: Table, role: str, name: str, given: Any) -> Column:
    if given is not None and not isinstance(given, str):
        values = np.asarray(given)
        if values.shape != (table.n,):
            raise ShapeError(f"{role} has shape {values.shape}; it must be ({table.n},)")
        return Table.of({name: values}, role).columns[0]
    name = given or name
    if name not in table.names:
        means = "; with 1 in every row it predicts for one unit" if role == "exposure" else ""
        raise DataError(f"no column {name!r}: the model was trained with it as {role}; add it to the table{means}")
    return table.column(name)


def demand_sense(exposure: Column | None, offset: Column | None, score: Score, target: Target) -> None:
    """Raise an UnsupportedError where an exposure or offset means nothing for this target or score."""
    if exposure is not None and target.labels:
        raise UnsupportedError(
            f"exposure {exposure.name!r}: {target.name!r} holds classes, which have none; if they are counts, ask for"
            " --score poisson"
        )
    if exposure is not None and score.functional != "mean":
        raise UnsupportedError(
            f"exposure {exposure.name!r}: score {score.name} asks for the {score.functional}, and only a mean grows"
            " with the exposure; judge by poisson, gamma, tweedie or squared"
        )
    if offset is not None and len(target.labels) > 2:
        raise UnsupportedError(
            f"offset {offset.name!r}: {target.name!r} has {len(target.labels)} classes, and what is added to all their"
            " scores changes nothing; leave it out"
        )


def bare(rows: Rows, loss: Loss) -> float:
    """The raw prediction that is best without any feature, beside the offset of the rows."""
    from lossmith.fit import Penalty, fit

    return float(fit(replace(rows, X=np.zeros((rows.n, 1))), loss, Penalty("none"), tol=1e-6).intercept)


def is_log(exposure: Column | None, offset: Column | None, score: Score) -> bool:
    """Are predictions exp(raw prediction)? With an exposure, and with an offset where the score is a deviance."""
    return exposure is not None or (offset is not None and score.positive)


def shift_for(
    loss: Loss | None, score: Score, target: Target, exposure: Column | None, offset: Column | None
) -> Shift | None:
    """The shift for one loss, or for the plain one of the score if None; refused where it means nothing."""
    from lossmith.models.inputs import has_log_link

    demand_sense(exposure, offset, score, target)
    log = is_log(exposure, offset, score) if loss is None else has_log_link(loss)
    if loss is not None and exposure is not None and not log:
        raise UnsupportedError(_NO_LOG.format(loss=loss.name))
    return shift_of(exposure, offset, target.rows, log)


def plain_loss(score: Score) -> str:
    """The loss that everyone would take for a rate: that of the deviance, else Poisson's."""
    return {"gamma": "Gamma", "tweedie": "Tweedie"}.get(score.name.partition(":")[0], "Poisson")


def demand_link(loss: Loss, default: Loss, log: bool) -> None:
    """Raise an UnsupportedError for a loss whose link is not that of the default: the shift would mean other things."""
    if np.allclose(_mean(loss), _mean(default), rtol=1e-9, atol=0.0):
        return
    if log:
        raise UnsupportedError(_NO_LOG.format(loss=loss.name))
    raise UnsupportedError(
        f"{loss.name} has another link than {default.name}, to which the same offset would mean something else; leave"
        " one of them out"
    )


_NO_LOG = (
    "{loss} has no log link, so that an exposure, or an offset to logarithms, means nothing to it; take Poisson, Gamma,"
    " Tweedie or NegativeBinomial, or leave it out"
)


def _mean(loss: Loss) -> Array:
    from lossmith.models.inputs import has_link

    if loss.lift.name == "residual" or not has_link(loss):
        return PROBE
    return np.asarray(loss.mean(PROBE))


def with_link(losses: Sequence[Loss], default: Loss, log: bool) -> list[Loss]:
    """Those of the losses that have the link of the default."""

    def fits(loss: Loss) -> bool:
        try:
            demand_link(loss, default, log)
        except UnsupportedError:
            return False
        return True

    return [loss for loss in losses if fits(loss)]
