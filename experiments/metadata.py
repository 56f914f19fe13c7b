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

MODIFIED = "-dirty"  # mark of a commit from which tracked files differ


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
    """Return the short commit, with a mark if tracked files differ from it; recorded results do not count.

    In a copy of the files without git it is what the environment variable HYBRIDMATTE_COMMIT says, or "unknown".
    """
    try:
        commit = _git("describe", "--always", "--exclude", "*").stdout.strip()
        is_modified = _git("diff", "--quiet", "HEAD", "--", ":/", ":/!docs/results", check=False).returncode
    except (OSError, subprocess.CalledProcessError):
        return os.environ.get("HYBRIDMATTE_COMMIT") or "unknown"
    return commit + (MODIFIED if is_modified else "")


def _git(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run git in the folder of this checkout."""
    return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=check)


def _processor() -> str:
    """Return the name of the processor."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
