"""Compiled kernels beside NumPy and scikit-learn: `python bench/kernels.py [--rows 10000000] [--threads 2]`.

Four tables. Pointwise evaluation with reused outputs, in ns per element: the median over interleaved rounds, so that a
machine whose speed drifts treats all alike, beside the part of the time that reading the inputs and writing the outputs
takes at the bandwidth of a copy past the caches by as many threads, measured in the same rounds. Then losses that
scikit-learn lacks, beside torch.compile and JAX where they are installed. Then the words one by one, in the first-level
cache. Then the size from which the compiled kernel is ahead of NumPy, and what loading costs, cold and warm.
"""

from __future__ import annotations

import argparse
import importlib.util
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
REST = 0.02
"""Seconds before each call, in which the threads of the one before stop spinning."""
SIZES = (1, 10, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)


def seconds(call: Callable[[], object]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def interleaved(calls: Mapping[str, Callable[[], object]], rounds: int, rest: float = REST) -> dict[str, float]:
    """The median seconds of each call, one of each per round."""
    for call in calls.values():
        call()
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            time.sleep(rest)
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


def copier(dtype: Any) -> Callable[[list[Array], tuple[()], list[Array]], object]:
    """A kernel that reads one number and writes one: nothing but traffic."""
    from lossmith.backends import llvm
    from lossmith.program import Program, Step

    return llvm.load(Program(("x",), (), (Step("v", "neg", ("x",)),), (("value", "v"),)), dtype)


def pointwise(rows: int, rounds: int, threads: int) -> None:
    """The first table."""
    import lossmith
    from lossmith.backends import llvm, load

    print(f"{'ns per element':44s}{'llvm':>8s}{'numpy':>8s}{'sklearn':>9s}{'ahead':>8s}{'of limit':>10s}")
    for dtype in (np.float64, np.float32):
        for name in LOSSES:
            y, z = data(name, rows, dtype)
            spare = llvm.room(y.shape, y.dtype)
            for want in WANTS:
                loss = getattr(lossmith, name)()
                program = loss.program.only(*want)
                arrays, params = [{"y": y, "z": z}[i] for i in program.inputs], [loss.params[p] for p in program.params]
                out = [llvm.room(y.shape, y.dtype) for _ in want]
                calls: dict[str, Callable[[], object]] = {"copy": partial(copier(dtype), [z], (), [spare])}
                for backend in ("llvm", "numpy"):
                    calls[backend] = partial(load(program, dtype, backend), arrays, params, out)
                if theirs := peer(name, want, y, z, threads):
                    calls["sklearn"] = theirs
                took = {k: 1e9 * t / rows for k, t in interleaved(calls, rounds).items()}
                ahead = took.get("sklearn", np.nan) / took["llvm"]
                copying = took["copy"] * (len(arrays) + len(out)) / 2
                title = f"{name} {'+'.join(want)} {np.dtype(dtype).name}"
                print(f"{title:44s}{took['llvm']:8.2f}{took['numpy']:8.2f}{took.get('sklearn', np.nan):9.2f}", end="")
                print(f"{ahead:7.1f}×{copying / took['llvm']:9.0%}", flush=True)


def torch_calls(formula: Callable[..., Any], y: Array, z: Array) -> dict[str, Callable[[], object]]:
    """torch.compile's value, and value with gradient."""
    import torch

    targets, raw = torch.from_numpy(y), torch.from_numpy(z)

    def slopes(y: Any, z: Any) -> Any:
        value, back = torch.func.vjp(lambda z: formula(torch, y, z), z)
        return value, back(torch.ones_like(value))[0]

    quick, whole = torch.compile(lambda y, z: formula(torch, y, z)), torch.compile(slopes)
    return {"value": lambda: quick(targets, raw), "value+gradient": lambda: whole(targets, raw)}


def jax_calls(formula: Callable[..., Any], y: Array, z: Array) -> dict[str, Callable[[], object]]:
    """JAX's value, and value with gradient, compiled."""
    import jax

    jax.config.update("jax_enable_x64", True)
    targets, raw = jax.numpy.asarray(y), jax.numpy.asarray(z)

    def slopes(y: Any, z: Any) -> Any:
        value, back = jax.vjp(lambda z: formula(jax.numpy, y, z), z)
        return value, back(jax.numpy.ones_like(value))[0]

    quick, whole = jax.jit(lambda y, z: formula(jax.numpy, y, z)), jax.jit(slopes)
    return {
        "value": lambda: quick(targets, raw).block_until_ready(),
        "value+gradient": lambda: jax.block_until_ready(whole(targets, raw)),
    }


def focal(np: Any, y: Any, z: Any) -> Any:
    """Focal loss with gamma 2, as one writes it where log1p and exp exist."""
    m = np.where(y > 0, z, -z)
    losses = np.log1p(np.exp(-abs(m))) + np.where(m < 0, -m, np.zeros_like(m))
    return losses / (1 + np.exp(m)) ** 2


ABSENT: Mapping[str, Callable[..., Any]] = {
    "LogCosh": lambda np, y, z: abs(y - z) + np.log1p(np.exp(-2 * abs(y - z))) - 0.6931471805599453,
    "Cauchy": lambda np, y, z: 0.5 * 2.3849**2 * np.log1p(((y - z) / 2.3849) ** 2),
    "Focal": focal,
}
"""Losses that scikit-learn lacks, in the words that PyTorch and JAX share."""


def absent(rows: int, rounds: int, threads: int) -> None:
    """The second table."""
    import lossmith
    from lossmith.backends import llvm, load

    peers = {"torch": torch_calls, "jax": jax_calls}
    peers = {name: calls for name, calls in peers.items() if importlib.util.find_spec(name)}
    if "torch" in peers:
        importlib.import_module("torch").set_num_threads(threads)
    head = "".join(f"{name:>8s}" for name in ("llvm", *peers))
    print(f"\n{'ns per element':44s}{head}{'ahead':>8s}")
    for dtype in (np.float64, np.float32):
        for name, formula in ABSENT.items():
            y, z = data("Logistic" if name == "Focal" else name, rows, dtype)
            theirs = {peer: calls(formula, y, z) for peer, calls in peers.items()}
            loss = getattr(lossmith, name)()
            for want in WANTS[:2]:
                program = loss.program.only(*want)
                arrays, params = [{"y": y, "z": z}[i] for i in program.inputs], [loss.params[p] for p in program.params]
                out = [llvm.room(y.shape, y.dtype) for _ in want]
                calls = {"llvm": partial(load(program, dtype), arrays, params, out)}
                calls |= {peer: found["+".join(want)] for peer, found in theirs.items()}
                took = {k: 1e9 * t / rows for k, t in interleaved(calls, rounds).items()}
                cells = "".join(f"{t:8.2f}" for t in took.values())
                ahead = min(t for k, t in took.items() if k != "llvm") / took["llvm"]
                title = f"{name} {'+'.join(want)} {np.dtype(dtype).name}"
                print(f"{title:44s}{cells}{ahead:7.1f}×", flush=True)


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
    """The third table: one thread."""
    from lossmith.words import COMPARISONS, WORDS

    print(f"\n{'ns per element, one thread, in cache':44s}{'float64':>8s}{'float32':>8s}")
    for word in sorted(set(WORDS) - COMPARISONS - {"where"}):
        long, short = in_cache(word, np.float64), in_cache(word, np.float32)
        print(f"{word:44s}{1e9 * long:8.2f}{1e9 * short:8.2f}", flush=True)


def crossover(rounds: int) -> None:
    """The last table: value + gradient in µs, outputs allocated."""
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
            took = interleaved(calls, 20 * rounds, rest=0.0)
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
    absent(chosen.rows, chosen.rounds, chosen.threads)
    words()
    crossover(chosen.rounds)
    loading()


if __name__ == "__main__":
    main()
