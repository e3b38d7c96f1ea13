"""Losses with another way from scores to probabilities, and with numbers of classes: beside what defines them.

The judges: sorting algorithms of Martins and Astudillo 2016 and of Peters, Niculae and Martins 2019, written here; the
package `entmax`; values that Google published with the bi-tempered loss, and the fixed point of its paper; PyTorch's
Kullback–Leibler divergence; expectations and offsets by hand.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from joint_laws import LAWS

import lossmith
from lossmith.errors import LossmithError, ParameterError, ShapeError, UnsupportedError
from lossmith.lifts import tables

normalised = import_module("lossmith.lifts.normalised")  # the package has the lift itself under this name

RNG = np.random.default_rng(0)
Z = np.concatenate([RNG.normal(scale=2, size=(300, 5)), RNG.normal(scale=0.2, size=(100, 5)), np.zeros((3, 5))])
Y = RNG.integers(0, 5, len(Z)) * 1.0
HOT = np.eye(5)[Y.astype(int)]


def sparsemax(z: np.ndarray) -> np.ndarray:
    """Algorithm 1 of Martins and Astudillo 2016: the support is a head of the sorted scores."""
    top = -np.sort(-z, axis=1)
    size = np.arange(1, z.shape[1] + 1)
    sums = np.cumsum(top, axis=1)
    k = (1 + size * top > sums).sum(axis=1)
    threshold = (sums[np.arange(len(z)), k - 1] - 1) / k
    return np.maximum(z - threshold[:, None], 0)


def entmax15(z: np.ndarray) -> np.ndarray:
    """Algorithm 2 of Peters, Niculae and Martins 2019."""
    half = z / 2
    top = -np.sort(-half, axis=1)
    size = np.arange(1, z.shape[1] + 1)
    mean = np.cumsum(top, axis=1) / size
    spread = size * (np.cumsum(top**2, axis=1) / size - mean**2)
    threshold = mean - np.sqrt(np.maximum((1 - spread) / size, 0))
    k = (threshold <= top).sum(axis=1)
    return np.maximum(half - threshold[np.arange(len(z)), k - 1][:, None], 0) ** 2


def tsallis(p: np.ndarray, alpha: float) -> np.ndarray:
    """Minus Tsallis' entropy."""
    return np.asarray((p**alpha - p).sum(axis=1) / (alpha * (alpha - 1)))


SORTED: list[tuple[lossmith.Loss, Callable[[np.ndarray], np.ndarray], float]] = [
    (lossmith.Sparsemax(), sparsemax, 2.0),
    (lossmith.Entmax(), entmax15, 1.5),
]


@pytest.mark.parametrize(("loss", "judge", "alpha"), SORTED, ids=["sparsemax", "entmax15"])
def test_probabilities_and_losses_are_those_of_the_sorting_algorithms(loss: Any, judge: Any, alpha: float) -> None:
    """The mutant: a level found to seven digits only."""
    p, ours = judge(Z), loss.mean(Z)
    assert np.allclose(ours, p, rtol=0, atol=4e-15) and ((ours == 0) == (p == 0)).all()
    assert 0.3 < (p == 0).mean() < 0.8, "probabilities are neither all inner nor all pure"
    want = (Z * p).sum(axis=1) - tsallis(p, alpha) - (Z * HOT).sum(axis=1)
    assert np.allclose(loss.value(Y, Z), want, rtol=1e-12, atol=1e-13)
    assert np.allclose(loss.gradient(Y, Z), p - HOT, atol=4e-15)
    shares = RNG.dirichlet(np.ones(5), len(Z))
    assert np.allclose(loss.gradient(shares, Z), p - shares, atol=4e-15)
    assert loss.mean(Z[:, :2])[0].sum() == pytest.approx(1) and loss.mean(np.array([9.0, -9.0])).tolist() == [1, 0]


