"""Losses as JAX functions: beside optax, under transforms, at infinite scores; `test_host_sweeps.py` has every loss.

Planted once and caught: a custom rule without the side's factor, a softmax gradient without its total.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from export_rows import off

import lossmith
from lossmith.catalogue import every
from lossmith.errors import DomainError, ParameterError, ShapeError, UnsupportedError

jax = pytest.importorskip("jax", reason="JAX is not installed (the extra `peers` brings it)")
optax = pytest.importorskip("optax", reason="optax is not installed (the extra `peers` brings it)")
jnp = jax.numpy


@pytest.fixture(autouse=True)
def double() -> Any:
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


def made(name: str, **options: Any) -> Any:
    return getattr(lossmith.jax, name)(**options)


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
    "KullbackLeibler": (
        lambda: optax.kl_divergence(jax.nn.log_softmax(Z), np.eye(5)[LABELS] * 0.7 + 0.06),
        lambda: made("KullbackLeibler")(Z, np.eye(5)[LABELS] * 0.7 + 0.06),
    ),
    "CrammerSinger": (
        lambda: jax.vmap(optax.losses.multiclass_hinge_loss)(jnp.asarray(Z), LABELS),
        lambda: made("CrammerSinger")(Z, LABELS),
    ),
    "ZLoss": (
        lambda: optax.softmax_cross_entropy_with_integer_labels(Z, LABELS) + 0.1 * jax.nn.logsumexp(Z, axis=1) ** 2,
        lambda: made("ZLoss", penalty=0.1)(Z, LABELS),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", lossmith.coupled())
def test_coupled_scores_of_every_shape(name: str) -> None:
    """Catches a slope that is shared among tied scores, a share that is read as a label, a NaN of a masked class."""
    loss, ours = every()[name](), made(name)
    rivals = loss.lift.name.startswith("one_against")
    t = SHARES[:20] if loss.lift.name == "divergence" else (SHARES[:20] > 0.5) * 1.0
    z, shares = Z[:12].copy(), np.random.default_rng(0).dirichlet(np.ones(5), 12)
    z[:3], z[3, :2], shares[4] = 0, 1.5, [0.3, 0, 0.5, 0.1, 0.1]
    rows = [(S[:20], t), (z, LABELS[:12])] + [(z, shares)] * (not rivals)
    for scores, target in rows:
        found = loss.evaluate(target * 1.0, scores, ("value", "gradient"))
        value, back = jax.vjp(lambda z, target=target: ours(z, target), jnp.asarray(scores))
        assert off(value, found.value, 1e-10) == ""
        assert off(back(jnp.ones_like(value))[0], found.gradient, 1e-10) == ""
    assert np.allclose(jax.jit(ours)(z, LABELS[:12]), ours(z, LABELS[:12]))
    if not rivals and name != "ChiSquare":
        hidden, target = jnp.asarray([[0.3, -jnp.inf, 1.0]]), jnp.asarray([[0.4, 0.0, 0.6]])
        assert not np.isnan(ours(hidden, target)).any()
        assert not np.isnan(jax.grad(lambda z: ours(z, target).sum())(hidden)).any()


def test_what_coupled_scores_cannot_take() -> None:
    with pytest.raises(UnsupportedError, match="class indices"):
        made("CrammerSinger")(Z, np.full((50, 5), 0.2))
    with pytest.raises(DomainError, match=r"element 0 has 0\.5"):
        made("CrammerSinger")(np.zeros(2), np.array([0.5, 1.0]))
    with pytest.raises(DomainError, match="shares >= 0"):
        made("KullbackLeibler")(np.zeros((1, 2)), np.array([[-1.0, 2.0]]))
    with pytest.raises(ParameterError, match="class_weight has no meaning"):
        made("KullbackLeibler", class_weight=np.ones(3))
    w = np.array([1.0, 3.0, 2.0, 1.0, 2.0])
    for name in ("MultiClassBrier", "CrammerSinger"):
        each = made(name)(Z, LABELS)
        assert np.allclose(made(name, reduction="mean", class_weight=w)(Z, LABELS), np.average(each, weights=w[LABELS]))


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


@pytest.mark.parametrize(
    "name", ["Focal", "Unlikelihood", "ChiSquare", "CumulativeProbit", "ZLoss", "DualFocal", "NormalisedCrossEntropy"]
)
def test_one_infinite_score_gives_no_nan(name: str) -> None:
    """Catches 0·∞ between an infinite slope and a probability of 0, and ∞ − ∞ of two slots."""
    loss = made(name)
    z, y = np.array([[0.0, -1.0, 1.0], [0.5, -0.5, 0.2], [-1.0, 0.0, 2.0]]), np.arange(3)
    places = [(0, np.inf), (0, -np.inf), (1, -np.inf), (2, np.inf)]
    for place, end in places if name == "CumulativeProbit" else [(k, e) for k in range(3) for e in (np.inf, -np.inf)]:
        at = z.copy()
        at[:, place] = end
        value, back = jax.vjp(lambda z: loss(z, y), jnp.asarray(at))
        assert not np.isnan(value).any() and not np.isnan(back(jnp.ones_like(value))[0]).any()


def test_a_sure_class_keeps_the_digits_of_its_slope() -> None:
    """Catches e − p, which is 0 in float32 where 1 − p is 1e-12."""
    z = jnp.asarray([[30.0, 2.0, 1.0]], jnp.float32)
    slope = jax.grad(lambda z: made("CrossEntropy")(z, jnp.asarray([0])).sum())(z)
    assert np.allclose(
        slope, lossmith.CrossEntropy().gradient(np.array([0.0]), np.asarray(z, float)), rtol=2e-5, atol=0
    )


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
    for name, z, y, says in (
        ("Focal", np.zeros((2, 3)), np.array([0, 3]), "0 … 2"),
        ("Focal", np.zeros((2, 3)), np.array([0, 0.5]), "element 1 has 0.5"),
        ("Focal", np.zeros(2), np.array([0, 1.5]), "element 1 has 1.5"),
        ("Focal", np.zeros((2, 1)), np.array([[1.0], [2.0]]), "element 1 has 2"),
        ("Focal", np.zeros((1, 3)), np.array([[1.0, 1, 0]]), "sums to 2"),
        ("Focal", np.zeros((1, 3)), np.array([[2.0, -1, 0]]), "shares >= 0"),
        ("CumulativeLogit", np.zeros((1, 3)), np.array([3]), "0 … 2"),
        ("AllThresholds", np.zeros((1, 3)), np.array([3]), "0 … 2"),
        ("CrammerSinger", np.zeros(2), np.array([0, 2]), "element 1 has 2"),
        ("CensoredNormal", np.zeros((1, 2)), np.array([[1.0, 0.0]], np.float16), "begins at 1"),
        ("CensoredNormal", np.zeros((1, 2)), np.array([[-np.inf, np.inf]]), "one of them finite"),
    ):
        with pytest.raises(DomainError, match=says):
            made(name)(z, y)
    with pytest.raises(ShapeError, match=r"\(3, 1\)"):
        made("Huber")(np.zeros((3, 1)), np.zeros(3))
    with pytest.raises(ParameterError, match="neither a parameter nor an option"):
        made("Huber", ignore_index=1)
    with pytest.raises(AttributeError, match="NoSuch"):
        made("NoSuch")
