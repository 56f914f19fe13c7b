"""The page from the recorded result."""

from collections.abc import Sequence

from experiments.results import Document, Row
from experiments.tables import mark, table

HEADINGS = {
    "results": "results",
    "missing": "missing",
    "different": "different from local",
    "failed": "named errors",
    "unnamed": "unnamed",
    "rows_missing": "rows missing",
    "rows_twice": "rows twice",
    "node_killed_at": "node killed at",
    "worker_killed_at": "worker killed at",
    "driver_killed_at": "driver killed at",
}
INJECTED = {"failures": "status 500", "slow": "too slow reads", "cut": "reads cut short"}

MEMORY = {f"{who}_mib_at_{share}": f"{who}, MiB at {share}%" for who in ("driver", "all") for share in (10, 50, 90)}
A_PICTURE = {"cpu_s_a_picture": "CPU seconds a picture"}
TABLES = (  # title, begin of the subjects, columns
    ("Parts of the cluster die", "trouble", HEADINGS),
    ("Faults injected into the store", "trouble, a store", INJECTED),
    (
        "Processor time of both engines, 1 megapixel, one worker with one thread",
        "processor time",
        {**A_PICTURE, "cpu_s_of_start": "CPU seconds of the start"},
    ),
    ("Processor time of jobs, 1 megapixel, one thread", "jobs", A_PICTURE),
    (
        "Rate on two cores, 1 megapixel, one thread a worker",
        "rate",
        {"pictures_a_second": "pictures a second"},
    ),
    (
        "Memory over a job of small photographs",
        "memory",
        {**MEMORY, "driver_cpu_ms_a_picture": "driver, CPU ms a picture"},
    ),
    ("Seconds from the command to the first row", "first row", {}),
    ("`batch` beside the same folder with `matte`", "folder of", A_PICTURE),
)


def report(document: Document) -> list[str]:
    """Return the tables of lost parts, of processor time, rates, memory and starts, as far as they were measured."""
    paragraphs = []
    for title, begin, columns in TABLES:
        rows = _of(document["results"], begin)
        paragraphs += [f"## {title}", _table(rows, columns)] if rows else []
    return paragraphs


def _of(rows: Sequence[Row], begin: str) -> list[Row]:
    return [row for row in rows if row["subject"].startswith(begin)]


def _table(rows: Sequence[Row], columns: dict[str, str]) -> str:
    """Return one line for each row; a column of seconds where they were measured."""
    has_seconds = any(row["median_s"] is not None for row in rows)
    header = ["", "", *columns.values(), *(["seconds"] if has_seconds else [])]
    lines = [
        [
            row["method"] + mark([row]),
            row["subject"],
            *(_number((row["error"] or {}).get(name, 0)) for name in columns),
            *([_number(row["median_s"])] if has_seconds else []),
        ]
        for row in rows
    ]
    return table(header, lines)


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.3g}" if value < 100 else f"{value:.0f}"
