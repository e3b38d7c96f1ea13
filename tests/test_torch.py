"""Losses as PyTorch modules: beside PyTorch's own losses, gradcheck, torch.func, torch.compile, and our kernels.

Faults that were planted once and are caught here: a slope without its sign, class weights left out of the mean's
divisor, an ignored row whose NaN comes back through the gradient.
"""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from export_rows import off
from torch_made import made, rows, torch

import lossmith
from lossmith.catalogue import every
from lossmith.errors import DomainError, LossmithError, ParameterError, ShapeError, UnsupportedError

F = torch.nn.functional
PRINTED = list(every())


@pytest.mark.parametrize("name", PRINTED)
def test_value_gradient_and_hessian_are_those_of_our_kernels(name: str) -> None:
    loss, module, y, z = rows(name)
    joint = z.ndim == 2
    found = loss.evaluate(y.numpy(), z.detach().numpy(), ("value", "gradient", "block" if joint else "hessian"))
    side = torch.tensor(np.random.default_rng(5).normal(size=z.shape))
    value = module(z, y)
    (gradient,) = torch.autograd.grad(value.sum(), z, create_graph=True)
    turned = torch.zeros_like(z)
    if gradient.requires_grad:
        (turned,) = torch.autograd.grad((gradient * side).sum(), z)
    wanted = (found.block @ side.numpy()[..., None])[..., 0] if joint else found.hessian * side.numpy()
    assert off(value.detach(), found.value, 1e-9) == ""
    assert off(gradient.detach(), found.gradient, 1e-9) == ""
    assert off(turned, wanted, 1e-8) == ""


GRADCHECKED = ["PseudoHuber", "Focal", "LabelSmoothing", "Poisson", "BetaRegression", "Probit", "StudentTNLL",
               "CensoredNormal", "CumulativeLogit", "RankNet", "AllThresholds", "SquaredPercentage",
               "JensenShannonDivergence", "SphericalScore", "ConfidencePenalty"]  # fmt: skip


@pytest.mark.parametrize("name", GRADCHECKED)
def test_gradcheck_and_gradgradcheck(name: str) -> None:
    _, module, y, z = rows(name)
    few, free = y[15:21], z[15:21].detach().requires_grad_()
    assert torch.autograd.gradcheck(lambda z: module(z, few), free)
    assert torch.autograd.gradgradcheck(lambda z: module(z, few), free)


PEERS: list[tuple[str, dict[str, Any], Callable[..., Any], str]] = [
    ("Squared", {}, lambda z, y: F.mse_loss(z, y, reduction="none") / 2, "real"),
    ("Absolute", {}, lambda z, y: F.l1_loss(z, y, reduction="none"), "real"),
    ("Huber", {"delta": 1.3}, lambda z, y: F.huber_loss(z, y, delta=1.3, reduction="none"), "real"),
    ("SmoothL1", {"beta": 0.7}, lambda z, y: F.smooth_l1_loss(z, y, beta=0.7, reduction="none"), "real"),
    ("BinaryCrossEntropy", {}, lambda z, y: F.binary_cross_entropy_with_logits(z, y, reduction="none"), "share"),
    ("Logistic", {}, lambda z, y: F.soft_margin_loss(z, 2 * y - 1, reduction="none"), "binary"),
    ("Poisson", {}, lambda z, y: F.poisson_nll_loss(z, y, reduction="none"), "count"),
    ("CrossEntropy", {}, lambda z, y: F.cross_entropy(z, y, reduction="none"), "classes"),
    (
        "LabelSmoothing", {"epsilon": 0.2},
        lambda z, y: F.cross_entropy(z, y, label_smoothing=0.2, reduction="none"), "classes",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "params", "theirs", "kind"), PEERS, ids=lambda v: v if isinstance(v, str) else "")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_values_and_gradients_are_those_of_pytorch(
    name: str, params: dict[str, Any], theirs: Any, kind: str, dtype: Any
) -> None:
    torch.manual_seed(0)
    z = (4 * torch.randn(200, 7) if kind == "classes" else 4 * torch.randn(200)).to(dtype)
    y = {
        "real": torch.randn(200), "share": torch.rand(200), "binary": torch.randint(0, 2, (200,)).float(),
        "count": torch.poisson(torch.full((200,), 2.0)), "classes": torch.randint(0, 7, (200,)),
    }[kind]  # fmt: skip
    y = y if kind == "classes" else y.to(dtype)
    ours = made(name, reduction="none", **params)
    found = []
    for loss in (ours, theirs):
        free = z.clone().requires_grad_()
        value = loss(free, y)
        found.append((value.detach(), torch.autograd.grad(value.sum(), free)[0]))
    tolerance = 1e-12 if dtype == torch.float64 else 2e-6
    assert torch.allclose(found[0][0], found[1][0], rtol=tolerance, atol=tolerance)
    assert torch.allclose(found[0][1], found[1][1], rtol=tolerance, atol=tolerance)


