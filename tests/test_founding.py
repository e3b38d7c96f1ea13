"""The errors of the texts that lossmith began with, one test each: lossmith gets them right.

E1 … E28 number the errors that were found in five tutorials on loss functions and optimisers. Where a whole law or test
file holds the point already, the test here is the tutorial's own example.
"""

from __future__ import annotations

import itertools
import re
import sys
import warnings

import numpy as np
import pytest

import lossmith
from lossmith.errors import DomainError, LossmithError, ShapeError
from lossmith.fit import fit
from lossmith.rows.memory import Rows

RNG = np.random.default_rng(42)
X1 = RNG.normal(size=(100, 1))
LINE = 2 * X1[:, 0] + 1
X3 = RNG.normal(size=(60, 3))
PLANE = X3 @ [1.0, -2.0, 0.5] + 3

NO_CODE = {
    26: "less data recommended against over-fitting: advice in words, of which lossmith gives none",
    27: "a misprint, and a text cut off",
    28: "a formula for networks without the order of their layers: lossmith has no networks of its own yet",
}
"""Errors that code cannot repeat."""


def test_e1_a_column_against_a_row_is_no_matrix() -> None:
    with pytest.raises(ShapeError, match=r"\(100,\).*\(100, 1\)"):
        lossmith.Squared().gradient(LINE, X1)
    model = lossmith.LinearRegressor(alpha=0.0).fit(X1, LINE)
    assert model.coef_.shape == (1,) and model.predict(X1).shape == (100,)


def test_e2_the_intercept_is_fitted_and_the_fit_says_whether_it_is_done() -> None:
    model = lossmith.LinearRegressor(alpha=0.0).fit(X1, LINE)
    assert np.allclose([model.coef_[0], model.intercept_], [2, 1]) and model.solution_.converged
    with pytest.warns(UserWarning, match="limit of 1 steps"):
        short = lossmith.LinearRegressor("pseudo_huber", solver="gradient-descent", max_iter=1).fit(X3, PLANE**3)
    assert not short.solution_.converged


def test_e3_a_loss_is_a_function_of_truth_and_prediction() -> None:
    for kind in lossmith.losses().values():
        loss = kind()
        if loss.lift.name == "residual":
            assert loss.value([1.5], [0.0]) != loss.value([4.0], [3.99]), loss


def test_e4_losses_may_be_negative() -> None:
    poisson = lossmith.Poisson()
    y = np.full(100, 20.0)
    assert poisson(y, np.full(100, 3.0)) < -30 and poisson.facts()["nonnegative"].holds is False
    counts = RNG.poisson(np.exp(3 + X1[:, 0])).astype(float)
    model = lossmith.LinearRegressor(loss="poisson", alpha=0.0).fit(X1, counts)
    assert model.solution_.value < 0 and model.solution_.converged
    assert np.allclose([model.coef_[0], model.intercept_], [1, 3], atol=0.05)


def test_e5_a_mean_over_rows_sums_over_rows() -> None:
    y, z = RNG.integers(0, 2, 50), RNG.normal(size=50)
    p = 1 / (1 + np.exp(-z))
    by_hand = -sum(a * np.log(b) + (1 - a) * np.log(1 - b) for a, b in zip(y, p, strict=True)) / 50
    assert np.isclose(lossmith.Logistic()(y, z), by_hand)
    assert np.isclose(lossmith.BinaryCrossEntropy()(y, z, reduction="sum"), 50 * by_hand)


def test_e6_a_zero_gradient_is_the_minimum_only_of_a_convex_loss() -> None:
    y = LINE + RNG.standard_t(1, 100)
    convex = lossmith.LinearRegressor(loss="pseudo_huber").fit(X1, y).solution_
    other = lossmith.LinearRegressor(loss="welsch").fit(X1, y).solution_
    assert convex.converged and convex.reason.startswith("optimal")
    assert other.converged and other.reason.startswith("stationary") and "not convex" in other.reason
    down = lossmith.LinearRegressor(solver="gradient-descent").fit(1e3 * X1, y).solution_
    values = [step.value for step in down.trace]
    assert all(b <= a for a, b in itertools.pairwise(values)), "a step went uphill"


def test_e7_too_long_a_step_diverges_and_that_is_said() -> None:
    with pytest.warns(UserWarning, match="diverged.*learning_rate"):
        model = lossmith.LinearRegressor(solver="sgd", options={"learning_rate": 1e6}, max_iter=5).fit(X1, LINE)
    assert not model.solution_.converged and np.isfinite(model.coef_).all()


