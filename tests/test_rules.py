"""Update rules against torch.optim (golden numbers), hand-derived steps, and mutants that each check must notice."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lossmith.fit.solvers import rules
from lossmith.fit.solvers.rules import RULES, Memory, Move, Rule
from lossmith.fit.solvers.settings import defaults

GOLDEN = json.loads((Path(__file__).parent / "golden" / "torch_optim.json").read_text())

# golden name -> (rule, options that make it the same as torch's)
SAME_AS_TORCH: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("sgd", {}),
    "heavy-ball": ("momentum", {"momentum_form": "heavy-ball"}),
    "nesterov": ("nesterov", {}),
    "rmsprop": ("rmsprop", {}),
    "adagrad": ("adagrad", {}),
    "adam": ("adam", {}),
    "adamw": ("adamw", {"weight_decay": 0.01}),
}


def path(rule: Rule, gradients: Any, start: Any, rate: float, **changed: Any) -> np.ndarray:
    """Where the coefficients are after each gradient."""
    options = {**defaults(rule.options), **changed}
    w = np.array(start, dtype=float)
    memory, seen = Memory.empty(w), []
    for g in gradients:
        move = rule.update(memory, np.array(g, dtype=float), options)
        w = w * (1.0 - rate * options.get("weight_decay", 0.0)) - rate * move.direction
        memory = move.memory
        seen.append(w)
    return np.array(seen)


def golden_path(name: str, rule: Rule | None = None) -> np.ndarray:
    ours, options = SAME_AS_TORCH[name]
    return path(rule or RULES[ours], GOLDEN["gradients"], GOLDEN["start"], GOLDEN["rate"], **options)


@pytest.mark.parametrize("name", SAME_AS_TORCH)
def test_each_step_is_that_of_torch(name: str) -> None:
    np.testing.assert_allclose(golden_path(name), GOLDEN[f"rule {name}"], rtol=1e-12, atol=1e-14)


def adam_without_bias_correction(memory: Memory, g: Any, o: Mapping[str, Any]) -> Move:
    move = rules.adam(memory, g, o)
    d = move.memory.first * rules.inverse_root(move.memory.second, o)
    return Move(d, move.reach, move.memory)


def adam_corrected_one_step_late(memory: Memory, g: Any, o: Mapping[str, Any]) -> Move:
    late = rules.adam(Memory(memory.t + 1, memory.first, memory.second), g, o)
    return Move(late.direction, late.reach, Memory(memory.t + 1, late.memory.first, late.memory.second))


def rmsprop_that_sums(memory: Memory, g: Any, o: Mapping[str, Any]) -> Move:
    return rules.adagrad(memory, g, o)


def eps_always_inside(rule: Rule) -> Callable[[Memory, Any, Mapping[str, Any]], Move]:
    return lambda memory, g, o: rule.update(memory, g, {**o, "eps_in_sqrt": True})


def nesterov_that_does_not_look_ahead(memory: Memory, g: Any, o: Mapping[str, Any]) -> Move:
    return rules.momentum(memory, g, {**o, "nesterov": False})


def heavy_ball_as_running_mean(memory: Memory, g: Any, o: Mapping[str, Any]) -> Move:
    return rules.momentum(memory, g, {**o, "momentum_form": "ema"})


MUTANTS = [
    ("adam", adam_without_bias_correction),
    ("adam", adam_corrected_one_step_late),
    ("adam", eps_always_inside(RULES["adam"])),
    ("rmsprop", rmsprop_that_sums),
    ("rmsprop", eps_always_inside(RULES["rmsprop"])),
    ("adagrad", eps_always_inside(RULES["adagrad"])),
    ("nesterov", nesterov_that_does_not_look_ahead),
    ("heavy-ball", heavy_ball_as_running_mean),
]


@pytest.mark.parametrize(("name", "mutant"), MUTANTS)
def test_the_golden_steps_notice_a_wrong_rule(name: str, mutant: Callable[..., Move]) -> None:
    wrong = replace(RULES[SAME_AS_TORCH[name][0]], update=mutant)
    assert not np.allclose(golden_path(name, wrong), GOLDEN[f"rule {name}"], rtol=1e-9, atol=1e-12)


def test_a_missing_weight_decay_is_noticed() -> None:
    without = path(RULES["adamw"], GOLDEN["gradients"], GOLDEN["start"], GOLDEN["rate"], weight_decay=0.0)
    assert not np.allclose(without, GOLDEN["rule adamw"], rtol=1e-9)


def test_the_running_mean_form_by_hand() -> None:
    """v = 1, then 0.5·1 + 0.5·4 = 2.5 with β = ½ and gradients 2, 4; the learning rate is 1."""
    assert path(RULES["momentum"], [[2.0], [4.0]], [0.0], 1.0, momentum=0.5).tolist() == [[-1.0], [-3.5]]


def test_the_running_mean_form_looking_ahead_by_hand() -> None:
    """d = βv + (1−β)g: ½·1 + ½·2 = 1.5, then ½·2.5 + ½·4 = 3.25."""
    got = path(RULES["momentum"], [[2.0], [4.0]], [0.0], 1.0, momentum=0.5, nesterov=True)
    assert got.tolist() == [[-1.5], [-4.75]]


def test_epsilon_inside_or_outside_the_root_by_hand() -> None:
    """s = ¾·0 + ¼·36 = 9: outside 6/(3 + 7) = 0.6, inside 6/√(9 + 7) = 1.5."""
    outside = path(RULES["rmsprop"], [[6.0]], [0.0], 1.0, rho=0.75, eps=7.0)
    inside = path(RULES["rmsprop"], [[6.0]], [0.0], 1.0, rho=0.75, eps=7.0, eps_in_sqrt=True)
    assert outside[0, 0] == pytest.approx(-0.6, rel=1e-12)
    assert inside[0, 0] == pytest.approx(-1.5, rel=1e-12)


def test_epsilon_inside_the_root_of_adagrad_and_adam_by_hand() -> None:
    """g = 3, ε = 16: 3/√(9 + 16) = 0.6 on the first step of both, for Adam's corrections cancel."""
    for name in ("adagrad", "adam"):
        got = path(RULES[name], [[3.0]], [0.0], 1.0, eps=16.0, eps_in_sqrt=True)
        assert got[0, 0] == pytest.approx(-0.6, rel=1e-12)


