"""Fresh processes: a function called in one, its number of threads, and its peak memory."""

import os
import pickle
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiments.results import ROOT

THREAD_VARIABLES = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def thread_environment(threads: int) -> dict[str, str]:
    """Return the environment of a process that may use so many threads.

    Numba takes the same threading layer, OpenMP, whether or not TBB happens to be installed.
    """
    return {
        **os.environ,
        **dict.fromkeys(THREAD_VARIABLES, str(threads)),
        "NUMBA_THREADING_LAYER_PRIORITY": "omp tbb workqueue",
        "PYTHONPATH": str(ROOT),
    }


def call_fresh(function: Callable[..., Any], *arguments: Any, threads: int) -> Any:
    """Call a function of a module in a fresh process that may use so many threads, and return its result.

    Raises
    ------
    subprocess.CalledProcessError
        If the function raises; its traceback is on standard error.
    """
    with tempfile.TemporaryDirectory() as folder:
        call, result = Path(folder, "call"), Path(folder, "result")
        call.write_bytes(pickle.dumps((function, arguments)))
        subprocess.run(
            [sys.executable, "-m", "experiments.fresh_process", str(call), str(result)],
            env=thread_environment(threads),
            check=True,
        )
        return pickle.loads(result.read_bytes())


def peak_mib() -> float:
    """Return the largest resident memory of this process so far, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count what the parent held before it started this process
        line = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 1024


def _answer(call: Path, result: Path) -> None:
    """Call the pickled function and pickle its result."""
    function, arguments = pickle.loads(call.read_bytes())
    result.write_bytes(pickle.dumps(function(*arguments)))


if __name__ == "__main__":
    _answer(*map(Path, sys.argv[1:]))