def test_e8_half_a_square_has_the_gradient_of_half_a_square() -> None:
    half, whole = lossmith.Squared(), lossmith.loss("r**2")
    y, z, h = LINE, np.zeros(100), 1e-6
    for loss, factor in ((half, 0.5), (whole, 1.0)):
        slopes = (loss.value(y, z + h) - loss.value(y, z - h)) / (2 * h)
        assert np.allclose(loss.value(y, z), factor * y**2) and np.allclose(loss.gradient(y, z), slopes)


def test_e9_no_overflow_in_the_logistic_loss() -> None:
    y, z = np.array([0.0, 1.0, 0.0, 1.0]), np.array([40.0, 40.0, -800.0, -800.0])
    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        for loss in (lossmith.Logistic(), lossmith.BinaryCrossEntropy(), lossmith.CrossEntropy()):
            assert np.allclose(loss.value(y, z), [40, np.exp(-40), 0, 800], rtol=1e-15, atol=0)
            assert np.allclose(loss.gradient(y, z), [1, -np.exp(-40), 0, -1])


def test_e10_classes_are_summed_and_rows_are_averaged() -> None:
    y, z = RNG.integers(0, 3, 40), RNG.normal(size=(40, 3))
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    assert np.isclose(lossmith.CrossEntropy()(y, z), -np.log(p[np.arange(40), y]).mean())
    assert np.isclose(lossmith.CrossEntropy()(np.eye(3)[y], z), -np.log(p[np.arange(40), y]).mean())


def test_e11_cross_entropy_is_of_the_truth_relative_to_the_prediction() -> None:
    truth, z = np.array([[0.7, 0.2, 0.1]]), np.array([[2.0, 0.0, -1.0]])
    p = np.exp(z) / np.exp(z).sum()
    found = lossmith.CrossEntropy()(truth, z)
    assert np.isclose(found, -(truth * np.log(p)).sum()) and not np.isclose(found, -(p * np.log(truth)).sum())


def test_e12_the_mean_absolute_error_is_no_root() -> None:
    mae = lossmith.loss("mae")
    r = np.array([3.0, -4.0, 0.0])
    assert mae == lossmith.Absolute() and np.isclose(mae(r, np.zeros(3)), 7 / 3)
    assert not np.isclose(mae(r, np.zeros(3)), np.sqrt(np.mean(r**2)))
    with pytest.raises(LossmithError):
        lossmith.loss("rmse")


