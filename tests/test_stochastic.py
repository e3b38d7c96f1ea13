"""The stochastic solvers: against deterministic optima, scikit-learn step by step, and hand-derived updates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn import linear_model

from lossmith.errors import ParameterError
from lossmith.fit.solvers import STOCHASTIC, Evaluation, State, make_solver, rules, stochastic
from lossmith.fit.solvers.rules import Memory, Move
from lossmith.fit.solvers.stochastic import clipped, lowest
from lossmith.fit.solvers.watching import split

LOSSES = {
    "squared": lambda y, z: ((z - y) ** 2 / 2, z - y),
    "huber": lambda y, z: (np.where(abs(z - y) < 1, (z - y) ** 2 / 2, abs(z - y) - 0.5), np.clip(z - y, -1, 1)),
    "absolute": lambda y, z: (abs(z - y), np.sign(z - y)),
    "logistic": lambda y, z: (np.logaddexp(0, z) - y * z, 1 / (1 + np.exp(-z)) - y),
    "poisson": lambda y, z: (np.exp(z) - y * z, np.exp(z) - y),
}


class Problem:
    """The objective of a linear model, in plain NumPy: what a solver may see, and a diary of the rows it asked for."""

    def __init__(
        self, X: Any, y: Any, loss: str = "squared", l1: float = 0.0, l2: float = 0.0, weight: Any = None
    ) -> None:
        self.X = np.column_stack([X, np.ones(len(y))])
        self.y, self.loss = np.asarray(y, dtype=float), LOSSES[loss]
        self.weight = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=float)
        self.rows_count, self.size = self.X.shape
        self.intercepts = np.arange(self.size) == self.size - 1
        self.l2 = np.where(self.intercepts, 0.0, l2)
        self.l1 = np.where(self.intercepts, 0.0, l1) if l1 else None
        self.diary: list[np.ndarray] = []

    def batch(self, w: np.ndarray, rows: Any) -> Evaluation:
        self.diary.append(np.arange(self.rows_count)[rows])
        X, weight = self.X[rows], self.weight[rows]
        value, slope = self.loss(self.y[rows], X @ w)
        mass = len(weight) * self.weight.mean()
        l1 = 0.0 if self.l1 is None else self.l1 @ abs(w)
        total = float(weight @ value / mass + self.l2 @ (w * w) / 2 + l1)
        return Evaluation(total, X.T @ (weight * slope) / mass + self.l2 * w)

    def at(self, w: np.ndarray, want: Any = ()) -> Evaluation:
        found = self.batch(w, slice(None))
        self.diary.pop()
        return found

    def prox(self, w: np.ndarray, rate: Any) -> np.ndarray:
        return w if self.l1 is None else np.sign(w) * np.maximum(abs(w) - rate * self.l1, 0.0)

    def optimality(self, w: np.ndarray, evaluation: Evaluation) -> float:
        return float(abs(evaluation.gradient).max())

    def optimum(self) -> np.ndarray:
        """By L-BFGS, for problems without an l1 penalty."""
        found = minimize(
            lambda w: (self.at(w).value, self.at(w).gradient),
            np.zeros(self.size),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": 10_000, "maxfun": 50_000, "ftol": 1e-15, "gtol": 1e-9},
        )
        return np.asarray(found.x)


def data(n: int = 600, p: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Correlated columns of unit spread, and a linear predictor."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, p)) + 0.7 * random.normal(size=(n, 1))
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    return X, X @ random.normal(size=p) + 1.0


def targets(z: np.ndarray, loss: str, seed: int = 1) -> np.ndarray:
    random = np.random.default_rng(seed)
    if loss == "logistic":
        return (random.random(len(z)) < 1 / (1 + np.exp(-z))).astype(float)
    return random.poisson(np.exp(z / 2)).astype(float) if loss == "poisson" else z + random.standard_t(4, len(z))


def problem(loss: str = "squared", **more: Any) -> Problem:
    X, z = data()
    return Problem(X, targets(z, loss), loss, **more)


def run(name: str, objective: Problem, w0: Any = None, epochs: int = 20, **options: Any) -> State:
    """Epoch after epoch until the solver halts."""
    solver = make_solver(name, {"epochs": epochs, **options})
    state = solver.start(objective, np.zeros(objective.size) if w0 is None else w0)
    while not state.halt:
        state = solver.step(objective, state)
    return state


def excess(objective: Problem, w: np.ndarray) -> float:
    """The share of the descent from 0 to the optimum that is still missing."""
    low, high = objective.at(objective.optimum()).value, objective.at(np.zeros(objective.size)).value
    return (objective.at(w).value - low) / (high - low)


PLAIN: dict[str, Any] = {"schedule": "constant", "shuffle": False, "restore_best": False, "batch_size": 1}


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


# ---------------------------------------------------------------- early stopping


def noisy_problem() -> Problem:
    """As many columns as rows to train on, and noise: the validation loss must turn."""
    random = np.random.default_rng(5)
    X = random.normal(size=(60, 50))
    return Problem(X, X[:, 0] + 2.0 * random.normal(size=60))


def test_rows_held_out_are_never_trained_on() -> None:
    objective = problem()
    solver = make_solver("sgd", {"early_stopping": True, "epochs": 3, "learning_rate": 0.01})
    state = solver.start(objective, np.zeros(6))
    objective.diary.clear()
    for _ in range(3):
        state = solver.step(objective, state)
    held = state.memory.watch.held
    trained = np.concatenate([rows for rows in objective.diary if len(rows) <= 32])
    assert len(held) == 60
    assert not np.isin(held, trained).any()
    assert (np.bincount(trained, minlength=600)[np.setdiff1d(np.arange(600), held)] == 3).all()


def test_early_stopping_stops_and_gives_the_best_epoch() -> None:
    """The epoch it returns is the one with the lowest validation loss in an undisturbed run of the same seed."""
    objective = noisy_problem()
    options = {"early_stopping": True, "validation_fraction": 0.3, "learning_rate": 0.01, "schedule": "constant"}
    state = run("sgd", objective, epochs=500, patience=8, **options)
    assert "stopped early" in state.halt
    best = state.memory.watch.best
    assert state.memory.epoch == best.epoch + 8 < 500
    assert f"the weights are those of epoch {best.epoch}" in state.halt

    solver = make_solver("sgd", {**options, "epochs": 500, "patience": 500, "restore_best": False})
    other, points = solver.start(objective, np.zeros(51)), []
    for _ in range(state.memory.epoch):
        other = solver.step(objective, other)
        points.append(other.w)
    held = other.memory.watch.held
    losses = [float(np.mean((objective.X[held] @ w - objective.y[held]) ** 2)) for w in points]
    assert int(np.argmin(losses)) + 1 == best.epoch
    assert state.w.tolist() == points[best.epoch - 1].tolist()
    assert losses[-1] > min(losses)


def test_without_restoring_the_last_epoch_is_given() -> None:
    objective = noisy_problem()
    options = {"early_stopping": True, "learning_rate": 0.01, "schedule": "constant", "epochs": 500}
    last, best = run("sgd", objective, restore_best=False, **options), run("sgd", objective, **options)
    assert last.memory.epoch == best.memory.epoch
    assert last.w.tolist() == last.memory.w.tolist() != best.w.tolist()


def test_watching_the_training_objective_holds_nothing_out() -> None:
    objective = problem()
    state = run("sgd", objective, epochs=500, early_stopping="training", schedule="constant", learning_rate=0.01)
    assert "the objective made no progress for 5" in state.halt
    assert len(state.memory.watch.held) == 0
    assert state.memory.epoch < 100


def test_without_early_stopping_all_epochs_are_run() -> None:
    state = run("sgd", problem(), epochs=60, schedule="constant", learning_rate=0.01)
    assert state.halt.startswith("stopped after 60 epochs, the limit")


def test_the_least_progress_is_a_share_of_what_was_made() -> None:
    """With min_delta = 0.5 an epoch must halve the rest; with 0 any gain counts. Both see the same path."""
    options = {"early_stopping": "training", "learning_rate": 0.003, "schedule": "constant", "epochs": 200}
    demanding = run("sgd", problem(), min_delta=0.5, **options)
    assert demanding.memory.epoch < run("sgd", problem(), min_delta=0.0, **options).memory.epoch / 2


def test_a_split_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(ParameterError, match="watch 'training'"):
        split(1, {"early_stopping": True, "validation_fraction": 0.1, "seed": 0})


# ---------------------------------------------------------------- divergence


@pytest.mark.parametrize("name", ["sgd", "momentum", "nesterov"])
@pytest.mark.parametrize(("size", "says"), [(1, "the gradient was not finite in epoch 1, "), (64, "the objective ")])
def test_divergence_is_said_and_the_best_weights_are_given(name: str, size: int, says: str) -> None:
    objective = problem()
    w0 = objective.optimum() + 1.0
    state = run(name, objective, w0, learning_rate=1e3, schedule="constant", restore_best=False, batch_size=size)
    assert state.halt.startswith(f"diverged: {says}")
    assert (
        "the weights are those of the start; a learning_rate well below 1e+03, or clip_norm, would help" in state.halt
    )
    assert state.w.tolist() == w0.tolist()
    assert state.evaluation.value == objective.at(w0).value


def test_a_slow_blow_up_is_divergence_too() -> None:
    """Just above 2/L on the full batch: finite for hundreds of epochs, and rising in each."""
    objective = problem()
    curvature = np.linalg.eigvalsh(objective.X.T @ objective.X / 600)[-1]
    state = run("sgd", objective, epochs=100, batch_size=600, learning_rate=2.2 / curvature, schedule="constant")
    assert "the objective rose for 5 epochs in a row" in state.halt
    assert state.memory.epoch < 40
    assert state.evaluation.value <= objective.at(np.zeros(6)).value


def test_just_below_the_limit_nothing_diverges() -> None:
    objective = problem()
    curvature = np.linalg.eigvalsh(objective.X.T @ objective.X / 600)[-1]
    state = run("sgd", objective, epochs=300, batch_size=600, learning_rate=1.9 / curvature, schedule="constant")
    assert "limit" in state.halt
    assert excess(objective, state.w) < 1e-6


def test_an_automatic_learning_rate_recovers_where_the_same_number_diverges() -> None:
    """Poisson's curvature grows with the prediction, so that what fits the start does not fit the way."""
    X, z = data()
    objective = Problem(X, np.random.default_rng(1).poisson(np.exp(z)), "poisson")
    began = make_solver("sgd", {"batch_size": 8}).start(objective, np.zeros(6)).memory.rate
    fixed = run("sgd", objective, learning_rate=16 * began, batch_size=8)
    found = run("sgd", objective, batch_size=8)
    assert fixed.halt.startswith("diverged")
    assert found.memory.rate <= began
    assert excess(objective, found.w) < 1e-2


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