def test_class_weights_ignore_index_and_pixels_as_in_pytorch() -> None:
    torch.manual_seed(0)
    z, y = torch.randn(4, 5, 6, 3), torch.randint(0, 5, (4, 6, 3))
    y[0, :3] = -100
    w = torch.rand(5)
    for reduction in ("mean", "sum", "none"):
        ours = made("CrossEntropy", class_weight=w, ignore_index=-100, reduction=reduction)(z, y)
        assert torch.allclose(ours, F.cross_entropy(z, y, weight=w, ignore_index=-100, reduction=reduction), atol=1e-5)


def test_pos_weight_as_in_pytorch_and_for_any_loss_of_labels() -> None:
    torch.manual_seed(0)
    z, y = torch.randn(50), torch.rand(50)
    ours = made("BinaryCrossEntropy", pos_weight=3.0)(z, y)
    assert torch.allclose(ours, F.binary_cross_entropy_with_logits(z, y, pos_weight=torch.tensor(3.0)))
    hard = (y > 0.5).float()
    hinge = made("Hinge", reduction="none")(z, hard)
    assert torch.allclose(made("Hinge", reduction="none", pos_weight=3.0)(z, hard), (1 + 2 * hard) * hinge)
    with pytest.raises(ParameterError, match="no positive label"):
        made("Huber", pos_weight=2.0)


def test_hard_one_hot_and_soft_targets_agree() -> None:
    """Where PyTorch's own mean gives 1.577 and 4.206 (pytorch#107680): a mean divides by the weights of the classes."""
    torch.manual_seed(0)
    z, y, w = torch.randn(30, 4), torch.randint(0, 4, (30,)), torch.rand(4) + 0.1
    for name in ("CrossEntropy", "Focal", "LabelSmoothing"):
        loss = made(name, class_weight=w)
        assert torch.allclose(loss(z, y), loss(z, F.one_hot(y, 4).float()), atol=1e-6)
    soft = torch.softmax(torch.randn(30, 4), 1)
    assert torch.allclose(made("CrossEntropy")(z, soft), F.cross_entropy(z, soft), atol=1e-6)


def test_weights_are_copies_and_totals_add_up() -> None:
    torch.manual_seed(0)
    z, y = torch.randn(20), torch.randn(20)
    w = torch.randint(0, 4, (20,))
    loss = made("Cauchy")
    assert torch.allclose(loss(z, y, weight=w), loss(z.repeat_interleave(w), y.repeat_interleave(w)))
    total = made("Cauchy", reduction="total")
    (a, b), (c, d) = total(z[:7], y[:7], weight=w[:7]), total(z[7:], y[7:], weight=w[7:])
    assert torch.allclose((a + c) / (b + d), loss(z, y, weight=w))
    assert float(total(z, y)[1]) == 20


def test_a_row_that_does_not_count_may_hold_anything() -> None:
    z = torch.tensor([0.3, float("nan"), float("inf")], requires_grad=True)
    y = torch.tensor([1.0, 7.0, 7.0])
    value = made("BinaryCrossEntropy", ignore_index=7.0)(z, y)
    value.backward()
    assert torch.allclose(value, F.softplus(torch.tensor(-0.3)))
    assert z.grad is not None and z.grad[1:].tolist() == [0.0, 0.0]


