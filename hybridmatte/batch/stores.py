"""Files of stores that fsspec knows: Amazon S3, Google Cloud Storage, HTTP servers and others (extra ``cluster``)."""

from __future__ import annotations

import os
import posixpath
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, NamedTuple, TypeVar

from hybridmatte.batch.parts import NamedBytes, Remote, is_remote, without_secrets
from hybridmatte.errors import require_extra

__all__ = ["Stores", "check_protocol", "joined"]

OBJECT_STORES = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oci", "memory")  # show an object when whole
READ_ONLY = ("http", "https")
PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "http": "aiohttp", "https": "aiohttp"}
MAX_BYTES = 1 << 32  # of one file
ATTEMPTS, FIRST_WAIT = 5, 0.2  # seconds; each wait is twice the one before it
FINAL = (FileNotFoundError, PermissionError, IsADirectoryError, NotImplementedError, ValueError, ImportError)
PASSING = (408, 429)  # answers of an HTTP server that is busy
Result = TypeVar("Result")


def check_protocol(address: str) -> str:
    """Return the protocol of an address; refuse it where its package is missing or nobody knows it."""
    protocol = address.partition("://")[0]
    require_extra("cluster", "fsspec", *([PACKAGES[protocol]] if protocol in PACKAGES else []))
    from fsspec.registry import get_filesystem_class

    try:
        get_filesystem_class(protocol)
    except ValueError:
        raise ValueError(f"{address} has the protocol {protocol}, expected s3, gs, http or another of fsspec") from None
    return protocol


def joined(address: str, name: str) -> str:
    """Return the address of a name that counts from an address; ``..`` is the folder around it."""
    if ".." not in name.split("/"):
        return f"{address.rstrip('/')}/{name}"
    protocol, _, path = address.partition("://")
    return f"{protocol}://{posixpath.normpath(posixpath.join(path, name))}"


class Stores(NamedTuple):
    """Access to stores; it can be sent to another process.

    Attributes
    ----------
    options : tuple of (str, str, object)
        Protocol, name and value of each option of a file system, such as ("s3", "endpoint_url", "http://...").
    """

    options: tuple[tuple[str, str, Any], ...] = ()

    def system(self, address: str) -> tuple[Any, str]:
        """Return the file system of an address, and the path in it."""
        protocol = check_protocol(address)
        from fsspec.core import url_to_fs

        return url_to_fs(address, **{name: value for other, name, value in self.options if other == protocol})

    def check_options(self, addresses: Sequence[str] | None) -> None:
        """Refuse options of a protocol that nobody knows, or that none of the addresses has, if these are known."""
        used = None if addresses is None else {check_protocol(address) for address in addresses if is_remote(address)}
        for protocol, name, _ in self.options:
            check_protocol(f"{protocol}://")
            if used is not None and protocol not in used:
                found = ", ".join(sorted(used)) or "none, all files are local"
                raise ValueError(f"--storage-option is {protocol}.{name}, expected a protocol of the job ({found})")

    def opened(self, address: str) -> BinaryIO:
        """Open a file for reading from its start to its end."""
        system, path = self.system(address)
        return _again(lambda: system.open(path, "rb"), address)

    def read(self, file: Remote) -> NamedBytes:
        """Return the contents of a file; failures of the store are tried again, a missing file is not."""
        system, path = self.system(file.address)

        def read() -> bytes:
            with system.open(path, "rb", block_size=None, cache_type="none") as opened:
                return opened.read(MAX_BYTES + 1)

        data = _again(lambda: system.cat_file(path) if _is_small(system, path) else read(), file.address)
        if len(data) > MAX_BYTES:
            raise ValueError(f"{file} holds more than {MAX_BYTES} bytes, expected at most that many")
        return NamedBytes(data, str(file))

    def write(self, address: str, data: bytes) -> None:
        """Write a file whole: object stores show it when it is, and others get it under a temporary name first."""
        system, path = self.system(address)
        if address.partition("://")[0] in OBJECT_STORES:
            _again(lambda: system.pipe_file(path, data), address)
            return
        folder, name = posixpath.split(path)
        temporary = posixpath.join(folder, f".{name}.{uuid.uuid4().hex}.tmp")

        def write() -> None:
            system.makedirs(folder, exist_ok=True)
            system.pipe_file(temporary, data)
            system.mv(temporary, path)

        _again(write, address)

    def remove(self, address: str) -> None:
        """Remove a file."""
        system, path = self.system(address)
        _again(lambda: system.rm_file(path), address)

    def check_writable(self, address: str) -> None:
        """Refuse a store that cannot be written."""
        if check_protocol(address) in READ_ONLY:
            raise ValueError(f"output {address} is an HTTP server, expected a store that can be written, such as s3://")
        self.system(address)

    def names(self, address: str) -> list[str]:
        """Return the addresses of the files below an address, or those that its pattern names, sorted."""
        system, path = self.system(address)
        protocol = address.partition("://")[0]
        system.invalidate_cache()
        if any(sign in path for sign in "*?["):
            found = _again(lambda: system.glob(path), address)
        elif protocol in READ_ONLY:
            found = [name for name in _again(lambda: system.ls(path, detail=False), address) if not name.endswith("/")]
        else:
            found = _again(lambda: system.find(path), address)
        return sorted(name if "://" in name else f"{protocol}://{name.lstrip('/')}" for name in found)


def _is_small(system: Any, path: str) -> bool:
    """Tell whether a file may be read in one go: its size is known, and no larger than allowed."""
    size = system.info(path).get("size")
    return size is not None and size <= MAX_BYTES


def _again(call: Callable[[], Result], address: str) -> Result:
    """Call a function of a store; try again, ever later, after failures that may pass."""
    for attempt in range(ATTEMPTS):
        try:
            return call()
        except TypeError as error:  # of a file system that does not know an option
            raise ValueError(
                without_secrets(
                    f"{address} cannot be used ({error}), expected options that its protocol has (--storage-option)"
                )
            ) from error
        except Exception as error:  # each store has errors of its own
            if _is_final(error):
                if isinstance(error, FileNotFoundError):
                    sentence = f"{address} does not exist or is not shown, expected a file or a folder of the store"
                    raise FileNotFoundError(without_secrets(sentence)) from error
                raise
            if attempt == ATTEMPTS - 1:
                reason = f"{type(error).__name__}: {error.__cause__ or error}"
                raise OSError(
                    without_secrets(
                        f"{address} cannot be used ({reason}) after {ATTEMPTS} attempts, expected a store that answers"
                    )
                ) from error
            time.sleep(FIRST_WAIT * 2**attempt * (1 + os.getpid() % 7 / 10))
    raise AssertionError("unreachable")


def _is_final(error: Exception) -> bool:
    """Tell whether another attempt cannot help. For an HTTP server, fsspec calls every failure a missing file."""
    cause = error.__cause__
    if isinstance(error, FileNotFoundError) and type(cause).__module__.startswith("aiohttp"):
        status = getattr(cause, "status", None)  # none without an answer
        return status is not None and 400 <= status < 500 and status not in PASSING
    return isinstance(error, FINAL)
