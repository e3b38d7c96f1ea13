"""Update rules of the stochastic solvers: what is done with a gradient, as pure functions memory → memory.

A rule turns the gradient g of a batch into a direction d; the coefficients then move by −(learning rate)·d.

    momentum, heavy-ball   v ← βv + g           d = v   (Polyak 1964; what torch.optim.SGD computes)
    momentum, ema          v ← βv + (1−β)g      d = v   (a running mean, started at 0)
    … with nesterov        v as above           d = βv + g, or βv + (1−β)g
    rmsprop                s ← ρs + (1−ρ)g²     d = g / (√s + ε), or g / √(s + ε) with `eps_in_sqrt`
    adagrad                s ← s + g²           d = g / (√s + ε), or g / √(s + ε)
    adam                   m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², d = m̂ / (√v̂ + ε), m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ)
    adamw                  adam, and the coefficients shrink by (learning rate)·weight_decay, apart from the gradient

s in RMSprop is a running *mean* of squares; in Adagrad it is their sum. In plain SGD β is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.domain import Param, between, nonnegative
from lossmith.fit.solvers.settings import SWITCH, OneOf, Setting

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Memory:
    """What a rule remembers: how many gradients it has seen, their running mean, and that of their squares."""

    t: int
    first: Array
    second: Array

    @classmethod
    def empty(cls, like: Array) -> Memory:
        """The memory before the first gradient."""
        return cls(0, np.zeros_like(like), np.zeros_like(like))


@dataclass(frozen=True, slots=True)
class Move:
    """A direction, its share of a constant gradient (`reach`: a proximal step is scaled alike), and the new memory."""

    direction: Array
    reach: Array | float
    memory: Memory


Update = Callable[[Memory, Array, Mapping[str, Any]], Move]


def momentum(memory: Memory, g: Array, options: Mapping[str, Any]) -> Move:
    """A velocity that remembers past gradients, as a heavy ball or a running mean, looking ahead if it is told to."""
    beta, t = options["momentum"], memory.t + 1
    share = 1.0 - beta if options["momentum_form"] == "ema" else 1.0
    velocity = beta * memory.first + share * g
    ahead = options["nesterov"]
    direction = beta * velocity + share * g if ahead else velocity
    reach = share * (1.0 - beta ** (t + ahead)) / (1.0 - beta)
    return Move(direction, reach, Memory(t, velocity, memory.second))


def rmsprop(memory: Memory, g: Array, options: Mapping[str, Any]) -> Move:
    """The gradient over the root of a running mean of its squares."""
    rho = options["rho"]
    squares = rho * memory.second + (1.0 - rho) * g * g
    reach = inverse_root(squares, options)
    return Move(g * reach, reach, Memory(memory.t + 1, memory.first, squares))


def adagrad(memory: Memory, g: Array, options: Mapping[str, Any]) -> Move:
    """The gradient over the root of the sum of all its squares."""
    squares = memory.second + g * g
    reach = inverse_root(squares, options)
    return Move(g * reach, reach, Memory(memory.t + 1, memory.first, squares))


def adam(memory: Memory, g: Array, options: Mapping[str, Any]) -> Move:
    """A running mean of gradients over the root of a running mean of squares, both corrected for their start at 0."""
    beta1, beta2, t = options["beta1"], options["beta2"], memory.t + 1
    mean = beta1 * memory.first + (1.0 - beta1) * g
    squares = beta2 * memory.second + (1.0 - beta2) * g * g
    reach = inverse_root(squares / (1.0 - beta2**t), options)
    return Move(mean / (1.0 - beta1**t) * reach, reach, Memory(t, mean, squares))


def inverse_root(squares: Array, options: Mapping[str, Any]) -> Array:
    """1/(√s + ε), or 1/√(s + ε); 0 where s and ε both vanish, for there the gradient was 0 all along."""
    eps = options["eps"]
    root = np.sqrt(squares + eps) if options["eps_in_sqrt"] else np.sqrt(squares) + eps
    inverse: Array = np.divide(1.0, root, out=np.zeros_like(root), where=root > 0)
    return inverse


@dataclass(frozen=True, slots=True)
class Rule:
    """An update rule and its own options."""

    update: Update
    options: Mapping[str, Setting]


def _memory(default: float, doc: str) -> Param:
    return between(0.0, 1.0, default, doc, ends="[)")  # type: ignore[no-any-return]


def _momentum(beta: float, *forms: str, nesterov: tuple[bool, bool] = (False, True)) -> Mapping[str, Setting]:
    share = _memory(beta, "share of the velocity that is kept")
    return {"momentum": share, "momentum_form": OneOf(forms), "nesterov": OneOf(nesterov)}


def _epsilon(default: float) -> Mapping[str, Setting]:
    return {"eps": nonnegative(default, "keeps the quotient finite"), "eps_in_sqrt": SWITCH}


ADAM: Mapping[str, Setting] = {
    "beta1": _memory(0.9, "share of the mean gradient that is kept"),
    "beta2": _memory(0.999, "share of the mean square that is kept"),
    **_epsilon(1e-8),
}
DECAY = {"weight_decay": nonnegative(1e-4, "share of the coefficients lost per unit of learning rate")}

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "sgd": Rule(momentum, _momentum(0.0, "heavy-ball", "ema")),
        "momentum": Rule(momentum, _momentum(0.9, "ema", "heavy-ball")),
        "nesterov": Rule(momentum, _momentum(0.9, "heavy-ball", "ema", nesterov=(True, False))),
        "rmsprop": Rule(rmsprop, {"rho": _memory(0.9, "share of the mean square that is kept"), **_epsilon(1e-8)}),
        "adagrad": Rule(adagrad, _epsilon(1e-10)),
        "adam": Rule(adam, ADAM),
        "adamw": Rule(adam, {**ADAM, **DECAY}),
    }
)
