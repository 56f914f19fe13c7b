"""The page from the recorded result."""

from experiments.results import Document
from experiments.tables import seed_table

COLUMNS = {
    "portraits_whole": ("portraits, whole", 1.0),
    "portraits_boundary": ("portraits, boundary", 1.0),
    "people_whole": ("held-out people, whole", 1.0),
    "composites_whole": ("composites, whole", 1.0),
    "composites_boundary": ("composites, boundary", 1.0),
    "portraits_correlation": ("correlation there, portraits", 1.0),
    "composites_correlation": ("composites", 1.0),
    "portraits_boundary_iou": ("IoU of the boundary head, portraits", 1.0),
    "composites_boundary_iou": ("IoU, composites", 1.0),
    "blended_share": ("share of a label that is blended", 1.0),
}


def report(document: Document) -> list[str]:
    """Return a table for each question."""
    tables = {}
    for row in document["results"]:
        title, name = row["method"].split(": ", 1)
        tables.setdefault(title, {}).setdefault(name, []).append(row)
    return [
        "MSE x 1000, and the correlation of alpha with the true alpha on the boundary: means over images; of these, "
        "mean and standard deviation over the seeds. A seed counts for a line once it was trained; the others are to "
        "come.",
        *(seed_table(title, COLUMNS, found) for title, found in tables.items()),
    ]
