"""Photographs at half size: the twelve with true alphas in folds, others' foregrounds, and people with masks."""

from functools import lru_cache

import numpy as np

from experiments.alpha_free_small.samples import halved, test_samples
from experiments.common import data_folder
from experiments.dpt_small.samples import FOLDS, with_foregrounds
from hybridmatte import read_alpha, read_image
from hybridmatte._validation import to_float
from hybridmatte.data import MattingFolder, Sample

HELD_OUT = 40  # people


@lru_cache(maxsize=1)
def labelled(data, seed):
    """Return foregrounds to learn from, and the photographs of fold `seed` to score: none is in both.

    Learned from are the eight other photographs of alphamatting, with true alphas, and animals, with predicted ones.
    """
    samples = [halved(sample) for sample in test_samples(data)]
    learned = [sample for index, sample in enumerate(samples) if index % FOLDS != seed % FOLDS]
    return with_foregrounds(learned + predicted(data, "animals")), samples[seed % FOLDS::FOLDS]


@lru_cache
def predicted(data, folder):
    """Return photographs at half size with the alphas that a published network predicted."""
    root = data_folder(data) / folder
    samples = []
    for path in sorted((root / "image").glob("*.jpg")):
        alpha = read_alpha(root / "alpha_predicted" / f"{path.stem}.png")
        sample = Sample(path.stem, image=to_float(read_image(path), "image"), alpha=to_float(alpha, "alpha"),
                        trimap=np.full(alpha.shape[:2], 0.5, np.float32))
        samples.append(halved(sample)._replace(trimap=None))
    return samples


@lru_cache(maxsize=1)
def people(data):
    """Return the people to learn from and those held out, with image and mask."""
    folder = MattingFolder(data_folder(data) / "people", ["image", "mask"])
    samples = [folder[index] for index in range(len(folder))]
    order = np.random.default_rng(0).permutation(len(samples))
    return [samples[k] for k in order[HELD_OUT:]], [samples[k] for k in order[:HELD_OUT]]