@pytest.mark.parametrize("name", RULES)
def test_a_gradient_of_zeros_moves_nothing(name: str) -> None:
    """Even with ε = 0, where 0/0 would be NaN."""
    eps = {"eps": 0.0} if "eps" in RULES[name].options else {}
    assert path(RULES[name], np.zeros((3, 2)), [1.0, -2.0], 0.5, **eps, weight_decay=0.0).tolist() == [[1.0, -2.0]] * 3


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("changed", [{}, {"nesterov": True}, {"momentum_form": "heavy-ball"}, {"momentum_form": "ema"}])
def test_reach_is_what_a_constant_gradient_is_multiplied_by(name: str, changed: dict[str, Any]) -> None:
    rule, g = RULES[name], np.array([0.3, -4.0])
    options, memory = {**defaults(rule.options), **changed}, Memory.empty(g)
    for _ in range(5):
        move = rule.update(memory, g, options)
        memory = move.memory
        np.testing.assert_allclose(move.direction, move.reach * g, rtol=1e-12)


@pytest.mark.parametrize("name", RULES)
def test_a_rule_changes_neither_its_memory_nor_the_gradient(name: str) -> None:
    rule, g = RULES[name], np.array([0.3, -4.0])
    before = Memory(3, np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    rule.update(before, g, defaults(rule.options))
    assert (before.t, before.first.tolist(), before.second.tolist()) == (3, [1.0, 2.0], [3.0, 4.0])
    assert g.tolist() == [0.3, -4.0]
