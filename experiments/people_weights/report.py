"""The page from the recorded result, and the block in the model card."""

from experiments.results import Document
from experiments.tables import seed_table

COLUMNS = {"mse": ("MSE x 1000", 1.0), "mad": ("MAD x 1000", 1.0), "iou": ("IoU", 1.0), "empty": ("nothing found", 1.0)}
LABELS = {
    "portraits": "portraits (6, alphas that a published network predicted)",
    "people": "people (40, coarse masks)",
    "street": "people in streets (40, coarse masks)",
    "photographs": "photographs (200, labelled as showing nobody, which a few do)",
}


def report(document: Document) -> list[str]:
    """Return the table of errors."""
    found = {}
    for row in document["results"]:
        subject, way = row["method"].split(", ")
        found.setdefault(f"{LABELS[subject]}, {way}", []).append(row)
    return [
        "Means over images; of these, mean and standard deviation over the seeds. The first seed's network is the "
        "one in the package.",
        seed_table("scored on", COLUMNS, found),
    ]


def report_card(document: Document) -> list[str]:
    """Return what the model card shows: the same."""
    return report(document)
