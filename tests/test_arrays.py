"""Programs as text for array libraries: the shared words against their definitions, and what the printer must keep."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

import lossmith
from lossmith.adapters.export_functions import functions, module
from lossmith.backends import array_words
from lossmith.backends.arrays import DIALECTS, bound, function, helpers
from lossmith.program import Program, Step
from lossmith.words import WORDS, definitions

POSITIVE = {"lgamma", "digamma", "trigamma"}
OWN = [name for name in WORDS if hasattr(array_words, name) and WORDS[name] == 1]


@pytest.mark.parametrize("name", OWN)
def test_words_are_right_to_the_last_digits(name: str) -> None:
    """Catches a series that is cut too short: STIRLING with three terms less, EXP_SERIES with ten."""
    half = np.geomspace(1e-8, 1e4, 50)
    x = half if name in POSITIVE else np.concatenate([half, -half])
    x = x[x > -1] if name == "log1pmx" else x
    with np.errstate(all="ignore"):
        got = getattr(array_words, name)(x)
    slack = 1e-2 if name in ("lgamma", "digamma") else 0  # beside their roots, absolutely
    with mpmath.workprec(300):
        for at, value in zip(x, got, strict=True):
            true = definitions()[name](mpmath.mpf(float(at)))
            if 1e-300 < abs(true) < 1e308:
                assert abs(mpmath.mpf(float(value)) - true) <= 5e-14 * (abs(true) + slack), at


def test_every_word_can_be_printed_in_every_dialect() -> None:
    """A word without a row would be called by a name that nobody defines."""
    inputs = ("y", "z")
    for word, count in WORDS.items():
        steps = [Step("c", "gt", ("y", "z"))] if word in ("where", "and") else []
        args = {"where": ("c", "y", "z"), "and": ("c", "c")}.get(word, inputs[:count])
        last = Step("v", word, args)
        out: str | float = "v"
        if word in ("lt", "le", "gt", "ge", "eq", "ne", "and"):
            steps, last, out = [*steps, last], Step("w", "where", ("v", 1.0, 0.0)), "w"
        program = Program(inputs, (), (*steps, last), (("value", out),))
        for dialect, its in DIALECTS.items():
            lines, used = function(dialect, "f", program, {}, "F.")
            defined = "\n".join(helpers(dialect, used))
            assert all(f"def {name}(" in defined for name in used), (word, dialect)
            assert "xp." not in defined and its.xp in "\n".join([*lines, defined, "+"]) + its.xp


def test_grouping_is_kept() -> None:
    """½·(r·r) is not (½·r)·r where one of them overflows; a − (b + c) is not a − b + c."""
    steps = (Step("a", "mul", ("z", "z")), Step("b", "mul", (0.5, "a")), Step("c", "add", ("y", "b")),
             Step("d", "sub", ("y", "c")), Step("e", "pow", (-2.0, "y")), Step("f", "sub", ("d", "e")))  # fmt: skip
    lines, _ = function("numpy", "g", Program(("y", "z"), (), steps, (("value", "f"),)), {}, "G.")
    assert lines[-1].strip() == "return y - (y + 0.5 * (z * z)) - (-2) ** y"


def test_steps_of_parameters_become_numbers() -> None:
    program, numbers = bound(lossmith.Huber(2.0).program, {"delta": 2.0})
    assert set(numbers.values()) == {1.0} and not any(set(s.args) <= {"delta"} for s in program.steps)


def test_a_share_of_nothing_is_nothing() -> None:
    """Where 0·∞ would be met at a sure and right prediction."""
    assert "share_of(" in functions(lossmith.BinaryCrossEntropy(), "numpy").text
    made = module(lossmith.BinaryCrossEntropy(), "numpy")
    with np.errstate(all="ignore"):
        found = made["value"](np.array([1.0, 0.0, 1.0]), np.array([np.inf, -np.inf, -np.inf]))
    assert found.tolist() == [0.0, 0.0, np.inf]