def gradient_at(w: np.ndarray, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """XᵀR/n, by the chain rule through a loss."""
    return X.T @ lossmith.Squared().gradient(y, X @ w) / len(y)


def test_e13_a_linear_predictor_is_a_matrix_product() -> None:
    model = lossmith.LinearRegressor(alpha=0.0).fit(X3, PLANE)
    assert np.allclose(model.coef_, [1, -2, 0.5]) and np.allclose(model.predict(X3), X3 @ model.coef_ + 3)
    with pytest.raises(ValueError, match="3"):
        model.predict(X3[:, :2])


def test_e14_one_row_at_a_time_fits_all_coordinates_together() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = lossmith.LinearRegressor(
            solver="sgd", alpha=0.0, options={"batch_size": 1}, max_iter=60, random_state=0
        ).fit(X3, PLANE)  # fmt: skip
    assert np.allclose([*model.coef_, model.intercept_], [1, -2, 0.5, 3], atol=0.02)


def test_e15_the_objective_is_a_mean_so_that_rows_twice_change_nothing() -> None:
    once = lossmith.LinearRegressor(loss="huber", alpha=0.1).fit(X3, PLANE)
    twice = lossmith.LinearRegressor(loss="huber", alpha=0.1).fit(np.tile(X3, (2, 1)), np.tile(PLANE, 2))
    assert np.allclose(once.coef_, twice.coef_, atol=1e-7)


def test_e16_what_the_caller_passes_stays_as_it_was() -> None:
    X, y, w, coef = X3.copy(), PLANE.copy(), np.linspace(1, 2, 60), np.array([0.1, 0.2, 0.3])
    kept = [a.copy() for a in (X, y, w, coef)]
    for a in (X, y, w, coef):
        a.setflags(write=False)
    for solver in ("gradient-descent", "newton", "lbfgs", "sgd"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit(Rows.of(X, y, w), lossmith.PseudoHuber(), solver=solver, start=(coef, 0.0), max_steps=3, random_state=0)
    assert all(np.array_equal(a, b) for a, b in zip((X, y, w, coef), kept, strict=True))


def test_e17_rmsprop_keeps_a_mean_and_its_epsilon_has_a_place() -> None:
    from lossmith.fit.solvers.rules import RULES, Memory

    rule, g = RULES["rmsprop"], np.array([3.0])
    assert "eps_in_sqrt" in rule.options
    for inside, steady in ((False, 3 / (3 + 0.5)), (True, 3 / np.sqrt(9 + 0.5))):
        memory = Memory.empty(g)
        for _ in range(400):
            move = rule.update(memory, g, {"rho": 0.9, "eps": 0.5, "eps_in_sqrt": inside})
            memory = move.memory
        assert np.isclose(move.direction[0], steady), "of a sum the direction would fade away"


def test_e18_a_batch_of_columns_against_a_batch_of_rows_is_an_error() -> None:
    for loss in (lossmith.Huber(), lossmith.Poisson(), lossmith.Logistic()):
        with pytest.raises(ShapeError, match=r"\(8,\).*\(8, 1\)"):
            loss(np.ones(8), np.ones((8, 1)))


def test_e19_the_influence_of_a_residual_is_bounded_and_that_of_a_row_is_not() -> None:
    huber = lossmith.Huber(delta=1.5).facts()["bounded influence"]
    assert huber.holds and "1.5" in huber.because
    assert lossmith.Huber().facts()["redescending"].holds is False, "an outlier keeps pulling"
    X, y = np.append(X1, [[1e3]], axis=0), np.append(LINE, 0.0)
    assert abs(lossmith.LinearRegressor(loss="huber", alpha=0.0).fit(X, y).coef_[0] - 2) > 1, "leverage still counts"
    assert lossmith.Tukey().facts()["convex"].holds is False, "the price of Tukey's loss is its valleys, not its sums"


def test_e20_an_order_of_training_is_no_loss() -> None:
    words = ("curriculum", "schedule", "selfpaced", "multitask", "regularis")
    assert not [name for name in lossmith.losses() if any(word in name.lower() for word in words)]


def test_e21_nothing_times_the_logarithm_of_nothing() -> None:
    entropy = lossmith.CrossEntropy()
    z = np.array([[0.0, -np.inf, 0.0]])
    assert np.isclose(entropy([[0.5, 0.0, 0.5]], z), np.log(2))
    assert entropy([[0.5, 0.25, 0.25]], z) == np.inf
    kl = lossmith.loss("xlogy(y, y) - y*z", lift="score")
    assert kl.value([0.0], [-800.0])[0] == 0 and np.isclose(kl.value([0.5], [np.log(0.25)])[0], 0.5 * np.log(2))


def test_e22_no_column_of_ones_is_needed() -> None:
    X, y = np.arange(1.0, 6.0)[:, None], np.array([2.0, 4, 6, 8, 10])
    model = lossmith.LinearRegressor(alpha=0.0).fit(X, y)
    assert np.allclose([model.coef_[0], model.intercept_], [2, 0], atol=1e-7)


def test_e23_shapes_that_do_not_fit_are_named() -> None:
    with pytest.raises((ValueError, LossmithError)):
        lossmith.LinearRegressor().fit(np.ones((5, 1)), np.ones(4))
    with pytest.raises(ShapeError):
        lossmith.Squared()(np.ones((5, 1)), np.ones((1, 5)))


@pytest.mark.parametrize("name", ["Squared", "Logistic", "Poisson", "Cauchy", "Probit"])
def test_e24_gradients_hold_against_differences(name: str) -> None:
    loss = lossmith.losses()[name]()
    y = {"real": PLANE, "binary": PLANE > 3}.get(loss.target.name, np.round(np.abs(PLANE))) * 1.0
    w, h = np.array([0.3, -0.1, 0.2]), 1e-6
    slopes = [(loss(y, X3 @ (w + h * e)) - loss(y, X3 @ (w - h * e))) / (2 * h) for e in np.eye(3)]
    assert np.allclose(X3.T @ loss.gradient(y, X3 @ w) / 60, slopes, rtol=1e-6, atol=1e-8)
    if name == "Squared":
        assert np.allclose(gradient_at(w, X3, y), slopes)


def test_e25_targets_that_the_link_cannot_reach_are_refused() -> None:
    for loss in (lossmith.BinaryCrossEntropy(), lossmith.Logistic(), lossmith.Brier()):
        with pytest.raises(DomainError, match="row 0 has 2"):
            loss(np.array([2.0, 4, 6, 8, 10]), np.zeros(5))
    with pytest.raises(DomainError):
        lossmith.LinearRegressor(loss="binomial_logit").fit(np.ones((5, 1)), [2.0, 4, 6, 8, 10])


def test_every_error_is_accounted_for() -> None:
    tested = {int(n) for name in vars(sys.modules[__name__]) for n in re.findall(r"^test_e(\d+)_", name)}
    assert tested | set(NO_CODE) == set(range(1, 29)) and not tested & set(NO_CODE)
