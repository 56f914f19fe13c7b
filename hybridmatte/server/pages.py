"""The files of the page, from the package."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from hybridmatte.server.failures import Refusal

__all__ = ["Pages"]

TYPES = {
    ".html": b"text/html; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".mjs": b"text/javascript; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".svg": b"image/svg+xml",
    ".png": b"image/png",
    ".jpg": b"image/jpeg",
    ".ico": b"image/x-icon",
    ".json": b"application/json",
    ".webmanifest": b"application/manifest+json",
}  # files of other kinds are not served
LONGEST_NAME = 200  # characters; file systems refuse names of more than 255 bytes

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Pages:
    """The files under one folder; ``/`` is its index.html, ``/page/NAME`` a file of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()

    async def respond(self, path: str, method: str, headers: Mapping[str, str], send: Send) -> None:
        """Answer with a file, or that the client has it already."""
        file = self._find("index.html" if path == "/" else path.removeprefix("/page/"))
        body, tag = _contents(file, file.stat().st_mtime_ns)
        shared = [(b"etag", tag), (b"cache-control", b"no-cache")]
        known = [part.strip().removeprefix("W/") for part in headers.get("if-none-match", "").split(",")]
        if tag.decode() in known:
            await send({"type": "http.response.start", "status": 304, "headers": shared})
            await send({"type": "http.response.body", "body": b""})
            return
        listed = [(b"content-type", TYPES[file.suffix]), (b"content-length", str(len(body)).encode()), *shared]
        await send({"type": "http.response.start", "status": 200, "headers": listed})
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})

    def _find(self, name: str) -> Path:
        """Return a file of the folder; refuse other names, such as those that lead out of it."""
        if "\0" not in name and len(name) <= LONGEST_NAME:
            file = (self.folder / name).resolve()
            if file.is_relative_to(self.folder) and file.suffix in TYPES and file.is_file():
                return file
        raise Refusal(404, f"there is no page {name[:100]!r}, expected / or a file that it names")


@lru_cache(maxsize=256)
def _contents(file: Path, _changed: int) -> tuple[bytes, bytes]:
    """Return a file and its ETag; kept until the file changes."""
    body = file.read_bytes()
    return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'.encode()
