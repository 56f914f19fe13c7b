"""The page from the recorded result."""

from experiments.results import Document
from experiments.tables import mark, table


def report(document: Document) -> list[str]:
    """Return the measured shares and distances."""
    rows = {(row["method"], row["subject"]): row for row in document["results"]}
    made, flower = rows["Lipschitz band", "made scene"], rows["Lipschitz band", "flower"]
    lines = [["made scene: band empty, share of the unknown pixels" + mark([made]), f"{made['error']['empty']:.1%}"]]
    for form in ("ddc", "hinge"):
        row = rows[form, "made scene"]
        lines.append(
            [
                f"made scene: the minimiser of {form} leaves the band by at most{mark([row])}",
                f"{row['error']['leaves_band']:.1e}",
            ]
        )
    lines += [
        ["flower: band empty, share of the unknown pixels" + mark([flower]), f"{flower['error']['empty']:.1%}"],
        ["flower: pairs selected both ways" + mark([flower]), f"{flower['error']['mutual']:.1%}"],
    ]
    return [table(["what", "measured"], lines), "![Penalty of a pair, and minimisers in their band](ddc_minimum.png)"]
