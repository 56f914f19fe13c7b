"""Write files whole or not at all."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["check_writable", "write_bytes"]


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a temporary file beside `path`, then rename it; a failure leaves nothing behind."""
    with _temporary_beside(path) as temporary:
        temporary.write_bytes(data)
        os.replace(temporary, path)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Refuse a path that could not be written, by writing and removing an empty file beside it."""
    with _temporary_beside(path) as temporary:
        temporary.write_bytes(b"")


@contextmanager
def _temporary_beside(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a fresh name in the folder of `path`; a file of that name is removed at the end."""
    folder = Path(path).parent
    if Path(path).is_dir():
        raise IsADirectoryError(f"output {path} is a folder, expected the name of a file")
    if not folder.is_dir():
        raise FileNotFoundError(f"output {path} lies in a folder that does not exist, expected an existing one")
    temporary = folder / f".{Path(path).name[:100]}.{uuid.uuid4().hex}.tmp"
    try:
        yield temporary
    except OSError as error:
        raise type(error)(
            f"output {path} cannot be written ({error.strerror or error}), expected a writable folder with free space"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
