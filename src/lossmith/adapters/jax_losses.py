"""Every loss as a JAX function: `lossmith.jax.Focal(gamma=2)`, `lossmith.jax.objective(any_loss)`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any

from lossmith.adapters.export import layer
from lossmith.adapters.export_functions import functions, legality, triple
from lossmith.adapters.export_scores import COUPLED, term_of
from lossmith.adapters.hosts import host
from lossmith.adapters.named import maker, refuse_others
from lossmith.backends.arrays import load
from lossmith.catalogue import every
from lossmith.catalogue import loss as loss_of
from lossmith.loss import Loss

host("jax")

from lossmith.adapters import jax_classes, jax_coupled, jax_outputs  # noqa: E402
from lossmith.adapters.jax_base import Objective, Point, Residual, Thresholds, differentiable  # noqa: E402

LAYERS: Mapping[str, type[Objective]] = {
    "Point": Point, "Residual": Residual, "Thresholds": Thresholds, "Classes": jax_classes.Classes,
    "Outputs": jax_outputs.Outputs, "Pair": jax_outputs.Pair, "Interval": jax_outputs.Interval,
    "Ordinal": jax_outputs.Ordinal, "Slots": jax_coupled.Slots, "Distribution": jax_coupled.Distribution,
    "Adjusted": jax_coupled.Adjusted, "Costs": jax_coupled.Costs, "Normalised": jax_coupled.Normalised,
    "Rivals": jax_coupled.Rivals,
}  # fmt: skip
"""What stands around the functions of a loss."""


@cache
def terms(loss: Loss) -> Mapping[str, Any]:
    """The loss as operations that JAX differentiates by our derivatives, and its legal targets."""
    made = functions(loss, "jax")
    text = f"import math\nimport jax\nimport jax.numpy as jnp\n\n{made.text}\n\n{legality(loss, 'jnp')}"
    made_of = load(text, f"{loss!r} in jax")
    three = triple(made_of)
    found = {"name": loss.name, "says": loss.target.says, "outputs": made.outputs, "legal": made_of["legal"]}
    if made.kind in COUPLED:
        return {**found, "term": term_of(loss, made_of, jax_coupled, three)}
    if made.kind != "classes":
        return {**found, "term": differentiable(*three, 0 if made.kind == "thresholds" else made.truths)}
    binary = differentiable(*triple(made_of, "binary_"), 1)
    return {**found, "binary": binary, "term": jax_classes.softmax_loss(*three, made_of.get("mean_slope"))}


def objective(loss: str | Loss | type[Loss], reduction: str = "none", **options: Any) -> Objective:
    """Any loss, also one from a formula, as a JAX function; options as of `Objective` and `Classes`."""
    one = loss_of(loss)
    kind = LAYERS[layer(one)]
    refuse_others(one, options, inspect.signature(kind).parameters, "JAX")
    made = kind(reduction, **options)
    made.__dict__.update(terms(one), loss=one, shown=repr(one))
    return made


@cache
def __getattr__(name: str) -> Any:
    return maker(name, "lossmith.jax", objective, f"Returns a function of JAX. {inspect.getdoc(Objective)}")


def __dir__() -> list[str]:
    return sorted(["objective", *every()])
