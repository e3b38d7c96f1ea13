"""A fitted linear model taken apart and put together again; losses by name, or by formula through the parser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, astuple, fields
from typing import Any

import numpy as np

from lossmith.catalogue import every
from lossmith.catalogue import loss as make_loss
from lossmith.domain import Interval, Param, Target
from lossmith.errors import DataError
from lossmith.fit import Solution
from lossmith.fit.drive import Step
from lossmith.lifts import lift_of
from lossmith.loss import Formula, Loss, from_formula
from lossmith.models.store import State

LEARNED = (
    "coef_", "intercept_", "scale_", "n_iter_", "loss_", "solution_", "classes_", "class_weight_", "n_features_in_",
    "feature_names_in_",
)  # fmt: skip
"""What a fit leaves on a model; nothing else is written or read."""


def dump_model(model: Any) -> State:
    """Parameters and learned attributes as plain values, with the larger arrays apart."""
    learned = {name: value for name, value in vars(model).items() if name in LEARNED}
    solutions, arrays = _dump_solutions(learned.pop("solution_"))
    arrays |= {name: learned.pop(name) for name in list(learned) if isinstance(learned[name], np.ndarray)}
    params = model.get_params(deep=False)
    values = {
        "params": {**params, "loss": _dump_choice(params["loss"])},
        "loss": dump_loss(learned.pop("loss_")),
        "solutions": solutions,
        "learned": learned,
    }
    return values, arrays


def load_model(cls: type[Any], state: State) -> Any:
    """The model that `dump_model` took apart."""
    values, arrays = state
    params = values["params"]
    model = cls(**{**params, "loss": _load_choice(params["loss"])})
    learned = {**values["learned"], **{name: a for name, a in arrays.items() if name in LEARNED}}
    learned["loss_"] = load_loss(values["loss"])
    learned["solution_"] = _load_solutions(values["solutions"], arrays)
    for name in LEARNED:
        if name in learned:
            setattr(model, name, learned[name])
    if model.coef_.shape[-1] != model.n_features_in_:
        raise DataError(f"coef_ has {model.coef_.shape[-1]} columns for {model.n_features_in_} features")
    return model


MORE = ("outputs_", "thresholds_", "baseline_times_", "baseline_hazard_", "n_pairs_")
"""What else a fit of several outputs leaves on a model."""


def dump_together(model: Any) -> State:
    """The same for a model of several outputs, whose loss may be named by another parameter."""
    learned = {name: value for name, value in vars(model).items() if name in (*LEARNED, *MORE)}
    solutions, arrays = _dump_solutions(learned.pop("solution_"))
    loss = learned.pop("loss_", None)
    arrays |= {name: learned.pop(name) for name in list(learned) if isinstance(learned[name], np.ndarray)}
    params = model.get_params(deep=False)
    choice = {"loss": _dump_choice(params["loss"])} if "loss" in params else {}
    values = {"params": {**params, **choice}, "solutions": solutions, "learned": learned}
    return {**values, "loss": None if loss is None else dump_loss(loss)}, arrays


def load_together(cls: type[Any], state: State) -> Any:
    """The model that `dump_together` took apart."""
    values, arrays = state
    params = values["params"]
    choice = {"loss": _load_choice(params["loss"])} if "loss" in params else {}
    model = cls(**{**params, **choice})
    learned = {**values["learned"], **arrays}
    if values["loss"] is not None:
        learned["loss_"] = load_loss(values["loss"])
    learned["solution_"] = _load_solutions(values["solutions"], arrays)
    for name in (*LEARNED, *MORE):
        if name in learned:
            setattr(model, name, learned[name])
    return model


def dump_loss(loss: Loss) -> dict[str, Any]:
    """A loss as its whole declaration and the values of its parameters."""
    return {
        "name": loss.name,
        "formula": loss.formula,
        "mean": loss.mean_formula,
        "lift": loss.lift.spelling,
        "target": asdict(loss.target),
        "declared": {name: asdict(param) for name, param in loss.declared.items()},
        "params": dict(loss.params),
    }


def load_loss(body: Mapping[str, Any]) -> Loss:
    """The catalogue's loss where it is declared the same there; else the declaration is made again from its text."""
    known = every().get(body["name"])
    same_text = known is not None and (known.formula, known.mean_formula) == (body["formula"], body["mean"])
    if known is not None and same_text and known.lift.spelling == body["lift"]:
        same: Loss = known(**body["params"])
        return same
    if known is not None and known.formula == body["formula"] and lift_of(body["lift"]).joint:
        return known(**body["params"]).over(body["lift"])
    if body["name"] == Formula.__name__:
        return from_formula(body["formula"], body["lift"], body["params"])
    params = {name: Param(**{**p, "domain": Interval(**p["domain"])}) for name, p in body["declared"].items()}
    target = Target(**{**body["target"], "interval": Interval(**body["target"]["interval"])})
    members = {"formula": body["formula"], "mean_formula": body["mean"], "__doc__": body["formula"], **params}
    declared = type(body["name"], (Loss,), members, lift=lift_of(body["lift"]), target=target)
    loss: Loss = declared(**body["params"])
    return loss


def _dump_choice(choice: str | Loss) -> dict[str, Any]:
    return {"text": choice} if isinstance(choice, str) else {"loss": dump_loss(make_loss(choice))}


def _load_choice(body: Mapping[str, Any]) -> str | Loss:
    return str(body["text"]) if "text" in body else load_loss(body["loss"])


def _dump_solutions(learned: Solution | tuple[Solution, ...]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Their numbers and sentences as values; coefficients and traces as arrays."""
    parts = learned if isinstance(learned, tuple) else (learned,)
    bodies = [{field.name: getattr(part, field.name) for field in fields(part)} for part in parts]
    arrays = {}
    for i, body in enumerate(bodies):
        body["trace"] = np.array([astuple(step) for step in body["trace"]], dtype=np.float64).reshape(
            -1, len(fields(Step))
        )
        for name in [name for name, value in body.items() if isinstance(value, np.ndarray)]:
            arrays[f"solution_/{i}/{name}"] = body.pop(name)
    return {"several": isinstance(learned, tuple), "each": bodies}, arrays


def _load_solutions(body: Mapping[str, Any], arrays: Mapping[str, Any]) -> Solution | tuple[Solution, ...]:
    parts = []
    for i, values in enumerate(body["each"]):
        prefix = f"solution_/{i}/"
        mine = {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}
        trace = tuple(Step(int(number), *rest) for number, *rest in mine.pop("trace").tolist())
        parts.append(Solution(**values, **mine, trace=trace))
    return tuple(parts) if body["several"] else parts[0]