@pytest.mark.parametrize("alpha", [1.1, 1.5, 1.7, 2.0])
def test_the_package_entmax_agrees(alpha: float) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (the extra `peers` brings it)")
    entmax = pytest.importorskip("entmax", reason="entmax is not installed (the extra `peers` brings it)")
    loss = lossmith.Sparsemax() if alpha == 2 else lossmith.Entmax(alpha)
    free = torch.tensor(Z, requires_grad=True)
    theirs = entmax.entmax_bisect(free, alpha, dim=1, n_iter=100).detach().numpy()
    assert np.allclose(loss.mean(Z), theirs, atol=1e-13)
    value = entmax.entmax_bisect_loss(free, torch.tensor(Y).long(), alpha, n_iter=100)
    (slope,) = torch.autograd.grad(value.sum(), free)
    assert np.allclose(loss.value(Y, Z), value.detach().numpy(), atol=1e-12)
    assert np.allclose(loss.gradient(Y, Z), slope.numpy(), atol=1e-12)


@pytest.mark.parametrize("alpha", [1.2, 1.8])
def test_a_fenchel_young_loss_is_the_largest_regret(alpha: float) -> None:
    """Ω*(z) is a maximum over the simplex: no distribution does better than the probabilities, which reach it."""
    loss, z = lossmith.Entmax(alpha), Z[:50]
    best = loss.value(Y[:50], z) + (z * HOT[:50]).sum(axis=1)
    p = loss.mean(z)
    assert np.allclose((z * p).sum(axis=1) - tsallis(p, alpha), best, atol=1e-12)
    for other in [*RNG.dirichlet(np.ones(5), 200), *np.eye(5), *(0.99 * p[:9] + 0.01 / 5)]:
        q = np.tile(other, (50, 1))
        assert ((z * q).sum(axis=1) - tsallis(q, alpha) <= best + 1e-12).all()


def test_a_users_own_fenchel_young_loss_from_one_line() -> None:
    """exp is cross-entropy; scaled it is cross-entropy at another temperature."""
    loss = lossmith.loss("exp(u) - y*(u + 1)", lift="normalised")
    for want in ("value", "gradient", "block"):
        ours, plain = (getattr(one.evaluate(Y, Z, (want,)), want) for one in (loss, lossmith.CrossEntropy()))
        assert np.allclose(ours, plain, atol=1e-13)
    assert np.allclose(loss.mean(Z), lossmith.CrossEntropy().mean(Z), atol=1e-14)
    with pytest.raises(UnsupportedError, match="be convex below it"):
        lossmith.loss("max(0, u)**1.5/1.5 - y*u", lift="normalised").value(Y, Z)
    with pytest.raises(UnsupportedError, match="no link"):
        lossmith.loss("exp(u) - y**2*u", lift="normalised").mean(Z)


GOOGLE = (
    [[0.2, 0.3, 0.5], [0.6, 0.3, 0.1], [0.2, 0.8, 0.0]],
    [[-0.5, 0.1, 2.0], [0.1, 1.5, -5.0], [4.0, -3.0, -6.0]],
    [0.02301914, 0.18972909, 0.93874922],
)
"""Labels, activations and losses at t1 = 0.5 and t2 = 1.5: the test that github.com/google/bi-tempered-loss ships."""


def tempered_softmax(z: np.ndarray, t: float, steps: int = 400) -> np.ndarray:
    """Algorithm 1 of the paper's appendix: a fixed point for the normalisation."""

    def exp_t(u: np.ndarray) -> np.ndarray:
        return np.maximum(0, 1 + (1 - t) * u) ** (1 / (1 - t))

    top = z.max(axis=1, keepdims=True)
    moved = a = z - top
    for _ in range(steps):
        moved = a * exp_t(moved).sum(axis=1, keepdims=True) ** (1 - t)
    total = exp_t(moved).sum(axis=1, keepdims=True)
    level = -((1 / total) ** (1 - t) - 1) / (1 - t) + top
    return exp_t(z - level)


def bitempered(y: np.ndarray, z: np.ndarray, t1: float, t2: float) -> np.ndarray:
    """Equation (6) of the paper."""
    p = tempered_softmax(z, t2)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_y = np.where(y > 0, (y ** (1 - t1) - 1) / (1 - t1), 0)
    log_p = (p ** (1 - t1) - 1) / (1 - t1)
    return np.asarray((y * (log_y - log_p) - (y ** (2 - t1) - p ** (2 - t1)) / (2 - t1)).sum(axis=1))


