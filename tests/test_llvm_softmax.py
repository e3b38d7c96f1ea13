"""Compiled probabilities of many classes: as many digits as ball arithmetic has, and the same odd ends as NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from mpmath import mp, mpf

from lossmith.backends import llvm_softmax
from lossmith.lifts.probabilities import counted

ODD = np.array(
    [
        [800.0, 0.0, 0.0],
        [-np.inf, -np.inf, -np.inf],
        [0.0, np.nan, 1.0],
        [0.0, np.inf, 1.0],
        [np.inf, np.inf, 0.0],
        [-np.inf, 3.0, -np.inf],
        [1e308, -1e308, 0.0],
        [2.0, 2.0, 2.0],
        [np.nan, 1.0, 2.0],
    ]
)


def exact(row: list[float]) -> list[mpf]:
    """log p with 60 digits."""
    with mp.workdps(60):
        whole = mp.log(sum(mp.exp(mpf(v)) for v in row))
        return [mpf(v) - whole for v in row]


def worst(z: np.ndarray, found: np.ndarray) -> float:
    """The largest relative error of log p."""
    return max(
        float(abs((mpf(float(f)) - t) / t)) for row, line in zip(z, found, strict=True)
        for t, f in zip(exact(row.tolist()), line, strict=True)
    )  # fmt: skip


@pytest.mark.parametrize("shape", [(1, 2), (7, 3), (8, 5), (33, 10), (20, 1000)])
def test_log_probabilities_keep_their_digits(shape: tuple[int, int]) -> None:
    z = np.random.default_rng(0).normal(size=shape) * 12.0
    logp, p, rest = llvm_softmax.probabilities(z)
    few = slice(0, 3)
    assert worst(z[few], logp[few]) < 1e-15
    np.testing.assert_allclose(p, np.exp(logp), rtol=2e-13)
    np.testing.assert_allclose(rest, -np.expm1(logp), rtol=2e-13)


def test_a_sure_class_keeps_its_digits() -> None:
    """The mutant that counts the sure class's own odds among the others' loses them all."""
    z = np.array([[40.0, 0.0, 1.0], [0.0, 33.0, -5.0]])
    assert worst(z, llvm_softmax.probabilities(z)[0]) < 1e-15
    top = z.max(axis=1, keepdims=True)
    assert worst(z, z - top - np.log(np.exp(z - top).sum(axis=1, keepdims=True))) > 0.01


def test_odd_rows_end_as_numpy_has_them() -> None:
    for found, theirs in zip(llvm_softmax.probabilities(ODD), counted(ODD), strict=True):
        np.testing.assert_allclose(found, theirs, rtol=1e-15)
    np.testing.assert_allclose(counted(ODD)[1], np.exp(counted(ODD)[0]), rtol=1e-15)


def test_threads_and_single_precision_change_no_bit() -> None:
    """100,000 rows are shared out among threads; each row is what it is alone."""
    z = np.random.default_rng(1).normal(size=(100_000, 4)).astype(np.float32)
    logp, p, rest = llvm_softmax.probabilities(z)
    assert logp.dtype == p.dtype == rest.dtype == np.float32
    few = np.r_[0:5, 54_321:54_330, 99_990:100_000]
    alone = llvm_softmax.probabilities(z[few])
    np.testing.assert_array_equal(logp[few], alone[0])
    np.testing.assert_array_equal(p[few], alone[1])
    np.testing.assert_array_equal(rest[few], alone[2])


def test_the_text_is_one_function() -> None:
    assert "define void @softmax(" in llvm_softmax.source()
