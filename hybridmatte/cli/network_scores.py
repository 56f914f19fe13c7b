"""``evaluate --network``: score a network on a data set."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from hybridmatte.cli.score_tables import (
    NETWORK_COLUMNS,
    Columns,
    Row,
    score_table,
    write_score_files,
)
from hybridmatte.cli.streams import note, show
from hybridmatte.data import TrimapTasks
from hybridmatte.networks import MattingNetwork, TrimapNetwork, load_network
from hybridmatte.networks.prediction import TILE_PIXELS
from hybridmatte.training import open_scored, score_network

__all__ = ["evaluate_network"]


def evaluate_network(
    network: str,
    data: Path | None,
    csv_file: Path | None,
    json_file: Path | None,
    *,
    dataset: str,
    split: str | None,
    backgrounds: Path | None,
    tile_pixels: int | None = None,
) -> None:
    """Score a network over a data set, show and write the numbers; trimaps are used where the data set has them."""
    if data is None:
        raise ValueError("--data is missing, expected the folder of the data set")
    model = load_network(network)
    samples = _with_masks(model, open_scored(dataset, data, split=split, backgrounds=backgrounds))
    errors_of_each = score_network(model, samples, max_pixels=tile_pixels or TILE_PIXELS)
    scored = track(errors_of_each, "scoring", len(samples), disable=not sys.stderr.isatty())
    rows: list[Row] = [{"name": name} | errors for name, errors in scored]
    columns: Columns = {metric: header for metric, header in NETWORK_COLUMNS.items() if metric in rows[0]}
    others = [name for name in rows[0] if name not in (*NETWORK_COLUMNS, "name")]
    columns |= {name: (name.replace("_", " "), 1.0) for name in others}
    mean = {metric: float(np.nanmean([row[metric] for row in rows])) for metric in columns}
    show(score_table(rows, mean, columns, f"{network} on {dataset} {split or ''}".strip()))
    write_score_files(csv_file, json_file, {"network": network, "results": rows, "mean": mean})


def _with_masks(network: Any, samples: Any) -> Any:
    """Return samples with masks for a network that takes one: the data set's, or some made from the true alphas."""
    if isinstance(network, MattingNetwork):
        return samples
    has_masks = len(samples) and samples[0].mask is not None
    if has_masks and not isinstance(network, TrimapNetwork):
        return samples
    note("masks are made from the alphas, eroded by 20 pixels and blurred, trimaps from them too")
    return TrimapTasks(samples)
