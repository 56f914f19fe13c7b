"""The worker processes and the queue before them.

Each worker does one request at a time. A request waits for a free worker no longer than the queue's deadline, and is
worked on no longer than the time limit. Work that is cancelled, by its client or by the limit, is interrupted; a worker
that does not answer the interrupt is killed. A worker that dies is replaced.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from typing import Any

from hybridmatte.server.failures import Refusal
from hybridmatte.server.settings import Settings
from hybridmatte.server.work import Cancelled, Failed, Listed, Ready, Result, Work
from hybridmatte.server.worker import serve_pipe

__all__ = ["Workers"]

GRACE_SECONDS = 1.0  # from the interrupt of a worker to its end by force
FAILURES = 3  # of starts in a row, after which requests are refused at once
MAX_PAUSE = 30.0  # seconds between two attempts to start a worker

log = logging.getLogger("hybridmatte.server")


class WorkerDied(Exception):
    """The process of a worker has ended."""


class Worker:
    """A process and the pipe to it; `call` blocks, and is called in threads."""

    def __init__(self, segmenters: tuple[str, ...]) -> None:
        context = get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(
            target=serve_pipe, args=(other, segmenters), daemon=True, name="hybridmatte worker"
        )
        self.process.start()
        other.close()

    def receive(self) -> Any:
        """Wait for a message."""
        try:
            return self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            raise WorkerDied from None

    def call(self, work: Work) -> Any:
        """Send work, and wait for its result."""
        with suppress(OSError):  # a dead worker: `receive` says so
            self.pipe.send(work)
        return self.receive()

    def interrupt(self) -> None:
        """Cancel the work under way."""
        if self.process.pid is not None and self.process.is_alive():
            if os.name == "posix":
                os.kill(self.process.pid, signal.SIGINT)
            else:
                self.process.kill()

    def end(self) -> None:
        """End the process, by force."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


