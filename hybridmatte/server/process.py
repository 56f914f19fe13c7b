"""One worker process as the service sees it, and the pipe to it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context, resource_tracker
from typing import Any

from hybridmatte.server.work import Begun, Work
from hybridmatte.server.worker import serve_pipe

__all__ = ["DiedBefore", "Worker", "WorkerDied"]


class WorkerDied(Exception):
    """The process of a worker has ended."""


class DiedBefore(WorkerDied):
    """The process of a worker had ended before it got its work."""


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Let a process that is started in the block begin with SIGINT blocked: Ctrl-C in a terminal is for the service."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # its start would unblock SIGINT
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Worker:
    """A spawned process: a forked one would inherit locks that other threads hold.

    `receive` and `call` block, and are called in threads.
    """

    def __init__(self, segmenters: tuple[str, ...]) -> None:
        context = get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=serve_pipe, args=(other, segmenters), daemon=True)
        with _without_interrupts():
            self._process.start()
        other.close()

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.is_alive()

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid or 0

    def receive(self) -> Any:
        """Wait for a message."""
        try:
            return self._pipe.recv()
        except (EOFError, OSError):
            self._process.join()
            raise WorkerDied from None

    def call(self, work: Work) -> Any:
        """Send work, and wait for its result."""
        try:
            with suppress(OSError):  # a dead worker: `receive` says so
                self._pipe.send(work)
            begun = self.receive()
            assert isinstance(begun, Begun)
        except WorkerDied:
            raise DiedBefore from None
        return self.receive()

    def interrupt(self) -> None:
        """Cancel the work under way; the worker then answers that it is cancelled."""
        if os.name != "posix":
            self.kill()
        elif self.is_alive:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGINT)

    def kill(self) -> None:
        """End the process by force."""
        self._process.kill()

    def end(self) -> int | None:
        """End the process by force, wait for its end, and return its exit code."""
        self.kill()
        self._process.join()
        self._pipe.close()
        return self._process.exitcode
