"""Every loss as a `keras.losses.Loss`: `lossmith.keras.Focal(gamma=2)`, on any backend of Keras 3."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache
from types import new_class
from typing import Any

from lossmith.adapters.export import layer
from lossmith.adapters.export_functions import functions, legality
from lossmith.adapters.export_scores import COUPLED, around_here
from lossmith.adapters.hosts import host
from lossmith.adapters.named import named, parted, refuse_others
from lossmith.backends.arrays import load
from lossmith.catalogue import every
from lossmith.catalogue import loss as loss_of
from lossmith.loss import Loss

host("keras")

import keras  # noqa: E402

from lossmith.adapters import keras_base, keras_coupled  # noqa: E402
from lossmith.adapters.keras_base import Derived  # noqa: E402

OPTIONS = ("name", "reduction", "dtype")
"""What Keras itself asks of a loss."""


@cache
def terms(loss: Loss) -> Mapping[str, Any]:
    """The functions of a loss in keras.ops, and its legal targets."""
    made = functions(loss, "keras")
    found = load(f"import math\nfrom keras import ops\n\n{made.text}\n\n{legality(loss, 'ops')}", f"{loss!r} in keras")
    names = [n for n in made.names if n in ("value", "slope", "mean_slope", "binary_value", "binary_slope")]
    around = around_here(loss, found, keras_coupled) if made.kind in COUPLED else {"outputs": made.outputs}
    return {**{n: found[n] for n in (*names, "legal")}, "says": loss.target.says, **around}


@cache
def _class(kind: type[Loss]) -> type[Derived]:
    """The Keras class of a catalogued loss, registered so that a saved model finds it."""
    home = keras_coupled if functions(kind(), "keras").kind in COUPLED else keras_base
    base: type[Derived] = getattr(home, layer(kind()))

    def __init__(self: Any, *args: float, **given: Any) -> None:
        params, options = parted(kind, given)
        loss = kind(*args, **params)
        refuse_others(loss, options, OPTIONS, "Keras")
        base.__init__(self, **options)
        for name, value in terms(loss).items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "loss", loss)

    def get_config(self: Any) -> dict[str, Any]:
        return {**base.get_config(self), **self.loss.params}

    body = {
        "__init__": __init__, "get_config": get_config, "__module__": "lossmith.keras",
        "__doc__": f"{kind.__doc__}\n\n{inspect.getdoc(Derived)}",
    }  # fmt: skip
    made = new_class(kind.__name__, (base,), {}, lambda space: space.update(body))
    registered: type[Derived] = keras.saving.register_keras_serializable(package="lossmith")(made)
    return registered


def objective(loss: str | Loss | type[Loss], **options: Any) -> Derived:
    """Any loss as a Keras loss; one from a formula cannot be saved with a model, only catalogued ones can."""
    one = loss_of(loss)
    return _class(type(one))(**one.params, **options)  # type: ignore[arg-type]


def __getattr__(name: str) -> Any:
    return _class(named(name, "lossmith.keras"))


def __dir__() -> list[str]:
    return sorted(["objective", *every()])
