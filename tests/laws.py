"""What must hold for every loss. Each law takes a loss and fails by AssertionError; `mutants.py` breaks each once."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import numpy as np
import reference
from draws import extreme_pairs, pairs
from mpmath import mpf

import lossmith
from lossmith.backends import load
from lossmith.errors import LossmithError, ShapeError, UnsupportedError
from lossmith.formula import parse
from lossmith.loss import Loss

WANT = ("value", "gradient", "hessian")


def close(a: np.ndarray, b: np.ndarray, relative: float, absolute: float = 0.0) -> None:
    """Every entry of a within the tolerance of b's."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    bad = ~(np.abs(a - b) <= absolute + relative * np.abs(b)) & ~(a == b)
    assert not bad.any(), (
        f"{bad.sum()} entries off; first {a[bad][0]!r} against {b[bad][0]!r} at {np.flatnonzero(bad)[0]}"
    )


def derives(loss: Loss) -> None:
    """Value, gradient and hessian are those of the formula, by differences at 120 digits."""
    y, z = pairs(loss, 60)
    got = loss.evaluate(y, z, WANT)
    want = np.array([reference.derivatives(loss, a, b) for a, b in zip(y, z, strict=True)])
    scale = np.abs(want).max(axis=0)
    for i, name in enumerate(WANT):
        close(getattr(got, name), want[:, i], 1e-10, 1e-12 * scale[i] + 1e-40)


def computes(loss: Loss) -> None:
    """Every backend agrees with the living definition, to some ulp of the largest entry."""
    y, z = pairs(loss, 200)
    free = {n: v for n, v in loss.params.items() if not loss.declared[n].static}
    truth = [loss.program.run({"y": a, "z": b, **free}) for a, b in zip(y, z, strict=True)]
    for backend in ("numpy", "llvm"):
        results = load(loss.program, np.float64, backend)([y, z], loss.state.params)
        for name, got in zip(loss.program.wants, results, strict=True):
            want = np.array([float(t[name]) for t in truth])
            finite = np.isfinite(want)
            close(got, want, 2e-14, 1e-15 * np.abs(want[finite]).max(initial=0))


def survives(loss: Loss) -> None:
    """Over the whole range of float64: finite and right wherever the true value is finite, NaN where y or z is."""
    y, z = extreme_pairs(loss)
    truth = [reference.exact(loss, a, b) for a, b in zip(y, z, strict=True)]
    for backend in ("numpy", "llvm"):
        results = load(loss.program, np.float64, backend)([y, z], loss.state.params)
        for name, got in zip(loss.program.wants, results, strict=True):
            if name in WANT:
                close(got, np.array([t[name] for t in truth]), 1e-11, 1e-300 if name == "value" else 1e-15)
    lost = loss.lift.evaluate(loss.state, y, np.full_like(z, np.nan), ("value",))["value"]
    assert np.isnan(lost).all(), "NaN in, a number out"


def single(loss: Loss) -> None:
    """float32 gives what float64 gives, to float32's digits, in float32."""
    y, z = pairs(loss, 200)
    y, z = y.astype(np.float32), z.astype(np.float32)
    for backend in ("numpy", "llvm"):
        few = load(loss.program, np.float32, backend)([y, z], loss.state.params)
        many = load(loss.program, np.float64, backend)([y.astype(float), z.astype(float)], loss.state.params)
        for a, b in zip(few, many, strict=True):
            assert a.dtype == np.float32
            finite = np.isfinite(b)
            close(a[finite], b[finite], 2e-5, 2e-6 * np.abs(b[finite]).max(initial=0))


def vectorises(loss: Loss) -> None:
    """Order, strides and size change no bit, and the caller's arrays stay as they were."""
    y, z = pairs(loss, 1537)
    kept = y.copy(), z.copy()
    order = np.random.default_rng(1).permutation(len(y))
    whole, shuffled = loss.evaluate(y, z, WANT), loss.evaluate(y[order], z[order], WANT)
    wide = np.repeat(y, 3), np.repeat(z, 3)
    strided = loss.evaluate(wide[0][::3], wide[1][::3], WANT)
    for name in WANT:
        assert np.array_equal(getattr(whole, name)[order], getattr(shuffled, name), equal_nan=True)
        assert np.array_equal(getattr(whole, name), getattr(strided, name), equal_nan=True)
    assert np.array_equal(y, kept[0]) and np.array_equal(z, kept[1])


