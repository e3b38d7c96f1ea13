"""PyTorch losses of class probabilities: K scores through softmax, or one score for two classes.

input is (N, C), (N, C, d1, …) or (C,), as in `torch.nn.CrossEntropyLoss`; target holds class indices without the C, or
shares of the classes with it. An input without a class dimension is the score of class 1 of two: target has its shape.
For the way back input, target and nothing else is kept, float16 as float16; backward makes one array like input.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from lossmith.adapters.torch_base import Criterion, Kept, concrete, either, same_shape, wide, widened
from lossmith.errors import ShapeError


def levels(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """z less its largest over the last dimension, and log Σ exp of that, where a sure class keeps its digits: what the
    others have is added up apart."""
    high, top = z.max(dim=-1, keepdim=True)
    if concrete(z) and not torch.is_grad_enabled():
        shifted = (z - high).scatter_(-1, top, 0.0)
        odds = shifted.exp().scatter_(-1, top, 0.0)
    else:
        shifted = (z - high).scatter(-1, top, 0.0)
        odds = shifted.exp().scatter(-1, top, 0.0)
    return shifted, odds.sum(dim=-1, keepdim=True).log1p()


def log_softmax(z: torch.Tensor) -> torch.Tensor:
    """log p over the last dimension."""
    shifted, rest = levels(z)
    return shifted - rest


def of_true(values: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The entries at the true classes (…, 1), or all of them where the target is a distribution."""
    return values if target.is_floating_point() else values.gather(-1, target[..., None])


BLOCK = {"cpu": 2**18}
"""How many scores are worked on at once: what a cache holds; elsewhere 2**24, which keep a device busy."""


