"""Connections whose requests must come in time, and whose answers must be read in time.

uvicorn bounds the time between two requests of a connection. It does not bound the time before the first one, nor that
in which a request's headers arrive, nor that in which a client reads an answer. The body of a request is bounded where
it is read, see `uploads.py`.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from hybridmatte.server.counts import Counts
from hybridmatte.server.failures import Refusal

__all__ = ["HEADER_BYTES", "Connection"]

HEADER_BYTES = 64 << 10
HEADER_SECONDS = 20.0  # from the first byte of a request, or from the start of a connection, to the end of the headers
LEFTOVER_SECONDS = 60.0  # in which a body must end that nobody reads, because its request has been answered
READING_SECONDS = 30.0  # in which a client must take at least so many bytes of its answer
READING_BYTES = 64 << 10

log = logging.getLogger("hybridmatte.server")


class Connection(H11Protocol):
    """uvicorn's protocol with deadlines; its own errors are JSON as those of the service."""

    _request_timer: asyncio.TimerHandle | None = None
    _reading_timer: asyncio.TimerHandle | None = None
    _has_begun = False

    def __init__(self, *arguments: Any, counts: Counts, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._counts = counts

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._await_request(HEADER_SECONDS)

    def data_received(self, data: bytes) -> None:
        """Take bytes; those of a request under way are bounded by the application."""
        self._has_begun = True
        super().data_received(data)
        if self._is_under_way:
            self._stop_timers()
        elif self._request_timer is None:
            self._await_request(LEFTOVER_SECONDS if self.conn.their_state is h11.SEND_BODY else HEADER_SECONDS)

    def on_response_complete(self) -> None:
        """Begin to watch that the answer is read."""
        self._has_begun = False
        super().on_response_complete()
        self._watch_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timers."""
        self._stop_timers()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002
        """Refuse bytes that are no request."""
        limit = f"of HTTP/1.1 with headers of at most {HEADER_BYTES} bytes"
        self._refuse(Refusal(400, f"the request is malformed, expected one {limit}"))

    @property
    def _is_under_way(self) -> bool:
        """Whether a request has come and its answer is not complete."""
        return self.cycle is not None and not self.cycle.response_complete

    def _stop_timers(self) -> None:
        for timer in (self._request_timer, self._reading_timer):
            if timer is not None:
                timer.cancel()
        self._request_timer = self._reading_timer = None

    def _await_request(self, seconds: float) -> None:
        self._request_timer = self.loop.call_later(seconds, self._end_by_request, seconds)

    def _end_by_request(self, seconds: float) -> None:
        """Close a connection that has not brought a whole request."""
        self._request_timer = None
        if self.transport.is_closing() or self._is_under_way:
            return
        log.info("a connection has brought no whole request in %g s and is closed", seconds)
        if self._has_begun and self.conn.their_state is h11.IDLE:
            self._refuse(Refusal(408, f"the headers have not arrived after {seconds:g} s, expected all of them"))
        else:
            self.transport.close()

    def _refuse(self, refusal: Refusal) -> None:
        """Answer outside of the application, and close."""
        self._counts.add("", refusal.status)
        body = refusal.body
        head = f"HTTP/1.1 {refusal.status} {refusal.kind}\r\ncontent-type: application/json\r\n"
        self.transport.write(f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body)
        self.transport.close()

    def _watch_reading(self, n_before: int | None = None) -> None:
        """Look at times whether the client reads; end a connection whose answer it leaves."""
        n_unread = self.transport.get_write_buffer_size()
        if self._reading_timer is not None:
            self._reading_timer.cancel()
            self._reading_timer = None
        if n_before is not None and n_unread > max(0, n_before - READING_BYTES):
            log.info("a client has not read its answer in %g s, and its connection is closed", READING_SECONDS)
            self.transport.abort()
        elif n_unread:
            self._reading_timer = self.loop.call_later(READING_SECONDS, self._watch_reading, n_unread)
