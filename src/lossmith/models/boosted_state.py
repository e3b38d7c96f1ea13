"""A fitted booster taken apart and put together again: the engine's own text or arrays, never pickled objects."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from lossmith.loss import Loss
from lossmith.models.boosted_fit import Part
from lossmith.models.boosted_rows import Encoder
from lossmith.models.boosted_task import ENGINES
from lossmith.models.state import dump_loss, load_loss
from lossmith.models.store import State

LEARNED = ("classes_", "class_weight_", "n_features_in_", "feature_names_in_")
CHOICES = ("loss", "scoring")
"""Parameters that may be losses."""


def dump_boosted(model: Any) -> State:
    """Parameters and what was learned as plain values, with arrays apart."""
    params = dict(model.get_params(deep=False))
    params |= {name: _dump_choice(params[name]) for name in CHOICES}
    arrays = {name: getattr(model, name) for name in LEARNED if name.endswith("_") and name in vars(model)}
    parts = []
    for i, part in enumerate(model.parts_):
        values, mine = part.trees.dump()
        arrays |= {f"part/{i}/{name}": array for name, array in mine.items()}
        parts.append({"trees": values, "start": part.start, "unit": part.unit, "rule": part.rule})
    whole = {
        "params": params,
        "loss": dump_loss(model.loss_),
        "levels": model.encoder_.levels,
        "parts": parts,
        "count": arrays.pop("n_features_in_"),
    }
    return whole, arrays


def load_boosted(cls: type[Any], state: State) -> Any:
    """The model that `dump_boosted` took apart; its engine must be installed."""
    values, arrays = state
    params = values["params"]
    model = cls(**{**params, **{name: _load_choice(params[name]) for name in CHOICES}})
    model.loss_, model.encoder_ = load_loss(values["loss"]), Encoder(tuple(values["levels"]))
    model.n_features_in_ = values["count"]
    for name in LEARNED:
        if name in arrays:
            setattr(model, name, arrays[name])
    kind = import_module(ENGINES[model.engine]).TREES
    model.parts_ = tuple(_part(kind, i, body, arrays) for i, body in enumerate(values["parts"]))
    return model


def _part(kind: Any, i: int, body: dict[str, Any], arrays: dict[str, Any]) -> Part:
    prefix = f"part/{i}/"
    mine = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
    return Part(kind.restore((body["trees"], mine)), body["start"], body["unit"], body["rule"])


def _dump_choice(choice: Any) -> Any:
    return {"loss": dump_loss(choice)} if isinstance(choice, Loss) else choice


def _load_choice(body: Any) -> Any:
    return load_loss(body["loss"]) if isinstance(body, dict) else body
