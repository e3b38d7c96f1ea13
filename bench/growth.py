"""How the cost of a fit grows with the rows: `python bench/growth.py [--columns 20] [--most 10000000]`.

Each size runs in a process of its own, which prints the time of an l2 logistic fit (the median of three, the first
discarded) and how far the memory of the process rose above what it held with X, y and the libraries loaded.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time

import numpy as np


def peak() -> float:
    """The most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def one(n: int, p: int) -> None:
    """Print rows, seconds and megabytes for one size."""
    import lossmith
    from lossmith.fit import Penalty, fit
    from lossmith.rows.memory import Rows

    rng = np.random.default_rng(0)
    small = rng.standard_normal((2000, p)), rng.integers(0, 2, 2000).astype(float)
    loss, penalty = lossmith.Logistic(), Penalty("l2", 1e-4)
    for solver in ("newton", "lbfgs"):
        fit(Rows.of(*small), loss, penalty, solver=solver)
    X = np.empty((n, p))
    for a in range(0, n, 100_000):
        X[a : a + 100_000] = rng.standard_normal((min(100_000, n - a), p))
    y = np.empty(n)
    for a in range(0, n, 100_000):
        y[a : a + 100_000] = rng.random(min(100_000, n - a)) < 0.5 + 0.4 * np.tanh(X[a : a + 100_000, 0])
    before, times = peak(), []
    for _ in range(4):
        start = time.perf_counter()
        fit(Rows.of(X, y), loss, penalty)
        times.append(time.perf_counter() - start)
    print(f"{n} {statistics.median(times[1:])} {peak() - before}")


def main() -> None:
    """Print a line per size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--most", type=int, default=10_000_000)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one(given.one, given.columns)
        return
    print(f"{'rows':>10s}{'ms':>10s}{'ns a cell':>12s}{'MB beside X':>14s}")
    n = 10_000
    while n <= given.most:
        command = [sys.executable, __file__, "--one", str(n), "--columns", str(given.columns)]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        seconds = float(text[1])
        cell = 1e9 * seconds / n / given.columns
        print(f"{n:10d}{seconds * 1e3:10.1f}{cell:12.2f}{float(text[2]):14.1f}", flush=True)
        n *= 2


if __name__ == "__main__":
    main()
