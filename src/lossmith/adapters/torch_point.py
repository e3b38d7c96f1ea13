"""PyTorch losses of one raw prediction a row: a residual, a margin or a score; and sums of margins over thresholds."""

from __future__ import annotations

from collections.abc import Callable

import torch

from lossmith.adapters.torch_base import Criterion, same_shape
from lossmith.errors import ShapeError


class Residual(Criterion):
    """Losses of target − input alone; derivatives flow to both."""

    term: Callable[..., torch.Tensor]

    def terms(self, input: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        same_shape(input, target)
        return self.term(target.to(input.dtype) - input), None


class Point(Criterion):
    """Losses of a target and a raw prediction of the same shape."""

    term: Callable[..., torch.Tensor]

    def terms(self, input: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        same_shape(input, target)
        y = target.to(input.dtype)
        if self.pos_weight is None:
            return self.term(y, input), None
        share = y.clip(0, 1)
        up, down = self.term(torch.ones_like(y), input), self.term(torch.zeros_like(y), input)
        positive = torch.where(share == 0, 0, share * self.pos_weight * up)
        return positive + torch.where(share == 1, 0, (1 - share) * down), None


class Thresholds(Criterion):
    """The sum of a margin loss over thresholds: input (n, K) is a score, then K − 1 thresholds; target (n,) classes."""

    term: Callable[..., torch.Tensor]

    def refuse(self, input: torch.Tensor, target: torch.Tensor) -> None:
        self.within(target, input.shape[-1])

    def cleared(
        self, input: torch.Tensor, target: torch.Tensor, keep: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.where(keep[..., None], input, 0), torch.where(keep, target, 0)

    def terms(self, input: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        if input.shape[:-1] != target.shape or input.shape[-1] < 2:
            raise ShapeError(
                f"input has shape {tuple(input.shape)} and target {tuple(target.shape)}; "
                "input must be (…, K): a score, then K − 1 thresholds; target (…) class indices"
            )
        above = target[..., None] > torch.arange(input.shape[-1] - 1, device=target.device)
        distance = input[..., :1] - input[..., 1:]
        return self.term(torch.where(above, distance, -distance)).sum(dim=-1), None
