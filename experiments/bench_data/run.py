"""Time the making of fused photographs and of composites by one worker process, files read anew each time."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import torch

from experiments.data_sets import training_photographs
from experiments.options import DataOptions
from experiments.results import ROOT, Row, make_row
from experiments.samples import alphamatting_samples, with_foregrounds
from experiments.timing import summarise
from hybridmatte.data import Augmentation, FusedCrops, Photographs, TrainingCrops, collate, layers_of_photographs
from hybridmatte.linalg.threads import limit_threads
from hybridmatte.training import read_config
from hybridmatte.training.samples import open_samples

BATCH, BATCHES, ROUNDS = 32, 12, 5
COMPOSITION = ROOT / "experiments" / "dpt_small" / "finetune.toml"


def run(options: DataOptions) -> Iterator[list[Row]]:
    """Time both kinds of samples; the worker has one thread, whatever `threads` says."""
    torch.set_num_threads(1)
    for name, crops in makers(options.data).items():
        yield [measure(name, crops)]


def makers(data: Path) -> dict:
    """Return the data sets of samples."""
    fused = Augmentation(crop=224, sizes=(1.0, 1.7), unknown=0.0, degrees=30, shear=10, hue=40)
    photographs = Photographs(training_photographs(data))
    foregrounds = with_foregrounds(alphamatting_samples(data))
    composites = open_samples(read_config(COMPOSITION), foregrounds, training_photographs(data), ())
    cut = Augmentation(
        crop=512,
        sizes=(0.8, 1.5),
        unknown=1.0,
        degrees=30,
        shear=10,
        brightness=0.1,
        contrast=0.1,
        saturation=0.2,
        hue=20,
    )
    count = BATCH * BATCHES
    draw = partial(layers_of_photographs, augmentation=fused)
    return {
        "fused photographs": FusedCrops(photographs, draw, seed=0, start=0, count=count),
        "composites": TrainingCrops(composites.layers(), cut, seed=0, start=0, count=count),
    }


def measure(name: str, crops) -> Row:
    """Return the row of seconds a sample, over rounds of all batches after the first, by one worker process."""
    seconds = []
    for _ in range(ROUNDS):
        batches = iter(
            torch.utils.data.DataLoader(
                crops, batch_size=BATCH, num_workers=1, worker_init_fn=one_thread, prefetch_factor=1, collate_fn=collate
            )
        )
        side = next(batches)["alpha"].shape[-1]
        start = time.perf_counter()
        count = sum(len(batch["alpha"]) for batch in batches)
        seconds.append((time.perf_counter() - start) / count)
    timing = summarise(seconds)
    return make_row(
        name, f"{BATCH * BATCHES} samples, one worker", [side, side], median_s=timing.median_s, iqr_s=timing.iqr_s
    )


def one_thread(_: int) -> None:
    """Keep a worker to one thread."""
    cv2.setNumThreads(1)
    limit_threads(1)
