"""Run one function over many jobs, in this process or in several, and collect what failed.

A spawned worker imports this module before it sets the environment variables that limit its threads. Numba and OpenCV
read these variables when they are imported. So this module and what it imports must import neither.
"""

from __future__ import annotations

import os
import signal
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sized
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from itertools import islice
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

from hybridmatte.automatic.found import Findings
from hybridmatte.batch.cores import available_cores
from hybridmatte.batch.items import Delivery
from hybridmatte.errors import is_interrupt

__all__ = ["Outcome", "finish_jobs", "run_apart", "run_job", "run_jobs"]

KINDS = ("image", "mask", "alpha")  # of what a job is for, as errors that name it begin
THREAD_VARIABLES = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
DEVICE_VARIABLE = "HYBRIDMATTE_NETWORK_DEVICE"  # where a worker loads its network; without it, cpu


class Outcome(NamedTuple):
    """The result of a job: seconds taken, warnings given, the error as one sentence, or None, and what is to be said.

    findings is None for work other than that of `auto`, and for a job that failed. delivery is what the work of an item
    of a batch gives back.
    """

    job: Any
    seconds: float
    warnings: tuple[str, ...]
    error: str | None
    findings: Findings | None = None
    delivery: Delivery | None = None


def run_jobs(
    jobs: Iterable[Any],
    work: Callable[[Any], object],
    *,
    workers: int = 1,
    on_done: Callable[[Outcome], object] | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> list[Outcome]:
    """Call a function for every job, see `finish_jobs`, and return all outcomes.

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
    outcomes = []
    for outcome in finish_jobs(jobs, work, workers=workers, is_cancelled=is_cancelled):
        outcomes.append(outcome)
        if on_done is not None:
            on_done(outcome)
    return outcomes


def finish_jobs(
    jobs: Iterable[Any],
    work: Callable[[Any], object],
    *,
    workers: int = 1,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Outcome]:
    """Call a function for every job, and yield each Outcome. A job that fails, or whose process dies, stops no other.

    The arguments are those of `run_jobs`. A job is taken from the iterable when a process is free for it, so that no
    more of them are in memory than there are workers. A job that was under way when a process died is done again alone:
    so the one that makes its process die is known, and the others are finished.
    """
    if isinstance(jobs, Sized):
        workers = min(workers, len(jobs))
    waiting = iter(jobs)
    if workers <= 1:
        for job in _until(waiting, is_cancelled):
            yield run_job(work, job)
        return
    has_died = True
    while has_died:
        has_died = False
        suspects: list[Any] = []
        yield from _run_in_pool(waiting, work, workers, is_cancelled, suspects)
        for job in _until(suspects, is_cancelled):
            has_died = True
            dead: list[Any] = []
            yield from _run_in_pool(iter([job]), work, 1, is_cancelled, dead)
            if dead:
                error = f"{_name_of(job)}: its process died (out of memory?), expected a result"
                yield Outcome(job, 0.0, (), error)


def _until(jobs: Iterable[Any], is_cancelled: Callable[[], bool]) -> Iterator[Any]:
    """Yield jobs until the run is cancelled, which is asked before each is taken."""
    waiting = iter(jobs)
    while not is_cancelled():
        try:
            yield next(waiting)
        except StopIteration:
            return


def run_job(work: Callable[[Any], object], job: Any) -> Outcome:
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
    delivery = result if isinstance(result, Delivery) else None
    findings = delivery.findings if delivery is not None else result if isinstance(result, Findings) else None
    return Outcome(job, time.perf_counter() - start, messages, error, findings, delivery)


def run_apart(work: Callable[[Any], object], job: Any) -> Outcome:
    """Do what `run_job` does in another process: the job, which may hold the bytes of pictures, is not sent back."""
    return run_job(work, job)._replace(job=None)


def _name_of(job: Any) -> str:
    return Path(str(job.image)).name


def _run_in_pool(
    waiting: Iterator[Any],
    work: Callable[[Any], object],
    workers: int,
    is_cancelled: Callable[[], bool],
    suspects: list[Any],
) -> Iterator[Outcome]:
    """Run jobs in a new pool of processes; if one of these died, put the jobs under way into suspects and end.

    A process gets its next job when it has finished one, so that a cancelled run has no job that waits to begin.
    The processes watch a pipe, whose other end is open in this process only. They end when it is closed: by this
    process at an exception such as Ctrl-C, and by the system if this process is killed.
    """
    threads = max(1, available_cores() // workers)
    context = get_context("spawn")
    watched, held = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(workers, context, initializer=_begin_worker, initargs=(threads, watched))
    pending: dict[Future[Outcome], Any] = {}
    try:
        while not suspects:
            _submit(pool, waiting, work, workers, is_cancelled, pending, suspects)
            if not pending:
                break
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                job = pending.pop(future)
                try:
                    outcome = future.result()
                except BrokenProcessPool:
                    suspects.append(job)
                    continue
                yield outcome._replace(job=job)
        for future, job in pending.items():  # all are done, or broken with their pool
            if isinstance(future.exception(), BrokenProcessPool):
                suspects.append(job)
            else:
                yield future.result()._replace(job=job)
    except BaseException:
        held.close()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        held.close()
        watched.close()


def _submit(
    pool: ProcessPoolExecutor,
    waiting: Iterator[Any],
    work: Callable[[Any], object],
    workers: int,
    is_cancelled: Callable[[], bool],
    pending: dict[Future[Outcome], Any],
    suspects: list[Any],
) -> None:
    """Give every free process a job; a pool that is broken already makes the job a suspect."""
    for job in islice(_until(waiting, is_cancelled), workers - len(pending)):
        try:
            with _interrupts_later():
                pending[pool.submit(run_apart, work, job)] = job
        except BrokenProcessPool:
            suspects.append(job)
            return


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
