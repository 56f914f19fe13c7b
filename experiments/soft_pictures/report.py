"""The page from the recorded result."""

from collections.abc import Sequence

import numpy as np

from experiments.results import Document, Row
from experiments.soft_pictures import SETS, VARIANTS, WAYS
from experiments.tables import mark, table

ERRORS = {"sad": "SAD", "mse": "MSE", "gradient_error": "Grad"}
TITLES = {
    "held out": "Photographs that did not choose the rule",
    "animals and portraits": "Animals and portraits, with predicted alphas",
}


def report(document: Document) -> list[str]:
    """Return a table for each set of photographs."""
    parts = [
        "Geometric means over the photographs of the error at half the size over that at the own size, with narrow "
        "trimaps; in brackets, over the soft ones alone. Soft is what the rule calls so; pictures below 1.5 "
        "megapixels, as most here, are not halved by `matte`."
    ]
    for name in SETS:
        rows = [row for row in document["results"] if row["subject"].startswith(f"{name}: ")]
        if rows:
            parts += [f"## {TITLES[name]}", _table(rows)]
    return parts


def _table(rows: Sequence[Row]) -> str:
    """Return the table of one set: a line for each variant."""
    lines = []
    for variant in VARIANTS:
        own, half = ([row for row in rows if row["method"] == f"{variant}: {way}"] for way in WAYS)
        if own:
            is_soft = np.array([row["error"]["soft"] for row in own]) > 0
            lines.append([variant + mark(own + half), f"{is_soft.sum()} of {len(own)}", *_cells(own, half, is_soft)])
    header = ["picture", "soft", *ERRORS.values(), "lower SAD", "highest SAD", "highest SAD of a soft one"]
    return table(header, lines)


def _cells(own: Sequence[Row], half: Sequence[Row], is_soft: np.ndarray) -> list[str]:
    """Return the mean ratios of the errors, and how many are lower and the highest by SAD."""
    ratios = {
        key: np.array([other["error"][key] / one["error"][key] for one, other in zip(own, half, strict=True)])
        for key in ERRORS
    }
    cells = []
    for found in ratios.values():
        of_soft = f" ({_mean(found[is_soft])})" if is_soft.any() else ""
        cells.append(_mean(found) + of_soft)
    found = ratios["sad"]
    worst = f"{found[is_soft].max():.2f}" if is_soft.any() else ""
    return [*cells, f"{(found < 1).sum()}", f"{found.max():.2f}", worst]


def _mean(ratios: np.ndarray) -> str:
    """Return a geometric mean with two decimals."""
    return f"{np.exp(np.log(ratios).mean()):.2f}"
