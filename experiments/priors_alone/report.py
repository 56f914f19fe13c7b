"""The page from the recorded result."""

import numpy as np

from experiments.priors_alone import METHODS, TRIMAPS
from experiments.results import Document
from experiments.tables import mark, table


def report(document: Document) -> list[str]:
    """Return the table of means over photographs."""
    lines = []
    for method in METHODS:
        for trimap in TRIMAPS:
            rows = [row for row in document["results"] if row["method"] == method and row["subject"].endswith(trimap)]
            if rows:
                sad, mse = (np.mean([row["error"][measure] for row in rows]) for measure in ("sad", "mse"))
                lines.append(
                    [
                        method + mark(rows),
                        trimap,
                        len(rows),
                        f"{sad / 1000:.2f}",
                        f"{1000 * mse:.1f}",
                        f"{np.mean([row['median_s'] for row in rows]):.1f}",
                        sum(bool(row["warnings"]) for row in rows),
                    ]
                )
    header = ["prior, solver", "trimap", "images", "SAD / 1000", "MSE x 1000", "s an image", "not converged"]
    return [
        "Unknown region; means over the images. Seconds are of a first, single call, with compilation.",
        table(header, lines),
    ]
