"""Losses as JAX functions: beside optax, under jit, grad, vmap and hessian, and beside our kernels.

Planted once and caught: a custom rule without the side's factor, a softmax gradient without its total.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from export_rows import drawn, off

import lossmith
from lossmith.catalogue import every
from lossmith.errors import DomainError, ParameterError, ShapeError

jax = pytest.importorskip("jax", reason="JAX is not installed (the extra `peers` brings it)")
optax = pytest.importorskip("optax", reason="optax is not installed (the extra `peers` brings it)")
jnp = jax.numpy
PRINTED = list(every())


@pytest.fixture(autouse=True)
def double() -> Any:
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


def made(name: str, **options: Any) -> Any:
    return getattr(lossmith.jax, name)(**options)


SOME = [*PRINTED[::7], "CensoredNormal", "CumulativeLogit", "ZeroInflatedPoisson", "AllThresholds", "RankNet", "Focal"]


@pytest.mark.parametrize("name", SOME)
def test_value_gradient_and_hessian_are_those_of_our_kernels(name: str) -> None:
    loss = every()[name]()
    y, z = drawn(loss, 30)
    joint = z.ndim == 2
    found = loss.evaluate(y, z, ("value", "gradient", "block" if joint else "hessian"))
    side = np.random.default_rng(5).normal(size=z.shape)
    ours = made(name)
    y = y.astype(int) if loss.lift.multiclass else y
    slope = jax.grad(lambda z: ours(z, y).sum())
    gradient, turned = jax.jvp(slope, (jnp.asarray(z),), (jnp.asarray(side),))
    wanted = (found.block @ side[..., None])[..., 0] if joint else found.hessian * side
    assert off(ours(z, y), found.value, 1e-9) == ""
    assert off(gradient, found.gradient, 1e-9) == ""
    assert off(turned, wanted, 1e-8) == ""


RNG = np.random.default_rng(0)
Z, S = RNG.normal(size=(50, 5)) * 3, RNG.normal(size=50) * 3
LABELS, SHARES, REAL = RNG.integers(0, 5, 50), RNG.uniform(size=50), RNG.normal(size=50)
PEERS = {
    "Squared": (lambda: optax.l2_loss(S, REAL), lambda: made("Squared")(S, REAL)),
    "Huber": (lambda: optax.huber_loss(S, REAL, delta=0.8), lambda: made("Huber", delta=0.8)(S, REAL)),
    "LogCosh": (lambda: optax.log_cosh(S, REAL), lambda: made("LogCosh", c=1.0)(S, REAL)),
    "BinaryCrossEntropy": (
        lambda: optax.sigmoid_binary_cross_entropy(S, SHARES), lambda: made("BinaryCrossEntropy")(S, SHARES),
    ),
    "Hinge": (lambda: optax.hinge_loss(S, 2.0 * (SHARES > 0.5) - 1), lambda: made("Hinge")(S, SHARES > 0.5)),
    "CrossEntropy": (
        lambda: optax.softmax_cross_entropy_with_integer_labels(Z, LABELS), lambda: made("CrossEntropy")(Z, LABELS),
    ),
    "CrossEntropy of shares": (
        lambda: optax.softmax_cross_entropy(Z, np.eye(5)[LABELS] * 0.7 + 0.06),
        lambda: made("CrossEntropy")(Z, np.eye(5)[LABELS] * 0.7 + 0.06),
    ),
    "LabelSmoothing": (
        lambda: optax.softmax_cross_entropy(Z, optax.smooth_labels(np.eye(5)[LABELS], 0.2)),
        lambda: made("LabelSmoothing", epsilon=0.2)(Z, LABELS),
    ),
    "Focal": (
        lambda: optax.sigmoid_focal_loss(S, (SHARES > 0.5) * 1.0, gamma=2.0),
        lambda: made("Focal", gamma=2.0)(S, (SHARES > 0.5) * 1.0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PEERS)
def test_values_are_those_of_optax(name: str) -> None:
    theirs, ours = PEERS[name]
    assert np.allclose(ours(), theirs(), rtol=1e-7, atol=1e-9)


def test_transforms() -> None:
    loss = made("Focal")
    plain = lossmith.Focal().evaluate(LABELS.astype(float), Z, ("gradient", "block"))
    each = jax.jit(jax.vmap(jax.grad(loss)))(Z, LABELS)
    assert off(each, plain.gradient, 1e-10) == ""
    hessians = jax.jit(jax.vmap(jax.hessian(loss)))(Z, LABELS)
    assert off(hessians, plain.block, 1e-10) == ""
    from jax.test_util import check_grads

    check_grads(lambda z: made("PseudoHuber")(z, REAL).sum(), (jnp.asarray(S),), order=2)


def test_half_precision_is_computed_in_float32() -> None:
    for dtype in (jnp.float16, jnp.bfloat16):
        z = jnp.asarray(S, dtype)
        value = made("Poisson")(z, np.ones(50))
        assert value.dtype == jnp.float32
        assert np.array_equal(value, made("Poisson")(z.astype(jnp.float32), np.ones(50)))
        assert jax.grad(lambda z: made("Poisson")(z, np.ones(50)).sum())(z).dtype == dtype


def test_infinite_scores_have_their_limits() -> None:
    z, y = jnp.asarray([jnp.inf, -jnp.inf, -jnp.inf, jnp.inf]), jnp.asarray([1.0, 0.0, 1.0, 0.0])
    for name in ("BinaryCrossEntropy", "Logistic", "Focal", "Hinge"):
        loss = made(name)
        assert loss(z, y).tolist() == [0, 0, np.inf, np.inf]
        assert jax.grad(lambda z, loss=loss: loss(z, y).sum())(z).tolist() == [0, 0, -1, 1]


def test_reductions_weights_and_class_weights() -> None:
    w = RNG.integers(0, 4, 50)
    mean, total = made("Cauchy", reduction="mean"), made("Cauchy", reduction="total")
    assert np.allclose(mean(S, REAL, w), mean(np.repeat(S, w), np.repeat(REAL, w)))
    whole, weight = total(S, REAL, w)
    assert np.allclose(whole / weight, mean(S, REAL, w)) and weight == w.sum()
    classes = np.array([1.0, 2.0, 0.5, 1.0, 3.0])
    hard, shares = (made("Focal", reduction="mean", class_weight=classes)(Z, y) for y in (LABELS, np.eye(5)[LABELS]))
    assert np.allclose(hard, shares)


def test_training_with_optax() -> None:
    X = RNG.normal(size=(300, 2))
    y = X @ [2.0, -1.0] + np.where(np.arange(300) < 30, 50, 0)
    loss, steps = made("Cauchy", c=1.0, reduction="mean"), optax.adam(0.1)
    w = jnp.zeros(2)
    state = steps.init(w)
    step = jax.jit(jax.grad(lambda w: loss(X @ w, y)))
    for _ in range(200):
        change, state = steps.update(step(w), state)
        w = optax.apply_updates(w, change)
    assert np.allclose(w, [2, -1], atol=0.05)


def test_bad_input_is_refused() -> None:
    with pytest.raises(DomainError, match="y >= 0; element 1 has -2"):
        made("Poisson")(np.zeros(2), np.array([1.0, -2.0]))
    with pytest.raises(DomainError, match="0 … 2"):
        made("Focal")(np.zeros((2, 3)), np.array([0, 3]))
    with pytest.raises(ShapeError, match=r"\(3, 1\)"):
        made("Huber")(np.zeros((3, 1)), np.zeros(3))
    with pytest.raises(ParameterError, match="neither a parameter nor an option"):
        made("Huber", ignore_index=1)
    with pytest.raises(AttributeError, match="NoSuch"):
        made("NoSuch")
