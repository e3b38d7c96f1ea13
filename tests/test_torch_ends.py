"""PyTorch modules where floats end: infinite and masked scores, sure classes, half precision, many rows.

Faults that were planted once and are caught here: 0·inf at infinite scores, e − p in place of 1 − p, float16
arithmetic, a block of rows that is left out.
"""

from __future__ import annotations

from typing import Any

import pytest
from torch_made import made, rows, torch

import lossmith
from lossmith.adapters import torch_classes
from lossmith.adapters.export_functions import kind_of
from lossmith.catalogue import every

F = torch.nn.functional
PRINTED = list(every())


SURE = ["BinaryCrossEntropy", "Logistic", "Focal", "CrossEntropy", "Hinge", "SquaredHinge", "SmoothedHinge"]


@pytest.mark.parametrize("name", SURE)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
def test_infinite_scores_have_their_limits(name: str, dtype: Any) -> None:
    z = torch.tensor([torch.inf, -torch.inf, -torch.inf, torch.inf], dtype=dtype, requires_grad=True)
    value = made(name, reduction="none")(z, torch.tensor([1.0, 0.0, 1.0, 0.0], dtype=dtype))
    (slope,) = torch.autograd.grad(value.sum(), z)
    assert value.tolist() == [0.0, 0.0, torch.inf, torch.inf]
    assert slope[:2].tolist() == [0.0, 0.0] and not slope.isnan().any()
    if name != "SquaredHinge":
        assert slope[2:].tolist() == [-1.0, 1.0]


@pytest.mark.parametrize("name", [n for n in PRINTED if kind_of(every()[n]()) == "point"])
def test_no_loss_is_lost_at_infinity(name: str) -> None:
    """At ±inf: infinite where the loss still grows between 1e7 and 1e10, else what it has reached by then."""
    loss = every()[name]()
    if name in ("VonMises", "WrappedCauchy"):
        pytest.skip("it has no limit")
    legal = {"real": [0.0, 1.5], "halfline": [0.0, 2.0], "unit_interval": [0.0, 1.0], "binary": [0.0, 1.0]}
    y = torch.tensor(legal.get(loss.target.name, [0.3, 0.6]), dtype=torch.float64).repeat_interleave(2)
    ends = torch.tensor([1.0, -1.0] * 2, dtype=torch.float64)
    module = made(name, reduction="none")
    far, farther, end = (module(ends * x, y).double() for x in (1e7, 1e10, torch.inf))
    grows = (farther - far).abs() > 1 + 1e-6 * far.abs()
    assert not end.isnan().any()
    settled = torch.isfinite(farther) & ~grows & torch.isfinite(end)
    assert torch.allclose(end[settled], farther[settled], rtol=1e-6, atol=1e-9)
    assert (end[grows].abs() == torch.inf).all()
    z = (ends * torch.inf).requires_grad_()
    assert not torch.autograd.grad(module(z, y).sum(), z)[0].isnan().any()


SCORES = [n for n in PRINTED if kind_of(every()[n]()) not in ("point", "outputs") or every()[n].lift.name == "pairwise"]


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("end", [torch.inf, -torch.inf])
def test_one_infinite_score_has_its_limit(name: str, end: float) -> None:
    """In each place in turn. Catches 0·∞ between an infinite slope and a probability of 0, and ∞ − ∞ of two slots."""
    loss, module, y, z = rows(name)
    few, places = slice(0, 12), range(z.shape[-1] if z.ndim > 1 else 2)
    if loss.lift.name == "ordinal":
        places = [k for k in places if k == 0 or k == (1 if end < 0 else places[-1])]  # else thresholds do not rise
    if loss.lift.name == "normalised":
        pytest.skip("its level is sought among finite scores")
    for place in places:
        values = []
        for far in (1e6, 1e7, abs(end)):
            at = z.detach()[few].clone()
            at[:, place] = far if end > 0 else -far
            at.requires_grad_()
            values.append(module(at, y[few]))
            assert not values[-1].isnan().any(), (place, far)
            assert not torch.autograd.grad(values[-1].sum(), at)[0].isnan().any(), (place, far)
        near, far, limit = (v.detach() for v in values)
        settled = (near - far).abs() < 1e-4 * (1 + far.abs())
        assert torch.allclose(limit[settled], far[settled], rtol=1e-4, atol=1e-4)
        assert (limit[~settled] == torch.inf).all()


