"""The page from the recorded result."""

import numpy as np

from experiments.results import Document
from experiments.tables import mark, table

KEYS = {"dc": "DC", "ddc": "DDC", "hinge": "hinge", "x": "mean abs(x)", "d": "mean d"}


def report(document: Document) -> list[str]:
    """Return the means over photographs: all selected pairs, those inside the unknown region, those of two pixels."""
    lines = []
    for ending, pairs in (("", "all"), ("_unknown", "unknown"), ("_unknown_others", "unknown, of two pixels")):
        for method in ("true", "hard"):
            rows = [row for row in document["results"] if row["method"] == method]
            means = [1000 * np.mean([row["error"][key + ending] for row in rows]) for key in KEYS]
            lines.append([pairs, method + mark(rows), *(f"{mean:.2f}" for mean in means)])
    return [
        "Times 1000; means over the pairs, then over the twelve photographs. Unknown: both pixels of the pair. Of two "
        "pixels: without the pair of each pixel with itself, which the selection holds too.",
        table(["pairs", "alpha", *KEYS.values()], lines),
    ]
