"""The page from the recorded result."""

from experiments.results import Document
from experiments.tables import mark, table


def report(document: Document) -> list[str]:
    """Return the table of added memory, a column a size."""
    rows = {(row["method"], row["subject"]): row for row in document["results"]}
    subjects = list(dict.fromkeys(subject for _, subject in rows))
    lines = []
    for method in dict.fromkeys(method for method, _ in rows):
        found = [rows.get((method, subject)) for subject in subjects]
        lines.append(
            [
                method + mark([row for row in found if row]),
                *("not tried" if row is None else f"{row['added_mib']:.0f}" for row in found),
            ]
        )
    return [
        "MiB that a prediction adds to the peak memory of its process. The image itself is there before: 275 MiB "
        "at 24 megapixels in float32.",
        table(["network, with trimap", *subjects], lines),
        "ViTMatte was not tried on 6 MP whole: its attention alone would hold 13 GiB. On a GPU: not measured.",
    ]
