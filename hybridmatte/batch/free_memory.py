"""How much memory is free: by the system and control groups (containers) for all, and by limits for each process.

Imports nothing heavy.
"""

from __future__ import annotations

import ctypes
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["free_memory", "left_by_limits", "resident_memory", "size_in_words"]

ROOT = Path("/")
MIB, GIB = 1 << 20, 1 << 30
RECLAIMABLE = ("inactive_file", "active_file", "slab_reclaimable")  # of a group's memory.stat: given back when needed
GROUPS_V2 = ("", "memory.max", "memory.current", RECLAIMABLE)
GROUPS_V1 = (
    "memory",
    "memory.limit_in_bytes",
    "memory.usage_in_bytes",
    tuple(f"total_{name}" for name in RECLAIMABLE),
)  # folder below sys/fs/cgroup, files of the limit and of the usage, keys of memory.stat


def free_memory(root: Path = ROOT) -> int | None:
    """Return how many bytes all processes together can still take without paging; None where the system does not say.

    On Linux: the least of MemAvailable and of what the control groups around the process leave (versions 1 and 2). On
    macOS: free and inactive pages. On Windows: available physical memory. See `left_by_limits` for one process.

    Parameters
    ----------
    root : path, default "/"
        Where Linux's folders ``proc`` and ``sys`` are.

    Returns
    -------
    free : int or None
        In bytes, at least 0.
    """
    if sys.platform == "win32":
        return _free_of_windows()
    if sys.platform == "darwin":
        return _free_of_macos()
    known = [_available(root), *_left_by_groups(root)]
    found = [free for free in known if free is not None]
    return max(min(found), 0) if found else None


def left_by_limits(root: Path = ROOT) -> int | None:
    """Return how many bytes the limits on addresses and on data (``ulimit -v``, ``-d``) leave; None without a limit.

    They hold for each process by itself, and so does the answer for a worker, which begins with no more than this one.
    """
    limits, status = _text(root / "proc/self/limits"), _text(root / "proc/self/status")
    found = []
    for name, used in (("Max address space", "VmSize"), ("Max data size", "VmData")):
        limit = re.search(rf"^{name}\s+(\d+)", limits, re.MULTILINE)
        usage = re.search(rf"^{used}:\s+(\d+) kB", status, re.MULTILINE)
        if limit is not None and usage is not None:
            found.append(int(limit[1]) - 1024 * int(usage[1]))
    return max(min(found), 0) if found else None


def resident_memory(root: Path = ROOT) -> int:
    """Return how many bytes of memory this process holds; 0 where the system does not say."""
    found = re.search(r"^VmRSS:\s+(\d+) kB", _text(root / "proc/self/status"), re.MULTILINE)
    return 0 if found is None else 1024 * int(found[1])


def size_in_words(n_bytes: float) -> str:
    """Return a number of bytes as text, such as "1.5 GiB" or "300 MiB"."""
    return f"{n_bytes / GIB:.1f} GiB" if n_bytes >= GIB else f"{n_bytes / MIB:.0f} MiB"


def _available(root: Path) -> int | None:
    """Return MemAvailable."""
    found = re.search(r"^MemAvailable:\s+(\d+) kB", _text(root / "proc/meminfo"), re.MULTILINE)
    return None if found is None else 1024 * int(found[1])


def _left_by_groups(root: Path) -> Iterator[int]:
    """Yield what each control group around the process leaves, from its limit and its usage less file pages."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if number == "0" and not names:
            yield from _left_along(root, path, *GROUPS_V2)
        elif "memory" in names.split(","):
            yield from _left_along(root, path, *GROUPS_V1)


def _left_along(
    root: Path, path: str, below: str, limit_name: str, usage_name: str, keys: tuple[str, ...]
) -> Iterator[int]:
    """Yield what a control group and those around it leave.

    In a container, the path may be that of the host: then only the topmost folder is there, and is the container's.
    """
    top = root / "sys/fs/cgroup" / below
    group = top / path.strip("/")
    for folder in (group, *group.parents):
        limit, usage = _text(folder / limit_name), _text(folder / usage_name)
        if limit.strip().isdecimal() and usage.strip().isdecimal():
            statistics = dict(re.findall(r"^(\w+) (\d+)$", _text(folder / "memory.stat"), re.MULTILINE))
            yield int(limit) - int(usage) + sum(int(statistics.get(key, 0)) for key in keys)
        if folder == top:
            return


def _text(path: Path) -> str:
    """Return the text of a file of the system; an empty one where there is no such file."""
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _free_of_macos() -> int | None:
    """Return the free and inactive pages that ``vm_stat`` counts."""
    try:
        done = subprocess.run(["/usr/bin/vm_stat"], capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return _pages_of_macos(done.stdout)


def _pages_of_macos(text: str) -> int | None:
    """Return the bytes of free and inactive pages in the output of ``vm_stat``."""
    size = re.search(r"page size of (\d+) bytes", text)
    counts = [
        int(count) for count in re.findall(r"^Pages (?:free|inactive|speculative):\s+(\d+)\.", text, re.MULTILINE)
    ]
    return None if size is None or not counts else int(size[1]) * sum(counts)


class _WindowsStatus(ctypes.Structure):
    """MEMORYSTATUSEX."""

    _fields_ = (
        ("length", ctypes.c_ulong),
        ("load", ctypes.c_ulong),
        *((name, ctypes.c_ulonglong) for name in ("total", "available", "total_page_file", "available_page_file")),
        *((name, ctypes.c_ulonglong) for name in ("total_virtual", "available_virtual", "available_extended")),
    )


def _free_of_windows() -> int | None:
    """Return the available physical memory that Windows states."""
    status = _WindowsStatus()
    status.length = ctypes.sizeof(status)
    call = getattr(ctypes, "windll").kernel32.GlobalMemoryStatusEx  # noqa: B009 - this system's ctypes only
    return int(status.available) if call(ctypes.byref(status)) else None
