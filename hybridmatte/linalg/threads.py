"""Compile Numba kernels, and run them on a thread pool of this process.

The work of a kernel is divided into numbered pieces. A kernel takes two numbers, `first` and `last`, before its other
arguments, works on the pieces first to last - 1, and releases the GIL. `run_pieces` gives each thread a range of
consecutive pieces. A piece is computed in the same way on any thread, so results do not depend on the number of
threads.

To wake a sleeping worker takes about 60 microseconds. So a worker stays awake for half a millisecond after each call,
and serves the thread that made it. Kernels that an iteration calls again and again, with less work than a millisecond,
are `short_kernel`: the workers that are awake begin them within a microsecond, without the interpreter (see
``_team_numba.py``). Such a kernel takes longer to compile, by a tenth of a second.

Compared with Numba's parallel loops, kernels compile in a fifth of the time and need no threading layer.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from queue import SimpleQueue
from threading import Lock, Thread, local
from typing import Any

import numba
import numpy as np
from numba.core.compiler_lock import global_compiler_lock

from hybridmatte.linalg._team_numba import (
    ARGUMENTS,
    ENTRY,
    LEFT,
    SUMMONS,
    TEAM_SIZE,
    await_long,
    kernel,
    packer_of,
    serve,
    share_call,
)

__all__ = [
    "inlined",
    "kernel",
    "limit_threads",
    "prepare_pieces",
    "run_alone",
    "run_pieces",
    "short_kernel",
    "thread_count",
    "thread_limit",
    "threads_for",
]

MIN_UNKNOWNS_PER_THREAD = 4000  # another thread for fewer unknowns costs more time than it saves
MIN_WORK_PER_THREAD = 40_000  # nanoseconds; another thread for less work costs more time than it saves
MIN_SHORT_WORK_PER_THREAD = 4_000  # the same for short kernels

inlined = partial(numba.njit, inline="always")  # copied into each kernel that calls it


class ShortKernel:
    """A kernel that workers begin within a microsecond, if they are awake; for `run_pieces` only."""

    __slots__ = ("name", "pack")

    def __init__(self, function: Callable[..., None], options: dict[str, Any]) -> None:
        self.name = f"{function.__module__}.{function.__name__}"
        self.pack = packer_of(kernel(function, no_cpython_wrapper=True, **options), function)


def short_kernel(function: Callable[..., None] | None = None, **options: Any) -> Any:
    """Make a `ShortKernel` of a function; `options` are those of `numba.njit`. The kernel must not raise exceptions."""
    return partial(short_kernel, **options) if function is None else ShortKernel(function, options)


class PreparedCall:
    """A call of a short kernel with fixed arguments, packed once; it takes a fourth of the time of `run_pieces`."""

    __slots__ = ("_arguments", "_entry", "_limit", "_n_pieces", "_packed", "name")

    def __init__(self, function: ShortKernel, n_pieces: int, arguments: tuple[Any, ...], cost: float) -> None:
        words = np.stack([np.zeros(TEAM_SIZE, np.int64), np.ones(TEAM_SIZE, np.int64)])
        for row in words:
            function.pack(row, *arguments)
        n_packed = np.flatnonzero(words[0] == words[1])[-1] + 1  # the rows agree in the words that the call has written
        self.name, self._arguments = function.name, arguments  # the arrays must live as long as the call
        self._entry, self._packed = words[0, ENTRY], words[0, ARGUMENTS:n_packed].copy()
        self._n_pieces = n_pieces
        self._limit = max(min(n_pieces, int(n_pieces * cost) // MIN_SHORT_WORK_PER_THREAD), 1)

    def __call__(self) -> None:
        """Run the kernel on as many threads as `run_pieces` would take."""
        settings = _settings
        settings.team.run_short(self, self._n_pieces, min(self._limit, settings.limit), ())

    def pack(self, words: Any) -> None:
        """Write the call into a team."""
        words[ENTRY] = self._entry
        words[ARGUMENTS : ARGUMENTS + len(self._packed)] = self._packed


class _Call:
    """One call of a kernel: whoever acquires `claim`, a worker or the thread that made the call, runs it.

    A worker then serves the team with these `words` until the word SUMMONS is no longer `summons`.
    """

    __slots__ = (
        "arguments",
        "by_worker",
        "claim",
        "error",
        "finished",
        "function",
        "has_ended",
        "is_started",
        "summons",
        "words",
    )

    def __init__(self, function: Callable[..., None], arguments: tuple[Any, ...], words: Any, summons: int) -> None:
        self.function: Callable[..., None] | None = function
        self.arguments: tuple[Any, ...] = arguments
        self.words, self.summons = words, summons
        self.claim, self.finished = Lock(), Lock()
        self.finished.acquire()
        self.by_worker, self.is_started, self.has_ended, self.error = False, False, False, None

    def run(self) -> None:
        """Run the call and keep its error; then forget the arguments, so that their memory can be freed."""
        self.is_started = True
        try:
            if self.function is not None:
                self.function(*self.arguments)
        except BaseException as error:  # noqa: BLE001 - raised again by `run_pieces`
            self.error = error
        finally:
            self.function, self.arguments, self.has_ended = None, (), True
            self.finished.release()


class _Team:
    """The workers that serve the calls of one thread; those of them that are awake begin a short kernel at once.

    Two pairs of counters only grow. The calling thread writes the first of each pair, the workers the second:

    * `n_joined` workers have been asked to serve the team, and words[LEFT] of them have gone back to the pool. The
      difference is the number of workers that are awake.
    * `n_long_begun` long calls have been begun by workers, and words[LONG_ENDED] of them have ended.

    To be sent back to the pool, the workers compare words[SUMMONS] with the `summons` with which they joined. The
    counters may be wrong after Ctrl-C, which costs time only: the calling thread does what no worker begins.
    """

    __slots__ = ("is_busy", "n_joined", "n_long_begun", "summons", "words")

    def __init__(self) -> None:
        self.words = np.zeros(TEAM_SIZE, np.int64)
        self.n_joined = 0
        self.n_long_begun = 0
        self.summons = 0  # number of long calls so far; each one sends the workers back to the pool
        self.is_busy = False  # between the two steps of a short call

    @property
    def n_awake(self) -> int:
        """Number of workers that have joined and not left."""
        return self.n_joined - int(self.words[LEFT])

    def run_short(
        self, function: ShortKernel | PreparedCall, n_pieces: int, count: int, arguments: tuple[Any, ...]
    ) -> None:
        """Run a short kernel on `count` threads, or on those of them that are awake.

        A signal handler may run in the middle of a call and make another one, which then gets a team of its own.
        """
        if self.is_busy:
            _Team().run_short(function, n_pieces, 1, arguments)
            return
        if count > 1 and (n_missing := count - 1 - self.n_awake) > 0:
            _start_workers(count - 1)
            for _ in range(n_missing):
                _calls.put(_Call(serve, (self.words, self.summons, 0), None, 0))
                self.n_joined += 1
        self.is_busy = True
        try:
            function.pack(self.words, *arguments)
            n_failed = share_call(self.words, n_pieces, count)
        finally:
            self.is_busy = False
        if n_failed:
            raise RuntimeError(f"the kernel {function.name} failed")

    def run_long(self, function: Callable[..., None], n_pieces: int, count: int, arguments: tuple[Any, ...]) -> None:
        """Run any other kernel on `count` threads; the workers of the team get its calls from the pool's queue."""
        _start_workers(count - 1)
        self.summons += 1
        edges = [k * n_pieces // count for k in range(count + 1)]
        calls = [
            _Call(function, (*edge, *arguments), self.words, self.summons)
            for edge in zip(edges[1:-1], edges[2:], strict=True)
        ]
        is_complete = False
        try:
            for call in calls:
                _calls.put(call)
            self.words[SUMMONS] = self.summons
            function(0, edges[1], *arguments)
            for call in calls:
                if call.claim.acquire(blocking=False):
                    call.run()
            await_long(self.words, self.n_long_begun + sum(call.by_worker for call in calls))
            is_complete = True
        finally:
            try:
                _wait_for(calls, is_complete)
            finally:
                n_begun = sum(call.by_worker for call in calls)
                self.n_long_begun += n_begun
                self.n_joined += n_begun  # a worker that ends a long call then serves the team, see `_run_calls`
        for call in calls:
            if call.error is not None:
                raise call.error


class _Settings(local):
    """The settings of each thread: the largest number of threads of its kernels, and its team."""

    def __init__(self) -> None:
        self.limit: int = numba.config.NUMBA_NUM_THREADS
        self.team = _Team()


_settings = _Settings()
_calls: SimpleQueue[_Call] = SimpleQueue()
_workers: list[Thread] = []
_growing = Lock()  # held while workers are started


def run_pieces(
    function: Callable[..., None] | ShortKernel, n_pieces: int, *arguments: Any, cost: float | None = None
) -> None:
    """Call ``function(first, last, *arguments)`` on ranges that together cover the pieces 0 to n_pieces - 1.

    Each thread gets one range; the calling thread works on the first one, and then on those that no worker has begun.
    So calls from many threads, and calls inside a worker, do not wait for free workers. The number of threads is
    `thread_count`, or less if there is little work. `cost` is the approximate time of one piece in nanoseconds; without
    it, the work is taken to be enough for all threads. An exception that a call raises is raised here, after all calls
    have ended. So is an interrupt by Ctrl-C.
    """
    is_short = isinstance(function, ShortKernel)
    count = min(n_pieces, _settings.limit)
    if cost is not None and count > 1:
        count = min(count, int(n_pieces * cost) // (MIN_SHORT_WORK_PER_THREAD if is_short else MIN_WORK_PER_THREAD))
    if is_short:
        _settings.team.run_short(function, n_pieces, max(count, 1), arguments)
    elif count > 1:
        _settings.team.run_long(function, n_pieces, count, arguments)
    else:
        function(0, n_pieces, *arguments)


def run_alone(function: Callable[..., None], *arguments: Any) -> None:
    """Call a kernel that has no pieces on the calling thread; who observes `run_pieces` can observe this call, too."""
    function(*arguments)


def prepare_pieces(function: ShortKernel, n_pieces: int, *arguments: Any, cost: float) -> Callable[[], None]:
    """Return a function that makes the same call of a short kernel as `run_pieces`, and keeps the arguments.

    Use it where an iteration repeats a call.
    """
    return PreparedCall(function, n_pieces, arguments, cost)


def _start_workers(count: int) -> None:
    """Start workers until there are at least `count`, or as many as the system allows."""
    if len(_workers) >= count:
        return
    serve(np.zeros(TEAM_SIZE, np.int64), 1, 0)  # returns at once; compiled here, so that its warnings come from here
    with _growing:
        while len(_workers) < count:
            worker = Thread(target=_run_calls, daemon=True)
            try:
                worker.start()
            except RuntimeError:  # no more threads to be had: the calling thread does the work itself
                return
            _workers.append(worker)


def _wait_for(calls: list[_Call], is_complete: bool) -> None:
    """Wait until all calls have ended, and raise Ctrl-C only then: workers still use the arrays of the caller.

    If the calling thread failed before each call was claimed (not `is_complete`), calls that no one has claimed are
    claimed here, so that no worker begins them.
    """
    interrupt = None
    for call in calls:
        if not is_complete and call.claim.acquire(blocking=False):
            continue
        while not call.has_ended:
            try:
                call.finished.acquire(timeout=0.2)
            except KeyboardInterrupt as error:  # the lock may be acquired all the same, so only `has_ended` tells
                interrupt = error
            if not is_complete and not call.is_started:
                break  # claimed by the calling thread, which was interrupted before it began the call
    if interrupt is not None:
        raise interrupt


@contextmanager
def thread_limit(count: int) -> Iterator[None]:
    """Run the kernels that this thread calls on at most `count` threads; restore the limit afterwards."""
    before = thread_count()
    limit_threads(count)
    try:
        yield
    finally:
        _settings.limit = before


def limit_threads(count: int) -> None:
    """Run the kernels that this thread calls on at most `count` threads from now on."""
    _settings.limit = max(1, min(thread_count(), count))


def threads_for(n_unknowns: int) -> AbstractContextManager[None]:
    """Limit kernels to as many threads as help with `n_unknowns` unknowns; restore the limit afterwards."""
    return thread_limit(int(n_unknowns) // MIN_UNKNOWNS_PER_THREAD)


def thread_count() -> int:
    """Return the largest number of threads on which a kernel called by this thread may run."""
    return _settings.limit


def _run_calls() -> None:
    """Run calls from the queue in an endless loop; this is what a worker thread executes."""
    _settings.limit = 1
    while True:
        call = _calls.get()
        if call.claim.acquire(blocking=False):
            call.by_worker = True
            call.run()
            if call.words is not None:
                serve(call.words, call.summons, 1)
        del call


def _forget_workers() -> None:
    """Empty the pool, the team and the queue in a forked process, which does not inherit its parent's threads."""
    global _calls, _growing
    _workers.clear()
    _settings.team = _Team()
    _calls, _growing = SimpleQueue(), Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_workers)
    # fork waits until no other thread compiles: a compiler that stopped half-way would not work in the forked process
    os.register_at_fork(
        before=global_compiler_lock.acquire,
        after_in_parent=global_compiler_lock.release,
        after_in_child=global_compiler_lock.release,
    )
