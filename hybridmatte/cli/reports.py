"""``--json``: one object on standard output for each file that is finished, and ``--quiet``. Imports nothing heavy."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

from hybridmatte.automatic.found import Findings
from hybridmatte.cli.standard_output import discard_output, refuse_closed_output

__all__ = [
    "Used",
    "begin_report",
    "choose_json",
    "choose_quiet",
    "finish_report",
    "is_json",
    "is_quiet",
    "lost_reports",
    "report_entries",
    "report_findings",
    "write_report",
]

_chosen = SimpleNamespace(  # by the options of the command that runs; error is that of standard output
    is_quiet=False, is_json=False, begun=None, findings=None, error=None, n_lost=0
)


class Used(NamedTuple):
    """The method or quality that a report names, and the weights; None where none is used."""

    method: str | None = None
    weights: str | None = None


def choose_quiet(value: bool) -> bool:
    """Set whether standard error gets nothing but errors."""
    _chosen.is_quiet = value
    return value


def choose_json(value: bool) -> bool:
    """Set whether every finished file is reported on standard output."""
    if value:
        refuse_closed_output()
    _chosen.is_json, _chosen.begun, _chosen.findings, _chosen.error, _chosen.n_lost = value, None, None, None, 0
    return value


def is_quiet() -> bool:
    """Return whether standard error gets nothing but errors."""
    return _chosen.is_quiet


def is_json() -> bool:
    """Return whether every finished file is reported on standard output."""
    return _chosen.is_json


def begin_report(source: str, output: str, used: Used | None = None) -> None:
    """Remember the one file of a command, whose report `finish_report` writes."""
    if _chosen.is_json:
        _chosen.begun = (source, output, used or Used(), time.perf_counter())


def report_findings(findings: Findings) -> None:
    """Remember what `auto` has to say of the one file of a command, for its report."""
    _chosen.findings = findings


def report_entries(entries: dict[str, Any]) -> None:
    """Remember entries that the report of the one file of a command has beside those of all commands."""
    _chosen.findings = SimpleNamespace(entries=entries)


def finish_report(error: str | None = None, status: str = "written") -> None:
    """Write the report that was begun, if there is one; an error makes it that of a failure."""
    if _chosen.begun is None:
        return
    (source, output, used, start), findings = _chosen.begun, _chosen.findings
    _chosen.begun = _chosen.findings = None
    write_report(source, output, used, "failed" if error else status, time.perf_counter() - start, error, findings)


def write_report(
    source: str,
    output: str | None,
    used: Used,
    status: str,
    seconds: float,
    error: str | None = None,
    findings: Findings | None = None,
) -> None:
    """Write one line of JSON on standard output, if ``--json`` is given; count it as lost if that is impossible.

    What `auto` has to say of an image adds entries.
    """
    if not _chosen.is_json:
        return
    size = _size_of(output) if status == "written" else None
    report = {
        "input": source,
        "output": output,
        "status": status,
        "seconds": round(seconds, 3),
        "size": size,
        "method": used.method,
        "weights": used.weights,
        "error": error,
    }
    if findings is not None:
        report |= findings.entries
    if _chosen.error is not None:
        _chosen.n_lost += 1
        return
    try:
        sys.stdout.write(json.dumps(report) + "\n")
        sys.stdout.flush()
    except OSError as problem:
        _chosen.error, _chosen.n_lost = problem, 1
        discard_output()


def lost_reports() -> tuple[OSError | None, int]:
    """Return the error of standard output that made reports impossible, and how many are lost."""
    return _chosen.error, _chosen.n_lost


def _size_of(output: str | None) -> Sequence[int] | None:
    """Return the width and height of a picture that was written; None for what is no picture."""
    from hybridmatte.io.pictures import read_size

    if output is None:
        return None
    try:
        return read_size(output, "output")[::-1]
    except (ValueError, OSError):  # a pipe, a device
        return None
