"""The picture of the page."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from matplotlib import pyplot

from experiments.results import Document
from hybridmatte.losses.pairs import FORMS

mpl.use("Agg")

NAMES = {"dc": "DC", "ddc": "DDC, one way", "symmetric_ddc": "DDC, mean of both ways", "hinge": "hinge"}
DISTANCE = 0.3  # of the two colours


def draw(document: Document, folder: Path) -> None:
    """Draw the penalty of a pair, and the minimisers in the band along the middle row of the made scene."""
    rows = {row["method"]: row for row in document["results"] if row["subject"] == "made scene"}
    band = rows.pop("Lipschitz band")
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 3.4), layout="constrained")
    x = torch.linspace(-1, 1, 401)
    for form, name in NAMES.items():
        left.plot(x, FORMS[form](x, torch.tensor(DISTANCE)), label=name)
    left.axvspan(-DISTANCE, DISTANCE, color="0.93", zorder=0)
    left.set(title=f"penalty of a pair whose colours differ by {DISTANCE}", xlabel="difference of the alphas")
    left.legend()
    right.fill_between(
        np.arange(len(band["lower"])), band["lower"], band["upper"], color="0.85", label="Lipschitz band"
    )
    for form, row in rows.items():
        right.plot(row["profile"], label=f"solve_ddc, {form}")
    right.set(title="minimisers on a made scene", xlabel="pixels", ylabel="alpha")
    right.legend()
    figure.savefig(folder / "ddc_minimum.png", dpi=100)
    pyplot.close(figure)
