"""A batch on a cluster, part of which dies on the way, and what became of it."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from experiments.results import ROOT

POLL_SECONDS = 0.01
MATTE = ("--job", "matte", "--method", "knn")


class Ended(NamedTuple):
    """A command that has ended: its exit code, what it said, and how long it took."""

    code: int
    said: str
    seconds: float


class Event(NamedTuple):
    """What happens when a share of the pictures stands in the record. Without an action, the driver is killed."""

    share: float
    action: Callable[[], object] | None = None


def start_batch(arguments: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start the command ``batch``; what it says goes to a file."""
    command = [sys.executable, "-m", "hybridmatte", "batch", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0"}
    with log.open("ab") as said:
        return subprocess.Popen(command, stdout=said, stderr=said, env=environment, cwd=log.parent)


def run_batch(arguments: Sequence[str], log: Path, timeout: float = 600) -> Ended:
    """Run the command ``batch`` to its end."""
    return run_through_trouble(arguments, log, lambda: 0, 1, (), timeout)[0]


def run_through_trouble(
    arguments: Sequence[str],
    log: Path,
    count_done: Callable[[], int],
    total: int,
    events: Sequence[Event],
    timeout: float = 600,
) -> tuple[Ended, list[int]]:
    """Run ``batch``, make each event happen when its share is done, and start a killed driver again with --resume.

    Return the end of the last command, and how many pictures were done at each event.
    """
    start, happened, waiting = time.monotonic(), [], list(events)
    driver = start_batch(arguments, log)
    try:
        while driver.poll() is None or (waiting and waiting[0].action is None):
            if time.monotonic() - start > timeout:
                raise TimeoutError(f"batch has not ended after {timeout} s: {log.read_text()[-2000:]}")
            if waiting and count_done() >= waiting[0].share * total:
                event = waiting.pop(0)
                happened.append(count_done())
                if event.action is None:
                    driver.kill()
                    driver.wait()
                    driver = start_batch([*arguments, "--resume"], log)
                else:
                    event.action()
            time.sleep(POLL_SECONDS)
    finally:
        driver.kill()
        driver.wait()
    return Ended(driver.returncode, log.read_text(errors="replace"), time.monotonic() - start), happened


def rows_of(record: bytes) -> list[dict]:
    """Return the rows of a record, also of one whose last line is not finished."""
    return [json.loads(line) for line in record.split(b"\n")[:-1]]


def faults(rows: Sequence[dict], results: Mapping[str, bytes], expected: Mapping[str, bytes]) -> dict[str, int]:
    """Return how many results are missing, differ or are too many, and how many rows are missing, double or unnamed.

    Broken photographs have names that end with x; each needs one row whose error names it.
    """
    keys = Counter(row["key"] for row in rows)
    failed = {row["key"]: row["error"] for row in rows if row["error"] is not None}
    return {
        "missing": len(set(expected) - set(results)),
        "different": sum(results[key] != expected[key] for key in set(results) & set(expected)),
        "unexpected": len(set(results) - set(expected)),
        "rows_missing": len(set(expected) - set(keys)),
        "rows_twice": sum(count > 1 for count in keys.values()),
        "failed": len(failed),
        "failed_wrongly": len(set(failed) & set(expected)),
        "unnamed": sum(key not in error or "expected" not in error for key, error in failed.items()),
    }


def results_in(folder: Path) -> dict[str, bytes]:
    """Return the bytes of all results of a folder by their names."""
    return {path.stem: path.read_bytes() for path in folder.glob("*.png")}
