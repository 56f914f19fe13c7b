"""Two machines that share this one's disk: network namespaces with addresses of their own, joined by a cable."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

NETWORK = "10.201.7"  # of addresses that stay inside the namespaces
DEVICE = "cable"
MASTER = f"{NETWORK}.1"


class Node(NamedTuple):
    """A machine: its namespace and its address."""

    namespace: str
    address: str

    def command(self, command: list[str], **environment: str) -> list[str]:
        """Return a command line that runs on this machine."""
        return ["ip", "netns", "exec", self.namespace, "env", *(f"{k}={v}" for k, v in environment.items()), *command]


def why_not() -> str | None:
    """Return why there can be no namespaces here, or None."""
    if shutil.which("ip") is None:
        return "needs the command ip (iproute2)"
    name = f"hybridmatte-try-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if made.returncode:
        return f"needs the right to make network namespaces ({made.stderr.strip()})"
    _ip("netns", "delete", name)
    return None


@contextmanager
def two_nodes() -> Iterator[list[Node]]:
    """Make two namespaces, joined by a pair of virtual devices, and remove them afterwards."""
    nodes = [Node(f"hybridmatte-{os.getpid()}-{number}", f"{NETWORK}.{number + 1}") for number in range(2)]
    try:
        for node in nodes:
            _ip("netns", "add", node.namespace)
        first, second = nodes
        peer = ["peer", "name", DEVICE, "netns", second.namespace]
        _ip("link", "add", DEVICE, "netns", first.namespace, "type", "veth", *peer)
        for node in nodes:
            _ip("-n", node.namespace, "address", "add", f"{node.address}/24", "dev", DEVICE)
            for device in (DEVICE, "lo"):
                _ip("-n", node.namespace, "link", "set", device, "up")
        yield nodes
    finally:
        for node in nodes:
            subprocess.run(["ip", "netns", "delete", node.namespace], capture_output=True)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)
