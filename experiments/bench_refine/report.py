"""The page from the recorded result."""

from experiments.bench_refine import LARGE
from experiments.results import Document
from experiments.tables import mark, table


def report(document: Document) -> list[str]:
    """Return the table of errors, and the time."""
    rows = {(row["method"], row["subject"]): row for row in document["results"]}
    large = rows.pop(("refine", "6 MP"))
    ways = list(dict.fromkeys(way for way, _ in rows))
    lines = []
    for subject in dict.fromkeys(subject for _, subject in rows):
        found = [rows[way, subject] for way in ways]
        cells = [f"{row['error']['sad']:.1f}, {row['error']['mse']:.1f}" for row in found]
        lines.append([subject + mark(found), *cells])
    return [
        "SAD / 1000 and MSE x 1000 over all pixels, means over the photographs.",
        table(["shorter side, alpha", *ways], lines),
        f"Time for 2400 x 2400 pixels from {LARGE} x {LARGE}: {large['median_s']:.1f} s{mark([large])}.",
    ]
