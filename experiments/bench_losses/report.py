"""The page from the recorded result."""

from experiments.bench_losses import FORMS, LOSSES
from experiments.results import Document, Row
from experiments.tables import mark, table


def report(document: Document) -> list[str]:
    """Return the comparison of the forms, and the growth of our time with the size."""
    rows = document["results"]
    return [compare_forms(rows), growth(rows), "On a GPU: see [gpu](gpu.md)."]


def compare_forms(rows: list[Row]) -> str:
    """Return the table of time and memory of each form, against the unfolded form."""
    found = {(row["bench"], row["method"], row["subject"], row["form"]): row for row in rows}
    lines = []
    for _, loss, subject, form in [key for key in found if key[0] == "memory"]:
        timed, slow = (found["time", loss, subject, name] for name in (form, FORMS[-1]))
        small, large = (found["memory", loss, subject, name] for name in (form, FORMS[-1]))
        lines.append(
            [
                loss,
                form + mark([timed, small]),
                f"{1000 * timed['median_s']:.1f}",
                f"{slow['median_s'] / timed['median_s']:.0f}",
                f"{small['added_mib']:.0f}",
                f"{small['added_mib'] / large['added_mib']:.3f}",
                f"{timed['error']['gradient']:.1e}",
            ]
        )
    header = ["loss", "form", "ms, both passes", "times faster", "MiB added", "of the unfolded", "gradient differs"]
    return table(header, lines)


def growth(rows: list[Row]) -> str:
    """Return the table of time against size of the first loss, in our forms."""
    ours = [row for row in rows if row["bench"] == "time" and row["method"] == LOSSES[0] and row["form"] != FORMS[-1]]
    lines = []
    for row in sorted(ours, key=lambda row: (row["form"], row["size"][0] * row["size"][2] ** 2)):
        pixels = row["size"][0] * row["size"][2] * row["size"][3]
        lines.append(
            [
                row["subject"],
                row["form"] + mark([row]),
                f"{1000 * row['median_s']:.1f}",
                f"{1e9 * row['median_s'] / pixels:.0f}",
            ]
        )
    return table(["subject", "form", "ms", "ns a pixel"], lines)
