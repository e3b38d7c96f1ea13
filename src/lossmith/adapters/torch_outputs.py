"""PyTorch losses of several raw outputs a row: whole distributions, intervals, pairs, ordered classes.

input is (…, m), a column for each output. Derivatives flow to every column.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from lossmith.adapters.torch_base import Columns, Criterion, unreached, within_reach
from lossmith.errors import ShapeError


class Outputs(Criterion):
    """A likelihood of m raw outputs; target (…) as the loss says, or (…, 2) for intervals (low, high)."""

    term: Callable[..., torch.Tensor]
    outputs: tuple[str, ...] = ()
    width = 0
    """How many numbers a target has; 0 for one without a dimension of its own."""

    def kept(self, target: torch.Tensor) -> torch.Tensor:
        same = target != self.ignore_index
        return same.any(dim=-1) if self.width else same

    def cleared(
        self, input: torch.Tensor, target: torch.Tensor, keep: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        wide = keep[..., None]
        return torch.where(wide, input, 0), torch.where(wide if self.width else keep, target, 1)

    def terms(self, input: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        rows = target.shape[:-1] if self.width else target.shape
        if input.shape != (*rows, len(self.outputs)) or (self.width and target.shape[-1] != self.width):
            raise ShapeError(
                f"input has shape {tuple(input.shape)} and target {tuple(target.shape)}; input must be "
                f"(…, {len(self.outputs)}): {', '.join(self.outputs)}"
            )
        return self.term(*self.read(target.to(input.dtype)), *input.unbind(dim=-1)), None

    def read(self, y: torch.Tensor) -> Columns:
        """The columns of truth that the formula speaks of."""
        return (y,)


class Pair(Outputs):
    """Two scores; the target is 1 where the first is preferred."""

    def read(self, y: torch.Tensor) -> Columns:
        return (torch.where(y > 0, torch.ones_like(y), -1),)


class Interval(Outputs):
    """Targets (low, high) with ±inf for an end that nobody saw; equal ends are an exact value."""

    width = 2

    def refuse(self, input: torch.Tensor, target: torch.Tensor) -> None:
        self.stop(~self.legal(target), target[..., 0], self.says, "begins at")

    def read(self, y: torch.Tensor) -> Columns:
        low, high = y.unbind(dim=-1)
        left, right = low == -torch.inf, high == torch.inf
        exact = torch.where(low == high, torch.zeros_like(low), 3)
        kind = torch.where(left, 1, torch.where(right, 2, exact))
        return kind, torch.where(left, high, low), torch.where(right, low, high)


class Ordinal(Outputs):
    """A score and K − 1 rising thresholds; the target is the class, which lies between two of them."""

    def refuse(self, input: torch.Tensor, target: torch.Tensor) -> None:
        self.within(target, input.shape[-1])

    def cleared(
        self, input: torch.Tensor, target: torch.Tensor, keep: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        steps = torch.arange(input.shape[-1], dtype=input.dtype, device=input.device)
        return torch.where(keep[..., None], input, steps), torch.where(keep, target, 0)

    def terms(self, input: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        if input.shape[:-1] != target.shape or input.shape[-1] < 2:
            raise ShapeError(
                f"input has shape {tuple(input.shape)} and target {tuple(target.shape)}; "
                "input must be (…, K): a score, then K − 1 thresholds; target (…) class indices"
            )
        last = input.shape[-1] - 1
        at = target.long()
        near = within_reach(input)
        low = near.gather(-1, at.clip(min=1)[..., None])[..., 0]
        high = near.gather(-1, (at + 1).clip(max=last)[..., None])[..., 0]
        kind = torch.where(at == 0, torch.ones_like(low), torch.where(at == last, 2.0, 3.0).to(low.dtype))
        loss = unreached(self.term(kind, near[..., 0], low, high), input)
        rising = (input[..., 2:] > input[..., 1:-1]).all(dim=-1)
        return torch.where(rising, loss, torch.inf), None