def test_the_bitempered_loss_is_the_published_one() -> None:
    labels, activations, want = map(np.array, GOOGLE)
    assert np.allclose(lossmith.BiTempered(0.5, 1.5).value(labels, activations), want, atol=5e-9)
    shares = RNG.dirichlet(np.ones(5), len(Z))
    for t1, t2 in ((0.0, 1.2), (0.8, 1.4), (0.99, 2.0), (0.5, 4.0)):
        loss = lossmith.BiTempered(t1, t2)
        assert np.allclose(loss.mean(Z), tempered_softmax(Z, t2), rtol=1e-9)
        for y in (HOT, shares):
            assert np.allclose(loss.value(y, Z), bitempered(y, Z, t1, t2), rtol=1e-8, atol=1e-10)
    near = lossmith.BiTempered(1 - 1e-7, 1 + 1e-7)
    assert np.allclose(near.value(Y, Z), lossmith.CrossEntropy().value(Y, Z), rtol=1e-4), "both temperatures at 1"
    far = lossmith.BiTempered(0.8, 1.4).value([0.0], np.array([[-1e6, 0.0]]))
    assert far < 1 / (1 - 0.8) + 1, "bounded by t1"


def test_distillation_is_the_softened_divergence_of_pytorch() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (the extra `peers` brings it)")
    teacher = RNG.normal(scale=2, size=Z.shape)
    for T in (1.0, 2.0, 4.0):
        free, y = torch.tensor(Z, requires_grad=True), torch.softmax(torch.tensor(teacher) / T, 1)
        judge = torch.nn.KLDivLoss(reduction="none")((free / T).log_softmax(1), y).sum(1) * T * T
        (slope,) = torch.autograd.grad(judge.sum(), free)
        loss = lossmith.Distillation(T)
        assert np.allclose(loss.value(y.numpy(), Z), judge.detach().numpy(), atol=1e-12)
        assert np.allclose(loss.gradient(y.numpy(), Z), slope.numpy(), atol=1e-12)
    assert np.allclose(lossmith.Distillation(3.0).mean(Z), lossmith.CrossEntropy().mean(Z / 3), atol=1e-14)


@pytest.mark.parametrize("loss", [lossmith.Sparsemax(), lossmith.Entmax(), lossmith.BiTempered()], ids=repr)
def test_rows_at_the_edge(loss: lossmith.Loss) -> None:
    """The mutants: inf − inf at the top, and one NaN that hides the link of all other rows."""
    z = np.array([[np.nan, 0, 1], [np.inf, 0, 1], [-np.inf, 0, 1], [0.0, 0, 0]])
    p = loss.mean(z)
    assert np.isnan(p[0]).all() and p[1].tolist() == [1, 0, 0] and p[2, 0] == 0
    assert np.allclose(p[2:].sum(axis=1), 1, atol=1e-15) and np.allclose(p[3], 1 / 3, atol=1e-15)
    found = loss.evaluate([0, 0, 1, 1], z, ("value", "gradient"))
    assert np.isnan(found.value[0]) and found.value[1] == pytest.approx(0, abs=1e-12)
    assert np.isfinite(found.value[1:]).all() and np.isfinite(found.gradient[2:]).all()
    assert loss.value(np.zeros(0), np.zeros((0, 3))).shape == (0,) and loss.mean(np.zeros((0, 3))).shape == (0, 3)


# ------------------------------------------------------------------------------------------------- numbers of classes

PRIORS = (0.5, 0.2, 0.15, 0.1, 0.05)
COSTS = tuple(tuple(float(abs(j - k) * (1 + j)) for k in range(5)) for j in range(5))


def test_logit_adjustment_is_cross_entropy_with_an_offset() -> None:
    loss = lossmith.LogitAdjustment().over(lossmith.adjusted(PRIORS, tau=0.7))
    plain, moved = lossmith.CrossEntropy(), Z + 0.7 * np.log(PRIORS)
    for want in ("value", "gradient", "block"):
        ours, theirs = loss.evaluate(Y, Z, (want,)), plain.evaluate(Y, moved, (want,))
        assert np.allclose(getattr(ours, want), getattr(theirs, want), atol=1e-14)
    assert np.allclose(loss.mean(Z), plain.mean(moved), atol=1e-9)
    assert np.array_equal(lossmith.LogitAdjustment().value(Y, Z), plain.value(Y, Z)), "without priors nothing moves"


