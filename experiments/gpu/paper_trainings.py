"""Trainings of the papers on the device, each an experiment in a fresh process that is stopped at the deadline.

An experiment records each row as it comes and skips rows that are recorded, so that the next call goes on.
"""

import dataclasses
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from experiments.fresh_process import thread_environment
from experiments.gpu.measurement import device_row
from experiments.registry import EXPERIMENTS
from experiments.results import ROOT, Row

TRAININGS = (
    "wsshm_small --parts longer",
    "trimap_free_small --parts longer real_longer --seeds 0 1 2 3 4",
    "alpha_free_small --precision bf16-mixed --sets faces",
    "alpha_free_small --precision bf16-mixed --sets cats",
)
LEAST = 20.0  # seconds; with less nothing is started


def run_paper_trainings(deadline: float, threads: int, output: Path) -> Iterator[list[Row]]:
    """Yield a row for each training: its seconds, and why it is not finished if it is not.

    Parameters
    ----------
    deadline : float
        Of `time.monotonic`.
    threads : int
    output : Path
        Folder of the results. Trained networks are kept in its folder ``networks``, so that a call that finds both goes
        on where the one before was stopped.
    """
    for line in TRAININGS:
        name, *words = shlex.split(line)
        seconds = max(0.0, deadline - time.monotonic())
        failed = f"not started, {seconds:.0f} s were left" if seconds < LEAST else None
        if failed is None:
            start = time.monotonic()
            arguments = [name, *words, "--threads", str(threads), "--output", str(output)]
            if keeps_networks(name):
                arguments += ["--kept", str(output / "networks" / name)]
            failed = stopped_or_failed(arguments, seconds, threads)
            seconds = time.monotonic() - start
        yield [device_row("papers", name, "training", " ".join(words), [], median_s=seconds, failed=failed)]


def keeps_networks(name: str) -> bool:
    """Return whether an experiment keeps the networks that it trains."""
    return any(field.name == "kept" for field in dataclasses.fields(EXPERIMENTS[name].options))


def stopped_or_failed(arguments: list[str], seconds: float, threads: int) -> str | None:
    """Run an experiment for so many seconds at most; return why it did not end well, None if it did."""
    command = [sys.executable, "-m", "experiments", *arguments]
    try:
        run = subprocess.run(command, cwd=ROOT, env=thread_environment(threads), timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return f"stopped after {seconds:.0f} s; the next call goes on"
    return f"ended with {run.returncode}" if run.returncode else None
