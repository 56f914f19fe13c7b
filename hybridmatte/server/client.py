"""A client of the service, made of Python's standard library: a machine that only asks needs no other package."""

from __future__ import annotations

import io
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_choice, check_number
from hybridmatte.io.pictures import read_image, read_plane, write_image
from hybridmatte.server.answers import DESCRIPTION_HEADER

__all__ = ["Answer", "Client", "ServiceError"]

EXPECTED = "expected a service: start one with `hybridmatte serve`, which prints its address"
COLOURS = ("image", "composite", "foreground", "cutout")  # outputs with channels of colour

Picture = str | os.PathLike[str] | bytes | npt.NDArray[Any]
Option = str | float | bool | Sequence[str] | None


class ServiceError(Exception):
    """The service answered with an error.

    Attributes
    ----------
    status : int
        Of HTTP: 429 and 503 are worth another try, after `retry_after` seconds, unless `kind` is ``"time limit"``.
    field : str or None
        The file or option that the message is about.
    retry_after : float or None
        Seconds, if the service asks for that.
    kind : str
        The status in words, or ``"time limit"`` where the work was stopped: it would be so again.
    """

    def __init__(
        self,
        message: str,
        status: int,
        field: str | None = None,
        retry_after: float | None = None,
        kind: str = "",
    ) -> None:
        super().__init__(message)
        self.status, self.field, self.retry_after, self.kind = status, field, retry_after, kind


class Answer(NamedTuple):
    """The results of a request.

    Attributes
    ----------
    files : dict of str to bytes
        Encoded pictures by the names of the outputs, such as "alpha".
    description : dict
        width, height, seconds, method, warnings, and what ``auto`` found.
    """

    files: dict[str, bytes]
    description: dict[str, Any]

    def __repr__(self) -> str:
        """Return the names and sizes of the files; not their bytes."""
        sizes = [f"{name}: {len(data):,} bytes" for name, data in self.files.items()]
        width, height = self.description.get("width", "?"), self.description.get("height", "?")
        return f"Answer({', '.join(sizes)}; {width} x {height} pixels)"

    def array(self, output: str) -> npt.NDArray[np.float32]:
        """Return an output as an array in [0, 1]: (H, W), or (H, W, 3) of what has colours."""
        file = io.BytesIO(self.files[check_choice(output, "output", tuple(self.files))])
        return read_image(file) if output in COLOURS else read_plane(file, output)

    def save(self, output: str, path: str | os.PathLike[str]) -> None:
        """Write the file of an output as it came."""
        Path(path).write_bytes(self.files[check_choice(output, "output", tuple(self.files))])


class Client:
    """Sends pictures to a service that ``hybridmatte serve`` has started.

    Parameters
    ----------
    url : str, default "http://127.0.0.1:8000"
        Address of the service.
    token : str, optional
        The word that was given to ``hybridmatte serve --token``.
    timeout : float, default 600
        Seconds to wait for an answer.

    Raises
    ------
    ServiceError
        Of all methods: if the service refuses a request.
    ConnectionError, TimeoutError
        Of all methods: if no service answers at the address, or not in time.

    Examples
    --------
    >>> from hybridmatte.server import Client
    >>> client = Client("http://127.0.0.1:8000")
    >>> answer = client.auto("cat.jpg", outputs=["alpha", "cutout"])  # doctest: +SKIP
    >>> answer.save("cutout", "cat.png")  # doctest: +SKIP
    """

    def __init__(self, url: str = "http://127.0.0.1:8000", *, token: str | None = None, timeout: float = 600) -> None:
        try:
            parts = urlsplit(url)
            is_whole = bool(parts.hostname) and parts.port != 0
        except ValueError as error:  # of a port or an IPv6 address
            raise ValueError(f"url is {url!r} ({error}), expected one such as http://127.0.0.1:8000") from error
        check_choice(parts.scheme, "scheme of url", ("http", "https"))
        if not is_whole:
            raise ValueError(f"url is {url!r}, expected one such as http://127.0.0.1:8000")
        self._url, self._parts = url, parts
        self._timeout = check_number(timeout, "timeout", above=0)
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    def auto(
        self,
        image: Picture,
        mask: Picture | None = None,
        *,
        outputs: Sequence[str] = ("cutout",),
        options: Mapping[str, Option] | None = None,
    ) -> Answer:
        """Cut the object out by a mask, or, without a mask, by a segmenter; see `hybridmatte.matte_from_image`.

        image and mask are paths, encoded files or arrays; options are those of the command, such as {"quality":
        "fast"}.
        """
        return self.send("auto", {"image": image, "mask": mask}, outputs=outputs, options=options)

    def matte(
        self,
        image: Picture,
        trimap: Picture,
        *,
        outputs: Sequence[str] = ("alpha",),
        options: Mapping[str, Option] | None = None,
    ) -> Answer:
        """Estimate alpha from an image and a trimap; see `hybridmatte.matte`, and `auto` for the arguments."""
        return self.send("matte", {"image": image, "trimap": trimap}, outputs=outputs, options=options)

    def send(
        self,
        command: str,
        files: Mapping[str, Picture | None],
        *,
        outputs: Sequence[str] = (),
        options: Mapping[str, Option] | None = None,
    ) -> Answer:
        """Send files to any command: auto, matte, cutout, refine, trimap, composite or decode.

        Parameters
        ----------
        command : str
            Name of the command.
        files : mapping of str to path, bytes, array or None
            Files by their names: image, trimap, mask, alpha, background. None is left out.
        outputs : sequence of str
            What to answer. Default: that of the command.
        options : mapping of str, optional
            Options of the command.

        Returns
        -------
        answer : Answer
        """
        names = [outputs] if isinstance(outputs, str) else outputs
        asked = {"output": ",".join(names) or None, **(options or {})}
        kind, body = _form({name: _file_bytes(file) for name, file in files.items() if file is not None})
        response, data = self._request("POST", f"/v1/{command}{_query(asked)}", body, {"Content-Type": kind})
        if response.headers.get_content_type() == "multipart/form-data":
            return _answer_of_form(response.headers["Content-Type"], data)
        description = self._json(response.headers.get(DESCRIPTION_HEADER, ""))
        return Answer({description["output"]: data}, description)

    def methods(self) -> dict[str, Any]:
        """Return the methods, qualities, segmenters and limits of the service."""
        return self._json(self._request("GET", "/v1/methods")[1])

    def health(self) -> dict[str, Any]:
        """Return whether the service is ready: ``{"status": "ready", ...}``."""
        return self._json(self._request("GET", "/health")[1])

    def _json(self, text: str | bytes) -> dict[str, Any]:
        """Return an object of JSON; other servers answer other things."""
        try:
            return json.loads(text)
        except ValueError as error:
            raise ConnectionError(f"url is {self._url}, where another server answers, {EXPECTED}") from error

    def _request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[HTTPResponse, bytes]:
        """Send a request and read its answer; raise a `ServiceError` for an error."""
        kind = HTTPSConnection if self._parts.scheme == "https" else HTTPConnection
        connection = kind(self._parts.hostname or "", self._parts.port, timeout=self._timeout)
        try:
            connection.request(method, self._parts.path.rstrip("/") + path, body, {**self._headers, **(headers or {})})
            response = connection.getresponse()
            data = response.read()
        except TimeoutError as error:
            raise TimeoutError(
                f"url is {self._url}, which has not answered in {self._timeout:g} s, {EXPECTED}"
            ) from error
        except (OSError, HTTPException) as error:
            reason = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
            raise ConnectionError(f"url is {self._url}, where no service answers ({reason}), {EXPECTED}") from error
        finally:
            connection.close()
        if response.status != 200:
            raise _error_of(response, data)
        return response, data