def test_one_column_of_scores_is_one_score_of_two_classes() -> None:
    """Catches a softmax over one class, which is 1 for every score."""
    z, y = torch.randn(9, 1), torch.randint(0, 2, (9, 1)).float()
    assert torch.allclose(made("Focal")(z, y), made("Focal")(z[:, 0], y[:, 0]))


def test_functional_transforms() -> None:
    torch.manual_seed(0)
    z, y = torch.randn(6, 4, dtype=torch.float64), torch.randint(0, 4, (6,))
    loss = made("Focal", reduction="sum")
    plain = every()["Focal"]().evaluate(y.numpy().astype(float), z.numpy(), ("gradient", "block"))
    each = torch.func.vmap(torch.func.grad(lambda z, y: loss(z, y)))(z, y)
    assert off(each, plain.gradient, 1e-10) == ""
    hessian = torch.func.hessian(lambda z: loss(z, y))(z)
    assert off(torch.einsum("nknj->nkj", hessian), plain.block, 1e-10) == ""
    one = made("Tukey", reduction="none")
    r, t = torch.randn(5, dtype=torch.float64), torch.randn(5, dtype=torch.float64)
    jacobian = torch.func.jacrev(lambda z: one(z, r))(t)
    assert torch.allclose(jacobian, torch.func.jacfwd(lambda z: one(z, r))(t))
    assert off(jacobian.diagonal(), lossmith.Tukey().gradient(r.numpy(), t.numpy()), 1e-10) == ""
    both = torch.func.jvp(lambda z: one(z, r), (t,), (torch.ones_like(t),))
    assert torch.allclose(both[1], jacobian.diagonal())


COMPILED = ["Huber", "Focal", "BinaryCrossEntropy", "GaussianNLL", "CumulativeLogit", "Probit", "KullbackLeibler",
            "DualFocal", "CrammerSinger"]  # fmt: skip


@pytest.mark.parametrize("name", COMPILED)
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_compiles_without_a_graph_break(name: str, backend: str) -> None:
    torch._dynamo.reset()
    _, _, y, z = rows(name)
    y = y.long() if every()[name].target.name == "classes" else y
    module = made(name)
    compiled = torch.compile(module, fullgraph=True, backend=backend)
    results = []
    for loss in (module, compiled):
        free = z.detach().clone().requires_grad_()
        value = loss(free, y)
        value.backward()
        results.append((value.detach(), free.grad))
    assert torch.allclose(results[0][0], results[1][0]) and torch.allclose(results[0][1], results[1][1])


@pytest.mark.slow
def test_a_compiler_of_code_serves_too() -> None:
    torch._dynamo.reset()
    module = made("Focal")
    z, y = torch.randn(64, 5), torch.randint(0, 5, (64,))
    try:
        value = torch.compile(module, fullgraph=True)(z, y)
    except Exception as error:
        if "compiler" in str(error).lower():
            pytest.skip("no C++ compiler here")
        raise
    assert torch.allclose(value, module(z, y), atol=1e-5)


def test_derivatives_flow_to_both_sides_of_a_residual_and_not_to_other_targets() -> None:
    z, y = torch.randn(5, requires_grad=True), torch.randn(5, requires_grad=True)
    a, b = torch.autograd.grad(made("Huber", reduction="sum")(z, y), (z, y))
    assert torch.equal(a, -b)
    with pytest.raises(UnsupportedError, match=r"target\.detach"):
        made("Poisson")(z, y.abs()).backward()


def test_makers_show_the_parameters_of_their_loss() -> None:
    """Catches a signature of which a reader learns nothing."""
    shown = str(inspect.signature(lossmith.torch.Focal))
    assert shown.startswith("(gamma: float = 2.0, *, reduction: 'str' = 'mean', **options")


