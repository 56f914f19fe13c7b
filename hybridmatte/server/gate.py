"""The outermost part of the service: it answers at once, while the rest is imported in the background.

It checks the headers Host, Origin and Authorization, serves the page and ``/health``, and adds the headers of security
to every answer. It is written for ASGI alone and imports nothing heavy, so that the first page does not wait.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hybridmatte.server.counts import Counts, command_of
from hybridmatte.server.failures import FAULT, Refusal, wrong_method
from hybridmatte.server.health import health_of
from hybridmatte.server.pages import Pages
from hybridmatte.server.settings import Settings, is_loopback
from hybridmatte.server.workers import NOT_STARTED, Workers

__all__ = ["Gate"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

READING = ("GET", "HEAD")  # the methods of the page and of /health
DRAIN_BYTES, DRAIN_SECONDS = 64 << 20, 5.0  # of a refused body, so that its sender comes to read the answer
ENDING_DRAIN_SECONDS = 0.5  # the same when the service ends at once
SECURITY = (
    (
        b"content-security-policy",
        b"default-src 'self'; img-src 'self' blob: data:; worker-src 'self' blob:; object-src 'none'; "
        b"base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)

ENDED = "the service was told to end at once and has stopped this request, expected one after its next start"

log = logging.getLogger("hybridmatte.server")


class Gate:
    """The ASGI application of the service.

    `make_api` imports and returns the application for all other paths; it is called in a thread, after start.
    """

    def __init__(
        self, settings: Settings, workers: Workers, counts: Counts, make_api: Callable[[], App], page: Path
    ) -> None:
        self.settings, self.workers, self.counts = settings, workers, counts
        self.pages = Pages(page)
        self._make_api = make_api
        self._api: asyncio.Task[App] | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self._is_ending = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or the server's own start and end."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            waits = any(name == b"expect" for name, _ in scope["headers"])  # for a word before it sends the body
            incoming = _Incoming(receive, is_drained=not waits)
            await self._answer_one(scope, incoming, _Outgoing(send, incoming))

    async def _live(self, receive: Receive, send: Send) -> None:
        """Start the workers with the server, and end them with it."""
        await receive()
        self._api = asyncio.get_running_loop().create_task(asyncio.to_thread(self._make_api))
        self._api.add_done_callback(self._start_workers)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.workers.close()
        await send({"type": "lifespan.shutdown.complete"})

    def _start_workers(self, made: asyncio.Task[App]) -> None:
        """Start the workers once the application is there, unless the service has ended meanwhile."""
        if made.cancelled():
            return
        if error := made.exception():
            log.error("the service cannot start", exc_info=error)
            self.workers.fail()
        else:
            self.workers.start()

    def refuse_all(self) -> None:
        """Refuse all requests that have no answer yet, and later ones: the service ends at once."""
        self._is_ending = True
        for request in self._under_way:
            request.cancel()

    async def _answer_one(self, scope: Scope, receive: _Incoming, send: _Outgoing) -> None:
        """Answer a request, and count its answer; those of commands also go to the log."""
        path, start = scope["path"], time.perf_counter()
        try:
            await self._answer(scope, receive, send)
        finally:
            if send.status is not None:
                self.counts.add(path, send.status)
                if command := command_of(path):
                    log.info("%s %d in %.3f s", command, send.status, time.perf_counter() - start)

    async def _answer(self, scope: Scope, receive: _Incoming, send: _Outgoing) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        path, method = scope["path"], scope["method"]
        try:
            self._check_origin(headers)
            is_page = path == "/" or path.startswith("/page/")
            if (is_page or path == "/health") and method not in READING:
                raise wrong_method(method, READING)
            if path == "/health":
                await _respond(
                    send, 200, json.dumps(health_of(self.settings, self.workers)).encode(), head_only=method == "HEAD"
                )
            elif is_page:
                await self.pages.respond(path, method, headers, send)
            else:
                self._check_token(headers)
                await self._pass_on(scope, receive, send)
        except Refusal as refusal:
            await _respond(send, refusal.status, refusal.body, refusal.headers, head_only=method == "HEAD")
        except Exception:
            log.exception("a request has failed")
            if send.status is None:
                await _respond(send, FAULT.status, FAULT.body)
            elif not send.is_ended:
                raise

    async def _pass_on(self, scope: Scope, receive: _Incoming, send: _Outgoing) -> None:
        """Let the API answer, unless `refuse_all` comes before."""
        answering = asyncio.ensure_future(self._ask_api(scope, receive, send))
        self._under_way.add(answering)
        try:
            if self._is_ending:
                answering.cancel()
            await answering
        except asyncio.CancelledError:
            if not self._is_ending or send.status is not None:
                raise
            receive.drain_seconds = ENDING_DRAIN_SECONDS
            raise Refusal(503, ENDED) from None
        finally:
            self._under_way.discard(answering)

    async def _ask_api(self, scope: Scope, receive: _Incoming, send: _Outgoing) -> None:
        assert self._api is not None
        await asyncio.wait([self._api])
        if self._api.exception() is not None:
            raise Refusal(503, NOT_STARTED)
        await self._api.result()(scope, receive, send)

    def _check_origin(self, headers: dict[str, str]) -> None:
        """Refuse requests that a foreign page has made a browser send to this machine."""
        host = headers.get("host", "")
        if self.settings.token is None and not self._is_own(host):
            raise Refusal(400, f"host is {host[:100]!r}, expected the name of this machine (or --allow-host NAME)")
        origin = headers.get("origin")
        if origin is not None and _place(origin) != host.lower():
            raise Refusal(400, f"origin is {origin[:100]!r}, expected the service's own page")
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and headers.get("sec-fetch-mode") != "navigate":
            raise Refusal(400, "the request comes from another site, expected the service's own page")

    def _is_own(self, host: str) -> bool:
        """Return whether a header Host names this machine; a page of another name may lead to its address."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return is_loopback(name) or name in {known.lower() for known in (self.settings.host, *self.settings.hosts)}

    def _check_token(self, headers: dict[str, str]) -> None:
        token = self.settings.token
        if token is None:
            return
        scheme, _, given = headers.get("authorization", "").partition(" ")
        is_right = hmac.compare_digest(given.strip().encode(), token.encode())
        if scheme.lower() != "bearer" or not is_right:
            raise Refusal(
                401,
                "the token is missing or wrong, expected the header Authorization: Bearer TOKEN",
                headers=(("www-authenticate", 'Bearer realm="hybridmatte"'),),
            )


