"""Time the making of fused photographs and of composites by one worker process, files read anew each time."""

import argparse
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch

from experiments.alpha_free_small.samples import test_samples
from experiments.common import add_data_argument, data_folder, environment, merge_results, summarise
from experiments.dpt_small.samples import with_foregrounds
from hybridmatte.data import Augmentation, FusedCrops, Photographs, TrainingCrops, collate, layers_of_photographs
from hybridmatte.training import read_config
from hybridmatte.training.samples import open_samples

BATCH, BATCHES, ROUNDS = 32, 12, 5


def main():
    """Time both, record and print samples a second."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_data_argument(parser)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    metadata = environment(1, names=("numpy", "torch", "opencv-python-headless"))
    rows = [measure(name, crops) for name, crops in makers(arguments.data).items()]
    merge_results(Path(__file__).parent / "result.json", metadata, rows)
    for row in rows:
        print(f"| {row['method']} | {row['size'][0]} | {1 / row['median_s']:.0f} |")


def makers(data):
    """Return the data sets of samples."""
    fused = Augmentation(crop=224, sizes=(1.0, 1.7), unknown=0.0, degrees=30, shear=10, hue=40)
    folder = data_folder(data) / "photos" / "train"
    photographs = Photographs(folder)
    config = read_config(Path(__file__).parent.parent / "dpt_small" / "finetune.toml")
    composites = open_samples(config, with_foregrounds(test_samples(data)), folder, ())
    cut = Augmentation(crop=512, sizes=(0.8, 1.5), unknown=1.0, degrees=30, shear=10, brightness=0.1, contrast=0.1,
                       saturation=0.2, hue=20)
    count = BATCH * BATCHES
    draw = partial(layers_of_photographs, augmentation=fused)
    return {"fused photographs": FusedCrops(photographs, draw, seed=0, start=0, count=count),
            "composites": TrainingCrops(composites.layers(), cut, seed=0, start=0, count=count)}


def measure(name, crops):
    """Return the row of seconds a sample, over rounds of all batches after the first, by one worker process."""
    seconds = []
    for _ in range(ROUNDS):
        batches = iter(torch.utils.data.DataLoader(crops, batch_size=BATCH, num_workers=1, worker_init_fn=one_thread,
                                                   prefetch_factor=1, collate_fn=collate))
        side = next(batches)["alpha"].shape[-1]
        start = time.perf_counter()
        count = sum(len(batch["alpha"]) for batch in batches)
        seconds.append((time.perf_counter() - start) / count)
    timing = summarise(np.array(seconds))
    return {"method": name, "subject": f"{BATCH * BATCHES} samples, one worker", "size": [side, side],
            "median_s": timing.median_s, "iqr_s": timing.iqr_s, "peak_mib": None, "error": None}


def one_thread(_):
    """Keep a worker to one thread."""
    import cv2

    cv2.setNumThreads(1)


if __name__ == "__main__":
    main()
