"""All 2³² float32 numbers through the compiled kernels of losses of one argument: the largest error of each output.

python tools/every_float32.py                 every loss of one argument, at its default parameters (hours on a core)
python tools/every_float32.py Huber LogCosh   these; one to three minutes each on a quiet core

The exit status is 1 if any output is off by more than the contract of docs/accuracy.md allows. `make nightly` runs the
same as tests, side by side.
"""

from __future__ import annotations

import sys
import time

import lossmith
from lossmith.accuracy.narrow import EVERY, Everywhere, one_argument


def main() -> int:
    """Print a paragraph for each loss."""
    every = {name: kind() for name, kind in lossmith.losses().items() if name in (sys.argv[1:] or lossmith.losses())}
    broken = 0
    for name, loss in every.items():
        if not one_argument(loss):
            continue
        start = time.perf_counter()
        worst = Everywhere(loss).look([(0, EVERY)])
        print(f"{name} ({time.perf_counter() - start:.0f} s)", *worst.values(), sep="\n  ", flush=True)
        broken += not all(w.holds for w in worst.values())
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main())
