"""A linear model's objective in plain NumPy, for the tests of the stochastic solvers."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize

from lossmith.fit.solvers import Evaluation, State, make_solver

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

    def descend(self, *_: object) -> None:
        """There is no compiled code for this problem."""

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
