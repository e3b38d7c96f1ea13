"""Passes over X beside their peers: `python bench/passes.py [--threads 2] [--rounds 7] [--size 1.0]`.

One line for each problem: what a pass of lossmith takes; the fastest peer (scikit-learn's `LinearModelLoss`, tabmat
where it is installed, two BLAS passes around lossmith's own kernel); how far ahead of it and of scikit-learn; and which
share of the machine's limit is reached: of the bandwidth at which the same threads merely read memory, or, for
Hessians, of their rate of fused multiplications, both measured in the same rounds. Times are medians over interleaved
rounds; with `--cpu` the least CPU time of one thread, which says something on a machine that others use too.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import statistics
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Call = Callable[[], object]
WANT = ("value", "gradient", "hessian")
DENSE = ((1_000_000, 20), (400_000, 100), (80_000, 500), (20_000, 2000))
CURVED = ((1_000_000, 20), (200_000, 100), (20_000, 500), (5_000, 1000))
SPARSE = ((200_000, 100_000, 50), (500_000, 1000, 20))
SMALL = ((1_000, 10), (5_000, 10), (5_000, 20), (10_000, 20), (20_000, 50))
REST = 0.02
"""Seconds before each call, in which the threads of the one before stop spinning."""
PROBE = 1 << 28
"""Bytes that the read probe reads."""

READ = """
define void @kernel(i64 %from, i64 %to, ptr %arrays, ptr %out) {{
entry:
  %base = load ptr, ptr %arrays
  br label %loop
loop:
  %i = phi i64 [ %from, %entry ], [ %n, %loop ]
  %a = phi <{w} x double> [ zeroinitializer, %entry ], [ %a2, %loop ]
  %b = phi <{w} x double> [ zeroinitializer, %entry ], [ %b2, %loop ]
  %p = getelementptr double, ptr %base, i64 %i
  %q = getelementptr double, ptr %p, i64 {w}
  %x = load <{w} x double>, ptr %p, align 8
  %y = load <{w} x double>, ptr %q, align 8
  %a2 = fadd <{w} x double> %a, %x
  %b2 = fadd <{w} x double> %b, %y
  %n = add i64 %i, {both}
  %go = icmp slt i64 %n, %to
  br i1 %go, label %loop, label %done
done:
  %s = fadd <{w} x double> %a2, %b2
  store volatile <{w} x double> %s, ptr %out, align 8
  ret void
}}
"""


def probes(threads: int) -> tuple[dict[str, Call], float]:
    """Reading PROBE bytes, and fused multiplications; with how many of these there are."""
    from lossmith.backends import llvm
    from lossmith.backends.threads import run_chunks

    width = llvm.lanes(llvm.host()[1])
    engines = [
        llvm.link(llvm.compile_text(t), ("kernel",)) for t in (READ.format(w=width, both=2 * width), fused(width))
    ]
    read, multiply = (llvm.ENTRY(addresses[0]) for _, addresses in engines)
    big = np.ones(PROBE // 8)
    table, out = (ctypes.c_void_p * 1)(llvm.address(big)), np.empty((threads + 1, 64))
    turns = 300_000

    def reading() -> None:
        run_chunks(lambda a, b: read(a, b, table, llvm.address(out[0])), 0, len(big), 1 << 17)

    def multiplying(_: object = engines) -> None:
        run_chunks(lambda i, _: multiply(0, turns, llvm.address(out[i]), None), 0, threads, 1)

    calls: dict[str, Call] = {"read": reading, "multiply": multiplying}
    return calls, 2.0 * turns * 12 * width * threads


def fused(width: int) -> str:
    """Twelve chains of fused multiplications."""
    real, chains = f"<{width} x double>", range(12)
    phis = [f"  %a{k} = phi {real} [ zeroinitializer, %entry ], [ %b{k}, %loop ]" for k in chains]
    work = [f"  %b{k} = call {real} @llvm.fma.v{width}f64({real} %a{k}, {real} %v, {real} %v)" for k in chains]
    ends = [f"  store volatile {real} %b{k}, ptr %out, align 8" for k in chains]
    return "\n".join(
        [
            "define void @kernel(i64 %from, i64 %to, ptr %out, ptr %unused) {\nentry:",
            f"  %v = load volatile {real}, ptr %out, align 8\n  br label %loop\nloop:",
            "  %i = phi i64 [ %from, %entry ], [ %n, %loop ]",
            *phis,
            *work,
            "  %n = add i64 %i, 1\n  %go = icmp slt i64 %n, %to\n  br i1 %go, label %loop, label %done\ndone:",
            *ends,
            f"  ret void\n}}\ndeclare {real} @llvm.fma.v{width}f64({real}, {real}, {real})\n",
        ]
    )


def timed(calls: dict[str, Call], rounds: int, cpu: bool) -> dict[str, float]:
    """Seconds of each call: the median of interleaved rounds, or the least CPU time."""
    clock, pick = (time.thread_time, min) if cpu else (time.perf_counter, statistics.median)
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(rounds):
        for name, call in calls.items():
            time.sleep(REST)
            start = clock()
            call()
            times[name].append(clock() - start)
    return {name: pick(t) for name, t in times.items()}


def dense(n: int, p: int, order: Any, dtype: Any) -> tuple[Array, Array, Array]:
    """X, y, coefficients."""
    rng = np.random.default_rng(0)
    X = np.array(rng.random((n, p), dtype=np.float32), dtype=dtype, order=order)
    return X, (rng.random(n) < 0.5).astype(np.float64), rng.normal(size=p) / p


def kernel(count: int) -> Any:
    """The logistic loss, compiled: value and gradient, or the Hessian too."""
    import lossmith
    from lossmith.backends import load

    return load(lossmith.Logistic().program.only(*WANT[:count]), np.float64, "llvm")


def peers(X: Any, y: Array, coef: Array, threads: int, curved: bool) -> Iterator[tuple[str, Call]]:
    """The same numbers by others."""
    from sklearn._loss import HalfBinomialLoss
    from sklearn.linear_model._linear_loss import LinearModelLoss

    theirs = LinearModelLoss(base_loss=HalfBinomialLoss(), fit_intercept=False)
    y, coef = y.astype(X.dtype), coef.astype(X.dtype)
    if curved:
        yield "scikit-learn", lambda: theirs.gradient_hessian(coef, X, y, n_threads=threads)
        yield "BLAS", lambda: blocked(X, y, coef)
        if find_spec("tabmat"):
            import tabmat

            matrix = tabmat.DenseMatrix(X)
            yield "tabmat's sandwich alone", lambda: matrix.sandwich(y + 0.5)
    else:
        yield "scikit-learn", lambda: theirs.loss_gradient(coef, X, y, n_threads=threads)
        yield "BLAS twice", lambda: twice(X, y, coef)


def twice(X: Any, y: Array, coef: Array) -> object:
    """Two products with X around lossmith's kernel."""
    z = X @ coef
    return X.T @ kernel(2)([np.asarray(y, dtype=np.float64), np.asarray(z, dtype=np.float64)], ())[1].astype(X.dtype)


