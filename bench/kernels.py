"""Compiled kernels beside NumPy and scikit-learn: `python bench/kernels.py [--rows 10000000] [--threads 2]`.

Three tables. Pointwise evaluation with reused outputs, in ns per element: the median over interleaved rounds, so that a
machine whose speed drifts treats all alike, beside the time that reading the inputs and writing the outputs would take
at the bandwidth of one thread's copy, measured in the same rounds. Then the words one by one, in the first-level cache.
Then the size from which the compiled kernel is ahead of NumPy, and what loading costs, cold and warm.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
LOSSES = {
    "Logistic": "HalfBinomialLoss",
    "Poisson": "HalfPoissonLoss",
    "Huber": "HuberLoss",
    "Squared": "HalfSquaredError",
}
"""What is measured, and the class of scikit-learn that computes the same."""
WANTS = (("value",), ("value", "gradient"), ("gradient", "hessian"))
PEER_CALLS = {("value",): "loss", ("value", "gradient"): "loss_gradient", ("gradient", "hessian"): "gradient_hessian"}
SIZES = (1, 10, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)


def seconds(call: Callable[[], object]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def interleaved(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median seconds of each call, one of each per round."""
    for call in calls.values():
        call()
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            times[name].append(seconds(call))
    return {name: statistics.median(t) for name, t in times.items()}


def data(loss: str, rows: int, dtype: Any) -> tuple[Array, Array]:
    """Targets that suit the loss, and raw predictions."""
    rng = np.random.default_rng(0)
    y = {"Logistic": lambda: rng.random(rows) < 0.5, "Poisson": lambda: rng.poisson(1.0, rows)}
    return y.get(loss, lambda: rng.normal(size=rows))().astype(dtype), rng.normal(size=rows).astype(dtype)


def peer(loss: str, want: tuple[str, ...], y: Array, z: Array, threads: int) -> Callable[[], object] | None:
    """scikit-learn's own call for the same numbers, outputs reused."""
    from sklearn._loss import loss as peers

    if not hasattr(peers, LOSSES[loss]):
        return None
    method = getattr(getattr(peers, LOSSES[loss])(), PEER_CALLS[want])
    names = {"value": "loss_out", "gradient": "gradient_out", "hessian": "hessian_out"}
    out = {names[w]: np.empty_like(y) for w in want}
    return lambda: method(y_true=y, raw_prediction=z, n_threads=threads, **out)


def pointwise(rows: int, rounds: int, threads: int) -> None:
    """The first table."""
    import lossmith
    from lossmith.backends import llvm, load

    print(f"{'ns per element':44s}{'llvm':>8s}{'numpy':>8s}{'sklearn':>9s}{'ahead':>8s}{'copying':>9s}")
    for dtype in (np.float64, np.float32):
        for name in LOSSES:
            y, z = data(name, rows, dtype)
            spare = llvm.room(y.shape, y.dtype)
            for want in WANTS:
                loss = getattr(lossmith, name)()
                program = loss.program.only(*want)
                arrays, params = [{"y": y, "z": z}[i] for i in program.inputs], [loss.params[p] for p in program.params]
                out = [llvm.room(y.shape, y.dtype) for _ in want]
                calls: dict[str, Callable[[], object]] = {"copy": partial(np.copyto, spare, z)}
                for backend in ("llvm", "numpy"):
                    calls[backend] = partial(load(program, dtype, backend), arrays, params, out)
                if theirs := peer(name, want, y, z, threads):
                    calls["sklearn"] = theirs
                took = {k: 1e9 * t / rows for k, t in interleaved(calls, rounds).items()}
                ahead = took.get("sklearn", np.nan) / took["llvm"]
                copying = took["copy"] * (len(arrays) + len(out)) / 2
                title = f"{name} {'+'.join(want)} {np.dtype(dtype).name}"
                print(f"{title:44s}{took['llvm']:8.2f}{took['numpy']:8.2f}{took.get('sklearn', np.nan):9.2f}", end="")
                print(f"{ahead:7.1f}×{copying:9.2f}", flush=True)


def in_cache(word: str, dtype: Any, count: int = 4096) -> float:
    """Seconds per element of one word: the fastest of many calls, less the fastest call on one element."""
    from lossmith.backends import llvm
    from lossmith.program import Program, Step
    from lossmith.words import WORDS

    inputs = tuple("xy"[: WORDS[word]])
    kernel = llvm.load(Program(inputs, (), (Step("v", word, inputs),), (("value", "v"),)), dtype)
    x = np.random.default_rng(0).uniform(0.05, 6, count).astype(dtype)

    def fastest(x: Array) -> float:
        out = [np.empty_like(x)]
        return min(seconds(lambda: kernel([x] * len(inputs), (), out)) for _ in range(300))

    return (fastest(x) - fastest(x[:1])) / count


def words() -> None:
    """The second table: one thread."""
    from lossmith.words import COMPARISONS, WORDS

    print(f"\n{'ns per element, one thread, in cache':44s}{'float64':>8s}{'float32':>8s}")
    for word in sorted(set(WORDS) - COMPARISONS - {"where"}):
        long, short = in_cache(word, np.float64), in_cache(word, np.float32)
        print(f"{word:44s}{1e9 * long:8.2f}{1e9 * short:8.2f}", flush=True)


def crossover(rounds: int) -> None:
    """The third table: value + gradient in µs, outputs allocated."""
    import lossmith
    from lossmith.backends import load

    print(f"\n{'µs a call, numpy / llvm':20s}" + "".join(f"{name:>18s}" for name in LOSSES))
    for size in SIZES:
        cells = []
        for name in LOSSES:
            loss = getattr(lossmith, name)()
            program = loss.program.only("value", "gradient")
            y, z = data(name, size, np.float64)
            arrays, params = [{"y": y, "z": z}[i] for i in program.inputs], [loss.params[p] for p in program.params]
            calls = {b: partial(load(program, np.float64, b), arrays, params) for b in ("numpy", "llvm")}
            took = interleaved(calls, 20 * rounds)
            cells.append(f"{1e6 * took['numpy']:.1f} / {1e6 * took['llvm']:.1f}")
        print(f"{size:<20d}" + "".join(f"{c:>18s}" for c in cells), flush=True)


def loading() -> None:
    """What loading a kernel costs: compiled, and from the cache."""
    import lossmith
    from lossmith.backends import llvm

    with tempfile.TemporaryDirectory() as folder:
        os.environ["LOSSMITH_CACHE_DIR"] = folder
        programs = [getattr(lossmith, name)().program for name in LOSSES]
        cold = [seconds(partial(llvm.LlvmKernel, p)) for p in programs]
        warm = [seconds(partial(llvm.LlvmKernel, p)) for p in programs]
    print(f"\nvalue + gradient + hessian, ms to load: cold {1e3 * statistics.median(cold):.1f}", end="")
    print(f", warm {1e3 * statistics.median(warm):.1f}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    os.environ["LOSSMITH_THREADS"] = str(chosen.threads)
    pointwise(chosen.rows, chosen.rounds, chosen.threads)
    words()
    crossover(chosen.rounds)
    loading()


if __name__ == "__main__":
    main()
