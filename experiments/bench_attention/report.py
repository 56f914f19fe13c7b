"""The page from the recorded result."""

from experiments.results import Document
from experiments.tables import mark, table


def report(document: Document) -> list[str]:
    """Return the table of counts, times and memory."""
    lines = []
    for row in document["results"]:
        counts = row["error"]
        lines.append(
            [
                row["method"] + mark([row]),
                row["subject"],
                f"{counts['parameters']:,}",
                f"{counts['flops'] / 1e9:.3f}",
                f"{counts['flops_convolutions'] / 1e9:.3f}",
                f"{1e3 * row['median_s']:.1f}",
                f"{row['peak_mib']:.0f}",
            ]
        )
    header = ["blocks", "pass", "parameters", "GFLOPs", "of these convolutions", "ms", "MiB"]
    return [
        table(header, lines),
        "The paper's Table 6 has 25,984 and 49,792 parameters, as here, and 0.1416 and 3.5621 GFLOPs; it does not "
        "say how these were counted.",
    ]