def _place(origin: str) -> str | None:
    """Return host and port of a header Origin; None for what is no origin."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


class _Incoming:
    """The messages of a request's body; it knows whether the body has come to its end."""

    def __init__(self, receive: Receive, *, is_drained: bool) -> None:
        self._receive, self._is_drained = receive, is_drained
        self.is_complete, self.drain_seconds = False, DRAIN_SECONDS

    async def __call__(self) -> MutableMapping[str, Any]:
        message = await self._receive()
        self.is_complete = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def drain(self) -> None:
        """Read and drop what is left, within bounds; a connection that is reset may lose the answer."""
        if not self._is_drained:
            return
        try:
            await asyncio.wait_for(self._drop(), self.drain_seconds)
        except asyncio.TimeoutError:
            log.debug("a refused body did not end")

    async def _drop(self) -> None:
        n_bytes = 0
        while not self.is_complete and n_bytes < DRAIN_BYTES:
            n_bytes += len((await self()).get("body", b""))


class _Outgoing:
    """The messages of an answer: with the headers of security, and, for a refusal, after the rest of the body."""

    def __init__(self, send: Send, incoming: _Incoming) -> None:
        self._send, self._incoming = send, incoming
        self.status: int | None = None  # once the answer has begun
        self.is_ended = False

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            if message["status"] >= 400:
                await self._incoming.drain()
            self.status = message["status"]
            message = {**message, "headers": _with_security(list(message.get("headers", ())))}
        await self._send(message)
        self.is_ended = message["type"] == "http.response.body" and not message.get("more_body", False)


def _with_security(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return headers with those of security that they lack; results are not kept by browsers and proxies."""
    given = {name.lower() for name, _ in headers}
    return [*headers, *(pair for pair in (*SECURITY, (b"cache-control", b"no-store")) if pair[0] not in given)]


async def _respond(
    send: Send, status: int, body: bytes, headers: tuple[tuple[str, str], ...] = (), *, head_only: bool = False
) -> None:
    """Send an answer in JSON."""
    listed = [(name.encode(), value.encode()) for name, value in headers]
    listed += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": listed})
    await send({"type": "http.response.body", "body": b"" if head_only else body})
