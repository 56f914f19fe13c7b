"""The worker processes and the queue before them.

Each worker does one request at a time. A request waits for a free worker no longer than the queue's deadline, and is
worked on no longer than the time limit. Work that is cancelled, by its client or by the limit, is interrupted; a worker
that does not answer the interrupt is killed. A worker that dies is replaced.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from hybridmatte.batch.cores import available_cores
from hybridmatte.server.failures import FAULT, TIME_LIMIT, Refusal
from hybridmatte.server.process import DiedBefore, Worker, WorkerDied
from hybridmatte.server.settings import Settings
from hybridmatte.server.work import COMPILATION, Cancelled, Compiling, Failed, Listed, Ready, Result, Work

__all__ = ["NOT_STARTED", "Workers"]

GRACE_SECONDS = 5.0  # from the interrupt of a worker to its end by force; a kernel ends before it is interrupted
INTERRUPT_SECONDS = 0.5  # between two interrupts: a worker ignores the first one if it has yet to read its work
WATCH_SECONDS = 1.0  # between two looks for workers that died without work
WARMING_SECONDS = 300.0  # longest wait for the first worker, which may have to compile
NOTE_SECONDS = 15.0  # between two lines of the log while kernels are compiled
LOADING = "the library is being imported and its kernels read, which takes some seconds"
NOT_STARTED = "no worker process has started, expected one; the log of the service says why"
ATTEMPTS = 3  # to find a worker that gets the work
FAILURES = 3  # of starts in a row, after which requests are refused at once
MAX_PAUSE = 30.0  # seconds between two attempts to start a worker

log = logging.getLogger("hybridmatte.server")


class Workers:
    """All workers and the queue; its methods run in one event loop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.n_admitted, self.n_busy, self.n_failures, self.n_deaths = 0, 0, 0, 0
        self.workers: set[Worker] = set()
        self._idle: deque[Worker] = deque()
        self._waiters: deque[asyncio.Future[Worker]] = deque()
        self._threads = ThreadPoolExecutor(2 * settings.workers + 2, "hybridmatte pipe")
        self._tasks: set[asyncio.Task[None]] = set()
        self._calls: set[asyncio.Future[Any]] = set()
        self._listing: asyncio.Future[dict[str, Any]] | None = None
        self._is_closed, self._is_compiling, self._began = False, False, time.monotonic()

    @property
    def n_waiting(self) -> int:
        """Number of requests that wait for a worker."""
        return len(self._waiters)

    @property
    def is_ready(self) -> bool:
        """Whether at least one worker has warmed up."""
        return bool(self.workers)

    @property
    def is_failing(self) -> bool:
        """Whether no worker can be started."""
        return not self.workers and self.n_failures >= FAILURES

    @property
    def warming_seconds(self) -> float:
        """Seconds since the workers were started, or since the last one was lost."""
        return time.monotonic() - self._began

    @property
    def reason(self) -> str | None:
        """Why requests wait or are refused, in words; None if there is a worker."""
        if self.is_ready:
            return None
        if self.is_failing:
            return NOT_STARTED
        return COMPILATION if self._is_compiling else LOADING

    def start(self) -> None:
        """Start the workers in the background: the first alone, since it may compile what the others then load."""
        if self._is_closed:
            return
        self._listing = asyncio.get_running_loop().create_future()
        self._spawn(self._start_all())
        self._spawn(self._watch())

    def fail(self) -> None:
        """Refuse all requests from now on: no worker can be started."""
        self.n_failures = FAILURES
        self._refuse_waiters()

    async def close(self) -> None:
        """End all processes."""
        self._is_closed = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for worker in self.workers:
            worker.end()
        await asyncio.gather(*self._calls, return_exceptions=True)
        self.workers.clear()
        self._threads.shutdown(wait=False)

    async def listing(self) -> dict[str, Any]:
        """Return the methods, qualities and segmenters of the workers, as soon as the first one has started."""
        if self._listing is None or self.is_failing:
            raise Refusal(503, NOT_STARTED)
        await asyncio.wait([self._listing], timeout=self.settings.queue_timeout)
        if not self._listing.done():
            raise self._still_warming()
        return self._listing.result()

    @contextmanager
    def admission(self) -> Iterator[None]:
        """Count a request in the block, from before its body is read; refuse one that could not even wait."""
        if self.is_failing:
            raise Refusal(503, NOT_STARTED)
        if self.n_admitted >= self.settings.workers + self.settings.queue:
            raise Refusal(429, f"{self.n_admitted} requests are under way or wait, expected another time")
        self.n_admitted += 1
        try:
            yield
        finally:
            self.n_admitted -= 1

    async def run(self, work: Work) -> Result:
        """Return the result of work, or raise the `Refusal` that is the answer instead."""
        for _ in range(ATTEMPTS):
            try:
                return await self._try(work)
            except DiedBefore:
                log.warning("a worker has died while it waited; another one gets its work")
        raise _died()

    async def _try(self, work: Work) -> Result:
        """Return the result of work by the next free worker."""
        worker = await self._take()
        self.n_busy += 1
        work = work._replace(threads=max(1, available_cores() // self.n_busy), at_once=self.n_busy)
        call = asyncio.get_running_loop().run_in_executor(self._threads, worker.call, work)
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        try:
            await asyncio.wait([call], timeout=self.settings.timeout)
        finally:
            self.n_busy -= 1
            self._release(worker, call)
        if not call.done():
            limit = self.settings.timeout
            sentence = f"the work has taken more than {limit:g} s and was stopped, expected less"
            raise Refusal(503, sentence, kind=TIME_LIMIT)
        try:
            return _result_of(call.result())
        except DiedBefore:
            raise
        except WorkerDied:
            raise _died() from None

    async def _take(self) -> Worker:
        """Return a free worker; wait in the queue for it."""
        while self._idle:
            worker = self._idle.popleft()
            if worker.is_alive:
                return worker
            self._spawn(self._replace(worker))
        waiter: asyncio.Future[Worker] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        limit = self.settings.queue_timeout if self.is_ready else max(WARMING_SECONDS, self.settings.queue_timeout)
        try:
            await asyncio.wait([waiter], timeout=limit)
        except asyncio.CancelledError:
            if waiter.done() and waiter.exception() is None:
                self._give(waiter.result())
            raise
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
        if not waiter.done():
            if not self.is_ready:
                raise self._still_warming()
            raise Refusal(503, f"no worker was free for {limit:g} s, expected one")
        return waiter.result()

    def _still_warming(self) -> Refusal:
        """Return the refusal of a request that waited for the first worker in vain."""
        reason, seconds = self.reason or LOADING, self.warming_seconds
        return Refusal(503, f"{reason}; {seconds:.0f} s have passed, expected another request once /health says ready")

    def _give(self, worker: Worker) -> None:
        """Give a free worker to the first who waits."""
        if self._waiters:
            self._waiters.popleft().set_result(worker)
        else:
            self._idle.append(worker)

    def _release(self, worker: Worker, call: asyncio.Future[Any]) -> None:
        """Give a worker on, at once if its call has ended well."""
        if call.done() and call.exception() is None:
            self._give(worker)
        else:
            self._spawn(self._recover(worker, call))

    async def _recover(self, worker: Worker, call: asyncio.Future[Any]) -> None:
        """End the work of a worker, by interrupt or by force, and give on the worker or another one."""
        for _ in range(round(GRACE_SECONDS / INTERRUPT_SECONDS)):
            if not call.done():
                worker.interrupt()
                await asyncio.wait([call], timeout=INTERRUPT_SECONDS)
        if not call.done():
            worker.kill()
            await asyncio.wait([call])
        if call.exception() is None and worker.is_alive:
            self._give(worker)
        else:
            await self._replace(worker)

    async def _replace(self, worker: Worker) -> None:
        """Start a worker in place of a dead one."""
        if worker not in self.workers:
            return
        self.workers.discard(worker)
        if not self.workers:
            self._began = time.monotonic()
        self.n_deaths += 1
        log.warning("a worker has ended with exit code %s; another one is started", worker.end())
        await self._start_one()

    async def _watch(self) -> None:
        """Replace workers that die while they wait for work."""
        while not self._is_closed:
            await asyncio.sleep(WATCH_SECONDS)
            for worker in [worker for worker in self._idle if not worker.is_alive]:
                self._idle.remove(worker)
                self._spawn(self._replace(worker))

    async def _start_all(self) -> None:
        await self._start_one()
        await asyncio.gather(*(self._start_one() for _ in range(self.settings.workers - 1)))

    async def _start_one(self) -> None:
        """Start a worker and wait until it is warm; try again, with longer and longer pauses, if it dies before."""
        loop, pause = asyncio.get_running_loop(), 1.0
        while not self._is_closed:
            worker = await loop.run_in_executor(self._threads, Worker, self.settings.segmenters)
            try:
                await self._await_ready(worker)
            except WorkerDied:
                self._is_compiling = False
                self._count_failure()
                log.error("a worker has died while it started, with exit code %s", worker.end())
                await asyncio.sleep(pause)
                pause = min(2 * pause, MAX_PAUSE)
                continue
            except asyncio.CancelledError:
                worker.end()
                raise
            self.n_failures = 0
            if not self.workers:
                log.info("ready for requests after %.0f s", self.warming_seconds)
            self.workers.add(worker)
            self._give(worker)
            return

    def _count_failure(self) -> None:
        self.n_failures += 1
        if self.is_failing:
            self._refuse_waiters()

    def _refuse_waiters(self) -> None:
        """Answer the requests that wait: none of them gets a worker."""
        while self._waiters:
            self._waiters.popleft().set_exception(Refusal(503, NOT_STARTED))

    async def _await_ready(self, worker: Worker) -> None:
        """Wait until a worker has warmed up; keep the list that it sends."""
        loop = asyncio.get_running_loop()
        while True:
            message = await loop.run_in_executor(self._threads, worker.receive)
            if isinstance(message, Listed) and self._listing is not None and not self._listing.done():
                self._listing.set_result(message.entries)
            elif isinstance(message, Compiling) and not self._is_compiling:
                self._is_compiling = True
                self._spawn(self._note_compilation())
            elif isinstance(message, Ready):
                self._is_compiling = False
                log.info("a worker is ready after %.1f s", message.seconds)
                return

    async def _note_compilation(self) -> None:
        """Say in the log that kernels are compiled, and from time to time how long that has taken."""
        log.info("%s; requests wait", COMPILATION)
        await asyncio.sleep(NOTE_SECONDS)
        while self._is_compiling and not self._is_closed:
            log.info("kernels are still being compiled, after %.0f s", self.warming_seconds)
            await asyncio.sleep(NOTE_SECONDS)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine in the background."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _died() -> Refusal:
    return Refusal(503, "the process that did the work has died (out of memory?), expected a result")


def _result_of(answer: Result | Refusal | Cancelled | Failed) -> Result:
    """Return a result; raise what came instead."""
    if isinstance(answer, Refusal):
        raise answer
    if isinstance(answer, Failed):
        log.error("a request has failed\n%s", answer.trace)
        raise FAULT
    if isinstance(answer, Cancelled):
        raise Refusal(503, "the work was cancelled, expected a result")
    return answer