def refuses(loss: Loss) -> None:
    """(n, 1) against (n,) is an error that names both shapes; a truth outside the domain names its row."""
    y, z = pairs(loss, 100)
    try:
        loss(y[:, None], z)
    except ShapeError as error:
        assert "(100, 1)" in str(error) and "(100,)" in str(error)
    else:
        raise AssertionError("(n, 1) was broadcast against (n,)")
    y[17] = np.nan
    try:
        loss(y, z)
    except LossmithError as error:
        assert "17" in str(error), error
    else:
        raise AssertionError("NaN passed as a truth")


def weighs(loss: Loss) -> None:
    """A weight of k is k copies of the row; blocks add to the whole; the mean is Σwℓ/Σw."""
    y, z = pairs(loss, 120)
    w = np.random.default_rng(2).integers(0, 4, len(y))
    copies = loss.value(np.repeat(y, w), np.repeat(z, w)).sum() / w.sum()
    close(loss(y, z, weight=w), copies, 1e-12, 1e-12)
    a, b = loss.total(y[:50], z[:50], w[:50]), loss.total(y[50:], z[50:], w[50:])
    close((a + b).mean().value, copies, 1e-12, 1e-12)
    close(loss(y, z, weight=w, reduction="sum"), loss(y, z, weight=w, reduction="none").sum(), 1e-12, 1e-12)


def starts(loss: Loss) -> None:
    """No constant does better than `start`, for plain and weighted samples."""
    y = pairs(loss, 101)[0]
    w = np.random.default_rng(3).uniform(0.1, 2, len(y))
    for weight in (None, w):
        z = loss.start(y, weight)
        best = loss(y, np.full(len(y), z), weight=weight)
        steps = 10.0 ** -np.arange(7)
        near = np.concatenate([z - steps, z + steps, z + np.linspace(-3, 3, 121)])
        for other in np.concatenate([near, np.linspace(y.min(), y.max(), 61)]):
            rival = loss(y, np.full(len(y), other), weight=weight)
            assert best <= rival + 1e-12 * max(1, abs(rival)), f"{other} gives {rival}, start {z} gives {best}"


def recovers(loss: Loss) -> None:
    """The inverse link of the best constant is the mean of the sample (or of what the loss says that it averages)."""
    if loss.lift.name == "residual" or not loss.averages:
        return
    averaged = parse(loss.averages, {"y", *loss.params})
    try:
        loss.mean(np.zeros(1))
    except UnsupportedError:
        return
    low, high = loss.mean(np.array([-60.0, 60.0]))
    for share in (0.2, 0.45, 0.8):
        if loss.target.name in ("binary", "classes", "unit_interval") and not low < share < high:
            continue  # a bounded loss may have no score for so sure a class
        y, w = np.array([0.0, 1.0]), np.array([1 - share, share])
        y = y + 1 if loss.target.name == "positive_line" else y
        y = 0.2 + y / 2 if loss.target.name == "open_interval" else y
        found = loss.mean(np.array([loss.start(y, w)]))[0]
        got, first, second = (float(reference.walk(averaged, {"y": mpf(float(v)), **loss.params})) for v in (found, *y))
        close(got, w @ [first, second], 1e-6)


def returns(loss: Loss) -> None:
    """repr and pickle give the same loss back; equal losses hash alike; it is frozen."""
    names = {**lossmith.losses(), "loss": lossmith.loss}
    for other in (eval(repr(loss), {"__builtins__": {}}, names), pickle.loads(pickle.dumps(loss)), copy.copy(loss)):
        assert other == loss and hash(other) == hash(loss) and repr(other) == repr(loss)
    try:
        loss.anything = 1
    except AttributeError:
        return
    raise AssertionError("a loss took an attribute")


LAWS: dict[str, Callable[[Loss], None]] = {
    law.__name__: law
    for law in (derives, computes, survives, single, vectorises, refuses, weighs, starts, recovers, returns)
}