def rare(n: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    """Three classes that overlap, the last of them rare."""
    rng = np.random.default_rng(5)
    y = rng.choice(3, n, p=(0.7, 0.25, 0.05))
    return rng.normal(size=(n, 2)) + np.array([[0, 0], [1.5, 0], [0, 1.5]])[y], y


def test_an_adjusted_fit_errs_less_on_rare_classes_and_keeps_the_probabilities() -> None:
    X, y = rare()
    loss = lossmith.LogitAdjustment().over(lossmith.adjusted(np.bincount(y)))
    models = [lossmith.LinearClassifier(one, penalty="none").fit(X, y) for one in (loss, "cross_entropy")]
    balanced = [np.mean([np.mean(m.predict(X[y == k]) == k) for k in range(3)]) for m in models]
    assert balanced[0] > balanced[1] + 0.05
    assert np.allclose(models[0].predict_proba(X), models[1].predict_proba(X), atol=1e-5)
    two = lossmith.LogitAdjustment().over(lossmith.adjusted([0.7, 0.3]))
    ours = lossmith.LinearClassifier(two, penalty="none").fit(X, y > 0)
    theirs = lossmith.LinearClassifier("logistic", penalty="none").fit(X, y > 0, offset=np.full(len(X), np.log(3 / 7)))
    assert np.allclose(ours.coef_, theirs.coef_, atol=1e-5) and np.allclose(
        ours.intercept_, theirs.intercept_, atol=1e-5
    )


def test_expected_cost_is_the_expectation_and_a_fit_lowers_what_errors_cost() -> None:
    loss, p = lossmith.ExpectedCost().over(lossmith.costs(COSTS)), lossmith.CrossEntropy().mean(Z)
    assert np.allclose(loss.value(Y, Z), (np.array(COSTS)[Y.astype(int)] * p).sum(axis=1), rtol=1e-13)
    shares = RNG.dirichlet(np.ones(5), len(Z))
    assert np.allclose(loss.value(shares, Z), np.einsum("nj,jk,nk->n", shares, COSTS, p), rtol=1e-13)
    assert np.allclose(2 * lossmith.ExpectedCost().value(Y, Z), lossmith.ProbabilityAbsolute().value(Y, Z), rtol=1e-12)
    X, y = rare()
    table = np.array([[0, 1, 1], [1, 0, 1], [20, 20, 0.0]])  # a rare class that must not be missed
    models = [
        lossmith.LinearClassifier(one, penalty="none").fit(X, y)
        for one in (lossmith.ExpectedCost().over(lossmith.costs(table)), "cross_entropy")
    ]
    paid = [table[y, m.predict(X)].mean() for m in models]
    assert paid[0] < 0.8 * paid[1]
    assert not hasattr(models[0], "predict_proba")


FOUR = [
    lossmith.LogitAdjustment().over(lossmith.adjusted([0.1, 0.2, 0.3, 0.4])),
    lossmith.ExpectedCost().over(lossmith.costs([[0, 1, 2, 3], [1, 0, 1, 2], [5, 1, 0.5, 1], [1, 1, 1, 0]])),
    lossmith.ZLoss(2.0).over(lossmith.adjusted([1, 2, 3, 4])),
    lossmith.VectorScaling().over(lossmith.adjusted([40, 20, 5, 1], 0.5, gamma=0.3)),
    lossmith.LDAM().over(lossmith.adjusted([40, 20, 5, 1], 0, margin=0.5, scale=4)),
    lossmith.ConfidencePenalty().over(lossmith.adjusted([4, 2, 1, 1], margin=1)),
]


@pytest.mark.parametrize("law", ["derives", "computes", "single", "vectorises", "weighs", "returns"])
@pytest.mark.parametrize("loss", FOUR, ids=repr)
def test_laws_hold_with_numbers_of_classes(loss: lossmith.Loss, law: str) -> None:
    LAWS[law](loss)
    assert (
        pickle.loads(pickle.dumps(loss)).value(Y[:9] % 4, Z[:9, :4]).tolist()
        == loss.value(Y[:9] % 4, Z[:9, :4]).tolist()
    )


WRONG: list[tuple[Callable[[], Any], type[LossmithError], str]] = [
    (lambda: FOUR[0].value(Y % 3, Z[:, :3]), ShapeError, "is for 4 classes; z has 3 columns"),
    (lambda: FOUR[1].value(Y % 3, Z[:, :3]), ShapeError, "is for 4 classes; z has 3 columns"),
    (lambda: lossmith.adjusted([0.5, 0.0]), ParameterError, "a prior > 0 for each"),
    (lambda: lossmith.costs([[0, 1]]), ParameterError, "a row of numbers >= 0 for each"),
    (lambda: lossmith.costs([[0, -1], [1, 0]]), ParameterError, "a row of numbers >= 0 for each"),
    (lambda: lossmith.LogitAdjustment().over("adjusted(a, b)"), ParameterError, "between the parentheses"),
    (lambda: lossmith.ExpectedCost().mean(Z), UnsupportedError, "cheapest class"),
    (lambda: lossmith.Entmax(2.0), ParameterError, r"in \(1, 2\)"),
]


@pytest.mark.parametrize(("call", "error", "says"), WRONG, ids=[says for _, _, says in WRONG])
def test_what_cannot_be_is_said(call: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        call()


@pytest.mark.parametrize("loss", [lossmith.Sparsemax(), lossmith.Entmax(), lossmith.BiTempered(), *FOUR[:2]], ids=repr)
def test_pytorch_has_the_second_derivatives_too(loss: lossmith.Loss) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (the extra `peers` brings it)")
    free, y = torch.tensor(Z[:20, :4], requires_grad=True), torch.tensor(Y[:20] % 4).long()
    value = lossmith.torch.criterion(loss, reduction="none")(free, y)
    (slope,) = torch.autograd.grad(value.sum(), free, create_graph=True)
    along = torch.tensor(RNG.normal(size=(20, 4)))
    (turned,) = torch.autograd.grad((slope * along).sum(), free)
    found = loss.evaluate(y.numpy() * 1.0, Z[:20, :4], ("value", "gradient", "block"))
    assert np.allclose(value.detach().numpy(), found.value, atol=1e-12)
    assert np.allclose(slope.detach().numpy(), found.gradient, atol=1e-11)
    assert np.allclose(turned.numpy(), np.einsum("nab,nb->na", found.block, along.numpy()), atol=1e-9)


# ------------------------------------------------------------------------------------------------------------ mutants


def steeper(patch: pytest.MonkeyPatch) -> None:
    genuine = normalised.link

    def wrong(state: Any, u: Any) -> Any:
        p, s, bent = genuine(state, u)
        return p, s * (1 + 1e-3 * (u < 0.5)), bent

    patch.setattr(normalised, "link", wrong)


def straight(patch: pytest.MonkeyPatch) -> None:
    genuine = normalised.link
    patch.setattr(normalised, "link", lambda state, u: (*genuine(state, u)[:2], None))


def unfitted(patch: pytest.MonkeyPatch) -> None:
    genuine = tables._fitting
    patch.setattr(tables, "_fitting", lambda table, z, who: np.asarray(genuine(table, z, who)) * (1 + 1e-6))


FAULTS = [
    (lossmith.BiTempered(), steeper), (lossmith.BiTempered(), straight), (lossmith.Entmax(), steeper),
    (FOUR[0], unfitted), (FOUR[1], unfitted),
]  # fmt: skip


@pytest.mark.parametrize(
    ("loss", "plant"), FAULTS, ids=lambda v: repr(v) if isinstance(v, lossmith.Loss) else v.__name__
)
def test_derives_notices_its_mutant(loss: lossmith.Loss, plant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        LAWS["derives"](loss)


def test_a_level_to_a_few_digits_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(normalised, "NEAR", 1e-3 / np.finfo(np.float64).eps)
    with pytest.raises((AssertionError, UnsupportedError)):
        test_probabilities_and_losses_are_those_of_the_sorting_algorithms(*SORTED[1])