class Workers:
    """All workers and the queue; its methods run in one event loop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.n_waiting, self.n_busy, self.n_failures, self.n_deaths = 0, 0, 0, 0
        self.workers: set[Worker] = set()
        self._idle: deque[Worker] = deque()
        self._waiters: deque[asyncio.Future[Worker]] = deque()
        self._threads = ThreadPoolExecutor(2 * settings.workers + 2, "hybridmatte pipe")
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False
        self._listing: asyncio.Future[dict[str, Any]] | None = None

    @property
    def is_ready(self) -> bool:
        """Whether at least one worker has warmed up."""
        return bool(self.workers)

    @property
    def is_failing(self) -> bool:
        """Whether no worker can be started."""
        return not self.workers and self.n_failures >= FAILURES

    def start(self) -> None:
        """Start the workers in the background: the first alone, since it may compile what the others then load."""
        self._listing = asyncio.get_running_loop().create_future()
        self._spawn(self._start_all())

    async def listing(self) -> dict[str, Any]:
        """Return the methods, qualities and segmenters of the workers, as soon as the first one has started."""
        if self._listing is None or self.is_failing:
            raise _not_started()
        try:
            return await asyncio.wait_for(asyncio.shield(self._listing), self.settings.queue_seconds)
        except asyncio.TimeoutError:
            raise _not_started() from None

    def refuse_if_full(self) -> None:
        """Refuse a request, before its body is read, that could not even wait."""
        if self.is_failing:
            raise _not_started()
        if not self._idle and self.n_waiting >= self.settings.queue:
            raise Refusal(429, f"{self.n_waiting} requests wait already, expected at most {self.settings.queue}")

    async def close(self) -> None:
        """End all processes."""
        self._is_closed = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for worker in list(self.workers):
            worker.end()
        self.workers.clear()
        self._threads.shutdown(wait=False)

    async def run(self, work: Work) -> Result:
        """Return the result of work, or raise the `Refusal` that is the answer instead."""
        worker = await self._take()
        self.n_busy += 1
        threads = max(1, (os.cpu_count() or 1) // self.n_busy)
        call = asyncio.get_running_loop().run_in_executor(self._threads, worker.call, work._replace(threads=threads))
        limit = self.settings.request_seconds
        try:
            answer = await asyncio.wait_for(asyncio.shield(call), limit)
        except asyncio.TimeoutError:
            raise Refusal(503, f"the work has taken more than {limit:g} s and was stopped, expected less") from None
        except WorkerDied:
            raise Refusal(503, "the process that did the work has died (out of memory?), expected a result") from None
        finally:
            self.n_busy -= 1
            self._spawn(self._take_back(worker, call))
        return _result_of(answer)

    async def _take(self) -> Worker:
        """Return a free worker; wait in the queue for it."""
        self.refuse_if_full()
        if self._idle:
            return self._idle.popleft()
        waiter: asyncio.Future[Worker] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        self.n_waiting += 1
        limit = self.settings.queue_seconds
        try:
            return await asyncio.wait_for(asyncio.shield(waiter), limit)
        except asyncio.TimeoutError:
            state = "" if self.is_ready else "; the service is still warming up"
            raise Refusal(503, f"no worker was free for {limit:g} s, expected one{state}") from None
        except asyncio.CancelledError:
            raise
        finally:
            self.n_waiting -= 1
            self._leave(waiter)

    def _leave(self, waiter: asyncio.Future[Worker]) -> None:
        """Take a waiter out of the queue; a worker that it got too late is free again."""
        if waiter in self._waiters:
            self._waiters.remove(waiter)
            waiter.cancel()

    def _give(self, worker: Worker) -> None:
        """Give a free worker to the first who waits."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(worker)
                return
        self._idle.append(worker)

    async def _take_back(self, worker: Worker, call: asyncio.Future[Any]) -> None:
        """Wait until a worker is free again, by interrupt and by force; replace it if it has died."""
        if not call.done():
            worker.interrupt()
            await asyncio.wait([call], timeout=GRACE_SECONDS)
        if not call.done():
            worker.process.kill()
            await asyncio.wait([call])
        if call.exception() is None and worker.process.is_alive():
            self._give(worker)
            return
        self.workers.discard(worker)
        self.n_deaths += 1
        worker.end()
        log.warning("a worker has ended with exit code %s; another one is started", worker.process.exitcode)
        await self._start_one()

    async def _start_all(self) -> None:
        await self._start_one()
        await asyncio.gather(*(self._start_one() for _ in range(self.settings.workers - 1)))

    async def _start_one(self) -> None:
        """Start a worker and wait until it is warm; try again, with longer and longer pauses, if it dies before."""
        loop = asyncio.get_running_loop()
        pause = 1.0
        while not self._is_closed:
            worker = await loop.run_in_executor(self._threads, Worker, self.settings.segmenters)
            try:
                listed = await loop.run_in_executor(self._threads, worker.receive)
                assert isinstance(listed, Listed)
                if self._listing is not None and not self._listing.done():
                    self._listing.set_result(listed.entries)
                message = await loop.run_in_executor(self._threads, worker.receive)
            except WorkerDied:
                self.n_failures += 1
                log.error("a worker has died while it started, with exit code %s", worker.process.exitcode)
                await asyncio.sleep(pause)
                pause = min(2 * pause, MAX_PAUSE)
                continue
            except asyncio.CancelledError:
                worker.end()
                raise
            assert isinstance(message, Ready)
            log.info("a worker is ready after %.1f s", message.seconds)
            self.n_failures = 0
            self.workers.add(worker)
            self._give(worker)
            return

    def _spawn(self, work: Any) -> None:
        """Run a coroutine in the background."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _not_started() -> Refusal:
    return Refusal(503, "no worker process has started, expected one; the log of the service says why")


def _result_of(answer: Result | Refusal | Cancelled | Failed) -> Result:
    """Return a result; raise what came instead."""
    if isinstance(answer, Refusal):
        raise answer
    if isinstance(answer, Failed):
        log.error("a request has failed\n%s", answer.trace)
        raise Refusal(500, "the work has failed by a fault of the service, whose log has the details")
    if isinstance(answer, Cancelled):
        raise Refusal(503, "the work was cancelled")
    return answer
