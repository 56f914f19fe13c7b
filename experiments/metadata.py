"""Metadata of a run: commit, date, versions, processor and threads."""

import datetime
import os
import platform
import subprocess
from collections.abc import Sequence
from importlib import metadata as distributions
from pathlib import Path
from typing import Any

import hybridmatte
from experiments.results import ROOT, Row

MODIFIED = "-dirty"  # mark of `git describe` where tracked files differ from the commit


def run_metadata(threads: int, packages: Sequence[str] = ()) -> dict[str, Any]:
    """Return the metadata of a run that starts now. A package that is not installed is left out."""
    versions = {"python": platform.python_version(), "hybridmatte": hybridmatte.__version__}
    for name in packages:
        try:
            versions[name] = distributions.version(name)
        except distributions.PackageNotFoundError:
            continue
    return {
        "commit": _commit(),
        "date": datetime.date.today().isoformat(),
        "versions": versions,
        "processor": _processor(),
        "threads": threads,
    }


def modified_commits(rows: Sequence[Row]) -> list[str]:
    """Return the commits whose checkout was modified when one of the rows was measured, in order of first use."""
    commits = dict.fromkeys(row.get("commit", "") for row in rows)
    return [commit.removesuffix(MODIFIED) for commit in commits if commit.endswith(MODIFIED)]


def _commit() -> str:
    """Return the short commit, with a mark if tracked files differ from it.

    In a copy of the files without git it is what the environment variable HYBRIDMATTE_COMMIT says, or "unknown".
    """
    command = ["git", "-C", str(ROOT), "describe", "--always", f"--dirty={MODIFIED}", "--exclude", "*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return os.environ.get("HYBRIDMATTE_COMMIT") or "unknown"


def _processor() -> str:
    """Return the name of the processor."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
