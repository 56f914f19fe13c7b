"""The picture of the page: speed ratios as bars, goals as marks."""

import statistics
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot, ticker

from experiments.bench_solvers.summary import ratio_text, summarise_pairs
from experiments.results import Document

mpl.use("Agg")


def draw(document: Document, folder: Path) -> None:
    """Draw the median ratio of each pair, the ratios of single images, and the goals."""
    pairs = [(pair, summary) for pair, summary in summarise_pairs(document["results"]) if summary["ratios"]]
    if not pairs:
        return
    figure, axes = pyplot.subplots(figsize=(8, 0.7 + 0.55 * len(pairs)), layout="constrained")
    for position, (pair, summary) in enumerate(pairs):
        axes.barh(position, statistics.median(summary["ratios"]), color="#4477aa", height=0.6)
        axes.plot(summary["ratios"], [position] * len(summary["ratios"]), "|", color="black", alpha=0.5)
        if pair.speed is not None:
            axes.plot([pair.speed] * 2, [position - 0.4, position + 0.4], color="#cc3311", linewidth=2)
    labels = [f"{pair.method.replace('_', ' ')}\n{pair.peer}, {ratio_text(summary)}" for pair, summary in pairs]
    axes.set_yticks(range(len(pairs)), labels)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlim(left=min(0.5, *(min(summary["ratios"]) for _, summary in pairs)))
    axes.xaxis.set_minor_locator(ticker.NullLocator())
    axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.set_xlabel("peer's time / hybridmatte's: bar median, ticks single images, red the goal")
    figure.savefig(folder / "bench_solvers_speed.png", dpi=120)
    pyplot.close(figure)
