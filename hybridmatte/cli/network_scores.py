"""``evaluate --network``: score a network on a data set."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.progress import track

from hybridmatte.cli.network_inputs import load_chosen
from hybridmatte.cli.score_tables import (
    NETWORK_COLUMNS,
    Columns,
    Row,
    score_table,
    write_score_files,
)
from hybridmatte.cli.streams import note, show
from hybridmatte.data import TrimapTasks
from hybridmatte.networks import MattingNetwork, TrimapNetwork
from hybridmatte.networks.prediction import TILE_PIXELS
from hybridmatte.training import open_scored, score_network
from hybridmatte.training.samples import PER_FOREGROUND

__all__ = ["NetworkOptions", "ScoredData", "evaluate_network"]

ERODE = 20.0  # pixels


class NetworkOptions(NamedTuple):
    """How a network is scored: options of the command that are None, or False, by default."""

    side: int | None
    tile_pixels: int | None
    erode: float | None
    fusion: str | None
    coarse: bool


class ScoredData(NamedTuple):
    """Where the samples to score come from."""

    folder: Path | None
    dataset: str
    split: str | None
    backgrounds: Path | None
    per_foreground: int | None


def evaluate_network(
    network: str, data: ScoredData, options: NetworkOptions, csv_file: Path | None, json_file: Path | None
) -> None:
    """Score a network over a data set, show and write the numbers; trimaps are used where the data set has them."""
    if data.folder is None:
        raise ValueError("--data is missing, expected the folder of the data set")
    if data.per_foreground is not None and data.backgrounds is None:
        raise ValueError(f"--per-foreground {data.per_foreground} came, expected --backgrounds with it")
    model = load_chosen(network, fusion=options.fusion, coarse=options.coarse)
    _refuse_options(model, options)
    per_foreground = data.per_foreground or PER_FOREGROUND
    samples = open_scored(
        data.dataset, data.folder, split=data.split, backgrounds=data.backgrounds, per_foreground=per_foreground
    )
    samples = _with_masks(model, samples, options.erode)
    max_pixels = options.tile_pixels or TILE_PIXELS
    errors_of_each = score_network(model, samples, max_pixels=max_pixels, side=options.side)
    scored = track(errors_of_each, "scoring", len(samples), disable=not sys.stderr.isatty())
    rows: list[Row] = [{"name": name} | errors for name, errors in scored]
    names = [name for name in rows[0] if name != "name" and not all(np.isnan(row[name]) for row in rows)]
    columns: Columns = {metric: header for metric, header in NETWORK_COLUMNS.items() if metric in names}
    columns |= {name: (name.replace("_", " "), 1.0) for name in names if name not in NETWORK_COLUMNS}
    mean = {metric: float(np.nanmean([row[metric] for row in rows])) for metric in columns}
    rows = [{"name": row["name"]} | {name: row[name] for name in names} for row in rows]
    show(score_table(rows, mean, columns, f"{network} on {data.dataset} {data.split or ''}".strip()))
    write_score_files(csv_file, json_file, {"network": network, "results": rows, "mean": mean})


def _refuse_options(network: Any, options: NetworkOptions) -> None:
    """Refuse options without effect on a network."""
    if isinstance(network, MattingNetwork) and options.erode is not None:
        raise ValueError(f"--erode {options.erode:g} came, expected none: the network takes no mask")
    if not isinstance(network, MattingNetwork) and options.side:
        raise ValueError(f"--side {options.side} came, expected none: the network takes a mask, which is not shrunk")


def _with_masks(network: Any, samples: Any, erode: float | None) -> Any:
    """Return samples with masks for a network that takes one: the data set's, or some made from the true alphas."""
    if isinstance(network, MattingNetwork):
        return samples
    has_masks = len(samples) and samples[0].mask is not None
    if has_masks and erode is None and not isinstance(network, TrimapNetwork):
        return samples
    erode = ERODE if erode is None else erode
    note(f"masks and trimaps are made from the alphas, masks eroded by {erode:g} pixels and blurred")
    return TrimapTasks(samples, erode=erode)
