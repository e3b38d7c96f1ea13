"""Softmax in K classes: derivatives against 60 digits, hard = one-hot, two classes = one score, recovered odds."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import mpmath
import numpy as np
import pytest
from mpmath import mpf
from reference import walk

import lossmith
from lossmith.backends import llvm_softmax
from lossmith.errors import DomainError, ShapeError, UnsupportedError

softmax = import_module("lossmith.lifts.softmax")  # the package has a lift of that name

LOSSES = [k() for k in lossmith.losses().values() if k.lift.name == "softmax"] + [lossmith.Focal(0.5)]


def one(loss: lossmith.Loss, y: int, z: list) -> object:
    """The formula at one row of K scores, in mpmath."""
    top = mpmath.log(sum(mpmath.exp(v) for v in z))
    logs = [v - top for v in z]
    names = {"logp": logs[y], "p": mpmath.exp(logs[y]), "mean_logp": sum(logs) / len(z)}
    return walk(loss.tree, names | {n: mpf(v) for n, v in loss.params.items()})


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_derivatives_of_k_scores(loss: lossmith.Loss) -> None:
    rng = np.random.default_rng(0)
    z, y = rng.normal(scale=2, size=(6, 4)), np.array([0, 1, 2, 3, 1, 2])
    got = loss.evaluate(y, z, ("value", "gradient", "hessian", "block"))
    with mpmath.workdps(60):
        h = mpf(10) ** -18
        for i in range(6):
            row = [mpf(v) for v in z[i]]

            def at(*steps: tuple[int, int], row: list = row, i: int = i) -> object:
                moved = list(row)
                for k, sign in steps:
                    moved[k] += sign * h
                return one(loss, int(y[i]), moved)

            assert got.value[i] == pytest.approx(float(at()), rel=1e-12)
            for a in range(4):
                slope = (at((a, 1)) - at((a, -1))) / (2 * h)
                assert got.gradient[i, a] == pytest.approx(float(slope), rel=1e-10, abs=1e-14)
                for b in range(4):
                    corners = at((a, 1), (b, 1)) - at((a, 1), (b, -1)) - at((a, -1), (b, 1)) + at((a, -1), (b, -1))
                    assert got.block[i, a, b] == pytest.approx(float(corners / (4 * h * h)), rel=1e-8, abs=1e-12)
    assert np.allclose(got.hessian, np.einsum("nkk->nk", got.block), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_hard_one_hot_and_single_score_agree(loss: lossmith.Loss) -> None:
    rng = np.random.default_rng(1)
    z, y = rng.normal(size=(50, 3)), rng.integers(0, 3, 50)
    hot = np.eye(3)[y]
    for name in ("value", "gradient", "hessian"):
        assert np.allclose(getattr(loss, name)(y, z), getattr(loss, name)(hot, z), rtol=1e-13, atol=1e-15)
    s, t = rng.normal(scale=2, size=50), rng.integers(0, 2, 50)
    both = np.column_stack([np.zeros(50), s])
    assert np.allclose(loss.value(t, s), loss.value(t, both), rtol=1e-12, atol=1e-14)
    assert np.allclose(loss.gradient(t, s), loss.gradient(t, both)[:, 1], rtol=1e-11, atol=1e-14)
    assert np.allclose(loss.hessian(t, s), loss.hessian(t, both)[:, 1], rtol=1e-10, atol=1e-13)


def test_the_probability_that_a_loss_was_trained_for_is_recovered() -> None:
    share = np.array([0.05, 0.25, 0.7])
    y = np.repeat(np.arange(3), (share * 1000).astype(int))
    proper = (lossmith.CrossEntropy(), lossmith.LabelSmoothing(), lossmith.GeneralizedCrossEntropy(), lossmith.Poly1())
    for loss in (*proper, lossmith.Focal(), lossmith.Focal(0.5)):
        z = loss.start(y)
        assert z.shape == (3,) and abs(z.sum()) < 1e-9
        assert np.allclose(loss.mean(z[None, :])[0], share, atol=2e-5), loss
    plain = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
    assert not np.allclose(plain, share, atol=1e-2), "softmax itself was right: no test of the recovery"
    # the published pairs: true probability .05 trains focal loss to σ(z) = .250
    z = lossmith.Focal().start(np.array([0, 1]), np.array([0.95, 0.05]))
    assert 1 / (1 + np.exp(-z)) == pytest.approx(0.250, abs=5e-4)
    assert lossmith.Focal().mean(np.array([z]))[0] == pytest.approx(0.05, abs=1e-6)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 1.5, 2.0, 3.5])
def test_a_class_that_is_certain_has_no_slope(gamma: float) -> None:
    e = lossmith.Focal(gamma).evaluate([2.0], np.array([[13.6, 24.9, 73.9, -3.8]]), ("value", "gradient", "hessian"))
    assert 0 <= e.value[0] < 1e-12 and np.abs(e.gradient).max() < 1e-12 and np.abs(e.hessian).max() < 1e-12


def test_soft_targets_average_and_no_weight_means_no_loss() -> None:
    z = np.array([[0.5, -800.0, 2.0]])
    loss = lossmith.CrossEntropy()
    assert loss(np.array([[0.3, 0.0, 0.7]]), z) == pytest.approx(
        0.3 * loss(np.array([0]), z) + 0.7 * loss(np.array([2]), z)
    )
    assert np.isfinite(loss.gradient(np.array([[0.3, 0.0, 0.7]]), z)).all()


def test_shapes_and_labels_that_do_not_fit_are_named() -> None:
    loss = lossmith.CrossEntropy()
    with pytest.raises(ShapeError, match=r"\(3, 1\).*\(3, 2\)"):
        loss(np.zeros((3, 1)), np.zeros((3, 2)))
    with pytest.raises(DomainError, match="row 1 has 2"):
        loss(np.array([0, 2]), np.zeros((2, 2)))
    with pytest.raises(UnsupportedError, match="nothing"):
        loss.evaluate(np.array([0, 1]), np.zeros((2, 2)), ("nothing",))
    with pytest.raises(UnsupportedError, match="no link"):
        lossmith.Hinge().mean(np.zeros(2))
    with pytest.raises(DomainError, match="-1 and"):
        lossmith.Logistic()([2.0, 0.0], [1.0, 1.0])


def test_labels_may_be_0_1_or_minus_1_1() -> None:
    z = np.linspace(-2, 2, 8)
    y = np.array([0, 1] * 4)
    assert np.array_equal(lossmith.Hinge().value(y, z), lossmith.Hinge().value(2 * y - 1, z))


# --- a class that is all but sure -----------------------------------------------------------------------------------

SURE = np.random.default_rng(6).normal(size=(48, 4))
SURE[:, 0] += np.tile([5, 15, 30, 36, 50, 200], 8)


def units(loss: lossmith.Loss, z: np.ndarray, rows: list[int]) -> float:
    """The largest error of the true class's slope and curvatures in ulp, from the odds in 120 digits."""
    found, worst = loss.evaluate(np.zeros(len(z)), z, ("gradient", "hessian", "block")), 0.0
    with mpmath.workdps(120):
        for i in rows:
            odds = [mpmath.exp(mpf(v) - mpf(z[i, 0])) for v in z[i]]
            p = [v / sum(odds) for v in odds]
            free = {n: mpf(v) for n, v in loss.params.items()}

            def f(logp: object, free: dict = free) -> object:
                return walk(loss.tree, {"logp": logp, "p": mpmath.exp(logp), **free})

            first, second = mpmath.diff(f, mpmath.log(p[0])), mpmath.diff(f, mpmath.log(p[0]), 2)
            rest = sum(p[1:])
            truths = [first * rest, second * rest**2 - first * p[0] * rest]
            truths += [-second * rest * p[1] + first * p[0] * p[1], -first * p[1]]
            got = [found.gradient[i, 0], found.block[i, 0, 0], found.block[i, 0, 1], found.gradient[i, 1]]
            assert found.hessian[i, 0] == pytest.approx(found.block[i, 0, 0], rel=1e-15)
            worst = max(worst, *(float(abs(mpf(g) / t - 1)) / 2**-52 for g, t in zip(got, truths, strict=True)))
    return worst


