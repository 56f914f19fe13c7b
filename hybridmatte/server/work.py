"""What travels between the service and its workers. Imports nothing heavy."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

__all__ = [
    "COMPILATION",
    "Begun",
    "Cancelled",
    "Compiling",
    "Failed",
    "Listed",
    "Ready",
    "Result",
    "Style",
    "Upload",
    "Work",
]


COMPILATION = (
    "kernels are being compiled, once after an installation, which takes about a minute, or two to three while the "
    "machine is busy"
)


class Upload(NamedTuple):
    """A file of a request: the name for messages, and the contents."""

    name: str
    data: bytes


class Style(NamedTuple):
    """How results are encoded: the format, and bits a channel."""

    format: Literal["png", "tiff"] = "png"
    bits: int = 8


class Work(NamedTuple):
    """What a worker is to do for one request, on how many threads, and how many requests are under way at once."""

    command: str
    uploads: dict[str, Upload]
    options: dict[str, Any]
    outputs: tuple[str, ...]
    style: Style
    max_pixels: int
    threads: int = 1
    at_once: int = 1


class Result(NamedTuple):
    """The files of a request's answer by the names of the outputs, and what there is to say of them."""

    files: dict[str, bytes]
    description: dict[str, Any]


class Listed(NamedTuple):
    """The first message of a worker: the methods, qualities and segmenters that it has."""

    entries: dict[str, Any]


class Compiling(NamedTuple):
    """A message of a worker that warms up: kernels are not on disk, and are being compiled."""


class Ready(NamedTuple):
    """The last message of a worker that warms up: it has compiled what requests need, in so many seconds."""

    seconds: float


class Begun(NamedTuple):
    """The first answer to work: it has come."""


class Cancelled(NamedTuple):
    """The answer to work that was cancelled."""


class Failed(NamedTuple):
    """The answer to work that failed by a fault of the program."""

    trace: str
