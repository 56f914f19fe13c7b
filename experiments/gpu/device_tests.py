"""The tests that need a CUDA device, in a fresh process."""

import re
import subprocess
import sys

from experiments.fresh_process import thread_environment
from experiments.gpu.measurement import device_row
from experiments.results import ROOT, Row

FOLDERS = ("tests/similarity", "tests/losses", "tests/systems")
MAX_SECONDS = 180


def run_device_tests(threads: int) -> list[Row]:
    """Return the row with the numbers of tests that passed and failed; a run that takes too long has failed."""
    command = [sys.executable, "-m", "pytest", "-v", "-m", "gpu", "-p", "no:cacheprovider", *FOLDERS]
    command += ["-W", "default::DeprecationWarning"]  # of other versions of packages than the project is tested with
    try:
        run = subprocess.run(
            command,
            cwd=ROOT,
            env=thread_environment(threads),
            capture_output=True,
            text=True,
            timeout=MAX_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return [device_row("tests", "pytest", "gpu", "tests", [0], failed=f"not finished after {MAX_SECONDS} s")]
    counts = {name: int(number) for number, name in re.findall(r"(\d+) (passed|failed|error)", run.stdout)}
    passed, wrong = counts.get("passed", 0), counts.get("failed", 0) + counts.get("error", 0)
    if run.returncode:
        print(run.stdout[-4000:], run.stderr[-2000:], sep="\n")
    error = {"passed": passed, "failed": wrong}
    failed = f"pytest ended with {run.returncode}" if run.returncode else None
    return [device_row("tests", "pytest", "gpu", "tests", [passed + wrong], error=error, failed=failed)]
