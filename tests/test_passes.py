"""Compiled passes over X: every layout, size and option beside NumPy, threads, guarded memory, and mutants."""

from __future__ import annotations

import ctypes
import itertools
import mmap
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

import lossmith
from lossmith.backends import load, passes, passes_columns, passes_sparse, passes_wide
from lossmith.backends.llvm import compile_text, lanes, link
from lossmith.backends.llvm_print import Target
from lossmith.backends.passes_columns import print_moments
from lossmith.backends.passes_csr import print_csr
from lossmith.backends.passes_dense import print_module
from lossmith.fit import Penalty, design, fit
from lossmith.fit.concomitant import Concomitant
from lossmith.fit.objective import Objective
from lossmith.fit.sampled import Sampled, sampled
from lossmith.rows.memory import Rows

Array = NDArray[Any]
LOGISTIC = lossmith.Logistic()
ALL = ("value", "gradient", "hessian")
SIZES = (1, 2, 3, 7, 8, 9, 15, 16, 17, 63, 64, 65, 100, 129, 200)
WIDTHS = (1, 2, 7, 8, 9, 15, 16, 17, 24, 31, 33, 64, 65, 70)


def table(n: int, p: int, order: Any, dtype: Any, weight: bool, offset: bool, edge: bool = False) -> passes.Table:
    """Random rows."""
    rng = np.random.default_rng([n, p])
    X = np.array(rng.normal(size=(n, p)), dtype=dtype, order=order)
    y = (rng.random(n) < 0.5).astype(np.float64)
    return passes.Table(X, y, rng.random(n) if weight else None, rng.normal(size=n) if offset else None, edge)


def frame(p: int, intercept: bool) -> passes.Frame:
    """Random centres and factors."""
    rng = np.random.default_rng(p)
    return passes.Frame(rng.normal(size=p), rng.uniform(0.5, 2.0, p), intercept)


def expected(t: passes.Table, coef: Array, last: float, f: passes.Frame, rows: Any = slice(None)) -> passes.Swept:
    """The same sums by NumPy."""
    X, y = t.X.astype(np.float64)[rows], t.y[rows]
    z = X @ coef + last + (0.0 if t.offset is None else t.offset[rows])
    w = np.ones(len(y)) if t.weight is None else t.weight[rows]
    value, r, h = (w * a for a in load(LOGISTIC.program.only(*ALL), backend="numpy")((y, z), ()))
    more = [np.ones(len(y))] * f.intercept + [y - z] * t.edge
    u = np.column_stack([(X - f.centre) * f.factor, *more])
    return passes.Swept(value.sum(), r.sum(), X.T @ r, h.sum(), float((y - z) @ r), (u.T * h) @ u)


def swept(t: passes.Table, coef: Array, last: float, f: passes.Frame | None, kernel: Any = None) -> passes.Swept:
    """The compiled pass."""
    want = ALL if f else ALL[:2]
    return passes.sweep(t, kernel or load(LOGISTIC.program.only(*want), backend="llvm"), (), coef, last, f)


def same(got: passes.Swept, want: passes.Swept, edge: bool) -> bool:
    """Equal but for rounding?"""
    pairs = list(zip(got[:3], want[:3], strict=True)) + ([(got.edge, want.edge)] if edge else [])
    pairs += [(got.bend, want.bend)] if got.hessian is not None else []
    pairs += [(got.hessian, want.hessian)] if got.hessian is not None else []
    return all(np.allclose(a, b, rtol=1e-11, atol=1e-11) for a, b in pairs)


def agrees(shapes: Any) -> bool:
    """Do both passes agree with NumPy on all these shapes and options?"""
    for n, p, order, dtype, weight, offset, intercept in shapes:
        edge = weight != offset
        t, f = table(n, p, order, dtype, weight, offset, edge), frame(p, intercept)
        coef, last = np.random.default_rng(n).normal(size=p) / np.sqrt(p), 0.3
        want = expected(t, coef, last, f)
        if not (same(swept(t, coef, last, None), want, False) and same(swept(t, coef, last, f), want, edge)):
            return False
    return True


