"""PyTorch losses of K scores that look at more than the probability of the true class.

Shapes are those of `torch_classes`. The formula's derivatives are the derived ones; those of what it looks at (log p,
Σp², the entropy, margins between scores) are PyTorch's own. Of many rows each block is computed again on the way back,
so that nothing but input and target is kept for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lossmith.adapters.torch_base import concrete, differentiable, same_shape, unreached, wide, within_reach
from lossmith.adapters.torch_classes import BLOCK, Classes, by_rows, log_softmax, of_true, one_score
from lossmith.errors import ParameterError, UnsupportedError


def by_blocks(term: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The same loss of each row, of many rows block after block, where nobody looks on or differentiates forwards."""

    def slopes(z: Tensor, target: Tensor, side: Tensor, *more: Any) -> Tensor:
        with torch.enable_grad():
            free = z.detach().requires_grad_()
            return torch.autograd.grad(term(free, target, *more), free, side[..., 0])[0]

    class Rows(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, z: Tensor, target: Tensor, *more: Any) -> Tensor:
            ctx.save_for_backward(z, target)
            ctx.more = more
            return by_rows(lambda z, t: term(z, t, *more), lambda: wide(z.new_empty(z.shape[:-1])), z, target)

        @staticmethod
        def backward(ctx: Any, side: Tensor) -> Any:
            z, target = ctx.saved_tensors
            nothing = (None,) * (1 + len(ctx.more))
            if torch.is_grad_enabled():  # to be differentiated once more
                value = term(z, target, *ctx.more)
                return torch.autograd.grad(value, z, side, create_graph=True)[0], *nothing

            def part(*block: Tensor) -> Tensor:
                return slopes(*block, *ctx.more)

            return by_rows(part, lambda: torch.empty_like(z), z, target, side[..., None]), *nothing

    def apply(z: Tensor, target: Tensor, *more: Any) -> Tensor:
        few = z.ndim < 2 or z.numel() <= BLOCK.get(z.device.type, 2**24)
        if few or not (concrete(z) and concrete(target)) or target.requires_grad or forwards(z):
            return term(z, target, *more)
        return Rows.apply(z, target, *more)

    return apply


def forwards(z: Tensor) -> bool:
    """Does it carry a derivative forwards?"""
    return torch.autograd.forward_ad.unpack_dual(z).tangent is not None


def log_true(z: Tensor, logp: Tensor, own: Tensor) -> Tensor:
    """log p of the true class."""
    return own


def log_mean(z: Tensor, logp: Tensor, own: Tensor) -> Tensor:
    """The mean of log p over the classes."""
    return logp.mean(dim=-1, keepdim=True)


def log_sum(z: Tensor, logp: Tensor, own: Tensor) -> Tensor:
    """log Σ exp(z)."""
    return z.logsumexp(dim=-1, keepdim=True)


def square(z: Tensor, logp: Tensor, own: Tensor) -> Tensor:
    """Σ p²."""
    return logp.exp().square().sum(dim=-1, keepdim=True)


def entropy(z: Tensor, logp: Tensor, own: Tensor) -> Tensor:
    """−Σ p log p; an impossible class adds nothing."""
    return -(logp.exp() * logp.clip(min=-1e4)).sum(dim=-1, keepdim=True)


def rival(z: Tensor, logp: Tensor, own: Tensor) -> Tensor:
    """The largest probability below that of the true class; 0 if there is none."""
    p = logp.exp()[..., None, :]
    below = torch.where(p < own.exp()[..., None], p, 0)
    return below.gather(-1, below.argmax(dim=-1, keepdim=True))[..., 0]


def finite(slope: Callable[..., Any]) -> Callable[..., Any]:
    """The slopes of a formula without infinities, which times a probability of 0 are no numbers."""

    def bounded(*at: Tensor) -> Any:
        found = slope(*at)
        several = found if isinstance(found, tuple) else (found,)
        return tuple(s.nan_to_num(nan=torch.nan, posinf=1e37, neginf=-1e37) for s in several)

    return bounded