def sure(loss: lossmith.Loss) -> None:
    """By NumPy, and compiled, which takes over at many scores."""
    few = list(range(0, len(SURE), 5))
    for z in (SURE, np.tile(SURE, (8, 1))):
        assert units(loss, z, few) < (4 if loss.name == "CrossEntropy" else 8)


@pytest.mark.parametrize("loss", [lossmith.CrossEntropy(), lossmith.Focal(0.5)], ids=repr)
def test_a_class_that_is_all_but_sure_keeps_the_digits_of_its_slope_and_curvature(loss: lossmith.Loss) -> None:
    sure(loss)


def walked() -> None:
    """What fits walk through, float64 throughout: 1 − p of a class that is all but sure, by NumPy and compiled."""
    for z in (SURE, np.tile(SURE, (8, 1))):
        found = softmax.probabilities(z)[2][:, 0]
        with mpmath.workdps(120):
            for i in range(0, len(SURE), 5):
                odds = [mpmath.exp(mpf(v) - mpf(z[i, 0])) for v in z[i]]
                assert abs(mpf(found[i]) / (sum(odds[1:]) / sum(odds)) - 1) < 4 * 2**-52


@pytest.mark.parametrize("path", ["", "numpy", "compiled", "difference"])
def test_a_difference_from_one_is_noticed(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoilt(genuine: Callable) -> Callable:
        return lambda z: (*genuine(z)[:2], 1 - genuine(z)[1])

    if not path:
        walked()
        return
    if path == "numpy":
        monkeypatch.setattr(softmax, "counted", spoilt(softmax.counted))
    elif path == "compiled":
        monkeypatch.setattr(llvm_softmax, "probabilities", spoilt(llvm_softmax.probabilities))
    else:  # what rounding takes from z − z_top, forgotten
        monkeypatch.setattr("lossmith.lifts.probabilities.difference", lambda a, b: (a - b, 0 * a))
    with pytest.raises(AssertionError):
        walked()


@pytest.mark.parametrize("name", ["ZLoss", "KullbackLeibler", "NormalisedCrossEntropy"])
def test_losses_of_coupled_scores_keep_them_too(name: str) -> None:
    """Of two classes: the slope of a sure one is that of cross-entropy, 1 − p = 1/(1 + eᵐ)."""
    loss, z = lossmith.coupled()[name](), np.array([[40.0, 0.0], [0.0, 36.5]])
    with mpmath.workdps(60):
        rest = [1 / (1 + mpmath.exp(mpf(m))) for m in (40, 36.5)]
        p = [[1 - r, r] for r in rest]
        logs = [[mpmath.log(v) for v in row] for row in p]
        slopes = {  # along the sure class
            "ZLoss": lambda i: -rest[i] + 2 * mpf(1e-4) * (z[i].max() - logs[i][0]) * p[i][0],
            "KullbackLeibler": lambda i: -rest[i],
            "NormalisedCrossEntropy": lambda i: (
                (rest[i] * sum(logs[i]) / 2 - logs[i][0] * (mpf(1) / 2 - p[i][0])) / (sum(logs[i]) / 2) ** 2
            ),
        }
        got = loss.evaluate(np.array([0.0, 1.0]), z, ("gradient",)).gradient[[0, 1], [0, 1]]
        for i in range(2):
            assert float(abs(mpf(got[i]) / slopes[name](i) - 1)) < 8 * 2**-52


def test_shares_that_are_no_distribution_are_refused() -> None:
    # catches: rows of weight 2 taken without a word for distributions over classes
    loss, z = lossmith.CrossEntropy(), np.zeros((3, 3))
    with pytest.raises(DomainError, match="row 0 sums to 2, not 1"):
        loss.value(np.eye(3) * 2, z)
    with pytest.raises(DomainError, match="shares y >= 0 of the classes; row 1"):
        lossmith.CrossEntropy()(np.array([[0.5, 0.5], [2.0, -1.0]]), np.zeros((2, 2)))
    with pytest.raises(DomainError, match="shares y >= 0 of the classes; row 1"):
        loss.value([[1, 0, 0], [np.nan, 0, 0], [1, 0, 0]], z)
    assert loss.value(np.full((3, 3), 1 / 3), z) == pytest.approx(np.log(3))
