"""Requests to the application without a socket, and workers without processes."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import NamedTuple

import hybridmatte.server.serving as serving
from hybridmatte.cli.serve import SERVED
from hybridmatte.server.settings import Settings
from hybridmatte.server.work import Result
from hybridmatte.server.workers import Workers

JSON = "application/json"


class Reply(NamedTuple):
    """The answer to a request."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self):
        """The object of an error."""
        return json.loads(self.body)["error"]


class Ask(NamedTuple):
    """A request: path with query, method, chunks of the body, headers; a chunk that is a number is a pause."""

    path: str
    method: str = "GET"
    chunks: tuple[bytes | float, ...] = (b"",)
    headers: tuple[tuple[str, str], ...] = ()
    leaves: bool = False  # the client leaves after the body


class Recorder(Workers):
    """Workers that do nothing but remember their work, and answer with `do`."""

    def __init__(self, settings, do=None):
        super().__init__(settings)
        self.works, self.do = [], do

    def start(self):
        self.workers.add(self)  # ready
        self._listing = asyncio.get_running_loop().create_future()
        self._listing.set_result({"methods": []})

    def end(self):
        pass

    async def run(self, work):
        self.works.append(work)
        if self.do is not None:
            return await self.do(work)
        return Result({name: b"picture" for name in work.outputs}, {"width": 3, "height": 2})


def application(monkeypatch, page, *, do=None, **settings):
    """Return an application with recording workers, and these."""
    settings = Settings(**{"workers": 2, **settings})
    recorder = Recorder(settings, do)
    monkeypatch.setattr(serving, "Workers", lambda _: recorder)
    return serving.make_app(settings, SERVED, page), recorder


def ask(app, *asks, together=False):
    """Return the answers of an application, from its start to its end, to requests one after another or at once."""
    return run(_ask_all(app, asks, together))


def run(coroutine):
    """Return the result of a coroutine; a browser of other tests keeps the event loop of this thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def form(**files):
    """Return the headers and the body of a form with files."""
    body = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="%s"; filename="%s.png"\r\n\r\n%s\r\n'
        % (name.encode(), name.encode(), data)
        for name, data in files.items()
    )
    return (("content-type", "multipart/form-data; boundary=x"),), body + b"--x--\r\n"


async def _ask_all(app, asks, together):
    async with _running(app):
        if together:
            return await asyncio.gather(*(_ask_one(app, one) for one in asks))
        return [await _ask_one(app, one) for one in asks]


@asynccontextmanager
async def _running(app):
    incoming, outgoing = asyncio.Queue(), asyncio.Queue()
    life = asyncio.create_task(app({"type": "lifespan"}, incoming.get, outgoing.put))
    incoming.put_nowait({"type": "lifespan.startup"})
    assert (await outgoing.get())["type"] == "lifespan.startup.complete"
    yield
    incoming.put_nowait({"type": "lifespan.shutdown"})
    assert (await outgoing.get())["type"] == "lifespan.shutdown.complete"
    await life


async def _ask_one(app, one):
    path, _, query = one.path.partition("?")
    headers = {"host": "127.0.0.1:8000", **dict(one.headers)}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": one.method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
    }
    sent, body = [], list(one.chunks)

    async def receive():
        while body and isinstance(body[0], float):
            await asyncio.sleep(body.pop(0))
        if body:
            return {"type": "http.request", "body": body.pop(0), "more_body": bool(body)}
        if not one.leaves:
            await asyncio.sleep(3600)
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    listed = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return Reply(sent[0]["status"], listed, b"".join(message.get("body", b"") for message in sent[1:]))
