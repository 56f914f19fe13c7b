"""Samples to train networks on and to score them with, made from the data folder."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from experiments.data_sets import alphamatting_cases, data_folder
from experiments.example_photographs import FLOWER_TRIMAP, flower_photograph
from hybridmatte import estimate_foreground, read_alpha, read_image, read_trimap
from hybridmatte._validation import to_float
from hybridmatte.data import MattingFolder, Sample

FOLDS = 3  # of the twelve alphamatting photographs
PEOPLE_HELD_OUT = 40  # photographs of `people`


def alphamatting_samples(data: Path) -> list[Sample]:
    """Return the twelve photographs with narrow trimaps and true alphas."""
    return [
        Sample(case.name, image=case.image.astype("float32"), trimap=case.trimap, alpha=case.alpha)
        for case in alphamatting_cases(data, trimaps=("trimap1",))
    ]


def flower_sample() -> Sample:
    """Return the demo's photograph and trimap."""
    return Sample("flower", image=to_float(read_image(flower_photograph()), "image"), trimap=read_trimap(FLOWER_TRIMAP))


def without_alpha(samples: Sequence[Sample]) -> list[Sample]:
    """Return the samples without their alphas."""
    return [sample._replace(alpha=None) for sample in samples]


def halved(sample: Sample) -> Sample:
    """Return a sample at half size; a pixel of the trimap is known where all four of its pixels agree."""
    height, width = (side // 2 * 2 for side in sample.trimap.shape)

    def mean(plane):
        return np.float32(plane[:height, :width].reshape(height // 2, 2, width // 2, 2, -1).mean(axis=(1, 3)).squeeze())

    trimap = mean(sample.trimap)
    trimap[(trimap > 0) & (trimap < 1)] = 0.5
    alpha = None if sample.alpha is None else mean(sample.alpha)
    return sample._replace(image=mean(sample.image), trimap=trimap, alpha=alpha)


def with_foregrounds(samples: Sequence[Sample]) -> list[Sample]:
    """Return the samples' alphas with the foregrounds estimated from image and alpha, and no trimap."""
    return [
        Sample(sample.name, foreground=np.float32(estimate_foreground(sample.image, sample.alpha)), alpha=sample.alpha)
        for sample in samples
    ]


def folds(samples: Sequence[Sample], foregrounds: Sequence[Sample]) -> Iterator[tuple[list[Sample], Sequence[Sample]]]:
    """Yield, for each fold, the foregrounds to learn from and the photographs to score; no photograph is in both."""
    for fold in range(FOLDS):
        yield [layer for index, layer in enumerate(foregrounds) if index % FOLDS != fold], samples[fold::FOLDS]


@lru_cache
def predicted(data: Path, folder: str) -> list[Sample]:
    """Return the photographs of a folder at half size, with the alphas that a published network predicted."""
    root = data_folder(data) / folder
    samples = []
    for path in sorted((root / "image").glob("*.jpg")):
        alpha = read_alpha(root / "alpha_predicted" / f"{path.stem}.png")
        sample = Sample(
            path.stem,
            image=to_float(read_image(path), "image"),
            alpha=to_float(alpha, "alpha"),
            trimap=np.full(alpha.shape[:2], 0.5, np.float32),
        )
        samples.append(halved(sample)._replace(trimap=None))
    return samples


@lru_cache(maxsize=1)
def people(data: Path) -> tuple[list[Sample], list[Sample]]:
    """Return the photographs of people to learn from and those held out, with image and mask."""
    folder = MattingFolder(data_folder(data) / "people", ["image", "mask"])
    samples = [folder[index] for index in range(len(folder))]
    order = np.random.default_rng(0).permutation(len(samples))
    return [samples[k] for k in order[PEOPLE_HELD_OUT:]], [samples[k] for k in order[:PEOPLE_HELD_OUT]]
