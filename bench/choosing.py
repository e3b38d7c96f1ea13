"""How long `lossmith choose` takes for 8 and for 16 losses: `python bench/choosing.py [--cold 1] [--warm 3]`.

Every run is a process of its own, as from the command line, from its start to the written report; in a cold one the
cache of kernels and proofs is empty. Times of parts are CPU seconds of the threads that worked on them; those of the
folds work side by side. The ratio compares medians of interleaved runs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

FLIGHTS = Path(__file__).parent.parent / "examples" / "flights.parquet"
MORE = "Cauchy,GemanMcClure,Fair,Arctan,SmoothL1,DynamicCovarianceScaling,BalancedL1,Optimal"
LOSSES = {8: "", 16: f"Huber,PseudoHuber,LogCosh,Absolute,StudentT,Welsch,Tukey,{MORE}"}
"""The losses beside the default; the first eight are those that are compared when none are named."""

PARTS = {
    "reading": ("cli.choosing", "opened"),
    "planning": ("choose.plan", "make_plan"),
    "grouping": ("choose.work", "together"),
    "encoding, centres": ("choose.train", "stages_of"),
    "tuning": ("choose.train", "tune"),
    "folds as a whole": ("choose.work", "run_folds"),
    "by rows": ("choose.choice", "by_rows"),
    "the honest figure": ("choose.choice", "_honest"),
    "the final model": ("choose.choice", "_final"),
    "report": ("choose.choice", "Choice.report"),
}
"""What is timed: a name, and the function that does it."""


def timed(spent: dict[str, float], part: str, work: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, its thread's CPU seconds noted."""

    def run(*args: Any, **kwargs: Any) -> Any:
        began = time.thread_time()
        try:
            return work(*args, **kwargs)
        finally:
            spent[part] += time.thread_time() - began

    return run


def one(losses: str, out: str) -> None:
    """Run the command here, and print what its parts took."""
    began, spent = time.process_time(), defaultdict[str, float](float)
    for part, (module, path) in PARTS.items():
        holder: Any = import_module(f"lossmith.{module}")
        *inside, name = path.split(".")
        for step in inside:
            holder = getattr(holder, step)
        setattr(holder, name, timed(spent, part, getattr(holder, name)))
    spent["importing"] = time.process_time() - began
    from lossmith.cli import main as command

    sys.argv = ["lossmith", "choose", str(FLIGHTS), "--target", "arr_delay", "--out", out, "--force"]
    sys.argv += ["--losses", losses] if losses else []
    try:
        command()
    except SystemExit as end:
        if end.code:
            raise
    spent["all of it"] = time.process_time()
    print(json.dumps(spent))


def run(count: int, cache: str) -> tuple[float, dict[str, float], str]:
    """Wall seconds, CPU seconds of the parts, and the verdict of one process."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--one", LOSSES[count], "--out", f"{folder}/report.html"]
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "LOSSMITH_CACHE_DIR": cache})
        wall = time.perf_counter() - began
    if done.returncode:
        sys.exit(done.stderr)
    lines = done.stdout.splitlines()
    return wall, json.loads(lines[-1]), lines[0]


def measured(cold: int, warm: int) -> dict[tuple[str, int], list[tuple[float, dict[str, float], str]]]:
    """Interleaved runs, by cache and number of losses."""
    runs = defaultdict[tuple[str, int], list[tuple[float, dict[str, float], str]]](list)
    for _ in range(cold):
        for count in LOSSES:
            with tempfile.TemporaryDirectory() as cache:
                runs["cold", count].append(run(count, cache))
    with tempfile.TemporaryDirectory() as cache:
        for i in range(warm + 1):
            for count in LOSSES:
                found = run(count, cache)
                if i:  # the first fills the cache
                    runs["warm", count].append(found)
    return runs


def main() -> None:
    """Print seconds, ratios, and the parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cold", type=int, default=1)
    parser.add_argument("--warm", type=int, default=3)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--out", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one is not None:
        one(given.one, given.out)
        return
    runs = measured(given.cold, given.warm)
    wall = {key: statistics.median(w for w, _, _ in found) for key, found in runs.items()}
    for (cache, count), found in runs.items():
        cpu = statistics.median(parts["all of it"] for _, parts, _ in found)
        print(f"{cache} cache, {count:2d} losses: {wall[cache, count]:6.2f} s, {cpu:6.2f} s of CPU   {found[-1][2]}")
    for cache in dict.fromkeys(cache for cache, _ in runs):
        print(f"{cache} cache, 16 losses against 8: {wall[cache, 16] / wall[cache, 8]:.2f}")
    print(f"\n{'CPU seconds':24s}" + "".join(f"{cache + f' {count}':>10s}" for cache, count in runs))
    for part in ["importing", *PARTS, "all of it"]:
        cells = (statistics.median(parts.get(part, 0.0) for _, parts, _ in found) for found in runs.values())
        print(f"{part:24s}" + "".join(f"{cell:10.2f}" for cell in cells))


if __name__ == "__main__":
    main()
