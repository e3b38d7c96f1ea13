"""Every catalogued loss under everything that PyTorch and JAX do to it: some of them always, all in the nightly run.

Faults that were planted once and are caught here: a Hessian without its factor, a weight that is not applied, a `mean`
that divides by the rows, an ignored row that counts, half precision that is not widened, a branch on data.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from export_rows import drawn, off

import lossmith
from lossmith.catalogue import every
from lossmith.loss import Loss

QUICK = ("Huber", "BinaryCrossEntropy", "Focal", "NormalCRPS", "CensoredNormal", "CumulativeLogit", "AllThresholds",
         "RankNet", "ZLoss", "KullbackLeibler", "Sparsemax", "WestonWatkins", "LDAM")  # fmt: skip
"""One of each kind."""
ALL = [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in every()]


def rows(name: str, n: int = 12) -> tuple[Loss, Any, Any]:
    """A loss, truths (class indices as integers) and raw predictions."""
    loss = every()[name]()
    y, z = drawn(loss, 60)
    y, z = y[:n], z[:n]
    return loss, y.astype(int) if loss.lift.multiclass else y, z


def exact(loss: Loss, y: Any, z: Any) -> tuple[Any, Any, Any]:
    """Value, gradient and Hessian (n, m, m) of each row by our kernels; m = 1 for one raw prediction."""
    joint = z.ndim == 2
    found = loss.evaluate(y * 1.0, z, ("value", "gradient", "block" if joint else "hessian"))
    return found.value, found.gradient, found.block if joint else found.hessian[:, None, None]


@pytest.mark.parametrize("name", ALL)
def test_pytorch(name: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (the extra `peers` brings it)")
    loss, y, z = rows(name)
    value, gradient, block = exact(loss, y, z)
    Y, Z = torch.tensor(y), torch.tensor(z)
    each, total = (lossmith.torch.criterion(loss, reduction=r) for r in ("none", "sum"))
    assert off(each(Z, Y), value, 1e-9) == ""

    def one(z: Any, y: Any) -> Any:
        return total(z[None], y[None])

    assert off(torch.func.vmap(torch.func.grad(one))(Z, Y), gradient, 1e-9) == ""
    assert off(torch.func.vmap(torch.func.jacrev(one))(Z, Y), gradient, 1e-9) == ""
    bent = torch.func.vmap(torch.func.hessian(one))(Z, Y)
    assert off(bent.reshape(block.shape), block, 1e-8) == ""
    free = Z.clone().requires_grad_()
    (slope,) = torch.autograd.grad(total(free, Y), free, create_graph=True)
    side = torch.tensor(np.random.default_rng(1).normal(size=z.shape))
    turned = torch.autograd.grad((slope * side).sum(), free)[0] if slope.requires_grad else 0 * Z
    wanted = np.einsum("nij,nj->ni", block, side.numpy().reshape(len(z), -1)).reshape(z.shape)
    assert off(turned, wanted, 1e-8) == ""
    w = torch.tensor([0.0, 1, 2, 3] * 3, dtype=torch.float64)
    weighted, whole = (w * torch.tensor(value)), float(w.sum())
    sums = {"none": weighted, "sum": weighted.sum(), "mean": weighted.sum() / whole, "total": weighted.sum()}
    for reduction, expected in sums.items():
        got = lossmith.torch.criterion(loss, reduction=reduction)(Z, Y, weight=w)
        got = got[0] if reduction == "total" else got
        assert off(got, expected, 1e-9) == "", reduction
    assert float(lossmith.torch.criterion(loss, reduction="total")(Z, Y, weight=w)[1]) == whole


@pytest.mark.parametrize("name", ALL)
def test_pytorch_in_half_precision_and_compiled(name: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (the extra `peers` brings it)")
    loss, y, z = rows(name)
    Y = torch.tensor(y)
    Y = Y if Y.dtype == torch.int64 else Y.float()
    each = lossmith.torch.criterion(loss, reduction="none")
    for dtype in (torch.float16, torch.bfloat16):
        few = torch.tensor(z, dtype=dtype)
        free, wide = few.clone().requires_grad_(), few.float().requires_grad_()
        half, full = each(free, Y), each(wide, Y)
        assert half.dtype == torch.float32 and torch.equal(half, full)
        a, b = torch.autograd.grad(half.sum(), free)[0], torch.autograd.grad(full.sum(), wide)[0]
        assert a.dtype == dtype and torch.equal(a, b.to(dtype))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert torch.equal(each(few, Y), full)
    torch._dynamo.reset()
    Z = torch.tensor(z, dtype=torch.float32)
    compiled, plain = Z.clone().requires_grad_(), Z.clone().requires_grad_()
    torch.compile(each, fullgraph=True, backend="aot_eager")(compiled, Y).sum().backward()
    each(plain, Y).sum().backward()
    assert torch.allclose(compiled.grad, plain.grad, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_pytorch_passes_over_ignored_rows(name: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (the extra `peers` brings it)")
    loss, y, z = rows(name)
    if loss.target.name == "bounds":
        y = np.nan_to_num(y, neginf=-5, posinf=9)
    Y, Z = torch.tensor(y).clone(), torch.tensor(z)
    plain = lossmith.torch.criterion(loss)(Z[2:], Y[2:])
    Y[:2] = -77
    Z[:2] = torch.nan
    free = Z.requires_grad_()
    value = lossmith.torch.criterion(loss, ignore_index=-77)(free, Y)
    (slope,) = torch.autograd.grad(value, free)
    assert torch.allclose(value, plain) and (slope[:2] == 0).all() and not slope.isnan().any()


@pytest.mark.parametrize("name", ALL)
def test_jax(name: str) -> None:
    jax = pytest.importorskip("jax", reason="JAX is not installed (the extra `peers` brings it)")
    loss, y, z = rows(name)
    value, gradient, block = exact(loss, y, z)
    ours, w = lossmith.jax.objective(loss), np.array([0.0, 1, 2, 3] * 3)
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    try:

        def one(z: Any, y: Any) -> Any:
            return ours(z[None], y[None])[0]

        def all_of_it(z: Any, y: Any) -> Any:
            each = jax.vmap(one)(z, y)
            return each, jax.vmap(jax.grad(one))(z, y), jax.vmap(jax.hessian(one))(z, y)

        got = jax.jit(all_of_it)(z, y)
        assert off(got[0], value, 1e-9) == "" and off(got[1], gradient, 1e-9) == ""
        assert off(np.reshape(got[2], block.shape), block, 1e-8) == ""
        mean = lossmith.jax.objective(loss, reduction="mean")(z, y, w)
        assert off(mean, np.dot(w, value) / w.sum(), 1e-9) == ""
    finally:
        jax.config.update("jax_enable_x64", before)


def test_what_jax_prints() -> None:
    """Catches an object of which a reader learns nothing."""
    pytest.importorskip("jax", reason="JAX is not installed (the extra `peers` brings it)")
    assert repr(lossmith.jax.Focal(gamma=3.0)) == "Classes(Focal(gamma=3.0), reduction='none')"
