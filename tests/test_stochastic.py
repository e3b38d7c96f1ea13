"""The stochastic solvers: against deterministic optima, scikit-learn step by step, and hand-derived updates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn import linear_model
from stochastic_problem import LOSSES, PLAIN, Problem, data, excess, problem, run, targets

from lossmith.errors import ParameterError
from lossmith.fit.solvers import STOCHASTIC, make_solver, rules, stochastic
from lossmith.fit.solvers.rules import Memory, Move
from lossmith.fit.solvers.stochastic import clipped, lowest

# ---------------------------------------------------------------- optimum


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", sorted(STOCHASTIC))
def test_every_solver_comes_near_the_optimum_by_itself(name: str, loss: str) -> None:
    """Without any option: within a thousandth of the way. Fails for a rate ten times too small or too large."""
    objective = problem(loss, l2=1e-3)
    assert excess(objective, run(name, objective).w) < 2e-3


def test_the_learning_rate_fits_any_scale_of_y() -> None:
    """y·2²⁰ gives the same path times 2²⁰ for squared loss: bit for bit, for powers of two are exact."""
    X, z = data()
    y = targets(z, "squared")
    small, large = run("sgd", Problem(X, y)), run("sgd", Problem(X, y * 2.0**20))
    assert (large.w / 2.0**20).tolist() == small.w.tolist()


@pytest.mark.parametrize("name", ["sgd", "nesterov", "adam", "adagrad"])
@pytest.mark.parametrize("scale", [1e-6, 1e5])
def test_huber_far_from_its_own_scale_is_fitted_too(name: str, scale: float) -> None:
    X, z = data()
    objective = Problem(X, scale * targets(z, "huber"), "huber")
    assert excess(objective, run(name, objective, epochs=40).w) < 5e-3


def test_the_rate_that_is_found_is_the_power_of_four_that_does_best() -> None:
    """Tried here one by one, on the full batch, where trial runs are the run itself."""
    objective = problem()
    found = run("sgd", objective, epochs=1, batch_size=600).memory.rate
    ends = {k: first_updates(objective, 4.0**k) for k in range(-6, 4)}
    assert found == 4.0 ** min(ends, key=lambda k: ends[k])
    assert 4.0**-4 < found < 4.0


def first_updates(objective: Problem, rate: float) -> float:
    options = {"schedule": "constant", "batch_size": 600, "restore_best": False}
    return run("sgd", objective, epochs=1, learning_rate=rate, **options).evaluation.value


@pytest.mark.parametrize(("where", "rate"), [(1e-9, 4.0**-15), (1.0, 1.0), (1e9, 4.0**15)])
def test_a_valley_is_found_wherever_it_lies(where: float, rate: float) -> None:
    assert lowest(lambda x: np.inf if x > 100 * where else (np.log(x / where)) ** 2) == rate
    assert 2.0**-102 <= lowest(lambda x: np.inf) <= 2.0**-98


def test_a_warm_start_at_the_optimum_stays_there() -> None:
    objective = problem("poisson")
    best = objective.optimum()
    assert objective.at(run("adam", objective, best).w).value <= objective.at(best).value


# ---------------------------------------------------------------- one update


def test_a_single_sample_step_is_the_slope_times_the_row_with_no_one_over_n() -> None:
    """w = 0, x = (2, 1), y = 3, rate 0.1: w = 0.1·3·(2, 1). An elementwise product or a 1/n would show."""
    objective = Problem([[2.0], [0.0]], [3.0, 0.0])
    objective.y[1] = 0.3  # the second row then has slope 0: its prediction is the intercept
    assert run("sgd", objective, epochs=1, learning_rate=0.1, **PLAIN).w == pytest.approx([0.6, 0.3], rel=1e-14)


def test_a_full_batch_step_is_the_mean_gradient_and_then_the_penalty() -> None:
    objective = problem(l2=0.1)
    w0 = np.linspace(-1, 1, 6)
    got = run("sgd", objective, w0, epochs=1, learning_rate=0.1, **{**PLAIN, "batch_size": 10_000}).w
    residual = objective.X @ w0 - objective.y
    expected = (w0 - 0.1 * objective.X.T @ residual / 600) / (1 + 0.1 * objective.l2)
    np.testing.assert_allclose(got, expected, rtol=1e-13)


def test_the_callers_start_is_not_changed() -> None:
    w0 = np.ones(6)
    run("momentum", problem(), w0, epochs=2, learning_rate=0.01)
    assert w0.tolist() == [1.0] * 6


def test_weight_decay_shrinks_coefficients_and_leaves_the_intercept() -> None:
    """All slopes are 0, so that only the decay acts: (1 − 0.5·0.1)² after two updates."""
    objective = Problem(np.eye(2), [3.0, 3.0])
    objective.X[:, :2] = 0.0
    w0 = np.array([1.0, -2.0, 3.0])
    state = run("adamw", objective, w0, epochs=1, learning_rate=0.5, weight_decay=0.1, **PLAIN)
    assert state.w == pytest.approx([0.95**2, -2 * 0.95**2, 3.0], rel=1e-14)


def test_the_schedule_is_asked_at_every_update() -> None:
    """Slope 1 throughout: the path is the sum of the factors at 0, 1/4, … 7/4 epochs."""
    objective = Problem(np.zeros((4, 1)), np.full(4, -1e6), "absolute")
    options = {**PLAIN, "schedule": {"name": "exponential", "factor": 0.5}}
    state = run("sgd", objective, epochs=2, learning_rate=1.0, **options)
    assert -state.w[1] == pytest.approx(sum(0.5 ** (k / 4) for k in range(8)), rel=1e-12)


# ---------------------------------------------------------------- scikit-learn


def sklearn_sgd(kind: str, objective: Problem, **options: Any) -> np.ndarray:
    """Scikit-learn's path on the same columns, the ones of the intercept among them."""
    model = getattr(linear_model, kind)(shuffle=False, tol=None, fit_intercept=False, **options)
    return np.ravel(model.fit(objective.X, objective.y, sample_weight=objective.weight).coef_)


