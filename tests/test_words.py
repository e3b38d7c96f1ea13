"""The words: every backend has each of them, and the definitions agree with SciPy where both are good."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import scipy.special as special
from scipy import stats

from lossmith.backends import load, source
from lossmith.program import Program, Step
from lossmith.words import COMPARISONS, WORDS, definitions

SCIPY = {
    "expm1": np.expm1, "log1p": np.log1p, "tanh": np.tanh, "atan": np.arctan, "erf": special.erf,
    "lgamma": special.gammaln, "digamma": special.digamma, "trigamma": lambda x: special.polygamma(1, x),
    "softplus": lambda x: np.logaddexp(0, x), "sigmoid": special.expit, "log_ndtr": special.log_ndtr,
    "mills": lambda x: np.sqrt(2 / np.pi) / special.erfcx(-x / np.sqrt(2)),
    "logcosh": lambda x: np.log(np.cosh(x)), "sech2": lambda x: 1 / np.cosh(x) ** 2,
    "hypot1": lambda x: np.hypot(1, x), "log1psq": lambda x: np.log1p(x * x), "witch": lambda x: 1 / (1 + x * x),
    "serpentine": lambda x: x / (1 + x * x), "asinh": np.arcsinh, "expm1mx": lambda x: np.expm1(x) - x,
    "log1pmx": lambda x: np.log1p(x) - x, "log_cloglog": lambda x: np.log(-np.expm1(-np.exp(x))),
    "cloglog_slope": lambda x: np.exp(x) / np.expm1(np.exp(x)), "log_cauchit": stats.cauchy.logcdf,
    "cauchit_slope": lambda x: stats.cauchy.pdf(x) / stats.cauchy.cdf(x),
    "cloglog_bend": lambda x: np.exp(x) / np.expm1(np.exp(x)) * (np.exp(x) / -np.expm1(-np.exp(x)) - 1),
}  # fmt: skip


def program(word: str) -> Program:
    """One word as a Program; a truth value is turned into a number."""
    count = WORDS[word]
    names = tuple("abc"[:count])
    if word == "where":
        steps = [Step("t", "lt", ("a", "b")), Step("v", "where", ("t", "b", "c"))]
    elif word == "and":
        steps = [Step("s", "lt", ("a", "b")), Step("t", "and", ("s", "s")), Step("v", "where", ("t", 1.0, 2.0))]
    elif word in COMPARISONS:
        steps = [Step("t", word, names), Step("v", "where", ("t", 1.0, 2.0))]
    else:
        steps = [Step("v", word, names)]
    return Program(names, (), tuple(steps), (("value", "v"),))


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("backend", ["numpy", "llvm"])
def test_every_backend_has_every_word(word: str, backend: str) -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.uniform(0.05, 3, 40) for _ in range(WORDS[word])]
    p = program(word)
    got = load(p, np.float64, backend)(arrays, ())[0]
    want = [float(p.run(dict(zip("abc", row, strict=False)))["value"]) for row in zip(*arrays, strict=True)]
    assert np.allclose(got, want, rtol=1e-13, atol=1e-15)
    assert source(p, np.float64, backend)


@pytest.mark.parametrize("word", SCIPY)
def test_definitions_agree_with_scipy(word: str) -> None:
    for x in np.linspace(0.1, 4, 25):
        with mpmath.workprec(100):
            assert float(definitions()[word](mpmath.mpf(x))) == pytest.approx(SCIPY[word](x), rel=1e-12)


def test_definitions_and_arities_are_one_list() -> None:
    assert set(definitions()) == set(WORDS)
