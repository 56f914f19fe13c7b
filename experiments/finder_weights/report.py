"""The page from the recorded result, and the block in the model card."""

from experiments.results import Document
from experiments.tables import seed_table

COLUMNS = {"iou": ("IoU", 1.0), "worst": ("worst photograph's IoU", 1.0), "empty": ("nothing found", 1.0)}
LABELS = {
    "people": "people (40, coarse masks)",
    "people_street": "people in streets (40, coarse masks)",
    "faces": "portraits (100, masks)",
    "cats": "cats, often many and small (85, polygons)",
    "animals": "animals (7, alphas that a published network predicted)",
    "portraits": "portraits with blurred faces (6, alphas that a published network predicted)",
    "empty": "photographs with neither people nor animals (116)",
}


def report(document: Document) -> list[str]:
    """Return the table of overlaps."""
    found = {}
    for row in document["results"]:
        found.setdefault(LABELS[row["method"]], []).append(row)
    return [
        "Means over held-out photographs of the network's mask, cut at 0.5; of these, mean and standard "
        "deviation over the seeds. The first seed's network is the one in the package.",
        seed_table("scored on", COLUMNS, found),
    ]


def report_card(document: Document) -> list[str]:
    """Return what the model card shows: the same."""
    return report(document)