CONSTANT = {"learning_rate": "constant", "eta0": 0.01, "max_iter": 3}


def test_single_sample_sgd_is_that_of_scikit_learn() -> None:
    objective = problem()
    expected = sklearn_sgd("SGDRegressor", objective, penalty=None, **CONSTANT)
    np.testing.assert_allclose(run("sgd", objective, epochs=3, learning_rate=0.01, **PLAIN).w, expected, rtol=1e-10)


def test_with_l2_it_is_that_of_scikit_learn_at_a_shorter_rate() -> None:
    """(w − ηg)/(1 + ηα) is (1 − ρα)w − ρg, which scikit-learn computes, with ρ = η/(1 + ηα)."""
    objective = problem(l2=0.5)
    objective.l2[:] = 0.5
    options = {**CONSTANT, "eta0": 0.01 / 1.005, "alpha": 0.5}
    expected = sklearn_sgd("SGDRegressor", objective, penalty="l2", **options)
    np.testing.assert_allclose(run("sgd", objective, epochs=3, learning_rate=0.01, **PLAIN).w, expected, rtol=1e-10)


def test_single_sample_logistic_with_a_falling_rate_is_that_of_scikit_learn() -> None:
    """Its invscaling, eta0/t^½ for the t-th update, is inverse-time with a decay of n per epoch."""
    objective = problem("logistic")
    falling = {"name": "inverse-time", "decay": 600.0, "power": 0.5}
    got = run("sgd", objective, epochs=3, learning_rate=0.5, **{**PLAIN, "schedule": falling}).w
    options = {"learning_rate": "invscaling", "power_t": 0.5, "eta0": 0.5, "max_iter": 3}
    expected = sklearn_sgd("SGDClassifier", objective, loss="log_loss", penalty=None, **options)
    np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_weights_act_as_in_scikit_learn() -> None:
    """Where they average 1; an estimator that divides by the batch's own weight would ignore them at one row."""
    weight = np.random.default_rng(3).integers(0, 4, 600).astype(float)
    objective = problem(weight=weight / weight.mean())
    expected = sklearn_sgd("SGDRegressor", objective, penalty=None, **CONSTANT)
    got = run("sgd", objective, epochs=3, learning_rate=0.01, **PLAIN).w
    np.testing.assert_allclose(got, expected, rtol=1e-10)
    assert not np.allclose(got, run("sgd", problem(), epochs=3, learning_rate=0.01, **PLAIN).w, rtol=1e-3)


