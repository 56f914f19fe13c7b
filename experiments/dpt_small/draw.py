"""The picture of the page."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot

from experiments.dpt_small.curves import fine_tuning, sads
from experiments.results import Document

mpl.use("Agg")


def draw(document: Document, folder: Path) -> None:
    """Draw error against steps, a panel a network."""
    found = fine_tuning(document)
    networks = list(dict.fromkeys(name.split(": ")[0] for name in found))
    if not networks:
        return
    figure, panels = pyplot.subplots(1, len(networks), figsize=(6 * len(networks), 5.5), sharey=True, squeeze=False)
    for network, axes in zip(networks, panels[0], strict=True):
        for name, curve in found.items():
            if name.startswith(f"{network}: "):
                steps = sorted(curve)
                values = [sads(curve[step]) for step in steps]
                axes.errorbar(
                    steps,
                    [np.mean(v) for v in values],
                    [np.std(v) for v in values],
                    capsize=2,
                    label=name.removeprefix(f"{network}: "),
                )
        axes.set(title=network, xlabel="steps of fine-tuning", ylabel="SAD-T / 1000", yscale="log")
        axes.legend(fontsize=8, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.12))
    figure.tight_layout()
    figure.savefig(folder / "dpt_small_curves.png", dpi=100)
    pyplot.close(figure)
