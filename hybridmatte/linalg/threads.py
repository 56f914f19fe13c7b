"""Compile Numba kernels, and run them on a thread pool of this process.

The work of a kernel is divided into numbered pieces. A kernel takes two numbers, `first` and `last`, before its other
arguments, works on the pieces first to last - 1, and releases the GIL. `run_pieces` gives each thread a range of
consecutive pieces. A piece is computed in the same way on any thread, so results do not depend on the number of
threads.

Compared with Numba's parallel loops, such kernels compile in a fifth of the time and need no threading layer. To start
a loop on two threads takes 5 microseconds longer.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from queue import SimpleQueue
from threading import Thread, local
from typing import Any

import numba

__all__ = ["inlined", "kernel", "run_pieces", "thread_count", "thread_limit", "threads_for"]

MIN_UNKNOWNS_PER_THREAD = 4000  # another thread for fewer unknowns costs more time than it saves
MIN_WORK_PER_THREAD = 20_000  # nanoseconds; another thread for less work costs more time than it saves

kernel = partial(numba.njit, cache=True, nogil=True, error_model="numpy")
inlined = partial(numba.njit, inline="always")  # copied into each kernel that calls it
_settings = local()
_tasks: SimpleQueue[Any] = SimpleQueue()
_workers: list[Thread] = []


def run_pieces(function: Callable[..., None], n_pieces: int, *arguments: Any, cost: float | None = None) -> None:
    """Call ``function(first, last, *arguments)`` on ranges that together cover the pieces 0 to n_pieces - 1.

    Each thread gets one range; the calling thread works on the first one. The number of threads is `thread_count`, or
    less if there is little work. `cost` is the approximate time of one piece in nanoseconds; without it, the work is
    taken to be enough for all threads. An exception that a call raises is raised here after all calls have ended.
    """
    count = min(n_pieces, thread_count())
    if cost is not None:
        count = min(count, int(n_pieces * cost) // MIN_WORK_PER_THREAD)
    if count <= 1:
        function(0, n_pieces, *arguments)
        return
    while len(_workers) < count - 1:
        _workers.append(Thread(target=_run_tasks, daemon=True))
        _workers[-1].start()
    done = SimpleQueue()
    for k in range(1, count):
        _tasks.put((done, function, (k * n_pieces // count, (k + 1) * n_pieces // count, *arguments)))
    try:
        function(0, n_pieces // count, *arguments)
    finally:
        errors = [done.get() for _ in range(1, count)]
    for error in errors:
        if error is not None:
            raise error


@contextmanager
def thread_limit(count: int) -> Iterator[None]:
    """Run the kernels that this thread calls on at most `count` threads; restore the limit afterwards."""
    before = thread_count()
    _settings.limit = max(1, min(before, count))
    try:
        yield
    finally:
        _settings.limit = before


def threads_for(n_unknowns: int) -> AbstractContextManager[None]:
    """Limit kernels to as many threads as help with `n_unknowns` unknowns; restore the limit afterwards."""
    return thread_limit(int(n_unknowns) // MIN_UNKNOWNS_PER_THREAD)


def thread_count() -> int:
    """Return the largest number of threads on which a kernel called by this thread may run."""
    return getattr(_settings, "limit", numba.config.NUMBA_NUM_THREADS)


def _run_tasks() -> None:
    """Run tasks from the queue in an endless loop; this is what a worker thread executes."""
    while True:
        done, function, arguments = _tasks.get()
        try:
            function(*arguments)
        except BaseException as error:  # noqa: BLE001 - raised again by `run_pieces`
            done.put(error)
        else:
            done.put(None)


def _forget_workers() -> None:
    """Empty the pool and the queue in a forked process, which does not inherit its parent's threads."""
    global _tasks
    _workers.clear()
    _tasks = SimpleQueue()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_workers)
