"""Compiled passes for several outputs: every shape and option beside NumPy, threads, guarded memory, and mutants."""

from __future__ import annotations

import itertools
import re
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from test_passes import Guarded, frame

import lossmith
from lossmith.backends import llvm, load, passes, passes_several
from lossmith.backends.llvm import compile_text, link
from lossmith.backends.llvm_print import Target
from lossmith.backends.passes_several import print_outputs
from lossmith.errors import ShapeError
from lossmith.fit import Penalty, design, fit
from lossmith.fit.objective import Objective
from lossmith.fit.solvers import lbfgs
from lossmith.fit.walk import SLOTS
from lossmith.rows.memory import Rows

Array = NDArray[Any]
LOSSES = ("CrossEntropy", "GeneralizedCrossEntropy", "LabelSmoothing")
"""One whose slopes are plain, one whose second derivative counts, and one that sees the mean of all log p."""
OPTIONS = ((np.float64, np.float32), (False, True), (False, True), (False, True))
LOGISTIC = lossmith.Logistic()


def table(n: int, p: int, K: int, dtype: Any, weight: bool, offset: bool, y: bool = False) -> passes_several.Outputs:
    """Random rows."""
    rng = np.random.default_rng([n, p, K])
    X, truth = rng.normal(size=(n, p)).astype(dtype), passes_several.numbered(rng.integers(0, K, n), K)
    assert truth is not None
    more = rng.random(n) if weight else None, rng.normal(size=n) if offset else None
    return passes_several.Outputs(X, K, truth, (rng.random(n) < 0.5) * 1.0 if y else None, *more)


def scores(t: passes_several.Outputs, coef: Array, last: Array) -> tuple[Array, Array, Array]:
    """z, the weights and the classes."""
    n = len(t.X)
    assert t.truth is not None
    z = t.X.astype(np.float64) @ coef + last + (0.0 if t.offset is None else t.offset[:, None])
    return z, np.ones(n) if t.weight is None else t.weight, t.truth[:n]


def expected(t: passes_several.Outputs, loss: Any, coef: Array, last: Array, f: passes.Frame) -> list[Array]:
    """Value, slopes, gradient and Hessian by NumPy."""
    (z, w, truth), X = scores(t, coef, last), t.X.astype(np.float64)
    found = loss.lift.evaluate(loss.state, truth.astype(float), z, ("value", "gradient", "block"))
    r = w[:, None] * found["gradient"]
    U = np.column_stack([(X - f.centre) * f.factor, *[np.ones(len(X))] * f.intercept])
    size = U.shape[1] * z.shape[1]
    H = np.empty((U.shape[1], z.shape[1], U.shape[1], z.shape[1]))
    for a, b in np.ndindex(z.shape[1], z.shape[1]):
        H[:, a, :, b] = (U.T * (w * found["block"][:, a, b])) @ U
    return [(w * found["value"]).sum(), r.sum(axis=0), X.T @ r, H.reshape(size, size)]


def kernel(loss: Any, bent: bool) -> Any:
    slot = loss.state.derived.slot
    names = [name for name in SLOTS[: 3 + bent] if name in dict(slot.outputs)]
    return load(slot.only(*names), np.float64, "llvm")


def near(got: Any, want: Any) -> bool:
    """Equal but for rounding, beside the largest number?"""
    return bool(np.abs(got - want).max() <= 1e-11 * max(1.0, float(np.abs(want).max())))


def point(p: int, K: int) -> tuple[Array, Array]:
    rng = np.random.default_rng([p, K])
    return rng.normal(size=(p, K)) / np.sqrt(p), rng.normal(size=K)


def agrees(shapes: Any, names: Any = LOSSES) -> bool:
    """Do both passes agree with NumPy on all these shapes and options?"""
    for (n, p, K, dtype, weight, offset, intercept), name in itertools.product(shapes, names):
        t, loss, f, at = table(n, p, K, dtype, weight, offset), lossmith.loss(name), frame(p, intercept), point(p, K)
        plain = t.classes(kernel(loss, False), loss.state.params, *at)
        bent = t.classes(kernel(loss, True), loss.state.params, *at, f)
        want = expected(t, loss, *at, f)
        assert plain.hessian is None
        if not all(near(*pair) for pair in (*zip(plain[:3], want[:3], strict=True), *zip(bent, want, strict=True))):
            return False
    return True