def blocked(X: Array, y: Array, coef: Array, rows: int = 4096) -> object:
    """Value, gradient and Hessian by BLAS, blocks scaled by the root of the curvature."""
    total = np.zeros((X.shape[1],) * 2)
    for a in range(0, len(X), rows):
        part = X[a : a + rows]
        _, r, h = kernel(3)([y[a : a + rows], part @ coef], ())
        scaled = part * np.sqrt(h)[:, None]
        total += scaled.T @ scaled
        part.T @ r
    return total


def line(title: str, took: dict[str, float], limit: float) -> None:
    """One problem: `limit` is the time in which the machine could do it at best."""
    ours = took.pop("ours")
    best = min(took, key=took.__getitem__)
    print(
        f"{title:36s}{1e3 * ours:9.2f} ms{1e3 * took[best]:10.2f} ms  {best:24s}{took[best] / ours:6.1f}×"
        f"{took['scikit-learn'] / ours:9.1f}×{limit / ours:11.0%}",
        flush=True,
    )


def tables(options: argparse.Namespace, basis: tuple[dict[str, Call], float]) -> None:
    """All passes over dense and sparse X."""
    from lossmith.backends import passes

    probe, flops = basis
    for curved, shapes in ((False, DENSE), (True, CURVED)):
        for n, p in ((int(n * options.size), p) for n, p in shapes):
            for order, dtype in (("C", np.float64), ("F", np.float64), ("C", np.float32), ("F", np.float32)):
                if curved and dtype == np.float32:
                    continue
                X, y, coef = dense(n, p, order, dtype)
                table, ready = passes.Table(X, y), kernel(2 + curved)
                frame = passes.Frame(np.zeros(p), np.ones(p), False) if curved else None
                calls = {**probe, "ours": lambda t=table, k=ready, c=coef, f=frame: t.swept(k, (), c, 0.0, f)}
                took = timed(calls | dict(peers(X, y, coef, options.threads, curved)), options.rounds, options.cpu)
                read, multiply = took.pop("read"), took.pop("multiply")
                limit = n * p * (p + 1) / flops * multiply if curved else X.nbytes / PROBE * read
                title = f"{'+'.join(WANT[: 2 + curved])} {n} × {p} {order} {np.dtype(dtype).name}"
                line(title.replace("value+gradient", "vg").replace("+hessian", "h"), took, limit)


