"""The page from the recorded result."""

from experiments.results import Document
from experiments.tables import mark, table


def report(document: Document) -> list[str]:
    """Return the table of errors in the known regions, and the picture."""
    lines = [
        [
            row["method"] + mark([row]),
            *(f"{row['error'][key]:.4f}" for key in ("foreground_mean", "foreground_99", "background_mean")),
        ]
        for row in document["results"]
    ]
    header = ["prior", "known foreground, mean of 1 - alpha", "its 99th percentile", "known background, mean alpha"]
    return [
        table(header, lines),
        "![Alphas of the flower](texture_noise.jpg)",
        "The flower, then alpha under each prior in the order of the table; 0.8 is drawn black.",
    ]
