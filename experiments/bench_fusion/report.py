"""The page from the recorded result."""

import numpy as np

from experiments.bench_fusion import WAYS
from experiments.results import Document
from experiments.tables import mark, table


def report(document: Document) -> list[str]:
    """Return the table of mean, least and most seconds, and of their ratios."""
    cases = {}
    for row in document["results"]:
        cases.setdefault(row["subject"], {})[row["method"]] = row
    found = {way: [case[way]["median_s"] for case in cases.values()] for way in WAYS}
    found |= {
        f"{one} over {other}": [case[one]["median_s"] / case[other]["median_s"] for case in cases.values()]
        for one, other in (("best", "solvers"), ("fast", "best"))
    }
    lines = [
        [name + mark(document["results"]), f"{np.mean(values):.2f}", f"{min(values):.2f}", f"{max(values):.2f}"]
        for name, values in found.items()
    ]
    return [f"Seconds of {len(cases)} pairs of photograph and trimap.", table(["", "mean", "least", "most"], lines)]
