"""A model of a whole table: the encoder and the linear model behind it, fitted, applied and saved as one."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from lossmith.choose.encode import Encoder, encoded, read_encoder, survey
from lossmith.choose.profile import Target
from lossmith.models.store import State, Storable, embed, extract
from lossmith.rows.tables import Table

Array = NDArray[Any]


class TableModel(Storable):
    """Columns in, predictions out: an encoder and a `LinearRegressor` or `LinearClassifier`.

    `target` is the name of the target column; `labels` are the classes, empty for numbers.
    """

    kind: ClassVar[str] = "table-model"

    def __init__(self, encoder: Encoder, model: Any, target: str, labels: tuple[str, ...]) -> None:
        self.encoder, self.model, self.target, self.labels = encoder, model, target, labels

    @classmethod
    def fit(cls, table: Table, target: Target, model: Any, weight: Array | None = None) -> Self:
        """Learn encoder and model from the features of a table whose rows are those of the target."""
        encoder, X = encoded(table)
        y = target.y if target.labels else target.y.astype(np.float64)
        model.fit(X, y, sample_weight=weight)
        return cls(encoder, model, target.name, target.labels)

    def predict(self, X: Any) -> Array:
        """The prediction for every row of a table (n,): a number, or the most probable class as text."""
        found = self.model.predict(self.encoder.matrix(Table.of(X)))
        return np.asarray(self.labels)[found.astype(int)] if self.labels else np.asarray(found)

    def predict_proba(self, X: Any) -> Array:
        """The probability of every class (n, K), in the order of `labels`."""
        return np.asarray(self.model.predict_proba(self.encoder.matrix(Table.of(X))))

    def columns(self, X: Any) -> dict[str, Array]:
        """What `lossmith predict` writes: the prediction and, where there are any, the probabilities of the classes."""
        table = Table.of(X)
        out = {"prediction": self.predict(table)}
        if self.labels and _has_probabilities(self.model):
            p = self.predict_proba(table)
            out |= {f"p({label})": p[:, k] for k, label in enumerate(self.labels)}
        return out

    def to_state(self) -> State:
        """Encoder and labels as plain values, the model beside them."""
        values, arrays = embed("model", self.model)
        own = {"encoder": self.encoder.to_json(), "target": self.target, "labels": list(self.labels)}
        return {**own, **values}, arrays

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The model that `to_state` took apart."""
        values, _ = state
        encoder = read_encoder(values["encoder"])
        return cls(encoder, extract("model", state), values["target"], tuple(values["labels"]))


def _has_probabilities(model: Any) -> bool:
    """Has the model's loss a link, so that there are probabilities?"""
    from lossmith.models.inputs import has_link

    return has_link(model.loss_)


def features(table: Table, leave_out: list[str]) -> tuple[Table, list[str]]:
    """The usable feature columns of a table, and notes on those left out."""
    return survey(table.without(leave_out))