def _query(options: Mapping[str, Option]) -> str:
    """Return the part of an address that holds options; a list is repeated."""
    pairs: list[tuple[str, str]] = []
    for name, value in options.items():
        if value is None:
            continue
        values = [value] if isinstance(value, str | float | int | np.generic) else value
        pairs += [(name, str(one).lower() if isinstance(one, bool) else str(one)) for one in values]
    return f"?{urlencode(pairs)}" if pairs else ""


def _file_bytes(file: Picture) -> tuple[str, bytes]:
    """Return a file's name and contents."""
    if isinstance(file, bytes):
        return "", file
    if isinstance(file, str | os.PathLike):
        return Path(file).name, Path(file).read_bytes()
    encoded = io.BytesIO()
    write_image(encoded, file, bits=8 if file.dtype in (np.uint8, np.bool_) else 16)
    return "array.png", encoded.getvalue()


def _form(files: Mapping[str, tuple[str, bytes]]) -> tuple[str, bytes]:
    """Return the content type and the body of a form of files."""
    boundary = secrets.token_hex(16)
    body = bytearray()
    for name, (filename, data) in files.items():
        shown = filename.replace('"', "_").replace("\r", "_").replace("\n", "_")
        known = f'; filename="{shown}"' if shown else ""
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{known}\r\n\r\n'
        body += head.encode() + data + b"\r\n"
    return f"multipart/form-data; boundary={boundary}", bytes(body + f"--{boundary}--\r\n".encode())


def _answer_of_form(kind: str, data: bytes) -> Answer:
    """Return the parts of an answer; the service sends parts as `hybridmatte.server.answers` makes them."""
    boundary = kind.partition("boundary=")[2]
    contents: dict[str, bytes] = {}
    for part in data.split(f"--{boundary}".encode())[1:-1]:
        head, _, body = part.partition(b"\r\n\r\n")
        name = head.partition(b'name="')[2].partition(b'"')[0].decode()
        contents[name] = body.removesuffix(b"\r\n")
    return Answer(contents, json.loads(contents.pop("description")))


def _error_of(response: HTTPResponse, data: bytes) -> ServiceError:
    """Return the error of an answer."""
    wait = response.headers.get("Retry-After", "")
    seconds = float(wait) if wait.isdecimal() else None  # a proxy may name a date
    try:
        error = json.loads(data)["error"]
        message, field, kind = error["message"], error["field"], error["kind"]
        is_ours = isinstance(message, str)
    except (ValueError, KeyError, TypeError):
        is_ours = False
    if not is_ours:
        return ServiceError(f"the service answered with status {response.status}", response.status, None, seconds)
    return ServiceError(message, response.status, field, seconds, kind)
