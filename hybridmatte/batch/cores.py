"""How many processor cores this process may use."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["available_cores"]

CPU_LIMIT = Path("/sys/fs/cgroup/cpu.max")  # of a container: microseconds in each period, or "max"


def available_cores(limit: Path = CPU_LIMIT) -> int:
    """Return the number of cores, at least 1: those the process may run on, and no more than its container's share.

    A share such as 2.5 cores counts as 2.
    """
    has_affinity = hasattr(os, "sched_getaffinity")  # not on macOS and Windows
    cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    try:
        quota, period = limit.read_text(encoding="ascii").split()
        share = int(quota) // int(period)
    except (OSError, ValueError):  # no such limit
        return cores
    return max(1, min(cores, share))
