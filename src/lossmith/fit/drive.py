"""The one loop that runs every solver: limits, non-finite values, timing, the trace, and why it stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from lossmith.errors import DataError
from lossmith.fit.solvers import Solver, State, Vector


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the trace: the state after so many steps."""

    number: int
    value: float
    optimality: float
    seconds: float
    passes: float


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop: at a relative optimality of `tol`, or after so many steps or seconds."""

    tol: float = 1e-8
    steps: int = 1000
    seconds: float = float("inf")


@dataclass(frozen=True, slots=True)
class Run:
    """What the loop hands back: the last state, whether it is optimal to `tol`, and one sentence that says why."""

    state: State
    optimality: float
    converged: bool
    reason: str
    seconds: float
    trace: tuple[Step, ...]


def drive(
    objective: Any,
    solver: Solver,
    w0: Vector,
    limits: Limits,
    *,
    on_step: Callable[[Step], None] | None = None,
    trouble: Callable[[Vector], str] | None = None,
) -> Run:
    """Run a solver from w0 until it is optimal, stuck or out of time; never converged unless measured so.

    `on_step` sees every line of the trace as it is made. `trouble(w)` may name a reason to give up (data that have no
    finite optimum). Raises DataError if the objective is not finite where it starts.
    """
    begun = time.perf_counter()
    trace: list[Step] = []
    with one_thread(), np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
        state = solver.start(objective, w0)
        if not (np.isfinite(state.evaluation.value) and np.isfinite(state.evaluation.gradient).all()):
            raise DataError(
                "the objective is not finite at the starting point: X or y hold numbers too large for this loss; "
                "divide them by their largest magnitude"
            )
        while True:
            now = _look(objective, state, len(trace), begun)
            trace.append(now)
            if on_step is not None:
                on_step(now)
            verdict = _verdict(state, now, limits, trouble) or _stuck(solver, trace)
            if verdict is not None:
                return Run(state, now.optimality, *verdict, now.seconds, tuple(trace))
            following = solver.step(objective, state)
            if not np.isfinite(following.evaluation.value) or not np.isfinite(following.w).all():
                following = State(
                    state.w, state.evaluation, "the next step leads to values that are not finite", state.memory
                )
            state = following


def _look(objective: Any, state: State, number: int, begun: float) -> Step:
    measured = objective.optimality(state.w, state.evaluation) if state.measured is None else state.measured
    return Step(number, state.evaluation.value, measured, time.perf_counter() - begun, objective.meter.passes)


def _verdict(
    state: State, now: Step, limits: Limits, trouble: Callable[[Vector], str] | None
) -> tuple[bool, str] | None:
    """(converged, reason) when it is time to stop."""
    why = trouble(state.w) if trouble is not None else ""
    if why:
        return False, why
    if now.optimality <= limits.tol:
        return True, f"optimal: relative residual {now.optimality:.1e} <= tol {limits.tol:g} after {now.number} steps"
    more = ""
    if state.halt:
        why = state.halt
    elif now.number >= limits.steps:
        why = f"stopped at the limit of {limits.steps} steps"
        more = "; raise max_iter (max_steps in fit) or try another solver"
    elif now.seconds >= limits.seconds:
        why = f"stopped at the limit of {limits.seconds:g} seconds"
    else:
        return None
    return False, f"{why} (relative residual {now.optimality:.1e} > tol {limits.tol:g}){more}"


def _stuck(solver: Solver, trace: list[Step]) -> tuple[bool, str] | None:
    """Has nothing changed for ten steps? (A stochastic solver shows its best epoch, which may stay for long.)"""
    last = trace[-10:]
    if len(last) < 10 or len({(t.value, t.optimality) for t in last}) > 1 or "seed" in solver.options:
        return None
    return False, f"stagnated: ten steps changed nothing (relative residual {last[-1].optimality:.1e} is above tol)"


@cache
def _pools() -> list[Any]:
    import scipy.linalg  # noqa: F401  (brings a BLAS of its own, which the controller must find)
    from threadpoolctl import ThreadpoolController

    return list(ThreadpoolController().select(user_api="blas").lib_controllers)


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep BLAS to one thread: two collapse when others work on the machine, and change the last digits of sums."""
    busy = [(pool, count) for pool in _pools() if (count := pool.num_threads) != 1]
    for pool, _ in busy:
        pool.set_num_threads(1)
    try:
        yield
    finally:
        for pool, count in busy:
            pool.set_num_threads(count)
