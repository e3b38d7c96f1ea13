"""When stochastic runs stop and what they give back: early stopping, restored weights, divergence, recovery."""

from __future__ import annotations

import numpy as np
import pytest
from stochastic_problem import Problem, data, excess, problem, run

from lossmith.errors import ParameterError
from lossmith.fit.solvers import Evaluation, make_solver
from lossmith.fit.solvers.watching import Watch, judge, look, split

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


def test_what_is_watched_is_the_loss_alone_on_the_rows_held_out() -> None:
    """Without the penalty, whatever its strength."""
    objective = problem(l1=0.2, l2=0.3)
    held, w = np.arange(100, 160), np.linspace(-1, 1, 6)
    expected = np.mean((objective.X[held] @ w - objective.y[held]) ** 2) / 2
    assert look(objective, w, objective.at(w), held) == pytest.approx(expected, rel=1e-12)
    assert look(objective, w, objective.at(w), held[:0]) == objective.at(w).value


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


@pytest.mark.parametrize(
    ("values", "diverged"), [((3, 4, 5, 6, 7), False), ((11, 12, 13, 14, 15), True), ((15, 14, 13, 12, 11), False)]
)
def test_rising_below_where_it_began_is_not_divergence(values: tuple[float, ...], diverged: bool) -> None:
    """A validation loss may be watched, or momentum may swing back: only above the start is it hopeless."""
    objective, w, held = problem(), np.zeros(6), np.arange(0)
    settings = make_solver("sgd", {}).settings
    watch = Watch.begin(objective, w, Evaluation(10.0, w), held)
    for epoch, value in enumerate((2.0, *values), 1):
        watch = judge(objective, watch, w, Evaluation(value, w), epoch, settings)
    assert bool(watch.broken) is diverged
    assert watch.best.epoch == 1


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
