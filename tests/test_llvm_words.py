"""The compiled words: each against its definition over all exponents, at its ends, and mutants that must be noticed."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from kernel_tools import fresh, one_word, points, worst

from lossmith.backends import llvm_core, llvm_polynomials, llvm_words
from lossmith.program import Program, Step
from lossmith.words import COMPARISONS, WORDS

ULPS = {
    "exp": 1.1, "expm1": 2.5, "log": 1.0, "log1p": 1.0, "tanh": 3.0, "sech2": 4.0, "logcosh": 2.0, "atan": 1.2,
    "sin": 1.0, "cos": 1.0, "softplus": 1.7, "sigmoid": 2.2, "xlogy": 1.7, "pow": 1.5, "hypot1": 1.0, "log1psq": 2.0,
    "witch": 2.2, "serpentine": 2.0, "erf": 1.5, "lgamma": 3.5, "digamma": 3.5, "trigamma": 3.0, "log_ndtr": 4.0,
    "mills": 4.0, "mills_slope": 4.5, "sqrt": 0.51, "add": 0.51, "sub": 0.51, "mul": 0.51, "div": 0.51, "neg": 0,
    "abs": 0, "sign": 0, "min": 0, "max": 0, "expm1mx": 4.0, "log1pmx": 2.5, "asinh": 1.5, "log_cloglog": 2.5,
    "cloglog_slope": 3.5, "cloglog_bend": 5.5, "log_cauchit": 3.0, "cauchit_slope": 4.0,
}  # fmt: skip
"""The stated bound of every word in float64; in float32, which computes in float64, half a unit and a little."""

ULPS_SHORT = 0.6


def test_every_word_has_a_printer_and_a_bound() -> None:
    assert set(llvm_words.WORDS) == set(WORDS)
    assert set(ULPS) | COMPARISONS | {"where"} == set(WORDS)


def test_points_spread_over_all_exponents() -> None:
    for dtype, least in ((np.float64, -1050), (np.float32, -140)):
        exponents = np.frexp(points("exp", 400, dtype)[0])[1]
        assert exponents.min() < least and exponents.max() > -least - 60 and len(set(exponents.tolist())) > 150


@pytest.mark.parametrize("word", ULPS)
def test_error_of_every_word(word: str) -> None:
    arguments = points(word, 500, np.float64)
    error, where = worst(word, arguments, fresh(one_word(word))(arguments)[0])
    assert error <= ULPS[word], where


@pytest.mark.parametrize("word", ULPS)
def test_error_of_every_word_in_float32(word: str) -> None:
    arguments = points(word, 200, np.float32)
    got = fresh(one_word(word), np.float32)(arguments)[0]
    assert got.dtype == np.float32
    error, where = worst(word, arguments, got)
    assert error <= ULPS_SHORT, where


@pytest.mark.parametrize(
    ("word", "name"), [("exp", "EXP"), ("log", "LOG"), ("softplus", "LOG_UNIT"), ("sin", "SIN"), ("mills", "TAIL")]
)
def test_a_perturbed_coefficient_is_noticed(word: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    coefficients = list(llvm_polynomials.POLYNOMIALS[name])
    coefficients[3] *= 1 + 1e-9
    monkeypatch.setitem(llvm_polynomials.POLYNOMIALS, name, tuple(coefficients))
    arguments = points(word, 500, np.float64)
    assert worst(word, arguments, fresh(one_word(word))(arguments)[0])[0] > ULPS[word]


def test_scaling_in_one_step_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llvm_core, "scaled", lambda x, n: x * llvm_core.power_of_two(n + llvm_core.MAGIC))
    x = np.array([-740.0, 709.7])
    got = fresh(one_word("exp"))([x])[0]
    assert worst("exp", [x], got)[0] > ULPS["exp"]


INF, NAN, TINY, HUGE = math.inf, math.nan, 5e-324, 1.7976931348623157e308
ENDS: dict[str, tuple[float, ...]] = {
    # at −∞, −huge, −tiny, 0, tiny, huge, ∞
    "exp": (0, 0, 1, 1, 1, INF, INF),
    "expm1": (-1, -1, -TINY, 0, TINY, INF, INF),
    "log": (NAN, NAN, NAN, -INF, math.log(TINY), math.log(HUGE), INF),
    "log1p": (NAN, NAN, -TINY, 0, TINY, math.log(HUGE), INF),
    "sqrt": (NAN, NAN, NAN, 0, math.sqrt(TINY), math.sqrt(HUGE), INF),
    "tanh": (-1, -1, -TINY, 0, TINY, 1, 1),
    "sech2": (0, 0, 1, 1, 1, 0, 0),
    "logcosh": (INF, HUGE, 0, 0, 0, HUGE, INF),
    "atan": (-math.pi / 2, -math.pi / 2, -TINY, 0, TINY, math.pi / 2, math.pi / 2),
    "sin": (NAN, math.sin(-HUGE), -TINY, 0, TINY, math.sin(HUGE), NAN),
    "cos": (NAN, math.cos(HUGE), 1, 1, 1, math.cos(HUGE), NAN),
    "erf": (-1, -1, -TINY * 1.1283791670955126, 0, TINY * 1.1283791670955126, 1, 1),
    "softplus": (0, 0, math.log(2), math.log(2), math.log(2), HUGE, INF),
    "sigmoid": (0, 0, 0.5, 0.5, 0.5, 1, 1),
    "hypot1": (INF, HUGE, 1, 1, 1, HUGE, INF),
    "log1psq": (INF, 2 * math.log(HUGE), 0, 0, 0, 2 * math.log(HUGE), INF),
    "witch": (0, 0, 1, 1, 1, 0, 0),
    "serpentine": (0, -1 / HUGE, -TINY, 0, TINY, 1 / HUGE, 0),
    "expm1mx": (INF, HUGE, 0, 0, 0, INF, INF),
    "log1pmx": (NAN, NAN, 0, 0, 0, -HUGE, -INF),
    "asinh": (-INF, -math.asinh(HUGE), -TINY, 0, TINY, math.asinh(HUGE), INF),
    "log_cloglog": (-INF, -HUGE, *3 * (math.log(-math.expm1(-1)),), 0, 0),
    "cloglog_slope": (1, 1, *3 * (1 / math.expm1(1),), 0, 0),
    "cloglog_bend": (0, 0, *3 * (1 / math.expm1(1) ** 2,), 0, 0),
    "log_cauchit": (-INF, -math.log(math.pi) - math.log(HUGE), *3 * (-math.log(2),), -1 / math.pi / HUGE, 0),
    "cauchit_slope": (0, 1 / HUGE, *3 * (2 / math.pi,), 0, 0),
    "log_ndtr": (-INF, -INF, -math.log(2), -math.log(2), -math.log(2), 0, 0),
    "mills": (INF, HUGE, *3 * (math.sqrt(2 / math.pi),), 0, 0),
    "mills_slope": (1, 1, *3 * (2 / math.pi,), 0, 0),
    "sign": (-1, -1, -1, 0, 1, 1, 1),
    "abs": (INF, HUGE, TINY, 0, TINY, HUGE, INF),
    "neg": (INF, HUGE, TINY, 0, -TINY, -HUGE, -INF),
    "lgamma": (NAN, NAN, NAN, INF, -math.log(TINY), INF, INF),
    "digamma": (NAN, NAN, NAN, -INF, -INF, math.log(HUGE), INF),
    "trigamma": (NAN, NAN, NAN, INF, INF, 1 / HUGE, 0),
}


def test_every_word_of_one_argument_has_its_ends_stated() -> None:
    assert set(ENDS) == {w for w, count in WORDS.items() if count == 1}


@pytest.mark.parametrize("word", ENDS)
def test_ends(word: str) -> None:
    x = np.array([-INF, -HUGE, -TINY, 0, TINY, HUGE, INF])
    got, want = fresh(one_word(word))([x])[0], np.array(ENDS[word])
    if word in ("lgamma", "digamma", "trigamma"):
        got, want = got[3:], want[3:]
    np.testing.assert_allclose(got, want, rtol=1e-15, atol=0)


@pytest.mark.parametrize("word", [w for w in ULPS if w not in COMPARISONS])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_nan_stays_nan(word: str, dtype: Any) -> None:
    kernel, count = fresh(one_word(word), dtype), WORDS[word]
    for i in range(count):
        for other in (0.0, 1.0, 2.5, INF):
            arguments = [np.full(3, other, dtype) for _ in range(count)]
            arguments[i][1] = NAN
            assert np.isnan(kernel(arguments)[0][1]), (i, other)


@pytest.mark.parametrize("word", sorted(COMPARISONS - {"and"}))
def test_comparisons_and_where(word: str) -> None:
    steps = (Step("t", word, ("x", "y")), Step("u", "and", ("t", "t")), Step("v", "where", ("u", "x", 7.0)))
    x, y = map(np.ravel, np.meshgrid([-1.0, 0.0, 2.0, INF, NAN], [-1.0, 0.0, 2.0, INF, NAN]))
    got = fresh(Program(("x", "y"), (), steps, (("value", "v"),)))([x, y])[0]
    numpy = {"lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal}
    np.testing.assert_array_equal(got, np.where(numpy.get(word, np.not_equal)(x, y), x, 7.0))


@pytest.mark.parametrize("exponent", [-4.0, -3.0, -2.0, -1.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 2.5, -7.0])
def test_constant_exponents(exponent: float) -> None:
    program = Program(("x",), (), (Step("v", "pow", ("x", exponent)),), (("value", "v"),))
    x = np.abs(points("exp", 300, np.float64)[0])
    assert worst("pow", [x, np.full_like(x, exponent)], fresh(program)([x])[0])[0] <= 2.0


def test_sine_of_huge_arguments_is_the_library_s() -> None:
    x = np.array([1e9, 2.0**30, 1e22, -1e300, 3.0])
    np.testing.assert_array_equal(fresh(one_word("sin"))([x])[0][1:4], [math.sin(v) for v in x[1:4]])


def test_polynomials_are_those_that_the_script_derives() -> None:
    script = "import sys; sys.path.insert(0, 'tools'); import minimax; print(minimax.rows('LOG', minimax.FITS['LOG']))"
    rows = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60).stdout
    with open(str(llvm_polynomials.__file__), encoding="utf-8") as file:
        assert rows.strip() in file.read()
