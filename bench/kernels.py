"""Time the generated kernels on this machine: python bench/kernels.py [ROWS]

First the value and gradient of three losses, by each backend and by scikit-learn's compiled losses, in nanoseconds per
row. The rounds are interleaved, and beside them stands a plain copy of as many bytes, so that a slow phase of the
machine is seen for what it is. Then the crossover: the size from which the compiled kernel is ahead of the NumPy one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

import lossmith
from lossmith.backends import BACKENDS, COMPILED_FROM, load

ROUNDS = 9
THREADS = os.cpu_count() or 1
LOSSES = ("Huber", "Logistic", "Poisson")
SIZES = tuple(2**k for k in range(4, 17, 2))
Task = Callable[[], Any]


def seconds(tasks: Mapping[str, Task], rounds: int = ROUNDS, repeat: int = 1) -> dict[str, float]:
    """The median time of each task, taken turn by turn after a warm-up."""
    taken: dict[str, list[float]] = {name: [] for name in tasks}
    for turn in range(rounds + 1):
        for name, task in tasks.items():
            start = perf_counter()
            for _ in range(repeat):
                task()
            if turn:
                taken[name].append((perf_counter() - start) / repeat)
    return {name: median(times) for name, times in taken.items()}


def draw(name: str, n: int) -> tuple[Any, Any]:
    """Targets that the loss admits, and raw predictions around zero."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=n)
    targets: dict[str, Task] = {
        "Huber": lambda: z + rng.standard_t(3, size=n),
        "Logistic": lambda: rng.integers(0, 2, size=n).astype(float),
        "Poisson": lambda: rng.poisson(2.0, size=n).astype(float),
    }
    return targets[name](), z


def ours(name: str, backend: str, y: Any, z: Any) -> Task:
    """Value and gradient by one backend, into arrays that are reused."""
    loss = lossmith.losses()[name]()
    kernel = load(loss.program.only("value", "gradient"), np.float64, backend)
    out = [np.empty(len(z)), np.empty(len(z))]
    return lambda: kernel((y, z), tuple(loss.params.values()), out)


def peer(name: str, y: Any, z: Any) -> Task:
    """Value and gradient by scikit-learn, into arrays that are reused, with a thread for each core."""
    from sklearn._loss import loss as peers

    made = {"Huber": peers.HuberLoss, "Logistic": peers.HalfBinomialLoss, "Poisson": peers.HalfPoissonLoss}[name]()
    value, gradient = np.empty(len(z)), np.empty(len(z))
    return lambda: made.loss_gradient(y, z, None, value, gradient, n_threads=THREADS)


def copy(y: Any, z: Any) -> Task:
    """Reads two arrays and writes two, with one thread: what the memory alone costs."""
    source, out = np.stack((y, z)), np.empty((2, len(z)))
    return lambda: np.copyto(out, source)


def throughput(n: int) -> None:
    """Print nanoseconds per row for each loss and each way of computing it."""
    print(
        f"value and gradient, float64, {n:,} rows, up to {THREADS} threads: nanoseconds per row (median of {ROUNDS})\n"
    )
    for name in LOSSES:
        y, z = draw(name, n)
        tasks = {backend: ours(name, backend, y, z) for backend in BACKENDS}
        took = seconds({**tasks, "scikit-learn": peer(name, y, z), "copy": copy(y, z)})
        print(f"{name:10}", *(f"{way} {1e9 * t / n:7.3f}   " for way, t in took.items()))


def crossover() -> None:
    """Print microseconds per call by size, and the first size at which the compiled kernel is ahead."""
    print(f"\nmicroseconds per call of Huber, by rows ({COMPILED_FROM} is where 'auto' begins to compile)\n")
    for n in SIZES:
        y, z = draw("Huber", n)
        took = seconds({backend: ours("Huber", backend, y, z) for backend in BACKENDS}, repeat=50)
        print(f"{n:8,}", *(f"{way} {1e6 * t:9.2f}   " for way, t in took.items()))


if __name__ == "__main__":
    throughput(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
    crossover()