def test_averaging_from_the_end_of_the_first_epoch_is_that_of_scikit_learn() -> None:
    objective = problem()
    expected = sklearn_sgd("SGDRegressor", objective, penalty=None, average=600, **CONSTANT)
    got = run("sgd", objective, epochs=3, learning_rate=0.01, average=True, **PLAIN).w
    np.testing.assert_allclose(got, expected, rtol=1e-9)


@pytest.mark.parametrize("name", sorted(STOCHASTIC))
def test_no_strength_of_l2_makes_a_run_unstable(name: str) -> None:
    """One column in tiny units has an l2 of 1e6 in standardised coordinates; the others must not notice."""
    objective = problem(l2=1e-3)
    objective.l2[0] = 1e6
    assert excess(objective, run(name, objective).w) < 2e-3


def test_averaging_quiets_a_constant_learning_rate() -> None:
    objective = problem()
    options = {"learning_rate": 0.05, "schedule": "constant", "restore_best": False, "batch_size": 8}
    noisy = excess(objective, run("sgd", objective, **options).w)
    assert excess(objective, run("sgd", objective, average=True, **options).w) < noisy / 10


# ---------------------------------------------------------------- l1


def lasso(objective: Problem) -> np.ndarray:
    assert objective.l1 is not None
    model = linear_model.Lasso(alpha=float(objective.l1[0]), tol=1e-12).fit(objective.X[:, :-1], objective.y)
    return np.append(model.coef_, model.intercept_)


@pytest.mark.parametrize("name", sorted(STOCHASTIC))
def test_the_full_batch_with_l1_ends_at_the_lasso(name: str) -> None:
    objective = problem(l1=0.3)
    expected = lasso(objective)
    assert 0 < (expected == 0).sum() < 6
    options = {"batch_size": 600, "weight_decay": 0.0} if name == "adamw" else {"batch_size": 600}
    got = run(name, objective, epochs=1500, **options).w
    np.testing.assert_allclose(got, expected, atol=2e-4)
    assert ((got == 0) == (expected == 0)).all()


