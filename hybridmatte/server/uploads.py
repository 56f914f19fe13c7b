"""The files of a request, read into memory: a multipart form, or a body that is the image itself.

Nothing is written to disk, and no more than the largest body is held.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from hybridmatte.server.failures import Refusal
from hybridmatte.server.settings import Settings
from hybridmatte.server.work import Upload

__all__ = ["UNNAMED", "Held", "Share", "read_uploads"]

MAX_HEADER_BYTES = 8192  # of one part
MAX_NAME = 80  # characters
UNPRINTABLE = re.compile(r"[^\w .()+-]")
UNNAMED = "of the request"

Receive = Callable[[], Awaitable[Mapping[str, Any]]]


class Held:
    """The bytes that all requests together hold."""

    def __init__(self, limit: int) -> None:
        self.limit, self.n_bytes = limit, 0

    @contextmanager
    def share(self) -> Iterator[Share]:
        """Yield the part of one request; it is given back at the end of the block."""
        share = Share(self)
        try:
            yield share
        finally:
            self.n_bytes -= share.n_bytes


class Share:
    """The bytes that one request holds."""

    def __init__(self, held: Held) -> None:
        self._held, self.n_bytes = held, 0

    def add(self, n_bytes: int) -> None:
        """Count some bytes more; refuse them if all requests hold too many."""
        self.n_bytes += n_bytes
        self._held.n_bytes += n_bytes
        if self._held.n_bytes > self._held.limit:
            raise Refusal(429, f"all requests together hold {self._held.limit} bytes, expected another time")


async def read_uploads(
    receive: Receive,
    headers: Mapping[str, str],
    names: tuple[str, ...],
    settings: Settings,
    share: Share,
    options: Collection[str] = (),
) -> dict[str, Upload]:
    """Return the files of a request by the names of their parts; a body without parts has the first of `names`.

    `options` are those that the address may have: a part of such a name is refused with a hint.
    """
    kind, given = parse_options_header(headers.get("content-type", ""))
    _check_length(headers.get("content-length"), settings.max_bytes)
    if kind != b"multipart/form-data":
        parts = _Raw(names[0])
    elif not given.get(b"boundary"):
        raise Refusal(400, "content-type is multipart/form-data without a boundary, expected one")
    else:
        parts = _Form(given[b"boundary"], names, options)
    try:
        await asyncio.wait_for(_feed(receive, parts, settings.max_bytes, share), settings.upload_seconds)
    except asyncio.TimeoutError:  # of Python 3.10 another class than TimeoutError
        raise Refusal(
            408, f"the body has not arrived after {settings.upload_seconds:g} s, expected all of it"
        ) from None
    return parts.finish()


def _check_length(stated: str | None, max_bytes: int) -> None:
    """Refuse a body by its stated length."""
    if stated is None:
        return
    if not stated.isdecimal():
        raise Refusal(400, f"content-length is {stated[:40]!r}, expected a number of bytes")
    if int(stated) > max_bytes:
        raise too_long(max_bytes, f"has {stated} bytes")


def too_long(max_bytes: int, came: str) -> Refusal:
    """Return the refusal of a body that is too long."""
    return Refusal(413, f"the body {came}, expected at most {max_bytes}")


async def _feed(receive: Receive, parts: _Raw | _Form, max_bytes: int, share: Share) -> None:
    """Give the parts of a body to a parser as they come, and count them."""
    is_complete = False
    while not is_complete:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionResetError("the client has left")
        chunk = message.get("body", b"")
        share.add(len(chunk))
        if share.n_bytes > max_bytes:
            raise too_long(max_bytes, "has more bytes")
        parts.write(chunk)
        is_complete = not message.get("more_body", False)


class _Raw:
    """A body that is one file."""

    def __init__(self, name: str) -> None:
        self.name, self.data = name, bytearray()

    def write(self, chunk: bytes) -> None:
        self.data += chunk

    def finish(self) -> dict[str, Upload]:
        if not self.data:
            raise Refusal(400, f"the body is empty, expected {self.name}", self.name)
        return {self.name: Upload(UNNAMED, bytes(self.data))}


class _Form:
    """The parts of a multipart form."""

    def __init__(self, boundary: bytes, names: tuple[str, ...], options: Collection[str]) -> None:
        self.names, self.options = names, options
        self.uploads: dict[str, Upload] = {}
        self.is_ended = False
        self._begin_part()
        self.parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_part_data": lambda data, start, end: self.data.extend(data[start:end]),
                "on_part_end": self._end_part,
                "on_header_field": lambda data, start, end: self._header(data[start:end], is_name=True),
                "on_header_value": lambda data, start, end: self._header(data[start:end], is_name=False),
                "on_header_end": self._end_header,
                "on_end": self._end,
            },
        )

    def write(self, chunk: bytes) -> None:
        try:
            self.parser.write(chunk)
        except FormParserError as error:
            raise _malformed(str(error)) from error

    def finish(self) -> dict[str, Upload]:
        if not self.is_ended:
            raise _malformed("its end is missing")
        return self.uploads

    def _begin_part(self) -> None:
        self.headers: dict[bytes, bytes] = {}
        self.header_name, self.header_value, self.data = bytearray(), bytearray(), bytearray()
        self.n_header_bytes = 0

    def _header(self, piece: bytes, *, is_name: bool) -> None:
        self.n_header_bytes += len(piece)
        if self.n_header_bytes > MAX_HEADER_BYTES:
            raise _malformed(f"the headers of a part have more than {MAX_HEADER_BYTES} bytes")
        (self.header_name if is_name else self.header_value).extend(piece)

    def _end_header(self) -> None:
        self.headers[bytes(self.header_name).lower()] = bytes(self.header_value)
        self.header_name.clear()
        self.header_value.clear()

    def _end_part(self) -> None:
        _, options = parse_options_header(self.headers.get(b"content-disposition", b""))
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if name in self.options and name not in self.names:
            value = _shown(bytes(self.data[:MAX_NAME]))
            raise Refusal(400, f"{name} is an option, expected in the address: ?{name}={value}", name)
        if name not in self.names:
            raise Refusal(400, f"a part is named {name[:MAX_NAME]!r}, expected {_listed(self.names)}")
        if name in self.uploads:
            raise Refusal(400, f"{name} came twice, expected one file", name)
        if not self.data:
            raise Refusal(400, f"{name} is empty, expected a file", name)
        self.uploads[name] = Upload(_shown(options.get(b"filename", b"")), bytes(self.data))
        self.data = bytearray()

    def _end(self) -> None:
        self.is_ended = True


def _malformed(reason: str) -> Refusal:
    return Refusal(400, f"the form is malformed ({reason}), expected multipart/form-data")


def _listed(names: tuple[str, ...]) -> str:
    return " or ".join(names)


def _shown(filename: bytes) -> str:
    """Return a file's name for messages: without folders and without what does not print."""
    name = re.split(r"[\\/]", filename.decode("utf-8", "replace"))[-1]
    return UNPRINTABLE.sub("_", name)[:MAX_NAME].strip() or UNNAMED
