"""A small pool of threads, kept for the life of the process, that share out chunks of rows."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import itertools
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")


def allowed() -> frozenset[int]:
    """The CPUs that this process may use; none where the system does not say."""
    ask = getattr(os, "sched_getaffinity", None)
    return frozenset(ask(0)) if ask else frozenset()


def workers() -> int:
    """How many threads work at once: $LOSSMITH_THREADS, else the CPUs this process may use."""
    given = os.environ.get("LOSSMITH_THREADS", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    return len(allowed()) or os.cpu_count() or 1


class Pool:
    """The helping threads, which keep off the CPU of the thread that they help.

    A woken thread is often placed on the CPU of its waker and stays there for milliseconds while another CPU is idle;
    that would cost short jobs all of their gain.
    """

    def __init__(self, size: int) -> None:
        self._threads: list[int] = []
        self._avoided = (-1, 0)
        self._executor = ThreadPoolExecutor(size, "lossmith", lambda: self._threads.append(threading.get_native_id()))
        self.submit = self._executor.submit

    def helps(self) -> bool:
        """Is the caller one of the helping threads?"""
        return threading.get_native_id() in self._threads

    def avoid(self, cpu: int) -> None:
        """Let the helpers run on every CPU but this one, if there is another."""
        now = (cpu, len(self._threads))
        if now == self._avoided:
            return
        self._avoided = now
        if others := allowed() - {cpu}:
            with contextlib.suppress(OSError):  # a sandbox may forbid it
                for thread in self._threads[: now[1]]:
                    os.sched_setaffinity(thread, others)


@functools.cache
def _pool(_process: int, size: int) -> Pool:
    """The pool of this process: a forked child has its parent's pool but not its threads."""
    return Pool(size)


@functools.cache
def _current_cpu() -> Callable[[], int]:
    """A function that tells on which CPU its caller runs, or -1 where the system does not say."""
    ask = getattr(ctypes.CDLL(None), "sched_getcpu", None) if allowed() else None
    return ask or (lambda: -1)


_alone = threading.local()


@contextlib.contextmanager
def unaided() -> Iterator[None]:
    """Let this thread work without helpers, where as many work side by side as there are CPUs."""
    before, _alone.here = getattr(_alone, "here", False), True
    try:
        yield
    finally:
        _alone.here = before


def run_chunks(work: Callable[[int, int], None], start: int, stop: int, size: int) -> None:
    """Call work(a, b) for consecutive pieces of [start, stop); the caller's thread works too.

    Each thread takes the next piece from one counter, so that a slow thread takes fewer. A helping thread that comes
    here does all of its pieces itself.
    """
    count = -(-(stop - start) // size)
    helpers = 0 if getattr(_alone, "here", False) else min(workers(), count) - 1
    turns = itertools.count()

    def take() -> None:
        while (turn := next(turns)) < count:
            a = start + turn * size
            work(a, min(a + size, stop))

    if helpers < 1:
        take()
        return
    pool = _pool(os.getpid(), workers() - 1)
    if pool.helps():  # work within work: the others are busy with what this is a part of
        take()
        return
    pool.avoid(_current_cpu()())
    tasks = [pool.submit(take) for _ in range(helpers)]
    take()
    for task in tasks:
        if not task.cancel():  # one that has not begun finds nothing left to do
            task.result()


def in_order(work: Callable[[T], R], items: Iterable[T], ahead: int = 16) -> Iterator[R]:
    """work(item) for each item, computed by several threads a few at a time, given in the order of the items."""
    waiting = iter(items)
    while group := list(itertools.islice(waiting, ahead)):
        if len(group) == 1:
            yield work(group[0])
            continue
        done: list[Any] = [None] * len(group)

        def one(i: int, _: int, group: list[T] = group, done: list[Any] = done) -> None:
            done[i] = work(group[i])

        run_chunks(one, 0, len(group), 1)
        yield from done
