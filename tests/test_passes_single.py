"""Hessians in single precision: near those in double, in the same bits on any threads, and not trusted too far."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import lossmith
from lossmith.backends import passes, passes_single
from lossmith.backends.llvm import compile_text, lanes, link
from lossmith.backends.llvm_print import Target
from lossmith.fit import Penalty, fit
from lossmith.fit.concomitant import Concomitant
from lossmith.fit.objective import Objective
from lossmith.fit.solvers import CURVED, ROUGH, lbfgs
from lossmith.fit.solvers.lbfgs import SOUND, Memory
from lossmith.rows.memory import Rows

SHAPES = [(20_000, p) for p in (5, 7, 8, 15, 16, 17, 31, 33, 47, 100)]


def problem(n: int, p: int, dtype: Any = np.float64, order: Any = "C", intercept: bool = True) -> Objective:
    rng = np.random.default_rng(p)
    X = np.asarray(3.0 * rng.standard_normal((n, p)) + 1.0, dtype=dtype, order=order)
    y = (rng.random(n) < 0.5).astype(float)
    weight = rng.random(n)
    return Objective.of(Rows.of(X, y, weight), lossmith.Logistic(), Penalty("l2", 1e-3), intercept=intercept)


def apart(objective: Any, w: Any) -> float:
    """The largest difference of the two Hessians, over the largest entry; values and gradients must be the same."""
    rough, exact = objective.at(w, ROUGH), objective.at(w, CURVED)
    assert rough.rough and not exact.rough
    assert rough.value == exact.value
    np.testing.assert_array_equal(rough.gradient, exact.gradient)
    np.testing.assert_array_equal(rough.hessian, rough.hessian.T)
    return float(np.abs(rough.hessian - exact.hessian).max() / np.abs(exact.hessian).max())


@pytest.mark.parametrize(("n", "p"), SHAPES)
def test_a_sample_of_any_width_is_near(n: int, p: int) -> None:
    for intercept in (True, False):
        objective = problem(n, p, intercept=intercept)
        assert apart(objective.sample(4000), np.full(objective.size, 0.03)) < 1e-6


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_so_is_a_whole_table_in_any_layout(dtype: Any, order: Any) -> None:
    objective = problem(5_003, 37, dtype, order)
    difference = apart(objective, np.full(objective.size, 0.03))
    assert 0.0 < difference < 1e-6, "and it is another computation"


def test_so_is_the_coordinate_of_a_joint_scale() -> None:
    objective = Concomitant(replace(problem(20_000, 17), loss=lossmith.Huber()))
    w = np.append(np.full(objective.size - 1, 0.03), 1.3)
    assert apart(objective.sample(3000), w) < 1e-6
    assert apart(objective, w) < 1e-6


def planted(target: Target, right: str, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiled pass with a fault, or for other vectors."""
    text = passes_single.print_module(target)
    assert right in text
    engine, (entry,) = link(compile_text(text.replace(right, wrong)), ("guess",))
    made = passes.Compiled(passes.passes(np.float64).sweep, passes.CURVE(entry), engine)
    monkeypatch.setattr(passes, "guesses", lambda dtype: made)


WIDTH = lanes(passes.llvm.host()[1])
FAULTS = {
    "blocks packed over each other": ("urem i64 %since", "urem i64 0, 7 ;"),
    "the diagonal tiles left out": ("call void @tile2", "; call void @tile2"),
    "narrow strips left out": ("urem i64 %pairs, 3", "add i64 %pairs, 0"),
    "one half for both": (f"x i32> <i32 {WIDTH}, i32 {WIDTH + 1}", "x i32> <i32 0, i32 1"),
    "the last rows left out": ("icmp eq i64 %block", "icmp eq i64 -1, %block ;"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_noticed(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    planted(Target("double", WIDTH), *FAULTS[fault], monkeypatch)
    objectives = [problem(20_000, p) for p in (17, 33, 47)]
    assert max(apart(o.sample(4040), np.full(o.size, 0.03)) for o in objectives) > 1e-5


def test_threads_do_not_change_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    objective = problem(60_000, 33)
    w = np.full(objective.size, 0.03)
    first = objective.at(w, ROUGH).hessian
    monkeypatch.setenv("LOSSMITH_THREADS", "1")
    np.testing.assert_array_equal(objective.at(w, ROUGH).hessian, first)


def collinear(gap: float) -> Objective:
    """Two columns that differ by a trace."""
    rng = np.random.default_rng(3)
    X = rng.standard_normal((30_000, 12))
    X[:, 1] = X[:, 0] + gap * rng.standard_normal(len(X))
    y = (rng.random(len(X)) < 1.0 / (1.0 + np.exp(-X[:, 2] - (X[:, 1] - X[:, 0]) / (gap or 1.0)))).astype(float)
    return Objective.of(Rows.of(X, y), lossmith.Logistic(), Penalty("none"))


@pytest.mark.parametrize(("gap", "sound"), [(0.1, True), (1e-5, False), (0.0, False)])
def test_columns_that_are_all_but_the_same_are_looked_at_in_double(gap: float, sound: bool) -> None:
    objective = collinear(gap)
    w = objective.origin()
    memory, here = Memory.at(objective, w, 30_000)
    exact, rough = objective.at(w, CURVED).hessian, objective.at(w, ROUGH).hessian
    np.testing.assert_array_equal(here.hessian, rough if sound else exact)
    assert (memory.guess.weakest > SOUND) == sound


def test_such_a_fit_takes_no_more_passes_than_in_double(monkeypatch: pytest.MonkeyPatch) -> None:
    objective = collinear(1e-6)
    rows = Rows.of(objective.design.X, objective.y)
    passes_of = {}
    for sound in (SOUND, 2.0, -1.0):
        monkeypatch.setattr(lbfgs, "SOUND", sound)
        found = fit(rows, lossmith.Logistic(), Penalty("none"), solver="lbfgs")
        assert found.converged
        passes_of[sound] = found.passes
    assert passes_of[SOUND] == passes_of[2.0] < 0.7 * passes_of[-1.0], "trusting single precision costs passes here"


def test_what_has_no_rougher_hessian_is_asked_once() -> None:
    """Of K scores one is a shift of all: their Hessian is never sound, and a second look would show the same."""
    rng = np.random.default_rng(6)
    rows = Rows.of(rng.standard_normal((20_000, 8)), rng.integers(0, 3, 20_000))
    objective = Objective.of(rows, lossmith.CrossEntropy(), Penalty("none"), outputs=3)
    memory, here = Memory.at(objective, objective.origin(), 20_000)
    assert not here.rough and not memory.guess.weakest > SOUND
    assert objective.meter.passes == 1.0
