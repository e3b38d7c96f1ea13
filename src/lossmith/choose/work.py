"""The folds of a plan on a few threads: until they are done, the time is spent, or someone interrupts."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from lossmith.backends.threads import unaided
from lossmith.choose.folds import Fold
from lossmith.choose.plan import Plan
from lossmith.choose.train import FoldResult, run_folds, together

Progress = Callable[[int, int, str], None]
"""Called with (done, total, what) as the work goes on."""
LEAST = 3
"""Folds that are finished whatever the budget: an interval needs as many."""


class Stopped(Exception):
    """Raised inside a thread when the work is called off."""


class Work:
    """Folds in work; `results` has those that are finished, in the order of the plan when all is done."""

    def __init__(self, plan: Plan, progress: Progress) -> None:
        self.plan, self.progress = plan, progress
        self.results: list[FoldResult] = []
        self._done = 0
        self._stop = Event()
        self._began = time.perf_counter()

    def run(self, workers: int) -> list[FoldResult]:
        """The finished folds, in order."""
        from threadpoolctl import threadpool_limits

        groups = self._groups()
        pool = ThreadPoolExecutor(min(workers, len(groups)))
        try:
            with threadpool_limits(1):
                for _ in pool.map(self._group, groups):
                    pass
        finally:
            self._stop.set()  # an error, or ctrl-C, should not wait for every fold
            pool.shutdown(cancel_futures=True)
        return sorted(self.results, key=lambda r: (r.fold.repeat, r.fold.number))

    def _groups(self) -> list[Sequence[Fold]]:
        """Folds side by side; one by one where time is short, so that something is finished early."""
        groups = together(self.plan.job, self.plan.folds)
        if self.plan.budget == float("inf"):
            return groups
        return [self.plan.folds[i : i + 1] for i in range(len(self.plan.folds))]

    def _group(self, folds: Sequence[Fold]) -> None:
        spent = time.perf_counter() - self._began > self.plan.budget
        if self._stop.is_set() or (spent and len(self.results) >= LEAST):
            return
        with unaided():
            self.results.extend(run_folds(self.plan.job, folds, self._tick))

    def _tick(self, name: str, done: int) -> None:
        if self._stop.is_set():
            raise Stopped
        self._done += done
        self.progress(self._done, len(self.plan.folds) * len(self.plan.candidates), f"comparing {name}")
