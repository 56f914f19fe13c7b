"""Measure the memory of `predict_alpha` by size of image and of tile."""

from collections.abc import Iterator

from experiments.fresh_process import call_fresh
from experiments.results import Row
from experiments.tiled_prediction import CASES, NetworkOptions
from experiments.tiled_prediction.measurement import measure


def run(options: NetworkOptions) -> Iterator[list[Row]]:
    """Run every case in a process of its own."""
    for method in options.networks:
        for megapixels, tile in CASES[method]:
            yield [call_fresh(measure, method, megapixels, tile, threads=options.threads)]
