"""The page from the recorded result."""

from experiments.results import Document
from experiments.tables import mark, table


def report(document: Document) -> list[str]:
    """Return the table of times."""
    lines = [
        [row["method"] + mark([row]), f"{row['median_s']:.2f}", f"{row['error']['foreground_s']:.2f}"]
        for row in document["results"]
    ]
    return [table(["way", "s to alpha", "s more to a cut-out"], lines)]