def apart_agrees(shapes: Any) -> bool:
    """Do fits side by side agree with NumPy, each without the rows of its fold?"""
    k = load(LOGISTIC.program.only("value", "gradient"), np.float64, "llvm")
    for n, p, K, dtype, weight, offset in shapes:
        t, at = table(n, p, K, dtype, weight, offset, True), point(p, K)
        got, (z, w, fold) = t.apart(k, (), *at), scores(t, *at)
        assert t.y is not None
        y = np.repeat(t.y[:, None], K, axis=1)
        value, r = load(LOGISTIC.program.only("value", "gradient"), backend="numpy")((y, z), ())
        counted = w[:, None] * (fold[:, None] != np.arange(K))
        want = (counted * value).sum(axis=0), (counted * r).sum(axis=0), t.X.astype(np.float64).T @ (counted * r)
        if not all(near(*pair) for pair in zip(got[:3], want, strict=True)):
            return False
    return True


@pytest.mark.parametrize("order", ["C", "F"])
def test_every_fit_has_parameters_of_its_own(order: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen to fail with the first fit's parameters for all, and with folds that are looked for where there are none."""
    monkeypatch.setattr(passes_several, "PIECE", 1 << 13)
    quantiles = [lossmith.Quantile(tau=tau) for tau in (0.1, 0.5, 0.8)]
    k = load(quantiles[0].program.only("value", "gradient"), np.float64, "llvm")
    for n, p in ((9, 5), (3000, 13)):
        t, at = replace(table(n, p, 3, np.float64, True, True, True), truth=None), point(p, 3)
        t = replace(t, X=np.asarray(t.X, order=order))
        got = t.apart(k, [q.state.params for q in quantiles], *at)
        for i, q in enumerate(quantiles):
            alone = replace(t, outputs=1).apart(k, q.state.params, at[0][:, i : i + 1], at[1][i : i + 1])
            for a, b in zip(got[:3], alone[:3], strict=True):
                np.testing.assert_allclose(a[..., i], b[..., 0], rtol=1e-12, atol=1e-10)


def test_every_shape_and_option_agrees_with_numpy() -> None:
    shapes = list(itertools.product((1, 7, 9, 65), (1, 8, 13, 33), (2, 3, 5, 10), *OPTIONS))
    assert agrees(shapes[::11]) and apart_agrees(s[:-1] for s in shapes[::7])


@pytest.mark.parametrize(("n", "p", "K"), [(3000, 13, 4), (1500, 20, 11), (700, 130, 3), (60, 2100, 2)])
def test_larger_tables_of_many_blocks_agree(n: int, p: int, K: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes_several, "PIECE", 1 << 14)
    if p * K < 1000:
        assert agrees([(n, p, K, np.float64, True, True, True)], LOSSES[1:])
    assert apart_agrees([(n, p, K, np.float64, True, True)])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_columns_side_by_side_give_the_same_bits(dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk at a time is copied into rows; weights, offsets and classes that are not moved along with it show."""
    monkeypatch.setattr(passes_several, "PIECE", 1 << 13)
    loss, k = lossmith.loss("CrossEntropy"), load(LOGISTIC.program.only("value", "gradient"), np.float64, "llvm")
    for n, p in ((3, 5), (5000, 13)):
        t, at, f = table(n, p, 4, dtype, True, True, True), point(p, 4), frame(p, True)
        turned, plain = replace(t, X=np.asfortranarray(t.X)), replace(t, y=None)
        for a, b in zip(t.apart(k, (), *at)[:3], turned.apart(k, (), *at)[:3], strict=True):
            np.testing.assert_array_equal(a, b)
        found = [o.classes(kernel(loss, True), (), *at, f) for o in (plain, replace(turned, y=None))]
        for a, b in zip(*found, strict=True):
            np.testing.assert_array_equal(a, b)


def test_threads_do_not_change_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes_several, "PIECE", 1 << 13)
    loss, results = lossmith.loss("CrossEntropy"), []
    t, at, f = table(5000, 21, 5, np.float32, True, False), point(21, 5), frame(21, True)
    for count in (1, 2, 5):
        monkeypatch.setenv("LOSSMITH_THREADS", str(count))
        plain, bent = (t.classes(kernel(loss, b), (), *at, f if b else None) for b in (False, True))
        results += [(*plain[:3], *bent)]
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.skipif(sys.platform != "linux", reason="needs mprotect")
def test_nothing_beyond_the_end_is_touched() -> None:
    guarded, k = Guarded(), load(LOGISTIC.program.only("value", "gradient"), np.float64, "llvm")
    loss = lossmith.loss("LabelSmoothing")
    for n, p, dtype in itertools.product((1, 7, 8, 33), (1, 5, 8, 19), (np.float64, np.float32)):
        t, at, f = table(n, p, 3, dtype, True, True, True), point(p, 3), frame(p, True)
        assert t.weight is not None and t.offset is not None and t.y is not None
        X, truth, y, weight, offset = (guarded(a) for a in (t.X, t.truth, t.y, t.weight, t.offset))
        held = passes_several.Outputs(X, 3, truth, None, weight, offset)
        got = held.classes(kernel(loss, True), loss.state.params, *at, f)
        assert all(near(*pair) for pair in zip(got, expected(t, loss, *at, f), strict=True))
        assert np.isfinite(replace(held, y=y).apart(k, (), *at).pull).all()
    guarded.release()


def planted(text: str) -> passes_several.Compiled:
    """Compiled passes with a fault, or for other vectors."""
    engine, (first, second, third) = link(compile_text(text), ("classes", "apart", "curves"))
    entries = passes_several.SUMS(first), passes_several.SUMS(second)
    return passes_several.Compiled(entries, passes_several.BENDS(third), engine)


FAULTS = {
    "a mask of one lane too many": ("icmp slt %bits <i64 0,", "icmp sle %bits <i64 0,"),
    "the last rows counted twice": ("sub i64 %rows, 1", "sub i64 %rows, 2"),
    "weights left out": ("select i1 %given", "select i1 false, ptr null, ptr null ;"),
    "the odd outputs left out of the scores": ("urem i64 %outputs, 3", "add i64 %outputs, 0"),
    "the odd outputs left out of the gradient": ("and i64 %outputs, 1", "and i64 %outputs, 0"),
    "a class's curvature as if beside another": ("double -1.0, double 1.0", "double 1.0, double 1.0"),
    "the mean's slope with the wrong sign": ("fsub double %share", "fadd double %share"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_noticed(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = print_outputs(Target("double", llvm.target_of(np.float64).width))
    right, wrong = FAULTS[fault]
    assert right in text
    faulty = planted(text.replace(right, wrong))
    monkeypatch.setattr(passes_several, "passes", lambda dtype: faulty)
    assert not agrees(itertools.product((9, 65), (9, 31), (2, 5), [np.float64], *OPTIONS[1:]))


def test_a_fold_that_is_not_left_out_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    text = print_outputs(Target("double", llvm.target_of(np.float64).width))
    broken = re.sub(r"icmp eq (%bits %every\S+ %fold)", r"icmp ne \1", text)
    assert broken != text
    faulty = planted(broken)
    monkeypatch.setattr(passes_several, "passes", lambda dtype: faulty)
    assert not apart_agrees(itertools.product((9, 65), (9,), (3,), [np.float64], *OPTIONS[1:3]))


@pytest.mark.parametrize("width", [2, 4])
def test_narrower_vectors_give_the_same_sums(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    kernels = {(name, bent): kernel(lossmith.loss(name), bent) for name in LOSSES for bent in (False, True)}
    monkeypatch.setattr(sys.modules[__name__], "kernel", lambda loss, bent: kernels[type(loss).__name__, bent])
    for element, dtype in (("double", np.float64), ("float", np.float32)):
        narrow = planted(print_outputs(Target(element, width)))
        monkeypatch.setattr(passes_several, "passes", lambda dtype, narrow=narrow: narrow)
        monkeypatch.setattr(llvm, "lanes", lambda features: width)
        assert agrees(itertools.product((1, 9, 66), (1, 5, 14), (2, 5), [dtype], [True], [True], [True]))


@pytest.mark.parametrize("loss", LOSSES)
def test_an_objective_is_the_same_by_numpy_and_by_compiled_passes(loss: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(7)
    X = rng.normal(size=(900, 12)) * 10.0 ** rng.uniform(-3, 3, 12) + 5.0
    rows = Rows.of(X, rng.integers(0, 4, 900), weight=rng.random(900), offset=rng.normal(size=900))
    made = [Objective.of(rows, lossmith.loss(loss), Penalty("l2", 0.1), outputs=4)]
    monkeypatch.setattr(design, "LARGE", 0)
    made.append(Objective.of(rows, lossmith.loss(loss), Penalty("l2", 0.1), outputs=4))
    assert made[0].classes is None and made[1].classes is not None
    w, want = rng.normal(size=52) * 0.3, ("value", "gradient", "hessian")
    some = np.arange(100, 300)
    pairs = [made, [o.only(some) for o in made]]
    for plain, compiled in ((a.at(w, want), b.at(w, want)) for a, b in pairs):
        assert compiled.value == pytest.approx(plain.value, rel=1e-12)
        np.testing.assert_allclose(compiled.gradient, plain.gradient, rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(compiled.hessian, plain.hessian, rtol=1e-9, atol=1e-11)
    columns = np.array([1, 5])
    narrow = [o.narrow(columns).at(w[o.coordinates(columns)]) for o in made]
    np.testing.assert_allclose(narrow[1].gradient, narrow[0].gradient, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("weight", [False, True])
def test_a_row_for_each_class_tells_the_natural_slope(weight: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    y = rng.choice(3, p=[0.7, 0.25, 0.05], size=2000)
    rows = Rows.of(rng.normal(size=(2000, 3)), y, weight=rng.random(2000) if weight else None)
    slopes = []
    for large in (1 << 60, 0):
        monkeypatch.setattr(design, "LARGE", large)
        slopes.append(Objective.of(rows, lossmith.loss("CrossEntropy"), Penalty("l2", 0.1), outputs=4).slope)
    assert slopes[0] == pytest.approx(slopes[1], rel=1e-12) and slopes[0] < 0.7


def test_fits_end_at_the_same_coefficients_and_other_classes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(8)
    X = rng.normal(size=(4000, 6))
    y = (X @ rng.normal(size=(6, 3)) + rng.gumbel(size=(4000, 3))).argmax(axis=1)
    found = []
    for large in (1 << 60, 0):
        monkeypatch.setattr(design, "LARGE", large)
        for solver, order in (("auto", "C"), ("lbfgs", "C"), ("lbfgs", "F")):
            rows = Rows.of(np.array(X, order=order), y)
            found.append(fit(rows, lossmith.loss("CrossEntropy"), Penalty("l2", 1e-3), solver=solver, outputs=3))
    for s in found:
        assert s.converged
        np.testing.assert_allclose(s.coef, found[0].coef, atol=1e-7)
    with pytest.raises(ShapeError, match="class 2"):
        fit(Rows.of(X, y), lossmith.loss("CrossEntropy"), Penalty("l2", 1e-3), outputs=2)
    for odd in (np.array([0.0, 0.5]), np.array([0.0, -1.0]), np.array([0.0, 3.0]), np.array([0.0, np.nan])):
        assert passes_several.numbered(odd, 3) is None


def test_a_walk_over_a_part_of_the_rows_saves_walks_over_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several outputs with many coordinates: the curvature is measured where a part of the rows has its optimum."""
    monkeypatch.setattr(design, "LARGE", 0)
    rng = np.random.default_rng(9)
    X = rng.normal(size=(12_000, 60))
    y = (0.3 * X @ rng.normal(size=(60, 6)) + rng.gumbel(size=(12_000, 6))).argmax(axis=1)
    order, found = np.argsort(y, kind="stable"), []
    for some, steps in ((slice(None), lbfgs.COARSE), (order, lbfgs.COARSE), (slice(None), 0)):
        monkeypatch.setattr(lbfgs, "COARSE", steps)
        rows = Rows.of(X[some], y[some])
        found.append(fit(rows, lossmith.loss("CrossEntropy"), Penalty("l2", 1e-3), solver="lbfgs", outputs=6))
    assert all(s.converged for s in found)
    assert found[0].steps + 3 <= found[2].steps and found[1].steps + 3 <= found[2].steps
    for s in found:
        np.testing.assert_allclose(s.coef, found[2].coef, atol=1e-6)


def test_a_part_of_the_rows_that_misleads_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """The part says the opposite of the whole: the fit begins at w0 after all."""
    monkeypatch.setattr(design, "LARGE", 0)
    rng = np.random.default_rng(9)
    X, K = rng.normal(size=(3000, 24)), 5
    y = (2.0 * X @ rng.normal(size=(24, K)) + rng.gumbel(size=(3000, K))).argmax(axis=1)
    rows, loss = Rows.of(X, y), lossmith.loss("CrossEntropy")
    objective = Objective.of(rows, loss, Penalty("l2", 1e-3), outputs=K)
    other = Objective.of(Rows.of(-X, y), loss, Penalty("l2", 1e-3), outputs=K)
    monkeypatch.setattr(Objective, "sample", lambda self, count, seed=0: other)
    w0 = objective.origin()
    state = lbfgs.Lbfgs().start(objective, w0)
    assert lbfgs.sample_sizes(objective)[0] == 0
    np.testing.assert_array_equal(state.w, w0)