def some(shapes: Iterator[Any], every: int) -> list[Any]:
    """One in so many, beginning with the first."""
    return list(itertools.islice(shapes, 0, None, every))


OPTIONS = ("CF", (np.float64, np.float32), (False, True), (False, True), (False, True))


def test_every_shape_and_option_agrees_with_numpy() -> None:
    assert agrees(some(itertools.product(SIZES, WIDTHS, *OPTIONS), 3))


@pytest.mark.parametrize(("n", "p"), [(3000, 3), (2500, 40), (700, 300), (40, 1200)])
def test_larger_tables_of_many_blocks_agree(n: int, p: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes, "PIECE", 1 << 14)
    assert agrees((n, p, order, np.float64, True, True, True) for order in "CF")


def test_rows_and_columns_of_a_larger_array_are_walked_where_they_lie() -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(size=(300, 50))
    for X in (base[10:250, 3:20], base.T[5:40, :200], base[:, :9], base[::3, 7:30], base.T[:, ::2]):
        assert passes.covers(X)
        n, p = X.shape
        t, coef, f = passes.Table(X, np.ones(n)), rng.normal(size=p), frame(p, True)
        assert same(swept(t, coef, 0.1, f), expected(t, coef, 0.1, f), False)
    for bad in (base[:, ::2], base[::-1], base.astype(np.int64), base.astype(">f8"), base[:0], base[0], [[1.0]]):
        assert not passes.covers(bad if np.ndim(bad) == 2 else np.asarray(bad).reshape(1, -1)[:, ::-1])


@pytest.mark.parametrize("order", ["C", "F"])
def test_runs_of_rows_are_summed_alone(order: str) -> None:
    t = table(1000, 13, order, np.float64, True, True, True)
    starts = np.array([0, 64, 300, 936])
    rows = (starts[:, None] + np.arange(64)).ravel()
    coef, f = np.linspace(-1, 1, 13), frame(13, True)
    got = swept(replace(t, starts=starts), coef, 0.2, f)
    assert same(got, expected(t, coef, 0.2, f, rows), True)


@pytest.mark.parametrize("order", ["C", "F"])
def test_threads_do_not_change_a_bit(order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes, "PIECE", 1 << 13)
    t, f, coef = table(5000, 21, order, np.float32, True, False), frame(21, True), np.ones(21)
    results = []
    for count in (1, 2, 5):
        monkeypatch.setenv("LOSSMITH_THREADS", str(count))
        results += [(*swept(t, coef, 0.0, f)[:3], swept(t, coef, 0.0, f).hessian, swept(t, coef, 0.0, None).pull)]
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


