"""PyTorch losses of class probabilities: K scores through softmax, or one score for two classes.

input is (N, C), (N, C, d1, …) or (C,), as in `torch.nn.CrossEntropyLoss`; target holds class indices without the C, or
shares of the classes with it. An input without a class dimension is the score of class 1 of two: target has its shape.
For the way back input, target and nothing else is kept; backward makes one array of the size of input.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from lossmith.adapters.torch_base import Criterion, concrete
from lossmith.errors import DomainError, ShapeError


def log_softmax(z: torch.Tensor) -> torch.Tensor:
    """log p over the last dimension; what the others have is added up apart, so that a sure class keeps its digits."""
    top = z.argmax(dim=-1, keepdim=True)
    shifted = (z - z.gather(-1, top)).scatter(-1, top, 0.0)
    odds = shifted.exp().scatter(-1, top, 0.0)
    return shifted - odds.sum(dim=-1, keepdim=True).log1p()


def of_true(values: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The entries at the true classes (…, 1), or all of them where the target is a distribution."""
    return values if target.is_floating_point() else values.gather(-1, target[..., None])


def put_back(values: torch.Tensor, target: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Entries of the true classes at their places, zeros elsewhere."""
    if target.is_floating_point():
        return values
    return torch.zeros_like(like).scatter(-1, target[..., None], values)


def softmax_loss(value: Any, slope: Any, bend: Any, mean_slope: Any) -> Callable[..., torch.Tensor]:
    """Σ_k t_k f(log p_k) over the last dimension, with gradient and Hessian by ∂log p/∂z = e_k − p."""
    needs_mean = mean_slope is not None

    def given(logp: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, ...]:
        own = of_true(logp, target)
        return (own, logp.mean(dim=-1, keepdim=True).expand_as(own)) if needs_mean else (own,)

    def weighted(values: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        if not target.is_floating_point():
            return values
        return torch.where(target == 0, 0, target * values)

    def slopes(z: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        logp = log_softmax(z)
        at = given(logp, target)
        d1 = weighted(slope(*at), target)
        total = d1.sum(dim=-1, keepdim=True)
        if not needs_mean:
            return put_back(d1, target, z) - total * logp.exp()
        dm = weighted(mean_slope(*at), target).sum(dim=-1, keepdim=True)
        return put_back(d1, target, z) + dm / z.shape[-1] - (total + dm) * logp.exp()

    def turned(z: torch.Tensor, target: torch.Tensor, side: torch.Tensor) -> torch.Tensor:
        """The Hessian of each row times a vector."""
        logp = log_softmax(z)
        p, at = logp.exp(), given(logp, target)
        d1, d2 = weighted(slope(*at), target), weighted(bend(*at), target)
        total = d1.sum(dim=-1, keepdim=True)
        if needs_mean:
            total = total + weighted(mean_slope(*at), target).sum(dim=-1, keepdim=True)
        across = side - (p * side).sum(dim=-1, keepdim=True)
        own = d2 * of_true(across, target)
        return put_back(own, target, z) - p * own.sum(dim=-1, keepdim=True) - total * p * across

    class Slope(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(z: torch.Tensor, target: torch.Tensor) -> Any:
            return slopes(z, target)

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx: Any, side: torch.Tensor) -> Any:
            z, target = ctx.saved_tensors
            return turned(z, target, side), None

        @staticmethod
        def jvp(ctx: Any, tangent: Any, _: Any) -> Any:
            z, target = ctx.saved_tensors
            return turned(z, target, tangent)

    class Compiled(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(z: torch.Tensor, target: torch.Tensor) -> Any:
            at = given(log_softmax(z), target)
            return weighted(value(*at), target).sum(dim=-1)

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx: Any, side: torch.Tensor) -> Any:
            return side[..., None] * slopes(*ctx.saved_tensors), None

    class Value(Compiled):
        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx: Any, side: torch.Tensor) -> Any:
            return side[..., None] * Slope.apply(*ctx.saved_tensors), None

        @staticmethod
        def jvp(ctx: Any, tangent: Any, _: Any) -> Any:
            return (Slope.apply(*ctx.saved_tensors) * tangent).sum(dim=-1)

    def apply(z: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        chosen = Compiled if torch.compiler.is_compiling() else Value
        return chosen.apply(z, target)

    return apply


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

    def refuse(self, target: torch.Tensor) -> None:
        if not target.is_floating_point():
            super().refuse(target)

    def terms(self, input: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        scores = input.ndim == target.ndim + 1 or (target.is_floating_point() and input.ndim > 1)
        return self.many(input, target) if scores else self.two(input, target)

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
        t = target.to(z.dtype).movedim(place, -1) if shares else target.long()
        if not shares and self.check and concrete(t):
            self.within(t, z.shape[-1])
        if self.class_weight is None:
            return self.term(z, t), t.sum(dim=-1) if shares else None
        w = self.class_weight.to(z.dtype)
        if shares:
            return self.term(z, t * w), (t * w).sum(dim=-1)
        return self.term(z, t) * w[t], w[t]

    def within(self, target: torch.Tensor, count: int) -> None:
        """Refuse a class index without a score."""
        if target.numel() and int(target.max()) >= count:
            raise DomainError(
                f"{self.name} needs class indices 0 … {count - 1} for {count} scores; one is {target.max()}"
            )

    def two(self, input: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """One score a row, of class 1."""
        if input.shape != target.shape:
            raise ShapeError(f"input has shape {tuple(input.shape)} and target {tuple(target.shape)}")
        if self.class_weight is not None:
            raise ShapeError("class_weight is for K scores; for one score of two classes give pos_weight")
        y = target.to(input.dtype)
        up, down = self.binary(torch.ones_like(y), input), self.binary(torch.zeros_like(y), input)
        factor = 1 if self.pos_weight is None else self.pos_weight
        return torch.where(y == 0, 0, y * up * factor) + torch.where(y == 1, 0, (1 - y) * down), None


def class_dim(input: torch.Tensor) -> int:
    """Where the classes are: the second dimension, or the only one."""
    return 1 if input.ndim > 1 else 0
