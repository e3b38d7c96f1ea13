"""Losses of K coupled scores as PyTorch modules: beside PyTorch's own, and beside our kernels in every shape.

Values, gradients and Hessians at random scores are in `test_torch.py`, with those of all losses. Planted and caught:
a log-softmax whose slope is shared among tied scores, shares read as labels, a rival that is the class itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from export_rows import off
from torch_made import made, torch

import lossmith
from lossmith.catalogue import every
from lossmith.errors import DomainError, ParameterError, ShapeError, UnsupportedError

F = torch.nn.functional


def test_divergences_and_hinges_of_pytorch() -> None:
    """Their gradients too, at tied scores as well, where a slope split among equals would be wrong."""
    torch.manual_seed(0)
    z = torch.cat([3 * torch.randn(60, 5), torch.zeros(4, 5)]).double()
    y, share = torch.randint(0, 5, (64,)), torch.softmax(2 * torch.randn(64, 5), 1).double()
    share[:5, 0] = 0
    pairs = [
        (made("KullbackLeibler"), lambda z: F.kl_div(z.log_softmax(1), share, reduction="batchmean"), share),
        (made("WestonWatkins"), lambda z: 5 * F.multi_margin_loss(z, y), y),
        (made("OneAgainstRest"), lambda z: 5 * F.multilabel_soft_margin_loss(z, F.one_hot(y, 5)), y),
        (made("MultiClassBrier"), lambda z: (z.softmax(1) - F.one_hot(y, 5)).square().sum(1).mean(), y),
        (made("ZLoss", penalty=0.1), lambda z: F.cross_entropy(z, y) + 0.1 * z.logsumexp(1).square().mean(), y),
    ]
    for ours, theirs, target in pairs:
        found = []
        for loss in (lambda z, ours=ours, target=target: ours(z, target), theirs):
            free = z.clone().requires_grad_()
            value = loss(free)
            (slope,) = torch.autograd.grad(value, free, create_graph=True)
            twice = slope.requires_grad and ours.name != "WestonWatkins"  # PyTorch's own has no second derivative
            turned = torch.autograd.grad(slope.square().sum(), free)[0] if twice else 0 * z
            found.append((value.detach(), slope.detach(), turned))
        for one, other in zip(*found, strict=True):
            assert torch.allclose(one, other, rtol=1e-10, atol=1e-12), ours


@pytest.mark.parametrize("name", lossmith.coupled())
def test_coupled_scores_of_every_shape(name: str) -> None:
    """Two classes are one score; shares and ties as in our kernels; pixels; a masked class has no NaN."""
    loss, ours = every()[name](), made(name, reduction="none")
    rng = np.random.default_rng(0)
    s, t = rng.normal(size=20), rng.integers(0, 2, 20) * 1.0
    if loss.lift.name == "divergence":  # where a share is more than a mixture of labels
        t[5:] = rng.uniform(size=15)
    one = torch.tensor(s, requires_grad=True)
    value = ours(one, torch.tensor(t))
    assert off(value.detach(), loss.value(t, s), 1e-10) == ""
    assert off(torch.autograd.grad(value.sum(), one)[0], loss.gradient(t, s), 1e-10) == ""
    z, y = rng.normal(size=(12, 4)), rng.integers(0, 4, 12)
    z[:3], z[3, :2] = 0, 1.5
    shares = rng.dirichlet(np.ones(4), 12)
    shares[4] = [0.3, 0, 0.5, 0.2]
    for target in (y,) if name in RIVALS else (y, shares):
        free = torch.tensor(z, requires_grad=True)
        value = ours(free, torch.tensor(target))
        found = loss.evaluate(target * 1.0, z, ("value", "gradient"))
        assert off(value.detach(), found.value, 1e-10) == ""
        assert off(torch.autograd.grad(value.sum(), free)[0], found.gradient, 1e-10) == ""
    pixels = ours(torch.tensor(z).reshape(3, 4, 4).movedim(2, 1), torch.tensor(y).reshape(3, 4))
    assert torch.allclose(pixels.reshape(-1), ours(torch.tensor(z), torch.tensor(y)))
    hidden = torch.tensor([[0.3, -torch.inf, 1.0]], requires_grad=True)
    if name in ("ChiSquare", "OneAgainstRest") or name in RIVALS:
        return
    value = ours(hidden, torch.tensor([[0.4, 0.0, 0.6]]))
    assert not value.isnan().any() and not torch.autograd.grad(value.sum(), hidden)[0].isnan().any()


RIVALS = [name for name, kind in lossmith.coupled().items() if kind.lift.name.startswith("one_against")]


def test_class_weights_of_coupled_scores_are_copies() -> None:
    z, y, w = torch.randn(30, 3), torch.randint(0, 3, (30,)), torch.tensor([1.0, 3.0, 2.0])
    many = w.long()[y]
    for name in ("MultiClassBrier", "CrammerSinger"):
        copied = made(name)(z.repeat_interleave(many, 0), y.repeat_interleave(many))
        assert torch.allclose(made(name, class_weight=w)(z, y), copied)
        assert torch.allclose(made(name)(z, y, weight=many), copied)
    hot = F.one_hot(y, 3).float()
    assert torch.allclose(
        made("MultiClassBrier", class_weight=w)(z, hot), made("MultiClassBrier", class_weight=w)(z, y)
    )


BAD: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: made("CrammerSinger")(torch.zeros(2, 3), torch.ones(2, 3) / 3), UnsupportedError, "class indices"),
    (lambda: made("CrammerSinger")(torch.zeros(2), torch.tensor([0.5, 1.0])), DomainError, "element 0 has 0.5"),
    (lambda: made("KullbackLeibler")(torch.zeros(1, 2), torch.tensor([[-1.0, 2.0]])), DomainError, "shares >= 0"),
    (lambda: made("KullbackLeibler")(torch.zeros(2, 3), torch.tensor([1, 3])), DomainError, "0 … 2 for 3 scores"),
    (lambda: made("KullbackLeibler", class_weight=torch.ones(3)), ParameterError, "class_weight has no meaning"),
    (lambda: made("ZLoss")(torch.zeros(3, 1), torch.zeros(3, 2)), ShapeError, "input has shape"),
]


@pytest.mark.parametrize(("call", "error", "says"), BAD, ids=[says for _, _, says in BAD])
def test_bad_input_is_refused(call: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        call()
