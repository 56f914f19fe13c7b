"""Read and write binary files of any kind: regular files, pipes, standard input and output, objects in memory."""

from __future__ import annotations

import io
import os
import select
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

__all__ = ["Source", "name_of", "naming", "read_all", "write_all"]

Source = str | os.PathLike[str] | BinaryIO

HEAD_BYTES = 1024  # enough for the first bytes of every format to tell it
PART_BYTES = 1 << 20
KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


def read_all(source: Source, label: str, check_head: Callable[[bytes], object], max_bytes: int) -> bytes:
    """Return the contents of a path, or of a binary file from its start, where it can be rewound.

    `check_head` gets the first bytes and raises an error if they are not those of a wanted file, before more is read.
    A path that is no regular file is refused, since a pipe without a writer would wait forever. So is a file of more
    than `max_bytes` bytes: by its size, or, in a stream, as soon as more have come.
    """
    with naming(name_of(source)):
        if isinstance(source, str | os.PathLike):
            _check_regular(Path(source), label, max_bytes)
            with open(source, "rb") as file:
                return _read_parts(file, label, check_head, max_bytes)
        if source.seekable():
            source.seek(0)
        return _read_parts(source, label, check_head, max_bytes)


def write_all(file: BinaryIO, data: bytes) -> None:
    """Write all bytes, also to a file that takes only some of them at a time, such as an unbuffered pipe."""
    rest = memoryview(data)
    with naming("standard output" if file is getattr(sys.stdout, "buffer", None) else name_of(file)):
        while len(rest):
            try:
                count = file.write(rest)
            except BlockingIOError as error:
                count = error.characters_written
            if count is None:  # a raw file that does not block says so; another object has written all
                count = 0 if isinstance(file, io.RawIOBase) else len(rest)
            if count == 0:
                _wait_until_writable(file)
            rest = rest[count:]
        _flush(file)


@contextmanager
def naming(name: str | os.PathLike[str]) -> Iterator[None]:
    """Give a name to the errors of the operating system in the block that have none: those of an open file."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = os.fspath(name)
        raise


def name_of(source: Source) -> str:
    """Return the name of a path or file object for messages."""
    return os.fspath(source) if isinstance(source, str | os.PathLike) else str(getattr(source, "name", "<stream>"))


def _check_regular(path: Path, label: str, max_bytes: int) -> None:
    """Refuse a path that is no regular file, or a larger one."""
    status = path.stat()
    for is_kind, kind in KINDS:
        if is_kind(status.st_mode):
            raise ValueError(f"{label} is {kind}, expected a regular file (a command takes standard input as -)")
    if status.st_size > max_bytes:
        raise ValueError(f"{label} holds {status.st_size} bytes, expected at most {max_bytes}")


def _read_parts(file: BinaryIO, label: str, check_head: Callable[[bytes], object], max_bytes: int) -> bytes:
    """Read a file to its end; check its head first and its length meanwhile."""
    data, is_head_checked = bytearray(), False
    while part := _read_part(file):
        data += part
        if len(data) >= HEAD_BYTES and not is_head_checked:
            check_head(bytes(data[:HEAD_BYTES]))
            is_head_checked = True
        if len(data) > max_bytes:
            raise ValueError(f"{label} holds more than {max_bytes} bytes, expected at most that many")
    if data and not is_head_checked:
        check_head(bytes(data))
    return bytes(data)


def _read_part(file: BinaryIO) -> bytes:
    """Read some bytes, none at the end; wait for a file that does not block."""
    while True:
        part = file.read(PART_BYTES)
        if part is not None:
            return part
        time.sleep(0.01)


def _flush(file: BinaryIO) -> None:
    """Flush a file; wait for one that does not block."""
    while hasattr(file, "flush"):
        try:
            file.flush()
            return
        except BlockingIOError:
            _wait_until_writable(file)


def _wait_until_writable(file: BinaryIO) -> None:
    """Wait until a file that does not block takes more bytes."""
    try:
        select.select([], [file.fileno()], [], 1.0)
    except (OSError, ValueError):  # no file descriptor, or none that this system can wait for
        time.sleep(0.01)
