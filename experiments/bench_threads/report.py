"""The page from the recorded result."""

from collections.abc import Sequence

from experiments.results import Document, Row
from experiments.tables import mark, table

FOLDER_GOAL = 1.9


def report(document: Document) -> list[str]:
    """Return the tables of threads and of folders, and what their columns mean."""
    rows = document["results"]
    threads = [row for row in rows if row["method"] != "folder"]
    folders = [row for row in rows if row["method"] == "folder"]
    return [
        "Seconds of one photograph, means over four. `processor` is the time of all threads over that of one. `serial` "
        "is the share of the time on one thread that more threads would not shorten, if all the rest were divided "
        "evenly (Amdahl's law); below zero, the caches of more cores help; above one, a second thread costs more than "
        "it saves.",
        table(
            [
                "method",
                "size",
                "unknown pixels",
                "threads",
                "s, one thread",
                "s",
                "times faster",
                "processor",
                "serial",
            ],
            [line for row in threads for line in thread_lines(row)],
        ),
        "Folders of small pictures, `matte`, the start of the processes counted. One worker is timed on one thread, "
        "and on all threads; several workers share all threads.",
        table(
            [
                "size",
                "pictures",
                "workers",
                "s, one worker on one thread",
                "s, one worker",
                "s",
                "times faster than on one thread",
                f"goal ({FOLDER_GOAL} for two)",
                "times faster than one worker",
                f"goal ({FOLDER_GOAL} for two)",
            ],
            [line for row in folders for line in folder_lines(row)],
        ),
    ]


def thread_lines(row: Row) -> Sequence[list[str]]:
    """Return a line for each number of threads above one."""
    errors = row["error"]
    return [
        [
            row["method"] + mark([row]),
            row["subject"],
            f"{errors['unknown']:,.0f}",
            str(count),
            f"{errors['wall_1']:.3f}",
            f"{errors[f'wall_{count}']:.3f}",
            f"{errors['wall_1'] / errors[f'wall_{count}']:.2f}",
            f"{errors[f'processor_{count}'] / errors['processor_1']:.2f}",
            f"{serial_share(errors['wall_1'], errors[f'wall_{count}'], count):.2f}",
        ]
        for count in counts_of(row)
    ]


def folder_lines(row: Row) -> Sequence[list[str]]:
    """Return a line for each number of workers above one."""
    errors = row["error"]
    lines = []
    for count in counts_of(row):
        seconds = [errors[f"wall_{label}"] for label in ("alone", 1, count)]
        ratios = [one / seconds[-1] for one in seconds[:-1]]
        numbers = [f"{value:.1f}" for value in seconds]
        for ratio in ratios:
            numbers += [f"{ratio:.2f}", ("met" if ratio >= FOLDER_GOAL else "missed") if count == 2 else ""]
        lines.append([row["subject"] + mark([row]), f"{errors['pictures']:.0f}", str(count), *numbers])
    return lines


def serial_share(one: float, many: float, count: int) -> float:
    """Return the share s for which many = one (s + (1 - s) / count)."""
    return (count * many / one - 1) / (count - 1)


def counts_of(row: Row) -> list[int]:
    """Return the numbers of threads or workers above one that a row has."""
    counts = (key.removeprefix("wall_") for key in row["error"] if key.startswith("wall_"))
    return sorted(int(count) for count in counts if count not in ("1", "alone"))
