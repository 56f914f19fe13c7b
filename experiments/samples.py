"""Samples to train networks on and to score them with, made from the data folder."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from experiments.data_sets import alphamatting_cases, data_folder
from experiments.example_photographs import FLOWER_TRIMAP, flower_photograph
from hybridmatte import estimate_foreground, read_alpha, read_image, read_trimap
from hybridmatte._validation import to_float
from hybridmatte.data import Composites, MattingFolder, Sample
from hybridmatte.data.lazy_sequence import LazySequence

FOLDS = 3  # of the twelve alphamatting photographs
PEOPLE_HELD_OUT = 40  # photographs of `people`
FACES_HELD_OUT = 100  # of `faces`, as in finder_weights
PER_FOREGROUND = 5  # composites of each held-out foreground, as in matte label blending


def alphamatting_samples(data: Path) -> list[Sample]:
    """Return the twelve photographs with narrow trimaps and true alphas."""
    return [
        Sample(case.name, image=case.image.astype("float32"), trimap=case.trimap, alpha=case.alpha)
        for case in alphamatting_cases(data, trimaps=("trimap1",))
    ]


def more_samples(data: Path) -> list[Sample]:
    """Return the eight photographs of `alphamatting_more` with narrow trimaps and true alphas."""
    return [
        Sample(case.name, image=case.image.astype("float32"), trimap=case.trimap, alpha=case.alpha)
        for case in alphamatting_cases(data, trimaps=("trimap1",), folder="alphamatting_more")
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


class Drawn(LazySequence[Sample]):
    """Some samples of several folders, each read when it is accessed."""

    def __init__(self, places: Sequence[tuple[MattingFolder, int]]):
        self._places = places

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._places)

    def _item(self, index: int) -> Sample:
        """Read one sample."""
        folder, place = self._places[index]
        return folder[place]


def people_and_faces(data: Path, count: int) -> Drawn:
    """Return so many photographs with masks to learn from, of `people` and `faces`, in an order that mixes both.

    None of them is held out by `people` or by finder_weights.
    """
    places = []
    for name, held_out in (("people", PEOPLE_HELD_OUT), ("faces", FACES_HELD_OUT)):
        folder = MattingFolder(data_folder(data) / name, ["image", "mask"])
        places += [(folder, int(k)) for k in np.random.default_rng(0).permutation(len(folder))[held_out:]]
    order = np.random.default_rng(1).permutation(len(places))
    if count > len(places):
        raise ValueError(f"count is {count}, expected at most {len(places)}")
    return Drawn([places[k] for k in order[:count]])


@lru_cache(maxsize=1)
def held_out_composites(data: Path) -> list[Sample]:
    """Return composites of the eight foregrounds of `alphamatting_more`, at half size, over photographs of `photos`."""
    samples = [halved(sample) for sample in more_samples(data)]
    backgrounds = MattingFolder(data_folder(data) / "photos", ["background"], folders={"background": "test"})
    composites = Composites(with_foregrounds(samples), backgrounds, per_foreground=PER_FOREGROUND)
    return [composites[index] for index in range(len(composites))]
