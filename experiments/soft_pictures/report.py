"""The page from the recorded result."""

from collections.abc import Sequence

import numpy as np

from experiments.results import Document, Row
from experiments.soft_pictures import SETS, VARIANTS, WAYS
from experiments.tables import mark, table

ERRORS = {"sad": ("SAD", 1e-3), "mse": ("MSE x 1000", 1e3), "gradient_error": ("Grad", 1e-3)}


def report(document: Document) -> list[str]:
    """Return a table for each set of photographs."""
    parts = [
        "SAD and Grad are divided by 1000 and by the enlargement's area. Means over the photographs, with narrow "
        "trimaps; in brackets the mean ratio of half to own size (geometric). The alphas of animals and portraits are "
        'predicted by a published network. "Soft" is the share of pictures that the rule calls so.'
    ]
    for name in SETS:
        rows = [row for row in document["results"] if row["subject"].startswith(f"{name}: ")]
        if rows:
            parts.append(_table(name, rows))
    return parts


def _table(name: str, rows: Sequence[Row]) -> str:
    """Return the table of one set: a line for each variant."""
    lines = []
    for variant in VARIANTS:
        own, half = ([row for row in rows if row["method"] == f"{variant}: {way}"] for way in WAYS)
        if own:
            soft = sum(row["error"]["soft"] for row in own)
            lines.append([variant + mark(own + half), f"{soft:.0f} of {len(own)}", *_cells(own, half)])
    header = [f"{name}, enlarged", "soft", *(f"{title}, {way}" for title, _ in ERRORS.values() for way in WAYS)]
    return table(header, lines)


def _cells(own: Sequence[Row], half: Sequence[Row]) -> list[str]:
    """Return the mean errors of own and half size, with the ratio of both."""
    cells = []
    for key, (_, factor) in ERRORS.items():
        found = np.array([[row["error"][key] for row in rows] for rows in (own, half)])
        ratio = np.exp(np.diff(np.log(found), axis=0).mean())
        means = factor * found.mean(axis=1)
        cells += [f"{means[0]:.2f}", f"{means[1]:.2f} ({ratio:.2f})"]
    return cells
