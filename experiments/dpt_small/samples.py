"""The twelve photographs, their foregrounds, and the folds."""

import numpy as np

from experiments.common import alphamatting_cases, data_folder
from hybridmatte import estimate_foreground
from hybridmatte.data import Composites, Sample

FOLDS = 3


def test_samples(data):
    """Return the twelve photographs with narrow trimaps and true alphas."""
    return [Sample(case.name, image=case.image.astype("float32"), trimap=case.trimap, alpha=case.alpha)
            for case in alphamatting_cases(data, trimaps=("trimap1",))]


def with_foregrounds(samples):
    """Return the samples' alphas with the foregrounds estimated from image and true alpha, and no trimap."""
    return [Sample(sample.name, foreground=np.float32(estimate_foreground(sample.image, sample.alpha)),
                   alpha=sample.alpha) for sample in samples]


def folds(samples, foregrounds):
    """Yield, for each fold, the foregrounds to learn from and the photographs to score: none is in both."""
    for fold in range(FOLDS):
        yield [layer for index, layer in enumerate(foregrounds) if index % FOLDS != fold], samples[fold::FOLDS]


def over_photographs(foregrounds, data, config):
    """Return the composites of foregrounds over photos/train."""
    from hybridmatte.data import MattingFolder

    photographs = MattingFolder(data_folder(data) / "photos" / "train", ["background"], folders={"background": "."})
    return Composites(foregrounds, photographs, per_foreground=config.per_foreground, combine=config.combine,
                      seed=config.seed)
