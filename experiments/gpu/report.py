"""The page from the recorded result."""

from collections.abc import Sequence

from experiments.bench_losses import FORMS
from experiments.results import Document, Row
from experiments.tables import mark, table

NOT_MEASURED = "Not measured: no CUDA device has been at hand."


def report(document: Document) -> list[str]:
    """Return the device, and a table for each part that was measured."""
    rows = document["results"]
    if not rows:
        return [NOT_MEASURED]
    blocks = [devices(rows)]
    for bench, title, write in (
        ("loss", "Losses over similar pixels", losses),
        ("search", "The search for similar pixels alone", searches),
        ("solver", "Solvers", solvers),
        ("training", "A training step of ViTMatte-S", training),
        ("papers", "The papers' trainings", paper_trainings),
        ("tests", "Tests on the device", device_tests),
    ):
        found = [row for row in rows if row["bench"] == bench]
        blocks += [f"## {title}", write(found) if found else "Not measured: this part has not been run on a device."]
    return blocks


def devices(rows: Sequence[Row]) -> str:
    """Return the sentence on the devices and versions of all rows."""
    found = dict.fromkeys(f"{row['device']} with torch {row['torch']} and Triton {row['triton']}" for row in rows)
    return f"Measured on {'; '.join(found)}."


def losses(rows: Sequence[Row]) -> str:
    """Return the table of the forms of each loss, against the unfolded form of the same size."""
    found = {(row["method"], row["subject"], row["form"]): row for row in rows}
    lines = []
    for row in rows:
        slow = found[row["method"], row["subject"], FORMS[-1]]
        is_compared = not (row["failed"] or slow["failed"])
        lines.append(
            [
                row["method"],
                row["subject"],
                row["form"] + mark([row]),
                milliseconds(row),
                f"{slow['median_s'] / row['median_s']:.1f}" if is_compared else "",
                number(row["peak_mib"]),
                f"{row['peak_mib'] / slow['peak_mib']:.3f}" if is_compared else "",
                f"{row['error']['gradient']:.1e}" if row["error"] else "",
            ]
        )
    header = ["loss", "size", "form", "ms, both passes", "times faster", "MiB added", "of the unfolded"]
    return table([*header, "gradient differs"], lines)


def searches(rows: Sequence[Row]) -> str:
    """Return the table of the search by the kernel and by tensor operations."""
    lines = [
        [
            row["subject"],
            row["form"] + mark([row]),
            milliseconds(row),
            number(row["peak_mib"]),
            times_floor(row, "byte_floor_s"),
            times_floor(row, "arithmetic_floor_s"),
            row["error"]["differ"],
        ]
        for row in rows
    ]
    header = ["size", "form", "ms", "MiB added", "times the byte floor", "times the arithmetic floor"]
    return table([*header, "values that differ"], lines)


def solvers(rows: Sequence[Row]) -> str:
    """Return the table of the solvers."""
    lines = [
        [
            row["method"],
            row["subject"],
            f"{row['unknown']:,}" if "unknown" in row else "",
            (row["failed"] or f"{row['median_s']:.3f}") + mark([row]),
            row.get("iterations") or "",
            number(row["peak_mib"]),
            "" if row["failed"] else times_floor(row, "byte_floor_s"),
            f"{next(iter(row['error'].values())):.1e}" if row["error"] else "",
        ]
        for row in rows
    ]
    header = ["solver", "image", "unknown pixels", "s", "iterations", "MiB added", "times the byte floor"]
    return table([*header, "largest difference from the CPU"], lines)


def training(rows: Sequence[Row]) -> str:
    """Return the table of steps without and with the loss."""
    lines = [
        [
            row["subject"],
            row["form"] + mark([row]),
            milliseconds(row),
            number(row["peak_mib"]),
            f"{round(100 * row['error']['share'], 1) + 0.0:.1f}" if row["error"] else "",
        ]
        for row in rows
    ]
    return table(["batch", "losses", "ms a step", "MiB added", "share of DDC, percent"], lines)


def paper_trainings(rows: Sequence[Row]) -> str:
    """Return the table of the seconds that each experiment had in its last call."""
    lines = [
        [f"{row['method']} {row['subject']}", f"{row['median_s']:.0f}", row["failed"] or "finished"] for row in rows
    ]
    return table(["experiment", "s", "state"], lines)


def device_tests(rows: Sequence[Row]) -> str:
    """Return how many tests passed and failed on the device."""
    (row,) = rows
    counts = row["error"] or {"passed": 0, "failed": 0}
    state = f"; {row['failed']}" if row["failed"] else ""
    return f"{counts['passed']} passed, {counts['failed']} failed{state}.{mark([row])}"


def milliseconds(row: Row) -> str:
    """Return the time of a row, or why there is none."""
    return row.get("failed") or f"{1000 * row['median_s']:.2f}"


def times_floor(row: Row, name: str) -> str:
    """Return by how much the time of a row exceeds one of its floors."""
    return f"{row['median_s'] / row[name]:.1f}" if row[name] else ""


def number(value: float | None) -> str:
    """Return a number of MiB without decimals."""
    return "" if value is None else f"{value:.0f}"
