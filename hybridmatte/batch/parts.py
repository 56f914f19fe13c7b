"""The files of one picture wherever they lie: paths, addresses of a store, and bytes that came with a shard."""

from __future__ import annotations

import io
import os
import posixpath
import re
from pathlib import Path
from typing import BinaryIO, NamedTuple

__all__ = ["NamedBytes", "Part", "Remote", "is_remote", "normal_name", "shipped", "stem_of_name", "without_secrets"]

SHIPPED_BYTES = 1 << 30  # larger files are not sent to another machine
LOGIN = re.compile(r"(://)[^/\s@]+@")
SIGNED = re.compile(
    r"([?&][\w.-]*(?:signature|sig|token|credential|secret|password|key|key-?id)=)[^&\s'\")]+", re.IGNORECASE
)


class NamedBytes(io.BytesIO):
    """Bytes in memory with a name for messages; it can be sent to another process."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name = name

    def __str__(self) -> str:
        return self.name

    def __reduce__(self) -> tuple[type[NamedBytes], tuple[bytes, str]]:
        return type(self), (self.getvalue(), self.name)


class Remote(NamedTuple):
    """A file of a store by its address, such as ``s3://bucket/cat.jpg``; it is read by the process that needs it.

    As text, for messages and the record, it has no secrets.
    """

    address: str

    def __str__(self) -> str:
        return without_secrets(self.address)


Part = Path | Remote | NamedBytes


def is_remote(text: str | os.PathLike[str] | BinaryIO) -> bool:
    """Tell whether a text is the address of a store: it has a protocol."""
    return isinstance(text, str) and "://" in text


def without_secrets(text: str) -> str:
    """Return a text in which the addresses have neither name and password nor the signature of a query."""
    return SIGNED.sub(r"\1***", LOGIN.sub(r"\1***@", text))


def stem_of_name(name: str) -> str:
    """Return the last part of a path or of an address without its ending and without the query of an address."""
    if is_remote(name):
        name = name.split("?")[0].split("#")[0]
    return Path(name).stem


def normal_name(name: str) -> str:
    """Return the name of a result in its one form, so that names of the same file are equal: ``./a//b`` is ``a/b``."""
    return posixpath.normpath(name) if name and not is_remote(name) else name


def shipped(part: Part | None) -> Part | None:
    """Return the contents of a local file, for a machine that does not see it; a file that cannot be read stays a path.

    The machine then finds what is wrong with it, and says so in the same words as this one would.
    """
    if not isinstance(part, Path):
        return part
    try:
        if not part.is_file() or part.stat().st_size > SHIPPED_BYTES:
            return part
        return NamedBytes(part.read_bytes(), str(part))
    except OSError:
        return part
