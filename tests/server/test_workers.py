"""The workers and their queue, with workers that are no processes."""

import asyncio
import threading

from hybridmatte.server import workers as module
from hybridmatte.server.settings import Settings
from hybridmatte.server.work import Cancelled, Ready, Style, Work
from hybridmatte.server.workers import Workers
from tests.server.asgi import run

WORK = Work("decode", {}, {}, ("image",), Style(), 1000)


class Late:
    """A worker that ignores the first interrupt, since it has yet to read its work."""

    is_alive = True

    def __init__(self, _segmenters):
        self.n_interrupts, self.is_killed, self.is_interrupted = 0, False, threading.Event()

    def receive(self):
        return Ready(0.0)

    def call(self, _work):
        self.is_interrupted.wait(30)
        return Cancelled()

    def interrupt(self):
        self.n_interrupts += 1
        if self.n_interrupts == 2:
            self.is_interrupted.set()

    def kill(self):
        self.is_killed = True
        self.is_interrupted.set()

    def end(self):
        self.kill()


def test_an_interrupt_that_comes_too_early_is_repeated(monkeypatch):
    """The worker did all of the work that nobody waited for, and was killed after five seconds."""
    monkeypatch.setattr(module, "Worker", Late)
    monkeypatch.setattr(module, "INTERRUPT_SECONDS", 0.05)

    async def leave():
        workers = Workers(Settings(workers=1))
        workers.start()
        request = asyncio.create_task(workers.run(WORK))
        while not workers.n_busy:
            await asyncio.sleep(0.01)
        (worker,) = workers.workers
        request.cancel()
        while not workers._idle:
            await asyncio.sleep(0.01)
        was_killed, same = worker.is_killed, list(workers._idle) == [worker]
        await workers.close()
        return was_killed, same

    assert run(asyncio.wait_for(leave(), 20)) == (False, True)