@pytest.mark.parametrize("name", [n for n in PRINTED if kind_of(every()[n]()) == "classes"])
def test_a_sure_class_keeps_the_digits_of_its_slope(name: str) -> None:
    """Catches e − p, which is 0 in float32 where 1 − p is 1e-12; of one-hot shares as well."""
    z = torch.tensor([[30.0, 2.0, 1.0], [-25.0, 3.0, 4.0], [0.0, 0.1, 28.0]])
    y = torch.tensor([0, 1, 2])
    found = []
    for scores, target in ((z, y), (z, F.one_hot(y, 3).float()), (z.double(), y)):
        free = scores.clone().requires_grad_()
        found.append(torch.autograd.grad(made(name, reduction="sum")(free, target), free)[0].double())
    kernel = every()[name]().gradient(y.double().numpy(), z.double().numpy())
    strict = 2e-5 if name != "Unlikelihood" else 1.0  # whose slopes in the others are those of a rounded p / (1 − p)
    for got in found:
        own = got.gather(1, y[:, None])
        assert torch.allclose(own, torch.tensor(kernel).gather(1, y[:, None]), rtol=2e-5, atol=0), got
        assert torch.allclose(got, torch.tensor(kernel), rtol=strict, atol=1e-30)


@pytest.mark.parametrize("name", ["Focal", "LabelSmoothing"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rows_are_taken_block_after_block(name: str, dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches rows that are lost between blocks, pixels in another order, and a slope that forgets what came after."""
    torch.manual_seed(0)
    z, y = torch.randn(5, 7, 4, 3).to(dtype), torch.randint(0, 7, (5, 4, 3))
    w = torch.rand(5, 4, 3)
    for target in (y, F.one_hot(y, 7).movedim(-1, 1).float() * 0.8 + 0.2 / 7):
        found = []
        for size in (2**30, 60):
            monkeypatch.setitem(torch_classes.BLOCK, "cpu", size)
            free = z.clone().requires_grad_()
            value = made(name)(free, target, w)
            found.append((value.detach(), torch.autograd.grad(value, free)[0]))
        assert found[0][1].dtype == dtype and found[0][1].shape == z.shape
        assert torch.allclose(found[0][0], found[1][0]) and torch.equal(found[0][1], found[1][1])


@pytest.mark.parametrize("name", ["ZLoss", "CrammerSinger", "KullbackLeibler", "Entmax", "ExpectedCost", "LDAM"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_coupled_rows_are_taken_block_after_block(name: str, dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both derivatives and forwards; nothing but the arguments is kept. Catches a block without its side's factor."""
    torch.manual_seed(0)
    z, y, w = torch.randn(5, 7, 4, 3).to(dtype), torch.randint(0, 7, (5, 4, 3)), torch.rand(5, 4, 3)
    shares = F.one_hot(y, 7).movedim(-1, 1).to(dtype) * 0.75 + 0.25 / 7
    module = made(name)
    if name == "LDAM":
        lift = lossmith.adjusted([1, 2, 3, 4, 5, 6, 7], margin=0.5, scale=3)
        module = lossmith.torch.criterion(lossmith.LDAM().over(lift))
    for target in (y,) if name == "CrammerSinger" else (y, shares):
        found = []
        for size in (2**30, 60):
            monkeypatch.setitem(torch_classes.BLOCK, "cpu", size)
            free = z.clone().requires_grad_()
            value = module(free, target, w)
            (once,) = torch.autograd.grad(value, free)
            (slope,) = torch.autograd.grad(module(free, target, w), free, create_graph=True)
            twice = torch.autograd.grad(slope.square().sum(), free)[0] if slope.requires_grad else 0 * z
            ahead = torch.func.jvp(lambda z, t=target: module(z, t, w), (z,), (torch.ones_like(z),))[1]
            with torch.autograd.forward_ad.dual_level():
                dual = module(torch.autograd.forward_ad.make_dual(z, torch.ones_like(z)), target, w)
                tangent = torch.autograd.forward_ad.unpack_dual(dual).tangent
            found.append((value.detach(), once, slope.detach(), twice, ahead, tangent))
        near = 1e-12 if dtype == torch.float64 else 2e-2
        assert found[0][1].dtype == dtype
        for one, other in zip(*found, strict=True):
            assert torch.allclose(one, other, rtol=near, atol=near)


@pytest.mark.parametrize("name", ["ZLoss", "WestonWatkins", "ChiSquare", "Sparsemax"])
def test_of_many_coupled_scores_only_the_arguments_are_kept(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(torch_classes.BLOCK, "cpu", 1000)
    kept: list[Any] = []

    def pack(tensor: Any) -> Any:
        kept.append(tensor)
        return tensor

    z, y = torch.randn(1000, 10, requires_grad=True), torch.randint(0, 10, (1000,))
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        made(name, reduction="none")(z, y)
    assert {t.data_ptr() for t in kept if t.numel() > 1} == {z.data_ptr(), y.data_ptr()}


def test_masked_classes() -> None:
    z = torch.tensor([[1.0, -torch.inf, 2.0]], requires_grad=True)
    for name in ("CrossEntropy", "Focal", "GeneralizedCrossEntropy"):
        value = made(name)(z, torch.tensor([0]))
        (slope,) = torch.autograd.grad(value, z)
        assert torch.isfinite(value) and torch.isfinite(slope).all() and slope[0, 1] == 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", ["Focal", "BinaryCrossEntropy", "Huber", "Poisson"])
def test_half_precision_is_computed_and_returned_in_float32(name: str, dtype: Any) -> None:
    torch.manual_seed(0)
    z = (6 * torch.randn(500)).to(dtype)
    y = torch.randint(0, 2, (500,)).to(dtype)
    free = z.clone().requires_grad_()
    half, full = made(name)(free, y), made(name)(z.float(), y.float())
    assert half.dtype == torch.float32 and torch.equal(half, full)
    half.backward()
    assert free.grad is not None and free.grad.dtype == dtype


def test_autocast_computes_in_float32() -> None:
    model = torch.nn.Linear(4, 3)
    X, y = torch.randn(8, 4), torch.randint(0, 3, (8,))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        z = model(X)
        value = made("Focal")(z, y)
    assert z.dtype == torch.bfloat16 and value.dtype == torch.float32
    assert torch.equal(value, made("Focal")(z.detach().float(), y))
    value.backward()


def test_ends_may_come_in_float16() -> None:
    """Catches a bound beyond float16 in the look at targets."""
    ends = torch.tensor([[-torch.inf, 0.5], [0.25, 0.25], [1.0, torch.inf]])
    loss, z = made("CensoredNormal"), torch.zeros(3, 2)
    assert torch.equal(loss(z.half(), ends.half()), loss(z, ends))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_only_the_arguments_are_kept_for_the_way_back(dtype: Any) -> None:
    """Catches a copy in float32 of scores that came in half of that."""
    kept: list[Any] = []

    def pack(tensor: Any) -> Any:
        kept.append(tensor)
        return tensor

    z, y = torch.randn(1000, 10, dtype=dtype, requires_grad=True), torch.randint(0, 10, (1000,))
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        made("Focal", reduction="none")(z, y)
    assert {t.data_ptr() for t in kept if t.numel() > 1} == {z.data_ptr(), y.data_ptr()}