@pytest.mark.parametrize("name", ["adam", "momentum", "nesterov"])
def test_a_proximal_step_of_the_wrong_length_misses_the_lasso(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutant thresholds by the learning rate alone, not by how far the rule carries a gradient."""
    rule = stochastic.RULES[name]

    def mutant(memory: Memory, g: Any, options: Any) -> Move:
        return replace(rule.update(memory, g, options), reach=1.0)

    solver = type(make_solver(name, {}))
    monkeypatch.setattr(solver, "rule", replace(rule, update=mutant))
    objective = problem(l1=0.3)
    options = {"momentum_form": "heavy-ball"} if name == "momentum" else {}
    got = run(name, objective, epochs=1500, batch_size=600, **options).w
    assert abs(got - lasso(objective)).max() > 0.02


def test_mini_batches_with_l1_come_near_the_lasso() -> None:
    """Near its zeros too, though the noise of a batch may keep a coordinate a hair away from 0."""
    objective = problem(l1=0.3)
    expected = lasso(objective)
    got = run("sgd", objective, epochs=60).w
    np.testing.assert_allclose(got, expected, atol=0.02)
    assert abs(got[expected == 0]).max() < 1e-4


# ---------------------------------------------------------------- clipping


def test_clipping_by_norm_and_by_value() -> None:
    """torch gives (1.49999988, −1.99999985, 5.99999954): it adds 1e-6 to the norm of 13."""
    g = np.array([3.0, -4.0, 12.0])
    none = {"clip_norm": None, "clip_value": None}
    assert clipped(g, {**none, "clip_norm": 6.5}) == pytest.approx([1.5, -2.0, 6.0], rel=1e-14)
    assert clipped(g, {**none, "clip_value": 3.5}).tolist() == [3.0, -3.5, 3.5]
    assert clipped(g, {**none, "clip_norm": 13.1, "clip_value": 12.0}) == pytest.approx(g, rel=1e-14)
    assert clipped(g, none) is g
    assert g.tolist() == [3.0, -4.0, 12.0]


def test_a_gradient_whose_square_overflows_is_clipped_not_lost() -> None:
    got = clipped(np.array([3e200, -4e200]), {"clip_norm": 1.0, "clip_value": None})
    assert got == pytest.approx([0.6, -0.8], rel=1e-12)
    assert clipped(np.zeros(2), {"clip_norm": 1.0, "clip_value": None}).tolist() == [0.0, 0.0]


def test_clipping_keeps_a_wild_row_from_carrying_the_fit_away() -> None:
    X, z = data()
    z[300] = 1e9
    objective = Problem(X, z)
    options = {**PLAIN, "learning_rate": 0.01, "restore_best": False}
    assert abs(run("sgd", objective, epochs=1, **options).w).max() > 1e5
    assert abs(run("sgd", objective, epochs=1, clip_norm=5.0, **options).w).max() < 10
    assert abs(run("sgd", objective, epochs=1, clip_value=5.0, **options).w).max() < 10


# ---------------------------------------------------------------- shuffling and options


def test_each_epoch_sees_every_row_once_in_a_new_order() -> None:
    objective = problem()
    run("sgd", objective, epochs=3, learning_rate=0.01, batch_size=7)
    epochs = np.concatenate(objective.diary).reshape(3, 600)
    assert (np.sort(epochs, axis=1) == np.arange(600)).all()
    assert (epochs[0] != epochs[1]).mean() > 0.9
    assert (epochs[1] != epochs[2]).mean() > 0.9
    assert [len(rows) for rows in objective.diary[:86]] == [7] * 85 + [5]


def test_the_seed_decides_the_order_and_nothing_else_does() -> None:
    first, again, other = (run("adam", problem(), epochs=2, seed=seed).w for seed in (4, 4, 5))
    assert first.tolist() == again.tolist() != other.tolist()


def test_without_shuffling_rows_come_as_they_are() -> None:
    objective = problem()
    run("sgd", objective, epochs=1, learning_rate=0.01, shuffle=False)
    assert np.concatenate(objective.diary).tolist() == list(range(600))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"learning_rat": 0.1}, "'learning_rat'; did you mean 'learning_rate'"),
        ({"learning_rate": -1.0}, "learning_rate must be one of auto, a number > 0"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"batch_size": 0}, "batch_size must be a whole number >= 1"),
        ({"batch_size": 2.5}, "whole number"),
        ({"epochs": 0}, "epochs"),
        ({"schedule": "cosin"}, "did you mean 'cosine'"),
        ({"early_stopping": "sometimes"}, "early_stopping must be one of False, True, validation, training"),
        ({"validation_fraction": 1.0}, "validation_fraction must be"),
        ({"clip_norm": 0.0}, "clip_norm must be one of None, a number > 0"),
        ({"momentum": 1.0}, "momentum must be"),
        ({"momentum_form": "light"}, "heavy-ball, ema"),
        ({"beta1": 0.9}, "sgd has no option 'beta1'"),
    ],
)
def test_wrong_options_are_refused_with_what_would_do(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ParameterError, match=says):
        make_solver("sgd", options)


def test_options_left_at_their_defaults_may_be_said() -> None:
    solver = make_solver("adamw", {"learning_rate": "auto", "clip_norm": None, "early_stopping": False, "epochs": 7.0})
    assert solver.settings["epochs"] == 7
    assert rules.RULES["adamw"].options["weight_decay"].default == solver.settings["weight_decay"]
