"""Processor time of a command and of everything it starts, also of what outlives it.

`python -m experiments.cluster.processor_time COMMAND...` prints exit code, seconds and processor time as JSON.
"""

import ctypes
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

from experiments.results import ROOT

PR_SET_CHILD_SUBREAPER = 36
LINGER_SECONDS = 30.0  # for what outlives the command


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
    """Run a command as the parent of all processes that lose theirs, and wait for the last of them."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "this process cannot become the parent of orphans, expected Linux")
    start = time.monotonic()
    child = subprocess.Popen(command, stdout=sys.stderr)
    code = child.wait()
    seconds = time.monotonic() - start
    end = time.monotonic() + LINGER_SECONDS
    while time.monotonic() < end:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            break
        if not pid:
            time.sleep(0.05)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Spent(code, seconds, used.ru_utime + used.ru_stime)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_measure(sys.argv[1:])) + "\n")
