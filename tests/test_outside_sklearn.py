"""scikit-learn's own tests of its losses, from its wheel, run against lossmith's kernels."""

from __future__ import annotations

import numpy as np
import pytest
from outside import suite

import lossmith
from lossmith.adapters.sklearn import CLASSES, PointLoss, TweedieIdentity, TweedieLog
from lossmith.errors import ParameterError

pytest.importorskip("sklearn._loss.tests.test_loss")

MODULE = ["sklearn._loss.tests.test_loss"]
LUCK = "test_derivatives[poisson_loss--22.0-10.0]"
"""Newton's method on a double root: where it stops, and whether 1e-14 holds there, hangs on the last digit of exp."""


def test_all_of_scikit_learns_cases_pass() -> None:
    found = suite("sklearn_losses", MODULE)
    assert found.failed == () and found.counts.get("failed", 0) == found.counts.get("error", 0) == 0
    assert found.counts["passed"] >= 1800, found.text[-500:]
    reasons = [line for line in found.text.splitlines() if line.startswith("SKIPPED")]
    allowed = ("array_api", "SCIPY_ARRAY_API", "cupy", "dpnp", "torch", "float32 dtype tests")
    assert all(any(word in line for word in allowed) for line in reasons), reasons


def test_they_pass_with_compiled_kernels_too() -> None:
    chosen = "not test_loss_dtype and not array_api"
    found = suite("sklearn_losses", MODULE, "-k", chosen, LOSSMITH_BACKEND="llvm")
    assert {name.rpartition("::")[2] for name in found.failed} <= {LUCK}
    assert found.counts["passed"] >= 550, found.text[-500:]


def test_a_thousandth_in_one_hessian_is_noticed() -> None:
    found = suite("sklearn_losses", MODULE, "-k", "numerically", LOSSMITH_FAULT="poisson")
    assert found.counts["failed"] == 2 and all("HalfPoissonLoss" in name for name in found.failed)


def test_it_is_noticed_in_every_loss_whose_hessian_is_exact() -> None:
    found = suite("sklearn_losses", MODULE, "-k", "numerically", LOSSMITH_FAULT="cy")
    exact = ("SquaredError", "Poisson", "Gamma", "TweedieLoss(", "TweedieLossIdentity(", "Binomial", "Multinomial")
    for name in (*exact, "Exponential"):
        assert [one for one in found.failed if name in one], f"a fault in {name} passed"


# --- what the translation does beyond the suite ---------------------------------------------------------------------


def filled(one: PointLoss, y: np.ndarray, z: np.ndarray, weight: np.ndarray | None = None) -> dict[str, np.ndarray]:
    value, gradient, hessian = np.empty(len(y)), np.empty(z.shape), np.empty(z.shape)
    one.loss_gradient(y, z, weight, value, gradient)
    one.gradient_hessian(y, z, weight, gradient, hessian)
    return {"value": value, "gradient": gradient, "hessian": hessian}


@pytest.mark.parametrize("power", [-1.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0])
def test_tweedie_beyond_the_catalogue_is_right_to_the_last_digits(power: float) -> None:
    from mpmath import mp, mpf

    rng = np.random.default_rng(0)
    y, z = rng.gamma(2, 1, 40), rng.normal(0, 1, 40)
    for kind, mean in ((TweedieLog(power), mp.exp), (TweedieIdentity(power), lambda x: x)):
        at = z if isinstance(kind, TweedieLog) else np.exp(z)

        def deviance(a: float, b: object, mean=mean) -> object:
            m = mean(b)
            return mp.quad(lambda t: (t - a) / t ** mpf(power), [mpf(a), m])

        for a, b in zip(y[:12], at[:12], strict=True):
            with mp.workdps(30):
                slope = float(mp.diff(lambda t, a=a: deviance(a, t), mpf(b)))
                curve = float(mp.diff(lambda t, a=a: deviance(a, t), mpf(b), 2))
                full = float(deviance(a, mpf(b)))
            got = kind.evaluate([a], [b], ("value", "gradient", "hessian"))
            assert np.allclose(got.gradient, slope, rtol=1e-11, atol=1e-12)
            assert np.allclose(got.hessian, curve, rtol=1e-9, atol=1e-9)
            if isinstance(kind, TweedieIdentity):
                assert np.allclose(got.value, full, rtol=1e-9, atol=1e-13)


def test_a_share_is_a_mixture_of_both_labels() -> None:
    one = PointLoss(lossmith.Exponential())
    z = np.linspace(-3, 3, 7)
    y = np.linspace(0, 1, 7)
    up, down, mixed = (filled(one, label, z) for label in (np.ones(7), np.zeros(7), y))
    for name in mixed:
        assert np.allclose(mixed[name], y * up[name] + (1 - y) * down[name], rtol=1e-15)


def test_weights_multiply_and_inputs_may_be_read_only() -> None:
    one = PointLoss(lossmith.CrossEntropy())
    rng = np.random.default_rng(1)
    y, z, w = rng.integers(0, 3, 20).astype(float), rng.normal(size=(20, 3)), rng.normal(size=20)
    for array in (y, z, w):
        array.setflags(write=False)
    plain, weighted = filled(one, y, z), filled(one, y, z, w)
    assert np.allclose(weighted["gradient"], w[:, None] * plain["gradient"])
    assert np.allclose(weighted["value"], w * plain["value"])
    proba, gradient = np.empty((20, 3)), np.empty((20, 3))
    one.gradient_proba(y, z, None, gradient, proba)
    assert np.allclose(gradient, proba - np.eye(3)[y.astype(int)])


def test_the_wider_type_is_computed_in() -> None:
    one = CLASSES["CyHalfPoissonLoss"]()
    y, z = np.full(3, 2, np.float32), np.full(3, 0.1, np.float32)
    wide, narrow = np.empty(3), np.empty(3, np.float32)
    one.loss(y, z, None, wide)
    one.loss(y, z, None, narrow)
    exact = np.exp(float(z[0])) - 2 * float(z[0])
    assert abs(wide[0] - exact) < 1e-15 and 0 < abs(narrow[0] - exact) < 1e-6


def test_a_curvature_that_is_zero_almost_everywhere_is_given_as_one() -> None:
    y, z = np.zeros(4), np.array([-1.0, 0, 1, 2])
    assert np.array_equal(filled(CLASSES["CyPinballLoss"](quantile=0.25), y, z)["hessian"], np.ones(4))
    assert np.array_equal(filled(CLASSES["CyHuberLoss"](delta=1.5), y, z)["hessian"], [1, 1, 1, 0])


def test_parameters_keep_their_domain() -> None:
    with pytest.raises(ParameterError, match="tau"):
        CLASSES["CyPinballLoss"](quantile=1.5)
