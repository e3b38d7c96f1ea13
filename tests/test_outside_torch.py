"""PyTorch's sample inputs and error inputs for its losses: the same value, gradient and refusals as ours."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from torch_peers import ABSENT, MODULES, PEERS, Entries

from lossmith.errors import LossmithError

torch = pytest.importorskip("torch", reason="PyTorch is not installed (the extra `peers` brings it)")
pytest.importorskip("expecttest", reason="PyTorch's sample inputs need expecttest (the extra `peers` brings it)")


@functools.cache
def operations() -> dict[str, Any]:
    """PyTorch's own list of operations, the losses of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_methods_invocations import op_db
    named = {op.name.removeprefix("nn.functional."): op for op in op_db if op.name.startswith("nn.functional.")}
    return {name: op for name, op in named.items() if name in PEERS or name in ABSENT or "loss" in name}


def modules() -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_modules import module_db
    return {m.name.removeprefix("nn."): m for m in module_db if m.name.endswith("Loss")}


def plain(value: Any) -> Any:
    return value.detach().numpy() if isinstance(value, torch.Tensor) else value


def ours(name: str, first: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, np.ndarray]:
    given = {k: plain(v) for k, v in kwargs.items() if k not in ("reduction", "size_average", "reduce")}
    made: Entries = PEERS[name](plain(first), *map(plain, args), **given)
    return made.reduced(kwargs.get("reduction", "mean"))


def theirs(function: Any, name: str, first: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
    free = first.detach().clone().requires_grad_()
    entering = torch.log_softmax(free, 1 if free.ndim > 1 else 0) if name == "nll_loss" else free
    value = function(entering, *args, **kwargs)
    value.sum().backward()
    return value.detach().numpy(), free.grad.numpy()


def same(function: Any, name: str, first: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        value, gradient = theirs(function, name, first, args, kwargs)
        got = ours(name, first, args, kwargs)
    note = f"{name}({[tuple(np.shape(plain(a))) for a in (first, *args)]}, {kwargs})"
    np.testing.assert_allclose(got[0], value, rtol=1e-9, atol=1e-11, err_msg=note)
    np.testing.assert_allclose(got[1], gradient, rtol=1e-9, atol=1e-11, err_msg=note)


def refused(name: str, first: Any, args: tuple[Any, ...]) -> bool:
    """What PyTorch takes and lossmith refuses: truths of another shape, stretched, and truths that are NaN."""
    if name in ("cross_entropy", "nll_loss", "multi_margin_loss"):
        return False
    truths = args[:1] if name == "gaussian_nll_loss" else args
    tensors = [a for a in truths if isinstance(a, torch.Tensor)]
    return any(a.shape != first.shape or bool(torch.isnan(a).any()) for a in tensors)


def samples(name: str) -> Iterator[Any]:
    torch.manual_seed(0)
    yield from operations()[name].sample_inputs("cpu", torch.float64)


@pytest.mark.parametrize("name", sorted(PEERS))
def test_sample_inputs(name: str) -> None:
    op, seen = operations()[name], 0
    for one in samples(name):
        if refused(name, one.input, one.args):
            with pytest.raises(LossmithError):
                ours(name, one.input, one.args, one.kwargs)
            continue
        same(op.op, name, one.input, one.args, one.kwargs)
        seen += 1
    assert seen >= 2


@pytest.mark.parametrize("module", sorted(m for m, f in MODULES.items() if f in PEERS))
def test_modules(module: str) -> None:
    torch.manual_seed(0)
    info, name, seen = modules()[module], MODULES[module], 0
    for one in info.module_inputs_func(info, device="cpu", dtype=torch.float64, requires_grad=False, training=True):
        made = info.module_cls(*one.constructor_input.args, **one.constructor_input.kwargs)
        first, *rest = one.forward_input.args
        kwargs = dict(one.constructor_input.kwargs)
        names = {"poisson_nll_loss": ("log_input", "full")}.get(name, ())
        kwargs |= dict(zip(names, one.constructor_input.args, strict=False))
        if refused(name, first, tuple(rest)):
            with pytest.raises(LossmithError):
                ours(name, first, tuple(rest), kwargs)
            continue
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            value, gradient = theirs(lambda z, *a, made=made, **_: made(z, *a), name, first, tuple(rest), {})
            got = ours(name, first, (*rest, *one.forward_input.kwargs.values()), kwargs)
        np.testing.assert_allclose(got[0], value, rtol=1e-9, atol=1e-11, err_msg=f"{module} {kwargs}")
        np.testing.assert_allclose(got[1], gradient, rtol=1e-9, atol=1e-11, err_msg=f"{module} {kwargs}")
        seen += 1
    assert seen >= 3


@pytest.mark.parametrize("name", sorted(PEERS))
def test_error_inputs_are_errors_here_too(name: str) -> None:
    op = operations()[name]
    for one in op.error_inputs("cpu") if op.error_inputs_func else ():
        sample = one.sample_input
        with pytest.raises(LossmithError), np.errstate(all="ignore"):
            ours(name, sample.input, sample.args, sample.kwargs)
            raise AssertionError(f"{name} took what PyTorch refuses: {one.error_regex}")


def test_every_loss_of_pytorch_is_translated_or_named_as_absent() -> None:
    with_targets = {name for name in operations() if name not in ("multi_head_attention_forward",)}
    assert with_targets == set(PEERS) | set(ABSENT)
    assert set(modules()) == set(MODULES)


def test_a_thousandth_in_a_gradient_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = PEERS["huber_loss"]

    def wrong(*args: Any, **kwargs: Any) -> Entries:
        made = right(*args, **kwargs)
        return Entries(made.values, 1.001 * made.gradient, made.divisor)

    monkeypatch.setitem(PEERS, "huber_loss", wrong)
    with pytest.raises(AssertionError, match="huber_loss"):
        test_sample_inputs("huber_loss")
