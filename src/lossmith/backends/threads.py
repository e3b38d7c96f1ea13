"""A small pool of threads, kept for the life of the process, that share out chunks of rows."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


def workers() -> int:
    """How many threads work at once: $LOSSMITH_THREADS, else the CPUs this process may use."""
    given = os.environ.get("LOSSMITH_THREADS", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


@functools.cache
def _pool(_process: int, size: int) -> ThreadPoolExecutor:
    """The pool of this process: a forked child has its parent's pool but not its threads."""
    return ThreadPoolExecutor(size, thread_name_prefix="lossmith")


def run_chunks(work: Callable[[int, int], None], start: int, stop: int, size: int) -> None:
    """Call work(a, b) for consecutive pieces of [start, stop); the caller's thread works too.

    Each thread takes the next piece from one counter, so that a slow thread takes fewer.
    """
    count = -(-(stop - start) // size)
    helpers = min(workers(), count) - 1
    turns = itertools.count()

    def take() -> None:
        while (turn := next(turns)) < count:
            a = start + turn * size
            work(a, min(a + size, stop))

    if helpers < 1:
        take()
        return
    pool = _pool(os.getpid(), workers() - 1)
    tasks = [pool.submit(take) for _ in range(helpers)]
    take()
    for task in tasks:
        task.result()
