"""What keeps the digits around the words: rests of words, squares halved in time, rows computed again in wider numbers.

Each test says which fault it catches: a rest of the wrong sign, a watch that is not there, a square that overflows.
"""

from __future__ import annotations

import numpy as np
import pytest
from kernel_tools import POSITIVE, one_word, points

import lossmith
from lossmith.accuracy import Truth
from lossmith.accuracy.ulps import errors, unit
from lossmith.backends import careful, llvm, llvm_print, numpy, wide
from lossmith.program import Step
from lossmith.symbolic import truth


def arguments(word: str) -> np.ndarray:
    """Arguments where the word and its first-order change are plain numbers."""
    rng = np.random.default_rng(0)
    x = np.concatenate([points(word, 600, np.float64)[0], rng.uniform(-5, 5, 600), rng.uniform(-1, 1, 600)])
    x = np.abs(x) if word in ("log", "sqrt", *POSITIVE) else x[x > -1] if word == "log1p" else x
    return x[(np.abs(x) < 1e15) & (np.abs(x) > 1e-150)]


ABOUT = {"log_cloglog": (1.0, 1.6), "lgamma": (1.3, 2.3), "digamma": (0.75, 2.3)}
"""Words whose rest is not known everywhere: above 0 only the logarithm's, none beside a zero of log Γ or its slope."""


@pytest.mark.parametrize("word", careful.OWN)
def test_a_word_and_its_rest_are_nearer_than_the_word(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches a rest of the wrong sign or size: it would make the result worse, not better."""
    program = one_word(word)
    (x,) = program.inputs
    steps = (
        Step("rough", word, (x,)),
        Step("rest", f"{word}_rest", (x, "rough")),
        Step("v", "mend", ("rough", "rest")),
    )
    plan = careful.Plan(steps, (("value", "v"),))
    at = arguments(word)
    high, low = truth.exact(program, [at], ())["value"]
    usual = []
    for run in (program, plan):
        monkeypatch.setattr(llvm_print, "careful", lambda _, run=run: run)
        (got,) = llvm.LlvmKernel(program, np.float64, text=llvm.source(program, np.float64))([at])
        plain = np.isfinite(high) & (np.abs(high) > 1e-290)
        off = errors(got, high, low, unit(high, low, np.float64))[plain]
        usual.append((float(np.quantile(off, 0.99)), float(off.max())))
    limit, most = ABOUT.get(word, (0.66, 1.6))
    assert usual[1][0] <= limit and usual[1][0] <= usual[0][0] + 0.005, usual
    assert usual[1][1] <= most, usual


@pytest.mark.parametrize("name", ["NegativeBinomial", "Welsch", "LUM", "SquaredPercentage"])
def test_without_watches_the_contract_breaks(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if not wide.WIDE:
        pytest.skip("this machine's longdouble is a float64")
    loss = lossmith.losses()[name]()
    at = Truth.of(loss, 3000)
    params = loss.state.params
    kept = [
        at.bound(n, "llvm", "float64", got).holds for n, got in zip(at.program.wants, kernel(at, params), strict=True)
    ]
    for module in (llvm_print, llvm):
        monkeypatch.setattr(module, "watches", lambda program: ())
    lost = [
        at.bound(n, "llvm", "float64", got).holds for n, got in zip(at.program.wants, kernel(at, params), strict=True)
    ]
    assert all(kept) and not all(lost)


def kernel(at: Truth, params: tuple[float, ...]) -> tuple[np.ndarray, ...]:
    """The outputs of a kernel that is compiled now."""
    return llvm.LlvmKernel(at.program, np.float64, text=llvm.source(at.program, np.float64))([at.y, at.z], params)


def test_hard_rows_are_found_wherever_they_lie() -> None:
    """In the masked tail, in the first row, in another thread's chunk; others stay to the bit."""
    loss = lossmith.Gamma()
    program = loss.program.only("value", "gradient")
    fast = llvm.load(program, np.float64)
    n = 250_003
    y, z = np.full(n, 2.0), np.linspace(-3, 3, n)
    calm = fast([y, z], loss.state.params)
    rows = [0, 70_000, 199_999, n - 1]
    y[rows], z[rows] = 6.5e-7, -711.8
    found = fast([y, z], loss.state.params)
    others = np.setdiff1d(np.arange(n), rows)
    for got, before in zip(found, calm, strict=True):
        assert np.isfinite(got[rows]).all() == wide.WIDE
        assert np.array_equal(got[others], before[others])


def test_losses_of_few_roundings_are_not_watched() -> None:
    for loss in (lossmith.Squared(), lossmith.Logistic(), lossmith.Poisson(), lossmith.Huber(), lossmith.Absolute()):
        assert wide.watches(loss.program.only("value", "gradient")) == (), loss


def test_a_square_is_halved_before_it_overflows() -> None:
    for backend in (numpy, llvm):
        program = lossmith.Squared().program.only("value")
        (got,) = backend.load(program, np.dtype(np.float64))([np.array([1.8e154]), np.zeros(1)], ())
        assert got[0] == pytest.approx(1.62e308, rel=1e-15)
    steps = (Step("a", "mul", ("x", "x")), Step("v", "mul", (0.5, "a")))
    shared = lossmith.Squared().program.only("value")
    assert careful.halved_first(shared).steps != shared.steps
    twice = type(shared)(("x",), (), steps, (("value", "v"), ("square", "a")))
    assert careful.halved_first(twice) == twice, "a square that serves something else stays"


def test_where_longdouble_is_no_more_kernels_are_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault: a machine without wider numbers that asks for them, or that loses all digits."""
    program = lossmith.Welsch().program.only("value", "gradient")
    monkeypatch.setattr(numpy, "WIDE", False)
    assert numpy.inside(program, np.dtype(np.float64)) is np.float64
    y, z = np.linspace(-4, 4, 99), np.zeros(99)
    plain = numpy.load(program, np.dtype(np.float64))([y, z], lossmith.Welsch().state.params)
    monkeypatch.undo()
    for a, b in zip(
        plain, numpy.load(program, np.dtype(np.float64))([y, z], lossmith.Welsch().state.params), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=6e-16)
