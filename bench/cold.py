"""What waits for a process that has just begun: `python bench/cold.py [--repeats 7]`.

Each figure is the median of processes of their own, in seconds of CPU and of the clock; "empty" processes find no cache
of kernels and verdicts, "filled" ones that of the process before. First fits are counted from the start of the
interpreter, `import lossmith` from the end of NumPy's import; a loss is derived and compiled with the compiler at hand.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict

COMMON = "import time; began = time.process_time(), time.perf_counter(); import numpy as np; "
CLOCK = "mark = time.process_time(), time.perf_counter(); "
SAY = "print(time.process_time() - mark[0], time.perf_counter() - mark[1])"
DATA = (
    "rng = np.random.default_rng(0); X = rng.normal(size=(1000, 10)); z = X @ np.ones(10); y = dict(Squared=z + 1.0, "
    "Huber=z + rng.normal(size=1000), Logistic=1.0 * (z + rng.logistic(size=1000) > 0.0))"
)
LOAD = "from lossmith.backends import load, llvm; load(loss.program, np.float64, 'llvm')"
READY = f"import lossmith; loss = lossmith.loss('Cauchy'); {LOAD}; "
FIT = f"{DATA}; from lossmith.rows.memory import Rows; from lossmith.fit import fit; fit(Rows.of(X, y[name]), "

TASKS = {
    "import lossmith, beyond numpy": (0.1, COMMON + CLOCK + "import lossmith; " + SAY),
    "a catalogued loss, derived and compiled": (
        0.1,
        COMMON + READY + CLOCK + f"loss = lossmith.Welsch(); {LOAD}; " + SAY,
    ),
    "a new formula, sympy's import included": (
        0.35,
        COMMON + READY + CLOCK + f"loss = lossmith.loss('log(1 + abs(r)**1.25) + r**2/8'); {LOAD}; " + SAY,
    ),
    **{
        f"process to first fit, {name}": (
            0.6,
            COMMON + f"name = {name!r}; import lossmith; {FIT}lossmith.loss(name)); mark = began; " + SAY,
        )
        for name in ("Squared", "Logistic", "Huber")
    },
}
"""What is measured: the most seconds with an empty cache, and the code of a process."""
KEPT = {"a catalogued loss, derived and compiled": 0.005}
"""The most seconds with a filled cache, where that is another figure."""


def timed(code: str, cache: str) -> tuple[float, float]:
    """Seconds of CPU and of the clock that one process says it took."""
    env = {**os.environ, "LOSSMITH_CACHE_DIR": cache}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    if done.returncode:
        sys.exit(done.stderr)
    cpu, wall = done.stdout.split()
    return float(cpu), float(wall)


def main() -> None:
    """Print a line for each task: seconds with an empty cache and with a filled one, and what they may be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    found = defaultdict[tuple[str, bool], list[tuple[float, float]]](list)
    for _ in range(repeats):
        for name, (_, code) in TASKS.items():
            with tempfile.TemporaryDirectory() as cache:
                for filled in (False, True):
                    found[name, filled].append(timed(code, cache))
    print(f"{'seconds of CPU (of the clock)':42s}{'empty cache':>18s}{'aim':>8s}{'filled cache':>18s}{'aim':>8s}")
    for name, (most, _) in TASKS.items():
        cells = []
        for filled in (False, True):
            cpu, wall = (statistics.median(part) for part in zip(*found[name, filled], strict=True))
            cells.append(f"{cpu:9.4f} ({wall:.4f})")
        print(f"{name:42s}{cells[0]:>18s}{most:8g}{cells[1]:>18s}{KEPT.get(name, most):8g}")


if __name__ == "__main__":
    main()
