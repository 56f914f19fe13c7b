"""The page from the recorded result."""

from experiments.results import Document
from experiments.tables import mark, table

ABOUT = {
    "fused photographs": "fused photographs of 481 x 321 (goal: 300)",
    "composites": "composites of foregrounds of 800 x 600 in memory over photographs from disk",
}


def report(document: Document) -> list[str]:
    """Return the table of samples a second."""
    lines = [
        [ABOUT[row["method"]] + mark([row]), row["size"][0], f"{1 / row['median_s']:.0f}"]
        for row in document["results"]
    ]
    return [table(["samples", "crop", "samples a second"], lines)]
