"""Write files whole or not at all."""

import os
import uuid
from contextlib import contextmanager
from pathlib import Path


def write_bytes(path, data):
    """Write a file under a temporary name beside it, then rename it; nothing is left behind on failure."""
    with _temporary_beside(path) as temporary:
        temporary.write_bytes(data)
        os.replace(temporary, path)


def check_writable(path):
    """Refuse a path that could not be written, by writing and removing an empty file beside it."""
    with _temporary_beside(path) as temporary:
        temporary.write_bytes(b"")


@contextmanager
def _temporary_beside(path):
    """Give a fresh name in the folder of `path`; whatever lies there at the end is removed."""
    folder = Path(path).parent
    if Path(path).is_dir():
        raise IsADirectoryError(f"output {path} is a folder, expected the name of a file")
    if not folder.is_dir():
        raise FileNotFoundError(f"output {path} lies in a folder that does not exist, expected an existing one")
    temporary = folder / f".{Path(path).name[:100]}.{uuid.uuid4().hex}.tmp"
    try:
        yield temporary
    except OSError as error:
        raise type(error)(f"output {path} cannot be written ({error.strerror or error}), expected a writable folder "
                          "with free space") from error
    finally:
        temporary.unlink(missing_ok=True)
