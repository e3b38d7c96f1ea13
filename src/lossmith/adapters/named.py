"""Losses by their names in the modules of the frameworks: `lossmith.torch.Focal(gamma=2)`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from inspect import Parameter, Signature, signature
from typing import Any

from lossmith.catalogue import every
from lossmith.errors import ParameterError
from lossmith.loss import Loss


def named(name: str, module: str) -> Any:
    """The kind of loss that a module is asked for."""
    if name in every():
        return every()[name]
    raise AttributeError(f"{module} has no {name!r}; `lossmith.losses()` lists the losses")


def parted(kind: Any, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was given: the parameters of the loss, and the options of what stands around it."""
    params = {k: v for k, v in given.items() if k in kind.declared}
    return params, {k: v for k, v in given.items() if k not in kind.declared}


def refuse_others(loss: Loss, options: Iterable[str], known: Iterable[str], where: str) -> None:
    """Raise for the first option that is none."""
    unknown = sorted(set(options) - set(known))
    if unknown:
        has = ", ".join(loss.declared) or "none"
        raise ParameterError(
            f"{loss.name} has neither a parameter nor an option {unknown[0]!r} in {where}; its parameters: {has}"
        )


def maker(name: str, module: str, build: Callable[..., Any], says: str) -> Callable[..., Any]:
    """A function with the parameters of a loss and the options of `build`, which makes something of the loss."""
    kind = named(name, module)

    def make(*args: float, **given: Any) -> Any:
        params, options = parted(kind, given)
        return build(kind(*args, **params), **options)

    own, (_, *more) = signature(kind).parameters.values(), signature(build).parameters.values()
    more = [p if p.kind is Parameter.VAR_KEYWORD else p.replace(kind=Parameter.KEYWORD_ONLY) for p in more]
    make.__dict__["__signature__"] = Signature([*own, *more])
    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"{kind.__doc__}\n\n{says}"
    return make
