"""Every loss as a PyTorch module: `lossmith.torch.Focal(gamma=2)`, `lossmith.torch.criterion(any_loss)`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache
from types import new_class
from typing import Any

from lossmith.adapters.export_functions import Functions, differences, functions, harmless, legality, triple
from lossmith.adapters.export_scores import COUPLED, term_of
from lossmith.adapters.hosts import host
from lossmith.adapters.named import maker, refuse_others
from lossmith.backends.arrays import load
from lossmith.catalogue import every
from lossmith.catalogue import loss as loss_of
from lossmith.loss import Loss

host("torch")

from lossmith.adapters import torch_classes, torch_coupled, torch_outputs, torch_point  # noqa: E402
from lossmith.adapters.torch_base import Criterion, differentiable  # noqa: E402

CLASSES: Mapping[str, type[Criterion]] = {
    "residual": torch_point.Residual, "point": torch_point.Point, "thresholds": torch_point.Thresholds,
    "classes": torch_classes.Classes, "outputs": torch_outputs.Outputs, "pairwise": torch_outputs.Pair,
    "censored": torch_outputs.Interval, "ordinal": torch_outputs.Ordinal, "slots": torch_coupled.Slots,
    "distribution": torch_coupled.Distribution, "normalised": torch_coupled.Normalised, "rivals": torch_coupled.Rivals,
}  # fmt: skip
"""What stands around the functions of a loss."""


def base_of(loss: Loss) -> str:
    """Which of CLASSES a loss needs."""
    kind = functions(loss, "torch").kind
    if kind == "point" and differences(loss):
        return "residual"
    return loss.lift.name if loss.lift.name in CLASSES and kind == "outputs" else kind


def settings(loss: Loss, made: Functions) -> dict[str, Any]:
    """The class attributes that tell one loss from another."""
    mixes = loss.target.name in ("binary", "unit_interval", "classes") and not loss.lift.joint
    said = {"name": loss.name, "says": loss.target.says, "mixes": mixes, "harmless": harmless(loss)}
    return {**said, "outputs": made.outputs}


@cache
def terms(loss: Loss) -> Mapping[str, Any]:
    """The loss as operations that PyTorch differentiates by our derivatives, and its legal targets."""
    made = functions(loss, "torch")
    made_of = load(f"import math\nimport torch\n\n{made.text}\n\n{legality(loss, 'torch')}", f"{loss!r} in torch")
    three = triple(made_of)
    if made.kind in COUPLED:
        return {"term": term_of(loss, made_of, torch_coupled, three), "legal": made_of["legal"]}
    if made.kind != "classes":
        return {"term": differentiable(*three, made.truths), "legal": made_of["legal"]}
    binary = triple(made_of, "binary_")
    many = torch_classes.softmax_loss(*three, made_of.get("mean_slope"))
    return {"term": many, "binary": differentiable(*binary, 1), "legal": made_of["legal"]}


def criterion(loss: str | Loss | type[Loss], reduction: str = "mean", **options: Any) -> Criterion:
    """Any loss, also one from a formula, as a PyTorch module; options as of `Criterion` and `Classes`."""
    one = loss_of(loss)
    known = {k for kind in (Criterion, CLASSES[base_of(one)]) for k in inspect.signature(kind).parameters}
    refuse_others(one, options, known, "PyTorch")
    said = settings(one, functions(one, "torch"))
    made = _class(type(one), base_of(one), *said.items())(reduction, **options)  # type: ignore[arg-type]
    made.__dict__.update(terms(one), loss=one)
    return made


@cache
def _class(kind: type[Loss], base: str, *said: tuple[str, Any]) -> type[Criterion]:
    """A class for a loss, whose instances travel by their loss and their settings."""

    def __reduce__(self: Any) -> tuple[Any, ...]:
        state = {k: v for k, v in vars(self).items() if k not in terms(self.loss)}
        return _empty, (self.loss,), state

    body = {
        **dict(said), "__reduce__": __reduce__, "__doc__": f"{kind.__doc__}\n\n{Criterion.__doc__}",
        "__module__": __name__, "extra_repr": lambda self: f"{self.loss!r}, reduction={self.reduction!r}",
    }  # fmt: skip
    return new_class(kind.__name__, (CLASSES[base],), {}, lambda space: space.update(body))


def _empty(loss: Loss) -> Criterion:
    return criterion(loss)


@cache
def __getattr__(name: str) -> Any:
    return maker(name, "lossmith.torch", criterion, f"Returns a module. {inspect.getdoc(Criterion)}")


def __dir__() -> list[str]:
    return sorted(["criterion", *every()])