def slots_loss(value: Any, slope: Any, bend: Any, *slots: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Σ_k t_k f(slots of class k) over the last dimension."""
    f = differentiable(value, finite(slope), bend, 0)

    def term(z: Tensor, target: Tensor, margins: tuple[float, ...] = ()) -> Tensor:
        near = within_reach(wide(z))
        logp = log_softmax(near)
        own = of_true(logp, target)
        at = [slot(near, logp, own).expand_as(own) for slot in slots]
        if margins:
            lead = of_true(logp.new_tensor(margins).expand_as(logp), target)
            at = [behind(t, lead) if slot is log_true else t for slot, t in zip(slots, at, strict=True)]
        if not target.is_floating_point():
            return unreached(f(*at)[..., 0], z)
        # a class without a share adds nothing, even where its own loss is infinite
        none = target == 0
        each = f(*(torch.where(none, slot.clip(-50, 50), slot) for slot in at))
        return unreached(torch.where(none, 0, target * each).sum(dim=-1), z)

    return by_blocks(term)


def distribution_loss(value: Any, slope: Any, bend: Any) -> Callable[..., Tensor]:
    """Σ_k f(y_k, log p_k) over the last dimension."""
    f = differentiable(value, finite(slope), bend, 1)

    def term(z: Tensor, target: Tensor) -> Tensor:
        logp = log_softmax(wide(z))
        y = target if target.is_floating_point() else one_hot(target, z).to(logp.dtype)
        return f(y, logp).sum(dim=-1)

    return by_blocks(term)


FEW = 30.0
"""A lead up to which its exponential times what the others have stays in float32."""


def behind(logp: Tensor, lead: Tensor) -> Tensor:
    """log p of a class whose score is lowered by `lead`, from its own; a sure class keeps its digits."""
    far, rest = lead - logp, -logp.expm1()
    near = (rest * far.clip(max=FEW).exp()).log1p()
    return -torch.where(far < FEW, near, far + (rest + (-far).exp()).log())


def adjusted(term: Callable[..., Tensor], numbers: tuple[tuple[float, ...], ...]) -> Callable[..., Tensor]:
    """The loss of scores that are shifted by what is known of the classes' frequencies, after a factor for each; and
    margins by which a class must be ahead where it is the true one."""
    shift, factors, margins = numbers

    def of_moved(z: Tensor, target: Tensor) -> Tensor:
        z = wide(z)
        scaled = z * z.new_tensor(factors) if factors else z
        return term(scaled + z.new_tensor(shift) if shift else scaled, target, margins)

    return by_blocks(of_moved)


def costs(term: Callable[..., Tensor], table: tuple[tuple[float, ...], ...]) -> Callable[..., Tensor]:
    """The loss of what each prediction costs, by a row of costs for each true class; without one each error costs 1."""

    def of_costs(z: Tensor, target: Tensor) -> Tensor:
        z = wide(z)
        y = target.to(z.dtype) if target.is_floating_point() else one_hot(target, z).to(z.dtype)
        matrix = z.new_tensor(table) if table else 1 - torch.eye(z.shape[-1], dtype=z.dtype, device=z.device)
        return term(z, y @ matrix)

    return by_blocks(of_costs)


STEPS = 50
"""Newton steps from above to the level; they fall without end, as probabilities are convex in the scores."""


def normalised_loss(
    value: Any, slope: Any, bend: Any, sure: float, link: Any, link_slope: Any, link_bend: Any = torch.zeros_like
) -> Callable[..., Tensor]:
    """Σ_k f(y_k, u_k) over the last dimension, u = z − λ, with the level λ at which the probabilities link(u) sum to 1.

    Without `link_bend` the slopes of f sum to 0 and it is not needed (a Fenchel–Young loss).
    """
    f, p = differentiable(value, slope, bend, 1), differentiable(link, link_slope, link_bend, 0)

    def excess(made: Any, below: Tensor, top: Tensor) -> Tensor:
        return made(below + top).sum(dim=-1, keepdim=True)

    def term(z: Tensor, target: Tensor) -> Tensor:
        z = wide(z)
        y = target if target.is_floating_point() else one_hot(target, z).to(z.dtype)
        below = (z - z.detach().max(dim=-1, keepdim=True).values).clip(min=-1e30)
        far = below.detach()
        top = torch.full_like(far[..., :1], sure)
        for _ in range(STEPS):
            top = top - (excess(link, far, top) - 1).clip(min=0) / excess(link_slope, far, top)
        steep = excess(link_slope, far, top)
        for _ in range(2):  # once more for each derivative
            top = top - (excess(p, below, top) - 1) / steep
        return f(y, below + top).sum(dim=-1)

    return by_blocks(term)


def rivals_loss(value: Any, slope: Any, bend: Any, margins: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The sum of f over the margins of the true class."""
    f = differentiable(value, slope, bend, 0)

    def term(z: Tensor, target: Tensor) -> Tensor:
        if target.is_floating_point():
            raise UnsupportedError("this loss takes class indices, not shares of the classes")
        return f(margins(wide(z), target)).sum(dim=-1)

    return by_blocks(term)


def one_hot(target: Tensor, z: Tensor) -> Tensor:
    """True at the class of each row."""
    return target[..., None] == torch.arange(z.shape[-1], device=z.device)


def against_rest(z: Tensor, target: Tensor) -> Tensor:
    """Each class against zero: the true one should be above, every other below."""
    return torch.where(one_hot(target, z), z, -z)


def others(z: Tensor, target: Tensor) -> Tensor:
    """The scores of the other classes, (…, K − 1)."""
    steps = torch.arange(z.shape[-1] - 1, device=z.device)
    return z.gather(-1, steps + (steps >= target[..., None]))


def against_each(z: Tensor, target: Tensor) -> Tensor:
    """The true class against every other."""
    return z.gather(-1, target[..., None]) - others(z, target)


def against_best(z: Tensor, target: Tensor) -> Tensor:
    """The true class against the best of the others; of equals the first."""
    rest = others(z, target)
    return z.gather(-1, target[..., None]) - rest.gather(-1, rest.argmax(dim=-1, keepdim=True))


class Slots(Classes):
    """Losses of several numbers that all scores of a row make together."""

    def refuse_shares(self, target: Tensor) -> None:
        self.stop(~((target >= 0) & (target < torch.inf)), target, "shares >= 0 of the classes")

    def two(self, input: Tensor, target: Tensor) -> tuple[Tensor, Tensor | None]:
        """One score a row, of class 1: the scores (0, z)."""
        same_shape(input, target)
        y = target.to(input.dtype)
        return self.term(beside(input), torch.stack([1 - y, y], dim=-1)), None


class Distribution(Slots):
    """Divergences: target is the classes' shares (N, C, …), or class indices; of two classes the share of class 1."""

    def __init__(self, reduction: str = "mean", *, class_weight: Any = None, **more: Any) -> None:
        if class_weight is not None:
            raise ParameterError(f"{self.name} compares whole distributions: class_weight has no meaning; use weight=")
        super().__init__(reduction, **more)

    def many(self, input: Tensor, target: Tensor) -> tuple[Tensor, Tensor | None]:
        return super().many(input, target)[0], None


class Adjusted(Slots):
    """Losses of scores beside which the classes' frequencies are known."""


class Costs(Distribution):
    """What predictions cost; target holds class indices, or the classes' shares."""


class Normalised(Distribution):
    """Losses with another way from scores to probabilities; target holds class indices, or the classes' shares."""


class Rivals(Classes):
    """Margin losses of the true class against others; target holds class indices."""

    def refuse(self, input: Tensor, target: Tensor) -> None:
        if one_score(input, target):
            self.within(target, 2)
        else:
            super().refuse(input, target)

    def refuse_shares(self, target: Tensor) -> None:
        raise UnsupportedError(f"{self.name} takes class indices, not shares of the classes")

    def two(self, input: Tensor, target: Tensor) -> tuple[Tensor, Tensor | None]:
        """One score a row, of class 1: the scores (0, z)."""
        same_shape(input, target)
        return self.term(beside(input), target.long()), None


def beside(z: Tensor) -> Tensor:
    """The scores (0, z)."""
    return torch.stack([torch.zeros_like(z), z], dim=-1)
