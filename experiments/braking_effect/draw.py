"""The pictures of the page."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot

from experiments.braking_effect import EVERY, STEPS
from experiments.braking_effect.recurrence import recurrence
from experiments.results import Document

mpl.use("Agg")


def draw(document: Document, folder: Path) -> None:
    """Draw the roots and the drawn hair, and the growth in photographs."""
    hairs = {row["method"]: row["hairs"] for row in document["results"] if row["subject"] == "drawn hair"}
    draw_hairs(hairs, folder / "braking_effect.png")
    growth = {}
    for row in document["results"]:
        if row["subject"].startswith("photograph "):
            growth.setdefault(row["method"], []).append(row["growth"])
    if growth:
        draw_growth(growth, folder / "braking_effect_photographs.png")


def draw_hairs(hairs: dict[str, dict[str, list[float]]], path: Path) -> None:
    """Draw the roots for K = 11, and alpha along the hair for each loss."""
    figure, axes = pyplot.subplots(1, 1 + len(hairs), figsize=(3.2 * (1 + len(hairs)), 3.1), layout="constrained")
    roots = np.roots(recurrence(11))
    axes[0].scatter(roots.real, roots.imag, s=18)
    axes[0].scatter([1], [0], s=90, facecolors="none", edgecolors="crimson", label="1, twice")
    axes[0].set(title="roots, K = 11", aspect="equal")
    axes[0].legend(loc="upper left")
    for axis, (prior, found) in zip(axes[1:], hairs.items(), strict=True):
        for step, hair in found.items():
            axis.plot(hair, label=f"{step} steps")
        axis.set(title=prior, xlabel="pixels from the body", ylim=(-0.05, 1.05))
    axes[1].set_ylabel("alpha along the hair")
    axes[1].legend()
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


def draw_growth(growth: dict[str, list], path: Path) -> None:
    """Draw the means over the photographs against the steps; the shade is one standard error."""
    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    steps = np.arange(0, STEPS + 1, EVERY)
    for k, (axis, title) in enumerate(zip(axes, ("hair, true alpha 0.5 or more", "background"), strict=True)):
        for prior, curves in growth.items():
            values = np.array(curves)[:, :, k]
            mean, error = values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))
            (line,) = axis.plot(steps, mean, label=prior)
            axis.fill_between(steps, mean - error, mean + error, color=line.get_color(), alpha=0.15)
        axis.set(title=title, xlabel="steps", ylabel="mean alpha")
    axes[0].legend()
    figure.savefig(path, dpi=100)
    pyplot.close(figure)