class Guarded:
    """Arrays that end where memory ends: any touch beyond kills the process."""

    def __init__(self) -> None:
        self.libc, self.kept = ctypes.CDLL(None, use_errno=True), []

    def __call__(self, values: Array) -> Array:
        """A copy before a guard page, in the same order."""
        size, page = values.nbytes, mmap.PAGESIZE
        pages = -(-max(size, 1) // page)
        memory = mmap.mmap(-1, (pages + 1) * page)
        raw = np.frombuffer(memory, dtype=np.uint8)
        guard = ctypes.c_void_p(raw.ctypes.data + pages * page)
        assert self.libc.mprotect(guard, ctypes.c_size_t(page), 0) == 0
        self.kept.append((memory, guard, page))
        order: Any = "C" if values.flags.c_contiguous else "F"
        flat = raw[pages * page - size : pages * page].view(values.dtype)
        copy = flat.reshape(values.shape, order=order)
        copy[...] = values
        return copy

    def release(self) -> None:
        """Open the guards."""
        for _, guard, page in self.kept:
            self.libc.mprotect(guard, ctypes.c_size_t(page), 3)


@pytest.mark.skipif(sys.platform != "linux", reason="needs mprotect")
def test_nothing_beyond_the_end_is_touched() -> None:
    guarded = Guarded()
    for n, p, order, dtype in itertools.product((1, 7, 8, 33, 65), (1, 5, 8, 19), "CF", (np.float64, np.float32)):
        t = table(n, p, order, dtype, True, True, True)
        assert t.weight is not None and t.offset is not None
        held = passes.Table(*(guarded(a) for a in (t.X, t.y, t.weight, t.offset)), True)
        coef, f = np.ones(p), frame(p, True)
        assert same(swept(held, coef, 0.1, f), expected(t, coef, 0.1, f), True)
    guarded.release()


def planted(text: str, right: str, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled passes with a fault."""
    assert right in text
    engine, (first, second) = link(compile_text(text.replace(right, wrong)), ("sweep", "curve"))
    faulty = passes.Compiled(passes.SWEEP(first), passes.CURVE(second), engine)
    monkeypatch.setattr(passes, "passes", lambda dtype: faulty)


FAULTS = {
    "a mask of one lane too many": ("icmp slt %bits <i64 0,", "icmp sle %bits <i64 0,"),
    "lines past the end counted twice": ("sub i64 %lines, 1", "sub i64 %lines, 2"),
    "weights left out": ("select i1 %given", "select i1 false, ptr null, ptr null ;"),
    "the diagonal tiles left out": ("call void @tile2", "; call void @tile2"),
    "narrow strips left out": ("urem i64 %strips, 3", "add i64 %strips, 0"),
    "no offset": ("call %reals @llvm.masked.load", "fneg %reals zeroinitializer ;"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_noticed(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = print_module(Target("double", lanes(passes.llvm.host()[1])))
    planted(text, *FAULTS[fault], monkeypatch)
    assert not agrees(itertools.product((9, 65), (9, 31), "CF", [np.float64], *OPTIONS[2:]))


@pytest.mark.parametrize("width", [2, 4])
def test_narrower_vectors_give_the_same_sums(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for element in ("double", "float"):
        engine, (first, second) = link(compile_text(print_module(Target(element, width))), ("sweep", "curve"))
        narrow = passes.Compiled(passes.SWEEP(first), passes.CURVE(second), engine)
        monkeypatch.setattr(passes, "passes", lambda dtype, narrow=narrow: narrow)
        monkeypatch.setattr(passes.llvm, "lanes", lambda features: width)
        dtype = np.float64 if element == "double" else np.float32
        kernels = {want: load(LOGISTIC.program.only(*want), backend="llvm") for want in (ALL, ALL[:2])}
        for n, p, order in itertools.product((1, 9, 66), (1, 5, 14, 23), "CF"):
            t, f, coef = table(n, p, order, dtype, True, True, True), frame(p, True), np.ones(p)
            want = expected(t, coef, 0.1, f)
            assert same(swept(t, coef, 0.1, f, kernels[ALL]), want, True)
            assert same(swept(t, coef, 0.1, None, kernels[ALL[:2]]), want, False)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("loss", ["Logistic", "Poisson", "Huber", "Tukey"])
def test_an_objective_is_the_same_by_numpy_and_by_compiled_passes(
    loss: str, order: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(7)
    X = np.array(rng.normal(size=(500, 12)) * 10.0 ** rng.uniform(-3, 3, 12) + 5.0, order=order)
    rows = Rows.of(X, rng.integers(0, 2, 500), weight=rng.random(500), offset=rng.normal(size=500))
    made = [Objective.of(rows, lossmith.loss(loss), Penalty("l2", 0.1))]
    monkeypatch.setattr(design, "LARGE", 0)
    made.append(Objective.of(rows, lossmith.loss(loss), Penalty("l2", 0.1)))
    assert made[0].table is None and made[1].table is not None
    w = rng.normal(size=13) * 0.3
    plain, compiled = (objective.at(w, ALL) for objective in made)
    assert compiled.value == pytest.approx(plain.value, rel=1e-12)
    np.testing.assert_allclose(compiled.gradient, plain.gradient, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(compiled.hessian, plain.hessian, rtol=1e-9, atol=1e-11)


def test_fits_end_at_the_same_coefficients(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(8)
    X = rng.normal(size=(4000, 6))
    y = (rng.random(4000) < 1 / (1 + np.exp(-X[:, 0]))).astype(float)
    plain = fit(Rows.of(X, y), LOGISTIC)
    monkeypatch.setattr(design, "LARGE", 0)
    for kind, solver in (("l2", "auto"), ("l2", "lbfgs")):
        compiled = fit(Rows.of(X, y), LOGISTIC, Penalty(kind, 1e-4), solver=solver)
        np.testing.assert_allclose(compiled.coef, plain.coef, rtol=1e-6)


def sparse(n: int, p: int, dtype: Any, index: Any) -> Any:
    """A random CSR matrix with empty rows and full ones."""
    rng = np.random.default_rng([n, p])
    dense = rng.normal(size=(n, p)) * (rng.random((n, p)) < rng.random((n, 1)) ** 2)
    X = csr_matrix(dense.astype(dtype))
    X.indices, X.indptr = X.indices.astype(index), X.indptr.astype(index)
    return X


def sparse_agrees(shapes: Any) -> bool:
    """Do value, gradient and diagonal agree with NumPy?"""
    kernels = [load(LOGISTIC.program.only(*want), backend="llvm") for want in (ALL[:2], ALL)]
    for n, p, dtype, index, weight, offset in shapes:
        t = table(n, p, "C", np.float64, weight, offset)
        X, coef = sparse(n, p, dtype, index), np.linspace(-1, 1, p)
        want = expected(replace(t, X=X.toarray()), coef, 0.3, passes.Frame(np.zeros(p), np.ones(p), False))
        s = passes_sparse.SparseTable(X, t.y, t.weight, t.offset)
        plain, bent = s.swept(kernels[0], (), coef, 0.3), s.squares(kernels[1], (), coef, 0.3)
        assert want.hessian is not None and bent.squares is not None
        good = [same(sums, want._replace(hessian=None), False) for sums in (plain, bent.sums)]
        if not (
            all(good)
            and np.isclose(bent.sums.bend, want.bend)
            and np.allclose(bent.squares, np.diagonal(want.hessian), rtol=1e-11, atol=1e-12)
        ):
            return False
    return True


SPARSE = ((np.float64, np.float32), (np.int32, np.int64), (False, True), (False, True))


def test_sparse_rows_agree_with_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sparse_agrees(itertools.product((1, 7, 9, 200), (1, 2, 7, 8, 13, 40), *SPARSE))
    monkeypatch.setattr(passes_sparse, "PIECE", 1 << 8)
    assert sparse_agrees(itertools.product((3000,), (9, 50), *SPARSE))
    assert passes_sparse.covers(sparse(5, 5, np.float64, np.int32))
    assert not any(passes_sparse.covers(X) for X in (sparse(5, 5, np.float64, np.int32).tocsc(), np.ones((2, 2))))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("store double 0.0, ptr %at", "store double 1.0, ptr %at"),
        ("fadd double %sum", "fsub double %sum"),
        ("%own.h, i64", "%own.r, i64"),
    ],
)
def test_planted_faults_in_sparse_passes_are_noticed(right: str, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = print_csr(Target("double", lanes(passes.llvm.host()[1])), "i32")
    assert right in text
    engine, (first, second) = link(compile_text(text.replace(right, wrong)), ("sparse", "bent"))
    faulty = passes_sparse.Compiled(passes.SWEEP(first), passes.SWEEP(second), engine)
    monkeypatch.setattr(passes_sparse, "passes", lambda dtype, index: faulty)
    shapes = itertools.product((9,), (13, 40), [np.float64], [np.int32], *SPARSE[2:])
    assert not sparse_agrees(shapes)


def test_threads_do_not_change_a_bit_of_sparse_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes_sparse, "PIECE", 1 << 8)
    X, kernel = sparse(2000, 30, np.float64, np.int32), load(LOGISTIC.program.only(*ALL[:2]), backend="llvm")
    t, pulls = passes_sparse.SparseTable(X, np.ones(2000)), []
    for count in (1, 2, 5):
        monkeypatch.setenv("LOSSMITH_THREADS", str(count))
        pulls.append(t.swept(kernel, (), np.ones(30), 0.1).pull)
    for other in pulls[1:]:
        np.testing.assert_array_equal(pulls[0], other)


def test_a_sparse_fit_is_the_same_by_compiled_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    X = sparse(800, 60, np.float64, np.int32)
    y = (np.random.default_rng(3).random(800) < 1 / (1 + np.exp(-X[:, 0].toarray().ravel()))).astype(float)
    made = [Objective.of(Rows.of(X, y), LOGISTIC, Penalty("l2", 1e-2))]
    monkeypatch.setattr(design, "LARGE", 0)
    made.append(Objective.of(Rows.of(X, y), LOGISTIC, Penalty("l2", 1e-2)))
    w = np.linspace(-1, 1, 61)
    plain, compiled = (objective.at(w) for objective in made)
    assert compiled.value == pytest.approx(plain.value, rel=1e-12)
    np.testing.assert_allclose(compiled.gradient, plain.gradient, rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(made[1].diagonal(w), made[0].diagonal(w), rtol=1e-10)
    solutions = [fit(Rows.of(X, y), LOGISTIC, Penalty("l2", 1e-2), solver="lbfgs")]
    monkeypatch.setattr(design, "LARGE", 1 << 60)
    solutions.append(fit(Rows.of(X, y), LOGISTIC, Penalty("l2", 1e-2), solver="lbfgs"))
    np.testing.assert_allclose(solutions[0].coef, solutions[1].coef, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_sample_is_read_where_it_lies(order: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(design, "LARGE", 0)
    rng = np.random.default_rng(9)
    X, y = np.array(rng.normal(size=(3000, 5)), order=order), rng.integers(0, 2, 3000)
    rows = Rows.of(X, y, weight=rng.random(3000), offset=rng.normal(size=3000))
    objective, w = Objective.of(rows, LOGISTIC, Penalty("l2", 0.1)), rng.normal(size=6)
    sample, index = objective.sample(500, 3), sampled(3000, 500, 3)
    assert isinstance(sample, Sampled) and sample.rows_count == len(index) == len(set(index.tolist())) == 448
    got, want = sample.at(w, ALL), objective.only(index).at(w, ALL)
    assert got.value == pytest.approx(want.value, rel=1e-12)
    np.testing.assert_allclose(got.gradient, want.gradient, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(got.hessian, want.hessian, rtol=1e-9, atol=1e-12)
    assert sample.size == 6 and objective.meter.passes == pytest.approx(2 * 448 / 3000)
    with pytest.raises(AttributeError, match="a sample of an objective has no predictions"):
        sample.predictions(w)


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_a_scale_fitted_jointly_sees_the_same_objective(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(10)
    X = rng.normal(size=(1500, 6)) if kind == "dense" else sparse(1500, 6, np.float64, np.int32)
    rows = Rows.of(X, rng.normal(size=1500), weight=rng.random(1500), offset=rng.normal(size=1500))
    w, made = np.append(rng.normal(size=7) * 0.1, 0.7), []
    for limit in (1 << 60, 0):
        monkeypatch.setattr(design, "LARGE", limit)
        made.append(Concomitant(Objective.of(rows, lossmith.Huber(), Penalty("l2", 0.1))))
    for want in (ALL[:2], ALL):
        plain, compiled = (objective.at(w, want) for objective in made)
        assert compiled.value == pytest.approx(plain.value, rel=1e-12)
        np.testing.assert_allclose(compiled.gradient, plain.gradient, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(compiled.hessian, plain.hessian, rtol=1e-9, atol=1e-12)
    if kind == "dense":
        some, whole = made[1].sample(500).at(w, ALL), made[0].sample(500).at(w, ALL)
        np.testing.assert_allclose(some.hessian, whole.hessian, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(some.gradient, whole.gradient, rtol=1e-9, atol=1e-12)
        assert made[1].sample(500).size == 8


def test_columns_are_measured_alike_by_numpy_and_by_the_compiled_pass() -> None:
    rng = np.random.default_rng(11)
    for n, p, order, dtype in itertools.product((1, 7, 8, 9, 65, 500), (1, 8, 9, 40), "CF", (np.float64, np.float32)):
        X, shift = np.array(rng.normal(size=(n, p)), dtype=dtype, order=order), rng.normal(size=p)
        d = X.astype(np.float64) - shift
        for got, want in zip(passes_columns.moments(X, shift), (d.sum(axis=0), (d * d).sum(axis=0)), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("order", ["C", "F"])
def test_odd_columns_are_measured_as_before(order: Any, intercept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(12)
    X = rng.normal(size=(1000, 12)) * 10.0 ** np.arange(-6, 6)
    X[:, 0] = 7.1  # constant
    X[:, 1] = 0.0
    X[:, 2] += 1e9  # hardly varies
    X[:, 3] *= 1e-300
    X[:, 4] = rng.normal(size=1000) * 1e200  # its squares overflow
    X[:, 5] = np.arange(1000.0)  # sorted
    X[::125, 6] = 1e9  # where the shift is taken, nothing is typical
    X[:, 7] = (np.arange(1000) == 17) * 1e3  # one row says it all
    X = np.array(X, order=order)
    centre, spread = design.columns(X, intercept)
    monkeypatch.setattr(design, "LARGE", 0)
    got = design.columns(X, intercept)
    np.testing.assert_allclose(got[1], spread, rtol=1e-9)
    assert (np.abs(got[0] - centre) <= 1e-9 * spread).all()


def test_moments_of_a_planted_fault_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    text = print_moments(Target("double", lanes(passes.llvm.host()[1])))
    X = np.random.default_rng(0).normal(size=(13, 11))
    beyond = ", %reals splat (double {})"
    for order, right, wrong in (
        ("C", "and i64 %rows, -8", "and i64 %rows, -1"),
        ("F", beyond.format("0.0"), beyond.format("1.0")),
    ):
        broken = text.replace(right, wrong)
        assert broken != text
        engine, (entry,) = link(compile_text(broken), ("moments",))
        faulty = passes_columns.Compiled(passes.SWEEP(entry), engine)
        monkeypatch.setattr(passes_columns, "compiled", lambda dtype, faulty=faulty: faulty)
        got = passes_columns.moments(np.array(X, order=order), np.zeros(11))
        assert not np.allclose(got[0], X.sum(axis=0))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("live", [4, 9000])
def test_wide_tables_in_columns_are_walked_column_by_column(dtype: Any, live: int) -> None:
    t = table(37, 9000, "F", dtype, True, True, True)
    assert passes_wide.covers(t.X) and not passes_wide.covers(np.ascontiguousarray(t.X))
    assert not passes_wide.covers(t.X[:, :1000])
    coef = np.random.default_rng(1).normal(size=9000) / 90.0 * (np.arange(9000) < live)
    wide = passes_wide.WideTable(t.X, t.y, t.weight, t.offset, True)
    got = wide.swept(load(LOGISTIC.program.only(*ALL[:2]), backend="llvm"), (), coef, 0.3)
    want = expected(t, coef, 0.3, frame(9000, True))
    assert same(got, want._replace(hessian=None), True)
    one, two = passes_columns.moments(t.X, np.full(9000, 0.5))
    assert np.allclose(one, (t.X.astype(np.float64) - 0.5).sum(axis=0), atol=1e-12)
    assert np.allclose(two, ((t.X.astype(np.float64) - 0.5) ** 2).sum(axis=0), rtol=1e-12)


def test_wide_columns_give_the_same_bits_on_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    X, y = np.asfortranarray(rng.normal(size=(60, 6000))), rng.normal(size=60)
    found = []
    for threads in "123":
        monkeypatch.setenv("LOSSMITH_THREADS", threads)
        found.append(fit(Rows.of(X, y), lossmith.Squared(), Penalty("l1", 0.1)))
    assert all(np.array_equal(f.coef, found[0].coef) for f in found) and found[0].converged
    rows = fit(Rows.of(np.ascontiguousarray(X), y), lossmith.Squared(), Penalty("l1", 0.1))
    assert np.allclose(rows.coef, found[0].coef, atol=1e-9)


def test_a_sample_knows_that_no_scale_is_negative() -> None:
    """The mutant that evaluates a sample at σ <= 0 as if nothing were wrong finds finite values there."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(100_000, 8))
    y = X @ rng.normal(size=8) + rng.standard_t(3, 100_000)
    objective = Concomitant(Objective.of(Rows.of(X, y), lossmith.Huber(), Penalty("none")))
    some = objective.sample(2000)
    assert isinstance(some, Sampled)
    for sigma in (-0.3, 0.0):
        assert some.at(np.append(np.zeros(9), sigma)).value == np.inf
