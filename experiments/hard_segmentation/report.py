"""The page from the recorded result."""

from experiments.results import Document
from experiments.tables import mark, table


def report(document: Document) -> list[str]:
    """Return the table of losses and slopes."""
    lines = []
    for row in document["results"]:
        found = row["error"]
        losses = [f"{found[name]:.5f}" if name in found else "" for name in ("loss_true", "loss_steep")]
        lines.append(
            [row["method"] + mark([row]), *losses, f"{found['largest_step']:.3f}", f"{found['middle_slope']:.3f}"]
        )
    header = [
        "loss",
        "of the true alpha",
        "of one three times as steep",
        "largest step between neighbours",
        "slope of the middle",
    ]
    return [
        "The loss of two alphas; then the slopes, per pixel, of the alpha that descent on the loss ends at.",
        table(header, lines),
        "![Alpha across the edge under each loss](hard_segmentation.png)",
    ]