def by_rows(function: Callable[..., torch.Tensor], out: Callable[[], torch.Tensor], *tensors: torch.Tensor) -> Any:
    """`function(*tensors)`, of many rows block after block, so that what it needs on the way is small beside `out`."""
    z = tensors[0]
    size = BLOCK.get(z.device.type, 2**24)
    if z.ndim < 2 or z.numel() <= size or not all(map(concrete, tensors)):
        return function(*tensors)
    whole = out()
    dim = max(range(z.ndim - 1), key=z.shape.__getitem__)
    step = max(1, size * z.shape[dim] // z.numel())
    for block, *parts in zip(*(t.split(step, dim) for t in (whole, *tensors)), strict=True):
        block.copy_(function(*parts))
    return whole


def softmax_loss(value: Any, slope: Any, bend: Any, mean_slope: Any) -> Callable[..., torch.Tensor]:
    """Σ_k t_k f(log p_k) over the last dimension, with gradient and Hessian by ∂log p/∂z = e_k − p."""

    def given(shifted: torch.Tensor, rest: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, ...]:
        own = of_true(shifted, target) - rest
        return (own, (shifted.mean(dim=-1, keepdim=True) - rest).expand_as(own)) if mean_slope is not None else (own,)

    def inside(shifted: torch.Tensor, rest: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The same where there are slopes, which end at a probability of 1."""
        own, *mean = given(shifted, rest, target)
        return own.clip(max=-torch.finfo(own.dtype).tiny), *mean

    def weighted(values: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        if not target.is_floating_point():
            return values
        return torch.where(target == 0, 0, target * values)

    def of_mean(at: tuple[torch.Tensor, ...], target: torch.Tensor) -> Any:
        return 0.0 if mean_slope is None else weighted(mean_slope(*at), target).sum(dim=-1, keepdim=True)

    def values(z: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return weighted(value(*given(*levels(wide(z)), target)), target).sum(dim=-1)

    def slopes(z: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        shifted, rest = levels(wide(z))
        at, p = inside(shifted, rest, target), (shifted - rest).exp()
        d1, dm = weighted(slope(*at), target), of_mean(at, target)
        total = d1.sum(dim=-1, keepdim=True)
        own = d1 * -at[0].expm1() + dm / z.shape[-1] - of_true(p, target) * (total - d1 + dm)  # expm1: digits of 1 − p
        if target.is_floating_point():
            return own
        others = p * -(total + dm) if mean_slope is None else dm / z.shape[-1] - p * (total + dm)
        return others.scatter(-1, target[..., None], own)

    def turned(z: torch.Tensor, target: torch.Tensor, side: torch.Tensor) -> torch.Tensor:
        """The Hessian of each row times a vector."""
        shifted, rest = levels(wide(z))
        at, p = inside(shifted, rest, target), (shifted - rest).exp()
        total = weighted(slope(*at), target).sum(dim=-1, keepdim=True) + of_mean(at, target)
        across = side - (p * side).sum(dim=-1, keepdim=True)
        own = weighted(bend(*at), target) * of_true(across, target)
        others = -p * (own.sum(dim=-1, keepdim=True) + total * across)
        return others + own if target.is_floating_point() else others.scatter_add(-1, target[..., None], own)

    class Slope(Kept):
        @staticmethod
        def forward(z: torch.Tensor, target: torch.Tensor) -> Any:
            return by_rows(slopes, lambda: torch.empty_like(z, dtype=widened(z)), z, target)

        @staticmethod
        def backward(ctx: Any, side: torch.Tensor) -> Any:
            z, target = ctx.saved_tensors
            return turned(z, target, side), None

        @staticmethod
        def jvp(ctx: Any, tangent: Any, _: Any) -> Any:
            z, target = ctx.saved_tensors
            return turned(z, target, tangent)

    def scaled(z: torch.Tensor, target: torch.Tensor, side: torch.Tensor) -> torch.Tensor:
        return side * slopes(z, target)

    class Compiled(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(z: torch.Tensor, target: torch.Tensor) -> Any:
            return by_rows(values, lambda: z.new_empty(z.shape[:-1], dtype=widened(z)), z, target)

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx: Any, side: torch.Tensor) -> Any:
            z, target = ctx.saved_tensors
            return by_rows(scaled, lambda: torch.empty_like(z), z, target, side[..., None]), None

    class Value(Kept):
        forward = staticmethod(Compiled.forward)

        @staticmethod
        def backward(ctx: Any, side: torch.Tensor) -> Any:
            if not torch.is_grad_enabled():  # nobody will differentiate once more
                return Compiled.backward(ctx, side)
            return side[..., None] * Slope.apply(*ctx.saved_tensors), None

        @staticmethod
        def jvp(ctx: Any, tangent: Any, _: Any) -> Any:
            return (Slope.apply(*ctx.saved_tensors) * tangent).sum(dim=-1)

    return either(Compiled, Value)


class Classes(Criterion):
    """Losses of the probability of the true class.

    class_weight: a weight for each class, (C,); a mean divides by the weights of the true classes, so that hard and
    one-hot targets agree. pos_weight is for one score of two classes.
    """

    mixes = True
    term: Callable[..., torch.Tensor]
    binary: Callable[..., torch.Tensor]

    def __init__(self, reduction: str = "mean", *, class_weight: torch.Tensor | None = None, **more: Any) -> None:
        super().__init__(reduction, **more)
        self.register_buffer("class_weight", None if class_weight is None else torch.as_tensor(class_weight).float())

    def kept(self, target: torch.Tensor) -> torch.Tensor:
        if target.is_floating_point() and target.ndim > 1:
            return torch.ones_like(target[:, 0], dtype=torch.bool)
        return target != self.ignore_index

    def cleared(
        self, input: torch.Tensor, target: torch.Tensor, keep: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if input.ndim == target.ndim + 1:
            return torch.where(keep.unsqueeze(class_dim(input)), input, 0), torch.where(keep, target, 0)
        return (input, target) if keep.shape != input.shape else super().cleared(input, target, keep)

    def taken(self, input: torch.Tensor) -> torch.Tensor:
        return input  # each block of rows is widened by itself

    def refuse(self, input: torch.Tensor, target: torch.Tensor) -> None:
        if one_score(input, target):
            self.stop(~((target >= 0) & (target <= 1)), target, "labels 0 and 1, or shares of class 1, of one score")
        elif input.ndim == target.ndim:
            self.refuse_shares(target)
        else:
            self.within(target, input.shape[class_dim(input)])

    def refuse_shares(self, target: torch.Tensor) -> None:
        """Raise for the first row that is no distribution over the classes."""
        self.stop(~(target >= 0), target, "shares >= 0 of the classes")
        near, total = (
            max(WHOLE, 4 * torch.finfo(target.dtype).eps),
            target.sum(class_dim(target), dtype=widened(target)),
        )
        then = "; divide by that; where labels do not exclude each other, flatten input and target"
        self.stop(~((total - 1).abs() <= near), total, "shares of the classes that sum to 1", "sums to", then)

    def terms(self, input: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        return self.two(wide(input), target) if one_score(input, target) else self.many(input, target)

    def many(self, input: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """K scores a row."""
        place = class_dim(input)
        shares = target.ndim == input.ndim
        if target.shape != (input.shape if shares else input.shape[:place] + input.shape[place + 1 :]):
            raise ShapeError(
                f"input has shape {tuple(input.shape)} and target {tuple(target.shape)}; with input (N, C, …), "
                "target is (N, …) class indices or (N, C, …) shares"
            )
        z = input.movedim(place, -1)
        t = target.to(widened(z)).movedim(place, -1) if shares else target.long()
        if self.class_weight is None:
            return self.term(z, t), t.sum(dim=-1) if shares else None
        w = self.class_weight.to(widened(z))
        if shares:
            return self.term(z, t * w), (t * w).sum(dim=-1)
        return self.term(z, t) * w[t], w[t]

    def two(self, input: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """One score a row, of class 1."""
        same_shape(input, target)
        if self.class_weight is not None:
            raise ShapeError("class_weight is for K scores; for one score of two classes give pos_weight")
        y = target.to(input.dtype)
        up, down = self.binary(torch.ones_like(y), input), self.binary(torch.zeros_like(y), input)
        factor = 1 if self.pos_weight is None else self.pos_weight
        return torch.where(y == 0, 0, y * up * factor) + torch.where(y == 1, 0, (1 - y) * down), None


WHOLE = 1e-3
"""How far from 1 the shares of a row may add up to, in types that resolve it."""


def one_score(input: torch.Tensor, target: torch.Tensor) -> bool:
    """Is there one score of two classes for each target, and not one of each class?"""
    shares = target.is_floating_point() and input.ndim > 1 and input.shape[1] != 1
    return input.ndim == target.ndim and not shares


def class_dim(input: torch.Tensor) -> int:
    """Where the classes are: the second dimension, or the only one."""
    return 1 if input.ndim > 1 else 0