def test_modules_travel() -> None:
    loss = made("Focal", gamma=3.0, class_weight=torch.tensor([1.0, 2.0]), reduction="sum")
    again = pickle.loads(pickle.dumps(loss))
    z, y = torch.randn(9, 2), torch.randint(0, 2, (9,))
    assert torch.equal(loss(z, y), again(z, y)) and "gamma=3.0" in repr(again)
    own = lossmith.torch.criterion(lossmith.loss("abs(r)**p", p=1.5))
    assert float(own(torch.zeros(1), torch.full((1,), 4.0))) == pytest.approx(8)


def test_training_converges() -> None:
    torch.manual_seed(0)
    X = torch.randn(400, 2)
    y = (X @ torch.tensor([2.0, -1.0]) + 0.1 * torch.randn(400))[:, None]
    y[:40] += 50
    model, loss = torch.nn.Linear(2, 1), made("Cauchy", c=1.0)
    steps = torch.optim.Adam(model.parameters(), lr=0.1)
    for _ in range(200):
        steps.zero_grad()
        loss(model(X), y).backward()
        steps.step()
    assert torch.allclose(model.weight.detach(), torch.tensor([[2.0, -1.0]]), atol=0.05)


BAD: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: made("Poisson")(torch.zeros(3), torch.tensor([1.0, -2.0, 0.0])), DomainError, "y >= 0; element 1 has -2"),
    (lambda: made("Huber")(torch.zeros(3), torch.tensor([1.0, torch.nan, 0.0])), DomainError, "element 1 has nan"),
    (lambda: made("Hinge")(torch.zeros(2), torch.tensor([1.0, 3.0])), DomainError, "labels 0 and 1"),
    (lambda: made("Focal")(torch.zeros(2, 3), torch.tensor([1, 3])), DomainError, "0 … 2 for 3 scores"),
    (lambda: made("Focal")(torch.zeros(2, 3), torch.tensor([1, -1])), DomainError, "class indices"),
    (lambda: made("Focal")(torch.zeros(2, 3), torch.tensor([1, 0.5])), DomainError, "element 1 has 0.5"),
    (lambda: made("Focal")(torch.zeros(2, 3), torch.tensor([torch.nan, 1])), DomainError, "element 0 has nan"),
    (lambda: made("Focal")(torch.zeros(2), torch.tensor([0.5, 1.5])), DomainError, "element 1 has 1.5"),
    (lambda: made("Focal")(torch.zeros(1, 3), torch.tensor([[1.0, 1, 0]])), DomainError, "sums to 2 .* flatten"),
    (lambda: made("Focal")(torch.zeros(1, 3), torch.tensor([[2.0, -1, 0]])), DomainError, "shares >= 0"),
    (lambda: made("Focal")(torch.zeros(2, 1), torch.tensor([[1.0], [3.0]])), DomainError, "element 1 has 3"),
    (lambda: made("CumulativeLogit")(torch.zeros(1, 3), torch.tensor([3])), DomainError, "0 … 2 for 3"),
    (lambda: made("AllThresholds")(torch.zeros(1, 3), torch.tensor([3])), DomainError, "0 … 2 for 3"),
    (lambda: made("CrammerSinger")(torch.zeros(2), torch.tensor([1, 2])), DomainError, "element 1 has 2"),
    (lambda: made("CensoredNormal")(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]).half()), DomainError, "begins at 1"),
    (lambda: made("Huber")(torch.zeros(3, 1), torch.zeros(3)), ShapeError, r"\(3, 1\) and target \(3,\)"),
    (lambda: made("Huber")(torch.zeros(3), torch.zeros(3), torch.ones(2)), ShapeError, "weight has shape"),
    (lambda: made("GaussianNLL")(torch.zeros(3, 3), torch.zeros(3)), ShapeError, "mu, log_sigma"),
    (lambda: made("Huber", reduction="median"), ParameterError, "there are mean, sum"),
    (lambda: made("Huber", delta=-1.0), ParameterError, "delta must be"),
    (lambda: made("NoSuch"), AttributeError, "NoSuch"),
]


@pytest.mark.parametrize(("call", "error", "says"), BAD, ids=[says for _, _, says in BAD])
def test_bad_input_is_refused(call: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        call()
    assert issubclass(error, LossmithError | AttributeError)
