"""Processor time of a command and of everything it starts, also of what outlives it.

`python -m experiments.cluster.processor_time COMMAND...` prints exit code, seconds and processor time as JSON.
"""

import ctypes
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from experiments.cluster.memory import below, cpu_seconds
from experiments.results import ROOT

PR_SET_CHILD_SUBREAPER = 36
LINGER_SECONDS = 30.0  # for what outlives the command
LOOK_SECONDS = 0.05  # between two looks; what a process spends after the last look is missed


class Spent(NamedTuple):
    """Exit code, seconds, and seconds of processor time."""

    code: int
    seconds: float
    cpu: float


def processor_time(command: Sequence[str], threads: int | None = None) -> Spent:
    """Run a command in the package's folder, and return what it has spent; the kernels of Numba are compiled before."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0"}
    if threads is not None:
        environment |= {"NUMBA_NUM_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
    own = [sys.executable, "-m", "experiments.cluster.processor_time", *command]
    done = subprocess.run(own, capture_output=True, text=True, env=environment, check=True)
    return Spent(*json.loads(done.stdout.splitlines()[-1]))


def _measure(command: Sequence[str]) -> Spent:
    """Run a command as the parent of all processes that lose theirs, and look at what each of them has spent.

    The sum that the system keeps for a parent misses them: Ray's main process does not wait for its own.
    """
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "this process cannot become the parent of orphans, expected Linux")
    start = time.monotonic()
    child = subprocess.Popen(command, stdout=sys.stderr)
    spent: dict[int, float] = {}
    while child.poll() is None:
        _look(spent)
    seconds = time.monotonic() - start
    end = time.monotonic() + LINGER_SECONDS
    while time.monotonic() < end and _look(spent):
        continue
    return Spent(child.returncode, seconds, sum(spent.values()))


def _look(spent: dict[int, float]) -> bool:
    """Note the time of all processes below this one; tell whether any of them still runs."""
    time.sleep(LOOK_SECONDS)
    others = below(os.getpid())[1:]
    for pid in others:
        spent[pid] = max(spent.get(pid, 0.0), cpu_seconds(pid))
    return bool([pid for pid in others if not _has_ended(pid)])


def _has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_measure(sys.argv[1:])) + "\n")
