"""Write files whole or not at all."""

from __future__ import annotations

import os
import re
import stat
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows, where a file that is open cannot be removed
    fcntl = None

__all__ = ["LockedTemporary", "check_writable", "clear_temporaries", "hold_file", "write_bytes"]

NAME_BYTES = 100  # of the file's name in that of a temporary file, which may have 255 bytes
TEMPORARY = re.compile(r"(\..*\.)[0-9a-f]{32}\.tmp", re.DOTALL)


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a temporary file beside `path`, then rename it; a failure leaves nothing behind.

    The permissions of a file that is replaced stay; a new file has those that the umask leaves. A link is replaced
    by a file with the permissions of the file that it leads to. A process that is killed leaves the temporary file, see
    `clear_temporaries`.
    """
    with _temporary_beside(path) as temporary:
        with _opened(temporary, path) as file:
            file.write(data)
            file.flush()
            if fcntl is not None:  # renamed while it is locked, so that no other process takes it for a leftover
                os.replace(temporary, path)
        if fcntl is None:
            os.replace(temporary, path)


def clear_temporaries(paths: Iterable[str | os.PathLike[str]]) -> int:
    """Remove the temporary files that killed processes left beside the paths; return their number.

    A process locks the file that it writes, so files that another process is writing stay.
    """
    prefixes: dict[Path, set[str]] = {}
    for path in map(Path, paths):
        prefixes.setdefault(path.parent, set()).add(_prefix_of(path))
    count = 0
    for folder, own in prefixes.items():
        for name in os.listdir(folder) if folder.is_dir() else []:
            match = TEMPORARY.fullmatch(name)
            if match and match[1] in own:
                count += _remove_unless_locked(folder / name)
    return count


class LockedTemporary:
    """An empty file beside `path`, for a program that writes a file piece by piece and knows only its name.

    It is locked, so that no other process takes it for a leftover. It has the permissions of the file that it replaces.

    Attributes
    ----------
    path : Path
        The name of the temporary file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        check_writable(path)
        self._target = Path(path)
        self.path = _fresh_name(path)
        self._file = _opened(self.path, path)

    def rename(self) -> None:
        """Give the file the name of its target."""
        if fcntl is None:
            self._file.close()
        os.replace(self.path, self._target)
        self._file.close()

    def remove(self) -> None:
        """Remove the file, unless it was renamed."""
        self._file.close()
        self.path.unlink(missing_ok=True)


def hold_file(path: str | os.PathLike[str]) -> IO[bytes] | None:
    """Create a file if there is none, and lock it until it is closed; None if another process has locked it.

    On a file system or system without locks, the file is not locked.
    """
    file = Path(path).open("ab")
    try:
        _lock(file)
    except BlockingIOError:
        file.close()
        return None
    except OSError:  # a file system without locks
        pass
    return file


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
    temporary = _fresh_name(path)
    try:
        yield temporary
    except OSError as error:
        raise type(error)(
            f"output {path} cannot be written ({error.strerror or error}), expected a writable folder with free space"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _opened(temporary: Path, path: str | os.PathLike[str]) -> IO[bytes]:
    """Create and lock a temporary file with the permissions of the file that it will replace."""
    file = temporary.open("xb")
    try:
        _keep_permissions(path, temporary)
        with suppress(OSError):  # a file system without locks
            _lock(file)
    except BaseException:
        file.close()
        raise
    return file


def _fresh_name(path: str | os.PathLike[str]) -> Path:
    """Return a name for a temporary file beside a path."""
    return Path(path).parent / f"{_prefix_of(path)}{uuid.uuid4().hex}.tmp"


def _prefix_of(path: str | os.PathLike[str]) -> str:
    """Return the first part of the names of the temporary files for a path."""
    name = Path(path).name
    while len(os.fsencode(name)) > NAME_BYTES:
        name = name[:-1]
    return f".{name}."


def _keep_permissions(path: str | os.PathLike[str], temporary: Path) -> None:
    """Give a temporary file, before it has contents, the permissions of the file that it will replace, if there is one.

    So a file that other users cannot read is so at every moment. Owner and group stay as far as the system allows.
    """
    if not os.path.isfile(path):
        return
    replaced, own = os.stat(path), temporary.stat()
    if fcntl is not None and (replaced.st_uid, replaced.st_gid) != (own.st_uid, own.st_gid):
        with suppress(OSError):  # not allowed, or unknown to this container: owners are kept where that is possible
            os.chown(temporary, replaced.st_uid if os.geteuid() == 0 else -1, replaced.st_gid)
    if stat.S_IMODE(replaced.st_mode) != stat.S_IMODE(temporary.stat().st_mode):
        temporary.chmod(stat.S_IMODE(replaced.st_mode))


def _lock(file: IO[bytes]) -> None:
    """Lock an open file, or raise an OSError if another process has locked it."""
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _remove_unless_locked(path: Path) -> bool:
    """Remove a file that no process is writing; return whether it was removed."""
    try:
        with path.open("rb") as file:
            _lock(file)
        path.unlink()
    except OSError:  # it is being written, or is not this user's
        return False
    return True