def sparse_tables(options: argparse.Namespace, probe: dict[str, Call]) -> None:
    """Passes over CSR matrices."""
    from scipy.sparse import csr_matrix

    from lossmith.backends import passes_sparse

    for n, p, each in ((int(n * options.size), p, each) for n, p, each in SPARSE):
        rng = np.random.default_rng(0)
        columns = rng.integers(0, p, n * each).astype(np.int32)
        X = csr_matrix((rng.normal(size=n * each), columns, np.arange(0, n * each + 1, each, dtype=np.int32)), (n, p))
        y, coef = (rng.random(n) < 0.5).astype(np.float64), rng.normal(size=p) / each
        table, ready = passes_sparse.SparseTable(X, y), kernel(2)
        calls = {"read": probe["read"], "ours": lambda t=table, k=ready, c=coef: t.swept(k, (), c, 0.0)}
        took = timed(calls | dict(peers(X, y, coef, options.threads, False)), options.rounds, options.cpu)
        limit = (X.data.nbytes + X.indices.nbytes) / PROBE * took.pop("read")
        line(f"vg CSR {n} × {p}, {each} per row", took, limit)


def small(options: argparse.Namespace) -> None:
    """From which size compiled passes are ahead of NumPy, within an objective."""
    import lossmith
    from lossmith.fit import Penalty, design
    from lossmith.fit.drive import one_thread
    from lossmith.fit.objective import Objective
    from lossmith.rows.memory import Rows

    print(f"\n{'µs of objective.at':30s}{'NumPy':>10s}{'compiled':>10s}")
    usual = design.LARGE
    for n, p in SMALL:
        X, y, _ = dense(n, p, "C", np.float64)
        rows, calls, w = Rows.of(X, y), {}, np.full(p + 1, 0.1)
        for want in (WANT[:2], WANT):
            for name, design.LARGE in (("NumPy", 1 << 60), ("compiled", 0)):
                objective = Objective.of(rows, lossmith.Logistic(), Penalty())
                calls[name] = lambda o=objective, a=want, w=w: [o.at(w, a) for _ in range(20)]
            with one_thread():
                took = timed(calls, options.rounds, options.cpu)
            title = f"{n} × {p} {'value+gradient' if want == WANT[:2] else 'with hessian'}"
            print(f"{title:30s}{5e4 * took['NumPy']:10.0f}{5e4 * took['compiled']:10.0f}", flush=True)
    design.LARGE = usual


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--size", type=float, default=1.0, help="rows, as a share of the usual number")
    parser.add_argument("--cpu", action="store_true", help="least CPU time of one thread")
    options = parser.parse_args()
    options.threads = 1 if options.cpu else options.threads
    os.environ["LOSSMITH_THREADS"] = str(options.threads)
    if options.cpu:
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
    basis = probes(options.threads)
    print(f"{'':36s}{'lossmith':>12s}{'best peer':>13s}{'':26s}{'ahead':>7s}{'sklearn':>10s}{'of limit':>11s}")
    tables(options, basis)
    sparse_tables(options, basis[0])
    small(options)


if __name__ == "__main__":
    main()
