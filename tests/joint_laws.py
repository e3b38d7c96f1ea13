"""What must hold for every loss of several raw outputs a row: those of `laws.py`, with draws of m outputs.

The reference walks the formula's tree in mpmath and takes central differences at 120 digits: no sympy, no Programs.
"""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import reference
from laws import close
from mpmath import mpf

import lossmith
from lossmith.backends import load
from lossmith.catalogue import every
from lossmith.errors import LossmithError, ShapeError
from lossmith.lifts.ordinal import CORE
from lossmith.lifts.several import Several
from lossmith.loss import Loss
from lossmith.program import Program

WANT = ("value", "gradient", "hessian", "block")
CLASSES = 4
SHARED = ("divergence", "normalised")
"""Lifts whose truths are shares of the classes."""


def width(loss: Loss) -> int:
    return len(loss.lift.outputs) or CLASSES


def bounds_of(centre: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows of (low, high) of every kind: exact, open below, open above, narrow, wide."""
    kind = rng.integers(0, 5, len(centre))
    half = np.where(kind == 3, 10.0 ** rng.uniform(-9, -1, len(centre)), rng.uniform(0.3, 6, len(centre)))
    low = np.where(kind == 1, -np.inf, np.where(kind >= 3, centre - half, centre))
    high = np.where(kind == 2, np.inf, np.where(kind >= 3, centre + half, centre))
    return np.column_stack([low, high])


def shares(rng: np.random.Generator, n: int) -> np.ndarray:
    """Distributions over classes: inner ones, ones with zeros, and pure ones."""
    y = rng.dirichlet(np.ones(CLASSES), n)
    y[rng.random((n, CLASSES)) < 0.3] = 0
    y[:: n // 6] = np.eye(CLASSES)[0]
    y[y.sum(axis=1) == 0] = np.eye(CLASSES)[1]
    return y / y.sum(axis=1, keepdims=True)


def draw(loss: Loss, n: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """n truths and raw outputs, spread over every branch of the formulas."""
    rng = np.random.default_rng(seed)
    table = {
        "real": lambda: rng.normal(scale=3, size=n),
        "halfline": lambda: rng.poisson(1.5, n) * 1.0,
        "positive_line": lambda: np.random.default_rng(seed + 1).gamma(2.0, size=n) + 0.01,
        "binary": lambda: rng.integers(0, 2, n) * 1.0,
        "classes": lambda: rng.integers(0, CLASSES, n) * 1.0,
        "bounds": lambda: bounds_of(rng.normal(scale=2, size=n), rng),
    }
    if loss.lift.name in SHARED:
        table["classes"] = lambda: shares(rng, n)
    y, z = table[loss.target.name](), rng.normal(scale=1.5, size=(n, width(loss)))
    if loss.target.name == "classes" and not loss.lift.multiclass:
        z[:, 1:] = np.cumsum(10.0 ** rng.uniform(-3, 0.5, (n, CLASSES - 1)), axis=1) + z[:, 1:2]
    assert z.min() < -2 and z.max() > 2 and len(np.unique(y, axis=0)) > 1, "a draw without spread"
    return y, z


def core(loss: Loss, y: Any, z: list[Any]) -> tuple[dict[str, Any], Several]:
    """The truths and outputs of one row by name, as the lift's slots speak of them."""
    if loss.lift.name != "ordinal":
        lift = loss.lift
        assert isinstance(lift, Several)
        truths = [mpf(float(c[0])) for c in lift.read(np.asarray([y], float))]
        return dict(zip((*lift.truths, *lift.outputs), [*truths, *z], strict=True)), lift
    last, k = len(z) - 1, int(y)
    kind = 1 if k == 0 else 2 if k == last else 3
    low, high = z[max(k, 1)], z[min(k + 1, last)]
    return {"kind": mpf(kind), "score": z[0], "low": low, "high": high}, CORE


def simplex(y: Any, z: list[Any]) -> dict[str, Any]:
    """The slots of K scores and a class, by their definitions."""
    top, k = max(z), int(y)
    beyond = mpmath.log(sum(mpmath.exp(v - top) for v in z))
    log_sum, logs = top + beyond, [(v - top) - beyond for v in z]
    p = [mpmath.exp(v) for v in logs]
    below = [v for v in p if v < p[k]]
    return {
        "logp": logs[k], "p": p[k], "mean_logp": sum(logs) / len(z), "sum_p2": sum(v * v for v in p),
        "logsumexp": log_sum, "entropy": -sum(v * log for v, log in zip(p, logs, strict=True)),
        "rival": max(below, default=mpf(0)),
    }  # fmt: skip


EXPONENTIALS: dict[str, Callable[..., Any]] = {
    "Sparsemax": lambda u: max(0 * u, u),
    "Entmax": lambda u, alpha: max(0 * u, (alpha - 1) * u) ** (1 / (alpha - 1)),
    "BiTempered": lambda u, t1, t2: (1 - (t2 - 1) * u) ** (-1 / (t2 - 1)),
    "Distillation": lambda u, temperature: (math if isinstance(u, float) else mpmath).exp(u / temperature),
    "Formula": lambda u: (math if isinstance(u, float) else mpmath).exp(u),
}
"""How probabilities follow from scores above a level, as the papers have it."""


def above_level(loss: Loss, z: list[Any], params: dict[str, Any]) -> list[Any]:
    """The scores above the level at which probabilities sum to 1: by halving in floats, then by secants."""
    e, top = EXPONENTIALS[loss.name], max(z)
    far = [v - top for v in z]

    def excess(a: Any) -> Any:
        return sum(e(v + a, **params) for v in far) - 1

    floats, given = [float(v) for v in far], {n: float(v) for n, v in params.items()}
    low, high = (-1e6, 0.0) if "t2" in params else (-200.0, 8.0)
    for _ in range(80):
        middle = (low + high) / 2
        above = sum(e(v + middle, **given) for v in floats) > 1
        low, high = (low, middle) if above else (middle, high)
    a, b = mpf(low), mpf(high) + mpf(10) ** -15
    fa, fb = excess(a), excess(b)
    while fa != fb and abs(b - a) > mpf(10) ** (10 - mpmath.mp.dps):
        a, b = b, b - fb * (b - a) / (fb - fa)
        fa, fb = fb, excess(b)
    return [v + b for v in far]


def margins(lift: str, y: Any, z: list[Any]) -> list[Any]:
    """The margins of a class among K scores, by their definitions."""
    k = int(y)
    if lift == "one_against_rest":
        return [v if j == k else -v for j, v in enumerate(z)]
    ahead = [z[k] - v for j, v in enumerate(z) if j != k]
    return [min(ahead)] if lift == "one_against_best" else ahead


def coupled(loss: Loss, y: Any, z: list[Any], params: dict[str, Any]) -> Any:
    """The formula of a loss of K coupled scores at one row."""
    if loss.lift.name == "simplex":
        return reference.walk(loss.tree, {**simplex(y, z), **params})
    if loss.lift.name == "adjusted":
        priors, ones = loss.lift.priors or [1.0] * len(z), [1.0] * len(z)
        factors = loss.lift.factors or ones
        rows = zip(z, priors, factors, strict=True)
        moved = [mpf(a) * v + mpmath.log(mpf(p) / sum(priors)) for v, p, a in rows]
        seen = simplex(y, moved)
        if loss.lift.margins:
            moved[int(y)] -= mpf(loss.lift.margins[int(y)])
            seen |= {name: simplex(y, moved)[name] for name in ("p", "logp")}
        return reference.walk(loss.tree, {**seen, **params})
    if loss.lift.name == "costs":
        row = (loss.lift.table or 1 - np.eye(len(z)))[int(y)]
        slots = [{"cost": mpf(float(c)), **simplex(k, z)} for k, c in enumerate(row)]
        return sum(reference.walk(loss.tree, {n: s[n] for n in ("cost", "p", "logp")} | params) for s in slots)
    if loss.lift.name == "normalised":
        pairs = zip(y, above_level(loss, z, params), strict=True)
        return sum(reference.walk(loss.tree, {"y": mpf(float(a)), "u": u, **params}) for a, u in pairs)
    if loss.lift.name == "divergence":
        each = [(mpf(float(a)), simplex(k, z)) for k, a in enumerate(y)]
        return sum(reference.walk(loss.tree, {"y": a, "p": s["p"], "logp": s["logp"], **params}) for a, s in each)
    return sum(reference.walk(loss.tree, {"m": m, **params}) for m in margins(loss.lift.name, y, z))


def value(loss: Loss, y: Any, z: list[Any]) -> Any:
    """The formula itself at one row."""
    params = {n: mpf(v) for n, v in loss.params.items()}
    if loss.lift.multiclass:
        return coupled(loss, y, z, params)
    if loss.lift.name == "all_threshold":
        sides = [1 if y > k else -1 for k in range(len(z) - 1)]
        return sum(
            reference.walk(loss.tree, {"m": s * (z[0] - t), **params}) for s, t in zip(sides, z[1:], strict=True)
        )
    names, lift = core(loss, y, z)
    slots = {slot: reference.walk(tree, names) for slot, tree in lift.trees.items()}
    return reference.walk(loss.tree, {**names, **slots, **params})


def differences(loss: Loss, y: Any, z: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Value, gradient (m,) and block (m, m) by central differences with steps of 10⁻³⁰ at 120 digits."""
    with mpmath.workdps(120):
        h, m = mpf(10) ** -30, len(z)

        def at(*steps: tuple[int, int]) -> Any:
            moved = [mpf(float(v)) for v in z]
            for k, sign in steps:
                moved[k] += sign * h
            return value(loss, y, moved)

        slope = [(at((k, 1)) - at((k, -1))) / (2 * h) for k in range(m)]
        block = np.zeros((m, m))
        for a in range(m):
            for b in range(a, m):
                corners = at((a, 1), (b, 1)) - at((a, 1), (b, -1)) - at((a, -1), (b, 1)) + at((a, -1), (b, -1))
                block[a, b] = block[b, a] = float(corners / (4 * h * h))
        return float(at()), np.array([float(s) for s in slope]), block


def derives(loss: Loss) -> None:
    """Value, gradient and block are those of the formula, by differences at 120 digits."""
    y, z = draw(loss, 14 if loss.lift.name == "normalised" else 40)  # whose level is found anew for each difference
    got = loss.evaluate(y, z, WANT)
    assert np.array_equal(got.hessian, np.einsum("nkk->nk", got.block))
    for i in range(len(y)):
        want = differences(loss, y[i], z[i])
        for name, truth in zip(("value", "gradient", "block"), want, strict=True):
            have = np.asarray(getattr(got, name)[i])
            close(have, np.asarray(truth), 1e-9, 1e-11 * max(1.0, np.abs(truth).max()))


def coupled_inputs(loss: Loss, y: np.ndarray, z: np.ndarray) -> list[np.ndarray]:
    """The slots of K coupled scores, as 60 digits have them."""
    with mpmath.workdps(60):
        if loss.lift.name == "normalised":
            params = {n: mpf(v) for n, v in loss.params.items()}
            above = [float(u) for row in z for u in above_level(loss, list(map(mpf, row)), params)]
            return [np.ascontiguousarray(y.ravel()), np.array(above)]
        if loss.lift.name == "costs":
            costs = np.asarray(loss.lift.table or 1 - np.eye(CLASSES))[y.astype(int)]
            logs = [[float(simplex(k, list(map(mpf, row)))["logp"]) for k in range(len(row))] for row in z]
            return [np.ascontiguousarray(costs.ravel()), np.ravel(logs)]
        if loss.lift.name == "divergence":
            logs = [[float(simplex(k, list(map(mpf, row)))["logp"]) for k in range(len(row))] for row in z]
            return [np.ascontiguousarray(y.ravel()), np.ravel(logs)]
        if loss.lift.name in ("simplex", "adjusted"):
            rows = [simplex(k, list(map(mpf, row))) for k, row in zip(y, z, strict=True)]
            return [np.array([float(row[n]) for row in rows]) for n in loss.program.inputs]
        found = [margins(loss.lift.name, k, list(map(mpf, row))) for k, row in zip(y, z, strict=True)]
        return [np.array([float(m) for row in found for m in row])]


def inputs(loss: Loss, y: np.ndarray, z: np.ndarray) -> list[np.ndarray]:
    """What the Program takes, a column each."""
    if loss.lift.multiclass:
        return coupled_inputs(loss, y, z)
    if loss.lift.name == "all_threshold":
        return [np.ascontiguousarray(z[:, 0] - z[:, 1])]
    if loss.lift.name != "ordinal":
        return [*loss.lift.read(y), *np.ascontiguousarray(z.T)]
    rows = [core(loss, k, list(row))[0] for k, row in zip(y, z, strict=True)]
    return [np.array([float(row[n]) for row in rows]) for n in loss.program.inputs]


def defined(program: Program, values: dict[str, float]) -> dict[str, Any]:
    """The living definition at 400 bits; a zero, of which there are many here, needs no proof."""
    with mpmath.workprec(400):
        return program._run_once({n: mpf(float(v)) for n, v in values.items()})


def computes(loss: Loss) -> None:
    """Every backend agrees with the living definition, to some ulp of the largest entry."""
    y, z = draw(loss, 25, 1)
    given, program = inputs(loss, y, z), loss.program
    free = {n: v for n, v in loss.params.items() if not loss.declared[n].static}
    cells = [dict(zip(program.inputs, row, strict=True)) for row in zip(*given, strict=True)]
    rows = [defined(program, {**row, **free}) for row in cells]
    for backend in ("numpy", "llvm"):
        for name, got in zip(program.wants, load(program, np.float64, backend)(given, loss.state.params), strict=True):
            want = np.array([float(row[name]) for row in rows])
            finite = np.isfinite(want)
            close(got, want, 1e-11, 3e-15 * np.abs(want[finite]).max(initial=1.0))


EXTREMES = np.array([-1e150, -1e20, -1e5, -690.0, -40.0, -1.0, -1e-8, 0.0, 1e-20, 0.7, 30.0, 300.0, 690.0, 1e8, 1e100])
LOGS = np.array([-300.0, -40.0, -5.0, 0.0, 1e-9, 4.0, 40.0, 300.0])


def extremes(loss: Loss) -> tuple[np.ndarray, np.ndarray]:
    """Every combination of extreme outputs (logarithms and logits within ±300), for a few truths."""
    named = loss.lift.outputs or ("score", "t0", "t1")
    scaled = loss.target.name in ("halfline", "positive_line")
    axes = [LOGS if o.startswith("log") or (scaled and o != "mu") else EXTREMES for o in named]
    z = np.stack([a.ravel() for a in np.meshgrid(*axes, indexing="ij")], axis=1)
    z = z[:: max(1, len(z) // 400)]
    if loss.target.name == "classes" and not loss.lift.multiclass:
        z = z[z[:, 2] > z[:, 1]]
    truths = {
        "real": [0.3], "halfline": [0.0, 1.0, 7.0], "positive_line": [0.02, 1.0, 7.0],
        "binary": [0.0, 1.0], "classes": [0.0, 1.0, 2.0],
        "bounds": [(0.3, 0.3), (-np.inf, 0.3), (0.3, np.inf), (0.3, 0.7), (-1e5, 1e5)],
    }[loss.target.name]  # fmt: skip
    if loss.lift.name in SHARED:
        truths = [(1.0, 0.0, 0.0), (0.2, 0.3, 0.5), (0.0, 0.4, 0.6)]
    return np.repeat(np.array(truths), len(z), axis=0), np.tile(z, (len(truths), 1))


CANCELS = {"GammaNLL"}
"""Their values lose all digits for shapes beyond 10¹⁶ (`exceptions.SEVERAL` says why); they must be finite there."""


def survives(loss: Loss) -> None:
    """At extremes: no NaN and no spurious infinity in the value, gradient and block where the true number is finite."""
    y, z = extremes(loss)
    got = loss.evaluate(y, z, ("value", "gradient"))
    rng = np.random.default_rng(5)
    for i in rng.permutation(len(y))[:250]:
        with mpmath.workdps(400):
            truth = value(loss, y[i], [mpf(float(v)) for v in z[i]])
        if abs(truth) < 1e300:
            assert np.isfinite(got.value[i])
            if not (loss.name in CANCELS and z[i, 1] > 36.0):
                close(got.value[i], float(truth), 1e-9, 1e-12)
            assert not np.isnan(got.gradient[i]).any(), (y[i], z[i], got.gradient[i])
    z[:, -1] = np.nan
    lost = loss.evaluate(y, z, WANT)
    assert all(np.isnan(getattr(lost, name)).all() for name in ("value", "gradient")), "NaN in, a number out"


def single(loss: Loss) -> None:
    """float32 gives what float64 gives, to float32's digits, in float32."""
    y, z = draw(loss, 200)
    y, z = y.astype(np.float32), z.astype(np.float32)
    few, many = loss.evaluate(y, z, WANT), loss.evaluate(y.astype(float), z.astype(float), WANT)
    for name in ("value", "gradient"):
        a, b = getattr(few, name), getattr(many, name)
        assert a.dtype == np.float32
        near = np.abs(b) < 30
        close(a[near], b[near], 2e-3, 2e-3)


def vectorises(loss: Loss) -> None:
    """Order, strides and size change no bit, and the caller's arrays stay as they were."""
    y, z = draw(loss, 1537)
    kept = y.copy(), z.copy()
    order = np.random.default_rng(1).permutation(len(y))
    whole, shuffled = loss.evaluate(y, z, WANT), loss.evaluate(y[order], z[order], WANT)
    strided = loss.evaluate(np.repeat(y, 3, axis=0)[::3], np.asfortranarray(z), WANT)
    for name in WANT:
        assert np.array_equal(getattr(whole, name)[order], getattr(shuffled, name), equal_nan=True)
        assert np.array_equal(getattr(whole, name), getattr(strided, name), equal_nan=True)
    assert np.array_equal(y, kept[0]) and np.array_equal(z, kept[1])


def refuses(loss: Loss) -> None:
    """Shapes that do not belong together are both named; a truth outside the domain names its row."""
    y, z = draw(loss, 100)
    wrong = z[:-1] if loss.lift.multiclass else z[:, 0]
    try:
        loss(y, wrong)
    except ShapeError as error:
        assert str(y.shape) in str(error) and str(wrong.shape) in str(error)
    else:
        raise AssertionError("z (n,) passed as several outputs")
    y[17] = np.nan
    try:
        loss(y, z)
    except LossmithError as error:
        assert "17" in str(error), error
    else:
        raise AssertionError("NaN passed as a truth")


def weighs(loss: Loss) -> None:
    """A weight of k is k copies of the row; blocks add to the whole; the mean is Σwℓ/Σw."""
    y, z = draw(loss, 120)
    w = np.random.default_rng(2).integers(0, 4, len(y))
    copies = loss.value(np.repeat(y, w, axis=0), np.repeat(z, w, axis=0)).sum() / w.sum()
    close(loss(y, z, weight=w), copies, 1e-12, 1e-12)
    a, b = loss.total(y[:50], z[:50], w[:50]), loss.total(y[50:], z[50:], w[50:])
    close((a + b).mean().value, copies, 1e-12, 1e-12)
    close(loss(y, z, reduction="count"), loss.value(y, z).mean(), 1e-12, 1e-12)


def starts(loss: Loss) -> None:
    """No constant near or far does better than `start`, for plain and weighted samples."""
    y, z = draw(loss, 101)
    slack = 1e-6 if any(e.word in ("max", "abs") for e in loss.tree.walk()) else 1e-10
    w = np.random.default_rng(3).uniform(0.1, 2, len(y))
    for weight in (None, w):
        best = loss.start(y, weight)
        here = loss(y, np.tile(best, (len(y), 1)), weight=weight)
        sizes = 10.0 ** np.repeat(np.arange(0, -5, -1), 40)[:, None]
        steps = sizes * np.random.default_rng(4).normal(size=(200, len(best)))
        others = np.concatenate([best + steps, z[:40]])
        each = loss.value(np.concatenate([y] * len(others)), np.repeat(others, len(y), axis=0)).reshape(-1, len(y))
        rivals = np.average(each, axis=1, weights=weight)
        worse = here <= rivals + slack * np.maximum(1, np.abs(rivals))
        assert worse.all(), f"{others[~worse][0]} gives {rivals[~worse][0]}, start {best} gives {here}"


def returns(loss: Loss) -> None:
    """repr and pickle give the same loss back; equal losses hash alike; it is frozen."""
    names = {**every(), "loss": lossmith.loss}
    for other in (eval(repr(loss), {"__builtins__": {}}, names), pickle.loads(pickle.dumps(loss)), copy.copy(loss)):
        assert other == loss and hash(other) == hash(loss) and repr(other) == repr(loss)
    try:
        loss.anything = 1
    except AttributeError:
        return
    raise AssertionError("a loss took an attribute")


LAWS: dict[str, Callable[[Loss], None]] = {
    law.__name__: law for law in (derives, computes, survives, single, vectorises, refuses, weighs, starts, returns)
}
