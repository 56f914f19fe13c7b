"""The page from the recorded result."""

import statistics
from collections.abc import Sequence

from experiments.results import Document, Row
from experiments.roofline import MOSAIC, REST, TOTAL
from experiments.roofline.stages import BUILD, ITERATION, SET_UP
from experiments.tables import mark, table

BOUND_BY_BYTES = 0.7  # share of the copy bandwidth
SCALES = 1.4  # times as fast on all threads as on one


def report(document: Document) -> list[str]:
    """Return the tables of the photographs and of the stages."""
    parts = []
    for method in dict.fromkeys(row["method"] for row in document["results"]):
        rows = [row for row in document["results"] if row["method"] == method]
        photographs = [row for row in rows if row["subject"] != MOSAIC] or rows
        parts += [f"## {method[0].upper()}{method[1:]}", _photographs(rows), *_stages(photographs)]
    return parts


def _photographs(rows: Sequence[Row]) -> str:
    """Return the table of whole calls: microseconds for each unknown pixel on each number of threads."""
    counts = sorted({row["threads"] for row in rows})
    header = ["photograph", "unknown pixels", "iterations", *(f"µs a pixel, {_threads(count)}" for count in counts)]
    lines = []
    for subject in dict.fromkeys(row["subject"] for row in rows):
        whole = {row["threads"]: row for row in rows if row["subject"] == subject and row["stage"] == TOTAL}
        first, errors = whole[counts[0]], whole[counts[0]]["error"]
        speeds = (f"{1e6 * whole[count]['median_s'] / errors['unknowns']:.2f}" for count in counts)
        lines.append([subject + mark([first]), f"{errors['unknowns']:,}", errors["iterations"], *speeds])
    return table(header, lines)


def _stages(rows: Sequence[Row]) -> list[str]:
    """Return the table of the stages: medians over the photographs."""
    counts = sorted({row["threads"] for row in rows})
    bandwidth = {
        count: statistics.median(row["error"]["bandwidth"] for row in rows if row["threads"] == count)
        for count in counts
    }
    header = ["stage", "calls", "bytes a pixel"]
    header += [f"{what}, {_threads(count)}" for count in counts for what in ("ns a pixel", "share of a copy")]
    lines = []
    names = dict.fromkeys(row["stage"] for row in rows)
    kernels = [name for phase in (BUILD, SET_UP, ITERATION) for name in names if name.startswith(f"{phase}:")]
    for stage in (*kernels, REST):
        found = {count: [row for row in rows if row["stage"] == stage and row["threads"] == count] for count in counts}
        first = found[counts[0]]
        has_bytes = "bytes" in first[0]["error"]
        line = [stage]
        line += [f"{_median(first, 'calls'):.0f}", f"{_per_pixel(first, 'bytes'):.0f}"] if has_bytes else ["", ""]
        shares, times = {}, {}
        for count in counts:
            times[count] = statistics.median(1e9 * row["median_s"] / row["error"]["unknowns"] for row in found[count])
            if has_bytes:
                moved = statistics.median(row["error"]["bytes"] / row["median_s"] for row in found[count])
                shares[count] = moved / bandwidth[count]
            line += [f"{times[count]:.0f}", f"{100 * shares[count]:.0f}%" if has_bytes else ""]
        lines.append([*line, _bound(shares, times)])
    speeds = ", ".join(f"{value / 1e9:.0f} GB/s on {_threads(count)}" for count, value in bandwidth.items())
    return [
        f"A copy of a large array, read and written bytes together, runs at {speeds}. Medians over the photographs:",
        table([*header, "bound by"], lines),
    ]


def _bound(shares: dict[int, float], times: dict[int, float]) -> str:
    """Return what bounds a stage."""
    if not shares:
        return "Python"
    if max(shares.values()) >= BOUND_BY_BYTES:
        return "bytes"
    return "arithmetic or latency" if times[min(times)] >= SCALES * times[max(times)] or len(times) == 1 else "threads"


def _median(rows: Sequence[Row], key: str) -> float:
    return statistics.median(row["error"][key] for row in rows)


def _per_pixel(rows: Sequence[Row], key: str) -> float:
    return statistics.median(row["error"][key] / row["error"]["unknowns"] for row in rows)


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"
