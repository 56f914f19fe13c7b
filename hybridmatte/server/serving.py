"""Run the service until it is told to end."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import time
import webbrowser
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from threading import Thread
from types import FrameType
from typing import Any

import uvicorn

from hybridmatte.server.connections import HEADER_BYTES, Connection
from hybridmatte.server.counts import Counts
from hybridmatte.server.gate import Gate
from hybridmatte.server.settings import Settings
from hybridmatte.server.workers import Workers

__all__ = ["config_of", "grace_seconds_of", "make_app", "serve"]

PAGE = Path(__file__).parent / "page"
KEEP_ALIVE_SECONDS = 30
SIGNAL_SECONDS = 0.05  # between two looks for a second Ctrl-C
EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # where a browser on this machine finds what listens everywhere
CLOSING_SECONDS = 2.0  # in which refused requests read their answers

log = logging.getLogger("hybridmatte.server")


def make_app(settings: Settings, functions: Mapping[str, Callable[..., Any]], page: Path = PAGE) -> Gate:
    """Return the ASGI application; functions are those of the command line by the names of the commands."""
    workers, counts = Workers(settings), Counts()

    def make_api() -> Any:
        commands = import_module("hybridmatte.server.commands").commands_of(functions, settings.segmenters)
        return import_module("hybridmatte.server.api").make_api(settings, workers, commands, counts)

    return Gate(settings, workers, counts, make_api, page)


class _Server(uvicorn.Server):
    """uvicorn, whose process ends normally after a signal, and with an answer to every request.

    Its own deadline and its own end by force cancel requests, which then get no JSON.
    """

    def __init__(self, config: uvicorn.Config, gate: Gate, grace_seconds: float) -> None:
        super().__init__(config)
        self._gate, self._grace_seconds, self._is_hurried = gate, grace_seconds, False

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let SIGTERM and Ctrl-C end the service after the requests under way; a second Ctrl-C ends it at once."""
        before = {number: signal.signal(number, self._end) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _end(self, number: int, _frame: FrameType | None) -> None:
        self._is_hurried |= self.should_exit and number == signal.SIGINT
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish the requests under way, end the workers, and close the connections."""
        ending = asyncio.create_task(self._end_requests())
        try:
            await super().shutdown(sockets)
        finally:
            ending.cancel()

    async def _end_requests(self) -> None:
        """Refuse what is under way, at the deadline or after a second Ctrl-C; then close what does not end."""
        deadline = time.monotonic() + self._grace_seconds
        while not self._is_hurried and time.monotonic() < deadline:
            await asyncio.sleep(SIGNAL_SECONDS)
        log.warning("requests under way are stopped")
        self._gate.refuse_all()
        await asyncio.sleep(CLOSING_SECONDS)
        for connection in list(self.server_state.connections):
            connection.transport.abort()


def serve(
    settings: Settings,
    functions: Mapping[str, Callable[..., Any]],
    *,
    say: Callable[[str], object],
    is_opened: bool = False,
) -> None:
    """Serve until SIGTERM or Ctrl-C; then finish the requests under way, and return.

    `say` is told the address of the page. With `is_opened`, the page is opened in the browser; it asks for the token,
    which other users of the machine would see in the arguments of the browser.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    listener = _listen(settings.host, settings.port)
    gate = make_app(settings, functions)
    address = address_of(listener, settings.host)
    say(f"listening on {address}")
    if is_opened:
        page = address_of(listener, EVERY_ADDRESS.get(settings.host, settings.host))
        Thread(target=webbrowser.open, args=(page,), daemon=True).start()  # answered once the server runs
    _Server(config_of(gate), gate, grace_seconds_of(settings)).run(sockets=[listener])


def grace_seconds_of(settings: Settings) -> float:
    """Return the longest time in which the requests under way are finished."""
    return settings.upload_seconds + settings.queue_timeout + settings.timeout + 1


def config_of(gate: Gate) -> uvicorn.Config:
    """Return the settings of uvicorn."""
    return uvicorn.Config(
        gate,
        log_config=None,
        access_log=False,
        ws="none",
        server_header=False,
        proxy_headers=False,
        http=partial(Connection, counts=gate.counts),
        h11_max_incomplete_event_size=HEADER_BYTES,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )


def _listen(host: str, port: int) -> socket.socket:
    """Return a listening socket."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends at once, without Nagle's algorithm, only where the protocol is named
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host.strip("[]"), port))
    except OSError as error:
        listener.close()
        raise OSError(
            f"port {port} of {host} cannot be used ({error.strerror or error}), expected a free one"
        ) from error
    listener.listen(128)
    listener.set_inheritable(False)
    return listener


def address_of(listener: socket.socket, host: str) -> str:
    """Return the address of the page."""
    port = listener.getsockname()[1]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"
