"""Other libraries' own test suites, run in a process of their own with lossmith's parts in place of theirs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Outcome:
    """How a suite went: counts by word ("passed", "failed", "skipped", …), what failed, and all it printed."""

    counts: dict[str, int]
    failed: tuple[str, ...]
    text: str


def suite(plugin: str, modules: list[str], *arguments: str, **environment: str) -> Outcome:
    """Run installed test modules under one of the plugins of `tests/plugins`, away from this project's settings."""
    quiet = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-c", os.devnull, "--tb=line", "-rfs", "-W", "ignore"]
    command = [sys.executable, "-m", "pytest", *quiet, "-p", f"plugins.{plugin}", "--pyargs", *modules, *arguments]
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))}
    settings = {"PYTHONPATH": str(HERE), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    done = subprocess.run(
        command, env={**kept, **settings, **environment}, cwd=HERE.parent, capture_output=True, text=True, timeout=600
    )
    text = done.stdout + done.stderr
    counts = {word: int(n) for n, word in re.findall(r"(\d+) (passed|failed|skipped|xfailed|xpassed|error)s?\b", text)}
    failed = tuple(re.findall(r"^FAILED (\S+)", text, re.MULTILINE))
    assert counts, f"the suite did not run:\n{text[-3000:]}"
    return Outcome(counts, failed, text)
