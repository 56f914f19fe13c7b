"""An S3 server on this machine (moto) that fails, answers late, or cuts its answers short, as often as it is told."""

import random
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BUCKET = "photographs"
FAILURE = b"<?xml version='1.0'?><Error><Code>InternalError</Code><Message>injected</Message></Error>"
READ_TIMEOUT = 2  # seconds, after which the client gives a read up


class FaultyStore:
    """A server of moto behind a gate that injects faults.

    Parameters
    ----------
    failures : float
        Share of all requests that are answered with status 500.
    slow, cut : float
        Shares of the reads of objects that take longer than the client waits, and that end in the middle.
    """

    def __init__(self, failures: float = 0.0, slow: float = 0.0, cut: float = 0.0, seed: int = 0) -> None:
        from moto.server import DomainDispatcherApplication, create_backend_app

        self.inner = DomainDispatcherApplication(create_backend_app)
        self.failures, self.slow, self.cut = failures, slow, cut
        self.is_on, self.port = False, 0
        self.written: set[str] = set()
        self.draw, self.injected, self.lock = random.Random(seed), Counter[str](), threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request, or inject a fault."""
        is_read = environ["REQUEST_METHOD"] == "GET" and environ["PATH_INFO"].count("/") > 1
        fault = self._drawn(is_read)
        if fault == "failures":
            start_response("500 Internal Server Error", [("Content-Length", str(len(FAILURE)))])
            return [FAILURE]
        if fault == "slow":
            time.sleep(2 * READ_TIMEOUT)
        body = self.inner(environ, start_response)
        if environ["REQUEST_METHOD"] == "PUT":
            self.written.add(environ["PATH_INFO"])
        if fault == "cut":
            whole = b"".join(body)
            return [whole[: len(whole) // 2]]
        return body

    def _drawn(self, is_read: bool) -> str | None:
        with self.lock:
            if not self.is_on:
                return None
            number, names = self.draw.random(), ("failures", "slow", "cut") if is_read else ("failures",)
            for name in names:
                number -= getattr(self, name)
                if number < 0:
                    self.injected[name] += 1
                    return name
            return None

    def count_written(self, folder: str) -> int:
        """Return how many pictures below a folder of the bucket were written."""
        return sum(path.startswith(f"/{BUCKET}/{folder}/") and path.endswith(".png") for path in self.written.copy())

    @property
    def options(self) -> list[str]:
        """The options of the command ``batch`` that lead to this store."""
        url = f"http://127.0.0.1:{self.port}"
        values = {"endpoint_url": url, "key": "key", "secret": "secret"}
        values["config_kwargs"] = f'{{"read_timeout":{READ_TIMEOUT}}}'
        return [word for name, value in values.items() for word in ("--storage-option", f"s3.{name}={value}")]

    def system(self) -> Any:
        """Return a file system that sees this store."""
        import s3fs

        client = {"endpoint_url": f"http://127.0.0.1:{self.port}"}
        return s3fs.S3FileSystem(key="key", secret="secret", client_kwargs=client, use_listings_cache=False)

    def put(self, folder: Path) -> None:
        """Copy the photographs of a folder to the bucket, without faults."""
        system = self.system()
        system.mkdir(BUCKET)
        for name in ("images", "trimaps"):
            system.put(f"{folder / name}/", f"{BUCKET}/{name}/", recursive=True)

    def objects(self, pattern: str) -> dict[str, bytes]:
        """Return the contents of objects by their names without folder and ending, without faults."""
        system, was_on = self.system(), self.is_on
        self.is_on = False
        names = system.glob(f"{BUCKET}/{pattern}")
        found = {Path(name).stem: system.cat_file(name) for name in names}
        self.is_on = was_on
        return found


@contextmanager
def running_store(store: FaultyStore) -> Iterator[FaultyStore]:
    """Serve a store on a free port of this machine."""
    import logging

    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, store, threaded=True)
    store.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        reset = f"http://127.0.0.1:{store.port}/moto-api/reset"  # all servers of a process share what they hold
        urllib.request.urlopen(urllib.request.Request(reset, method="POST")).close()
        yield store
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
