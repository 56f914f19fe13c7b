"""The page from the recorded result."""

from experiments.results import Document
from experiments.tables import mark, table


def report(document: Document) -> list[str]:
    """Return the table of errors."""
    rows = {(row["method"], row["subject"]): row for row in document["results"]}
    scenes = list(dict.fromkeys(scene for _, scene in rows))
    lines = []
    for method in dict.fromkeys(method for method, _ in rows):
        found = [rows[method, scene] for scene in scenes]
        lines.append(
            [
                method + mark(found),
                *(f"{row['error']['sad'] / 1000:.2f}, {1000 * row['error']['mse']:.1f}" for row in found),
            ]
        )
    return [
        "SAD / 1000, MSE x 1000 on the unknown region of the made scenes. Two scenes do not rank methods; "
        "[the benchmark](bench_solvers.md) does. The pictures are in "
        "[choosing a method](../guide/choosing_a_method.md).",
        table(["method", *scenes], lines),
    ]
