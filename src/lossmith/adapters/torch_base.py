"""Losses as PyTorch modules: what all of them share. Weights, reductions, labels to ignore, types, derivatives.

Everything below is also what `lossmith export --to torch` writes into a file that stands alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from itertools import combinations_with_replacement
from typing import Any

import torch

from lossmith.errors import DomainError, ParameterError, ShapeError, UnsupportedError

Columns = tuple[torch.Tensor, ...]
REDUCTIONS = ("mean", "sum", "none", "total")


class Kept(torch.autograd.Function):
    """An operation that keeps its arguments, and nothing else, for derivatives backwards and forwards."""

    generate_vmap_rule = True

    @staticmethod
    def setup_context(ctx: Any, inputs: Columns, output: Any) -> None:
        """Keep the arguments."""
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)


def either(compiled: Any, eager: Any) -> Callable[..., torch.Tensor]:
    """One operation where torch.compile looks on, else another."""

    def apply(*columns: torch.Tensor) -> torch.Tensor:
        chosen = compiled if torch.compiler.is_compiling() else eager
        return chosen.apply(*columns)

    return apply


def differentiable(value: Any, slope: Any, bend: Any, truths: int) -> Callable[..., torch.Tensor]:
    """`value(*truths, *outputs)` with `slope` as its gradient and `bend` as its Hessian, however it is differentiated.

    Only the arguments are kept for the way back; slopes are computed when they are needed.
    """

    def slopes(columns: Columns) -> Columns:
        found = slope(*columns)
        return tuple(map(fresh, found if isinstance(found, tuple) else (found,)))

    def turned(columns: Columns, sides: Sequence[torch.Tensor | None]) -> Columns:
        """The Hessian times a vector, row by row."""
        found = bend(*columns)
        bends = found if isinstance(found, tuple) else (found,)
        pairs = dict(zip(combinations_with_replacement(range(len(sides)), 2), bends, strict=True))
        rows = [
            [pairs[min(i, j), max(i, j)] * side for j, side in enumerate(sides) if side is not None]
            for i in range(len(sides))
        ]
        return tuple(sum(row[1:], start=row[0]) if row else torch.zeros_like(columns[-1]) for row in rows)

    class Slope(Kept):
        @staticmethod
        def forward(*columns: torch.Tensor) -> Any:
            return slopes(columns)

        @staticmethod
        def backward(ctx: Any, *sides: torch.Tensor) -> Any:
            return (None,) * truths + turned(ctx.saved_tensors, sides)

        @staticmethod
        def jvp(ctx: Any, *tangents: Any) -> Any:
            return turned(ctx.saved_tensors, tangents[truths:])

    class Compiled(torch.autograd.Function):
        """What torch.compile takes: it knows no `jvp`, and no derivative of a derivative."""

        generate_vmap_rule = True

        @staticmethod
        def forward(*columns: torch.Tensor) -> Any:
            return fresh(value(*columns))

        @staticmethod
        def setup_context(ctx: Any, inputs: Columns, output: torch.Tensor) -> None:
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx: Any, side: torch.Tensor) -> Any:
            return (None,) * truths + tuple(side * s for s in slopes(ctx.saved_tensors))

    class Value(Kept):
        forward = staticmethod(Compiled.forward)

        @staticmethod
        def backward(ctx: Any, side: torch.Tensor) -> Any:
            if any(ctx.needs_input_grad[:truths]):
                raise UnsupportedError("no derivative in the target of this loss; pass target.detach()")
            return (None,) * truths + tuple(side * s for s in Slope.apply(*ctx.saved_tensors))

        @staticmethod
        def jvp(ctx: Any, *tangents: Any) -> Any:
            both = zip(Slope.apply(*ctx.saved_tensors), tangents[truths:], strict=True)
            parts = [s * t for s, t in both if t is not None]
            return sum(parts[1:], start=parts[0])

    return either(Compiled, Value)


FAR = 1e18
"""Where a loss is asked in place of infinity."""

within_reach = differentiable(lambda z: z.clip(-FAR, FAR), torch.ones_like, torch.zeros_like, 0)
"""Infinite scores made large ones; slopes pass as they are."""


def unreached(loss: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    """The loss of rows z that were brought within reach, where what has grown large by then is infinite."""
    grown = (z.abs() == torch.inf).any(dim=-1) & (loss.detach().abs() > 1e9)
    return loss + torch.where(grown, loss.detach().sign() * torch.inf, 0)


def fresh(tensor: torch.Tensor) -> torch.Tensor:
    """An argument that is itself the result must not be handed back as it is."""
    return tensor.view_as(tensor)


class Criterion(torch.nn.Module, ABC):
    """A loss: `forward(input, target, weight=None)`.

    reduction: "mean" is Σwℓ/Σw, "sum" Σwℓ, "none" wℓ for each row, "total" the pair (Σwℓ, Σw), which adds up over
    micro-batches and machines. weight: a number >= 0 for each row. ignore_index: rows with this target count for
    nothing, whatever stands in them. pos_weight: a factor on the loss of positive labels.
    float16 and bfloat16 are computed, and returned, in float32. For the way back only `input` and `target` are kept.
    check: look for illegal targets before each step (not inside torch.compile and torch.func).
    """

    name = "loss"
    legal: Callable[[torch.Tensor], torch.Tensor]
    """Which targets are legal, elementwise."""
    says = "a legal target"
    harmless: float = 1
    """A legal target, for rows that do not count."""
    mixes = False
    """Is a target between 0 and 1 a share of positive labels?"""

    def __init__(
        self,
        reduction: str = "mean",
        *,
        ignore_index: float | None = None,
        pos_weight: float | torch.Tensor | None = None,
        check: bool = True,
    ) -> None:
        super().__init__()
        if reduction not in REDUCTIONS:
            raise ParameterError(f"unknown reduction {reduction!r}; there are {', '.join(REDUCTIONS)}")
        if pos_weight is not None and not self.mixes:
            raise ParameterError(f"{self.name} has no positive label for pos_weight; use weight=")
        self.reduction, self.ignore_index, self.check = reduction, ignore_index, check
        self.register_buffer("pos_weight", None if pos_weight is None else torch.as_tensor(pos_weight).float())

    def forward(self, input: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None = None) -> Any:
        """The loss of raw predictions `input` at `target`, with PyTorch's order of arguments."""
        input = self.taken(input)
        keep = None if self.ignore_index is None else self.kept(target)
        if keep is not None:
            input, target = self.cleared(input, target, keep)
        if self.check and concrete(target):
            self.refuse(input, target)
        if self.check and weight is not None and concrete(weight) and bool((~(weight >= 0)).any()):
            raise DomainError(f"{self.name} needs weights >= 0; one is {weight[~(weight >= 0)][0].item():.6g}")
        loss, share = self.terms(input, target)
        return reduced(loss, share, weight, keep, self.reduction)

    def taken(self, input: torch.Tensor) -> torch.Tensor:
        """Raw predictions as they are worked on: at least float32."""
        return wide(input)

    def kept(self, target: torch.Tensor) -> torch.Tensor:
        """Which rows count."""
        return target != self.ignore_index

    def cleared(
        self, input: torch.Tensor, target: torch.Tensor, keep: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The same with harmless numbers in the rows that do not count."""
        return torch.where(keep, input, 0), torch.where(keep, target, self.harmless)

    def refuse(self, input: torch.Tensor, target: torch.Tensor) -> None:
        """Raise for the first illegal target."""
        self.stop(~self.legal(target), target, self.says)

    def within(self, target: torch.Tensor, count: int) -> None:
        """Refuse what is no index of so many classes."""
        legal = (target >= 0) & (target < count) & (target % 1 == 0)
        self.stop(~legal, target, f"class indices 0 … {count - 1} for {count} scores")

    def stop(
        self, bad: torch.Tensor, numbers: torch.Tensor, needs: str, has: str = "has", then: str = ""
    ) -> None:  # fmt: skip
        """Raise if any of them is bad."""
        if bool(bad.any()):
            row = int(bad.flatten().nonzero()[0])
            number, count = numbers.flatten()[row].item(), int(bad.sum())
            raise DomainError(f"{self.name} needs {needs}; element {row} {has} {number:.6g} ({count} such){then}")

    @abstractmethod
    def terms(self, input: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The loss of each row, and what each counts in a mean (None: 1)."""

    def extra_repr(self) -> str:
        """What `print` shows between the brackets."""
        return f"reduction={self.reduction!r}"


def concrete(target: torch.Tensor) -> bool:
    """May a branch depend on its numbers?"""
    if torch.compiler.is_compiling():
        return False
    return not torch._C._functorch.is_functorch_wrapped_tensor(target)


def widened(tensor: torch.Tensor) -> torch.dtype:
    """The type that is computed in: at least float32."""
    return torch.promote_types(tensor.dtype, torch.float32)


def wide(tensor: torch.Tensor) -> torch.Tensor:
    """The same in that type."""
    return tensor.to(widened(tensor))


def same_shape(input: torch.Tensor, target: torch.Tensor) -> None:
    """Nothing is ever broadcast."""
    if input.shape != target.shape:
        raise ShapeError(
            f"input has shape {tuple(input.shape)} and target {tuple(target.shape)}; they must be the same"
        )


def reduced(
    loss: torch.Tensor,
    share: torch.Tensor | None,
    weight: torch.Tensor | None,
    keep: torch.Tensor | None,
    reduction: str,
) -> Any:
    """Σwℓ, Σw and what is made of them. A row of weight 0 counts for nothing, even where its loss is infinite."""
    if weight is not None and weight.shape != loss.shape:
        raise ShapeError(
            f"weight has shape {tuple(weight.shape)} and the rows {tuple(loss.shape)}; they must be the same"
        )
    if weight is not None:
        loss = torch.where(weight == 0, 0, weight.to(loss.dtype) * loss)
        share = weight.to(loss.dtype) if share is None else share * weight.to(loss.dtype)
    if keep is not None:
        loss = torch.where(keep, loss, 0)
        share = keep.to(loss.dtype) if share is None else torch.where(keep, share, 0)
    if reduction == "none":
        return loss
    if reduction == "sum":
        return loss.sum()
    whole = loss.new_full((), loss.numel()) if share is None else share.sum()
    return (loss.sum(), whole) if reduction == "total" else loss.sum() / whole
