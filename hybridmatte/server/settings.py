"""The settings of the service and their bounds."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from hybridmatte.batch.cores import available_cores

__all__ = ["MIB", "TOKEN_VARIABLE", "Settings", "is_loopback"]

MIB = 1 << 20
TOKEN_VARIABLE = "HYBRIDMATTE_TOKEN"  # noqa: S105


@dataclass(frozen=True)
class Settings:
    """Where the service listens, and what one request and all requests together may take.

    Attributes
    ----------
    host, port
        Address to listen on. Port 0 takes any free port.
    token : str or None
        Word that each request under ``/v1`` must bring as ``Authorization: Bearer``. Required for other addresses than
        those of this machine.
    workers : int
        Number of worker processes, which is the number of requests under way. Default: one a core, 2 to 4, so that a
        quick preview does not wait for a long solve.
    queue : int
        Number of requests that may wait for a worker; further ones are refused with status 429.
    queue_timeout, timeout, upload_seconds : float
        Longest wait for a worker, longest work on a request, and longest time in which a request's body must arrive.
    max_bytes : int
        Largest body of a request. All requests together hold at most four times as much.
    max_pixels : int
        Pixels above which a picture is not decoded.
    segmenters : tuple of str
        Segmenters that a request may name; the first one is the default.
    hosts : tuple of str
        Names besides those of this machine that the header ``Host`` may have, such as that of a proxy.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = field(default=None, repr=False)
    workers: int = field(default_factory=lambda: min(max(available_cores(), 2), 4))
    queue: int = 32
    queue_timeout: float = 60.0
    timeout: float = 300.0
    upload_seconds: float = 60.0
    max_bytes: int = 256 * MIB
    max_pixels: int = 60_000_000
    segmenters: tuple[str, ...] = ("bundled",)
    hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse values out of their ranges, and an open address without a token."""
        for name, low in (("port", 0), ("workers", 1), ("queue", 0), ("max_bytes", 1), ("max_pixels", 1)):
            if getattr(self, name) < low:
                raise ValueError(f"{name} is {getattr(self, name)}, expected at least {low}")
        for name in ("queue_timeout", "timeout", "upload_seconds"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected more than 0")
        for name in self.hosts:
            _check_name(name)
        if self.port > 65535:
            raise ValueError(f"port is {self.port}, expected at most 65535")
        if self.token is not None and (not self.token.isascii() or not self.token.isprintable() or " " in self.token):
            raise ValueError("token has spaces or other than printable ASCII characters, expected neither")
        if self.token == "":
            raise ValueError("token is empty, expected a word")
        if self.token is None and not is_loopback(self.host):
            raise ValueError(
                f"host is {self.host}, which other machines can reach, expected a token beside it: "
                f"--token WORD, or the environment variable {TOKEN_VARIABLE}"
            )


def _check_name(name: str) -> None:
    """Refuse what the header Host never has as its name."""
    if not name or set(name) & set(":/@ "):
        raise ValueError(f"a name of hosts is {name!r}, expected one without port and path, such as mattes.home")


def is_loopback(host: str) -> bool:
    """Return whether an address can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
