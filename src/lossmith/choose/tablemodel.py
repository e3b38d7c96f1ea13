"""A model of a whole table: the encoder and the linear model behind it, fitted, applied and saved as one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from lossmith.choose.encode import encoded, read_encoder, survey
from lossmith.choose.profile import Target
from lossmith.choose.shift import Shift, shift_at
from lossmith.choose.unseen import demand_seen
from lossmith.models.store import State, Storable, embed, extract
from lossmith.rows.tables import Table

Array = NDArray[Any]


class TableModel(Storable):
    """Columns in, predictions out: an encoder and a linear or boosted model.

    `target` is the name of the target column; `labels` are the classes, empty for numbers; `shift` has the names of the
    columns of exposure and offset, None where there are none.
    """

    kind: ClassVar[str] = "table-model"

    def __init__(
        self, encoder: Any, model: Any, target: str, labels: tuple[str, ...], shift: dict[str, str | None]
    ) -> None:
        self.encoder, self.model, self.target, self.labels, self.shift = encoder, model, target, labels, shift

    @classmethod
    def fit(
        cls,
        table: Table,
        target: Target,
        model: Any,
        weight: Array | None = None,
        encode: Callable[[Table], tuple[Any, Any]] = encoded,
        shift: Shift | None = None,
    ) -> Self:
        """Learn encoder and model from the features of a table whose rows are those of the target."""
        encoder, X = encode(table)
        y = target.y if target.labels else target.y.astype(np.float64)
        more = {} if shift is None else {"offset": shift.values}
        model.fit(X, y, sample_weight=weight, **more)
        names = (shift or Shift(y)).to_json()
        return cls(encoder, model, target.name, target.labels, names)

    def predict(self, X: Any, unseen: str = "error", exposure: Any = None, offset: Any = None) -> Array:
        """The prediction for every row of a table (n,): a number, or the most probable class as text; (n, K) quantiles.

        unseen : what to do with a category that was not in training: "error", or "ignore": the row is predicted with
            none, as in the folds of choose
        exposure, offset : for a model that was trained with them: arrays (n,) or names of columns; None for the columns
            of training
        Raises DataError naming the row and column that cannot be used.
        """
        matrix, more = self._read(X, unseen, exposure, offset)
        found = self.model.predict(matrix, **more)
        return np.asarray(self.labels)[found.astype(int)] if self.labels else np.asarray(found)

    def predict_proba(self, X: Any, unseen: str = "error", exposure: Any = None, offset: Any = None) -> Array:
        """The probability of every class (n, K), in the order of `labels`; the rest as in `predict`."""
        matrix, more = self._read(X, unseen, exposure, offset)
        return np.asarray(self.model.predict_proba(matrix, **more))

    def _read(self, X: Any, unseen: str, exposure: Any, offset: Any) -> tuple[Any, dict[str, Array]]:
        """The matrix of a table, and what its rows add to the raw prediction."""
        table = Table.of(X)
        shift = shift_at(self.shift, table, {"exposure": exposure, "offset": offset})
        matrix = self.encoder.matrix(table)
        demand_seen(self.encoder.seen, table, unseen)
        return matrix, {} if shift is None else {"offset": shift}

    def columns(self, X: Any, unseen: str = "error") -> dict[str, Array]:
        """What `lossmith predict` writes: the prediction and, where there are any, the probabilities of the classes."""
        table = Table.of(X)
        found = self.predict(table, unseen)
        out = {"prediction": found} if found.ndim == 1 else dict(zip(self.levels, found.T, strict=True))
        if self.labels and _has_probabilities(self.model):
            p = self.predict_proba(table, unseen)
            out |= {f"p({label})": p[:, k] for k, label in enumerate(self.labels)}
        return out

    @property
    def levels(self) -> tuple[str, ...]:
        """What the columns of a model of several quantiles are called: q0.1, q0.5, …; none for other models."""
        several = self.model.kind == "quantile-regressor"
        return tuple(f"q{level:g}" for level in self.model.levels) if several else ()

    def to_state(self) -> State:
        """Encoder and labels as plain values, the model beside them."""
        values, arrays = embed("model", self.model)
        own = {"encoder": self.encoder.to_json(), "target": self.target, "labels": list(self.labels)}
        return {**own, "shift": self.shift, **values}, arrays

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The model that `to_state` took apart."""
        values, _ = state
        encoder = read_encoder(values["encoder"])
        shift = values.get("shift", {"exposure": None, "offset": None})
        return cls(encoder, extract("model", state), values["target"], tuple(values["labels"]), shift)


def _has_probabilities(model: Any) -> bool:
    """Has the model's loss a link, so that there are probabilities?"""
    from lossmith.models.inputs import has_link

    return has_link(model.loss_)


def features(table: Table, leave_out: list[str]) -> tuple[Table, list[str]]:
    """The usable feature columns of a table, and notes on those left out."""
    return survey(table.without(leave_out))
