"""Losses of K coupled scores in other libraries: what stands around their functions, by the same names everywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lossmith.adapters.export_functions import kind_of, outputs_of
from lossmith.loss import Loss

COUPLED = ("slots", "distribution", "normalised", "rivals")
"""The kinds of losses of K scores that look at more than the probability of the true class."""

SEEN = {"logp": "log_true", "mean_logp": "log_mean", "sum_p2": "square", "logsumexp": "log_sum", "entropy": "entropy",
        "rival": "rival"}  # fmt: skip
"""The functions that compute what a formula of coupled scores looks at, in every framework under the same name."""

NUMBERS: Mapping[str, Callable[[Any], tuple[Any, ...]]] = {
    "adjusted": lambda lift: lift.numbers,
    "costs": lambda lift: lift.table,
}
"""The numbers of classes that a lift carries."""


def looks_at(loss: Loss) -> list[str]:
    """What coupled scores are looked at through, by the functions' names in every framework: square, against_best …"""
    kind = kind_of(loss)
    if kind == "slots":
        return [SEEN[slot] for slot in outputs_of(loss)]
    if kind == "normalised":
        assert loss.derived.mean is not None
        return ["SURE", *("link", "link_slope", "link_bend")[: len(loss.derived.mean.wants)]]
    return [loss.lift.name.removeprefix("one_")] if kind == "rivals" else []


def through(loss: Loss, printed: Mapping[str, Any], module: Any) -> list[Any]:
    """The same as objects: those of a framework's module, or printed ones."""
    home = printed if kind_of(loss) == "normalised" else vars(module)
    return [home[name] for name in looks_at(loss)]


def term_of(loss: Loss, printed: Mapping[str, Any], module: Any, three: tuple[Any, Any, Any]) -> Any:
    """The loss of rows of scores, in a framework whose module this is."""
    kind = kind_of(loss)
    term = getattr(module, f"{kind}_loss")(*three, *through(loss, printed, module))
    numbers = NUMBERS.get(loss.lift.name)
    return getattr(module, loss.lift.name)(term, numbers(loss.lift)) if numbers else term


def term_text(loss: Loss) -> str:
    """The same as an expression."""
    text = f"{kind_of(loss)}_loss({', '.join(['value, slope, bend', *looks_at(loss)])})"
    numbers = NUMBERS.get(loss.lift.name)
    return f"{loss.lift.name}({text}, {numbers(loss.lift)!r})" if numbers else text


def number_text(loss: Loss, layer: str) -> str:
    """The loss as an object of NumPy, as an expression."""
    prefix = "Probabilities." if kind_of(loss) == "slots" else ""
    numbers = NUMBERS.get(loss.lift.name)
    first = [repr(numbers(loss.lift))] if numbers else []
    return f"{layer}({', '.join([*first, 'value', 'slope', 'bend', *(prefix + name for name in looks_at(loss))])})"


def around(loss: Loss) -> dict[str, str]:
    """What a Keras class must know besides the functions, as expressions."""
    kind, seen, numbers = kind_of(loss), looks_at(loss), NUMBERS.get(loss.lift.name)
    more = {"numbers": repr(numbers(loss.lift))} if numbers else {}
    if kind == "slots":
        return {"slots": f"({', '.join(seen)},)", **more}
    if kind == "normalised":
        return {"sure": "SURE", "link": "staticmethod(link)", "link_slope": "staticmethod(link_slope)"}
    return {"margins": f"staticmethod({seen[0]})"} if kind == "rivals" else more


def around_here(loss: Loss, printed: Mapping[str, Any], module: Any) -> dict[str, Any]:
    """The same as objects."""
    kind, seen, numbers = kind_of(loss), through(loss, printed, module), NUMBERS.get(loss.lift.name)
    more = {"numbers": numbers(loss.lift)} if numbers else {}
    if kind == "slots":
        return {"slots": tuple(seen), **more}
    if kind == "normalised":
        return dict(zip(("sure", "link", "link_slope"), seen, strict=False))
    return {"margins": seen[0]} if kind == "rivals" else more
