"""The picture of the page."""

from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot

from experiments.hard_segmentation import STEPS
from experiments.results import Document

mpl.use("Agg")


def draw(document: Document, folder: Path) -> None:
    """Draw alpha across the edge for each loss."""
    truth, *rows = document["results"]
    figure, axes = pyplot.subplots(1, len(rows), figsize=(3.2 * len(rows), 2.8), layout="constrained", sharey=True)
    for axis, row in zip(axes, rows, strict=True):
        axis.plot(truth["profile"], "0.6", label="colour, and true alpha")
        axis.plot(row["profile"], label=f"after {STEPS} steps")
        axis.set(title=row["method"], xlabel="pixels across the edge")
    axes[0].set_ylabel("alpha")
    axes[0].legend()
    figure.savefig(folder / "hard_segmentation.png", dpi=100)
    pyplot.close(figure)
