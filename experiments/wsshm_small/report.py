"""The page from the recorded result."""

from experiments.results import Document
from experiments.tables import seed_table

COLUMNS = {
    "portraits_whole": ("portraits, whole", 1.0),
    "portraits_boundary": ("portraits, boundary", 1.0),
    "people_whole": ("held-out people, whole", 1.0),
}


def report(document: Document) -> list[str]:
    """Return a table for each question."""
    tables = {}
    for row in document["results"]:
        title, name = row["method"].split(": ", 1)
        tables.setdefault(title, {}).setdefault(name, []).append(row)
    return [
        "MSE x 1000, means over images; of these, mean and standard deviation over the seeds.",
        *(seed_table(title, COLUMNS, found) for title, found in tables.items()),
    ]
