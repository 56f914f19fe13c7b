"""The page from the recorded result, and the block in the model card."""

from experiments.results import Document
from experiments.tables import mark, table

WAYS = {
    "mask": "the mask itself",
    "rembg": "rembg's recipe with PyMatting",
    "trusted": "band along the mask, `matte`",
    "corrected": "corrected first (default)",
}
ABOUT = (
    "Means over photographs. Boundary error: mean absolute error x 1000 within 1% of the diagonal of the outline. "
    "IoU: of alpha cut at 0.5; in brackets its largest loss on a photograph against the mask's own. Portraits and "
    "animals have alphas that a published network predicted, `alphamatting` and `alphamatting_more` true ones, the "
    "others masks. The network has learnt from `alphamatting`, and from other photographs of the sets with masks. "
    "Coarse masks have 64 pixels; eroded, dilated and shifted ones are wrong by 1% of the diagonal."
)


def report(document: Document) -> list[str]:
    """Return one table of boundary errors and one of overlaps."""
    found: dict[str, dict[str, dict]] = {}
    for row in document["results"]:
        found.setdefault(row["subject"], {})[row["method"]] = row
    return [ABOUT, "## Boundary error", _table(found, "boundary"), "## IoU", _table(found, "iou")]


def report_card(document: Document) -> list[str]:
    """Return what the model card shows: the same, under the card's own headings."""
    about, _, boundary, _, overlaps = report(document)
    return [about, "Boundary error:", boundary, "IoU:", overlaps]


def _table(found: dict[str, dict[str, dict]], key: str) -> str:
    """Return a table with a line for each set and kind of masks, and a column for each way."""
    lines = []
    for subject, rows in found.items():
        if key in next(iter(rows.values()))["error"]:
            count = max(row["size"] for row in rows.values())
            cells = [_cell(rows[way], key) if way in rows else "" for way in WAYS]
            lines.append([subject + mark(list(rows.values())), count, *cells])
    return table(["set, masks", "photographs", *WAYS.values()], lines)


def _cell(row: dict, key: str) -> str:
    """Return one number of a row."""
    error = row["error"]
    return f"{error['boundary']:.0f}" if key == "boundary" else f"{error['iou']:.3f} ({error['worst_change']:+.3f})"
