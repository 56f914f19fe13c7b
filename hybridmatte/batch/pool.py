"""Run one function over many jobs, in this process or in several, and collect what failed.

A spawned worker imports this module before it sets the environment variables that limit its threads. Numba and OpenCV
read these variables when they are imported. So this module and what it imports must import neither.
"""

from __future__ import annotations

import os
import signal
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from itertools import islice
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from typing import NamedTuple

from hybridmatte.automatic.found import Findings
from hybridmatte.batch.pairing import Job
from hybridmatte.errors import is_interrupt

__all__ = ["Outcome", "run_job", "run_jobs"]

KINDS = ("image", "mask", "alpha")  # of what a job is for, as errors that name it begin
THREAD_VARIABLES = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")


class Outcome(NamedTuple):
    """The result of a job: seconds taken, warnings given, the error as one sentence, or None, and what is to be said.

    findings is None for work other than that of `auto`, and for a job that failed.
    """

    job: Job
    seconds: float
    warnings: tuple[str, ...]
    error: str | None
    findings: Findings | None = None


def run_jobs(
    jobs: Iterable[Job],
    work: Callable[[Job], object],
    *,
    workers: int = 1,
    on_done: Callable[[Outcome], object] | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> list[Outcome]:
    """Call a function for every job. A job that fails, or whose process dies, stops no other.

    Parameters
    ----------
    jobs : iterable of Job
        What to do.
    work : callable
        Takes a job; must be picklable if workers is above 1.
    workers : int, default 1
        Number of processes, each with an equal share of the processor's threads. 1 works in this process.
    on_done : callable, optional
        Called in this process with each Outcome, in the order of completion.
    is_cancelled : callable, optional
        Asked in this process before each job is begun. Once it is true, no other job is begun; those under way end.

    Returns
    -------
    outcomes : list of Outcome
        In the order of completion.
    """
    jobs, outcomes = list(jobs), []

    def collect(outcome: Outcome) -> None:
        outcomes.append(outcome)
        if on_done is not None:
            on_done(outcome)

    if workers <= 1 or len(jobs) <= 1:
        for job in jobs:
            if is_cancelled():
                break
            collect(run_job(work, job))
        return outcomes
    unfinished = _run_in_pool(jobs, work, min(workers, len(jobs)), collect, is_cancelled)
    for job in unfinished:  # a process died: a process for each remaining job shows which job makes it die
        if _run_in_pool([job], work, 1, collect, is_cancelled):
            collect(Outcome(job, 0.0, (), f"{_name_of(job)}: its process died (out of memory?), expected a result"))
    return outcomes


def run_job(work: Callable[[Job], object], job: Job) -> Outcome:
    """Call a function for one job; any error becomes a sentence of the outcome."""
    start, error, result = time.perf_counter(), None, None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = work(job)
        except Exception as problem:  # noqa: BLE001 - an error of one job is reported, and must not stop the others
            if is_interrupt(problem):
                raise KeyboardInterrupt from None
            error = " ".join(str(problem).split() or [type(problem).__name__])
            if not error.startswith(tuple(f"{kind} {job.image} " for kind in KINDS)):
                error = f"{_name_of(job)}: {error}"
    messages = tuple(" ".join(str(warning.message).split()) for warning in caught)
    findings = result if isinstance(result, Findings) else None
    return Outcome(job, time.perf_counter() - start, messages, error, findings)


def _name_of(job: Job) -> str:
    return Path(str(job.image)).name


def _run_in_pool(
    jobs: list[Job],
    work: Callable[[Job], object],
    workers: int,
    collect: Callable[[Outcome], None],
    is_cancelled: Callable[[], bool],
) -> list[Job]:
    """Run jobs in a new pool of processes; return the unfinished jobs if one of the processes died.

    A process gets its next job when it has finished one, so that a cancelled run has no job that waits to begin.
    The processes watch a pipe, whose other end is open in this process only. They end when it is closed: by this
    process at an exception such as Ctrl-C, and by the system if this process is killed.
    """
    threads = max(1, (os.cpu_count() or 1) // workers)
    context = get_context("spawn")
    watched, held = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(workers, context, initializer=_begin_worker, initargs=(threads, watched))
    unfinished, pending, waiting = dict.fromkeys(jobs), {}, iter(jobs)
    try:
        while True:
            with _interrupts_later():
                for job in islice(waiting, 0 if is_cancelled() else workers - len(pending)):
                    pending[pool.submit(run_job, work, job)] = job
            if not pending:
                break
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                collect(future.result())
                del unfinished[pending.pop(future)]
    except BrokenProcessPool:
        return list(unfinished)
    except BaseException:
        held.close()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        held.close()
        watched.close()
    return []


@contextmanager
def _interrupts_later() -> Iterator[None]:
    """Delay Ctrl-C to the end of the block; processes that are started in the block never receive it.

    A terminal sends Ctrl-C to all processes. A worker that starts, or waits for a job, would print a traceback.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin_worker(threads: int, watched: Connection) -> None:
    """Set the number of threads that Numba, OpenMP, OpenBLAS and OpenCV will use; let the main process end this one."""
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with, args=(watched,), daemon=True).start()


def _end_with(watched: Connection) -> None:
    """End this process when the other end of the pipe is closed."""
    with suppress(EOFError, OSError):
        watched.recv_bytes()
    os._exit(1)
